/* store/index.h: the notmuch database, inside of this folder */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <notmuch.h>

#include "src/store/internal.h"

struct Index {
	char *root;			/* DATA/mail */
	bool write;
	notmuch_database_t *reader;	/* search side; kept open, reopened before each query */
};
/* NULL without error: there is no database yet (search side), else created. */
notmuch_database_t *index_database(Index *index, bool write, GError **error);
bool index_fail(notmuch_status_t status, char *message, const char *what, GError **error);	/* frees message */
