/* src/mail/mail-private.h: inside of src/mail: charsets, raw headers, the line maker */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/mail.h"

#include <string.h>

/* ---- charset.c ---- */

/* Bytes in charset (NULL: unknown) as valid UTF-8 without NUL; invalid bytes become U+FFFD. A charset that is unknown or
 * contradicted by the bytes is guessed: UTF-8, else fallback (may be NULL), else windows-1252. Caller frees. */
char *charset_to_utf8(const char *bytes, size_t size, const char *charset, const char *fallback);
/* True when the converter exists. */
bool charset_known(const char *charset);

/* ---- header.c: one field body (RFC 5322, 2045, 2047, 2231) ---- */

/* Raw field body -> clean UTF-8 on one line: unfolded, encoded words decoded, raw 8-bit bytes guessed with fallback. Caller frees. */
char *header_decode(const char *raw, size_t size, const char *fallback);
/* Bytes at text when it begins with an encoded word (=?charset?B?text?=), else 0. */
size_t header_encoded_word(const char *text, const char *end);
/* Value of one parameter ("filename") of a field body such as Content-Disposition, RFC 2231 pieces joined and decoded; NULL. */
char *header_parameter(const char *raw, const char *name);
/* Part before the first ';', lower case, white space removed. Caller frees. */
char *header_token(const char *raw);

/* ---- date.c ---- */

/* RFC 5322 3.3 date with the errors seen in the wild; 0 when unreadable. */
int64_t date_parse(const char *text, size_t size);

/* ---- address.c ---- */

/* Appends the addresses of a raw header body; words that are no address are kept as a name without address. */
void address_parse_header(GPtrArray *list, const char *raw, size_t size, const char *fallback);
GPtrArray *address_array_new(void);
/* text_clean, cheap for printable ASCII. Steals nothing. */
char *clean_line(const char *text, size_t size);

/* ---- parse.c ---- */

/* Starts the MIME library; any number of times. */
void mime_init(void);
