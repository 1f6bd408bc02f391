/* src/mail/body.c: chooses the text a person wants to read from the part tree (RFC 2046 5.1, 2387, 6522) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/lines.h"

#include "surel/text.h"

enum { INLINE_FILE_MAX = 256 << 10, STUB_MAX = 300 };

typedef struct Body {
	Document *document;
	Mail *mail;
	RenderFlags flags;
	unsigned texts;		/* parts shown so far */
	bool calendar_shown;
} Body;

static void show_node(Body *body, Node *node);

static bool
is_text_to_show(const Node *node)
{
	static const char *const shown[] = { "text/plain", "text/html", "text/calendar", "text/enriched", "text/richtext", "text/x-patch", "text/x-diff",
		"text/markdown", "text/x-markdown", "text/x-amp", "text/csv", "application/pgp", "text", "text/x-c", "text/x-python", "text/troff",
		"text/x-log", "text/x-sh", "text/unknown", "text/english", "text/us-ascii", "text/ascii" };
	for (size_t i = 0; i < G_N_ELEMENTS(shown); i++)
		if (node_is(node, shown[i]))
			return true;
	return false;
}

static bool
is_attached(const Node *node)
{
	return strcmp(node->disposition, "attachment") == 0;
}

/* First part of type below node that is not attached; NULL. */
static Node *
find_type(Node *node, const char *type)
{
	if (node_is(node, type) && !is_attached(node))
		return node;
	for (guint i = 0; i < node->children->len && !node->is_message; i++) {
		Node *found = find_type(g_ptr_array_index(node->children, i), type);
		if (found)
			return found;
	}
	return NULL;
}

static bool
is_blank(const char *text)
{
	for (; *text; text = g_utf8_next_char(text))
		if (!g_unichar_isspace(g_utf8_get_char(text)) && g_utf8_get_char(text) != 0x200B && g_utf8_get_char(text) != 0xFEFF)
			return false;
	return true;
}

/* "Your mail program cannot show HTML": the plain text says nothing. */
static bool
is_stub(Node *plain, Node *html)
{
	g_autofree char *text = node_text(plain);
	if (is_blank(text))
		return true;
	if (!html || strlen(text) > STUB_MAX)
		return false;
	size_t html_size;
	node_content(html, &html_size);
	g_autofree char *lower = g_utf8_strdown(text, -1);
	static const char *const words[] = { "html", "browser", "email client", "mail client", "mail program" };
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (html_size > 4 * strlen(text) && strstr(lower, words[i]))
			return true;
	return false;
}

static void
show_calendar(Body *body, Node *node, bool with_description)
{
	if (body->calendar_shown)
		return;
	g_autofree char *text = node_text(node);
	document_add_gap(body->document, 0);
	calendar_render(body->document, text, with_description);
	body->calendar_shown = true;
	node->shown = true;
}

static void
show_alternative(Body *body, Node *node)
{
	Node *plain = NULL, *html = NULL, *calendar = NULL, *last = NULL;
	Node *plain_leaf = NULL, *html_leaf = NULL;
	for (guint i = 0; i < node->children->len; i++) {
		Node *child = g_ptr_array_index(node->children, i);
		Node *leaf;
		if (!plain && (leaf = find_type(child, "text/plain")) && !(child->is_multipart && find_type(child, "text/html") && html)) {
			plain = child;
			plain_leaf = leaf;
		}
		if ((leaf = find_type(child, "text/html"))) {
			html = child;		/* the last is the richest (RFC 2046 5.1.4) */
			html_leaf = leaf;
		}
		if (node_is(child, "text/calendar") && !calendar)
			calendar = child;
		if (child->is_multipart || child->is_message || (is_text_to_show(child) && !node_is(child, "text/calendar")))
			last = child;
	}
	Node *chosen = plain ? plain : html ? html : last;
	if (plain && html && plain != html && ((body->flags & RENDER_PREFER_HTML) || is_stub(plain_leaf, html_leaf)))
		chosen = html;
	if (calendar)
		show_calendar(body, calendar, !chosen);
	guint before = body->document->lines->len;
	if (chosen)
		show_node(body, chosen);
	if (plain && chosen != plain && body->document->lines->len == before)	/* pictures only: the little there is */
		show_node(body, plain);
}

static void
show_related(Body *body, Node *node)
{
	g_autofree char *start = header_parameter(node->content_type, "start");
	Node *root = g_ptr_array_index(node->children, 0);
	for (guint i = 0; start && i < node->children->len; i++) {
		Node *child = g_ptr_array_index(node->children, i);
		g_autofree char *id = child->content_id ? g_strdup_printf("<%s>", child->content_id) : NULL;
		if (id && (strcmp(id, start) == 0 || strcmp(child->content_id, start) == 0))
			root = child;
	}
	if (!find_type(root, "text/"))		/* some put the picture first */
		for (guint i = 0; i < node->children->len; i++)
			if (find_type(g_ptr_array_index(node->children, i), "text/html"))
				root = g_ptr_array_index(node->children, i);
	show_node(body, root);
}

