/* src/mail/envelope.c: fast scanner of a header block -> what lists show (RFC 5322 3.6) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/mail-private.h"

enum { REFERENCES_MAX = 200, ID_BYTES_MAX = 996, HEADER_BYTES_MAX = 1 << 20, FIELDS_MAX = 64 };

typedef enum FieldId {
	FIELD_MESSAGE_ID, FIELD_IN_REPLY_TO, FIELD_REFERENCES, FIELD_SUBJECT, FIELD_FROM, FIELD_REPLY_TO, FIELD_TO, FIELD_CC, FIELD_BCC,
	FIELD_DATE, FIELD_LIST_ID, FIELD_LIST_POST, FIELD_CONTENT_TYPE, FIELD_COUNT
} FieldId;
static const struct { const char *name; size_t size; } fields[FIELD_COUNT] = {
	[FIELD_MESSAGE_ID] = { "message-id", 10 }, [FIELD_IN_REPLY_TO] = { "in-reply-to", 11 }, [FIELD_REFERENCES] = { "references", 10 },
	[FIELD_SUBJECT] = { "subject", 7 }, [FIELD_FROM] = { "from", 4 }, [FIELD_REPLY_TO] = { "reply-to", 8 }, [FIELD_TO] = { "to", 2 },
	[FIELD_CC] = { "cc", 2 }, [FIELD_BCC] = { "bcc", 3 }, [FIELD_DATE] = { "date", 4 }, [FIELD_LIST_ID] = { "list-id", 7 },
	[FIELD_LIST_POST] = { "list-post", 9 }, [FIELD_CONTENT_TYPE] = { "content-type", 12 },
};
typedef struct Field { FieldId id; const char *body; size_t size; } Field;

/* FIELD_COUNT when nobody asks for it. */
static FieldId
field_id(const char *name, size_t size)
{
	static const char firsts[] = "misrftcbdl";
	if (size < 2 || size > 12 || !memchr(firsts, name[0] | 0x20, sizeof firsts - 1))
		return FIELD_COUNT;
	for (FieldId id = 0; id < FIELD_COUNT; id++)
		if (fields[id].size == size && (fields[id].name[0] == (name[0] | 0x20)) && g_ascii_strncasecmp(fields[id].name, name, size) == 0)
			return id;
	return FIELD_COUNT;
}

/* End of the field that starts at p: folded lines belong to it. */
static const char *
field_end(const char *p, const char *end)
{
	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		if (!lf)
			return end;
		p = lf + 1;
		if (p == end || (*p != ' ' && *p != '\t'))
			return p;
	}
	return end;
}

/* A line of blanks between fields is a fold for some and the end for others; as text programs do, only an empty line ends. */
static unsigned
collect(const char *p, const char *end, Field found[static FIELDS_MAX])
{
	unsigned n = 0;
	bool any = false;
	if (end - p > 5 && (memcmp(p, "From ", 5) == 0 || memcmp(p, ">From", 5) == 0))	/* mbox line */
		p = field_end(p, end);
	while (p < end && n < FIELDS_MAX) {
		if (*p == '\n' || (*p == '\r' && (p + 1 == end || p[1] == '\n'))) {
			if (any)
				break;
			p += *p == '\r' ? 2 : 1;	/* blank lines before the header */
			continue;
		}
		const char *stop = field_end(p, end);
		const char *colon = memchr(p, ':', (size_t)(stop - p));
		if (colon) {
			const char *name_end = colon;
			while (name_end > p && (name_end[-1] == ' ' || name_end[-1] == '\t'))
				name_end--;
			FieldId id = field_id(p, (size_t)(name_end - p));
			if (id < FIELD_COUNT)
				found[n++] = (Field){ id, colon + 1, (size_t)(stop - colon - 1) };
			any = true;
		}
		p = stop;
	}
	return n;
}

/* "<a@b>" -> "a@b"; folds and blanks inside are dropped, since ids are compared; comments only where blanks show that somebody
 * used the obsolete syntax (RFC 5322 4.5.4). */
static char *
clean_id(const char *p, const char *end)
{
	g_autofree char *raw = g_malloc((size_t)(end - p) + 1);
	size_t n = 0;
	bool obsolete = memchr(p, ' ', (size_t)(end - p));
	for (int depth = 0; p < end && n < ID_BYTES_MAX; p++) {
		depth += obsolete && *p == '(';
		if (!g_ascii_isspace(*p) && depth == 0)
			raw[n++] = *p;
		depth -= depth > 0 && *p == ')';
	}
	bool ascii = true;
	for (size_t i = 0; i < n && ascii; i++)
		ascii = raw[i] > 0x20 && raw[i] < 0x7F;
	raw[n] = '\0';
	if (ascii)
		return g_steal_pointer(&raw);
	g_autofree char *utf8 = charset_to_utf8(raw, n, NULL, NULL);
	return clean_line(utf8, strlen(utf8));
}

