/* engine/maildir-tree.c: folders, files and numbers of a Maildir tree */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "src/engine/maildir.h"

enum { UIDS_FILE_MAX_BYTES = 512 << 20 };

static const struct { char letter; MsgFlag flag; } letters[] = {	/* in the order of their letters, as the names want them */
	{'D', FLAG_DRAFT}, {'F', FLAG_FLAGGED}, {'P', FLAG_FORWARDED}, {'R', FLAG_ANSWERED}, {'S', FLAG_SEEN}, {'T', FLAG_DELETED},
};

/* ---- numbers ---- */

static void
uids_put(MaildirUids *uids, char *name, uint32_t uid)
{
	g_hash_table_replace(uids->by_name, name, GUINT_TO_POINTER(uid));
	g_hash_table_replace(uids->by_uid, GUINT_TO_POINTER(uid), name);
	uids->next = MAX(uids->next, uid + 1);
}

/* "uid<TAB>raw<TAB>base" per line below "surel-maildir-1 VALIDITY NEXT". A line that makes no sense is a file that gets a new number. */
static void
uids_parse(MaildirUids *uids, char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	unsigned validity, next;

	if (!lines[0] || sscanf(lines[0], "surel-maildir-1 %u %u", &validity, &next) != 2 || validity == 0)
		return;
	uids->validity = validity;
	uids->next = MAX(next, 1);
	for (size_t i = 1; lines[i]; i++) {
		char *rest = NULL;
		guint64 uid = g_ascii_strtoull(lines[i], &rest, 10);
		if (uid > 0 && uid < UINT32_MAX && *rest == '\t' && strchr(rest + 1, '\t'))
			uids_put(uids, g_strdup(rest + 1), (uint32_t)uid);
	}
}

MaildirUids *
maildir_uids_load(const char *path, GError **error)
{
	g_autoptr(MaildirUids) uids = g_new0(MaildirUids, 1);
	g_autoptr(GError) own = NULL;
	g_autofree char *text = NULL;
	size_t size;

	uids->path = g_strdup(path);
	uids->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	uids->by_uid = g_hash_table_new(NULL, NULL);
	uids->next = 1;
	if (g_file_test(path, G_FILE_TEST_EXISTS) && !os_read_file(path, UIDS_FILE_MAX_BYTES, &text, &size, &own)) {
		g_propagate_error(error, g_steal_pointer(&own));
		return NULL;
	}
	if (text)
		uids_parse(uids, text);
	uids->changed = uids->validity == 0;
	if (uids->validity == 0)
		uids->validity = (uint32_t)time(NULL);
	return g_steal_pointer(&uids);
}

bool
maildir_uids_save(MaildirUids *uids, GError **error)
{
	GHashTableIter iter;
	gpointer name, uid;

	if (!uids->changed)
		return true;
	g_autoptr(GString) text = g_string_new(NULL);
	g_string_append_printf(text, "surel-maildir-1 %u %u\n", uids->validity, uids->next);
	g_hash_table_iter_init(&iter, uids->by_name);
	while (g_hash_table_iter_next(&iter, &name, &uid))
		g_string_append_printf(text, "%u\t%s\n", GPOINTER_TO_UINT(uid), (char *)name);
	if (!os_replace_file(uids->path, text->str, text->len, 0600, error))
		return false;
	uids->changed = false;
	return true;
}

uint32_t
maildir_uid(MaildirUids *uids, const char *raw, const char *base, bool make)
{
	g_autofree char *name = g_strdup_printf("%s\t%s", raw, base);
	uint32_t uid = GPOINTER_TO_UINT(g_hash_table_lookup(uids->by_name, name));

	if (uid || !make)
		return uid;
	uid = uids->next;
	uids_put(uids, g_steal_pointer(&name), uid);
	uids->changed = true;
	return uid;
}

