/* engine/keep.c: role keep: carries intents of all accounts into their caches, also while they are offline */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "surel/engine.h"

typedef struct Keeper { const Config *config; Channel *channel; GPtrArray *stores; bool quit; } Keeper;

static Store *
keeper_store(Keeper *keeper, const char *account, GError **error)
{
	for (guint i = 0; i < keeper->stores->len; i++)
		if (strcmp(store_account(keeper->stores->pdata[i]), account) == 0)
			return keeper->stores->pdata[i];
	if (!config_account(keeper->config, account)) {
		error_set(error, ERROR_NOT_FOUND, "there is no account %s", account);
		return NULL;
	}
	Store *store = store_open(NULL, account, STORE_WORKER, error);
	if (store)
		g_ptr_array_add(keeper->stores, store);
	return store;
}

static void
notice(Keeper *keeper, const GError *error)
{
	log_error(LOG_STORE, "%s", error->message);
	channel_send(keeper->channel, &(Frame){ .type = FRAME_NOTICE, .u.notice = { LOG_LEVEL_ERROR, error->message } });
}

static void
keep(Keeper *keeper, const char *account, bool always_tell)
{
	g_autoptr(GError) error = NULL;
	unsigned applied = 0;
	Store *store = keeper_store(keeper, account, &error);
	if (!store || !store_apply_pending(store, &applied, &error)) {
		notice(keeper, error);
		return;
	}
	if (applied || always_tell)
		channel_send(keeper->channel, &(Frame){ .type = FRAME_APPLIED, .u.applied = { (char *)account, applied } });
}

static void
keep_all(Keeper *keeper)
{
	for (guint i = 0; i < keeper->config->accounts->len; i++)
		keep(keeper, ((const Account *)keeper->config->accounts->pdata[i])->name, false);
}

static void
read_frames(Keeper *keeper)
{
	while (!keeper->quit) {
		Frame frame = { 0 };
		switch (channel_read(keeper->channel, &frame)) {
		case CHANNEL_EMPTY: return;
		case CHANNEL_CLOSED: keeper->quit = true; return;
		case CHANNEL_FRAME: break;
		}
		if (frame.type == FRAME_QUIT)
			keeper->quit = true;
		if (frame.type == FRAME_JOURNAL_READY)
			keep(keeper, frame.u.journal_ready.account, true);
		frame_clear(&frame);
	}
}

int
keep_main(const Config *config, const char *account, Channel *channel)
{
	Keeper keeper = { .config = config, .channel = channel };
	(void)account;
	keeper.stores = g_ptr_array_new_with_free_func((GDestroyNotify)store_close);
	keep_all(&keeper);
	while (!keeper.quit) {
		struct pollfd wait = { .fd = channel_fd(channel), .events = (short)(POLLIN | (channel_wants_write(channel) ? POLLOUT : 0)) };
		if (poll(&wait, 1, -1) < 0 && errno != EINTR)
			break;
		if (wait.revents & POLLOUT)
			channel_flush(channel);
		read_frames(&keeper);
	}
	g_ptr_array_unref(keeper.stores);
	return WORKER_EXIT_DONE;
}
