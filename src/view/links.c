/* src/view/links.c: the links of a message: text and true target, with a warning where the text names another host */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/view/draw.h"

#include <string.h>

enum { NUMBER_WIDTH = 5, ROW_HEIGHT = 2 };

static const GPtrArray *
links_of(const ViewContext *context)
{
	const Reader *reader = app_reader(context->app);
	return reader && reader->document ? reader->document->links : NULL;
}

static void
draw_link(Surface *surface, int row, unsigned number, const Link *link)
{
	g_autofree char *label = g_strdup_printf("[%u]", number);
	surface_put_right(surface, row, NUMBER_WIDTH, COLOUR_LINK, 0, label);
	bool named = link->text && *link->text && strcmp(link->text, link->url) != 0;
	int column = NUMBER_WIDTH + 1, width = surface->width - column - 1;
	if (named)
		text_put_cut(surface, row, column, width, COLOUR_NORMAL, 0, link->text);
	int at = row + (named ? 1 : 0);
	if (link->lies) {
		int warned = surface_put(surface, at, column, COLOUR_ERROR, 0, "goes elsewhere: ");
		text_put_cut(surface, at, column + warned, width - warned, COLOUR_ERROR, 0, link->url);
	} else {
		text_put_cut(surface, at, column, width, COLOUR_LINK, 0, link->url);
	}
}

static void
links_draw(const ViewContext *context, Surface *surface, int *ret_cursor_row, int *ret_cursor_column)
{
	(void)ret_cursor_row;
	(void)ret_cursor_column;
	const GPtrArray *links = links_of(context);
	Place *place = context->place;
	if (!links || links->len == 0) {
		g_autofree char *back = g_strdup_printf("%s goes back to it.", key_for(context, SCOPE_LINKS, COMMAND_BACK));
		draw_empty(surface, "This message has no links.", back);
		return;
	}
	place_clamp(place, links->len, (unsigned)surface->height, ROW_HEIGHT);
	for (unsigned i = 0; i < place->height && place->top + i < links->len; i++)
		draw_link(surface, (int)i * ROW_HEIGHT, place->top + i + 1, g_ptr_array_index(links, place->top + i));
	int row = (int)(place->cursor - place->top) * ROW_HEIGHT;
	surface_tint(surface, row, 0, surface->width, COLOUR_CURSOR);
	surface_tint(surface, row + 1, 0, surface->width, COLOUR_CURSOR);
}

static void
links_click(const ViewContext *context, int row, int column)
{
	(void)column;
	Place *place = context->place;
	unsigned index = place->top + (unsigned)row / ROW_HEIGHT;
	if (index == place->cursor)
		command_run(context->app, COMMAND_OPEN, "", 1);
	else
		place->cursor = index;
}

static char *
links_title(const ViewContext *context)
{
	const Reader *reader = app_reader(context->app);
	return g_strdup_printf("Links of: %s", reader && reader->document ? reader->document->envelope->subject : "");
}

const ViewOps links_view = { .name = "links", .scope = SCOPE_LINKS, .draw = links_draw, .click = links_click, .title = links_title };
