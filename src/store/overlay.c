/* store/overlay.c: operations newer than cache.db's mark, laid over what is read, so that a key press shows at once */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "src/store/internal.h"

struct Overlay {
	GHashTable *rows;	/* int64 id -> OverlayRow * */
	int64_t mark, cache_version, ops_version;
	int cache_changes, ops_changes;
};

static void
overlay_row_free(void *data)
{
	OverlayRow *row = data;
	msg_free(row->msg);
	if (row->refs)
		g_bytes_unref(row->refs);
	g_free(row);
}

void
overlay_free(Overlay *overlay)
{
	if (!overlay)
		return;
	g_hash_table_unref(overlay->rows);
	g_free(overlay);
}

bool
overlay_empty(const Store *store)
{
	return !store->overlay || g_hash_table_size(store->overlay->rows) == 0;
}

const OverlayRow *
overlay_row(const Store *store, int64_t msg)
{
	return store->overlay ? g_hash_table_lookup(store->overlay->rows, &msg) : NULL;
}

GHashTable *
overlay_rows(const Store *store)
{
	return store->overlay->rows;
}

Msg *
overlay_apply(Store *store, Msg *msg)
{
	const OverlayRow *row = overlay_row(store, msg->id.v);
	if (!row)
		return msg;
	msg_free(msg);
	return row->msg->folder.v > 0 ? msg_copy(row->msg) : NULL;
}

static void
add_row(Overlay *overlay, OverlayRow *row)
{
	g_hash_table_replace(overlay->rows, &row->msg->id.v, row);
}

static OverlayRow *
touch(Store *store, Overlay *overlay, const OpRow *op)
{
	OverlayRow *row = g_hash_table_lookup(overlay->rows, &op->msg);
	if (row)
		return row;
	int64_t id = op_find_msg(store, op);
	row = id ? g_hash_table_lookup(overlay->rows, &id) : NULL;
	if (row || !id)
		return row;
	g_autoptr(DbRows) rows = db_query(store->cache, NULL, "SELECT " MSG_COLUMNS " FROM msg m WHERE m.id=?", "i", id);
	if (!rows || db_next(store->cache, rows, NULL) != 1)
		return NULL;
	row = g_new0(OverlayRow, 1);
	row->msg = msg_from_row(rows);
	row->hash = sqlite3_column_int64(rows, MSG_COLUMN_HASH);
	row->refs = g_bytes_new(sqlite3_column_blob(rows, MSG_COLUMN_REFS), (gsize)sqlite3_column_bytes(rows, MSG_COLUMN_REFS));
	row->was_folder = row->msg->folder.v;
	row->was_flags = row->msg->flags;
	row->was_thread = row->msg->thread;
	add_row(overlay, row);
	return row;
}

static void
lay_copy(Store *store, Overlay *overlay, const OpRow *op)
{
	const OverlayRow *source = touch(store, overlay, op);
	if (!source)
		return;
	OverlayRow *row = g_new0(OverlayRow, 1);
	row->msg = msg_copy(source->msg);
	row->msg->id.v = -op->id;
	row->msg->folder.v = folder_id_by_raw(store, op->target);
	row->msg->uid = 0;
	row->hash = source->hash;
	row->refs = g_bytes_ref(source->refs);
	row->moved = true;
	add_row(overlay, row);
}

static void
lay_append(Store *store, Overlay *overlay, const OpRow *op)
{
	struct stat status;
	g_autofree char *path = maildir_find(store->staging_dir, op->base, 0, true);
	g_autoptr(Envelope) envelope = path ? msg_scan_file(path, &status, NULL) : NULL;
	if (!envelope)
		return;
	Msg *msg = g_new0(Msg, 1);
	const MailAddress *from = envelope->from->len ? envelope->from->pdata[0] : NULL;
	const MailAddress *to = envelope->to->len ? envelope->to->pdata[0] : NULL;
	g_autoptr(GArray) hashes = g_array_new(FALSE, FALSE, sizeof(int64_t));
	int64_t identity = envelope_identity(envelope);
	for (char **id = envelope->references; *id; id++) {
		int64_t hash = message_hash(*id);
		g_array_append_val(hashes, hash);
	}
	guint keep = MIN(hashes->len, (guint)REFS_MAX);
	OverlayRow *row = g_new0(OverlayRow, 1);
	row->refs = g_bytes_new(hashes->data + (hashes->len - keep) * sizeof(int64_t), keep * sizeof(int64_t));
	row->hash = identity;
	g_array_append_val(hashes, identity);
	msg->id.v = -op->id;
	msg->folder.v = folder_id_by_raw(store, op->target);
	msg->thread = thread_lookup(store, (const int64_t *)(void *)hashes->data, hashes->len);
	if (!msg->thread)
		msg->thread = -op->id;
	msg->date = envelope->date > 0 ? envelope->date : (int64_t)status.st_mtime;
	msg->arrival = msg->thread_date = msg->date;
	msg->flags = op->flags;
	msg->state = MSG_FULL;
	msg->size = status.st_size;
	msg->has_attachment = envelope->has_attachment;
	msg->message_id = g_strdup(envelope->message_id ? envelope->message_id : "");
	msg->from = g_strdup(envelope_from_name(envelope));
	msg->from_addr = g_strdup(from ? from->addr : "");
	msg->to = g_strdup(to ? (*to->name ? to->name : to->addr) : "");
	msg->subject = g_strdup(envelope->subject);
	msg->thread_size = 1;
	row->msg = msg;
	row->moved = true;
	add_row(overlay, row);
}

