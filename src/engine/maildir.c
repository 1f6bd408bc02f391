/* engine/maildir.c: Maildir backend: a tree that other programs deliver into, mirrored like a server's */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store keeps its own copy of each message. The tree stays the owner's: new files are copied in, flags, moves, deletions and new
 * messages made here are carried out in the tree by rename, unlink and link, and what other programs do there is noticed (inotify on
 * the inbox, a scan at each poll). Every step can be repeated after a crash without harm. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/engine/local.h"
#include "src/engine/maildir.h"
#include "surel/text.h"

enum { GROUP_FILES = 100, FILE_MAX_BYTES = 256 << 20, SETTLE_US = 50000 };

typedef struct Maildir {
	const char *root;	/* the account's */
	GPtrArray *boxes;	/* of MaildirBox * */
	MaildirUids *uids;
	int inotify;
} Maildir;

static MaildirBox *
box_by_raw(const Maildir *md, const char *raw)
{
	for (guint i = 0; raw && i < md->boxes->len; i++)
		if (strcmp(((MaildirBox *)md->boxes->pdata[i])->raw, raw) == 0)
			return md->boxes->pdata[i];
	return NULL;
}

/* ---- folders ---- */

static bool
put_folders(Engine *engine, Maildir *md, GError **error)
{
	for (guint i = 0; i < md->boxes->len; i++) {
		MaildirBox *box = md->boxes->pdata[i];
		g_autofree char *clean = text_clean(box->raw, -1, false);
		const Folder folder = {.name = clean, .raw = box->raw, .delimiter = '/', .role = box->role, .selectable = true};
		if (!store_folder_put(engine->store, &folder, &box->id, error))
			return error_wrap(error, "folder %s", clean);
	}
	g_autoptr(GPtrArray) known = store_folders(engine->store, error);
	for (guint i = 0; known && i < known->len; i++) {
		const Folder *folder = known->pdata[i];
		if (!folder->local && !box_by_raw(md, folder->raw) && !store_folder_gone(engine->store, folder->id, error))
			return false;
	}
	return known != NULL;
}

static bool
list_folders(Engine *engine, GError **error)
{
	Maildir *md = engine->state;
	GPtrArray *boxes = maildir_boxes(md->root, engine->account->folder_names, error);

	if (!boxes)
		return false;
	g_clear_pointer(&md->boxes, g_ptr_array_unref);
	md->boxes = boxes;
	return !engine->store || put_folders(engine, md, error);
}

/* Drafts, Sent and the others are wanted by everything that files mail: made in the tree where they are missing. */
static bool
make_roles(Engine *engine, GError **error)
{
	static const struct { FolderRole role; const char *name; } wanted[] = {
		{ROLE_DRAFTS, "Drafts"}, {ROLE_SENT, "Sent"}, {ROLE_ARCHIVE, "Archive"}, {ROLE_TRASH, "Trash"},
	};
	Maildir *md = engine->state;

	for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++) {
		bool there = false;
		for (guint j = 0; j < md->boxes->len; j++)
			there = there || ((MaildirBox *)md->boxes->pdata[j])->role == wanted[i].role;
		const char *chosen = engine->account->folder_names[wanted[i].role];
		if (!there && !maildir_make_box(md->root, chosen ? chosen : wanted[i].name, error))
			return false;
	}
	return list_folders(engine, error);
}

static void
watch_inbox(Maildir *md)
{
	for (guint i = 0; md->inotify >= 0 && i < md->boxes->len; i++) {
		const MaildirBox *box = md->boxes->pdata[i];
		g_autofree char *fresh = g_build_filename(box->dir, "new", NULL);
		g_autofree char *cur = g_build_filename(box->dir, "cur", NULL);
		if (box->role != ROLE_INBOX)
			continue;
		inotify_add_watch(md->inotify, fresh, IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE);
		inotify_add_watch(md->inotify, cur, IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE);
	}
}

