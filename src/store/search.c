/* store/search.c: hits in senders, recipients and subjects; Message-IDs of notmuch as rows */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "src/store/query.h"
#include "src/store/words.h"

GPtrArray *
store_search_envelopes(Store *store, const char *text, unsigned limit, GError **error)
{
	g_autoptr(Txn) txn = store_read_begin(store, error);
	g_autoptr(Words) words = words_parse(text);
	g_autoptr(GPtrArray) msgs = g_ptr_array_new_with_free_func((GDestroyNotify)msg_free);
	if (!txn || !words)
		return txn ? g_steal_pointer(&msgs) : NULL;
	g_autofree char *sql = g_strdup_printf("SELECT " MSG_COLUMNS " FROM msg m JOIN folder f ON f.id=m.folder WHERE f.hidden=0 AND f.role NOT IN (%d,%d)"
					       "%s ORDER BY m.date DESC, m.id DESC LIMIT ?1", (int)ROLE_JUNK, (int)ROLE_TRASH, words_sql(words));
	g_autoptr(DbRows) rows = db_query(store->cache, error, sql, "iiis", (int64_t)limit, (int64_t)0, (int64_t)0, words_argument(words));
	int got = rows ? db_next(store->cache, rows, error) : -1;
	for (; got == 1; got = db_next(store->cache, rows, error)) {
		Msg *msg = overlay_apply(store, msg_from_row(rows));
		if (msg)
			g_ptr_array_add(msgs, msg);
	}
	return got < 0 ? NULL : g_steal_pointer(&msgs);
}

typedef struct Resolve {
	const Query *query;
	GPtrArray *hits;	/* of Hit * */
	Store *store;
	GHashTable *folders;	/* int64 id -> Folder * */
	GHashTable *seen;	/* Message-ID or row of this store */
} Resolve;

static void
hit_free(void *data)
{
	Hit *hit = data;
	msg_free(hit->msg);
	g_free(hit);
}

static void
add_hit(Resolve *resolve, Msg *found)
{
	Msg *msg = overlay_apply(resolve->store, found);
	const Folder *folder = msg ? g_hash_table_lookup(resolve->folders, &msg->folder.v) : NULL;
	bool dropped = folder && !resolve->query->names_folder && (folder->role == ROLE_JUNK || folder->role == ROLE_TRASH);
	if (!folder || dropped || !query_matches(resolve->query, store_account(resolve->store), folder->name, folder->role, msg)) {
		msg_free(msg);
		return;
	}
	/* One hit for a message that lies in several folders, such as All Mail. */
	char *key = *msg->message_id ? g_strdup(msg->message_id) : g_strdup_printf("\n%" G_GINT64_FORMAT, msg->id.v);
	if (!g_hash_table_add(resolve->seen, key)) {
		msg_free(msg);
		return;
	}
	Hit *hit = g_new0(Hit, 1);
	hit->store = resolve->store;
	hit->msg = msg;
	g_ptr_array_add(resolve->hits, hit);
}

static bool
add_ids(Resolve *resolve, GPtrArray *ids, GError **error)
{
	Db *cache = resolve->store->cache;
	for (guint i = 0; ids && i < ids->len; i++) {
		const char *id = ids->pdata[i];
		g_autoptr(DbRows) rows = db_query(cache, error,
						  "SELECT " MSG_COLUMNS " FROM msg m WHERE m.mid_hash=?1 AND m.message_id=?2 AND +m.folder>0 UNION ALL SELECT "
						  MSG_COLUMNS " FROM msg m WHERE m.index_id=?2 AND +m.folder>0", "is", message_hash(id), id);
		int got = rows ? db_next(cache, rows, error) : -1;
		for (; got == 1; got = db_next(cache, rows, error))
			add_hit(resolve, msg_from_row(rows));
		if (got < 0)
			return false;
	}
	return true;
}

/* Newest first until limit hits have passed the filters. */
static bool
add_rows(Resolve *resolve, unsigned limit, GError **error)
{
	Db *cache = resolve->store->cache;
	bool exclude = false;
	g_autofree char *words = query_for_words(resolve->query, &exclude);
	if (!words && resolve->query->has_text)
		return true;
	g_autofree char *sql = g_strdup_printf("SELECT " MSG_COLUMNS " FROM msg m WHERE +m.folder>0 %s ORDER BY m.date DESC",
					       !words ? "" : exclude ? "AND m.id NOT IN (SELECT rowid FROM words WHERE words MATCH ?)"
					       : "AND m.id IN (SELECT rowid FROM words WHERE words MATCH ?)");
	g_autoptr(DbRows) rows = words ? db_query(cache, error, sql, "s", words) : db_query(cache, error, sql, "");
	guint enough = resolve->hits->len + limit;
	int got = rows ? db_next(cache, rows, error) : -1;
	for (; got == 1 && resolve->hits->len < enough; got = db_next(cache, rows, error))
		add_hit(resolve, msg_from_row(rows));
	return got >= 0;
}

static int
newer_first(const void *a, const void *b)
{
	const Msg *left = (*(Hit *const *)a)->msg, *right = (*(Hit *const *)b)->msg;
	if (left->date != right->date)
		return left->date > right->date ? -1 : 1;
	return left->id.v > right->id.v ? -1 : left->id.v < right->id.v;
}

static bool
resolve_store(Resolve *resolve, GPtrArray *message_ids, unsigned limit, GError **error)
{
	g_autoptr(GPtrArray) folders = store_folders(resolve->store, error);
	g_autoptr(Txn) txn = folders ? store_read_begin(resolve->store, error) : NULL;
	if (!txn)
		return false;
	g_autoptr(GHashTable) by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (guint i = 0; i < folders->len; i++) {
		Folder *folder = folders->pdata[i];
		g_hash_table_insert(by_id, &folder->id.v, folder);
	}
	resolve->folders = by_id;
	resolve->seen = seen;
	return add_ids(resolve, message_ids, error) && (!resolve->query->envelope || add_rows(resolve, limit, error));
}

GPtrArray *
search_resolve(Store *const *stores, size_t n, const char *text, GPtrArray *message_ids, unsigned limit, GError **error)
{
	g_autoptr(Query) query = query_parse(text, g_get_real_time() / G_USEC_PER_SEC, error);
	if (!query)
		return NULL;
	g_autoptr(GPtrArray) hits = g_ptr_array_new_with_free_func(hit_free);
	for (size_t i = 0; i < n; i++) {
		Resolve resolve = { .query = query, .hits = hits, .store = stores[i] };
		if (!resolve_store(&resolve, message_ids, limit, error))
			return NULL;
	}
	g_ptr_array_sort(hits, newer_first);
	if (hits->len > limit)
		g_ptr_array_set_size(hits, (gint)limit);
	return g_steal_pointer(&hits);
}
