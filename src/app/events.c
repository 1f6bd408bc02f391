/* app/events.c: frames of the workers -> model -> dirty marks and notices; one row per frame */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/app/private.h"

#include <string.h>

typedef struct EventContext { App *app; AppAccount *account; unsigned number; Worker *worker; const Frame *frame; } EventContext;

static void
set_text(char **field, const char *text)
{
	g_free(*field);
	*field = text && *text ? text_clean(text, -1, false) : NULL;
}

static void
end_progress(AppAccount *account)
{
	set_text(&account->progress_what, NULL);
	account->progress_done = account->progress_total = 0;
}

static void
wake_index(App *app, const char *account)
{
	if (app->priv->index)
		worker_send(app->priv->index, &(Frame){ .type = FRAME_MAIL_READY, .u.mail_ready = { (char *)account } });
}

/* Several changes within one turn of the loop are read once. */
static gboolean
refresh_now(void *data)
{
	App *app = data;
	app->priv->flush_timer = 0;
	app_refresh(app);
	return G_SOURCE_REMOVE;
}

static void
refresh_soon(App *app)
{
	app->priv->refresh_wanted = true;
	if (!app->priv->flush_timer)
		app->priv->flush_timer = g_timeout_add(20, refresh_now, app);
}

static void
on_hello(const EventContext *context)
{
	secret_repeat(context->app, context->number, context->worker);
}

/* Why an account is offline: once per reason, not with every attempt. */
static void
tell_offline(App *app, AppAccount *account)
{
	struct AccountPrivate *priv = account->priv;
	if (account->state == ENGINE_IDLE)
		g_clear_pointer(&priv->told, g_free);
	if (account->state != ENGINE_OFFLINE || !account->state_text || g_strcmp0(priv->told, account->state_text) == 0)
		return;
	g_free(priv->told);
	priv->told = g_strdup(account->state_text);
	app_notice(app, NOTICE_WARN, "%s: %s", account->account->name, account->state_text);
}

static void
on_state(const EventContext *context)
{
	AppAccount *account = context->account;
	uint32_t state = context->frame->u.state.state;
	if (!account || state > ENGINE_SENDING)
		return;
	bool submit = context->worker == account->submit;
	if (state == ENGINE_AUTH_FAILED) {
		*(submit ? &account->priv->outgoing_wanted : &account->priv->secret_wanted) = true;
		app_notice(context->app, NOTICE_ERROR, "%s: %s", account->account->name,
			   *context->frame->u.state.text ? context->frame->u.state.text : "the server refused the login");
	}
	if (submit && state != ENGINE_SENDING)
		return;
	if (!submit) {
		account->state = (EngineState)state;
		set_text(&account->state_text, context->frame->u.state.text);
		tell_offline(context->app, account);
	}
	if (state == ENGINE_IDLE)
		end_progress(account);
	if (state == ENGINE_IDLE && !submit)
		supervisor_outbox(context->app, context->number);	/* there is a connection */
	if (state == ENGINE_SYNCING || state == ENGINE_IDLE)
		secret_proven(context->app, context->number);
	app_mark_dirty(context->app, DIRTY_STATUS | DIRTY_FOLDERS);
}

