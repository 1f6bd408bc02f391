/* src/ipc/worker.c: life of a worker process: spawn, channel, end, restart with back-off */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "surel/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HEALTHY_AFTER_S = 60, QUIT_WAIT_MS = 2000, FRAMES_PER_TURN = 64 };

static const unsigned back_off_s[] = { 1, 2, 5, 15, 60, 300 };
static const char *const role_names[SUREL_ROLE_COUNT] = { "sync", "submit", "keep", "index", "search", "render" };

struct Worker {
	WorkerRole role;
	char *account;
	WorkerCallbacks callbacks;
	void *data;
	Channel *channel;	/* NULL: not running, or its channel ended and the process is about to */
	pid_t pid;		/* 0: not running */
	guint child_watch, read_watch, write_watch, more_watch, restart_timer, grace_timer;
	unsigned failures;	/* in a row; index into back_off_s */
	int64_t started_us;
	int64_t quit_us;	/* 0: not asked to quit */
	bool *freed;		/* set by worker_free while a callback runs */
};

static bool worker_spawn(Worker *worker);

const char *
role_name(WorkerRole role)
{
	return (unsigned)role < SUREL_ROLE_COUNT ? role_names[role] : "unknown";
}

bool
role_from_name(const char *name, WorkerRole *ret_role)
{
	for (unsigned i = 0; name && i < SUREL_ROLE_COUNT; i++) {
		if (strcmp(name, role_names[i]) != 0)
			continue;
		*ret_role = (WorkerRole)i;
		return true;
	}
	return false;
}

WorkerRole
worker_role(const Worker *worker)
{
	return worker->role;
}

const char *
worker_account(const Worker *worker)
{
	return worker->account;
}

bool
worker_running(const Worker *worker)
{
	return worker->pid > 0 && worker->channel;
}

static void
drop_source(guint *id)
{
	if (*id)
		g_source_remove(*id);
	*id = 0;
}

/* The process is left to its child watch; closing the channel is what tells it to end. */
static void
drop_channel(Worker *worker)
{
	drop_source(&worker->read_watch);
	drop_source(&worker->write_watch);
	drop_source(&worker->more_watch);
	g_clear_pointer(&worker->channel, channel_free);
}

static gboolean
on_writable(gint fd, GIOCondition condition, gpointer data)
{
	Worker *worker = data;
	(void)fd;
	(void)condition;
	if (!channel_flush(worker->channel))
		return G_SOURCE_CONTINUE;
	worker->write_watch = 0;
	return G_SOURCE_REMOVE;
}

static void
watch_writes(Worker *worker)
{
	if (!worker->write_watch && channel_wants_write(worker->channel))
		worker->write_watch = g_unix_fd_add(channel_fd(worker->channel), G_IO_OUT, on_writable, worker);
}

static gboolean
on_grace_over(gpointer data)
{
	Worker *worker = data;
	worker->grace_timer = 0;
	if (worker->pid > 0)
		kill(worker->pid, SIGKILL);
	return G_SOURCE_REMOVE;
}

/* Most often it is just ending. One that runs on without a channel could do harm unseen, and is ended. */
static void
lose_channel(Worker *worker)
{
	drop_channel(worker);
	if (worker->pid > 0 && !worker->grace_timer)
		worker->grace_timer = g_timeout_add(QUIT_WAIT_MS, on_grace_over, worker);
}

/* Hands out at most limit frames. A callback may free the worker or drop its channel; false then. */
static bool
hand_out(Worker *worker, int limit, ChannelRead *ret_last)
{
	bool freed = false;
	*ret_last = CHANNEL_EMPTY;
	for (int i = 0; i < limit; i++) {
		Frame frame;
		*ret_last = channel_read(worker->channel, &frame);
		if (*ret_last != CHANNEL_FRAME)
			return true;
		worker->freed = &freed;
		if (worker->callbacks.frame)
			worker->callbacks.frame(worker->data, worker, &frame);
		frame_clear(&frame);
		if (freed)
			return false;
		worker->freed = NULL;
		if (!worker->channel)
			return false;
	}
	return true;
}

static void read_frames(Worker *worker);

static gboolean
on_more(gpointer data)
{
	Worker *worker = data;
	worker->more_watch = 0;
	read_frames(worker);
	return G_SOURCE_REMOVE;
}

/* Reads are bounded per turn, so that one talkative worker does not starve the keys. What is left after a turn is in the
 * channel's buffer, where no poll sees it: it gets a turn of its own. */
