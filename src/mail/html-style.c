/* src/mail/html-style.c: what of CSS decides whether text is seen; limits before parsing */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/html.h"

enum { TAGS_MAX = 120000, OPEN_FORMATTING_MAX = 16, OPEN_OTHER_MAX = 200, ATTRIBUTES_MAX = 200, SHEET_BYTES_MAX = 256 << 10,
	OFF_SCREEN = -900 };

const char *
html_attribute(const GumboNode *node, const char *name)
{
	const GumboAttribute *attribute = gumbo_get_attribute(&node->v.element.attributes, name);
	return attribute && attribute->value ? attribute->value : "";
}

/* ---- declarations ---- */

typedef struct Css { bool display_none, invisible, zero_height, zero_width, overflow_hidden, opacity_zero, tiny, not_tiny, bold, not_bold, italic, pre, bare, off_screen; } Css;

/* Zero or one pixel: "0", "0px", "0.0em", "1px". */
static bool
is_zero(const char *value, bool one_too)
{
	char *end;
	double number = g_ascii_strtod(value, &end);
	if (end == value)
		return false;
	return number <= 0.01 || (one_too && number <= 1.0 && g_str_has_prefix(end, "px"));
}

static void
take_declaration(Css *css, const char *name, const char *value)
{
	if (strcmp(name, "display") == 0)
		css->display_none = g_str_has_prefix(value, "none");
	else if (strcmp(name, "visibility") == 0)
		css->invisible = g_str_has_prefix(value, "hidden") || g_str_has_prefix(value, "collapse");
	else if (strcmp(name, "mso-hide") == 0)
		css->display_none |= g_str_has_prefix(value, "all");
	else if (strcmp(name, "font-size") == 0) {
		css->tiny = is_zero(value, true);
		css->not_tiny = !css->tiny && g_ascii_isdigit(*value) && !strchr(value, '%') && !strstr(value, "em");
	} else if (strcmp(name, "max-height") == 0 || strcmp(name, "height") == 0)
		css->zero_height |= is_zero(value, false);
	else if (strcmp(name, "max-width") == 0 || strcmp(name, "width") == 0)
		css->zero_width |= is_zero(value, false);
	else if (strcmp(name, "overflow") == 0)
		css->overflow_hidden = g_str_has_prefix(value, "hidden");
	else if (strcmp(name, "opacity") == 0)
		css->opacity_zero = is_zero(value, false);
	else if (strcmp(name, "font-weight") == 0) {
		css->bold = g_str_has_prefix(value, "bold") || g_ascii_strtoll(value, NULL, 10) >= 600;
		css->not_bold = !css->bold;
	} else if (strcmp(name, "font-style") == 0)
		css->italic = g_str_has_prefix(value, "italic");
	else if (strcmp(name, "list-style") == 0 || strcmp(name, "list-style-type") == 0)
		css->bare = g_str_has_prefix(value, "none");
	else if (strcmp(name, "left") == 0 || strcmp(name, "top") == 0)
		css->off_screen |= g_ascii_strtod(value, NULL) <= OFF_SCREEN && strstr(value, "px");
	else if (strcmp(name, "white-space") == 0)
		css->pre = g_str_has_prefix(value, "pre");
}

static void
parse_declarations(Css *css, const char *style, size_t size)
{
	const char *p = style, *end = style + size;
	char name[24], value[64];
	while (p < end) {
		const char *stop = memchr(p, ';', (size_t)(end - p));
		stop = stop ? stop : end;
		const char *colon = memchr(p, ':', (size_t)(stop - p));
		if (colon) {
			size_t n = 0, k = 0;
			for (const char *c = p; c < colon && n + 1 < sizeof name; c++)
				if (!g_ascii_isspace(*c))
					name[n++] = g_ascii_tolower(*c);
			for (const char *c = colon + 1; c < stop && k + 1 < sizeof value; c++)
				if (k > 0 || !g_ascii_isspace(*c))
					value[k++] = g_ascii_tolower(*c);
			name[n] = value[k] = '\0';
			take_declaration(css, name, value);
		}
		p = stop + 1;
	}
}

static bool
css_hides(const Css *css)
{
	return css->display_none || css->invisible || css->opacity_zero || css->off_screen || ((css->zero_height || css->zero_width) && css->overflow_hidden);
}

