/* src/view/log.c: what happened in this session: notices with their time, newest first */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/view/draw.h"

#include <time.h>

enum { TIME_WIDTH = 8 };

typedef struct LogRow { const Notice *notice; size_t start, size; } LogRow;

static const ColourId colours[] = {
	[NOTICE_INFO] = COLOUR_INFO, [NOTICE_GOOD] = COLOUR_GOOD, [NOTICE_WARN] = COLOUR_WARN, [NOTICE_ERROR] = COLOUR_ERROR
};

static GArray *
log_rows(const App *app, int columns)
{
	GArray *rows = g_array_new(FALSE, TRUE, sizeof(LogRow));
	for (unsigned i = app->notices->len; i > 0; i--) {
		const Notice *notice = g_ptr_array_index(app->notices, i - 1);
		size_t at = 0;
		do {
			size_t skip = 0, size = text_wrap(notice->text + at, MAX(columns, 10), &skip);
			LogRow row = { notice, at, size };
			g_array_append_val(rows, row);
			if (size + skip == 0)
				break;
			at += size + skip;
		} while (notice->text[at]);
	}
	return rows;
}

static void
log_draw(const ViewContext *context, Surface *surface, int *ret_cursor_row, int *ret_cursor_column)
{
	(void)ret_cursor_row;
	(void)ret_cursor_column;
	Place *place = context->place;
	g_autoptr(GArray) rows = log_rows(context->app, surface->width - TIME_WIDTH - 5);
	place_clamp_text(place, rows->len, (unsigned)surface->height);
	if (rows->len == 0) {
		draw_empty(surface, "Nothing has happened yet.", NULL);
		return;
	}
	for (unsigned i = 0; i < place->height && place->top + i < rows->len; i++) {
		const LogRow *entry = &g_array_index(rows, LogRow, place->top + i);
		time_t when = (time_t)entry->notice->when;
		struct tm local;
		char clock[TIME_WIDTH + 1] = "";
		if (entry->start == 0 && localtime_r(&when, &local))
			strftime(clock, sizeof clock, "%H:%M:%S", &local);
		g_autofree char *text = g_strndup(entry->notice->text + entry->start, entry->size);
		surface_put(surface, (int)i, 1, COLOUR_DATE, 0, clock);
		surface_put(surface, (int)i, TIME_WIDTH + 3, colours[entry->notice->level], 0, text);
	}
	draw_scroll_mark(surface, place->top, place->height, rows->len);
}

static char *
log_title(const ViewContext *context)
{
	(void)context;
	return g_strdup("What happened");
}

const ViewOps log_view = { .name = "log", .scope = SCOPE_INFO, .draw = log_draw, .title = log_title };
