/* app/search.c: search of all mail: what the envelopes know at once, what the index knows when it answers */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/app/private.h"

enum { SEARCH_MAX_MS = 30 };	/* the screen waits for it; the index answers for the rest */

static Mailbox *
mailbox_of(const App *app, uint32_t request)
{
	const Request *wanted = g_hash_table_lookup(app->priv->requests, GUINT_TO_POINTER(request));
	for (guint i = 0; wanted && i < app->places->len; i++) {
		const Place *place = g_ptr_array_index(app->places, i);
		if (place->mailbox && place->mailbox == wanted->owner)
			return place->mailbox;
	}
	return NULL;
}

static GPtrArray *
resolve(App *app, const char *query, GPtrArray *ids, GError **error)
{
	size_t n = 0;
	g_autofree Store **stores = app_stores(app, &n);
	g_autoptr(GPtrArray) none = g_ptr_array_new();
	return search_resolve_within(stores, n, query, ids ? ids : none, SEARCH_LIMIT, SEARCH_MAX_MS, error);
}

static bool
ask_worker(App *app, Mailbox *mailbox, const char *query)
{
	struct AppPrivate *priv = app->priv;
	if (!priv->search)
		priv->search = worker_start(SUREL_ROLE_SEARCH, NULL, &app_worker_callbacks, &priv->tag);
	else if (!worker_running(priv->search))
		worker_restart_now(priv->search);
	Frame frame = { .type = FRAME_SEARCH };
	frame.u.search.request = request_new(app, REQUEST_SEARCH, NO_ACCOUNT, mailbox);
	frame.u.search.limit = SEARCH_LIMIT;
	frame.u.search.query = (char *)query;
	if (worker_send(priv->search, &frame))
		return true;
	g_hash_table_remove(priv->requests, GUINT_TO_POINTER(frame.u.search.request));
	return false;
}

void
app_search(App *app, const char *query)
{
	Mailbox *mailbox = mailbox_new_search(app, query);
	Place *place = app_place(app);
	while (app->places->len > 1 && !(place->kind == PLACE_LIST && place->mailbox && mailbox_query(place->mailbox))) {
		app_pop_place(app);
		place = app_place(app);
	}
	if (app->places->len > 1)
		app_pop_place(app);	/* the search before this one */
	place = place_new(PLACE_LIST);
	place->mailbox = mailbox;
	app_push_place(app, place);
	GPtrArray *hits = resolve(app, query, NULL, NULL);
	mailbox_add_hits(mailbox, hits, false);
	if (!ask_worker(app, mailbox, query)) {
		mailbox_add_hits(mailbox, NULL, true);
		app_notice(app, NOTICE_WARN, "The index cannot be asked now; these are the hits in senders and subjects.");
	}
	side_read(app);
}

void
search_hits(App *app, uint32_t request, const char *message_ids)
{
	Mailbox *mailbox = mailbox_of(app, request);
	if (!mailbox)
		return;
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	g_auto(GStrv) lines = g_strsplit(message_ids, "\n", -1);
	for (char **line = lines; *line; line++)
		if (**line)
			g_ptr_array_add(ids, g_strdup(*line));
	GError *error = NULL;
	GPtrArray *hits = resolve(app, mailbox_query(mailbox), ids, &error);
	if (error)
		app_notice_error(app, error);
	mailbox_add_hits(mailbox, hits, false);
	app_mark_dirty(app, DIRTY_LIST | DIRTY_STATUS);
}

/* request 0: the worker ended, and with it every search. */
void
search_ended(App *app, uint32_t request, const char *error)
{
	GHashTableIter iter;
	void *key, *value;
	g_hash_table_iter_init(&iter, app->priv->requests);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		const Request *at = value;
		if (at->kind != REQUEST_SEARCH || (request && GPOINTER_TO_UINT(key) != request))
			continue;
		Mailbox *mailbox = mailbox_of(app, GPOINTER_TO_UINT(key));
		if (mailbox)
			mailbox_add_hits(mailbox, NULL, true);
		if (mailbox && error)
			app_notice(app, NOTICE_WARN, "Search: %s. Hits in senders and subjects are shown.", error);
		if (!request)
			g_hash_table_iter_remove(&iter);
	}
	app_mark_dirty(app, DIRTY_LIST | DIRTY_STATUS);
}
