/* src/engine/imap-verify.c: what became of a command whose answer never came: look first, never repeat blindly (I6) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "src/engine/imap-push.h"

enum { MESSAGE_ID_MAX_BYTES = 900 };

static bool
is_searchable(const char *message_id)
{
	if (!message_id || !*message_id || strlen(message_id) > MESSAGE_ID_MAX_BYTES)
		return false;
	for (const char *p = message_id; *p; p++)
		if (*p < ' ' || *p > '~')
			return false;
	return true;
}

/* The message in the target, by Message-ID or size, among what is not older than the command. *ret_uid 0: not there. */
static bool
find_in_target(Push *push, const Op *op, uint32_t *ret_uid, GError **error)
{
	Imap *imap = push->imap;
	g_autoptr(GError) own = NULL;

	*ret_uid = 0;
	if (!imap_select(imap, op->target, true, &own)) {
		bool absent = !imap->broken && (own->code == ERROR_SERVER || own->code == ERROR_NOT_FOUND);
		if (!absent)
			g_propagate_error(error, g_steal_pointer(&own));
		return absent;
	}
	uint32_t from = op->pre_uidvalidity == imap->uidvalidity && op->pre_uidnext > 0 ? op->pre_uidnext : 1;
	g_autoptr(GString) line = g_string_new(NULL);
	g_string_append_printf(line, "UID SEARCH UID %u:* ", from);
	if (is_searchable(op->message_id)) {
		g_autofree char *id = g_strdup_printf("<%s>", op->message_id);
		g_string_append(line, "HEADER Message-ID ");
		if (!imap_quote(line, id, error))
			return false;
	} else {
		g_string_append_printf(line, "LARGER %" G_GINT64_FORMAT " SMALLER %" G_GINT64_FORMAT, MAX(op->size - 1, 0), op->size + 1);
	}
	if (imap_exists(imap) == 0)
		return true;
	if (!imap_command(imap, line->str, error))
		return false;
	for (guint i = 0; i < imap->found->len; i++) {
		uint32_t uid = g_array_index(imap->found, uint32_t, i);
		if (uid >= from)	/* "n:*" always has the last message in it */
			*ret_uid = MAX(*ret_uid, uid);
	}
	return true;
}

static bool
source_is_there(Push *push, const Op *op, bool *ret_there, GError **error)
{
	Imap *imap = push->imap;
	g_autoptr(GError) own = NULL;
	g_autofree char *line = g_strdup_printf("UID SEARCH UID %u", op->uid);

	*ret_there = false;
	if (!imap_select(imap, op->folder, true, &own)) {
		bool absent = !imap->broken && (own->code == ERROR_SERVER || own->code == ERROR_NOT_FOUND);
		if (!absent)
			g_propagate_error(error, g_steal_pointer(&own));
		return absent;
	}
	if (imap->uidvalidity != op->uidvalidity || imap_exists(imap) == 0)
		return true;
	if (!imap_command(imap, line, error))
		return false;
	for (guint i = 0; i < imap->found->len; i++)
		*ret_there = *ret_there || g_array_index(imap->found, uint32_t, i) == op->uid;
	return true;
}

/* Provably not done: to be done in the next round. */
static bool
again(Push *push, const Op *op, GError **error)
{
	if (op->tries >= 8)
		return push_failed(push, op, "the server does not carry it out", error);
	push->again = push->progress = true;
	return store_op_again(push->imap->engine->store, op, error);
}

bool
push_verify_move(Push *push, Op **ops, size_t n, GError **error)
{
	Op *op = ops[0];
	uint32_t new_uid;
	bool there;

	(void)n;
	if (!find_in_target(push, op, &new_uid, error) || !source_is_there(push, op, &there, error))
		return false;
	if (new_uid && there)	/* the copy is made, the original was to go */
		return push_finish_move(push, op, new_uid, error);
	if (new_uid)
		return push_done(push, op, new_uid, error);
	if (there)
		return again(push, op, error);
	return push_failed(push, op, "the message is in neither folder; the local copy is kept", error);
}

bool
push_verify_copy(Push *push, Op **ops, size_t n, GError **error)
{
	uint32_t new_uid;

	(void)n;
	if (!find_in_target(push, ops[0], &new_uid, error))
		return false;
	return new_uid ? push_done(push, ops[0], new_uid, error) : again(push, ops[0], error);
}

bool
push_verify_append(Push *push, Op **ops, size_t n, GError **error)
{
	Op *op = ops[0];
	GHashTable *looked = push->imap->looked;
	uint32_t new_uid;

	(void)n;
	if (!find_in_target(push, op, &new_uid, error))
		return false;
	if (new_uid) {
		g_hash_table_remove(looked, &op->id);
		return push_done(push, op, new_uid, error);
	}
	const int64_t *first = g_hash_table_lookup(looked, &op->id);
	int64_t now = g_get_monotonic_time();
	if (!first) {
		g_hash_table_insert(looked, g_memdup2(&op->id, sizeof op->id), g_memdup2(&now, sizeof now));
		push_leave(push, op);
		return true;
	}
	if (now - *first < PUSH_SECOND_LOOK_US) {
		push_leave(push, op);
		return true;
	}
	g_hash_table_remove(looked, &op->id);
	return again(push, op, error);
}
