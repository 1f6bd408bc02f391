/* app/cli-sync.c: `surel sync`: the same workers as under the screen, one full pass per account, then the end */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/app/cli.h"

#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

enum { BAR_COLUMNS = 24, TICK_MS = 20, INDEX_SILENCE_S = 10, INDEX_ASKS = 2 };

typedef struct SyncRun {
	App *app;
	GMainLoop *loop;
	uint32_t *requests;		/* of each account */
	unsigned *new_mail, *sent;
	bool bar, interrupted;
	int64_t index_seen;		/* monotonic; last word of the index worker */
	unsigned index_asks;		/* the answer to the first may be of a pass that began before the mail was there */
	bool index_over;
} SyncRun;

static void
clear_bar(const SyncRun *run)
{
	if (run->bar)
		fputs("\r\033[K", stdout);
}

static void G_GNUC_PRINTF(3, 4)
say(const SyncRun *run, const AppAccount *account, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *raw = g_strdup_vprintf(format, args), *text = text_clean(raw, -1, false);
	va_end(args);
	clear_bar(run);
	printf("%s: %s\n", account->account->name, text);
	fflush(stdout);
}

static void
draw_bar(const SyncRun *run)
{
	for (guint i = 0; run->bar && i < run->app->accounts->len; i++) {
		const AppAccount *account = app_account(run->app, i);
		if (!account->progress_what || account->progress_total <= 0)
			continue;
		int64_t filled = CLAMP(account->progress_done * BAR_COLUMNS / account->progress_total, 0, BAR_COLUMNS);
		printf("\r\033[K%s [%.*s%.*s] %s %" G_GINT64_FORMAT "/%" G_GINT64_FORMAT, account->account->name, (int)filled, "########################",
		       (int)(BAR_COLUMNS - filled), "........................", account->progress_what, account->progress_done, account->progress_total);
		fflush(stdout);
		return;
	}
}

static void
account_over(SyncRun *run, unsigned number, int status, const char *why)
{
	AppAccount *account = app_account(run->app, number);
	if (account->priv->sync_status >= 0)
		return;
	account->priv->sync_status = status;
	account->priv->sync_error = g_strdup(why);
	if (why)
		say(run, account, "%s", why);
}

static void
on_frame(App *app, unsigned number, Worker *worker, const Frame *frame, void *data)
{
	SyncRun *run = data;
	AppAccount *account = app_account(app, number);
	if (worker == app->priv->index && frame->type == FRAME_PROGRESS) {
		run->index_seen = g_get_monotonic_time();
		run->index_over = frame->u.progress.done >= frame->u.progress.total;
	}
	if (!account)
		return;
	if (frame->type == FRAME_NEW_MAIL)
		run->new_mail[number] += frame->u.new_mail.count;
	if (frame->type == FRAME_OUTBOX && frame->u.outbox.state == OUTBOX_FILED)
		run->sent[number]++;
	if (frame->type == FRAME_OUTBOX && (frame->u.outbox.state == OUTBOX_FAILED || frame->u.outbox.state == OUTBOX_UNKNOWN))
		say(run, account, "not sent: %s", frame->u.outbox.text);
	if (worker != account->sync)
		return;
	if (frame->type == FRAME_STATE && frame->u.state.state == ENGINE_AUTH_FAILED)
		account_over(run, number, STATUS_AUTH, frame->u.state.text);
	else if (frame->type == FRAME_STATE && frame->u.state.state == ENGINE_OFFLINE)
		account_over(run, number, STATUS_UNAVAILABLE, *frame->u.state.text ? frame->u.state.text : "offline");
	else if (frame->type == FRAME_DONE && frame->u.done.request == run->requests[number])
		account_over(run, number, STATUS_OK, NULL);
	else if (frame->type == FRAME_FAILED && frame->u.failed.request == run->requests[number]) {
		g_autoptr(GError) error = g_error_new(SUREL_ERROR, (int)frame->u.failed.code, "%s", frame->u.failed.text);
		g_autofree char *text = error_sentence(error);
		account_over(run, number, status_of_error(error), text);
	}
}

static void
on_end(App *app, unsigned number, Worker *worker, int status, bool crashed, void *data)
{
	SyncRun *run = data;
	const AppAccount *account = app_account(app, number);
	if (!account || worker != account->sync)
		return;
	if (crashed)
		account_over(run, number, STATUS_INTERNAL, "the sync stopped unexpectedly; mail that is here is safe. Run it again.");
	else
		account_over(run, number, status == WORKER_EXIT_STOP ? STATUS_AUTH : STATUS_UNAVAILABLE, "the connection ended; nothing is lost. Run it again.");
}

