/* app/app.c: owns the model: accounts, places, notices, prompt, dirty marks */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/app/private.h"

#include <string.h>

const char *
app_data_dir(void)
{
	const char *dir = g_getenv("SUREL_DATA");
	return dir && *dir ? dir : NULL;
}

/* ---- places ---- */

const char *
scope_name(Scope scope)
{
	static const char *const names[] = { "folders", "list", "reader", "review", "outbox", "parts", "links", "info" };
	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
		if (scope == (Scope)(1u << i))
			return names[i];
	return "all";
}

Place *
place_new(PlaceKind kind)
{
	Place *place = g_new0(Place, 1);
	place->kind = kind;
	return place;
}

static void
place_free(Place *place)
{
	mailbox_free(place->mailbox);
	reader_free(place->reader);
	review_free(place->review);
	g_free(place->filter);
	g_free(place);
}

Place *
app_place(const App *app)
{
	return app->places->len ? g_ptr_array_index(app->places, app->places->len - 1) : NULL;
}

Scope
app_scope(const App *app)
{
	static const Scope scopes[] = {
		[PLACE_LIST] = SCOPE_LIST,     [PLACE_READER] = SCOPE_READER, [PLACE_PARTS] = SCOPE_PARTS, [PLACE_LINKS] = SCOPE_LINKS,
		[PLACE_REVIEW] = SCOPE_REVIEW, [PLACE_OUTBOX] = SCOPE_OUTBOX, [PLACE_HELP] = SCOPE_INFO,   [PLACE_LOG] = SCOPE_INFO,
	};
	const Place *place = app_place(app);
	if (!place || (app->side_focused && place->kind == PLACE_LIST))
		return SCOPE_FOLDERS;
	return scopes[place->kind];
}

void
app_push_place(App *app, Place *place)
{
	app->side_focused = false;
	g_ptr_array_add(app->places, place);
	app_mark_dirty(app, DIRTY_ALL);
}

void
app_pop_place(App *app)
{
	if (app->places->len > 1)
		g_ptr_array_remove_index(app->places, app->places->len - 1);
	app_mark_dirty(app, DIRTY_ALL);
}

Mailbox *
app_mailbox(const App *app)
{
	for (guint i = app->places->len; i-- > 0;) {
		const Place *place = g_ptr_array_index(app->places, i);
		if (place->kind == PLACE_LIST)
			return place->mailbox;
	}
	return NULL;
}

Reader *
app_reader(const App *app)
{
	for (guint i = app->places->len; i-- > 0;) {
		const Place *place = g_ptr_array_index(app->places, i);
		if (place->kind == PLACE_READER)
			return place->reader;
		if (place->kind == PLACE_LIST)
			return NULL;
	}
	return NULL;
}

void
app_open_mailbox(App *app, Mailbox *mailbox)
{
	Place *place = place_new(PLACE_LIST);
	place->mailbox = mailbox;
	bool focused = app->side_focused;
	g_ptr_array_set_size(app->places, 0);
	app_push_place(app, place);
	app->side_focused = focused;
	side_read(app);
}

/* ---- notices, prompt ---- */

static void
notice_free(Notice *notice)
{
	g_free(notice->text);
	g_free(notice);
}

static void
notice_add(App *app, NoticeLevel level, char *text)
{
	Notice *notice = g_new0(Notice, 1);
	notice->level = level;
	notice->when = g_get_real_time() / G_USEC_PER_SEC;
	notice->text = text_clean(text, -1, false);
	g_free(text);
	g_ptr_array_add(app->notices, notice);
	if (app->notices->len > NOTICES_MAX)
		g_ptr_array_remove_index(app->notices, 0);
	app_mark_dirty(app, DIRTY_STATUS);
}

void
app_notice(App *app, NoticeLevel level, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *text = g_strdup_vprintf(format, args);
	va_end(args);
	notice_add(app, level, text);
}

void
app_notice_error(App *app, GError *error)
{
	if (!error)
		return;
	notice_add(app, NOTICE_ERROR, error_sentence(error));
	g_error_free(error);
}

Prompt *
prompt_new(PromptKind kind, const char *label, const char *text, void (*done)(App *, const char *, void *), void *data, GDestroyNotify free_data)
{
	Prompt *prompt = g_new0(Prompt, 1);
	prompt->kind = kind;
	prompt->label = g_strdup(label);
	prompt->text = g_string_new(text ? text : "");
	prompt->cursor = (unsigned)prompt->text->len;
	prompt->chosen = -1;
	prompt->done = done;
	prompt->data = data;
	prompt->free_data = free_data;
	return prompt;
}

