/* src/mail/calendar.c: an invitation as a readable card (RFC 5545, 5546) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/lines.h"

#include "surel/text.h"

enum { ATTENDEES_SHOWN = 12, EVENTS_SHOWN = 10, DESCRIPTION_LINES = 60 };

typedef struct When { int year, month, day, hour, minute; bool has_time, utc, valid; char *zone; } When;
typedef struct Event {
	char *summary, *location, *organiser, *description, *status, *rrule, *url, *duration;
	When start, end;
	GPtrArray *attendees;
	bool any;
} Event;
typedef struct Property { char *name, *params, *value; } Property;

static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
static const char *const weekdays[] = { "", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

static void
event_clear(Event *event)
{
	g_free(event->summary);
	g_free(event->location);
	g_free(event->organiser);
	g_free(event->description);
	g_free(event->status);
	g_free(event->rrule);
	g_free(event->url);
	g_free(event->duration);
	g_free(event->start.zone);
	g_free(event->end.zone);
	if (event->attendees)
		g_ptr_array_unref(event->attendees);
	*event = (Event){ 0 };
}

/* Next content line with its folds taken out (RFC 5545 3.1); false at the end. */
static bool
next_property(const char **p, Property *ret)
{
	g_autoptr(GString) line = g_string_new(NULL);
	while (**p == '\n')
		(*p)++;
	if (!**p)
		return false;
	do {
		size_t n = strcspn(*p, "\n");
		g_string_append_len(line, *p, (gssize)n);
		*p += n + ((*p)[n] == '\n');
	} while ((**p == ' ' || **p == '\t') && *++*p);
	bool quoted = false;
	char *colon = line->str;
	while (*colon && (quoted || *colon != ':')) {
		quoted ^= *colon == '"';
		colon++;
	}
	size_t name = strcspn(line->str, ";:");
	ret->value = g_strdup(*colon ? colon + 1 : "");
	*colon = '\0';
	ret->params = g_strdup(line->str[name] ? line->str + name : "");
	line->str[MIN(name, strlen(line->str))] = '\0';
	ret->name = g_ascii_strup(line->str, -1);
	return true;
}

static void
property_clear(Property *property)
{
	g_free(property->name);
	g_free(property->params);
	g_free(property->value);
}

static char *
unescape(const char *value)
{
	GString *out = g_string_new(NULL);
	for (const char *p = value; *p; p++) {
		if (*p == '\\' && p[1]) {
			p++;
			g_string_append_c(out, *p == 'n' || *p == 'N' ? '\n' : *p);
		} else {
			g_string_append_c(out, *p);
		}
	}
	return g_string_free(out, FALSE);
}

static char *
parameter(const Property *property, const char *name)
{
	g_autofree char *as_header = g_strconcat("x", property->params, NULL);
	return header_parameter(as_header, name);
}

static When
parse_when(const Property *property)
{
	When when = { 0 };
	int n = sscanf(property->value, "%4d%2d%2dT%2d%2d", &when.year, &when.month, &when.day, &when.hour, &when.minute);
	when.valid = n >= 3 && g_date_valid_dmy((GDateDay)CLAMP(when.day, 0, 40), (GDateMonth)CLAMP(when.month, 0, 13), (GDateYear)CLAMP(when.year, 0, 9999)) &&
		when.hour >= 0 && when.hour < 24 && when.minute >= 0 && when.minute < 60;
	when.has_time = n == 5;
	when.utc = g_str_has_suffix(property->value, "Z");
	when.zone = when.valid ? parameter(property, "TZID") : NULL;
	return when;
}

/* UTC times are told in local time; the others in the time the sender wrote, with its zone. */
static When
to_local(When when)
{
	if (!when.utc || !when.has_time || !when.valid)
		return when;
	g_autoptr(GDateTime) utc = g_date_time_new_utc(when.year, when.month, when.day, when.hour, when.minute, 0);
	g_autoptr(GDateTime) local = utc ? g_date_time_to_local(utc) : NULL;
	if (!local)
		return when;
	When result = when;
	g_date_time_get_ymd(local, &result.year, &result.month, &result.day);
	result.hour = g_date_time_get_hour(local);
	result.minute = g_date_time_get_minute(local);
	return result;
}

static void
append_day(GString *out, const When *when)
{
	GDate date;
	g_date_clear(&date, 1);
	g_date_set_dmy(&date, (GDateDay)when->day, (GDateMonth)when->month, (GDateYear)when->year);
	g_string_append_printf(out, "%s, %d %s %d", weekdays[g_date_get_weekday(&date)], when->day, months[when->month - 1], when->year);
}

