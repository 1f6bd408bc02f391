/* engine/engine.h: inside of one worker, shared by the backends */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "src/engine/net.h"
#include "surel/engine.h"

struct Engine {
	const Config *config;
	const Account *account;
	const BackendOps *ops;
	Store *store;			/* NULL in account test */
	Channel *channel;		/* NULL in account test */
	Net *net;
	char *incoming_secret, *outgoing_secret;	/* from a SECRET frame, or kept from account_secret(); NULL: not known yet */
	bool incoming_is_token, outgoing_is_token;
	bool quit, sync_wanted, journal_wanted, outbox_wanted;	/* set by engine_poll */
	char *sync_folder;		/* of the last SYNC_NOW; NULL: all */
	uint32_t sync_request;
	GQueue fetches;			/* of EngineFetch * */
	StepReport step;		/* account test */
	void *step_data;
	void *state;			/* the backend's own */
};
typedef struct EngineFetch { uint32_t request; MsgId msg; } EngineFetch;

void engine_init(Engine *engine, const Config *config, const Account *account, Channel *channel);
/* Closes the backend, the connection and the store; the channel is the caller's. */
void engine_clear(Engine *engine);
/* Takes in all waiting frames; never blocks. False: the supervisor is gone or wants us to quit. */
bool engine_poll(Engine *engine);
/* For NetOptions.interrupted, data = Engine: polls, true when a quit or cancel came. */
bool engine_interrupted(void *engine);
/* engine_poll as a check: ERROR_CANCELLED when it is time to go. */
bool engine_check(Engine *engine, GError **error);
void engine_send(Engine *engine, const Frame *frame);
void engine_done(Engine *engine, uint32_t request);
void engine_failed(Engine *engine, uint32_t request, const GError *error);
/* Answers the bodies people wait for. False with error set when the connection is gone. */
bool engine_serve_fetches(Engine *engine, GError **error);
void engine_set_state(Engine *engine, EngineState state, const char *text);
void engine_progress(Engine *engine, const char *what, int64_t done, int64_t total);
void engine_changed(Engine *engine, FolderId folder);
void engine_new_mail(Engine *engine, FolderId folder, unsigned count, MsgId newest);
void engine_notice(Engine *engine, LogLevel level, const char *text);
void engine_step(Engine *engine, const char *step, Verdict verdict, const char *format, ...) G_GNUC_PRINTF(4, 5);
/* Opens engine->net to the incoming server with the engine's control fd and steps. */
bool engine_connect(Engine *engine, bool imap_guard, GError **error);
/* Password or token of the incoming or outgoing server; free with os_free_secret. */
char *engine_secret(Engine *engine, bool outgoing, bool *ret_is_token, GError **error);
/* Outbox row accepted -> Sent copy -> filed. saved_already: the server has it among the sent ones. */
bool sent_file(Engine *engine, int64_t id, bool saved_already, GError **error);
/* Rows whose delivery was uncertain and which the server shows meanwhile (mail to oneself, a provider that saves what it sends) are
 * accepted and filed. Never sends anything. */
bool sent_settle_unknown(Engine *engine, GError **error);