void
prompt_free(Prompt *prompt)
{
	if (!prompt)
		return;
	if (prompt->kind == PROMPT_PASSWORD)
		explicit_bzero(prompt->text->str, prompt->text->allocated_len);
	if (prompt->free_data)
		prompt->free_data(prompt->data);
	if (prompt->completions)
		g_ptr_array_unref(prompt->completions);
	g_string_free(prompt->text, TRUE);
	g_free(prompt->label);
	g_free(prompt);
}

void
completion_free(Completion *completion)
{
	if (!completion)
		return;
	g_free(completion->text);
	g_free(completion->note);
	g_free(completion);
}

static void
prompt_end(App *app, bool given_up)
{
	/* Detached first: done may ask the next question. */
	Prompt *prompt = g_steal_pointer(&app->prompt);
	if (!prompt)
		return;
	app_mark_dirty(app, DIRTY_ALL);
	if (prompt->done)
		prompt->done(app, given_up ? NULL : prompt->text->str, prompt->data);
	prompt_free(prompt);
}

void
app_ask(App *app, Prompt *prompt)
{
	prompt_end(app, true);
	app->prompt = prompt;
	app_mark_dirty(app, DIRTY_STATUS);
}

void
app_prompt_finish(App *app, bool given_up)
{
	prompt_end(app, given_up);
	if (!app->prompt && app->priv->started)
		secret_ask(app);	/* one question at a time */
}

typedef struct Confirm { void (*yes)(App *app, void *data); void *data; GDestroyNotify free_data; } Confirm;

static void
confirm_free(void *data)
{
	Confirm *confirm = data;
	if (confirm->free_data)
		confirm->free_data(confirm->data);
	g_free(confirm);
}

static void
confirm_done(App *app, const char *text, void *data)
{
	Confirm *confirm = data;
	if (text && (g_ascii_tolower(*text) == 'y'))
		confirm->yes(app, confirm->data);
}

void
app_confirm(App *app, const char *question, void (*yes)(App *, void *), void *data, GDestroyNotify free_data)
{
	Confirm *confirm = g_new0(Confirm, 1);
	confirm->yes = yes;
	confirm->data = data;
	confirm->free_data = free_data;
	app_ask(app, prompt_new(PROMPT_YES_NO, question, NULL, confirm_done, confirm, confirm_free));
}

void
app_mark_dirty(App *app, unsigned dirty)
{
	app->dirty |= dirty;
}

void
app_run(App *app, char **argv, void (*done)(App *, int, void *), void *data)
{
	g_strfreev(app->run_argv);
	app->run_argv = argv;
	app->run_done = done;
	app->run_data = data;
}

bool
app_idle(const App *app)
{
	return !app->dirty && !app->run_argv && !app->priv->refresh_wanted && g_hash_table_size(app->priv->requests) == 0;
}

/* ---- accounts ---- */

AppAccount *
app_account(const App *app, unsigned account)
{
	return account < app->accounts->len ? g_ptr_array_index(app->accounts, account) : NULL;
}

Msg *
app_msg(App *app, MsgRef ref)
{
	AppAccount *account = app_account(app, ref.account);
	if (!account || !ref.id.v)
		return NULL;
	GError *error = NULL;
	Msg *msg = store_msg(account->store, ref.id, &error);
	if (!msg)
		app_notice_error(app, error);
	return msg;
}

Folder *
app_folder(App *app, unsigned account, FolderId id)
{
	AppAccount *holder = app_account(app, account);
	return holder ? store_folder(holder->store, id, NULL) : NULL;
}

Store **
app_stores(App *app, size_t *ret_n)
{
	Store **stores = g_new0(Store *, app->accounts->len + 1);
	for (guint i = 0; i < app->accounts->len; i++)
		stores[i] = app_account(app, i)->store;
	*ret_n = app->accounts->len;
	return stores;
}

static void
account_free(AppAccount *account)
{
	store_close(account->store);
	g_free(account->state_text);
	g_free(account->priv->told);
	g_free(account->progress_what);
	os_free_secret(account->priv->secret);
	os_free_secret(account->priv->outgoing_secret);
	g_free(account->priv->sync_error);
	g_free(account->priv);
	g_free(account);
}

static bool
account_add(App *app, const Account *config, GError **error)
{
	Store *store = store_open(app_data_dir(), config->name, STORE_UI, error);
	if (!store)
		return error_wrap(error, "account %s is left out", config->name);
	AppAccount *account = g_new0(AppAccount, 1);
	account->account = config;
	account->store = store;
	account->state = ENGINE_OFFLINE;
	account->generation = store_generation(store);
	account->priv = g_new0(struct AccountPrivate, 1);
	account->priv->tag = (WorkerTag){ app, app->accounts->len };
	account->priv->lock_fd = account->priv->watch = -1;
	account->priv->sync_status = -1;
	g_ptr_array_add(app->accounts, account);
	return true;
}

