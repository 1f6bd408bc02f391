/* src/view/reader.c: a message: headers that matter, wrapped text with quotes, links and code, attachments */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/view/draw.h"
#include "src/view/wrap.h"

#include <string.h>

enum { MARGIN = 1, MARGIN_WIDE = 2, WIDE = 84, RECIPIENTS_SHOWN = 12, NAME_BYTES = 400 };

/* ---- what is shown: headers, lines, attachments -> rows ---- */

/* "Siti Rahma <siti@contoh.id>, ... and 30 more": a long list must not push the text off the screen. */
static char *
people(const GPtrArray *list)
{
	GString *text = g_string_new(NULL);
	for (unsigned i = 0; list && i < list->len && i < RECIPIENTS_SHOWN; i++) {
		const MailAddress *address = g_ptr_array_index(list, i);
		g_string_append(text, i ? ", " : "");
		if (address->name && *address->name)
			g_string_append_printf(text, "%s <%s>", address->name, address->addr);
		else
			g_string_append(text, address->addr);
	}
	if (list && list->len > RECIPIENTS_SHOWN)
		g_string_append_printf(text, " and %u more", list->len - RECIPIENTS_SHOWN);
	return g_string_free(text, FALSE);
}

static void
add_headers(Wrap *wrap, const Envelope *envelope)
{
	g_autofree char *from = people(envelope->from), *to = people(envelope->to), *cc = people(envelope->cc);
	g_autofree char *reply_to = people(envelope->reply_to);
	g_autofree char *date = envelope->date ? text_date_long(envelope->date) : NULL;
	wrap_add_field(wrap, LINE_TEXT, "From", *from ? from : "(no sender)");
	wrap_add_field(wrap, LINE_TEXT, "To", to);
	wrap_add_field(wrap, LINE_TEXT, "Cc", cc);
	if (strcmp(reply_to, from) != 0)
		wrap_add_field(wrap, LINE_TEXT, "Reply-To", reply_to);
	wrap_add_field(wrap, LINE_TEXT, "Date", date);
	wrap_add_field(wrap, LINE_HEADING, "Subject", *envelope->subject ? envelope->subject : "(no subject)");
}

static void
add_attachments(Wrap *wrap, const Document *document)
{
	for (unsigned i = 0; i < document->parts->len; i++) {
		const Part *part = g_ptr_array_index(document->parts, i);
		if (!part->attachment)
			continue;
		g_autofree char *size = text_size(part->size);
		g_autofree char *value = g_strdup_printf("%s  %s, %s", part->name ? part->name : part->type, part->type, size);
		wrap_add_field(wrap, LINE_PART, "Attached", value);
	}
}

static void
add_document(Wrap *wrap, const Document *document, const Reader *reader)
{
	bool whole = !reader->part && !(reader->flags & RENDER_SOURCE);
	if (whole) {
		if (!(reader->flags & RENDER_ALL_HEADERS))
			add_headers(wrap, document->envelope);
		add_attachments(wrap, document);
		if (wrap->rows->len)
			wrap_add_blank(wrap);
	}
	if (document->note)
		wrap_add_field(wrap, LINE_NOTE, "Note", document->note);
	for (unsigned i = 0; i < document->lines->len; i++)
		wrap_add(wrap, g_ptr_array_index(document->lines, i));
}

/* The rows of a reader, made again only when the document or the width is another. */
static Wrap *
layout_of(Reader *reader, int width)
{
	const Document *document = reader->document;
	Wrap *wrap = reader->layout;
	if (wrap && wrap->width == width && wrap->document == document && wrap->request == reader->request &&
	    wrap->lines == document->lines && wrap->n_lines == document->lines->len)
		return wrap;
	wrap_free(wrap);
	wrap = wrap_new(width);
	wrap->document = document;
	wrap->lines = document->lines;
	wrap->n_lines = document->lines->len;
	wrap->request = reader->request;
	add_document(wrap, document, reader);
	reader->layout = wrap;
	reader->layout_free = wrap_free;
	return wrap;
}

