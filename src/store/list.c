/* store/list.c: windows on the lists of a folder: keyset on an index, flat or by conversation, with pending operations laid over */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "src/store/internal.h"
#include "src/store/words.h"

const ListKey LIST_NEWEST = { INT64_MAX, INT64_MAX }, LIST_OLDEST = { INT64_MIN, INT64_MIN };

/* One row of a flat list, or one conversation of a threaded one. */
typedef struct Unit {
	ListKey key;
	GArray *rows;	/* of TreeRow, each owning its msg until taken */
} Unit;

static void
unit_free(void *data)
{
	Unit *unit = data;
	for (guint i = 0; i < unit->rows->len; i++)
		msg_free(g_array_index(unit->rows, TreeRow, i).msg);
	g_array_unref(unit->rows);
	g_free(unit);
}

static Unit *
unit_new(ListKey key)
{
	Unit *unit = g_new0(Unit, 1);
	unit->key = key;
	unit->rows = g_array_new(FALSE, FALSE, sizeof(TreeRow));
	return unit;
}

static void
unit_add(Unit *unit, Msg *msg, int64_t hash, const void *refs, size_t refs_bytes)
{
	TreeRow row;
	tree_row_init(&row, msg, hash, refs, refs_bytes);
	g_array_append_val(unit->rows, row);
}

static int
key_compare(ListKey left, ListKey right)
{
	if (left.date != right.date)
		return left.date < right.date ? -1 : 1;
	return left.id < right.id ? -1 : left.id > right.id;
}

static int
newer_first(const void *a, const void *b)
{
	return key_compare((*(Unit *const *)b)->key, (*(Unit *const *)a)->key);
}

ListKey
list_key(const ListSpec *spec, const Msg *msg)
{
	return spec->threaded ? (ListKey){ msg->thread_date, msg->thread } : (ListKey){ msg->date, msg->id.v };
}

static bool
filter_matches(ListFilter filter, uint32_t flags)
{
	switch (filter) {
	case LIST_ALL: return true;
	case LIST_UNREAD: return !(flags & FLAG_SEEN);
	case LIST_FLAGGED: return (flags & FLAG_FLAGGED) != 0;
	}
	return true;
}

/* The literal text lets SQLite see that a partial index fits. */
static const char *
filter_sql(ListFilter filter)
{
	switch (filter) {
	case LIST_ALL: return "";
	case LIST_UNREAD: return " AND m.flags & 1 = 0";
	case LIST_FLAGGED: return " AND m.flags & 4 <> 0";
	}
	return "";
}

static const char *
key_columns(const ListSpec *spec)
{
	return spec->threaded ? "m.thread_date,m.thread" : "m.date,m.id";
}

static const char *
key_order(const ListSpec *spec, ListDirection direction)
{
	if (spec->threaded)
		return direction == LIST_OLDER ? "m.thread_date DESC,m.thread DESC" : "m.thread_date,m.thread";
	return direction == LIST_OLDER ? "m.date DESC,m.id DESC" : "m.date,m.id";
}

/* ---- what the pending operations change in this list ---- */

typedef struct Touched {
	GHashTable *skip;	/* int64 message id (flat) or thread (threaded): the index does not know their place */
	GPtrArray *units;	/* of Unit *: where they are now */
} Touched;

static void
touched_clear(Touched *touched)
{
	g_clear_pointer(&touched->skip, g_hash_table_unref);
	g_clear_pointer(&touched->units, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Touched, touched_clear)

static void
skip_add(Touched *touched, int64_t id)
{
	if (!g_hash_table_contains(touched->skip, &id))
		g_hash_table_add(touched->skip, g_memdup2(&id, sizeof id));
}

static void
touched_flat(Store *store, const ListSpec *spec, const Words *words, Touched *touched)
{
	GHashTableIter iter;
	gpointer value;
	g_hash_table_iter_init(&iter, overlay_rows(store));
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const OverlayRow *row = value;
		skip_add(touched, row->msg->id.v);
		if (row->msg->folder.v != spec->folder.v || !filter_matches(spec->filter, row->msg->flags) ||
		    !words_match_row(store, words, row->msg))
			continue;
		Unit *unit = unit_new(list_key(spec, row->msg));
		unit_add(unit, msg_copy(row->msg), row->hash, NULL, 0);
		g_ptr_array_add(touched->units, unit);
	}
}

