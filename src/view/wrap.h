/* src/view/wrap.h: a document wrapped to a width: the rows the reader scrolls through */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/app.h"

/* One line of the screen: bytes start..start+size of line; name_size: bytes of a header's name at the begin of the first row. */
typedef struct WrapRow { const Line *line; uint32_t start, size; uint16_t name_size; bool first; } WrapRow;

typedef struct Wrap {
	int width;
	GArray *rows;		/* of WrapRow */
	GPtrArray *own;		/* of Line *: headers and attachments, which the document does not have as lines */
	/* what it was made of, to see when it is stale */
	const void *document, *lines;
	unsigned n_lines;
	uint32_t request;
	char *find;		/* text last looked for */
	int found;		/* row of the match, -1: none */
} Wrap;

Wrap *wrap_new(int width);
void wrap_free(void *wrap);
void wrap_add(Wrap *wrap, const Line *line);		/* borrowed */
/* "Name: value", continuation lines below the value; nothing where value is empty. */
void wrap_add_field(Wrap *wrap, LineKind kind, const char *name, const char *value);
void wrap_add_blank(Wrap *wrap);
/* Columns before the text of a row: indent, hang, bars of a quote. */
int wrap_row_indent(const WrapRow *row);
/* First row at or after from (step 1) or before it (step -1) whose line has needle in the row, all cases alike; -1: none. */
int wrap_find(const Wrap *wrap, const char *needle, int from, int step);
/* Offset of a needle that begins in start..end of text, all cases alike; -1: none. *ret_size: bytes it has there. */
ssize_t text_find(const char *text, size_t start, size_t end, const char *needle, size_t *ret_size);
