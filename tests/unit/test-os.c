/* tests/unit/test-os.c: files replaced whole, safe names, secret commands, locks, logs, confinement */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "surel/text.h"

static char *
scratch(const char *name)
{
	static char *dir;
	if (!dir)
		dir = g_dir_make_tmp("surel-os-XXXXXX", NULL);
	return name ? g_build_filename(dir, name, NULL) : g_strdup(dir);
}

static void
test_error_context_is_outermost_first(void)
{
	g_autoptr(GError) error = NULL;
	g_assert_false(error_set(&error, ERROR_DNS, "no %s", "host"));
	g_assert_false(error_wrap(&error, "account %s", "work"));
	g_assert_cmpstr(error->message, ==, "account work: no host");
	g_assert_error(error, SUREL_ERROR, ERROR_DNS);
	g_assert_false(error_set(NULL, ERROR_DNS, "nobody asks"));
	for (int code = -1; code <= ERROR_COUNT; code++) {
		g_assert_nonnull(error_nick(code));
		g_assert_nonnull(error_remedy(code));
	}
}

static void
test_full_disk_has_its_own_code(void)
{
	static const struct {
		int value;
		SurelError code;
	} rows[] = { { ENOSPC, ERROR_DISK_FULL }, { EDQUOT, ERROR_DISK_FULL }, { EACCES, ERROR_PERMISSION }, { ENOENT, ERROR_NOT_FOUND }, { EIO, ERROR_IO } };
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		error_set_errno(&error, rows[i].value, "writing");
		g_assert_error(error, SUREL_ERROR, (int)rows[i].code);
	}
}

static void
test_replaced_file_is_whole_and_leaves_nothing(void)
{
	g_autofree char *dir = scratch("replace"), *path = scratch("replace/file"), *text = NULL;
	size_t size;
	g_assert_true(os_make_dir(dir, NULL));
	g_assert_true(os_replace_file(path, "one", 3, 0600, NULL));
	g_assert_true(os_replace_file(path, "two\0x", 5, 0640, NULL));
	g_assert_true(os_read_file(path, 100, &text, &size, NULL));
	g_assert_cmpuint(size, ==, 5);
	g_assert_true(memcmp(text, "two\0x", 5) == 0);
	struct stat st;
	g_assert_cmpint(stat(path, &st), ==, 0);
	g_assert_cmpuint(st.st_mode & 0777, ==, 0640);
	GDir *entries = g_dir_open(dir, 0, NULL);
	g_assert_cmpstr(g_dir_read_name(entries), ==, "file");
	g_assert_null(g_dir_read_name(entries));
	g_dir_close(entries);
	g_autoptr(GError) error = NULL;
	g_assert_false(os_replace_file("/nonexistent/x", "", 0, 0600, &error));
	g_assert_error(error, SUREL_ERROR, ERROR_NOT_FOUND);
}

/* A write that fails in the middle must leave the old file as it was. */
static void
test_failed_replace_keeps_the_old_file(void)
{
	g_autofree char *path = scratch("kept"), *text = NULL, *large = g_malloc0(100000);
	g_autoptr(GError) error = NULL;
	g_assert_true(os_replace_file(path, "old", 3, 0600, NULL));
	struct rlimit before, small;
	g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
	small = (struct rlimit){ 4096, before.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &small), ==, 0);
	bool replaced = os_replace_file(path, large, 100000, 0600, &error);
	setrlimit(RLIMIT_FSIZE, &before);
	g_assert_false(replaced);
	g_assert_error(error, SUREL_ERROR, ERROR_DISK_FULL);
	g_assert_true(os_read_file(path, 100, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, "old");
}

static void
test_large_file_is_refused(void)
{
	g_autofree char *path = scratch("large"), *text = NULL;
	g_autoptr(GError) error = NULL;
	g_assert_true(os_replace_file(path, "12345", 5, 0600, NULL));
	g_assert_true(os_read_file(path, 5, &text, NULL, NULL));
	g_assert_false(os_read_file(path, 4, &text, NULL, &error));
	g_assert_error(error, SUREL_ERROR, ERROR_INPUT);
	g_clear_error(&error);
	g_autofree char *dir = scratch(NULL);
	g_assert_false(os_read_file(dir, 100, &text, NULL, &error));
	g_assert_nonnull(error);
}