/* Next "<...>" in [*p, end); NULL when there is none. */
static char *
next_id(const char **p, const char *end)
{
	while (true) {
		const char *open = memchr(*p, '<', (size_t)(end - *p));
		const char *close = open ? memchr(open, '>', (size_t)(end - open)) : NULL;
		if (!close)
			return NULL;
		*p = close + 1;
		for (const char *inner = open + 1; (inner = memchr(inner, '<', (size_t)(close - inner))); inner++)
			open = inner;
		if (close == open + 1)
			continue;
		return clean_id(open + 1, close);
	}
}

static char *
parse_message_id(const char *body, size_t size)
{
	const char *p = body, *end = body + size;
	char *id = next_id(&p, end);
	if (id)
		return id;
	while (body < end && (g_ascii_isspace(*body) || *body == '<'))
		body++;
	const char *stop = body;
	while (stop < end && !g_ascii_isspace(*stop))
		stop++;
	return stop > body ? clean_id(body, stop) : NULL;
}

static bool
add_reference(GPtrArray *list, char *id)
{
	for (guint i = 0; i < list->len; i++)
		if (strcmp(g_ptr_array_index(list, i), id) == 0) {
			g_free(id);
			return false;
		}
	g_ptr_array_add(list, id);
	return true;
}

static void
parse_references(Envelope *envelope, const Field *references, const Field *in_reply_to)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
	const char *p, *end;
	if (references) {
		p = references->body;
		end = p + references->size;
		for (char *id; (id = next_id(&p, end));) {
			add_reference(list, id);
			if (list->len > REFERENCES_MAX)
				g_ptr_array_remove_index(list, 1);	/* the root and the newest matter */
		}
	}
	if (in_reply_to) {
		p = in_reply_to->body;
		end = p + in_reply_to->size;
		envelope->in_reply_to = next_id(&p, end);
		if (!envelope->in_reply_to) {
			char *bare = parse_message_id(in_reply_to->body, in_reply_to->size);
			if (bare && strchr(bare, '@') && bare[0] != '"')
				envelope->in_reply_to = bare;
			else
				g_free(bare);
		}
		if (envelope->in_reply_to)
			add_reference(list, g_strdup(envelope->in_reply_to));
	}
	g_ptr_array_add(list, NULL);
	envelope->references = (char **)g_ptr_array_free(g_steal_pointer(&list), FALSE);
}

static char *
inside_angle(const Field *field, const char *fallback)
{
	const char *end = field->body + field->size;
	const char *close = end;
	while (close > field->body && close[-1] != '>')
		close--;
	const char *open = close;
	while (open > field->body && open[-1] != '<')
		open--;
	if (close > field->body && open > field->body)
		return header_decode(open, (size_t)(close - 1 - open), fallback);
	return header_decode(field->body, field->size, fallback);
}

static char *
parse_list_post(const Field *field)
{
	const char *p = field->body, *end = p + field->size;
	for (char *url; (url = next_id(&p, end)); g_free(url)) {
		if (g_ascii_strncasecmp(url, "mailto:", 7) != 0)
			continue;
		char *address = g_strdup(url + 7);
		address[strcspn(address, "?")] = '\0';
		g_free(url);
		g_autofree char *plain = g_uri_unescape_string(address, NULL);
		if (plain && g_utf8_validate(plain, -1, NULL)) {
			g_free(address);
			return clean_line(plain, strlen(plain));
		}
		return address;
	}
	return NULL;
}

/* charset= of the body: raw 8-bit header text is most often in it too. */
static char *
body_charset(const Field *field)
{
	bool ascii = true;
	for (size_t i = 0; i < field->size && ascii; i++)
		ascii = (uint8_t)field->body[i] < 0x80;
	g_autofree char *raw = g_strndup(field->body, field->size);
	return ascii ? header_parameter(raw, "charset") : NULL;
}

static bool
has_8bit(const Field *found, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (size_t k = 0; k < found[i].size; k++)
			if ((uint8_t)found[i].body[k] >= 0x80)
				return true;
	return false;
}

