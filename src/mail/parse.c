/* src/mail/parse.c: bytes -> part tree through GMime, with work-arounds for what it refuses (RFC 2045, 2046) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/mime.h"

#include <gmime/gmime.h>

enum { MBOX_LINE_MAX = 200, NESTED_BYTES_MAX = 64 << 20 };

void
mime_init(void)
{
	static gsize done;
	if (g_once_init_enter(&done)) {
		g_mime_init();
		g_once_init_leave(&done, 1);
	}
}

/* ---- where the message begins ---- */

static size_t
line_size(const char *p, size_t size)
{
	const char *lf = memchr(p, '\n', size);
	return lf ? (size_t)(lf - p) + 1 : size;
}

static bool
is_blank_line(const char *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!g_ascii_isspace(p[i]))
			return false;
	return true;
}

/* "Name:" of printable ASCII (RFC 5322 3.6.8); blanks before the colon are obsolete syntax. */
static bool
is_field_line(const char *p, size_t size)
{
	size_t i = 0;
	while (i < size && p[i] > 0x20 && p[i] < 0x7F && p[i] != ':')
		i++;
	size_t name = i;
	while (i < size && (p[i] == ' ' || p[i] == '\t'))
		i++;
	return name > 0 && i < size && p[i] == ':';
}

/* "From a@b Sat Feb  7 06:00:00 2026" between messages of an mbox: the time tells it from prose. */
static bool
is_mbox_line(const char *p, size_t size)
{
	if (size < 20 || memcmp(p, "From ", 5) != 0)
		return false;
	size = MIN(size, MBOX_LINE_MAX);
	for (size_t i = 5; i + 5 < size; i++)
		if (p[i] == ':' && g_ascii_isdigit(p[i - 1]) && g_ascii_isdigit(p[i + 1]) && g_ascii_isdigit(p[i + 2]))
			return true;
	return false;
}

static size_t
mbox_end(const char *bytes, size_t size)
{
	const char *p = bytes, *end = bytes + size;
	while ((p = memmem(p, (size_t)(end - p), "\nFrom ", 6))) {
		bool blank = p > bytes && (p[-1] == '\n' || (p[-1] == '\r' && p - 1 > bytes && p[-2] == '\n'));
		if (blank && is_mbox_line(p + 1, line_size(p + 1, (size_t)(end - p - 1))))
			return (size_t)(p + 1 - bytes);
		p++;
	}
	return size;
}

void
mail_bounds(const char **bytes, size_t *size)
{
	const char *p = *bytes;
	size_t left = *size;
	bool mbox = false;
	if (left >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) {
		p += 3;
		left -= 3;
	}
	while (left > 0) {
		size_t n = line_size(p, left);
		bool from = n > 5 && (memcmp(p, "From ", 5) == 0 || (memcmp(p, ">From ", 6) == 0 && p > *bytes));
		if (!from && !is_blank_line(p, n))
			break;
		mbox |= from && *p == 'F';
		p += n;
		left -= n;
	}
	*bytes = p;
	*size = mbox ? mbox_end(p, left) : left;
}

enum { HEADER_LINES_MAX = 20000, LOOK_AHEAD_LINES = 8 };
typedef enum HeaderLine { HEADER_EMPTY, HEADER_FIELD, HEADER_FOLD, HEADER_BLANK_FOLD, HEADER_OTHER } HeaderLine;

static HeaderLine
header_line(const char *p, size_t n)
{
	if (*p == '\n' || (*p == '\r' && (n == 1 || (n == 2 && p[1] == '\n'))))
		return HEADER_EMPTY;
	if (*p == ' ' || *p == '\t')
		return is_blank_line(p, n) ? HEADER_BLANK_FOLD : HEADER_FOLD;
	return is_field_line(p, n) ? HEADER_FIELD : HEADER_OTHER;
}

/* A field follows in the same block: then a line that is none is dirt; otherwise it is the first of the body. */
static bool
field_follows(const char *p, const char *end)
{
	for (unsigned i = 0; p < end && i < LOOK_AHEAD_LINES; i++) {
		size_t n = line_size(p, (size_t)(end - p));
		HeaderLine kind = header_line(p, n);
		if (kind == HEADER_FIELD || kind == HEADER_EMPTY)
			return kind == HEADER_FIELD;
		p += n;
	}
	return false;
}

