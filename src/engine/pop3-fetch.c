/* engine/pop3-fetch.c: RETR in windows, durable groups, messages known under another UIDL */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <unistd.h>

#include "src/engine/pop3-session.h"

void
pop3_leave_out(Session *session, const Pop3Item *item)
{
	if (item->key)
		g_hash_table_insert(session->state->trouble, g_strdup(item->key), GUINT_TO_POINTER(TROUBLE_MAX));
	session->refused++;
}

static bool
commit_group(Session *session, Delivery *delivery, GPtrArray *group, GError **error)
{
	unsigned stored = 0;

	if (group->len == 0)
		return true;
	if (!delivery_commit(delivery, &stored, error))
		return false;
	session->stored += stored;
	/* Durable from here on: only now DELE may be thought of. */
	for (guint i = 0; session->engine->account->leave == LEAVE_NO && i < group->len && session->deletes->len < SESSION_DELETES; i++)
		g_ptr_array_add(session->deletes, group->pdata[i]);
	g_ptr_array_set_size(group, 0);
	engine_progress(session->engine, "messages", session->stored, session->total);
	engine_changed(session->engine, session->inbox);
	return true;
}

/* The same bytes as a message that is not listed any more: it is that one, under a new key. *ret_same: there is no need to store it. */
static bool
recognise(Session *session, const Pop3Item *item, int fd, int64_t size, bool *ret_same, GError **error)
{
	*ret_same = false;
	if (session->lost->len == 0)
		return true;
	g_autofree char *hash = os_hash_file(fd);
	for (guint i = 0; hash && i < session->lost->len; i++) {
		const Uidl *known = session->lost->pdata[i];
		if (!known || known->size != size || strcmp(known->hash, hash) != 0)
			continue;
		session->lost->pdata[i] = NULL;
		session->renumbered++;
		*ret_same = true;
		return store_uidl_rename(session->store, known->uidl, item->key, error);
	}
	return true;
}

static bool
receive(Session *session, Delivery *delivery, Pop3Item *item, GPtrArray *group, int64_t *group_bytes, GError **error)
{
	int fd;
	int64_t size = 0;
	bool there = false;

	/* Without key (neither UIDL nor TOP) its place is remembered for this session only: it is deleted, or fetched again. */
	if (!item->key)
		item->key = g_strdup_printf(" once:%" G_GINT64_FORMAT ":%u", session->now, item->number);
	g_free(session->state->current);
	session->state->current = g_strdup(item->key);
	if (!delivery_open(delivery, 0, item->key, 0, session->now, &fd, error))
		return false;
	if (!pop3_retr(session->pop, fd, &size, &there, error)) {
		delivery_abort(delivery);
		return false;
	}
	g_clear_pointer(&session->state->current, g_free);
	if (!there) {
		delivery_abort(delivery);
		pop3_leave_out(session, item);
		return true;
	}
	bool same;
	if (!recognise(session, item, fd, size, &same, error))
		return false;
	if (same) {
		delivery_abort(delivery);
		if (session->engine->account->leave == LEAVE_NO && session->deletes->len < SESSION_DELETES)
			g_ptr_array_add(session->deletes, item);
		return true;
	}
	if (!delivery_finish(delivery, error))
		return false;
	g_ptr_array_add(group, item);
	*group_bytes += size;
	return true;
}

/* With LOGIN-DELAY there will be no other session for a while: this one goes on. */
static bool
long_enough(const Session *session, guint done)
{
	return done >= SESSION_MESSAGES && session->pop->login_delay_s == 0 && g_get_monotonic_time() > session->until;
}

/* Keeps a window of requests ahead of the message that is read. */
static bool
send_ahead(Session *session, guint at, guint *sent, GError **error)
{
	guint window = session->pop->pipelining ? POP3_WINDOW : 1;

	for (; *sent < session->wanted->len && *sent < at + window; ++*sent)
		if (!pop3_send_retr(session->pop, ((const Pop3Item *)session->wanted->pdata[*sent])->number, error))
			return false;
	return true;
}

static bool
fetch_rows(Session *session, Delivery *delivery, GPtrArray *group, GError **error)
{
	guint sent = 0;
	int64_t bytes = 0;
	bool last = false;

	for (guint i = 0; i < session->wanted->len; i++) {
		last = last || long_enough(session, i);
		if (!engine_check(session->engine, error) || (!last && !send_ahead(session, i, &sent, error)))
			return false;
		if (i == sent) {
			session->more = true;
			return true;
		}
		if (!receive(session, delivery, session->wanted->pdata[i], group, &bytes, error))
			return false;
		if (group->len < GROUP_MESSAGES && bytes < GROUP_BYTES)
			continue;
		if (!commit_group(session, delivery, group, error))
			return false;
		bytes = 0;
	}
	return true;
}

/* What arrived whole before the connection broke is kept. */
bool
pop3_fetch_wanted(Session *session, GError **error)
{
	g_autoptr(GPtrArray) group = g_ptr_array_new();
	g_autoptr(GError) late = NULL;

	if (session->wanted->len == 0)
		return true;
	g_autoptr(Delivery) delivery = delivery_begin(session->store, session->inbox, error);
	if (!delivery)
		return false;
	bool ok = fetch_rows(session, delivery, group, error);
	if (commit_group(session, delivery, group, ok ? error : &late))
		return ok;
	if (late)
		log_warn(LOG_POP3, "%s", late->message);
	return false;
}
