/* src/base/error.c: the GError domain: codes from errors.def, context, remedies */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "surel/base.h"

#include <errno.h>
#include <sysexits.h>

typedef struct ErrorRow {
	const char *nick, *remedy;
} ErrorRow;

static const ErrorRow error_rows[ERROR_COUNT] = {
#define ERROR_ROW(id, nick, remedy) [ERROR_##id] = { nick, remedy },
#include "surel/errors.def"
#undef ERROR_ROW
};

/* Listed in doc/surel.1.in. What surel tries again by itself is EX_TEMPFAIL. */
static const int exit_statuses[ERROR_COUNT] = {
	[ERROR_OFFLINE] = EX_TEMPFAIL, [ERROR_DNS] = EX_NOHOST, [ERROR_AUTH] = EX_NOPERM, [ERROR_CERT] = EX_PROTOCOL,
	[ERROR_PROTOCOL] = EX_PROTOCOL, [ERROR_SERVER] = EX_UNAVAILABLE, [ERROR_BUSY] = EX_TEMPFAIL, [ERROR_DISK_FULL] = EX_IOERR,
	[ERROR_PERMISSION] = EX_NOPERM, [ERROR_IO] = EX_IOERR, [ERROR_STORE] = EX_IOERR, [ERROR_LOCKED] = EX_TEMPFAIL,
	[ERROR_CONFIG] = EX_CONFIG, [ERROR_INPUT] = EX_USAGE, [ERROR_MESSAGE] = EX_DATAERR, [ERROR_CANCELLED] = EX_TEMPFAIL,
	[ERROR_UNSUPPORTED] = EX_UNAVAILABLE, [ERROR_NOT_FOUND] = EX_NOINPUT, [ERROR_REFUSED] = EX_UNAVAILABLE,
	[ERROR_UNKNOWN_SENT] = EX_TEMPFAIL,
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
	return code >= 0 && code < ERROR_COUNT ? error_rows[code].remedy : "";
}

int
error_exit_status(int code)
{
	return code >= 0 && code < ERROR_COUNT ? exit_statuses[code] : EX_SOFTWARE;
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
