/* engine/pop3.c: POP3 backend: bounded sessions, what to fetch, what to delete, and when it is safe (I1, I8) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <time.h>

#include "src/engine/local.h"
#include "src/engine/pop3-session.h"

static void
trouble_at(Pop3State *state)
{
	if (!state->current)
		return;
	unsigned times = GPOINTER_TO_UINT(g_hash_table_lookup(state->trouble, state->current)) + 1;
	g_hash_table_insert(state->trouble, g_strdup(state->current), GUINT_TO_POINTER(times));
}

/* ---- connection ---- */

static void
disconnect(Engine *engine)
{
	Pop3State *state = engine->state;

	g_clear_pointer(&state->pop, pop3_free);
	g_clear_pointer(&engine->net, net_close);
}

static bool
login(Engine *engine, GError **error)
{
	Pop3State *state = engine->state;
	const Account *account = engine->account;
	const char *user = account->incoming.user ? account->incoming.user : account->user;

	if (!user)
		return error_set(error, ERROR_CONFIG, "account %s: no user is set", account->name);
	if (!state->secret)
		state->secret = engine_secret(engine, false, &state->is_token, error);
	return state->secret && pop3_login(state->pop, &account->incoming, user, state->secret, state->is_token, error);
}

static bool
connect_and_login(Engine *engine, GError **error)
{
	Pop3State *state = engine->state;

	if (!engine_connect(engine, false, error))
		return false;
	state->pop = pop3_new(engine->net);
	if (!pop3_greet(state->pop, &engine->account->incoming, error)) {
		engine_step(engine, "greeting", VERDICT_FAIL, "%s", error && *error ? (*error)->message : "refused");
		return false;
	}
	engine_step(engine, "capabilities", VERDICT_OK, "POP3%s%s%s%s", state->pop->uidl ? " UIDL" : "", state->pop->top ? " TOP" : "",
		    state->pop->pipelining ? " PIPELINING" : "", state->pop->capa ? "" : " (no CAPA)");
	if (!login(engine, error)) {
		engine_step(engine, "login", VERDICT_FAIL, "%s", error && *error ? (*error)->message : "refused");
		return false;
	}
	engine_step(engine, "login", VERDICT_OK, "accepted");
	state->next_login = g_get_monotonic_time() + (int64_t)state->pop->login_delay_s * G_USEC_PER_SEC;
	return true;
}

/* Account test: what is in the mailbox, and whether the server can tell old from new. */
static bool
test_mailbox(Engine *engine, GError **error)
{
	Pop3State *state = engine->state;
	int64_t count;
	bool uidl;

	if (!pop3_stat(state->pop, &count, error))
		return false;
	g_autoptr(GArray) items = pop3_list(state->pop, &uidl, error);
	if (!items)
		return false;
	engine_step(engine, "mailbox", uidl ? VERDICT_OK : VERDICT_WARN, "%" G_GINT64_FORMAT " messages%s", count,
		    uidl ? "" : "; the server has no UIDL, so known messages are told by their headers");
	return pop3_quit(state->pop, error);
}

static bool
pop3_open(Engine *engine, GError **error)
{
	if (!engine->state) {
		Pop3State *state = g_new0(Pop3State, 1);
		state->trouble = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
		engine->state = state;
	}
	if (engine->store && !local_make_folders(engine, error))
		return false;
	if (!connect_and_login(engine, error) || (!engine->store && !test_mailbox(engine, error))) {
		disconnect(engine);
		return false;
	}
	return true;
}

static void
pop3_close(Engine *engine)
{
	Pop3State *state = engine->state;

	if (!state)
		return;
	disconnect(engine);
	os_free_secret(state->secret);
	g_hash_table_unref(state->trouble);
	g_free(state->current);
	g_free(state);
	engine->state = NULL;
}

/* ---- what is there, what is wanted ---- */

static const Uidl *
remembered(const Session *session, const Pop3Item *item)
{
	return item->key ? g_hash_table_lookup(session->memory, item->key) : NULL;
}

/* Messages whose UIDL is missing or not unique are known by their headers and size; the n-th of the same is "hash:n". The blank
 * in front cannot begin a real UIDL. "": the server gave no headers. */
