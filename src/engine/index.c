/* engine/index.c: roles index (the only writer of the notmuch database) and search */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "surel/engine.h"

enum {
	BATCH = 200, LOCK_MAX_MS = 2000,	/* notmuch on the command line gets in between */
	PAUSE_MS = 20,				/* between batches of a long run */
	LOOK_MS = 60000,			/* flags change without a doorbell */
	RETRY_MS = 30000,			/* after a failure */
	SEARCH_LIMIT_MAX = 10000,
};

typedef struct Indexer {
	const Config *config;
	Channel *channel;
	Index *index;
	GPtrArray *stores;
	bool quit, wanted, told;
	int64_t done, failed_at;
} Indexer;

static void
open_stores(Indexer *indexer)
{
	for (guint i = 0; i < indexer->config->accounts->len; i++) {
		g_autoptr(GError) error = NULL;
		const Account *account = indexer->config->accounts->pdata[i];
		Store *store = store_open(NULL, account->name, STORE_WORKER, &error);
		if (store)
			g_ptr_array_add(indexer->stores, store);
		else
			log_error(LOG_INDEX, "%s", error->message);
	}
}

static void
progress(Indexer *indexer, int64_t left)
{
	channel_send(indexer->channel, &(Frame){ .type = FRAME_PROGRESS, .u.progress = { (char *)"indexing", indexer->done, indexer->done + left } });
}

/* One batch of each account; true while something is left. */
static bool
index_pass(Indexer *indexer)
{
	int64_t left = 0, before = indexer->done;
	for (guint i = 0; i < indexer->stores->len; i++) {
		g_autoptr(GError) error = NULL;
		int64_t done = 0, rest = 0;
		if (index_work(indexer->index, indexer->stores->pdata[i], BATCH, LOCK_MAX_MS, &done, &rest, &error)) {
			indexer->done += done;
			left += done ? rest : 0;	/* without progress the rest cannot be done now */
			continue;
		}
		log_error(LOG_INDEX, "%s", error->message);
		if (!indexer->failed_at)
			channel_send(indexer->channel, &(Frame){ .type = FRAME_NOTICE, .u.notice = { LOG_LEVEL_WARN, error->message } });
		indexer->failed_at = g_get_monotonic_time();
		return false;
	}
	indexer->failed_at = 0;
	if (indexer->done != before || indexer->wanted || !indexer->told)
		progress(indexer, left);
	indexer->told = left == 0;
	if (left == 0)
		indexer->done = 0;
	return left > 0;
}

static void
read_index_frames(Indexer *indexer)
{
	while (!indexer->quit) {
		Frame frame = { 0 };
		switch (channel_read(indexer->channel, &frame)) {
		case CHANNEL_EMPTY: return;
		case CHANNEL_CLOSED: indexer->quit = true; return;
		case CHANNEL_FRAME: break;
		}
		indexer->quit |= frame.type == FRAME_QUIT;
		indexer->wanted |= frame.type == FRAME_MAIL_READY || frame.type == FRAME_JOURNAL_READY;
		frame_clear(&frame);
	}
}

static void
wait_channel(Channel *channel, int timeout_ms)
{
	struct pollfd wait = { .fd = channel_fd(channel), .events = (short)(POLLIN | (channel_wants_write(channel) ? POLLOUT : 0)) };
	if (poll(&wait, 1, timeout_ms) > 0 && wait.revents & POLLOUT)
		channel_flush(channel);
}

int
index_main(const Config *config, const char *account, Channel *channel)
{
	g_autoptr(GError) error = NULL;
	Indexer indexer = { .config = config, .channel = channel, .wanted = true };
	(void)account;
	if (!config_bool(config, OPTION_index_mail))
		return WORKER_EXIT_STOP;
	indexer.index = index_open(NULL, true, &error);
	if (!indexer.index) {
		log_error(LOG_INDEX, "%s", error->message);
		return WORKER_EXIT_RETRY;
	}
	indexer.stores = g_ptr_array_new_with_free_func((GDestroyNotify)store_close);
	open_stores(&indexer);
	while (!indexer.quit) {
		bool more = index_pass(&indexer);
		indexer.wanted = false;
		wait_channel(channel, more ? PAUSE_MS : indexer.failed_at ? RETRY_MS : LOOK_MS);
		read_index_frames(&indexer);
	}
	g_ptr_array_unref(indexer.stores);
	index_close(indexer.index);
	return WORKER_EXIT_DONE;
}

/* ---- search ---- */

static void
fail(Channel *channel, uint32_t request, const GError *error)
{
	channel_send(channel, &(Frame){ .type = FRAME_FAILED, .u.failed = { request, (uint32_t)error->code, error->message } });
}

static void
answer(Index *index, Channel *channel, uint32_t request, uint32_t limit, const char *query)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) ids = index_search(index, query, CLAMP(limit, 1, SEARCH_LIMIT_MAX), &error);
	if (!ids) {
		fail(channel, request, error);
		return;
	}
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint i = 0; i < ids->len; i++)
		g_string_append_printf(text, "%s%s", i ? "\n" : "", (const char *)ids->pdata[i]);
	channel_send(channel, &(Frame){ .type = FRAME_HITS, .u.hits = { request, text->str } });
	channel_send(channel, &(Frame){ .type = FRAME_DONE, .u.done = { request } });
}

int
search_main(const Config *config, const char *account, Channel *channel)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Index) index = index_open(NULL, false, &error);
	bool quit = !index;
	(void)config;
	(void)account;
	while (!quit) {
		Frame frame = { 0 };
		switch (channel_read(channel, &frame)) {
		case CHANNEL_CLOSED: quit = true; break;
		case CHANNEL_EMPTY: wait_channel(channel, -1); break;
		case CHANNEL_FRAME:
			quit = frame.type == FRAME_QUIT;
			if (frame.type == FRAME_SEARCH)
				answer(index, channel, frame.u.search.request, frame.u.search.limit, frame.u.search.query);
			frame_clear(&frame);
		}
	}
	return index ? WORKER_EXIT_DONE : WORKER_EXIT_RETRY;
}
