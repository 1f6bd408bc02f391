/* surel/view.h: views draw the model into surfaces; one row of view_table per kind of place */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/ui.h"

typedef struct ViewContext { App *app; const Keymap *keymap; Place *place; bool focused; } ViewContext;
typedef struct ViewOps {
	const char *name;
	Scope scope;
	void (*draw)(const ViewContext *context, Surface *surface, int *ret_cursor_row, int *ret_cursor_column);	/* cursor: left alone to hide */
	void (*click)(const ViewContext *context, int row, int column);	/* NULL: nothing */
	char *(*title)(const ViewContext *context);			/* caller frees */
} ViewOps;
extern const ViewOps list_view, reader_view, parts_view, links_view, review_view, outbox_view, help_view, log_view, folders_view;
/* The whole screen: title bar, folder pane, place, status or prompt, key bar. For ui_run. */
void view_draw(App *app, const Keymap *keymap, Surface *surface, int *ret_cursor_row, int *ret_cursor_column);
void view_click(App *app, const Keymap *keymap, int row, int column, int button);
