/* store/folders.c: folder rows, their directories and their counters */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gstdio.h>
#include <string.h>

#include "src/store/internal.h"

enum { DIR_NAME_MAX_BYTES = 180 };

#define FOLDER_COLUMNS                                                                                                        \
	"f.id,f.name,f.raw,f.delimiter,f.role,f.selectable,f.local,f.total,f.unread,f.flagged,f.uidvalidity,f.uidnext,f.modseq," \
	"f.last_full"

void
folder_free(Folder *folder)
{
	if (!folder)
		return;
	g_free(folder->name);
	g_free(folder->raw);
	g_free(folder);
}

static Folder *
folder_from_row(DbRows *rows)
{
	Folder *folder = g_new0(Folder, 1);
	folder->id.v = sqlite3_column_int64(rows, 0);
	folder->name = g_strdup(db_text(rows, 1));
	folder->raw = g_strdup(db_text(rows, 2));
	folder->delimiter = (char)sqlite3_column_int(rows, 3);
	int role = sqlite3_column_int(rows, 4);
	folder->role = role >= ROLE_NONE && role <= ROLE_ALL ? (FolderRole)role : ROLE_NONE;
	folder->selectable = sqlite3_column_int(rows, 5) != 0;
	folder->local = sqlite3_column_int(rows, 6) != 0;
	folder->total = sqlite3_column_int64(rows, 7);
	folder->unread = sqlite3_column_int64(rows, 8);
	folder->flagged = sqlite3_column_int64(rows, 9);
	folder->uidvalidity = (uint32_t)sqlite3_column_int64(rows, 10);
	folder->uidnext = (uint32_t)sqlite3_column_int64(rows, 11);
	folder->modseq = (uint64_t)sqlite3_column_int64(rows, 12);
	folder->last_full = sqlite3_column_int64(rows, 13);
	return folder;
}

static void
count_row(Folder *folder, uint32_t flags, int sign)
{
	folder->total += sign;
	folder->unread += flags & FLAG_SEEN ? 0 : sign;
	folder->flagged += flags & FLAG_FLAGGED ? sign : 0;
}

/* Counters as they will be once the pending operations are applied. */
static void
overlay_counters(Store *store, GPtrArray *folders)
{
	if (overlay_empty(store))
		return;
	g_autoptr(GHashTable) by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
	for (guint i = 0; i < folders->len; i++) {
		Folder *folder = folders->pdata[i];
		g_hash_table_insert(by_id, &folder->id.v, folder);
	}
	GHashTableIter iter;
	gpointer value;
	g_hash_table_iter_init(&iter, overlay_rows(store));
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const OverlayRow *row = value;
		Folder *was = g_hash_table_lookup(by_id, &row->was_folder);
		if (was)
			count_row(was, row->was_flags, -1);
		Folder *now = g_hash_table_lookup(by_id, &row->msg->folder.v);
		if (now)
			count_row(now, row->msg->flags, 1);
	}
}

static int
compare_folders(const void *a, const void *b)
{
	static const int order[] = { [ROLE_INBOX] = 0, [ROLE_DRAFTS] = 1, [ROLE_SENT] = 2, [ROLE_ARCHIVE] = 3,
				     [ROLE_JUNK] = 4, [ROLE_TRASH] = 5, [ROLE_ALL] = 6, [ROLE_NONE] = 7 };
	const Folder *left = *(Folder *const *)a, *right = *(Folder *const *)b;
	if (left->role != right->role)
		return order[left->role] - order[right->role];
	g_autofree char *left_key = g_utf8_collate_key_for_filename(left->name, -1);
	g_autofree char *right_key = g_utf8_collate_key_for_filename(right->name, -1);
	return strcmp(left_key, right_key);
}

GPtrArray *
store_folders(Store *store, GError **error)
{
	g_autoptr(Txn) txn = store_read_begin(store, error);
	g_autoptr(DbRows) rows = txn ? db_query(store->cache, error, "SELECT " FOLDER_COLUMNS " FROM folder f WHERE hidden=0", "") : NULL;
	if (!rows)
		return NULL;
	g_autoptr(GPtrArray) folders = g_ptr_array_new_with_free_func((GDestroyNotify)folder_free);
	int got;
	for (got = db_next(store->cache, rows, error); got == 1; got = db_next(store->cache, rows, error))
		g_ptr_array_add(folders, folder_from_row(rows));
	if (got < 0)
		return NULL;
	overlay_counters(store, folders);
	g_ptr_array_sort(folders, compare_folders);
	return g_steal_pointer(&folders);
}

