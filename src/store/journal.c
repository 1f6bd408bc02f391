/* store/journal.c: what a person changes: intents in ops.db, undo */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "src/store/internal.h"

enum { UNDO_DAYS = 7 };

#define OP_COLUMNS                                                                                                              \
	"id,grp,kind,state,local,cache_id,msg,folder,target,came_from,uidvalidity,uid,set_bits,clear_bits,flags,prev,message_id,base,size," \
	"pre_uidnext,pre_uidvalidity,tries,undo_of"

void
op_row_free(OpRow *op)
{
	if (!op)
		return;
	g_free(op->folder);
	g_free(op->target);
	g_free(op->came_from);
	g_free(op->message_id);
	g_free(op->base);
	g_free(op);
}

static char *
text_or_null(DbRows *rows, int column)
{
	return sqlite3_column_type(rows, column) == SQLITE_NULL ? NULL : g_strdup(db_text(rows, column));
}

static OpRow *
op_from_row(DbRows *rows)
{
	OpRow *op = g_new0(OpRow, 1);
	op->id = sqlite3_column_int64(rows, 0);
	op->group = sqlite3_column_int64(rows, 1);
	op->kind = (OpKind)sqlite3_column_int(rows, 2);
	op->state = (OpState)sqlite3_column_int(rows, 3);
	op->local = sqlite3_column_int(rows, 4) != 0;
	op->cache_id = sqlite3_column_int64(rows, 5);
	op->msg = sqlite3_column_int64(rows, 6);
	op->folder = text_or_null(rows, 7);
	op->target = text_or_null(rows, 8);
	op->came_from = text_or_null(rows, 9);
	op->uidvalidity = (uint32_t)sqlite3_column_int64(rows, 10);
	op->uid = (uint32_t)sqlite3_column_int64(rows, 11);
	op->set = (uint32_t)sqlite3_column_int64(rows, 12);
	op->clear = (uint32_t)sqlite3_column_int64(rows, 13);
	op->flags = (uint32_t)sqlite3_column_int64(rows, 14);
	op->prev = sqlite3_column_int64(rows, 15);
	op->message_id = text_or_null(rows, 16);
	op->base = text_or_null(rows, 17);
	op->size = sqlite3_column_int64(rows, 18);
	op->pre_uidnext = (uint32_t)sqlite3_column_int64(rows, 19);
	op->pre_uidvalidity = (uint32_t)sqlite3_column_int64(rows, 20);
	op->tries = (uint32_t)sqlite3_column_int64(rows, 21);
	op->undo_of = sqlite3_column_int64(rows, 22);
	return op;
}

GPtrArray *
ops_select(Store *store, GError **error, const char *where, int64_t argument)
{
	g_autofree char *sql = g_strdup_printf("SELECT " OP_COLUMNS " FROM op WHERE %s ORDER BY id", where);
	g_autoptr(DbRows) rows = db_query(store->ops, error, sql, "i", argument);
	if (!rows)
		return NULL;
	g_autoptr(GPtrArray) ops = g_ptr_array_new_with_free_func((GDestroyNotify)op_row_free);
	int got;
	for (got = db_next(store->ops, rows, error); got == 1; got = db_next(store->ops, rows, error))
		g_ptr_array_add(ops, op_from_row(rows));
	return got < 0 ? NULL : g_steal_pointer(&ops);
}

/* An operation outlives its cache.db: then the row is found by server position, file name or Message-ID. */
int64_t
op_find_msg(Store *store, const OpRow *op)
{
	Db *cache = store->cache;
	if (op->kind == OP_APPEND)
		return db_number(cache, NULL, 0, "SELECT id FROM msg WHERE op=?", "i", op->id);
	if (op->msg < 0)
		return db_number(cache, NULL, 0, "SELECT id FROM msg WHERE op=?", "i", -op->msg);
	int64_t id = op->cache_id == store->cache_id ? db_number(cache, NULL, 0, "SELECT id FROM msg WHERE id=?", "i", op->msg) : 0;
	if (!id && op->base)
		id = db_number(cache, NULL, 0, "SELECT id FROM msg WHERE base=?", "s", op->base);
	int64_t folder = id ? 0 : folder_id_by_raw(store, op->folder);
	if (!id && op->uid && folder)
		id = db_number(cache, NULL, 0, "SELECT m.id FROM msg m JOIN folder f ON f.id=m.folder WHERE m.folder=? AND m.uid=? AND m.uid>0 AND f.uidvalidity=?", "iii",
			       folder, (int64_t)op->uid, (int64_t)op->uidvalidity);
	if (!id && folder && op->message_id && *op->message_id)
		id = db_number(cache, NULL, 0, "SELECT id FROM msg WHERE mid_hash=? AND +folder=? AND message_id=?", "iis", message_hash(op->message_id), folder,
			       op->message_id);
	return id;
}

