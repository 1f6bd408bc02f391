/* src/engine/imap-pull.c: server -> store: which folders changed, UIDs and flags, what is gone (I2, I3) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "src/engine/imap.h"

enum {
	STATUS_DEPTH = 16,		/* commands under way */
	PULL_ATTEMPTS = 3,		/* the folder moved while we looked */
	GONE_FREELY = 50,		/* more, and more than a tenth, needs a second look */
	FULL_SECONDS = 24 * 3600,	/* plain folders are compared whole at least so often even when STATUS shows nothing new */
	LIST_SECONDS = 60
};

/* What one look at a folder found; arrays of uint32_t are sorted. */
typedef struct Look {
	Imap *imap;
	GArray *rows;		/* of UidFlags, as the server sent them, then sorted by uid */
	GArray *known;		/* of UidFlags, the store's */
	GArray *hidden;		/* of uint32_t: a pending move or delete takes them away */
	GArray *fresh, *gone;	/* of uint32_t */
	GArray *changed;	/* of UidFlags */
	bool whole;		/* rows are all of the folder's */
	bool sure;		/* nothing was skipped and the counts agree */
	uint64_t modseq;	/* of the SELECT this look began with */
	uint32_t uidnext;
} Look;

static void
look_init(Look *look, Imap *imap)
{
	*look = (Look){.imap = imap};
	look->rows = g_array_new(FALSE, FALSE, sizeof(UidFlags));
	look->fresh = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	look->gone = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	look->changed = g_array_new(FALSE, FALSE, sizeof(UidFlags));
}

