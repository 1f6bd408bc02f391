/* src/mail/encode.c: text -> header fields that any server carries (RFC 2047, 5322 2.2.3), flowed text (RFC 3676) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/encode.h"

#include "surel/text.h"

enum { FOLD_COLUMNS = 76, WORD_BYTES = 42 /* 42 bytes are 56 of base64: a word of 68, RFC 2047 2 allows 75 */, FLOW_COLUMNS = 72, FIXED_COLUMNS = 78,
	ID_BYTES = 900 };

static bool
needs_encoding(const char *text)
{
	size_t word = 0;
	for (const char *p = text; *p; p++) {
		word = *p == ' ' ? 0 : word + 1;
		if (*p < 0x20 || *p == 0x7F || word > 500)
			return true;
	}
	return strstr(text, "=?");
}

static bool
is_q_literal(char c)
{
	return g_ascii_isalnum(c) || strchr("!*+-/", c);	/* safe in a phrase too (RFC 2047 5) */
}

static size_t
q_size(const char *text, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < size; i++)
		n += is_q_literal(text[i]) || text[i] == ' ' ? 1 : 3;
	return n;
}

static void
append_word(GString *out, const char *text, size_t size, bool base64)
{
	if (base64) {
		g_autofree char *encoded = g_base64_encode((const guchar *)text, size);
		g_string_append_printf(out, "=?utf-8?B?%s?=", encoded);
		return;
	}
	g_string_append(out, "=?utf-8?Q?");
	for (size_t i = 0; i < size; i++) {
		if (is_q_literal(text[i]))
			g_string_append_c(out, text[i]);
		else if (text[i] == ' ')
			g_string_append_c(out, '_');
		else
			g_string_append_printf(out, "=%02X", (uint8_t)text[i]);
	}
	g_string_append(out, "?=");
}

/* Words hold whole characters, with their combining marks (RFC 2047 5). *column is where the line stands. */
static void
append_encoded(GString *out, const char *text, size_t *column)
{
	bool base64 = q_size(text, strlen(text)) * 3 > strlen(text) * 4;
	for (const char *p = text; *p;) {
		size_t n = 0;
		while (p[n]) {
			int width;
			size_t next = text_cluster(p + n, &width);
			size_t cost = base64 ? (n + next) * 4 / 3 : q_size(p, n + next);
			if (n > 0 && (cost > 60 || (base64 && n + next > WORD_BYTES) || *column + cost + 14 > FOLD_COLUMNS + (p == text ? 0 : 2)))
				break;
			n += next;
		}
		if (p > text) {
			g_string_append(out, "\r\n ");
			*column = 1;
		}
		size_t before = out->len;
		append_word(out, p, n, base64);
		*column += out->len - before;
		p += n;
	}
}

void
encode_text_field(GString *out, const char *name, const char *text)
{
	g_string_append_printf(out, "%s: ", name);
	size_t column = strlen(name) + 2;
	g_autofree char *trimmed = g_strdup(text);
	g_strstrip(trimmed);
	g_strdelimit(trimmed, "\t", ' ');
	if (needs_encoding(trimmed)) {
		append_encoded(out, trimmed, &column);
		g_string_append(out, "\r\n");
		return;
	}
	for (const char *p = trimmed; *p;) {		/* a fold is put before a blank, so that no blank is lost */
		size_t blanks = strspn(p, " "), n = blanks + strcspn(p + blanks, " ");
		if (column + n > FOLD_COLUMNS && blanks > 0 && column > strlen(name) + 2) {
			g_string_append(out, "\r\n");
			column = 0;
		}
		g_string_append_len(out, p, (gssize)n);
		column += n;
		p += n;
	}
	g_string_append(out, "\r\n");
}

/* Domain in its ASCII form, unless the address is raw. */
static char *
wire_address(const char *addr, bool raw)
{
	const char *at = strrchr(addr, '@');
	g_autofree char *domain = at && !raw ? g_hostname_to_ascii(at + 1) : NULL;
	return domain ? g_strdup_printf("%.*s@%s", (int)(at - addr), addr, domain) : g_strdup(addr);
}

static void
append_phrase(GString *out, const char *name, size_t *column)
{
	size_t before = out->len;
	if (needs_encoding(name)) {
		append_encoded(out, name, column);
		return;
	}
	MailAddress only_name = { .name = (char *)name, .addr = (char *)"" };
	g_autofree char *quoted = address_format(&only_name);
	g_string_append(out, quoted);
	*column += out->len - before;
}

void
encode_address_field(GString *out, const char *name, const GPtrArray *list, bool raw)
{
	g_string_append_printf(out, "%s:", name);
	size_t column = strlen(name) + 1;
	for (guint i = 0; i < list->len; i++) {
		const MailAddress *address = g_ptr_array_index(list, i);
		g_autofree char *addr = wire_address(address->addr, raw);
		size_t size = strlen(address->name) + strlen(addr) + 5;
		if (i > 0) {
			g_string_append_c(out, ',');
			column++;
		}
		if (i > 0 && column + size > FOLD_COLUMNS) {
			g_string_append(out, "\r\n");
			column = 0;
		}
		g_string_append_c(out, ' ');
		column++;
		if (*address->name) {
			append_phrase(out, address->name, &column);
			if (column + strlen(addr) + 3 > FOLD_COLUMNS && column > 1) {
				g_string_append(out, "\r\n");
				column = 0;
			}
			g_string_append_c(out, ' ');
		}
		g_string_append_printf(out, *address->name ? "<%s>" : "%s", addr);
		column += strlen(addr) + 3;
	}
	g_string_append(out, "\r\n");
}