/* A conversation with members that came, went or changed under a filter, as it is now; its place is its newest member's. */
static void
touched_thread(Store *store, const ListSpec *spec, const Words *words, int64_t thread, GPtrArray *came, Touched *touched)
{
	Unit *unit = unit_new((ListKey){ INT64_MIN, thread });
	g_autoptr(DbRows) rows = db_query(store->cache, NULL, "SELECT " MSG_COLUMNS " FROM msg m WHERE m.thread=? AND +m.folder=?", "ii", thread,
					  spec->folder.v);
	while (rows && db_next(store->cache, rows, NULL) == 1) {
		if (overlay_row(store, sqlite3_column_int64(rows, 0)))
			continue;
		Msg *msg = msg_from_row(rows);
		unit->key.date = MAX(unit->key.date, msg->date);
		if (filter_matches(spec->filter, msg->flags) && words_match_row(store, words, msg))
			unit_add(unit, msg, sqlite3_column_int64(rows, MSG_COLUMN_HASH), sqlite3_column_blob(rows, MSG_COLUMN_REFS),
				 (size_t)sqlite3_column_bytes(rows, MSG_COLUMN_REFS));
		else
			msg_free(msg);
	}
	for (guint i = 0; came && i < came->len; i++) {
		const OverlayRow *row = came->pdata[i];
		unit->key.date = MAX(unit->key.date, row->msg->date);
		gsize size;
		const void *refs = g_bytes_get_data(row->refs, &size);
		if (filter_matches(spec->filter, row->msg->flags) && words_match_row(store, words, row->msg))
			unit_add(unit, msg_copy(row->msg), row->hash, refs, size);
	}
	for (guint i = 0; i < unit->rows->len; i++)
		g_array_index(unit->rows, TreeRow, i).msg->thread_date = unit->key.date;
	if (unit->rows->len)
		g_ptr_array_add(touched->units, unit);
	else
		unit_free(unit);
}

static void
touched_threads(Store *store, const ListSpec *spec, const Words *words, Touched *touched)
{
	g_autoptr(GHashTable) members = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
	GHashTableIter iter;
	gpointer key, value;
	g_hash_table_iter_init(&iter, overlay_rows(store));
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const OverlayRow *row = value;
		bool here = row->msg->folder.v == spec->folder.v, was_here = row->was_folder == spec->folder.v;
		if ((here || was_here) && (row->moved || spec->filter != LIST_ALL))
			skip_add(touched, row->msg->thread);
	}
	g_hash_table_iter_init(&iter, overlay_rows(store));
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		OverlayRow *row = value;
		if (row->msg->folder.v != spec->folder.v || !g_hash_table_contains(touched->skip, &row->msg->thread))
			continue;
		GPtrArray *came = g_hash_table_lookup(members, &row->msg->thread);
		if (!came) {
			came = g_ptr_array_new();
			g_hash_table_insert(members, &row->msg->thread, came);
		}
		g_ptr_array_add(came, row);
	}
	g_hash_table_iter_init(&iter, touched->skip);
	while (g_hash_table_iter_next(&iter, &key, NULL))
		touched_thread(store, spec, words, *(int64_t *)key, g_hash_table_lookup(members, key), touched);
}

static void
touched_init(Store *store, const ListSpec *spec, const Words *words, Touched *touched)
{
	touched->skip = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	touched->units = g_ptr_array_new_with_free_func(unit_free);
	if (overlay_empty(store))
		return;
	if (spec->threaded)
		touched_threads(store, spec, words, touched);
	else
		touched_flat(store, spec, words, touched);
}

/* ---- the window ---- */

static DbRows *
window_query(Store *store, const ListSpec *spec, const Words *words, ListKey key, ListDirection direction, GError **error)
{
	g_autofree char *sql = g_strdup_printf("SELECT " MSG_COLUMNS " FROM msg m WHERE m.folder=?1 AND (%s) %c (?2,?3)%s%s ORDER BY %s",
					       key_columns(spec), direction == LIST_OLDER ? '<' : '>', filter_sql(spec->filter), words_sql(words),
					       key_order(spec, direction));
	return db_query(store->cache, error, sql, "iiis", spec->folder.v, key.date, key.id, words_argument(words));
}

