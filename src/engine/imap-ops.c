/* src/engine/imap-ops.c: flags, move, copy, delete, append and create as IMAP commands */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "src/engine/imap-push.h"

enum { LITERAL_MINUS_BYTES = 4096 };	/* RFC 7888 section 5 */

static const struct { MsgFlag flag; const char *name; } FLAGS[] = {
	{FLAG_SEEN, "\\Seen"}, {FLAG_ANSWERED, "\\Answered"}, {FLAG_FLAGGED, "\\Flagged"}, {FLAG_DELETED, "\\Deleted"},
	{FLAG_DRAFT, "\\Draft"}, {FLAG_FORWARDED, "$Forwarded"},
};

static int
uid_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static GArray *
op_uids(Op **ops, size_t n)
{
	GArray *uids = g_array_sized_new(FALSE, FALSE, sizeof(uint32_t), (guint)n);

	for (size_t i = 0; i < n; i++)
		g_array_append_val(uids, ops[i]->uid);
	g_array_sort(uids, uid_order);
	return uids;
}

static void
append_uids(GString *line, const GArray *uids)
{
	imap_append_set(line, (const uint32_t *)(const void *)uids->data, uids->len);
}

static void
append_flags(GString *line, uint32_t flags)
{
	const char *blank = "";

	g_string_append_c(line, '(');
	for (size_t i = 0; i < G_N_ELEMENTS(FLAGS); i++) {
		if (!(flags & FLAGS[i].flag))
			continue;
		g_string_append_printf(line, "%s%s", blank, FLAGS[i].name);
		blank = " ";
	}
	g_string_append_c(line, ')');
}

static bool
refuse_all(Push *push, Op **ops, size_t n, const ImapReply *reply, GError **error)
{
	for (size_t i = 0; i < n; i++)
		if (!push_refused(push, ops[i], reply, error))
			return false;
	return true;
}

static bool
store_flags(Imap *imap, const GArray *uids, char sign, uint32_t flags, ImapReply *reply, GError **error)
{
	g_autoptr(GString) line = g_string_new("UID STORE ");

	append_uids(line, uids);
	g_string_append_printf(line, " %cFLAGS.SILENT ", sign);
	append_flags(line, flags);
	return imap_ask(imap, line->str, reply, error);
}

bool
push_flags(Push *push, Op **ops, size_t n, GError **error)
{
	Imap *imap = push->imap;
	g_auto(ImapReply) set = {.ok = true}, clear = {.ok = true};
	g_autoptr(GArray) uids = op_uids(ops, n);
	bool ready;

	if (!push_select(push, ops, n, &ready, error) || !ready)
		return !error || !*error;
	/* Flags the folder does not keep stay with us. Bits are set and cleared one by one, never FLAGS=. */
	if ((ops[0]->set & imap->permanent) && !store_flags(imap, uids, '+', ops[0]->set & imap->permanent, &set, error))
		return false;
	if (set.ok && (ops[0]->clear & imap->permanent) && !store_flags(imap, uids, '-', ops[0]->clear & imap->permanent, &clear, error))
		return false;
	if (!set.ok || !clear.ok)
		return refuse_all(push, ops, n, set.ok ? &clear : &set, error);
	for (size_t i = 0; i < n; i++)
		if (!push_done(push, ops[i], ops[i]->uid, error))
			return false;
	return true;
}

/* ---- expunge ---- */

static bool
same_uids(const GArray *a, const GArray *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len * sizeof(uint32_t)) == 0);
}

bool
push_expunge(Push *push, const GArray *uids, GError **error)
{
	Imap *imap = push->imap;
	g_auto(ImapReply) marked = {0};
	g_autoptr(GString) line = g_string_new("UID EXPUNGE ");

	if (!store_flags(imap, uids, '+', FLAG_DELETED, &marked, error))
		return false;
	if (!marked.ok)
		return imap_refused(&marked, error, "deleting");
	if (imap->caps & CAP_UIDPLUS) {
		append_uids(line, uids);
		return imap_command(imap, line->str, error);
	}
	if (!imap_command(imap, "UID SEARCH DELETED", error))
		return false;
	g_array_sort(imap->found, uid_order);
	if (imap->skipped || !same_uids(imap->found, uids)) {
		log_info(LOG_IMAP, "another client's marks are in the folder: nothing is expunged, ours stay marked as deleted");
		return true;
	}
	return imap_command(imap, "EXPUNGE", error);
}