/* An all-day event ends on the day before DTEND (RFC 5545 3.6.1). */
static When
day_before(When when)
{
	GDate date;
	g_date_clear(&date, 1);
	g_date_set_dmy(&date, (GDateDay)when.day, (GDateMonth)when.month, (GDateYear)when.year);
	if (g_date_get_julian(&date) > 1)
		g_date_subtract_days(&date, 1);
	when.year = g_date_get_year(&date);
	when.month = (int)g_date_get_month(&date);
	when.day = g_date_get_day(&date);
	return when;
}

static bool
same_day(const When *a, const When *b)
{
	return a->year == b->year && a->month == b->month && a->day == b->day;
}

static char *
when_text(const Event *event)
{
	When start = to_local(event->start), end = to_local(event->end);
	GString *out = g_string_new(NULL);
	append_day(out, &start);
	if (!start.has_time) {
		if (end.valid && !end.has_time)
			end = day_before(end);
		if (end.valid && !same_day(&start, &end)) {
			g_string_append(out, " - ");
			append_day(out, &end);
		} else {
			g_string_append(out, ", all day");
		}
		return g_string_free(out, FALSE);
	}
	g_string_append_printf(out, " %02d:%02d", start.hour, start.minute);
	if (end.valid && end.has_time) {
		g_string_append(out, " - ");
		if (!same_day(&start, &end)) {
			append_day(out, &end);
			g_string_append_c(out, ' ');
		}
		g_string_append_printf(out, "%02d:%02d", end.hour, end.minute);
	}
	if (start.zone)
		g_string_append_printf(out, " (%s)", start.zone);
	else if (start.utc)
		g_string_append(out, " (your time)");
	return g_string_free(out, FALSE);
}

static char *
person(const Property *property)
{
	g_autofree char *name = parameter(property, "CN");
	const char *addr = property->value;
	if (g_ascii_strncasecmp(addr, "mailto:", 7) == 0)
		addr += 7;
	if (!name || !*name || strcmp(name, addr) == 0)
		return g_strdup(addr);
	return strchr(addr, '@') ? g_strdup_printf("%s <%s>", name, addr) : g_steal_pointer(&name);
}

static char *
rule_part(const char *rule, const char *key)
{
	g_auto(GStrv) parts = g_strsplit(rule, ";", 30);
	for (char **part = parts; *part; part++)
		if (g_ascii_strncasecmp(*part, key, strlen(key)) == 0 && (*part)[strlen(key)] == '=')
			return g_strdup(*part + strlen(key) + 1);
	return NULL;
}

/* "every 2 weeks on MO,WE, 10 times" */
static char *
repeat_text(const char *rule)
{
	static const char *const units[][2] = { { "DAILY", "day" }, { "WEEKLY", "week" }, { "MONTHLY", "month" }, { "YEARLY", "year" }, { "HOURLY", "hour" } };
	g_autofree char *freq = rule_part(rule, "FREQ"), *interval = rule_part(rule, "INTERVAL"), *days = rule_part(rule, "BYDAY");
	g_autofree char *count = rule_part(rule, "COUNT"), *until = rule_part(rule, "UNTIL");
	const char *unit = NULL;
	for (size_t i = 0; freq && i < G_N_ELEMENTS(units); i++)
		if (g_ascii_strcasecmp(freq, units[i][0]) == 0)
			unit = units[i][1];
	if (!unit)
		return g_strdup(rule);
	GString *out = g_string_new(NULL);
	int64_t every = interval ? g_ascii_strtoll(interval, NULL, 10) : 1;
	if (every > 1)
		g_string_append_printf(out, "every %d %ss", (int)MIN(every, 10000), unit);
	else
		g_string_append_printf(out, "every %s", unit);
	if (days)
		g_string_append_printf(out, " on %s", days);
	if (count)
		g_string_append_printf(out, ", %s times", count);
	if (until && strlen(until) >= 8)
		g_string_append_printf(out, ", until %.4s-%.2s-%.2s", until, until + 4, until + 6);
	return g_string_free(out, FALSE);
}

static void
add_field(Document *document, const char *label, const char *value)
{
	if (!value || !*value)
		return;
	g_autofree char *text = g_strdup_printf("%-11s%s", label, value);
	char *clean = clean_line(text, strlen(text));
	GArray *spans = NULL;
	spans_add(&spans, 0, strlen(label), SPAN_DIM, 0);
	link_urls(document, clean, &spans);
	Line *line = document_add_line(document, LINE_TEXT, 0, clean, spans);
	if (line)
		line->hang = 11;
}

static void
add_description(Document *document, const char *text)
{
	if (!text || !*text)
		return;
	document_add_gap(document, 0);
	g_autofree char *copy = g_strdup(text);
	g_auto(GStrv) lines = g_strsplit(g_strstrip(copy), "\n", DESCRIPTION_LINES);
	for (char **line = lines; *line; line++) {
		g_strchomp(*line);
		char *clean = clean_line(*line, strlen(*line));
		GArray *spans = NULL;
		link_urls(document, clean, &spans);
		document_add_line(document, LINE_TEXT, 0, clean, spans);
	}
}