/* Reads whole units until count rows are there. *ret_end: the index has no more. */
static bool
read_units(Store *store, DbRows *rows, const ListSpec *spec, const Touched *touched, unsigned count, GPtrArray *units, bool *ret_end, GError **error)
{
	unsigned n = 0;
	Unit *unit = NULL;
	int got;
	for (got = db_next(store->cache, rows, error); got == 1; got = db_next(store->cache, rows, error)) {
		int64_t id = sqlite3_column_int64(rows, 0), thread = sqlite3_column_int64(rows, 3);
		if (g_hash_table_contains(touched->skip, spec->threaded ? &thread : &id))
			continue;
		if (spec->threaded && unit && unit->key.id == thread) {
			/* a further member of the same conversation */
		} else if (n >= count) {
			break;
		} else {
			unit = unit_new((ListKey){ sqlite3_column_int64(rows, spec->threaded ? 6 : 4), spec->threaded ? thread : id });
			g_ptr_array_add(units, unit);
		}
		Msg *msg = msg_from_row(rows);
		const OverlayRow *patched = overlay_row(store, id);
		if (patched)
			msg->flags = patched->msg->flags;
		unit_add(unit, msg, sqlite3_column_int64(rows, MSG_COLUMN_HASH), sqlite3_column_blob(rows, MSG_COLUMN_REFS),
			 (size_t)sqlite3_column_bytes(rows, MSG_COLUMN_REFS));
		n++;
	}
	*ret_end = got == 0;
	return got >= 0;
}

static bool
in_range(ListKey key, ListKey from, ListKey last, bool open_end, ListDirection direction)
{
	int beyond = key_compare(key, from), within = key_compare(key, last);
	return direction == LIST_OLDER ? beyond < 0 && (open_end || within > 0) : beyond > 0 && (open_end || within < 0);
}

GPtrArray *
store_list(Store *store, const ListSpec *spec, ListKey key, ListDirection direction, unsigned count, GError **error)
{
	g_autoptr(Txn) txn = store_read_begin(store, error);
	g_autoptr(Words) words = words_parse(spec->match);
	g_auto(Touched) touched = { 0 };
	g_autoptr(DbRows) rows = txn ? window_query(store, spec, words, key, direction, error) : NULL;
	if (!rows)
		return NULL;
	touched_init(store, spec, words, &touched);
	g_autoptr(GPtrArray) units = g_ptr_array_new_with_free_func(unit_free);
	bool end = false;
	if (!read_units(store, rows, spec, &touched, count, units, &end, error))
		return NULL;
	ListKey last = units->len ? ((Unit *)units->pdata[units->len - 1])->key : key;
	for (guint i = touched.units->len; i-- > 0;)
		if (in_range(((Unit *)touched.units->pdata[i])->key, key, last, end, direction))
			g_ptr_array_add(units, g_ptr_array_steal_index_fast(touched.units, i));
	g_ptr_array_sort(units, newer_first);
	g_autoptr(GPtrArray) msgs = g_ptr_array_new_with_free_func((GDestroyNotify)msg_free);
	guint from = 0, to = units->len, n = 0;
	for (guint i = 0; i < units->len && n < count; i++) {	/* the count nearest to the key */
		guint at = direction == LIST_OLDER ? i : units->len - 1 - i;
		n += ((Unit *)units->pdata[at])->rows->len;
		from = direction == LIST_OLDER ? 0 : at;
		to = direction == LIST_OLDER ? at + 1 : units->len;
	}
	for (guint i = from; i < to; i++) {
		Unit *unit = units->pdata[i];
		tree_order(unit->rows, msgs);
		g_array_set_size(unit->rows, 0);	/* the messages are the caller's now */
	}
	return g_steal_pointer(&msgs);
}

