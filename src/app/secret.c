/* app/secret.c: asking for a password after a refused login, and keeping it where the person wants it */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/app/private.h"

#include <string.h>

static void
secret_send(AppAccount *account, Worker *worker)
{
	if (!worker)
		return;
	if (!worker_running(worker))
		worker_restart_now(worker);
	const struct AccountPrivate *priv = account->priv;
	Frame frame = { .type = FRAME_SECRET };
	frame.u.secret.incoming = priv->secret ? priv->secret : (char *)"";
	frame.u.secret.outgoing = priv->outgoing_secret ? priv->outgoing_secret : (char *)"";
	worker_send(worker, &frame);
}

/* A worker that starts again knows only what the configuration says. */
void
secret_repeat(App *app, unsigned number, Worker *worker)
{
	AppAccount *account = app_account(app, number);
	if (!account || (!account->priv->secret && !account->priv->outgoing_secret))
		return;
	if (worker == account->sync || worker == account->submit)
		secret_send(account, worker);
}

static void
secret_typed(App *app, const char *text, void *data)
{
	AppAccount *account = app_account(app, GPOINTER_TO_UINT(data));
	struct AccountPrivate *priv = account->priv;
	bool outgoing = priv->outgoing_wanted && !priv->secret_wanted;
	priv->asking = priv->secret_wanted = priv->outgoing_wanted = false;
	if (!text || !*text) {
		app_notice(app, NOTICE_WARN, "%s stays offline; mail that is here can be read. $ asks again.", account->account->name);
		return;
	}
	char **secret = outgoing ? &priv->outgoing_secret : &priv->secret;
	os_free_secret(*secret);
	*secret = g_strdup(text);
	priv->secret_unsaved = true;
	g_free(account->state_text);
	account->state_text = NULL;
	account->state = ENGINE_CONNECTING;
	secret_send(account, outgoing ? account->submit : account->sync);
	if (!outgoing)
		supervisor_outbox(app, priv->tag.account);
	app_mark_dirty(app, DIRTY_STATUS | DIRTY_FOLDERS);
}

/* One question at a time; the next account follows when it is answered. */
void
secret_ask(App *app)
{
	for (guint i = 0; i < app->accounts->len && !app->prompt && !app->priv->no_screen; i++) {
		AppAccount *account = app_account(app, i);
		const Worker *worker = account->priv->secret_wanted ? account->sync : account->submit;
		if (account->priv->asking || !(account->priv->secret_wanted || account->priv->outgoing_wanted))
			continue;
		if (worker && worker_running(worker))
			continue;	/* it is about to end; what is sent to it now would be lost */
		account->priv->asking = true;
		g_autofree char *label = g_strdup_printf(account->priv->secret_wanted ? "%s: login refused. Password: " : "%s: login to send refused. Password: ",
							 account->account->name);
		app_ask(app, prompt_new(PROMPT_PASSWORD, label, NULL, secret_typed, GUINT_TO_POINTER(i), NULL));
	}
}

/* Replaces the account's line, leaves the others as they are. */
bool
secret_save(const char *path, const char *key, const char *secret, GError **error)
{
	g_autofree char *old = NULL;
	size_t size = 0;
	if (g_file_test(path, G_FILE_TEST_EXISTS) && !os_read_file(path, 1 << 20, &old, &size, error))
		return false;
	g_autoptr(GString) text = g_string_new(NULL);
	g_auto(GStrv) lines = g_strsplit(old ? old : "", "\n", -1);
	for (char **line = lines; *line; line++) {
		g_auto(GStrv) pair = g_strsplit(*line, "=", 2);
		if (pair[0] && pair[1] && g_str_equal(g_strstrip(pair[0]), key))
			continue;
		if (**line || line[1])
			g_string_append_printf(text, "%s\n", *line);
	}
	g_string_append_printf(text, "%s = %s\n", key, secret);
	bool done = os_replace_file(path, text->str, text->len, 0600, error);
	explicit_bzero(text->str, text->len);
	if (old)
		explicit_bzero(old, size);
	return done;
}

static void
secret_keep(App *app, void *data)
{
	AppAccount *account = app_account(app, GPOINTER_TO_UINT(data));
	g_autofree char *path = config_secrets_path();
	GError *error = NULL;
	bool kept = !account->priv->secret || secret_save(path, account->account->name, account->priv->secret, &error);
	if (kept && account->priv->outgoing_secret) {
		g_autofree char *key = g_strconcat(account->account->name, "/smtp", NULL);
		kept = secret_save(path, key, account->priv->outgoing_secret, &error);
	}
	if (!kept)
		app_notice_error(app, error);
	else
		app_notice(app, NOTICE_GOOD, "The password is kept in %s, which only you can read.", path);
}

/* The login worked: a typed password may be kept. */
void
secret_proven(App *app, unsigned number)
{
	AppAccount *account = app_account(app, number);
	if (!account || !account->priv->secret_unsaved || app->prompt || account->account->password_command)
		return;
	account->priv->secret_unsaved = false;
	g_autofree char *question = g_strdup_printf("Keep the password of %s in the secrets file? (y/n) ", account->account->name);
	app_confirm(app, question, secret_keep, GUINT_TO_POINTER(number), NULL);
}
