/* store/outbox.c: messages on their way out: immutable files, rows in ops.db, one Sent copy */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "src/store/internal.h"

enum { KEEP_ENDED_SECONDS = 7 * 24 * 3600 };
/* 400 recipients an hour, in bursts of at most 50: below what providers count as a flood. */
enum { RATE_HOUR = 400, RATE_HOUR_SECONDS = 3600, RATE_BURST = 50, RATE_BURST_SECONDS = 450 };

#define OUTBOX_COLUMNS                                                                                                          \
	"id,state,created,not_before,next_try,attempts,mail_from,message_id,subject,path,sent_path,draft_path,source,is_forward,smtputf8," \
	"eightbit,requires_sent_copy,last_reply"

const char *
outbox_state_name(OutboxState state)
{
	static const char *const names[] = { "waiting, can be taken back", "queued", "sending", "server is confirming", "sent", "sent and filed",
					     "delivery uncertain", "failed", "cancelled" };
	return (size_t)state < G_N_ELEMENTS(names) ? names[state] : "unknown";
}

static void
rcpt_free(void *data)
{
	OutboxRcpt *rcpt = data;
	g_free(rcpt->address);
	g_free(rcpt->reply);
	g_free(rcpt);
}

void
outbox_free(Outbox *outbox)
{
	if (!outbox)
		return;
	char *const texts[] = { outbox->mail_from, outbox->message_id, outbox->subject, outbox->path, outbox->sent_path, outbox->draft_path,
				outbox->source, outbox->last_reply };
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	g_clear_pointer(&outbox->rcpts, g_ptr_array_unref);
	g_free(outbox);
}

static char *
text_or_null(DbRows *rows, int column)
{
	return sqlite3_column_type(rows, column) == SQLITE_NULL ? NULL : g_strdup(db_text(rows, column));
}

/* Paths are kept relative, so that the data directory may be moved. */
static char *
path_or_null(Store *store, DbRows *rows, int column)
{
	return sqlite3_column_type(rows, column) == SQLITE_NULL ? NULL : g_build_filename(store->outbox_dir, db_text(rows, column), NULL);
}

static Outbox *
outbox_from_row(Store *store, DbRows *rows)
{
	Outbox *outbox = g_new0(Outbox, 1);
	outbox->id = sqlite3_column_int64(rows, 0);
	outbox->state = (OutboxState)sqlite3_column_int(rows, 1);
	outbox->created = sqlite3_column_int64(rows, 2);
	outbox->not_before = sqlite3_column_int64(rows, 3);
	outbox->next_try = sqlite3_column_int64(rows, 4);
	outbox->attempts = (unsigned)sqlite3_column_int(rows, 5);
	outbox->mail_from = g_strdup(db_text(rows, 6));
	outbox->message_id = g_strdup(db_text(rows, 7));
	outbox->subject = g_strdup(db_text(rows, 8));
	outbox->path = path_or_null(store, rows, 9);
	outbox->sent_path = path_or_null(store, rows, 10);
	outbox->draft_path = path_or_null(store, rows, 11);
	outbox->source = text_or_null(rows, 12);
	outbox->is_forward = sqlite3_column_int(rows, 13) != 0;
	outbox->smtputf8 = sqlite3_column_int(rows, 14) != 0;
	outbox->eightbit = sqlite3_column_int(rows, 15) != 0;
	outbox->requires_sent_copy = sqlite3_column_int(rows, 16) != 0;
	outbox->last_reply = text_or_null(rows, 17);
	outbox->rcpts = g_ptr_array_new_with_free_func(rcpt_free);
	return outbox;
}

static bool
load_rcpts(Store *store, Outbox *outbox, GError **error)
{
	g_autoptr(DbRows) rows = db_query(store->ops, error, "SELECT address, code, reply FROM outbox_rcpt WHERE outbox=? ORDER BY place", "i", outbox->id);
	int got = rows ? db_next(store->ops, rows, error) : -1;
	for (; got == 1; got = db_next(store->ops, rows, error)) {
		OutboxRcpt *rcpt = g_new0(OutboxRcpt, 1);
		rcpt->address = g_strdup(db_text(rows, 0));
		rcpt->code = sqlite3_column_int(rows, 1);
		rcpt->reply = text_or_null(rows, 2);
		g_ptr_array_add(outbox->rcpts, rcpt);
	}
	return got == 0;
}

