/* surel/store.h: one account's local store (Maildir + cache.db + ops.db) and the shared notmuch index */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/base.h"
#include "surel/mail.h"

/* Layout below os_data_dir() (or $SUREL_DATA):
 *   mail/                      Maildir trees of all accounts; root of the notmuch database (mail/.notmuch)
 *   mail/ACCOUNT/FOLDER/{cur,new,tmp}
 *   accounts/ACCOUNT/cache.db  rebuilt from the Maildir, server and ops.db; WAL, NORMAL, no mmap
 *   accounts/ACCOUNT/ops.db    journal, outbox, UIDL memory, local-only flags; FULL; truth
 *   accounts/ACCOUNT/outbox/   immutable raw messages of the outbox, fsynced before their row
 *   accounts/ACCOUNT/drafts/   drafts being written
 *   accounts/ACCOUNT/lock      flock of the syncing supervisor
 * Writers of cache.db: the sync worker and the keeper (role keep), each in short transactions. Readers overlay pending ops. */

typedef struct Store Store;
typedef enum StoreMode { STORE_UI /* reads cache.db, writes ops.db */, STORE_WORKER /* writes both */ } StoreMode;
/* Creates what is missing, migrates what is old. data_dir NULL: the default. ERROR_STORE says which file is damaged. */
Store *store_open(const char *data_dir, const char *account, StoreMode mode, GError **error);
void store_close(Store *store);
const char *store_account(const Store *store);
const char *store_drafts_dir(const Store *store);
/* Grows whenever another process changed something a list may show (PRAGMA data_version). Cheap: microseconds. */
int64_t store_generation(Store *store);

/* ---- folders ---- */
typedef enum FolderRole { ROLE_NONE, ROLE_INBOX, ROLE_DRAFTS, ROLE_SENT, ROLE_ARCHIVE, ROLE_JUNK, ROLE_TRASH, ROLE_ALL } FolderRole;
typedef struct Folder {
	FolderId id;
	char *name;		/* UTF-8, levels separated by "/", clean: for people */
	char *raw;		/* the server's name (modified UTF-7 as sent); same as name for local folders */
	char delimiter;		/* 0: none */
	FolderRole role;
	bool selectable, local;	/* local: not on a server (POP3, Maildir) */
	int64_t total, unread, flagged;	/* counters, with pending intents applied */
	/* sync state */
	uint32_t uidvalidity, uidnext;
	uint64_t modseq;	/* modseq_committed; 0: none */
	int64_t last_full;	/* time of the last full reconcile */
} Folder;
void folder_free(Folder *folder);
GPtrArray *store_folders(Store *store, GError **error);			/* of Folder *, roles first, then by name */
Folder *store_folder(Store *store, FolderId id, GError **error);
Folder *store_folder_by_role(Store *store, FolderRole role, GError **error);	/* NULL without error: none */
Folder *store_folder_by_raw(Store *store, const char *raw, GError **error);	/* NULL without error: none */
/* Worker: creates or updates the row by raw name and its Maildir; *ret_id optional. */
bool store_folder_put(Store *store, const Folder *folder, FolderId *ret_id, GError **error);
/* Worker: the server no longer lists it: row is hidden, files stay. */
bool store_folder_gone(Store *store, FolderId id, GError **error);

/* ---- messages, read side ---- */
typedef enum MsgFlag { FLAG_SEEN = 1, FLAG_ANSWERED = 2, FLAG_FLAGGED = 4, FLAG_DELETED = 8, FLAG_DRAFT = 16, FLAG_FORWARDED = 32 } MsgFlag;
typedef enum MsgState { MSG_HEADERS /* body not here yet */, MSG_FULL, MSG_QUARANTINED } MsgState;
typedef struct Msg {
	MsgId id;
	FolderId folder;
	uint32_t uid;		/* 0: not (yet) on the server */
	int64_t thread;		/* thread within the account */
	int64_t date, arrival;	/* seconds */
	int64_t thread_date;	/* newest date of its thread in this folder */
	uint32_t flags;		/* MsgFlag, pending intents applied */
	uint32_t server_flags;	/* last acknowledged by the server */
	MsgState state;
	bool has_attachment;
	int64_t size;
	char *message_id, *from, *from_addr, *to, *subject;	/* clean UTF-8; never NULL */
	/* set by the threaded listing: depth in the tree, tree glyph bits are the view's business */
	unsigned depth, thread_size, thread_unread;
	bool last_child;
} Msg;
void msg_free(Msg *msg);

