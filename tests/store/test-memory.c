/* tests/store/test-memory.c: outbox, UIDL memory, rates, drafts, addresses */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gstdio.h>
#include <string.h>

#include "tests/store/fixture.h"

static int64_t
add(Store *store, int64_t not_before)
{
	g_autofree char *text = make_message(1, NULL, 1700000000);
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	g_autoptr(GPtrArray) rcpts = g_ptr_array_new();
	g_byte_array_append(bytes, (const guint8 *)text, (guint)strlen(text));
	g_ptr_array_add(rcpts, (char *)"a@contoh.id");
	g_ptr_array_add(rcpts, (char *)"b@contoh.id");
	BuiltMail mail = { .bytes = bytes, .sent_copy = bytes, .mail_from = (char *)"me@contoh.id", .recipients = rcpts, .message_id = (char *)"m1@contoh.id" };
	int64_t id = 0;
	g_assert_true(store_outbox_add(store, &mail, "hello", "To: a@contoh.id\n\nbody\n", "test/m3@contoh.id", false, not_before, &id, NULL));
	return id;
}

static void
test_outbox_row_has_one_owner(void)
{
	Fixture fixture;
	fixture_open(&fixture, false);
	put_made(&fixture, fixture.inbox, 1, 5);
	int64_t id = add(fixture.ui, 100), next = 0;
	g_assert_null(store_outbox_due(fixture.worker, 99, &next, NULL));	/* it can still be taken back */
	g_assert_cmpint(next, ==, 100);
	g_autoptr(Outbox) due = store_outbox_due(fixture.worker, 100, &next, NULL);
	g_assert_cmpint(due->id, ==, id);
	g_assert_cmpuint(due->rcpts->len, ==, 2);
	g_assert_cmpstr(due->subject, ==, "hello");
	unsigned waiting = 1u << OUTBOX_HELD | 1u << OUTBOX_QUEUED;
	g_autoptr(GError) error = NULL;
	g_assert_true(store_outbox_move(fixture.worker, id, waiting, OUTBOX_SENDING, NULL, 0, &error));
	g_assert_false(store_outbox_move(fixture.ui, id, waiting, OUTBOX_CANCELLED, NULL, 0, &error));
	g_assert_no_error(error);
	g_assert_true(store_outbox_move(fixture.worker, id, 1u << OUTBOX_SENDING, OUTBOX_COMMITTING, NULL, 0, &error));
	g_assert_true(store_outbox_recover(fixture.worker, &error));
	g_autoptr(Outbox) unsure = store_outbox_get(fixture.worker, id, &error);
	g_assert_cmpint(unsure->state, ==, OUTBOX_UNKNOWN);	/* never sent again without the person's word */
	g_assert_null(store_outbox_due(fixture.worker, 1000, &next, &error));
	g_assert_true(store_outbox_move(fixture.ui, id, 1u << OUTBOX_UNKNOWN, OUTBOX_ACCEPTED, "seen", 0, &error));
	g_assert_true(store_outbox_file(fixture.worker, id, true, &error));
	g_assert_true(store_outbox_file(fixture.worker, id, true, &error));	/* again: still one copy */
	g_assert_true(store_apply_pending(fixture.worker, NULL, &error));
	g_autoptr(Folder) sent = store_folder(fixture.ui, fixture.sent, &error);
	g_assert_cmpint(sent->total, ==, 1);
	g_autoptr(GPtrArray) source = store_msgs_by_message_id(fixture.ui, "m3@contoh.id", &error);
	g_assert_true(((Msg *)source->pdata[0])->flags & FLAG_ANSWERED);
	fixture_close(&fixture);
}

static void
count_stray(void *data, const char *line)
{
	unsigned *named = data;
	*named += strstr(line, "stray.sent") != NULL;
}

/* ops.db is gone or of yesterday: unsent messages come back from their files, and nothing is sent by itself. */
static void
test_unsent_messages_outlive_the_journal(void)
{
	for (int from_backup = 0; from_backup < 2; from_backup++) {
		Fixture fixture;
		g_autoptr(GError) error = NULL;
		fixture_open(&fixture, false);
		g_autofree char *ops = fixture_path(&fixture, "accounts/test/ops.db"), *backup = g_strconcat(ops, ".bak", NULL);
		g_autofree char *wal = g_strconcat(ops, "-wal", NULL), *shm = g_strconcat(ops, "-shm", NULL);
		g_autofree char *stray = fixture_path(&fixture, "accounts/test/outbox/stray.sent");
		if (from_backup) {	/* one message is in the copy, the other came later */
			add(fixture.ui, 100);
			g_unlink(backup);
			fixture_reopen(&fixture);
		}
		add(fixture.ui, 100);
		g_assert_cmpuint(check_problems(fixture.ui), ==, 0);
		g_assert_true(g_file_set_contents(stray, "x", -1, NULL));
		unsigned problems = 0, named = 0;
		g_assert_true(store_check(fixture.ui, count_stray, &named, &problems, &error));
		g_assert_cmpuint(named, ==, 1);
		g_unlink(stray);
		g_clear_pointer(&fixture.ui, store_close);
		g_clear_pointer(&fixture.worker, store_close);
		g_unlink(wal);
		g_unlink(shm);
		g_assert_cmpint(from_backup ? g_rename(backup, ops) : g_unlink(ops), ==, 0);
		fixture_reopen(&fixture);
		fixture_reopen(&fixture);	/* they come once */
		int64_t next = 0;
		g_assert_null(store_outbox_due(fixture.worker, INT64_MAX / 2, &next, &error));
		g_assert_no_error(error);
		g_autoptr(GPtrArray) outbox = store_outbox(fixture.ui, &error);
		g_assert_cmpuint(outbox->len, ==, from_backup ? 2 : 1);
		const Outbox *last = outbox->pdata[outbox->len - 1];
		g_assert_cmpint(last->state, ==, OUTBOX_UNKNOWN);
		g_assert_cmpstr(last->subject, ==, "subject number 1");
		g_assert_cmpstr(last->mail_from, ==, "p1@contoh.id");
		g_assert_cmpuint(last->rcpts->len, ==, 1);
		g_assert_cmpstr(((const OutboxRcpt *)last->rcpts->pdata[0])->address, ==, "me@contoh.id");
		g_assert_nonnull(last->draft_path);
		g_assert_true(g_file_test(last->path, G_FILE_TEST_EXISTS) && g_file_test(last->sent_path, G_FILE_TEST_EXISTS));
		g_assert_cmpuint(check_problems(fixture.ui), ==, 0);
		fixture_close(&fixture);
	}
}

