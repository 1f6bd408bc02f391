/* store/apply.c: operations newer than the mark are carried into cache.db, then into the Maildir */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/store/internal.h"

enum { APPLY_BATCH = 2000 };	/* a sync worker waits for the write lock no longer than this takes */

static bool
apply_flags(Store *store, const OpRow *op, int64_t row, GError **error)
{
	return db_run(store->cache, error,
		      "UPDATE msg SET flags=(flags | ?1) & ~?2, indexed=CASE indexed WHEN 1 THEN 2 ELSE indexed END,"
		      " dirty=CASE WHEN ?3 AND base IS NOT NULL THEN dirty | 2 ELSE dirty END WHERE id=?4 AND flags<>(flags | ?1) & ~?2",
		      "iiii", (int64_t)op->set, (int64_t)op->clear, (int64_t)op->local, row);
}

/* Back where the server still has it, the row gets its UID again. */
static uint32_t
uid_in_target(Store *store, const OpRow *op, int64_t target)
{
	if (!op->uid || g_strcmp0(op->folder, op->target) != 0)
		return 0;
	int64_t valid = db_number(store->cache, NULL, 0, "SELECT uidvalidity FROM folder WHERE id=?", "i", target);
	bool taken = db_number(store->cache, NULL, 0, "SELECT count(*) FROM msg WHERE folder=? AND uid=? AND uid>0", "ii", target, (int64_t)op->uid) != 0;
	return valid == op->uidvalidity && !taken ? op->uid : 0;
}

static bool
apply_move(Store *store, const OpRow *op, int64_t row, GError **error)
{
	int64_t target = folder_id_by_raw(store, op->target);
	if (!target)
		return true;	/* the folder went away; the server will say where the message is */
	if (db_number(store->cache, NULL, 0, "SELECT folder FROM msg WHERE id=?", "i", row) == target)
		return true;
	return msg_set_folder(store, row, target, uid_in_target(store, op, target), error);
}

/* A further name of the same bytes; messages are never changed, so a hard link will do. */
static bool
link_or_copy(const char *from, const char *to, GError **error)
{
	if (link(from, to) == 0 || errno == EEXIST)
		return true;
	g_autofree char *bytes = NULL;
	size_t size = 0;
	return os_read_file(from, 512 << 20, &bytes, &size, error) && os_replace_file(to, bytes, size, 0600, error);
}

static bool
apply_copy(Store *store, const OpRow *op, int64_t row, GError **error)
{
	int64_t target = folder_id_by_raw(store, op->target);
	if (!target || db_number(store->cache, NULL, 0, "SELECT count(*) FROM msg WHERE op=?", "i", op->id))
		return true;
	g_autoptr(Msg) msg = msg_load(store, row);
	g_autofree char *from = msg->state == MSG_FULL ? msg_file(store, row, NULL) : NULL;
	g_autofree char *key = g_strdup_printf("copy %" G_GINT64_FORMAT " %" G_GINT64_FORMAT, op->cache_id, op->id);
	g_autofree char *base = from ? maildir_base_for(store, op->target, 0, 0, key) : NULL;
	if (from) {
		g_autofree char *dir = folder_dir(store, target, error);
		g_autofree char *name = maildir_flags_name(base, msg->flags);
		g_autofree char *to = dir ? g_build_filename(dir, "cur", name, NULL) : NULL;
		if (!to || !link_or_copy(from, to, error))
			return false;
	}
	if (base && db_number(store->cache, NULL, 0, "SELECT count(*) FROM msg WHERE base=?", "s", base))
		return db_run(store->cache, error, "UPDATE msg SET op=? WHERE base=?", "is", op->id, base);
	return db_run(store->cache, error,
		      "INSERT INTO msg(folder,thread,date,arrival,thread_date,flags,server_flags,state,attachment,size,mid_hash,place,file_flags,dirty,op,"
		      "base,message_id,from_name,from_addr,to_text,subject,people,refs)"
		      " SELECT ?1,thread,date,arrival,date,flags,flags,?2,attachment,size,mid_hash,?1,flags,CASE WHEN ?3 IS NULL THEN 0 ELSE 2 END,?4,?3,"
		      "message_id,from_name,from_addr,to_text,subject,people,refs FROM msg WHERE id=?5",
		      "iisii", target, (int64_t)(from ? MSG_FULL : MSG_HEADERS), base, op->id, row) &&
	       thread_touch(store, target, msg->thread, error);
}

static bool
apply_append(Store *store, const OpRow *op, GError **error)
{
	int64_t target = folder_id_by_raw(store, op->target);
	if (!target || !op->base || db_number(store->cache, NULL, 0, "SELECT count(*) FROM msg WHERE op=?", "i", op->id))
		return true;
	if (db_number(store->cache, NULL, 0, "SELECT count(*) FROM msg WHERE base=?", "s", op->base))
		return db_run(store->cache, error, "UPDATE msg SET op=? WHERE base=?", "is", op->id, op->base);
	struct stat status;
	g_autofree char *dir = folder_dir(store, target, error);
	if (!dir)
		return false;
	g_autofree char *staged = maildir_find(store->staging_dir, op->base, 0, true);
	g_autofree char *there = staged ? NULL : maildir_find(dir, op->base, op->flags, false);
	g_autoptr(GError) failure = NULL;
	g_autoptr(Envelope) envelope = staged || there ? msg_scan_file(staged ? staged : there, &status, &failure) : NULL;
	if (!envelope) {
		log_warn(LOG_STORE, "operation %" G_GINT64_FORMAT ": its file is gone", op->id);
		return true;
	}
	NewRow row = { .folder = target, .arrival = status.st_mtime, .size = status.st_size, .op = op->id, .flags = op->flags, .server_flags = op->flags,
		       .state = MSG_FULL, .base = op->base, .file_flags = op->flags, .place = staged ? PLACE_STAGING : target, .dirty = DIRTY_PLACE };
	return msg_insert(store, &row, envelope, NULL, error);
}

