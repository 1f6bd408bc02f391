/* src/view/draw.c: what several views share: the clock, states in words, rows with a cursor, empty screens */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/view/draw.h"

int64_t
view_now(const App *app)
{
	return app->ui.fixed_now ? app->ui.fixed_now : g_get_real_time() / G_USEC_PER_SEC;
}

void
view_redraw_in(App *app, int64_t milliseconds)
{
	int64_t when = g_get_monotonic_time() + MAX(milliseconds, 20) * 1000;
	if (app->ui.redraw_at == 0 || when < app->ui.redraw_at)
		app->ui.redraw_at = when;
}

typedef struct StateRow { const char *word, *sign; ColourId colour; } StateRow;
static const StateRow states[] = {
	[ENGINE_CONNECTING] = { "connecting", "↻", COLOUR_WARN },
	[ENGINE_SYNCING] = { "syncing", "↻", COLOUR_INFO },
	[ENGINE_IDLE] = { "up to date", "●", COLOUR_GOOD },
	[ENGINE_OFFLINE] = { "offline", "○", COLOUR_WARN },
	[ENGINE_AUTH_FAILED] = { "login refused", "✗", COLOUR_ERROR },
	[ENGINE_SENDING] = { "sending", "→", COLOUR_INFO },
};

const char *
state_word(const AppAccount *account)
{
	if (account->locked)
		return "synced by another surel";
	return (unsigned)account->state < G_N_ELEMENTS(states) ? states[account->state].word : "";
}

const char *
state_sign(EngineState state)
{
	return (unsigned)state < G_N_ELEMENTS(states) ? states[state].sign : " ";
}

ColourId
state_colour(EngineState state)
{
	return (unsigned)state < G_N_ELEMENTS(states) ? states[state].colour : COLOUR_DIM;
}

void
draw_empty(Surface *surface, const char *what, const char *action)
{
	int row = MAX(0, surface->height / 3);
	surface_put_centred(surface, row, COLOUR_NORMAL, 0, what);
	if (action)
		surface_put_centred(surface, row + 2, COLOUR_DIM, 0, action);
}

void
place_clamp(Place *place, unsigned rows, unsigned height, unsigned row_height)
{
	unsigned shown = MAX(1U, height / MAX(1U, row_height));
	place->height = shown;
	place->rows = rows;
	place->cursor = rows ? MIN(place->cursor, rows - 1) : 0;
	if (place->cursor < place->top)
		place->top = place->cursor;
	if (place->cursor >= place->top + shown)
		place->top = place->cursor - shown + 1;
	place->top = MIN(place->top, rows > shown ? rows - shown : 0);
}

void
place_clamp_text(Place *place, unsigned rows, unsigned height)
{
	place->height = MAX(1U, height);
	place->rows = rows;
	place->cursor = MIN(place->cursor, rows > place->height ? rows - place->height : 0);
	place->top = place->cursor;
}

int
draw_field(Surface *surface, int row, int columns, const char *label, const char *value)
{
	surface_put_right(surface, row, columns, COLOUR_HEADER_NAME, 0, label);
	text_put_cut(surface, row, columns + 2, surface->width - columns - 2, COLOUR_HEADER, 0, value);
	return columns + 2;
}

const char *
key_for(const ViewContext *context, Scope scope, CommandId command)
{
	const char *key = context->keymap ? keymap_key_of(context->keymap, scope, command) : "";
	return *key ? key : command_row(command)->name;
}

void
draw_scroll_mark(Surface *surface, unsigned top, unsigned height, unsigned rows)
{
	if (rows <= height || height < 3)
		return;
	unsigned length = MAX(1U, height * height / rows);
	unsigned start = (unsigned)((uint64_t)top * (height - length) / (rows - height));
	for (unsigned i = 0; i < height; i++)
		surface_put(surface, (int)i, surface->width - 1, COLOUR_BORDER, 0, i >= start && i < start + length ? "┃" : "│");
}

int
text_put_cut(Surface *surface, int row, int column, int columns, ColourId colour, unsigned attributes, const char *text)
{
	if (columns <= 0)
		return 0;
	if (text_width(text) <= columns)
		return surface_put(surface, row, column, colour, attributes, text);
	g_autofree char *cut = text_pad(text, columns);
	return surface_put(surface, row, column, colour, attributes, cut);
}
