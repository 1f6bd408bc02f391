/* src/mail/html.c: HTML -> lines; nothing remote is ever fetched */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/html.h"

#include "surel/text.h"

typedef enum Role { ROLE_INLINE, ROLE_BLOCK, ROLE_PARAGRAPH, ROLE_HEADING, ROLE_SKIP, ROLE_STYLE, ROLE_BREAK, ROLE_RULE, ROLE_IMAGE, ROLE_LINK, ROLE_LIST,
	ROLE_ITEM, ROLE_QUOTE, ROLE_PRE, ROLE_TABLE, ROLE_INPUT, ROLE_TERM, ROLE_DEFINITION, ROLE_SUP, ROLE_QUOTED } Role;

static const struct { GumboTag tag; Role role; unsigned style; } roles[] = {
	{ GUMBO_TAG_SCRIPT, ROLE_SKIP, 0 }, { GUMBO_TAG_STYLE, ROLE_SKIP, 0 }, { GUMBO_TAG_HEAD, ROLE_SKIP, 0 }, { GUMBO_TAG_TITLE, ROLE_SKIP, 0 },
	{ GUMBO_TAG_TEMPLATE, ROLE_SKIP, 0 }, { GUMBO_TAG_OBJECT, ROLE_SKIP, 0 }, { GUMBO_TAG_IFRAME, ROLE_SKIP, 0 }, { GUMBO_TAG_SVG, ROLE_SKIP, 0 },
	{ GUMBO_TAG_MATH, ROLE_SKIP, 0 }, { GUMBO_TAG_AUDIO, ROLE_SKIP, 0 }, { GUMBO_TAG_VIDEO, ROLE_SKIP, 0 }, { GUMBO_TAG_CANVAS, ROLE_SKIP, 0 },
	{ GUMBO_TAG_SELECT, ROLE_SKIP, 0 }, { GUMBO_TAG_MAP, ROLE_SKIP, 0 }, { GUMBO_TAG_APPLET, ROLE_SKIP, 0 }, { GUMBO_TAG_META, ROLE_SKIP, 0 },
	{ GUMBO_TAG_B, ROLE_STYLE, SPAN_BOLD }, { GUMBO_TAG_STRONG, ROLE_STYLE, SPAN_BOLD }, { GUMBO_TAG_I, ROLE_STYLE, SPAN_ITALIC },
	{ GUMBO_TAG_EM, ROLE_STYLE, SPAN_ITALIC }, { GUMBO_TAG_CITE, ROLE_STYLE, SPAN_ITALIC }, { GUMBO_TAG_VAR, ROLE_STYLE, SPAN_ITALIC },
	{ GUMBO_TAG_U, ROLE_STYLE, SPAN_UNDERLINE }, { GUMBO_TAG_INS, ROLE_STYLE, SPAN_ADDED }, { GUMBO_TAG_DEL, ROLE_STYLE, SPAN_REMOVED },
	{ GUMBO_TAG_S, ROLE_STYLE, SPAN_DIM }, { GUMBO_TAG_STRIKE, ROLE_STYLE, SPAN_DIM }, { GUMBO_TAG_CODE, ROLE_STYLE, SPAN_CODE },
	{ GUMBO_TAG_TT, ROLE_STYLE, SPAN_CODE }, { GUMBO_TAG_KBD, ROLE_STYLE, SPAN_CODE }, { GUMBO_TAG_SAMP, ROLE_STYLE, SPAN_CODE },
	{ GUMBO_TAG_SMALL, ROLE_INLINE, 0 }, { GUMBO_TAG_Q, ROLE_QUOTED, 0 },
	{ GUMBO_TAG_BR, ROLE_BREAK, 0 }, { GUMBO_TAG_HR, ROLE_RULE, 0 }, { GUMBO_TAG_IMG, ROLE_IMAGE, 0 }, { GUMBO_TAG_A, ROLE_LINK, 0 },
	{ GUMBO_TAG_UL, ROLE_LIST, 0 }, { GUMBO_TAG_OL, ROLE_LIST, 0 }, { GUMBO_TAG_MENU, ROLE_LIST, 0 }, { GUMBO_TAG_DIR, ROLE_LIST, 0 },
	{ GUMBO_TAG_LI, ROLE_ITEM, 0 }, { GUMBO_TAG_BLOCKQUOTE, ROLE_QUOTE, 0 }, { GUMBO_TAG_PRE, ROLE_PRE, 0 }, { GUMBO_TAG_XMP, ROLE_PRE, 0 },
	{ GUMBO_TAG_LISTING, ROLE_PRE, 0 }, { GUMBO_TAG_PLAINTEXT, ROLE_PRE, 0 }, { GUMBO_TAG_TEXTAREA, ROLE_PRE, 0 }, { GUMBO_TAG_TABLE, ROLE_TABLE, 0 },
	{ GUMBO_TAG_INPUT, ROLE_INPUT, 0 }, { GUMBO_TAG_DT, ROLE_TERM, SPAN_BOLD }, { GUMBO_TAG_DD, ROLE_DEFINITION, 0 },
	{ GUMBO_TAG_P, ROLE_PARAGRAPH, 0 }, { GUMBO_TAG_DL, ROLE_PARAGRAPH, 0 }, { GUMBO_TAG_FIGURE, ROLE_PARAGRAPH, 0 },
	{ GUMBO_TAG_FIELDSET, ROLE_PARAGRAPH, 0 }, { GUMBO_TAG_H1, ROLE_HEADING, SPAN_BOLD }, { GUMBO_TAG_H2, ROLE_HEADING, SPAN_BOLD },
	{ GUMBO_TAG_H3, ROLE_HEADING, SPAN_BOLD }, { GUMBO_TAG_H4, ROLE_HEADING, SPAN_BOLD }, { GUMBO_TAG_H5, ROLE_HEADING, SPAN_BOLD },
	{ GUMBO_TAG_H6, ROLE_HEADING, SPAN_BOLD }, { GUMBO_TAG_DIV, ROLE_BLOCK, 0 }, { GUMBO_TAG_CENTER, ROLE_BLOCK, 0 }, { GUMBO_TAG_SECTION, ROLE_BLOCK, 0 },
	{ GUMBO_TAG_ARTICLE, ROLE_BLOCK, 0 }, { GUMBO_TAG_HEADER, ROLE_BLOCK, 0 }, { GUMBO_TAG_FOOTER, ROLE_BLOCK, 0 }, { GUMBO_TAG_MAIN, ROLE_BLOCK, 0 },
	{ GUMBO_TAG_NAV, ROLE_BLOCK, 0 }, { GUMBO_TAG_ASIDE, ROLE_BLOCK, 0 }, { GUMBO_TAG_ADDRESS, ROLE_BLOCK, 0 }, { GUMBO_TAG_FORM, ROLE_BLOCK, 0 },
	{ GUMBO_TAG_BODY, ROLE_BLOCK, 0 }, { GUMBO_TAG_FIGCAPTION, ROLE_BLOCK, 0 }, { GUMBO_TAG_DETAILS, ROLE_BLOCK, 0 }, { GUMBO_TAG_SUMMARY, ROLE_BLOCK, 0 },
	{ GUMBO_TAG_LEGEND, ROLE_BLOCK, 0 }, { GUMBO_TAG_TR, ROLE_BLOCK, 0 }, { GUMBO_TAG_TD, ROLE_BLOCK, 0 }, { GUMBO_TAG_CAPTION, ROLE_BLOCK, 0 },
	{ GUMBO_TAG_SUP, ROLE_SUP, 0 },
};

