/* tests/unit/test-mailbox.c: windows on merged folders: order, cursor, refresh, marks, filter */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/app-fixture.h"

#include <limits.h>

static const char *const one[] = { "rumah", NULL };
static const char *const three[] = { "kantor", "rumah", "toko", NULL };

static Mailbox *
open_inboxes(const Fixture *fixture)
{
	MailboxSource sources[8];
	guint n = fixture->app->accounts->len;
	for (guint i = 0; i < n; i++)
		sources[i] = (MailboxSource){ i, fixture_inbox(fixture, i) };
	return mailbox_new_folder(fixture->app, sources, n, "test");
}

/* Dates with many ties, so that the merge order within one date is tried, too. */
static void
fill_random(const Fixture *fixture, unsigned account, unsigned n, GRand *rand)
{
	g_autofree int64_t *dates = g_new(int64_t, n + 1);
	for (unsigned i = 0; i < n; i++)
		dates[i] = 1700000000 + g_rand_int_range(rand, 0, 200) * 60;
	fixture_fill(fixture, account, dates, n);
}

typedef struct Seen { MsgRef ref; int64_t date; } Seen;

/* Every row, top to bottom, by moving the cursor through windows of height lines. */
static GArray *
walk(Mailbox *mailbox, unsigned height)
{
	GArray *seen = g_array_new(FALSE, TRUE, sizeof(Seen));
	int cursor = 0;
	mailbox_move(mailbox, INT_MIN);
	for (;;) {
		mailbox_window(mailbox, height, &cursor);
		const MailboxRow *row = mailbox_cursor(mailbox);
		if (!row)
			return seen;
		Seen one_row = { row->ref, row->msg->date };
		const Seen *last = seen->len ? &g_array_index(seen, Seen, seen->len - 1) : NULL;
		if (last && last->ref.account == row->ref.account && last->ref.id.v == row->ref.id.v)
			return seen;
		g_array_append_val(seen, one_row);
		mailbox_move(mailbox, 1);
	}
}

static void
assert_ordered(const GArray *seen)
{
	g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (guint i = 0; i < seen->len; i++) {
		const Seen *row = &g_array_index(seen, Seen, i);
		g_assert_true(g_hash_table_add(known, g_strdup_printf("%u/%" G_GINT64_FORMAT, row->ref.account, row->ref.id.v)));
		if (i)
			g_assert_cmpint(g_array_index(seen, Seen, i - 1).date, >=, row->date);
	}
}

static void
test_merged_list_holds_every_message_once_in_order(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(7);
	Fixture fixture;
	fixture_open(&fixture, three);
	const unsigned sizes[] = { 700, 3, 450 };
	for (unsigned i = 0; i < 3; i++)
		fill_random(&fixture, i, sizes[i], rand);
	Mailbox *mailbox = open_inboxes(&fixture);
	g_autoptr(GArray) down = walk(mailbox, 17);
	g_assert_cmpuint(down->len, ==, 700 + 3 + 450);
	assert_ordered(down);
	/* upwards the same rows come back in reverse */
	int cursor;
	for (guint i = down->len; i-- > 0;) {
		const MailboxRow *row = mailbox_cursor(mailbox);
		const Seen *seen = &g_array_index(down, Seen, i);
		g_assert_cmpuint(row->ref.account, ==, seen->ref.account);
		g_assert_cmpint(row->ref.id.v, ==, seen->ref.id.v);
		mailbox_move(mailbox, -1);
		mailbox_window(mailbox, 17, &cursor);
	}
	mailbox_free(mailbox);
	fixture_close(&fixture);
}

static void
test_last_shows_a_full_screen_of_the_oldest(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(8);
	Fixture fixture;
	fixture_open(&fixture, three);
	for (unsigned i = 0; i < 3; i++)
		fill_random(&fixture, i, 300, rand);
	Mailbox *mailbox = open_inboxes(&fixture);
	int cursor = -1;
	mailbox_move(mailbox, INT_MAX);
	const GPtrArray *window = mailbox_window(mailbox, 20, &cursor);
	g_assert_cmpuint(window->len, ==, 20);
	g_assert_cmpint(cursor, ==, 19);
	int64_t position, total, unread;
	mailbox_position(mailbox, &position, &total, &unread);
	g_assert_cmpint(total, ==, 900);
	g_assert_cmpint(unread, ==, 900);
	g_assert_cmpint(position, ==, 899);
	mailbox_move(mailbox, -100);
	mailbox_position(mailbox, &position, &total, &unread);
	g_assert_cmpint(position, ==, 799);
	mailbox_free(mailbox);
	fixture_close(&fixture);
}

