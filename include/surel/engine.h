/* surel/engine.h: what runs inside the workers: backends per protocol, submission, account test */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/base.h"
#include "surel/conf.h"
#include "surel/ipc.h"
#include "surel/store.h"

typedef enum EngineState { ENGINE_CONNECTING, ENGINE_SYNCING, ENGINE_IDLE, ENGINE_OFFLINE, ENGINE_AUTH_FAILED, ENGINE_SENDING } EngineState;
typedef enum Verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL } Verdict;

/* What a backend can do; a command that needs more is refused with a clear sentence. */
typedef enum BackendCaps { BACKEND_SERVER_FOLDERS = 1, BACKEND_PUSH_FLAGS = 2, BACKEND_IDLE = 4, BACKEND_LEAVE_POLICY = 8 } BackendCaps;

typedef struct Engine Engine;	/* one worker: account, store, channel, connection; see src/engine/engine.h */

/* One row per protocol. Calls block; they look at engine_interrupted() between commands. Every call fails with the connection closed. */
typedef struct BackendOps {
	const char *name;
	unsigned caps;			/* BackendCaps */
	/* Connect, log in, list folders into the store; steps are reported with engine_step for `account test`. */
	bool (*open)(Engine *engine, GError **error);
	/* One full pass: pull metadata, rebase journal, push, pull bodies. folder NULL: all. With no new input it changes nothing (I12). */
	bool (*sync)(Engine *engine, const char *folder, GError **error);
	/* Only the journal, soon after a person changed something. NULL: store_apply_pending is all there is to do. */
	bool (*push)(Engine *engine, GError **error);
	/* Waits until the server or the supervisor has something, at most timeout_s; true with *ret_dirty when a sync is due. */
	bool (*wait)(Engine *engine, unsigned timeout_s, bool *ret_dirty, GError **error);
	/* Brings one body at once (the person waits for it). NULL: bodies are always here. */
	bool (*fetch)(Engine *engine, MsgId msg, GError **error);
	void (*close)(Engine *engine);
} BackendOps;
extern const BackendOps imap_backend, pop3_backend, maildir_backend;
const BackendOps *backend_for(Protocol protocol);

/* REPLY.kind: a ReplyKind, or this: the message itself becomes the draft. */
typedef enum DraftKind { DRAFT_OF_MESSAGE = REPLY_FORWARD + 1 } DraftKind;

/* Entry of every role; returns the exit status. config is loaded, channel is fd 3. */
typedef int (*RoleMain)(const Config *config, const char *account, Channel *channel);
int sync_main(const Config *config, const char *account, Channel *channel);	/* src/engine/sync.c */
int submit_main(const Config *config, const char *account, Channel *channel);	/* src/engine/submit.c */
int keep_main(const Config *config, const char *account, Channel *channel);	/* src/engine/keep.c: applies intents of all accounts */
int index_main(const Config *config, const char *account, Channel *channel);	/* src/engine/index.c */
int search_main(const Config *config, const char *account, Channel *channel);	/* src/engine/index.c */
int render_main(const Config *config, const char *account, Channel *channel);	/* src/engine/render.c */

/* `surel account test NAME`: each step (DNS, TCP, TLS chain and expiry, capabilities, login, folders; then the same for SMTP) to
 * report, with a remedy for what failed. True when all passed. */
typedef void (*StepReport)(void *data, const char *step, Verdict verdict, const char *text);
bool account_test(const Account *account, StepReport report, void *data);