static char *
header_key(Session *session, const Pop3Item *item, GHashTable *times, GError **error)
{
	g_autofree char *hash = pop3_top_hash(session->pop, item->number, error);

	if (!hash || !*hash)
		return g_steal_pointer(&hash);
	g_autofree char *base = g_strdup_printf(" top:%s:%" G_GINT64_FORMAT, hash, item->size);
	unsigned n = GPOINTER_TO_UINT(g_hash_table_lookup(times, base)) + 1;
	char *key = g_strdup_printf("%s:%u", base, n);
	g_hash_table_insert(times, g_steal_pointer(&base), GUINT_TO_POINTER(n));
	return key;
}

static bool
make_keys(Session *session, GError **error)
{
	g_autoptr(GHashTable) times = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	unsigned made = 0, missing = 0;

	for (guint i = 0; i < session->items->len; i++) {
		Pop3Item *item = &g_array_index(session->items, Pop3Item, i);
		/* Without a single TOP that worked the rest is not asked. */
		bool ask = !item->key && (session->pop->top || !session->pop->capa) && (made > 0 || missing == 0);
		made += item->key != NULL;
		if (item->key)
			continue;
		if (!engine_check(session->engine, error))
			return false;
		g_autofree char *key = ask ? header_key(session, item, times, error) : g_strdup("");
		if (!key)
			return false;
		made += *key != 0;
		missing += *key == 0;
		if (*key)
			item->key = g_steal_pointer(&key);
	}
	if (missing == 0 || made > 0 || session->engine->account->leave == LEAVE_NO)
		return true;
	return error_set(error, ERROR_UNSUPPORTED, "the server has neither UIDL nor TOP, so known messages cannot be told from new ones; set "
			 "leave_on_server = no for this account");
}

static bool
read_mailbox(Session *session, GError **error)
{
	int64_t count;
	bool uidl;

	if (!pop3_stat(session->pop, &count, error))
		return false;
	session->items = pop3_list(session->pop, &uidl, error);
	if (!session->items || !make_keys(session, error))
		return false;
	session->memory = store_uidls(session->store, error);
	return session->memory != NULL;
}

/* First sight is remembered before anything is fetched: "N days" counts from here. Known ones are touched once a day, so that a poll
 * without news writes nothing. */
static bool
remember_listing(Session *session, GError **error)
{
	g_autoptr(GPtrArray) keys = g_ptr_array_new();
	g_autoptr(GArray) sizes = g_array_new(FALSE, FALSE, sizeof(int64_t));

	for (guint i = 0; i < session->items->len; i++) {
		const Pop3Item *item = &g_array_index(session->items, Pop3Item, i);
		const Uidl *known = remembered(session, item);
		if (!item->key || (known && known->last_seen > session->now - SEEN_AGAIN_S))
			continue;
		g_ptr_array_add(keys, item->key);
		g_array_append_val(sizes, item->size);
	}
	return keys->len == 0 || store_uidl_seen(session->store, (char *const *)keys->pdata, (const int64_t *)(void *)sizes->data, keys->len,
						 session->now, error);
}

/* Deleted, and listed again all the same: with the size it had, the server did not delete it; else an old UIDL was given to a
 * new message, which must not be missed. */
static bool
is_back(const Uidl *known, const Pop3Item *item)
{
	return known->state == UIDL_GONE && (item->size < 0 || known->size == item->size);
}

static bool
is_wanted(const Session *session, const Pop3Item *item)
{
	const Uidl *known = remembered(session, item);

	if (known && known->state != UIDL_SEEN && (known->state != UIDL_GONE || is_back(known, item)))
		return false;
	/* Without key a message can only be taken away: fetched and left it would come again with each session. */
	if (!item->key)
		return session->engine->account->leave == LEAVE_NO;
	return GPOINTER_TO_UINT(g_hash_table_lookup(session->state->trouble, item->key)) < TROUBLE_MAX;
}