typedef enum ListFilter { LIST_ALL, LIST_UNREAD, LIST_FLAGGED } ListFilter;
typedef struct ListSpec { FolderId folder; bool threaded; ListFilter filter; const char *match; /* words in sender/subject, or NULL */ } ListSpec;
/* Position in a list, newest first. Flat: (date,id). Threaded: (thread_date,thread). */
typedef struct ListKey { int64_t date, id; } ListKey;
extern const ListKey LIST_NEWEST, LIST_OLDEST;
ListKey list_key(const ListSpec *spec, const Msg *msg);
typedef enum ListDirection { LIST_OLDER /* rows after key */, LIST_NEWER /* rows before key, still newest first */ } ListDirection;
/* At least count rows (threaded: whole threads in tree order, so maybe more) strictly beyond key, newest first; fewer at the end.
 * of Msg *. Cost: the rows read, at any folder size. */
GPtrArray *store_list(Store *store, const ListSpec *spec, ListKey key, ListDirection direction, unsigned count, GError **error);
/* Rows before key (its 0-based position). Grows with the position; for status lines, when idle. */
int64_t store_list_rank(Store *store, const ListSpec *spec, ListKey key, GError **error);
/* Same rows by date: first key at or before when. */
ListKey store_list_key_at(Store *store, const ListSpec *spec, int64_t when, GError **error);
Msg *store_msg(Store *store, MsgId id, GError **error);			/* NULL with ERROR_NOT_FOUND */
GPtrArray *store_msgs_by_message_id(Store *store, const char *message_id, GError **error);	/* of Msg * */
GPtrArray *store_thread(Store *store, int64_t thread, GError **error);	/* the conversation over all folders, oldest first, one row per Message-ID */
/* Newest hits of the words in sender, recipients, subject (FTS5), all folders but trash and junk. of Msg *. */
GPtrArray *store_search_envelopes(Store *store, const char *words, unsigned limit, GError **error);
/* The message's bytes: the Maildir file, or headers only when state is MSG_HEADERS (*ret_full false). Caller frees. Survives a
 * rename of the file by another program. */
bool store_read(Store *store, MsgId id, char **ret_bytes, size_t *ret_size, bool *ret_full, GError **error);
char *store_path(Store *store, MsgId id, GError **error);	/* path of the file; NULL with ERROR_NOT_FOUND for headers only */
/* Addresses seen that match what was typed, best first. of char * "Name <addr>". */
GPtrArray *store_complete_address(Store *store, const char *typed, unsigned limit, GError **error);

/* ---- intents: what a person changes. One transaction in ops.db; visible to every reader at once; *ret_group for undo, NULL:
 * what surel does by itself (marking read, copies of drafts) and u does not take back ---- */
bool store_intent_flags(Store *store, const MsgId *ids, size_t n, uint32_t set, uint32_t clear, int64_t *ret_group, GError **error);
bool store_intent_move(Store *store, const MsgId *ids, size_t n, FolderId target, int64_t *ret_group, GError **error);
bool store_intent_copy(Store *store, const MsgId *ids, size_t n, FolderId target, int64_t *ret_group, GError **error);
bool store_intent_delete(Store *store, const MsgId *ids, size_t n, int64_t *ret_group, GError **error);	/* for good; to Trash is a move */
/* A new message in a folder (Sent, Drafts, an import): bytes are made durable (file + row) before this returns; pushed by APPEND. */
bool store_intent_append(Store *store, FolderId target, const void *bytes, size_t size, uint32_t flags, int64_t *ret_group, GError **error);
bool store_intent_folder_create(Store *store, const char *name, int64_t *ret_group, GError **error);
/* Takes the newest undoable group back: pending ops vanish, pushed ones get inverse ops. *ret_what: "Moved 3 messages to Archive".
 * ERROR_NOT_FOUND when there is nothing to undo. */
