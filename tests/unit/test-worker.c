/* tests/unit/test-worker.c: the life of a worker: answers, ends, crashes, restarts; this program is its own worker */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "surel/ipc.h"

/* ---- the worker: this program again, as --role=..., behaving as its account says ---- */

static Frame
wait_frame(Channel *channel)
{
	Frame frame;
	for (;;) {
		ChannelRead read = channel_read(channel, &frame);
		if (read == CHANNEL_FRAME)
			return frame;
		if (read == CHANNEL_CLOSED)
			exit(WORKER_EXIT_RETRY);
		g_usleep(1000);
	}
}

/* Descriptors beyond the channel and the one that reads the directory. */
static int
count_strays(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int strays = 0;
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		int fd = atoi(entry->d_name);
		strays += fd > IPC_WORKER_FD && fd != dirfd(dir);
	}
	closedir(dir);
	return strays;
}

static int
behave(Channel *channel, const char *account)
{
	Frame hello = wait_frame(channel);
	if (hello.type != FRAME_HELLO || hello.u.hello.version != IPC_VERSION || g_strcmp0(hello.u.hello.account, account) != 0)
		return 1;
	frame_clear(&hello);
	if (strcmp(account, "crash") == 0)
		kill(getpid(), SIGKILL);
	if (strcmp(account, "done") == 0 || strcmp(account, "stop") == 0)
		return strcmp(account, "done") == 0 ? WORKER_EXIT_DONE : WORKER_EXIT_STOP;
	if (strcmp(account, "garbage") == 0 && write(IPC_WORKER_FD, "\xff\xff\xff\xff", 4) != 4)
		return 1;
	if (strcmp(account, "deaf") == 0)
		signal(SIGTERM, SIG_IGN);
	Frame state = { .type = FRAME_STATE };
	state.u.state.state = (uint32_t)getpid();
	state.u.state.text = g_strdup_printf("strays %d", count_strays());
	channel_send(channel, &state);
	frame_clear(&state);
	if (strcmp(account, "deaf") == 0 || strcmp(account, "garbage") == 0)
		for (;;)
			pause();
	if (strcmp(account, "burst") == 0) {		/* all in the buffer of the other end before it reads the first */
		for (uint32_t i = 1; i <= 300; i++)
			channel_send(channel, &(Frame){ .type = FRAME_DONE, .u.done.request = i });
	}
	for (;;) {
		Frame frame = wait_frame(channel);
		if (frame.type == FRAME_QUIT)
			return WORKER_EXIT_DONE;
		channel_send(channel, &frame);
		frame_clear(&frame);
	}
}

static int
worker_main(const char *account)
{
	Channel *channel = channel_new(IPC_WORKER_FD);
	int status = behave(channel, account);
	channel_free(channel);
	return status;
}

typedef struct Seen {
	int frames, ends, status;
	bool crashed;
	unsigned restart_in_s, pid;
	uint32_t last_request;
	char *text;
	bool free_on_frame;
} Seen;

static void
on_frame(void *data, Worker *worker, const Frame *frame)
{
	Seen *seen = data;
	seen->frames++;
	if (frame->type == FRAME_STATE) {
		seen->pid = frame->u.state.state;
		g_free(seen->text);
		seen->text = g_strdup(frame->u.state.text);
	}
	if (frame->type == FRAME_SYNC_NOW)
		seen->last_request = frame->u.sync_now.request;
	if (seen->free_on_frame)
		worker_free(worker);
}

static void
on_ended(void *data, Worker *worker, int status, bool crashed, unsigned restart_in_s)
{
	Seen *seen = data;
	(void)worker;
	seen->ends++;
	seen->status = status;
	seen->crashed = crashed;
	seen->restart_in_s = restart_in_s;
}

static const WorkerCallbacks callbacks = { on_frame, on_ended };

static gboolean
on_timeout(gpointer data)
{
	*(bool *)data = true;
	return G_SOURCE_REMOVE;
}

/* Runs the main loop until *value is at least wanted; fails after a minute. */
static void
run_until(const int *value, int wanted)
{
	bool late = false;
	guint timer = g_timeout_add_seconds(60, on_timeout, &late);
	while (*value < wanted && !late)
		g_main_context_iteration(NULL, TRUE);
	g_assert_false(late);
	g_source_remove(timer);
}

