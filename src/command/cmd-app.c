/* command/cmd-app.c: moving, leaving, help, settings: what works in most places */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/command/private.h"

#include <limits.h>
#include <string.h>

enum { FAR = 1 << 24 };

static unsigned
clamp_add(unsigned value, int64_t by, unsigned last)
{
	int64_t moved = (int64_t)value + by;
	return (unsigned)CLAMP(moved, 0, (int64_t)last);
}

static unsigned
review_rows(const Place *place)
{
	return REVIEW_ATTACHMENTS + place->review->draft->attachments->len;
}

/* Rows a cursor moves over in this place; 0: it scrolls instead. */
static unsigned
cursor_rows(App *app, const Place *place)
{
	const Reader *reader = app_reader(app);
	switch (place->kind) {
	case PLACE_PARTS:
		return reader && reader->document ? reader->document->parts->len : 0;
	case PLACE_LINKS:
		return reader && reader->document ? reader->document->links->len : 0;
	case PLACE_OUTBOX:
		return app->outbox->len;
	case PLACE_REVIEW:
		return review_rows(place);
	case PLACE_LIST:
	case PLACE_READER:
	case PLACE_HELP:
	case PLACE_LOG:
		return 0;
	}
	return 0;
}

static void
move_rows(App *app, Place *place, int64_t by)
{
	unsigned n = cursor_rows(app, place);
	unsigned *cursor = place->kind == PLACE_REVIEW ? &place->review->cursor : &place->cursor;
	Reader *reader = app_reader(app);
	if (n)
		*cursor = clamp_add(*cursor, by, n - 1);
	if (reader && (place->kind == PLACE_PARTS || place->kind == PLACE_LINKS))
		reader->link = *cursor;
}

static void
move_by(App *app, int64_t by)
{
	Place *place = app_place(app);
	int rows = (int)CLAMP(by, -FAR, FAR);
	if (app_scope(app) == SCOPE_FOLDERS) {
		app->side_cursor = clamp_add(app->side_cursor, by, app->side->len ? app->side->len - 1 : 0);
		return;
	}
	switch (place->kind) {
	case PLACE_LIST:
		mailbox_move(place->mailbox, by <= -FAR ? INT_MIN : by >= FAR ? INT_MAX : rows);
		return;
	case PLACE_READER: {
		Reader *reader = place->reader;
		unsigned last = reader->lines > reader->height ? reader->lines - reader->height : 0;
		reader->top = clamp_add(reader->top, by, last);
		return;
	}
	case PLACE_HELP:
	case PLACE_LOG:
		place->top = clamp_add(place->top, by, place->rows > place->height ? place->rows - place->height : 0);
		place->cursor = place->top;
		return;
	case PLACE_PARTS:
	case PLACE_LINKS:
	case PLACE_OUTBOX:
	case PLACE_REVIEW:
		move_rows(app, place, by);
		return;
	}
}

static int
page_height(App *app)
{
	const Place *place = app_place(app);
	if (app_scope(app) == SCOPE_FOLDERS)
		return (int)MAX(app->side_height, 2);
	if (place->kind == PLACE_READER)
		return (int)MAX(place->reader->height, 2);
	return (int)MAX(place->height, 2);
}

static void
page(const CommandContext *context, int half_pages)
{
	const Place *place = app_place(context->app);
	half_pages *= (int)context->count;
	if (app_scope(context->app) == SCOPE_LIST)
		mailbox_page(place->mailbox, half_pages);
	else if (half_pages % 2 == 0)
		move_by(context->app, (int64_t)(half_pages / 2) * (page_height(context->app) - 1));
	else
		move_by(context->app, (int64_t)half_pages * (page_height(context->app) / 2));
}

void
cmd_down(const CommandContext *context)
{
	move_by(context->app, context->count);
}

void
cmd_up(const CommandContext *context)
{
	move_by(context->app, -(int64_t)context->count);
}

void
cmd_page_down(const CommandContext *context)
{
	page(context, 2);
}

void
cmd_page_up(const CommandContext *context)
{
	page(context, -2);
}

void
cmd_half_down(const CommandContext *context)
{
	page(context, 1);
}

void
cmd_half_up(const CommandContext *context)
{
	page(context, -1);
}

void
cmd_first(const CommandContext *context)
{
	move_by(context->app, -FAR);
}

void
cmd_last(const CommandContext *context)
{
	move_by(context->app, FAR);
}

/* ---- leaving ---- */

