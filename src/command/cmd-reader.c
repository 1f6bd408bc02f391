/* command/cmd-reader.c: opening, reading on, parts, links, saving */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/command/private.h"

#include <glib/gstdio.h>
#include <string.h>

/* ---- opening ---- */

static Part *
part_at(App *app)
{
	const Reader *reader = app_reader(app);
	const Place *place = app_place(app);
	return reader && reader->document && place->cursor < reader->document->parts->len ? g_ptr_array_index(reader->document->parts, place->cursor) : NULL;
}

static void
show_part(App *app, const Part *part)
{
	Reader *reader = app_reader(app);
	g_free(reader->part);
	reader->part = g_strdup(part->id);
	reader->flags &= ~(unsigned)RENDER_SOURCE;
	reader->top = 0;
	app_pop_place(app);
	app_render(app, reader);
}

static bool
is_text(const Part *part)
{
	return g_str_has_prefix(part->type, "text/") || g_str_has_prefix(part->type, "message/");
}

static void
part_opened(App *app, const GPtrArray *files, const GError *error, void *data)
{
	(void)data;
	const SavedPart *part = files && files->len ? g_ptr_array_index(files, 0) : NULL;
	if (part)
		open_with_viewer(app, part->type, part->path);
	else
		app_notice(app, NOTICE_ERROR, "It could not be opened: %s.", error ? error->message : "there is no such part");
}

/* The file lies in a directory of its own that outlives surel's interest in it: viewers that return at once still find it. */
static void
open_part(App *app, const Part *part)
{
	GError *error = NULL;
	if (g_str_has_prefix(part->type, "multipart/"))
		return;
	if (is_text(part) && !part->attachment) {
		show_part(app, part);
		return;
	}
	g_autofree char *dir = g_dir_make_tmp("surel-XXXXXX", &error);
	if (dir)
		app_extract(app, app_reader(app), &(PartsWanted){ part->id, dir, NULL }, part_opened, NULL, NULL);
	else
		app_notice_error(app, error);
}

static void
open_outbox_row(App *app)
{
	const Place *place = app_place(app);
	if (place->cursor >= app->outbox->len)
		return;
	const OutboxRow *row = g_ptr_array_index(app->outbox, place->cursor);
	GError *error = NULL;
	if (!app_open_file(app, row->outbox->path, &error))
		app_notice_error(app, error);
}

void
cmd_open(const CommandContext *context)
{
	App *app = context->app;
	Place *place = app_place(app);
	if (app_scope(app) == SCOPE_FOLDERS) {
		unsigned row = app->side_cursor;
		const SideRow *side = row < app->side->len ? g_ptr_array_index(app->side, row) : NULL;
		app->side_focused = side && side->kind == SIDE_ACCOUNT;
		app_open_side(app, row);
		return;
	}
	const MailboxRow *row = place->kind == PLACE_LIST ? mailbox_cursor(place->mailbox) : NULL;
	const Part *part = place->kind == PLACE_PARTS ? part_at(app) : NULL;
	const Reader *reader = app_reader(app);
	if (row)
		app_open_message(app, row->ref);
	else if (part)
		open_part(app, part);
	else if (place->kind == PLACE_LINKS && reader && reader->document && place->cursor < reader->document->links->len)
		open_url(app, ((Link *)g_ptr_array_index(reader->document->links, place->cursor))->url);
	else if (place->kind == PLACE_OUTBOX)
		open_outbox_row(app);
}

/* ---- next and previous ---- */

static bool
open_cursor(App *app, MsgRef before)
{
	const MailboxRow *row = mailbox_cursor(app_mailbox(app));
	if (!row || (row->ref.account == before.account && row->ref.id.v == before.id.v))
		return false;
	app_open_message(app, row->ref);
	return true;
}

static void
step_message(App *app, int by)
{
	Mailbox *mailbox = app_mailbox(app);
	const Reader *reader = app_reader(app);
	if (!mailbox || !reader || reader->path)
		return;
	MsgRef before = reader->ref;
	mailbox_jump(mailbox, before);
	mailbox_move(mailbox, by);
	if (!open_cursor(app, before))
		app_notice(app, NOTICE_INFO, by > 0 ? "This is the last message." : "This is the first message.");
}

void
cmd_next_message(const CommandContext *context)
{
	step_message(context->app, (int)context->count);
}