bool
push_delete(Push *push, Op **ops, size_t n, GError **error)
{
	g_autoptr(GArray) uids = op_uids(ops, n);
	g_autoptr(GError) own = NULL;
	bool ready;

	if (!push_select(push, ops, n, &ready, error) || !ready)
		return !error || !*error;
	if (!push_inflight(push, ops, n, push->imap->uidvalidity, 0, error))
		return false;
	if (!push_expunge(push, uids, &own)) {
		bool refused = !push->imap->broken && own->code == ERROR_SERVER;
		for (size_t i = 0; refused && i < n; i++)
			if (!push_failed(push, ops[i], own->message, error))
				return false;
		if (!refused)
			g_propagate_error(error, g_steal_pointer(&own));
		return refused;
	}
	for (size_t i = 0; i < n; i++)
		if (!push_done(push, ops[i], 0, error))
			return false;
	return true;
}

/* ---- move and copy ---- */

static uint32_t
mapped_uid(const ImapReply *reply, uint32_t uid)
{
	for (guint i = 0; reply->from && reply->to && i < reply->from->len; i++)
		if (g_array_index(reply->from, uint32_t, i) == uid)
			return g_array_index(reply->to, uint32_t, i);
	return 0;
}

static bool
transfer(Push *push, const char *verb, const GArray *uids, const char *target, ImapReply *reply, GError **error)
{
	g_autoptr(GString) line = g_string_new(verb);
	g_auto(ImapReply) created = {0};

	append_uids(line, uids);
	g_string_append_c(line, ' ');
	if (!imap_quote(line, target, error) || !imap_ask(push->imap, line->str, reply, error))
		return false;
	if (reply->ok || strcmp(reply->code, "TRYCREATE") != 0)
		return true;
	if (!push_create(push, target, &created, error))
		return false;
	imap_reply_clear(reply);
	return imap_ask(push->imap, line->str, reply, error);
}

/* The target's state into the ops, durably, before the command. */
static bool
prepare(Push *push, Op **ops, size_t n, GError **error)
{
	uint32_t uidvalidity, uidnext;
	bool exists;

	return push_target_state(push, ops[0]->target, &uidvalidity, &uidnext, &exists, error) &&
	       push_inflight(push, ops, n, uidvalidity, uidnext, error);
}

static bool
finish_by_copy(Push *push, Op **ops, size_t n, const ImapReply *reply, const GArray *uids, GError **error)
{
	/* Without MOVE the originals go only when each copy is known by its UID. */
	for (size_t i = 0; i < n; i++)
		if (mapped_uid(reply, ops[i]->uid) == 0) {
			for (size_t k = 0; k < n; k++)
				if (!push_verify_move(push, ops + k, 1, error))
					return false;
			return true;
		}
	if (!push_expunge(push, uids, error))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!push_done(push, ops[i], mapped_uid(reply, ops[i]->uid), error))
			return false;
	return true;
}

bool
push_move(Push *push, Op **ops, size_t n, GError **error)
{
	Imap *imap = push->imap;
	g_auto(ImapReply) reply = {0};
	g_autoptr(GArray) uids = op_uids(ops, n);
	bool atomic = (imap->caps & CAP_MOVE) != 0, ready;

	if (!push_select(push, ops, n, &ready, error) || !ready)
		return !error || !*error;
	if (!prepare(push, ops, n, error) || !transfer(push, atomic ? "UID MOVE " : "UID COPY ", uids, ops[0]->target, &reply, error))
		return false;
	if (!reply.ok)
		return refuse_all(push, ops, n, &reply, error);
	if (!atomic)
		return finish_by_copy(push, ops, n, &reply, uids, error);
	for (size_t i = 0; i < n; i++) {
		uint32_t new_uid = mapped_uid(&reply, ops[i]->uid);
		/* OK without COPYUID does not mean moved: look. */
		bool ok = new_uid ? push_done(push, ops[i], new_uid, error) : push_verify_move(push, ops + i, 1, error);
		if (!ok)
			return false;
	}
	return true;
}

bool
push_finish_move(Push *push, Op *op, uint32_t new_uid, GError **error)
{
	g_autoptr(GArray) uids = op_uids(&op, 1);
	bool ready;

	if (!push_select(push, &op, 1, &ready, error) || !ready)
		return !error || !*error;
	return push_expunge(push, uids, error) && push_done(push, op, new_uid, error);
}

