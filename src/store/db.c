/* store/db.c: SQLite for this folder: opening, cached statements, transactions that roll back at scope exit */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

enum { DB_BUSY_MS = 10000 };

bool
db_fail(Db *db, GError **error)
{
	int code = sqlite3_errcode(db->handle);
	int system_errno = sqlite3_system_errno(db->handle);
	const char *words = sqlite3_errmsg(db->handle);
	if (code == SQLITE_FULL || (code == SQLITE_IOERR && (system_errno == ENOSPC || system_errno == EDQUOT)))
		return error_set(error, ERROR_DISK_FULL, "%s: no room on the disk; nothing was changed", db->path);
	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
		db->damaged = true;
		return error_set(error, ERROR_STORE, "%s is damaged (%s)", db->path, words);
	}
	if (code == SQLITE_PERM || code == SQLITE_READONLY || code == SQLITE_CANTOPEN || code == SQLITE_AUTH)
		return error_set(error, ERROR_PERMISSION, "%s: %s", db->path, words);
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return error_set(error, ERROR_STORE, "%s is held by another program for too long; nothing was changed", db->path);
	return error_set(error, ERROR_STORE, "%s: %s", db->path, words);
}

static void
finalize(void *statement)
{
	sqlite3_finalize(statement);
}

static bool
run_script(Db *db, const char *sql, GError **error)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK || db_fail(db, error);
}

static bool
migrate(Db *db, const char *const *migrations, GError **error)
{
	int64_t have = db_number(db, error, -1, "PRAGMA user_version", "");
	if (have < 0)
		return false;
	int64_t want = 0;
	while (migrations[want])
		want++;
	if (have == want)
		return true;
	if (have > want)
		return error_set(error, ERROR_STORE, "%s was written by a newer surel; update this one", db->path);
	g_autoptr(Txn) txn = txn_begin(db, error);
	if (!txn)
		return false;
	have = db_number(db, error, -1, "PRAGMA user_version", "");	/* another process may have been first */
	if (have < 0)
		return false;
	for (; have < want; have++) {
		g_autofree char *mark = g_strdup_printf("PRAGMA user_version=%" G_GINT64_FORMAT, have + 1);
		if (!run_script(db, migrations[have], error) || !run_script(db, mark, error))
			return false;
	}
	return txn_commit(g_steal_pointer(&txn), error);
}

Db *
db_open(const char *path, DbSync sync, const char *const *migrations, bool *ret_damaged, GError **error)
{
	g_autoptr(Db) db = g_new0(Db, 1);
	db->path = g_strdup(path);
	db->statements = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, finalize);
	int fd = g_open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);	/* SQLite would make it 0644 */
	if (fd >= 0)
		close(fd);
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	bool ok = sqlite3_open_v2(path, &db->handle, flags, NULL) == SQLITE_OK;
	if (!db->handle) {
		error_set(error, ERROR_STORE, "%s: out of memory", path);
		return NULL;
	}
	sqlite3_extended_result_codes(db->handle, 0);
	sqlite3_busy_timeout(db->handle, DB_BUSY_MS);
	/* mmap stays off: read-around made the cold start 8 to 13 times slower. */
	if (!ok)
		db_fail(db, error);
	else
		ok = run_script(db,
				"PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;"
				"PRAGMA journal_size_limit=67108864; PRAGMA foreign_keys=OFF",
				error) &&
		     run_script(db, sync == DB_SYNC_FULL ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16384;"
				"PRAGMA wal_autocheckpoint=4000", error) &&
		     migrate(db, migrations, error);
	if (ret_damaged)
		*ret_damaged = db->damaged;
	return ok ? g_steal_pointer(&db) : NULL;
}

void
db_close(Db *db)
{
	if (!db)
		return;
	g_hash_table_unref(db->statements);
	sqlite3_close(db->handle);
	g_free(db->path);
	g_free(db);
}

/* Most SQL is a constant: its address finds the statement; the text, compared, says whether it is that one. */
static sqlite3_stmt **
recent(Db *db, const char *sql)
{
	return &db->recent[((uintptr_t)sql >> 4) % G_N_ELEMENTS(db->recent)];
}