static Folder *
one_folder(Store *store, bool *ret_failed, GError **error, const char *sql, const char *types, int64_t number, const char *text)
{
	g_autoptr(Txn) txn = store_read_begin(store, error);
	*ret_failed = true;
	g_autoptr(DbRows) rows = !txn ? NULL : *types == 'i' ? db_query(store->cache, error, sql, types, number) : db_query(store->cache, error, sql, types, text);
	int got = rows ? db_next(store->cache, rows, error) : -1;
	*ret_failed = got < 0;
	if (got != 1)
		return NULL;
	g_autoptr(GPtrArray) one = g_ptr_array_new();
	Folder *folder = folder_from_row(rows);
	g_ptr_array_add(one, folder);
	overlay_counters(store, one);
	return folder;
}

Folder *
store_folder(Store *store, FolderId id, GError **error)
{
	bool failed;
	Folder *folder = one_folder(store, &failed, error, "SELECT " FOLDER_COLUMNS " FROM folder f WHERE id=?", "i", id.v, NULL);
	if (!folder && !failed)
		error_set(error, ERROR_NOT_FOUND, "the folder is not there any more");
	return folder;
}

Folder *
store_folder_by_role(Store *store, FolderRole role, GError **error)
{
	bool failed;
	return one_folder(store, &failed, error,
			  "SELECT " FOLDER_COLUMNS " FROM folder f WHERE role=? AND hidden=0 ORDER BY selectable DESC, id LIMIT 1", "i", (int64_t)role,
			  NULL);
}

Folder *
store_folder_by_raw(Store *store, const char *raw, GError **error)
{
	bool failed;
	return one_folder(store, &failed, error, "SELECT " FOLDER_COLUMNS " FROM folder f WHERE raw=? AND hidden=0", "s", 0, raw);
}

bool
folder_is_local(Store *store, FolderId id)
{
	return db_number(store->cache, NULL, 0, "SELECT local FROM folder WHERE id=?", "i", id.v) != 0;
}

/* An account whose folders are all local has no server to tell. */
bool
account_is_local(Store *store)
{
	return db_number(store->cache, NULL, 0, "SELECT count(*) FROM folder WHERE local=0 AND hidden=0", "") == 0;
}

int64_t
folder_id_by_raw(Store *store, const char *raw)
{
	return raw ? db_number(store->cache, NULL, 0, "SELECT id FROM folder WHERE raw=?", "s", raw) : 0;
}

char *
folder_raw(Store *store, int64_t id)
{
	g_autoptr(DbRows) rows = db_query(store->cache, NULL, "SELECT raw FROM folder WHERE id=?", "i", id);
	return rows && db_next(store->cache, rows, NULL) == 1 ? g_strdup(db_text(rows, 0)) : NULL;
}

char *
folder_label(Store *store, const char *raw)
{
	g_autoptr(DbRows) rows = db_query(store->cache, NULL, "SELECT name FROM folder WHERE raw=?", "s", raw ? raw : "");
	return g_strdup(rows && db_next(store->cache, rows, NULL) == 1 ? db_text(rows, 0) : raw ? raw : "");
}

char *
folder_dir(Store *store, int64_t place, GError **error)
{
	if (place == PLACE_REMOVED)
		return g_strdup(store->removed_dir);
	if (place == PLACE_STAGING)
		return g_strdup(store->staging_dir);
	g_autoptr(DbRows) rows = db_query(store->cache, error, "SELECT dir FROM folder WHERE id=?", "i", place);
	int got = rows ? db_next(store->cache, rows, error) : -1;
	if (got == 1)
		return g_build_filename(store->mail_dir, db_text(rows, 0), NULL);
	if (got == 0)
		error_set(error, ERROR_NOT_FOUND, "the folder is not there any more");
	return NULL;
}

/* A directory name from a server's string: one component, injective but for very long names, readable for people. "/" between
 * levels becomes "."; every other byte with a meaning to file systems, Maildir++ or terminals becomes %XX. */
static char *
dir_name(const char *name)
{
	g_autoptr(GString) out = g_string_new(NULL);
	for (const char *at = name; *at; at++) {
		unsigned char byte = (unsigned char)*at;
		if (byte == '/')
			g_string_append_c(out, out->len ? '.' : '%');
		else if (byte < 0x20 || byte == 0x7f || strchr(".%:\\*?\"<>|", byte) || (byte == ' ' && (at == name || !at[1])))
			g_string_append_printf(out, "%%%02X", byte);
		else
			g_string_append_c(out, (char)byte);
	}
	if (out->len > DIR_NAME_MAX_BYTES) {
		g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, name, -1);
		const char *cut = g_utf8_find_prev_char(out->str, out->str + DIR_NAME_MAX_BYTES);
		g_string_truncate(out, cut ? (gsize)(cut - out->str) : DIR_NAME_MAX_BYTES);
		g_string_append_printf(out, "~%.12s", digest);
	}
	return g_string_free(g_steal_pointer(&out), FALSE);
}