/* ---- lines ---- */

static bool
is_filler(gunichar u)
{
	return u == ' ' || u == 0xA0 || u == 0x200C || u == 0x200D || u == 0x34F || u == 0x2007 || u == 0x200B || u == 0xFEFF || u == 0xAD || u == 0x2800;
}

/* Preheaders are padded with blanks that have no width, so that a list shows nothing behind them. */
static size_t
trimmed_size(const char *text, size_t size)
{
	while (size > 0) {
		const char *last = g_utf8_prev_char(text + size);
		if (!is_filler(g_utf8_get_char(last)))
			break;
		size = (size_t)(last - text);
	}
	return size;
}

static void
clip_spans(GArray *spans, size_t size)
{
	for (guint i = spans->len; i-- > 0;) {
		Span *span = &g_array_index(spans, Span, i);
		if (span->start >= size)
			g_array_set_size(spans, i);
		else if (span->start + span->size > size)
			span->size = (uint32_t)(size - span->start);
	}
}

void
html_emit(Html *html, LineKind kind, char *text, GArray *spans, unsigned indent, unsigned hang)
{
	if (html->gap && html->sink->lines->len > 0)
		document_add_gap(html->sink, html->quote);
	else if (html->gap)
		html->lead_gap = true;
	html->gap = false;
	Line *line = document_add_line(html->sink, kind == LINE_TEXT && html->quote ? LINE_QUOTE : kind, html->quote, text, spans);
	if (line) {
		line->indent = (uint8_t)MIN(indent, 40);
		line->hang = (uint8_t)MIN(hang, 40);
	}
}

