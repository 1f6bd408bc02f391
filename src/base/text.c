/* src/base/text.c: cleaning, width, clipping and wrapping of UTF-8; dates and sizes for people */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "surel/text.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utf8proc.h>
#include <wchar.h>

enum { CLUSTER_MAX_BYTES = 128 };	/* a longer run of combining marks is cut: it is an attack or noise */

static const char replacement[] = "\xef\xbf\xbd";	/* U+FFFD */

static bool
locale_is_utf8(void)
{
	return g_ascii_strcasecmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* Characters that change the direction or visibility of others and have no shape of their own. */
static bool
is_hidden_format(int32_t u)
{
	if (u == 0x200c || u == 0x200d)
		return false;		/* ZWNJ and ZWJ shape Persian, Indic and emoji text */
	return u == 0xad || u == 0x61c || u == 0x180e || (u >= 0x200b && u <= 0x200f) || (u >= 0x2028 && u <= 0x202e) ||
	       (u >= 0x2060 && u <= 0x206f) || u == 0xfeff || (u >= 0xfff9 && u <= 0xfffb) || (u >= 0x1d173 && u <= 0x1d17a) ||
	       (u >= 0xe0000 && u <= 0xe007f);
}

static bool
is_control(int32_t u)
{
	return u < 0x20 || (u >= 0x7f && u < 0xa0);
}

/* Bytes of a tag sequence (England, Scotland, Wales) are hidden formats too: the black flag alone is shown. */
static void
append_clean(GString *out, int32_t u, const char *bytes, size_t size, bool keep_lines)
{
	if (u == '\n' || u == '\t') {
		g_string_append_c(out, keep_lines ? (char)u : ' ');
		return;
	}
	if (u == '\r')
		return;		/* CRLF becomes LF; a bare CR would overwrite a line */
	if (is_hidden_format(u))
		return;
	if (is_control(u))
		g_string_append(out, replacement);
	else
		g_string_append_len(out, bytes, (gssize)size);
}

char *
text_clean(const char *bytes, ssize_t size, bool keep_lines)
{
	if (!bytes)
		return g_strdup("");
	size_t left = size < 0 ? strlen(bytes) : (size_t)size;
	GString *out = g_string_sized_new(left + 1);
	while (left > 0) {
		unsigned char c = (unsigned char)*bytes;
		utf8proc_int32_t u = c;
		utf8proc_ssize_t n = c < 0x80 ? 1 : utf8proc_iterate((const utf8proc_uint8_t *)bytes, (utf8proc_ssize_t)left, &u);
		if (n <= 0) {
			g_string_append(out, replacement);
			n = 1;
		} else {
			append_clean(out, u, bytes, (size_t)n, keep_lines);
		}
		bytes += n;
		left -= (size_t)n;
	}
	return g_string_free(out, FALSE);
}

/* wcwidth is asked because ncurses asks it; without a UTF-8 locale it knows nothing beyond ASCII. */
static int
char_width(int32_t u, bool utf8)
{
	if (u < 0x7f)
		return u >= 0x20;
	int width = utf8 ? wcwidth((wchar_t)u) : -1;
	if (width < 0)
		width = utf8proc_charwidth(u);
	return CLAMP(width, 0, 2);
}

/* UTF-8 that broke the promise of being valid is walked byte by byte, one column each. */
static size_t
decode(const char *text, utf8proc_int32_t *ret_u)
{
	unsigned char c = (unsigned char)*text;
	if (c < 0x80) {
		*ret_u = c;
		return 1;
	}
	utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text, -1, ret_u);
	if (n > 0)
		return (size_t)n;
	*ret_u = 0xfffd;
	return 1;
}

static size_t
cluster_in(const char *text, bool utf8, int *ret_width)
{
	utf8proc_int32_t previous, u, state = 0;
	size_t length = decode(text, &previous);
	int width = char_width(previous, utf8);
	unsigned char following = (unsigned char)text[length];
	if (length == 1 && following < 0x80) {		/* no ASCII character joins another */
		*ret_width = width;
		return 1;
	}
	while (text[length] && length < CLUSTER_MAX_BYTES) {
		size_t n = decode(text + length, &u);
		if (utf8proc_grapheme_break_stateful(previous, u, &state))
			break;
		bool is_flag = previous >= 0x1f1e6 && previous <= 0x1f1ff && u >= 0x1f1e6 && u <= 0x1f1ff;
		width = is_flag ? 2 : MAX(width, char_width(u, utf8));	/* a flag is drawn as its two letters */
		length += n;
		previous = u;
	}
	*ret_width = width;
	return length;
}

size_t
text_cluster(const char *text, int *ret_width)
{
	return cluster_in(text, locale_is_utf8(), ret_width);
}

int
text_width(const char *text)
{
	bool utf8 = locale_is_utf8();
	int columns = 0, width;
	while (*text) {
		text += cluster_in(text, utf8, &width);
		columns += width;
	}
	return columns;
}

size_t
text_fit(const char *text, int columns)
{
	bool utf8 = locale_is_utf8();
	const char *at = text;
	int width;
	while (*at) {
		size_t n = cluster_in(at, utf8, &width);
		if (width > columns)
			break;
		columns -= width;
		at += n;
	}
	return (size_t)(at - text);
}