bool store_undo(Store *store, char **ret_what, GError **error);
int64_t store_pending(Store *store);	/* operations the server has not acknowledged */

/* ---- keeper and worker: applying, journal ---- */
/* Applies intents newer than cache.db's mark, in one transaction; idempotent, any process that is STORE_WORKER. */
bool store_apply_pending(Store *store, unsigned *ret_applied, GError **error);

typedef enum OpKind { OP_FLAGS, OP_MOVE, OP_COPY, OP_DELETE, OP_APPEND, OP_FOLDER_CREATE } OpKind;
typedef enum OpState { OP_PENDING, OP_INFLIGHT, OP_AMBIGUOUS, OP_DONE, OP_FAILED } OpState;
typedef struct Op {
	int64_t id, group;
	OpKind kind;
	OpState state;
	MsgId msg;			/* row in cache.db */
	char *folder, *target;		/* raw names */
	uint32_t uidvalidity, uid;	/* of the source, when it is on the server */
	uint32_t set, clear, flags;
	char *message_id;
	int64_t size;
	/* pre-state saved by store_op_inflight, for verification */
	uint32_t pre_uidnext, pre_uidvalidity;
	unsigned tries;
	GArray *merged;			/* of int64_t: further operations this one stands for; the store's business */
} Op;
void op_free(Op *op);
/* Operations to push, oldest first, compacted (+Seen -Seen of one message collapse); at start everything inflight is ambiguous. */
GPtrArray *store_ops_due(Store *store, GError **error);			/* of Op * */
bool store_ops_recover(Store *store, GError **error);			/* worker start: inflight -> ambiguous */
bool store_op_inflight(Store *store, Op *op, uint32_t pre_uidvalidity, uint32_t pre_uidnext, GError **error);	/* committed before the first byte */
/* new_uid: the UID the server gave in the target (COPYUID, APPENDUID, search), 0 unknown: the row is adopted on the next pull. */
bool store_op_done(Store *store, const Op *op, uint32_t new_uid, GError **error);
bool store_op_again(Store *store, const Op *op, GError **error);	/* back to pending (provably not done) */
bool store_op_fail(Store *store, const Op *op, const char *why, GError **error);	/* local effect is taken back, or kept and shown */
/* UIDs of a folder that a pending or ambiguous move/delete takes away: the pull must not bring them back. of uint32_t, sorted. */
GArray *store_op_hidden_uids(Store *store, const char *raw_folder, GError **error);

/* ---- worker: server -> store ---- */
typedef struct NewMsg { uint32_t uid; uint32_t flags; int64_t arrival, size; const char *headers; size_t headers_size; } NewMsg;
/* One transaction: inserts headers (threads, counters, FTS, contacts). A row with uid 0 in the same folder and the same Message-ID
 * is adopted instead. Known UIDs are updated. */
bool store_put_headers(Store *store, FolderId folder, const NewMsg *msgs, size_t n, GError **error);
typedef struct UidFlags { uint32_t uid, flags; } UidFlags;
GArray *store_uids(Store *store, FolderId folder, GError **error);	/* of UidFlags (server_flags), by uid; uid > 0 only */
/* Server flags of known UIDs; bits with a pending local op keep the local value. */
bool store_put_flags(Store *store, FolderId folder, const UidFlags *flags, size_t n, GError **error);
/* UIDs that are gone from the server: rows hidden, files kept in the account's "recently removed" for 30 days. */
bool store_vanished(Store *store, FolderId folder, const uint32_t *uids, size_t n, GError **error);
/* Sync mark, in a transaction of its own after everything it covers is committed. */
bool store_folder_synced(Store *store, FolderId folder, uint32_t uidvalidity, uint32_t uidnext, uint64_t modseq, bool full, GError **error);
/* UIDVALIDITY changed: rows lose their UIDs and are re-adopted by Message-ID as headers arrive; nothing is deleted. */
bool store_folder_new_epoch(Store *store, FolderId folder, uint32_t uidvalidity, GError **error);
/* Newest rows without body: of uint32_t uid, at most limit, size <= max_bytes, arrived since not_before. */
GArray *store_bodies_wanted(Store *store, FolderId folder, int64_t not_before, int64_t max_bytes, unsigned limit, GError **error);
bool store_quarantine(Store *store, FolderId folder, uint32_t uid, const char *why, GError **error);