/* ---- drawing ---- */

static const ColourId line_colours[] = {
	[LINE_TEXT] = COLOUR_NORMAL, [LINE_HEADING] = COLOUR_HEADING, [LINE_QUOTE] = COLOUR_QUOTE1, [LINE_SIGNATURE] = COLOUR_SIGNATURE,
	[LINE_PRE] = COLOUR_NORMAL, [LINE_RULE] = COLOUR_BORDER, [LINE_TABLE] = COLOUR_NORMAL, [LINE_PART] = COLOUR_ATTACHMENT, [LINE_NOTE] = COLOUR_WARN
};

static ColourId
quote_colour(unsigned level)
{
	static const ColourId colours[] = { COLOUR_QUOTE1, COLOUR_QUOTE2, COLOUR_QUOTE3 };
	return colours[(level - 1) % G_N_ELEMENTS(colours)];
}

static void
span_look(uint16_t style, ColourId *colour, unsigned *attributes)
{
	static const struct { uint16_t style; ColourId colour; } colours[] = {
		{ SPAN_WARNING, COLOUR_WARN }, { SPAN_ADDED, COLOUR_ADDED }, { SPAN_REMOVED, COLOUR_REMOVED }, { SPAN_HUNK, COLOUR_HUNK },
		{ SPAN_LINK, COLOUR_LINK }, { SPAN_CODE, COLOUR_CODE }, { SPAN_DIM, COLOUR_DIM },
	};
	*attributes |= (style & SPAN_BOLD ? CELL_BOLD : 0U) | (style & SPAN_ITALIC ? CELL_ITALIC : 0U) | (style & SPAN_UNDERLINE ? CELL_UNDERLINE : 0U);
	for (size_t i = 0; i < G_N_ELEMENTS(colours); i++) {
		if (style & colours[i].style) {
			*colour = colours[i].colour;
			return;
		}
	}
}

static int
put_bytes(Surface *surface, int row, int column, ColourId colour, unsigned attributes, const char *text, size_t size)
{
	g_autofree char *piece = g_strndup(text, size);
	return surface_put(surface, row, column, colour, attributes, piece);
}

/* The part of a row from..to in its spans' colours. Spans are in order and do not overlap. */
static int
put_spans(Surface *surface, int row, int column, const WrapRow *shown, size_t from, ColourId base)
{
	const Line *line = shown->line;
	size_t at = from, end = (size_t)shown->start + shown->size;
	int start = column;
	for (unsigned i = 0; line->spans && i < line->spans->len && at < end; i++) {
		const Span *span = &g_array_index(line->spans, Span, i);
		size_t span_start = span->start, span_end = span_start + span->size;
		if (span_end <= at)
			continue;
		if (span_start >= end)
			break;
		if (span_start > at)
			column += put_bytes(surface, row, column, base, 0, line->text + at, span_start - at);
		ColourId colour = base;
		unsigned attributes = 0;
		at = MAX(at, span_start);
		span_look(span->style, &colour, &attributes);
		size_t stop = MIN(span_end, end);
		column += put_bytes(surface, row, column, colour, attributes, line->text + at, stop - at);
		at = stop;
	}
	if (at < end)
		column += put_bytes(surface, row, column, base, 0, line->text + at, end - at);
	return column - start;
}

static void
highlight(Surface *surface, int row, int column, const WrapRow *shown, const char *find)
{
	const char *text = shown->line->text;
	size_t at = shown->start, end = (size_t)shown->start + shown->size, size;
	for (ssize_t found; (found = text_find(text, at, end, find, &size)) >= 0; at = (size_t)found + size) {
		size_t stop = MIN((size_t)found + size, end);
		g_autofree char *before = g_strndup(text + shown->start, (size_t)found - shown->start);
		g_autofree char *match = g_strndup(text + found, stop - (size_t)found);
		surface_tint(surface, row, column + text_width(before), text_width(match), COLOUR_MATCH);
	}
}

