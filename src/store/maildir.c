/* store/maildir.c: names of message files, finding and moving them, adopting what has no row */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/store/internal.h"

enum { MESSAGE_MAX_BYTES = 512 << 20, REMOVED_SECONDS = 30 * 24 * 3600, SETTLE_BATCH = 500, SCAN_BATCH = 1000 };

/* In the order of ASCII, as Maildir wants it (cr.yp.to/proto/maildir.html); P is "passed", that is forwarded. */
static const struct { char letter; uint32_t flag; } flag_letters[] = {
	{ 'D', FLAG_DRAFT }, { 'F', FLAG_FLAGGED }, { 'P', FLAG_FORWARDED }, { 'R', FLAG_ANSWERED }, { 'S', FLAG_SEEN }, { 'T', FLAG_DELETED },
};

char *
maildir_flags_name(const char *base, uint32_t flags)
{
	char letters[G_N_ELEMENTS(flag_letters) + 1];
	size_t n = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(flag_letters); i++)
		if (flags & flag_letters[i].flag)
			letters[n++] = flag_letters[i].letter;
	letters[n] = '\0';
	return g_strconcat(base, ":2,", letters, NULL);
}

uint32_t
maildir_name_flags(const char *name)
{
	const char *info = strstr(name, ":2,");
	uint32_t flags = 0;
	for (size_t i = 0; info && i < G_N_ELEMENTS(flag_letters); i++)
		if (strchr(info + 3, flag_letters[i].letter))
			flags |= flag_letters[i].flag;
	return flags;
}

char *
maildir_name_base(const char *name)
{
	const char *info = strchr(name, ':');
	return info ? g_strndup(name, (gsize)(info - name)) : g_strdup(name);
}

/* A pure function of what the message is on its server, so that a repeated download overwrites and never doubles. */
char *
maildir_base_for(Store *store, const char *raw, uint32_t uidvalidity, uint32_t uid, const char *key)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	g_autofree char *place = g_strdup_printf("%s\n%s\n%u\n%u\n%s", store->account, raw, uid ? uidvalidity : 0, uid, key ? key : "");
	g_checksum_update(sum, (const guchar *)place, -1);
	return g_strdup_printf("s%.32s.surel", g_checksum_get_string(sum));
}

/* From the kernel: GLib's generator repeats itself in forked processes, and a name used twice is a message lost. */
char *
random_name(void)
{
	uint64_t bytes[2] = { 0, 0 };
	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		return g_uuid_string_random();
	return g_strdup_printf("%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x", bytes[0], bytes[1]);
}

char *
maildir_random_base(void)
{
	g_autofree char *name = random_name();
	return g_strdup_printf("%" G_GINT64_FORMAT ".%s.surel", g_get_real_time() / G_USEC_PER_SEC, name);
}

static char *
find_in(const char *dir, const char *part, const char *base)
{
	g_autofree char *path = g_build_filename(dir, part, NULL);
	g_autoptr(GDir) listing = g_dir_open(path, 0, NULL);
	size_t size = strlen(base);
	const char *name;
	while (listing && (name = g_dir_read_name(listing)))
		if (strncmp(name, base, size) == 0 && (name[size] == ':' || name[size] == '\0'))
			return g_build_filename(path, name, NULL);
	return NULL;
}

char *
maildir_find(const char *dir, const char *base, uint32_t flags, bool plain)
{
	g_autofree char *name = plain ? g_strdup(base) : maildir_flags_name(base, flags);
	g_autofree char *path = plain ? g_build_filename(dir, name, NULL) : g_build_filename(dir, "cur", name, NULL);
	if (g_access(path, F_OK) == 0)
		return g_steal_pointer(&path);
	if (plain)
		return NULL;
	char *found = find_in(dir, "cur", base);
	return found ? found : find_in(dir, "new", base);
}

static char *
find_at(Store *store, int64_t place, const char *base, uint32_t flags)
{
	g_autofree char *dir = folder_dir(store, place, NULL);
	return dir ? maildir_find(dir, base, flags, place <= 0) : NULL;
}

static char *
staged_file(Store *store, int64_t op)
{
	g_autoptr(DbRows) rows = db_query(store->ops, NULL, "SELECT base FROM op WHERE id=? AND base IS NOT NULL", "i", op);
	return rows && db_next(store->ops, rows, NULL) == 1 ? maildir_find(store->staging_dir, db_text(rows, 0), 0, true) : NULL;
}

/* A copy that is not applied yet shows its source's file. */
static int64_t
copy_source(Store *store, int64_t op)
{
	return db_number(store->ops, NULL, 0, "SELECT msg FROM op WHERE id=? AND kind=2", "i", op);
}