static void
test_long_walk_keeps_few_rows_and_right_positions(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(9);
	Fixture fixture;
	fixture_open(&fixture, one);
	fill_random(&fixture, 0, 5000, rand);
	Mailbox *mailbox = open_inboxes(&fixture);
	int cursor;
	int64_t position, total, unread;
	mailbox_window(mailbox, 20, &cursor);
	for (unsigned i = 0; i < 200; i++) {
		mailbox_page(mailbox, 2);
		mailbox_window(mailbox, 20, &cursor);
		mailbox_position(mailbox, &position, &total, &unread);
		g_assert_cmpint(position, ==, (i + 1) * 20);
	}
	for (unsigned i = 200; i-- > 0;) {
		mailbox_page(mailbox, -2);
		mailbox_window(mailbox, 20, &cursor);
		mailbox_position(mailbox, &position, &total, &unread);
		g_assert_cmpint(position, ==, i * 20);
	}
	mailbox_free(mailbox);
	fixture_close(&fixture);
}

static void
test_cursor_stays_on_its_message_when_mail_comes(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(10);
	Fixture fixture;
	fixture_open(&fixture, three);
	for (unsigned i = 0; i < 3; i++)
		fill_random(&fixture, i, 200, rand);
	Mailbox *mailbox = open_inboxes(&fixture);
	int before, after;
	mailbox_move(mailbox, 50);
	mailbox_window(mailbox, 20, &before);
	MsgRef ref = mailbox_cursor(mailbox)->ref;
	for (unsigned i = 0; i < 5; i++)
		fixture_add(&fixture, i % 3, 1000 + i, 1800000000 + i, NULL, 0);
	mailbox_refresh(mailbox);
	mailbox_window(mailbox, 20, &after);
	g_assert_cmpint(mailbox_cursor(mailbox)->ref.id.v, ==, ref.id.v);
	g_assert_cmpuint(mailbox_cursor(mailbox)->ref.account, ==, ref.account);
	g_assert_cmpint(after, ==, before);
	int64_t position, total, unread;
	mailbox_position(mailbox, &position, &total, &unread);
	g_assert_cmpint(position, ==, 55);
	g_assert_cmpint(total, ==, 605);
	mailbox_free(mailbox);
	fixture_close(&fixture);
}

static void
test_new_mail_shows_at_the_top(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(11);
	Fixture fixture;
	fixture_open(&fixture, one);
	fill_random(&fixture, 0, 100, rand);
	Mailbox *mailbox = open_inboxes(&fixture);
	int cursor;
	mailbox_window(mailbox, 20, &cursor);
	fixture_add(&fixture, 0, 1000, 1700000000, NULL, 0);
	mailbox_refresh(mailbox);
	mailbox_window(mailbox, 20, &cursor);
	g_assert_cmpint(cursor, ==, 0);	/* nobody has used the list yet: the cursor is on the newest */
	mailbox_hold(mailbox);
	fixture_add(&fixture, 0, 1001, 1800000000, NULL, 0);
	mailbox_refresh(mailbox);
	const GPtrArray *window = mailbox_window(mailbox, 20, &cursor);
	g_assert_cmpint(cursor, ==, 1);
	g_assert_cmpint(((MailboxRow *)g_ptr_array_index(window, 0))->msg->date, ==, 1800000000);
	mailbox_free(mailbox);
	fixture_close(&fixture);
}

