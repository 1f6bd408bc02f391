/* app/draft.h: files of a draft, shared by draft.c (on disk) and compose.c (what the person does) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "src/app/private.h"

char *draft_file(const App *app, unsigned account, const char *id, const char *suffix);
bool draft_lock(App *app, unsigned account, const char *id);
void draft_unlock(App *app, unsigned account, const char *id);
void draft_put_copy(App *app, const Review *review);
void draft_remove_copy(App *app, unsigned account, const char *id);
void draft_forget(App *app, unsigned account, const char *id, bool with_attachments);
/* Adds the attachments of a message; ready gets the review back, after a notice also without them. */
typedef void (*ReviewReady)(App *app, Review *review /* taken */);
void draft_extract(App *app, Review *review /* taken */, MsgRef ref, ReviewReady ready);
/* What a person may have forgotten, as a question; NULL: nothing. Caller frees. */
char *draft_doubt(const Draft *draft);