static void
test_safe_name_is_one_harmless_component(void)
{
	static const char *const rows[][2] = {
		{ "report.pdf", "report.pdf" },
		{ "../../etc/passwd", "passwd" },
		{ "C:\\Users\\x\\evil.exe", "evil.exe" },
		{ "Lampiran ../x?.pdf", "x_.pdf" },
		{ ".bashrc", "bashrc" },
		{ "...", "attachment" },
		{ "", "attachment" },
		{ "-rf", "rf" },
		{ "a\nb\x1b.txt", "a b_.txt" },
		{ "\xe2\x80\xae" "fdp.exe", "fdp.exe" },
		{ "$(reboot).txt", "_(reboot).txt" },
		{ "ラポート.pdf", "ラポート.pdf" },
		{ "dir/", "dir_" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *safe = os_safe_name(rows[i][0]);
		g_assert_cmpstr(safe, ==, rows[i][1]);
	}
	g_autofree char *nothing = os_safe_name(NULL);
	g_assert_cmpstr(nothing, ==, "attachment");
	g_autoptr(GString) name = g_string_new(NULL);
	for (int i = 0; i < 200; i++)
		g_string_append(name, "é日");
	g_string_append(name, ".pdf");
	g_autofree char *cut = os_safe_name(name->str);
	g_assert_cmpuint(strlen(cut), <=, 200);
	g_assert_true(g_utf8_validate(cut, -1, NULL));
	g_assert_true(g_str_has_suffix(cut, ".pdf"));
}

static void
test_secret_is_the_first_line(void)
{
	g_autoptr(GError) error = NULL;
	char *secret = os_run_secret_command("printf 'hunter 2 \\r\\nurl: x\\n'; echo noise >&2", 10, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(secret, ==, "hunter 2 ");
	os_free_secret(secret);
	os_free_secret(NULL);
}

static void
test_secret_command_failures_say_why(void)
{
	static const char *const rows[][2] = {
		{ "echo first >&2; echo 'gpg: no key' >&2; exit 2", "the command failed with status 2: gpg: no key" },
		{ "exit 1", "the command failed with status 1" },
		{ "true", "the command printed nothing" },
		{ "echo", "the command printed nothing" },
		{ "kill -9 $$", "the command was ended by signal 9" },
		{ "yes", "the command printed too much" },
		{ "printf '\\033[31mred\\n' >&2; exit 1", "the command failed with status 1: \xef\xbf\xbd[31mred" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		g_assert_null(os_run_secret_command(rows[i][0], 10, &error));
		g_assert_error(error, SUREL_ERROR, ERROR_AUTH);
		g_assert_cmpstr(error->message, ==, rows[i][1]);
	}
}

/* The command and what it started are ended when time is up; nothing of it runs on. */
static void
test_secret_command_timeout_ends_the_whole_group(void)
{
	g_autofree char *pids = scratch("pids");
	g_autofree char *command = g_strdup_printf("sleep 61 & echo $! > '%s'; echo $$ >> '%s'; wait", pids, pids);
	g_autoptr(GError) error = NULL;
	int64_t start_us = g_get_monotonic_time();
	g_assert_null(os_run_secret_command(command, 1, &error));
	g_assert_cmpint(g_get_monotonic_time() - start_us, <, 40 * G_USEC_PER_SEC);
	g_assert_error(error, SUREL_ERROR, ERROR_AUTH);
	g_autofree char *text = NULL;
	g_assert_true(os_read_file(pids, 100, &text, NULL, NULL));
	g_auto(GStrv) words = g_strsplit(g_strchomp(text), "\n", -1);
	g_assert_cmpuint(g_strv_length(words), ==, 2);
	for (size_t i = 0; words[i]; i++) {
		g_autofree char *stat_path = g_strdup_printf("/proc/%s/stat", words[i]);
		bool gone = false;
		for (int wait = 0; wait < 6000 && !gone; wait++) {	/* an orphan is reaped by init in its own time */
			g_autofree char *line = NULL;
			gone = !os_read_file(stat_path, 4096, &line, NULL, NULL) || strstr(line, ") Z ");
			if (!gone)
				g_usleep(10000);
		}
		g_assert_true(gone);
	}
}

/* A helper that stays behind with our pipe open (an agent) must not hold us up. */
static void
test_secret_command_with_a_daemon_returns(void)
{
	g_autoptr(GError) error = NULL;
	int64_t start_us = g_get_monotonic_time();
	char *secret = os_run_secret_command("sleep 20 >/dev/null & echo word", 30, &error);
	g_assert_cmpstr(secret, ==, "word");
	g_assert_cmpint(g_get_monotonic_time() - start_us, <, 15 * G_USEC_PER_SEC);
	os_free_secret(secret);
}

static void
test_secret_command_gets_no_descriptor_of_ours(void)
{
	int fd = open("/dev/null", O_RDONLY);		/* without O_CLOEXEC, as a careless library would */
	int high = fcntl(fd, F_DUPFD, 20);
	char *secret = os_run_secret_command("for f in /proc/self/fd/*; do n=${f##*/}; [ $n -gt 9 ] && echo leak$n; done; echo none", 10, NULL);
	g_assert_cmpstr(secret, ==, "none");
	os_free_secret(secret);
	close(fd);
	close(high);
}

static void
test_second_lock_is_refused(void)
{
	g_autofree char *path = scratch("lock");
	g_autoptr(GError) error = NULL;
	int first = -1, second = -1;
	g_assert_true(os_lock_file(path, &first, NULL));
	g_assert_false(os_lock_file(path, &second, &error));
	g_assert_error(error, SUREL_ERROR, ERROR_LOCKED);
	g_assert_cmpint(second, ==, -1);
	close(first);
	g_assert_true(os_lock_file(path, &second, NULL));
	close(second);
}

static void
test_log_is_private_one_line_each_and_rotates(void)
{
	g_autofree char *dir = scratch("logs"), *path = scratch("logs/unit.log"), *old = scratch("logs/unit.log.1"), *text = NULL;
	log_open(dir, "unit");
	log_info(LOG_IPC, "first\nforged %s", "line\x1b[0m");
	log_debug(LOG_IPC, "not at this level");
	struct stat st;
	g_assert_cmpint(stat(path, &st), ==, 0);
	g_assert_cmpuint(st.st_mode & 0777, ==, 0600);
	g_assert_true(os_read_file(path, 4096, &text, NULL, NULL));
	g_assert_nonnull(strstr(text, " info ipc first forged line [0m\n"));
	g_assert_null(strstr(text, "not at this level"));
	g_autofree char *filler = g_strnfill(1500, 'x');
	for (int i = 0; i < 800; i++)
		log_info(LOG_IPC, "%s", filler);
	g_assert_cmpint(stat(old, &st), ==, 0);
	g_assert_cmpint(stat(path, &st), ==, 0);
	g_assert_cmpint(st.st_size, <, 1 << 20);
	log_open(NULL, NULL);
	log_info(LOG_IPC, "to nothing");
}

static void
test_directories_follow_the_environment(void)
{
	g_autofree char *base = scratch("xdg"), *wanted = scratch("xdg/surel");
	g_setenv("XDG_DATA_HOME", base, TRUE);
	g_autofree char *dir = os_data_dir();
	g_assert_cmpstr(dir, ==, wanted);
	struct stat st;
	g_assert_cmpint(stat(dir, &st), ==, 0);
	g_assert_cmpuint(st.st_mode & 0777, ==, 0700);
	g_setenv("XDG_DATA_HOME", "relative/is/ignored", TRUE);		/* XDG Base Directory Specification 0.8 */
	g_autofree char *home = os_data_dir();
	g_assert_true(g_path_is_absolute(home));
	g_unsetenv("XDG_DATA_HOME");
}

/* In a child, since there is no way back; exit status 0: all as it should be, 77: no landlock here. */
static int
confined_child(const char *readable, const char *writable, const char *outside)
{
	const char *read_dirs[] = { readable, NULL }, *write_dirs[] = { writable, NULL };
	g_autofree char *in = g_build_filename(readable, "in", NULL), *out = g_build_filename(writable, "out", NULL);
	g_autofree char *escape = g_build_filename(readable, "escape", NULL), *secret = g_build_filename(outside, "in", NULL), *text = NULL;
	sandbox_enter(read_dirs, write_dirs, 0);
	struct rlimit core;
	if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_max != 0)
		return 1;
	if (!os_read_file(in, 100, &text, NULL, NULL))
		return 2;
	if (!os_replace_file(out, "x", 1, 0600, NULL))
		return 3;
	int fd = open(secret, O_RDONLY);
	if (fd >= 0)
		return 77;
	if (open(escape, O_WRONLY | O_CREAT, 0600) >= 0)
		return 4;
	return access("/bin/sh", R_OK) == 0 && open("/bin/sh", O_RDONLY) >= 0 ? 5 : 0;
}

static void
test_confined_process_sees_only_its_directories(void)
{
	g_autofree char *readable = scratch("readable"), *writable = scratch("writable"), *outside = scratch("outside");
	char *const dirs[] = { readable, writable, outside };
	for (size_t i = 0; i < G_N_ELEMENTS(dirs); i++) {
		g_autofree char *file = g_build_filename(dirs[i], "in", NULL);
		g_assert_true(os_make_dir(dirs[i], NULL));
		g_assert_true(os_replace_file(file, "in", 2, 0600, NULL));
	}
	pid_t pid = fork();
	if (pid == 0)
		_exit(confined_child(readable, writable, outside));
	int status;
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		g_test_skip("this kernel has no landlock");
	else
		g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

static void
remove_tree(const char *path)
{
	GDir *dir = g_dir_open(path, 0, NULL);
	for (const char *name = dir ? g_dir_read_name(dir) : NULL; name; name = g_dir_read_name(dir)) {
		g_autofree char *child = g_build_filename(path, name, NULL);
		if (g_file_test(child, G_FILE_TEST_IS_DIR))
			remove_tree(child);
		else
			g_unlink(child);
	}
	if (dir)
		g_dir_close(dir);
	g_rmdir(path);
}

int
main(int argc, char **argv)
{
	setlocale(LC_ALL, "C.UTF-8");
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/error/context-is-outermost-first", test_error_context_is_outermost_first);
	g_test_add_func("/error/full-disk-has-its-own-code", test_full_disk_has_its_own_code);
	g_test_add_func("/os/replace/whole-and-leaves-nothing", test_replaced_file_is_whole_and_leaves_nothing);
	g_test_add_func("/os/replace/failure-keeps-the-old-file", test_failed_replace_keeps_the_old_file);
	g_test_add_func("/os/read/large-file-is-refused", test_large_file_is_refused);
	g_test_add_func("/os/safe-name/is-one-harmless-component", test_safe_name_is_one_harmless_component);
	g_test_add_func("/os/secret/is-the-first-line", test_secret_is_the_first_line);
	g_test_add_func("/os/secret/failures-say-why", test_secret_command_failures_say_why);
	g_test_add_func("/os/secret/timeout-ends-the-whole-group", test_secret_command_timeout_ends_the_whole_group);
	g_test_add_func("/os/secret/daemon-does-not-hold-it-up", test_secret_command_with_a_daemon_returns);
	g_test_add_func("/os/secret/gets-no-descriptor-of-ours", test_secret_command_gets_no_descriptor_of_ours);
	g_test_add_func("/os/lock/second-is-refused", test_second_lock_is_refused);
	g_test_add_func("/os/log/private-one-line-rotates", test_log_is_private_one_line_each_and_rotates);
	g_test_add_func("/os/dirs/follow-the-environment", test_directories_follow_the_environment);
	g_test_add_func("/sandbox/sees-only-its-directories", test_confined_process_sees_only_its_directories);
	int failed = g_test_run();
	g_autofree char *dir = scratch(NULL);
	remove_tree(dir);
	return failed;
}
