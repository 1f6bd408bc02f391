/* src/view/wrap.c: a document wrapped to a width: the rows the reader scrolls through; finding text in them */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/view/wrap.h"

#include <string.h>

enum { QUOTE_COLUMNS = 2, QUOTE_SHOWN = 8, FIELD_COLUMNS = 10, TEXT_COLUMNS_MIN = 8 };

static void
line_free(void *data)
{
	Line *line = data;
	g_free(line->text);
	g_free(line);
}

Wrap *
wrap_new(int width)
{
	Wrap *wrap = g_new0(Wrap, 1);
	wrap->width = MAX(width, TEXT_COLUMNS_MIN);
	wrap->rows = g_array_new(FALSE, TRUE, sizeof(WrapRow));
	wrap->own = g_ptr_array_new_with_free_func(line_free);
	return wrap;
}

void
wrap_free(void *data)
{
	Wrap *wrap = data;
	if (!wrap)
		return;
	g_array_unref(wrap->rows);
	g_ptr_array_unref(wrap->own);
	g_free(wrap->find);
	g_free(wrap);
}

int
wrap_row_indent(const WrapRow *row)
{
	const Line *line = row->line;
	return line->indent + (row->first ? 0 : line->hang) + QUOTE_COLUMNS * MIN(line->quote, QUOTE_SHOWN);
}

static bool
is_unbroken(LineKind kind)
{
	return kind == LINE_TABLE || kind == LINE_RULE;
}

void
wrap_add(Wrap *wrap, const Line *line)
{
	size_t total = strlen(line->text), start = 0;
	WrapRow row = { .line = line, .first = true };
	do {
		row.start = (uint32_t)start;
		int columns = MAX(TEXT_COLUMNS_MIN, wrap->width - wrap_row_indent(&row));
		size_t skip = 0, size = total - start;
		if (line->kind == LINE_PRE && size > (size_t)columns)
			size = text_fit(line->text + start, columns);
		else if (!is_unbroken(line->kind) && size > (size_t)columns)
			size = text_wrap(line->text + start, columns, &skip);
		if (size == 0 && total > start)
			size = total - start;	/* nothing fits: better cut at the edge than never ending */
		row.size = (uint32_t)size;
		g_array_append_val(wrap->rows, row);
		row.first = false;
		start += size + skip;
	} while (start < total);
}

void
wrap_add_field(Wrap *wrap, LineKind kind, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	Line *line = g_new0(Line, 1);
	line->kind = kind;
	line->hang = FIELD_COLUMNS;
	line->text = g_strdup_printf("%-*s%s", FIELD_COLUMNS, name, value);
	g_ptr_array_add(wrap->own, line);
	guint first = wrap->rows->len;
	wrap_add(wrap, line);
	g_array_index(wrap->rows, WrapRow, first).name_size = FIELD_COLUMNS;
}

void
wrap_add_blank(Wrap *wrap)
{
	Line *line = g_new0(Line, 1);
	line->text = g_strdup("");
	g_ptr_array_add(wrap->own, line);
	wrap_add(wrap, line);
}

/* ---- finding ---- */

/* Bytes that needle takes at text, 0: it is not there. */
static size_t
match_at(const char *text, const char *needle)
{
	const char *p = text;
	for (; *needle; needle = g_utf8_next_char(needle), p = g_utf8_next_char(p))
		if (!*p || g_unichar_tolower(g_utf8_get_char(p)) != g_unichar_tolower(g_utf8_get_char(needle)))
			return 0;
	return (size_t)(p - text);
}

ssize_t
text_find(const char *text, size_t start, size_t end, const char *needle, size_t *ret_size)
{
	if (!*needle)
		return -1;
	for (const char *p = text + start; *p && p < text + end; p = g_utf8_next_char(p)) {
		size_t size = match_at(p, needle);
		if (size > 0) {
			*ret_size = size;
			return p - text;
		}
	}
	return -1;
}

static bool
row_has(const WrapRow *row, const char *needle)
{
	size_t size;
	return text_find(row->line->text, row->start, (size_t)row->start + row->size, needle, &size) >= 0;
}

int
wrap_find(const Wrap *wrap, const char *needle, int from, int step)
{
	for (int i = from; i >= 0 && i < (int)wrap->rows->len; i += step)
		if (row_has(&g_array_index(wrap->rows, WrapRow, i), needle))
			return i;
	return -1;
}
