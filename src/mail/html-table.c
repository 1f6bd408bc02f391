/* src/mail/html-table.c: tables: data is drawn in columns, layout flows */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/html.h"

#include "surel/text.h"

enum { COLUMNS_MAX = 40, ROWS_MAX = 5000, CELL_LINES_MAX = 3, COLUMN_MIN = 6, LONG_LINE = 72, GUTTER = 2 };

typedef struct Cell { Document *lines; bool header, has_table, lead_gap, gap, right; unsigned span; int width; } Cell;
typedef struct Row { GArray *cells; } Row;
typedef struct Table { GArray *rows; unsigned columns; bool has_header, layout; } Table;

static void
cell_clear(void *data)
{
	document_free(((Cell *)data)->lines);
}

static void
row_clear(void *data)
{
	g_array_unref(((Row *)data)->cells);
}

static Cell *
cell_at(const Table *table, guint row, guint column)
{
	GArray *cells = g_array_index(table->rows, Row, row).cells;
	return column < cells->len ? &g_array_index(cells, Cell, column) : NULL;
}

static bool
is_tag(const GumboNode *node, GumboTag tag)
{
	return node->type == GUMBO_NODE_ELEMENT && node->v.element.tag == tag;
}

static bool
contains_table(const GumboNode *node, unsigned depth)
{
	if (node->type != GUMBO_NODE_ELEMENT || depth > HTML_DEPTH_MAX)
		return false;
	const GumboVector *children = &node->v.element.children;
	for (unsigned i = 0; i < children->length; i++)
		if (is_tag(children->data[i], GUMBO_TAG_TABLE) || contains_table(children->data[i], depth + 1))
			return true;
	return false;
}

static int
widest(const Document *lines)
{
	int width = 0;
	for (guint i = 0; i < lines->lines->len; i++) {
		const Line *line = g_ptr_array_index(lines->lines, i);
		width = MAX(width, text_width(line->text) + line->indent);
	}
	return width;
}

/* ---- reading ---- */

static void
read_cell(Html *html, const GumboNode *node, GArray *cells)
{
	HtmlStyle style = html_style(html->sheet, node);
	if (style.hidden)
		return;
	Html scratch = html_scratch(html);
	scratch.tiny = style.tiny || (html->tiny && !style.not_tiny);
	scratch.style |= style.bold ? SPAN_BOLD : 0;
	scratch.depth++;
	Cell cell = { .header = is_tag(node, GUMBO_TAG_TH), .has_table = contains_table(node, 0) };
	if (cell.header)
		scratch.style |= SPAN_BOLD;
	if (scratch.depth < HTML_DEPTH_MAX)
		html_children(&scratch, node);
	html_scratch_end(&scratch);
	cell.lines = scratch.sink;
	document_trim(cell.lines, 0);
	cell.lead_gap = scratch.lead_gap;
	cell.gap = scratch.gap;
	cell.span = (unsigned)CLAMP(g_ascii_strtoll(html_attribute(node, "colspan"), NULL, 10), 1, COLUMNS_MAX);
	cell.right = g_ascii_strcasecmp(html_attribute(node, "align"), "right") == 0 || strstr(html_attribute(node, "style"), "text-align:right") ||
		strstr(html_attribute(node, "style"), "text-align: right");
	cell.width = widest(cell.lines);
	g_array_append_val(cells, cell);
}

static void
read_row(Html *html, const GumboNode *node, Table *table)
{
	if (table->rows->len >= ROWS_MAX || html_style(html->sheet, node).hidden)
		return;
	Row row = { g_array_new(FALSE, TRUE, sizeof(Cell)) };
	g_array_set_clear_func(row.cells, cell_clear);
	const GumboVector *children = &node->v.element.children;
	for (unsigned i = 0; i < children->length && row.cells->len < COLUMNS_MAX; i++) {
		const GumboNode *child = children->data[i];
		if (is_tag(child, GUMBO_TAG_TD) || is_tag(child, GUMBO_TAG_TH))
			read_cell(html, child, row.cells);
	}
	table->columns = MAX(table->columns, row.cells->len);
	g_array_append_val(table->rows, row);
}

