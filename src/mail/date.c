/* src/mail/date.c: Date fields as programs write them -> seconds since 1970 (RFC 5322 3.3, 4.3) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/mail-private.h"

enum { DATE_BYTES_MAX = 256 };

typedef struct DateParts { int year, month, day, hour, minute, second, zone_minutes; bool has_time, has_zone, failed; } DateParts;

static const struct { const char *name; int minutes; } zones[] = {
	{ "EST", -300 }, { "EDT", -240 }, { "CST", -360 }, { "CDT", -300 }, { "MST", -420 }, { "MDT", -360 }, { "PST", -480 },
	{ "PDT", -420 }, { "CET", 60 }, { "CEST", 120 }, { "MET", 60 }, { "MEST", 120 }, { "BST", 60 }, { "EET", 120 }, { "EEST", 180 },
	{ "MSK", 180 }, { "JST", 540 }, { "KST", 540 }, { "WIB", 420 }, { "WITA", 480 }, { "WIT", 540 }, { "HKT", 480 }, { "SGT", 480 },
	{ "AEST", 600 }, { "AEDT", 660 }, { "NZST", 720 }, { "NZDT", 780 },
};

/* Days since 1970-01-01 in the proleptic Gregorian calendar. */
static int64_t
days_from_civil(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int
month_from_name(const char *word, size_t size)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
	if (size < 3)
		return 0;
	for (int i = 0; i < 12; i++)
		if (g_ascii_strncasecmp(word, names + 3 * i, 3) == 0)
			return i + 1;
	return 0;
}

static void
take_word(DateParts *parts, const char *word, size_t size)
{
	int month = parts->month ? 0 : month_from_name(word, size);
	if (month) {
		parts->month = month;
		return;
	}
	if (size == 2 && parts->has_time && g_ascii_strncasecmp(word, "PM", 2) == 0 && parts->hour < 12)
		parts->hour += 12;
	if (size == 2 && parts->has_time && g_ascii_strncasecmp(word, "AM", 2) == 0 && parts->hour == 12)
		parts->hour = 0;
	if (!parts->has_time || parts->has_zone)
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(zones); i++)
		if (strlen(zones[i].name) == size && g_ascii_strncasecmp(word, zones[i].name, size) == 0) {
			parts->zone_minutes = zones[i].minutes;
			parts->has_zone = true;
		}
}

static void
take_number(DateParts *parts, int value, size_t digits)
{
	if (parts->year && !parts->month && !parts->day && digits <= 2 && value >= 1 && value <= 12) {	/* 2026-02-07 */
		parts->month = value;
	} else if (!parts->day && digits <= 2 && value >= 1 && value <= 31) {
		parts->day = value;
	} else if (!parts->year && digits == 8 && !parts->day && !parts->month) {	/* 20260207 */
		parts->year = value / 10000;
		parts->month = value / 100 % 100;
		parts->day = value % 100;
	} else if (!parts->year && digits >= 4) {
		parts->year = value;
	} else if (!parts->year && parts->day && digits >= 2) {
		parts->year = digits == 3 ? 1900 + value : value < 50 ? 2000 + value : 1900 + value;
	}
}

static const char *
read_number(const char *p, const char *end, int *ret_value, size_t *ret_digits)
{
	int value = 0;
	const char *start = p;
	while (p < end && g_ascii_isdigit(*p)) {
		if (p - start < 8)
			value = value * 10 + (*p - '0');
		p++;
	}
	*ret_value = value;
	*ret_digits = (size_t)(p - start);
	return p;
}

/* hh:mm[:ss[.fraction]]; p is behind hh. */
static const char *
take_time(DateParts *parts, const char *p, const char *end, int hour)
{
	size_t digits;
	parts->hour = hour;
	p = read_number(p + 1, end, &parts->minute, &digits);
	if (p < end && (*p == ':' || *p == '.') && p + 1 < end && g_ascii_isdigit(p[1]))
		p = read_number(p + 1, end, &parts->second, &digits);
	if (p < end && *p == '.')
		while (p + 1 < end && g_ascii_isdigit(p[1]))
			p++;
	if (p < end && *p == '.')
		p++;
	parts->has_time = true;
	return p;
}

/* +hhmm, +hh:mm, +hh; p is at the sign. */
static const char *
take_zone(DateParts *parts, const char *p, const char *end)
{
	int sign = *p == '-' ? -1 : 1, value, minutes = 0;
	size_t digits;
	p = read_number(p + 1, end, &value, &digits);
	if (p < end && *p == ':' && digits <= 2) {
		p = read_number(p + 1, end, &minutes, &digits);
		value = value * 100 + minutes;
	} else if (digits <= 2) {
		value *= 100;
	}
	minutes = value / 100 * 60 + value % 100;
	if (minutes <= 24 * 60)
		parts->zone_minutes = sign * minutes;
	parts->has_zone = true;
	return p;
}

static const char *
skip_comment(const char *p, const char *end)
{
	int depth = 0;
	for (; p < end; p++) {
		depth += *p == '(';
		depth -= *p == ')';
		if (depth == 0)
			return p + 1;
	}
	return end;
}

/* In ISO dates and 07-Feb-2026 the '-' separates; after the time it starts a zone. */
static const char *
take_token(DateParts *parts, const char *p, const char *end)
{
	if (g_ascii_isdigit(*p)) {
		int value;
		size_t digits;
		const char *after = read_number(p, end, &value, &digits);
		if (after < end && (*after == ':' || (*after == '.' && parts->day && !parts->has_time && parts->month)) && !parts->has_time &&
		    digits <= 2 && after + 1 < end && g_ascii_isdigit(after[1]))
			return take_time(parts, after, end, value);
		take_number(parts, value, digits);
		return after;
	}
	if ((*p == '+' || *p == '-') && parts->has_time && p + 1 < end && g_ascii_isdigit(p[1]) && (!parts->has_zone || parts->zone_minutes == 0))
		return take_zone(parts, p, end);
	if (g_ascii_isalpha(*p)) {
		const char *start = p;
		while (p < end && g_ascii_isalpha(*p))
			p++;
		take_word(parts, start, (size_t)(p - start));
		return p;
	}
	return p + 1;
}

/* Without comments and without blanks around ':', both of which RFC 5322 4.3 allows. */
static size_t
simplify(const char *text, size_t size, char out[static DATE_BYTES_MAX])
{
	const char *end = text + MIN(size, DATE_BYTES_MAX);
	size_t n = 0;
	for (const char *p = text; p < end;) {
		if (*p == '(') {
			p = skip_comment(p, end);
			continue;
		}
		bool blank = g_ascii_isspace(*p);
		if (*p == ':')
			while (n > 0 && g_ascii_isspace(out[n - 1]))
				n--;
		if (!(blank && n > 0 && out[n - 1] == ':'))
			out[n++] = *p;
		p++;
	}
	return n;
}

int64_t
date_parse(const char *text, size_t size)
{
	DateParts parts = { 0 };
	char simple[DATE_BYTES_MAX];
	const char *end = simple + simplify(text, size, simple);
	for (const char *p = simple; p < end;)
		p = take_token(&parts, p, end);
	if (!parts.year || parts.month < 1 || parts.month > 12 || parts.day < 1 || parts.day > 31 || parts.year > 9999)
		return 0;
	if (parts.hour > 24 || parts.minute > 59 || parts.second > 60)
		return 0;
	return days_from_civil(parts.year, parts.month, parts.day) * 86400 + parts.hour * 3600 + parts.minute * 60 + MIN(parts.second, 59) -
	       parts.zone_minutes * 60;
}
