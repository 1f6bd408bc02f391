/* src/view/view.c: the whole screen: title bar, folder pane, place, status or prompt, key bar; where a click belongs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/view/draw.h"

enum { SIDE_MIN_SCREEN = 70, READER_MIN_WIDTH = 80, HINT_ROWS = 2 };

static const ViewOps *const view_table[] = {
	[PLACE_LIST] = &list_view, [PLACE_READER] = &reader_view, [PLACE_PARTS] = &parts_view, [PLACE_LINKS] = &links_view,
	[PLACE_REVIEW] = &review_view, [PLACE_OUTBOX] = &outbox_view, [PLACE_HELP] = &help_view, [PLACE_LOG] = &log_view,
};

typedef struct Layout {
	int width, height;
	int side;		/* columns of the folder pane; 0: hidden; width: it is all there is room for */
	int body_rows;		/* below the title */
	int hint_rows;
} Layout;

static bool
side_is_active(const App *app)
{
	return app->side_focused && app_place(app)->kind == PLACE_LIST;
}

static Layout
layout_of(const App *app, int width, int height)
{
	Layout layout = { .width = width, .height = height };
	layout.hint_rows = app->hints && height >= MIN_HEIGHT + 2 ? HINT_ROWS : 0;
	layout.body_rows = height - 2 - layout.hint_rows;
	int wanted = (int)config_int(app->config, OPTION_folder_width);
	PlaceKind kind = app_place(app)->kind;
	if (side_is_active(app) && (width < SIDE_MIN_SCREEN || wanted == 0))
		layout.side = width;
	else if (width >= SIDE_MIN_SCREEN && (kind == PLACE_LIST || width - wanted >= READER_MIN_WIDTH + 1))
		layout.side = MIN(wanted, width / 3);
	return layout;
}

static ViewContext
context_of(App *app, const Keymap *keymap)
{
	return (ViewContext){ .app = app, .keymap = keymap, .place = app_place(app), .focused = !side_is_active(app) };
}

static void
draw_too_small(Surface *surface)
{
	surface_fill(surface, COLOUR_NORMAL);
	g_autofree char *full = g_strdup_printf("Window too small (%dx%d needed)", MIN_WIDTH, MIN_HEIGHT);
	g_autofree char *brief = g_strdup_printf("%dx%d needed", MIN_WIDTH, MIN_HEIGHT);
	const char *text = surface->width >= text_width(full) ? full : surface->width >= text_width(brief) ? brief : "Too small";
	surface_put_centred(surface, surface->height / 2, COLOUR_WARN, 0, text);
}

static void
draw_side(ViewContext context, const Layout *layout, Surface *surface)
{
	Surface side = surface_part(surface, 1, 0, layout->body_rows, layout->side == layout->width ? layout->width : layout->side - 1);
	int row = -1, column = -1;
	context.focused = side_is_active(context.app);
	surface_fill(&side, COLOUR_SIDE);
	folders_view.draw(&context, &side, &row, &column);
	if (layout->side == layout->width)
		return;
	for (int i = 0; i < layout->body_rows; i++)
		surface_put(surface, 1 + i, layout->side - 1, COLOUR_BORDER, 0, "│");
}

void
view_draw(App *app, const Keymap *keymap, Surface *surface, int *ret_cursor_row, int *ret_cursor_column)
{
	if (surface->width < MIN_WIDTH || surface->height < MIN_HEIGHT) {
		draw_too_small(surface);
		return;
	}
	ViewContext context = context_of(app, keymap);
	Layout layout = layout_of(app, surface->width, surface->height);
	const ViewOps *view = view_table[context.place->kind];
	if (layout.side)
		draw_side(context, &layout, surface);
	int row = -1, column = -1;
	if (layout.side < layout.width) {
		Surface body = surface_part(surface, 1, layout.side, layout.body_rows, surface->width - layout.side);
		view->draw(&context, &body, &row, &column);
	}
	g_autofree char *title = view->title(&context);
	Surface bar = surface_part(surface, 0, 0, 1, surface->width);
	draw_title(&context, &bar, title);
	Surface status = surface_part(surface, 1 + layout.body_rows, 0, 1, surface->width);
	draw_status(&context, &status);
	Surface hints = surface_part(surface, 2 + layout.body_rows, 0, layout.hint_rows, surface->width);
	if (layout.hint_rows)
		draw_hints(&context, app_scope(app), &hints);
	if (app->prompt) {
		draw_prompt(&context, surface, 1 + layout.body_rows, ret_cursor_row, ret_cursor_column);
		return;
	}
	draw_long_notice(&context, surface, 1 + layout.body_rows);
	if (row >= 0) {
		*ret_cursor_row = 1 + row;
		*ret_cursor_column = layout.side + column;
	}
}

/* ---- mouse ---- */

static void
wheel(App *app, bool over_side, int step)
{
	Place *place = app_place(app);
	if (over_side)
		app->side_cursor = (unsigned)CLAMP((int)app->side_cursor + (step < 0 ? -1 : 1), 0, MAX(0, (int)app->side->len - 1));
	else if (place->kind == PLACE_LIST)
		mailbox_move(place->mailbox, step);
	else if (place->kind == PLACE_READER)
		place->reader->top = (unsigned)MAX(0, (int)place->reader->top + step);
	else
		place->cursor = (unsigned)MAX(0, (int)place->cursor + step);
}

void
view_click(App *app, const Keymap *keymap, int row, int column, int button)
{
	int width, height;
	screen_size(&width, &height);
	ViewContext context = context_of(app, keymap);
	Layout layout = layout_of(app, width, height);
	bool over_side = column < layout.side;
	app_mark_dirty(app, DIRTY_ALL);
	if (button >= 3) {
		wheel(app, over_side, button == 3 ? -WHEEL_ROWS : WHEEL_ROWS);
		return;
	}
	if (button != 0 || width < MIN_WIDTH || height < MIN_HEIGHT)
		return;
	if (row >= 2 + layout.body_rows) {
		click_hints(&context, app_scope(app), width, row - 2 - layout.body_rows, column);
		return;
	}
	if (row < 1 || row > layout.body_rows)
		return;
	if (over_side)
		folders_view.click(&context, row - 1, column);
	else if (view_table[context.place->kind]->click)
		view_table[context.place->kind]->click(&context, row - 1, column - layout.side);
}
