/* store/delivery.c: durable delivery in groups: write tmp, fsync, rename, fsync the directory, commit rows, acknowledge */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/store/internal.h"

enum { FSYNC_THREADS = 8, FSYNC_ALONE = 2 };

typedef struct Item {
	int fd;
	uint32_t uid, flags;
	int64_t arrival, size;
	char *key, *base, *tmp, *path, *hash;
	int failed_errno;
	bool renamed, known;	/* known: the row was there, this is a repeated download */
} Item;

struct Delivery {
	Store *store;
	FolderId folder;
	char *dir, *raw;
	uint32_t uidvalidity;
	bool local;
	int mark;		/* flocked file that tells of a delivery under way */
	GPtrArray *items;	/* complete ones */
	Item *open;
};

static void
item_free(void *data)
{
	Item *item = data;
	if (item->fd >= 0)
		close(item->fd);
	if (item->tmp && !item->renamed)
		g_unlink(item->tmp);
	g_free(item->key);
	g_free(item->base);
	g_free(item->tmp);
	g_free(item->path);
	g_free(item->hash);
	g_free(item);
}

Delivery *
delivery_begin(Store *store, FolderId folder, GError **error)
{
	if (!store_need_worker(store, error))
		return NULL;
	g_autoptr(Delivery) delivery = g_new0(Delivery, 1);
	delivery->mark = -1;
	delivery->store = store;
	delivery->folder = folder;
	delivery->items = g_ptr_array_new_with_free_func(item_free);
	delivery->dir = folder_dir(store, folder.v, error);
	delivery->raw = folder_raw(store, folder.v);
	if (!delivery->dir || !delivery->raw)
		return NULL;
	delivery->uidvalidity = (uint32_t)db_number(store->cache, NULL, 0, "SELECT uidvalidity FROM folder WHERE id=?", "i", folder.v);
	delivery->local = folder_is_local(store, folder);
	g_autofree char *dir_base = g_path_get_basename(delivery->dir);
	if (!folder_make_dirs(store, dir_base, error))
		return NULL;
	g_autofree char *mark = g_build_filename(store->account_dir, "delivering", NULL);
	delivery->mark = g_open(mark, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (delivery->mark < 0) {
		error_set_errno(error, errno, "%s", mark);
		return NULL;
	}
	flock(delivery->mark, LOCK_SH | LOCK_NB);
	/* Of local folders the row's commit must hold before the server is told to forget: a lost one would hide the file. */
	if (delivery->local)
		db_run(store->cache, NULL, "PRAGMA synchronous=FULL", "");
	return g_steal_pointer(&delivery);
}

bool
delivery_open(Delivery *delivery, uint32_t uid, const char *key, uint32_t flags, int64_t arrival, int *ret_fd, GError **error)
{
	delivery_abort(delivery);
	Item *item = g_new0(Item, 1);
	item->fd = -1;
	item->uid = uid;
	item->key = g_strdup(key);
	item->flags = flags;
	item->arrival = arrival;
	item->base = uid || key ? maildir_base_for(delivery->store, delivery->raw, delivery->uidvalidity, uid, key) : maildir_random_base();
	item->tmp = g_strdup_printf("%s/tmp/%s.%d.%u", delivery->dir, item->base, (int)getpid(), delivery->items->len);
	g_unlink(item->tmp);	/* of an earlier process with our number */
	item->fd = g_open(item->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (item->fd < 0) {
		error_set_errno(error, errno, "making a file for the message");
		g_clear_pointer(&item->tmp, g_free);
		item_free(item);
		return false;
	}
	delivery->open = item;
	*ret_fd = item->fd;
	return true;
}

bool
delivery_finish(Delivery *delivery, GError **error)
{
	Item *item = g_steal_pointer(&delivery->open);
	if (!item)
		return error_set(error, ERROR_STORE, "no message is being delivered");
	struct stat status;
	if (fstat(item->fd, &status) != 0) {
		error_set_errno(error, errno, "%s", item->tmp);
		item_free(item);
		return false;
	}
	item->size = status.st_size;
	g_ptr_array_add(delivery->items, item);
	return true;
}

void
delivery_abort(Delivery *delivery)
{
	if (delivery->open)
		item_free(g_steal_pointer(&delivery->open));
}

static void
make_durable(void *data, void *unused)
{
	(void)unused;
	Item *item = data;
	if (fsync(item->fd) != 0)
		item->failed_errno = errno;
	if (item->key && !item->failed_errno)
		item->hash = os_hash_file(item->fd);
	if (item->key && !item->hash && !item->failed_errno)
		item->failed_errno = EIO;
	close(item->fd);
	item->fd = -1;
}

/* fsync of one file after the other is 1700 a second, from several threads 7850. */
static bool
make_all_durable(Delivery *delivery, GError **error)
{
	GPtrArray *items = delivery->items;
	GThreadPool *pool = items->len > FSYNC_ALONE ? g_thread_pool_new(make_durable, NULL, FSYNC_THREADS, FALSE, NULL) : NULL;
	for (guint i = 0; i < items->len; i++) {
		if (!pool || !g_thread_pool_push(pool, items->pdata[i], NULL))
			make_durable(items->pdata[i], NULL);
	}
	if (pool)
		g_thread_pool_free(pool, FALSE, TRUE);
	for (guint i = 0; i < items->len; i++) {
		const Item *item = items->pdata[i];
		if (item->failed_errno)
			return error_set_errno(error, item->failed_errno, "writing a message to the disk; it is fetched again");
	}
	return true;
}

static char *
hash_file(const char *path)
{
	int fd = g_open(path, O_RDONLY | O_CLOEXEC, 0);
	char *hash = fd >= 0 ? os_hash_file(fd) : NULL;
	if (fd >= 0)
		close(fd);
	return hash;
}

/* A key that names other bytes than those stored under it (a server that uses its UIDLs again) must not overwrite them. */
static void
check_known(Delivery *delivery, Item *item)
{
	Store *store = delivery->store;
	int64_t row = item->uid || item->key ? db_number(store->cache, NULL, 0, "SELECT id FROM msg WHERE base=?", "s", item->base) : 0;
	if (!row)
		return;
	item->known = true;
	if (item->uid)
		return;
	g_autofree char *path = msg_file(store, row, NULL);
	g_autofree char *hash = path ? hash_file(path) : NULL;
	if (!hash || strcmp(hash, item->hash) == 0)
		return;
	item->known = false;
	g_free(item->base);
	item->base = maildir_random_base();
}

static bool
rename_all(Delivery *delivery, GError **error)
{
	for (guint i = 0; i < delivery->items->len; i++) {
		Item *item = delivery->items->pdata[i];
		check_known(delivery, item);
		if (item->known) {
			g_autoptr(GError) none = NULL;
			int64_t row = db_number(delivery->store->cache, NULL, 0, "SELECT id FROM msg WHERE base=?", "s", item->base);
			g_autofree char *there = msg_file(delivery->store, row, &none);
			if (there)
				continue;	/* the file in place is as good; this one is dropped */
		}
		/* Flags of server folders reach the name later; so the name stays a function of the UID. */
		g_autofree char *name = maildir_flags_name(item->base, delivery->local ? item->flags : 0);
		item->path = g_build_filename(delivery->dir, "cur", name, NULL);
		if (rename(item->tmp, item->path) != 0)
			return error_set_errno(error, errno, "%s", item->path);
		item->renamed = true;
	}
	g_autofree char *cur = g_build_filename(delivery->dir, "cur", NULL);
	return os_fsync_dir(cur, error);
}

static bool
attach(Delivery *delivery, const Item *item, int64_t row, GError **error)
{
	/* dirty 1 where the message moved on meanwhile: the file follows it. */
	if (!db_run(delivery->store->cache, error,
		    "UPDATE msg SET state=1, base=?1, size=?2, place=?3, file_flags=0, indexed=0, why=NULL,"
		    " dirty=CASE WHEN folder=?3 THEN 0 ELSE 1 END WHERE id=?4 AND base IS NULL",
		    "siii", item->base, item->size, delivery->folder.v, row))
		return false;
	if (db_changes(delivery->store->cache) == 0 && item->renamed)
		g_unlink(item->path);	/* the row has a body under another name: it came by a move, or of an earlier epoch */
	return true;
}

static bool
insert_item(Delivery *delivery, const Item *item, GError **error)
{
	struct stat status;
	g_autoptr(Envelope) envelope = msg_scan_file(item->path, &status, error);
	if (!envelope)
		return false;
	NewRow row = { .folder = delivery->folder.v, .arrival = item->arrival, .size = item->size, .uid = item->uid, .flags = item->flags,
		       .server_flags = delivery->local ? 0 : item->flags, .state = MSG_FULL, .base = item->base,
		       .file_flags = delivery->local ? item->flags : 0, .place = delivery->folder.v };
	return msg_insert(delivery->store, &row, envelope, NULL, error);
}

static bool
commit_item(Delivery *delivery, const Item *item, GError **error)
{
	Store *store = delivery->store;
	if (item->known || db_number(store->cache, NULL, 0, "SELECT id FROM msg WHERE base=?", "s", item->base))
		return true;
	int64_t row = 0;
	if (item->uid) {
		row = db_number(store->cache, NULL, 0, "SELECT id FROM msg WHERE folder=? AND uid=? AND uid>0", "ii", delivery->folder.v, (int64_t)item->uid);
		g_autoptr(GPtrArray) ops = row ? NULL : ops_select(store, error, "kind IN (1,3) AND uid>0 AND state<4 AND uid=?", item->uid);
		for (guint i = 0; ops && i < ops->len && !row; i++) {
			const OpRow *op = ops->pdata[i];
			if (g_strcmp0(op->folder, delivery->raw) == 0 && op->uidvalidity == delivery->uidvalidity)
				row = op_find_msg(store, op);
		}
	}
	return row ? attach(delivery, item, row, error) : insert_item(delivery, item, error);
}

static bool
commit_rows(Delivery *delivery, GError **error)
{
	Store *store = delivery->store;
	g_autoptr(Txn) txn = txn_begin(store->cache, error);
	if (!txn)
		return false;
	for (guint i = 0; i < delivery->items->len; i++)
		if (!commit_item(delivery, delivery->items->pdata[i], error))
			return false;
	return msgs_settle(store, error) && txn_commit(g_steal_pointer(&txn), error);
}

/* After the rows: `stored` is what allows DELE, so it comes last. */
static bool
commit_keys(Delivery *delivery, GError **error)
{
	Store *store = delivery->store;
	int64_t now = g_get_real_time() / G_USEC_PER_SEC;
	g_autoptr(Txn) txn = txn_begin(store->ops, error);
	if (!txn)
		return false;
	for (guint i = 0; i < delivery->items->len; i++) {
		const Item *item = delivery->items->pdata[i];
		if (item->key && !db_run(store->ops, error,
					 "INSERT INTO uidl(uidl,first_seen,last_seen,size,hash,base,state) VALUES(?1,?2,?2,?3,?4,?5,1) ON CONFLICT(uidl)"
					 " DO UPDATE SET last_seen=?2, size=?3, hash=?4, base=?5, state=1",
					 "siiss", item->key, now, item->size, item->hash, item->base))
			return false;
	}
	return txn_commit(g_steal_pointer(&txn), error);
}

static void
drop_renamed(Delivery *delivery)
{
	for (guint i = 0; i < delivery->items->len; i++) {
		Item *item = delivery->items->pdata[i];
		if (item->renamed && !db_number(delivery->store->cache, NULL, 1, "SELECT count(*) FROM msg WHERE base=?", "s", item->base))
			g_unlink(item->path);
	}
}

bool
delivery_commit(Delivery *delivery, unsigned *ret_stored, GError **error)
{
	delivery_abort(delivery);
	unsigned n = delivery->items->len;
	bool ok = true, rows = false;
	if (n) {
		ok = make_all_durable(delivery, error) && rename_all(delivery, error) && commit_rows(delivery, error);
		rows = ok;
		ok = ok && commit_keys(delivery, error);
		if (!rows)
			drop_renamed(delivery);
		g_ptr_array_set_size(delivery->items, 0);
	}
	if (ok && n && db_number(delivery->store->cache, NULL, 0, "SELECT count(*) FROM msg WHERE dirty<>0", "") > 0)
		ok = store_settle(delivery->store, NULL, error);
	if (ok && ret_stored)
		*ret_stored = n;
	return ok || error_wrap(error, "storing %u messages", n);
}

void
delivery_free(Delivery *delivery)
{
	if (!delivery)
		return;
	delivery_abort(delivery);
	g_ptr_array_unref(delivery->items);
	if (delivery->local)
		db_run(delivery->store->cache, NULL, "PRAGMA synchronous=NORMAL", "");
	if (delivery->mark >= 0) {
		g_autofree char *mark = g_build_filename(delivery->store->account_dir, "delivering", NULL);
		/* The last one out takes the mark away. */
		if (flock(delivery->mark, LOCK_EX | LOCK_NB) == 0)
			g_unlink(mark);
		close(delivery->mark);
	}
	g_free(delivery->dir);
	g_free(delivery->raw);
	g_free(delivery);
}