/* Rows of touched units that belong before key, less those the index still counts there. */
int64_t
store_list_rank(Store *store, const ListSpec *spec, ListKey key, GError **error)
{
	g_autoptr(Txn) txn = store_read_begin(store, error);
	g_autoptr(Words) words = words_parse(spec->match);
	g_auto(Touched) touched = { 0 };
	if (!txn)
		return -1;
	touched_init(store, spec, words, &touched);
	g_autofree char *sql = g_strdup_printf("SELECT count(*) FROM msg m WHERE m.folder=?1 AND (%s) > (?2,?3)%s%s", key_columns(spec),
					       filter_sql(spec->filter), words_sql(words));
	int64_t rank = db_number(store->cache, error, -1, sql, "iiis", spec->folder.v, key.date, key.id, words_argument(words));
	if (rank < 0)
		return -1;
	g_autofree char *one = g_strdup_printf("SELECT count(*) FROM msg m WHERE m.folder=?1 AND (%s) > (?2,?3)%s%s AND m.%s=?5", key_columns(spec),
					       filter_sql(spec->filter), words_sql(words), spec->threaded ? "thread" : "id");
	GHashTableIter iter;
	gpointer id;
	g_hash_table_iter_init(&iter, touched.skip);
	while (g_hash_table_iter_next(&iter, &id, NULL))
		rank -= db_number(store->cache, NULL, 0, one, "iiisi", spec->folder.v, key.date, key.id, words_argument(words), *(int64_t *)id);
	for (guint i = 0; i < touched.units->len; i++) {
		const Unit *unit = touched.units->pdata[i];
		if (key_compare(unit->key, key) > 0)
			rank += unit->rows->len;
	}
	return MAX(rank, 0);
}

ListKey
store_list_key_at(Store *store, const ListSpec *spec, int64_t when, GError **error)
{
	g_autoptr(GPtrArray) first = store_list(store, spec, (ListKey){ when, INT64_MAX }, LIST_OLDER, 1, error);
	return first && first->len ? list_key(spec, first->pdata[0]) : LIST_OLDEST;
}

static int
older_first(const void *a, const void *b)
{
	const Msg *left = *(Msg *const *)a, *right = *(Msg *const *)b;
	if (left->date != right->date)
		return left->date < right->date ? -1 : 1;
	return left->id.v < right->id.v ? -1 : left->id.v > right->id.v;
}

/* Of two copies the one with a body, then the first. */
static void
conversation_add(GPtrArray *msgs, GHashTable *seen, Msg *msg)
{
	Msg *other = *msg->message_id ? g_hash_table_lookup(seen, msg->message_id) : NULL;
	if (other && (other->state == MSG_FULL || msg->state != MSG_FULL)) {
		msg_free(msg);
		return;
	}
	if (other)
		g_ptr_array_remove(msgs, other);
	g_ptr_array_add(msgs, msg);
	if (*msg->message_id)
		g_hash_table_replace(seen, msg->message_id, msg);
}

GPtrArray *
store_thread(Store *store, int64_t thread, GError **error)
{
	g_autoptr(Txn) txn = store_read_begin(store, error);
	g_autoptr(DbRows) rows = txn ? db_query(store->cache, error, "SELECT " MSG_COLUMNS " FROM msg m WHERE m.thread=? AND m.folder>0 ORDER BY m.id",
						"i", thread) : NULL;
	if (!rows)
		return NULL;
	g_autoptr(GPtrArray) msgs = g_ptr_array_new_with_free_func((GDestroyNotify)msg_free);
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	int got;
	for (got = db_next(store->cache, rows, error); got == 1; got = db_next(store->cache, rows, error)) {
		Msg *msg = overlay_apply(store, msg_from_row(rows));
		if (msg)
			conversation_add(msgs, seen, msg);
	}
	if (got < 0)
		return NULL;
	GHashTableIter iter;
	gpointer value;
	if (!overlay_empty(store)) {
		g_hash_table_iter_init(&iter, overlay_rows(store));
		while (g_hash_table_iter_next(&iter, NULL, &value)) {
			const OverlayRow *row = value;
			if (row->was_folder == 0 && row->msg->id.v < 0 && row->msg->thread == thread && row->msg->folder.v > 0)
				conversation_add(msgs, seen, msg_copy(row->msg));
		}
	}
	g_ptr_array_sort(msgs, older_first);
	return g_steal_pointer(&msgs);
}
