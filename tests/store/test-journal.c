/* tests/store/test-journal.c: intents show at once, are applied once, can be taken back, and reach the server's queue */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "tests/store/fixture.h"

static void
counters(Store *store, FolderId id, int64_t total, int64_t unread, int64_t flagged)
{
	g_autoptr(Folder) folder = store_folder(store, id, NULL);
	g_assert_cmpint(folder->total, ==, total);
	g_assert_cmpint(folder->unread, ==, unread);
	g_assert_cmpint(folder->flagged, ==, flagged);
}

static void
apply(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;
	g_assert_true(store_apply_pending(fixture->worker, NULL, &error));
	g_assert_no_error(error);
}

static void
test_flags_show_before_and_after_apply(void)
{
	Fixture fixture;
	fixture_open(&fixture, false);
	put_made(&fixture, fixture.inbox, 1, 9);
	counters(fixture.ui, fixture.inbox, 9, 3, 1);
	MsgId id = newest(fixture.ui, fixture.inbox);	/* number 9: unread */
	g_assert_true(store_intent_flags(fixture.ui, &id, 1, FLAG_SEEN | FLAG_FLAGGED, 0, NULL, NULL));
	counters(fixture.ui, fixture.inbox, 9, 2, 2);
	counters(fixture.worker, fixture.inbox, 9, 2, 2);
	g_autoptr(Msg) msg = store_msg(fixture.ui, id, NULL);
	g_assert_cmpuint(msg->flags, ==, FLAG_SEEN | FLAG_FLAGGED);
	g_autofree char *before = list_text(fixture.ui, fixture.inbox, true, LIST_ALL);
	apply(&fixture);
	g_autofree char *after = list_text(fixture.ui, fixture.inbox, true, LIST_ALL);
	g_assert_cmpstr(before, ==, after);
	counters(fixture.ui, fixture.inbox, 9, 2, 2);
	g_autoptr(GPtrArray) due = store_ops_due(fixture.worker, NULL);
	g_assert_cmpuint(due->len, ==, 1);
	Op *op = due->pdata[0];
	g_assert_cmpuint(op->uid, ==, 9);
	g_assert_cmpuint(op->uidvalidity, ==, 7);
	g_assert_cmpuint(op->set, ==, FLAG_SEEN | FLAG_FLAGGED);
	g_assert_true(store_op_inflight(fixture.worker, op, 7, 10, NULL));
	g_assert_true(store_op_done(fixture.worker, op, 0, NULL));
	g_assert_cmpint(store_pending(fixture.ui), ==, 0);
	fixture_close(&fixture);
}

static void
test_move_shows_and_is_adopted(void)
{
	Fixture fixture;
	fixture_open(&fixture, false);
	put_made(&fixture, fixture.inbox, 1, 9);
	MsgId id = deliver_made(&fixture, fixture.inbox, 9, NULL, 9);
	g_assert_cmpint(newest(fixture.ui, fixture.inbox).v, ==, id.v);
	g_assert_true(store_intent_move(fixture.ui, &id, 1, fixture.archive, NULL, NULL));
	counters(fixture.ui, fixture.inbox, 8, 2, 1);
	counters(fixture.ui, fixture.archive, 1, 1, 0);
	g_autoptr(GPtrArray) there = list_all(fixture.ui, fixture.archive, true, LIST_ALL);
	g_assert_cmpuint(there->len, ==, 1);
	g_autofree char *bytes = NULL;
	size_t size = 0;
	bool full = false;
	g_assert_true(store_read(fixture.ui, id, &bytes, &size, &full, NULL));
	g_assert_true(full);
	g_autoptr(GArray) hidden = store_op_hidden_uids(fixture.worker, "Inbox", NULL);
	g_assert_cmpuint(hidden->len, ==, 1);
	g_assert_cmpuint(g_array_index(hidden, uint32_t, 0), ==, 9);
	apply(&fixture);
	put_made(&fixture, fixture.inbox, 9, 1);	/* the server still has it: it does not come back */
	counters(fixture.ui, fixture.inbox, 8, 2, 1);
	g_autoptr(GPtrArray) due = store_ops_due(fixture.worker, NULL);
	g_assert_cmpuint(due->len, ==, 1);
	g_assert_true(store_op_inflight(fixture.worker, due->pdata[0], 7, 1, NULL));
	g_assert_true(store_op_done(fixture.worker, due->pdata[0], 0, NULL));
	put_made(&fixture, fixture.archive, 9, 1);	/* pulled in the target: adopted, not doubled */
	counters(fixture.ui, fixture.archive, 1, 1, 0);
	g_autoptr(Msg) msg = store_msg(fixture.ui, id, NULL);
	g_assert_cmpuint(msg->uid, ==, 9);
	g_autofree char *path = store_path(fixture.ui, id, NULL);
	g_assert_nonnull(strstr(path, "/Archive/cur/"));
	g_assert_cmpuint(check_problems(fixture.worker), ==, 0);
	fixture_close(&fixture);
}

