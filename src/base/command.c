/* src/base/command.c: runs one command line of the user's configuration and takes the first line it prints as a secret */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "surel/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECRET_MAX_BYTES = 64 << 10, STDERR_KEPT_BYTES = 4096 };

typedef struct Helper {
	pid_t pid;
	int out, err;		/* -1 once closed */
	GString *secret;	/* allocated whole at the start, so that growing leaves no copies behind */
	char noise[STDERR_KEPT_BYTES];
	size_t noise_size;
	int64_t deadline_us;
	bool timed_out, too_long;
} Helper;

static void
helper_child(const char *command, int out, int err)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup2(null, 0);
	dup2(out, 1);
	dup2(err, 2);
	close_range(3, ~0U, 0);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static bool
helper_start(Helper *helper, const char *command, GError **error)
{
	int out[2], err[2];
	if (pipe2(out, O_CLOEXEC) != 0)
		return error_set_errno(error, errno, "cannot run the command");
	if (pipe2(err, O_CLOEXEC) != 0) {
		int failed = errno;
		close(out[0]);
		close(out[1]);
		return error_set_errno(error, failed, "cannot run the command");
	}
	helper->pid = fork();
	if (helper->pid == 0)
		helper_child(command, out[1], err[1]);
	int failed = errno;
	close(out[1]);
	close(err[1]);
	helper->out = out[0];
	helper->err = err[0];
	return helper->pid > 0 ? true : error_set_errno(error, failed, "cannot run the command");
}

static void
helper_close(int *fd)
{
	close(*fd);
	*fd = -1;
}

static void
helper_read_secret(Helper *helper)
{
	char *end = helper->secret->str + helper->secret->len;
	size_t room = SECRET_MAX_BYTES - helper->secret->len;
	ssize_t n = read(helper->out, end, room);
	if (n < 0 && errno == EINTR)
		return;
	if (n > 0)
		helper->secret->len += (size_t)n;
	helper->secret->str[helper->secret->len] = '\0';
	helper->too_long = helper->secret->len >= SECRET_MAX_BYTES;
	if (n <= 0 || helper->too_long)
		helper_close(&helper->out);
}

/* Keeps the end of what it says: the last line is what tells why. */
static void
helper_read_noise(Helper *helper)
{
	if (helper->noise_size > STDERR_KEPT_BYTES / 2) {
		size_t drop = helper->noise_size - STDERR_KEPT_BYTES / 2;
		memmove(helper->noise, helper->noise + drop, helper->noise_size - drop);
		helper->noise_size -= drop;
	}
	ssize_t n = read(helper->err, helper->noise + helper->noise_size, STDERR_KEPT_BYTES - 1 - helper->noise_size);
	if (n < 0 && errno == EINTR)
		return;
	if (n > 0)
		helper->noise_size += (size_t)n;
	else
		helper_close(&helper->err);
}

/* A daemon that the command leaves behind may hold stderr open for ever, so only stdout is waited for. */
static void
helper_collect(Helper *helper)
{
	while (helper->out >= 0) {
		int64_t left_us = helper->deadline_us - g_get_monotonic_time();
		if (left_us <= 0) {
			helper->timed_out = true;
			return;
		}
		struct pollfd fds[2] = { { helper->out, POLLIN, 0 }, { helper->err, POLLIN, 0 } };
		if (poll(fds, 2, (int)(left_us / 1000) + 1) < 0 && errno != EINTR)
			return;
		if (fds[1].revents)
			helper_read_noise(helper);
		if (fds[0].revents)
			helper_read_secret(helper);
	}
	struct pollfd rest = { helper->err, POLLIN, 0 };
	while (helper->err >= 0 && poll(&rest, 1, 0) > 0)
		helper_read_noise(helper);
}

/* The exit status; the whole process group is ended when time is up. */
static int
helper_reap(Helper *helper)
{
	int status = 0;
	if (helper->timed_out || helper->too_long)
		kill(-helper->pid, SIGKILL);
	for (;;) {
		pid_t pid = waitpid(helper->pid, &status, helper->timed_out || helper->too_long ? 0 : WNOHANG);
		if (pid == helper->pid)
			return status;
		if (pid < 0 && errno != EINTR)
			return 0;	/* reaped elsewhere: what was printed decides */
		if (g_get_monotonic_time() > helper->deadline_us) {
			helper->timed_out = true;
			kill(-helper->pid, SIGKILL);
		} else if (pid == 0) {
			g_usleep(2000);
		}
	}
}

static char *
last_line(Helper *helper)
{
	helper->noise[helper->noise_size] = '\0';
	g_strchomp(helper->noise);
	const char *newline = strrchr(helper->noise, '\n');
	return text_clean(newline ? newline + 1 : helper->noise, -1, false);
}

static bool
helper_verdict(Helper *helper, int status, unsigned timeout_s, GError **error)
{
	g_autofree char *why = last_line(helper);
	const char *separator = *why ? ": " : "";
	if (helper->timed_out)
		return error_set(error, ERROR_AUTH, "the command did not finish in %u s%s%s", timeout_s, separator, why);
	if (helper->too_long)
		return error_set(error, ERROR_AUTH, "the command printed too much");
	if (WIFSIGNALED(status))
		return error_set(error, ERROR_AUTH, "the command was ended by signal %d%s%s", WTERMSIG(status), separator, why);
	if (WEXITSTATUS(status) != 0)
		return error_set(error, ERROR_AUTH, "the command failed with status %d%s%s", WEXITSTATUS(status), separator, why);
	if (strcspn(helper->secret->str, "\r\n") == 0)
		return error_set(error, ERROR_AUTH, "the command printed nothing%s%s", separator, why);
	return true;
}

char *
os_run_secret_command(const char *command, unsigned timeout_s, GError **error)
{
	Helper helper = { .out = -1, .err = -1, .deadline_us = g_get_monotonic_time() + (int64_t)timeout_s * G_USEC_PER_SEC };
	if (!helper_start(&helper, command, error)) {
		if (helper.out >= 0)
			close(helper.out);
		if (helper.err >= 0)
			close(helper.err);
		return NULL;
	}
	helper.secret = g_string_sized_new(SECRET_MAX_BYTES + 1);
	helper_collect(&helper);
	int status = helper_reap(&helper);
	char *secret = NULL;
	if (helper_verdict(&helper, status, timeout_s, error))
		secret = g_strndup(helper.secret->str, strcspn(helper.secret->str, "\r\n"));
	explicit_bzero(helper.secret->str, helper.secret->allocated_len);
	g_string_free(helper.secret, TRUE);
	if (helper.out >= 0)
		close(helper.out);
	if (helper.err >= 0)
		close(helper.err);
	return secret;
}