static bool
is_id(const char *id)
{
	size_t n = strlen(id);
	if (n < 3 || n > ID_BYTES || id[0] != '<' || id[n - 1] != '>')
		return false;
	for (const char *p = id; *p; p++)
		if (*p <= 0x20 || *p == 0x7F)
			return false;
	return true;
}

void
encode_id_field(GString *out, const char *name, const char *ids, unsigned max)
{
	g_auto(GStrv) words = g_strsplit_set(ids, " \t", -1);
	g_autoptr(GPtrArray) good = g_ptr_array_new();
	for (char **word = words; *word; word++)
		if (is_id(*word))
			g_ptr_array_add(good, *word);
	if (good->len == 0)
		return;
	g_string_append_printf(out, "%s:", name);
	size_t column = strlen(name) + 1;
	for (guint i = 0; i < good->len; i++) {
		const char *id = g_ptr_array_index(good, i);
		if (i > 0 && good->len > max && i < good->len - max + 1)
			continue;
		if (i > 0 && column + strlen(id) + 1 > FOLD_COLUMNS) {
			g_string_append(out, "\r\n");
			column = 0;
		}
		g_string_append_printf(out, " %s", id);
		column += strlen(id) + 1;
	}
	g_string_append(out, "\r\n");
}

/* ---- body ---- */

/* Quote marks at the start of a typed line, with the blank behind them. */
static size_t
quote_prefix(const char *line, size_t size, unsigned *ret_depth)
{
	size_t i = 0, n = 0;
	unsigned depth = 0;
	while (i < size && (line[i] == '>' || (line[i] == ' ' && depth > 0 && i + 1 < size && line[i + 1] == '>'))) {
		depth += line[i] == '>';
		n = ++i;
	}
	*ret_depth = depth;
	return depth && n < size && line[n] == ' ' ? n + 1 : n;
}

/* Bytes up to the last blank that fits, the blank included; all of it when there is none. */
static size_t
soft_break(const char *text, size_t size, int columns)
{
	size_t best = 0;
	int width = 0;
	for (size_t i = 0; i < size;) {
		int w;
		size_t n = text_cluster(text + i, &w);
		width += w;
		i += n;
		if (text[i - 1] == ' ' && i < size && text[i] != ' ') {
			if (width > columns && best > 0)
				return best;
			best = i;
			if (width > columns)
				return best;
		}
	}
	return width > columns && best > 0 ? best : size;
}

static void
append_stuffed(GString *out, unsigned depth, const char *text, size_t size)
{
	for (unsigned i = 0; i < depth; i++)
		g_string_append_c(out, '>');
	bool stuff = size > 0 && (depth > 0 || *text == ' ' || *text == '>' || (size >= 5 && memcmp(text, "From ", 5) == 0));
	if (stuff)
		g_string_append_c(out, ' ');
	g_string_append_len(out, text, (gssize)size);
	g_string_append(out, "\r\n");
}

static void
flow_line(GString *out, const char *line, size_t size)
{
	if (size == 3 && memcmp(line, "-- ", 3) == 0) {
		g_string_append(out, "-- \r\n");
		return;
	}
	while (size > 0 && (line[size - 1] == ' ' || line[size - 1] == '\t'))
		size--;		/* a blank at the end would flow */
	unsigned depth;
	size_t skip = quote_prefix(line, size, &depth);
	const char *text = line + skip;
	size -= skip;
	g_autofree char *copy = g_strndup(text, size);
	bool fits = text_width(copy) + (int)depth + 1 <= FIXED_COLUMNS;
	bool drawn = size > 0 && (*copy == ' ' || *copy == '\t' || *copy == '|');	/* code, tables */
	const char *p = copy;
	while (!fits && !drawn && size > 0) {
		size_t n = soft_break(p, size, FLOW_COLUMNS - (int)depth);
		if (n == size)
			break;
		append_stuffed(out, depth, p, n);
		p += n;
		size -= n;
	}
	append_stuffed(out, depth, p, size);
}

char *
encode_flowed(const char *body)
{
	GString *out = g_string_new(NULL);
	for (const char *p = body; *p;) {
		size_t n = strcspn(p, "\n"), size = n;
		while (size > 0 && p[size - 1] == '\r')
			size--;
		flow_line(out, p, size);
		p += n + (p[n] == '\n');
	}
	return g_string_free(out, FALSE);
}

char *
encode_fixed(const char *body)
{
	GString *out = g_string_new(NULL);
	for (const char *p = body; *p;) {
		size_t n = strcspn(p, "\n"), size = n;
		while (size > 0 && p[size - 1] == '\r')
			size--;
		g_string_append_len(out, p, (gssize)size);
		g_string_append(out, "\r\n");
		p += n + (p[n] == '\n');
	}
	return g_string_free(out, FALSE);
}
