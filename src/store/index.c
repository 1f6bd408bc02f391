/* store/index.c: the index role: bodies into notmuch, flags into file names and tags, marks into cache.db after each commit */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/store/index.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bigger buffers are slower: the buffer is a tree of terms; 1000 documents beat 10000 by 1.4 to 1.6. */
static const char flush_threshold[] = "1000";
enum { READ_AHEAD_BYTES = 128 << 10 };

bool
index_fail(notmuch_status_t status, char *message, const char *what, GError **error)
{
	g_autofree char *words = g_strdup(message ? g_strchomp(message) : notmuch_status_to_string(status));
	free(message);
	bool full = strstr(words, "No space left") != NULL;
	return error_set(error, full ? ERROR_DISK_FULL : ERROR_STORE, "%s: %s", what, words);
}

/* For people who use notmuch on the command line beside this program. */
static void
write_config(Index *index)
{
	g_autofree char *dir = g_path_get_dirname(index->root);
	g_autofree char *path = g_build_filename(dir, "notmuch.conf", NULL);
	g_autofree char *text = g_strdup_printf("# notmuch --config=%s search ...\n[database]\npath=%s\n[new]\ntags=\n[maildir]\nsynchronize_flags=false\n",
						path, index->root);
	if (!g_file_test(path, G_FILE_TEST_EXISTS))
		os_replace_file(path, text, strlen(text), 0600, NULL);
}

notmuch_database_t *
index_database(Index *index, bool write, GError **error)
{
	notmuch_database_t *database = NULL;
	char *message = NULL;
	notmuch_database_mode_t mode = write ? NOTMUCH_DATABASE_MODE_READ_WRITE : NOTMUCH_DATABASE_MODE_READ_ONLY;
	g_autofree char *xapian = g_build_filename(index->root, ".notmuch", "xapian", NULL);
	bool exists = g_file_test(xapian, G_FILE_TEST_IS_DIR);
	if (!exists && !write)
		return NULL;
	notmuch_status_t status;
	if (exists) {
		status = notmuch_database_open_with_config(index->root, mode, "", "", &database, &message);
	} else {
		if (!os_make_dir(index->root, error))
			return NULL;
		status = notmuch_database_create_with_config(index->root, "", "", &database, &message);
		write_config(index);
	}
	if (status == NOTMUCH_STATUS_SUCCESS || (status == NOTMUCH_STATUS_NO_CONFIG && database)) {
		free(message);
		return database;
	}
	index_fail(status, message, "opening the search index", error);
	return NULL;
}

Index *
index_open(const char *data_dir, bool write, GError **error)
{
	/* Read by Xapian when a database is opened; words of Chinese, Japanese and Korean are found by pairs of characters. */
	g_setenv("XAPIAN_FLUSH_THRESHOLD", flush_threshold, FALSE);
	g_setenv("XAPIAN_CJK_NGRAM", "1", TRUE);
	g_unsetenv("NOTMUCH_PROFILE");
	Index *index = g_new0(Index, 1);
	const char *environment = g_getenv("SUREL_DATA");
	g_autofree char *data = data_dir ? g_strdup(data_dir) : environment && *environment ? g_strdup(environment) : os_data_dir();
	index->root = g_canonicalize_filename("mail", data);
	index->write = write;
	if (write && !os_make_dir(index->root, error)) {
		index_close(index);
		return NULL;
	}
	return index;
}

void
index_close(Index *index)
{
	if (!index)
		return;
	if (index->reader)
		notmuch_database_destroy(index->reader);
	g_free(index->root);
	g_free(index);
}

/* ---- one batch ---- */

typedef struct Work {
	int64_t id, folder, indexed;
	uint32_t flags, file_flags;
	char *path, *message_id;	/* path NULL: no file (removed) */
	char *index_id;			/* notmuch's name where it differs */
	bool done;
} Work;

static void
work_clear(void *data)
{
	Work *work = data;
	g_free(work->path);
	g_free(work->message_id);
	g_free(work->index_id);
}

