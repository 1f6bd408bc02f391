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
bool draft_extract(App *app, Review *review, const char *bytes, size_t size, GError **error);
/* What a person may have forgotten, as a question; NULL: nothing. Caller frees. */
char *draft_doubt(const Draft *draft);
