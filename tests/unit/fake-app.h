/* tests/unit/fake-app.h: a fabricated model for tests of ui and view: no store, no workers, a fixed clock */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/view.h"

enum { FAKE_NOW = 1794837600 };	/* Mon, 16 Nov 2026 14:00:00 UTC */

App *fake_app_new(const char *config_text);	/* two accounts, their folders; a list of mail at the bottom */
void fake_app_free(App *app);
Place *fake_push(App *app, PlaceKind kind);
/* A message of the list. date: seconds before the clock. Borrowed: its fields may be changed. */
Msg *fake_add(App *app, int64_t ago, const char *from, const char *subject, uint32_t flags);
Mailbox *fake_mailbox(App *app);
void fake_mailbox_set(Mailbox *mailbox, const char *title, const char *query, const char *filter, bool searching, bool threaded);
/* What commands and clicks asked for since the last call, such as "archive 3;open 5;". Caller frees. */
char *fake_asked(App *app);
void fake_line(Document *document, LineKind kind, unsigned quote, const char *text);
Document *fake_document(const char *from, const char *to, const char *subject);
void fake_span(Document *document, const char *text, unsigned style);	/* in the last line */
void fake_part(Document *document, const char *type, const char *name, int64_t size, unsigned depth, bool attachment);
void fake_link(Document *document, const char *text, const char *url, bool lies);