static void
lay_op(Store *store, Overlay *overlay, const OpRow *op)
{
	OverlayRow *row;
	switch (op->kind) {
	case OP_FLAGS:
		row = touch(store, overlay, op);
		if (row)
			row->msg->flags = (row->msg->flags | op->set) & ~op->clear;
		return;
	case OP_MOVE:
	case OP_DELETE:
		row = touch(store, overlay, op);
		if (!row)
			return;
		row->msg->folder.v = op->kind == OP_DELETE ? PLACE_REMOVED : folder_id_by_raw(store, op->target);
		row->msg->uid = op->uid && g_strcmp0(op->folder, op->target) == 0 ? op->uid : 0;
		row->moved = row->msg->folder.v != row->was_folder;
		return;
	case OP_COPY: lay_copy(store, overlay, op); return;
	case OP_APPEND:
		if (!g_hash_table_contains(overlay->rows, &(int64_t){ -op->id }))
			lay_append(store, overlay, op);
		return;
	case OP_FOLDER_CREATE: return;	/* the keeper makes it within milliseconds */
	}
}

static void
finish(Overlay *overlay)
{
	GHashTableIter iter;
	gpointer value;
	g_hash_table_iter_init(&iter, overlay->rows);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Msg *msg = ((OverlayRow *)value)->msg;
		msg->thread_size = 1;
		msg->thread_unread = msg->flags & FLAG_SEEN ? 0 : 1;
	}
}

static Overlay *
overlay_load(Store *store, int64_t mark, GError **error)
{
	g_autoptr(GPtrArray) ops = ops_select(store, error, "id>? AND state<>5", mark);
	if (!ops)
		return NULL;
	int64_t rebuilt_at = ops->len ? store_meta(store, "rebuilt_at", 0) : 0;
	Overlay *overlay = g_new0(Overlay, 1);
	overlay->rows = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, overlay_row_free);
	for (guint i = 0; i < ops->len; i++) {
		const OpRow *op = ops->pdata[i];
		if (op->id > rebuilt_at || op->state < OP_DONE)
			lay_op(store, overlay, op);
	}
	finish(overlay);
	return overlay;
}

Txn *
store_read_begin(Store *store, GError **error)
{
	g_autoptr(Txn) txn = txn_read(store->cache, error);
	if (!txn)
		return NULL;
	/* Order matters: the mark is read first, so that it and the rows are one snapshot; operations written later have larger ids. */
	int64_t mark = store_meta(store, "applied_op", 0);
	int64_t cache_version = db_version(store->cache), ops_version = db_version(store->ops);
	int cache_changes = sqlite3_total_changes(store->cache->handle), ops_changes = sqlite3_total_changes(store->ops->handle);
	Overlay *now = store->overlay;
	bool fits = now && now->mark == mark && now->ops_version == ops_version && now->ops_changes == ops_changes &&
		    (overlay_empty(store) || (now->cache_version == cache_version && now->cache_changes == cache_changes));
	if (fits)
		return g_steal_pointer(&txn);
	g_clear_pointer(&store->overlay, overlay_free);
	store->overlay = overlay_load(store, mark, error);
	if (!store->overlay)
		return NULL;
	store->overlay->mark = mark;
	store->overlay->cache_version = cache_version;
	store->overlay->ops_version = ops_version;
	store->overlay->cache_changes = cache_changes;
	store->overlay->ops_changes = ops_changes;
	return g_steal_pointer(&txn);
}
