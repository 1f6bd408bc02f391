/* src/mail/document.c: what the reader draws: making it, its wire form, its plain text */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/lines.h"

#include "surel/text.h"

static void
line_free(void *data)
{
	Line *line = data;
	g_free(line->text);
	if (line->spans)
		g_array_unref(line->spans);
	g_free(line);
}

static void
link_free(void *data)
{
	Link *link = data;
	g_free(link->url);
	g_free(link->text);
	g_free(link);
}

static void
part_free(void *data)
{
	Part *part = data;
	g_free(part->id);
	g_free(part->type);
	g_free(part->name);
	g_free(part->description);
	g_free(part);
}

Document *
document_new(void)
{
	Document *document = g_new0(Document, 1);
	document->lines = g_ptr_array_new_with_free_func(line_free);
	document->links = g_ptr_array_new_with_free_func(link_free);
	document->parts = g_ptr_array_new_with_free_func(part_free);
	return document;
}

void
document_free(Document *document)
{
	if (!document)
		return;
	envelope_free(document->envelope);
	g_ptr_array_unref(document->lines);
	g_ptr_array_unref(document->links);
	if (document->link_numbers)
		g_hash_table_unref(document->link_numbers);
	g_ptr_array_unref(document->parts);
	g_free(document->note);
	g_free(document);
}

Line *
document_add_line(Document *document, LineKind kind, unsigned quote, char *text, GArray *spans)
{
	if (document->lines->len >= RENDER_MAX_LINES) {
		g_free(text);
		if (spans)
			g_array_unref(spans);
		document_add_note(document, "The text is very long; its end is not shown.");
		return NULL;
	}
	Line *line = g_new0(Line, 1);
	*line = (Line){ .kind = kind, .quote = (uint8_t)MIN(quote, 250), .text = text, .spans = spans };
	g_ptr_array_add(document->lines, line);
	return line;
}

void
document_add_text(Document *document, LineKind kind, unsigned quote, const char *text, unsigned style)
{
	char *clean = clean_line(text, strlen(text));
	GArray *spans = NULL;
	if (style && *clean)
		spans_add(&spans, 0, strlen(clean), style, 0);
	document_add_line(document, kind, quote, clean, spans);
}

void
document_add_gap(Document *document, unsigned quote)
{
	if (document->lines->len == 0)
		return;
	const Line *last = g_ptr_array_index(document->lines, document->lines->len - 1);
	if (*last->text || last->kind == LINE_RULE)
		document_add_line(document, quote ? LINE_QUOTE : LINE_TEXT, quote, g_strdup(""), NULL);
}

void
document_trim(Document *document, guint keep)
{
	while (document->lines->len > keep) {
		const Line *last = g_ptr_array_index(document->lines, document->lines->len - 1);
		if (last->text[strspn(last->text, " ")] || last->kind == LINE_RULE)
			return;
		g_ptr_array_set_size(document->lines, (gint)document->lines->len - 1);
	}
}

uint16_t
document_add_link(Document *document, const char *url, const char *text, bool lies)
{
	if (!document->link_numbers)
		document->link_numbers = g_hash_table_new(g_str_hash, g_str_equal);
	guint number = GPOINTER_TO_UINT(g_hash_table_lookup(document->link_numbers, url));
	if (number) {
		Link *link = g_ptr_array_index(document->links, number - 1);
		link->lies |= lies;
		if (!*link->text && *text) {
			g_free(link->text);
			link->text = g_strdup(text);
		}
		return (uint16_t)number;
	}
	if (document->links->len >= LINKS_MAX)
		return 0;
	Link *link = g_new(Link, 1);
	*link = (Link){ .url = g_strdup(url), .text = g_strdup(text), .lies = lies };
	g_ptr_array_add(document->links, link);
	g_hash_table_insert(document->link_numbers, link->url, GUINT_TO_POINTER(document->links->len));
	return (uint16_t)document->links->len;
}

void
document_add_note(Document *document, const char *text)
{
	if (document->note && strstr(document->note, text))
		return;
	char *joined = document->note ? g_strdup_printf("%s %s", document->note, text) : g_strdup(text);
	g_free(document->note);
	document->note = joined;
}

void
spans_add(GArray **spans, size_t start, size_t size, unsigned style, unsigned link)
{
	if (size == 0 || (style == 0 && link == 0))
		return;
	if (!*spans)
		*spans = g_array_new(FALSE, FALSE, sizeof(Span));
	Span span = { .start = (uint32_t)start, .size = (uint32_t)size, .style = (uint16_t)style, .link = (uint16_t)link };
	g_array_append_val(*spans, span);
}

