/* src/engine/sync.c: the life of a sync worker: open, sync, wait, until the connection ends */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "src/engine/engine.h"

enum { WORKER_MEMORY_MB = 768 };	/* address space; the parser's worst case is one message */

/* Errors of one request, after which the connection is still good. */
static bool
error_is_local(const GError *error)
{
	return g_error_matches(error, SUREL_ERROR, ERROR_NOT_FOUND) || g_error_matches(error, SUREL_ERROR, ERROR_SERVER) ||
	       g_error_matches(error, SUREL_ERROR, ERROR_UNSUPPORTED) || g_error_matches(error, SUREL_ERROR, ERROR_MESSAGE);
}

bool
engine_serve_fetches(Engine *engine, GError **error)
{
	while (engine_check(engine, error)) {
		EngineFetch *fetch = g_queue_pop_head(&engine->fetches);
		if (!fetch)
			return true;
		g_autofree EngineFetch *owned = fetch;
		g_autoptr(GError) own = NULL;
		if (!engine->ops->fetch || engine->ops->fetch(engine, fetch->msg, &own)) {
			engine_done(engine, fetch->request);
			continue;
		}
		engine_failed(engine, fetch->request, own);
		if (!error_is_local(own)) {
			g_propagate_error(error, g_steal_pointer(&own));
			return false;
		}
	}
	return false;
}

/* The kernel confines what a hostile server could make of a parser bug: this account's files and nothing else. */
static void
confine(const Engine *engine)
{
	const char *data = g_getenv("SUREL_DATA");
	g_autofree char *data_dir = data && *data ? g_strdup(data) : os_data_dir();
	g_autofree char *state_dir = os_state_dir();
	g_autofree char *mail = g_build_filename(data_dir, "mail", engine->account->name, NULL);
	g_autofree char *own = g_build_filename(data_dir, "accounts", engine->account->name, NULL);
	/* A maildir account's tree is where its owner put it. */
	const char *tree = engine->account->incoming.protocol == PROTOCOL_MAILDIR ? engine->account->incoming.path : NULL;
	const char *write_dirs[] = {mail, own, state_dir, "/tmp", "/var/tmp", "/dev/null", tree, NULL};
	const char *read_dirs[] = {"/etc", "/usr", "/lib", "/run", "/dev", "/proc/self", engine->account->ca_file, NULL};

	sandbox_enter(read_dirs, write_dirs, WORKER_MEMORY_MB);
}

/* One pass and its answers. A failed SYNC_NOW is answered before the worker ends. */
static bool
sync_once(Engine *engine, GError **error)
{
	bool asked = engine->sync_wanted;
	uint32_t request = engine->sync_request;
	g_autofree char *folder = g_steal_pointer(&engine->sync_folder);
	g_autoptr(GError) own = NULL;

	engine_set_state(engine, ENGINE_SYNCING, NULL);
	bool ok = store_apply_pending(engine->store, NULL, &own) && engine->ops->sync(engine, folder && *folder ? folder : NULL, &own) &&
		  sent_settle_unknown(engine, &own);
	/* A newer SYNC_NOW that came meanwhile answered this one (engine.c) and stays wanted. */
	if (asked && engine->sync_request == request) {
		engine->sync_wanted = false;
		engine->sync_request = 0;
		if (ok && request)
			engine_done(engine, request);
		else if (request)
			engine_failed(engine, request, own);
	}
	if (!ok)
		g_propagate_error(error, g_steal_pointer(&own));
	return ok;
}

static bool
push_once(Engine *engine, GError **error)
{
	engine->journal_wanted = false;
	return engine->ops->push ? engine->ops->push(engine, error) : store_apply_pending(engine->store, NULL, error);
}

static bool
run(Engine *engine, GError **error)
{
	engine_set_state(engine, ENGINE_CONNECTING, NULL);
	engine->store = store_open(NULL, engine->account->name, STORE_WORKER, error);
	if (!engine->store || !store_ops_recover(engine->store, error) || !store_apply_pending(engine->store, NULL, error))
		return false;
	if (!engine->ops->open(engine, error))
		return false;
	confine(engine);
	bool dirty = true;	/* the first pass needs no asking */
	while (engine_check(engine, error)) {
		if (!engine_serve_fetches(engine, error))
			return false;
		if (dirty || engine->sync_wanted) {
			if (!sync_once(engine, error))
				return false;
			dirty = false;
			continue;
		}
		if (engine->journal_wanted) {
			if (!push_once(engine, error))
				return false;
			continue;
		}
		engine_set_state(engine, ENGINE_IDLE, NULL);
		if (!engine->ops->wait(engine, engine->account->poll_seconds, &dirty, error))
			return false;
	}
	return false;
}

/* Nobody waits for ever: what was asked and not answered fails with the reason the worker ends. */
static void
fail_the_rest(Engine *engine, const GError *error)
{
	EngineFetch *fetch;

	if (engine->sync_wanted && engine->sync_request)
		engine_failed(engine, engine->sync_request, error);
	while ((fetch = g_queue_pop_head(&engine->fetches))) {
		engine_failed(engine, fetch->request, error);
		g_free(fetch);
	}
}

static int
report_end(Engine *engine, const GError *error)
{
	bool ours = error->domain == SUREL_ERROR;
	int code = ours ? error->code : ERROR_IO;
	bool stop = code == ERROR_AUTH || code == ERROR_CERT || code == ERROR_CONFIG || code == ERROR_INPUT;

	fail_the_rest(engine, error);
	if (code == ERROR_CANCELLED)
		return WORKER_EXIT_DONE;
	g_autofree char *text = error_sentence(error);
	log_warn(LOG_MAIN, "%s", text);
	/* Only a refused login is cured by a password. */
	engine_set_state(engine, code == ERROR_AUTH ? ENGINE_AUTH_FAILED : ENGINE_OFFLINE, text);
	return stop ? WORKER_EXIT_STOP : WORKER_EXIT_RETRY;
}

int
sync_main(const Config *config, const char *account_name, Channel *channel)
{
	g_autoptr(GError) error = NULL;
	const Account *account = config_account(config, account_name);
	Engine engine;

	engine_init(&engine, config, account, channel);
	if (!account || !engine.ops)
		error_set(&error, ERROR_CONFIG, "there is no account named %s", account_name ? account_name : "(none)");
	else
		run(&engine, &error);
	int status = report_end(&engine, error);
	engine_clear(&engine);
	while (channel_wants_write(channel) && !channel_flush(channel))
		g_usleep(1000);
	return status;
}