/* The first line of a list item begins with its marker; what follows hangs under the text. */
static char *
put_marker(Html *html, const char *text, unsigned *ret_hang)
{
	size_t shift = strlen(html->marker);
	for (guint i = 0; html->spans && i < html->spans->len; i++)
		g_array_index(html->spans, Span, i).start += (uint32_t)shift;
	char *joined = g_strconcat(html->marker, text, NULL);
	*ret_hang = (unsigned)g_utf8_strlen(html->marker, -1);
	g_clear_pointer(&html->marker, g_free);
	return joined;
}

/* One no-break space at the start keeps a cell open and means nothing; several are somebody's indent. */
static void
drop_leading_blank(Html *html)
{
	if (!g_str_has_prefix(html->text->str, "\xC2\xA0") || g_str_has_prefix(html->text->str + 2, "\xC2\xA0"))
		return;
	guint drop = html->text->str[2] == ' ' ? 3 : 2;
	g_string_erase(html->text, 0, drop);
	for (guint i = 0; html->spans && i < html->spans->len; i++) {
		Span *span = &g_array_index(html->spans, Span, i);
		uint32_t end = span->start + span->size;
		span->start = span->start > drop ? span->start - drop : 0;
		span->size = (end > drop ? end - drop : 0) - span->start;
	}
}

void
html_flush(Html *html)
{
	size_t size = html->pre ? html->text->len : trimmed_size(html->text->str, html->text->len);
	html->space = false;
	if (size == 0) {
		g_string_truncate(html->text, 0);
		g_clear_pointer(&html->spans, g_array_unref);
		return;
	}
	g_string_truncate(html->text, size);
	if (html->spans)
		clip_spans(html->spans, size);
	if (!html->pre)
		drop_leading_blank(html);
	unsigned hang = 0, indent = html->indent;
	char *text = html->marker ? put_marker(html, html->text->str, &hang) : g_strdup(html->text->str);
	html->indent += hang;
	html_emit(html, html->kind, text, g_steal_pointer(&html->spans), indent, hang);
	g_string_truncate(html->text, 0);
}

void
html_gap(Html *html)
{
	html_flush(html);
	html->gap = true;
}

static void
add_span(Html *html, size_t start, size_t size)
{
	unsigned style = html->style | (html->link ? SPAN_LINK : 0);
	if (html->spans && html->spans->len > 0) {
		Span *last = &g_array_index(html->spans, Span, html->spans->len - 1);
		if (last->start + last->size == start && last->style == style && last->link == html->link) {
			last->size += (uint32_t)size;
			return;
		}
	}
	spans_add(&html->spans, start, size, style, html->link);
}