static GArray *
select_work(Store *store, unsigned limit, GError **error)
{
	GArray *all = g_array_new(FALSE, TRUE, sizeof(Work));
	g_array_set_clear_func(all, work_clear);
	g_autoptr(DbRows) rows = db_query(store->cache, error,
					  "SELECT id,folder,indexed,flags,file_flags,coalesce(index_id,message_id) FROM msg WHERE state=1 AND indexed<>1"
					  " AND dirty=0 ORDER BY date DESC LIMIT ?", "i", (int64_t)limit);
	int got = rows ? db_next(store->cache, rows, error) : -1;
	for (; got == 1; got = db_next(store->cache, rows, error)) {
		Work work = { .id = sqlite3_column_int64(rows, 0), .folder = sqlite3_column_int64(rows, 1), .indexed = sqlite3_column_int64(rows, 2),
			      .flags = (uint32_t)sqlite3_column_int64(rows, 3), .file_flags = (uint32_t)sqlite3_column_int64(rows, 4),
			      .message_id = g_strdup(db_text(rows, 5)) };
		g_array_append_val(all, work);
	}
	if (got == 0)
		return all;
	g_array_unref(all);
	return NULL;
}

/* Flags of server folders reach the file name here, once, when there is time. The old name still finds the file: base names stay. */
static void
carry_flags(Work *work)
{
	if (work->flags == work->file_flags || !work->path)
		return;
	g_autofree char *dir = g_path_get_dirname(work->path), *name = g_path_get_basename(work->path);
	g_autofree char *base = maildir_name_base(name);
	g_autofree char *wanted = maildir_flags_name(base, work->flags);
	g_autofree char *path = g_build_filename(dir, wanted, NULL);
	if (strcmp(path, work->path) != 0 && rename(work->path, path) != 0)
		return;
	work->file_flags = work->flags;
	g_free(work->path);
	work->path = g_steal_pointer(&path);
	if (work->indexed == INDEX_TAGS)
		work->indexed = INDEX_PATH;
}

static void
prepare(Store *store, GArray *all)
{
	for (guint i = 0; i < all->len; i++) {
		Work *work = &g_array_index(all, Work, i);
		if (work->folder > 0)
			work->path = msg_file(store, work->id, NULL);
		carry_flags(work);
		int fd = work->path && work->indexed != INDEX_TAGS ? g_open(work->path, O_RDONLY | O_CLOEXEC, 0) : -1;
		if (fd < 0)
			continue;
		posix_fadvise(fd, 0, READ_AHEAD_BYTES, POSIX_FADV_WILLNEED);
		close(fd);
	}
}

/* ---- tags ---- */

static const struct { const char *tag; uint32_t flag; bool set; } flag_tags[] = {
	{ "unread", FLAG_SEEN, false }, { "flagged", FLAG_FLAGGED, true }, { "replied", FLAG_ANSWERED, true },
	{ "passed", FLAG_FORWARDED, true }, { "draft", FLAG_DRAFT, true },
};
static const char *const role_tags[] = { [ROLE_NONE] = NULL, [ROLE_INBOX] = "inbox", [ROLE_DRAFTS] = "drafts", [ROLE_SENT] = "sent",
					 [ROLE_ARCHIVE] = "archive", [ROLE_JUNK] = "spam", [ROLE_TRASH] = "trash", [ROLE_ALL] = NULL };

/* Tags that follow from all copies of a message in this account. */
static GHashTable *
wanted_tags(Store *store, const char *message_id)
{
	GHashTable *tags = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(DbRows) rows = db_query(store->cache, NULL,
					  "SELECT m.flags, f.role FROM msg m JOIN folder f ON f.id=m.folder WHERE m.mid_hash=?1 AND m.message_id=?2"
					  " UNION ALL SELECT m.flags, f.role FROM msg m JOIN folder f ON f.id=m.folder WHERE m.index_id=?2", "is",
					  message_hash(message_id), message_id);
	while (rows && db_next(store->cache, rows, NULL) == 1) {
		uint32_t flags = (uint32_t)sqlite3_column_int64(rows, 0);
		int role = sqlite3_column_int(rows, 1);
		for (size_t i = 0; i < G_N_ELEMENTS(flag_tags); i++)
			if (((flags & flag_tags[i].flag) != 0) == flag_tags[i].set)
				g_hash_table_add(tags, (char *)flag_tags[i].tag);
		if (role > ROLE_NONE && role <= ROLE_ALL && role_tags[role])
			g_hash_table_add(tags, (char *)role_tags[role]);
		g_hash_table_add(tags, store->account);
	}
	return tags;
}

