/* tests/unit/test-draft.c: drafts: saved at once, found again after a crash, queued once, taken back */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/app-fixture.h"

#include "src/app/draft.h"

static const char *const one[] = { "rumah", NULL };

static Review *
write_one(const Fixture *fixture, const char *subject, const char *body)
{
	Draft *draft = draft_new();
	g_free(draft->to);
	draft->to = g_strdup("Budi <budi@contoh.test>");
	g_free(draft->subject);
	draft->subject = g_strdup(subject);
	g_free(draft->body);
	draft->body = g_strdup(body);
	app_open_draft(fixture->app, 0, draft, NULL, false);
	Review *review = app_place(fixture->app)->review;
	g_assert_nonnull(review);
	return review;
}

static bool
said(const App *app, const char *text)
{
	for (guint i = 0; i < app->notices->len; i++)
		if (strstr(((Notice *)g_ptr_array_index(app->notices, i))->text, text))
			return true;
	return false;
}

static void
open_list(Fixture *fixture)
{
	fixture_open(fixture, one);
	app_open_folder(fixture->app, 0, fixture_inbox(fixture, 0));
}

static void
test_a_draft_of_a_dead_surel_is_offered_and_resumed(void)
{
	Fixture fixture;
	open_list(&fixture);
	const Review *review = write_one(&fixture, "Halo", "Baris satu\n");
	g_autofree char *id = g_strdup(review->id);
	/* the editor saved, then everything died */
	g_autofree char *path = draft_file(fixture.app, 0, id, ".txt");
	g_assert_true(g_file_set_contents(path, "Baris satu\nBaris dua\n", -1, NULL));
	fixture_reopen(&fixture, one);
	app_open_folder(fixture.app, 0, fixture_inbox(&fixture, 0));
	drafts_offer(fixture.app);
	g_assert_true(said(fixture.app, "1 draft was being written. R resumes it."));
	command_run_line(fixture.app, "resume");
	const Review *again = app_place(fixture.app)->review;
	g_assert_nonnull(again);
	g_assert_cmpstr(again->id, ==, id);
	g_assert_cmpstr(again->draft->subject, ==, "Halo");
	g_assert_cmpstr(again->draft->body, ==, "Baris satu\nBaris dua\n");
	fixture_close(&fixture);
}

static void
test_a_kept_draft_is_not_called_unfinished(void)
{
	Fixture fixture;
	open_list(&fixture);
	app_postpone(fixture.app, write_one(&fixture, "Nanti", "isi\n"));
	fixture_reopen(&fixture, one);
	app_open_folder(fixture.app, 0, fixture_inbox(&fixture, 0));
	drafts_offer(fixture.app);
	g_assert_false(said(fixture.app, "being written"));
	command_run_line(fixture.app, "resume");
	g_assert_cmpstr(app_place(fixture.app)->review->draft->subject, ==, "Nanti");
	fixture_close(&fixture);
}

static void
test_sending_queues_once_and_undo_brings_the_draft_back(void)
{
	Fixture fixture;
	open_list(&fixture);
	Store *store = app_account(fixture.app, 0)->store;
	app_send(fixture.app, write_one(&fixture, "Kirim", "isi\n"));
	g_autoptr(GPtrArray) queued = store_outbox(store, NULL);
	g_autoptr(GPtrArray) drafts = store_drafts(store, NULL);
	g_assert_cmpuint(queued->len, ==, 1);
	g_assert_cmpuint(drafts->len, ==, 0);
	g_assert_cmpint(app_place(fixture.app)->kind, ==, PLACE_LIST);
	command_run_line(fixture.app, "undo");
	g_autoptr(GPtrArray) after = store_outbox(store, NULL);
	g_assert_cmpuint(after->len, ==, 0);
	g_assert_cmpstr(app_place(fixture.app)->review->draft->subject, ==, "Kirim");
	g_assert_cmpstr(app_place(fixture.app)->review->draft->body, ==, "isi\n");
	fixture_close(&fixture);
}

