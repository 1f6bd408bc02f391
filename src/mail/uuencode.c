/* src/mail/uuencode.c: files inside text (uuencode) and inside winmail.dat (TNEF, MS-OXTNEF 2.1) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/lines.h"

enum { MADE_FILES_MAX = 100 };

/* "begin 644 name": name is everything behind the mode. */
static char *
begin_name(const char *line, size_t size)
{
	if (size < 9 || memcmp(line, "begin ", 6) != 0)
		return NULL;
	size_t i = 6;
	while (i < size && line[i] >= '0' && line[i] <= '7')
		i++;
	if (i < 9 || i > 10 || (i < size && line[i] != ' '))
		return NULL;
	g_autofree char *name = g_strndup(line + i, size - i);
	return *g_strstrip(name) ? g_steal_pointer(&name) : g_strdup("attachment.bin");
}

/* One line: a length character, then groups of four; false when it is none. */
static bool
decode_line(GByteArray *out, const char *line, size_t size)
{
	unsigned length = size ? (unsigned)(line[0] - ' ') & 63 : 0;
	size_t need = (length * 8 + 5) / 6;
	if (size == 0 || line[0] < ' ' || line[0] > '`' || size - 1 + 3 < need || size > 100)
		return false;
	for (size_t i = 0; i < length; i += 3) {
		unsigned v[4];
		for (size_t k = 0; k < 4; k++) {
			size_t at = 1 + i / 3 * 4 + k;
			char c = at < size ? line[at] : ' ';	/* blanks at the end are cut on the way */
			if (c < ' ' || c > '`')
				return false;
			v[k] = (unsigned)(c - ' ') & 63;
		}
		uint8_t bytes[3] = { (uint8_t)(v[0] << 2 | v[1] >> 4), (uint8_t)(v[1] << 4 | v[2] >> 2), (uint8_t)(v[2] << 6 | v[3]) };
		g_byte_array_append(out, bytes, MIN(3u, (guint)(length - i)));
	}
	return true;
}

/* Behind "end"; NULL when the block is broken. */
static const char *
decode_block(GByteArray *out, const char *p)
{
	while (*p) {
		size_t n = strcspn(p, "\n");
		if (n >= 3 && memcmp(p, "end", 3) == 0 && strspn(p + 3, " \r") == n - 3)
			return p + n + (p[n] == '\n');
		if (n > 0 && !decode_line(out, p, n))
			return NULL;
		p += n + (p[n] == '\n');
	}
	return NULL;
}

static const char *
type_of(const char *name)
{
	static const struct { const char *suffix, *type; } types[] = { { ".jpg", "image/jpeg" }, { ".jpeg", "image/jpeg" }, { ".gif", "image/gif" },
		{ ".png", "image/png" }, { ".pdf", "application/pdf" }, { ".txt", "text/plain" }, { ".zip", "application/zip" }, { ".htm", "text/html" },
		{ ".html", "text/html" }, { ".doc", "application/msword" }, { ".xls", "application/vnd.ms-excel" }, { ".rtf", "text/rtf" } };
	g_autofree char *lower = g_ascii_strdown(name, -1);
	for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
		if (g_str_has_suffix(lower, types[i].suffix))
			return types[i].type;
	return "application/octet-stream";
}

static void
add_file(Mail *mail, Node *node, const char *raw_name, GByteArray *bytes)
{
	g_autofree char *id = g_strdup_printf("%s.u%u", node->id, node->children->len + 1);
	g_autofree char *name = header_decode(raw_name, strlen(raw_name), NULL);
	size_t size = bytes->len;
	g_byte_array_append(bytes, (const uint8_t *)"", 1);
	node_add_made(mail, node, id, type_of(name), name, (char *)g_byte_array_free(bytes, FALSE), size);
}

char *
uuencode_extract(Mail *mail, Node *node, const char *text)
{
	if (node->children->len > 0)
		g_ptr_array_set_size(node->children, 0);	/* rendered a second time */
	g_autoptr(GString) out = g_string_new(NULL);
	unsigned files = 0;
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");
		g_autofree char *name = files < MADE_FILES_MAX ? begin_name(p, n) : NULL;
		GByteArray *bytes = name ? g_byte_array_new() : NULL;
		const char *rest = name ? decode_block(bytes, p + n + (p[n] == '\n')) : NULL;
		if (rest) {
			add_file(mail, node, name, bytes);
			files++;
			p = rest;
			continue;
		}
		if (bytes)
			g_byte_array_unref(bytes);
		g_string_append_len(out, p, (gssize)(n + (p[n] == '\n')));
		p += n + (p[n] == '\n');
	}
	return files ? g_strdup(out->str) : NULL;
}

/* ---- TNEF ---- */

enum { TNEF_SIGNATURE = 0x223E9F78, ATTR_TITLE = 0x00018010, ATTR_DATA = 0x0006800F, ATTR_RENDER = 0x00069002, ATTR_PROPS = 0x00069005 };

typedef struct Tnef { const uint8_t *p; size_t left; } Tnef;

static uint32_t
tnef_u32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void
tnef_flush(Mail *mail, Node *node, char **title, GByteArray **data)
{
	if (*data)
		add_file(mail, node, *title ? *title : "attachment.bin", g_steal_pointer(data));
	g_clear_pointer(title, g_free);
}

void
tnef_extract(Mail *mail, Node *node)
{
	size_t size;
	const char *content = node_content(node, &size);
	if (node->children->len > 0 || size < 6 || tnef_u32((const uint8_t *)content) != TNEF_SIGNATURE)
		return;
	Tnef tnef = { (const uint8_t *)content + 6, size - 6 };
	g_autofree char *title = NULL;
	GByteArray *data = NULL;
	while (tnef.left >= 11 && node->children->len < MADE_FILES_MAX) {	/* level, attribute, length, data, checksum */
		uint32_t attribute = tnef_u32(tnef.p + 1), length = tnef_u32(tnef.p + 5);
		bool attachment = tnef.p[0] == 2;
		if (length > tnef.left - 11)
			break;
		const uint8_t *value = tnef.p + 9;
		if (attachment && attribute == ATTR_RENDER)
			tnef_flush(mail, node, &title, &data);
		if (attachment && attribute == ATTR_TITLE && !title)
			title = charset_to_utf8((const char *)value, strnlen((const char *)value, length), NULL, NULL);
		if (attachment && attribute == ATTR_DATA && !data) {
			data = g_byte_array_new();
			g_byte_array_append(data, value, length);
		}
		tnef.p += length + 11;
		tnef.left -= length + 11;
	}
	tnef_flush(mail, node, &title, &data);
}