/* ---- plain text ---- */

/* Where the number of a link goes: behind its last span on the line. */
static bool
is_link_end(const Line *line, guint i)
{
	const Span *span = &g_array_index(line->spans, Span, i);
	if (!span->link || i + 1 == line->spans->len)
		return span->link;
	const Span *next = &g_array_index(line->spans, Span, i + 1);
	return !(next->link == span->link && next->start == span->start + span->size);
}

/* A link whose text is its own address needs no number. */
static bool
is_plain_link(const Document *document, const Line *line, const Span *span)
{
	const Link *link = g_ptr_array_index(document->links, span->link - 1);
	const char *text = line->text + span->start, *url = link->url;
	size_t n = strlen(url);
	if (n == span->size && strncmp(text, url, n) == 0)
		return true;
	static const char *const prefixes[] = { "http://", "https://", "mailto:" };
	for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++) {
		size_t skip = strlen(prefixes[i]);
		if (g_str_has_prefix(url, prefixes[i]) && n - skip == span->size && strncmp(text, url + skip, span->size) == 0)
			return true;
	}
	return false;
}

static void
append_line(GString *out, const Document *document, const Line *line, bool numbers, bool *used)
{
	for (unsigned i = 0; i < line->quote; i++)
		g_string_append(out, "> ");
	if (!*line->text && line->quote)
		g_string_truncate(out, out->len - 1);
	for (unsigned i = 0; i < line->indent && *line->text; i++)
		g_string_append_c(out, ' ');
	if (line->kind == LINE_RULE)
		g_string_append(out, "----------------------------------------");
	size_t at = 0;
	for (guint i = 0; numbers && line->spans && i < line->spans->len; i++) {
		const Span *span = &g_array_index(line->spans, Span, i);
		if (!is_link_end(line, i) || is_plain_link(document, line, span))
			continue;
		g_string_append_len(out, line->text + at, (gssize)(span->start + span->size - at));
		g_string_append_printf(out, " [%u]", span->link);
		at = span->start + span->size;
		used[span->link - 1] = true;
	}
	g_string_append(out, line->text + at);
	g_string_append_c(out, '\n');
}

static char *
text_of(const Document *document, bool for_people)
{
	GString *out = g_string_new(NULL);
	g_autofree bool *used = g_new0(bool, document->links->len + 1);
	if (for_people && document->note)
		g_string_append_printf(out, "[%s]\n\n", document->note);
	for (guint i = 0; i < document->lines->len; i++) {
		const Line *line = g_ptr_array_index(document->lines, i);
		if (for_people || line->kind != LINE_NOTE)
			append_line(out, document, line, for_people, used);
	}
	bool any = false;
	for (guint i = 0; for_people && i < document->links->len; i++) {
		const Link *link = g_ptr_array_index(document->links, i);
		if (!used[i])
			continue;
		g_string_append_printf(out, "%s[%u] %s%s\n", any ? "" : "\n", i + 1, link->url, link->lies ? "  (not where its text says)" : "");
		any = true;
	}
	return g_string_free(out, FALSE);
}

char *
document_text(const Document *document)
{
	return text_of(document, true);
}

char *
document_plain_text(const Document *document)
{
	return text_of(document, false);
}

/* ---- wire form: little-endian counts, strings with a length; lists with a count ---- */

enum { WIRE_VERSION = 1 };

static void
put_u32(GByteArray *out, uint32_t value)
{
	value = GUINT32_TO_LE(value);
	g_byte_array_append(out, (const uint8_t *)&value, sizeof value);
}

static void
put_i64(GByteArray *out, int64_t value)
{
	value = GINT64_TO_LE(value);
	g_byte_array_append(out, (const uint8_t *)&value, sizeof value);
}

/* NULL travels as the length 2^32-1. */
static void
put_text(GByteArray *out, const char *text)
{
	if (!text) {
		put_u32(out, UINT32_MAX);
		return;
	}
	size_t n = strlen(text);
	put_u32(out, (uint32_t)n);
	g_byte_array_append(out, (const uint8_t *)text, (guint)n);
}

static void
put_addresses(GByteArray *out, const GPtrArray *list)
{
	put_u32(out, list->len);
	for (guint i = 0; i < list->len; i++) {
		const MailAddress *address = g_ptr_array_index(list, i);
		put_text(out, address->name);
		put_text(out, address->addr);
	}
}