/* The header as programs write it: fields and folds up to an empty line. What is no field is left out of it; where the empty
 * line is missing or made of blanks one is put in. *bytes stays as it is when nothing is wrong, else the result owns it. False
 * when there is no field at all. */
static bool
repair_header(const char **bytes, size_t *size, char **ret_owned)
{
	const char *p = *bytes, *end = p + *size, *body = end;
	g_autoptr(GString) out = g_string_new(NULL);
	bool any = false, wrong = false, separated = false;
	for (unsigned i = 0; p < end && i < HEADER_LINES_MAX && !separated; i++) {
		size_t n = line_size(p, (size_t)(end - p));
		HeaderLine kind = header_line(p, n);
		body = p + n;
		if (kind == HEADER_EMPTY) {
			separated = true;
		} else if (kind == HEADER_BLANK_FOLD) {
			wrong = true;
			separated = any && !field_follows(p + n, end);
		} else if (kind == HEADER_OTHER || (kind == HEADER_FOLD && !any)) {
			wrong = true;
			if (!field_follows(p + n, end)) {
				body = p;
				separated = true;
			}
		} else {
			any |= kind == HEADER_FIELD;
			g_string_append_len(out, p, (gssize)n);
		}
		p = body;
	}
	if (!any || !wrong)
		return any;
	if (out->str[out->len - 1] != '\n')
		g_string_append_c(out, '\n');
	g_string_append_c(out, '\n');
	g_string_append_len(out, body, end - body);
	*size = out->len;
	*bytes = *ret_owned = g_string_free(g_steal_pointer(&out), FALSE);
	return true;
}

static size_t
header_size(const char *bytes, size_t size)
{
	const char *p = bytes, *end = bytes + size;
	while (p < end) {
		size_t n = line_size(p, (size_t)(end - p));
		if (header_line(p, n) == HEADER_EMPTY)
			return (size_t)(p - bytes);
		p += n;
	}
	return size;
}

/* ---- tree ---- */

static void
node_free(void *data)
{
	Node *node = data;
	g_free(node->id);
	g_free(node->type);
	g_free(node->name);
	g_free(node->disposition);
	g_free(node->content_id);
	g_free(node->description);
	g_free(node->content_type);
	g_free(node->headers);
	g_ptr_array_unref(node->children);
	g_free(node->data);
	g_free(node);
}

static Node *
node_new(Node *parent, char *id)
{
	Node *node = g_new0(Node, 1);
	node->id = id;
	node->parent = parent;
	node->depth = parent ? parent->depth + 1 : 0;
	node->children = g_ptr_array_new_with_free_func(node_free);
	node->type = g_strdup("text/plain");
	node->disposition = g_strdup("");
	return node;
}

static const char *
raw_field(GMimeObject *object, const char *name)
{
	GMimeHeader *header = g_mime_header_list_get_header(g_mime_object_get_header_list(object), name);
	return header ? g_mime_header_get_raw_value(header) : NULL;
}

/* "text" alone, "html", "text/html" with blanks: what senders meant (RFC 2045 5.2 leaves it text/plain). */
static char *
media_type(const char *raw, GMimeObject *object)
{
	g_autofree char *token = header_token(raw);
	const char *slash = strchr(token, '/');
	if (g_str_has_prefix(token, "text/plaincharset") || g_str_has_prefix(token, "text/htmlcharset"))	/* a lost ';' */
		return g_strdup(token[5] == 'p' ? "text/plain" : "text/html");
	if (strcmp(token, "plain/text") == 0 || strcmp(token, "html/text") == 0)
		return g_strdup(*token == 'p' ? "text/plain" : "text/html");
	if (slash && slash > token && slash[1] && !strchr(slash + 1, '/') && !strchr(token, ','))
		return g_steal_pointer(&token);
	if (strcmp(token, "html") == 0)
		return g_strdup("text/html");
	if (strcmp(token, "text") == 0 || strcmp(token, "plain") == 0)
		return g_strdup("text/plain");
	if (*token && slash != token + strlen(token) - 1 && strchr(token, '/') && GMIME_IS_PART(object) && g_str_has_prefix(token, "text/"))
		return g_strdup("text/plain");
	GMimeContentType *type = *token ? NULL : g_mime_object_get_content_type(object);
	g_autofree char *mime = type ? g_mime_content_type_get_mime_type(type) : g_strdup("text/plain");
	return g_ascii_strdown(mime, -1);
}

