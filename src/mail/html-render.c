/* src/mail/html-render.c: from the bytes of an HTML part to its lines: limits, parser, walk, last touches */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/html.h"

static char *
find_base(const GumboNode *node, unsigned depth)
{
	if (node->type != GUMBO_NODE_ELEMENT || depth > 6)
		return NULL;
	if (node->v.element.tag == GUMBO_TAG_BASE && g_ascii_strncasecmp(html_attribute(node, "href"), "http", 4) == 0)
		return g_strdup(html_attribute(node, "href"));
	char *found = NULL;
	for (unsigned i = 0; i < node->v.element.children.length && !found && node->v.element.tag != GUMBO_TAG_BODY; i++)
		found = find_base(node->v.element.children.data[i], depth + 1);
	return found;
}

/* Spaces that did not collapse become plain ones at the end, when layout is done. */
static void
plain_spaces(Document *document, guint from)
{
	for (guint i = from; i < document->lines->len; i++) {
		Line *line = g_ptr_array_index(document->lines, i);
		if (!strstr(line->text, "\xC2\xA0"))
			continue;
		char *to = line->text;
		guint shift = 0;
		size_t at = 0;
		g_autofree uint32_t *moved = g_new(uint32_t, strlen(line->text) + 1);
		for (const char *p = line->text; *p; p++, at++) {
			moved[at] = (uint32_t)(at - shift);
			bool nbsp = p[0] == '\xC2' && p[1] == '\xA0';
			*to++ = nbsp ? ' ' : *p;
			if (nbsp) {
				p++;
				at++;
				moved[at] = (uint32_t)(at - shift);
				shift++;
			}
		}
		moved[at] = (uint32_t)(at - shift);
		*to = '\0';
		for (guint k = 0; line->spans && k < line->spans->len; k++) {
			Span *span = &g_array_index(line->spans, Span, k);
			uint32_t end = moved[span->start + span->size];
			span->start = moved[span->start];
			span->size = end - span->start;
		}
	}
}

void
html_render(Document *document, const char *text, size_t size)
{
	size_t limited_size = size;
	g_autofree char *limited = html_limit(text, size, &limited_size);
	GumboOptions options = kGumboDefaultOptions;
	options.max_errors = 0;
	GumboOutput *output = gumbo_parse_with_options(&options, limited ? limited : text, limited_size);
	HtmlSheet *sheet = html_sheet_new(output->root);
	g_autofree char *base = find_base(output->root, 0);
	guint start = document->lines->len;
	Html html = { .document = document, .sink = document, .sheet = sheet, .base = base, .text = g_string_new(NULL), .kind = LINE_TEXT };
	html_node(&html, output->root);
	html_scratch_end(&html);
	plain_spaces(document, start);
	document_trim(document, start);
	html_sheet_free(sheet);
	gumbo_destroy_output(&options, output);
}