static void
put_envelope(GByteArray *out, const Envelope *envelope)
{
	put_text(out, envelope->message_id);
	put_text(out, envelope->in_reply_to);
	put_u32(out, g_strv_length(envelope->references));
	for (char **id = envelope->references; *id; id++)
		put_text(out, *id);
	put_text(out, envelope->subject);
	put_addresses(out, envelope->from);
	put_addresses(out, envelope->reply_to);
	put_addresses(out, envelope->to);
	put_addresses(out, envelope->cc);
	put_addresses(out, envelope->bcc);
	put_i64(out, envelope->date);
	put_text(out, envelope->list_id);
	put_text(out, envelope->list_post);
	put_u32(out, envelope->has_attachment);
}

static void
put_line(GByteArray *out, const Line *line)
{
	put_u32(out, (uint32_t)line->kind | (uint32_t)line->quote << 8 | (uint32_t)line->indent << 16 | (uint32_t)line->hang << 24);
	put_text(out, line->text);
	put_u32(out, line->spans ? line->spans->len : 0);
	for (guint i = 0; line->spans && i < line->spans->len; i++) {
		const Span *span = &g_array_index(line->spans, Span, i);
		put_u32(out, span->start);
		put_u32(out, span->size);
		put_u32(out, (uint32_t)span->style | (uint32_t)span->link << 16);
	}
}

GByteArray *
document_encode(const Document *document)
{
	GByteArray *out = g_byte_array_new();
	put_u32(out, WIRE_VERSION);
	put_envelope(out, document->envelope);
	put_u32(out, document->lines->len);
	for (guint i = 0; i < document->lines->len; i++)
		put_line(out, g_ptr_array_index(document->lines, i));
	put_u32(out, document->links->len);
	for (guint i = 0; i < document->links->len; i++) {
		const Link *link = g_ptr_array_index(document->links, i);
		put_text(out, link->url);
		put_text(out, link->text);
		put_u32(out, link->lies);
	}
	put_u32(out, document->parts->len);
	for (guint i = 0; i < document->parts->len; i++) {
		const Part *part = g_ptr_array_index(document->parts, i);
		put_text(out, part->id);
		put_text(out, part->type);
		put_text(out, part->name);
		put_text(out, part->description);
		put_i64(out, part->size);
		put_u32(out, part->depth);
		put_u32(out, (uint32_t)part->attachment | (uint32_t)part->shown << 1);
	}
	put_u32(out, (uint32_t)document->has_html | (uint32_t)document->has_plain << 1 | (uint32_t)document->is_html << 2);
	put_text(out, document->note);
	return out;
}

/* Turns bad and stays bad; every getter then gives nothing. */
typedef struct Reader { const uint8_t *p; size_t left; bool bad; } Reader;

static uint32_t
get_u32(Reader *reader)
{
	uint32_t value = 0;
	if (reader->left < sizeof value)
		reader->bad = true;
	if (reader->bad)
		return 0;
	memcpy(&value, reader->p, sizeof value);
	reader->p += sizeof value;
	reader->left -= sizeof value;
	return GUINT32_FROM_LE(value);
}

static int64_t
get_i64(Reader *reader)
{
	uint64_t low = get_u32(reader), high = get_u32(reader);
	return (int64_t)(high << 32 | low);
}

/* The worker read hostile mail: what it says is checked like mail, since it reaches the terminal. */
static char *
get_text(Reader *reader, bool may_be_null)
{
	uint32_t n = get_u32(reader);
	if (n == UINT32_MAX && may_be_null && !reader->bad)
		return NULL;
	if (n > reader->left || (!reader->bad && !g_utf8_validate_len((const char *)reader->p, n, NULL)))
		reader->bad = true;
	for (uint32_t i = 0; i < n && !reader->bad; i++)
		reader->bad = reader->p[i] < 0x20 || reader->p[i] == 0x7F || (reader->p[i] == 0xC2 && reader->p[i + 1] < 0xA0);
	if (reader->bad)
		return g_strdup("");
	char *text = g_strndup((const char *)reader->p, n);
	reader->p += n;
	reader->left -= n;
	return text;
}

/* Count of items that take at least item_size bytes each: no more than the rest can hold. */
static uint32_t
get_count(Reader *reader, size_t item_size)
{
	uint32_t n = get_u32(reader);
	if (n > reader->left / item_size)
		reader->bad = true;
	return reader->bad ? 0 : n;
}

static GPtrArray *
get_addresses(Reader *reader)
{
	GPtrArray *list = address_array_new();
	uint32_t n = get_count(reader, 8);
	for (uint32_t i = 0; i < n; i++) {
		MailAddress *address = g_new0(MailAddress, 1);
		address->name = get_text(reader, false);
		address->addr = get_text(reader, false);
		g_ptr_array_add(list, address);
	}
	return list;
}

