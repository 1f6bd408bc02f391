/* engine/pop3.h: the POP3 dialogue (RFC 1939, 2449, 2595, 5034), without any idea of policies */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "src/engine/engine.h"

enum {
	POP3_LINE_MAX_BYTES = 64 << 10,		/* replies, listings, header lines (ours; RFC 2449 allows 512 octets for replies) */
	POP3_BODY_LINE_MAX_BYTES = 16 << 20,	/* one line of a body: some programs write base64 without line ends */
	POP3_MESSAGES_MAX = 4 << 20,		/* rows of one listing */
	POP3_WINDOW = 16,			/* commands under way where the server offers PIPELINING */
};
#define POP3_MESSAGE_MAX_BYTES ((int64_t)256 << 20)	/* fits the worker's memory limit when it is read again before DELE */

typedef struct Pop3Item {
	uint32_t number;	/* of this session only */
	int64_t size;		/* as listed; -1: not listed */
	char *key;		/* UIDL, or " top:" and a hash where there is none; NULL: none yet */
} Pop3Item;

typedef struct Pop3 {
	Net *net;		/* borrowed from the engine */
	GByteArray *line;
	bool capa, top, uidl, stls, user, pipelining;
	char **sasl;		/* upper case; NULL: none */
	unsigned login_delay_s;
} Pop3;

Pop3 *pop3_new(Net *net);
void pop3_free(Pop3 *pop);
/* Greeting, STLS where the URL asks for it, capabilities. */
bool pop3_greet(Pop3 *pop, const ServerUrl *url, GError **error);
/* SASL, else USER and PASS; never in clear unless the URL says insecure. */
bool pop3_login(Pop3 *pop, const ServerUrl *url, const char *user, const char *secret, bool is_token, GError **error);
bool pop3_stat(Pop3 *pop, int64_t *ret_count, GError **error);
/* Both listings, merged; of Pop3Item, by number. Without UIDL (*ret_uidl false) every key is NULL, and so are keys that the
 * server gave twice. A row that cannot be right (number 0, -1, twice) is ERROR_PROTOCOL. */
GArray *pop3_list(Pop3 *pop, bool *ret_uidl, GError **error);
/* SHA-256 over the header lines but Status: and X-*:, by TOP; "" where the server has no TOP or refuses. Caller frees. */
char *pop3_top_hash(Pop3 *pop, uint32_t number, GError **error);
bool pop3_send_retr(Pop3 *pop, uint32_t number, GError **error);	/* buffered; pop3_retr flushes */
/* Answer to one RETR into fd. *ret_there false: the server refused this one message (-ERR), the session goes on. */
bool pop3_retr(Pop3 *pop, int fd, int64_t *ret_size, bool *ret_there, GError **error);
/* DELE for n items, in windows; ret_gone[i] tells which the server took. */
bool pop3_dele(Pop3 *pop, const Pop3Item *const *items, size_t n, bool *ret_gone, GError **error);
/* Ends the session; true only for +OK, so only then what was deleted is gone. */
bool pop3_quit(Pop3 *pop, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pop3, pop3_free)