static bool
maildir_open(Engine *engine, GError **error)
{
	Maildir *md = g_new0(Maildir, 1);

	engine->state = md;
	md->root = engine->account->incoming.path;
	md->inotify = -1;
	if (!md->root)
		return error_set(error, ERROR_CONFIG, "account %s: no path is set", engine->account->name);
	if (!list_folders(engine, error)) {
		engine_step(engine, "folders", VERDICT_FAIL, "%s", error && *error ? (*error)->message : md->root);
		return false;
	}
	engine_step(engine, "folders", VERDICT_OK, "%u", md->boxes->len);
	if (!engine->store)
		return true;
	g_autofree char *dir = g_path_get_dirname(store_drafts_dir(engine->store));
	g_autofree char *path = g_build_filename(dir, "maildir-uids", NULL);
	md->uids = maildir_uids_load(path, error);
	if (!md->uids || !make_roles(engine, error))
		return false;
	md->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	watch_inbox(md);
	return true;
}

static void
maildir_close(Engine *engine)
{
	Maildir *md = engine->state;

	if (!md)
		return;
	if (md->inotify >= 0)
		close(md->inotify);
	g_clear_pointer(&md->boxes, g_ptr_array_unref);
	maildir_uids_free(md->uids);
	g_free(md);
	engine->state = NULL;
}

/* ---- tree -> store ---- */

/* A file that went away between the listing and now is no error: the next look does not see it. */
static char *
read_file(const MaildirFile *file, size_t *ret_size)
{
	g_autoptr(GError) error = NULL;
	char *bytes = NULL;

	if (!os_read_file(file->path, FILE_MAX_BYTES, &bytes, ret_size, &error))
		log_info(LOG_STORE, "left out: %s", error->message);
	return bytes;
}

static size_t
headers_size(const char *bytes, size_t size)
{
	const char *lf = memmem(bytes, size, "\n\n", 2);
	const char *crlf = memmem(bytes, size, "\r\n\r\n", 4);
	size_t a = lf ? (size_t)(lf - bytes) + 2 : size, b = crlf ? (size_t)(crlf - bytes) + 4 : size;

	return MIN(a, b);
}

static bool
write_all(int fd, const char *bytes, size_t size, GError **error)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, bytes + done, size - done);
		if (n < 0 && errno != EINTR)
			return error_set_errno(error, errno, "message file");
		done += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static bool
take_in(Engine *engine, const MaildirBox *box, const MaildirFile *file, Delivery *delivery, GError **error)
{
	size_t size = 0;
	int fd;
	struct stat st;
	g_autofree char *bytes = read_file(file, &size);

	if (!bytes)
		return true;
	int64_t arrival = stat(file->path, &st) == 0 ? st.st_mtime : 0;
	const NewMsg row = {.uid = file->uid, .flags = file->flags, .arrival = arrival, .size = (int64_t)size, .headers = bytes,
			    .headers_size = headers_size(bytes, size)};
	return store_put_headers(engine->store, box->id, &row, 1, error) &&
	       delivery_open(delivery, file->uid, NULL, file->flags, arrival, &fd, error) && write_all(fd, bytes, size, error) &&
	       delivery_finish(delivery, error);
}

static bool
take_in_all(Engine *engine, const MaildirBox *box, GPtrArray *fresh, GError **error)
{
	if (fresh->len == 0)
		return true;
	g_autoptr(Delivery) delivery = delivery_begin(engine->store, box->id, error);
	if (!delivery)
		return false;
	for (guint i = 0; i < fresh->len; i++) {
		if (!engine_check(engine, error) || !take_in(engine, box, fresh->pdata[i], delivery, error))
			return false;
		if ((i + 1) % GROUP_FILES == 0 && !delivery_commit(delivery, NULL, error))
			return false;
		engine_progress(engine, "messages", i + 1, fresh->len);
	}
	return delivery_commit(delivery, NULL, error);
}

static int
uid_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static bool
is_hidden(const GArray *hidden, uint32_t uid)
{
	return hidden->len > 0 && bsearch(&uid, hidden->data, hidden->len, sizeof uid, uid_order);
}

typedef struct Look { GHashTable *known; GPtrArray *fresh; GArray *flags, *gone; } Look;

