/* store/messages.c: message rows: inserting from headers, what the server says of known ones, reading one message */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/store/internal.h"

enum { HEADERS_MAX_BYTES = 256 << 10, HEADERS_STEP_BYTES = 8192, NAME_MAX_BYTES = 200, SUBJECT_MAX_BYTES = 1000, PEOPLE_MAX_BYTES = 2000 };
enum { FUTURE_SECONDS = 2 * 24 * 3600 };

void
msg_free(Msg *msg)
{
	if (!msg)
		return;
	g_free(msg->message_id);
	g_free(msg->from);
	g_free(msg->from_addr);
	g_free(msg->to);
	g_free(msg->subject);
	g_free(msg);
}

Msg *
msg_copy(const Msg *msg)
{
	Msg *copy = g_memdup2(msg, sizeof *msg);
	copy->message_id = g_strdup(msg->message_id);
	copy->from = g_strdup(msg->from);
	copy->from_addr = g_strdup(msg->from_addr);
	copy->to = g_strdup(msg->to);
	copy->subject = g_strdup(msg->subject);
	return copy;
}

Msg *
msg_from_row(DbRows *rows)
{
	Msg *msg = g_new0(Msg, 1);
	msg->id.v = sqlite3_column_int64(rows, 0);
	msg->folder.v = sqlite3_column_int64(rows, 1);
	msg->uid = (uint32_t)sqlite3_column_int64(rows, 2);
	msg->thread = sqlite3_column_int64(rows, 3);
	msg->date = sqlite3_column_int64(rows, 4);
	msg->arrival = sqlite3_column_int64(rows, 5);
	msg->thread_date = sqlite3_column_int64(rows, 6);
	msg->flags = (uint32_t)sqlite3_column_int64(rows, 7);
	msg->server_flags = (uint32_t)sqlite3_column_int64(rows, 8);
	int state = sqlite3_column_int(rows, 9);
	msg->state = state == MSG_FULL || state == MSG_QUARANTINED ? (MsgState)state : MSG_HEADERS;
	msg->has_attachment = sqlite3_column_int(rows, 10) != 0;
	msg->size = sqlite3_column_int64(rows, 11);
	msg->message_id = g_strdup(db_text(rows, 12));
	msg->from = g_strdup(db_text(rows, 13));
	msg->from_addr = g_strdup(db_text(rows, 14));
	msg->to = g_strdup(db_text(rows, 15));
	msg->subject = g_strdup(db_text(rows, 16));
	msg->thread_size = 1;
	msg->thread_unread = msg->flags & FLAG_SEEN ? 0 : 1;
	return msg;
}

Msg *
msg_load(Store *store, int64_t id)
{
	g_autoptr(DbRows) rows = db_query(store->cache, NULL, "SELECT " MSG_COLUMNS " FROM msg m WHERE m.id=?", "i", id);
	return rows && db_next(store->cache, rows, NULL) == 1 ? msg_from_row(rows) : NULL;
}

