/* store/db.h: SQLite for this folder: opening, cached statements, transactions that roll back at scope exit */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <sqlite3.h>

#include "surel/base.h"

typedef struct Db {
	sqlite3 *handle;
	GHashTable *statements;	/* SQL text -> sqlite3_stmt * */
	sqlite3_stmt *recent[64];	/* by the address of the text */
	char *path;
	bool damaged;		/* SQLite said CORRUPT or NOTADB */
} Db;

typedef enum DbSync { DB_SYNC_NORMAL, DB_SYNC_FULL } DbSync;
/* Opens path in WAL mode, created 0600 where missing, and runs the migrations it lacks (PRAGMA user_version counts them).
 * NULL with ERROR_STORE; *ret_damaged tells a broken file from other mistakes. */
Db *db_open(const char *path, DbSync sync, const char *const *migrations, bool *ret_damaged, GError **error);
void db_close(Db *db);

/* A prepared, bound statement from the cache, borrowed; reset at scope exit by g_autoptr(DbRows). Arguments follow types:
 * 'i' int64_t, 's' const char * (NULL ok), 'b' const void * and size_t. The same SQL cannot be in use twice at once. */
typedef sqlite3_stmt DbRows;
DbRows *db_query(Db *db, GError **error, const char *sql, const char *types, ...);
void db_rows_done(DbRows *rows);
/* 1: a row, 0: no more, -1: error. */
int db_next(Db *db, DbRows *rows, GError **error);
/* Runs a statement to its end. */
bool db_run(Db *db, GError **error, const char *sql, const char *types, ...);
/* First column of the first row; preset without a row or on failure (failure is in *error). */
int64_t db_number(Db *db, GError **error, int64_t preset, const char *sql, const char *types, ...);
int64_t db_last_id(Db *db);
int db_changes(Db *db);
/* Text of a column; "" for NULL. Borrowed until the next step. */
const char *db_text(DbRows *rows, int column);
bool db_fail(Db *db, GError **error);
/* Grows with every commit of another connection. */
int64_t db_version(Db *db);

/* Leaving the scope without db_commit rolls back. Inside an open transaction a further one is part of the outer. */
typedef struct Txn { Db *db; bool outer; } Txn;
Txn *txn_begin(Db *db, GError **error);		/* IMMEDIATE: the write lock is taken now, waiting at most 10 s */
Txn *txn_read(Db *db, GError **error);		/* one snapshot for several reads */
bool txn_commit(Txn *txn, GError **error);	/* frees txn */
void txn_end(Txn *txn);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Db, db_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbRows, db_rows_done)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Txn, txn_end)