/* ---- life ---- */

App *
app_new(Config *config, GError **error)
{
	App *app = g_new0(App, 1);
	app->config = config;
	app->accounts = g_ptr_array_new_with_free_func((GDestroyNotify)account_free);
	app->places = g_ptr_array_new_with_free_func((GDestroyNotify)place_free);
	app->side = g_ptr_array_new_with_free_func((GDestroyNotify)side_row_free);
	app->notices = g_ptr_array_new_with_free_func((GDestroyNotify)notice_free);
	app->outbox = g_ptr_array_new_with_free_func((GDestroyNotify)outbox_row_free);
	app->hints = config_bool(config, OPTION_hints);
	app->priv = g_new0(struct AppPrivate, 1);
	app->priv->tag = (WorkerTag){ app, NO_ACCOUNT };
	app->priv->requests = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	app->priv->jobs = g_hash_table_new_full(NULL, NULL, NULL, job_free);
	app->priv->waiting_moves = g_ptr_array_new_with_free_func(waiting_move_free);
	app->priv->body_waits = g_ptr_array_new_with_free_func(body_wait_free);
	app->priv->changes = g_array_new(FALSE, TRUE, sizeof(unsigned));
	app->priv->sends = g_array_new(FALSE, TRUE, sizeof(SendWindow));
	GError *last = NULL;
	for (guint i = 0; i < config->accounts->len; i++) {
		g_autoptr(GError) problem = NULL;
		if (account_add(app, g_ptr_array_index(config->accounts, i), &problem))
			continue;
		g_clear_error(&last);
		last = g_error_copy(problem);
		app_notice_error(app, g_steal_pointer(&problem));
	}
	for (guint i = 0; i < config->problems->len; i++) {
		const ConfigProblem *problem = g_ptr_array_index(config->problems, i);
		app_notice(app, problem->fatal ? NOTICE_ERROR : NOTICE_WARN, "%s:%u: %s", problem->file, problem->line, problem->text);
	}
	if (app->accounts->len || !last) {
		g_clear_error(&last);
		return app;
	}
	app_free(app);
	g_propagate_error(error, last);
	return NULL;
}

static gboolean
start_workers(void *data)
{
	App *app = data;
	app->priv->start = 0;
	supervisor_start(app);
	app_mark_dirty(app, DIRTY_ALL);
	return G_SOURCE_REMOVE;
}

void
app_start(App *app)
{
	app->priv->started = true;
	for (guint i = 0; i < app->accounts->len; i++)
		app_account(app, i)->state = ENGINE_CONNECTING;
	app_open_mailbox(app, side_unified(app));
	app_outbox_read(app);
	drafts_offer(app);
	/* The first screen comes before the processes that would compete with it. */
	app->priv->start = g_idle_add_full(G_PRIORITY_LOW, start_workers, app, NULL);
	app_mark_dirty(app, DIRTY_ALL);
}

void
app_free(App *app)
{
	if (!app)
		return;
	supervisor_stop(app);
	drafts_close(app);
	prompt_free(app->prompt);
	g_ptr_array_unref(app->places);
	g_ptr_array_unref(app->side);
	g_ptr_array_unref(app->outbox);
	g_ptr_array_unref(app->notices);
	g_ptr_array_unref(app->accounts);
	g_hash_table_unref(app->priv->requests);
	g_hash_table_unref(app->priv->jobs);
	g_array_unref(app->priv->sends);
	g_array_unref(app->priv->changes);
	g_ptr_array_unref(app->priv->waiting_moves);
	g_ptr_array_unref(app->priv->body_waits);
	g_strfreev(app->run_argv);
	g_free(app->index_progress);
	g_free(app->clipboard);
	if (app->ui.history)
		g_ptr_array_unref(app->ui.history);
	g_free(app->priv);
	config_free(app->config);
	g_free(app);
}

void
app_refresh(App *app)
{
	app->priv->refresh_wanted = false;
	if (app->priv->waiting_moves->len)
		waiting_moves_try(app);
	for (guint i = 0; i < app->places->len; i++) {
		Place *place = g_ptr_array_index(app->places, i);
		if (place->kind == PLACE_LIST)
			mailbox_refresh(place->mailbox);
	}
	side_widen(app);
	side_read(app);
	app_outbox_read(app);
	reader_refresh(app);
	app_mark_dirty(app, DIRTY_LIST | DIRTY_FOLDERS | DIRTY_STATUS);
}

void
app_doorbell(App *app, unsigned account)
{
	app_refresh(app);
	supervisor_ring(app, account);
}