static bool
is_managed(const Store *store, const char *tag)
{
	for (size_t i = 0; i < G_N_ELEMENTS(flag_tags); i++)
		if (strcmp(flag_tags[i].tag, tag) == 0)
			return true;
	for (size_t i = 0; i < G_N_ELEMENTS(role_tags); i++)
		if (g_strcmp0(role_tags[i], tag) == 0)
			return true;
	return strcmp(tag, store->account) == 0;
}

/* Only what differs: a change of one tag costs as much as half an indexing. */
static notmuch_status_t
set_tags(Store *store, notmuch_message_t *message)
{
	g_autoptr(GHashTable) wanted = wanted_tags(store, notmuch_message_get_message_id(message));
	g_autoptr(GPtrArray) drop = g_ptr_array_new_with_free_func(g_free);
	notmuch_tags_t *tags = notmuch_message_get_tags(message);
	for (; tags && notmuch_tags_valid(tags); notmuch_tags_move_to_next(tags)) {
		const char *tag = notmuch_tags_get(tags);
		if (is_managed(store, tag) && !g_hash_table_remove(wanted, tag))
			g_ptr_array_add(drop, g_strdup(tag));
		else
			g_hash_table_remove(wanted, tag);
	}
	if (drop->len == 0 && g_hash_table_size(wanted) == 0)
		return NOTMUCH_STATUS_SUCCESS;
	notmuch_status_t status = notmuch_message_freeze(message);
	for (guint i = 0; i < drop->len && status == NOTMUCH_STATUS_SUCCESS; i++)
		status = notmuch_message_remove_tag(message, drop->pdata[i]);
	GHashTableIter iter;
	gpointer tag;
	g_hash_table_iter_init(&iter, wanted);
	while (status == NOTMUCH_STATUS_SUCCESS && g_hash_table_iter_next(&iter, &tag, NULL))
		status = notmuch_message_add_tag(message, tag);
	notmuch_status_t thawed = notmuch_message_thaw(message);
	return status != NOTMUCH_STATUS_SUCCESS ? status : thawed;
}

/* Names that are no longer there: moved, renamed or removed. *ret_gone: none is left and notmuch has let go of the message. */
static notmuch_status_t
drop_old_names(notmuch_database_t *database, notmuch_message_t *message, bool *ret_gone)
{
	g_autoptr(GPtrArray) old = g_ptr_array_new_with_free_func(g_free);
	unsigned there = 0;
	notmuch_filenames_t *names = notmuch_message_get_filenames(message);
	for (; names && notmuch_filenames_valid(names); notmuch_filenames_move_to_next(names)) {
		const char *name = notmuch_filenames_get(names);
		if (g_access(name, F_OK) == 0)
			there++;
		else
			g_ptr_array_add(old, g_strdup(name));
	}
	if (names)
		notmuch_filenames_destroy(names);
	notmuch_status_t status = NOTMUCH_STATUS_SUCCESS;
	for (guint i = 0; i < old->len; i++) {
		status = notmuch_database_remove_message(database, old->pdata[i]);
		if (status != NOTMUCH_STATUS_SUCCESS && status != NOTMUCH_STATUS_DUPLICATE_MESSAGE_ID)
			return status;
	}
	*ret_gone = there == 0;
	return NOTMUCH_STATUS_SUCCESS;
}

/* ---- one message: everything in one atomic section ---- */

static notmuch_status_t
open_message(notmuch_database_t *database, Work *work, notmuch_message_t **ret_message)
{
	*ret_message = NULL;
	if (work->path && work->indexed != INDEX_TAGS) {
		notmuch_status_t status = notmuch_database_index_file(database, work->path, NULL, ret_message);
		return status == NOTMUCH_STATUS_DUPLICATE_MESSAGE_ID ? NOTMUCH_STATUS_SUCCESS : status;
	}
	if (!*work->message_id)
		return NOTMUCH_STATUS_SUCCESS;
	notmuch_status_t status = notmuch_database_find_message(database, work->message_id, ret_message);
	if (status == NOTMUCH_STATUS_SUCCESS && !*ret_message && work->path)
		status = notmuch_database_index_file(database, work->path, NULL, ret_message);
	return status == NOTMUCH_STATUS_DUPLICATE_MESSAGE_ID ? NOTMUCH_STATUS_SUCCESS : status;
}