void
cmd_prev_message(const CommandContext *context)
{
	step_message(context->app, -(int)context->count);
}

static void
step_unread(App *app, bool backwards)
{
	Mailbox *mailbox = app_mailbox(app);
	const Reader *reader = app_reader(app);
	if (!mailbox)
		return;
	MsgRef before = reader ? reader->ref : (MsgRef){ 0 };
	if (reader && !reader->path)
		mailbox_jump(mailbox, before);
	if (!mailbox_next_unread(mailbox, backwards))
		app_notice(app, NOTICE_INFO, "No other unread message here.");
	else if (reader && app_place(app)->kind == PLACE_READER)
		open_cursor(app, before);
}

void
cmd_next_unread(const CommandContext *context)
{
	step_unread(context->app, false);
}

void
cmd_prev_unread(const CommandContext *context)
{
	step_unread(context->app, true);
}

void
cmd_read_on(const CommandContext *context)
{
	Reader *reader = context_reader(context);
	unsigned last = reader->lines > reader->height ? reader->lines - reader->height : 0;
	if (reader->top < last)
		reader->top = MIN(reader->top + MAX(reader->height, 2) - 1, last);
	else
		step_unread(context->app, false);
}

/* ---- what is shown ---- */

static void
toggle(const CommandContext *context, RenderFlags flag, const char *on, const char *off)
{
	Reader *reader = context_reader(context);
	reader->flags ^= flag;
	reader->top = 0;
	app_render(context->app, reader);
	app_notice(context->app, NOTICE_INFO, "%s", reader->flags & flag ? on : off);
}

void
cmd_headers(const CommandContext *context)
{
	toggle(context, RENDER_ALL_HEADERS, "All headers.", "The headers that matter.");
}

void
cmd_source(const CommandContext *context)
{
	toggle(context, RENDER_SOURCE, "The message as it came.", "The message as text.");
}

void
cmd_html(const CommandContext *context)
{
	Reader *reader = context_reader(context);
	const Document *document = reader->document;
	if (document && !(document->has_html && document->has_plain)) {
		app_notice(context->app, NOTICE_INFO, document->has_html ? "There is no plain text, only this." : "There is no HTML in this message.");
		return;
	}
	toggle(context, RENDER_PREFER_HTML, "HTML.", "Plain text.");
}

static void
push(App *app, PlaceKind kind)
{
	Place *place = g_new0(Place, 1);
	place->kind = kind;
	app_push_place(app, place);
}

void
cmd_parts(const CommandContext *context)
{
	Reader *reader = context_reader(context);
	if (!reader->document) {
		app_notice(context->app, NOTICE_INFO, "The message is not here yet.");
		return;
	}
	push(context->app, PLACE_PARTS);
	Place *place = app_place(context->app);
	for (guint i = 0; i < reader->document->parts->len; i++)
		if (((Part *)g_ptr_array_index(reader->document->parts, i))->attachment) {
			place->cursor = reader->link = i;
			return;
		}
}

void
cmd_links(const CommandContext *context)
{
	Reader *reader = context_reader(context);
	if (!reader->document || !reader->document->links->len) {
		app_notice(context->app, NOTICE_INFO, "No links in this message.");
		return;
	}
	reader->link = 0;
	push(context->app, PLACE_LINKS);
}

void
cmd_copy_link(const CommandContext *context)
{
	App *app = context->app;
	const Reader *reader = app_reader(app);
	const Place *place = app_place(app);
	if (place->cursor >= reader->document->links->len)
		return;
	g_free(app->clipboard);
	app->clipboard = g_strdup(((Link *)g_ptr_array_index(reader->document->links, place->cursor))->url);
	app_notice(app, NOTICE_GOOD, "Copied: %s", app->clipboard);
}

static void
find_typed(App *app, const char *text, void *data)
{
	(void)data;
	Place *place = app_place(app);
	Reader *reader = place->reader;
	char **field = reader ? &reader->find : &place->filter;
	if (!text)
		return;
	g_free(*field);
	*field = *text ? g_strdup(text) : NULL;
	if (reader)
		reader->find_step = 1;
	else
		place->top = 0;
}