static GPtrArray *
select_outbox(Store *store, const char *rest, int64_t argument, GError **error)
{
	g_autofree char *sql = g_strdup_printf("SELECT " OUTBOX_COLUMNS " FROM outbox WHERE %s", rest);
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)outbox_free);
	{
		g_autoptr(DbRows) rows = db_query(store->ops, error, sql, "i", argument);
		int got = rows ? db_next(store->ops, rows, error) : -1;
		for (; got == 1; got = db_next(store->ops, rows, error))
			g_ptr_array_add(all, outbox_from_row(store, rows));
		if (got < 0)
			return NULL;
	}
	for (guint i = 0; i < all->len; i++)
		if (!load_rcpts(store, all->pdata[i], error))
			return NULL;
	return g_steal_pointer(&all);
}

static bool
insert_outbox(Store *store, const BuiltMail *mail, const char *subject, const char *name, bool draft, const char *source, bool is_forward,
	      int64_t not_before, int64_t *ret_id, GError **error)
{
	g_autofree char *path = g_strconcat(name, ".eml", NULL), *sent = g_strconcat(name, ".sent", NULL);
	g_autofree char *draft_path = draft ? g_strconcat(name, ".draft", NULL) : NULL;
	int64_t now = g_get_real_time() / G_USEC_PER_SEC;
	g_autoptr(Txn) txn = txn_begin(store->ops, error);
	if (!txn || !db_run(store->ops, error,
			    "INSERT INTO outbox(state,created,not_before,mail_from,message_id,subject,path,sent_path,draft_path,source,is_forward,smtputf8,"
			    "eightbit,requires_sent_copy) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,1)", "iiisssssssiii", (int64_t)OUTBOX_HELD, now, not_before,
			    mail->mail_from, mail->message_id, subject ? subject : "", path, sent, draft_path, source, (int64_t)is_forward,
			    (int64_t)mail->needs_smtputf8, (int64_t)mail->needs_8bit))
		return false;
	int64_t id = db_last_id(store->ops);
	for (guint i = 0; i < mail->recipients->len; i++)
		if (!db_run(store->ops, error, "INSERT OR IGNORE INTO outbox_rcpt(outbox,address,place) VALUES(?,?,?)", "isi", id,
			    (const char *)mail->recipients->pdata[i], (int64_t)i))
			return false;
	if (!txn_commit(g_steal_pointer(&txn), error))
		return false;
	*ret_id = id;
	return true;
}

bool
store_outbox_add(Store *store, const BuiltMail *mail, const char *subject, const char *draft_text, const char *source, bool is_forward,
		 int64_t not_before, int64_t *ret_id, GError **error)
{
	g_autofree char *name = random_name();
	const struct { const char *suffix; const void *bytes; size_t size; } files[] = {
		{ ".eml", mail->bytes->data, mail->bytes->len },
		{ ".sent", mail->sent_copy->data, mail->sent_copy->len },
		{ ".draft", draft_text, draft_text ? strlen(draft_text) : 0 },
	};
	int64_t id = 0;
	bool ok = true;
	for (size_t i = 0; ok && i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_strconcat(store->outbox_dir, "/", name, files[i].suffix, NULL);
		ok = !files[i].bytes || write_durable(path, files[i].bytes, files[i].size, error);
	}
	ok = ok && insert_outbox(store, mail, subject, name, draft_text != NULL, source, is_forward, not_before, &id, error);
	for (size_t i = 0; !ok && i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_strconcat(store->outbox_dir, "/", name, files[i].suffix, NULL);
		g_unlink(path);
	}
	if (!ok)
		return error_wrap(error, "the message could not be put into the outbox; the draft is kept");
	if (ret_id)
		*ret_id = id;
	return true;
}

/* ---- after a loss of ops.db: the files are what is left of unsent messages ---- */

static void
add_addresses(GPtrArray *into, const GPtrArray *list)
{
	for (guint i = 0; i < list->len; i++) {
		const MailAddress *address = list->pdata[i];
		if (strchr(address->addr, '@') && !g_ptr_array_find_with_equal_func(into, address->addr, g_str_equal, NULL))
			g_ptr_array_add(into, g_strdup(address->addr));
	}
}

static bool
has_8bit(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)bytes[i] >= 0x80)
			return true;
	return false;
}

