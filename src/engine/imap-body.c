/* src/engine/imap-body.c: whole messages: in bulk newest first, large ones streamed, and the one a person waits for */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/engine/imap.h"

enum {
	SMALL_BYTES = 64 << 10, SMALL_SET = 50,	/* at most 3.2 MB a command */
	MIDDLE_BYTES = 1 << 20, MIDDLE_SET = 6,
	DEPTH = 3,
	ROWS_MAX = 2 * SMALL_SET * DEPTH,	/* more rows than were asked for are a liar's */
	WANTED_AT_ONCE = 2000,	/* rows asked of the store at a time, so that new mail gets in front */
	COMMIT_EVERY = 50	/* messages made durable together */
};

typedef struct Body { uint32_t uid, flags; int64_t arrival; char *bytes; size_t length; } Body;

typedef struct Bodies {
	Imap *imap;
	const Folder *folder;
	Delivery *delivery;
	GArray *rows;		/* of Body, with the bytes owned: small ones of the set under way */
	uint32_t streaming;	/* UID of the large one under way; 0: none */
	int fd;			/* its file; -1: no byte yet */
	GError *failure;	/* of a callback that cannot return one */
	GHashTable *tried;	/* UIDs asked for in this pass */
	unsigned uncommitted, stored;
	int64_t done, total;
	const char *label;
} Bodies;

static void
drop_front(Bodies *bodies, guint n)
{
	for (guint i = 0; i < n; i++)
		g_free(g_array_index(bodies->rows, Body, i).bytes);
	if (n > 0)
		g_array_remove_range(bodies->rows, 0, n);
}

static void
void_rows(void *data)
{
	Bodies *bodies = data;

	drop_front(bodies, bodies->rows->len);
	if (bodies->fd >= 0)
		delivery_abort(bodies->delivery);
	bodies->fd = -1;
}

static bool
write_all(int fd, const char *bytes, size_t length, GError **error)
{
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_set_errno(error, n < 0 ? errno : ENOSPC, "writing a message");
		bytes += n;
		length -= (size_t)n;
	}
	return true;
}

static void
take_row(void *data, const ImapRow *row)
{
	Bodies *bodies = data;

	bool ours = bodies->streaming ? bodies->fd >= 0 && row->uid == bodies->streaming : row->has_body;
	if (!ours || bodies->rows->len >= ROWS_MAX) {
		bodies->imap->changed = true;
		return;
	}
	Body body = {row->uid, row->flags, row->arrival, NULL, row->length};
	if (!bodies->streaming)
		body.bytes = g_memdup2(row->bytes, row->length ? row->length : 1);
	g_array_append_val(bodies->rows, body);
}

/* A large one is asked for alone, so its UID is known before its row is. */
static bool
take_piece(void *data, const char *bytes, size_t length)
{
	Bodies *bodies = data;

	if (bodies->failure)
		return false;
	if (bodies->fd < 0 && !delivery_open(bodies->delivery, bodies->streaming, NULL, 0, 0, &bodies->fd, &bodies->failure))
		return false;
	return write_all(bodies->fd, bytes, length, &bodies->failure);
}

static void
begin_large(void *data, const GArray *uids)
{
	Bodies *bodies = data;

	bodies->streaming = g_array_index(uids, uint32_t, 0);
}

static bool
has_body(void *data, uint32_t uid)
{
	const Bodies *bodies = data;

	for (guint i = 0; i < bodies->rows->len; i++)
		if (g_array_index(bodies->rows, Body, i).uid == uid)
			return true;
	return false;
}

static bool
commit(Bodies *bodies, GError **error)
{
	unsigned stored = 0;

	if (bodies->uncommitted == 0)
		return true;
	bodies->uncommitted = 0;
	if (!delivery_commit(bodies->delivery, &stored, error))
		return false;
	engine_changed(bodies->imap->engine, bodies->folder->id);
	return true;
}

static bool
deliver_small(Bodies *bodies, const Body *body, GError **error)
{
	int fd;

	if (!delivery_open(bodies->delivery, body->uid, NULL, body->flags, body->arrival, &fd, error))
		return false;
	if (!write_all(fd, body->bytes, body->length, error)) {
		delivery_abort(bodies->delivery);
		return false;
	}
	return delivery_finish(bodies->delivery, error);
}

static int
uid_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

/* Rows of this set to the front; those of sets still under way stay (a server may answer several before it ends the first). */
static guint
sort_out(Bodies *bodies, const GArray *uids)
{
	guint front = 0;

	for (guint i = 0; i < bodies->rows->len; i++) {
		Body body = g_array_index(bodies->rows, Body, i);
		if (!bsearch(&body.uid, uids->data, uids->len, sizeof(uint32_t), uid_order))
			continue;
		g_array_index(bodies->rows, Body, i) = g_array_index(bodies->rows, Body, front);
		g_array_index(bodies->rows, Body, front++) = body;
	}
	return front;
}

static bool
store_set(void *data, const GArray *uids, GError **error)
{
	Bodies *bodies = data;
	guint n = sort_out(bodies, uids);
	bool ok = true;

	for (guint i = 0; ok && i < n; i++) {
		const Body *body = &g_array_index(bodies->rows, Body, i);
		ok = bodies->streaming ? delivery_finish(bodies->delivery, error) : deliver_small(bodies, body, error);
		if (bodies->streaming)
			bodies->fd = -1;
		bodies->uncommitted++;
		bodies->stored++;
	}
	drop_front(bodies, n);
	bodies->done += uids->len;
	if (bodies->label)
		engine_progress(bodies->imap->engine, bodies->label, bodies->done, MAX(bodies->done, bodies->total));
	return ok && (bodies->uncommitted < COMMIT_EVERY || commit(bodies, error));
}