static void
test_moved_message_leaves_the_cursor_on_the_next(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(12);
	Fixture fixture;
	fixture_open(&fixture, one);
	fill_random(&fixture, 0, 100, rand);
	Mailbox *mailbox = open_inboxes(&fixture);
	int cursor;
	mailbox_move(mailbox, 30);
	mailbox_window(mailbox, 20, &cursor);
	MsgRef moved = mailbox_cursor(mailbox)->ref;
	mailbox_move(mailbox, 1);
	MsgRef next = mailbox_cursor(mailbox)->ref;
	mailbox_move(mailbox, -1);
	unsigned account;
	FolderId target;
	g_assert_true(app_find_folder(fixture.app, "arsip", 0, &account, &target));
	g_assert_true(app_move(fixture.app, &moved, 1, 0, target, false));
	mailbox_refresh(mailbox);
	mailbox_window(mailbox, 20, &cursor);
	g_assert_cmpint(mailbox_cursor(mailbox)->ref.id.v, ==, next.id.v);
	app_undo(fixture.app);
	mailbox_refresh(mailbox);
	g_autoptr(GArray) all = walk(mailbox, 20);
	g_assert_cmpuint(all->len, ==, 100);
	mailbox_free(mailbox);
	fixture_close(&fixture);
}

static void
test_threads_are_never_cut_by_pages(void)
{
	Fixture fixture;
	fixture_open(&fixture, one);
	for (unsigned i = 1; i <= 400; i++) {
		unsigned root = (i - 1) / 5 * 5 + 1;
		g_autofree char *parent = i != root ? g_strdup_printf("m%u@rumah", root) : NULL;
		fixture_add(&fixture, 0, i, 1700000000 + (i * 7919) % 400 * 60, parent, 0);
	}
	Mailbox *mailbox = open_inboxes(&fixture);
	mailbox_set_threaded(mailbox, true);
	mailbox_move(mailbox, INT_MIN);
	int cursor;
	int64_t last = 0;
	g_autoptr(GHashTable) closed = g_hash_table_new(g_int64_hash, g_int64_equal);
	g_autoptr(GArray) threads = g_array_new(FALSE, FALSE, sizeof(int64_t));
	g_array_set_size(threads, 400);
	for (unsigned i = 0; i < 400; i++) {
		mailbox_window(mailbox, 10, &cursor);
		const MailboxRow *row = mailbox_cursor(mailbox);
		if (row->msg->thread != last) {
			g_array_index(threads, int64_t, i) = row->msg->thread;
			g_assert_true(g_hash_table_add(closed, &g_array_index(threads, int64_t, i)));
			last = row->msg->thread;
		}
		mailbox_move(mailbox, 1);
	}
	g_assert_cmpuint(g_hash_table_size(closed), ==, 80);
	mailbox_free(mailbox);
	fixture_close(&fixture);
}

static void
test_next_unread_goes_far_and_wraps(void)
{
	Fixture fixture;
	fixture_open(&fixture, one);
	for (unsigned i = 1; i <= 300; i++)
		fixture_add(&fixture, 0, i, 1700000000 + i, NULL, i == 5 || i == 299 ? 0 : FLAG_SEEN);
	Mailbox *mailbox = open_inboxes(&fixture);
	g_assert_true(mailbox_next_unread(mailbox, false));
	g_assert_cmpstr(mailbox_cursor(mailbox)->msg->subject, ==, "rumah 299");
	g_assert_true(mailbox_next_unread(mailbox, false));
	g_assert_cmpstr(mailbox_cursor(mailbox)->msg->subject, ==, "rumah 5");
	g_assert_true(mailbox_next_unread(mailbox, false));
	g_assert_cmpstr(mailbox_cursor(mailbox)->msg->subject, ==, "rumah 299");
	g_assert_true(mailbox_next_unread(mailbox, true));
	g_assert_cmpstr(mailbox_cursor(mailbox)->msg->subject, ==, "rumah 5");
	mailbox_free(mailbox);
	fixture_close(&fixture);
}