static void
read_rows(Html *html, const GumboNode *node, Table *table)
{
	const GumboVector *children = &node->v.element.children;
	for (unsigned i = 0; i < children->length; i++) {
		const GumboNode *child = children->data[i];
		if (is_tag(child, GUMBO_TAG_TR)) {
			read_row(html, child, table);
		} else if (is_tag(child, GUMBO_TAG_TBODY) || is_tag(child, GUMBO_TAG_THEAD) || is_tag(child, GUMBO_TAG_TFOOT)) {
			if (!html_style(html->sheet, child).hidden)
				read_rows(html, child, table);
		} else if (is_tag(child, GUMBO_TAG_CAPTION)) {
			html_node(html, child);
		}
	}
}

/* ---- data or layout ---- */

/* Data: at least two rows and two columns with something in them, cells short, nothing nested. */
static bool
is_data(const Table *table)
{
	if (table->layout || table->rows->len < 2 || table->columns < 2)
		return false;
	unsigned filled_columns = 0, full_rows = 0, wide = 0, cells = 0;
	for (unsigned c = 0; c < table->columns; c++) {
		unsigned filled = 0;
		for (guint r = 0; r < table->rows->len; r++) {
			const Cell *cell = cell_at(table, r, c);
			filled += cell && cell->lines->lines->len > 0;
		}
		filled_columns += filled >= 2;
	}
	for (guint r = 0; r < table->rows->len; r++) {
		unsigned filled = 0;
		for (unsigned c = 0; c < table->columns; c++) {
			const Cell *cell = cell_at(table, r, c);
			if (!cell || cell->lines->lines->len == 0)
				continue;
			if (cell->has_table || cell->lines->lines->len > (table->has_header ? 2 * CELL_LINES_MAX : CELL_LINES_MAX))
				return false;
			filled++;
			cells++;
			wide += cell->width > LONG_LINE && cell->span == 1;
		}
		full_rows += filled >= 2;
	}
	return filled_columns >= 2 && full_rows >= 2 && (wide * 4 <= cells);
}

/* ---- columns ---- */

static void
natural_widths(const Table *table, int widths[static COLUMNS_MAX])
{
	for (guint r = 0; r < table->rows->len; r++)
		for (unsigned c = 0; c < table->columns; c++) {
			const Cell *cell = cell_at(table, r, c);
			if (cell && cell->span == 1)
				widths[c] = MAX(widths[c], cell->width);
		}
}

/* The widest gives way first. */
static void
fit_widths(unsigned columns, int widths[static COLUMNS_MAX], int room)
{
	int total = 0, used = 0;
	for (unsigned c = 0; c < columns; c++) {
		total += widths[c];
		used += widths[c] > 0;
	}
	room -= GUTTER * (used - 1);
	while (total > room) {
		unsigned top = 0;
		for (unsigned c = 1; c < columns; c++)
			top = widths[c] > widths[top] ? c : top;
		if (widths[top] <= COLUMN_MIN)
			return;
		widths[top]--;
		total--;
	}
}

static bool
is_number(const char *text)
{
	bool digit = false;
	for (const char *p = text; *p; p = g_utf8_next_char(p)) {
		gunichar u = g_utf8_get_char(p);
		digit |= g_unichar_isdigit(u);
		if (g_unichar_isalpha(u) && strncmp(p, "Rp", 2) != 0 && (p == text || strncmp(p - 1, "Rp", 2) != 0))
			return false;
	}
	return digit;
}

static bool
is_numeric_column(const Table *table, unsigned column)
{
	unsigned numbers = 0;
	for (guint r = 0; r < table->rows->len; r++) {
		const Cell *cell = cell_at(table, r, column);
		if (!cell || cell->lines->lines->len == 0 || (cell->header && r == 0) || (r == 0 && table->rows->len > 2))
			continue;
		if (cell->lines->lines->len > 1 || !is_number(((const Line *)g_ptr_array_index(cell->lines->lines, 0))->text))
			return false;
		numbers++;
	}
	return numbers > 0;
}