static void
describe(Node *node, GMimeObject *object)
{
	node->content_type = g_strdup(raw_field(object, "Content-Type"));
	g_free(node->type);
	node->type = media_type(node->content_type, object);
	const char *disposition = raw_field(object, "Content-Disposition");
	g_free(node->disposition);
	node->disposition = header_token(disposition);
	node->name = header_parameter(disposition, "filename");
	if (!node->name || !*node->name) {
		g_free(node->name);
		node->name = header_parameter(node->content_type, "name");
	}
	if (node->name && !*node->name)
		g_clear_pointer(&node->name, g_free);
	if (g_str_has_prefix(node->type, "text/") && strcmp(node->disposition, "attachment") == 0 && !node->name && !disposition)
		node->disposition[0] = '\0';
	const char *id = raw_field(object, "Content-ID"), *description = raw_field(object, "Content-Description");
	if (id) {
		g_autofree char *text = header_decode(id, strlen(id), NULL);
		size_t n = strlen(text);
		node->content_id = n > 2 && text[0] == '<' && text[n - 1] == '>' ? g_strndup(text + 1, n - 2) : g_steal_pointer(&text);
	}
	if (description)
		node->description = header_decode(description, strlen(description), NULL);
}

static void build_children(Mail *mail, Node *node, GMimeObject *object);

static char *
child_id(const Node *parent, unsigned number)
{
	return parent && *parent->id ? g_strdup_printf("%s.%u", parent->id, number) : g_strdup_printf("%u", number);
}

static Node *
add_node(Mail *mail, Node *parent, char *id, GMimeObject *object)
{
	Node *node = node_new(parent, id);
	node->object = object;
	node->mail = mail;
	mail->parts++;
	if (parent)
		g_ptr_array_add(parent->children, node);
	describe(node, object);
	build_children(mail, node, object);
	return node;
}

/* Body of an enclosed message: a multipart has the message's own number, so its children are "2.1"; a single part is "2.1". */
static void
add_enclosed(Mail *mail, Node *node, GMimeMessage *message)
{
	node->is_message = true;
	node->headers = g_mime_object_get_headers(GMIME_OBJECT(message), NULL);
	GMimeObject *body = g_mime_message_get_mime_part(message);
	if (body && mail->parts < RENDER_MAX_PARTS)
		add_node(mail, node, GMIME_IS_MULTIPART(body) ? g_strdup(node->id) : child_id(node, 1), body);
}

static GMimeMessage *
parse_bytes(const char *bytes, size_t size)
{
	mime_init();
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(bytes, size);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	g_mime_parser_set_format(parser, GMIME_FORMAT_MESSAGE);
	g_mime_parser_set_persist_stream(parser, FALSE);
	GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
	g_object_unref(parser);
	g_object_unref(stream);
	return message;
}

/* message/rfc822 in base64 or quoted-printable: forbidden (RFC 2046 5.2.1), but sent. */
static void
add_encoded_message(Mail *mail, Node *node)
{
	size_t size;
	const char *content = node_content(node, &size);
	mail_bounds(&content, &size);
	g_autofree char *owned = NULL;
	if (size == 0 || size > NESTED_BYTES_MAX || !repair_header(&content, &size, &owned))
		return;
	GMimeMessage *message = parse_bytes(content, size);
	if (!message)
		return;
	g_ptr_array_add(mail->objects, message);
	node->encoded_message = true;
	add_enclosed(mail, node, message);
}

static void
build_children(Mail *mail, Node *node, GMimeObject *object)
{
	if (node->depth >= RENDER_MAX_DEPTH) {
		mail->too_deep = true;
		return;
	}
	if (GMIME_IS_MULTIPART(object)) {
		node->is_multipart = true;
		int count = g_mime_multipart_get_count(GMIME_MULTIPART(object));
		for (int i = 0; i < count; i++) {
			if (mail->parts >= RENDER_MAX_PARTS) {
				mail->too_many = true;
				return;
			}
			add_node(mail, node, child_id(node, (unsigned)i + 1), g_mime_multipart_get_part(GMIME_MULTIPART(object), i));
		}
	} else if (GMIME_IS_MESSAGE_PART(object)) {
		GMimeMessage *message = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
		if (message)
			add_enclosed(mail, node, message);
	} else if (GMIME_IS_PART(object) && (node_is(node, "message/rfc822") || node_is(node, "message/global"))) {
		add_encoded_message(mail, node);
	}
}

