/* engine/pop3-session.h: one POP3 session, shared by the files that decide, fetch and delete */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "src/engine/pop3.h"

enum {
	/* After so many messages and so much time, or the most, QUIT: marks become deletions and the server's lock is let go. Each session
	 * costs a login and both listings, which for 10 000 messages in sessions of 200 was more than the messages themselves. */
	SESSION_MESSAGES = 200, SESSION_S = 10, SESSION_MESSAGES_MAX = 2000,
	SESSION_DELETES = 500,
	GROUP_MESSAGES = 50, GROUP_BYTES = 8 << 20,	/* made durable together */
	MEMORY_S = 30 * 86400,			/* a UIDL not listed for so long is forgotten; an empty listing erases nothing (I8) */
	SEEN_AGAIN_S = 86400,
	SYNC_BREAKS_MAX = 6,
	TROUBLE_MAX = 2,			/* breaks at one message before it is left out until the worker's next start */
};

/* Between sessions of one worker. */
typedef struct Pop3State {
	Pop3 *pop;		/* NULL: no session */
	char *secret;		/* kept: helper programs cannot be run any more once the worker is confined */
	bool is_token;
	int64_t next_login;	/* monotonic us; of LOGIN-DELAY */
	GHashTable *trouble;	/* key -> times the session broke at it */
	char *current;		/* key of the message being received */
} Pop3State;

/* One session: from the listing to QUIT. */
typedef struct Session {
	Engine *engine;
	Pop3State *state;
	Pop3 *pop;
	Store *store;
	FolderId inbox, trash;
	GArray *items;		/* of Pop3Item */
	GHashTable *memory;	/* key -> Uidl */
	GPtrArray *wanted;	/* of Pop3Item *, newest first */
	GPtrArray *deletes;	/* of Pop3Item * */
	GPtrArray *lost;	/* of const Uidl *: stored once, not listed any more; NULL where it was found under a new key */
	int64_t now, total;
	int64_t until;		/* monotonic us */
	unsigned stored, refused, renumbered, deleted;
	bool more;
} Session;

/* Told once, and not asked for again until the worker's next start. */
void pop3_leave_out(Session *session, const Pop3Item *item);
/* RETR of session->wanted into the inbox, in durable groups. */
bool pop3_fetch_wanted(Session *session, GError **error);
