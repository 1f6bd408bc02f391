/* store/schema.c: tables of cache.db and ops.db, as steps; a step is never changed once released, only more are added */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/store/internal.h"

const char *const cache_schema[] = {
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE folder(id INTEGER PRIMARY KEY AUTOINCREMENT, raw TEXT NOT NULL UNIQUE, name TEXT NOT NULL, dir TEXT NOT NULL UNIQUE,"
	" delimiter INTEGER NOT NULL DEFAULT 0, role INTEGER NOT NULL DEFAULT 0, selectable INTEGER NOT NULL DEFAULT 1,"
	" local INTEGER NOT NULL DEFAULT 0, hidden INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0,"
	" unread INTEGER NOT NULL DEFAULT 0, flagged INTEGER NOT NULL DEFAULT 0, uidvalidity INTEGER NOT NULL DEFAULT 0,"
	" uidnext INTEGER NOT NULL DEFAULT 0, modseq INTEGER NOT NULL DEFAULT 0, last_full INTEGER NOT NULL DEFAULT 0);"
	"CREATE TABLE msg(id INTEGER PRIMARY KEY AUTOINCREMENT, folder INTEGER NOT NULL, uid INTEGER NOT NULL DEFAULT 0,"
	" thread INTEGER NOT NULL, date INTEGER NOT NULL, arrival INTEGER NOT NULL, thread_date INTEGER NOT NULL,"
	" flags INTEGER NOT NULL, server_flags INTEGER NOT NULL, state INTEGER NOT NULL, attachment INTEGER NOT NULL,"
	" size INTEGER NOT NULL, mid_hash INTEGER NOT NULL, place INTEGER NOT NULL, file_flags INTEGER NOT NULL DEFAULT 0,"
	" dirty INTEGER NOT NULL DEFAULT 0, indexed INTEGER NOT NULL DEFAULT 0, op INTEGER, base TEXT, index_id TEXT,"
	" message_id TEXT NOT NULL, from_name TEXT NOT NULL, from_addr TEXT NOT NULL, to_text TEXT NOT NULL, subject TEXT NOT NULL,"
	" people TEXT NOT NULL, refs BLOB, why TEXT);"
	"CREATE INDEX msg_date ON msg(folder, date, id);"
	"CREATE INDEX msg_thread_date ON msg(folder, thread_date, thread);"
	"CREATE INDEX msg_unread ON msg(folder, date, id) WHERE flags & 1 = 0;"
	"CREATE INDEX msg_thread_unread ON msg(folder, thread_date, thread) WHERE flags & 1 = 0;"
	"CREATE INDEX msg_flagged ON msg(folder, date, id) WHERE flags & 4 <> 0;"
	"CREATE INDEX msg_thread_flagged ON msg(folder, thread_date, thread) WHERE flags & 4 <> 0;"
	"CREATE INDEX msg_thread ON msg(thread, folder);"
	"CREATE UNIQUE INDEX msg_uid ON msg(folder, uid) WHERE uid > 0;"
	"CREATE INDEX msg_mid ON msg(mid_hash);"
	"CREATE UNIQUE INDEX msg_base ON msg(base) WHERE base IS NOT NULL;"
	"CREATE UNIQUE INDEX msg_op ON msg(op) WHERE op IS NOT NULL;"
	"CREATE INDEX msg_index_id ON msg(index_id) WHERE index_id IS NOT NULL;"
	"CREATE INDEX msg_dirty ON msg(id) WHERE dirty <> 0;"
	"CREATE INDEX msg_to_index ON msg(date) WHERE state = 1 AND indexed <> 1;"
	"CREATE INDEX msg_wanted ON msg(folder, arrival) WHERE state = 0;",
	"CREATE VIRTUAL TABLE words USING fts5(from_name, from_addr, people, subject, content='msg', content_rowid='id',"
	" tokenize=\"unicode61 remove_diacritics 2\", prefix='2');"
	"INSERT INTO words(words, rank) VALUES('automerge', 16);"	/* 4 rewrites all words twice as often; a lookup costs microseconds more */
	/* Rows above meta.settled_id are new in this transaction: msgs_settle counts and indexes them all at once before the commit.
	 * A trigger for each row made FTS5 write a segment of its own for each row, which was half the cost of an insert. */
#define SETTLED "old.id <= (SELECT value FROM meta WHERE key = 'settled_id')"
	"CREATE TRIGGER msg_gone AFTER DELETE ON msg WHEN " SETTLED " BEGIN INSERT INTO words(words, rowid, from_name, from_addr, people, subject)"
	" VALUES('delete', old.id, old.from_name, old.from_addr, old.people, old.subject); UPDATE folder SET total = total - 1,"
	" unread = unread - (old.flags & 1 = 0), flagged = flagged - (old.flags & 4 <> 0) WHERE id = old.folder; END;"
	"CREATE TRIGGER msg_flags AFTER UPDATE OF flags ON msg WHEN old.folder = new.folder AND (old.flags & 5) <> (new.flags & 5) AND " SETTLED
	" BEGIN UPDATE folder SET unread = unread + (new.flags & 1 = 0) - (old.flags & 1 = 0),"
	" flagged = flagged + (new.flags & 4 <> 0) - (old.flags & 4 <> 0) WHERE id = new.folder; END;"
	"CREATE TRIGGER msg_moved AFTER UPDATE OF folder ON msg WHEN old.folder <> new.folder AND " SETTLED " BEGIN"
	" UPDATE folder SET total = total - 1, unread = unread - (old.flags & 1 = 0), flagged = flagged - (old.flags & 4 <> 0)"
	"  WHERE id = old.folder;"
	" UPDATE folder SET total = total + 1, unread = unread + (new.flags & 1 = 0), flagged = flagged + (new.flags & 4 <> 0)"
	"  WHERE id = new.folder; END;"
	"INSERT INTO meta VALUES('settled_id', 0);"
#undef SETTLED
	"CREATE TABLE ref(hash INTEGER PRIMARY KEY, thread INTEGER NOT NULL);"
	"CREATE TABLE thread_alias(old INTEGER PRIMARY KEY, new INTEGER NOT NULL);"
	"CREATE TABLE contact(addr TEXT PRIMARY KEY, name TEXT NOT NULL, received INTEGER NOT NULL, sent INTEGER NOT NULL,"
	" last INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE unindex(message_id TEXT PRIMARY KEY) WITHOUT ROWID;",
	NULL,
};

const char *const ops_schema[] = {
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	/* What cannot be told from a directory name when cache.db is gone. */
	"CREATE TABLE folder_name(raw TEXT PRIMARY KEY, name TEXT NOT NULL, dir TEXT NOT NULL, delimiter INTEGER NOT NULL,"
	" role INTEGER NOT NULL, selectable INTEGER NOT NULL, local INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE op(id INTEGER PRIMARY KEY AUTOINCREMENT, grp INTEGER NOT NULL, kind INTEGER NOT NULL, state INTEGER NOT NULL,"
	" local INTEGER NOT NULL, cache_id INTEGER NOT NULL, msg INTEGER NOT NULL, folder TEXT, target TEXT, came_from TEXT,"
	" uidvalidity INTEGER NOT NULL DEFAULT 0, uid INTEGER NOT NULL DEFAULT 0, set_bits INTEGER NOT NULL DEFAULT 0,"
	" clear_bits INTEGER NOT NULL DEFAULT 0, flags INTEGER NOT NULL DEFAULT 0, prev INTEGER NOT NULL DEFAULT 0, message_id TEXT,"
	" base TEXT, size INTEGER NOT NULL DEFAULT 0, pre_uidnext INTEGER NOT NULL DEFAULT 0,"
	" pre_uidvalidity INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0, undo_of INTEGER NOT NULL DEFAULT 0,"
	" created INTEGER NOT NULL, why TEXT);"
	"CREATE INDEX op_state ON op(state) WHERE state < 3;"
	"CREATE INDEX op_by_group ON op(grp);"
	"CREATE INDEX op_msg ON op(msg) WHERE state < 3;"
	"CREATE TABLE op_group(grp INTEGER PRIMARY KEY, what TEXT NOT NULL, undone INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL);"
	"CREATE TABLE uidl(uidl TEXT PRIMARY KEY, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, size INTEGER NOT NULL,"
	" hash TEXT, base TEXT, state INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, state INTEGER NOT NULL, created INTEGER NOT NULL,"
	" not_before INTEGER NOT NULL, next_try INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0, mail_from TEXT NOT NULL,"
	" message_id TEXT NOT NULL, subject TEXT NOT NULL, path TEXT NOT NULL, sent_path TEXT NOT NULL, draft_path TEXT, source TEXT,"
	" is_forward INTEGER NOT NULL, smtputf8 INTEGER NOT NULL, eightbit INTEGER NOT NULL, requires_sent_copy INTEGER NOT NULL,"
	" last_reply TEXT);"
	"CREATE TABLE outbox_rcpt(outbox INTEGER NOT NULL, address TEXT NOT NULL, code INTEGER NOT NULL DEFAULT 0, reply TEXT,"
	" place INTEGER NOT NULL, PRIMARY KEY(outbox, address)) WITHOUT ROWID;"
	"CREATE TABLE rate(at INTEGER NOT NULL, recipients INTEGER NOT NULL);"
	"CREATE INDEX rate_at ON rate(at);",
	NULL,
};
