/* tests/store/fixture.h: a store in a temporary directory, made messages */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/store.h"

typedef struct Fixture {
	char *dir;
	Store *worker, *ui;
	FolderId inbox, archive, sent, trash;
} Fixture;
/* Folders Inbox, Archive, Sent, Trash; local: as of a POP3 account. */
void fixture_open(Fixture *fixture, bool local);
void fixture_reopen(Fixture *fixture);
void fixture_close(Fixture *fixture);
char *fixture_path(const Fixture *fixture, const char *below);
void remove_tree(const char *path);
/* A whole message; parent NULL: starts a thread. */
char *make_message(unsigned number, const char *parent, int64_t date);
/* Headers of n messages with UIDs from first on; every fifth answers its predecessor; dates one minute apart. */
void put_made(Fixture *fixture, FolderId folder, uint32_t first, unsigned n);
/* Delivers one message whole and returns its row. */
MsgId deliver_made(Fixture *fixture, FolderId folder, uint32_t uid, const char *key, unsigned number);
MsgId newest(Store *store, FolderId folder);
GPtrArray *list_all(Store *store, FolderId folder, bool threaded, ListFilter filter);
unsigned check_problems(Store *store);
/* What a list shows, as text to compare. */
char *list_text(Store *store, FolderId folder, bool threaded, ListFilter filter);