static void
show_report(Body *body, Node *node)
{
	guint before = body->document->lines->len;
	for (guint i = 0; i < node->children->len; i++) {
		Node *child = g_ptr_array_index(node->children, i);
		if (!node_is(child, "text/rfc822-headers") && !(i > 0 && node_is(child, "text/plain") && body->document->lines->len > before)) {
			show_node(body, child);
		}
	}
}

static void
header_line(Document *document, const char *label, const char *value)
{
	if (!value || !*value)
		return;
	g_autofree char *text = g_strdup_printf("%s: %s", label, value);
	GArray *spans = NULL;
	spans_add(&spans, 0, strlen(label) + 1, SPAN_DIM, 0);
	char *clean = clean_line(text, strlen(text));
	document_add_line(document, LINE_PART, 0, clean, spans);
}

/* Head of an enclosed message, then its text. */
static void
show_message(Body *body, Node *node)
{
	Document *document = body->document;
	g_autoptr(Envelope) envelope = envelope_scan(node->headers ? node->headers : "", node->headers ? strlen(node->headers) : 0);
	g_autofree char *from = address_list_format(envelope->from), *to = address_list_format(envelope->to);
	g_autofree char *date = envelope->date ? text_date_long(envelope->date) : NULL;
	document_add_gap(document, 0);
	document_add_text(document, LINE_PART, 0, "---------- Message ----------", SPAN_DIM);
	header_line(document, "From", from);
	header_line(document, "To", to);
	header_line(document, "Date", date);
	header_line(document, "Subject", envelope->subject);
	document_add_line(document, LINE_TEXT, 0, g_strdup(""), NULL);
	node->shown = true;
	bool returned = node->parent && node_is(node->parent, "multipart/report");
	for (guint i = 0; i < node->children->len && !returned; i++)
		show_node(body, g_ptr_array_index(node->children, i));
	document_trim(document, 0);
}

/* "This text part has a name" is worth a line, since several files may follow each other. */
static void
show_leaf(Body *body, Node *node)
{
	Document *document = body->document;
	size_t size;
	node_content(node, &size);
	if (size > RENDER_MAX_TEXT_BYTES)
		document_add_note(document, "The text is very long; its end is not shown.");
	g_autofree char *text = node_text(node);
	if (document->lines->len > 0)
		document_add_gap(document, 0);
	if (node->name && body->texts > 0)
		document_add_text(document, LINE_PART, 0, node->name, SPAN_DIM);
	node->shown = true;
	body->texts++;
	if (node_is(node, "text/html")) {
		document->is_html = true;
		html_render(document, text, strlen(text));
		return;
	}
	g_autofree char *format = header_parameter(node->content_type, "format"), *delsp = header_parameter(node->content_type, "delsp");
	PlainOptions options = { .flowed = format && g_ascii_strcasecmp(format, "flowed") == 0 };
	options.delsp = options.flowed && delsp && g_ascii_strcasecmp(delsp, "yes") == 0;
	bool enriched = node_is(node, "text/enriched") || node_is(node, "text/richtext");
	g_autofree char *plain = enriched ? enriched_to_plain(text) : NULL;
	g_autofree char *without = !plain && strstr(text, "begin ") ? uuencode_extract(body->mail, node, text) : NULL;
	plain_render(document, without ? without : plain ? plain : text, options);
}

static bool
is_status(const Node *node)
{
	return node_is(node, "message/delivery-status") || node_is(node, "message/disposition-notification") ||
		node_is(node, "message/feedback-report") || node_is(node, "message/global-delivery-status");
}

static void
show_other(Body *body, Node *node)
{
	if (is_status(node)) {
		g_autofree char *text = node_text(node);
		document_add_gap(body->document, 0);
		delivery_render(body->document, text);
		node->shown = true;
	} else if (node_is(node, "application/ms-tnef") || (node->name && g_ascii_strcasecmp(node->name, "winmail.dat") == 0))
		tnef_extract(body->mail, node);
	else if (node_is(node, "application/pkcs7-mime") || node_is(node, "application/x-pkcs7-mime"))
		document_add_note(body->document, "This message is in an S/MIME envelope, which surel cannot open yet.");
	else if (node_is(node, "message/external-body") || node_is(node, "message/partial"))
		document_add_note(body->document, node_is(node, "message/partial") ? "Only one piece of a message that was sent in several."
			: "A part of this message is stored elsewhere and was not fetched.");
}

