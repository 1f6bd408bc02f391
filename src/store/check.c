/* store/check.c: does cache.db agree with the files; making it anew from them */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib/gstdio.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "src/store/internal.h"

typedef struct Check { Store *store; StoreReport report; void *data; unsigned problems; } Check;

static void G_GNUC_PRINTF(3, 4)
say(StoreReport report, void *data, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *line = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	if (report)
		report(data, line);
}

static void
check_integrity(Check *check)
{
	Db *const files[] = { check->store->cache, check->store->ops };
	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autoptr(GError) failure = NULL;
		g_autoptr(DbRows) rows = db_query(files[i], &failure, "PRAGMA quick_check(20)", "");
		while (rows && db_next(files[i], rows, &failure) == 1) {
			if (strcmp(db_text(rows, 0), "ok") == 0)
				continue;
			check->problems++;
			say(check->report, check->data, "%s: %s", files[i]->path, db_text(rows, 0));
		}
		if (failure) {
			check->problems++;
			say(check->report, check->data, "%s", failure->message);
		}
	}
}

static GHashTable *
files_of(Store *store, int64_t folder)
{
	static const char *const parts[] = { "cur", "new" };
	GHashTable *files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autofree char *dir = folder_dir(store, folder, NULL);
	for (size_t i = 0; dir && i < G_N_ELEMENTS(parts); i++) {
		g_autofree char *path = g_build_filename(dir, parts[i], NULL);
		g_autoptr(GDir) listing = g_dir_open(path, 0, NULL);
		const char *name;
		while (listing && (name = g_dir_read_name(listing)))
			if (*name != '.')
				g_hash_table_add(files, maildir_name_base(name));
	}
	return files;
}

static void
check_files(Check *check, const Folder *folder)
{
	g_autoptr(GHashTable) files = files_of(check->store, folder->id.v);
	unsigned missing = 0;
	g_autoptr(DbRows) rows = db_query(check->store->cache, NULL, "SELECT base FROM msg WHERE folder=? AND place=folder AND base IS NOT NULL", "i",
					  folder->id.v);
	while (rows && db_next(check->store->cache, rows, NULL) == 1)
		missing += !g_hash_table_remove(files, db_text(rows, 0));
	guint extra = g_hash_table_size(files);
	if (missing)
		say(check->report, check->data, "%s: %u messages have lost their file", folder->name, missing);
	if (extra)
		say(check->report, check->data, "%s: %u files are not in the list", folder->name, extra);
	check->problems += missing + extra;
}

static void
check_number(Check *check, const char *sql, const char *words)
{
	g_autoptr(GError) failure = NULL;
	int64_t n = db_number(check->store->cache, &failure, 0, sql, "");
	if (failure) {
		check->problems++;
		say(check->report, check->data, "%s", failure->message);
	} else if (n) {
		check->problems += (unsigned)n;
		say(check->report, check->data, words, n);
	}
}

/* Files beside the lists: of a message whose row was lost, of a write that was cut off. They are named; no list is wrong for them. */
static void
check_left_over(Check *check)
{
	g_autoptr(GPtrArray) orphans = outbox_orphans(check->store);
	for (guint i = 0; i < orphans->len; i++)
		say(check->report, check->data, "outbox: %s/%s belongs to no message; it was left by a crash", check->store->outbox_dir, (const char *)orphans->pdata[i]);
	g_autoptr(GDir) listing = g_dir_open(check->store->drafts_dir, 0, NULL);
	const char *name;
	while (listing && (name = g_dir_read_name(listing))) {
		if (g_str_has_suffix(name, ".draft") && *name != '.')
			continue;
		say(check->report, check->data, "drafts: %s/%s is no draft", check->store->drafts_dir, name);
	}
}