static void
read_frames(Worker *worker)
{
	ChannelRead last;
	if (!hand_out(worker, FRAMES_PER_TURN, &last))
		return;
	if (last == CHANNEL_CLOSED)
		lose_channel(worker);
	else if (last == CHANNEL_FRAME && !worker->more_watch)
		worker->more_watch = g_idle_add_full(G_PRIORITY_DEFAULT, on_more, worker, NULL);
}

/* The source ends by drop_channel only, which any of the above may have called. */
static gboolean
on_readable(gint fd, GIOCondition condition, gpointer data)
{
	(void)fd;
	(void)condition;
	read_frames(data);
	return g_source_is_destroyed(g_main_current_source()) ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static gboolean
on_restart(gpointer data)
{
	Worker *worker = data;
	worker->restart_timer = 0;
	worker_spawn(worker);
	return G_SOURCE_REMOVE;
}

/* Seconds until the next try; a quarter of jitter, so that accounts of one server do not knock together. */
static unsigned
schedule_restart(Worker *worker)
{
	unsigned step = MIN(worker->failures, (unsigned)G_N_ELEMENTS(back_off_s) - 1);
	unsigned delay_ms = back_off_s[step] * 1000;
	delay_ms += (unsigned)g_random_int_range(0, (gint32)delay_ms / 4 + 1);
	worker->failures++;
	worker->restart_timer = g_timeout_add(delay_ms, on_restart, worker);
	return (delay_ms + 999) / 1000;
}

static void
on_ended(GPid pid, gint wait_status, gpointer data)
{
	Worker *worker = data;
	worker->child_watch = 0;
	worker->pid = 0;
	drop_source(&worker->grace_timer);
	ChannelRead last;
	if (worker->channel && !hand_out(worker, INT_MAX, &last))	/* what it said before it ended still counts */
		return;
	drop_channel(worker);
	bool crashed = WIFSIGNALED(wait_status);
	int status = crashed ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
	if (g_get_monotonic_time() - worker->started_us >= HEALTHY_AFTER_S * G_USEC_PER_SEC)
		worker->failures = 0;
	bool again = !worker->quit_us && (crashed || (status != WORKER_EXIT_DONE && status != WORKER_EXIT_STOP));
	if (!again)
		worker->failures = 0;
	unsigned restart_in_s = again ? schedule_restart(worker) : UINT_MAX;
	log_info(LOG_IPC, "worker %s %s pid=%d ended: %s %d", role_name(worker->role), worker->account ? worker->account : "-", (int)pid,
		 crashed ? "signal" : "status", status);
	if (worker->callbacks.ended)
		worker->callbacks.ended(worker->data, worker, status, crashed, restart_in_s);
}

/* stderr of a worker is for messages of libraries and sanitizers; ours go to its log. */
static int
open_stderr(WorkerRole role)
{
	g_autofree char *dir = os_state_dir();
	g_autofree char *path = g_strdup_printf("%s/%s.stderr", dir, role_name(role));
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd >= 0 ? fd : open("/dev/null", O_WRONLY | O_CLOEXEC);
}

/* Only async-signal-safe calls: this runs between fork and exec. */
static void
child_exec(const char *path, char **argv, int channel, int err, pid_t parent)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	static const int reset[] = { SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGWINCH, SIGTSTP, SIGCONT };
	for (size_t i = 0; i < G_N_ELEMENTS(reset); i++)
		signal(reset[i], SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);	/* no orphan survives kill -9 of the supervisor; the store bears being cut off */
	if (getppid() != parent)
		_exit(WORKER_EXIT_RETRY);
	setsid();				/* the terminal's Ctrl-C is for the screen */
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(null, 0);
	dup2(null, 1);
	dup2(err, 2);
	if (channel == IPC_WORKER_FD)
		fcntl(channel, F_SETFD, 0);
	else
		dup2(channel, IPC_WORKER_FD);
	close_range(IPC_WORKER_FD + 1, ~0U, 0);
	execv(path, argv);
	_exit(WORKER_EXIT_RETRY);
}

