/* src/mail/render.c: bytes -> document: the whole message, one part, all headers, or the source */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/lines.h"

#include "surel/text.h"

static const struct { const char *type, *extension; } extensions[] = {
	{ "text/plain", "txt" }, { "text/html", "html" }, { "text/calendar", "ics" }, { "text/vcard", "vcf" }, { "text/x-vcard", "vcf" },
	{ "text/csv", "csv" }, { "text/x-patch", "patch" }, { "text/x-diff", "diff" }, { "message/rfc822", "eml" }, { "image/jpeg", "jpg" },
	{ "image/jpg", "jpg" }, { "image/png", "png" }, { "image/gif", "gif" }, { "image/webp", "webp" }, { "image/svg+xml", "svg" },
	{ "image/tiff", "tif" }, { "image/bmp", "bmp" }, { "application/pdf", "pdf" }, { "application/zip", "zip" }, { "application/gzip", "gz" },
	{ "application/json", "json" }, { "application/xml", "xml" }, { "text/xml", "xml" }, { "application/pgp-signature", "asc" },
	{ "application/pkcs7-signature", "p7s" }, { "application/pkcs7-mime", "p7m" }, { "audio/mpeg", "mp3" }, { "audio/wav", "wav" },
	{ "video/mp4", "mp4" }, { "application/msword", "doc" }, { "application/rtf", "rtf" }, { "text/rtf", "rtf" },
	{ "application/vnd.ms-excel", "xls" }, { "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx" },
	{ "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx" }, { "application/postscript", "ps" },
};

/* For a part without a name: the subject of an enclosed message, else "part-1.2.png". */
char *
node_made_name(const Node *node)
{
	const char *extension = node_is(node, "text/") ? "txt" : "bin";
	for (size_t i = 0; i < G_N_ELEMENTS(extensions); i++)
		if (node_is(node, extensions[i].type))
			extension = extensions[i].extension;
	if (node->headers) {
		g_autoptr(Envelope) envelope = envelope_scan(node->headers, strlen(node->headers));
		g_autofree char *name = *envelope->subject ? g_strdup_printf("%s.eml", envelope->subject) : NULL;
		if (name)
			return g_strdelimit(g_steal_pointer(&name), "/\\", '-');
		extension = "eml";
	}
	return g_strdup_printf("part-%s.%s", *node->id ? node->id : "0", extension);
}

static void
add_part(Document *document, Node *node)
{
	Part *part = g_new0(Part, 1);
	size_t size = 0;
	if (!node->is_multipart)
		node_content(node, &size);
	g_autofree char *made = node->name ? NULL : node_made_name(node);
	part->id = g_strdup(node->id);
	part->type = clean_line(node->type, strlen(node->type));
	part->name = os_safe_name(node->name ? node->name : made);
	part->description = g_strdup(node->description);
	part->size = (int64_t)size;
	part->depth = node->depth;
	part->attachment = node->attachment;
	part->shown = node->shown;
	g_ptr_array_add(document->parts, part);
	for (guint i = 0; i < node->children->len; i++)
		add_part(document, g_ptr_array_index(node->children, i));
}

/* Every field, decoded, names emphasised. */
static void
add_all_headers(Document *document, const Mail *mail)
{
	const char *p = mail->bytes, *end = p + mail->header_size;
	while (p < end) {
		const char *stop = p;
		do {
			const char *lf = memchr(stop, '\n', (size_t)(end - stop));
			stop = lf ? lf + 1 : end;
		} while (stop < end && (*stop == ' ' || *stop == '\t'));
		const char *colon = memchr(p, ':', (size_t)(stop - p));
		g_autofree char *value = header_decode(colon ? colon + 1 : p, (size_t)(stop - (colon ? colon + 1 : p)), NULL);
		g_autofree char *name = colon ? header_decode(p, (size_t)(colon - p), NULL) : NULL;
		char *text = name ? g_strdup_printf("%s: %s", name, value) : g_strdup(value);
		GArray *spans = NULL;
		spans_add(&spans, 0, name ? strlen(name) + 1 : 0, SPAN_BOLD, 0);
		Line *line = document_add_line(document, LINE_TEXT, 0, text, spans);
		if (line)
			line->hang = 4;
		p = stop;
	}
	document_add_line(document, LINE_RULE, 0, g_strdup(""), NULL);
}

