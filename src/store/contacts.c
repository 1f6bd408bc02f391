/* store/contacts.c: addresses seen, for completion */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "src/store/internal.h"

/* Whom one writes to weighs more than who writes. */
static const char complete_sql[] =
	"SELECT name, addr FROM contact WHERE addr LIKE ?1 ESCAPE '\\' OR name LIKE ?1 ESCAPE '\\' OR name LIKE ?2 ESCAPE '\\' OR addr LIKE ?3 ESCAPE '\\'"
	" ORDER BY sent > 0 DESC, sent * 8 + min(received, 40) DESC, last DESC LIMIT ?4";

static char *
like_escape(const char *text)
{
	g_autoptr(GString) out = g_string_new(NULL);
	for (const char *at = text; *at; at++) {
		if (*at == '%' || *at == '_' || *at == '\\')
			g_string_append_c(out, '\\');
		g_string_append_c(out, *at);
	}
	return g_string_free(g_steal_pointer(&out), FALSE);
}

GPtrArray *
store_complete_address(Store *store, const char *typed, unsigned limit, GError **error)
{
	g_autofree char *trimmed = g_strstrip(g_strdup(typed));
	g_autofree char *escaped = like_escape(trimmed);
	g_autofree char *start = g_strconcat(escaped, "%", NULL), *word = g_strconcat("% ", escaped, "%", NULL), *domain = g_strconcat("%@", escaped, "%", NULL);
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(DbRows) rows = db_query(store->cache, error, complete_sql, "sssi", start, word, domain, (int64_t)limit);
	int got = rows ? db_next(store->cache, rows, error) : -1;
	for (; got == 1; got = db_next(store->cache, rows, error)) {
		g_autoptr(MailAddress) address = address_new(db_text(rows, 0), db_text(rows, 1));
		g_ptr_array_add(found, address_format(address));
	}
	return got < 0 ? NULL : g_steal_pointer(&found);
}
