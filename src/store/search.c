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
	int64_t deadline;	/* monotonic time; 0: none */
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

/* ---- what the envelopes know: windows on the newest messages, wider until there are enough hits ---- */

enum { WINDOW_FIRST = 2000, WINDOW_GROWS = 8, WINDOW_MAX = 16000, RANGES_MAX = 64, CHECK_STEPS = 2000 };
typedef struct Candidate { int64_t id, date; } Candidate;

static int
candidate_newer_first(const void *a, const void *b)
{
	const Candidate *left = a, *right = b;
	if (left->date != right->date)
		return left->date > right->date ? -1 : 1;
	return left->id > right->id ? -1 : left->id < right->id;
}

static int
by_number(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
	return left < right ? -1 : left > right;
}

static void
cut_candidates(GArray *candidates, guint window, int64_t *from)
{
	if (candidates->len)
		qsort(candidates->data, candidates->len, sizeof(Candidate), candidate_newer_first);
	if (candidates->len < window)
		return;
	g_array_set_size(candidates, window);
	*from = MAX(*from, g_array_index(candidates, Candidate, window - 1).date);	/* what is older in the folders to come is not looked at */
}

/* The newest messages of the folders that the query allows; only indexes are read. */
static GArray *
newest_candidates(Resolve *resolve, GPtrArray *folders, guint window, GError **error)
{
	Db *cache = resolve->store->cache;
	g_autoptr(GArray) candidates = g_array_new(FALSE, FALSE, sizeof(Candidate));
	int64_t from, before;
	query_dates(resolve->query, &from, &before);
	g_autofree char *sql = g_strdup_printf("SELECT m.id, m.date FROM msg m WHERE m.folder=?1 AND m.date>=?2 AND m.date<?3%s ORDER BY m.date DESC, m.id DESC"
					       " LIMIT ?4", query_flags_sql(resolve->query));
	for (guint i = 0; i < folders->len; i++) {
		const Folder *folder = folders->pdata[i];
		if (!query_wants_folder(resolve->query, store_account(resolve->store), folder->name, folder->role))
			continue;
		g_autoptr(DbRows) rows = db_query(cache, error, sql, "iiii", folder->id.v, from, before, (int64_t)window);
		int got = rows ? db_next(cache, rows, error) : -1;
		for (; got == 1; got = db_next(cache, rows, error)) {
			Candidate candidate = { sqlite3_column_int64(rows, 0), sqlite3_column_int64(rows, 1) };
			g_array_append_val(candidates, candidate);
		}
		if (got < 0)
			return NULL;
		if (candidates->len >= 2 * window)
			cut_candidates(candidates, window, &from);
	}
	cut_candidates(candidates, window, &from);
	return g_steal_pointer(&candidates);
}

static bool
match_range(Db *cache, const char *words, int64_t first, int64_t last, GHashTable *matches, GError **error)
{
	g_autoptr(DbRows) rows = db_query(cache, error, "SELECT rowid FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ?", "sii", words, first, last);
	int got = rows ? db_next(cache, rows, error) : -1;
	for (; got == 1; got = db_next(cache, rows, error))
		g_hash_table_add(matches, GSIZE_TO_POINTER((gsize)sqlite3_column_int64(rows, 0)));
	return got == 0;
}

/* Which candidates have the words. Rows get their ids as they arrive, so the newest ones lie in few ranges of ids: a word that is in
 * every message costs no more than the window. */
static GHashTable *
match_candidates(Db *cache, const char *words, GArray *candidates, GError **error)
{
	g_autoptr(GHashTable) matches = g_hash_table_new(NULL, NULL);
	g_autofree int64_t *ids = g_new(int64_t, candidates->len + 1);
	guint n = candidates->len;
	for (guint i = 0; i < n; i++)
		ids[i] = g_array_index(candidates, Candidate, i).id;
	qsort(ids, n, sizeof *ids, by_number);
	int64_t gap = n ? MAX((ids[n - 1] - ids[0]) / RANGES_MAX, 1000) : 0;
	for (guint first = 0, i = 0; i < n; i++) {
		if (i + 1 < n && ids[i + 1] - ids[i] <= gap)
			continue;
		if (!match_range(cache, words, ids[first], ids[i], matches, error))
			return NULL;
		first = i + 1;
	}
	return g_steal_pointer(&matches);
}

static bool
add_id(Resolve *resolve, int64_t id, GError **error)
{
	Db *cache = resolve->store->cache;
	g_autoptr(DbRows) rows = db_query(cache, error, "SELECT " MSG_COLUMNS " FROM msg m WHERE m.id=?", "i", id);
	int got = rows ? db_next(cache, rows, error) : -1;
	if (got == 1)
		add_hit(resolve, msg_from_row(rows));
	return got >= 0;
}

