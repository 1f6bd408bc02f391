/* store/index-search.c: the search role: a person's query to Message-IDs, newest first */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "src/store/index.h"
#include "src/store/query.h"

/* Newest first cuts the work when the window is small: 3 months, a year, all. */
static const int windows_days[] = { 92, 366, 0 };
enum { DAY = 24 * 3600, FILTERED_FACTOR = 20, FILTERED_MAX = 2000 };

static bool
run_query(notmuch_database_t *database, const char *text, unsigned limit, GHashTable *seen, GPtrArray *ids, GError **error)
{
	notmuch_query_t *query = notmuch_query_create(database, text);
	notmuch_messages_t *messages = NULL;
	if (!query)
		return error_set(error, ERROR_STORE, "searching: out of memory");
	notmuch_query_set_sort(query, NOTMUCH_SORT_NEWEST_FIRST);
	notmuch_query_set_omit_excluded(query, NOTMUCH_EXCLUDE_FALSE);
	notmuch_status_t status = notmuch_query_search_messages(query, &messages);
	if (status != NOTMUCH_STATUS_SUCCESS) {
		const char *words = notmuch_database_status_string(database);
		error_set(error, ERROR_INPUT, "the search was not understood%s%s", words ? ": " : "", words ? words : "");
		notmuch_query_destroy(query);
		return false;
	}
	for (; notmuch_messages_valid(messages) && ids->len < limit; notmuch_messages_move_to_next(messages)) {
		notmuch_message_t *message = notmuch_messages_get(messages);
		const char *id = message ? notmuch_message_get_message_id(message) : NULL;
		if (id && g_hash_table_add(seen, g_strdup(id)))
			g_ptr_array_add(ids, g_strdup(id));
		if (message)
			notmuch_message_destroy(message);
	}
	notmuch_query_destroy(query);
	return true;
}

/* Xapian tells a broken query only by an exception that notmuch swallows into "no result" for some; most is caught by query_parse. */
static bool
reopen(Index *index, GError **error)
{
	if (index->reader && notmuch_database_reopen(index->reader, NOTMUCH_DATABASE_MODE_READ_ONLY) != NOTMUCH_STATUS_SUCCESS) {
		notmuch_database_destroy(index->reader);
		index->reader = NULL;
	}
	if (!index->reader)
		index->reader = index_database(index, false, error);
	return index->reader != NULL;
}

GPtrArray *
index_search(Index *index, const char *text, unsigned limit, GError **error)
{
	int64_t now = g_get_real_time() / G_USEC_PER_SEC, to = 0;
	g_autoptr(Query) query = query_parse(text, now, error);
	if (!query)
		return NULL;
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) failure = NULL;
	g_autofree char *words = query_for_notmuch(query);
	if (!words)
		return g_steal_pointer(&ids);	/* SQLite answers it all */
	if (!reopen(index, &failure)) {
		if (!failure)
			return g_steal_pointer(&ids);	/* nothing is indexed yet */
		g_propagate_error(error, g_steal_pointer(&failure));
		return NULL;
	}
	/* What SQLite filters afterwards must find enough. */
	unsigned wanted = query->has_filter ? MIN(limit * FILTERED_FACTOR, (unsigned)MAX(FILTERED_MAX, limit)) : limit;
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(windows_days) && ids->len < wanted; i++) {
		int64_t from = windows_days[i] ? now - (int64_t)windows_days[i] * DAY : 0;
		g_autofree char *window = from && !to ? g_strdup_printf("(%s) and date:@%" G_GINT64_FORMAT "..", words, from)
					: from ? g_strdup_printf("(%s) and date:@%" G_GINT64_FORMAT "..@%" G_GINT64_FORMAT, words, from, to - 1)
					: g_strdup_printf("(%s) and date:..@%" G_GINT64_FORMAT, words, to - 1);
		if (!run_query(index->reader, window, wanted, seen, ids, error))
			return NULL;
		to = from;
	}
	return g_steal_pointer(&ids);
}
