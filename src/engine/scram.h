/* engine/scram.h: the client's half of SCRAM-SHA-256 (RFC 5802, 7677), without any network */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/base.h"

enum { SCRAM_MIN_ROUNDS = 4096 /* RFC 7677 4 */, SCRAM_MAX_ROUNDS = 1000000 /* about half a second */ };

typedef struct Scram Scram;
/* gs2: "n,," without channel binding, "y,," possible but not offered, "p=tls-exporter,,"; binding: its data (size may be 0). */
Scram *scram_new(const char *user, const char *password, const char *nonce, const char *gs2, const void *binding, size_t size);
void scram_free(Scram *scram);		/* wipes */
char *scram_first(const Scram *scram);	/* caller frees */
/* Answer to the server's first message. NULL: ERROR_AUTH, the server's message is no good. Caller frees. */
char *scram_final(Scram *scram, const char *server_first, GError **error);
/* The server's last message proves that it knows the password too. ERROR_AUTH. */
bool scram_verify(const Scram *scram, const char *server_final, GError **error);
/* True where server_final is "e=..." about channel binding. */
bool scram_binding_refused(const char *server_final);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scram, scram_free)