void
cmd_quit(const CommandContext *context)
{
	App *app = context->app;
	for (guint i = 0; i < app->places->len; i++) {
		Place *place = g_ptr_array_index(app->places, i);
		if (place->review)
			app_save_draft(app, place->review);
	}
	app->quit = true;
}

/* One step back; false: there is nothing behind this but the shell. */
static bool
step_back(App *app)
{
	Place *place = app_place(app);
	if (place->kind == PLACE_REVIEW) {
		app_postpone(app, place->review);
		return true;
	}
	if (app->side_focused && place->kind == PLACE_LIST) {
		app->side_focused = false;
		return true;
	}
	if (place->kind == PLACE_LIST && *mailbox_filter_text(place->mailbox)) {
		mailbox_filter(place->mailbox, LIST_ALL, NULL);
		return true;
	}
	if (place->kind == PLACE_LIST && mailbox_marked(place->mailbox)) {
		mailbox_unmark_all(place->mailbox);
		return true;
	}
	if (place->kind == PLACE_READER && (place->reader->part || place->reader->flags & RENDER_SOURCE)) {
		g_clear_pointer(&place->reader->part, g_free);
		place->reader->flags &= ~(unsigned)RENDER_SOURCE;
		app_render(app, place->reader);
		return true;
	}
	if (app->places->len > 1) {
		app_pop_place(app);
		return true;
	}
	return place->kind == PLACE_LIST && app_open_home(app);	/* surel open FILE has nothing behind the message */
}

void
cmd_back(const CommandContext *context)
{
	if (!step_back(context->app))
		cmd_quit(context);
}

void
cmd_leave(const CommandContext *context)
{
	step_back(context->app);
}

/* ---- help, log, command line, settings ---- */

void
cmd_help(const CommandContext *context)
{
	App *app = context->app;
	Place *place = app_place(app);
	if (place->kind == PLACE_HELP) {
		g_free(place->filter);
		place->filter = *context->arg ? g_strdup(context->arg) : NULL;
		place->top = 0;
		return;
	}
	Scope scope = app_scope(app);
	place = g_new0(Place, 1);
	place->kind = PLACE_HELP;
	place->help_scope = scope;
	place->filter = *context->arg ? g_strdup(context->arg) : NULL;
	app_push_place(app, place);
}

void
cmd_log(const CommandContext *context)
{
	if (app_place(context->app)->kind == PLACE_LOG)
		return;
	Place *place = g_new0(Place, 1);
	place->kind = PLACE_LOG;
	app_push_place(context->app, place);
	place->top = place->cursor = FAR;	/* the newest; the view clamps it */
}

static void
command_typed(App *app, const char *text, void *data)
{
	(void)data;
	if (text)
		command_run_line(app, text);
}

void
cmd_command(const CommandContext *context)
{
	Prompt *prompt = prompt_new(PROMPT_COMMAND, ":", NULL, command_typed, NULL, NULL);
	prompt->complete = command_complete;
	app_ask(context->app, prompt);
}

void
cmd_set(const CommandContext *context)
{
	App *app = context->app;
	g_auto(GStrv) words = g_strsplit_set(context->arg, " =", 2);
	GError *error = NULL;
	if (!words[0] || !*words[0]) {
		app_notice(app, NOTICE_INFO, "Usage: set OPTION VALUE. Tab lists the options.");
		return;
	}
	for (unsigned i = 0; !words[1] && i < OPTION_COUNT; i++)
		if (g_str_equal(option_row((OptionId)i)->name, words[0])) {
			app_notice(app, NOTICE_INFO, "%s = %s", words[0], config_text(app->config, (OptionId)i));
			return;
		}
	if (!config_set(app->config, words[0], words[1] ? g_strstrip(words[1]) : "", &error)) {
		app_notice_error(app, error);
		return;
	}
	app->hints = config_bool(app->config, OPTION_hints);
	if (g_str_equal(words[0], "show_threads") && app_mailbox(app))
		mailbox_set_threaded(app_mailbox(app), config_bool(app->config, OPTION_show_threads));
	app_notice(app, NOTICE_INFO, "%s = %s until surel ends; surel.conf keeps it.", words[0], g_strstrip(words[1]));
}

void
cmd_hints(const CommandContext *context)
{
	context->app->hints = !context->app->hints;
}

void
cmd_redraw(const CommandContext *context)
{
	context->app->redraw = true;
}

void
cmd_sync(const CommandContext *context)
{
	app_notice(context->app, NOTICE_INFO, "Syncing and sending.");
	app_sync_now(context->app);
}

void
cmd_undo(const CommandContext *context)
{
	for (unsigned i = 0; i < MIN(context->count, 50); i++)
		app_undo(context->app);
}