/* True for what the policy lets go now, whatever its file is like; verified in the moment before DELE. */
static bool
policy_deletes(const Session *session, const Uidl *known)
{
	const Account *account = session->engine->account;

	switch (account->leave) {
	case LEAVE_YES:
		return false;
	case LEAVE_NO:
		return true;
	case LEAVE_DAYS:
		return session->now - known->first_seen >= (int64_t)account->leave_days * 86400;
	case LEAVE_UNTIL_DELETED:
		/* No row: deleted here for good, if its file is among those removed lately (store_uidl_verify looks there too); a lost
		 * cache or folder is no deletion. */
		return known->msg.v == 0 || local_in_trash(session->store, known->msg, session->trash);
	}
	return false;
}

/* What is stored but not listed may be listed under a new key: servers give all their messages new ones when they move house. */
static void
find_lost(Session *session)
{
	g_autoptr(GHashTable) listed = g_hash_table_new(g_str_hash, g_str_equal);
	GHashTableIter iter;
	gpointer key, value;

	session->lost = g_ptr_array_new();
	for (guint i = 0; i < session->items->len; i++)
		if (g_array_index(session->items, Pop3Item, i).key)
			g_hash_table_add(listed, g_array_index(session->items, Pop3Item, i).key);
	g_hash_table_iter_init(&iter, session->memory);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		const Uidl *known = value;
		if (known->hash && known->state != UIDL_SEEN && known->state != UIDL_GONE && !g_hash_table_contains(listed, key))
			g_ptr_array_add(session->lost, value);
	}
}

static void
choose(Session *session)
{
	session->wanted = g_ptr_array_new();
	session->deletes = g_ptr_array_new();
	for (guint i = session->items->len; i-- > 0;) {
		Pop3Item *item = &g_array_index(session->items, Pop3Item, i);
		const Uidl *known = remembered(session, item);
		if (is_wanted(session, item) && item->size > POP3_MESSAGE_MAX_BYTES) {
			pop3_leave_out(session, item);
		} else if (is_wanted(session, item)) {
			session->total++;
			if (session->wanted->len < SESSION_MESSAGES_MAX)
				g_ptr_array_add(session->wanted, item);
		} else if (known && known->state != UIDL_SEEN && policy_deletes(session, known) && session->deletes->len < SESSION_DELETES) {
			g_ptr_array_add(session->deletes, item);
		}
	}
	session->more = session->total > session->wanted->len;
}

/* ---- deleting ---- */

/* I8: the file is there with the size and the hash it was stored with. */
static bool
may_delete(Session *session, const Pop3Item *item)
{
	g_autoptr(GError) error = NULL;

	if (store_uidl_verify(session->store, item->key, &error))
		return true;
	log_warn(LOG_POP3, "left on the server: %s", error ? error->message : "its copy here is not whole");
	return false;
}

/* *ret_sent: keys that the server marked. They are committed as dele_sent before QUIT makes it true. */
static bool
delete_some(Session *session, GPtrArray *ret_sent, GError **error)
{
	g_autoptr(GPtrArray) items = g_ptr_array_new();

	for (guint i = 0; i < session->deletes->len; i++)
		if (may_delete(session, session->deletes->pdata[i]))
			g_ptr_array_add(items, session->deletes->pdata[i]);
	if (items->len == 0)
		return true;
	g_autofree bool *gone = g_new0(bool, items->len);
	if (!pop3_dele(session->pop, (const Pop3Item *const *)items->pdata, items->len, gone, error))
		return false;
	for (guint i = 0; i < items->len; i++)
		if (gone[i])
			g_ptr_array_add(ret_sent, ((Pop3Item *)items->pdata[i])->key);
	return ret_sent->len == 0 || store_uidl_state(session->store, (char *const *)ret_sent->pdata, ret_sent->len, UIDL_DELE_SENT, error);
}

static bool
finish(Session *session, GError **error)
{
	g_autoptr(GPtrArray) sent = g_ptr_array_new();

	if (!delete_some(session, sent, error) || !pop3_quit(session->pop, error))
		return false;
	session->deleted = sent->len;
	/* Only the +OK of QUIT says that what was marked is gone (RFC 1939 section 6). */
	if (sent->len > 0 && !store_uidl_state(session->store, (char *const *)sent->pdata, sent->len, UIDL_GONE, error))
		return false;
	return store_uidl_forget(session->store, session->now - MEMORY_S, error);
}

/* ---- sessions ---- */