static void
look_clear(Look *look)
{
	g_clear_pointer(&look->rows, g_array_unref);
	g_clear_pointer(&look->known, g_array_unref);
	g_clear_pointer(&look->hidden, g_array_unref);
	g_clear_pointer(&look->fresh, g_array_unref);
	g_clear_pointer(&look->gone, g_array_unref);
	g_clear_pointer(&look->changed, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Look, look_clear)

static int
by_uid(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;	/* uid is UidFlags' first member */
	return x < y ? -1 : x > y;
}

static void
take_flags(void *data, const ImapRow *row)
{
	Look *look = data;
	UidFlags flags = {row->uid, row->flags};

	if (row->has_flags)
		g_array_append_val(look->rows, flags);
}

/* Sorted by UID; of two rows of one message the later counts. */
static void
sort_rows(GArray *rows)
{
	guint kept = 0;

	/* g_array_sort is a stable merge sort */
	g_array_sort(rows, by_uid);
	for (guint i = 0; i < rows->len; i++) {
		UidFlags row = g_array_index(rows, UidFlags, i);
		if (kept > 0 && g_array_index(rows, UidFlags, kept - 1).uid == row.uid)
			kept--;
		g_array_index(rows, UidFlags, kept++) = row;
	}
	g_array_set_size(rows, kept);
}

static bool
has_uid(const GArray *uids, uint32_t uid)
{
	return uids->len > 0 && bsearch(&uid, uids->data, uids->len, g_array_get_element_size((GArray *)uids), by_uid) != NULL;
}

/* ---- which folders ---- */

static bool
status_is_news(Imap *imap, const Folder *folder, const ImapStatus *status, bool thorough, GError **error)
{
	bool condstore = (imap->caps & CAP_CONDSTORE) && status->modseq > 0 && folder->modseq > 0;

	if (folder->uidvalidity != status->uidvalidity || folder->uidnext != status->uidnext)
		return true;
	if (condstore ? folder->modseq != status->modseq : thorough)
		return true;
	if (!condstore && g_get_real_time() / G_USEC_PER_SEC - folder->last_full > FULL_SECONDS)
		return true;
	g_autoptr(GArray) known = store_uids(imap->engine->store, folder->id, error);
	g_autoptr(GArray) hidden = known ? store_op_hidden_uids(imap->engine->store, folder->raw, error) : NULL;
	if (!hidden)
		return true;	/* the error is set: the caller looks */
	int64_t count = known->len, unseen = 0;
	for (guint i = 0; i < hidden->len; i++)
		count += !has_uid(known, g_array_index(hidden, uint32_t, i));
	for (guint i = 0; i < known->len; i++)
		unseen += !(g_array_index(known, UidFlags, i).flags & FLAG_SEEN);
	return count != status->messages || (!condstore && hidden->len == 0 && unseen != status->unseen);
}

static bool
send_status(Imap *imap, const Folder *folder, unsigned *ret_tag, GError **error)
{
	g_autoptr(GString) line = g_string_new("STATUS ");

	if (!imap_quote(line, folder->raw, error))
		return false;
	g_string_append_printf(line, " (MESSAGES UIDNEXT UIDVALIDITY UNSEEN%s)", imap->caps & CAP_CONDSTORE ? " HIGHESTMODSEQ" : "");
	return imap_send(imap, line->str, ret_tag, error);
}

static const ImapStatus *
status_of(const Imap *imap, const char *raw)
{
	for (guint i = imap->statuses->len; i > 0; i--) {
		const ImapStatus *status = imap->statuses->pdata[i - 1];
		if (g_strcmp0(status->raw, raw) == 0)
			return status;
	}
	return NULL;
}

/* Of several STATUS lines before one tagged answer libetpan keeps the last: who is left without is asked alone. */
static bool
judge_status(Imap *imap, Folder *folder, bool thorough, GPtrArray *dirty, GError **error)
{
	g_auto(ImapReply) reply = {0};
	g_autoptr(GError) own = NULL;
	const ImapStatus *status = status_of(imap, folder->raw);
	unsigned tag;

	if (!status) {
		if (!send_status(imap, folder, &tag, error) || !imap_flush(imap, error) || !imap_receive(imap, tag, &reply, error))
			return false;
		if (!reply.ok)
			return true;	/* no access, or gone since LIST: its siblings go on */
		status = imap->statuses->len > 0 ? imap->statuses->pdata[imap->statuses->len - 1] : NULL;
	}
	if (!status)
		g_ptr_array_add(dirty, folder);	/* whatever it said: SELECT will tell */
	else if (status_is_news(imap, folder, status, thorough, &own))
		g_ptr_array_add(dirty, folder);
	if (own)
		g_propagate_error(error, g_steal_pointer(&own));
	return !own;
}

static bool
ask_statuses(Imap *imap, Folder **asked, unsigned n, bool thorough, GPtrArray *dirty, GError **error)
{
	unsigned tags[STATUS_DEPTH];

	for (unsigned i = 0; i < n; i++)
		if (!send_status(imap, asked[i], &tags[i], error))
			return false;
	if (n > 0 && !imap_flush(imap, error))
		return false;
	for (unsigned i = 0; i < n; i++) {
		g_auto(ImapReply) reply = {0};
		if (!imap_receive(imap, tags[i], &reply, error))
			return false;
	}
	for (unsigned i = 0; i < n; i++)
		if (!judge_status(imap, asked[i], thorough, dirty, error))
			return false;
	return true;
}

/* With a folder open Dovecot delays the ends of pipelined commands and the STATUS lines pile up; a person gains nothing from it. */
static bool
unselect(Imap *imap, GError **error)
{
	if (!imap->selected || !(imap->caps & CAP_UNSELECT))
		return true;
	g_clear_pointer(&imap->selected, g_free);
	return imap_command(imap, "UNSELECT", error);
}

bool
imap_find_dirty(Imap *imap, GPtrArray *folders, bool thorough, GPtrArray *dirty, GError **error)
{
	Folder *asked[STATUS_DEPTH];

	if (!unselect(imap, error))
		return false;
	for (guint i = 0; i < folders->len;) {
		unsigned n = 0;
		for (; i < folders->len && n < STATUS_DEPTH; i++) {
			Folder *folder = folders->pdata[i];
			if (!folder->selectable || folder->local)
				continue;
			/* STATUS of the selected folder may be stale (RFC 3501 6.3.10), and the inbox is selected next anyway. */
			if (folder->role == ROLE_INBOX || g_strcmp0(folder->raw, imap->selected) == 0)
				g_ptr_array_add(dirty, folder);
			else
				asked[n++] = folder;
		}
		if (!ask_statuses(imap, asked, n, thorough, dirty, error))
			return error_wrap(error, "asking for the state of the folders");
	}
	return true;
}

/* ---- one folder ---- */

GArray *
imap_uid_list(Imap *imap, GError **error)
{
	if (!imap_command(imap, imap->caps & CAP_ESEARCH ? "UID SEARCH RETURN (ALL) ALL" : "UID SEARCH ALL", error))
		return NULL;
	GArray *uids = g_array_sized_new(FALSE, FALSE, sizeof(uint32_t), imap->found->len);
	g_array_append_vals(uids, imap->found->data, imap->found->len);
	g_array_sort(uids, by_uid);
	return uids;
}

static bool
fetch_flags(Look *look, uint64_t since, GError **error)
{
	Imap *imap = look->imap;
	g_autofree char *command = since ? g_strdup_printf("UID FETCH 1:* (UID FLAGS) (CHANGEDSINCE %" G_GUINT64_FORMAT ")", since) :
				   g_strdup("UID FETCH 1:* (UID FLAGS)");

	g_array_set_size(look->rows, 0);
	if (imap_exists(imap) == 0)
		return true;
	imap->row = take_flags;
	imap->row_data = look;
	bool ok = imap_command(imap, command, error);
	imap->row = NULL;
	sort_rows(look->rows);
	return ok;
}

/* Compares rows with known: flags that differ, UIDs never seen. */
static void
compare(Look *look)
{
	for (guint i = 0; i < look->rows->len; i++) {
		UidFlags row = g_array_index(look->rows, UidFlags, i);
		const UidFlags *old = look->known->len == 0 ? NULL :
			bsearch(&row.uid, look->known->data, look->known->len, sizeof(UidFlags), by_uid);
		if (old && old->flags != row.flags)
			g_array_append_val(look->changed, row);
		else if (!old && !has_uid(look->hidden, row.uid))
			g_array_append_val(look->fresh, row.uid);
	}
}

static void
find_gone(Look *look, const GArray *present)
{
	for (guint i = 0; i < look->known->len; i++) {
		uint32_t uid = g_array_index(look->known, UidFlags, i).uid;
		if (!has_uid(present, uid))
			g_array_append_val(look->gone, uid);
	}
}

/* known + fresh + hidden as a count of different UIDs. */
static guint
expected_count(const Look *look)
{
	guint count = look->known->len + look->fresh->len;

	for (guint i = 0; i < look->hidden->len; i++)
		count += !has_uid(look->known, g_array_index(look->hidden, uint32_t, i));
	return count;
}

static bool
look_whole(Look *look, GError **error)
{
	look->whole = true;
	if (!fetch_flags(look, 0, error))
		return false;
	compare(look);
	find_gone(look, look->rows);
	look->sure = !look->imap->skipped && look->rows->len == imap_exists(look->imap);
	return true;
}

/* CONDSTORE tells of changes, not of what is gone; counting finds that out (I2). */
static bool
look_since(Look *look, uint64_t since, GError **error)
{
	Imap *imap = look->imap;

	if (imap->modseq != since && !fetch_flags(look, since, error))
		return false;
	bool skipped = imap->skipped;
	compare(look);
	if (!skipped && expected_count(look) == imap_exists(imap)) {
		look->sure = true;
		return true;
	}
	g_autoptr(GArray) uids = imap_uid_list(imap, error);
	if (!uids)
		return false;
	find_gone(look, uids);
	for (guint i = 0; i < uids->len; i++) {
		uint32_t uid = g_array_index(uids, uint32_t, i);
		if (!has_uid(look->known, uid) && !has_uid(look->hidden, uid) && !has_uid(look->fresh, uid))
			g_array_append_val(look->fresh, uid);
	}
	g_array_sort(look->fresh, by_uid);
	look->sure = !skipped && !imap->skipped && uids->len == imap_exists(imap);
	return true;
}

/* From here on UIDs mean something else; also the first time, so that what is stored from now on has its epoch. */
static bool
begin_epoch(Imap *imap, Folder *folder, GError **error)
{
	if (folder->uidvalidity != 0) {
		g_autofree char *text = g_strdup_printf("The server renumbered %s; messages are matched again, nothing is lost.", folder->name);
		engine_notice(imap->engine, LOG_LEVEL_WARN, text);
	}
	if (!store_folder_new_epoch(imap->engine->store, folder->id, imap->uidvalidity, error))
		return false;
	folder->uidvalidity = imap->uidvalidity;
	folder->modseq = 0;
	folder->uidnext = 0;
	return true;
}

static bool
look_once(Look *look, Folder *folder, bool full, GError **error)
{
	Imap *imap = look->imap;

	if (!imap_select(imap, folder->raw, true, error))
		return false;
	if (folder->uidvalidity != imap->uidvalidity && !begin_epoch(imap, folder, error))
		return false;
	look->modseq = imap->modseq;
	look->uidnext = imap->uidnext;
	look->known = store_uids(imap->engine->store, folder->id, error);
	look->hidden = look->known ? store_op_hidden_uids(imap->engine->store, folder->raw, error) : NULL;
	if (!look->hidden)
		return false;
	bool since = !full && folder->modseq > 0 && imap->modseq > 0 && (imap->caps & CAP_CONDSTORE);
	return since ? look_since(look, folder->modseq, error) : look_whole(look, error);
}

/* On a connection of its own, all UIDs again: true in *ret_gone only when what was gone still is. */
static bool
second_look(Look *look, const Folder *folder, bool *ret_gone, GError **error)
{
	Imap *imap = look->imap;

	*ret_gone = false;
	log_warn(LOG_IMAP, "%u messages of a folder seem gone; looking again on a new connection", look->gone->len);
	if (!imap_session_open(imap, error) || !imap_select(imap, folder->raw, true, error))
		return false;
	if (imap->uidvalidity != folder->uidvalidity)
		return true;
	g_autoptr(GArray) uids = imap_uid_list(imap, error);
	if (!uids)
		return false;
	if (imap->skipped || uids->len != imap_exists(imap))
		return true;
	for (guint i = 0; i < look->gone->len; i++)
		if (has_uid(uids, g_array_index(look->gone, uint32_t, i)))
			return true;
	*ret_gone = true;
	return true;
}

static bool
apply_gone(Look *look, const Folder *folder, GError **error)
{
	Imap *imap = look->imap;
	bool still = true;

	if (look->gone->len == 0)
		return true;
	if (look->gone->len > MAX(GONE_FREELY, look->known->len / 10)) {
		if (!second_look(look, folder, &still, error))
			return false;
		if (still) {
			g_autofree char *text = g_strdup_printf("%u messages of %s were removed on the server; their files are kept for 30 days.",
				look->gone->len, folder->name);
			engine_notice(imap->engine, LOG_LEVEL_WARN, text);
		}
	}
	if (!still) {
		look->sure = false;
		return true;
	}
	return store_vanished(imap->engine->store, folder->id, (const uint32_t *)(void *)look->gone->data, look->gone->len, error);
}

static bool
apply(Look *look, Folder *folder, GError **error)
{
	Imap *imap = look->imap;
	Store *store = imap->engine->store;
	bool first = folder->uidnext == 0;

	if (folder->role == ROLE_INBOX) {
		imap->inbox_uidvalidity = folder->uidvalidity;
		imap->inbox_uidnext = look->uidnext;
		imap->inbox_modseq = look->modseq;
	}
	if (look->changed->len > 0 && !store_put_flags(store, folder->id, (const UidFlags *)(void *)look->changed->data, look->changed->len, error))
		return false;
	if (look->sure && !apply_gone(look, folder, error))
		return false;
	if (look->changed->len > 0 || look->gone->len > 0)
		engine_changed(imap->engine, folder->id);
	unsigned unseen = 0;
	if (look->fresh->len > 0 && !imap_pull_headers(imap, folder, look->fresh, folder->uidnext, &unseen, error))
		return false;
	if (unseen > 0 && !first && folder->role == ROLE_INBOX)
		imap_announce(imap, folder, unseen);
	if (!look->sure)
		return true;	/* the next pass sees the same folder as changed and looks again */
	bool news = folder->uidnext != look->uidnext || folder->modseq != look->modseq || folder->last_full == 0;
	bool stale = look->whole && g_get_real_time() / G_USEC_PER_SEC - folder->last_full > FULL_SECONDS;
	if (!news && !stale)
		return true;	/* two passes without news write nothing (I12) */
	return store_folder_synced(store, folder->id, folder->uidvalidity, look->uidnext, look->modseq, look->whole, error);
}

void
imap_announce(Imap *imap, const Folder *folder, unsigned unseen)
{
	ListSpec spec = {.folder = folder->id, .filter = LIST_UNREAD};
	g_autoptr(GPtrArray) newest = store_list(imap->engine->store, &spec, LIST_NEWEST, LIST_OLDER, 1, NULL);
	MsgId id = {0};

	if (newest && newest->len > 0)
		id = ((const Msg *)newest->pdata[0])->id;
	engine_new_mail(imap->engine, folder->id, unseen, id);
}

bool
imap_pull_folder(Imap *imap, Folder *folder, bool full, GError **error)
{
	for (unsigned attempt = 0;; attempt++) {
		g_auto(Look) look = {0};
		look_init(&look, imap);
		/* The count did not agree: other clients are at work, or the shortcut lied. Whole and again (I2). */
		if (!look_once(&look, folder, full || attempt > 0, error))
			return false;
		if (!look.sure && attempt + 1 < PULL_ATTEMPTS)
			continue;
		if (!look.sure)
			log_warn(LOG_IMAP, "counts of a folder do not agree after %u looks; nothing is taken for gone", attempt + 1);
		return apply(&look, folder, error);
	}
}

/* ---- a pass ---- */

/* A folder that refuses does not block its siblings (I13): true when the pass may go on without it. Takes own. */
static bool
may_skip(Imap *imap, const Folder *folder, GError *own, GError **error)
{
	bool refusal = g_error_matches(own, SUREL_ERROR, ERROR_SERVER) || g_error_matches(own, SUREL_ERROR, ERROR_NOT_FOUND) ||
		       g_error_matches(own, SUREL_ERROR, ERROR_UNSUPPORTED);

	if (imap->broken || !refusal) {
		g_propagate_error(error, own);
		return error_wrap(error, "%s", folder->name);
	}
	log_warn(LOG_IMAP, "a folder is left out of this pass: %s", own->message);
	if (g_hash_table_add(imap->complained, g_strdup(folder->raw)))
		engine_notice(imap->engine, LOG_LEVEL_WARN, own->message);
	g_error_free(own);
	return true;
}

static bool
pull_or_skip(Imap *imap, Folder *folder, bool full, GError **error)
{
	GError *own = NULL;

	if (!engine_check(imap->engine, error) || !imap_breathe(imap, error))
		return false;
	engine_progress(imap->engine, folder->name, 0, 0);
	return imap_pull_folder(imap, folder, full, &own) || may_skip(imap, folder, own, error);
}

static bool
bodies_or_skip(Imap *imap, Folder *folder, GError **error)
{
	GError *own = NULL;

	if (!folder->selectable || folder->local)
		return true;
	return imap_pull_bodies(imap, folder, &own) || may_skip(imap, folder, own, error);
}

static bool
relist(Imap *imap, GError **error)
{
	int64_t now = g_get_monotonic_time();

	if (imap->listed_us == 0)
		imap->listed_us = now;	/* open has just listed */
	if (now - imap->listed_us < (int64_t)LIST_SECONDS * G_USEC_PER_SEC && !imap->engine->sync_wanted)
		return true;
	imap->listed_us = now;
	return imap_list(imap, error);
}

static void
choose(GPtrArray *folders, const char *only, GPtrArray *dirty)
{
	for (guint i = 0; i < folders->len; i++) {
		Folder *folder = folders->pdata[i];
		bool chosen = only ? strcmp(folder->raw, only) == 0 || strcmp(folder->name, only) == 0 : folder->role == ROLE_INBOX;
		if (chosen && folder->selectable && !folder->local)
			g_ptr_array_add(dirty, folder);
	}
}

bool
imap_sync(Engine *engine, const char *only, GError **error)
{
	Imap *imap = engine->state;
	bool inbox_only = imap->idle_hit && !engine->sync_wanted && !only;
	bool thorough = engine->sync_wanted;
	g_autoptr(GPtrArray) dirty = g_ptr_array_new();

	imap->idle_hit = false;
	if (!only && !inbox_only && !relist(imap, error))
		return false;
	if (!imap_push(imap, error))
		return false;
	g_autoptr(GPtrArray) folders = store_folders(engine->store, error);
	if (!folders)
		return false;
	if (only || inbox_only)
		choose(folders, only, dirty);
	else if (!imap_find_dirty(imap, folders, thorough, dirty, error))
		return false;
	for (guint i = 0; i < dirty->len; i++)
		if (!pull_or_skip(imap, dirty->pdata[i], false, error))
			return false;
	/* What the pull adopted may have operations that waited for its UID. */
	if (dirty->len > 0 && !imap_push(imap, error))
		return false;
	GPtrArray *with_bodies = only || inbox_only ? dirty : folders;
	for (guint i = 0; i < with_bodies->len; i++) {
		if (!bodies_or_skip(imap, with_bodies->pdata[i], error))
			return false;
	}
	if (!only && !inbox_only)
		imap->next_poll_us = g_get_monotonic_time() + (int64_t)engine->account->poll_seconds * G_USEC_PER_SEC;
	return true;
}
