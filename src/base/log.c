/* src/base/log.c: one append-only log file per role, for the developer; rotated at 1 MiB */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "surel/base.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOG_MAX_BYTES = 1 << 20, LOG_LINE_MAX_BYTES = 2000 };

static const char *const area_names[] = { "main", "conf", "store", "net", "imap", "pop3", "smtp", "index", "ui", "ipc" };
static const char *const level_names[] = { "debug", "info", "warn", "error" };

/* The process's one log: module state, since a log line must be possible anywhere without a handle. */
static struct {
	char *path;
	int fd;
	off_t size;
	LogLevel level;
} log_state = { NULL, -1, 0, LOG_LEVEL_INFO };

static void
log_reopen(void)
{
	struct stat st;
	if (log_state.fd >= 0)
		close(log_state.fd);
	log_state.fd = open(log_state.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	log_state.size = log_state.fd >= 0 && fstat(log_state.fd, &st) == 0 ? st.st_size : 0;
}

static void
log_rotate(void)
{
	g_autofree char *old = g_strconcat(log_state.path, ".1", NULL);
	if (rename(log_state.path, old) == 0)
		log_reopen();
	else
		log_state.size = 0;	/* a confined process may not rename; try again a MiB later */
}

void
log_open(const char *dir, const char *name)
{
	if (log_state.fd >= 0)
		close(log_state.fd);
	log_state.fd = -1;
	g_clear_pointer(&log_state.path, g_free);
	log_state.level = g_strcmp0(g_getenv("SUREL_DEBUG"), "1") == 0 ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
	if (!dir || !name || !os_make_dir(dir, NULL))
		return;
	log_state.path = g_strdup_printf("%s/%s.log", dir, name);
	log_reopen();
	if (log_state.size >= LOG_MAX_BYTES)
		log_rotate();
}

/* A log line is one line, and shows no control characters to whoever reads it with cat. */
static void
log_defuse(char *line)
{
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
}

void
log_write(LogLevel level, LogArea area, const char *format, ...)
{
	if (log_state.fd < 0 || level < log_state.level)
		return;
	int saved = errno;
	va_list args;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	log_defuse(text);
	struct timespec now;
	struct tm tm;
	char stamp[32];
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	g_autofree char *line = g_strdup_printf("%s.%03ld %d %s %s %.*s\n", stamp, now.tv_nsec / 1000000, (int)getpid(), level_names[level],
						area_names[area], LOG_LINE_MAX_BYTES, text);
	ssize_t written = write(log_state.fd, line, strlen(line));	/* nobody can be told when the log itself fails */
	log_state.size += written > 0 ? written : 0;
	if (log_state.size >= LOG_MAX_BYTES)
		log_rotate();
	errno = saved;
}
