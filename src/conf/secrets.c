/* src/conf/secrets.c: where an account's password or token comes from */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRETS_MAX_BYTES = 64 << 10, COMMAND_TIMEOUT_S = 60 /* a person may have to unlock a key */ };

char *
config_secrets_path(void)
{
	g_autofree char *config = config_default_path();
	g_autofree char *dir = g_path_get_dirname(config);
	return g_build_filename(dir, "secrets", NULL);
}

/* Looks at the opened file, not at its name: nobody can exchange it in between. */
static bool
open_secrets(const char *path, int *ret_fd, GError **error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	*ret_fd = -1;
	if (fd < 0)
		return errno == ENOENT ? true : error_set(error, ERROR_AUTH, "cannot read %s: %s", path, g_strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & 077) || (st.st_uid != geteuid() && st.st_uid != 0)) {
		close(fd);
		return error_set(error, ERROR_AUTH, "%s is not used, since others may read it; run: chmod 600 %s", path, path);
	}
	*ret_fd = fd;
	return true;
}

/* The value of one "key = value" line of text, or NULL. */
static char *
find_secret(const char *text, const char *key)
{
	size_t length = strlen(key);
	while (*text) {
		size_t size = strcspn(text, "\n");
		const char *end = text + size, *at = text;
		while (at < end && g_ascii_isspace(*at))
			at++;
		if ((size_t)(end - at) > length && strncmp(at, key, length) == 0) {
			at += length;
			while (at < end && g_ascii_isspace(*at))
				at++;
			if (at < end && *at == '=')
				return g_strstrip(g_strndup(at + 1, (size_t)(end - at - 1)));
		}
		text = end + (*end == '\n');
	}
	return NULL;
}

/* NULL without an error: no such line, or no file. */
static char *
file_secret(const char *key, GError **error)
{
	g_autofree char *path = config_secrets_path();
	char text[SECRETS_MAX_BYTES + 1];
	int fd;
	if (!open_secrets(path, &fd, error) || fd < 0)
		return NULL;
	ssize_t size = read(fd, text, SECRETS_MAX_BYTES);	/* a regular file: one read is all of it */
	close(fd);
	text[MAX(size, 0)] = '\0';
	char *secret = find_secret(text, key);
	explicit_bzero(text, sizeof(text));
	if (secret && *secret)
		return secret;
	os_free_secret(secret);
	return NULL;
}

static char *
command_secret(const Account *account, const char *key, const char *command, GError **error)
{
	char *secret = os_run_secret_command(command, COMMAND_TIMEOUT_S, error);
	if (!secret)
		error_wrap(error, "%s: %s", account->name, key);
	return secret;
}

char *
account_secret(const Account *account, bool smtp, bool *ret_is_token, GError **error)
{
	g_autoptr(GError) refused = NULL;
	*ret_is_token = false;
	if (smtp && account->smtp_password_command)
		return command_secret(account, "smtp_password_command", account->smtp_password_command, error);
	g_autofree char *smtp_key = g_strdup_printf("%s/smtp", account->name);
	char *secret = smtp ? file_secret(smtp_key, &refused) : NULL;
	if (secret)
		return secret;
	if (account->token_command) {
		secret = command_secret(account, "token_command", account->token_command, error);
		*ret_is_token = secret != NULL;
		return secret;
	}
	if (account->password_command)
		return command_secret(account, "password_command", account->password_command, error);
	g_clear_error(&refused);
	secret = file_secret(account->name, &refused);
	if (!secret && refused)
		g_propagate_error(error, g_steal_pointer(&refused));
	else if (!secret)
		error_set(error, ERROR_AUTH, "%s: there is no password; set password_command, or add \"%s = PASSWORD\" to the secrets file",
			  account->name, account->name);
	return secret;
}
