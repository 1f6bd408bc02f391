/* engine/maildir.h: a Maildir tree of other programs, served as if it were a server: folders, files, numbers */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "src/engine/engine.h"

enum { MAILDIR_FOLDERS_MAX = 2000, MAILDIR_DEPTH_MAX = 8 };

/* One folder of the tree. */
typedef struct MaildirBox {
	char *raw;		/* name in the store: "INBOX", "Sent", "Projects/Surel" */
	char *dir;		/* that holds cur, new, tmp */
	FolderRole role;
	FolderId id;
} MaildirBox;

/* One file of a folder. */
typedef struct MaildirFile {
	uint32_t uid, flags;
	char *base, *path;
} MaildirFile;

/* Files have names, the store wants numbers: both directions, kept in ACCOUNT/maildir-uids and written before a number is used. */
typedef struct MaildirUids {
	char *path;
	GHashTable *by_name;	/* "raw\tbase" -> uid */
	GHashTable *by_uid;	/* uid -> the same string, borrowed */
	uint32_t validity, next;
	bool changed;
} MaildirUids;

MaildirUids *maildir_uids_load(const char *path, GError **error);
bool maildir_uids_save(MaildirUids *uids, GError **error);	/* writes only when something changed */
uint32_t maildir_uid(MaildirUids *uids, const char *raw, const char *base, bool make);	/* 0: none */
const char *maildir_uid_base(MaildirUids *uids, const char *raw, uint32_t uid);		/* NULL: not of this folder */
void maildir_uid_drop(MaildirUids *uids, uint32_t uid);
void maildir_uids_free(MaildirUids *uids);

/* Maildir++ (".Sub.Folder") and plain subfolders below root; of MaildirBox *. ERROR_IO when root is no Maildir. */
GPtrArray *maildir_boxes(const char *root, char *const *folder_names, GError **error);
/* Makes the folder in the layout of the tree. */
bool maildir_make_box(const char *root, const char *raw, GError **error);
/* Files of a folder, new before cur so that none is missed while it moves; base -> MaildirFile *, uid not set. */
GHashTable *maildir_scan(const MaildirBox *box, GError **error);
char *maildir_file_name(const char *base, uint32_t flags);	/* "base:2,FS" */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(MaildirUids, maildir_uids_free)
