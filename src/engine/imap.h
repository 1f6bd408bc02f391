/* src/engine/imap.h: inside of the IMAP backend: session, commands as text, replies, folders, pull, push, bodies, idle */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "src/engine/engine.h"
#include "src/engine/sasl.h"

/* Capabilities we act on; the names are in imap-proto.c. */
typedef enum ImapCap {
	CAP_STARTTLS = 1 << 0, CAP_LOGINDISABLED = 1 << 1, CAP_SASL_IR = 1 << 2, CAP_ID = 1 << 3, CAP_IDLE = 1 << 4,
	CAP_CONDSTORE = 1 << 5, CAP_UIDPLUS = 1 << 6, CAP_MOVE = 1 << 7, CAP_ESEARCH = 1 << 8, CAP_LITERAL_PLUS = 1 << 9,
	CAP_LITERAL_MINUS = 1 << 10, CAP_SPECIAL_USE = 1 << 11, CAP_LIST_EXTENDED = 1 << 12, CAP_UNSELECT = 1 << 13
} ImapCap;

/* One FETCH row as far as it was asked for. */
typedef struct ImapRow {
	uint32_t uid, flags, size;	/* flags: MsgFlag */
	int64_t arrival;
	bool has_flags, has_body;	/* has_body: bytes (maybe of length 0) came */
	const char *bytes;
	size_t length;
} ImapRow;
typedef void (*ImapRowFn)(void *data, const ImapRow *row);
/* A piece of a body that is streamed; false ends the connection. */
typedef bool (*ImapPieceFn)(void *data, const char *bytes, size_t length);

typedef struct ImapListed { char *raw; char delimiter; bool selectable; FolderRole role; } ImapListed;
typedef struct ImapStatus { char *raw; int64_t messages, unseen; uint32_t uidnext, uidvalidity; uint64_t modseq; } ImapStatus;

/* Tagged answer. BAD never gets here: it ends the connection. */
typedef struct ImapReply {
	bool ok;
	char *code;		/* upper-case response code such as TRYCREATE; "" when none */
	char *text;		/* the server's words, clean */
	uint32_t uidvalidity;	/* of COPYUID or APPENDUID; 0: none came */
	GArray *from, *to;	/* of uint32_t, same length (COPYUID), or to alone (APPENDUID); NULL: none */
} ImapReply;

typedef struct Imap {
	Engine *engine;
	mailimap *session;	/* libetpan's parser state; its commands are not used (doc/architecture.md) */
	unsigned caps;		/* ImapCap */
	GPtrArray *sasl;	/* of char *, NULL-terminated */
	unsigned tag;
	bool broken;		/* a transport or parse error: no byte after it is interpreted (I10) */
	/* harvest of the replies, emptied by imap_send */
	GPtrArray *listed;	/* of ImapListed * */
	GPtrArray *statuses;	/* of ImapStatus * */
	GArray *found;		/* of uint32_t: SEARCH, ESEARCH */
	bool skipped;		/* something could not be parsed and was left out: nothing may be called gone */
	bool changed;		/* the server told of changes nobody asked for */
	ImapRowFn row;
	ImapPieceFn piece;
	void *row_data;
	/* the selected folder */
	char *selected;		/* raw name; NULL: none */
	uint32_t uidvalidity, uidnext;
	uint64_t modseq;	/* 0: none */
	bool read_only, any_keyword, keyword_forwarded;
	unsigned permanent;	/* MsgFlag the server keeps; all when it does not say */
	/* life */
	bool idle_hit;		/* the inbox changed, nothing else is known */
	int64_t next_poll_us;	/* monotonic */
	int64_t listed_us;	/* monotonic time of the last LIST; 0: by open */
	bool serving;		/* inside imap_breathe */
	int64_t slept_us;	/* boot time minus monotonic time at the last look */
	GHashTable *looked;	/* ambiguous op id -> monotonic time of the first look in vain */
	GHashTable *complained;	/* raw names of folders whose refusal a person was told of */
	/* the inbox as the last pass saw it, so that waiting knows what came since */
	uint32_t inbox_uidvalidity, inbox_uidnext;
	uint64_t inbox_modseq;
} Imap;