/* A folder made under one of the usual names gets its role, unless another has it. */
static FolderRole
role_of_name(Store *store, const char *name)
{
	static const struct { const char *name; FolderRole role; } usual[] = {
		{ "Sent", ROLE_SENT }, { "Drafts", ROLE_DRAFTS }, { "Archive", ROLE_ARCHIVE }, { "Trash", ROLE_TRASH }, { "Junk", ROLE_JUNK },
	};
	for (unsigned i = 0; i < G_N_ELEMENTS(usual); i++)
		if (strcmp(name, usual[i].name) == 0 &&
		    !db_number(store->cache, NULL, 0, "SELECT count(*) FROM folder WHERE hidden=0 AND role=?", "i", (int64_t)usual[i].role))
			return usual[i].role;
	return ROLE_NONE;
}

static bool
apply_folder_create(Store *store, const OpRow *op, GError **error)
{
	if (folder_id_by_raw(store, op->target))
		return db_run(store->cache, error, "UPDATE folder SET hidden=0 WHERE raw=?", "s", op->target);
	int64_t delimiter = db_number(store->cache, NULL, 0, "SELECT delimiter FROM folder WHERE delimiter<>0 AND local=0 LIMIT 1", "");
	Folder folder = { .name = op->message_id, .raw = op->target, .delimiter = (char)delimiter, .role = role_of_name(store, op->message_id),
			  .selectable = true, .local = op->local };
	return store_folder_put(store, &folder, NULL, error);
}

static bool
apply_op(Store *store, const OpRow *op, GError **error)
{
	int64_t row = op->kind == OP_APPEND || op->kind == OP_FOLDER_CREATE ? 0 : op_find_msg(store, op);
	bool needs_row = op->kind != OP_APPEND && op->kind != OP_FOLDER_CREATE;
	if (needs_row && !row)
		return true;	/* headers not here yet after a rebuild: the pull and the push see to it */
	switch (op->kind) {
	case OP_FLAGS: return apply_flags(store, op, row, error);
	case OP_MOVE: return apply_move(store, op, row, error);
	case OP_COPY: return apply_copy(store, op, row, error);
	case OP_DELETE: return msg_set_folder(store, row, PLACE_REMOVED, 0, error);
	case OP_APPEND: return apply_append(store, op, error);
	case OP_FOLDER_CREATE: return apply_folder_create(store, op, error);
	}
	return true;
}

static bool
apply_batch(Store *store, unsigned *applied, bool *more, GError **error)
{
	g_autoptr(Txn) txn = txn_begin(store->cache, error);
	if (!txn)
		return false;
	int64_t mark = store_meta(store, "applied_op", 0), rebuilt_at = store_meta(store, "rebuilt_at", 0);
	g_autofree char *where = g_strdup_printf("id IN (SELECT id FROM op WHERE id>? ORDER BY id LIMIT %d)", APPLY_BATCH);
	g_autoptr(GPtrArray) ops = ops_select(store, error, where, mark);
	if (!ops)
		return false;
	for (guint i = 0; i < ops->len; i++) {
		const OpRow *op = ops->pdata[i];
		mark = op->id;
		/* What was done before cache.db was lost is in the Maildir or on the server already. */
		if (op->id <= rebuilt_at && op->state >= OP_DONE)
			continue;
		if (!apply_op(store, op, error))
			return error_wrap(error, "applying operation %" G_GINT64_FORMAT, op->id);
		++*applied;
	}
	*more = ops->len == APPLY_BATCH;
	if (ops->len == 0)
		return true;
	return store_meta_set(store, "applied_op", mark, error) && msgs_settle(store, error) && txn_commit(g_steal_pointer(&txn), error);
}

bool
store_apply_pending(Store *store, unsigned *ret_applied, GError **error)
{
	unsigned applied = 0, left = 0;
	bool more = true;
	if (!store_need_worker(store, error))
		return false;
	while (more)
		if (!apply_batch(store, &applied, &more, error))
			return error_wrap(error, "%s", store->account);
	if (applied)
		store_changed(store);
	if (!store_settle(store, &left, error))
		return false;
	/* A local change is done once the file carries it: from here on cache.db may be lost. */
	int64_t mark = store_meta(store, "applied_op", 0);
	if (left == 0 && db_number(store->ops, NULL, 0, "SELECT count(*) FROM op WHERE state=0 AND local=1 AND id<=?", "i", mark) &&
	    !db_run(store->ops, error, "UPDATE op SET state=3 WHERE state=0 AND local=1 AND id<=?", "i", mark))
		return false;
	if (ret_applied)
		*ret_applied = applied;
	return true;
}
