/* src/engine/imap-bulk.c: fetching many messages: sets in a pipeline, and the way around a message nobody can read */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "src/engine/imap.h"

enum { RECONNECTS_MAX = 60 };	/* per run; a set of 200 needs at most 9 for one bad message */

typedef struct Flight { unsigned tag; GArray *uids; } Flight;

typedef struct Run {
	Imap *imap;
	const Folder *folder;
	const ImapBulk *bulk;
	GQueue *sets;		/* still to send */
	GQueue flights;		/* of Flight *, sent */
	unsigned depth, reconnects;
	GArray *missing;	/* of uint32_t: asked for, the server said OK, and no row came */
	bool warm;		/* the first set is answered: from now on several are under way */
	bool last_chance;	/* the missing ones, one by one */
} Run;

void
imap_cut_sets(const GArray *uids, unsigned first_size, unsigned size, GQueue *sets)
{
	unsigned want = first_size;

	for (guint end = uids->len; end > 0; want = size) {
		guint n = MIN(want, end);
		GArray *set = g_array_sized_new(FALSE, FALSE, sizeof(uint32_t), n);
		g_array_append_vals(set, &g_array_index(uids, uint32_t, end - n), n);
		g_queue_push_tail(sets, set);
		end -= n;
	}
}

static void
flight_free(void *data)
{
	Flight *flight = data;
	g_array_unref(flight->uids);
	g_free(flight);
}

static bool
send_set(Run *run, GError **error)
{
	GArray *uids = g_queue_pop_head(run->sets);
	g_autoptr(GString) line = g_string_new("UID FETCH ");
	Flight *flight = g_new0(Flight, 1);

	flight->uids = uids;
	g_queue_push_tail(&run->flights, flight);
	imap_append_set(line, (const uint32_t *)(void *)uids->data, uids->len);
	g_string_append_c(line, ' ');
	g_string_append(line, run->bulk->items);
	return imap_send(run->imap, line->str, &flight->tag, error);
}

/* Everything under way is to be sent again, in the same order. */
static void
recall(Run *run)
{
	Flight *flight;

	while ((flight = g_queue_pop_tail(&run->flights))) {
		g_queue_push_head(run->sets, g_array_ref(flight->uids));
		flight_free(flight);
	}
}

static bool
halve_or_poison(Run *run, const char *why, GError **error)
{
	GArray *set = g_queue_pop_head(run->sets);
	guint half = set->len / 2;

	run->depth = 1;	/* from here on one at a time, so that the guilty one is known */
	if (set->len <= 1) {
		bool ok = set->len == 0 || run->bulk->poison(run->bulk->data, g_array_index(set, uint32_t, 0), why, error);
		g_array_unref(set);
		return ok;
	}
	GArray *low = g_array_new(FALSE, FALSE, sizeof(uint32_t)), *high = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_array_append_vals(low, set->data, half);
	g_array_append_vals(high, &g_array_index(set, uint32_t, half), set->len - half);
	g_queue_push_head(run->sets, low);
	g_queue_push_head(run->sets, high);
	g_array_unref(set);
	return true;
}

static bool
reselect(Run *run, GError **error)
{
	if (!imap_select(run->imap, run->folder->raw, false, error))
		return false;
	if (run->imap->uidvalidity == run->folder->uidvalidity)
		return true;
	return error_set(error, ERROR_BUSY, "the server renumbered the folder while it was read");
}

/* The set whose answer broke the parser is at the head of flights: reconnect and go at it in halves. */
static bool
after_break(Run *run, GError *broken, GError **error)
{
	if (++run->reconnects > RECONNECTS_MAX || run->flights.length == 0) {
		g_propagate_error(error, g_error_copy(broken));
		return false;
	}
	log_warn(LOG_IMAP, "a fetch broke (%s); trying it in halves", broken->message);
	run->bulk->undone(run->bulk->data);
	recall(run);
	if (!halve_or_poison(run, broken->message, error))
		return false;
	return imap_session_open(run->imap, error) && reselect(run, error);
}

static void
note_missing(Run *run, const GArray *uids)
{
	for (guint i = 0; i < uids->len; i++) {
		uint32_t uid = g_array_index(uids, uint32_t, i);
		if (!run->bulk->has(run->bulk->data, uid))
			g_array_append_val(run->missing, uid);
	}
}

