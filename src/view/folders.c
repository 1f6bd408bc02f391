/* src/view/folders.c: the folder pane: all inboxes, accounts with their state, folders with unread counts, the outbox */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/view/draw.h"

static char *
count_text(int64_t count)
{
	if (count <= 0)
		return g_strdup("");
	return count < 100000 ? g_strdup_printf("%" G_GINT64_FORMAT, count) : g_strdup_printf("%" G_GINT64_FORMAT "k", count / 1000);
}

static void
draw_row(const ViewContext *context, Surface *surface, int row, const SideRow *side, bool cursor)
{
	g_autofree char *count = count_text(side->kind == SIDE_ACCOUNT ? 0 : side->unread);
	ColourId colour = side->kind == SIDE_ACCOUNT ? COLOUR_SIDE_ACCOUNT : side->unread > 0 ? COLOUR_SIDE_UNREAD : COLOUR_SIDE;
	int column = 1;
	if (side->kind == SIDE_ACCOUNT) {
		const AppAccount *account = g_ptr_array_index(context->app->accounts, side->account);
		column += surface_put(surface, row, column, state_colour(account->state), 0, state_sign(account->state)) + 1;
	} else {
		column += side->kind == SIDE_FOLDER ? 2 + 2 * (int)MIN(side->depth, 6U) : 0;
	}
	int count_column = surface->width - 1 - text_width(count);
	text_put_cut(surface, row, column, count_column - column - 1, colour, 0, side->label);
	surface_put(surface, row, count_column, colour, 0, count);
	if (cursor && context->focused)
		surface_tint(surface, row, 0, surface->width, COLOUR_CURSOR);
	else if (side->current)
		surface_tint(surface, row, 0, surface->width, COLOUR_SIDE_CURRENT);
}

static unsigned
current_row(const App *app)
{
	for (unsigned i = 0; i < app->side->len; i++)
		if (((const SideRow *)g_ptr_array_index(app->side, i))->current)
			return i;
	return 0;
}

static void
folders_draw(const ViewContext *context, Surface *surface, int *ret_cursor_row, int *ret_cursor_column)
{
	(void)ret_cursor_row;
	(void)ret_cursor_column;
	App *app = context->app;
	unsigned height = (unsigned)MAX(1, surface->height), rows = app->side->len;
	unsigned wanted = context->focused ? app->side_cursor : current_row(app);
	app->side_height = height;
	if (wanted < app->side_top)
		app->side_top = wanted;
	if (wanted >= app->side_top + height)
		app->side_top = wanted - height + 1;
	app->side_top = MIN(app->side_top, rows > height ? rows - height : 0);
	for (unsigned i = 0; i < height && app->side_top + i < rows; i++)
		draw_row(context, surface, (int)i, g_ptr_array_index(app->side, app->side_top + i), app->side_top + i == app->side_cursor);
}

static void
folders_click(const ViewContext *context, int row, int column)
{
	(void)column;
	unsigned index = context->app->side_top + (unsigned)row;
	if (index < context->app->side->len)
		app_open_side(context->app, index);
}

static char *
folders_title(const ViewContext *context)
{
	(void)context;
	return g_strdup("Folders");
}

const ViewOps folders_view = { .name = "folders", .scope = SCOPE_FOLDERS, .draw = folders_draw, .click = folders_click, .title = folders_title };