static void
on_progress(const EventContext *context)
{
	const char *what = context->frame->u.progress.what;
	int64_t done = context->frame->u.progress.done, total = context->frame->u.progress.total;
	bool over = !*what || done >= total;
	if (context->account && over) {
		end_progress(context->account);
	} else if (context->account) {
		set_text(&context->account->progress_what, what);
		context->account->progress_done = done;
		context->account->progress_total = total;
	} else if (context->worker == context->app->priv->index) {
		g_free(context->app->index_progress);
		context->app->index_progress = over ? NULL : g_strdup_printf("indexing %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT, done, total);
	}
	app_mark_dirty(context->app, DIRTY_STATUS);
}

static void
on_changed(const EventContext *context)
{
	refresh_soon(context->app);
	if (context->account && worker_role(context->worker) == SUREL_ROLE_SYNC)
		wake_index(context->app, context->account->account->name);
}

static void
run_notify(App *app, const Msg *msg)
{
	const char *command = config_text(app->config, OPTION_notify_command);
	g_auto(GStrv) argv = NULL;
	int argc = 0;
	if (!*command || !g_shell_parse_argv(command, &argc, &argv, NULL))
		return;
	argv = g_realloc_n(argv, (size_t)argc + 3, sizeof(char *));
	argv[argc] = g_strdup(msg->from);
	argv[argc + 1] = g_strdup(msg->subject);
	argv[argc + 2] = NULL;
	g_autofree char *program = g_strdup(argv[0]);
	g_autoptr(GError) error = NULL;
	if (!g_spawn_async(NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL, &error))
		app_notice(app, NOTICE_WARN, "notify_command: %s", error->message);
}

static void
on_new_mail(const EventContext *context)
{
	App *app = context->app;
	refresh_soon(app);
	if (!context->account)
		return;
	wake_index(app, context->account->account->name);
	g_autoptr(Msg) msg = store_msg(context->account->store, (MsgId){ context->frame->u.new_mail.newest }, NULL);
	uint32_t count = context->frame->u.new_mail.count;
	if (!context->account->account->notify || !count)
		return;
	if (msg && count == 1)
		app_notice(app, NOTICE_GOOD, "New mail from %s: %s", msg->from, msg->subject);
	else
		app_notice(app, NOTICE_GOOD, "%u new messages in %s", count, context->account->account->name);
	if (config_bool(app->config, OPTION_bell))
		app->bell = true;
	if (msg)
		run_notify(app, msg);
}

static void
on_applied(const EventContext *context)
{
	refresh_soon(context->app);
}

static void
on_outbox(const EventContext *context)
{
	static const char *const sentences[] = {
		[OUTBOX_ACCEPTED] = NULL,
		[OUTBOX_FILED] = "Sent",
		[OUTBOX_UNKNOWN] = "The link broke while the server confirmed; look in Sent, then resend or mark as sent in the outbox (O)",
		[OUTBOX_FAILED] = "Not sent; it is in the outbox (O)",
		[OUTBOX_CANCELLED] = NULL,
	};
	uint32_t state = context->frame->u.outbox.state;
	if (!context->account || state >= G_N_ELEMENTS(sentences))
		return;
	refresh_soon(context->app);
	if (!sentences[state])
		return;
	g_autoptr(Outbox) outbox = store_outbox_get(context->account->store, (int64_t)context->frame->u.outbox.id, NULL);
	const char *subject = outbox && outbox->subject && *outbox->subject ? outbox->subject : "(no subject)";
	NoticeLevel level = state == OUTBOX_FILED ? NOTICE_GOOD : NOTICE_ERROR;
	const char *text = context->frame->u.outbox.text;
	app_notice(context->app, level, "%s: %s%s%s", sentences[state], subject, *text ? ". " : "", text);
	if (state == OUTBOX_FILED)
		supervisor_ring(context->app, context->number);
}

static void
on_hits(const EventContext *context)
{
	search_hits(context->app, context->frame->u.hits.request, context->frame->u.hits.message_ids);
}

static void
on_document(const EventContext *context)
{
	size_t size = 0;
	const uint8_t *bytes = g_bytes_get_data(context->frame->u.document.bytes, &size);
	g_autoptr(GError) error = NULL;
	Document *document = document_decode(bytes, size, &error);
	uint32_t request = context->frame->u.document.request;
	if (document)
		reader_document(context->app, request, document);
	else
		reader_failed(context->app, request, error->code, error->message);
}

static void
on_draft(const EventContext *context)
{
	extract_on_draft(context->app, context->frame->u.draft.request, context->frame->u.draft.text);
}

static void
on_part(const EventContext *context)
{
	extract_on_part(context->app, context->frame->u.part.request, context->frame->u.part.name, context->frame->u.part.type);
}

static void
on_piece(const EventContext *context)
{
	extract_on_piece(context->app, context->frame->u.piece.request, context->frame->u.piece.bytes);
}

static void
on_notice(const EventContext *context)
{
	static const NoticeLevel levels[] = {
		[LOG_LEVEL_DEBUG] = NOTICE_INFO, [LOG_LEVEL_INFO] = NOTICE_INFO, [LOG_LEVEL_WARN] = NOTICE_WARN, [LOG_LEVEL_ERROR] = NOTICE_ERROR
	};
	uint32_t level = context->frame->u.notice.level;
	const char *name = context->account ? context->account->account->name : role_name(worker_role(context->worker));
	app_notice(context->app, level < G_N_ELEMENTS(levels) ? levels[level] : NOTICE_INFO, "%s: %s", name, context->frame->u.notice.text);
}

/* What a request ends in, whichever of the three words it is. */
static void
request_ended(App *app, uint32_t id, int code, const char *text)
{
	const Request *request = g_hash_table_lookup(app->priv->requests, GUINT_TO_POINTER(id));
	if (!request)
		return;
	Request copy = *request;
	switch (copy.kind) {
	case REQUEST_RENDER:
		if (text)
			reader_failed(app, id, code, text);
		break;
	case REQUEST_FETCH:
		reader_fetch_ended(app, copy.account, text);
		break;
	case REQUEST_SEARCH:
		search_ended(app, id, text);
		break;
	case REQUEST_EXTRACT:
		extract_ended(app, id, code, text);
		break;
	case REQUEST_SYNC:
		if (text && code != ERROR_CANCELLED)
			app_notice_error(app, g_error_new(SUREL_ERROR, code, "%s: %s", app_account(app, copy.account)->account->name, text));
		break;
	}
	g_hash_table_remove(app->priv->requests, GUINT_TO_POINTER(id));
	app_mark_dirty(app, DIRTY_STATUS);
}

static void
on_done(const EventContext *context)
{
	request_ended(context->app, context->frame->u.done.request, 0, NULL);
}

static void
on_failed(const EventContext *context)
{
	uint32_t code = context->frame->u.failed.code;
	request_ended(context->app, context->frame->u.failed.request, code < ERROR_COUNT ? (int)code : ERROR_IO, context->frame->u.failed.text);
}

static void
on_cancelled(const EventContext *context)
{
	request_ended(context->app, context->frame->u.cancelled.request, ERROR_CANCELLED, "cancelled");
}

static void (*const handlers[FRAME_COUNT])(const EventContext *) = {
	[FRAME_HELLO] = on_hello,     [FRAME_STATE] = on_state,   [FRAME_PROGRESS] = on_progress, [FRAME_CHANGED] = on_changed,
	[FRAME_NEW_MAIL] = on_new_mail, [FRAME_APPLIED] = on_applied, [FRAME_OUTBOX] = on_outbox,     [FRAME_HITS] = on_hits,
	[FRAME_DOCUMENT] = on_document, [FRAME_NOTICE] = on_notice,   [FRAME_DONE] = on_done,         [FRAME_FAILED] = on_failed,
	[FRAME_CANCELLED] = on_cancelled, [FRAME_DRAFT] = on_draft,   [FRAME_PART] = on_part,         [FRAME_PIECE] = on_piece,
};

static void
on_frame(void *data, Worker *worker, const Frame *frame)
{
	const WorkerTag *tag = data;
	App *app = tag->app;
	EventContext context = { app, app_account(app, tag->account), tag->account, worker, frame };
	if (app->priv->on_frame)
		app->priv->on_frame(app, tag->account, worker, frame, app->priv->listener);
	if (frame->type < FRAME_COUNT && handlers[frame->type])
		handlers[frame->type](&context);
}

/* Requests of an account's sync worker that will get no answer any more. */
static void
drop_requests(App *app, unsigned account, RequestKind kind)
{
	GHashTableIter iter;
	void *value;
	g_hash_table_iter_init(&iter, app->priv->requests);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Request *request = value;
		if (request->kind == kind && request->account == account)
			g_hash_table_iter_remove(&iter);
	}
}