bool
op_insert(Store *store, const OpRow *op, int64_t *ret_id, GError **error)
{
	int64_t now = g_get_real_time() / G_USEC_PER_SEC;
	if (!db_run(store->ops, error,
		    "INSERT INTO op(grp,kind,state,local,cache_id,msg,folder,target,came_from,uidvalidity,uid,set_bits,clear_bits,flags,prev,"
		    "message_id,base,size,undo_of,created) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		    "iiiiiisssiiiiiissiii", op->group, (int64_t)op->kind, (int64_t)op->state, (int64_t)op->local, store->cache_id, op->msg, op->folder,
		    op->target, op->came_from, (int64_t)op->uidvalidity, (int64_t)op->uid, (int64_t)op->set, (int64_t)op->clear, (int64_t)op->flags,
		    op->prev, op->message_id, op->base, op->size, op->undo_of, now))
		return false;
	if (ret_id)
		*ret_id = db_last_id(store->ops);
	return true;
}

static int64_t
next_group(Store *store)
{
	return 1 + db_number(store->ops, NULL, 0, "SELECT max(m) FROM (SELECT max(grp) m FROM op UNION ALL SELECT max(grp) FROM op_group)", "");
}

static bool
group_end(Store *store, int64_t group, const char *what, GError **error)
{
	int64_t now = g_get_real_time() / G_USEC_PER_SEC;
	return db_run(store->ops, error, "INSERT INTO op_group VALUES(?,?,0,?)", "isi", group, what, now) &&
	       db_run(store->ops, error, "DELETE FROM op_group WHERE created<?", "i", now - UNDO_DAYS * 24 * 3600);
}

/* ---- one intent on several messages ---- */

typedef struct Intent {
	Store *store;
	int64_t group;
	unsigned n;
	Folder *target;		/* NULL: none */
} Intent;

static void
intent_clear(Intent *intent)
{
	folder_free(intent->target);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Intent, intent_clear)

/* Where the server has the message: as an operation that is not done yet knows it, else by its row. */
static void
op_position(Store *store, const Msg *msg, OpRow *op)
{
	{
		g_autoptr(DbRows) rows = db_query(store->ops, NULL,
						  "SELECT folder, uidvalidity, uid FROM op WHERE msg=? AND cache_id=? AND state<3 AND kind IN (1,3)"
						  " ORDER BY id DESC LIMIT 1", "ii", msg->id.v, store->cache_id);
		if (rows && db_next(store->ops, rows, NULL) == 1) {
			op->folder = g_strdup(db_text(rows, 0));
			op->uidvalidity = (uint32_t)sqlite3_column_int64(rows, 1);
			op->uid = (uint32_t)sqlite3_column_int64(rows, 2);
			return;
		}
	}
	op->folder = folder_raw(store, msg->folder.v);
	op->uid = msg->uid;
	op->uidvalidity = (uint32_t)db_number(store->cache, NULL, 0, "SELECT uidvalidity FROM folder WHERE id=?", "i", msg->folder.v);
}