static bool
file_exists(Store *store, const char *name, const char *suffix)
{
	g_autofree char *path = g_strconcat(store->outbox_dir, "/", name, suffix, NULL);
	return g_file_test(path, G_FILE_TEST_IS_REGULAR);
}

/* The copy for Sent names the recipients of Bcc too. */
static bool
adopt_message(Store *store, const char *name, GError **error)
{
	g_autofree char *path = g_strconcat(store->outbox_dir, "/", name, ".eml", NULL), *sent = g_strconcat(store->outbox_dir, "/", name, ".sent", NULL);
	g_autofree char *bytes = NULL, *copy = NULL;
	size_t size = 0, copy_size = 0;
	if (!os_read_file(path, 512 << 20, &bytes, &size, error))
		return false;
	if (!os_read_file(sent, 512 << 20, &copy, &copy_size, NULL) && !write_durable(sent, bytes, size, error))
		return false;
	g_autoptr(Envelope) envelope = envelope_scan(copy ? copy : bytes, copy ? copy_size : size);
	g_autoptr(GPtrArray) recipients = g_ptr_array_new_with_free_func(g_free);
	add_addresses(recipients, envelope->to);
	add_addresses(recipients, envelope->cc);
	add_addresses(recipients, envelope->bcc);
	const MailAddress *from = envelope->from->len ? envelope->from->pdata[0] : NULL;
	BuiltMail mail = { .mail_from = from ? from->addr : (char *)"", .recipients = recipients,
			   .message_id = envelope->message_id ? envelope->message_id : (char *)"", .needs_8bit = has_8bit(bytes, size) };
	for (guint i = 0; i < recipients->len; i++)
		mail.needs_smtputf8 |= has_8bit(recipients->pdata[i], strlen(recipients->pdata[i]));
	int64_t id = 0;
	return insert_outbox(store, &mail, envelope->subject, name, file_exists(store, name, ".draft"), NULL, false, 0, &id, error) &&
	       db_run(store->ops, error, "UPDATE outbox SET state=?, last_reply=? WHERE id=?", "isi", (int64_t)OUTBOX_UNKNOWN,
		      "the journal was lost; whether this was sent is not known", id);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

GPtrArray *
outbox_orphans(Store *store)
{
	GPtrArray *orphans = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GDir) listing = g_dir_open(store->outbox_dir, 0, NULL);
	const char *file;
	while (listing && (file = g_dir_read_name(listing))) {
		const char *dot = strrchr(file, '.');
		g_autofree char *name = dot ? g_strndup(file, (gsize)(dot - file)) : g_strdup(file);
		g_autofree char *path = g_strconcat(name, ".eml", NULL);
		if (!db_number(store->ops, NULL, 1, "SELECT count(*) FROM outbox WHERE path=?", "s", path))
			g_ptr_array_add(orphans, g_strdup(file));
	}
	g_ptr_array_sort(orphans, by_name);
	return orphans;
}

/* A journal that does not have the mark is new or a copy of yesterday: nothing in it or beside it may be sent by itself. */
bool
outbox_adopt_files(Store *store, GError **error)
{
	static const char mark[] = "SELECT count(*) FROM meta WHERE key='outbox_known'";
	if (db_number(store->ops, error, 0, mark, "") != 0)
		return true;
	g_autoptr(Txn) txn = txn_begin(store->ops, error);
	if (!txn || !db_run(store->ops, error, "UPDATE outbox SET state=? WHERE state IN (0,1,2,3)", "i", (int64_t)OUTBOX_UNKNOWN))
		return false;
	g_autoptr(GPtrArray) orphans = outbox_orphans(store);
	unsigned found = 0;
	for (guint i = 0; i < orphans->len; i++) {
		const char *file = orphans->pdata[i];
		if (!g_str_has_suffix(file, ".eml"))
			continue;
		g_autofree char *name = g_strndup(file, strlen(file) - strlen(".eml"));
		if (!adopt_message(store, name, error))
			return error_wrap(error, "taking an unsent message back into the outbox");
		found++;
	}
	if (found)
		log_warn(LOG_STORE, "%u messages of a lost journal are in the outbox again; none is sent by itself", found);
	return db_run(store->ops, error, "INSERT INTO meta VALUES('outbox_known', 1)", "") && txn_commit(g_steal_pointer(&txn), error);
}

GPtrArray *
store_outbox(Store *store, GError **error)
{
	return select_outbox(store, "state NOT IN (5,8) AND ?=0 ORDER BY id", 0, error);
}