static void
test_filter_shows_only_what_matches(void)
{
	Fixture fixture;
	fixture_open(&fixture, one);
	for (unsigned i = 1; i <= 120; i++)
		fixture_add(&fixture, 0, i, 1700000000 + i, NULL, i % 3 ? FLAG_SEEN : 0);
	Mailbox *mailbox = open_inboxes(&fixture);
	mailbox_filter(mailbox, LIST_UNREAD, NULL);
	g_assert_cmpstr(mailbox_filter_text(mailbox), ==, "unread:");
	g_autoptr(GArray) unread = walk(mailbox, 20);
	g_assert_cmpuint(unread->len, ==, 40);
	mailbox_filter(mailbox, LIST_ALL, "117");
	g_autoptr(GArray) words = walk(mailbox, 20);
	g_assert_cmpuint(words->len, ==, 1);
	mailbox_filter(mailbox, LIST_ALL, NULL);
	g_autoptr(GArray) all = walk(mailbox, 20);
	g_assert_cmpuint(all->len, ==, 120);
	mailbox_free(mailbox);
	fixture_close(&fixture);
}

static void
test_marks_survive_a_refresh(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(13);
	Fixture fixture;
	fixture_open(&fixture, three);
	for (unsigned i = 0; i < 3; i++)
		fill_random(&fixture, i, 50, rand);
	Mailbox *mailbox = open_inboxes(&fixture);
	for (unsigned i = 0; i < 4; i++) {
		mailbox_mark(mailbox, mailbox_cursor(mailbox)->ref, true);
		mailbox_move(mailbox, 3);
	}
	mailbox_refresh(mailbox);
	g_autoptr(GArray) targets = mailbox_targets(mailbox);
	g_assert_cmpuint(targets->len, ==, 4);
	mailbox_move(mailbox, INT_MIN);
	g_assert_true(mailbox_cursor(mailbox)->marked);
	mailbox_unmark_all(mailbox);
	g_autoptr(GArray) single = mailbox_targets(mailbox);
	g_assert_cmpuint(single->len, ==, 1);
	mailbox_free(mailbox);
	fixture_close(&fixture);
}

static void
test_empty_list_bears_every_move(void)
{
	Fixture fixture;
	fixture_open(&fixture, three);
	Mailbox *mailbox = open_inboxes(&fixture);
	int cursor;
	const int moves[] = { 1, -1, INT_MIN, INT_MAX };
	for (unsigned i = 0; i < G_N_ELEMENTS(moves); i++) {
		mailbox_move(mailbox, moves[i]);
		mailbox_page(mailbox, moves[i] > 0 ? 1 : -1);
		g_assert_cmpuint(mailbox_window(mailbox, 20, &cursor)->len, ==, 0);
		g_assert_cmpint(cursor, ==, -1);
	}
	g_assert_null(mailbox_cursor(mailbox));
	g_assert_false(mailbox_next_unread(mailbox, false));
	mailbox_free(mailbox);
	mailbox = mailbox_new_folder(fixture.app, NULL, 0, "no folder yet");
	g_assert_cmpuint(mailbox_window(mailbox, 20, &cursor)->len, ==, 0);
	mailbox_free(mailbox);
	fixture_close(&fixture);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mailbox/merge/every-message-once-in-order", test_merged_list_holds_every_message_once_in_order);
	g_test_add_func("/mailbox/last/full-screen-of-the-oldest", test_last_shows_a_full_screen_of_the_oldest);
	g_test_add_func("/mailbox/page/long-walk-keeps-positions", test_long_walk_keeps_few_rows_and_right_positions);
	g_test_add_func("/mailbox/refresh/cursor-stays-on-its-message", test_cursor_stays_on_its_message_when_mail_comes);
	g_test_add_func("/mailbox/refresh/new-mail-shows-at-the-top", test_new_mail_shows_at_the_top);
	g_test_add_func("/mailbox/refresh/moved-message-leaves-the-next", test_moved_message_leaves_the_cursor_on_the_next);
	g_test_add_func("/mailbox/threads/never-cut-by-pages", test_threads_are_never_cut_by_pages);
	g_test_add_func("/mailbox/next-unread/goes-far-and-wraps", test_next_unread_goes_far_and_wraps);
	g_test_add_func("/mailbox/filter/only-what-matches", test_filter_shows_only_what_matches);
	g_test_add_func("/mailbox/marks/survive-a-refresh", test_marks_survive_a_refresh);
	g_test_add_func("/mailbox/empty/bears-every-move", test_empty_list_bears_every_move);
	return g_test_run();
}