static char *
free_dir_name(Store *store, const char *name)
{
	g_autofree char *wanted = dir_name(*name ? name : "folder");
	for (unsigned n = 1;; n++) {
		char *dir = n == 1 ? g_strdup(wanted) : g_strdup_printf("%s~%u", wanted, n);
		if (!db_number(store->cache, NULL, 0, "SELECT count(*) FROM folder WHERE dir=? COLLATE NOCASE", "s", dir) &&
		    !db_number(store->ops, NULL, 0, "SELECT count(*) FROM folder_name WHERE dir=? COLLATE NOCASE", "s", dir))
			return dir;
		g_free(dir);
	}
}

bool
folder_make_dirs(Store *store, const char *dir, GError **error)
{
	static const char *const parts[] = { "cur", "new", "tmp" };
	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
		g_autofree char *path = g_build_filename(store->mail_dir, dir, parts[i], NULL);
		if (!g_file_test(path, G_FILE_TEST_IS_DIR) && !os_make_dir(path, error))
			return false;
	}
	return true;
}

/* The directory this folder had before cache.db was lost, if any. */
static char *
known_dir(Store *store, const char *raw)
{
	g_autoptr(DbRows) rows = db_query(store->ops, NULL, "SELECT dir FROM folder_name WHERE raw=?", "s", raw);
	return rows && db_next(store->ops, rows, NULL) == 1 ? g_strdup(db_text(rows, 0)) : NULL;
}

static bool
insert_folder(Store *store, const Folder *folder, int64_t *ret_id, GError **error)
{
	g_autofree char *dir = known_dir(store, folder->raw);
	if (!dir) {
		dir = free_dir_name(store, folder->name);
		if (!db_run(store->ops, error, "INSERT INTO folder_name VALUES(?,?,?,?,?,?,?)", "sssiiii", folder->raw, folder->name, dir,
			    (int64_t)folder->delimiter, (int64_t)folder->role, (int64_t)folder->selectable, (int64_t)folder->local))
			return false;
	}
	if (folder->selectable && !folder_make_dirs(store, dir, error))
		return false;
	if (!db_run(store->cache, error, "INSERT INTO folder(raw,name,dir,delimiter,role,selectable,local,uidvalidity) VALUES(?,?,?,?,?,?,?,?)",
		    "sssiiiii", folder->raw, folder->name, dir, (int64_t)folder->delimiter, (int64_t)folder->role, (int64_t)folder->selectable,
		    (int64_t)folder->local, (int64_t)folder->uidvalidity))
		return false;
	*ret_id = db_last_id(store->cache);
	return true;
}

static bool
update_folder(Store *store, const Folder *folder, int64_t id, GError **error)
{
	g_autofree char *dir = folder_dir(store, id, error);
	if (!dir)
		return false;
	g_autofree char *dir_base = g_path_get_basename(dir);
	if (folder->selectable && !folder_make_dirs(store, dir_base, error))
		return false;
	if (!db_run(store->cache, error,
		    "UPDATE folder SET name=?1, delimiter=?2, role=?3, selectable=?4, local=?5, hidden=0 WHERE id=?6 AND NOT"
		    " (name=?1 AND delimiter=?2 AND role=?3 AND selectable=?4 AND local=?5 AND hidden=0)",
		    "siiiii", folder->name, (int64_t)folder->delimiter, (int64_t)folder->role, (int64_t)folder->selectable, (int64_t)folder->local, id))
		return false;
	if (db_changes(store->cache) == 0)
		return true;
	return db_run(store->ops, error, "UPDATE folder_name SET name=?, delimiter=?, role=?, selectable=?, local=? WHERE raw=?", "siiiis",
		      folder->name, (int64_t)folder->delimiter, (int64_t)folder->role, (int64_t)folder->selectable, (int64_t)folder->local,
		      folder->raw);
}

bool
store_folder_put(Store *store, const Folder *folder, FolderId *ret_id, GError **error)
{
	if (!store_need_worker(store, error))
		return false;
	int64_t id = folder_id_by_raw(store, folder->raw);
	g_autoptr(Txn) txn = txn_begin(store->cache, error);
	if (!txn)
		return false;
	id = folder_id_by_raw(store, folder->raw);
	bool ok = id ? update_folder(store, folder, id, error) : insert_folder(store, folder, &id, error);
	if (!ok || !txn_commit(g_steal_pointer(&txn), error))
		return error_wrap(error, "folder %s", folder->name);
	store_changed(store);
	if (ret_id)
		ret_id->v = id;
	return true;
}

