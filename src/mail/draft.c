/* src/mail/draft.c: a message being written, as a file a person can read; mailto: URLs (RFC 6068) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/mail-private.h"

#include <stddef.h>

static const struct { const char *name; size_t offset; bool always; } draft_fields[] = {
	{ "From", offsetof(Draft, from), false }, { "To", offsetof(Draft, to), true }, { "Cc", offsetof(Draft, cc), true },
	{ "Bcc", offsetof(Draft, bcc), true }, { "Subject", offsetof(Draft, subject), true }, { "In-Reply-To", offsetof(Draft, in_reply_to), false },
	{ "References", offsetof(Draft, references), false }, { "X-Surel-Account", offsetof(Draft, account), false },
	{ "X-Surel-Source", offsetof(Draft, source), false },
};

static char **
draft_field(Draft *draft, size_t i)
{
	return (char **)((char *)draft + draft_fields[i].offset);
}

static void
attachment_free(void *data)
{
	DraftAttachment *attachment = data;
	g_free(attachment->path);
	g_free(attachment->name);
	g_free(attachment->type);
	g_free(attachment);
}

Draft *
draft_new(void)
{
	Draft *draft = g_new0(Draft, 1);
	draft->to = g_strdup("");
	draft->cc = g_strdup("");
	draft->bcc = g_strdup("");
	draft->subject = g_strdup("");
	draft->body = g_strdup("");
	draft->attachments = g_ptr_array_new_with_free_func(attachment_free);
	return draft;
}

void
draft_free(Draft *draft)
{
	if (!draft)
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(draft_fields); i++)
		g_free(*draft_field(draft, i));
	g_free(draft->body);
	g_ptr_array_unref(draft->attachments);
	g_free(draft);
}

/* One line per field: line ends inside a value would start another field. */
static void
append_field(GString *out, const char *name, const char *value)
{
	g_string_append_printf(out, "%s: ", name);
	for (const char *p = value; *p; p++)
		g_string_append_c(out, *p == '\n' || *p == '\r' ? ' ' : *p);
	while (out->str[out->len - 1] == ' ')
		g_string_truncate(out, out->len - 1);
	g_string_append_c(out, '\n');
}

static char *
attachment_to_line(const DraftAttachment *attachment)
{
	g_autofree char *name = attachment->name ? g_uri_escape_string(attachment->name, " ", TRUE) : NULL;
	g_autofree char *type = attachment->type ? g_uri_escape_string(attachment->type, "/ ", TRUE) : NULL;
	g_autofree char *path = g_strescape(attachment->path, NULL);
	/* UTF-8 in a path stays readable; only control bytes, quotes and backslashes are escaped. */
	if (g_utf8_validate(attachment->path, -1, NULL) && !strpbrk(attachment->path, "\r\n\t\"\\")) {
		g_free(path);
		path = g_strdup(attachment->path);
	}
	return g_strdup_printf("\"%s\"%s%s%s%s", path, name ? "; name=" : "", name ? name : "", type ? "; type=" : "", type ? type : "");
}

char *
draft_to_text(const Draft *draft)
{
	GString *out = g_string_new(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(draft_fields); i++) {
		const char *value = *draft_field((Draft *)draft, i);
		if (draft_fields[i].always || (value && *value))
			append_field(out, draft_fields[i].name, value ? value : "");
	}
	if (draft->is_forward)
		append_field(out, "X-Surel-Forward", "yes");
	for (guint i = 0; i < draft->attachments->len; i++) {
		g_autofree char *line = attachment_to_line(g_ptr_array_index(draft->attachments, i));
		append_field(out, "X-Surel-Attach", line);
	}
	g_string_append_c(out, '\n');
	g_string_append(out, draft->body);
	return g_string_free(out, FALSE);
}

static char *
attachment_option(const char *rest, const char *key)
{
	const char *found = strstr(rest, key);
	if (!found)
		return NULL;
	found += strlen(key);
	return g_uri_unescape_segment(found, found + strcspn(found, ";"), NULL);
}

/* "path"; name=..; type=..   or, as a person may write it, the bare path. */
static void
take_attachment(Draft *draft, const char *line)
{
	DraftAttachment *attachment = g_new0(DraftAttachment, 1);
	const char *close = *line == '"' ? line + 1 : NULL;
	while (close && *close && *close != '"')
		close += *close == '\\' && close[1] ? 2 : 1;
	if (close && *close == '"') {
		g_autofree char *quoted = g_strndup(line + 1, (size_t)(close - line - 1));
		attachment->path = g_strcompress(quoted);
		attachment->name = attachment_option(close + 1, "; name=");
		attachment->type = attachment_option(close + 1, "; type=");
	} else {
		attachment->path = g_strdup(line);
	}
	if (*attachment->path)
		g_ptr_array_add(draft->attachments, attachment);
	else
		attachment_free(attachment);
}

