/* store/ops.c: the journal as the sync worker sees it: what is due, in flight, done */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "src/store/internal.h"

enum { KEEP_DONE_SECONDS = 7 * 24 * 3600 };

void
op_free(Op *op)
{
	if (!op)
		return;
	g_free(op->folder);
	g_free(op->target);
	g_free(op->message_id);
	g_clear_pointer(&op->merged, g_array_unref);
	g_free(op);
}

static Op *
op_from(const OpRow *row, int64_t msg)
{
	Op *op = g_new0(Op, 1);
	op->id = row->id;
	op->group = row->group;
	op->kind = row->kind;
	op->state = row->state;
	op->msg.v = msg ? msg : row->kind == OP_APPEND ? -row->id : row->msg;
	op->folder = g_strdup(row->folder);
	op->target = g_strdup(row->target);
	op->uidvalidity = row->uidvalidity;
	op->uid = row->uid;
	op->set = row->set;
	op->clear = row->clear;
	op->flags = row->flags;
	op->message_id = g_strdup(row->message_id ? row->message_id : "");
	op->size = row->size;
	op->pre_uidnext = row->pre_uidnext;
	op->pre_uidvalidity = row->pre_uidvalidity;
	op->tries = row->tries;
	op->merged = g_array_new(FALSE, FALSE, sizeof(int64_t));
	return op;
}

/* What is due for one message so far. */
typedef struct Chain {
	Op *flags, *move, *append;	/* borrowed from the result */
	bool blocked;			/* one is in flight or its outcome unknown: the rest waits */
} Chain;

typedef struct Due {
	Store *store;
	GPtrArray *ops;		/* of Op *, in order; NULL where one was dropped */
	GHashTable *chains;	/* int64 row -> Chain * */
	GArray *noops;		/* ids that came to nothing */
} Due;

