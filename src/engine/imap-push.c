/* src/engine/imap-push.c: the journal -> server, in order, each command once (I5, I6) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/engine/imap-push.h"

#include <string.h>

enum {
	RUN_MAX = 200,		/* operations in one command */
	TRIES_MAX = 8,
	ROUNDS_MAX = 1000	/* each round finishes at least one operation */
};

/* ---- outcomes ---- */

bool
push_failed(Push *push, const Op *op, const char *why, GError **error)
{
	g_autofree char *text = g_strdup_printf("A change could not be made on the server: %s", why);

	log_warn(LOG_IMAP, "operation %" G_GINT64_FORMAT " of kind %d failed: %s", op->id, (int)op->kind, why);
	engine_notice(push->imap->engine, LOG_LEVEL_WARN, text);
	return store_op_fail(push->imap->engine->store, op, why, error);
}

/* After a NO: words that mean "later" leave it in the journal, anything else ends it. */
bool
push_refused(Push *push, const Op *op, const ImapReply *reply, GError **error)
{
	g_autoptr(GError) own = NULL;

	imap_refused(reply, &own, "push");
	if (own->code != ERROR_BUSY || op->tries >= TRIES_MAX)
		return push_failed(push, op, *reply->text ? reply->text : "refused", error);
	push_leave(push, op);
	return store_op_again(push->imap->engine->store, op, error);
}

void
push_leave(Push *push, const Op *op)
{
	g_hash_table_add(push->left, g_memdup2(&op->id, sizeof op->id));
	g_hash_table_add(push->held, g_memdup2(&op->msg.v, sizeof op->msg.v));
}

bool
push_done(Push *push, const Op *op, uint32_t new_uid, GError **error)
{
	push->progress = true;
	g_hash_table_add(push->touched, g_memdup2(&op->msg.v, sizeof op->msg.v));
	return store_op_done(push->imap->engine->store, op, new_uid, error);
}

bool
push_inflight(Push *push, Op **ops, size_t n, uint32_t uidvalidity, uint32_t uidnext, GError **error)
{
	for (size_t i = 0; i < n; i++)
		if (!store_op_inflight(push->imap->engine->store, ops[i], uidvalidity, uidnext, error))
			return false;
	return true;
}

/* ---- what an operation needs ---- */

static bool
fail_all(Push *push, Op **ops, size_t n, const char *why, GError **error)
{
	for (size_t i = 0; i < n; i++)
		if (!push_failed(push, ops[i], why, error))
			return false;
	push->progress = true;
	return true;
}

/* Selects the source and checks I5. *ret_ready false: the ops were ended here. */
bool
push_select(Push *push, Op **ops, size_t n, bool *ret_ready, GError **error)
{
	Imap *imap = push->imap;
	g_autoptr(GError) own = NULL;

	*ret_ready = false;
	if (!imap_select(imap, ops[0]->folder, false, &own)) {
		bool refused = !imap->broken && (own->code == ERROR_SERVER || own->code == ERROR_NOT_FOUND);
		if (refused)
			return fail_all(push, ops, n, own->message, error);
		g_propagate_error(error, g_steal_pointer(&own));
		return false;
	}
	if (ops[0]->uidvalidity != imap->uidvalidity)
		return fail_all(push, ops, n, "the server renumbered the folder since; please do it again", error);
	if (imap->read_only)
		return fail_all(push, ops, n, "the folder is read-only", error);
	*ret_ready = true;
	return true;
}

/* What COPY, MOVE and APPEND are verified against after a break: UIDs below are older than the command. */
bool
push_target_state(Push *push, const char *target, uint32_t *ret_uidvalidity, uint32_t *ret_uidnext, bool *ret_exists, GError **error)
{
	Imap *imap = push->imap;
	g_auto(ImapReply) reply = {0};
	g_autoptr(GString) line = g_string_new("STATUS ");

	*ret_exists = true;
	if (g_strcmp0(imap->selected, target) == 0 && imap->uidnext > 0) {
		*ret_uidvalidity = imap->uidvalidity;
		*ret_uidnext = imap->uidnext;	/* maybe old, so on the safe side */
		return true;
	}
	if (!imap_quote(line, target, error))
		return false;
	g_string_append(line, " (UIDNEXT UIDVALIDITY)");
	if (!imap_ask(imap, line->str, &reply, error))
		return false;
	*ret_exists = reply.ok && imap->statuses->len > 0;
	const ImapStatus *status = *ret_exists ? imap->statuses->pdata[imap->statuses->len - 1] : NULL;
	*ret_uidvalidity = status ? status->uidvalidity : 0;
	*ret_uidnext = status ? status->uidnext : 0;
	return true;
}