static void
test_doubts_are_asked_before_sending(void)
{
	static const struct { const char *subject, *body; bool asks; } cases[] = {
		{ "Halo", "Apa kabar?\n", false },
		{ "", "Apa kabar?\n", true },
		{ "Laporan", "Berkasnya terlampir.\n", true },
		{ "Report", "See the attached file.\n", true },
		{ "Report", "Enclosed is the bill.\n", true },
		{ "Re: Report", "Thanks!\n> See the attached file.\n", false },
		{ "Re: Laporan", "Terima kasih\n-- \nLampiran Jaya\n", false },
		{ "Gempa", "Kereta melaju.\n", false },
	};
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		Draft *draft = draft_new();
		g_free(draft->subject);
		draft->subject = g_strdup(cases[i].subject);
		g_free(draft->body);
		draft->body = g_strdup(cases[i].body);
		g_autofree char *doubt = draft_doubt(draft);
		g_assert_cmpint(doubt != NULL, ==, cases[i].asks);
		draft_free(draft);
	}
}

static void
test_bad_recipients_and_attachments_keep_the_draft(void)
{
	Fixture fixture;
	open_list(&fixture);
	Review *review = write_one(&fixture, "Halo", "isi\n");
	g_free(review->draft->to);
	review->draft->to = g_strdup("budi di kantor");
	app_send(fixture.app, review);
	g_assert_true(said(fixture.app, "is not an address"));
	g_free(review->draft->to);
	review->draft->to = g_strdup("");
	app_send(fixture.app, review);
	g_assert_true(said(fixture.app, "Nobody to send it to"));
	g_assert_false(app_attach(fixture.app, review, "/no/such/file"));
	g_assert_cmpuint(review->draft->attachments->len, ==, 0);
	g_autoptr(GPtrArray) queued = store_outbox(app_account(fixture.app, 0)->store, NULL);
	g_assert_cmpuint(queued->len, ==, 0);
	g_assert_nonnull(app_place(fixture.app)->review);
	fixture_close(&fixture);
}

static void
test_saving_never_takes_a_name_that_is_there(void)
{
	g_autofree char *dir = g_dir_make_tmp("surel-save-XXXXXX", NULL);
	const char *const wanted[] = { "a.pdf", "a (2).pdf", "a (3).pdf" };
	for (unsigned i = 0; i < G_N_ELEMENTS(wanted); i++) {
		g_autofree char *path = path_unused(dir, "../x/a.pdf"), *name = g_path_get_basename(path), *folder = g_path_get_dirname(path);
		g_assert_cmpstr(folder, ==, dir);
		if (i == 0)
			g_assert_null(strstr(name, "/"));
		g_assert_true(g_file_set_contents(path, "x", 1, NULL));
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(wanted); i++) {
		g_autofree char *path = path_unused(dir, "a.pdf"), *name = g_path_get_basename(path);
		g_assert_true(g_file_set_contents(path, "x", 1, NULL));
		g_assert_cmpuint(strlen(name), >=, strlen("a.pdf"));
	}
	fixture_remove(dir);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/draft/crash/offered-and-resumed", test_a_draft_of_a_dead_surel_is_offered_and_resumed);
	g_test_add_func("/draft/postpone/not-called-unfinished", test_a_kept_draft_is_not_called_unfinished);
	g_test_add_func("/draft/send/queues-once-undo-brings-back", test_sending_queues_once_and_undo_brings_the_draft_back);
	g_test_add_func("/draft/send/doubts-are-asked", test_doubts_are_asked_before_sending);
	g_test_add_func("/draft/send/bad-recipients-keep-the-draft", test_bad_recipients_and_attachments_keep_the_draft);
	g_test_add_func("/draft/save/never-over-another-file", test_saving_never_takes_a_name_that_is_there);
	return g_test_run();
}