const char *
maildir_uid_base(MaildirUids *uids, const char *raw, uint32_t uid)
{
	const char *name = g_hash_table_lookup(uids->by_uid, GUINT_TO_POINTER(uid));
	size_t n = strlen(raw);

	return name && strncmp(name, raw, n) == 0 && name[n] == '\t' ? name + n + 1 : NULL;
}

void
maildir_uid_drop(MaildirUids *uids, uint32_t uid)
{
	char *name = g_hash_table_lookup(uids->by_uid, GUINT_TO_POINTER(uid));

	if (!name)
		return;
	g_hash_table_remove(uids->by_uid, GUINT_TO_POINTER(uid));
	g_hash_table_remove(uids->by_name, name);
	uids->changed = true;
}

void
maildir_uids_free(MaildirUids *uids)
{
	if (!uids)
		return;
	g_free(uids->path);
	g_hash_table_unref(uids->by_uid);
	g_hash_table_unref(uids->by_name);
	g_free(uids);
}

/* ---- folders ---- */

static void
box_free(void *data)
{
	MaildirBox *box = data;

	g_free(box->raw);
	g_free(box->dir);
	g_free(box);
}

static bool
is_maildir(const char *dir)
{
	g_autofree char *cur = g_build_filename(dir, "cur", NULL);
	g_autofree char *fresh = g_build_filename(dir, "new", NULL);

	return g_file_test(cur, G_FILE_TEST_IS_DIR) && g_file_test(fresh, G_FILE_TEST_IS_DIR);
}

static FolderRole
role_for(const char *raw, char *const *chosen)
{
	static const struct { const char *name; FolderRole role; } known[] = {
		{"inbox", ROLE_INBOX}, {"drafts", ROLE_DRAFTS}, {"draft", ROLE_DRAFTS}, {"sent", ROLE_SENT}, {"sent mail", ROLE_SENT},
		{"archive", ROLE_ARCHIVE}, {"archives", ROLE_ARCHIVE}, {"junk", ROLE_JUNK}, {"spam", ROLE_JUNK}, {"trash", ROLE_TRASH},
	};

	for (int role = ROLE_INBOX; chosen && role < ROLE_ALL; role++)
		if (chosen[role] && strcmp(chosen[role], raw) == 0)
			return (FolderRole)role;
	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (g_ascii_strcasecmp(raw, known[i].name) == 0 && !(chosen && chosen[known[i].role]))
			return known[i].role;
	return ROLE_NONE;
}

static void
add_box(GPtrArray *boxes, const char *dir, const char *raw, char *const *chosen)
{
	FolderRole role = role_for(raw, chosen);

	/* A name that is not text, or that would break the list of numbers, is not served; neither is the second "INBOX". */
	if (boxes->len >= MAILDIR_FOLDERS_MAX || !g_utf8_validate(raw, -1, NULL) || strpbrk(raw, "\t\n\r"))
		return;
	for (guint i = 0; i < boxes->len; i++) {
		const MaildirBox *other = boxes->pdata[i];
		if (strcmp(other->raw, raw) == 0)
			return;
		role = role == other->role ? ROLE_NONE : role;
	}
	MaildirBox *box = g_new0(MaildirBox, 1);
	box->raw = g_strdup(raw);
	box->dir = g_strdup(dir);
	box->role = role;
	g_ptr_array_add(boxes, box);
}

static void
walk(GPtrArray *boxes, const char *dir, const char *prefix, unsigned depth, char *const *chosen)
{
	g_autoptr(GDir) entries = depth < MAILDIR_DEPTH_MAX ? g_dir_open(dir, 0, NULL) : NULL;
	const char *name;

	while (entries && (name = g_dir_read_name(entries))) {
		g_autofree char *path = g_build_filename(dir, name, NULL);
		bool dotted = name[0] == '.' && depth == 0 && name[1] && name[1] != '.';
		if (strcmp(name, "cur") == 0 || strcmp(name, "new") == 0 || strcmp(name, "tmp") == 0 || (name[0] == '.' && !dotted))
			continue;
		/* Links are not followed: a loop would never end, and the tree is what its owner made it. */
		struct stat st;
		if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode))
			continue;
		g_autofree char *raw = dotted ? g_strdup(name + 1) : *prefix ? g_strdup_printf("%s/%s", prefix, name) : g_strdup(name);
		if (dotted)
			g_strdelimit(raw, ".", '/');
		if (is_maildir(path))
			add_box(boxes, path, raw, chosen);
		if (!dotted)
			walk(boxes, path, raw, depth + 1, chosen);
	}
}