char *
text_pad(const char *text, int columns)
{
	if (columns <= 0)
		return g_strdup("");
	GString *out = g_string_new(NULL);
	size_t fit = text_fit(text, columns);
	if (!text[fit]) {
		g_string_append(out, text);
	} else {
		g_string_append_len(out, text, (gssize)text_fit(text, columns - 1));
		g_string_append(out, locale_is_utf8() ? "…" : "~");
	}
	for (int width = text_width(out->str); width < columns; width++)
		g_string_append_c(out, ' ');
	return g_string_free(out, FALSE);
}

/* A line may also be broken before and after an ideograph (a rough UAX 14: no table of prohibited starts). */
static bool
breaks_beside(int32_t u)
{
	return (u >= 0x2e80 && u <= 0x2fff) || (u >= 0x3040 && u <= 0x30ff) || (u >= 0x3400 && u <= 0x9fff) || (u >= 0xac00 && u <= 0xd7a3) ||
	       (u >= 0xf900 && u <= 0xfaff) || (u >= 0x20000 && u <= 0x3ffff);
}

/* Closing marks of CJK never start a line. */
static bool
sticks_to_previous(int32_t u)
{
	return u == 0x3001 || u == 0x3002 || u == 0x300d || u == 0x300f || u == 0xff0c || u == 0xff0e || u == 0xff01 || u == 0xff1f ||
	       u == 0xff09 || u == 0x30fc || u == 0x3011 || u == 0x300b;
}

size_t
text_wrap(const char *text, int columns, size_t *ret_skip)
{
	bool utf8 = locale_is_utf8();
	const char *at = text, *break_end = NULL, *break_next = NULL;
	int left = MAX(columns, 1), width;
	utf8proc_int32_t previous = 0, u;
	*ret_skip = 0;
	for (size_t n; *at && *at != '\n'; at += n) {
		decode(at, &u);
		n = cluster_in(at, utf8, &width);
		if (u == ' ' && previous != ' ')
			break_end = at;		/* spaces at a break hang over and are dropped */
		if (u != ' ' && previous == ' ')
			break_next = at;
		else if (at > text && u != ' ' && !sticks_to_previous(u) && (breaks_beside(u) || breaks_beside(previous)))
			break_end = break_next = at;
		if (width > left && u != ' ') {
			if (break_end > text && break_next >= break_end) {
				*ret_skip = (size_t)(break_next - break_end);
				return (size_t)(break_end - text);
			}
			return at > text ? (size_t)(at - text) : n;	/* one long word, or one wide character in one column */
		}
		left -= width;
		previous = u;
	}
	if (left < 0 && break_end && previous == ' ') {		/* only hanging spaces went over */
		*ret_skip = (size_t)(at - break_end) + (*at == '\n');
		return (size_t)(break_end - text);
	}
	*ret_skip = *at == '\n';
	return (size_t)(at - text);
}

char *
text_fold(const char *text)
{
	utf8proc_uint8_t *folded = NULL;
	utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text, 0, &folded,
					  UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
	if (n < 0)
		return text_clean(text, -1, true);
	char *result = g_strdup((const char *)folded);
	free(folded);
	return result;
}

static const char *const day_names[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const char *const month_names[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* Midnight local time of the day that is days after the one of tm. */
static int64_t
midnight(const struct tm *tm, int days)
{
	struct tm day = { .tm_year = tm->tm_year, .tm_mon = tm->tm_mon, .tm_mday = tm->tm_mday + days, .tm_isdst = -1 };
	return (int64_t)mktime(&day);
}

char *
text_date_short(int64_t when, int64_t now)
{
	time_t then = (time_t)when, present = (time_t)now;
	struct tm tm, tm_now;
	if (!localtime_r(&then, &tm) || !localtime_r(&present, &tm_now) || tm.tm_year < -1900 || tm.tm_year > 8099)
		return g_strdup("?");
	if (when >= midnight(&tm_now, 0) && when < midnight(&tm_now, 1))
		return g_strdup_printf("%02d:%02d", tm.tm_hour, tm.tm_min);
	if (when >= midnight(&tm_now, -6) && when < midnight(&tm_now, 0))
		return g_strdup_printf("%s %02d:%02d", day_names[tm.tm_wday], tm.tm_hour, tm.tm_min);
	if (tm.tm_year == tm_now.tm_year && when < midnight(&tm_now, 1))
		return g_strdup_printf("%d %s", tm.tm_mday, month_names[tm.tm_mon]);
	return g_strdup_printf("%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

char *
text_date_long(int64_t when)
{
	time_t then = (time_t)when;
	struct tm tm;
	if (!localtime_r(&then, &tm))
		return g_strdup("?");
	long minutes = tm.tm_gmtoff / 60;
	return g_strdup_printf("%s, %d %s %d %02d:%02d %c%02ld%02ld", day_names[tm.tm_wday], tm.tm_mday, month_names[tm.tm_mon],
			       tm.tm_year + 1900, tm.tm_hour, tm.tm_min, minutes < 0 ? '-' : '+', labs(minutes) / 60, labs(minutes) % 60);
}

char *
text_size(int64_t bytes)
{
	static const char *const units[] = { "KB", "MB", "GB", "TB" };
	if (bytes < 1000)
		return g_strdup_printf("%d B", (int)MAX(bytes, 0));
	double value = (double)bytes / 1000;
	size_t unit = 0;
	while (value >= 999.5 && unit + 1 < G_N_ELEMENTS(units)) {
		value /= 1000;
		unit++;
	}
	char number[32];
	g_ascii_formatd(number, sizeof(number), value < 9.95 && unit > 0 ? "%.1f" : "%.0f", value);
	return g_strdup_printf("%s %s", number, units[unit]);
}
