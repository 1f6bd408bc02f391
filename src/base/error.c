/* src/base/error.c: the GError domain: codes from errors.def, context, remedies */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "surel/base.h"

#include <string.h>

#include <errno.h>

typedef struct ErrorRow {
	const char *nick, *remedy, *plain;
} ErrorRow;

static const ErrorRow error_rows[ERROR_COUNT] = {
#define ERROR_ROW(id, nick, remedy, plain) [ERROR_##id] = { nick, remedy, plain },
#include "surel/errors.def"
#undef ERROR_ROW
};

G_DEFINE_QUARK(surel-error, surel_error)

const char *
error_nick(int code)
{
	return code >= 0 && code < ERROR_COUNT ? error_rows[code].nick : "error";
}

const char *
error_remedy(int code)
{
	if (code < 0 || code >= ERROR_COUNT)
		return "";
	/* Workers write sentences, too; they inherit this from whoever started them. */
	bool has_screen = !g_getenv(WITHOUT_SCREEN);
	return has_screen || !*error_rows[code].plain ? error_rows[code].remedy : error_rows[code].plain;
}

char *
error_sentence(const GError *error)
{
	size_t size = strlen(error->message);
	/* Servers end their words with a full stop, we do not. */
	while (size > 0 && (error->message[size - 1] == '.' || error->message[size - 1] == ' '))
		size--;
	const char *remedy = error->domain == SUREL_ERROR ? error_remedy(error->code) : "";
	const char *stop = size > 0 && strchr("?!", error->message[size - 1]) ? "" : ".";
	return g_strdup_printf("%.*s%s%s%s", (int)size, error->message, stop, *remedy ? " " : "", remedy);
}

bool
error_set(GError **error, SurelError code, const char *format, ...)
{
	if (!error)
		return false;
	va_list args;
	va_start(args, format);
	g_clear_error(error);
	*error = g_error_new_valist(SUREL_ERROR, code, format, args);
	va_end(args);
	return false;
}

static SurelError
code_of_errno(int value)
{
	if (value == ENOSPC || value == EDQUOT || value == EFBIG)
		return ERROR_DISK_FULL;
	if (value == EACCES || value == EPERM || value == EROFS)
		return ERROR_PERMISSION;
	if (value == ENOENT || value == ENOTDIR)
		return ERROR_NOT_FOUND;
	return ERROR_IO;
}

bool
error_set_errno(GError **error, int errno_value, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *what = g_strdup_vprintf(format, args);
	va_end(args);
	return error_set(error, code_of_errno(errno_value), "%s: %s", what, g_strerror(errno_value));
}

bool
error_wrap(GError **error, const char *format, ...)
{
	if (!error || !*error)
		return false;
	va_list args;
	va_start(args, format);
	g_autofree char *context = g_strdup_vprintf(format, args);
	va_end(args);
	g_prefix_error(error, "%s: ", context);
	return false;
}