static void
take_draft_field(Draft *draft, const char *name, const char *value)
{
	if (g_ascii_strcasecmp(name, "X-Surel-Attach") == 0)
		take_attachment(draft, value);
	if (g_ascii_strcasecmp(name, "X-Surel-Forward") == 0)
		draft->is_forward = g_ascii_strcasecmp(value, "yes") == 0;
	for (size_t i = 0; i < G_N_ELEMENTS(draft_fields); i++) {
		if (g_ascii_strcasecmp(name, draft_fields[i].name) != 0)
			continue;
		char **field = draft_field(draft, i);
		bool is_list = draft_fields[i].always && strcmp(draft_fields[i].name, "Subject") != 0;
		char *joined = is_list && *field && **field && *value ? g_strdup_printf("%s, %s", *field, value) : g_strdup(value);
		g_free(*field);
		*field = joined;
		if (!draft_fields[i].always && !*joined)
			g_clear_pointer(field, g_free);
	}
}

Draft *
draft_from_text(const char *text)
{
	Draft *draft = draft_new();
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	const char *p = valid;
	while (*p && *p != '\n' && !(p[0] == '\r' && p[1] == '\n')) {
		g_autoptr(GString) line = g_string_new(NULL);
		do {	/* folded lines, as an editor's own wrapping may leave them */
			size_t n = strcspn(p, "\n");
			g_string_append_len(line, p, (gssize)n);
			p += n + (p[n] == '\n');
		} while ((*p == ' ' || *p == '\t') && p[strspn(p, " \t")] != '\n');
		g_strdelimit(line->str, "\r\t", ' ');
		char *colon = strchr(line->str, ':');
		if (!colon || colon == line->str)
			continue;
		*colon = '\0';
		take_draft_field(draft, g_strstrip(line->str), g_strstrip(colon + 1));
	}
	p += *p == '\r';
	p += *p == '\n';
	g_autoptr(GString) body = g_string_new(p);
	g_string_replace(body, "\r\n", "\n", 0);
	g_free(draft->body);
	draft->body = g_strdup(body->str);
	return draft;
}

static void
append_list(char **field, const char *value)
{
	if (!*value)
		return;
	char *joined = **field ? g_strdup_printf("%s, %s", *field, value) : g_strdup(value);
	g_free(*field);
	*field = joined;
}

/* %0D%0A is a line end in a body; in any other field it would add fields (RFC 6068 7). */
static void
take_mailto_field(Draft *draft, const char *name, const char *value)
{
	g_autofree char *line = g_strdup(value);
	g_strdelimit(line, "\r\n", ' ');
	if (g_ascii_strcasecmp(name, "to") == 0) {
		append_list(&draft->to, line);
	} else if (g_ascii_strcasecmp(name, "cc") == 0) {
		append_list(&draft->cc, line);
	} else if (g_ascii_strcasecmp(name, "bcc") == 0) {
		append_list(&draft->bcc, line);
	} else if (g_ascii_strcasecmp(name, "subject") == 0) {
		g_free(draft->subject);
		draft->subject = header_decode(line, strlen(line), NULL);
	} else if (g_ascii_strcasecmp(name, "body") == 0) {
		g_autoptr(GString) body = g_string_new(value);
		g_string_replace(body, "\r\n", "\n", 0);
		g_strdelimit(body->str, "\r", '\n');
		g_free(draft->body);
		draft->body = g_strdup(body->str);
	}
}

static char *
mailto_decode(const char *start, const char *end)
{
	char *text = g_uri_unescape_segment(start, end, NULL);	/* refuses %00 */
	if (text && g_utf8_validate(text, -1, NULL))
		return text;
	g_free(text);
	return NULL;
}

Draft *
draft_from_mailto(const char *url, GError **error)
{
	if (g_ascii_strncasecmp(url, "mailto:", 7) != 0) {
		error_set(error, ERROR_INPUT, "'%.60s' is not a mailto: address", url);
		return NULL;
	}
	g_autoptr(Draft) draft = draft_new();
	const char *p = url + 7, *query = strchr(p, '?');
	g_autofree char *to = mailto_decode(p, query ? query : p + strlen(p));
	bool ok = to;
	if (ok)
		take_mailto_field(draft, "to", to);
	g_auto(GStrv) pairs = g_strsplit(query ? query + 1 : "", "&", 100);
	for (char **pair = pairs; *pair && ok; pair++) {
		char *name = g_str_has_prefix(*pair, "amp;") ? *pair + 4 : *pair;
		char *equals = strchr(name, '=');
		if (!equals)
			continue;
		*equals = '\0';
		g_autofree char *value = mailto_decode(equals + 1, equals + 1 + strlen(equals + 1));
		ok = value;
		if (ok)
			take_mailto_field(draft, name, value);
	}
	if (!ok) {
		error_set(error, ERROR_INPUT, "the mailto: address has bytes that are not text");
		return NULL;
	}
	return g_steal_pointer(&draft);
}