Outbox *
store_outbox_get(Store *store, int64_t id, GError **error)
{
	g_autoptr(GPtrArray) one = select_outbox(store, "id=?", id, error);
	if (one && one->len)
		return g_ptr_array_steal_index(one, 0);
	if (one)
		error_set(error, ERROR_NOT_FOUND, "the message is not in the outbox any more");
	return NULL;
}

/* Decides who acts on a row: the person (cancel) and the sender both come through here. */
bool
store_outbox_move(Store *store, int64_t id, unsigned from, OutboxState to, const char *reply, int64_t next_try, GError **error)
{
	if (!db_run(store->ops, error,
		    "UPDATE outbox SET state=?1, last_reply=coalesce(?2,last_reply), next_try=?3, attempts=attempts+(?1=2)"
		    " WHERE id=?4 AND ((1 << state) & ?5) <> 0", "isiii", (int64_t)to, reply, next_try, id, (int64_t)from))
		return false;
	return db_changes(store->ops) == 1;
}

bool
store_outbox_rcpt(Store *store, int64_t id, const char *address, int code, const char *reply, GError **error)
{
	return db_run(store->ops, error, "UPDATE outbox_rcpt SET code=?, reply=? WHERE outbox=? AND address=?", "isis", (int64_t)code, reply, id, address);
}

/* ---- the Sent copy ---- */

static bool
mark_source(Store *store, const Outbox *outbox, GError **error)
{
	const char *slash = outbox->source ? strchr(outbox->source, '/') : NULL;
	if (!slash || !slash[1] || strncmp(outbox->source, store->account, (size_t)(slash - outbox->source)) != 0 ||
	    strlen(store->account) != (size_t)(slash - outbox->source))
		return true;
	uint32_t flag = outbox->is_forward ? FLAG_FORWARDED : FLAG_ANSWERED;
	const char *name = slash + 1;
	if (name[strspn(name, "0123456789")] == '\0') {
		MsgId id = { g_ascii_strtoll(name, NULL, 10) };
		return store_flags_quietly(store, &id, 1, flag, error);
	}
	g_autoptr(GPtrArray) msgs = store_msgs_by_message_id(store, name, error);
	for (guint i = 0; msgs && i < msgs->len; i++) {
		const Msg *msg = msgs->pdata[i];
		if (!store_flags_quietly(store, &msg->id, 1, flag, error))
			return false;
	}
	return msgs != NULL;
}

/* The file gets its second name before the row says so: a name without a row is nothing, a row without a file would be a loss. */
static char *
stage_sent_copy(Store *store, const Outbox *outbox, GError **error)
{
	g_autofree char *key = g_path_get_basename(outbox->sent_path);
	g_autofree char *base = maildir_base_for(store, "sent", 0, 0, key);
	g_autofree char *staged = g_build_filename(store->staging_dir, base, NULL);
	if (link(outbox->sent_path, staged) == 0 || errno == EEXIST)
		return os_fsync_dir(store->staging_dir, error) ? g_steal_pointer(&base) : NULL;
	g_autofree char *bytes = NULL;
	size_t size = 0;
	if (!os_read_file(outbox->sent_path, 512 << 20, &bytes, &size, error) || !write_durable(staged, bytes, size, error))
		return NULL;
	return g_steal_pointer(&base);
}

static bool
file_sent_copy(Store *store, const Outbox *outbox, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(Folder) sent = store_folder_by_role(store, ROLE_SENT, &failure);
	if (failure) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return false;
	}
	g_autofree char *base = stage_sent_copy(store, outbox, error);
	g_autofree char *bytes = NULL, *raw = NULL;
	size_t size = 0;
	if (!base || !os_read_file(outbox->sent_path, 512 << 20, &bytes, &size, error))
		return false;
	bool local = sent && sent->local;
	if (sent)
		raw = g_strdup(sent->raw);
	else if (!store_folder_create_op(store, "Sent", &raw, &local, NULL, error))
		return false;
	return store_append_op(store, raw, local, base, bytes, MIN(size, (size_t)65536), size, FLAG_SEEN, NULL, error);
}