static void
show_multipart(Body *body, Node *node)
{
	if (node_is(node, "multipart/encrypted")) {
		document_add_note(body->document, "This message is encrypted; surel cannot decrypt it yet.");
		return;
	}
	if (node->children->len == 0) {		/* no part was found: what is there may be readable */
		size_t size;
		node_content(node, &size);
		g_autofree char *text = node_text(node);
		plain_render(body->document, text, (PlainOptions){ false, false });
		node->shown = true;
		if (size > 0)
			document_add_note(body->document, "The message is damaged: it has no parts where it says so.");
	} else if (node_is(node, "multipart/alternative")) {
		show_alternative(body, node);
	} else if (node_is(node, "multipart/related")) {
		show_related(body, node);
	} else if (node_is(node, "multipart/report")) {
		show_report(body, node);
	} else {
		for (guint i = 0; i < node->children->len; i++)
			show_node(body, g_ptr_array_index(node->children, i));
	}
}

static void
show_node(Body *body, Node *node)
{
	if (node->is_multipart) {
		show_multipart(body, node);
	} else if (node->is_message) {
		if (!is_attached(node) || !node->name)
			show_message(body, node);
	} else if (node_is(node, "text/calendar") && !is_attached(node)) {
		show_calendar(body, node, true);
	} else if (is_text_to_show(node)) {
		size_t size;
		node_content(node, &size);
		bool file = node->name && body->texts > 0 && (node_is(node, "text/html") || node_is(node, "text/csv") || size > INLINE_FILE_MAX);
		if (!is_attached(node) && !file)
			show_leaf(body, node);
	} else if (node_is(node, "multipart/") && body->texts == 0) {	/* damaged, and maybe readable */
		show_leaf(body, node);
		document_add_note(body->document, "The message is damaged: it has no parts where it says so.");
	} else {
		show_other(body, node);
	}
}

/* ---- which parts are files ---- */

static bool
has_ancestor(const Node *node, const char *type)
{
	for (const Node *parent = node->parent; parent && !parent->is_message; parent = parent->parent)
		if (node_is(parent, type))
			return true;
	return false;
}

static bool
is_first_shown(const Body *body, const Node *node)
{
	return node->shown && body->texts <= 1 && !is_attached(node);
}

static bool
is_attachment(const Body *body, const Node *node)
{
	if (node->is_multipart)
		return false;
	if (is_attached(node) || node->attachment)
		return true;
	if (node->is_message || node_is(node, "message/rfc822"))
		return true;
	if (is_first_shown(body, node))
		return false;
	if (node->name && *node->name)
		return !(node->shown && !strcmp(node->disposition, "") && node_is(node, "text/html"));
	if (node_is(node, "text/") || node->shown || node_is(node, "message/"))
		return node_is(node, "text/vcard") || node_is(node, "text/x-vcard") || node_is(node, "text/directory") || node_is(node, "text/rtf");
	if (node_is(node, "application/pgp-signature") || node_is(node, "application/pkcs7-signature") || node_is(node, "application/pgp-encrypted") ||
	    node_is(node, "application/x-pkcs7-signature") || node_is(node, "text/x-amp-html"))
		return false;
	bool of_the_page = node_is(node, "image/") || node_is(node, "font/") || node_is(node, "text/");
	return !(node->content_id && of_the_page && has_ancestor(node, "multipart/related"));
}

static void
mark_attachments(const Body *body, Node *node)
{
	node->attachment = is_attachment(body, node);
	body->document->has_html |= node_is(node, "text/html") && !is_attached(node);
	body->document->has_plain |= node_is(node, "text/plain") && !is_attached(node);
	for (guint i = 0; i < node->children->len; i++)
		mark_attachments(body, g_ptr_array_index(node->children, i));
}

/* A message that is nothing but one attached text: show it all the same. */
static void
show_attached_text(Body *body, Node *node)
{
	if (node->is_multipart && node->children->len == 1)
		show_attached_text(body, g_ptr_array_index(node->children, 0));
	else if (is_text_to_show(node) && !node->is_multipart && !node->shown)
		show_leaf(body, node);
}

void
body_render(Document *document, Mail *mail, RenderFlags flags)
{
	Body body = { .document = document, .mail = mail, .flags = flags };
	show_node(&body, mail->root);
	if (document->lines->len == 0)
		show_attached_text(&body, mail->root);
	document_trim(document, 0);
	mark_attachments(&body, mail->root);
	if (mail->too_deep || mail->too_many)
		document_add_note(document, "The message has more parts, or deeper ones, than surel reads; the rest is left out.");
}
