/* app/supervisor.c: starts, feeds and ends the workers of all accounts; timers */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/app/private.h"

#include <string.h>
#include <unistd.h>

enum {
	LOCKED_S = 30,		/* a lock that another computer holds ends without a sound */
	OUTBOX_LOOK_S = 60,
	OUTBOX_AFTER_MS = 20	/* due times are whole seconds: not just before one */
};

static gboolean end_stuck_render(void *data);


uint32_t
request_new(App *app, RequestKind kind, unsigned account, const void *owner)
{
	Request *request = g_new0(Request, 1);
	request->kind = kind;
	request->account = account;
	request->owner = owner;
	request->started = g_get_monotonic_time();
	uint32_t id = ++app->priv->last_request;
	g_hash_table_insert(app->priv->requests, GUINT_TO_POINTER(id), request);
	if ((kind == REQUEST_RENDER || kind == REQUEST_EXTRACT) && !app->priv->stuck)
		app->priv->stuck = g_timeout_add_seconds(RENDER_TIMEOUT_S, end_stuck_render, app);
	return id;
}

/* accounts/NAME/lock lies beside accounts/NAME/drafts. */
bool
supervisor_lock(App *app, AppAccount *account)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *dir = g_path_get_dirname(store_drafts_dir(account->store));
	g_autofree char *path = g_build_filename(dir, "lock", NULL);
	if (account->priv->lock_fd >= 0)
		return true;
	if (os_lock_file(path, &account->priv->lock_fd, &error)) {
		account->locked = false;
		return true;
	}
	account->priv->lock_fd = -1;
	if (!account->locked && g_error_matches(error, SUREL_ERROR, ERROR_LOCKED))
		app_notice(app, NOTICE_WARN, "Another surel syncs %s; this one reads and writes, and nothing is done twice.", account->account->name);
	else if (!account->locked)
		app_notice_error(app, g_steal_pointer(&error));
	account->locked = true;
	account->state = ENGINE_OFFLINE;
	return false;
}

static void
send_text(Worker *worker, FrameType type, const char *account)
{
	if (!worker)
		return;
	Frame frame = { .type = type };
	/* journal_ready, outbox_ready and mail_ready have the same single field. */
	frame.u.journal_ready.account = (char *)account;
	worker_send(worker, &frame);
}

void
supervisor_ring(App *app, unsigned account)
{
	AppAccount *holder = app_account(app, account);
	if (!holder || !app->priv->started)
		return;
	holder->generation = store_generation(holder->store);
	send_text(app->priv->keep, FRAME_JOURNAL_READY, holder->account->name);
	send_text(holder->sync, FRAME_JOURNAL_READY, holder->account->name);
}

static void
start_submit(AppAccount *account)
{
	if (!account->submit)
		account->submit = worker_start(SUREL_ROLE_SUBMIT, account->account->name, &app_worker_callbacks, &account->priv->tag);
	else if (!worker_running(account->submit))
		worker_restart_now(account->submit);
	else
		send_text(account->submit, FRAME_OUTBOX_READY, account->account->name);
}

static gboolean
outbox_due(void *data)
{
	const WorkerTag *tag = data;
	app_account(tag->app, tag->account)->priv->outbox_timer = 0;
	supervisor_outbox(tag->app, tag->account);
	return G_SOURCE_REMOVE;
}

/* Bounded, because the timer stands still while the computer sleeps and the due time does not. */
static void
outbox_wait(App *app, unsigned account, int64_t seconds)
{
	struct AccountPrivate *priv = app_account(app, account)->priv;
	g_clear_handle_id(&priv->outbox_timer, g_source_remove);
	priv->outbox_timer = g_timeout_add((guint)MIN(seconds, OUTBOX_LOOK_S) * 1000 + OUTBOX_AFTER_MS, outbox_due, &priv->tag);
}

void
supervisor_outbox(App *app, unsigned account)
{
	AppAccount *holder = app_account(app, account);
	if (!holder || holder->priv->lock_fd < 0 || !holder->account->outgoing.host || holder->priv->outgoing_wanted)
		return;
	int64_t now = g_get_real_time() / G_USEC_PER_SEC;
	int64_t next = 0;
	g_autoptr(GError) error = NULL;
	g_autoptr(Outbox) due = store_outbox_due(holder->store, now, &next, &error);
	if (due)
		start_submit(holder);
	else if (next)
		outbox_wait(app, account, MAX(next - now, 0));
}

/* For a worker that ended while something came in: it asks again, not at once. */
void
supervisor_outbox_later(App *app, unsigned account)
{
	outbox_wait(app, account, 1);
}

void
supervisor_journal(App *app, AppAccount *account)
{
	send_text(app->priv->keep, FRAME_JOURNAL_READY, account->account->name);
	if (account->priv->lock_fd >= 0 && store_pending(account->store) > 0)
		send_text(account->sync, FRAME_JOURNAL_READY, account->account->name);
}

/* A request whose worker fell silent (a message that makes the renderer spin) must end, too. */
static gboolean
end_stuck_render(void *data)
{
	App *app = data;
	GHashTableIter iter;
	void *value;
	bool stuck = false, waiting = false;
	g_hash_table_iter_init(&iter, app->priv->requests);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Request *request = value;
		bool render = request->kind == REQUEST_RENDER || request->kind == REQUEST_EXTRACT;
		waiting |= render;
		stuck |= render && g_get_monotonic_time() - request->started > RENDER_TIMEOUT_S * G_USEC_PER_SEC;
	}
	if (stuck) {
		worker_free(g_steal_pointer(&app->priv->render));
		reader_render_ended(app, true);
		jobs_render_ended(app, true);
		app->priv->render = worker_start(SUREL_ROLE_RENDER, NULL, &app_worker_callbacks, &app->priv->tag);
	}
	if (waiting && !stuck)
		return G_SOURCE_CONTINUE;
	app->priv->stuck = 0;
	return G_SOURCE_REMOVE;
}

