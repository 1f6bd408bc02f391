/* app/mailbox.h: inside of a message list, shared by mailbox.c (what it is) and rows.c (where its rows come from) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "src/app/private.h"

struct Mailbox {
	App *app;
	char *title, *query;		/* query NULL: folders */
	GArray *sources;		/* of MailboxSource */
	GPtrArray *rows;		/* of MailboxRow *: an unbroken stretch of the merged list around the cursor */
	GPtrArray *window;		/* of MailboxRow *, borrowed from rows */
	bool at_top, at_end;		/* the stretch reaches that end of the list */
	guint cursor, top;		/* indexes in rows */
	unsigned height;
	int64_t base_rank;		/* rows of the list before rows[0]; -1 not known */
	int64_t position, total, unread;
	GHashTable *marks;		/* set of MsgRef */
	bool threaded, searching, unified;
	bool held;			/* see mailbox_hold */
	ListFilter filter;
	char *match, *filter_text;
};

bool mailbox_is_marked(const Mailbox *mailbox, MsgRef ref);

/* rows.c */
void rows_load_newest(Mailbox *mailbox);
void rows_load_oldest(Mailbox *mailbox);
/* The stretch around msg, which comes to stand on screen_row of the window if the list is long enough. */
bool rows_load_around(Mailbox *mailbox, unsigned account, const Msg *msg, unsigned screen_row);
void rows_move(Mailbox *mailbox, int by);
void rows_settle(Mailbox *mailbox);	/* top fits cursor and height, and what it shows is loaded */
void rows_count(Mailbox *mailbox);
bool rows_find_unread(Mailbox *mailbox, bool backwards, bool from_end, MsgRef *ret_ref);
