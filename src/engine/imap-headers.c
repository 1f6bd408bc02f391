/* src/engine/imap-headers.c: headers of new messages, newest first, a transaction per set */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "src/engine/imap.h"

enum {
	FIRST_SET = 50,		/* the list is usable after one round trip */
	SET = 200,
	DEPTH = 3,
	ROWS_MAX = 2 * SET * DEPTH,	/* more rows than were asked for are a liar's */
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
drop_front(Headers *headers, guint n)
{
	for (guint i = 0; i < n; i++)
		g_free((char *)g_array_index(headers->rows, NewMsg, i).headers);
	if (n > 0)
		g_array_remove_range(headers->rows, 0, n);
}

static void
clear_rows(void *data)
{
	Headers *headers = data;

	drop_front(headers, headers->rows->len);
}

static void
take_row(void *data, const ImapRow *row)
{
	Headers *headers = data;
	size_t length = MIN(row->length, HEADERS_MAX_BYTES);

	/* News of flags of another message in between has no header: it is the next pass's business. */
	if (!row->has_body || !row->has_flags || headers->rows->len >= ROWS_MAX) {
		headers->imap->changed = true;
		return;
	}
	NewMsg message = {.uid = row->uid, .flags = row->flags, .arrival = row->arrival, .size = row->size,
		.headers = g_memdup2(row->bytes, length ? length : 1), .headers_size = length};
	g_array_append_val(headers->rows, message);
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

static int
uid_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

/* Rows of this set to the front, those of sets still under way behind: a server may answer several commands before it ends the
 * first (Dovecot does). Returns how many are of this set. */
static guint
sort_out(Headers *headers, const GArray *uids)
{
	guint front = 0;

	for (guint i = 0; i < headers->rows->len; i++) {
		NewMsg row = g_array_index(headers->rows, NewMsg, i);
		if (!bsearch(&row.uid, uids->data, uids->len, sizeof(uint32_t), uid_order))
			continue;
		g_array_index(headers->rows, NewMsg, i) = g_array_index(headers->rows, NewMsg, front);
		g_array_index(headers->rows, NewMsg, front++) = row;
	}
	return front;
}

static bool
store_set(void *data, const GArray *uids, GError **error)
{
	Headers *headers = data;
	Engine *engine = headers->imap->engine;
	guint n = sort_out(headers, uids);

	bool ok = n == 0 || store_put_headers(engine->store, headers->folder->id, (const NewMsg *)(void *)headers->rows->data, n, error);
	for (guint i = 0; ok && i < n; i++) {
		const NewMsg *row = &g_array_index(headers->rows, NewMsg, i);
		headers->unseen += row->uid >= headers->since && !(row->flags & FLAG_SEEN);
	}
	drop_front(headers, n);
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