static void
start_account(App *app, AppAccount *account)
{
	if (!supervisor_lock(app, account) || account->sync)
		return;
	account->state = ENGINE_CONNECTING;
	account->sync = worker_start(SUREL_ROLE_SYNC, account->account->name, &app_worker_callbacks, &account->priv->tag);
	supervisor_outbox(app, account->priv->tag.account);
}

static void
start_index(App *app)
{
	if (app->priv->index || !config_bool(app->config, OPTION_index_mail))
		return;
	for (guint i = 0; i < app->accounts->len; i++)
		if (app_account(app, i)->priv->lock_fd >= 0) {
			app->priv->index = worker_start(SUREL_ROLE_INDEX, NULL, &app_worker_callbacks, &app->priv->tag);
			return;
		}
}

static gboolean
try_locks(void *data)
{
	supervisor_take_over(data);
	return G_SOURCE_CONTINUE;
}

void
supervisor_take_over(App *app)
{
	bool locked = false;
	for (guint i = 0; i < app->accounts->len; i++) {
		AppAccount *account = app_account(app, i);
		bool was = account->locked;
		if (was)
			start_account(app, account);
		if (was && !account->locked)
			app_notice(app, NOTICE_INFO, "The other surel ended; this one syncs %s now.", account->account->name);
		locked |= account->locked;
	}
	start_index(app);
	if (locked && !app->priv->locked)
		app->priv->locked = g_timeout_add_seconds(LOCKED_S, try_locks, app);
	if (!locked)
		g_clear_handle_id(&app->priv->locked, g_source_remove);
}

bool
supervisor_start(App *app)
{
	struct AppPrivate *priv = app->priv;
	priv->started = true;
	priv->keep = worker_start(SUREL_ROLE_KEEP, NULL, &app_worker_callbacks, &priv->tag);
	for (guint i = 0; i < app->accounts->len; i++)
		start_account(app, app_account(app, i));
	supervisor_take_over(app);
	if (!priv->no_screen)
		priv->render = worker_start(SUREL_ROLE_RENDER, NULL, &app_worker_callbacks, &priv->tag);
	watch_start(app);
	return true;
}

/* Asked together, so that they end side by side. */
static void
quit_all(App *app)
{
	Worker *shared[] = { app->priv->keep, app->priv->index, app->priv->search, app->priv->render };
	for (unsigned i = 0; i < G_N_ELEMENTS(shared); i++)
		if (shared[i])
			worker_quit(shared[i]);
	for (guint i = 0; i < app->accounts->len; i++) {
		Worker *own[] = { app_account(app, i)->sync, app_account(app, i)->submit };
		for (unsigned j = 0; j < G_N_ELEMENTS(own); j++)
			if (own[j])
				worker_quit(own[j]);
	}
}

void
supervisor_stop(App *app)
{
	struct AppPrivate *priv = app->priv;
	guint *timers[] = { &priv->start, &priv->stuck, &priv->locked, &priv->mark_timer, &priv->flush_timer };
	for (unsigned i = 0; i < G_N_ELEMENTS(timers); i++)
		g_clear_handle_id(timers[i], g_source_remove);
	watch_stop(app);
	priv->started = false;
	quit_all(app);
	for (guint i = 0; i < app->accounts->len; i++) {
		AppAccount *account = app_account(app, i);
		g_clear_handle_id(&account->priv->outbox_timer, g_source_remove);
		worker_free(g_steal_pointer(&account->sync));
		worker_free(g_steal_pointer(&account->submit));
		if (account->priv->lock_fd >= 0)
			close(account->priv->lock_fd);
		account->priv->lock_fd = -1;
	}
	Worker **workers[] = { &priv->keep, &priv->index, &priv->search, &priv->render };
	for (unsigned i = 0; i < G_N_ELEMENTS(workers); i++)
		worker_free(g_steal_pointer(workers[i]));
}

bool
render_send(App *app, const Frame *frame)
{
	struct AppPrivate *priv = app->priv;
	if (!priv->render)
		priv->render = worker_start(SUREL_ROLE_RENDER, NULL, &app_worker_callbacks, &priv->tag);
	else if (!worker_running(priv->render))
		worker_restart_now(priv->render);
	return worker_send(priv->render, frame);
}

void
app_sync_now(App *app)
{
	for (guint i = 0; i < app->accounts->len; i++) {
		AppAccount *account = app_account(app, i);
		if (account->locked)
			app_notice(app, NOTICE_INFO, "Another surel syncs %s.", account->account->name);
		if (!account->sync)
			continue;
		if (account->state == ENGINE_AUTH_FAILED)
			account->priv->secret_wanted = true;
		else if (!worker_running(account->sync))
			worker_restart_now(account->sync);
		else
			worker_send(account->sync, &(Frame){ .type = FRAME_SYNC_NOW, .u.sync_now = { request_new(app, REQUEST_SYNC, i, NULL), (char *)"" } });
		supervisor_outbox(app, i);
	}
	secret_ask(app);
	app_mark_dirty(app, DIRTY_STATUS);
}
