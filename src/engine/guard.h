/* engine/guard.h: looks at the bytes of an IMAP server before the libetpan parser does */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	GUARD_MAX_NESTING = 64,			/* libetpan recurses; 300 levels overflow a small stack */
	GUARD_MAX_LINE_BYTES = 8 << 20,		/* one response without its literals: a SEARCH of a million UIDs */
	GUARD_MAX_LITERAL_BYTES = 256 << 20	/* libetpan reserves the announced size before the first byte */
};

typedef struct Guard Guard;
Guard *guard_new(void);
void guard_free(Guard *guard);
/* Takes in the next received bytes. NULL: fine; else why the connection must end before the parser sees any of them. */
const char *guard_feed(Guard *guard, const uint8_t *bytes, size_t size);