static uint64_t
rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void
sip_round(uint64_t v[static 4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-2-4 under key 0: a tenth of SHA-256, spread as well; it is on the disk, so it stays as it is. Who makes two ids collide gains
 * no more than who quotes an id in References. 63 bits: SQLite's integers are signed. */
int64_t
message_hash(const char *message_id)
{
	uint64_t v[4] = { 0x736f6d6570736575, 0x646f72616e646f6d, 0x6c7967656e657261, 0x7465646279746573 };
	size_t size = strlen(message_id);
	for (size_t at = 0; at <= size; at += 8) {
		uint64_t word = 0;
		size_t n = MIN(size - at, (size_t)8);
		memcpy(&word, message_id + at, n);
		word = GUINT64_FROM_LE(word);
		if (n < 8)
			word |= (uint64_t)(size & 0xff) << 56;
		v[3] ^= word;
		sip_round(v);
		sip_round(v);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	for (unsigned i = 0; i < 4; i++)
		sip_round(v);
	return (int64_t)((v[0] ^ v[1] ^ v[2] ^ v[3]) >> 1);
}

int64_t
envelope_identity(const Envelope *envelope)
{
	if (envelope->message_id && *envelope->message_id)
		return message_hash(envelope->message_id);
	const MailAddress *from = envelope->from->len ? envelope->from->pdata[0] : NULL;
	g_autofree char *known = g_strdup_printf("\n%" G_GINT64_FORMAT "\n%s\n%s", envelope->date, from ? from->addr : "", envelope->subject);
	return message_hash(known);
}

char *
text_clip(const char *text, size_t max_bytes)
{
	size_t size = strlen(text);
	if (size <= max_bytes)
		return g_strdup(text);
	const char *end = g_utf8_find_prev_char(text, text + max_bytes + 1);
	return g_strndup(text, end ? (gsize)(end - text) : 0);
}

static void
append_people(GString *names, GString *words, const GPtrArray *list)
{
	for (guint i = 0; i < list->len && words->len < PEOPLE_MAX_BYTES; i++) {
		const MailAddress *address = list->pdata[i];
		if (names && names->len < NAME_MAX_BYTES)
			g_string_append_printf(names, "%s%s", names->len ? ", " : "", *address->name ? address->name : address->addr);
		g_string_append_printf(words, "%s%s %s", words->len ? " " : "", address->name, address->addr);
	}
}

/* Hashes of own id and all it refers to; refs gets the nearest ancestors, nearest last. */
static GArray *
thread_hashes(const Envelope *envelope, int64_t identity, GArray *refs)
{
	GArray *hashes = g_array_new(FALSE, FALSE, sizeof(int64_t));
	g_array_append_val(hashes, identity);
	guint n = g_strv_length(envelope->references);
	enum { THREAD_IDS_MAX = 100 };	/* a hostile header may name thousands */
	for (guint i = n > THREAD_IDS_MAX ? n - THREAD_IDS_MAX : 0; i < n; i++) {
		int64_t hash = message_hash(envelope->references[i]);
		g_array_append_val(hashes, hash);
		if (n - i <= REFS_MAX)
			g_array_append_val(refs, hash);
	}
	return hashes;
}

static bool
insert_row(Store *store, const NewRow *row, const Envelope *envelope, GArray *refs, int64_t identity, int64_t id, int64_t thread,
	   GError **error)
{
	g_autoptr(GString) names = g_string_new(NULL), people = g_string_new(NULL);
	append_people(names, people, envelope->to);
	append_people(NULL, people, envelope->cc);
	g_autofree char *to = text_clip(names->str, NAME_MAX_BYTES);
	g_autofree char *from = text_clip(envelope_from_name(envelope), NAME_MAX_BYTES);
	const MailAddress *sender = envelope->from->len ? envelope->from->pdata[0] : NULL;
	g_autofree char *from_addr = text_clip(sender ? sender->addr : "", NAME_MAX_BYTES);
	g_autofree char *subject = text_clip(envelope->subject, SUBJECT_MAX_BYTES);
	int64_t now = g_get_real_time() / G_USEC_PER_SEC;
	int64_t arrival = row->arrival > 0 ? row->arrival : now;
	/* A date from the future would sit on top of the list until then. */
	int64_t date = envelope->date > 0 && envelope->date <= MAX(arrival, now) + FUTURE_SECONDS ? envelope->date : arrival;
	int64_t thread_date = thread == id ? INT64_MIN : db_number(store->cache, error, INT64_MIN, "SELECT thread_date FROM msg WHERE thread=? AND +folder=? LIMIT 1", "ii",
					thread, row->folder);
	return db_run(store->cache, error,
		      "INSERT INTO msg(id,folder,uid,thread,date,arrival,thread_date,flags,server_flags,state,attachment,size,mid_hash,place,"
		      "file_flags,dirty,op,base,message_id,from_name,from_addr,to_text,subject,people,refs)"
		      " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,nullif(?,0),?,?,?,?,?,?,?,?)",
		      "iiiiiiiiiiiiiiiiisssssssb", id, row->folder, (int64_t)row->uid, thread, date, arrival, MAX(thread_date, date),
		      (int64_t)row->flags, (int64_t)row->server_flags, (int64_t)row->state, (int64_t)envelope->has_attachment, row->size,
		      identity, row->place, (int64_t)row->file_flags, (int64_t)row->dirty, row->op, row->base,
		      envelope->message_id ? envelope->message_id : "", from, from_addr, to, subject, people->str, refs->data,
		      (size_t)refs->len * sizeof(int64_t)) &&
	       (thread_date == INT64_MIN || thread_date >= date || thread_touch(store, row->folder, thread, error));
}

bool
msg_insert(Store *store, const NewRow *row, const Envelope *envelope, int64_t *ret_id, GError **error)
{
	int64_t identity = envelope_identity(envelope);
	g_autoptr(GArray) refs = g_array_new(FALSE, FALSE, sizeof(int64_t));
	g_autoptr(GArray) hashes = thread_hashes(envelope, identity, refs);
	int64_t id = 1 + db_number(store->cache, NULL, 0, "SELECT seq FROM sqlite_sequence WHERE name='msg'", "");
	int64_t thread = 0;
	if (!thread_for(store, (const int64_t *)(void *)hashes->data, hashes->len, id, &thread, error) ||
	    !insert_row(store, row, envelope, refs, identity, id, thread, error))
		return false;
	if (ret_id)
		*ret_id = id;
	contacts_add(store, row->folder, envelope, envelope->date);
	return true;
}

bool
msgs_settle(Store *store, GError **error)
{
	int64_t last = db_number(store->cache, error, -1, "SELECT max(id) FROM msg", "");
	int64_t settled = store_meta(store, "settled_id", 0);
	if (last < 0 || !contacts_settle(store, error))
		return false;
	if (last <= settled)
		return true;
	return db_run(store->cache, error,
		      "UPDATE folder SET total=total+n, unread=unread+u, flagged=flagged+f FROM (SELECT folder AS at, count(*) AS n, sum(flags & 1 = 0) AS u,"
		      " sum(flags & 4 <> 0) AS f FROM msg WHERE id>? GROUP BY +folder) WHERE id=at", "i", settled) &&
	       db_run(store->cache, error,
		      "INSERT INTO words(rowid,from_name,from_addr,people,subject) SELECT id,from_name,from_addr,people,subject FROM msg WHERE id>?", "i",
		      settled) &&
	       store_meta_set(store, "settled_id", last, error);
}

bool
msg_delete_row(Store *store, int64_t id, GError **error)
{
	g_autoptr(Msg) msg = msg_load(store, id);
	if (!msg)
		return true;
	return db_run(store->cache, error,
		      "INSERT OR IGNORE INTO unindex SELECT coalesce(index_id,message_id) FROM msg WHERE id=? AND indexed<>0 AND"
		      " coalesce(index_id,message_id)<>''", "i", id) &&
	       db_run(store->cache, error, "DELETE FROM msg WHERE id=?", "i", id) && thread_touch(store, msg->folder.v, msg->thread, error);
}

bool
msg_set_folder(Store *store, int64_t id, int64_t folder, uint32_t uid, GError **error)
{
	g_autoptr(Msg) msg = msg_load(store, id);
	if (!msg)
		return true;
	return db_run(store->cache, error,
		      "UPDATE msg SET folder=?1, uid=?2, dirty=CASE WHEN base IS NULL OR place=?1 THEN dirty & ~1 ELSE dirty | 1 END,"
		      " indexed=CASE indexed WHEN 0 THEN 0 ELSE 3 END WHERE id=?3",
		      "iii", folder, (int64_t)uid, id) &&
	       thread_touch(store, msg->folder.v, msg->thread, error) && thread_touch(store, folder, msg->thread, error);
}

/* Headers are a few KB; the rest of the file is not read. */
Envelope *
msg_scan_file(const char *path, struct stat *ret_stat, GError **error)
{
	int fd = g_open(path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0 || fstat(fd, ret_stat) != 0) {
		error_set_errno(error, errno, "%s", path);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	g_autofree char *bytes = NULL;
	size_t have = 0;
	while (have < HEADERS_MAX_BYTES) {
		bytes = g_realloc(bytes, have + HEADERS_STEP_BYTES);
		ssize_t got = read(fd, bytes + have, HEADERS_STEP_BYTES);
		if (got <= 0)
			break;
		size_t from = have > 3 ? have - 3 : 0;
		have += (size_t)got;
		if (memmem(bytes + from, have - from, "\n\n", 2) || memmem(bytes + from, have - from, "\n\r\n", 3))
			break;
	}
	close(fd);
	return envelope_scan(bytes, MIN(have, (size_t)HEADERS_MAX_BYTES));
}

/* ---- what the server says ---- */

typedef struct PutContext {
	Store *store;
	int64_t folder;
	char *raw;
	GHashTable *masks;	/* msg id -> bits that a pending operation decides */
	GHashTable *hidden;	/* UIDs that a pending operation takes away */
	GHashTable *waiting;	/* identity -> op id: operations on a message here whose UID was not known */
} PutContext;

static void
put_context_clear(PutContext *context)
{
	g_free(context->raw);
	g_clear_pointer(&context->masks, g_hash_table_unref);
	g_clear_pointer(&context->hidden, g_hash_table_unref);
	g_clear_pointer(&context->waiting, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PutContext, put_context_clear)

static bool
put_context_init(PutContext *context, Store *store, FolderId folder, GError **error)
{
	context->store = store;
	context->folder = folder.v;
	context->raw = folder_raw(store, folder.v);
	if (!context->raw)
		return error_set(error, ERROR_NOT_FOUND, "the folder is not there any more");
	context->masks = pending_flag_masks(store, error);
	g_autoptr(GArray) hidden = context->masks ? store_op_hidden_uids(store, context->raw, error) : NULL;
	if (!hidden)
		return false;
	context->hidden = g_hash_table_new(NULL, NULL);
	for (guint i = 0; i < hidden->len; i++)
		g_hash_table_add(context->hidden, GUINT_TO_POINTER(g_array_index(hidden, uint32_t, i)));
	context->waiting = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	g_autoptr(DbRows) rows = db_query(store->ops, error,
					  "SELECT id, message_id FROM op WHERE state=0 AND local=0 AND uid=0 AND kind IN (1,3) AND folder=?"
					  " AND message_id<>'' ORDER BY id DESC", "s", context->raw);
	int got = rows ? db_next(store->ops, rows, error) : -1;
	for (; got == 1; got = db_next(store->ops, rows, error)) {
		int64_t id = sqlite3_column_int64(rows, 0), hash = message_hash(db_text(rows, 1));
		g_hash_table_replace(context->waiting, g_memdup2(&hash, sizeof hash), g_memdup2(&id, sizeof id));
	}
	return got == 0;
}

static uint32_t
merge_flags(const PutContext *context, int64_t id, uint32_t local, uint32_t server)
{
	uint32_t mask = GPOINTER_TO_UINT(g_hash_table_lookup(context->masks, &id));
	return (local & mask) | (server & ~mask);
}

static bool
set_server_flags(const PutContext *context, int64_t id, uint32_t local, uint32_t server, GError **error)
{
	return db_run(context->store->cache, error,
		      "UPDATE msg SET flags=?1, server_flags=?2, indexed=CASE WHEN indexed=1 AND flags<>?1 THEN 2 ELSE indexed END"
		      " WHERE id=?3 AND (flags<>?1 OR server_flags<>?2)",
		      "iii", (int64_t)merge_flags(context, id, local, server), (int64_t)server, id);
}

static bool
put_known(const PutContext *context, uint32_t uid, uint32_t server, bool *ret_known, GError **error)
{
	Db *cache = context->store->cache;
	int64_t id, local;
	bool same;
	{
		g_autoptr(DbRows) rows = db_query(cache, error, "SELECT id, flags, server_flags FROM msg WHERE folder=? AND uid=? AND uid>0", "ii",
						  context->folder, (int64_t)uid);
		int got = rows ? db_next(cache, rows, error) : -1;
		if (got < 0)
			return false;
		*ret_known = got == 1;
		if (got == 0)
			return true;
		id = sqlite3_column_int64(rows, 0);
		local = sqlite3_column_int64(rows, 1);
		same = (uint32_t)sqlite3_column_int64(rows, 2) == server && merge_flags(context, id, (uint32_t)local, server) == (uint32_t)local;
	}
	return same || set_server_flags(context, id, (uint32_t)local, server, error);
}

/* A row of ours without UID that this server message is: appended, moved or copied here, or of an earlier epoch. */
static bool
adopt(const PutContext *context, const NewMsg *msg, const Envelope *envelope, int64_t identity, bool *ret_adopted, GError **error)
{
	Db *cache = context->store->cache;
	int64_t id = 0, local = 0, nearest = INT64_MAX;
	{
		/* No ORDER BY: the table that SQLite makes for sorting would be the dearest part, and most often there is no row. */
		g_autoptr(DbRows) rows = db_query(cache, error,
						  "SELECT id, flags, abs(size-?) FROM msg WHERE mid_hash=? AND +folder=? AND uid=0 AND message_id=?", "iiis",
						  msg->size, identity, context->folder, envelope->message_id ? envelope->message_id : "");
		int got = rows ? db_next(cache, rows, error) : -1;
		for (; got == 1; got = db_next(cache, rows, error)) {
			if (sqlite3_column_int64(rows, 2) >= nearest)
				continue;
			id = sqlite3_column_int64(rows, 0);
			local = sqlite3_column_int64(rows, 1);
			nearest = sqlite3_column_int64(rows, 2);
		}
		*ret_adopted = id != 0;
		if (got < 0 || !id)
			return got == 0;
	}
	return db_run(cache, error, "UPDATE msg SET uid=?, arrival=CASE WHEN ?2>0 THEN ?2 ELSE arrival END WHERE id=?", "iii", (int64_t)msg->uid, msg->arrival, id) &&
	       set_server_flags(context, id, (uint32_t)local, msg->flags, error);
}

static bool
put_new(const PutContext *context, const NewMsg *msg, GError **error)
{
	Store *store = context->store;
	if (g_hash_table_contains(context->hidden, GUINT_TO_POINTER(msg->uid)))
		return true;
	g_autoptr(Envelope) envelope = envelope_scan(msg->headers, MIN(msg->headers_size, HEADERS_MAX_BYTES));
	int64_t identity = envelope_identity(envelope);
	bool adopted = false;
	if (!adopt(context, msg, envelope, identity, &adopted, error) || adopted)
		return adopted;
	const int64_t *op = g_hash_table_lookup(context->waiting, &identity);
	if (op) {	/* it was moved on or deleted here before its UID was known: the operation learns it */
		bool ok = db_run(store->ops, error, "UPDATE op SET uid=? WHERE id=? AND uid=0", "ii", (int64_t)msg->uid, *op);
		g_hash_table_remove(context->waiting, &identity);
		return ok;
	}
	NewRow row = { .folder = context->folder, .arrival = msg->arrival, .size = msg->size, .uid = msg->uid, .flags = msg->flags,
		       .server_flags = msg->flags, .state = MSG_HEADERS, .place = context->folder };
	return msg_insert(store, &row, envelope, NULL, error);
}

bool
store_put_headers(Store *store, FolderId folder, const NewMsg *msgs, size_t n, GError **error)
{
	if (!store_need_worker(store, error))
		return false;
	g_autoptr(Txn) txn = txn_begin(store->cache, error);
	g_auto(PutContext) context = { 0 };
	if (!txn || !put_context_init(&context, store, folder, error))
		return false;
	for (size_t i = 0; i < n; i++) {
		bool known = false;
		if (msgs[i].uid == 0)
			continue;	/* RFC 3501 2.3.1.1: a UID is never 0 */
		if (!put_known(&context, msgs[i].uid, msgs[i].flags, &known, error) || (!known && !put_new(&context, &msgs[i], error)))
			return error_wrap(error, "storing headers");
	}
	return msgs_settle(store, error) && txn_commit(g_steal_pointer(&txn), error);
}

bool
store_put_flags(Store *store, FolderId folder, const UidFlags *flags, size_t n, GError **error)
{
	if (!store_need_worker(store, error))
		return false;
	g_autoptr(Txn) txn = txn_begin(store->cache, error);
	g_auto(PutContext) context = { 0 };
	if (!txn || !put_context_init(&context, store, folder, error))
		return false;
	for (size_t i = 0; i < n; i++) {
		bool known = false;
		if (!put_known(&context, flags[i].uid, flags[i].flags, &known, error))
			return error_wrap(error, "storing flags");
	}
	return txn_commit(g_steal_pointer(&txn), error);
}

GArray *
store_uids(Store *store, FolderId folder, GError **error)
{
	g_autoptr(DbRows) rows = db_query(store->cache, error, "SELECT uid, server_flags FROM msg WHERE folder=? AND uid>0 ORDER BY uid", "i", folder.v);
	if (!rows)
		return NULL;
	g_autoptr(GArray) uids = g_array_new(FALSE, FALSE, sizeof(UidFlags));
	int got;
	for (got = db_next(store->cache, rows, error); got == 1; got = db_next(store->cache, rows, error)) {
		UidFlags one = { (uint32_t)sqlite3_column_int64(rows, 0), (uint32_t)sqlite3_column_int64(rows, 1) };
		g_array_append_val(uids, one);
	}
	return got < 0 ? NULL : g_steal_pointer(&uids);
}

bool
store_vanished(Store *store, FolderId folder, const uint32_t *uids, size_t n, GError **error)
{
	if (!store_need_worker(store, error))
		return false;
	g_autoptr(Txn) txn = txn_begin(store->cache, error);
	if (!txn)
		return false;
	for (size_t i = 0; i < n; i++) {
		int64_t id = db_number(store->cache, error, 0, "SELECT id FROM msg WHERE folder=? AND uid=? AND uid>0", "ii", folder.v, (int64_t)uids[i]);
		if (id == 0)
			continue;
		/* A body stays 30 days among the removed: the row only leaves its folder, and the file follows after the commit. */
		bool body = db_number(store->cache, NULL, 0, "SELECT base IS NOT NULL FROM msg WHERE id=?", "i", id) != 0;
		if (body ? !msg_set_folder(store, id, PLACE_REMOVED, 0, error) : !msg_delete_row(store, id, error))
			return error_wrap(error, "removing what the server no longer has");
	}
	return txn_commit(g_steal_pointer(&txn), error) && store_settle(store, NULL, error);
}

bool
store_folder_new_epoch(Store *store, FolderId folder, uint32_t uidvalidity, GError **error)
{
	if (!store_need_worker(store, error))
		return false;
	g_autofree char *raw = folder_raw(store, folder.v);
	g_autoptr(Txn) txn = txn_begin(store->cache, error);
	if (!txn)
		return false;
	/* Operations first: with the old UID but the new epoch they would never be sent; the other way round they could hit another message. */
	return db_run(store->ops, error, "UPDATE op SET uid=0, uidvalidity=? WHERE folder=? AND state=0 AND local=0 AND uid>0", "is",
		      (int64_t)uidvalidity, raw) &&
	       db_run(store->cache, error, "UPDATE msg SET uid=0 WHERE folder=? AND uid>0", "i", folder.v) &&
	       db_run(store->cache, error, "UPDATE folder SET uidvalidity=?, uidnext=0, modseq=0, last_full=0 WHERE id=?", "ii",
		      (int64_t)uidvalidity, folder.v) &&
	       txn_commit(g_steal_pointer(&txn), error);
}

GArray *
store_bodies_wanted(Store *store, FolderId folder, int64_t not_before, int64_t max_bytes, unsigned limit, GError **error)
{
	g_autoptr(DbRows) rows = db_query(store->cache, error,
					  "SELECT uid FROM msg WHERE folder=? AND state=0 AND uid>0 AND arrival>=? AND size<=? ORDER BY arrival DESC LIMIT ?",
					  "iiii", folder.v, not_before, max_bytes, (int64_t)limit);
	if (!rows)
		return NULL;
	g_autoptr(GArray) uids = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	int got;
	for (got = db_next(store->cache, rows, error); got == 1; got = db_next(store->cache, rows, error)) {
		uint32_t uid = (uint32_t)sqlite3_column_int64(rows, 0);
		g_array_append_val(uids, uid);
	}
	return got < 0 ? NULL : g_steal_pointer(&uids);
}

bool
store_quarantine(Store *store, FolderId folder, uint32_t uid, const char *why, GError **error)
{
	return store_need_worker(store, error) &&
	       db_run(store->cache, error, "UPDATE msg SET state=?, why=? WHERE folder=? AND uid=? AND uid>0 AND state=0", "isii",
		      (int64_t)MSG_QUARANTINED, why, folder.v, (int64_t)uid);
}

/* ---- reading one message ---- */

Msg *
store_msg(Store *store, MsgId id, GError **error)
{
	g_autoptr(Txn) txn = store_read_begin(store, error);
	if (!txn)
		return NULL;
	int64_t row = id.v < 0 ? db_number(store->cache, NULL, id.v, "SELECT id FROM msg WHERE op=?", "i", -id.v) : id.v;
	const OverlayRow *touched = overlay_row(store, row);
	Msg *msg = touched ? msg_copy(touched->msg) : msg_load(store, row);
	if (msg && msg->folder.v > 0)
		return msg;
	msg_free(msg);
	error_set(error, ERROR_NOT_FOUND, "the message is not there any more");
	return NULL;
}

GPtrArray *
store_msgs_by_message_id(Store *store, const char *message_id, GError **error)
{
	g_autoptr(Txn) txn = store_read_begin(store, error);
	g_autoptr(DbRows) rows = txn ? db_query(store->cache, error,
						"SELECT " MSG_COLUMNS " FROM msg m WHERE m.mid_hash=? AND m.message_id=? AND m.folder>0 ORDER BY m.id", "is",
						message_hash(message_id), message_id) : NULL;
	if (!rows)
		return NULL;
	g_autoptr(GPtrArray) msgs = g_ptr_array_new_with_free_func((GDestroyNotify)msg_free);
	int got;
	for (got = db_next(store->cache, rows, error); got == 1; got = db_next(store->cache, rows, error)) {
		Msg *msg = overlay_apply(store, msg_from_row(rows));
		if (msg)
			g_ptr_array_add(msgs, msg);
	}
	return got < 0 ? NULL : g_steal_pointer(&msgs);
}