static void
render_source(Document *document, const char *bytes, size_t size)
{
	if (size > RENDER_MAX_TEXT_BYTES)
		document_add_note(document, "The source is very long; its end is not shown.");
	g_autofree char *text = charset_to_utf8(bytes, MIN(size, (size_t)RENDER_MAX_TEXT_BYTES), NULL, NULL);
	g_autofree char *clean = text_clean(text, -1, true);
	for (char *p = clean; *p;) {
		size_t n = strcspn(p, "\n");
		bool last = !p[n];
		g_autofree char *line = g_strndup(p, n);
		g_strdelimit(line, "\t", ' ');
		document_add_line(document, LINE_PRE, 0, g_steal_pointer(&line), NULL);
		p += n + !last;
	}
}

/* One part as the person asked for it, whatever its disposition. */
static void
render_part(Document *document, Mail *mail, const char *part_id, RenderFlags flags)
{
	Node *node = mail_find(mail, part_id);
	if (!node) {
		document_add_note(document, "The message has no such part.");
		return;
	}
	if (flags & RENDER_SOURCE) {
		size_t size;
		const char *content = node_content(node, &size);
		render_source(document, content, size);
		return;
	}
	Node *root = mail->root, *parent = node->parent;
	g_autofree char *disposition = g_steal_pointer(&node->disposition);
	node->disposition = g_strdup("");
	mail->root = node;
	body_render(document, mail, flags);
	mail->root = root;
	g_free(node->disposition);
	node->disposition = g_steal_pointer(&disposition);
	node->parent = parent;
	if (document->lines->len == 0 && !document->note) {
		g_autofree char *size = text_size((int64_t)node->data_size);
		g_autofree char *note = g_strdup_printf("%s, %s: not text; save it or open it with another program.", node->type, size);
		document_add_note(document, note);
	}
}

Document *
document_render_mail(Mail *mail, const char *part_id, RenderFlags flags)
{
	Document *document = document_new();
	document->envelope = envelope_scan(mail->bytes, mail->header_size);
	if (part_id && *part_id) {
		render_part(document, mail, part_id, flags);
	} else {
		if ((flags & RENDER_ALL_HEADERS) && !(flags & RENDER_SOURCE))
			add_all_headers(document, mail);
		if (flags & RENDER_SOURCE)
			render_source(document, mail->source, mail->source_size);
		else
			body_render(document, mail, flags);
	}
	add_part(document, mail->root);
	return document;
}

Document *
document_render(const char *bytes, size_t size, const char *part_id, RenderFlags flags)
{
	g_autoptr(Mail) mail = mail_parse(bytes, size);
	return document_render_mail(mail, part_id, flags);
}

bool
part_extract(const char *bytes, size_t size, const char *part_id, char **ret_data, size_t *ret_size, GError **error)
{
	g_autoptr(Mail) mail = mail_parse(bytes, size);
	if (!part_id || !*part_id) {
		*ret_data = g_malloc(mail->source_size + 1);
		memcpy(*ret_data, mail->source, mail->source_size);
		(*ret_data)[mail->source_size] = '\0';
		*ret_size = mail->source_size;
		return true;
	}
	Node *node = mail_find(mail, part_id);
	if (!node) {		/* files inside text or TNEF are known once the text was rendered */
		g_autoptr(Document) document = document_render_mail(mail, NULL, RENDER_DEFAULT);
		node = mail_find(mail, part_id);
	}
	if (!node)
		return error_set(error, ERROR_NOT_FOUND, "the message has no part %s", part_id);
	size_t content_size;
	node_content(node, &content_size);
	*ret_data = g_steal_pointer(&node->data);
	*ret_size = content_size;
	node->decoded = false;
	return true;
}

/* Converters are modules that the C library loads when they are first used; an open one stays. */
void
mail_warm_up(void)
{
	static const char *const charsets[] = { "iso-2022-jp", "shift_jis", "euc-jp", "gb18030", "big5", "euc-kr", "koi8-r", "windows-1251", "iso-8859-2",
		"iso-8859-15", "windows-1250", "windows-1254", "tis-620", "utf-16", "utf-7" };
	mime_init();
	for (size_t i = 0; i < G_N_ELEMENTS(charsets); i++)
		charset_known(charsets[i]);
	g_autoptr(GDateTime) now = g_date_time_new_now_local();	/* reads the time zone */
	(void)now;
}
