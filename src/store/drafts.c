/* store/drafts.c: drafts being written: one readable file each, replaced atomically */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "src/store/internal.h"

enum { DRAFT_MAX_BYTES = 64 << 20 };

static char *
draft_path(Store *store, const char *id, GError **error)
{
	if (!*id || *id == '.' || id[strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")]) {
		error_set(error, ERROR_INPUT, "\"%s\" cannot be the name of a draft", id);
		return NULL;
	}
	g_autofree char *name = g_strconcat(id, ".draft", NULL);
	return g_build_filename(store->drafts_dir, name, NULL);
}

bool
store_draft_save(Store *store, const char *id, const char *text, GError **error)
{
	g_autofree char *path = draft_path(store, id, error);
	return path && os_replace_file(path, text, strlen(text), 0600, error);
}

typedef struct Found { char *id; int64_t when; } Found;

static int
newer_first(const void *a, const void *b)
{
	const Found *left = a, *right = b;
	if (left->when != right->when)
		return left->when > right->when ? -1 : 1;
	return strcmp(left->id, right->id);
}

GPtrArray *
store_drafts(Store *store, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(GDir) listing = g_dir_open(store->drafts_dir, 0, &failure);
	if (!listing) {
		error_set(error, ERROR_IO, "%s", failure->message);
		return NULL;
	}
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(Found));
	const char *name;
	while ((name = g_dir_read_name(listing))) {
		g_autofree char *path = g_build_filename(store->drafts_dir, name, NULL);
		struct stat status;
		if (*name == '.' || !g_str_has_suffix(name, ".draft") || g_stat(path, &status) != 0)
			continue;
		Found one = { g_strndup(name, strlen(name) - strlen(".draft")), (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec };
		g_array_append_val(found, one);
	}
	if (found->len)
		qsort(found->data, found->len, sizeof(Found), newer_first);
	GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < found->len; i++)
		g_ptr_array_add(ids, g_array_index(found, Found, i).id);
	return ids;
}

char *
store_draft_load(Store *store, const char *id, GError **error)
{
	g_autofree char *path = draft_path(store, id, error);
	char *text = NULL;
	size_t size = 0;
	if (!path || !os_read_file(path, DRAFT_MAX_BYTES, &text, &size, error))
		return NULL;
	return text;
}

bool
store_draft_remove(Store *store, const char *id, GError **error)
{
	g_autofree char *path = draft_path(store, id, error);
	if (!path)
		return false;
	return g_unlink(path) == 0 || errno == ENOENT || error_set_errno(error, errno, "removing the draft");
}
