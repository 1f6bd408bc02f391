/* store/store.c: opening one account's store: directories, schema, recovery from a damaged or missing cache */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/store/internal.h"

enum { BACKUP_SECONDS = 24 * 3600 };

int64_t
store_meta(Store *store, const char *key, int64_t preset)
{
	return db_number(store->cache, NULL, preset, "SELECT value FROM meta WHERE key=?", "s", key);
}

bool
store_meta_set(Store *store, const char *key, int64_t value, GError **error)
{
	return db_run(store->cache, error, "INSERT INTO meta VALUES(?,?) ON CONFLICT(key) DO UPDATE SET value=excluded.value", "si", key, value);
}

bool
store_need_worker(Store *store, GError **error)
{
	return store->mode == STORE_WORKER || error_set(error, ERROR_STORE, "the cache of %s is written by its workers only", store->account);
}

static void
remove_side_files(const char *path)
{
	static const char *const suffixes[] = { "-wal", "-shm" };
	for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
		g_autofree char *side = g_strconcat(path, suffixes[i], NULL);
		g_unlink(side);
	}
}

/* True when damage is found: a torn page may show only when it is read. The header and the schema are read by opening. */
static bool
probe_damaged(Db *db)
{
	g_autoptr(GError) error = NULL;
	db_number(db, &error, 0, "SELECT count(*) FROM folder", "");
	if (!error)
		db_number(db, &error, 0, "SELECT max(id) FROM msg", "");
	return db->damaged;
}

static bool
open_cache(Store *store, GError **error)
{
	g_autofree char *path = g_build_filename(store->account_dir, "cache.db", NULL);
	bool existed = g_file_test(path, G_FILE_TEST_EXISTS);
	if (!existed)
		remove_side_files(path);	/* a log without its file belongs to nothing */
	bool damaged = false;
	g_autoptr(GError) first = NULL;
	store->cache = db_open(path, DB_SYNC_NORMAL, cache_schema, &damaged, &first);
	if (store->cache && probe_damaged(store->cache))
		damaged = true;
	if (damaged) {
		g_autofree char *aside = g_strconcat(path, ".damaged", NULL);
		log_warn(LOG_STORE, "cache.db is damaged: kept as cache.db.damaged, made new from the mail files");
		g_clear_pointer(&store->cache, db_close);
		if (g_rename(path, aside) != 0)
			return error_set_errno(error, errno, "moving the damaged %s aside", path);
		remove_side_files(path);
		g_clear_error(&first);
		store->cache = db_open(path, DB_SYNC_NORMAL, cache_schema, NULL, &first);
	}
	if (!store->cache) {
		g_propagate_error(error, g_steal_pointer(&first));
		return false;
	}
	struct stat status;
	store->cache_inode = g_stat(path, &status) == 0 ? status.st_ino : 0;
	store->cache_id = store_meta(store, "cache_id", 0);
	if (store->cache_id)
		return true;
	g_autoptr(Txn) txn = txn_begin(store->cache, error);
	if (!txn)
		return false;
	store->cache_id = store_meta(store, "cache_id", 0);
	if (store->cache_id)
		return true;
	g_autofree char *name = random_name();
	store->cache_id = message_hash(name) | 1;
	if (!store_meta_set(store, "cache_id", store->cache_id, error) || !store_meta_set(store, "rebuild", 1, error))
		return false;
	return txn_commit(g_steal_pointer(&txn), error);
}

/* Who goes on with the copy finds out what happened since from the files: outbox_adopt_files. */
static bool
unmark_backup(const char *path, GError **error)
{
	g_autoptr(Db) copy = db_open(path, DB_SYNC_FULL, ops_schema, NULL, error);
	return copy && db_run(copy, error, "DELETE FROM meta WHERE key='outbox_known'", "") && db_run(copy, error, "PRAGMA journal_mode=DELETE", "");
}