static void
object_unref(void *object)
{
	g_object_unref(object);
}

/* A multipart without a boundary: all that was sent is what stands behind the header. */
static void
keep_raw_body(Mail *mail)
{
	Node *root = mail->root;
	root->data_size = mail->size - mail->header_size;
	root->data = g_malloc(root->data_size + 1);
	memcpy(root->data, mail->bytes + mail->header_size, root->data_size);
	root->data[root->data_size] = '\0';
	root->decoded = true;
}

/* Parses the body again with the boundary it really has. */
static void
reparse_multipart(Mail *mail)
{
	const char *body = mail->bytes + mail->header_size;
	size_t size = mail->size - mail->header_size;
	g_autofree char *boundary = mail->root->is_multipart ? NULL : header_parameter(mail->root->content_type, "boundary");
	if (!boundary)
		boundary = raw_sniff_boundary(body, size);
	if (!boundary || strpbrk(boundary, "\"\\"))
		return;
	g_autoptr(GString) bytes = g_string_sized_new(size + 200);
	g_string_append_printf(bytes, "Content-Type: %s; boundary=\"%s\"\n", mail->root->type, boundary);
	g_string_append_len(bytes, body, (gssize)size);
	GMimeMessage *message = parse_bytes(bytes->str, bytes->len);
	GMimeObject *object = message ? g_mime_message_get_mime_part(message) : NULL;
	if (message)
		g_ptr_array_add(mail->objects, message);
	if (!object || !GMIME_IS_MULTIPART(object) || g_mime_multipart_get_count(GMIME_MULTIPART(object)) == 0)
		return;
	g_free(mail->root->id);
	mail->root->id = g_strdup("");
	build_children(mail, mail->root, object);
}

Mail *
mail_parse(const char *bytes, size_t size)
{
	Mail *mail = g_new0(Mail, 1);
	mail->objects = g_ptr_array_new_with_free_func(object_unref);
	mail_bounds(&bytes, &size);
	size = MIN(size, (size_t)G_MAXINT);
	mail->source = bytes;
	mail->source_size = size;
	bool has_header = repair_header(&bytes, &size, &mail->owned);
	mail->bytes = bytes;
	mail->size = size;
	mail->header_size = has_header ? header_size(bytes, size) : 0;
	GMimeMessage *message = has_header ? parse_bytes(bytes, size) : NULL;
	if (message)
		g_ptr_array_add(mail->objects, message);
	GMimeObject *body = message ? g_mime_message_get_mime_part(message) : NULL;
	if (body) {
		mail->root = add_node(mail, NULL, GMIME_IS_MULTIPART(body) ? g_strdup("") : g_strdup("1"), body);
		if (node_is(mail->root, "multipart/") && mail->root->children->len == 0)	/* also: a second Content-Type won */
			reparse_multipart(mail);
		if (mail->root->is_multipart && mail->root->children->len == 0)
			keep_raw_body(mail);
		return mail;
	}
	mail->root = node_new(NULL, g_strdup("1"));
	mail->parts = 1;
	size_t skip = mail->header_size;
	mail->root->data = g_strndup(bytes + skip, size - skip);	/* stops at a NUL: fine for text that is no message */
	mail->root->data_size = strlen(mail->root->data);
	mail->root->decoded = true;
	return mail;
}

void
mail_free(Mail *mail)
{
	if (!mail)
		return;
	if (mail->root)
		node_free(mail->root);
	g_ptr_array_unref(mail->objects);
	g_free(mail->owned);
	g_free(mail);
}

Node *
node_add_made(Mail *mail, Node *parent, const char *id, const char *type, const char *name, char *data, size_t size)
{
	Node *node = node_new(parent, g_strdup(id));
	g_free(node->type);
	node->type = g_strdup(type);
	node->name = g_strdup(name);
	node->data = data;
	node->data_size = size;
	node->decoded = true;
	node->attachment = true;
	mail->parts++;
	g_ptr_array_add(parent->children, node);
	return node;
}

/* ---- content ---- */