static void
test_uidl_memory_outlives_empty_listings(void)
{
	Fixture fixture;
	fixture_open(&fixture, true);
	char *const uidls[] = { (char *)"one", (char *)"two" };
	int64_t sizes[] = { 10, 20 };
	g_assert_true(store_uidl_seen(fixture.worker, uidls, sizes, 2, 1000, NULL));
	MsgId id = deliver_made(&fixture, fixture.inbox, 0, "one", 1);
	g_assert_true(store_uidl_verify(fixture.worker, "one", NULL));
	g_assert_false(store_uidl_verify(fixture.worker, "two", NULL));
	g_assert_false(store_uidl_verify(fixture.worker, "three", NULL));
	g_assert_true(store_intent_delete(fixture.ui, &id, 1, NULL, NULL));
	g_assert_true(store_apply_pending(fixture.worker, NULL, NULL));
	g_autoptr(GHashTable) known = store_uidls(fixture.worker, NULL);
	const Uidl *one = g_hash_table_lookup(known, "one");
	g_assert_cmpint(one->state, ==, UIDL_STORED);
	g_assert_cmpint(one->msg.v, ==, 0);	/* deleted here, remembered all the same */
	g_assert_true(store_uidl_verify(fixture.worker, "one", NULL));	/* its file is among the removed for 30 days */
	g_assert_true(store_uidl_state(fixture.worker, (char *const *)&uidls[1], 1, UIDL_GONE, NULL));
	g_assert_true(store_uidl_forget(fixture.worker, 500, NULL));
	g_autoptr(GHashTable) left = store_uidls(fixture.worker, NULL);
	g_assert_cmpuint(g_hash_table_size(left), ==, 1);
	fixture_close(&fixture);
}

static void
test_rate_is_kept_over_restarts(void)
{
	Fixture fixture;
	fixture_open(&fixture, true);
	int64_t when = 0;
	for (unsigned i = 0; i < 5; i++)
		g_assert_true(store_rate_take(fixture.worker, 10, 1000000, &when, NULL));
	fixture_reopen(&fixture);
	g_assert_false(store_rate_take(fixture.worker, 1, 1000001, &when, NULL));
	g_assert_cmpint(when, >, 1000001);
	g_assert_true(store_rate_take(fixture.worker, 1, when, &when, NULL));
	fixture_close(&fixture);
}

static void
test_drafts_and_addresses(void)
{
	Fixture fixture;
	fixture_open(&fixture, false);
	put_made(&fixture, fixture.inbox, 1, 9);
	g_assert_true(store_draft_save(fixture.ui, "d1", "To: x\n\none", NULL));
	g_assert_true(store_draft_save(fixture.ui, "d1", "To: x\n\ntwo", NULL));
	g_autofree char *text = store_draft_load(fixture.ui, "d1", NULL);
	g_assert_cmpstr(text, ==, "To: x\n\ntwo");
	g_autoptr(GPtrArray) drafts = store_drafts(fixture.ui, NULL);
	g_assert_cmpuint(drafts->len, ==, 1);
	g_assert_true(store_draft_remove(fixture.ui, "d1", NULL));
	g_autoptr(GError) error = NULL;
	g_assert_false(store_draft_save(fixture.ui, "../d1", "x", &error));
	g_assert_error(error, SUREL_ERROR, ERROR_INPUT);
	g_autoptr(GPtrArray) found = store_complete_address(fixture.ui, "san", 10, NULL);
	g_assert_cmpuint(found->len, ==, 1);
	g_assert_cmpstr(found->pdata[0], ==, "Budi Santoso <p1@contoh.id>");
	fixture_close(&fixture);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/store/outbox/row-has-one-owner", test_outbox_row_has_one_owner);
	g_test_add_func("/store/outbox/unsent-messages-outlive-the-journal", test_unsent_messages_outlive_the_journal);
	g_test_add_func("/store/uidl/memory-outlives-empty-listings", test_uidl_memory_outlives_empty_listings);
	g_test_add_func("/store/rate/is-kept-over-restarts", test_rate_is_kept_over_restarts);
	g_test_add_func("/store/drafts-and-addresses", test_drafts_and_addresses);
	return g_test_run();
}