/* Compares the files with the rows: known is uid -> server flags + 1. */
static void
compare(Maildir *md, const MaildirBox *box, GHashTable *files, const GArray *hidden, Look *look)
{
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, files);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		MaildirFile *file = value;
		file->uid = maildir_uid(md->uids, box->raw, file->base, true);
		gpointer row = g_hash_table_lookup(look->known, GUINT_TO_POINTER(file->uid));
		const UidFlags now = {.uid = file->uid, .flags = file->flags};
		if (!row && !is_hidden(hidden, file->uid))
			g_ptr_array_add(look->fresh, file);
		else if (row && GPOINTER_TO_UINT(row) - 1 != file->flags)
			g_array_append_val(look->flags, now);
		g_hash_table_remove(look->known, GUINT_TO_POINTER(file->uid));
	}
	g_hash_table_iter_init(&iter, look->known);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		uint32_t uid = GPOINTER_TO_UINT(key);
		g_array_append_val(look->gone, uid);
	}
	g_array_sort(look->gone, uid_order);
}

static void
look_clear(Look *look)
{
	g_clear_pointer(&look->known, g_hash_table_unref);
	g_clear_pointer(&look->fresh, g_ptr_array_unref);
	g_clear_pointer(&look->flags, g_array_unref);
	g_clear_pointer(&look->gone, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Look, look_clear)

static bool
known_rows(Engine *engine, const MaildirBox *box, Look *look, GError **error)
{
	g_autoptr(GArray) rows = store_uids(engine->store, box->id, error);

	look->known = g_hash_table_new(NULL, NULL);
	look->fresh = g_ptr_array_new();
	look->flags = g_array_new(FALSE, FALSE, sizeof(UidFlags));
	look->gone = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	for (guint i = 0; rows && i < rows->len; i++) {
		const UidFlags *row = &g_array_index(rows, UidFlags, i);
		g_hash_table_insert(look->known, GUINT_TO_POINTER(row->uid), GUINT_TO_POINTER(row->flags + 1));
	}
	return rows != NULL;
}

static bool
apply_look(Engine *engine, Maildir *md, const MaildirBox *box, const Look *look, GError **error)
{
	/* Numbers first: a row must never have one that is given again after a crash. */
	if (!maildir_uids_save(md->uids, error))
		return false;
	if (look->flags->len > 0 &&
	    !store_put_flags(engine->store, box->id, (const UidFlags *)(const void *)look->flags->data, look->flags->len, error))
		return false;
	if (look->gone->len > 0 && !store_vanished(engine->store, box->id, (const uint32_t *)(const void *)look->gone->data, look->gone->len, error))
		return false;
	for (guint i = 0; i < look->gone->len; i++)
		maildir_uid_drop(md->uids, g_array_index(look->gone, uint32_t, i));
	return take_in_all(engine, box, look->fresh, error);
}

static unsigned
unseen(const GPtrArray *files)
{
	unsigned n = 0;

	for (guint i = 0; i < files->len; i++)
		n += !(((const MaildirFile *)files->pdata[i])->flags & FLAG_SEEN);
	return n;
}

static bool
look_once(Engine *engine, Maildir *md, const MaildirBox *box, Look *look, GHashTable **ret_files, GError **error)
{
	g_autoptr(GHashTable) files = maildir_scan(box, error);
	g_autoptr(GArray) hidden = files ? store_op_hidden_uids(engine->store, box->raw, error) : NULL;

	if (!hidden || !known_rows(engine, box, look, error))
		return false;
	compare(md, box, files, hidden, look);
	*ret_files = g_steal_pointer(&files);
	return true;
}

static bool
sync_box(Engine *engine, Maildir *md, MaildirBox *box, GError **error)
{
	g_autoptr(GHashTable) files = NULL;
	g_autoptr(GHashTable) again = NULL;
	g_auto(Look) look = {0}, second = {0};
	g_autoptr(Folder) folder = store_folder(engine->store, box->id, error);

	if (!folder)
		return false;
	bool fresh_numbers = folder->uidvalidity != md->uids->validity;
	if (fresh_numbers && folder->uidvalidity && !store_folder_new_epoch(engine->store, box->id, md->uids->validity, error))
		return false;
	if (!look_once(engine, md, box, &look, &files, error))
		return false;
	/* A rename during the listing can hide a file from it: what seems gone is looked for a second time. */
	bool twice = look.gone->len > 0;
	if (twice)
		g_usleep(SETTLE_US);
	if (twice && !look_once(engine, md, box, &second, &again, error))
		return false;
	const Look *last = twice ? &second : &look;
	unsigned news = unseen(last->fresh);
	bool changed = last->fresh->len + last->flags->len + last->gone->len > 0;
	if (!apply_look(engine, md, box, last, error))
		return false;
	if (changed)
		engine_changed(engine, box->id);
	if (news > 0 && box->role == ROLE_INBOX && !local_report_new(engine, news, error))
		return false;
	return (!changed && !fresh_numbers) ||
	       store_folder_synced(engine->store, box->id, md->uids->validity, md->uids->next, 0, true, error);
}

/* ---- journal -> tree: each operation may be repeated ---- */

static MaildirFile *
find_file(Maildir *md, const MaildirBox *box, uint32_t uid, GHashTable **ret_files)
{
	const char *base = maildir_uid_base(md->uids, box->raw, uid);

	*ret_files = base ? maildir_scan(box, NULL) : NULL;
	return *ret_files ? g_hash_table_lookup(*ret_files, base) : NULL;
}

static bool
rename_file(const char *from, const MaildirBox *box, const char *base, uint32_t flags, GError **error)
{
	g_autofree char *name = maildir_file_name(base, flags);
	g_autofree char *cur = g_build_filename(box->dir, "cur", NULL);
	g_autofree char *to = g_build_filename(cur, name, NULL);

	if (strcmp(from, to) != 0 && g_rename(from, to) != 0 && errno != ENOENT)
		return error_set_errno(error, errno, "%s", to);
	return os_fsync_dir(cur, error);
}

static bool
op_flags(Engine *engine, Maildir *md, const Op *op, const MaildirBox *box, GError **error)
{
	g_autoptr(GHashTable) files = NULL;
	const MaildirFile *file = find_file(md, box, op->uid, &files);

	if (file && !rename_file(file->path, box, file->base, (file->flags | op->set) & ~op->clear, error))
		return false;
	return store_op_done(engine->store, op, op->uid, error);
}

static bool
op_move(Engine *engine, Maildir *md, const Op *op, const MaildirBox *box, GError **error)
{
	g_autoptr(GHashTable) files = NULL;
	const MaildirBox *target = box_by_raw(md, op->target);
	const char *base = maildir_uid_base(md->uids, box->raw, op->uid);
	const MaildirFile *file = find_file(md, box, op->uid, &files);

	if (!target)
		return store_op_fail(engine->store, op, "the folder is not there any more", error);
	if (!base)
		return store_op_done(engine->store, op, 0, error);
	uint32_t uid = maildir_uid(md->uids, target->raw, base, true);
	if (!maildir_uids_save(md->uids, error) || (file && !rename_file(file->path, target, file->base, file->flags, error)))
		return false;
	return store_op_done(engine->store, op, uid, error);
}

static bool
op_delete(Engine *engine, Maildir *md, const Op *op, const MaildirBox *box, GError **error)
{
	g_autoptr(GHashTable) files = NULL;
	const MaildirFile *file = find_file(md, box, op->uid, &files);

	if (file && g_unlink(file->path) != 0 && errno != ENOENT)
		return error_set_errno(error, errno, "%s", file->path);
	return store_op_done(engine->store, op, 0, error);
}

/* Append and copy: the name comes from the operation, so that doing it twice makes one file. */
static bool
op_write(Engine *engine, Maildir *md, const Op *op, const MaildirBox *target, uint32_t flags, GError **error)
{
	g_autofree char *bytes = NULL;
	g_autoptr(GError) own = NULL;
	size_t size;
	bool full;

	if (!target)
		return store_op_fail(engine->store, op, "the folder is not there any more", error);
	if (!store_read(engine->store, op->msg, &bytes, &size, &full, &own) || !full)
		return store_op_fail(engine->store, op, own ? own->message : "its text is not here", error);
	g_autofree char *base = g_strdup_printf("%u.surel-%" G_GINT64_FORMAT ".%s", md->uids->validity, op->id, op->target ? "op" : "new");
	g_autofree char *tmp = g_build_filename(target->dir, "tmp", base, NULL);
	uint32_t uid = maildir_uid(md->uids, target->raw, base, true);
	if (!maildir_uids_save(md->uids, error) || !os_replace_file(tmp, bytes, size, 0600, error))
		return false;
	return rename_file(tmp, target, base, flags, error) && store_op_done(engine->store, op, uid, error);
}

static bool
op_create(Engine *engine, Maildir *md, const Op *op, GError **error)
{
	g_autoptr(GError) own = NULL;
	const char *raw = op->target ? op->target : op->folder;

	if (!raw || !maildir_make_box(md->root, raw, &own))
		return store_op_fail(engine->store, op, own ? own->message : "it has no name", error);
	return list_folders(engine, error) && store_op_done(engine->store, op, 0, error);
}

static bool
carry_out(Engine *engine, Maildir *md, const Op *op, GError **error)
{
	const MaildirBox *box = box_by_raw(md, op->folder);
	bool needs_source = op->kind == OP_FLAGS || op->kind == OP_MOVE || op->kind == OP_DELETE;

	if (needs_source && (!box || !op->uid))
		return store_op_done(engine->store, op, 0, error);
	switch (op->kind) {
	case OP_FLAGS: return op_flags(engine, md, op, box, error);
	case OP_MOVE: return op_move(engine, md, op, box, error);
	case OP_DELETE: return op_delete(engine, md, op, box, error);
	case OP_COPY:
	case OP_APPEND: return op_write(engine, md, op, box_by_raw(md, op->target ? op->target : op->folder), op->flags, error);
	case OP_FOLDER_CREATE: return op_create(engine, md, op, error);
	}
	return true;
}

static bool
maildir_push(Engine *engine, GError **error)
{
	Maildir *md = engine->state;

	engine->journal_wanted = false;
	if (!store_apply_pending(engine->store, NULL, error))
		return false;
	g_autoptr(GPtrArray) due = store_ops_due(engine->store, error);
	for (guint i = 0; due && i < due->len; i++)
		if (!engine_check(engine, error) || !carry_out(engine, md, due->pdata[i], error))
			return false;
	return due != NULL;
}

/* ---- ops ---- */

static bool
maildir_sync(Engine *engine, const char *folder, GError **error)
{
	Maildir *md = engine->state;

	if (!list_folders(engine, error) || !maildir_push(engine, error))
		return false;
	for (guint i = 0; i < md->boxes->len; i++) {
		MaildirBox *box = md->boxes->pdata[i];
		if ((!folder || strcmp(folder, box->raw) == 0) && !sync_box(engine, md, box, error))
			return error_wrap(error, "%s", box->raw);
	}
	return true;
}

static bool
maildir_wait(Engine *engine, unsigned timeout_s, bool *ret_dirty, GError **error)
{
	Maildir *md = engine->state;
	char events[4096];

	if (!local_wait(engine, md->inotify, (int)MIN(timeout_s, (unsigned)INT32_MAX / 1000) * 1000, ret_dirty, error))
		return false;
	/* A burst is one pass. */
	if (*ret_dirty)
		g_usleep(SETTLE_US);
	while (md->inotify >= 0 && read(md->inotify, events, sizeof events) > 0)
		continue;
	return true;
}

const BackendOps maildir_backend = {
	.name = "maildir",
	.caps = BACKEND_SERVER_FOLDERS | BACKEND_PUSH_FLAGS | BACKEND_IDLE,
	.open = maildir_open,
	.sync = maildir_sync,
	.push = maildir_push,
	.wait = maildir_wait,
	.close = maildir_close,
};
