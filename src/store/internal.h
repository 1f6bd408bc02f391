/* store/internal.h: what the files of this folder share */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include "src/store/db.h"
#include "surel/store.h"

typedef struct Overlay Overlay;

struct Store {
	StoreMode mode;
	char *account;
	char *data_dir, *mail_dir, *account_dir;	/* mail_dir: DATA/mail/ACCOUNT */
	char *drafts_dir, *outbox_dir, *staging_dir, *removed_dir;
	Db *cache, *ops;
	int64_t cache_id;	/* random name of this cache.db: row ids of another one mean nothing */
	ino_t cache_inode;
	int64_t generation, seen_cache, seen_ops, own_changes;
	Overlay *overlay;	/* NULL: to be loaded */
	GHashTable *contacts;	/* address -> what this transaction adds; NULL: nothing */
	int64_t contacts_folder;
	FolderRole contacts_role;	/* of contacts_folder */
};

/* Where a message's file lies: a folder's id, or one of these. */
enum { PLACE_REMOVED = 0, PLACE_STAGING = -1 };
/* msg.dirty: what store_settle has to do with the file after the row's commit. */
enum { DIRTY_PLACE = 1, DIRTY_FLAGS = 2 };
/* msg.indexed */
enum { INDEX_NEW = 0, INDEX_DONE = 1, INDEX_TAGS = 2, INDEX_PATH = 3 };

/* ---- schema.c ---- */
extern const char *const cache_schema[], *const ops_schema[];	/* NULL-terminated */

/* ---- store.c ---- */
bool store_need_worker(Store *store, GError **error);
int64_t store_meta(Store *store, const char *key, int64_t preset);
bool store_meta_set(Store *store, const char *key, int64_t value, GError **error);
bool store_rebuild_rows(Store *store, StoreReport report, void *data, GError **error);	/* check.c */

/* ---- folders.c ---- */
bool folder_is_local(Store *store, FolderId id);
char *folder_dir(Store *store, int64_t place, GError **error);	/* directory that holds cur, new, tmp (removed, staging: the files) */
int64_t folder_id_by_raw(Store *store, const char *raw);	/* 0: none */
char *folder_raw(Store *store, int64_t id);			/* NULL: none */
char *folder_label(Store *store, const char *raw);		/* for people; never NULL */
bool account_is_local(Store *store);
bool folder_make_dirs(Store *store, const char *dir, GError **error);
bool folder_restore_names(Store *store, GError **error);	/* after cache.db was lost: rows from ops.db and the directories */

/* ---- messages.c ---- */
#define MSG_COLUMNS                                                                                                    \
	"m.id,m.folder,m.uid,m.thread,m.date,m.arrival,m.thread_date,m.flags,m.server_flags,m.state,m.attachment,m.size," \
	"m.message_id,m.from_name,m.from_addr,m.to_text,m.subject,m.mid_hash,m.refs"
enum { MSG_COLUMN_HASH = 17, MSG_COLUMN_REFS = 18 };
enum { REFS_MAX = 16 };		/* nearest ancestors kept per row for the tree */
Msg *msg_from_row(DbRows *rows);
Msg *msg_copy(const Msg *msg);
Msg *msg_load(Store *store, int64_t id);	/* raw row, no overlay; NULL: none */
int64_t message_hash(const char *message_id);
/* What is inserted: everything known of a new message. */
typedef struct NewRow {
	int64_t folder, arrival, size, op, place;
	uint32_t uid, flags, server_flags;
	MsgState state;
	const char *base;	/* NULL: no file */
	uint32_t file_flags;
	unsigned dirty;
} NewRow;
bool msg_insert(Store *store, const NewRow *row, const Envelope *envelope, int64_t *ret_id, GError **error);
/* Before the commit of a transaction that inserted rows: counters and words of all new ones. */
bool msgs_settle(Store *store, GError **error);
bool msg_delete_row(Store *store, int64_t id, GError **error);		/* row only; the file is the caller's */
bool msg_set_folder(Store *store, int64_t id, int64_t folder, uint32_t uid, GError **error);	/* with threads and dirty mark */
Envelope *msg_scan_file(const char *path, struct stat *ret_stat, GError **error);
char *text_clip(const char *text, size_t max_bytes);	/* whole characters */
/* Identity for adoption: Message-ID, or for a message without one a hash of what it has. */
int64_t envelope_identity(const Envelope *envelope);

/* ---- contacts.c ---- */
void contacts_add(Store *store, int64_t folder, const Envelope *envelope, int64_t when);	/* in memory */
bool contacts_settle(Store *store, GError **error);	/* to cache.db; part of msgs_settle */