static void
append(Html *html, const char *text, size_t size)
{
	size_t start = html->text->len;
	if (html->link_url && !html->link && text[0] != ' ')
		html->link = document_add_link(html->document, html->link_url, "", false);
	g_string_append_len(html->text, text, (gssize)size);
	add_span(html, start, size);
	if (html->link_text && html->link_text->len < 500)
		g_string_append_len(html->link_text, text, (gssize)MIN(size, 500));
	if (html->text->len > HTML_LINE_BYTES_MAX)
		html_flush(html);
}

/* White space collapses across elements; a blank before a word belongs to what was open where it stood. */
static void
put_space(Html *html)
{
	if (!html->space)
		return;
	html->space = false;
	if (html->text->len > 0 && html->text->str[html->text->len - 1] != ' ')
		append(html, " ", 1);
	else if (html->link_text && html->link_text->len > 0)
		g_string_append_c(html->link_text, ' ');
}

static void
add_flowing(Html *html, const char *text)
{
	for (const char *p = text; *p;) {
		size_t blanks = strspn(p, " \t\n\r\f");
		html->space |= blanks > 0;
		p += blanks;
		size_t word = strcspn(p, " \t\n\r\f");
		if (word == 0)
			continue;
		put_space(html);
		append(html, p, word);
		p += word;
	}
}

static void
add_preformatted(Html *html, const char *text)
{
	long column = g_utf8_strlen(html->text->str, (gssize)html->text->len);
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n\t");
		if (n > 0)
			append(html, p, n);
		column += g_utf8_strlen(p, (gssize)n);
		p += n;
		if (*p == '\t') {
			do
				append(html, " ", 1);
			while (++column % 8);
			p++;
		} else if (*p == '\n') {
			if (html->text->len > 0)
				html_flush(html);
			else
				html_emit(html, html->kind, g_strdup(""), NULL, 0, 0);
			column = 0;
			p++;
		}
	}
}

static void
add_text(Html *html, const char *text)
{
	if (html->tiny)
		return;
	g_autofree char *clean = text_clean(text, -1, true);
	if (html->pre)
		add_preformatted(html, clean);
	else
		add_flowing(html, clean);
}

/* ---- elements ---- */

/* A picture is its description. Tracking pixels and spacers are nothing. */
static void
add_image(Html *html, const GumboNode *node)
{
	g_autofree char *alt = html->tiny ? NULL : html_image_alt(node);
	if (!alt)
		return;
	html->link_has_image = true;
	if (!*alt && (html->link_url || g_ascii_strncasecmp(html_attribute(node, "src"), "cid:", 4) != 0))
		return;
	g_autofree char *text = *alt ? g_strdup_printf("[%s]", alt) : g_strdup("[image]");
	if (html->link_url && *alt) {
		add_text(html, alt);
		return;
	}
	unsigned style = html->style;
	html->style |= SPAN_DIM;
	put_space(html);
	add_text(html, text);
	html->style = style;
}