bool
push_copy(Push *push, Op **ops, size_t n, GError **error)
{
	g_auto(ImapReply) reply = {0};
	g_autoptr(GArray) uids = op_uids(ops, n);
	bool ready;

	if (!push_select(push, ops, n, &ready, error) || !ready)
		return !error || !*error;
	if (!prepare(push, ops, n, error) || !transfer(push, "UID COPY ", uids, ops[0]->target, &reply, error))
		return false;
	if (!reply.ok)
		return refuse_all(push, ops, n, &reply, error);
	for (size_t i = 0; i < n; i++)
		if (!push_done(push, ops[i], mapped_uid(&reply, ops[i]->uid), error))
			return false;
	return true;
}

/* ---- append ---- */

/* CRLF lines, as IMAP wants them; NUL cannot be sent in a plain literal and becomes 0x80 (RFC 3501 4.3). */
static GByteArray *
wire_form(const char *bytes, size_t size)
{
	GByteArray *out = g_byte_array_sized_new((guint)(size + size / 32 + 2));

	for (size_t i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)bytes[i];
		if (byte == '\n' && (i == 0 || bytes[i - 1] != '\r'))
			g_byte_array_append(out, (const uint8_t *)"\r", 1);
		if (byte == '\0')
			byte = 0x80;
		g_byte_array_append(out, &byte, 1);
	}
	return out;
}

static bool
send_append(Push *push, const Op *op, const GByteArray *bytes, ImapReply *reply, GError **error)
{
	Imap *imap = push->imap;
	Net *net = imap->engine->net;
	g_autoptr(GString) line = g_string_new("APPEND ");
	g_autoptr(GError) own = NULL;
	bool at_once = (imap->caps & CAP_LITERAL_PLUS) || ((imap->caps & CAP_LITERAL_MINUS) && bytes->len <= LITERAL_MINUS_BYTES);
	unsigned tag;

	if (!imap_quote(line, op->target, error))
		return false;
	/* \Deleted is refused by some (Yahoo), and what we cannot know to be kept is not sent. */
	g_string_append_c(line, ' ');
	append_flags(line, op->flags & ~(unsigned)(FLAG_DELETED | FLAG_FORWARDED));
	g_string_append_printf(line, " {%u%s}", bytes->len, at_once ? "+" : "");
	if (!imap_send(imap, line->str, &tag, error))
		return false;
	if (!at_once) {
		g_autofree char *text = NULL;
		if (!imap_flush(imap, error))
			return false;
		if (!imap_read_continuation(imap, tag, &text, reply, &own)) {
			if (!own)
				return true;	/* a tagged NO */
			g_propagate_error(error, g_steal_pointer(&own));
			return false;
		}
	}
	if (!net_write(net, bytes->data, bytes->len, error) || !net_write(net, "\r\n", 2, error)) {
		imap->broken = true;
		return false;
	}
	return imap_flush(imap, error) && imap_receive(imap, tag, reply, error);
}

bool
push_append(Push *push, Op **ops, size_t n, GError **error)
{
	Op *op = ops[0];
	Imap *imap = push->imap;
	g_auto(ImapReply) reply = {0}, created = {0};
	g_autofree char *raw = NULL;
	g_autoptr(GError) own = NULL;
	size_t size;
	bool full;

	(void)n;
	if (!store_read(imap->engine->store, op->msg, &raw, &size, &full, &own) || !full)
		return push_failed(push, op, own ? own->message : "the message is not complete", error);
	g_autoptr(GByteArray) bytes = wire_form(raw, size);
	if (!prepare(push, ops, 1, error) || !send_append(push, op, bytes, &reply, error))
		return false;
	if (!reply.ok && strcmp(reply.code, "TRYCREATE") == 0) {
		imap_reply_clear(&reply);
		if (!push_create(push, op->target, &created, error) || !send_append(push, op, bytes, &reply, error))
			return false;
	}
	if (!reply.ok)
		return push_refused(push, op, &reply, error);
	return push_done(push, op, reply.to && reply.to->len == 1 ? g_array_index(reply.to, uint32_t, 0) : 0, error);
}

/* ---- folders ---- */

bool
push_folder_create(Push *push, Op **ops, size_t n, GError **error)
{
	Op *op = ops[0];
	const char *raw = op->target ? op->target : op->folder;
	g_auto(ImapReply) reply = {0};
	uint32_t uidvalidity, uidnext;
	bool exists;

	(void)n;
	if (!push_target_state(push, raw, &uidvalidity, &uidnext, &exists, error))
		return false;
	if (exists)
		return push_done(push, op, 0, error);
	if (!push_inflight(push, ops, 1, 0, 0, error) || !push_create(push, raw, &reply, error))
		return false;
	if (!reply.ok && strcmp(reply.code, "ALREADYEXISTS") != 0)
		return push_refused(push, op, &reply, error);
	return push_done(push, op, 0, error);
}