/* A piece of a cell on one screen line. */
static void
put_piece(GString *out, GArray **spans, const Line *line, size_t from, size_t size)
{
	size_t at = out->len;
	g_string_append_len(out, line->text + from, (gssize)size);
	for (guint i = 0; line->spans && i < line->spans->len; i++) {
		const Span *span = &g_array_index(line->spans, Span, i);
		size_t start = MAX(span->start, from), end = MIN(span->start + span->size, from + size);
		if (start < end)
			spans_add(spans, at + start - from, end - start, span->style, span->link);
	}
}

/* Where a cell stands while its row is drawn. */
typedef struct CellCursor { guint line; size_t offset; } CellCursor;

static bool
cell_done(const Cell *cell, const CellCursor *cursor)
{
	return !cell || cursor->line >= cell->lines->lines->len;
}

static int
draw_cell(const Cell *cell, CellCursor *cursor, int width, bool right, GString *out, GArray **spans)
{
	if (cell_done(cell, cursor))
		return 0;
	const Line *line = g_ptr_array_index(cell->lines->lines, cursor->line);
	size_t skip, size = text_wrap(line->text + cursor->offset, MAX(width, 1), &skip);
	g_autofree char *piece = g_strndup(line->text + cursor->offset, size);
	int shown = text_width(piece);
	for (int i = shown; right && i < width; i++)
		g_string_append_c(out, ' ');
	put_piece(out, spans, line, cursor->offset, size);
	cursor->offset += size + skip;
	if (!line->text[cursor->offset]) {
		cursor->line++;
		cursor->offset = 0;
	}
	return right ? MAX(width, shown) : shown;
}

static void
draw_row(Html *html, const Table *table, guint r, const int widths[static COLUMNS_MAX], const bool right[static COLUMNS_MAX])
{
	CellCursor cursors[COLUMNS_MAX] = { 0 };
	GArray *cells = g_array_index(table->rows, Row, r).cells;
	for (bool more = true; more;) {
		GString *out = g_string_new(NULL);
		GArray *spans = NULL;
		more = false;
		int target = 0, at = 0;
		for (guint c = 0, column = 0; c < cells->len && column < table->columns; c++) {
			const Cell *cell = &g_array_index(cells, Cell, c);
			int width = 0;
			bool right_aligned = right[column] && cell->span == 1;
			for (unsigned k = 0; k < cell->span && column < table->columns; k++, column++)
				width += widths[column] + (k && widths[column] && width ? GUTTER : 0);
			if (width == 0)
				continue;
			if (cell_done(cell, &cursors[c])) {
				target += width + GUTTER;
				continue;
			}
			for (; at < target; at++)
				g_string_append_c(out, ' ');
			at += draw_cell(cell, &cursors[c], width, right_aligned, out, &spans);
			target += width + GUTTER;
			more |= !cell_done(cell, &cursors[c]);
		}
		html_emit(html, LINE_TABLE, g_string_free(out, FALSE), spans, html->indent, 0);
	}
}

static bool
row_is_empty(const Table *table, guint r)
{
	for (unsigned c = 0; c < table->columns; c++) {
		const Cell *cell = cell_at(table, r, c);
		if (cell && cell->lines->lines->len > 0)
			return false;
	}
	return true;
}

static bool
row_is_header(const Table *table, guint r)
{
	GArray *cells = g_array_index(table->rows, Row, r).cells;
	for (guint c = 0; c < cells->len; c++)
		if (!g_array_index(cells, Cell, c).header)
			return false;
	return cells->len > 0;
}

static void
draw_rule(Html *html, const Table *table, const int widths[static COLUMNS_MAX])
{
	GString *out = g_string_new(NULL);
	for (unsigned c = 0; c < table->columns; c++) {
		if (widths[c] == 0)
			continue;
		if (out->len > 0)
			g_string_append(out, "  ");
		for (int i = 0; i < widths[c]; i++)
			g_string_append_c(out, '-');
	}
	GArray *spans = NULL;
	spans_add(&spans, 0, out->len, SPAN_DIM, 0);
	html_emit(html, LINE_TABLE, g_string_free(out, FALSE), spans, html->indent, 0);
}