static void
draw_row(Surface *surface, int row, int width, const WrapRow *shown, const char *find)
{
	const Line *line = shown->line;
	int column = line->indent;
	for (unsigned level = 1; level <= MIN(line->quote, 8U); level++) {
		surface_put(surface, row, column, quote_colour(level), 0, "│");
		column += 2;
	}
	if (line->kind == LINE_RULE) {
		surface_repeat(surface, row, column, width - column, COLOUR_BORDER, "─");
		return;
	}
	ColourId base = line->quote ? quote_colour(line->quote) : line_colours[line->kind];
	column = wrap_row_indent(shown);
	int text_column = column;
	size_t from = shown->start;
	if (shown->name_size) {
		column += put_bytes(surface, row, column, COLOUR_HEADER_NAME, 0, line->text, shown->name_size);
		from += shown->name_size;
	}
	put_spans(surface, row, column, shown, from, base);
	if (find && *find)
		highlight(surface, row, text_column, shown, find);
}

/* Moves to the match the person asked for: the first one in sight or below when the words are new, else the next one. */
static void
follow_find(App *app, Reader *reader, Wrap *wrap)
{
	const char *find = reader->find ? reader->find : "";
	bool fresh = g_strcmp0(find, wrap->find) != 0 && *find;
	int step = reader->find_step ? reader->find_step : 1;
	if ((!fresh && !reader->find_step) || !*find)
		return;
	bool in_sight = !fresh && wrap->found >= (int)reader->top && wrap->found < (int)(reader->top + reader->height);
	int from = in_sight ? wrap->found + step : step > 0 ? (int)reader->top : (int)(reader->top + reader->height) - 1;
	int found = wrap_find(wrap, find, from, step);
	if (found < 0)
		found = wrap_find(wrap, find, step > 0 ? 0 : (int)wrap->rows->len - 1, step);	/* around */
	if (found >= 0)
		reader->top = (unsigned)found;
	else
		app_notice(app, NOTICE_INFO, "\"%s\" is not in this message.", find);
	reader->find_step = 0;
	wrap->found = found;
	g_free(wrap->find);
	wrap->find = g_strdup(find);
}

static void
draw_waiting(const Reader *reader, Surface *surface)
{
	draw_empty(surface, reader->waiting ? reader->waiting : "Opening the message...", NULL);
}

static void
reader_draw(const ViewContext *context, Surface *surface, int *ret_cursor_row, int *ret_cursor_column)
{
	(void)ret_cursor_row;
	(void)ret_cursor_column;
	Reader *reader = context->place->reader;
	reader->height = (unsigned)MAX(1, surface->height);
	if (!reader->document) {
		reader->lines = 0;
		draw_waiting(reader, surface);
		return;
	}
	int margin = surface->width >= WIDE ? MARGIN_WIDE : MARGIN;
	int width = MIN(surface->width - 2 * margin, (int)config_int(context->app->config, OPTION_wrap));
	Wrap *wrap = layout_of(reader, width);
	follow_find(context->app, reader, wrap);
	reader->lines = wrap->rows->len;
	reader->top = MIN(reader->top, reader->lines > reader->height ? reader->lines - reader->height : 0);
	Surface text = surface_part(surface, 0, margin, surface->height, surface->width - 2 * margin);
	for (unsigned i = 0; i < reader->height && reader->top + i < reader->lines; i++)
		draw_row(&text, (int)i, width, &g_array_index(wrap->rows, WrapRow, reader->top + i), reader->find);
	if (surface->width >= WIDE)
		draw_scroll_mark(surface, reader->top, reader->height, reader->lines);
}

static char *
reader_title(const ViewContext *context)
{
	const Reader *reader = context->place->reader;
	const char *subject = reader->document ? reader->document->envelope->subject : "";
	if (reader->part)
		return g_strdup_printf("Part %s of: %s", reader->part, subject);
	if (reader->flags & RENDER_SOURCE)
		return g_strdup_printf("Source of: %s", subject);
	return g_strdup(*subject ? subject : "Message");
}

const ViewOps reader_view = { .name = "reader", .scope = SCOPE_READER, .draw = reader_draw, .title = reader_title };
