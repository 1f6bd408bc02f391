/* src/engine/imap-headers.c: headers of new messages, newest first, a transaction per set */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "src/engine/imap.h"

enum {
	FIRST_SET = 50,		/* the list is usable after one round trip */
	SET = 200,
	DEPTH = 3,
	HEADERS_MAX_BYTES = 1 << 20	/* of one message; the rest of a longer one is not kept */
};

typedef struct Headers {
	Imap *imap;
	Folder *folder;
	GArray *rows;		/* of NewMsg; headers are owned copies */
	uint32_t since;
	unsigned unseen;
	int64_t done, total;
} Headers;

static void
clear_rows(void *data)
{
	Headers *headers = data;

	for (guint i = 0; i < headers->rows->len; i++)
		g_free((char *)g_array_index(headers->rows, NewMsg, i).headers);
	g_array_set_size(headers->rows, 0);
}

static void
take_row(void *data, const ImapRow *row)
{
	Headers *headers = data;
	size_t length = MIN(row->length, HEADERS_MAX_BYTES);

	/* News of flags of another message in between has no header: it is the next pass's business. */
	if (!row->has_body || !row->has_flags) {
		headers->imap->changed = true;
		return;
	}
	NewMsg message = {.uid = row->uid, .flags = row->flags, .arrival = row->arrival, .size = row->size,
		.headers = g_memdup2(row->bytes, length ? length : 1), .headers_size = length};
	g_array_append_val(headers->rows, message);
}

static int
uid_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static bool
has_row(void *data, uint32_t uid)
{
	const Headers *headers = data;

	for (guint i = 0; i < headers->rows->len; i++)
		if (g_array_index(headers->rows, NewMsg, i).uid == uid)
			return true;
	return false;
}

/* Asked for in this set? A server that sends rows nobody asked for must not fill the store. */
static void
keep_asked(Headers *headers, const GArray *uids)
{
	guint kept = 0;

	for (guint i = 0; i < headers->rows->len; i++) {
		NewMsg row = g_array_index(headers->rows, NewMsg, i);
		if (bsearch(&row.uid, uids->data, uids->len, sizeof(uint32_t), uid_order))
			g_array_index(headers->rows, NewMsg, kept++) = row;
		else
			g_free((char *)row.headers);
	}
	g_array_set_size(headers->rows, kept);
}

static bool
store_set(void *data, const GArray *uids, GError **error)
{
	Headers *headers = data;
	Engine *engine = headers->imap->engine;

	keep_asked(headers, uids);
	bool ok = headers->rows->len == 0 ||
		  store_put_headers(engine->store, headers->folder->id, (const NewMsg *)(void *)headers->rows->data, headers->rows->len, error);
	for (guint i = 0; ok && i < headers->rows->len; i++) {
		const NewMsg *row = &g_array_index(headers->rows, NewMsg, i);
		headers->unseen += row->uid >= headers->since && !(row->flags & FLAG_SEEN);
	}
	clear_rows(headers);
	headers->done += uids->len;
	engine_progress(engine, headers->folder->name, headers->done, headers->total);
	engine_changed(engine, headers->folder->id);
	return ok;
}

/* The message shows with what little is known of it, so that a person can see that it exists. */
static bool
poison(void *data, uint32_t uid, const char *why, GError **error)
{
	Headers *headers = data;
	static const char NOTE[] = "Subject: (this message cannot be read from the server)\r\n\r\n";
	NewMsg message = {.uid = uid, .flags = FLAG_SEEN, .headers = NOTE, .headers_size = sizeof NOTE - 1};
	Store *store = headers->imap->engine->store;

	return store_put_headers(store, headers->folder->id, &message, 1, error) && store_quarantine(store, headers->folder->id, uid, why, error);
}

bool
imap_pull_headers(Imap *imap, Folder *folder, const GArray *uids, uint32_t since, unsigned *ret_unseen, GError **error)
{
	Headers headers = {.imap = imap, .folder = folder, .since = since, .total = uids->len};
	GQueue sets = G_QUEUE_INIT;

	headers.rows = g_array_new(FALSE, FALSE, sizeof(NewMsg));
	imap_cut_sets(uids, FIRST_SET, SET, &sets);
	bool ok = imap_bulk(imap, folder, &sets, &(ImapBulk){.items = "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER])", .depth = DEPTH,
		.row = take_row, .has = has_row, .done = store_set, .undone = clear_rows, .poison = poison, .data = &headers}, error);
	clear_rows(&headers);
	g_array_unref(headers.rows);
	*ret_unseen = headers.unseen;
	return ok;
}