static void
session_clear(Session *session)
{
	g_clear_pointer(&session->items, g_array_unref);
	g_clear_pointer(&session->memory, g_hash_table_unref);
	g_clear_pointer(&session->wanted, g_ptr_array_unref);
	g_clear_pointer(&session->deletes, g_ptr_array_unref);
	g_clear_pointer(&session->lost, g_ptr_array_unref);
}

static bool
run_session(Session *session, GError **error)
{
	if (!read_mailbox(session, error) || !remember_listing(session, error))
		return false;
	choose(session);
	find_lost(session);
	if (!pop3_fetch_wanted(session, error))
		return false;
	/* what was just stored may have filled the list of deletions */
	session->more = session->more || session->deletes->len >= SESSION_DELETES;
	return finish(session, error);
}

/* One session on the open connection; *ret_more when there is more to do and this one made progress. */
static bool
session_once(Engine *engine, unsigned *total, bool *ret_more, GError **error)
{
	Pop3State *state = engine->state;
	Session session = {.engine = engine, .state = state, .pop = state->pop, .store = engine->store, .now = time(NULL),
			   .until = g_get_monotonic_time() + SESSION_S * G_USEC_PER_SEC};
	bool ok = local_folder(engine->store, ROLE_INBOX, &session.inbox, error) && local_folder(engine->store, ROLE_TRASH, &session.trash, error) &&
		  run_session(&session, error);

	*total += session.stored;
	*ret_more = ok && session.more && session.stored + session.renumbered + session.deleted > 0;
	if (session.refused > 0) {
		g_autofree char *text = g_strdup_printf("%u messages stay on the server: it did not hand them out, or they are larger than 256 MB",
							  session.refused);
		engine_notice(engine, LOG_LEVEL_WARN, text);
	}
	session_clear(&session);
	disconnect(engine);
	return ok;
}

/* A message that breaks the session each time must not keep its neighbours away: after the second break it is left out. */
static bool
blame_message(Engine *engine, const GError *error)
{
	Pop3State *state = engine->state;

	if (!state->current || !(g_error_matches(error, SUREL_ERROR, ERROR_PROTOCOL) || g_error_matches(error, SUREL_ERROR, ERROR_OFFLINE)))
		return false;
	trouble_at(state);
	g_clear_pointer(&state->current, g_free);
	log_warn(LOG_POP3, "%s", error->message);
	engine_notice(engine, LOG_LEVEL_WARN, error->message);
	return true;
}

static bool
sync_sessions(Engine *engine, unsigned *total, GError **error)
{
	Pop3State *state = engine->state;
	bool more = true;
	unsigned breaks = 0;

	while (more) {
		g_autoptr(GError) own = NULL;
		if (!engine_check(engine, error))
			return false;
		if ((state->pop || connect_and_login(engine, &own)) && session_once(engine, total, &more, &own)) {
			/* LOGIN-DELAY: the rest waits for the next poll. */
			if (more && g_get_monotonic_time() < state->next_login)
				return true;
			continue;
		}
		disconnect(engine);
		if (++breaks > SYNC_BREAKS_MAX || !blame_message(engine, own)) {
			g_propagate_error(error, g_steal_pointer(&own));
			return false;
		}
		more = true;
	}
	return true;
}

static bool
pop3_sync(Engine *engine, const char *folder, GError **error)
{
	unsigned total = 0;

	(void)folder;	/* there is one mailbox */
	if (!local_push(engine, error))
		return false;
	bool ok = sync_sessions(engine, &total, error);
	return local_report_new(engine, total, ok ? error : NULL) && ok;
}

static bool
pop3_wait(Engine *engine, unsigned timeout_s, bool *ret_dirty, GError **error)
{
	Pop3State *state = engine->state;
	int64_t pause = MAX((int64_t)timeout_s * G_USEC_PER_SEC, state->next_login - g_get_monotonic_time());

	/* No connection while waiting: it would keep the mailbox locked for others. */
	return local_wait(engine, -1, (int)CLAMP(pause / 1000, 0, INT32_MAX), ret_dirty, error);
}

const BackendOps pop3_backend = {
	.name = "pop3",
	.caps = BACKEND_LEAVE_POLICY,
	.open = pop3_open,
	.sync = pop3_sync,
	.push = local_push,
	.wait = pop3_wait,
	.close = pop3_close,
};
