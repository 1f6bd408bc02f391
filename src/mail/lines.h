/* src/mail/lines.h: makes the lines of a document; used by the plain text and HTML renderers */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "src/mail/mime.h"

enum { DOCUMENT_TEXT_MAX = 8 << 20, LINKS_MAX = 5000 };

Document *document_new(void);
/* Appends a line; steals text (clean UTF-8 without LF) and spans (may be NULL). NULL when the document is full: then nothing more fits. */
Line *document_add_line(Document *document, LineKind kind, unsigned quote, char *text, GArray *spans);
/* A line of one style. Cleans and copies text. */
void document_add_text(Document *document, LineKind kind, unsigned quote, const char *text, unsigned style);
/* Adds an empty line unless the last one is empty or there is none. */
void document_add_gap(Document *document, unsigned quote);
/* Drops empty lines at the end, down to keep lines. */
void document_trim(Document *document, guint keep);
/* 1 + index of the link; the same URL gets the same number. 0 when there are too many. */
uint16_t document_add_link(Document *document, const char *url, const char *text, bool lies);
void document_add_note(Document *document, const char *text);	/* joined with what is there; once each */
void spans_add(GArray **spans, size_t start, size_t size, unsigned style, unsigned link);

/* Marks URLs in text (clean) as links. */
void link_urls(Document *document, const char *text, GArray **spans);
/* True when text shows a host that is not the host of url. */
bool link_lies(const char *url, const char *text);

typedef struct PlainOptions { bool flowed, delsp; } PlainOptions;
void plain_render(Document *document, const char *text, PlainOptions options);
/* text/enriched and text/richtext (RFC 1896, 1341) as plain text. Caller frees. */
char *enriched_to_plain(const char *text);
void html_render(Document *document, const char *html, size_t size);
/* with_description: no other part tells it. */
void calendar_render(Document *document, const char *text, bool with_description);
void delivery_render(Document *document, const char *text);	/* message/delivery-status (RFC 3464) */
/* Takes uuencoded files out of text and adds them as parts; returns the text without them, NULL when there are none. */
char *uuencode_extract(Mail *mail, Node *node, const char *text);
/* Files inside application/ms-tnef as parts. */
void tnef_extract(Mail *mail, Node *node);

/* The text a person wants to read; fills document and marks nodes as shown or attachment. */
void body_render(Document *document, Mail *mail, RenderFlags flags);
/* Text without decoration for programs: no notes, no link list. Caller frees. */
char *document_plain_text(const Document *document);
/* document_render on a tree that the caller keeps, for what the document does not say. */
Document *document_render_mail(Mail *mail, const char *part_id, RenderFlags flags);
/* File name for a part that has none. Caller frees. */
char *node_made_name(const Node *node);