static OpRow *
op_for_msg(Intent *intent, const Msg *msg, OpKind kind)
{
	Store *store = intent->store;
	OpRow *op = g_new0(OpRow, 1);
	op->group = intent->group;
	op->kind = kind;
	op->msg = msg->id.v;
	op->prev = msg->flags;
	op->size = msg->size;
	op->message_id = g_strdup(msg->message_id);
	op->came_from = folder_raw(store, msg->folder.v);
	op->target = intent->target ? g_strdup(intent->target->raw) : NULL;
	op->local = folder_is_local(store, msg->folder);
	op_position(store, msg, op);
	g_autoptr(DbRows) rows = db_query(store->cache, NULL, "SELECT base FROM msg WHERE id=?", "i", msg->id.v);
	if (rows && db_next(store->cache, rows, NULL) == 1)
		op->base = text_or_null(rows, 0);
	return op;
}

static bool
intent_begin(Store *store, Intent *intent, FolderId target, GError **error)
{
	intent->store = store;
	intent->group = next_group(store);
	if (target.v == 0)
		return true;
	intent->target = store_folder(store, target, error);
	if (!intent->target)
		return false;
	return intent->target->selectable || error_set(error, ERROR_UNSUPPORTED, "%s cannot hold messages", intent->target->name);
}

static bool
intent_move_one(Intent *intent, const Msg *msg, OpKind kind, GError **error)
{
	if (kind == OP_MOVE && msg->folder.v == intent->target->id.v)
		return true;
	g_autoptr(OpRow) op = op_for_msg(intent, msg, kind);
	if (intent->target && op->local != intent->target->local)
		return error_set(error, ERROR_UNSUPPORTED, "messages cannot be moved between the server and %s", intent->target->name);
	intent->n++;
	return op_insert(intent->store, op, NULL, error);
}

/* Flags that already are as wished need no operation. */
static bool
intent_flags_one(Intent *intent, const Msg *msg, uint32_t set, uint32_t clear, GError **error)
{
	if ((msg->flags & set) == set && (msg->flags & clear) == 0)
		return true;
	g_autoptr(OpRow) op = op_for_msg(intent, msg, OP_FLAGS);
	op->set = set;
	op->clear = clear;
	intent->n++;
	return op_insert(intent->store, op, NULL, error);
}

static const char *
flags_words(uint32_t set, uint32_t clear)
{
	return set & FLAG_SEEN ? "read" : clear & FLAG_SEEN ? "unread" : set & FLAG_FLAGGED ? "flagged" : clear & FLAG_FLAGGED ? "not flagged"
	     : set & FLAG_ANSWERED ? "answered" : set & FLAG_FORWARDED ? "forwarded" : set & FLAG_DELETED ? "deleted" : "changed";
}

static char *
describe(const Intent *intent, OpKind kind, uint32_t set, uint32_t clear)
{
	g_autofree char *count = intent->n == 1 ? g_strdup("1 message") : g_strdup_printf("%u messages", intent->n);
	const char *target = intent->target ? intent->target->name : "";
	switch (kind) {
	case OP_FLAGS: return g_strdup_printf("Marked %s %s", count, flags_words(set, clear));
	case OP_MOVE: return g_strdup_printf("Moved %s to %s", count, target);
	case OP_COPY: return g_strdup_printf("Copied %s to %s", count, target);
	case OP_DELETE: return g_strdup_printf("Deleted %s", count);
	case OP_APPEND: return g_strdup_printf("Saved %s in %s", count, target);
	case OP_FOLDER_CREATE: return g_strdup_printf("Made folder %s", target);
	}
	return NULL;
}

/* An id from before the apply (negative) leads to the row that came of it. */
static int64_t
row_of(Store *store, int64_t id)
{
	return id < 0 ? db_number(store->cache, NULL, 0, "SELECT id FROM msg WHERE op=?", "i", -id) : id;
}