/* *ret_all: the window held all there is. */
static bool
add_window(Resolve *resolve, GPtrArray *folders, guint window, guint enough, bool *ret_all, GError **error)
{
	bool exclude = false;
	g_autofree char *words = query_for_words(resolve->query, &exclude);
	g_autoptr(GArray) candidates = newest_candidates(resolve, folders, window, error);
	g_autoptr(GHashTable) matches = candidates && words ? match_candidates(resolve->store->cache, words, candidates, error) : NULL;
	if (!candidates || (words && !matches))
		return false;
	*ret_all = candidates->len < window;
	for (guint i = 0; i < candidates->len && resolve->hits->len < enough; i++) {
		int64_t id = g_array_index(candidates, Candidate, i).id;
		if (words && g_hash_table_contains(matches, GSIZE_TO_POINTER((gsize)id)) == exclude)
			continue;
		if (!add_id(resolve, id, error))
			return false;
	}
	return true;
}

/* Rare words, or filters that few messages pass: everything that has the words, newest first. */
static bool
add_everywhere(Resolve *resolve, guint enough, GError **error)
{
	Db *cache = resolve->store->cache;
	bool exclude = false;
	g_autofree char *words = query_for_words(resolve->query, &exclude);
	int64_t from, before;
	query_dates(resolve->query, &from, &before);
	g_autofree char *sql = g_strdup_printf("SELECT m.id FROM msg m WHERE +m.folder>0 AND +m.date>=?1 AND +m.date<?2%s%s ORDER BY m.date DESC, m.id DESC",
					       query_flags_sql(resolve->query),
					       !words ? "" : exclude ? " AND m.id NOT IN (SELECT rowid FROM words WHERE words MATCH ?3)"
					       : " AND m.id IN (SELECT rowid FROM words WHERE words MATCH ?3)");
	g_autoptr(DbRows) rows = words ? db_query(cache, error, sql, "iis", from, before, words) : db_query(cache, error, sql, "ii", from, before);
	int got = rows ? db_next(cache, rows, error) : -1;
	for (; got == 1 && resolve->hits->len < enough; got = db_next(cache, rows, error))
		if (!add_id(resolve, sqlite3_column_int64(rows, 0), error))
			return false;
	return got >= 0;
}

static int
is_late(void *data)
{
	const int64_t *deadline = data;
	return g_get_monotonic_time() > *deadline;
}

/* Newest first until limit hits have passed the filters. With a deadline it may end before the oldest were looked at. */
static bool
add_rows(Resolve *resolve, GPtrArray *folders, unsigned limit, GError **error)
{
	sqlite3 *handle = resolve->store->cache->handle;
	g_autoptr(GError) failure = NULL;
	bool exclude = false, all = false, ok = true;
	g_autofree char *words = query_for_words(resolve->query, &exclude);
	if (!words && resolve->query->has_text)
		return true;
	guint before = resolve->hits->len, enough = before + limit;
	if (resolve->deadline)
		sqlite3_progress_handler(handle, CHECK_STEPS, is_late, &resolve->deadline);
	for (guint window = WINDOW_FIRST; ok && !all && resolve->hits->len < enough && window <= WINDOW_MAX; window *= WINDOW_GROWS)
		ok = add_window(resolve, folders, window, enough, &all, &failure);
	if (ok && !all && resolve->hits->len < enough)
		ok = add_everywhere(resolve, enough, &failure);
	bool late = !ok && resolve->deadline && is_late(&resolve->deadline) && sqlite3_errcode(handle) == SQLITE_INTERRUPT;
	sqlite3_progress_handler(handle, 0, NULL, NULL);
	if (!ok && !late)
		g_propagate_error(error, g_steal_pointer(&failure));
	return ok || late;
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
	return add_ids(resolve, message_ids, error) && (!resolve->query->envelope || add_rows(resolve, folders, limit, error));
}

GPtrArray *
search_resolve(Store *const *stores, size_t n, const char *text, GPtrArray *message_ids, unsigned limit, GError **error)
{
	return search_resolve_within(stores, n, text, message_ids, limit, 0, error);
}

GPtrArray *
search_resolve_within(Store *const *stores, size_t n, const char *text, GPtrArray *message_ids, unsigned limit, unsigned max_ms, GError **error)
{
	int64_t deadline = max_ms ? g_get_monotonic_time() + (int64_t)max_ms * 1000 : 0;
	g_autoptr(Query) query = query_parse(text, g_get_real_time() / G_USEC_PER_SEC, error);
	if (!query)
		return NULL;
	g_autoptr(GPtrArray) hits = g_ptr_array_new_with_free_func(hit_free);
	for (size_t i = 0; i < n; i++) {
		Resolve resolve = { .query = query, .hits = hits, .store = stores[i], .deadline = deadline };
		if (!resolve_store(&resolve, message_ids, limit, error))
			return NULL;
	}
	g_ptr_array_sort(hits, newer_first);
	if (hits->len > limit)
		g_ptr_array_set_size(hits, (gint)limit);
	return g_steal_pointer(&hits);
}
