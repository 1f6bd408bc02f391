/* store/threads.c: which conversation a message belongs to, and its tree */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "src/store/internal.h"

/* ---- merge rule: every Message-ID seen, ghosts too, has a thread; a message that names several joins them into the oldest ---- */

static int64_t
resolve_alias(Store *store, int64_t thread)
{
	for (;;) {
		int64_t next = db_number(store->cache, NULL, 0, "SELECT new FROM thread_alias WHERE old=?", "i", thread);
		if (next == 0)
			return thread;
		thread = next;	/* always to an older, smaller one: this ends */
	}
}

static int64_t
ref_thread(Store *store, int64_t hash)
{
	int64_t thread = db_number(store->cache, NULL, 0, "SELECT thread FROM ref WHERE hash=?", "i", hash);
	return thread ? resolve_alias(store, thread) : 0;
}

int64_t
thread_lookup(Store *store, const int64_t *hashes, size_t n)
{
	int64_t oldest = 0;
	for (size_t i = 0; i < n; i++) {
		int64_t thread = ref_thread(store, hashes[i]);
		if (thread && (!oldest || thread < oldest))
			oldest = thread;
	}
	return oldest;
}

static bool
merge_into(Store *store, int64_t from, int64_t into, GError **error)
{
	g_autoptr(GArray) folders = g_array_new(FALSE, FALSE, sizeof(int64_t));
	{
		g_autoptr(DbRows) rows = db_query(store->cache, error, "SELECT DISTINCT folder FROM msg WHERE thread=?", "i", from);
		int got = rows ? db_next(store->cache, rows, error) : -1;
		for (; got == 1; got = db_next(store->cache, rows, error)) {
			int64_t folder = sqlite3_column_int64(rows, 0);
			g_array_append_val(folders, folder);
		}
		if (got < 0)
			return false;
	}
	if (!db_run(store->cache, error, "INSERT OR REPLACE INTO thread_alias VALUES(?,?)", "ii", from, into) ||
	    !db_run(store->cache, error, "UPDATE msg SET thread=? WHERE thread=?", "ii", into, from))
		return false;
	for (guint i = 0; i < folders->len; i++)
		if (!thread_touch(store, g_array_index(folders, int64_t, i), into, error))
			return false;
	return true;
}

bool
thread_for(Store *store, const int64_t *hashes, size_t n, int64_t own_row, int64_t *ret_thread, GError **error)
{
	g_autofree int64_t *threads = g_new(int64_t, MAX(n, 1));
	int64_t oldest = 0;
	for (size_t i = 0; i < n; i++) {
		threads[i] = ref_thread(store, hashes[i]);
		if (threads[i] && (!oldest || threads[i] < oldest))
			oldest = threads[i];
	}
	if (!oldest)
		oldest = own_row;	/* row ids are never used again, so a thread may bear its first row's */
	for (size_t i = 0; i < n; i++) {
		if (!threads[i] && !db_run(store->cache, error, "INSERT OR REPLACE INTO ref VALUES(?,?)", "ii", hashes[i], oldest))
			return false;
		int64_t thread = threads[i] && threads[i] != oldest ? resolve_alias(store, threads[i]) : oldest;	/* merged already? */
		if (thread != oldest && !merge_into(store, thread, oldest, error))
			return false;
	}
	*ret_thread = oldest;
	return true;
}

bool
thread_touch(Store *store, int64_t folder, int64_t thread, GError **error)
{
	if (folder <= 0)
		return true;
	/* The + keeps SQLite off the indexes that begin with folder: it would walk the whole folder for each message. */
	int64_t newest = db_number(store->cache, error, INT64_MIN, "SELECT max(date) FROM msg WHERE thread=? AND +folder=?", "ii", thread, folder);
	return newest == INT64_MIN ||
	       db_run(store->cache, error, "UPDATE msg SET thread_date=?1 WHERE thread=?2 AND +folder=?3 AND +thread_date<>?1", "iii", newest, thread, folder);
}

