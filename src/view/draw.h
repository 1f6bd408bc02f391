/* src/view/draw.h: what several views share: the clock, states in words, rows with a cursor, empty screens */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/view.h"

enum { WHEEL_ROWS = 3, MIN_WIDTH = 40, MIN_HEIGHT = 10 };

int64_t view_now(const App *app);			/* seconds */
void view_redraw_in(App *app, int64_t milliseconds);	/* something shown changes by itself then */
/* "up to date", "connecting", "offline" ... with its sign and colour. */
const char *state_word(const AppAccount *account);
const char *state_sign(EngineState state);
ColourId state_colour(EngineState state);
/* A message in the middle of an empty place: what is the case, and what to do. action may be NULL. */
void draw_empty(Surface *surface, const char *what, const char *action);
/* Clamps cursor and top of a place with rows of row_height lines; remembers the height for paging. */
void place_clamp(Place *place, unsigned rows, unsigned height, unsigned row_height);
/* Same for text that scrolls without a cursor bar: cursor is the first line shown. */
void place_clamp_text(Place *place, unsigned rows, unsigned height);
/* "Label   value" where label is padded to columns; returns the column of the value. */
int draw_field(Surface *surface, int row, int columns, const char *label, const char *value);
/* Name of a key for a sentence: "$" or ":sync" where it has none. Borrowed or static. */
const char *key_for(const ViewContext *context, Scope scope, CommandId command);
void draw_scroll_mark(Surface *surface, unsigned top, unsigned height, unsigned rows);	/* bar at the right edge where there is more */
int text_put_cut(Surface *surface, int row, int column, int columns, ColourId colour, unsigned attributes, const char *text);	/* with an ellipsis */

/* src/view/bars.c */
void draw_title(const ViewContext *context, Surface *surface, const char *title);
void draw_long_notice(const ViewContext *context, Surface *screen, int bottom);
void draw_status(const ViewContext *context, Surface *surface);
void draw_hints(const ViewContext *context, Scope scope, Surface *surface);
bool click_hints(const ViewContext *context, Scope scope, int width, int row, int column);	/* runs the command; false: none there */
/* Prompt in place of the status line; the pop-up of completions is drawn over the lines above it. */
void draw_prompt(const ViewContext *context, Surface *screen, int row, int *ret_cursor_row, int *ret_cursor_column);