static void
sync_ended(App *app, AppAccount *account, int status, bool crashed, unsigned restart_in_s)
{
	unsigned number = account->priv->tag.account;
	end_progress(account);
	drop_requests(app, number, REQUEST_FETCH);
	drop_requests(app, number, REQUEST_SYNC);
	reader_fetch_ended(app, number, "the account is offline");
	if (account->state != ENGINE_AUTH_FAILED)
		account->state = ENGINE_OFFLINE;
	if (crashed) {
		app_notice(app, NOTICE_WARN, "The sync of %s stopped unexpectedly; it starts again in %u s. Mail that is here is safe.",
			   account->account->name, restart_in_s == UINT_MAX ? 0 : restart_in_s);
		set_text(&account->state_text, "the sync stopped unexpectedly");
	}
	if (status == WORKER_EXIT_STOP)
		secret_ask(app);
	app_mark_dirty(app, DIRTY_STATUS | DIRTY_FOLDERS);
}

static void
on_ended(void *data, Worker *worker, int status, bool crashed, unsigned restart_in_s)
{
	const WorkerTag *tag = data;
	App *app = tag->app;
	AppAccount *account = app_account(app, tag->account);
	if (app->priv->on_end)
		app->priv->on_end(app, tag->account, worker, status, crashed, app->priv->listener);
	switch (worker_role(worker)) {
	case SUREL_ROLE_SYNC:
		sync_ended(app, account, status, crashed, restart_in_s);
		return;
	case SUREL_ROLE_SUBMIT:
		end_progress(account);
		if (restart_in_s == UINT_MAX && status == WORKER_EXIT_DONE)
			supervisor_outbox_later(app, tag->account);
		refresh_soon(app);
		secret_ask(app);
		return;
	case SUREL_ROLE_RENDER:
		reader_render_ended(app, crashed);
		jobs_render_ended(app, crashed);
		return;
	case SUREL_ROLE_SEARCH:
		search_ended(app, 0, crashed ? "the search stopped unexpectedly" : NULL);
		return;
	case SUREL_ROLE_INDEX:
		g_clear_pointer(&app->index_progress, g_free);
		return;
	case SUREL_ROLE_KEEP:
	case SUREL_ROLE_COUNT:
		return;
	}
}

const WorkerCallbacks app_worker_callbacks = { .frame = on_frame, .ended = on_ended };