static GByteArray *
decode_content(GMimeObject *object)
{
	GMimeStream *stream = g_mime_stream_mem_new();
	GByteArray *bytes = g_byte_array_new();
	g_mime_stream_mem_set_byte_array(GMIME_STREAM_MEM(stream), bytes);
	g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
	if (GMIME_IS_PART(object)) {
		GMimeDataWrapper *content = g_mime_part_get_content(GMIME_PART(object));
		if (content)
			g_mime_data_wrapper_write_to_stream(content, stream);
	} else if (GMIME_IS_MESSAGE_PART(object)) {
		GMimeMessage *message = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
		if (message)
			g_mime_object_write_to_stream(GMIME_OBJECT(message), NULL, stream);
	} else if (GMIME_IS_MULTIPART(object)) {
		const char *before = g_mime_multipart_get_prologue(GMIME_MULTIPART(object));
		const char *after = g_mime_multipart_get_epilogue(GMIME_MULTIPART(object));
		g_mime_stream_write_string(stream, before ? before : "");
		g_mime_stream_write_string(stream, after ? after : "");
	}
	g_object_unref(stream);
	return bytes;
}

const char *
node_content(Node *node, size_t *ret_size)
{
	if (!node->decoded) {
		GByteArray *bytes = decode_content(node->object);
		size_t raw_size;
		const char *raw = node->is_message ? raw_message(node, (const char *)bytes->data, bytes->len, &raw_size) : NULL;
		if (raw) {
			g_byte_array_set_size(bytes, 0);
			g_byte_array_append(bytes, (const uint8_t *)raw, (guint)raw_size);
		}
		node->data_size = bytes->len;
		g_byte_array_append(bytes, (const uint8_t *)"", 1);
		node->data = (char *)g_byte_array_free(bytes, FALSE);
		node->decoded = true;
	}
	*ret_size = node->data_size;
	return node->data;
}

/* <meta charset=..> or <meta http-equiv content="..; charset=.."> in the first 2 KB (HTML 13.2.3.2). */
static char *
html_charset(const char *bytes, size_t size)
{
	g_autofree char *head = g_strndup(bytes, MIN(size, 2048));
	g_autofree char *lower = g_ascii_strdown(head, -1);
	for (const char *meta = lower; (meta = strstr(meta, "<meta")); meta++) {
		const char *end = strchr(meta, '>'), *at = strstr(meta, "charset=");
		if (!at || !end || at > end)
			continue;
		at += 8 + strspn(at + 8, "\"' ");
		size_t n = strcspn(at, "\"' ;/>");
		return n > 0 && n < 40 ? g_strndup(at, n) : NULL;
	}
	return NULL;
}

char *
node_text(Node *node)
{
	size_t size;
	const char *bytes = node_content(node, &size);
	size = MIN(size, (size_t)RENDER_MAX_TEXT_BYTES);
	g_autofree char *charset = header_parameter(node->content_type, "charset");
	g_autofree char *inner = node_is(node, "text/html") ? html_charset(bytes, size) : NULL;
	if (size >= 2 && (memcmp(bytes, "\xFF\xFE", 2) == 0 || memcmp(bytes, "\xFE\xFF", 2) == 0) && (!charset || !charset_known(charset))) {
		g_free(charset);
		charset = g_strdup("utf-16");
	}
	bool known = charset && charset_known(charset);
	g_autofree char *text = charset_to_utf8(bytes, size, known ? charset : inner, known ? inner : NULL);
	char *to = text;
	bool macintosh = !strchr(text, '\n');	/* its line ends were bare CRs; elsewhere a bare CR is dirt */
	for (const char *p = text; *p; p++) {
		if (*p == '\r') {	/* CRLF, CR CR LF */
			const char *next = p + strspn(p, "\r");
			if (*next == '\n' || macintosh)
				*to++ = '\n';
			p = (*next == '\n' ? next + 1 : macintosh ? p + 1 : next) - 1;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
	return g_steal_pointer(&text);
}

bool
node_is(const Node *node, const char *type)
{
	size_t n = strlen(type);
	return type[n - 1] == '/' ? strncmp(node->type, type, n) == 0 : strcmp(node->type, type) == 0;
}

static Node *
find_in(Node *node, const char *id)
{
	/* A multipart inside message/rfc822 has the number of the message: the message is met first and wins. */
	if (strcmp(node->id, id) == 0 && (*id || !node->parent))
		return node;
	for (guint i = 0; i < node->children->len; i++) {
		Node *found = find_in(g_ptr_array_index(node->children, i), id);
		if (found)
			return found;
	}
	return NULL;
}

Node *
mail_find(Mail *mail, const char *id)
{
	return find_in(mail->root, id);
}