void
cmd_find(const CommandContext *context)
{
	const Place *place = app_place(context->app);
	const char *before = place->reader ? place->reader->find : place->filter;
	if (*context->arg)
		find_typed(context->app, context->arg, NULL);
	else
		app_ask(context->app, prompt_new(PROMPT_TEXT, "Find: ", before, find_typed, NULL, NULL));
}

static void
find_again(const CommandContext *context, int step)
{
	Reader *reader = app_place(context->app)->reader;
	if (reader->find)
		reader->find_step = step;
	else
		cmd_find(context);
}

void
cmd_find_next(const CommandContext *context)
{
	find_again(context, 1);
}

void
cmd_find_prev(const CommandContext *context)
{
	find_again(context, -1);
}

void
cmd_view(const CommandContext *context)
{
	const Part *part = part_at(context->app);
	if (part && !g_str_has_prefix(part->type, "multipart/"))
		show_part(context->app, part);
}

/* ---- saving: never over a file that is there ---- */

static char *
default_dir(App *app)
{
	return path_expand(config_text(app->config, OPTION_download_dir));
}

static void
not_saved(App *app, const GError *error)
{
	g_autofree char *sentence = error_sentence(error);
	app_notice(app, NOTICE_ERROR, "Not saved: %s", sentence);
}

static void
part_saved(App *app, const GPtrArray *files, const GError *error, void *data)
{
	(void)data;
	if (files && files->len)
		app_notice(app, NOTICE_GOOD, "Saved as %s", ((SavedPart *)g_ptr_array_index(files, 0))->path);
	else if (error)
		not_saved(app, error);
}

static void
all_saved(App *app, const GPtrArray *files, const GError *error, void *data)
{
	if (files)
		app_notice(app, NOTICE_GOOD, "%u attachment%s saved in %s", files->len, files->len == 1 ? "" : "s", (const char *)data);
	else
		not_saved(app, error);
}

static void
save_typed(App *app, const char *text, void *data)
{
	(void)data;
	const Part *part = app_place(app)->kind == PLACE_PARTS ? part_at(app) : NULL;
	if (!text || !*text || !part)
		return;
	g_autofree char *wanted = path_expand(text);
	bool is_dir = g_str_has_suffix(wanted, "/") || g_file_test(wanted, G_FILE_TEST_IS_DIR);
	g_autofree char *dir = is_dir ? g_strdup(wanted) : g_path_get_dirname(wanted);
	g_autofree char *name = is_dir ? g_strdup(part->name) : g_path_get_basename(wanted);
	app_extract(app, app_reader(app), &(PartsWanted){ part->id, dir, name }, part_saved, NULL, NULL);
}

void
cmd_save(const CommandContext *context)
{
	const Part *part = part_at(context->app);
	if (!part || g_str_has_prefix(part->type, "multipart/")) {
		app_notice(context->app, NOTICE_INFO, "This part is only a wrapper; choose one below it.");
		return;
	}
	if (*context->arg) {
		save_typed(context->app, context->arg, NULL);
		return;
	}
	g_autofree char *dir = default_dir(context->app), *path = g_build_filename(dir, part->name, NULL);
	Prompt *prompt = prompt_new(PROMPT_PATH, "Save as: ", path, save_typed, NULL, NULL);
	prompt->complete = complete_path;
	app_ask(context->app, prompt);
}

static void
save_all_typed(App *app, const char *text, void *data)
{
	(void)data;
	const Reader *reader = app_reader(app);
	if (!text || !*text || !reader || !reader->document)
		return;
	char *dir = path_expand(text);
	app_extract(app, reader, &(PartsWanted){ "*", dir, NULL }, all_saved, dir, g_free);
}

void
cmd_save_all(const CommandContext *context)
{
	const Reader *reader = context_reader(context);
	bool any = false;
	for (guint i = 0; reader && reader->document && i < reader->document->parts->len; i++)
		any |= ((Part *)g_ptr_array_index(reader->document->parts, i))->attachment;
	if (!any) {
		app_notice(context->app, NOTICE_INFO, "This message has no attachments.");
		return;
	}
	if (*context->arg) {
		save_all_typed(context->app, context->arg, NULL);
		return;
	}
	g_autofree char *dir = default_dir(context->app);
	Prompt *prompt = prompt_new(PROMPT_PATH, "Save all attachments in: ", dir, save_all_typed, NULL, NULL);
	prompt->complete = complete_path;
	app_ask(context->app, prompt);
}