static void
draw_data(Html *html, const Table *table)
{
	int widths[COLUMNS_MAX] = { 0 };
	bool right[COLUMNS_MAX] = { false };
	natural_widths(table, widths);
	fit_widths(table->columns, widths, HTML_WIDTH - (int)html->indent - 2 * (int)MIN(html->quote, 10));
	for (unsigned c = 0; c < table->columns; c++)
		right[c] = is_numeric_column(table, c);
	html_gap(html);
	for (guint r = 0; r < table->rows->len; r++) {
		if (row_is_empty(table, r))
			continue;
		draw_row(html, table, r, widths, right);
		if (r == 0 && row_is_header(table, r) && table->rows->len > 1)
			draw_rule(html, table, widths);
	}
	html->gap = true;
}

/* ---- layout ---- */

/* Lines of a cell move into what holds the table. */
static void
move_lines(Html *html, Cell *cell)
{
	GPtrArray *lines = cell->lines->lines;
	html->gap |= cell->lead_gap && lines->len > 0;
	for (guint i = 0; i < lines->len; i++) {
		Line *line = g_ptr_array_index(lines, i);
		unsigned quote = html->quote;
		html->quote += line->quote;
		html_emit(html, line->kind, g_steal_pointer(&line->text), g_steal_pointer(&line->spans), line->indent + html->indent, line->hang);
		html->quote = quote;
		line->text = g_strdup("");
	}
	html->gap |= cell->gap && lines->len > 0;
}

/* Short things side by side, as in a bar of links or "Total  Rp 50.000", stay on one line. */
static bool
fits_one_line(const Row *row)
{
	int width = 0;
	unsigned filled = 0;
	for (guint c = 0; c < row->cells->len; c++) {
		const Cell *cell = &g_array_index(row->cells, Cell, c);
		guint lines = cell->lines->lines->len;
		if (lines == 0)
			continue;
		const Line *line = g_ptr_array_index(cell->lines->lines, 0);
		if (lines > 1 || (line->kind != LINE_TEXT && line->kind != LINE_HEADING) || line->quote)
			return false;
		width += cell->width + GUTTER;
		filled++;
	}
	return filled >= 2 && width <= HTML_WIDTH;
}

static void
join_cells(Html *html, const Row *row)
{
	GString *out = g_string_new(NULL);
	GArray *spans = NULL;
	for (guint c = 0; c < row->cells->len; c++) {
		const Cell *cell = &g_array_index(row->cells, Cell, c);
		if (cell->lines->lines->len == 0)
			continue;
		const Line *line = g_ptr_array_index(cell->lines->lines, 0);
		html->gap |= cell->lead_gap;
		if (out->len > 0)
			g_string_append(out, "  ");
		put_piece(out, &spans, line, 0, strlen(line->text));
	}
	html_emit(html, html->kind, g_string_free(out, FALSE), spans, html->indent, 0);
	for (guint c = 0; c < row->cells->len; c++)
		html->gap |= g_array_index(row->cells, Cell, c).gap;
}

static bool
is_long(const Cell *cell)
{
	return cell->lines->lines->len > 1 || cell->width > LONG_LINE;
}

static void
flow(Html *html, const Table *table)
{
	bool previous_long = false;
	html_flush(html);
	for (guint r = 0; r < table->rows->len; r++) {
		Row *row = &g_array_index(table->rows, Row, r);
		if (fits_one_line(row)) {
			html->gap |= previous_long;
			join_cells(html, row);
			previous_long = false;
			continue;
		}
		for (guint c = 0; c < row->cells->len; c++) {
			Cell *cell = &g_array_index(row->cells, Cell, c);
			if (cell->lines->lines->len == 0)
				continue;
			html->gap |= previous_long || is_long(cell);
			previous_long = is_long(cell);
			move_lines(html, cell);
		}
	}
	html->gap |= previous_long;
}

void
html_table(Html *html, const GumboNode *node)
{
	html_flush(html);
	Table table = { .rows = g_array_new(FALSE, TRUE, sizeof(Row)) };
	g_array_set_clear_func(table.rows, row_clear);
	read_rows(html, node, &table);
	const char *role = html_attribute(node, "role");
	table.layout = g_ascii_strcasecmp(role, "presentation") == 0 || g_ascii_strcasecmp(role, "none") == 0;
	for (guint r = 0; r < table.rows->len; r++)
		table.has_header |= row_is_header(&table, r);
	if (is_data(&table))
		draw_data(html, &table);
	else
		flow(html, &table);
	g_array_unref(table.rows);
}