static void
test_worker_answers_and_inherits_nothing(void)
{
	Seen seen = { 0 };
	int stray = open("/dev/null", O_RDONLY);	/* without O_CLOEXEC */
	Worker *worker = worker_start(SUREL_ROLE_SYNC, "echo", &callbacks, &seen);
	g_assert_cmpstr(worker_account(worker), ==, "echo");
	g_assert_cmpint(worker_role(worker), ==, SUREL_ROLE_SYNC);
	run_until(&seen.frames, 1);
	g_assert_cmpstr(seen.text, ==, "strays 0");
	for (uint32_t i = 1; i <= 500; i++) {
		Frame frame = { .type = FRAME_SYNC_NOW, .u.sync_now.request = i };
		g_assert_true(worker_send(worker, &frame));
	}
	run_until(&seen.frames, 501);
	g_assert_cmpuint(seen.last_request, ==, 500);
	g_assert_true(worker_running(worker));
	pid_t pid = (pid_t)seen.pid;
	worker_free(worker);
	g_assert_cmpint(kill(pid, 0), ==, -1);		/* ended and reaped */
	g_assert_cmpint(seen.ends, ==, 0);
	close(stray);
	g_free(seen.text);
}

/* More than one turn's worth at once: the rest must not wait for the next byte from outside. */
static void
test_burst_of_frames_is_heard_to_its_end(void)
{
	Seen seen = { 0 };
	Worker *worker = worker_start(SUREL_ROLE_KEEP, "burst", &callbacks, &seen);
	g_usleep(300000);
	run_until(&seen.frames, 301);
	worker_free(worker);
	g_free(seen.text);
}

static void
test_worker_that_ends_well_is_not_restarted(void)
{
	static const struct {
		const char *account;
		int status;
	} rows[] = { { "done", WORKER_EXIT_DONE }, { "stop", WORKER_EXIT_STOP } };
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		Seen seen = { 0 };
		Worker *worker = worker_start(SUREL_ROLE_SUBMIT, rows[i].account, &callbacks, &seen);
		run_until(&seen.ends, 1);
		g_assert_cmpint(seen.status, ==, rows[i].status);
		g_assert_false(seen.crashed);
		g_assert_cmpuint(seen.restart_in_s, ==, UINT_MAX);
		g_assert_false(worker_running(worker));
		Frame frame = { .type = FRAME_CANCEL };
		g_assert_false(worker_send(worker, &frame));
		worker_restart_now(worker);
		run_until(&seen.ends, 2);
		worker_free(worker);
	}
}

static void
test_crashing_worker_restarts_later_each_time(void)
{
	Seen seen = { 0 };
	Worker *worker = worker_start(SUREL_ROLE_INDEX, "crash", &callbacks, &seen);
	run_until(&seen.ends, 1);
	g_assert_true(seen.crashed);
	g_assert_cmpint(seen.status, ==, SIGKILL);
	g_assert_cmpuint(seen.restart_in_s, >=, 1);
	g_assert_cmpuint(seen.restart_in_s, <=, 2);
	int64_t start_us = g_get_monotonic_time();
	run_until(&seen.ends, 2);
	g_assert_cmpint(g_get_monotonic_time() - start_us, >=, 500000);
	g_assert_cmpuint(seen.restart_in_s, >=, 2);
	g_assert_cmpuint(seen.restart_in_s, <=, 3);
	worker_restart_now(worker);
	run_until(&seen.ends, 3);
	g_assert_cmpuint(seen.restart_in_s, <=, 2);	/* asked for by hand: patience begins anew */
	worker_free(worker);
}

static void
test_worker_that_talks_nonsense_is_ended(void)
{
	Seen seen = { 0 };
	Worker *worker = worker_start(SUREL_ROLE_RENDER, "garbage", &callbacks, &seen);
	run_until(&seen.ends, 1);
	g_assert_cmpint(seen.frames, ==, 0);
	g_assert_true(seen.crashed);
	worker_free(worker);
}

static void
test_deaf_worker_is_killed_and_others_end_meanwhile(void)
{
	Seen seen[3] = { 0 };
	Worker *workers[3];
	for (int i = 0; i < 3; i++) {
		workers[i] = worker_start(SUREL_ROLE_KEEP, "deaf", &callbacks, &seen[i]);
		run_until(&seen[i].frames, 1);
	}
	int64_t start_us = g_get_monotonic_time();
	for (int i = 0; i < 3; i++)
		worker_quit(workers[i]);
	for (int i = 0; i < 3; i++)
		worker_free(workers[i]);
	int64_t took_us = g_get_monotonic_time() - start_us;
	g_assert_cmpint(took_us, >=, 1900000);
	g_assert_cmpint(took_us, <, 5800000);	/* one after the other would take six seconds */
	for (int i = 0; i < 3; i++) {
		g_assert_cmpint(kill((pid_t)seen[i].pid, 0), ==, -1);
		g_free(seen[i].text);
	}
}

