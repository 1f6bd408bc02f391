/* engine/local.h: what accounts with local folders (POP3, Maildir) share */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "src/engine/engine.h"

/* Inbox, Sent, Drafts, Archive, Trash: created at the first open; names from the configuration where it has some. */
bool local_make_folders(Engine *engine, GError **error);
/* Id of the folder with this role; ERROR_STORE when there is none. */
bool local_folder(Store *store, FolderRole role, FolderId *ret_id, GError **error);
bool local_in_trash(Store *store, MsgId msg, FolderId trash);
/* Applies intents; nothing is to be told to a server, so what is due is done. */
bool local_push(Engine *engine, GError **error);
/* Tells the supervisor about count new messages in the inbox, with the newest. False when the store fails. */
bool local_report_new(Engine *engine, unsigned count, GError **error);
/* Waits for frames, for fd (or -1) and for the time. *ret_dirty: the time is over, or fd has something. Ends early for any wish of the
 * supervisor. */
bool local_wait(Engine *engine, int fd, int timeout_ms, bool *ret_dirty, GError **error);
