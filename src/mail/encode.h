/* src/mail/encode.h: text -> header fields that any server carries (RFC 2047, 5322) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "src/mail/mail-private.h"

/* "Name: text\r\n", encoded words where needed, folded at 78 columns. */
void encode_text_field(GString *out, const char *name, const char *text);
/* "To: a, b\r\n"; raw: addresses with letters beyond ASCII stay UTF-8 (RFC 6532). */
void encode_address_field(GString *out, const char *name, const GPtrArray *list, bool raw);
/* "References: <a>\r\n <b>\r\n"; what is no id is dropped; keeps the first and the newest of at most max. */
void encode_id_field(GString *out, const char *name, const char *ids, unsigned max);
/* Mail text in flowed form with CRLF: long paragraphs get soft breaks, the rest stays as typed (RFC 3676 4.2). Caller frees. */
char *encode_flowed(const char *body);
/* The same without flowing. */
char *encode_fixed(const char *body);