static gint
by_raw(gconstpointer a, gconstpointer b)
{
	return strcmp((*(MaildirBox *const *)a)->raw, (*(MaildirBox *const *)b)->raw);
}

GPtrArray *
maildir_boxes(const char *root, char *const *folder_names, GError **error)
{
	g_autoptr(GPtrArray) boxes = g_ptr_array_new_with_free_func(box_free);

	if (is_maildir(root))
		add_box(boxes, root, "INBOX", folder_names);
	walk(boxes, root, "", 0, folder_names);
	if (boxes->len == 0) {
		error_set(error, ERROR_IO, "%s is no Maildir: there are no folders cur and new in it", root);
		return NULL;
	}
	g_ptr_array_sort(boxes, by_raw);
	return g_steal_pointer(&boxes);
}

bool
maildir_make_box(const char *root, const char *raw, GError **error)
{
	static const char *const parts[] = {"tmp", "new", "cur"};
	g_autofree char *name = is_maildir(root) ? g_strconcat(".", raw, NULL) : g_strdup(raw);

	if (name[0] == '.')
		g_strdelimit(name, "/", '.');
	if (!*raw || raw[0] == '/' || strstr(raw, "..") || strpbrk(raw, "\t\r\n"))
		return error_set(error, ERROR_INPUT, "a folder cannot have this name");
	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
		g_autofree char *path = g_build_filename(root, name, parts[i], NULL);
		if (!os_make_dir(path, error))
			return false;
	}
	return os_fsync_dir(root, error);
}

/* ---- files ---- */

static void
file_free(void *data)
{
	MaildirFile *file = data;

	g_free(file->base);
	g_free(file->path);
	g_free(file);
}

static uint32_t
flags_of(const char *info)
{
	uint32_t flags = 0;

	for (; info && *info; info++)
		for (size_t i = 0; i < G_N_ELEMENTS(letters); i++)
			flags |= *info == letters[i].letter ? (uint32_t)letters[i].flag : 0;
	return flags;
}

char *
maildir_file_name(const char *base, uint32_t flags)
{
	char info[G_N_ELEMENTS(letters) + 1];
	size_t n = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(letters); i++)
		if (flags & letters[i].flag)
			info[n++] = letters[i].letter;
	info[n] = 0;
	return g_strdup_printf("%s:2,%s", base, info);
}

static bool
scan_part(const MaildirBox *box, const char *part, GHashTable *files, GError **error)
{
	g_autofree char *dir = g_build_filename(box->dir, part, NULL);
	g_autoptr(GError) own = NULL;
	g_autoptr(GDir) entries = g_dir_open(dir, 0, &own);
	const char *name;

	if (!entries)
		return error_set(error, ERROR_IO, "%s", own->message);
	while ((name = g_dir_read_name(entries))) {
		if (name[0] == '.' || strpbrk(name, "\t\n"))
			continue;
		const char *colon = strstr(name, ":2,");
		MaildirFile *file = g_new0(MaildirFile, 1);
		file->base = colon ? g_strndup(name, (gsize)(colon - name)) : g_strdup(name);
		file->path = g_build_filename(dir, name, NULL);
		file->flags = colon ? flags_of(colon + 3) : 0;
		g_hash_table_replace(files, file->base, file);
	}
	return true;
}

GHashTable *
maildir_scan(const MaildirBox *box, GError **error)
{
	g_autoptr(GHashTable) files = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, file_free);

	return scan_part(box, "new", files, error) && scan_part(box, "cur", files, error) ? g_steal_pointer(&files) : NULL;
}