static bool
sheet_hides(const HtmlSheet *sheet, const GumboNode *node)
{
	if (!sheet || g_hash_table_size(sheet->hidden) == 0)
		return false;
	const char *id = html_attribute(node, "id"), *class = html_attribute(node, "class");
	if (*id) {
		g_autofree char *key = g_strconcat("#", id, NULL);
		if (g_hash_table_contains(sheet->hidden, key))
			return true;
	}
	if (!*class)
		return false;
	g_auto(GStrv) names = g_strsplit_set(class, " \t\n\r", 30);
	for (char **name = names; *name; name++) {
		g_autofree char *key = g_strconcat(".", *name, NULL);
		if (**name && g_hash_table_contains(sheet->hidden, key))
			return true;
	}
	return false;
}

HtmlStyle
html_style(const HtmlSheet *sheet, const GumboNode *node)
{
	HtmlStyle result = { 0 };
	if (node->v.element.attributes.length == 0)
		return result;
	Css css = { 0 };
	const char *style = html_attribute(node, "style");
	if (*style)
		parse_declarations(&css, style, strlen(style));
	result = (HtmlStyle){ .tiny = css.tiny, .not_tiny = css.not_tiny, .bold = css.bold, .not_bold = css.not_bold, .italic = css.italic, .pre = css.pre,
		.bare = css.bare };
	result.hidden = css_hides(&css) || gumbo_get_attribute(&node->v.element.attributes, "hidden");
	bool shown_inline = strstr(style, "display") && !css.display_none;
	if (!result.hidden && !shown_inline)
		result.hidden = sheet_hides(sheet, node);
	return result;
}

/* ---- style sheets ---- */

/* Only ".name" and "#name" alone or behind a tag: enough for preheaders, and never too much. */
static void
take_selectors(HtmlSheet *sheet, const char *selectors, size_t size)
{
	g_autofree char *text = g_strndup(selectors, size);
	g_auto(GStrv) list = g_strsplit(text, ",", 50);
	for (char **item = list; *item; item++) {
		char *selector = g_strstrip(*item);
		char *mark = strpbrk(selector, ".#");
		if (!mark || strpbrk(selector, " >+~:[*") || strpbrk(mark + 1, ".#"))
			continue;
		g_hash_table_add(sheet->hidden, g_strdup(mark));
	}
}

/* Skips a block with the blocks inside it; p is behind its '{'. */
static const char *
block_end(const char *p)
{
	for (unsigned depth = 1; *p; p++) {
		depth += *p == '{';
		depth -= *p == '}';
		if (depth == 0)
			return p + 1;
	}
	return p;
}

static void
parse_sheet(HtmlSheet *sheet, const char *text)
{
	const char *p = text;
	while (*p) {
		if (p[0] == '/' && p[1] == '*') {
			const char *close = strstr(p + 2, "*/");
			if (!close)
				return;
			p = close + 2;
			continue;
		}
		if (g_ascii_isspace(*p) || *p == '}') {
			p++;
			continue;
		}
		if (g_str_has_prefix(p, "<!--") || g_str_has_prefix(p, "-->")) {
			p += *p == '<' ? 4 : 3;
			continue;
		}
		size_t n = strcspn(p, "{;");
		if (!p[n])
			return;
		if (p[n] == ';') {	/* @import */
			p += n + 1;
			continue;
		}
		const char *body = p + n + 1, *end = block_end(body);
		if (*p != '@') {
			Css css = { 0 };
			parse_declarations(&css, body, (size_t)(end - body) - (end > body && end[-1] == '}'));
			if (css_hides(&css))
				take_selectors(sheet, p, n);
		}
		p = end;
	}
}

static bool
is_screen(const char *media)
{
	return !*media || g_ascii_strcasecmp(media, "all") == 0 || g_ascii_strcasecmp(media, "screen") == 0;
}

