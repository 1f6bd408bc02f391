/* src/mail/raw.c: where enclosed messages stand in the bytes of the mail, since the parser writes them anew (RFC 2046 5.1.1) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/mime.h"

enum { DELIMITERS_MAX = 20000 };

static size_t
line_size(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));
	return lf ? (size_t)(lf - p) + 1 : (size_t)(end - p);
}

/* Behind the empty line that ends the header. */
static const char *
body_start(const char *p, const char *end)
{
	while (p < end) {
		size_t n = line_size(p, end);
		bool empty = *p == '\n' || (n == 2 && *p == '\r');
		p += n;
		if (empty)
			break;
	}
	return p;
}

/* The line break before a delimiter belongs to the delimiter. */
static const char *
part_end(const char *start, const char *delimiter)
{
	if (delimiter > start && delimiter[-1] == '\n')
		delimiter--;
	if (delimiter > start && delimiter[-1] == '\r')
		delimiter--;
	return delimiter;
}

static bool
is_delimiter(const char *p, size_t size, const char *boundary, size_t boundary_size, bool *ret_last)
{
	if (size < boundary_size + 2 || p[0] != '-' || p[1] != '-' || memcmp(p + 2, boundary, boundary_size) != 0)
		return false;
	const char *rest = p + 2 + boundary_size, *end = p + size;
	*ret_last = end - rest >= 2 && rest[0] == '-' && rest[1] == '-';
	for (rest += *ret_last ? 2 : 0; rest < end; rest++)
		if (!g_ascii_isspace(*rest))
			return false;
	return true;
}

/* All parts of a multipart in one pass. */
static void
locate_children(Node *node)
{
	g_autofree char *boundary = header_parameter(node->content_type, "boundary");
	size_t boundary_size = boundary ? strlen(boundary) : 0;
	const char *end = node->raw + node->raw_size, *start = NULL;
	bool last = false;
	guint next = 0;
	for (const char *p = body_start(node->raw, end); boundary_size > 0 && p < end && !last && next < node->children->len;) {
		size_t n = line_size(p, end);
		if (is_delimiter(p, n, boundary, boundary_size, &last)) {
			if (start) {
				Node *child = g_ptr_array_index(node->children, next++);
				child->raw = start;
				child->raw_size = (size_t)(MAX(part_end(start, p), start) - start);
			}
			start = p + n;
		}
		p += n;
	}
	if (start && !last && next < node->children->len) {		/* the closing delimiter is missing */
		Node *child = g_ptr_array_index(node->children, next);
		child->raw = start;
		child->raw_size = (size_t)(end - start);
	}
}

static bool
locate(Node *node)
{
	if (node->raw_tried)
		return node->raw;
	node->raw_tried = true;
	if (!node->parent) {
		node->raw = node->mail ? node->mail->bytes : NULL;
		node->raw_size = node->mail ? node->mail->size : 0;
	} else if (!locate(node->parent)) {
		return false;
	} else if (node->parent->is_multipart) {
		if (!node->parent->raw_children)
			locate_children(node->parent);
		node->parent->raw_children = true;
	} else if (node->parent->is_message && !node->parent->encoded_message) {
		const char *end = node->parent->raw + node->parent->raw_size;
		node->raw = body_start(node->parent->raw, end);
		node->raw_size = (size_t)(end - node->raw);
	}
	return node->raw;
}

/* The same text, whatever its line ends are and how many of them end it. */
static bool
same_lines(const char *a, size_t a_size, const char *b, size_t b_size)
{
	while (a_size > 0 && g_ascii_isspace(a[a_size - 1]))
		a_size--;
	while (b_size > 0 && g_ascii_isspace(b[b_size - 1]))
		b_size--;
	const char *a_end = a + a_size, *b_end = b + b_size;
	while (true) {
		a += a < a_end && *a == '\r';
		b += b < b_end && *b == '\r';
		if (a == a_end || b == b_end)
			return a == a_end && b == b_end;
		if (*a++ != *b++)
			return false;
	}
}

const char *
raw_message(Node *node, const char *written, size_t written_size, size_t *ret_size)
{
	if (!locate(node))
		return NULL;
	const char *end = node->raw + node->raw_size, *start = body_start(node->raw, end);
	*ret_size = (size_t)(end - start);
	return same_lines(start, *ret_size, written, written_size) ? start : NULL;
}

/* ---- a delimiter that no header names ---- */

/* Bytes of a line that may be a delimiter: "--", no blanks, at least eight; 0 for others. */
static size_t
delimiter_size(const char *p, size_t size)
{
	while (size > 0 && g_ascii_isspace(p[size - 1]))
		size--;
	bool plausible = size >= 8 && size <= 78 && p[0] == '-' && p[1] == '-' && !memchr(p, '"', size) && !memchr(p, '\\', size) &&
		strspn(p, "-") < size && !memchr(p, ' ', size);
	return plausible ? size : 0;
}

char *
raw_sniff_boundary(const char *body, size_t size)
{
	const char *end = body + size, *first = NULL;
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);	/* line -> where it came first */
	for (const char *p = body; p < end && g_hash_table_size(seen) < DELIMITERS_MAX;) {
		size_t n = line_size(p, end), length = delimiter_size(p, n);
		g_autofree char *line = g_strndup(p, length);
		if (length > 10 && g_str_has_suffix(line, "--") && !g_hash_table_contains(seen, line))	/* the closing one */
			line[length - 2] = '\0';
		const char *at = length ? g_hash_table_lookup(seen, line) : NULL;
		if (at && (!first || at < first))
			first = at;
		else if (length && !at)
			g_hash_table_insert(seen, g_steal_pointer(&line), (void *)(uintptr_t)p);
		p += n;
	}
	size_t length = first ? delimiter_size(first, line_size(first, end)) : 0;
	return first ? g_strndup(first + 2, length - 2) : NULL;
}
