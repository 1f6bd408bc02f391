/* src/engine/imap-idle.c: waiting: IDLE on the inbox (RFC 2177), polling, waking from suspend, and breaths during bulk work */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <time.h>

#include "src/engine/imap.h"

enum {
	IDLE_SECONDS = 9 * 60,		/* routers forget quiet connections after 15 minutes and less; the RFC allows 29 */
	SLICE_SECONDS = 60,		/* how soon a wake from suspend is noticed */
	ASLEEP_SECONDS = 20		/* of suspend after which the connection is not trusted */
};

bool
imap_breathe(Imap *imap, GError **error)
{
	Engine *engine = imap->engine;
	bool ok = true;

	if (imap->serving)
		return true;
	imap->serving = true;
	if (!engine_check(engine, error))
		ok = false;
	if (ok && engine->fetches.length > 0)
		ok = engine_serve_fetches(engine, error);
	if (ok && engine->journal_wanted)
		ok = engine->ops->push(engine, error);
	imap->serving = false;
	return ok;
}

static int64_t
clock_us(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* CLOCK_BOOTTIME goes on while the machine sleeps, CLOCK_MONOTONIC does not. */
static bool
has_slept(Imap *imap)
{
	int64_t apart = clock_us(CLOCK_BOOTTIME) - clock_us(CLOCK_MONOTONIC);
	bool slept = imap->slept_us != 0 && apart - imap->slept_us > (int64_t)ASLEEP_SECONDS * G_USEC_PER_SEC;

	imap->slept_us = apart;
	return slept;
}

/* Is there work for someone else than the server? */
static bool
is_called(const Engine *engine)
{
	return engine->quit || engine->sync_wanted || engine->journal_wanted || engine->fetches.length > 0;
}

typedef struct Waiting { Imap *imap; int64_t until_us; bool idling, news; unsigned tag; } Waiting;

static bool
read_idle_line(Waiting *waiting, GError **error)
{
	const char *line = imap_read_raw(waiting->imap, error);

	if (!line)
		return false;
	if (g_ascii_strncasecmp(line, "* BYE", 5) == 0) {
		waiting->imap->broken = true;
		return net_fail(waiting->imap->engine->net, ERROR_OFFLINE, error, "the server said goodbye");
	}
	/* "* OK Still here" is a sign of life; anything else is news. */
	if (g_ascii_strncasecmp(line, "* OK", 4) != 0 && *line)
		waiting->news = true;
	/* A tagged line ends the IDLE from the server's side. */
	if (g_ascii_isdigit(*line))
		waiting->idling = false;
	return true;
}

static bool
start_idle(Waiting *waiting, GError **error)
{
	g_auto(ImapReply) reply = {0};
	g_autofree char *text = NULL;
	g_autoptr(GError) own = NULL;
	Imap *imap = waiting->imap;

	if (!imap_send(imap, "IDLE", &waiting->tag, error) || !imap_flush(imap, error))
		return false;
	waiting->idling = imap_read_continuation(imap, waiting->tag, &text, &reply, &own);
	if (own) {
		g_propagate_error(error, g_steal_pointer(&own));
		return false;
	}
	if (!waiting->idling)
		imap->caps &= ~(unsigned)CAP_IDLE;	/* it was promised and refused: poll from now on */
	waiting->news = waiting->news || imap->changed;
	return true;
}

static bool
end_idle(Waiting *waiting, GError **error)
{
	g_auto(ImapReply) reply = {0};
	Imap *imap = waiting->imap;

	if (!waiting->idling)
		return true;
	waiting->idling = false;
	if (!net_write(imap->engine->net, "DONE\r\n", 6, error) || !imap_flush(imap, error)) {
		imap->broken = true;
		return false;
	}
	if (!imap_receive(imap, waiting->tag, &reply, error))
		return false;
	waiting->news = waiting->news || imap->changed;
	return true;
}

/* Sleeps until input, a frame, the end of the time, or a wake from suspend. */
static bool
doze(Waiting *waiting, GError **error)
{
	Imap *imap = waiting->imap;

	while (!waiting->news && !is_called(imap->engine)) {
		int64_t left_us = waiting->until_us - g_get_monotonic_time();
		bool input = false, control = false;
		if (left_us <= 0)
			return true;
		if (!net_wait(imap->engine->net, (int)MIN(left_us / 1000 + 1, SLICE_SECONDS * 1000), &input, &control, error))
			return false;
		if (has_slept(imap))
			return error_set(error, ERROR_OFFLINE, "the computer was asleep");
		if (control && !engine_poll(imap->engine))
			return true;
		if (input && !read_idle_line(waiting, error))
			return false;
		if (input && !waiting->idling)
			return true;	/* also without IDLE: the server spoke unasked, most likely to end it */
	}
	return true;
}

static bool
select_inbox(Imap *imap, GError **error)
{
	g_autoptr(Folder) inbox = store_folder_by_role(imap->engine->store, ROLE_INBOX, error);

	if (!inbox)
		return error && *error ? false : error_set(error, ERROR_PROTOCOL, "the server has no inbox");
	if (g_strcmp0(imap->selected, inbox->raw) == 0)
		return true;
	if (!imap_select(imap, inbox->raw, true, error))
		return false;
	/* What came while another folder was open would never be told by IDLE. Compared with what was seen, not with what could be
	 * stored, so that a folder that cannot be synced does not keep us busy. */
	if (imap->uidnext != imap->inbox_uidnext || imap->uidvalidity != imap->inbox_uidvalidity || imap->modseq != imap->inbox_modseq)
		imap->changed = true;
	return true;
}

static int64_t
wait_until(const Imap *imap, unsigned timeout_s)
{
	int64_t now = g_get_monotonic_time();
	int64_t until = now + (int64_t)timeout_s * G_USEC_PER_SEC;

	if (imap->next_poll_us > 0)
		until = MIN(until, imap->next_poll_us);
	return MAX(MIN(until, imap_push_due_us(imap)), now);
}

/* One IDLE of at most nine minutes. */
static bool
wait_once(Waiting *waiting, int64_t end_us, GError **error)
{
	Imap *imap = waiting->imap;

	waiting->until_us = MIN(end_us, g_get_monotonic_time() + (int64_t)IDLE_SECONDS * G_USEC_PER_SEC);
	if ((imap->caps & CAP_IDLE) && !start_idle(waiting, error))
		return false;
	if (!doze(waiting, error) || !end_idle(waiting, error))
		return false;
	/* Nothing but silence says little: is the line still there? (also without IDLE) */
	if (!waiting->news && !is_called(imap->engine) && !imap_command(imap, "NOOP", error))
		return false;
	waiting->news = waiting->news || imap->changed;
	return true;
}

bool
imap_wait(Engine *engine, unsigned timeout_s, bool *ret_dirty, GError **error)
{
	Imap *imap = engine->state;
	int64_t end_us = wait_until(imap, timeout_s);
	Waiting waiting = {.imap = imap};

	*ret_dirty = false;
	imap->idle_hit = false;
	if (imap->slept_us == 0)
		(void)has_slept(imap);
	if (!select_inbox(imap, error))
		return false;
	waiting.news = imap->changed;
	while (!waiting.news && !is_called(engine) && g_get_monotonic_time() < end_us)
		if (!wait_once(&waiting, end_us, error))
			return false;
	imap->changed = false;
	imap->idle_hit = waiting.news;
	*ret_dirty = waiting.news || g_get_monotonic_time() >= end_us;
	return true;
}