bool
store_check(Store *store, StoreReport report, void *data, unsigned *ret_problems, GError **error)
{
	Check check = { store, report, data, 0 };
	g_autoptr(GPtrArray) folders = store_folders(store, error);
	if (!folders)
		return false;
	check_integrity(&check);
	for (guint i = 0; i < folders->len; i++)
		if (((const Folder *)folders->pdata[i])->selectable)
			check_files(&check, folders->pdata[i]);
	check_number(&check,
		     "SELECT count(*) FROM folder f WHERE total<>(SELECT count(*) FROM msg WHERE folder=f.id)"
		     " OR unread<>(SELECT count(*) FROM msg WHERE folder=f.id AND flags & 1 = 0)"
		     " OR flagged<>(SELECT count(*) FROM msg WHERE folder=f.id AND flags & 4 <> 0)",
		     "%" G_GINT64_FORMAT " folders count wrongly");
	check_number(&check, "SELECT count(*) FROM msg WHERE folder>0 AND NOT EXISTS(SELECT 1 FROM folder f WHERE f.id=msg.folder)",
		     "%" G_GINT64_FORMAT " messages are in no folder");
	check_number(&check, "SELECT count(*) FROM msg WHERE thread=0", "%" G_GINT64_FORMAT " messages are in no conversation");
	check_number(&check,
		     "SELECT count(*) FROM (SELECT 1 FROM msg WHERE folder>0 GROUP BY folder, thread HAVING min(thread_date)<>max(date) OR"
		     " max(thread_date)<>max(date))",
		     "%" G_GINT64_FORMAT " conversations are sorted wrongly");
	check_number(&check, "SELECT count(*) FROM msg WHERE dirty<>0", "%" G_GINT64_FORMAT " files have not followed their message yet");
	check_left_over(&check);
	int64_t outbox = db_number(store->ops, NULL, 0, "SELECT count(*) FROM outbox WHERE state NOT IN (5,8)", "");
	if (outbox)
		say(report, data, "outbox: %" G_GINT64_FORMAT " messages wait to be sent", outbox);
	say(report, data, check.problems ? "%u problems; `surel store rebuild` makes the lists anew from the mail files" : "%u problems", check.problems);
	*ret_problems = check.problems;
	return true;
}

/* Rows from the files; folder names from ops.db. The caller holds the opening lock or is the only worker. */
bool
store_rebuild_rows(Store *store, StoreReport report, void *data, GError **error)
{
	if (!folder_restore_names(store, error))
		return false;
	g_autoptr(GPtrArray) folders = store_folders(store, error);
	if (!folders)
		return false;
	for (guint i = 0; i < folders->len; i++) {
		const Folder *folder = folders->pdata[i];
		unsigned found = 0;
		if (folder->selectable && !store_adopt_orphans(store, folder->id.v, &found, error))
			return error_wrap(error, "%s", folder->name);
		say(report, data, "%s: %u messages", folder->name, found);
	}
	int64_t newest = db_number(store->ops, NULL, 0, "SELECT max(id) FROM op", "");
	g_autoptr(Txn) txn = txn_begin(store->cache, error);
	return txn && store_meta_set(store, "rebuilt_at", newest, error) && store_meta_set(store, "rebuild", 0, error) &&
	       txn_commit(g_steal_pointer(&txn), error) && store_apply_pending(store, NULL, error);
}

bool
store_rebuild(Store *store, StoreReport report, void *data, GError **error)
{
	if (!store_need_worker(store, error))
		return false;
	/* Folders keep their ids, and row ids are never used again: what other processes hold in memory stays true or is not found. */
	static const char *const wipe[] = { "DELETE FROM msg", "DELETE FROM ref", "DELETE FROM thread_alias",
					    "DELETE FROM contact", "DELETE FROM unindex" };
	g_autoptr(Txn) txn = txn_begin(store->cache, error);
	if (!txn)
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(wipe); i++)
		if (!db_run(store->cache, error, wipe[i], ""))
			return false;
	if (!store_meta_set(store, "applied_op", 0, error) ||
	    !store_meta_set(store, "rebuild", 1, error) || !txn_commit(g_steal_pointer(&txn), error))
		return false;
	store_changed(store);
	return store_rebuild_rows(store, report, data, error);
}