static bool
intent_run(Store *store, const MsgId *ids, size_t n, OpKind kind, FolderId target, uint32_t set, uint32_t clear, bool quiet, int64_t *ret_group,
	   GError **error)
{
	g_autoptr(Txn) read = store_read_begin(store, error);
	g_autoptr(Txn) txn = read ? txn_begin(store->ops, error) : NULL;
	g_auto(Intent) intent = { 0 };
	if (!txn || !intent_begin(store, &intent, target, error))
		return false;
	for (size_t i = 0; i < n; i++) {
		const OverlayRow *touched = overlay_row(store, ids[i].v);
		/* Not store_msg: it would lay what is written here over the rows again for each message. */
		g_autoptr(Msg) loaded = touched ? msg_copy(touched->msg) : msg_load(store, row_of(store, ids[i].v));
		if (!loaded || loaded->folder.v <= 0)
			continue;	/* gone meanwhile */
		if (kind == OP_FLAGS ? !intent_flags_one(&intent, loaded, set, clear, error) : !intent_move_one(&intent, loaded, kind, error))
			return false;
	}
	if (ret_group)
		*ret_group = intent.n ? intent.group : 0;
	if (intent.n == 0)
		return true;
	g_autofree char *what = describe(&intent, kind, set, clear);
	if ((!quiet && !group_end(store, intent.group, what, error)) || !txn_commit(g_steal_pointer(&txn), error))
		return false;
	store_changed(store);
	return true;
}

bool
store_flags_quietly(Store *store, const MsgId *ids, size_t n, uint32_t set, GError **error)
{
	return intent_run(store, ids, n, OP_FLAGS, (FolderId){ 0 }, set, 0, true, NULL, error);
}

bool
store_intent_flags(Store *store, const MsgId *ids, size_t n, uint32_t set, uint32_t clear, int64_t *ret_group, GError **error)
{
	return intent_run(store, ids, n, OP_FLAGS, (FolderId){ 0 }, set, clear, !ret_group, ret_group, error);
}

bool
store_intent_move(Store *store, const MsgId *ids, size_t n, FolderId target, int64_t *ret_group, GError **error)
{
	return intent_run(store, ids, n, OP_MOVE, target, 0, 0, false, ret_group, error);
}

bool
store_intent_copy(Store *store, const MsgId *ids, size_t n, FolderId target, int64_t *ret_group, GError **error)
{
	return intent_run(store, ids, n, OP_COPY, target, 0, 0, false, ret_group, error);
}

bool
store_intent_delete(Store *store, const MsgId *ids, size_t n, int64_t *ret_group, GError **error)
{
	return intent_run(store, ids, n, OP_DELETE, (FolderId){ 0 }, 0, 0, !ret_group, ret_group, error);
}

bool
store_append_op(Store *store, const char *raw, bool local, const char *base, const char *headers, size_t headers_size, size_t size, uint32_t flags,
		int64_t *ret_group, GError **error)
{
	g_autoptr(Envelope) envelope = envelope_scan(headers, headers_size);
	OpRow op = { .group = next_group(store), .kind = OP_APPEND, .target = (char *)raw, .folder = (char *)raw, .base = (char *)base, .flags = flags,
		     .size = (int64_t)size, .message_id = envelope->message_id ? envelope->message_id : (char *)"",
		     .local = local };
	if (ret_group)
		*ret_group = op.group;
	return op_insert(store, &op, NULL, error);
}

bool
store_intent_append(Store *store, FolderId target, const void *bytes, size_t size, uint32_t flags, int64_t *ret_group, GError **error)
{
	g_autofree char *base = maildir_random_base();
	g_autofree char *path = g_build_filename(store->staging_dir, base, NULL);
	if (!write_durable(path, bytes, size, error))
		return error_wrap(error, "saving the message");
	g_autoptr(Txn) txn = txn_begin(store->ops, error);
	g_auto(Intent) intent = { .n = 1 };
	int64_t group = 0;
	bool ok = txn && intent_begin(store, &intent, target, error) &&
		  store_append_op(store, intent.target->raw, intent.target->local, base, bytes, size, size, flags, &group, error);
	g_autofree char *what = ok ? describe(&intent, OP_APPEND, 0, 0) : NULL;
	ok = ok && (!ret_group || group_end(store, group, what, error)) && txn_commit(g_steal_pointer(&txn), error);
	if (!ok) {
		g_unlink(path);
		return false;
	}
	if (ret_group)
		*ret_group = group;
	store_changed(store);
	return true;
}