/* ---- imap-proto.c ---- */
Imap *imap_new(Engine *engine);
void imap_free(Imap *imap);
bool imap_read_greeting(Imap *imap, bool *ret_preauth, GError **error);
/* Quoted string appended to line; CR, LF and NUL are refused, 8-bit is sent as it is only where literals are not possible. */
bool imap_quote(GString *line, const char *text, GError **error);
/* UIDs (sorted) as a set: 1:5,9. */
void imap_append_set(GString *line, const uint32_t *uids, size_t n);
/* Writes "TAG command CRLF" into the buffer; *ret_tag for imap_receive. Several may be under way. */
bool imap_send(Imap *imap, const char *command, unsigned *ret_tag, GError **error);
bool imap_flush(Imap *imap, GError **error);
/* The answer to tag, everything untagged harvested. False: the connection is over. */
bool imap_receive(Imap *imap, unsigned tag, ImapReply *reply, GError **error);
/* Send, flush, receive; a NO is false with ERROR_SERVER (or what its code says) and the connection still good. */
bool imap_command(Imap *imap, const char *command, GError **error);
bool imap_ask(Imap *imap, const char *command, ImapReply *reply, GError **error);	/* same, NO is for the caller */
/* For a NO: AUTH, BUSY, SERVER ... by response code. Returns false. */
bool imap_refused(const ImapReply *reply, GError **error, const char *what);
void imap_reply_clear(ImapReply *reply);
/* One raw line (without CRLF) for the parts of the protocol the parser cannot do: greeting, continuation, IDLE. Borrowed. */
const char *imap_read_raw(Imap *imap, GError **error);
/* Reads up to a continuation; false with error set, or false without error and reply filled when the tagged answer came. */
bool imap_read_continuation(Imap *imap, unsigned tag, char **ret_text, ImapReply *reply, GError **error);
bool imap_fail(Imap *imap, int etpan_code, const char *what, GError **error);
void imap_take_caps(Imap *imap);
void imap_clear_caps(Imap *imap);

/* ---- imap-catch.c: what the parser does not know is kept as text instead of breaking the session ---- */
void imap_catch_register(void);
const char *imap_caught(const struct mailimap_extension_data *data);	/* NULL: not ours */

/* ---- imap.c ---- */
bool imap_session_open(Imap *imap, GError **error);	/* connect, TLS, login; also for a second look on a fresh connection */
void imap_session_close(Imap *imap);
/* SELECT unless it is selected; fills uidvalidity, uidnext, modseq. fresh: SELECT in any case. */
bool imap_select(Imap *imap, const char *raw, bool fresh, GError **error);
uint32_t imap_exists(const Imap *imap);

/* ---- imap-list.c ---- */
bool imap_list(Imap *imap, GError **error);
char *imap_utf7_to_utf8(const char *raw);	/* never NULL; what is not modified UTF-7 stays as it is, clean */
char *imap_folder_name(const char *raw, char delimiter);
/* Roles of what was listed: the config's choice, SPECIAL-USE, then well-known names in several languages. */
void imap_assign_roles(GPtrArray *listed, char *const *chosen);

/* ---- imap-pull.c ---- */
bool imap_sync(Engine *engine, const char *folder, GError **error);
bool imap_pull_folder(Imap *imap, Folder *folder, bool full, GError **error);
bool imap_find_dirty(Imap *imap, GPtrArray *folders, bool thorough, GPtrArray *dirty, GError **error);
GArray *imap_uid_list(Imap *imap, GError **error);	/* all UIDs of the selected folder, sorted */
void imap_announce(Imap *imap, const Folder *folder, unsigned unseen);
/* ---- imap-headers.c ---- */
/* uids sorted; *ret_unseen counts those from since on that nobody has read. */
bool imap_pull_headers(Imap *imap, Folder *folder, const GArray *uids, uint32_t since, unsigned *ret_unseen, GError **error);

/* ---- imap-bulk.c: fetches of many messages in sets, a few commands under way, broken sets halved down to the poisoned message ---- */
typedef struct ImapBulk {
	const char *items;		/* "(UID FLAGS ...)" */
	unsigned depth;			/* commands under way */
	ImapRowFn row;
	ImapPieceFn piece;		/* NULL: bodies come in the row */
	void (*begin)(void *data, const GArray *uids);	/* the rows of this set come next; NULL */
	bool (*has)(void *data, uint32_t uid);		/* did its row come? */
	bool (*done)(void *data, const GArray *uids, GError **error);	/* tagged OK: the rows are whole and can be stored */
	void (*undone)(void *data);	/* the rows so far are void */
	bool (*poison)(void *data, uint32_t uid, const char *why, GError **error);	/* this one cannot be fetched */
	void *data;
} ImapBulk;
/* sets: of GArray * of uint32_t, consumed. The folder is selected here; people are served in between unless nested. */
bool imap_bulk(Imap *imap, const Folder *folder, GQueue *sets, const ImapBulk *bulk, GError **error);
/* Cuts the newest from uids (sorted) into sets of at most size, newest set first; first_size for the first. */
void imap_cut_sets(const GArray *uids, unsigned first_size, unsigned size, GQueue *sets);
/* ---- imap-body.c ---- */
bool imap_pull_bodies(Imap *imap, Folder *folder, GError **error);
bool imap_fetch_body(Engine *engine, MsgId msg, GError **error);
/* ---- imap-push.c ---- */
bool imap_push(Imap *imap, GError **error);
int64_t imap_push_due_us(const Imap *imap);	/* monotonic time at which an ambiguous append wants its second look; INT64_MAX: none */
/* ---- imap-idle.c ---- */
bool imap_wait(Engine *engine, unsigned timeout_s, bool *ret_dirty, GError **error);
/* Between commands of bulk work: serves what people wait for and the journal; the folder may need selecting again. */
bool imap_breathe(Imap *imap, GError **error);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ImapReply, imap_reply_clear)
