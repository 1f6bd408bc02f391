/* src/base/os.c: directories, durable file replacement, helper commands, secrets, locks */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "surel/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SAFE_NAME_MAX_BYTES = 200 };

static char *
xdg_dir(const char *base)
{
	char *path = g_build_filename(base, "surel", NULL);
	os_make_dir(path, NULL);
	return path;
}

/* GLib caches these at first use; the environment is asked each time so that a test can move them. */
static char *
xdg_base(const char *variable, const char *below_home)
{
	const char *value = g_getenv(variable);
	if (value && g_path_is_absolute(value))
		return g_strdup(value);
	return g_build_filename(g_get_home_dir(), below_home, NULL);
}

char *
os_config_dir(void)
{
	g_autofree char *base = xdg_base("XDG_CONFIG_HOME", ".config");
	return xdg_dir(base);
}

char *
os_data_dir(void)
{
	g_autofree char *base = xdg_base("XDG_DATA_HOME", ".local/share");
	return xdg_dir(base);
}

char *
os_state_dir(void)
{
	g_autofree char *base = xdg_base("XDG_STATE_HOME", ".local/state");
	return xdg_dir(base);
}

bool
os_make_dir(const char *path, GError **error)
{
	if (g_mkdir_with_parents(path, 0700) == 0)
		return true;
	return error_set_errno(error, errno, "cannot create directory %s", path);
}

char *
os_hash_file(int fd)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	guchar bytes[16384];
	off_t at = 0;
	ssize_t got;
	while ((got = pread(fd, bytes, sizeof(bytes), at)) > 0) {
		g_checksum_update(sum, bytes, got);
		at += got;
	}
	return got < 0 ? NULL : g_strdup(g_checksum_get_string(sum));
}

bool
os_fsync_dir(const char *path, GError **error)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, errno, "cannot open directory %s", path);
	int failed = fsync(fd) != 0 && errno != EINVAL && errno != EROFS ? errno : 0;	/* EINVAL: file system without it */
	close(fd);
	return failed ? error_set_errno(error, failed, "cannot flush directory %s", path) : true;
}

static int
write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

bool
os_replace_file(const char *path, const void *data, size_t size, unsigned mode, GError **error)
{
	g_autofree char *dir = g_path_get_dirname(path);
	g_autofree char *tmp = g_strdup_printf("%s/.surel-tmp.XXXXXX", dir);
	int fd = g_mkstemp_full(tmp, O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(error, errno, "cannot write %s", path);
	int failed = write_all(fd, data, size);
	if (!failed && (fchmod(fd, mode) != 0 || fsync(fd) != 0))
		failed = errno;
	if (close(fd) != 0 && !failed)
		failed = errno;
	if (!failed && rename(tmp, path) != 0)
		failed = errno;
	if (failed) {
		unlink(tmp);
		return error_set_errno(error, failed, "cannot write %s", path);
	}
	return os_fsync_dir(dir, error);
}

/* Reads fd to its end or to max_bytes + 1; the caller sees from the size that it was too long. */
static int
read_all(int fd, size_t max_bytes, GString *out)
{
	char buffer[16384];
	while (out->len <= max_bytes) {
		ssize_t n = read(fd, buffer, sizeof(buffer));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (n == 0)
			return 0;
		g_string_append_len(out, buffer, n);
	}
	return 0;
}

bool
os_read_file(const char *path, size_t max_bytes, char **ret_data, size_t *ret_size, GError **error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return error_set_errno(error, errno, "cannot read %s", path);
	struct stat st;
	size_t expected = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 ? MIN((size_t)st.st_size, max_bytes) : 0;
	GString *text = g_string_sized_new(expected + 1);
	int failed = read_all(fd, max_bytes, text);
	close(fd);
	if (failed || text->len > max_bytes) {
		g_string_free(text, TRUE);
		return failed ? error_set_errno(error, failed, "cannot read %s", path) :
				error_set(error, ERROR_INPUT, "%s is larger than %zu bytes", path, max_bytes);
	}
	if (ret_size)
		*ret_size = text->len;
	*ret_data = g_string_free(text, FALSE);
	return true;
}

void
os_free_secret(char *secret)
{
	if (!secret)
		return;
	explicit_bzero(secret, strlen(secret));
	g_free(secret);
}

/* Leading dots, separators, controls (removed by text_clean as U+FFFD) and a few characters that shells or other file
 * systems trip over become "_"; what is left is cut at a character, keeping a short extension. */
char *
os_safe_name(const char *name)
{
	g_autofree char *clean = text_clean(name ? name : "", -1, false);
	const char *base = clean;
	for (const char *c = clean; *c; c++)
		if ((*c == '/' || *c == '\\') && c[1])
			base = c + 1;
	GString *out = g_string_new(NULL);
	for (const char *c = base; *c; c = g_utf8_next_char(c)) {
		gunichar u = g_utf8_get_char(c);
		bool odd = u == 0xfffd || (u < 0x80 && strchr("/\\:*?\"<>|`$;&'", (int)u));
		g_string_append_unichar(out, odd ? '_' : u);
	}
	g_autofree char *full = g_strstrip(g_string_free(out, FALSE));
	const char *start = full;
	while (*start == '.' || *start == '-' || *start == ' ' || *start == '~')
		start++;
	if (!*start)
		return g_strdup("attachment");
	size_t length = strlen(start);
	if (length <= SAFE_NAME_MAX_BYTES)
		return g_strdup(start);
	const char *dot = strrchr(start, '.');
	const char *extension = dot && strlen(dot) <= 16 ? dot : "";
	const char *end = g_utf8_find_prev_char(start, start + SAFE_NAME_MAX_BYTES - strlen(extension) + 1);
	return g_strdup_printf("%.*s%s", (int)(end - start), start, extension);
}

char *
os_self_path(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	static const char deleted[] = " (deleted)";	/* replaced while running: the new program at the same place is meant */
	if (n <= 0)
		return g_find_program_in_path("surel");
	path[n] = '\0';
	if (g_str_has_suffix(path, deleted))
		path[n - (ssize_t)strlen(deleted)] = '\0';
	return g_strdup(path);
}

/* Read only: the end of a descriptor open for writing tells those who watch the file that its holder is gone. */
static bool
is_locked(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	if (fd >= 0)
		close(fd);
	return held;
}

bool
os_lock_file(const char *path, int *ret_fd, GError **error)
{
	if (is_locked(path))
		return error_set(error, ERROR_LOCKED, "%s is held by another process", path);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set_errno(error, errno, "cannot open lock %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		int failed = errno;
		close(fd);
		if (failed == EWOULDBLOCK)
			return error_set(error, ERROR_LOCKED, "%s is held by another process", path);
		return error_set_errno(error, failed, "cannot lock %s", path);
	}
	*ret_fd = fd;
	return true;
}