/* Absolute and safe URL, or NULL: relative ones have no meaning in mail, scripts and data have no business. */
static char *
target(const Html *html, const char *href)
{
	static const char *const schemes[] = { "http:", "https:", "mailto:", "ftp:", "tel:", "news:", "sms:", "gemini:", "xmpp:", "geo:", "webcal:" };
	g_autoptr(GString) url = g_string_new(NULL);
	for (const char *p = href; *p && url->len < 8000; p++)
		if ((uint8_t)*p > 0x20 && *p != 0x7F)
			g_string_append_c(url, *p);
		else if (*p == ' ' && url->len > 0 && p[strspn(p, " ")])
			g_string_append(url, "%20");
	const char *colon = strchr(url->str, ':');
	bool known = g_str_has_prefix(url->str, "//");
	if (known)
		g_string_prepend(url, "https:");
	for (size_t i = 0; i < G_N_ELEMENTS(schemes) && !known; i++)
		known = g_ascii_strncasecmp(url->str, schemes[i], strlen(schemes[i])) == 0 && url->str[strlen(schemes[i])];
	if (!known && g_ascii_strncasecmp(url->str, "www.", 4) == 0) {
		g_string_prepend(url, "http://");
		known = true;
	}
	if (!known && html->base && url->len > 0 && url->str[0] != '#' && (!colon || strcspn(url->str, "/?#") < (size_t)(colon - url->str))) {
		char *joined = g_uri_resolve_relative(html->base, url->str, G_URI_FLAGS_ENCODED, NULL);
		known = joined && g_ascii_strncasecmp(joined, "http", 4) == 0;
		g_string_assign(url, joined ? joined : "");
		g_free(joined);
	}
	return known ? clean_line(url->str, url->len) : NULL;
}

static void
add_link(Html *html, const GumboNode *node)
{
	g_autofree char *url = html->link_url ? NULL : target(html, html_attribute(node, "href"));
	if (!url) {
		html_children(html, node);
		return;
	}
	html->link_url = url;
	html->link = 0;
	html->link_text = g_string_new(NULL);
	html->link_has_image = false;
	html_children(html, node);
	GString *text = g_steal_pointer(&html->link_text);
	if (!text->len && html->link_has_image && !html->tiny) {
		g_autofree char *title = html_words(html_attribute(node, "title"));
		g_autofree char *shown = g_strdup_printf("[%s]", *title ? title : "image");
		put_space(html);
		append(html, shown, strlen(shown));
		g_string_assign(text, shown);
	}
	g_strstrip(text->str);
	if (html->link)
		document_add_link(html->document, url, text->str, link_lies(url, text->str));
	html->link = 0;
	html->link_url = NULL;
	g_string_free(text, TRUE);
}

static unsigned
number_of(const char *text)
{
	return (unsigned)CLAMP(g_ascii_strtoll(text, NULL, 10), 0, 100000);
}

static void
add_item(Html *html, const GumboNode *node)
{
	html_flush(html);
	unsigned indent = html->indent;
	bool ordered = node->parent && node->parent->type == GUMBO_NODE_ELEMENT && node->parent->v.element.tag == GUMBO_TAG_OL;
	const char *value = html_attribute(node, "value");
	html->item = *value ? number_of(value) : html->item + 1;
	g_free(html->marker);
	html->marker = html->bare ? NULL : ordered ? g_strdup_printf("%u. ", html->item) : g_strdup("\xE2\x80\xA2 ");
	html_children(html, node);
	html_flush(html);
	g_clear_pointer(&html->marker, g_free);
	html->indent = indent;
}

static void
add_list(Html *html, const GumboNode *node)
{
	html_flush(html);
	char *marker = g_steal_pointer(&html->marker);	/* "<li><ul>": the outer item has no text of its own */
	unsigned indent = html->indent;
	if (html->list_depth == 0)
		html->gap = true;
	unsigned item = html->item;
	bool bare = html->bare;
	html->bare = html_style(html->sheet, node).bare;
	const char *start = html_attribute(node, "start");
	html->item = *start ? number_of(start) - 1 : 0;
	html->list_depth++;
	html->indent += 2;
	html_children(html, node);
	html_flush(html);
	html->indent = indent;
	html->item = item;
	html->bare = bare;
	html->list_depth--;
	if (html->list_depth == 0)
		html->gap = true;
	g_free(marker);
}

/* Some programs indent with <blockquote>: then it has no border and no citation. */
static bool
is_indent(const GumboNode *node)
{
	const char *style = html_attribute(node, "style"), *class = html_attribute(node, "class");
	if (g_ascii_strcasecmp(html_attribute(node, "type"), "cite") == 0 || strstr(class, "quote"))
		return false;
	return strstr(style, "border:none") || strstr(style, "border: none") || strstr(class, "webkit-indent");
}