static void
test_callback_may_free_its_worker(void)
{
	Seen seen = { .free_on_frame = true };
	worker_start(SUREL_ROLE_SYNC, "echo", &callbacks, &seen);
	run_until(&seen.frames, 1);
	while (g_main_context_iteration(NULL, FALSE))
		continue;
	g_assert_cmpint(seen.ends, ==, 0);
	g_free(seen.text);
}

static void
supervise(int report)
{
	Seen seen = { 0 };
	worker_start(SUREL_ROLE_SYNC, "deaf", &callbacks, &seen);
	while (!seen.frames)
		g_main_context_iteration(NULL, TRUE);
	if (write(report, &seen.pid, sizeof(seen.pid)) != sizeof(seen.pid))
		_exit(1);
	for (;;)
		pause();
}

/* The supervisor as a process of its own, so that it can be killed. It must exec: a fork of GLib's state is not a start. */
static void
test_no_worker_outlives_a_killed_supervisor(void)
{
	int ends[2];
	unsigned worker = 0;
	g_assert_cmpint(pipe(ends), ==, 0);
	g_autofree char *self = os_self_path(), *fd = g_strdup_printf("%d", ends[1]);
	pid_t pid = fork();
	if (pid == 0) {
		execl(self, "test-ipc", "--supervise", fd, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	g_assert_cmpint(read(ends[0], &worker, sizeof(worker)), ==, sizeof(worker));
	g_assert_cmpint(kill((pid_t)worker, 0), ==, 0);
	g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
	g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
	g_autofree char *path = g_strdup_printf("/proc/%u/stat", worker);
	bool gone = false;
	for (int wait = 0; wait < 6000 && !gone; wait++) {
		g_autofree char *line = NULL;
		gone = !os_read_file(path, 4096, &line, NULL, NULL) || strstr(line, ") Z ");
		if (!gone)
			g_usleep(10000);
	}
	g_assert_true(gone);
	close(ends[0]);
}

static void
test_roles_have_names(void)
{
	WorkerRole role;
	for (unsigned i = 0; i < SUREL_ROLE_COUNT; i++) {
		g_assert_true(role_from_name(role_name((WorkerRole)i), &role));
		g_assert_cmpuint(role, ==, i);
	}
	g_assert_false(role_from_name("fetch", &role));
	g_assert_false(role_from_name(NULL, &role));
}

int
main(int argc, char **argv)
{
	if (argc == 3 && g_str_has_prefix(argv[1], "--role=") && g_str_has_prefix(argv[2], "--account="))
		return worker_main(argv[2] + strlen("--account="));
	if (argc == 3 && strcmp(argv[1], "--supervise") == 0)
		supervise(atoi(argv[2]));
	g_test_init(&argc, &argv, NULL);
	g_autofree char *state = g_dir_make_tmp("surel-ipc-XXXXXX", NULL);
	g_setenv("XDG_STATE_HOME", state, TRUE);
	g_test_add_func("/ipc/role/has-a-name", test_roles_have_names);
	g_test_add_func("/ipc/worker/answers-and-inherits-nothing", test_worker_answers_and_inherits_nothing);
	g_test_add_func("/ipc/worker/burst-is-heard-to-its-end", test_burst_of_frames_is_heard_to_its_end);
	g_test_add_func("/ipc/worker/good-end-is-not-restarted", test_worker_that_ends_well_is_not_restarted);
	g_test_add_func("/ipc/worker/crash-restarts-later-each-time", test_crashing_worker_restarts_later_each_time);
	g_test_add_func("/ipc/worker/nonsense-ends-it", test_worker_that_talks_nonsense_is_ended);
	g_test_add_func("/ipc/worker/deaf-ones-are-killed-side-by-side", test_deaf_worker_is_killed_and_others_end_meanwhile);
	g_test_add_func("/ipc/worker/callback-may-free-it", test_callback_may_free_its_worker);
	g_test_add_func("/ipc/worker/none-outlives-a-killed-supervisor", test_no_worker_outlives_a_killed_supervisor);
	int failed = g_test_run();
	for (unsigned i = 0; i < SUREL_ROLE_COUNT; i++) {
		g_autofree char *path = g_strdup_printf("%s/surel/%s.stderr", state, role_name((WorkerRole)i));
		g_unlink(path);
	}
	g_autofree char *dir = g_build_filename(state, "surel", NULL);
	g_rmdir(dir);
	g_rmdir(state);
	return failed;
}