/* Modified UTF-7 of a mailbox name (RFC 3501 5.1.3): what a server expects in CREATE. */
static char *
mutf7_encode(const char *name)
{
	g_autoptr(GString) out = g_string_new(NULL);
	const char *at = name;
	while (*at) {
		unsigned char byte = (unsigned char)*at;
		if (byte >= 0x20 && byte <= 0x7e) {
			g_string_append(out, byte == '&' ? "&-" : (char[2]){ *at, '\0' });
			at++;
			continue;
		}
		const char *end = at;
		while ((unsigned char)*end >= 0x80)
			end++;
		glong units = 0;
		end = end > at ? end : at + 1;
		g_autofree gunichar2 *utf16 = g_utf8_to_utf16(at, end - at, NULL, &units, NULL);
		for (glong i = 0; utf16 && i < units; i++)
			utf16[i] = GUINT16_TO_BE(utf16[i]);
		g_autofree char *base64 = g_base64_encode((const guchar *)utf16, utf16 ? (gsize)units * 2 : 0);
		g_strdelimit(base64, "/", ',');
		base64[strcspn(base64, "=")] = '\0';
		g_string_append_printf(out, "&%s-", base64);
		at = end;
	}
	return g_string_free(g_steal_pointer(&out), FALSE);
}

static char *
server_name(Store *store, const char *name)
{
	g_autofree char *encoded = mutf7_encode(name);
	int64_t delimiter = db_number(store->cache, NULL, 0, "SELECT delimiter FROM folder WHERE delimiter<>0 AND local=0 LIMIT 1", "");
	if (delimiter && delimiter != '/')
		g_strdelimit(encoded, "/", (char)delimiter);
	return g_steal_pointer(&encoded);
}

bool
store_folder_create_op(Store *store, const char *name, char **ret_raw, bool *ret_local, int64_t *ret_group, GError **error)
{
	bool local = account_is_local(store);
	g_autofree char *raw = local ? g_strdup(name) : server_name(store, name);
	OpRow op = { .group = next_group(store), .kind = OP_FOLDER_CREATE, .folder = raw, .target = raw, .message_id = (char *)name, .local = local };
	if (ret_group)
		*ret_group = op.group;
	if (!op_insert(store, &op, NULL, error))
		return false;
	if (ret_raw)
		*ret_raw = g_steal_pointer(&raw);
	if (ret_local)
		*ret_local = local;
	return true;
}

bool
store_intent_folder_create(Store *store, const char *name, int64_t *ret_group, GError **error)
{
	if (!*name || *name == '/' || g_str_has_suffix(name, "/") || strstr(name, "//") || !g_utf8_validate(name, -1, NULL) || strlen(name) > 200)
		return error_set(error, ERROR_INPUT, "\"%s\" cannot be the name of a folder", name);
	g_autofree char *raw = account_is_local(store) ? g_strdup(name) : server_name(store, name);
	g_autoptr(Folder) known = store_folder_by_raw(store, raw, NULL);
	if (known)
		return error_set(error, ERROR_INPUT, "there is a folder %s already", name);
	g_autoptr(Txn) txn = txn_begin(store->ops, error);
	if (!txn || !store_folder_create_op(store, name, NULL, NULL, ret_group, error) || !txn_commit(g_steal_pointer(&txn), error))
		return false;
	store_changed(store);
	return true;
}

/* ---- undo: the journal read backwards ---- */

static bool
undo_delete_done(Store *store, const OpRow *op, GError **error)
{
	/* The server has let go of it: what comes back is the file, as a new message. */
	g_autofree char *path = msg_file(store, op->msg, NULL);
	g_autofree char *bytes = NULL;
	size_t size = 0;
	if (!path || !os_read_file(path, 512 << 20, &bytes, &size, NULL))
		return error_set(error, ERROR_NOT_FOUND, "a deleted message was not downloaded and is gone from the server; it cannot be brought back");
	g_autofree char *base = maildir_random_base();
	g_autofree char *staged = g_build_filename(store->staging_dir, base, NULL);
	return write_durable(staged, bytes, size, error) &&
	       store_append_op(store, op->came_from, false, base, bytes, MIN(size, (size_t)65536), size, (uint32_t)op->prev, NULL, error);
}