bool
store_folder_gone(Store *store, FolderId id, GError **error)
{
	if (!store_need_worker(store, error) || !db_run(store->cache, error, "UPDATE folder SET hidden=1, role=0 WHERE id=? AND hidden=0", "i", id.v))
		return false;
	store_changed(store);
	return true;
}

bool
store_folder_synced(Store *store, FolderId folder, uint32_t uidvalidity, uint32_t uidnext, uint64_t modseq, bool full, GError **error)
{
	int64_t now = g_get_real_time() / G_USEC_PER_SEC;
	g_autoptr(Txn) txn = txn_begin(store->cache, error);
	if (!txn)
		return false;
	/* After a full listing a row without UID, body and pending operation stands for nothing: the new epoch did not have it. */
	if (full && !folder_is_local(store, folder)) {
		g_autoptr(GArray) ghosts = g_array_new(FALSE, FALSE, sizeof(int64_t));
		{
			g_autoptr(DbRows) rows = db_query(store->cache, error, "SELECT id FROM msg WHERE folder=? AND uid=0 AND state=0 AND op IS NULL", "i", folder.v);
			while (rows && db_next(store->cache, rows, NULL) == 1) {
				int64_t id = sqlite3_column_int64(rows, 0);
				g_array_append_val(ghosts, id);
			}
		}
		for (guint i = 0; i < ghosts->len; i++) {
			int64_t id = g_array_index(ghosts, int64_t, i);
			bool wanted = db_number(store->ops, NULL, 1, "SELECT count(*) FROM op WHERE msg=? AND cache_id=? AND state<3", "ii", id, store->cache_id) != 0;
			if (!wanted && !msg_delete_row(store, id, error))
				return false;
		}
	}
	if (!db_run(store->cache, error,
		    "UPDATE folder SET uidvalidity=?1, uidnext=?2, modseq=?3, last_full=CASE ?4 WHEN 1 THEN ?5 ELSE last_full END WHERE id=?6 AND"
		    " (?4=1 OR NOT (uidvalidity=?1 AND uidnext=?2 AND modseq=?3))",
		    "iiiiii", (int64_t)uidvalidity, (int64_t)uidnext, (int64_t)modseq, (int64_t)full, now, folder.v))
		return false;
	return txn_commit(g_steal_pointer(&txn), error);
}

bool
folder_restore_names(Store *store, GError **error)
{
	g_autoptr(GPtrArray) folders = g_ptr_array_new_with_free_func((GDestroyNotify)folder_free);
	g_autoptr(GHashTable) dirs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	{
		g_autoptr(DbRows) rows = db_query(store->ops, error, "SELECT raw,name,dir,delimiter,role,selectable,local FROM folder_name", "");
		while (rows && db_next(store->ops, rows, NULL) == 1) {
			Folder *folder = g_new0(Folder, 1);
			folder->raw = g_strdup(db_text(rows, 0));
			folder->name = g_strdup(db_text(rows, 1));
			folder->delimiter = (char)sqlite3_column_int(rows, 3);
			folder->role = (FolderRole)sqlite3_column_int(rows, 4);
			folder->selectable = sqlite3_column_int(rows, 5) != 0;
			folder->local = sqlite3_column_int(rows, 6) != 0;
			g_hash_table_add(dirs, g_strdup(db_text(rows, 2)));
			g_ptr_array_add(folders, folder);
		}
	}
	for (guint i = 0; i < folders->len; i++)
		if (!store_folder_put(store, folders->pdata[i], NULL, error))
			return false;
	/* Directories nobody knows (ops.db lost too): a local folder under the directory's name. */
	g_autoptr(GDir) listing = g_dir_open(store->mail_dir, 0, NULL);
	const char *dir;
	while (listing && (dir = g_dir_read_name(listing))) {
		g_autofree char *cur = g_build_filename(store->mail_dir, dir, "cur", NULL);
		if (g_hash_table_contains(dirs, dir) || *dir == '.' || !g_file_test(cur, G_FILE_TEST_IS_DIR))
			continue;
		Folder folder = { .name = (char *)dir, .raw = (char *)dir, .selectable = true, .local = account_is_local(store) };
		if (!db_run(store->ops, error, "INSERT OR IGNORE INTO folder_name VALUES(?,?,?,0,0,1,?)", "sssi", dir, dir, dir, (int64_t)folder.local) ||
		    !store_folder_put(store, &folder, NULL, error))
			return false;
	}
	return true;
}