static void
test_undo_takes_back_before_and_after_push(void)
{
	Fixture fixture;
	int64_t group = 0;	/* who asks for the group can take it back */
	fixture_open(&fixture, false);
	put_made(&fixture, fixture.inbox, 1, 9);
	MsgId id = newest(fixture.ui, fixture.inbox);
	g_autofree char *original = list_text(fixture.ui, fixture.inbox, true, LIST_ALL), *what = NULL;
	for (int applied = 0; applied < 2; applied++) {
		g_assert_true(store_intent_move(fixture.ui, &id, 1, fixture.archive, &group, NULL));
		g_assert_true(store_intent_flags(fixture.ui, &id, 1, FLAG_SEEN, 0, &group, NULL));
		if (applied)
			apply(&fixture);
		g_assert_true(store_undo(fixture.ui, NULL, NULL));
		g_assert_true(store_undo(fixture.ui, &what, NULL));
		g_assert_cmpstr(what, ==, "Moved 1 message to Archive");
		g_clear_pointer(&what, g_free);
		g_autofree char *now = list_text(fixture.ui, fixture.inbox, true, LIST_ALL);
		g_assert_cmpstr(now, ==, original);
		apply(&fixture);
		g_autofree char *then = list_text(fixture.ui, fixture.inbox, true, LIST_ALL);
		g_assert_cmpstr(then, ==, original);
		g_autoptr(GPtrArray) due = store_ops_due(fixture.worker, NULL);
		g_assert_cmpuint(due->len, ==, 0);	/* the server never hears of it */
		g_autoptr(Msg) msg = store_msg(fixture.ui, id, NULL);
		g_assert_cmpuint(msg->uid, ==, 9);
	}
	g_autoptr(GError) error = NULL;
	g_assert_false(store_undo(fixture.ui, NULL, &error));
	g_assert_error(error, SUREL_ERROR, ERROR_NOT_FOUND);
	/* after the push */
	g_assert_true(store_intent_move(fixture.ui, &id, 1, fixture.archive, &group, NULL));
	g_autoptr(GPtrArray) due = store_ops_due(fixture.worker, NULL);
	g_assert_true(store_op_inflight(fixture.worker, due->pdata[0], 7, 1, NULL));
	g_assert_true(store_undo(fixture.ui, NULL, NULL));
	g_assert_true(store_op_done(fixture.worker, due->pdata[0], 55, NULL));
	g_autoptr(GPtrArray) inverse = store_ops_due(fixture.worker, NULL);
	g_assert_cmpuint(inverse->len, ==, 1);
	const Op *op = inverse->pdata[0];
	g_assert_cmpstr(op->folder, ==, "Archive");
	g_assert_cmpstr(op->target, ==, "Inbox");
	g_assert_cmpuint(op->uid, ==, 55);
	g_autofree char *back = list_text(fixture.ui, fixture.inbox, true, LIST_ALL);
	g_assert_cmpstr(back, ==, original);
	fixture_close(&fixture);
}

static void
test_append_shows_and_is_pushed_once(void)
{
	Fixture fixture;
	fixture_open(&fixture, false);
	g_autofree char *text = make_message(1, NULL, 1700000000);
	g_assert_true(store_intent_append(fixture.ui, fixture.sent, text, strlen(text), FLAG_SEEN, NULL, NULL));
	counters(fixture.ui, fixture.sent, 1, 0, 0);
	g_autofree char *before = list_text(fixture.ui, fixture.sent, false, LIST_ALL);
	MsgId early = newest(fixture.ui, fixture.sent);
	apply(&fixture);
	apply(&fixture);
	g_autofree char *after = list_text(fixture.ui, fixture.sent, false, LIST_ALL);
	g_assert_cmpstr(before, ==, after);
	g_autoptr(Msg) same = store_msg(fixture.ui, early, NULL);	/* an id from before the apply still leads to it */
	g_assert_cmpint(same->id.v, ==, newest(fixture.ui, fixture.sent).v);
	g_autoptr(GPtrArray) due = store_ops_due(fixture.worker, NULL);
	g_assert_cmpuint(due->len, ==, 1);
	Op *op = due->pdata[0];
	g_autofree char *bytes = NULL;
	size_t size = 0;
	bool full = false;
	g_assert_true(store_read(fixture.worker, op->msg, &bytes, &size, &full, NULL));
	g_assert_cmpstr(bytes, ==, text);
	g_assert_true(store_op_inflight(fixture.worker, op, 7, 1, NULL));
	g_assert_true(store_op_done(fixture.worker, op, 12, NULL));
	g_autoptr(Msg) msg = store_msg(fixture.ui, newest(fixture.ui, fixture.sent), NULL);
	g_assert_cmpuint(msg->uid, ==, 12);
	g_assert_cmpuint(check_problems(fixture.worker), ==, 0);
	fixture_close(&fixture);
}