static bool
poison(void *data, uint32_t uid, const char *why, GError **error)
{
	Bodies *bodies = data;

	if (bodies->failure) {	/* it was our disk, not the message */
		g_propagate_error(error, g_steal_pointer(&bodies->failure));
		return false;
	}
	log_warn(LOG_IMAP, "a message is put aside: %s", why);
	return store_quarantine(bodies->imap->engine->store, bodies->folder->id, uid, why, error);
}

static bool
fetch_sets(Bodies *bodies, GQueue *sets, bool large, GError **error)
{
	ImapBulk bulk = {.items = "(UID FLAGS INTERNALDATE BODY.PEEK[])", .depth = large ? 1 : DEPTH, .row = take_row, .has = has_body,
		.done = store_set, .undone = void_rows, .poison = poison, .data = bodies};

	if (large) {
		bulk.piece = take_piece;
		bulk.begin = begin_large;
	}
	bodies->streaming = 0;
	bool ok = imap_bulk(bodies->imap, bodies->folder, sets, &bulk, error);
	if (!ok && bodies->failure && error) {
		g_clear_error(error);
		g_propagate_error(error, g_steal_pointer(&bodies->failure));
	}
	bodies->streaming = 0;
	return ok;
}

/* UIDs nobody asked for yet in this pass, sorted. */
static GArray *
wanted(Bodies *bodies, int64_t not_before, int64_t max_bytes, GError **error)
{
	unsigned limit = WANTED_AT_ONCE + g_hash_table_size(bodies->tried);
	g_autoptr(GArray) all = store_bodies_wanted(bodies->imap->engine->store, bodies->folder->id, not_before, max_bytes, limit, error);

	if (!all)
		return NULL;
	GArray *uids = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	for (guint i = 0; i < all->len; i++) {
		uint32_t uid = g_array_index(all, uint32_t, i);
		if (g_hash_table_add(bodies->tried, GUINT_TO_POINTER(uid)))
			g_array_append_val(uids, uid);
	}
	g_array_sort(uids, uid_order);
	return uids;
}

static bool
pull_band(Bodies *bodies, int64_t not_before, int64_t max_bytes, unsigned set, GError **error)
{
	for (;;) {
		GQueue sets = G_QUEUE_INIT;
		g_autoptr(GArray) uids = wanted(bodies, not_before, max_bytes, error);
		if (!uids)
			return false;
		if (uids->len == 0)
			return true;
		bodies->total += uids->len;
		imap_cut_sets(uids, set, set, &sets);
		if (!fetch_sets(bodies, &sets, set == 1, error) || !commit(bodies, error))
			return false;
	}
}

static void
bodies_clear(Bodies *bodies)
{
	if (bodies->rows)
		void_rows(bodies);
	g_clear_pointer(&bodies->rows, g_array_unref);
	g_clear_pointer(&bodies->delivery, delivery_free);
	g_clear_pointer(&bodies->tried, g_hash_table_unref);
	g_clear_error(&bodies->failure);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Bodies, bodies_clear)

static bool
bodies_init(Bodies *bodies, Imap *imap, const Folder *folder, GError **error)
{
	bodies->imap = imap;
	bodies->folder = folder;
	bodies->fd = -1;
	bodies->rows = g_array_new(FALSE, FALSE, sizeof(Body));
	bodies->tried = g_hash_table_new(NULL, NULL);
	bodies->delivery = delivery_begin(imap->engine->store, folder->id, error);
	return bodies->delivery != NULL;
}

bool
imap_pull_bodies(Imap *imap, Folder *folder, GError **error)
{
	const Account *account = imap->engine->account;
	int64_t not_before = account->keep == KEEP_DAYS ? g_get_real_time() / G_USEC_PER_SEC - (int64_t)account->keep_days * 86400 : 0;
	g_auto(Bodies) bodies = {0};

	if (account->keep == KEEP_HEADERS || folder->uidvalidity == 0)
		return true;
	g_autoptr(GArray) any = store_bodies_wanted(imap->engine->store, folder->id, not_before, INT64_MAX, 1, error);
	if (!any || any->len == 0)
		return any != NULL;
	if (!bodies_init(&bodies, imap, folder, error))
		return false;
	bodies.label = folder->name;
	bool ok = pull_band(&bodies, not_before, SMALL_BYTES, SMALL_SET, error) &&
		  pull_band(&bodies, not_before, MIDDLE_BYTES, MIDDLE_SET, error) &&
		  pull_band(&bodies, not_before, INT64_MAX, 1, error);
	/* What came whole before the break is kept. */
	if (!ok)
		(void)commit(&bodies, NULL);
	return ok;
}

bool
imap_fetch_body(Engine *engine, MsgId id, GError **error)
{
	Imap *imap = engine->state;
	g_autoptr(Msg) msg = store_msg(engine->store, id, error);
	g_auto(Bodies) bodies = {0};
	GQueue sets = G_QUEUE_INIT;

	if (!msg)
		return false;
	if (msg->state == MSG_FULL)
		return true;
	g_autoptr(Folder) folder = store_folder(engine->store, msg->folder, error);
	if (!folder)
		return false;
	if (msg->uid == 0)
		return error_set(error, ERROR_NOT_FOUND, "the message is not on the server yet");
	if (!bodies_init(&bodies, imap, folder, error))
		return false;
	GArray *set = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_array_append_val(set, msg->uid);
	g_queue_push_tail(&sets, set);
	bool was = imap->serving;
	imap->serving = true;
	bool ok = fetch_sets(&bodies, &sets, true, error) && commit(&bodies, error);
	imap->serving = was;
	if (ok && bodies.stored == 0)
		return error_set(error, ERROR_NOT_FOUND, "the server no longer has this message");
	return ok;
}