/* ---- threads.c ---- */
/* Thread of a new message by its ids (own first); merges threads that it joins. */
bool thread_for(Store *store, const int64_t *hashes, size_t n, int64_t own_row, int64_t *ret_thread, GError **error);
int64_t thread_lookup(Store *store, const int64_t *hashes, size_t n);	/* 0: none; changes nothing */
bool thread_touch(Store *store, int64_t folder, int64_t thread, GError **error);	/* recomputes thread_date of one thread in one folder */
/* A row while a tree is built: msg is borrowed. */
typedef struct TreeRow { Msg *msg; int64_t hash; int64_t refs[REFS_MAX]; unsigned n_refs; } TreeRow;
void tree_row_init(TreeRow *row, Msg *msg, int64_t hash, const void *refs, size_t refs_bytes);
/* Appends the members of one thread to ret_msgs in tree order with depth, last_child, thread_size and thread_unread set. */
void tree_order(GArray *rows /* of TreeRow */, GPtrArray *ret_msgs);

/* ---- maildir.c ---- */
char *maildir_flags_name(const char *base, uint32_t flags);		/* "base:2,FS" */
uint32_t maildir_name_flags(const char *name);				/* FLAG_SEEN.. of a file name */
char *maildir_name_base(const char *name);
char *maildir_base_for(Store *store, const char *raw, uint32_t uidvalidity, uint32_t uid, const char *key);
char *random_name(void);
char *maildir_random_base(void);
/* Path of the file whose base name it is: exact name first, then cur and new are searched. NULL: not there. */
char *maildir_find(const char *dir, const char *base, uint32_t flags, bool plain);
char *msg_file(Store *store, int64_t id, GError **error);		/* NULL with ERROR_NOT_FOUND */
/* Renames, over file systems too. */
bool file_move(const char *from, const char *to, GError **error);
bool write_durable(const char *path, const void *bytes, size_t size, GError **error);
/* Rows whose file has to follow (dirty): moves and renames, fsyncs the directories. *ret_left rows that could not. */
bool store_settle(Store *store, unsigned *ret_left, GError **error);
bool store_adopt_orphans(Store *store, int64_t folder, unsigned *ret_found, GError **error);
bool file_to_removed(Store *store, int64_t msg, GError **error);
void removed_expire(Store *store, int64_t now);

/* ---- journal.c ---- */
typedef struct OpRow {
	int64_t id, group, msg, cache_id, size, prev, undo_of;
	OpKind kind;
	OpState state;
	bool local;
	char *folder, *target;	/* raw: where the server has it, where it goes */
	char *came_from;	/* raw: where it was shown; for undo */
	char *message_id, *base;
	uint32_t uidvalidity, uid, set, clear, flags, pre_uidnext, pre_uidvalidity, tries;
} OpRow;
void op_row_free(OpRow *op);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OpRow, op_row_free)
GPtrArray *ops_select(Store *store, GError **error, const char *where, int64_t argument);	/* of OpRow *, by id */
int64_t op_find_msg(Store *store, const OpRow *op);	/* row in this cache.db, 0: none */
bool op_insert(Store *store, const OpRow *op, int64_t *ret_id, GError **error);
/* A staged file becomes an append; target by raw name, so that a folder not made yet will do. */
bool store_append_op(Store *store, const char *raw, bool local, const char *base, const char *headers, size_t headers_size, size_t size,
		     uint32_t flags, int64_t *ret_group, GError **error);
bool store_folder_create_op(Store *store, const char *name, char **ret_raw, bool *ret_local, int64_t *ret_group, GError **error);
bool store_flags_quietly(Store *store, const MsgId *ids, size_t n, uint32_t set, GError **error);	/* not offered for undo */
GHashTable *pending_flag_masks(Store *store, GError **error);	/* int64 msg id -> bits with a pending local change */
void store_changed(Store *store);	/* own write: drop what is kept in memory */

/* ---- outbox.c ---- */
bool outbox_adopt_files(Store *store, GError **error);	/* with a new ops.db: unsent messages from their files, as `unknown` */
GPtrArray *outbox_orphans(Store *store);		/* of char *: files in outbox/ that no row knows */

/* ---- overlay.c: operations newer than cache.db's mark, laid over what is read ---- */
typedef struct OverlayRow {
	Msg *msg;		/* as it will be; folder <= 0: gone; never NULL */
	int64_t was_folder;	/* 0: not in cache.db yet */
	int64_t was_thread;
	uint32_t was_flags;
	bool moved;		/* folder changed, gone or new */
	int64_t hash;
	GBytes *refs;
} OverlayRow;
/* Begins a snapshot of cache.db and sees to it that store->overlay fits it. */
Txn *store_read_begin(Store *store, GError **error);
bool overlay_empty(const Store *store);
const OverlayRow *overlay_row(const Store *store, int64_t msg);	/* NULL: not touched */
GHashTable *overlay_rows(const Store *store);			/* int64 id -> OverlayRow * */
void overlay_free(Overlay *overlay);
Msg *overlay_apply(Store *store, Msg *msg);			/* takes msg; patched, or NULL when it is gone */