static void
add_quote(Html *html, const GumboNode *node)
{
	bool indent = is_indent(node);
	html_flush(html);
	if (indent) {
		html->indent += 4;
	} else if (html->sink->lines->len > 0) {
		html->gap = true;
		const Line *last = g_ptr_array_index(html->sink->lines, html->sink->lines->len - 1);
		size_t n = strlen(last->text);
		if (n > 0 && last->text[n - 1] == ':' && html->quote == last->quote)
			html->gap = false;	/* "On .., .. wrote:" stays with what it introduces */
	}
	bool gap = html->gap;
	html->gap = false;
	if (gap && html->sink->lines->len > 0)
		document_add_gap(html->sink, html->quote);
	html->quote += !indent;
	unsigned saved = html->indent;
	if (!indent)
		html->indent = 0;
	html_children(html, node);
	html_flush(html);
	html->indent = saved;
	if (indent)
		html->indent -= 4;
	else
		html->quote--;
	html->gap = true;
}

static void
add_pre(Html *html, const GumboNode *node)
{
	html_gap(html);
	LineKind kind = html->kind;
	html->pre = true;
	html->kind = LINE_PRE;
	html_children(html, node);
	html_flush(html);
	html->kind = kind;
	html->pre = false;
	html->gap = true;
}

static void
add_block(Html *html, const GumboNode *node, bool margin)
{
	html_flush(html);
	html->gap |= margin;
	html_children(html, node);
	html_flush(html);
	html->gap |= margin;
}

static void
add_heading(Html *html, const GumboNode *node)
{
	LineKind kind = html->kind;
	html_gap(html);
	html->kind = LINE_HEADING;
	html_children(html, node);
	html_flush(html);
	html->kind = kind;
	html->gap = true;
}

/* A second <br> on an empty line is an empty line. */
static void
add_break(Html *html)
{
	if (html->pre)
		add_preformatted(html, "\n");
	else if (trimmed_size(html->text->str, html->text->len) > 0)
		html_flush(html);
	else if (!html->tiny)
		html->gap = true;
}

/* Two rules with nothing between them are one. */
static void
add_rule(Html *html)
{
	html_flush(html);
	const GPtrArray *lines = html->sink->lines;
	const Line *last = lines->len > 0 ? g_ptr_array_index(lines, lines->len - 1) : NULL;
	if (!last || last->kind != LINE_RULE || last->quote != html->quote)
		html_emit(html, LINE_RULE, g_strdup(""), NULL, html->indent, 0);
}

/* "10<sup>2</sup>" is not 102. */
static void
add_raised(Html *html, const GumboNode *node)
{
	static const char *const raised[] = { "\xE2\x81\xB0", "\xC2\xB9", "\xC2\xB2", "\xC2\xB3", "\xE2\x81\xB4", "\xE2\x81\xB5", "\xE2\x81\xB6", "\xE2\x81\xB7",
		"\xE2\x81\xB8", "\xE2\x81\xB9" };
	const GumboVector *children = &node->v.element.children;
	const GumboNode *only = children->length == 1 ? children->data[0] : NULL;
	const char *text = only && only->type == GUMBO_NODE_TEXT ? only->v.text.text : "";
	size_t size = strlen(text);
	if (size == 0 || size > 3 || strspn(text, "0123456789") != size) {
		html_children(html, node);
		return;
	}
	g_autoptr(GString) digits = g_string_new(NULL);
	for (; *text; text++)
		g_string_append(digits, raised[*text - '0']);
	add_text(html, digits->str);
}

static void
add_input(Html *html, const GumboNode *node)
{
	const char *type = html_attribute(node, "type"), *value = html_attribute(node, "value");
	if (!*value || (g_ascii_strcasecmp(type, "submit") != 0 && g_ascii_strcasecmp(type, "button") != 0))
		return;
	g_autofree char *text = g_strdup_printf("[%s]", value);
	put_space(html);
	add_text(html, text);
}