/* ---- tree of the members of one thread that a list shows ---- */

void
tree_row_init(TreeRow *row, Msg *msg, int64_t hash, const void *refs, size_t refs_bytes)
{
	row->msg = msg;
	row->hash = hash;
	row->n_refs = (unsigned)MIN(refs_bytes / sizeof(int64_t), (size_t)REFS_MAX);
	if (row->n_refs)
		memcpy(row->refs, refs, row->n_refs * sizeof(int64_t));
}

enum { NO_PARENT = -1 };

static int
compare_rows(const void *a, const void *b)
{
	const Msg *left = ((const TreeRow *)a)->msg, *right = ((const TreeRow *)b)->msg;
	if (left->date != right->date)
		return left->date < right->date ? -1 : 1;
	return left->id.v < right->id.v ? -1 : left->id.v > right->id.v;
}

static bool
is_ancestor(const int *parents, int candidate, int of)
{
	for (int at = of; at != NO_PARENT; at = parents[at])
		if (at == candidate)
			return true;
	return false;
}

/* Nearest ancestor that is in the list; everything without one hangs below the oldest such row, so that a thread is one tree. */
static int *
find_parents(GArray *rows)
{
	int *parents = g_new(int, rows->len);
	g_autoptr(GHashTable) by_hash = g_hash_table_new(g_int64_hash, g_int64_equal);
	for (guint i = rows->len; i-- > 0;) {
		parents[i] = NO_PARENT;
		g_hash_table_insert(by_hash, &g_array_index(rows, TreeRow, i).hash, GINT_TO_POINTER((int)i));
	}
	for (guint i = 0; i < rows->len; i++) {
		const TreeRow *row = &g_array_index(rows, TreeRow, i);
		for (unsigned r = row->n_refs; r-- > 0 && parents[i] == NO_PARENT;) {
			gpointer found;
			if (!g_hash_table_lookup_extended(by_hash, &row->refs[r], NULL, &found))
				continue;
			if (!is_ancestor(parents, (int)i, GPOINTER_TO_INT(found)))
				parents[i] = GPOINTER_TO_INT(found);
		}
	}
	int root = NO_PARENT;
	for (guint i = 0; i < rows->len; i++) {
		if (parents[i] != NO_PARENT)
			continue;
		if (root == NO_PARENT)
			root = (int)i;
		else
			parents[i] = root;
	}
	return parents;
}

void
tree_order(GArray *rows, GPtrArray *ret_msgs)
{
	if (rows->len == 0)
		return;
	qsort(rows->data, rows->len, sizeof(TreeRow), compare_rows);
	g_autofree int *parents = find_parents(rows);
	g_autofree int *first = g_new(int, rows->len), *next = g_new(int, rows->len);
	unsigned unread = 0;
	int root = 0;
	for (guint i = 0; i < rows->len; i++)
		first[i] = next[i] = NO_PARENT;
	for (guint i = rows->len; i-- > 0;) {	/* backwards: lists of children come out oldest first */
		unread += g_array_index(rows, TreeRow, i).msg->flags & FLAG_SEEN ? 0 : 1;
		if (parents[i] == NO_PARENT) {
			root = (int)i;
			continue;
		}
		next[i] = first[parents[i]];
		first[parents[i]] = (int)i;
	}
	int at = root;
	unsigned depth = 0;
	while (at != NO_PARENT) {
		Msg *msg = g_array_index(rows, TreeRow, at).msg;
		msg->depth = depth;
		msg->last_child = next[at] == NO_PARENT;
		msg->thread_size = rows->len;
		msg->thread_unread = unread;
		g_ptr_array_add(ret_msgs, msg);
		if (first[at] != NO_PARENT) {
			at = first[at];
			depth++;
			continue;
		}
		while (at != NO_PARENT && next[at] == NO_PARENT) {
			at = parents[at];
			depth -= depth > 0;
		}
		if (at != NO_PARENT)
			at = next[at];
	}
}