static void
test_local_changes_are_in_the_file_names(void)
{
	Fixture fixture;
	fixture_open(&fixture, true);
	MsgId id = deliver_made(&fixture, fixture.inbox, 0, "uidl-1", 3);
	g_assert_true(store_intent_flags(fixture.ui, &id, 1, FLAG_SEEN | FLAG_FLAGGED, 0, NULL, NULL));
	g_assert_true(store_intent_move(fixture.ui, &id, 1, fixture.archive, NULL, NULL));
	apply(&fixture);
	g_autofree char *path = store_path(fixture.ui, id, NULL);
	g_assert_true(g_str_has_suffix(path, ":2,FS"));
	g_assert_nonnull(strstr(path, "/Archive/cur/"));
	g_autoptr(GPtrArray) due = store_ops_due(fixture.worker, NULL);
	g_assert_cmpuint(due->len, ==, 0);
	g_assert_cmpuint(check_problems(fixture.worker), ==, 0);
	int64_t group = 0;
	g_assert_true(store_intent_delete(fixture.ui, &id, 1, &group, NULL));
	apply(&fixture);
	counters(fixture.ui, fixture.archive, 0, 0, 0);
	g_assert_true(store_undo(fixture.ui, NULL, NULL));
	apply(&fixture);
	counters(fixture.ui, fixture.archive, 1, 0, 1);
	g_assert_cmpuint(check_problems(fixture.worker), ==, 0);
	fixture_close(&fixture);
}

static void
test_moves_of_one_message_become_one_command(void)
{
	Fixture fixture;
	fixture_open(&fixture, false);
	put_made(&fixture, fixture.inbox, 1, 9);
	MsgId id = newest(fixture.ui, fixture.inbox);
	g_assert_true(store_intent_move(fixture.ui, &id, 1, fixture.archive, NULL, NULL));
	apply(&fixture);
	g_assert_true(store_intent_flags(fixture.ui, &id, 1, FLAG_ANSWERED, 0, NULL, NULL));
	g_assert_true(store_intent_move(fixture.ui, &id, 1, fixture.trash, NULL, NULL));
	g_autoptr(GPtrArray) due = store_ops_due(fixture.worker, NULL);
	g_assert_cmpuint(due->len, ==, 2);
	const Op *flags = due->pdata[0], *move = due->pdata[1];
	g_assert_cmpint(flags->kind, ==, OP_FLAGS);
	g_assert_cmpuint(flags->uid, ==, 9);
	g_assert_cmpstr(flags->folder, ==, "Inbox");
	g_assert_cmpint(move->kind, ==, OP_MOVE);
	g_assert_cmpstr(move->folder, ==, "Inbox");
	g_assert_cmpstr(move->target, ==, "Trash");
	g_assert_true(store_op_inflight(fixture.worker, due->pdata[1], 7, 1, NULL));
	g_assert_true(store_op_fail(fixture.worker, due->pdata[1], "NO", NULL));	/* refused: it is back where it was */
	counters(fixture.ui, fixture.inbox, 9, 3, 1);
	g_autoptr(Msg) msg = store_msg(fixture.ui, id, NULL);
	g_assert_cmpuint(msg->uid, ==, 9);
	fixture_close(&fixture);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/store/journal/flags-show-before-and-after-apply", test_flags_show_before_and_after_apply);
	g_test_add_func("/store/journal/move-shows-and-is-adopted", test_move_shows_and_is_adopted);
	g_test_add_func("/store/journal/undo-takes-back-before-and-after-push", test_undo_takes_back_before_and_after_push);
	g_test_add_func("/store/journal/append-shows-and-is-pushed-once", test_append_shows_and_is_pushed_once);
	g_test_add_func("/store/journal/local-changes-are-in-the-file-names", test_local_changes_are_in_the_file_names);
	g_test_add_func("/store/journal/moves-of-one-message-become-one-command", test_moves_of_one_message_become_one_command);
	return g_test_run();
}