/* Sync passes over, outbox empty or waiting, index quiet. */
static bool
finished(SyncRun *run)
{
	int64_t now = g_get_monotonic_time();
	bool locked_all = true;
	for (guint i = 0; i < run->app->accounts->len; i++) {
		const AppAccount *account = app_account(run->app, i);
		if (account->priv->sync_status < 0 || (account->submit && worker_running(account->submit)))
			return false;
		locked_all &= account->locked;
	}
	if (locked_all || !run->app->priv->index || !worker_running(run->app->priv->index))
		return true;
	if (run->index_asks && !run->index_over)
		return now - run->index_seen > INDEX_SILENCE_S * G_USEC_PER_SEC;
	if (run->index_asks == INDEX_ASKS)
		return true;
	run->index_asks++;
	run->index_over = false;
	run->index_seen = now;
	worker_send(run->app->priv->index, &(Frame){ .type = FRAME_MAIL_READY, .u.mail_ready = { (char *)"" } });
	return false;
}

static gboolean
tick(void *data)
{
	SyncRun *run = data;
	draw_bar(run);
	if (run->interrupted || finished(run))
		g_main_loop_quit(run->loop);
	return G_SOURCE_CONTINUE;
}

static gboolean
on_signal(void *data)
{
	SyncRun *run = data;
	run->interrupted = true;
	return G_SOURCE_CONTINUE;
}

static void
ask_all(SyncRun *run)
{
	for (guint i = 0; i < run->app->accounts->len; i++) {
		AppAccount *account = app_account(run->app, i);
		if (!account->sync) {
			account_over(run, i, STATUS_RETRY, "another surel syncs this account; nothing was done");
			continue;
		}
		run->requests[i] = request_new(run->app, REQUEST_SYNC, i, NULL);
		Frame frame = { .type = FRAME_SYNC_NOW };
		frame.u.sync_now.request = run->requests[i];
		frame.u.sync_now.folder = (char *)"";
		worker_send(account->sync, &frame);
		if (!run->bar)
			say(run, account, "syncing");
	}
}

/* Of one failing account its own status; of several different ones: try again later. */
static int
summary(const SyncRun *run)
{
	int status = STATUS_OK;
	clear_bar(run);
	for (guint i = 0; i < run->app->accounts->len; i++) {
		const AppAccount *account = app_account(run->app, i);
		int one = account->priv->sync_status;
		int64_t pending = store_pending(account->store);
		if (one == STATUS_OK) {
			g_autofree char *sent = run->sent[i] ? g_strdup_printf(", %u sent", run->sent[i]) : g_strdup("");
			g_autofree char *waiting = pending ? g_strdup_printf(", %" G_GINT64_FORMAT " changes still to push", pending) : g_strdup("");
			printf("%s: up to date, %u new%s%s\n", account->account->name, run->new_mail[i], sent, waiting);
		} else if (run->interrupted && one < 0) {
			printf("%s: interrupted; nothing is lost, the next sync goes on\n", account->account->name);
			one = STATUS_RETRY;
		}
		if (one > 0)
			status = status == STATUS_OK || status == one ? one : STATUS_RETRY;
	}
	return status;
}

static bool
keep_named(Config *config, const CliArgs *args, int *ret_status)
{
	for (int i = 0; i < args->argc; i++)
		if (!config_account(config, args->argv[i])) {
			g_printerr("surel: there is no account \"%s\" in %s.\n", args->argv[i], config->path);
			*ret_status = STATUS_NO_INPUT;
			return false;
		}
	for (guint i = config->accounts->len; args->argc && i-- > 0;) {
		const Account *account = g_ptr_array_index(config->accounts, i);
		if (!g_strv_contains((const char *const *)args->argv, account->name))
			g_ptr_array_remove_index(config->accounts, i);
	}
	return true;
}

int
cli_sync(const CliArgs *args)
{
	int status = STATUS_OK;
	GError *error = NULL;
	Config *config = cli_load_config(&status);
	if (!config)
		return status;
	if (!keep_named(config, args, &status)) {
		config_free(config);
		return status;
	}
	App *app = app_new(config, &error);
	if (!app)
		return cli_fail(error);
	SyncRun run = { .app = app, .loop = g_main_loop_new(NULL, FALSE), .bar = isatty(STDOUT_FILENO) };
	run.requests = g_new0(uint32_t, app->accounts->len);
	run.new_mail = g_new0(unsigned, app->accounts->len);
	run.sent = g_new0(unsigned, app->accounts->len);
	app->priv->no_screen = true;
	app->priv->on_frame = on_frame;
	app->priv->on_end = on_end;
	app->priv->listener = &run;
	g_unix_signal_add(SIGINT, on_signal, &run);
	g_unix_signal_add(SIGTERM, on_signal, &run);
	supervisor_start(app);
	ask_all(&run);
	guint timer = g_timeout_add(TICK_MS, tick, &run);
	g_main_loop_run(run.loop);
	g_source_remove(timer);
	status = summary(&run);
	app->priv->on_frame = NULL;
	app->priv->on_end = NULL;
	app_free(app);
	g_main_loop_unref(run.loop);
	g_free(run.requests);
	g_free(run.new_mail);
	g_free(run.sent);
	return status;
}