static void
due_clear(Due *due)
{
	g_clear_pointer(&due->ops, g_ptr_array_unref);
	g_clear_pointer(&due->chains, g_hash_table_unref);
	g_clear_pointer(&due->noops, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Due, due_clear)

static Chain *
chain_of(Due *due, int64_t key)
{
	Chain *chain = g_hash_table_lookup(due->chains, &key);
	if (!chain) {
		chain = g_new0(Chain, 1);
		g_hash_table_insert(due->chains, g_memdup2(&key, sizeof key), chain);
	}
	return chain;
}

static void
merge_ids(Op *into, const OpRow *row)
{
	g_array_append_val(into->merged, row->id);
}

static void
drop_op(Due *due, Op *op)
{
	g_array_append_val(due->noops, op->id);
	g_array_append_vals(due->noops, op->merged->data, op->merged->len);
	guint at;
	if (g_ptr_array_find(due->ops, op, &at)) {
		due->ops->pdata[at] = NULL;
		op_free(op);
	}
}

/* A flag change goes out before a move that was asked for earlier: there the UID still holds. */
static void
add_before(Due *due, Op *op, const Op *before)
{
	guint at;
	if (before && g_ptr_array_find(due->ops, before, &at))
		g_ptr_array_insert(due->ops, (gint)at, op);
	else
		g_ptr_array_add(due->ops, op);
}

static void
due_flags(Due *due, Chain *chain, const OpRow *row, int64_t msg)
{
	if (chain->append) {	/* not on the server yet: it goes there with these flags */
		chain->append->flags = (chain->append->flags | row->set) & ~row->clear;
		merge_ids(chain->append, row);
		return;
	}
	if (chain->flags) {
		chain->flags->set = (chain->flags->set & ~row->clear) | row->set;
		chain->flags->clear = (chain->flags->clear & ~row->set) | row->clear;
		merge_ids(chain->flags, row);
		return;
	}
	chain->flags = op_from(row, msg);
	if (chain->move) {
		g_free(chain->flags->folder);
		chain->flags->folder = g_strdup(chain->move->folder);
		chain->flags->uid = chain->move->uid;
		chain->flags->uidvalidity = chain->move->uidvalidity;
	}
	add_before(due, chain->flags, chain->move);
}

static void
due_move(Due *due, Chain *chain, const OpRow *row, int64_t msg)
{
	if (chain->append && row->kind == OP_DELETE) {
		merge_ids(chain->append, row);
		drop_op(due, g_steal_pointer(&chain->append));
		return;
	}
	if (chain->append) {
		merge_ids(chain->append, row);
		g_free(chain->append->target);
		chain->append->target = g_strdup(row->target);
		return;
	}
	if (!chain->move) {
		chain->move = op_from(row, msg);
		g_ptr_array_add(due->ops, chain->move);
	} else {
		merge_ids(chain->move, row);
		chain->move->kind = row->kind;
		g_free(chain->move->target);
		chain->move->target = g_strdup(row->target);
	}
	if (chain->move->kind == OP_MOVE && g_strcmp0(chain->move->folder, chain->move->target) == 0)
		drop_op(due, g_steal_pointer(&chain->move));
}

/* Where the UID was not known when the person acted: the row may have learned it. */
static void
learn_uid(Store *store, OpRow *row, int64_t msg)
{
	g_autoptr(Msg) known = row->uid || !msg ? NULL : msg_load(store, msg);
	g_autofree char *raw = known && known->uid ? folder_raw(store, known->folder.v) : NULL;
	if (raw && g_strcmp0(raw, row->folder) == 0) {
		row->uid = known->uid;
		row->uidvalidity = (uint32_t)db_number(store->cache, NULL, 0, "SELECT uidvalidity FROM folder WHERE id=?", "i", known->folder.v);
	}
}

static void
due_row(Due *due, OpRow *row)
{
	int64_t msg = row->kind == OP_FOLDER_CREATE ? 0 : op_find_msg(due->store, row);
	if (row->kind == OP_FOLDER_CREATE) {
		g_ptr_array_add(due->ops, op_from(row, 0));
		return;
	}
	Chain *chain = chain_of(due, msg ? msg : row->kind == OP_APPEND ? -row->id : row->msg);
	if (chain->blocked)
		return;
	if (row->state != OP_PENDING) {
		chain->blocked = true;
		g_ptr_array_add(due->ops, op_from(row, msg));
		return;
	}
	learn_uid(due->store, row, msg);
	switch (row->kind) {
	case OP_APPEND:
		chain->append = op_from(row, msg);
		g_ptr_array_add(due->ops, chain->append);
		return;
	case OP_FLAGS: due_flags(due, chain, row, msg); return;
	case OP_COPY: add_before(due, op_from(row, msg), chain->move); return;
	case OP_MOVE:
	case OP_DELETE: due_move(due, chain, row, msg); return;
	case OP_FOLDER_CREATE: return;
	}
}

/* Net change of flags that the server has already acknowledged needs no command. */
static bool
flags_are_there(Store *store, const Op *op)
{
	g_autoptr(Msg) msg = msg_load(store, op->msg.v);
	return msg && msg->uid == op->uid && (msg->server_flags & op->set) == op->set && !(msg->server_flags & op->clear);
}

static bool
set_states(Store *store, const int64_t *ids, size_t n, OpState state, GError **error)
{
	for (size_t i = 0; i < n; i++)
		if (!db_run(store->ops, error, "UPDATE op SET state=? WHERE id=?", "ii", (int64_t)state, ids[i]))
			return false;
	return true;
}

static bool
set_op_states(Store *store, const Op *op, OpState state, GError **error)
{
	return set_states(store, &op->id, 1, state, error) &&
	       (!op->merged || set_states(store, (const int64_t *)(void *)op->merged->data, op->merged->len, state, error));
}

GPtrArray *
store_ops_due(Store *store, GError **error)
{
	/* First what the person sees must be in the rows; positions are read from there. */
	if (!store_apply_pending(store, NULL, error))
		return NULL;
	g_autoptr(GPtrArray) rows = ops_select(store, error, "state<? AND local=0", OP_DONE);
	if (!rows)
		return NULL;
	g_auto(Due) due = { store, g_ptr_array_new(), g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free),
			    g_array_new(FALSE, FALSE, sizeof(int64_t)) };
	for (guint i = 0; i < rows->len; i++)
		due_row(&due, rows->pdata[i]);
	g_autoptr(GPtrArray) ready = g_ptr_array_new_with_free_func((GDestroyNotify)op_free);
	for (guint i = 0; i < due.ops->len; i++) {
		Op *op = due.ops->pdata[i];
		if (!op)
			continue;
		bool needs_uid = op->state == OP_PENDING && op->kind != OP_APPEND && op->kind != OP_FOLDER_CREATE;
		if (needs_uid && op->uid == 0) {
			op_free(op);	/* waits until its message has a UID */
		} else if (op->kind == OP_FLAGS && op->state == OP_PENDING && flags_are_there(store, op)) {
			g_array_append_val(due.noops, op->id);
			g_array_append_vals(due.noops, op->merged->data, op->merged->len);
			op_free(op);
		} else {
			g_ptr_array_add(ready, op);
		}
	}
	if (due.noops->len) {
		g_autoptr(Txn) txn = txn_begin(store->ops, error);
		if (!txn || !set_states(store, (const int64_t *)(void *)due.noops->data, due.noops->len, OP_DONE, error) ||
		    !txn_commit(g_steal_pointer(&txn), error))
			return NULL;
	}
	return g_steal_pointer(&ready);
}

