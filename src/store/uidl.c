/* store/uidl.c: what POP3 servers have shown us, in ops.db; survives empty listings */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "src/store/internal.h"

void
uidl_free(Uidl *uidl)
{
	if (!uidl)
		return;
	g_free(uidl->uidl);
	g_free(uidl->hash);
	g_free(uidl);
}

GHashTable *
store_uidls(Store *store, GError **error)
{
	g_autoptr(DbRows) rows = db_query(store->ops, error, "SELECT uidl,first_seen,last_seen,size,hash,base,state FROM uidl", "");
	if (!rows)
		return NULL;
	g_autoptr(GHashTable) all = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)uidl_free);
	int got;
	for (got = db_next(store->ops, rows, error); got == 1; got = db_next(store->ops, rows, error)) {
		Uidl *uidl = g_new0(Uidl, 1);
		uidl->uidl = g_strdup(db_text(rows, 0));
		uidl->first_seen = sqlite3_column_int64(rows, 1);
		uidl->last_seen = sqlite3_column_int64(rows, 2);
		uidl->size = sqlite3_column_int64(rows, 3);
		uidl->hash = g_strdup(db_text(rows, 4));
		uidl->state = (UidlState)sqlite3_column_int(rows, 6);
		/* By name, not by row: rows get new numbers when cache.db is rebuilt. 0: deleted here for good. */
		uidl->msg.v = db_number(store->cache, NULL, 0, "SELECT id FROM msg WHERE base=? AND folder>0", "s", db_text(rows, 5));
		g_hash_table_insert(all, uidl->uidl, uidl);
	}
	return got < 0 ? NULL : g_steal_pointer(&all);
}

bool
store_uidl_seen(Store *store, char *const *uidls, const int64_t *sizes, size_t n, int64_t now, GError **error)
{
	g_autoptr(Txn) txn = txn_begin(store->ops, error);
	if (!txn)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!db_run(store->ops, error,
			    "INSERT INTO uidl(uidl,first_seen,last_seen,size,state) VALUES(?1,?2,?2,?3,0) ON CONFLICT(uidl) DO UPDATE SET last_seen=?2",
			    "sii", uidls[i], now, sizes ? sizes[i] : 0))
			return false;
	return txn_commit(g_steal_pointer(&txn), error);
}

bool
store_uidl_state(Store *store, char *const *uidls, size_t n, UidlState state, GError **error)
{
	g_autoptr(Txn) txn = txn_begin(store->ops, error);
	if (!txn)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!db_run(store->ops, error, "UPDATE uidl SET state=? WHERE uidl=?", "is", (int64_t)state, uidls[i]))
			return false;
	return txn_commit(g_steal_pointer(&txn), error);
}

bool
store_uidl_rename(Store *store, const char *from, const char *to, GError **error)
{
	g_autoptr(Txn) txn = txn_begin(store->ops, error);
	if (!txn || !db_run(store->ops, error, "DELETE FROM uidl WHERE uidl=?", "s", to) ||
	    !db_run(store->ops, error, "UPDATE uidl SET uidl=? WHERE uidl=?", "ss", to, from))
		return false;
	return txn_commit(g_steal_pointer(&txn), error);
}

static char *
stored_file(Store *store, const char *base)
{
	int64_t id = db_number(store->cache, NULL, 0, "SELECT id FROM msg WHERE base=?", "s", base);
	char *path = id ? msg_file(store, id, NULL) : NULL;
	return path ? path : maildir_find(store->removed_dir, base, 0, true);
}

bool
store_uidl_verify(Store *store, const char *uidl, GError **error)
{
	g_autofree char *hash = NULL, *base = NULL;
	int64_t size = 0;
	{
		g_autoptr(DbRows) rows = db_query(store->ops, error, "SELECT hash, base, size, state FROM uidl WHERE uidl=?", "s", uidl);
		int got = rows ? db_next(store->ops, rows, error) : -1;
		if (got < 0)
			return false;
		if (got == 0 || sqlite3_column_int(rows, 3) < UIDL_STORED || sqlite3_column_type(rows, 0) == SQLITE_NULL)
			return error_set(error, ERROR_STORE, "the message was never stored here; it stays on the server");
		hash = g_strdup(db_text(rows, 0));
		base = g_strdup(db_text(rows, 1));
		size = sqlite3_column_int64(rows, 2);
	}
	g_autofree char *path = stored_file(store, base);
	if (!path)
		return error_set(error, ERROR_STORE, "the file of a message is gone; its copy stays on the server");
	g_autofree char *bytes = NULL;
	size_t got = 0;
	if (!os_read_file(path, 512 << 20, &bytes, &got, error))
		return false;
	g_autofree char *now = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, got);
	if ((int64_t)got != size || strcmp(now, hash) != 0)
		return error_set(error, ERROR_STORE, "the file of a message is not as it was stored; its copy stays on the server");
	return true;
}

bool
store_uidl_forget(Store *store, int64_t not_seen_since, GError **error)
{
	return db_run(store->ops, error, "DELETE FROM uidl WHERE state=4 OR last_seen<?", "i", not_seen_since);
}
