/* src/mail/html.h: state of the HTML renderer, shared by its files */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "src/mail/lines.h"

#include <gumbo.h>

enum { HTML_DEPTH_MAX = 220, HTML_WIDTH = 76 /* columns a table is made for */, HTML_LINE_BYTES_MAX = 100000 };

/* Names that a <style> sheet hides (outside of @media). */
typedef struct HtmlSheet { GHashTable *hidden; /* ".class", "#id" */ } HtmlSheet;

typedef struct Html {
	Document *document;	/* owns the links and notes */
	Document *sink;		/* takes the lines: document, or the scratch of a table cell */
	const HtmlSheet *sheet;
	const char *base;	/* <base href>, or NULL */
	GString *text;		/* the open line */
	GArray *spans;
	unsigned style, quote, depth;
	unsigned indent;
	char *marker;		/* of the list item whose first line is to come */
	const char *link_url;	/* of the open link; it gets its number with its first text */
	uint16_t link;
	GString *link_text;	/* while inside a link */
	bool link_has_image;
	LineKind kind;
	bool pre, tiny, space;	/* tiny: font-size 0; space: white space waits for the next word */
	bool gap, lead_gap;	/* an empty line is due; one was asked for before the first line */
	bool bare;		/* the open list has no markers */
	unsigned list_depth, item;	/* item: number of the last one of the open list */
} Html;

/* html.c */
void html_node(Html *html, const GumboNode *node);
void html_children(Html *html, const GumboNode *node);
void html_flush(Html *html);
void html_gap(Html *html);
/* A finished line of a table or of a cell, at the indent and quote of html. Steals text and spans. */
void html_emit(Html *html, LineKind kind, char *text, GArray *spans, unsigned indent, unsigned hang);
Html html_scratch(const Html *html);
void html_scratch_end(Html *scratch);

/* html-style.c */
const char *html_attribute(const GumboNode *node, const char *name);	/* "" when absent */
typedef struct HtmlStyle { bool hidden, tiny, not_tiny, bold, not_bold, italic, pre, bare; } HtmlStyle;
HtmlStyle html_style(const HtmlSheet *sheet, const GumboNode *node);
HtmlSheet *html_sheet_new(const GumboNode *root);
void html_sheet_free(HtmlSheet *sheet);
/* HTML that is no trap for the parser, or NULL where html is none already. */
char *html_limit(const char *html, size_t size, size_t *ret_size);

/* html-image.c */
char *html_image_alt(const GumboNode *node);	/* "" when nobody wrote one; NULL for spacers and tracking pixels */
char *html_words(const char *value);	/* of an attribute, clean; "" for addresses and file names */

/* html-table.c */
void html_table(Html *html, const GumboNode *node);