static const char *
heading(const char *method, const Event *event)
{
	if ((method && g_ascii_strcasecmp(method, "CANCEL") == 0) || (event->status && g_ascii_strcasecmp(event->status, "CANCELLED") == 0))
		return "Cancelled";
	if (!method || g_ascii_strcasecmp(method, "PUBLISH") == 0)
		return "Event";
	return g_ascii_strcasecmp(method, "REPLY") == 0 ? "Answer to invitation" : g_ascii_strcasecmp(method, "COUNTER") == 0 ? "Proposed change" : "Invitation";
}

static void
show_event(Document *document, const Event *event, const char *method, bool with_description)
{
	g_autofree char *title = g_strdup_printf("%s: %s", heading(method, event), event->summary ? event->summary : "(no title)");
	document_add_gap(document, 0);
	document_add_text(document, LINE_HEADING, 0, title, SPAN_BOLD);
	g_autofree char *when = event->start.valid ? when_text(event) : NULL;
	add_field(document, "When", when);
	g_autofree char *repeats = event->rrule ? repeat_text(event->rrule) : NULL;
	add_field(document, "Repeats", repeats);
	add_field(document, "Where", event->location);
	add_field(document, "Organiser", event->organiser);
	for (guint i = 0; event->attendees && i < MIN(event->attendees->len, ATTENDEES_SHOWN); i++)
		add_field(document, i ? "" : "Invited", g_ptr_array_index(event->attendees, i));
	if (event->attendees && event->attendees->len > ATTENDEES_SHOWN) {
		g_autofree char *more = g_strdup_printf("and %u more", event->attendees->len - ATTENDEES_SHOWN);
		add_field(document, "", more);
	}
	add_field(document, "Link", event->url);
	if (with_description)
		add_description(document, event->description);
}

static void
replace(char **field, char *value)
{
	g_free(*field);
	*field = value;
}

static void
take_property(Event *event, const Property *property)
{
	event->any = true;
	if (strcmp(property->name, "SUMMARY") == 0)
		replace(&event->summary, unescape(property->value));
	else if (strcmp(property->name, "LOCATION") == 0)
		replace(&event->location, unescape(property->value));
	else if (strcmp(property->name, "DESCRIPTION") == 0)
		replace(&event->description, unescape(property->value));
	else if (strcmp(property->name, "STATUS") == 0)
		replace(&event->status, g_strdup(property->value));
	else if (strcmp(property->name, "RRULE") == 0)
		replace(&event->rrule, g_strdup(property->value));
	else if (strcmp(property->name, "URL") == 0)
		replace(&event->url, g_strdup(property->value));
	else if (strcmp(property->name, "ORGANIZER") == 0)
		replace(&event->organiser, person(property));
	else if (strcmp(property->name, "DTSTART") == 0 && !event->start.valid)
		event->start = parse_when(property);
	else if (strcmp(property->name, "DTEND") == 0 && !event->end.valid)
		event->end = parse_when(property);
	else if (strcmp(property->name, "ATTENDEE") == 0 && event->attendees->len < 10000)
		g_ptr_array_add(event->attendees, person(property));
}

/* Folds and TZID blocks differ, the first lines of every VEVENT or VTODO do not; alarms and zones inside are skipped. */
void
calendar_render(Document *document, const char *text, bool with_description)
{
	g_autofree char *method = NULL;
	Event event = { 0 };
	Property property;
	unsigned inner = 0, shown = 0;
	bool in_event = false;
	for (const char *p = text; next_property(&p, &property); property_clear(&property)) {
		bool begin = strcmp(property.name, "BEGIN") == 0, end = strcmp(property.name, "END") == 0;
		bool is_event = g_ascii_strcasecmp(property.value, "VEVENT") == 0 || g_ascii_strcasecmp(property.value, "VTODO") == 0;
		if (begin && is_event && !in_event) {
			in_event = true;
			event.attendees = g_ptr_array_new_with_free_func(g_free);
		} else if (begin && in_event) {
			inner++;
		} else if (end && in_event && inner > 0) {
			inner--;
		} else if (end && in_event) {
			if (shown++ < EVENTS_SHOWN)
				show_event(document, &event, method, with_description);
			event_clear(&event);
			in_event = false;
		} else if (in_event && inner == 0) {
			take_property(&event, &property);
		} else if (!in_event && strcmp(property.name, "METHOD") == 0 && !method) {
			method = g_strdup(property.value);
		}
	}
	if (in_event && event.any)	/* cut off */
		show_event(document, &event, method, with_description);
	event_clear(&event);
}