static bool
undo_op(Store *store, const OpRow *op, int64_t group, GError **error)
{
	if (op->kind == OP_FOLDER_CREATE)
		return true;
	if (op->kind == OP_DELETE && op->state == OP_DONE && !op->local)
		return undo_delete_done(store, op, error);
	g_autoptr(OpRow) inverse = g_new0(OpRow, 1);
	inverse->group = group;
	inverse->undo_of = op->id;
	inverse->msg = op->kind == OP_COPY || op->kind == OP_APPEND ? -op->id : op->msg;
	if (inverse->msg == op->msg && op->cache_id != store->cache_id)
		inverse->msg = op_find_msg(store, op);
	if (!inverse->msg)
		return true;	/* the message is gone for good */
	inverse->local = op->local;
	inverse->size = op->size;
	inverse->message_id = g_strdup(op->message_id);
	inverse->base = g_strdup(op->base);
	inverse->prev = op->prev;
	Msg position = { .id.v = inverse->msg };
	g_autoptr(Msg) row = msg_load(store, inverse->msg < 0 ? op_find_msg(store, op) : inverse->msg);
	position.folder.v = row ? row->folder.v : folder_id_by_raw(store, op->target ? op->target : op->folder);
	position.uid = row ? row->uid : 0;
	op_position(store, &position, inverse);
	inverse->came_from = g_strdup(op->target ? op->target : op->folder);
	switch (op->kind) {
	case OP_FLAGS:
		inverse->kind = OP_FLAGS;
		inverse->set = op->clear & (uint32_t)op->prev;
		inverse->clear = op->set & ~(uint32_t)op->prev;
		break;
	case OP_MOVE:
	case OP_DELETE:
		inverse->kind = OP_MOVE;
		inverse->target = g_strdup(op->came_from);
		break;
	case OP_COPY:
	case OP_APPEND:
		inverse->kind = OP_DELETE;
		break;
	case OP_FOLDER_CREATE: return true;
	}
	return op_insert(store, inverse, NULL, error);
}

bool
store_undo(Store *store, char **ret_what, GError **error)
{
	g_autoptr(Txn) read = store_read_begin(store, error);
	g_autoptr(Txn) txn = read ? txn_begin(store->ops, error) : NULL;
	if (!txn)
		return false;
	int64_t group = 0;
	g_autofree char *what = NULL;
	{
		g_autoptr(DbRows) rows = db_query(store->ops, error, "SELECT grp, what FROM op_group WHERE undone=0 ORDER BY grp DESC LIMIT 1", "");
		int got = rows ? db_next(store->ops, rows, error) : -1;
		if (got < 0)
			return false;
		if (got == 0)
			return error_set(error, ERROR_NOT_FOUND, "there is nothing to undo");
		group = sqlite3_column_int64(rows, 0);
		what = g_strdup(db_text(rows, 1));
	}
	g_autoptr(GPtrArray) ops = ops_select(store, error, "grp=? AND state<>4", group);
	if (!ops)
		return false;
	int64_t undo_group = next_group(store);
	for (guint i = ops->len; i-- > 0;)
		if (!undo_op(store, ops->pdata[i], undo_group, error))
			return error_wrap(error, "undo");
	if (!db_run(store->ops, error, "UPDATE op_group SET undone=1 WHERE grp=?", "i", group) || !txn_commit(g_steal_pointer(&txn), error))
		return false;
	if (ret_what)
		*ret_what = g_steal_pointer(&what);
	store_changed(store);
	return true;
}

int64_t
store_pending(Store *store)
{
	return db_number(store->ops, NULL, 0, "SELECT count(*) FROM op WHERE state<3 AND local=0", "");
}

GHashTable *
pending_flag_masks(Store *store, GError **error)
{
	g_autoptr(GPtrArray) ops = ops_select(store, error, "kind=0 AND state<3 AND local=?", 0);
	if (!ops)
		return NULL;
	GHashTable *masks = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	for (guint i = 0; i < ops->len; i++) {
		const OpRow *op = ops->pdata[i];
		int64_t id = op_find_msg(store, op);
		uint32_t mask = GPOINTER_TO_UINT(g_hash_table_lookup(masks, &id)) | op->set | op->clear;
		if (id)
			g_hash_table_replace(masks, g_memdup2(&id, sizeof id), GUINT_TO_POINTER(mask));
	}
	return masks;
}