static sqlite3_stmt *
cached(Db *db, const char *sql, GError **error)
{
	sqlite3_stmt **slot = recent(db, sql), *statement = *slot;
	if (!statement || strcmp(sqlite3_sql(statement), sql) != 0)
		statement = g_hash_table_lookup(db->statements, sql);
	if (statement) {
		*slot = statement;
		sqlite3_reset(statement);
		sqlite3_clear_bindings(statement);
		return statement;
	}
	if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) {
		db_fail(db, error);
		return NULL;
	}
	g_hash_table_insert(db->statements, (char *)sqlite3_sql(statement), statement);
	*slot = statement;
	return statement;
}

/* keep: SQLITE_TRANSIENT where the statement outlives the call, SQLITE_STATIC where it has ended by then. */
static void
bind_all(sqlite3_stmt *statement, sqlite3_destructor_type keep, const char *types, va_list arguments)
{
	int at = 1;
	for (const char *type = types; *type; type++, at++) {
		if (*type == 'i') {
			sqlite3_bind_int64(statement, at, va_arg(arguments, int64_t));
		} else if (*type == 's') {
			sqlite3_bind_text(statement, at, va_arg(arguments, const char *), -1, keep);
		} else {
			const void *bytes = va_arg(arguments, const void *);
			size_t size = va_arg(arguments, size_t);
			sqlite3_bind_blob64(statement, at, size ? bytes : NULL, size, keep);
		}
	}
}

DbRows *
db_query(Db *db, GError **error, const char *sql, const char *types, ...)
{
	sqlite3_stmt *statement = cached(db, sql, error);
	if (!statement)
		return NULL;
	va_list arguments;
	va_start(arguments, types);
	bind_all(statement, SQLITE_TRANSIENT, types, arguments);
	va_end(arguments);
	return statement;
}

void
db_rows_done(DbRows *rows)
{
	if (rows)
		sqlite3_reset(rows);
}

int
db_next(Db *db, DbRows *rows, GError **error)
{
	int code = sqlite3_step(rows);
	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE)
		return 0;
	db_fail(db, error);
	return -1;
}

bool
db_run(Db *db, GError **error, const char *sql, const char *types, ...)
{
	g_autoptr(DbRows) rows = cached(db, sql, error);
	if (!rows)
		return false;
	va_list arguments;
	va_start(arguments, types);
	bind_all(rows, SQLITE_STATIC, types, arguments);
	va_end(arguments);
	int code = SQLITE_ROW;
	while (code == SQLITE_ROW)
		code = sqlite3_step(rows);
	return code == SQLITE_DONE || db_fail(db, error);
}

int64_t
db_number(Db *db, GError **error, int64_t preset, const char *sql, const char *types, ...)
{
	g_autoptr(DbRows) rows = cached(db, sql, error);
	if (!rows)
		return preset;
	va_list arguments;
	va_start(arguments, types);
	bind_all(rows, SQLITE_STATIC, types, arguments);
	va_end(arguments);
	int got = db_next(db, rows, error);
	return got == 1 && sqlite3_column_type(rows, 0) != SQLITE_NULL ? sqlite3_column_int64(rows, 0) : preset;
}

int64_t
db_last_id(Db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

int
db_changes(Db *db)
{
	return sqlite3_changes(db->handle);
}

const char *
db_text(DbRows *rows, int column)
{
	const char *text = (const char *)sqlite3_column_text(rows, column);
	return text ? text : "";
}

int64_t
db_version(Db *db)
{
	return db_number(db, NULL, 0, "PRAGMA data_version", "");
}

static Txn *
begin(Db *db, const char *sql, GError **error)
{
	Txn *txn = g_new0(Txn, 1);
	txn->db = db;
	txn->outer = sqlite3_get_autocommit(db->handle) != 0;
	if (txn->outer && !db_run(db, error, sql, "")) {
		g_free(txn);
		return NULL;
	}
	return txn;
}

Txn *
txn_begin(Db *db, GError **error)
{
	return begin(db, "BEGIN IMMEDIATE", error);
}

Txn *
txn_read(Db *db, GError **error)
{
	return begin(db, "BEGIN", error);
}

bool
txn_commit(Txn *txn, GError **error)
{
	bool ok = !txn->outer || db_run(txn->db, error, "COMMIT", "");
	txn_end(txn);	/* rolls back what a failed COMMIT left open */
	return ok;
}

void
txn_end(Txn *txn)
{
	if (!txn)
		return;
	if (txn->outer && !sqlite3_get_autocommit(txn->db->handle))
		sqlite3_exec(txn->db->handle, "ROLLBACK", NULL, NULL, NULL);
	g_free(txn);
}