/* ---- worker: durable delivery in groups (write tmp -> fsync, several threads -> rename -> fsync directory -> commit rows) ---- */
typedef struct Delivery Delivery;
Delivery *delivery_begin(Store *store, FolderId folder, GError **error);
/* A file to stream one message into; fd is the Delivery's. uid: the IMAP UID whose body this is, or 0 with key = UIDL (POP3)
 * or NULL (local). */
bool delivery_open(Delivery *delivery, uint32_t uid, const char *key, uint32_t flags, int64_t arrival, int *ret_fd, GError **error);
bool delivery_finish(Delivery *delivery, GError **error);	/* the open one is complete */
void delivery_abort(Delivery *delivery);			/* the open one is dropped */
/* Makes the group durable and commits its rows (and UIDL states `stored`). The Delivery can go on with a next group. */
bool delivery_commit(Delivery *delivery, unsigned *ret_stored, GError **error);
void delivery_free(Delivery *delivery);				/* uncommitted files are removed */

/* ---- POP3 memory (ops.db) ---- */
typedef enum UidlState { UIDL_SEEN, UIDL_STORED, UIDL_DELE_WANTED, UIDL_DELE_SENT, UIDL_GONE } UidlState;
typedef struct Uidl { char *uidl; int64_t first_seen, last_seen, size; char *hash; MsgId msg; UidlState state; } Uidl;
void uidl_free(Uidl *uidl);
GHashTable *store_uidls(Store *store, GError **error);		/* uidl -> Uidl *, owns both */
bool store_uidl_seen(Store *store, char *const *uidls, const int64_t *sizes, size_t n, int64_t now, GError **error);
bool store_uidl_state(Store *store, char *const *uidls, size_t n, UidlState state, GError **error);
/* The server gave a known message a new UIDL: what is remembered of it goes on under that. */
bool store_uidl_rename(Store *store, const char *from, const char *to, GError **error);
/* The stored file exists with the size and hash that were recorded (before DELE, I8). */
bool store_uidl_verify(Store *store, const char *uidl, GError **error);
bool store_uidl_forget(Store *store, int64_t not_seen_since, GError **error);	/* `gone`, or unseen for 30 days */

/* ---- outbox (ops.db + outbox/) ---- */
typedef enum OutboxState { OUTBOX_HELD, OUTBOX_QUEUED, OUTBOX_SENDING, OUTBOX_COMMITTING, OUTBOX_ACCEPTED, OUTBOX_FILED, OUTBOX_UNKNOWN, OUTBOX_FAILED, OUTBOX_CANCELLED } OutboxState;
const char *outbox_state_name(OutboxState state);	/* words for people */
typedef struct OutboxRcpt { char *address; int code; char *reply; } OutboxRcpt;	/* code 0: not tried */
typedef struct Outbox {
	int64_t id;
	OutboxState state;
	int64_t created, not_before, next_try;
	unsigned attempts;
	char *mail_from, *message_id, *subject, *path, *sent_path, *draft_path /* text of the draft, for editing again; NULL */;
	char *source;		/* Draft.source */
	bool is_forward, smtputf8, eightbit, requires_sent_copy;
	char *last_reply;	/* NULL */
	GPtrArray *rcpts;	/* of OutboxRcpt * */
} Outbox;
void outbox_free(Outbox *outbox);
/* Durable (files fsynced, row committed) when it returns true. not_before: end of the undo window. */
bool store_outbox_add(Store *store, const BuiltMail *mail, const char *subject, const char *draft_text, const char *source, bool is_forward,
		      int64_t not_before, int64_t *ret_id, GError **error);