static void
take_field(Envelope *envelope, const Field *field, const char *fallback)
{
	GPtrArray *lists[FIELD_COUNT] = { [FIELD_FROM] = envelope->from, [FIELD_REPLY_TO] = envelope->reply_to, [FIELD_TO] = envelope->to,
		[FIELD_CC] = envelope->cc, [FIELD_BCC] = envelope->bcc };
	switch (field->id) {
	case FIELD_FROM:
		if (envelope->from->len > 0)
			return;
		address_parse_header(lists[field->id], field->body, field->size, fallback);
		return;
	case FIELD_REPLY_TO: case FIELD_TO: case FIELD_CC: case FIELD_BCC:
		address_parse_header(lists[field->id], field->body, field->size, fallback);
		return;
	case FIELD_MESSAGE_ID:
		if (!envelope->message_id)
			envelope->message_id = parse_message_id(field->body, field->size);
		return;
	case FIELD_SUBJECT:
		if (!envelope->subject)
			envelope->subject = header_decode(field->body, field->size, fallback);
		return;
	case FIELD_DATE:
		if (envelope->date == 0)
			envelope->date = date_parse(field->body, field->size);
		return;
	case FIELD_LIST_ID:
		if (!envelope->list_id)
			envelope->list_id = inside_angle(field, fallback);
		return;
	case FIELD_LIST_POST:
		if (!envelope->list_post)
			envelope->list_post = parse_list_post(field);
		return;
	case FIELD_IN_REPLY_TO: case FIELD_REFERENCES: case FIELD_CONTENT_TYPE: case FIELD_COUNT:
		return;
	}
}

static bool
is_mixed(const Field *field)
{
	const char *p = field->body, *end = p + field->size;
	while (p < end && g_ascii_isspace(*p))
		p++;
	return end - p >= 15 && g_ascii_strncasecmp(p, "multipart/mixed", 15) == 0;
}

/* "From: user@host  Thu Aug 22 14:54:40 2002": an mbox line that some program took for a field. */
static bool
is_mbox_line(const Field *field)
{
	const char *p = field->body, *end = p + field->size;
	while (end > p && g_ascii_isspace(end[-1]))
		end--;
	return end - p > 28 && end[-5] == ' ' && g_ascii_isdigit(end[-1]) && end[-8] == ':' && end[-11] == ':' && !memchr(p, '<', (size_t)(end - p));
}

/* Whether to leave field i out, since a better one follows. */
static bool
is_superseded(const Field *found, unsigned n, unsigned i)
{
	if (found[i].id != FIELD_FROM || !is_mbox_line(&found[i]))
		return false;
	for (unsigned k = i + 1; k < n; k++)
		if (found[k].id == FIELD_FROM)
			return true;
	return false;
}

Envelope *
envelope_scan(const char *headers, size_t size)
{
	Field found[FIELDS_MAX];
	unsigned n = collect(headers, headers + MIN(size, HEADER_BYTES_MAX), found);
	Envelope *envelope = g_new0(Envelope, 1);
	envelope->from = address_array_new();
	envelope->reply_to = address_array_new();
	envelope->to = address_array_new();
	envelope->cc = address_array_new();
	envelope->bcc = address_array_new();
	const Field *references = NULL, *in_reply_to = NULL, *content_type = NULL;
	for (unsigned i = n; i-- > 0;) {
		references = found[i].id == FIELD_REFERENCES ? &found[i] : references;
		in_reply_to = found[i].id == FIELD_IN_REPLY_TO ? &found[i] : in_reply_to;
		content_type = found[i].id == FIELD_CONTENT_TYPE ? &found[i] : content_type;
	}
	g_autofree char *fallback = content_type && has_8bit(found, n) ? body_charset(content_type) : NULL;
	for (unsigned i = 0; i < n; i++)
		if (!is_superseded(found, n, i))
			take_field(envelope, &found[i], fallback);
	parse_references(envelope, references, in_reply_to);
	envelope->has_attachment = content_type && is_mixed(content_type);
	if (!envelope->subject)
		envelope->subject = g_strdup("");
	return envelope;
}

void
envelope_free(Envelope *envelope)
{
	if (!envelope)
		return;
	g_free(envelope->message_id);
	g_free(envelope->in_reply_to);
	g_strfreev(envelope->references);
	g_free(envelope->subject);
	g_ptr_array_unref(envelope->from);
	g_ptr_array_unref(envelope->reply_to);
	g_ptr_array_unref(envelope->to);
	g_ptr_array_unref(envelope->cc);
	g_ptr_array_unref(envelope->bcc);
	g_free(envelope->list_id);
	g_free(envelope->list_post);
	g_free(envelope);
}

const char *
envelope_from_name(const Envelope *envelope)
{
	if (envelope->from->len == 0)
		return "";
	const MailAddress *from = g_ptr_array_index(envelope->from, 0);
	return *from->name ? from->name : from->addr;
}