bool
push_create(Push *push, const char *raw, ImapReply *reply, GError **error)
{
	g_autoptr(GString) line = g_string_new("CREATE "), subscribe = g_string_new("SUBSCRIBE ");
	g_auto(ImapReply) ignored = {0};

	if (!imap_quote(line, raw, error) || !imap_quote(subscribe, raw, error) || !imap_ask(push->imap, line->str, reply, error))
		return false;
	return !reply->ok || imap_ask(push->imap, subscribe->str, &ignored, error);
}

/* ---- runs ---- */

typedef bool (*RunFn)(Push *push, Op **ops, size_t n, GError **error);

static const RunFn RUNS[] = {
	[OP_FLAGS] = push_flags, [OP_MOVE] = push_move, [OP_COPY] = push_copy, [OP_DELETE] = push_delete,
	[OP_APPEND] = push_append, [OP_FOLDER_CREATE] = push_folder_create,
};

/* The verifications, by kind, of what a break left in doubt. Flags and deletions can simply be repeated. */
static const RunFn VERIFICATIONS[] = {
	[OP_FLAGS] = push_flags, [OP_MOVE] = push_verify_move, [OP_COPY] = push_verify_copy, [OP_DELETE] = push_delete,
	[OP_APPEND] = push_verify_append, [OP_FOLDER_CREATE] = push_folder_create,
};

static bool
needs_uid(const Op *op)
{
	return op->kind == OP_FLAGS || op->kind == OP_MOVE || op->kind == OP_COPY || op->kind == OP_DELETE;
}

/* Operations on one message keep their order: one that must wait holds back those behind it. */
static bool
is_ready(Push *push, const Op *op)
{
	bool message = op->msg.v != 0;

	if (g_hash_table_contains(push->left, &op->id))
		return false;
	if (message && g_hash_table_contains(push->held, &op->msg.v))
		return false;
	if (message && g_hash_table_contains(push->touched, &op->msg.v)) {
		push->again = true;	/* its UID or folder may be another by now: read the journal afresh */
		return false;
	}
	return !needs_uid(op) || op->uid != 0;
}

static bool
may_join(const Op *first, const Op *op)
{
	return op->kind == first->kind && needs_uid(op) && op->state == OP_PENDING && first->state == OP_PENDING &&
	       op->set == first->set && op->clear == first->clear && op->uidvalidity == first->uidvalidity &&
	       g_strcmp0(op->folder, first->folder) == 0 && g_strcmp0(op->target, first->target) == 0;
}

/* The longest run from ops[at] that one command can do, no message twice. */
static size_t
run_length(Push *push, GPtrArray *ops, guint at)
{
	const Op *first = ops->pdata[at];
	g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal);
	size_t n = 0;

	for (guint i = at; i < ops->len && n < RUN_MAX; i++, n++) {
		Op *op = ops->pdata[i];
		if (n > 0 && (!may_join(first, op) || !is_ready(push, op) || g_hash_table_contains(seen, &op->msg.v)))
			break;
		g_hash_table_add(seen, &op->msg.v);
	}
	return n;
}

static bool
push_round(Push *push, GPtrArray *ops, GError **error)
{
	for (guint i = 0; i < ops->len;) {
		Op *op = ops->pdata[i];
		if (!engine_check(push->imap->engine, error))
			return false;
		if (!is_ready(push, op)) {
			g_hash_table_add(push->held, g_memdup2(&op->msg.v, sizeof op->msg.v));
			i++;
			continue;
		}
		size_t n = run_length(push, ops, i);
		RunFn run = op->state == OP_PENDING ? RUNS[op->kind] : VERIFICATIONS[op->kind];
		if (!run(push, (Op **)ops->pdata + i, n, error))
			return false;
		i += (guint)n;
	}
	return true;
}

static GHashTable *
id_set(void)
{
	return g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
}

bool
imap_push(Imap *imap, GError **error)
{
	Push push = {.imap = imap, .left = id_set(), .held = id_set(), .touched = id_set()};
	bool ok = true;

	for (unsigned round = 0; ok && round < ROUNDS_MAX; round++) {
		g_autoptr(GPtrArray) ops = store_ops_due(imap->engine->store, error);
		push.again = push.progress = false;
		ok = ops && push_round(&push, ops, error);
		g_hash_table_remove_all(push.held);
		g_hash_table_remove_all(push.touched);
		if (!push.again || !push.progress)
			break;
	}
	g_hash_table_unref(push.left);
	g_hash_table_unref(push.held);
	g_hash_table_unref(push.touched);
	return ok || error_wrap(error, "carrying out changes on the server");
}

int64_t
imap_push_due_us(const Imap *imap)
{
	GHashTableIter iter;
	gpointer value;
	int64_t due = INT64_MAX;

	g_hash_table_iter_init(&iter, imap->looked);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		due = MIN(due, *(const int64_t *)value + PUSH_SECOND_LOOK_US);
	return due;
}