char *
msg_file(Store *store, int64_t id, GError **error)
{
	g_autofree char *base = NULL;
	int64_t folder = 0, place = 0;
	uint32_t flags = 0;
	if (id < 0) {
		int64_t row = db_number(store->cache, NULL, 0, "SELECT id FROM msg WHERE op=?", "i", -id);
		char *staged = row ? NULL : staged_file(store, -id);
		if (staged)
			return staged;
		id = row ? row : copy_source(store, -id);
	}
	{
		g_autoptr(DbRows) rows = db_query(store->cache, error, "SELECT base, folder, place, file_flags FROM msg WHERE id=?", "i", id);
		int got = rows ? db_next(store->cache, rows, error) : -1;
		if (got < 0)
			return NULL;
		if (got == 1 && sqlite3_column_type(rows, 0) != SQLITE_NULL)
			base = g_strdup(db_text(rows, 0));
		if (got == 1) {
			folder = sqlite3_column_int64(rows, 1);
			place = sqlite3_column_int64(rows, 2);
			flags = (uint32_t)sqlite3_column_int64(rows, 3);
		}
	}
	if (!base) {
		error_set(error, ERROR_NOT_FOUND, "the message is not downloaded yet");
		return NULL;
	}
	/* A move commits the row first and renames after: until then the file is where it was. Twice, as it may move between two looks. */
	for (int look = 0; look < 2; look++) {
		char *path = find_at(store, place, base, flags);
		path = path || folder == place ? path : find_at(store, folder, base, flags);
		if (path)
			return path;
	}
	error_set(error, ERROR_NOT_FOUND, "the file of the message is gone; another program removed it");
	return NULL;
}

char *
store_path(Store *store, MsgId id, GError **error)
{
	return msg_file(store, id.v, error);
}

bool
store_read(Store *store, MsgId id, char **ret_bytes, size_t *ret_size, bool *ret_full, GError **error)
{
	g_autoptr(Msg) msg = store_msg(store, id, error);
	if (!msg)
		return false;
	if (msg->state == MSG_FULL) {
		g_autofree char *path = msg_file(store, id.v, error);
		if (!path || !os_read_file(path, MESSAGE_MAX_BYTES, ret_bytes, ret_size, error))
			return false;
		*ret_full = true;
		return true;
	}
	/* Only what the list knows; enough to show who wrote and about what until the body is here. */
	g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(msg->date);
	g_autofree char *when = date ? g_date_time_format(date, "%a, %d %b %Y %H:%M:%S +0000") : g_strdup("");
	g_autoptr(MailAddress) sender = address_new(strcmp(msg->from, msg->from_addr) ? msg->from : "", msg->from_addr);
	g_autofree char *from = address_format(sender);
	*ret_bytes = g_strdup_printf("From: %s\nTo: %s\nSubject: %s\nDate: %s\nMessage-ID: <%s>\nContent-Type: text/plain; charset=utf-8\n\n", from,
				     msg->to, msg->subject, when, msg->message_id);
	*ret_size = strlen(*ret_bytes);
	*ret_full = false;
	return true;
}

static bool
copy_over(const char *from, const char *to, GError **error)
{
	g_autofree char *bytes = NULL;
	size_t size = 0;
	if (!os_read_file(from, MESSAGE_MAX_BYTES, &bytes, &size, error) || !os_replace_file(to, bytes, size, 0600, error))
		return false;
	return g_unlink(from) == 0 || error_set_errno(error, errno, "%s", from);
}

bool
file_move(const char *from, const char *to, GError **error)
{
	if (rename(from, to) == 0)
		return true;
	if (errno == EXDEV)
		return copy_over(from, to, error);
	return error_set_errno(error, errno, "moving %s", from);
}

bool
write_durable(const char *path, const void *bytes, size_t size, GError **error)
{
	return os_replace_file(path, bytes, size, 0600, error);
}

/* ---- files follow their rows ---- */

typedef struct Settle { int64_t id, folder, place; uint32_t flags, file_flags; char *base; } Settle;

static GArray *
settle_batch(Store *store, int64_t after, GError **error)
{
	g_autoptr(DbRows) rows = db_query(store->cache, error,
					  "SELECT id,folder,place,flags,file_flags,base FROM msg WHERE dirty<>0 AND id>? ORDER BY id LIMIT ?", "ii", after,
					  (int64_t)SETTLE_BATCH);
	if (!rows)
		return NULL;
	GArray *batch = g_array_new(FALSE, FALSE, sizeof(Settle));
	int got;
	for (got = db_next(store->cache, rows, error); got == 1; got = db_next(store->cache, rows, error)) {
		Settle one = { sqlite3_column_int64(rows, 0), sqlite3_column_int64(rows, 1), sqlite3_column_int64(rows, 2),
			       (uint32_t)sqlite3_column_int64(rows, 3), (uint32_t)sqlite3_column_int64(rows, 4), g_strdup(db_text(rows, 5)) };
		g_array_append_val(batch, one);
	}
	if (got == 0)
		return batch;
	g_array_unref(batch);
	return NULL;
}

