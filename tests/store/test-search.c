/* tests/store/test-search.c: envelope index, notmuch index, queries, what both find together */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gstdio.h>
#include <string.h>

#include "tests/store/fixture.h"

static void
index_all(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Index) index = index_open(fixture->dir, true, &error);
	g_assert_no_error(error);
	int64_t done = 0, left = 1;
	while (left > 0) {
		g_assert_true(index_work(index, fixture->worker, 100, 2000, &done, &left, &error));
		g_assert_no_error(error);
		g_assert_true(done > 0 || left == 0);
	}
}

static GPtrArray *
ask(Fixture *fixture, const char *query)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Index) index = index_open(fixture->dir, false, &error);
	GPtrArray *ids = index_search(index, query, 50, &error);
	g_assert_no_error(error);
	return ids;
}

/* Numbers of the hits, newest first, as the result list shows them. */
static char *
hits(Fixture *fixture, const char *query, bool ask_index)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) ids = ask_index ? ask(fixture, query) : g_ptr_array_new();
	g_autoptr(GPtrArray) found = search_resolve(&fixture->ui, 1, query, ids, 50, &error);
	g_assert_no_error(error);
	GString *text = g_string_new(NULL);
	for (guint i = 0; i < found->len; i++) {
		const char *id = ((Hit *)found->pdata[i])->msg->message_id;
		g_string_append_printf(text, "%s%.*s", i ? " " : "", (int)(strchr(id, '@') - id - 1), id + 1);
	}
	if (ask_index)
		g_ptr_array_set_free_func(ids, g_free);
	return g_string_free(text, FALSE);
}

static void
assert_hits(Fixture *fixture, const char *query, bool ask_index, const char *expected)
{
	g_autofree char *found = hits(fixture, query, ask_index);
	g_test_message("%s -> %s", query, found);
	g_assert_cmpstr(found, ==, expected);
}

static void
fill(Fixture *fixture)
{
	fixture_open(fixture, false);
	put_made(fixture, fixture->inbox, 1, 12);
	for (uint32_t uid = 1; uid <= 10; uid++)
		deliver_made(fixture, fixture->inbox, uid, NULL, uid);
}

static void
test_words_of_bodies_are_found(void)
{
	Fixture fixture;
	fill(&fixture);
	assert_hits(&fixture, "word7", true, "");	/* nothing is indexed yet: no error */
	index_all(&fixture);
	assert_hits(&fixture, "word7", true, "7");
	assert_hits(&fixture, "body from:p2", true, "7 2");
	assert_hits(&fixture, "body is:unread", true, "9 6 3");
	assert_hits(&fixture, "body is:flagged", true, "7");
	assert_hits(&fixture, "body -from:p2 -is:unread", true, "10 8 5 4 1");
	assert_hits(&fixture, "word3 or word4", true, "4 3");
	assert_hits(&fixture, "(word3 or word4) and not word4", true, "3");
	assert_hits(&fixture, "body in:archive", true, "");
	assert_hits(&fixture, "body in:Inbox account:other", true, "");
	assert_hits(&fixture, "body after:2100", true, "");
	assert_hits(&fixture, "word5 before:2100", true, "5");
	fixture_close(&fixture);
}

static void
test_envelopes_are_found_without_index(void)
{
	Fixture fixture;
	fill(&fixture);
	assert_hits(&fixture, "subject:number from:wei", false, "8 3");
	assert_hits(&fixture, "jose", false, "9 4");	/* accents do not matter */
	assert_hits(&fixture, "is:flagged", false, "7");
	assert_hits(&fixture, "is:unread -from:santoso", false, "12 9 3");
	assert_hits(&fixture, "nam", false, "");
	g_autoptr(GPtrArray) found = store_search_envelopes(fixture.ui, "numb wei", 50, NULL);
	g_assert_cmpuint(found->len, ==, 2);
	fixture_close(&fixture);
}