static pid_t
spawn(Worker *worker, int channel)
{
	g_autofree char *path = os_self_path();
	g_autofree char *role = g_strdup_printf("--role=%s", role_name(worker->role));
	g_autofree char *account = worker->account ? g_strdup_printf("--account=%s", worker->account) : NULL;
	char *argv[] = { "surel", role, account, NULL };
	pid_t parent = getpid();
	if (!path)
		return -1;
	/* both above the standard ones and 3, so that no dup2 in the child overwrites another */
	int raised = fcntl(channel, F_DUPFD_CLOEXEC, 10);
	int log = open_stderr(worker->role);
	int err = fcntl(log, F_DUPFD_CLOEXEC, 10);
	pid_t pid = raised >= 0 ? fork() : -1;
	if (pid == 0)
		child_exec(path, argv, raised, err, parent);
	if (raised >= 0)
		close(raised);
	if (err >= 0)
		close(err);
	if (log >= 0)
		close(log);
	return pid;
}

/* False: no process (out of descriptors, processes, memory); tried again later. */
static bool
worker_spawn(Worker *worker)
{
	int ends[2];
	worker->started_us = g_get_monotonic_time();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
		log_error(LOG_IPC, "worker %s: %s", role_name(worker->role), g_strerror(errno));
		schedule_restart(worker);
		return false;
	}
	int own = fcntl(ends[0], F_DUPFD_CLOEXEC, 10);	/* 3 is the worker's end, by its number */
	close(ends[0]);
	worker->pid = own >= 0 ? spawn(worker, ends[1]) : -1;
	close(ends[1]);
	if (worker->pid <= 0) {
		log_error(LOG_IPC, "worker %s: cannot start: %s", role_name(worker->role), g_strerror(errno));
		worker->pid = 0;
		if (own >= 0)
			close(own);
		schedule_restart(worker);
		return false;
	}
	worker->channel = channel_new(own);
	worker->child_watch = g_child_watch_add(worker->pid, on_ended, worker);
	worker->read_watch = g_unix_fd_add(own, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, worker);
	Frame hello = { .type = FRAME_HELLO };
	hello.u.hello.version = IPC_VERSION;
	hello.u.hello.role = (char *)role_name(worker->role);
	hello.u.hello.account = worker->account;
	return worker_send(worker, &hello);
}

Worker *
worker_start(WorkerRole role, const char *account, const WorkerCallbacks *callbacks, void *data)
{
	Worker *worker = g_new0(Worker, 1);
	worker->role = role;
	worker->account = g_strdup(account);
	worker->callbacks = *callbacks;
	worker->data = data;
	worker_spawn(worker);
	return worker;
}

bool
worker_send(Worker *worker, const Frame *frame)
{
	if (!worker_running(worker) || !channel_send(worker->channel, frame))
		return false;
	watch_writes(worker);
	return true;
}

void
worker_restart_now(Worker *worker)
{
	if (worker->pid > 0 || worker->freed)	/* runs; or is ending and hands out its last frames */
		return;
	drop_source(&worker->restart_timer);
	worker->failures = 0;
	worker->quit_us = 0;
	worker_spawn(worker);
}

void
worker_quit(Worker *worker)
{
	Frame quit = { .type = FRAME_QUIT };
	if (worker->quit_us)
		return;
	worker->quit_us = g_get_monotonic_time();
	drop_source(&worker->restart_timer);
	if (worker->channel && channel_send(worker->channel, &quit) && channel_flush(worker->channel))
		shutdown(channel_fd(worker->channel), SHUT_WR);
}

/* Ends the process: asked first, then not asked. Afterwards it is reaped. */
static void
worker_end(Worker *worker)
{
	worker_quit(worker);
	int64_t deadline_us = worker->quit_us + QUIT_WAIT_MS * 1000LL;
	while (waitpid(worker->pid, NULL, WNOHANG) == 0) {
		if (g_get_monotonic_time() >= deadline_us) {
			kill(worker->pid, SIGKILL);
			waitpid(worker->pid, NULL, 0);
			return;
		}
		char junk[4096];	/* a worker that still talks must not hang on a full pipe */
		while (worker->channel && recv(channel_fd(worker->channel), junk, sizeof(junk), MSG_DONTWAIT) > 0)
			continue;
		g_usleep(2000);
	}
}

void
worker_free(Worker *worker)
{
	if (!worker)
		return;
	if (worker->freed)
		*worker->freed = true;
	drop_source(&worker->restart_timer);
	drop_source(&worker->grace_timer);
	drop_source(&worker->child_watch);
	drop_source(&worker->read_watch);
	drop_source(&worker->write_watch);
	drop_source(&worker->more_watch);
	if (worker->pid > 0)
		worker_end(worker);
	drop_channel(worker);
	g_free(worker->account);
	g_free(worker);
}