static void
add_dir(GHashTable *dirs, const char *path)
{
	char *dir = g_path_get_dirname(path);
	g_hash_table_add(dirs, dir);
}

/* True also when there is no file to move: the row must not wait for ever. */
static bool
settle_file(Store *store, Settle *one, GHashTable *dirs, GError **error)
{
	g_autofree char *dir = folder_dir(store, one->folder, NULL);
	g_autofree char *from = find_at(store, one->place, one->base, one->file_flags);
	if (!from && one->folder != one->place)
		from = find_at(store, one->folder, one->base, one->flags);
	if (!from || !dir) {
		log_warn(LOG_STORE, "file of message %" G_GINT64_FORMAT " is gone", one->id);
		return true;
	}
	g_autofree char *name = one->folder > 0 ? maildir_flags_name(one->base, one->flags) : g_strdup(one->base);
	g_autofree char *to = one->folder > 0 ? g_build_filename(dir, "cur", name, NULL) : g_build_filename(dir, name, NULL);
	if (strcmp(from, to) != 0) {
		if (!file_move(from, to, error))
			return false;
		add_dir(dirs, from);
	}
	add_dir(dirs, to);	/* also where it lay already: whoever moved it may have died before the fsync */
	return true;
}

static bool
sync_dirs(GHashTable *dirs, GError **error)
{
	GHashTableIter iter;
	gpointer dir;
	g_hash_table_iter_init(&iter, dirs);
	while (g_hash_table_iter_next(&iter, &dir, NULL))
		if (!os_fsync_dir(dir, error))
			return false;
	return true;
}

static bool
settle_rows(Store *store, GArray *batch, unsigned *left, GError **error)
{
	g_autoptr(GHashTable) dirs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (guint i = 0; i < batch->len; i++) {
		Settle *one = &g_array_index(batch, Settle, i);
		g_autoptr(GError) failure = NULL;
		if (settle_file(store, one, dirs, &failure))
			continue;
		log_warn(LOG_STORE, "message %" G_GINT64_FORMAT ": %s", one->id, failure->message);
		one->id = 0;
		++*left;
	}
	if (!sync_dirs(dirs, error))
		return false;
	g_autoptr(Txn) txn = txn_begin(store->cache, error);
	if (!txn)
		return false;
	for (guint i = 0; i < batch->len; i++) {
		const Settle *one = &g_array_index(batch, Settle, i);
		/* Whatever changed meanwhile stays dirty and is done again. */
		if (one->id && !db_run(store->cache, error, "UPDATE msg SET dirty=0, place=?1, file_flags=?2 WHERE id=?3 AND folder=?1 AND flags=?2", "iii",
				       one->folder, (int64_t)one->flags, one->id))
			return false;
	}
	return txn_commit(g_steal_pointer(&txn), error);
}

bool
store_settle(Store *store, unsigned *ret_left, GError **error)
{
	unsigned left = 0;
	int64_t after = 0;
	bool ok = true, more = true;
	while (ok && more) {
		GArray *batch = settle_batch(store, after, error);
		if (!batch)
			return false;
		more = batch->len == SETTLE_BATCH;
		if (batch->len) {
			after = g_array_index(batch, Settle, batch->len - 1).id;
			ok = settle_rows(store, batch, &left, error);
		}
		for (guint i = 0; i < batch->len; i++)
			g_free(g_array_index(batch, Settle, i).base);
		g_array_unref(batch);
	}
	if (ret_left)
		*ret_left = left;
	return ok;
}

/* Files of what was removed are kept 30 days; a rename sets the change time, so that tells when. */
void
removed_expire(Store *store, int64_t now)
{
	if (now - store_meta(store, "expired_at", 0) < 24 * 3600)
		return;
	g_autoptr(GDir) listing = g_dir_open(store->removed_dir, 0, NULL);
	const char *name;
	while (listing && (name = g_dir_read_name(listing))) {
		g_autofree char *path = g_build_filename(store->removed_dir, name, NULL);
		struct stat status;
		if (g_stat(path, &status) != 0 || now - status.st_ctime < REMOVED_SECONDS)
			continue;
		int64_t id = db_number(store->cache, NULL, 0, "SELECT id FROM msg WHERE base=? AND folder=0", "s", name);
		g_unlink(path);
		if (id)
			msg_delete_row(store, id, NULL);
	}
	store_meta_set(store, "expired_at", now, NULL);
}

/* ---- files without rows ---- */

typedef struct Orphan { ino_t inode; char *path; uint32_t flags; char *base; } Orphan;

static void
orphan_free(void *data)
{
	Orphan *orphan = data;
	g_free(orphan->path);
	g_free(orphan->base);
	g_free(orphan);
}