static notmuch_status_t
index_inside(notmuch_database_t *database, Store *store, Work *work)
{
	notmuch_message_t *message = NULL;
	notmuch_status_t status = open_message(database, work, &message);
	if (status == NOTMUCH_STATUS_FILE_NOT_EMAIL || status == NOTMUCH_STATUS_FILE_ERROR) {
		log_warn(LOG_INDEX, "message %" G_GINT64_FORMAT " cannot be indexed: %s", work->id, notmuch_status_to_string(status));
		status = NOTMUCH_STATUS_SUCCESS;
	}
	if (message) {
		const char *id = notmuch_message_get_message_id(message);
		bool gone = false;
		if (strcmp(id, work->message_id) != 0) {
			work->index_id = g_strdup(id);
			db_run(store->cache, NULL, "UPDATE msg SET index_id=? WHERE id=?", "si", id, work->id);
		}
		if (work->indexed != INDEX_TAGS && work->indexed != INDEX_NEW)
			status = drop_old_names(database, message, &gone);
		if (status == NOTMUCH_STATUS_SUCCESS && !gone)
			status = set_tags(store, message);
		notmuch_message_destroy(message);
	}
	work->done = status == NOTMUCH_STATUS_SUCCESS;
	return status;
}

static notmuch_status_t
index_one(notmuch_database_t *database, Store *store, Work *work)
{
	notmuch_status_t status = notmuch_database_begin_atomic(database);
	if (status != NOTMUCH_STATUS_SUCCESS)
		return status;
	status = index_inside(database, store, work);
	notmuch_status_t ended = notmuch_database_end_atomic(database);
	return status != NOTMUCH_STATUS_SUCCESS ? status : ended;
}

/* Messages that have no row any more. */
static notmuch_status_t
forget_messages(notmuch_database_t *database, Store *store, GPtrArray *forgotten)
{
	notmuch_status_t status = NOTMUCH_STATUS_SUCCESS;
	for (guint i = 0; i < forgotten->len && status == NOTMUCH_STATUS_SUCCESS; i++) {
		notmuch_message_t *message = NULL;
		bool gone = false;
		status = notmuch_database_find_message(database, forgotten->pdata[i], &message);
		if (!message)
			continue;
		status = drop_old_names(database, message, &gone);
		if (status == NOTMUCH_STATUS_SUCCESS && !gone)
			status = set_tags(store, message);
		notmuch_message_destroy(message);
	}
	return status;
}

static GPtrArray *
select_forgotten(Store *store)
{
	GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(DbRows) rows = db_query(store->cache, NULL, "SELECT message_id FROM unindex LIMIT 500", "");
	while (rows && db_next(store->cache, rows, NULL) == 1)
		g_ptr_array_add(ids, g_strdup(db_text(rows, 0)));
	return ids;
}

/* After notmuch's commit: a crash before this only repeats work. What changed meanwhile keeps its mark. */
static bool
mark_done(Store *store, GArray *all, GPtrArray *forgotten, int64_t *done, GError **error)
{
	g_autoptr(Txn) txn = txn_begin(store->cache, error);
	if (!txn)
		return false;
	for (guint i = 0; i < all->len; i++) {
		const Work *work = &g_array_index(all, Work, i);
		if (!work->done)
			continue;
		if (!db_run(store->cache, error, "UPDATE msg SET indexed=1, file_flags=? WHERE id=? AND folder=? AND flags=? AND dirty=0", "iiii",
			    (int64_t)work->file_flags, work->id, work->folder, (int64_t)work->flags))
			return false;
		++*done;
	}
	for (guint i = 0; i < forgotten->len; i++)
		if (!db_run(store->cache, error, "DELETE FROM unindex WHERE message_id=?", "s", (const char *)forgotten->pdata[i]))
			return false;
	return txn_commit(g_steal_pointer(&txn), error);
}

