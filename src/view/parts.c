/* src/view/parts.c: the parts of a message: name, type, size, depth */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/view/draw.h"

enum { SIZE_COLUMNS = 9, TYPE_WIDTH = 26 };

static void
draw_part(Surface *surface, int row, const Part *part)
{
	int width = surface->width;
	bool types = width >= 60;
	int size_column = width - 2, type_column = types ? width - SIZE_COLUMNS - TYPE_WIDTH - 2 : size_column - SIZE_COLUMNS;
	int indent = 2 + 2 * (int)MIN(part->depth, 8U);
	ColourId colour = part->attachment ? COLOUR_ATTACHMENT : part->shown ? COLOUR_NORMAL : COLOUR_DIM;
	bool named = part->name && *part->name && !g_str_has_prefix(part->type, "multipart/");
	const char *name = named ? part->name : part->type;
	if (part->attachment)
		surface_put(surface, row, 0, COLOUR_ATTACHMENT, 0, "+");
	g_autofree char *label = part->description && *part->description ? g_strdup_printf("%s  (%s)", name, part->description) :
				 part->shown ? g_strdup_printf("%s  (shown)", name) : g_strdup(name);
	text_put_cut(surface, row, indent, type_column - indent - 2, colour, 0, label);
	if (types)
		text_put_cut(surface, row, type_column, TYPE_WIDTH - 1, COLOUR_DIM, 0, part->type);
	g_autofree char *size = text_size(part->size);
	surface_put_right(surface, row, size_column, COLOUR_DATE, 0, size);
}

static const GPtrArray *
parts_of(const ViewContext *context)
{
	const Reader *reader = app_reader(context->app);
	return reader && reader->document ? reader->document->parts : NULL;
}

static void
parts_draw(const ViewContext *context, Surface *surface, int *ret_cursor_row, int *ret_cursor_column)
{
	(void)ret_cursor_row;
	(void)ret_cursor_column;
	const GPtrArray *parts = parts_of(context);
	Place *place = context->place;
	if (!parts || parts->len == 0) {
		draw_empty(surface, "This message has no parts.", NULL);
		return;
	}
	place_clamp(place, parts->len, (unsigned)surface->height, 1);
	for (unsigned i = 0; i < place->height && place->top + i < parts->len; i++)
		draw_part(surface, (int)i, g_ptr_array_index(parts, place->top + i));
	surface_tint(surface, (int)(place->cursor - place->top), 0, surface->width, COLOUR_CURSOR);
}

static void
parts_click(const ViewContext *context, int row, int column)
{
	(void)column;
	Place *place = context->place;
	unsigned index = place->top + (unsigned)row;
	if (index == place->cursor)
		command_run(context->app, COMMAND_OPEN, "", 1);
	else
		place->cursor = index;
}

static char *
parts_title(const ViewContext *context)
{
	const Reader *reader = app_reader(context->app);
	return g_strdup_printf("Parts of: %s", reader && reader->document ? reader->document->envelope->subject : "");
}

const ViewOps parts_view = { .name = "parts", .scope = SCOPE_PARTS, .draw = parts_draw, .click = parts_click, .title = parts_title };