static void
test_mistakes_get_a_sentence(void)
{
	static const char *const wrong[] = { "", "  ", "\"open", "(a", "a)", "from:", "before:soon", "after:2024-13-45", "has:money", "or a", "a and", "tag:", "body:" };
	Fixture fixture;
	fill(&fixture);
	index_all(&fixture);
	g_autoptr(Index) index = index_open(fixture.dir, false, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autoptr(GError) error = NULL;
		g_test_message("%s", wrong[i]);
		g_assert_null(index_search(index, wrong[i], 10, &error));
		g_assert_error(error, SUREL_ERROR, ERROR_INPUT);
		g_autoptr(GError) again = NULL;
		g_assert_null(search_resolve(&fixture.ui, 1, wrong[i], NULL, 10, &again));
		g_assert_error(again, SUREL_ERROR, ERROR_INPUT);
	}
	static const char *const odd[] = { "a:b", "*", "-", "x-y", "foo@bar", "is:nothing word1", "is:", "'", "a \\ b", "subject:\"number 3\"", "NEAR", "from:*", "日本" };
	for (size_t i = 0; i < G_N_ELEMENTS(odd); i++) {	/* no crash, and no error but about input */
		g_autoptr(GError) error = NULL;
		g_autoptr(GPtrArray) ids = index_search(index, odd[i], 10, &error);
		g_assert_true(ids || g_error_matches(error, SUREL_ERROR, ERROR_INPUT));
		g_autoptr(GError) again = NULL;
		g_autoptr(GPtrArray) found = search_resolve(&fixture.ui, 1, odd[i], NULL, 10, &again);
		g_assert_true(found || g_error_matches(again, SUREL_ERROR, ERROR_INPUT));
	}
	fixture_close(&fixture);
}

static void
test_flags_and_moves_follow(void)
{
	Fixture fixture;
	fill(&fixture);
	index_all(&fixture);
	g_autoptr(GPtrArray) all = list_all(fixture.ui, fixture.inbox, false, LIST_ALL);
	MsgId id = ((Msg *)all->pdata[3])->id;	/* number 9 */
	g_assert_true(store_intent_flags(fixture.ui, &id, 1, FLAG_SEEN | FLAG_FLAGGED, 0, NULL, NULL));
	g_assert_true(store_intent_move(fixture.ui, &id, 1, fixture.archive, NULL, NULL));
	assert_hits(&fixture, "word9 in:archive is:flagged", true, "9");	/* not applied yet, and found all the same */
	g_assert_true(store_apply_pending(fixture.worker, NULL, NULL));
	index_all(&fixture);
	assert_hits(&fixture, "(word9 and tag:flagged) or tag:nothing", true, "9");
	assert_hits(&fixture, "tag:archive", true, "9");
	g_autofree char *path = store_path(fixture.ui, id, NULL);
	g_assert_true(g_str_has_suffix(path, ":2,FS"));
	g_assert_nonnull(strstr(path, "/Archive/cur/"));
	g_assert_true(store_intent_delete(fixture.ui, &id, 1, NULL, NULL));
	g_assert_true(store_apply_pending(fixture.worker, NULL, NULL));
	index_all(&fixture);
	g_autoptr(GPtrArray) gone = ask(&fixture, "word9");
	g_assert_cmpuint(gone->len, ==, 0);
	g_assert_cmpuint(check_problems(fixture.worker), ==, 0);
	fixture_close(&fixture);
}

static void
test_deleted_database_is_made_again(void)
{
	Fixture fixture;
	fill(&fixture);
	index_all(&fixture);
	g_autofree char *database = fixture_path(&fixture, "mail/.notmuch");
	remove_tree(database);
	assert_hits(&fixture, "word7", true, "");
	index_all(&fixture);
	assert_hits(&fixture, "word7", true, "7");
	g_assert_true(index_rebuild(fixture.dir, &fixture.worker, 1, NULL));
	index_all(&fixture);
	assert_hits(&fixture, "word7", true, "7");
	fixture_close(&fixture);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/store/search/words-of-bodies-are-found", test_words_of_bodies_are_found);
	g_test_add_func("/store/search/envelopes-are-found-without-index", test_envelopes_are_found_without_index);
	g_test_add_func("/store/search/mistakes-get-a-sentence", test_mistakes_get_a_sentence);
	g_test_add_func("/store/search/flags-and-moves-follow", test_flags_and_moves_follow);
	g_test_add_func("/store/search/deleted-database-is-made-again", test_deleted_database_is_made_again);
	return g_test_run();
}