/* Another database than the one the marks speak of (deleted, rebuilt): all is to be indexed again. */
static bool
check_identity(notmuch_database_t *database, Store *store, GError **error)
{
	const char *uuid = NULL;
	notmuch_database_get_revision(database, &uuid);
	int64_t now = message_hash(uuid ? uuid : "");
	if (store_meta(store, "index_uuid", 0) == now)
		return true;
	g_autoptr(Txn) txn = txn_begin(store->cache, error);
	return txn && db_run(store->cache, error, "UPDATE msg SET indexed=0 WHERE indexed<>0", "") && store_meta_set(store, "index_uuid", now, error) &&
	       txn_commit(g_steal_pointer(&txn), error);
}

static bool
run_batch(Index *index, Store *store, unsigned limit, int64_t deadline, int64_t *done, GError **error)
{
	notmuch_database_t *database = index_database(index, true, error);
	if (!database)
		return false;
	g_autoptr(GArray) all = check_identity(database, store, error) ? select_work(store, limit, error) : NULL;
	g_autoptr(GPtrArray) forgotten = select_forgotten(store);
	notmuch_status_t status = NOTMUCH_STATUS_SUCCESS;
	if (all) {
		prepare(store, all);
		status = forget_messages(database, store, forgotten);
	}
	for (guint i = 0; all && i < all->len && status == NOTMUCH_STATUS_SUCCESS && g_get_monotonic_time() < deadline; i++)
		status = index_one(database, store, &g_array_index(all, Work, i));
	notmuch_status_t closed = notmuch_database_destroy(database);	/* commits and gives the lock back */
	status = status != NOTMUCH_STATUS_SUCCESS ? status : closed;
	if (!all)
		return false;
	if (status != NOTMUCH_STATUS_SUCCESS)
		return index_fail(status, NULL, "the search index", error);
	return mark_done(store, all, forgotten, done, error);
}

bool
index_work(Index *index, Store *store, unsigned limit, unsigned max_ms, int64_t *ret_done, int64_t *ret_left, GError **error)
{
	static const char left_sql[] = "SELECT (SELECT count(*) FROM msg WHERE state=1 AND indexed<>1 AND dirty=0) + (SELECT count(*) FROM unindex)";
	/* A third of the time is kept for the commit. */
	int64_t deadline = g_get_monotonic_time() + (int64_t)max_ms * 1000 * 2 / 3, done = 0;
	g_autofree char *xapian = g_build_filename(index->root, ".notmuch", "xapian", NULL);
	bool fresh = !g_file_test(xapian, G_FILE_TEST_IS_DIR);
	int64_t left = db_number(store->cache, error, -1, left_sql, "");
	if (left < 0)
		return false;
	if ((left > 0 || fresh) && !run_batch(index, store, limit, deadline, &done, error))
		return error_wrap(error, "indexing %s", store->account);
	*ret_done = done;
	*ret_left = db_number(store->cache, NULL, 0, left_sql, "");
	return true;
}

static void
remove_all(const char *path)
{
	g_autoptr(GDir) listing = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
	const char *name;
	while (listing && (name = g_dir_read_name(listing))) {
		g_autofree char *child = g_build_filename(path, name, NULL);
		remove_all(child);
	}
	g_remove(path);
}

bool
index_rebuild(const char *data_dir, Store *const *stores, size_t n, GError **error)
{
	g_autoptr(Index) index = index_open(data_dir, true, error);
	if (!index)
		return false;
	g_autofree char *database = g_build_filename(index->root, ".notmuch", NULL), *old = g_strconcat(database, ".old", NULL);
	remove_all(old);
	if (g_rename(database, old) != 0 && errno != ENOENT)
		return error_set_errno(error, errno, "%s", database);
	remove_all(old);
	for (size_t i = 0; i < n; i++)
		if (!store_need_worker(stores[i], error) || !db_run(stores[i]->cache, error, "UPDATE msg SET indexed=0 WHERE indexed<>0", ""))
			return false;
	return true;
}
