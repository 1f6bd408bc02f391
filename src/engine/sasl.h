/* engine/sasl.h: PLAIN, LOGIN, SCRAM-SHA-256(-PLUS), XOAUTH2, OAUTHBEARER for the three protocols (RFC 4616, 5802, 7677, 7628) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "src/engine/net.h"

/* How a protocol carries SASL. start: send "AUTH mech [base64 initial]" (initial NULL: none); reply: send one base64 line;
 * both return the server's next challenge (base64 text, caller frees) with *ret_done false, or *ret_done true at success;
 * refusal is ERROR_AUTH with the server's words; ERROR_BUSY, ERROR_SERVER for temporary failures. cancel sends "*". */
typedef struct SaslCarrier {
	char *(*start)(void *data, const char *mechanism, const char *initial, bool *ret_done, GError **error);
	char *(*reply)(void *data, const char *line, bool *ret_done, GError **error);
	void *data;
	bool initial_response;	/* SASL-IR and the like allowed */
} SaslCarrier;

/* Chooses the strongest of offered (upper case names, NULL-terminated) that fits the secret: token -> OAUTHBEARER, XOAUTH2;
 * password -> SCRAM-SHA-256, PLAIN, LOGIN. Nothing is sent in clear over a plain connection unless the URL says insecure.
 * NULL-terminated offered may be empty: then ERROR_UNSUPPORTED, and the caller may use its protocol's LOGIN / USER+PASS. */
bool sasl_login(Net *net, const SaslCarrier *carrier, char *const *offered, const char *host, uint16_t port, const char *user,
		const char *secret, bool is_token, GError **error);