/* At most one backup a day, by SQLite's own copy, replaced atomically. */
static void
backup_ops(Store *store)
{
	g_autofree char *path = g_strconcat(store->ops->path, ".bak", NULL);
	struct stat status;
	if (g_stat(path, &status) == 0 && g_get_real_time() / G_USEC_PER_SEC - status.st_mtime < BACKUP_SECONDS)
		return;
	g_autofree char *fresh = g_strdup_printf("%s.%d", path, (int)getpid());
	g_unlink(fresh);
	g_autoptr(GError) error = NULL;
	if (!db_run(store->ops, &error, "VACUUM INTO ?", "s", fresh) || !unmark_backup(fresh, &error)) {
		log_warn(LOG_STORE, "backup of ops.db: %s", error->message);
		g_unlink(fresh);
		return;
	}
	int fd = g_open(fresh, O_RDONLY | O_CLOEXEC, 0);
	bool ok = fd >= 0 && fsync(fd) == 0 && g_chmod(fresh, 0600) == 0 && g_rename(fresh, path) == 0;
	if (fd >= 0)
		close(fd);
	if (!ok)
		g_unlink(fresh);
}

static bool
open_ops(Store *store, GError **error)
{
	g_autofree char *path = g_build_filename(store->account_dir, "ops.db", NULL);
	g_autofree char *backup = g_strconcat(path, ".bak", NULL);
	bool damaged = false;
	g_autoptr(GError) first = NULL;
	store->ops = db_open(path, DB_SYNC_FULL, ops_schema, &damaged, &first);
	if (store->ops) {
		g_autofree char *verdict = NULL;
		g_autoptr(DbRows) rows = db_query(store->ops, NULL, "PRAGMA quick_check(1)", "");
		if (rows && db_next(store->ops, rows, &first) == 1)
			verdict = g_strdup(db_text(rows, 0));
		damaged = store->ops->damaged || g_strcmp0(verdict, "ok") != 0;
	}
	if (!damaged && store->ops)
		return outbox_adopt_files(store, error);
	g_clear_pointer(&store->ops, db_close);
	if (!damaged) {
		g_propagate_error(error, g_steal_pointer(&first));
		return false;
	}
	if (g_file_test(backup, G_FILE_TEST_EXISTS))
		return error_set(error, ERROR_STORE,
				 "%s is damaged; it holds what you did and what waits to be sent, so it is not touched. "
				 "To go on with the last good copy: mv %s %s", path, backup, path);
	return error_set(error, ERROR_STORE,
			 "%s is damaged and there is no %s yet; it holds what you did and what waits to be sent, so it is not touched. "
			 "To go on without it move it away; mail files are safe", path, backup);
}

static bool
make_dirs(Store *store, GError **error)
{
	const char *const dirs[] = { store->mail_dir, store->account_dir, store->drafts_dir, store->outbox_dir, store->staging_dir, store->removed_dir };
	for (size_t i = 0; i < G_N_ELEMENTS(dirs); i++)
		if (!os_make_dir(dirs[i], error))
			return false;
	return true;
}

/* Held while the files are opened and repaired, so that two processes do not repair at once. */
static int
lock_opening(Store *store)
{
	g_autofree char *path = g_build_filename(store->account_dir, "open.lock", NULL);
	int fd = g_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		while (flock(fd, LOCK_EX) != 0 && errno == EINTR)
			continue;
	return fd;
}

/* A delivery that was cut off left files without rows: they are adopted. The mark is flocked by who delivers. */
static bool
recover_delivery(Store *store, GError **error)
{
	g_autofree char *path = g_build_filename(store->account_dir, "delivering", NULL);
	int fd = g_open(path, O_RDWR | O_CLOEXEC, 0);
	if (fd < 0)
		return true;
	bool ok = true;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		g_autoptr(GPtrArray) folders = store_folders(store, error);
		for (guint i = 0; ok && folders && i < folders->len; i++) {
			const Folder *folder = folders->pdata[i];
			unsigned found = 0;
			ok = store_adopt_orphans(store, folder->id.v, &found, error);
			if (found)
				log_info(LOG_STORE, "adopted %u files of a delivery that was cut off", found);
		}
		ok = ok && folders;
		if (ok)
			g_unlink(path);
	}
	close(fd);
	return ok;
}

