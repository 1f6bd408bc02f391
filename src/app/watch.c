/* app/watch.c: what others do in an account's directory: its workers, another surel, other programs; without polling */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/app/private.h"

#include <glib-unix.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
	SOON_MS = 20,		/* several writes of one transaction are one look */
	APART_MS = 250,		/* and no more looks than four a second */
	BLIND_S = 2,		/* without inotify (no watches left, a network file system): how often to look */
	TOUCHED_CACHE = 1, TOUCHED_OPS = 2, TOUCHED_LOCK = 4
};

static void
look(App *app, AppAccount *account)
{
	unsigned touched = account->priv->touched;
	account->priv->touched = 0;
	int64_t generation = store_generation(account->store);
	if (touched & TOUCHED_LOCK && account->locked)
		supervisor_take_over(app);
	if (generation == account->generation)
		return;
	account->generation = generation;
	app->priv->refresh_wanted = true;
	if (!(touched & TOUCHED_OPS))
		return;
	supervisor_journal(app, account);
	supervisor_outbox(app, account->priv->tag.account);
}

static gboolean
look_now(void *data)
{
	App *app = data;
	app->priv->watch_timer = 0;
	app->priv->watch_looked = g_get_monotonic_time();
	for (guint i = 0; i < app->accounts->len; i++)
		if (app_account(app, i)->priv->touched)
			look(app, app_account(app, i));
	if (app->priv->refresh_wanted)
		app_refresh(app);
	return G_SOURCE_REMOVE;
}

static void
look_soon(App *app)
{
	int64_t since_ms = (g_get_monotonic_time() - app->priv->watch_looked) / 1000;
	if (!app->priv->watch_timer)
		app->priv->watch_timer = g_timeout_add((guint)MAX(SOON_MS, APART_MS - since_ms), look_now, app);
}

static gboolean
look_blindly(void *data)
{
	App *app = data;
	for (guint i = 0; i < app->accounts->len; i++)
		app_account(app, i)->priv->touched = TOUCHED_CACHE | TOUCHED_OPS | TOUCHED_LOCK;
	look_soon(app);
	return G_SOURCE_CONTINUE;
}

/* The lock is let go when its holder's descriptor closes, also by kill -9. Who only tries it does not open it for writing. */
static unsigned
touched_by(const struct inotify_event *event)
{
	const char *name = event->len ? event->name : "";
	if (event->mask & IN_Q_OVERFLOW)
		return TOUCHED_CACHE | TOUCHED_OPS | TOUCHED_LOCK;
	if (event->mask & IN_MODIFY && (g_str_equal(name, "cache.db-wal") || g_str_equal(name, "cache.db")))
		return TOUCHED_CACHE;
	if (event->mask & IN_MODIFY && (g_str_equal(name, "ops.db-wal") || g_str_equal(name, "ops.db")))
		return TOUCHED_OPS;
	return event->mask & (IN_CLOSE_WRITE | IN_DELETE) && g_str_equal(name, "lock") ? TOUCHED_LOCK : 0;
}

static gboolean
on_event(int fd, GIOCondition condition, void *data)
{
	App *app = data;
	_Alignas(struct inotify_event) char bytes[8192];
	bool any = false;
	ssize_t n;
	(void)condition;
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		for (const char *at = bytes; at < bytes + n;) {
			const struct inotify_event *event = (const struct inotify_event *)(const void *)at;
			unsigned touched = touched_by(event);
			at += sizeof(*event) + event->len;
			any |= touched != 0;
			for (guint i = 0; touched && i < app->accounts->len; i++)
				if (event->wd == app_account(app, i)->priv->watch || event->wd < 0)
					app_account(app, i)->priv->touched |= touched;
		}
	if (any)
		look_soon(app);
	return G_SOURCE_CONTINUE;
}

void
watch_start(App *app)
{
	struct AppPrivate *priv = app->priv;
	bool blind = false;
	priv->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	for (guint i = 0; i < app->accounts->len; i++) {
		AppAccount *account = app_account(app, i);
		g_autofree char *dir = g_path_get_dirname(store_drafts_dir(account->store));
		account->priv->watch = priv->watch_fd >= 0 ? inotify_add_watch(priv->watch_fd, dir, IN_MODIFY | IN_CLOSE_WRITE | IN_DELETE | IN_ONLYDIR) : -1;
		blind |= account->priv->watch < 0;
		account->priv->touched = TOUCHED_CACHE | TOUCHED_OPS;	/* between opening the store and now */
	}
	if (priv->watch_fd >= 0)
		priv->watch_source = g_unix_fd_add(priv->watch_fd, G_IO_IN, on_event, app);
	if (blind)
		priv->watch_blind = g_timeout_add_seconds(BLIND_S, look_blindly, app);
	look_soon(app);
}

void
watch_stop(App *app)
{
	struct AppPrivate *priv = app->priv;
	guint *sources[] = { &priv->watch_source, &priv->watch_timer, &priv->watch_blind };
	bool was_open = priv->watch_source != 0;
	for (unsigned i = 0; i < G_N_ELEMENTS(sources); i++)
		g_clear_handle_id(sources[i], g_source_remove);
	if (was_open)
		close(priv->watch_fd);
	priv->watch_fd = -1;
}