static void
find_sheets(HtmlSheet *sheet, const GumboNode *node, unsigned depth)
{
	if (node->type != GUMBO_NODE_ELEMENT || depth > HTML_DEPTH_MAX)
		return;
	const GumboVector *children = &node->v.element.children;
	for (unsigned i = 0; i < children->length; i++) {
		const GumboNode *child = children->data[i];
		if (node->v.element.tag == GUMBO_TAG_STYLE && child->type == GUMBO_NODE_TEXT && strlen(child->v.text.text) < SHEET_BYTES_MAX &&
		    is_screen(html_attribute(node, "media")))
			parse_sheet(sheet, child->v.text.text);
		else
			find_sheets(sheet, child, depth + 1);
	}
}

HtmlSheet *
html_sheet_new(const GumboNode *root)
{
	HtmlSheet *sheet = g_new(HtmlSheet, 1);
	sheet->hidden = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	find_sheets(sheet, root, 0);
	return sheet;
}

void
html_sheet_free(HtmlSheet *sheet)
{
	g_hash_table_unref(sheet->hidden);
	g_free(sheet);
}

/* ---- limits: the parser's cost grows with open formatting elements times paragraphs, and with attributes squared ---- */

typedef enum TagClass { TAG_FREE, TAG_FORMATTING, TAG_OTHER } TagClass;
typedef struct Tag { const char *start, *end; TagClass class; bool closing; unsigned blanks; } Tag;

static TagClass
tag_class(const char *name, size_t size)
{
	static const char *const formatting[] = { "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u" };
	static const char *const free_tags[] = { "p", "li", "td", "tr", "th", "dt", "dd", "tbody", "thead", "tfoot", "html", "head", "body", "br", "hr",
		"img", "input", "meta", "link", "area", "base", "col", "wbr", "option", "optgroup", "colgroup", "rp", "rt", "param", "embed" };
	for (size_t i = 0; i < G_N_ELEMENTS(formatting); i++)
		if (strlen(formatting[i]) == size && g_ascii_strncasecmp(name, formatting[i], size) == 0)
			return TAG_FORMATTING;
	for (size_t i = 0; i < G_N_ELEMENTS(free_tags); i++)
		if (strlen(free_tags[i]) == size && g_ascii_strncasecmp(name, free_tags[i], size) == 0)
			return TAG_FREE;
	return TAG_OTHER;
}

static bool
next_tag(const char *p, const char *end, Tag *tag)
{
	while ((p = memchr(p, '<', (size_t)(end - p)))) {
		const char *name = p + 1;
		bool closing = name < end && *name == '/';
		name += closing;
		if (name >= end || !g_ascii_isalpha(*name)) {
			p++;
			continue;
		}
		const char *c = name;
		while (c < end && (g_ascii_isalnum(*c) || *c == '-' || *c == ':'))
			c++;
		*tag = (Tag){ .start = p, .class = tag_class(name, (size_t)(c - name)), .closing = closing };
		char quote = 0;
		for (; c < end && (quote || *c != '>'); c++) {
			if (quote)
				quote = *c == quote ? 0 : quote;
			else if ((*c == '"' || *c == '\'') && c[-1] == '=')
				quote = *c;
			else
				tag->blanks += g_ascii_isspace(*c) || *c == '/' || *c == '=';
		}
		tag->end = c < end ? c + 1 : end;
		return true;
	}
	return false;
}

char *
html_limit(const char *html, size_t size, size_t *ret_size)
{
	unsigned open[3] = { 0 }, tags = 0;
	static const unsigned limits[3] = { [TAG_FREE] = UINT_MAX, [TAG_FORMATTING] = OPEN_FORMATTING_MAX, [TAG_OTHER] = OPEN_OTHER_MAX };
	const char *p = html, *end = html + size, *kept = html;
	GString *out = NULL;
	for (Tag tag; next_tag(p, end, &tag); p = tag.end) {
		bool drop = tag.blanks > 2 * ATTRIBUTES_MAX || ++tags > TAGS_MAX;
		if (tag.closing)
			open[tag.class] -= open[tag.class] > 0;
		else if (!drop && open[tag.class] >= limits[tag.class])
			drop = true;
		else if (!drop)
			open[tag.class]++;
		if (!drop)
			continue;
		if (!out)
			out = g_string_sized_new(size);
		g_string_append_len(out, kept, tag.start - kept);
		kept = tag.end;
	}
	if (!out)
		return NULL;
	g_string_append_len(out, kept, end - kept);
	*ret_size = out->len;
	return g_string_free(out, FALSE);
}