static void
add_element(Html *html, const GumboNode *node, Role role)
{
	switch (role) {
	case ROLE_SKIP: return;
	case ROLE_INLINE: case ROLE_STYLE: html_children(html, node); return;
	case ROLE_BLOCK: add_block(html, node, false); return;
	case ROLE_PARAGRAPH: add_block(html, node, true); return;
	case ROLE_HEADING: add_heading(html, node); return;
	case ROLE_BREAK: add_break(html); return;
	case ROLE_RULE: add_rule(html); return;
	case ROLE_IMAGE: add_image(html, node); return;
	case ROLE_LINK: add_link(html, node); return;
	case ROLE_LIST: add_list(html, node); return;
	case ROLE_ITEM: add_item(html, node); return;
	case ROLE_QUOTE: add_quote(html, node); return;
	case ROLE_PRE: add_pre(html, node); return;
	case ROLE_TABLE: html_table(html, node); return;
	case ROLE_INPUT: add_input(html, node); return;
	case ROLE_TERM: add_block(html, node, false); return;
	case ROLE_DEFINITION:
		html_flush(html);
		html->indent += 4;
		add_block(html, node, false);
		html->indent -= MIN(html->indent, 4);
		return;
	case ROLE_SUP: add_raised(html, node); return;
	case ROLE_QUOTED:
		add_text(html, "\xE2\x80\x9C");
		html_children(html, node);
		add_text(html, "\xE2\x80\x9D");
		return;
	}
}

void
html_node(Html *html, const GumboNode *node)
{
	if (node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_WHITESPACE || node->type == GUMBO_NODE_CDATA) {
		add_text(html, node->v.text.text);
		return;
	}
	if (node->type != GUMBO_NODE_ELEMENT || html->depth >= HTML_DEPTH_MAX)
		return;
	Role role = ROLE_INLINE;
	unsigned add = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(roles); i++)
		if (roles[i].tag == node->v.element.tag) {
			role = roles[i].role;
			add = roles[i].style;
		}
	HtmlStyle style = html_style(html->sheet, node);
	if (style.hidden || role == ROLE_SKIP)
		return;
	unsigned saved_style = html->style;
	bool saved_tiny = html->tiny, saved_pre = html->pre;
	html->tiny = style.tiny || (html->tiny && !style.not_tiny);
	html->pre |= style.pre && (role == ROLE_BLOCK || role == ROLE_PARAGRAPH);
	html->style |= add | (style.bold && role != ROLE_TABLE ? SPAN_BOLD : 0) | (style.italic ? SPAN_ITALIC : 0);
	if (style.not_bold)
		html->style &= ~(unsigned)SPAN_BOLD;
	html->depth++;
	add_element(html, node, role);
	html->depth--;
	html->style = saved_style;
	html->tiny = saved_tiny;
	html->pre = saved_pre;
}

void
html_children(Html *html, const GumboNode *node)
{
	const GumboVector *children = &node->v.element.children;
	for (unsigned i = 0; i < children->length; i++)
		html_node(html, children->data[i]);
}

Html
html_scratch(const Html *html)
{
	Html scratch = *html;
	scratch.sink = document_new();
	scratch.text = g_string_new(NULL);
	scratch.spans = NULL;
	scratch.quote = scratch.indent = scratch.list_depth = 0;
	scratch.marker = NULL;
	scratch.space = scratch.gap = scratch.lead_gap = false;
	scratch.kind = LINE_TEXT;
	return scratch;
}

void
html_scratch_end(Html *scratch)
{
	html_flush(scratch);
	g_string_free(scratch->text, TRUE);
	g_free(scratch->marker);
	scratch->text = NULL;
	scratch->marker = NULL;
}
