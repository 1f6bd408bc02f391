/* surel/base.h: ids, errors, logging, operating-system helpers; the one header other headers may include */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Rows of one account's store. Wrapped so that the compiler rejects a folder where a message is meant. */
typedef struct FolderId { int64_t v; } FolderId;	/* folder.id; 0 = none */
typedef struct MsgId { int64_t v; } MsgId;		/* msg.id; 0 = none */

/* One GError domain. A code says what the user can do next (errors.def), not which function failed. */
typedef enum SurelError {
#define ERROR_ROW(id, nick, remedy, plain) ERROR_##id,
#include "surel/errors.def"
#undef ERROR_ROW
	ERROR_COUNT
} SurelError;

#define SUREL_ERROR (surel_error_quark())
GQuark surel_error_quark(void);
/* Short name ("login refused") and remedy ("Check user and password ...") of a code; never NULL. */
const char *error_nick(int code);
const char *error_remedy(int code);
/* Set in the environment where there is no screen: remedies then name no keys. */
#define WITHOUT_SCREEN "SUREL_WITHOUT_SCREEN"
/* "what happened. What to do." of any error, for a person. Caller frees. */
char *error_sentence(const GError *error);
/* Sets *error (which must be NULL or unset) in our domain. Returns false, so that `return error_set(...)` reads well. */
bool error_set(GError **error, SurelError code, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* Same, with ": strerror(errno_value)" added; ENOSPC and EDQUOT become ERROR_DISK_FULL, EACCES/EPERM ERROR_PERMISSION. */
bool error_set_errno(GError **error, int errno_value, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* Puts "context: " before the message of *error. Returns false. Called at most once per layer. */
bool error_wrap(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Logging: for the developer, one file per role in the state directory. Never bodies, addresses or credentials. */
typedef enum LogArea { LOG_MAIN, LOG_CONF, LOG_STORE, LOG_NET, LOG_IMAP, LOG_POP3, LOG_SMTP, LOG_INDEX, LOG_UI, LOG_IPC } LogArea;
typedef enum LogLevel { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR } LogLevel;
/* Opens (appends, 0600, rotated at 1 MiB) DIR/NAME.log; NULL dir logs to nothing. SUREL_DEBUG=1 lowers the level to debug. */
void log_open(const char *dir, const char *name);
void log_write(LogLevel level, LogArea area, const char *format, ...) G_GNUC_PRINTF(3, 4);
#define log_debug(area, ...) log_write(LOG_LEVEL_DEBUG, area, __VA_ARGS__)
#define log_info(area, ...) log_write(LOG_LEVEL_INFO, area, __VA_ARGS__)
#define log_warn(area, ...) log_write(LOG_LEVEL_WARN, area, __VA_ARGS__)
#define log_error(area, ...) log_write(LOG_LEVEL_ERROR, area, __VA_ARGS__)

/* Directories, each ending in "/surel", created 0700 on demand: XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME. Caller frees. */
char *os_config_dir(void);
char *os_data_dir(void);
char *os_state_dir(void);
/* Creates path and its parents with mode 0700. */
bool os_make_dir(const char *path, GError **error);
/* Replaces path by data: tmp file in the same folder, fsync, rename, fsync of the folder. */
bool os_replace_file(const char *path, const void *data, size_t size, unsigned mode, GError **error);
/* Reads a whole file of at most max_bytes; *ret_data is NUL-terminated (beyond *ret_size) and the caller's. */
bool os_read_file(const char *path, size_t max_bytes, char **ret_data, size_t *ret_size, GError **error);
/* SHA-256 of an open file from its start, in hex; its offset stays. NULL when it cannot be read. Caller frees. What POP3 remembers
 * of a message and what it compares before a DELE is this. */
char *os_hash_file(int fd);
bool os_fsync_dir(const char *path, GError **error);
/* Runs `sh -c command` (a line of the user's own configuration, never of a message) and returns the first line of its output;
 * stderr's last line goes into the error. Waits at most timeout_s seconds. The result is a secret: free with os_free_secret. */
char *os_run_secret_command(const char *command, unsigned timeout_s, GError **error);
void os_free_secret(char *secret);
/* Turns "Lampiran ../x?.pdf" into a file name without path, control, bidi or leading-dot characters; at most 200 bytes. Caller frees. */
char *os_safe_name(const char *name);
/* Path of the running program, for re-execution. Caller frees. */
char *os_self_path(void);
/* Lock file held by flock until the process ends; false with ERROR_LOCKED when another process holds it. */
bool os_lock_file(const char *path, int *ret_fd, GError **error);

/* Confines this process: no new privileges, no core dumps, not dumpable; landlock to writable/readable directories
 * (NULL-terminated lists) where the kernel has it. Degrades with a log line; never fails. max_memory_mb 0 = no limit. */
void sandbox_enter(const char *const *read_dirs, const char *const *write_dirs, unsigned max_memory_mb);