static int
by_inode(const void *a, const void *b)
{
	const Orphan *left = *(Orphan *const *)a, *right = *(Orphan *const *)b;
	return left->inode < right->inode ? -1 : left->inode > right->inode;
}

static void
list_orphans(Store *store, const char *dir, const char *part, GHashTable *seen, GPtrArray *orphans)
{
	g_autofree char *path = g_build_filename(dir, part, NULL);
	g_autoptr(GDir) listing = g_dir_open(path, 0, NULL);
	const char *name;
	while (listing && (name = g_dir_read_name(listing))) {
		g_autofree char *base = maildir_name_base(name);
		if (*name == '.' || g_hash_table_contains(seen, base) ||
		    db_number(store->cache, NULL, 0, "SELECT id FROM msg WHERE base=?", "s", base))
			continue;
		Orphan *orphan = g_new0(Orphan, 1);
		struct stat status;
		orphan->path = g_build_filename(path, name, NULL);
		orphan->inode = g_stat(orphan->path, &status) == 0 ? status.st_ino : 0;
		orphan->flags = maildir_name_flags(name);
		orphan->base = g_strdup(base);
		g_hash_table_add(seen, orphan->base);
		g_ptr_array_add(orphans, orphan);
	}
}

/* Names that bodies of rows without body would have. */
static GHashTable *
expected_names(Store *store, int64_t folder)
{
	GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autofree char *raw = folder_raw(store, folder);
	uint32_t uidvalidity = (uint32_t)db_number(store->cache, NULL, 0, "SELECT uidvalidity FROM folder WHERE id=?", "i", folder);
	g_autoptr(DbRows) rows = db_query(store->cache, NULL, "SELECT id, uid FROM msg WHERE folder=? AND state=0 AND uid>0", "i", folder);
	while (raw && rows && db_next(store->cache, rows, NULL) == 1) {
		char *base = maildir_base_for(store, raw, uidvalidity, (uint32_t)sqlite3_column_int64(rows, 1), NULL);
		g_hash_table_insert(names, base, GSIZE_TO_POINTER((gsize)sqlite3_column_int64(rows, 0)));
	}
	return names;
}

static bool
adopt_file(Store *store, int64_t folder, const Orphan *orphan, GHashTable *expected, GError **error)
{
	struct stat status;
	g_autoptr(GError) failure = NULL;
	g_autoptr(Envelope) envelope = msg_scan_file(orphan->path, &status, &failure);
	if (!envelope) {
		log_warn(LOG_STORE, "%s", failure->message);
		return true;
	}
	int64_t row = (int64_t)GPOINTER_TO_SIZE(g_hash_table_lookup(expected, orphan->base));
	if (row)
		return db_run(store->cache, error, "UPDATE msg SET state=1, base=?, size=?, place=folder, file_flags=?, indexed=0 WHERE id=? AND state=0",
			      "siii", orphan->base, (int64_t)status.st_size, (int64_t)orphan->flags, row);
	NewRow fresh = { .folder = folder, .arrival = status.st_mtime, .size = status.st_size, .flags = orphan->flags, .server_flags = 0,
			 .state = MSG_FULL, .base = orphan->base, .file_flags = orphan->flags, .place = folder };
	return msg_insert(store, &fresh, envelope, NULL, error);
}

bool
store_adopt_orphans(Store *store, int64_t folder, unsigned *ret_found, GError **error)
{
	g_autofree char *dir = folder_dir(store, folder, error);
	if (!dir)
		return false;
	g_autoptr(GPtrArray) orphans = g_ptr_array_new_with_free_func(orphan_free);
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	list_orphans(store, dir, "cur", seen, orphans);
	list_orphans(store, dir, "new", seen, orphans);
	g_ptr_array_sort(orphans, by_inode);	/* cold: 25 us a file instead of 110-200 */
	g_autoptr(GHashTable) expected = orphans->len ? expected_names(store, folder) : NULL;
	for (guint from = 0; from < orphans->len; from += SCAN_BATCH) {
		guint to = MIN(orphans->len, from + SCAN_BATCH);
		for (guint i = from; i < to; i++) {
			int fd = g_open(((Orphan *)orphans->pdata[i])->path, O_RDONLY | O_CLOEXEC, 0);
			if (fd >= 0) {
				posix_fadvise(fd, 0, 64 << 10, POSIX_FADV_WILLNEED);
				close(fd);
			}
		}
		g_autoptr(Txn) txn = txn_begin(store->cache, error);
		if (!txn)
			return false;
		for (guint i = from; i < to; i++)
			if (!adopt_file(store, folder, orphans->pdata[i], expected, error))
				return false;
		if (!msgs_settle(store, error) || !txn_commit(g_steal_pointer(&txn), error))
			return false;
	}
	*ret_found = orphans->len;
	if (orphans->len)
		store_changed(store);
	return true;
}