static bool
recover(Store *store, GError **error)
{
	if (store->mode != STORE_WORKER)
		return true;
	if (store_meta(store, "rebuild", 0) && !store_rebuild_rows(store, NULL, NULL, error))
		return false;
	if (!recover_delivery(store, error) || !store_settle(store, NULL, error))
		return false;
	removed_expire(store, g_get_real_time() / G_USEC_PER_SEC);
	backup_ops(store);
	return true;
}

Store *
store_open(const char *data_dir, const char *account, StoreMode mode, GError **error)
{
	if (!account || !*account || *account == '.' || strchr(account, '/')) {
		error_set(error, ERROR_INPUT, "\"%s\" cannot be the name of an account", account ? account : "");
		return NULL;
	}
	g_autoptr(Store) store = g_new0(Store, 1);
	const char *environment = g_getenv("SUREL_DATA");
	store->mode = mode;
	store->account = g_strdup(account);
	store->data_dir = data_dir ? g_strdup(data_dir) : environment && *environment ? g_strdup(environment) : os_data_dir();
	store->mail_dir = g_build_filename(store->data_dir, "mail", account, NULL);
	store->account_dir = g_build_filename(store->data_dir, "accounts", account, NULL);
	store->drafts_dir = g_build_filename(store->account_dir, "drafts", NULL);
	store->outbox_dir = g_build_filename(store->account_dir, "outbox", NULL);
	store->staging_dir = g_build_filename(store->account_dir, "staging", NULL);
	store->removed_dir = g_build_filename(store->account_dir, "removed", NULL);
	if (!make_dirs(store, error)) {
		error_wrap(error, "opening the mail of %s", account);
		return NULL;
	}
	int lock = lock_opening(store);
	bool ok = open_ops(store, error) && open_cache(store, error) && recover(store, error);
	if (lock >= 0)
		close(lock);
	if (!ok) {
		error_wrap(error, "opening the mail of %s", account);
		return NULL;
	}
	return g_steal_pointer(&store);
}

void
store_close(Store *store)
{
	if (!store)
		return;
	overlay_free(store->overlay);
	g_clear_pointer(&store->contacts, g_hash_table_unref);
	db_close(store->cache);
	db_close(store->ops);
	g_free(store->account);
	g_free(store->data_dir);
	g_free(store->mail_dir);
	g_free(store->account_dir);
	g_free(store->drafts_dir);
	g_free(store->outbox_dir);
	g_free(store->staging_dir);
	g_free(store->removed_dir);
	g_free(store);
}

const char *
store_account(const Store *store)
{
	return store->account;
}

const char *
store_drafts_dir(const Store *store)
{
	return store->drafts_dir;
}

void
store_changed(Store *store)
{
	g_clear_pointer(&store->overlay, overlay_free);
	store->own_changes++;
}

/* Another process made cache.db anew (it was damaged or deleted): ours is a file without a name. */
static void
reopen_replaced_cache(Store *store)
{
	struct stat status;
	if (!store->cache_inode || g_stat(store->cache->path, &status) != 0 || status.st_ino == store->cache_inode ||
	    !sqlite3_get_autocommit(store->cache->handle))
		return;
	g_autoptr(GError) error = NULL;
	Db *old = g_steal_pointer(&store->cache);
	int64_t old_id = store->cache_id;
	int lock = lock_opening(store);
	if (open_cache(store, &error) && recover(store, &error)) {
		db_close(old);
		store_changed(store);
	} else {
		log_warn(LOG_STORE, "opening the new cache.db: %s", error->message);
		db_close(store->cache);
		store->cache = old;
		store->cache_id = old_id;
	}
	if (lock >= 0)
		close(lock);
}

int64_t
store_generation(Store *store)
{
	reopen_replaced_cache(store);
	int64_t cache = db_version(store->cache), ops = db_version(store->ops);
	if (cache != store->seen_cache || ops != store->seen_ops || store->own_changes) {
		store->seen_cache = cache;
		store->seen_ops = ops;
		store->own_changes = 0;
		store->generation++;
	}
	return store->generation;
}
