/* src/engine/imap-push.h: one pass over the journal, shared by the files that carry operations out */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "src/engine/imap.h"

/* An APPEND may appear some seconds after the line broke: looked for twice, so far apart, before it is sent again. */
#define PUSH_SECOND_LOOK_US ((int64_t)30 * G_USEC_PER_SEC)

typedef struct Push {
	Imap *imap;
	GHashTable *left;	/* op ids that wait for another pass */
	GHashTable *held;	/* message ids with an operation that waits */
	GHashTable *touched;	/* message ids with an operation done in this round */
	bool again, progress;
} Push;

/* ---- imap-push.c ---- */
bool push_failed(Push *push, const Op *op, const char *why, GError **error);
bool push_refused(Push *push, const Op *op, const ImapReply *reply, GError **error);
void push_leave(Push *push, const Op *op);
bool push_done(Push *push, const Op *op, uint32_t new_uid, GError **error);
bool push_inflight(Push *push, Op **ops, size_t n, uint32_t uidvalidity, uint32_t uidnext, GError **error);
bool push_select(Push *push, Op **ops, size_t n, bool *ret_ready, GError **error);
bool push_target_state(Push *push, const char *target, uint32_t *ret_uidvalidity, uint32_t *ret_uidnext, bool *ret_exists, GError **error);
bool push_create(Push *push, const char *raw, ImapReply *reply, GError **error);
/* ---- imap-ops.c: one function per kind; n > 1 only for messages of one folder with one command ---- */
bool push_flags(Push *push, Op **ops, size_t n, GError **error);
bool push_move(Push *push, Op **ops, size_t n, GError **error);
bool push_copy(Push *push, Op **ops, size_t n, GError **error);
bool push_delete(Push *push, Op **ops, size_t n, GError **error);
bool push_append(Push *push, Op **ops, size_t n, GError **error);
bool push_folder_create(Push *push, Op **ops, size_t n, GError **error);
/* ---- imap-verify.c ---- */
bool push_verify_move(Push *push, Op **ops, size_t n, GError **error);
bool push_verify_copy(Push *push, Op **ops, size_t n, GError **error);
bool push_verify_append(Push *push, Op **ops, size_t n, GError **error);
bool push_finish_move(Push *push, Op *op, uint32_t new_uid, GError **error);
/* Marks as deleted and expunges exactly these; \Deleted alone where the server could not expunge only them (I7). */
bool push_expunge(Push *push, const GArray *uids, GError **error);