GPtrArray *store_outbox(Store *store, GError **error);			/* of Outbox *, all but filed and cancelled, oldest first */
Outbox *store_outbox_get(Store *store, int64_t id, GError **error);
/* Compare-and-set; false without error: it was in none of the from states (bits 1 << OutboxState). */
bool store_outbox_move(Store *store, int64_t id, unsigned from, OutboxState to, const char *reply, int64_t next_try, GError **error);
bool store_outbox_rcpt(Store *store, int64_t id, const char *address, int code, const char *reply, GError **error);
/* accepted -> Sent copy as a journalled append (in one transaction with the state, exactly once), source marked answered -> filed. */
bool store_outbox_file(Store *store, int64_t id, bool append_to_server, GError **error);
/* Oldest row whose time has come; NULL without error: none, and *ret_next is when to look again (0: never). */
Outbox *store_outbox_due(Store *store, int64_t now, int64_t *ret_next, GError **error);
/* Worker start: sending -> queued, committing -> unknown. */
bool store_outbox_recover(Store *store, GError **error);
/* Rate buckets, persisted: false and *ret_when when the account must wait. Counts recipients. */
bool store_rate_take(Store *store, unsigned recipients, int64_t now, int64_t *ret_when, GError **error);

/* ---- drafts being written: drafts/ID.draft, replaced atomically ---- */
bool store_draft_save(Store *store, const char *id, const char *text, GError **error);
GPtrArray *store_drafts(Store *store, GError **error);			/* of char * id, newest first */
char *store_draft_load(Store *store, const char *id, GError **error);
bool store_draft_remove(Store *store, const char *id, GError **error);

/* ---- check and rebuild ---- */
typedef void (*StoreReport)(void *data, const char *line);
bool store_check(Store *store, StoreReport report, void *data, unsigned *ret_problems, GError **error);
/* cache.db from the Maildir and ops.db; local folders completely, IMAP rows get their UIDs back on the next sync. */
bool store_rebuild(Store *store, StoreReport report, void *data, GError **error);

/* ---- notmuch: index role (only writer) and search role ---- */
typedef struct Index Index;
Index *index_open(const char *data_dir, bool write, GError **error);
void index_close(Index *index);
/* Indexes at most limit unindexed bodies of store, newest first, and carries flags to file names and tags, holding the lock at
 * most max_ms; *ret_left what remains. */
bool index_work(Index *index, Store *store, unsigned limit, unsigned max_ms, int64_t *ret_done, int64_t *ret_left, GError **error);
/* Forgets the database; everything is indexed again. */
bool index_rebuild(const char *data_dir, Store *const *stores, size_t n, GError **error);
/* Message-IDs of the newest hits of a notmuch query (short forms from: to: subject: is: in: before: after: has: are translated).
 * ERROR_INPUT explains a mistake in the query. of char *. */
GPtrArray *index_search(Index *index, const char *query, unsigned limit, GError **error);

/* STORE_UI stores of all accounts -> hits as Msg (with account), newest first, for `surel search` and the result list. */
typedef struct Hit { Store *store; Msg *msg; } Hit;
GPtrArray *search_resolve(Store *const *stores, size_t n, const char *query, GPtrArray *message_ids, unsigned limit, GError **error);	/* of Hit * */
/* The same for the screen: after max_ms (0: no end) what is found by then, newest first; the oldest mail may not have been looked at. */
GPtrArray *search_resolve_within(Store *const *stores, size_t n, const char *query, GPtrArray *message_ids, unsigned limit, unsigned max_ms, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Folder, folder_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Msg, msg_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Op, op_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Outbox, outbox_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Uidl, uidl_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Delivery, delivery_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Index, index_close)