static Envelope *
get_envelope(Reader *reader)
{
	Envelope *envelope = g_new0(Envelope, 1);
	envelope->message_id = get_text(reader, true);
	envelope->in_reply_to = get_text(reader, true);
	uint32_t n = get_count(reader, 4);
	envelope->references = g_new0(char *, n + 1);
	for (uint32_t i = 0; i < n; i++)
		envelope->references[i] = get_text(reader, false);
	envelope->subject = get_text(reader, false);
	envelope->from = get_addresses(reader);
	envelope->reply_to = get_addresses(reader);
	envelope->to = get_addresses(reader);
	envelope->cc = get_addresses(reader);
	envelope->bcc = get_addresses(reader);
	envelope->date = get_i64(reader);
	envelope->list_id = get_text(reader, true);
	envelope->list_post = get_text(reader, true);
	envelope->has_attachment = get_u32(reader);
	return envelope;
}

static bool
span_fits(const Span *span, const char *text, size_t size, uint32_t links)
{
	if (span->start > size || span->size > size - span->start || span->link > links)
		return false;
	/* Both ends stand between characters, else a cut one would be drawn. */
	return ((uint8_t)text[span->start] & 0xC0) != 0x80 && ((uint8_t)text[span->start + span->size] & 0xC0) != 0x80;
}

static void
get_line(Reader *reader, Document *document)
{
	uint32_t head = get_u32(reader);
	Line *line = g_new0(Line, 1);
	*line = (Line){ .kind = (LineKind)(head & 0xFF), .quote = head >> 8 & 0xFF, .indent = head >> 16 & 0xFF, .hang = (uint8_t)(head >> 24) };
	line->text = get_text(reader, false);
	g_ptr_array_add(document->lines, line);
	if (line->kind > LINE_NOTE)
		reader->bad = true;
	uint32_t n = get_count(reader, 12);
	if (n > 0)
		line->spans = g_array_sized_new(FALSE, FALSE, sizeof(Span), n);
	size_t size = strlen(line->text);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t start = get_u32(reader), length = get_u32(reader), rest = get_u32(reader);
		Span span = { .start = start, .size = length, .style = rest & 0xFFFF, .link = (uint16_t)(rest >> 16) };
		if (reader->bad || !span_fits(&span, line->text, size, UINT16_MAX))
			reader->bad = true;
		else
			g_array_append_val(line->spans, span);
	}
}

static void
get_links(Reader *reader, Document *document)
{
	uint32_t n = get_count(reader, 12);
	for (uint32_t i = 0; i < n; i++) {
		Link *link = g_new0(Link, 1);
		link->url = get_text(reader, false);
		link->text = get_text(reader, false);
		link->lies = get_u32(reader);
		g_ptr_array_add(document->links, link);
	}
	for (guint i = 0; i < document->lines->len && !reader->bad; i++) {
		const Line *line = g_ptr_array_index(document->lines, i);
		for (guint k = 0; line->spans && k < line->spans->len; k++)
			if (g_array_index(line->spans, Span, k).link > n)
				reader->bad = true;
	}
}

static void
get_parts(Reader *reader, Document *document)
{
	uint32_t n = get_count(reader, 32);
	for (uint32_t i = 0; i < n; i++) {
		Part *part = g_new0(Part, 1);
		part->id = get_text(reader, false);
		part->type = get_text(reader, false);
		part->name = get_text(reader, false);
		part->description = get_text(reader, true);
		part->size = get_i64(reader);
		part->depth = get_u32(reader);
		uint32_t flags = get_u32(reader);
		part->attachment = flags & 1;
		part->shown = flags & 2;
		g_ptr_array_add(document->parts, part);
	}
}

Document *
document_decode(const uint8_t *bytes, size_t size, GError **error)
{
	Reader reader = { .p = bytes, .left = size };
	g_autoptr(Document) document = document_new();
	if (get_u32(&reader) != WIRE_VERSION)
		reader.bad = true;
	document->envelope = get_envelope(&reader);
	uint32_t n = get_count(&reader, 12);
	for (uint32_t i = 0; i < n && !reader.bad; i++)
		get_line(&reader, document);
	get_links(&reader, document);
	get_parts(&reader, document);
	uint32_t flags = get_u32(&reader);
	document->has_html = flags & 1;
	document->has_plain = flags & 2;
	document->is_html = flags & 4;
	document->note = get_text(&reader, true);
	if (reader.bad || reader.left > 0) {
		error_set(error, ERROR_PROTOCOL, "the rendered message is damaged");
		return NULL;
	}
	return g_steal_pointer(&document);
}