bool
store_ops_recover(Store *store, GError **error)
{
	int64_t old = g_get_real_time() / G_USEC_PER_SEC - KEEP_DONE_SECONDS;
	int64_t mark = store_meta(store, "applied_op", 0);
	return db_run(store->ops, error, "UPDATE op SET state=2 WHERE state=1", "") &&
	       db_run(store->ops, error, "DELETE FROM op WHERE state>=3 AND created<? AND id<=?", "ii", old, mark);
}

bool
store_op_inflight(Store *store, Op *op, uint32_t pre_uidvalidity, uint32_t pre_uidnext, GError **error)
{
	g_autoptr(Txn) txn = txn_begin(store->ops, error);
	if (!txn || !set_op_states(store, op, OP_INFLIGHT, error) ||
	    !db_run(store->ops, error,
		    "UPDATE op SET pre_uidvalidity=?, pre_uidnext=?, tries=tries+1, folder=?, target=?, uid=?, uidvalidity=? WHERE id=?", "iissiii",
		    (int64_t)pre_uidvalidity, (int64_t)pre_uidnext, op->folder, op->target, (int64_t)op->uid, (int64_t)op->uidvalidity, op->id) ||
	    !txn_commit(g_steal_pointer(&txn), error))
		return error_wrap(error, "journal");
	op->state = OP_INFLIGHT;
	op->pre_uidvalidity = pre_uidvalidity;
	op->pre_uidnext = pre_uidnext;
	op->tries++;
	return true;
}

/* Later operations on the same message find it where this one put it. */
static bool
rebind(Store *store, const Op *op, uint32_t new_uid, GError **error)
{
	if (op->kind != OP_MOVE && op->kind != OP_APPEND)
		return true;
	int64_t valid = db_number(store->cache, NULL, 0, "SELECT uidvalidity FROM folder WHERE raw=?", "s", op->target);
	return db_run(store->ops, error, "UPDATE op SET folder=?, uid=?, uidvalidity=? WHERE msg IN (?,?) AND id>? AND state=0 AND local=0", "siiiii",
		      op->target, (int64_t)new_uid, valid, op->msg.v, -op->id, op->id);
}

/* The server's row for what we have a row of already: one of both stays, with UID and body. */
static bool
take_uid(Store *store, int64_t row, int64_t folder, uint32_t uid, GError **error)
{
	int64_t other = db_number(store->cache, NULL, 0, "SELECT id FROM msg WHERE folder=? AND uid=? AND uid>0", "ii", folder, (int64_t)uid);
	if (other == row)
		return true;
	if (other) {
		bool other_body = db_number(store->cache, NULL, 0, "SELECT base IS NOT NULL FROM msg WHERE id=?", "i", other) != 0;
		bool own_body = db_number(store->cache, NULL, 0, "SELECT base IS NOT NULL FROM msg WHERE id=?", "i", row) != 0;
		if (other_body)
			return own_body ? msg_set_folder(store, row, PLACE_REMOVED, 0, error) : msg_delete_row(store, row, error);
		if (!msg_delete_row(store, other, error))
			return false;
	}
	return db_run(store->cache, error, "UPDATE msg SET uid=?1 WHERE id=?2 AND folder=?3 AND uid=0", "iii", (int64_t)uid, row, folder);
}

static bool
done_in_cache(Store *store, const Op *op, uint32_t new_uid, GError **error)
{
	g_autoptr(Txn) txn = txn_begin(store->cache, error);
	if (!txn)
		return false;
	int64_t folder = folder_id_by_raw(store, op->target);
	int64_t row = op->msg.v;
	if (op->kind == OP_COPY || op->kind == OP_APPEND)
		row = db_number(store->cache, NULL, op->msg.v, "SELECT id FROM msg WHERE op=?", "i", op->id);
	if (op->kind == OP_FLAGS &&
	    !db_run(store->cache, error, "UPDATE msg SET server_flags=(server_flags | ?) & ~? WHERE id=?", "iii", (int64_t)op->set, (int64_t)op->clear, row))
		return false;
	bool arrives = op->kind == OP_MOVE || op->kind == OP_COPY || op->kind == OP_APPEND;
	bool here = db_number(store->cache, NULL, 0, "SELECT folder FROM msg WHERE id=?", "i", row) == folder;
	if (arrives && new_uid && folder && row > 0 && here && !take_uid(store, row, folder, new_uid, error))
		return false;
	return txn_commit(g_steal_pointer(&txn), error);
}