/* No row in spite of an OK: the message was expunged meanwhile, or its row could not be read and was left out. */
static bool
chase_missing(Run *run, GError **error)
{
	Imap *imap = run->imap;
	g_autoptr(GString) line = g_string_new("UID SEARCH UID ");

	imap_append_set(line, (const uint32_t *)(void *)run->missing->data, run->missing->len);
	if (!imap_command(imap, line->str, error))
		return false;
	for (guint i = 0; i < imap->found->len; i++) {
		uint32_t uid = g_array_index(imap->found, uint32_t, i);
		if (run->last_chance) {
			if (!run->bulk->poison(run->bulk->data, uid, "the server's answer for this message cannot be read", error))
				return false;
			continue;
		}
		GArray *set = g_array_new(FALSE, FALSE, sizeof(uint32_t));
		g_array_append_val(set, uid);
		g_queue_push_tail(run->sets, set);
	}
	g_array_set_size(run->missing, 0);
	run->last_chance = true;
	run->depth = 1;
	return true;
}

static bool
receive_set(Run *run, GError **error)
{
	Imap *imap = run->imap;
	Flight *flight = run->flights.head->data;
	g_auto(ImapReply) reply = {0};
	g_autoptr(GError) own = NULL;

	if (run->bulk->begin)
		run->bulk->begin(run->bulk->data, flight->uids);
	imap->row = run->bulk->row;
	imap->piece = run->bulk->piece;
	imap->row_data = run->bulk->data;
	bool ok = imap_receive(imap, flight->tag, &reply, &own);
	imap->row = NULL;
	imap->piece = NULL;
	if (!ok && g_error_matches(own, SUREL_ERROR, ERROR_PROTOCOL))
		return after_break(run, own, error);
	if (!ok) {
		run->bulk->undone(run->bulk->data);
		g_propagate_error(error, g_steal_pointer(&own));
		return false;
	}
	if (reply.ok) {
		note_missing(run, flight->uids);
		run->warm = true;
		ok = run->bulk->done(run->bulk->data, flight->uids, error);
		g_queue_pop_head(&run->flights);
		flight_free(flight);
		return ok;
	}
	/* A NO because of one message (MailKit issue 358): what came is not trusted, the others get another chance. */
	run->bulk->undone(run->bulk->data);
	imap_refused(&reply, &own, "fetching messages");
	if (!g_error_matches(own, SUREL_ERROR, ERROR_SERVER)) {
		g_propagate_error(error, g_steal_pointer(&own));
		return false;
	}
	g_queue_push_head(run->sets, g_array_ref(flight->uids));
	g_queue_pop_head(&run->flights);
	flight_free(flight);
	return halve_or_poison(run, reply.text, error);
}

static bool
is_wanted_elsewhere(const Imap *imap)
{
	return !imap->serving && (imap->engine->fetches.length > 0 || imap->engine->journal_wanted);
}

static bool
step(Run *run, GError **error)
{
	Imap *imap = run->imap;

	if (!imap->serving && !engine_check(imap->engine, error))
		return false;
	/* People first: nothing more is sent, what is under way is taken in, then they are served. */
	if (is_wanted_elsewhere(imap) && run->flights.length == 0 && (!imap_breathe(imap, error) || !reselect(run, error)))
		return false;
	bool sent = false;
	/* The first goes alone: Dovecot ends the first of several commands with the last, and people wait for the first rows. */
	unsigned depth = run->warm ? run->depth : 1;
	while (!is_wanted_elsewhere(imap) && run->sets->length > 0 && run->flights.length < depth) {
		if (!send_set(run, error))
			return false;
		sent = true;
	}
	if (sent && !imap_flush(imap, error))
		return false;
	return run->flights.length == 0 || receive_set(run, error);
}

bool
imap_bulk(Imap *imap, const Folder *folder, GQueue *sets, const ImapBulk *bulk, GError **error)
{
	Run run = {.imap = imap, .folder = folder, .bulk = bulk, .sets = sets, .depth = bulk->depth};
	bool ok = true;

	g_queue_init(&run.flights);
	run.missing = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	if (sets->length > 0)
		ok = reselect(&run, error);
	while (ok && (sets->length > 0 || run.flights.length > 0 || run.missing->len > 0))
		ok = sets->length > 0 || run.flights.length > 0 ? step(&run, error) : chase_missing(&run, error);
	g_array_unref(run.missing);
	g_queue_clear_full(&run.flights, flight_free);
	g_queue_clear_full(sets, (GDestroyNotify)g_array_unref);
	return ok;
}
