/* command/cmd-folder.c: folders, lists, search, filter, marks */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/command/private.h"

#include <string.h>

/* ---- folder pane ---- */

void
cmd_folders(const CommandContext *context)
{
	App *app = context->app;
	while (app->places->len > 1 && app_place(app)->kind != PLACE_LIST)
		app_pop_place(app);
	app->side_focused = !app->side_focused;
}

static bool
can_open(const SideRow *row)
{
	return row->kind != SIDE_ACCOUNT && row->kind != SIDE_OUTBOX;
}

static void
step_folder(const CommandContext *context, int step)
{
	App *app = context->app;
	int current = (int)app->side_cursor;
	for (guint i = 0; i < app->side->len && !app->side_focused; i++)
		if (((SideRow *)g_ptr_array_index(app->side, i))->current)
			current = (int)i;
	for (unsigned moved = 0; moved < context->count;) {
		current += step;
		if (current < 0 || current >= (int)app->side->len)
			return;
		if (!can_open(g_ptr_array_index(app->side, (guint)current)))
			continue;
		app_open_side(app, (unsigned)current);
		moved++;
	}
}

void
cmd_next_folder(const CommandContext *context)
{
	step_folder(context, 1);
}

void
cmd_prev_folder(const CommandContext *context)
{
	step_folder(context, -1);
}

static void
go_to(App *app, const char *text, void *data)
{
	(void)data;
	unsigned account = 0;
	FolderId folder;
	if (!text || !*text)
		return;
	if (g_ascii_strcasecmp(text, "outbox") == 0) {
		Place *place = g_new0(Place, 1);
		place->kind = PLACE_OUTBOX;
		app_push_place(app, place);
	} else if (app_find_folder(app, text, context_account(app), &account, &folder)) {
		app->side_focused = false;
		app_open_folder(app, account, folder);
	} else {
		app_notice(app, NOTICE_WARN, "No folder \"%s\". Tab lists them.", text);
	}
}

void
cmd_folder(const CommandContext *context)
{
	if (*context->arg) {
		go_to(context->app, context->arg, NULL);
		return;
	}
	Prompt *prompt = prompt_new(PROMPT_FOLDER, "Go to folder: ", NULL, go_to, NULL, NULL);
	prompt->complete = complete_folders;
	app_ask(context->app, prompt);
}

static void
create_folder(App *app, const char *text, void *data)
{
	(void)data;
	unsigned account = context_account(app);
	AppAccount *holder = app_account(app, account);
	GError *error = NULL;
	g_autofree char *name = text ? g_strstrip(g_strdup(text)) : NULL;
	if (!name || !*name || !holder)
		return;
	if (!store_intent_folder_create(holder->store, name, NULL, &error)) {
		app_notice_error(app, error);
		return;
	}
	app_notice(app, NOTICE_GOOD, "Folder %s made in %s.", name, holder->account->name);
	app_doorbell(app, account);
}

void
cmd_create_folder(const CommandContext *context)
{
	if (*context->arg)
		create_folder(context->app, context->arg, NULL);
	else
		app_ask(context->app, prompt_new(PROMPT_TEXT, "Name of the new folder: ", NULL, create_folder, NULL, NULL));
}

/* ---- the list ---- */

void
cmd_mark(const CommandContext *context)
{
	Mailbox *mailbox = app_place(context->app)->mailbox;
	for (unsigned i = 0; i < context->count; i++) {
		const MailboxRow *row = mailbox_cursor(mailbox);
		if (!row)
			return;
		mailbox_mark(mailbox, row->ref, !row->marked);
		mailbox_move(mailbox, 1);
	}
}

void
cmd_unmark(const CommandContext *context)
{
	mailbox_unmark_all(app_place(context->app)->mailbox);
}

void
cmd_threads(const CommandContext *context)
{
	Mailbox *mailbox = app_place(context->app)->mailbox;
	if (mailbox_query(mailbox)) {
		app_notice(context->app, NOTICE_INFO, "Hits of a search are a flat list.");
		return;
	}
	mailbox_set_threaded(mailbox, !mailbox_threaded(mailbox));
	app_notice(context->app, NOTICE_INFO, mailbox_threaded(mailbox) ? "Conversations together." : "A flat list, newest first.");
}

/* "unread: words", "flagged:", "words". */
static void
filter_typed(App *app, const char *text, void *data)
{
	(void)data;
	Mailbox *mailbox = app_mailbox(app);
	if (!text || !mailbox)
		return;
	static const struct { const char *prefix; ListFilter filter; } kinds[] = { { "unread:", LIST_UNREAD }, { "flagged:", LIST_FLAGGED } };
	ListFilter filter = LIST_ALL;
	for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (g_str_has_prefix(text, kinds[i].prefix)) {
			filter = kinds[i].filter;
			text += strlen(kinds[i].prefix);
		}
	g_autofree char *words = g_strstrip(g_strdup(text));
	mailbox_filter(mailbox, filter, words);
}

static GPtrArray *
complete_filter(App *app, const char *typed)
{
	(void)app;
	GPtrArray *found = completions_new();
	static const char *const forms[][2] = { { "unread: ", "not read yet" }, { "flagged: ", "flagged" } };
	for (unsigned i = 0; i < G_N_ELEMENTS(forms); i++)
		if (g_str_has_prefix(forms[i][0], typed))
			completions_add(found, forms[i][0], forms[i][1]);
	return found;
}

void
cmd_filter(const CommandContext *context)
{
	Mailbox *mailbox = app_mailbox(context->app);
	if (mailbox_query(mailbox)) {
		app_notice(context->app, NOTICE_INFO, "This list is a search already; / searches anew.");
		return;
	}
	if (*context->arg) {
		filter_typed(context->app, context->arg, NULL);
		return;
	}
	Prompt *prompt = prompt_new(PROMPT_FILTER, "Only (words, unread:, flagged:; empty: all): ", mailbox_filter_text(mailbox), filter_typed, NULL, NULL);
	prompt->complete = complete_filter;
	app_ask(context->app, prompt);
}

static void
search_typed(App *app, const char *text, void *data)
{
	(void)data;
	g_autofree char *query = text ? g_strstrip(g_strdup(text)) : NULL;
	if (query && *query)
		app_search(app, query);
}

void
cmd_search(const CommandContext *context)
{
	if (*context->arg) {
		search_typed(context->app, context->arg, NULL);
		return;
	}
	Mailbox *mailbox = app_mailbox(context->app);
	const char *before = mailbox ? mailbox_query(mailbox) : NULL;
	Prompt *prompt = prompt_new(PROMPT_SEARCH, "Search all mail: ", before, search_typed, NULL, NULL);
	prompt->complete = complete_search;
	app_ask(context->app, prompt);
}

void
cmd_outbox(const CommandContext *context)
{
	Place *place = g_new0(Place, 1);
	place->kind = PLACE_OUTBOX;
	app_outbox_read(context->app);
	app_push_place(context->app, place);
}