bool
store_op_done(Store *store, const Op *op, uint32_t new_uid, GError **error)
{
	g_autoptr(Txn) txn = txn_begin(store->ops, error);
	if (!txn || !set_op_states(store, op, OP_DONE, error) || !rebind(store, op, new_uid, error) || !txn_commit(g_steal_pointer(&txn), error))
		return error_wrap(error, "journal");
	return done_in_cache(store, op, new_uid, error);
}

bool
store_op_again(Store *store, const Op *op, GError **error)
{
	g_autoptr(Txn) txn = txn_begin(store->ops, error);
	return txn && set_op_states(store, op, OP_PENDING, error) && txn_commit(g_steal_pointer(&txn), error);
}

/* What the person saw is taken back by an operation that is only local; an append stays and is shown. */
static bool
take_back(Store *store, const OpRow *row, GError **error)
{
	OpRow inverse = { .group = row->group, .state = OP_DONE, .undo_of = row->id, .msg = row->msg, .folder = row->folder, .uid = row->uid,
			  .uidvalidity = row->uidvalidity, .message_id = row->message_id, .base = row->base };
	if (row->cache_id != store->cache_id)
		inverse.msg = op_find_msg(store, row);
	switch (row->kind) {
	case OP_FLAGS:
		inverse.kind = OP_FLAGS;
		inverse.set = row->clear & (uint32_t)row->prev;
		inverse.clear = row->set & ~(uint32_t)row->prev;
		return op_insert(store, &inverse, NULL, error);
	case OP_MOVE:
	case OP_DELETE:
		inverse.kind = OP_MOVE;
		inverse.target = row->came_from;
		return op_insert(store, &inverse, NULL, error);
	case OP_COPY:
		inverse.kind = OP_DELETE;
		inverse.msg = -row->id;
		return op_insert(store, &inverse, NULL, error);
	case OP_APPEND:
	case OP_FOLDER_CREATE: return true;
	}
	return true;
}

bool
store_op_fail(Store *store, const Op *op, const char *why, GError **error)
{
	g_autoptr(Txn) txn = txn_begin(store->ops, error);
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
	if (!txn)
		return false;
	g_array_append_val(ids, op->id);
	if (op->merged)
		g_array_append_vals(ids, op->merged->data, op->merged->len);
	for (guint i = ids->len; i-- > 0;) {
		g_autoptr(GPtrArray) rows = ops_select(store, error, "id=?", g_array_index(ids, int64_t, i));
		if (!rows || (rows->len && !take_back(store, rows->pdata[0], error)))
			return false;
		if (!db_run(store->ops, error, "UPDATE op SET state=4, why=? WHERE id=?", "si", why, g_array_index(ids, int64_t, i)) ||
		    !db_run(store->ops, error, "UPDATE op_group SET undone=1 WHERE grp=(SELECT grp FROM op WHERE id=?)", "i", g_array_index(ids, int64_t, i)))
			return false;
	}
	if (!txn_commit(g_steal_pointer(&txn), error))
		return error_wrap(error, "journal");
	store_changed(store);
	return store_apply_pending(store, NULL, error);
}

static int
by_number(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	return left < right ? -1 : left > right;
}

GArray *
store_op_hidden_uids(Store *store, const char *raw_folder, GError **error)
{
	g_autoptr(GPtrArray) ops = ops_select(store, error, "state<? AND local=0 AND uid>0 AND kind IN (1,3)", OP_DONE);
	if (!ops)
		return NULL;
	/* The last word on a message counts: moved away and back again, it is not hidden. */
	g_autoptr(GHashTable) hidden = g_hash_table_new(NULL, NULL);
	for (guint i = 0; i < ops->len; i++) {
		const OpRow *op = ops->pdata[i];
		if (g_strcmp0(op->folder, raw_folder) != 0)
			continue;
		if (op->kind == OP_DELETE || g_strcmp0(op->target, raw_folder) != 0)
			g_hash_table_add(hidden, GUINT_TO_POINTER(op->uid));
		else
			g_hash_table_remove(hidden, GUINT_TO_POINTER(op->uid));
	}
	GArray *uids = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	GHashTableIter iter;
	gpointer key;
	g_hash_table_iter_init(&iter, hidden);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		uint32_t uid = GPOINTER_TO_UINT(key);
		g_array_append_val(uids, uid);
	}
	if (uids->len)
		qsort(uids->data, uids->len, sizeof(uint32_t), by_number);
	return uids;
}