bool
store_outbox_file(Store *store, int64_t id, bool append_to_server, GError **error)
{
	g_autoptr(Outbox) outbox = store_outbox_get(store, id, error);
	if (!outbox)
		return false;
	g_autoptr(Txn) read = store_read_begin(store, error);
	g_autoptr(Txn) txn = read ? txn_begin(store->ops, error) : NULL;
	if (!txn)
		return false;
	if (!store_outbox_move(store, id, 1u << OUTBOX_ACCEPTED, OUTBOX_FILED, NULL, 0, error))
		return error && *error ? false : true;	/* filed already */
	bool wanted = append_to_server || account_is_local(store);
	if ((wanted && !file_sent_copy(store, outbox, error)) || !mark_source(store, outbox, error) || !txn_commit(g_steal_pointer(&txn), error))
		return error_wrap(error, "filing the sent message");
	g_unlink(outbox->path);
	g_unlink(outbox->sent_path);
	if (outbox->draft_path)
		g_unlink(outbox->draft_path);
	store_changed(store);
	return true;
}

Outbox *
store_outbox_due(Store *store, int64_t now, int64_t *ret_next, GError **error)
{
	*ret_next = 0;
	if (!db_run(store->ops, error, "UPDATE outbox SET state=1 WHERE state=0 AND not_before<=?", "i", now))
		return NULL;
	g_autoptr(GPtrArray) due = select_outbox(store, "state=1 AND next_try<=? ORDER BY id LIMIT 1", now, error);
	if (!due)
		return NULL;
	if (due->len)
		return g_ptr_array_steal_index(due, 0);
	*ret_next = db_number(store->ops, error, 0,
			      "SELECT min(CASE state WHEN 0 THEN not_before ELSE next_try END) FROM outbox WHERE state IN (0,1)", "");
	return NULL;
}

bool
store_outbox_recover(Store *store, GError **error)
{
	int64_t old = g_get_real_time() / G_USEC_PER_SEC - KEEP_ENDED_SECONDS;
	g_autoptr(GPtrArray) ended = select_outbox(store, "state IN (5,8) AND created<?", old, error);
	if (!ended)
		return false;
	for (guint i = 0; i < ended->len; i++) {
		const Outbox *outbox = ended->pdata[i];
		if (!db_run(store->ops, error, "DELETE FROM outbox_rcpt WHERE outbox=?", "i", outbox->id) ||
		    !db_run(store->ops, error, "DELETE FROM outbox WHERE id=?", "i", outbox->id))
			return false;
		g_unlink(outbox->path);
		g_unlink(outbox->sent_path);
		if (outbox->draft_path)
			g_unlink(outbox->draft_path);
	}
	return db_run(store->ops, error, "UPDATE outbox SET state=CASE state WHEN 2 THEN 1 ELSE 6 END WHERE state IN (2,3)", "");
}

/* ---- how many recipients a while ---- */

static int64_t
window_free_at(Store *store, int64_t now, int64_t seconds, int64_t limit, int64_t wanted)
{
	int64_t used = db_number(store->ops, NULL, 0, "SELECT sum(recipients) FROM rate WHERE at>?", "i", now - seconds);
	if (used == 0 || used + wanted <= limit)
		return now;
	g_autoptr(DbRows) rows = db_query(store->ops, NULL, "SELECT at, recipients FROM rate WHERE at>? ORDER BY at", "i", now - seconds);
	int64_t when = now;
	while (rows && used > 0 && used + wanted > limit && db_next(store->ops, rows, NULL) == 1) {
		when = sqlite3_column_int64(rows, 0) + seconds;
		used -= sqlite3_column_int64(rows, 1);
	}
	return when;
}

bool
store_rate_take(Store *store, unsigned recipients, int64_t now, int64_t *ret_when, GError **error)
{
	g_autoptr(Txn) txn = txn_begin(store->ops, error);
	if (!txn || !db_run(store->ops, error, "DELETE FROM rate WHERE at<=? OR at>?", "ii", now - RATE_HOUR_SECONDS, now + RATE_HOUR_SECONDS))
		return false;
	int64_t when = MAX(window_free_at(store, now, RATE_HOUR_SECONDS, RATE_HOUR, recipients),
			   window_free_at(store, now, RATE_BURST_SECONDS, RATE_BURST, recipients));
	*ret_when = when;
	if (when > now)
		return false;
	return db_run(store->ops, error, "INSERT INTO rate VALUES(?,?)", "ii", now, (int64_t)recipients) && txn_commit(g_steal_pointer(&txn), error);
}
