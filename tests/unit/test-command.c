/* tests/unit/test-command.c: lookup, nearest name, preconditions, completion of command lines */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/app-fixture.h"

static const char *const two[] = { "kantor", "rumah", NULL };

static const char *
last_notice(const App *app)
{
	return app->notices->len ? ((Notice *)g_ptr_array_index(app->notices, app->notices->len - 1))->text : "";
}

static void
test_names_are_found_whole_or_by_a_unique_beginning(void)
{
	CommandId id = COMMAND_COUNT;
	g_assert_true(command_find("archive", &id));
	g_assert_cmpint(id, ==, COMMAND_ARCHIVE);
	g_assert_true(command_find("arch", &id) == false);	/* archive, archive-thread */
	g_assert_true(command_find("unma", &id));
	g_assert_cmpint(id, ==, COMMAND_UNMARK);
	g_assert_true(command_find("set", &id));
	g_assert_cmpint(id, ==, COMMAND_SET);
	g_assert_false(command_find("", &id));
	g_assert_false(command_find("xyzzy", &id));
	for (unsigned i = 0; i < COMMAND_COUNT; i++) {
		g_assert_true(command_find(command_row((CommandId)i)->name, &id));
		g_assert_cmpint(id, ==, i);
		g_assert_nonnull(command_row((CommandId)i)->run);
	}
}

static void
open_list(Fixture *fixture)
{
	fixture_open(fixture, two);
	for (unsigned i = 1; i <= 3; i++)
		fixture_add(fixture, 0, i, 1700000000 + i, NULL, 0);
	app_open_folder(fixture->app, 0, fixture_inbox(fixture, 0));
}

static void
test_a_slip_names_the_nearest_command(void)
{
	Fixture fixture;
	open_list(&fixture);
	command_run_line(fixture.app, "archve");
	g_assert_nonnull(strstr(last_notice(fixture.app), "\"archive\""));
	command_run_line(fixture.app, "xyzzyplugh");
	g_assert_nonnull(strstr(last_notice(fixture.app), "No command"));
	command_run_line(fixture.app, "arch");
	g_assert_nonnull(strstr(last_notice(fixture.app), "beginning of 2 commands"));
	command_run_line(fixture.app, "save");
	g_assert_nonnull(strstr(last_notice(fixture.app), "parts"));
	command_run_line(fixture.app, "   ");
	fixture_close(&fixture);
}

static bool
has_completion(const GPtrArray *rows, const char *text, const char *note)
{
	for (guint i = 0; i < rows->len; i++) {
		const Completion *row = g_ptr_array_index(rows, i);
		if (g_str_equal(row->text, text) && (!note || strstr(row->note, note)))
			return true;
	}
	return false;
}

static void
test_completion_knows_names_folders_options_paths(void)
{
	Fixture fixture;
	open_list(&fixture);
	g_autoptr(GPtrArray) names = command_complete(fixture.app, "arch");
	g_assert_true(has_completion(names, "archive", "a "));
	g_assert_true(has_completion(names, "archive-thread", "A "));
	g_autoptr(GPtrArray) folders = command_complete(fixture.app, "move ars");
	g_assert_true(has_completion(folders, "Arsip", "kantor"));
	g_assert_true(has_completion(folders, "rumah:Arsip", NULL));
	g_autoptr(GPtrArray) options = command_complete(fixture.app, "set show");
	g_assert_true(has_completion(options, "show_threads", "no"));
	g_autoptr(GPtrArray) values = command_complete(fixture.app, "set theme li");
	g_assert_true(has_completion(values, "light", NULL));
	g_autoptr(GPtrArray) queries = command_complete(fixture.app, "search from:budi is:un");
	g_assert_true(has_completion(queries, "is:unread", NULL));
	g_autoptr(GPtrArray) addresses = command_complete(fixture.app, "compose bud");
	g_assert_true(has_completion(addresses, "Budi <budi@contoh.test>", NULL));
	fixture_close(&fixture);
}

static void
test_every_command_runs_in_every_place_it_names(void)
{
	Fixture fixture;
	open_list(&fixture);
	for (unsigned i = 0; i < COMMAND_COUNT; i++) {
		if (i == COMMAND_SYNC || i == COMMAND_SEARCH)	/* they start workers */
			continue;
		app_open_folder(fixture.app, 0, fixture_inbox(&fixture, 0));
		command_run(fixture.app, (CommandId)i, "", 1);
		if (fixture.app->prompt)
			app_prompt_finish(fixture.app, true);
		g_clear_pointer(&fixture.app->run_argv, g_strfreev);
		fixture.app->quit = false;
	}
	fixture_close(&fixture);
}

/* What the keep role does when it is told. */
static void
apply(const Fixture *fixture)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Store) store = store_open(NULL, app_account(fixture->app, 0)->account->name, STORE_WORKER, &error);
	g_assert_no_error(error);
	g_assert_true(store_apply_pending(store, NULL, &error));
	app_refresh(fixture->app);
}

static void
test_undo_takes_changes_back_newest_first(void)
{
	Fixture fixture;
	open_list(&fixture);
	Mailbox *mailbox = app_mailbox(fixture.app);
	MsgRef ref = mailbox_cursor(mailbox)->ref;
	command_run_line(fixture.app, "flag");
	command_run_line(fixture.app, "archive");
	apply(&fixture);
	g_autoptr(Msg) archived = app_msg(fixture.app, ref);
	g_assert_cmpint(archived->folder.v, !=, fixture_inbox(&fixture, 0).v);
	command_run_line(fixture.app, "undo");
	g_autoptr(Msg) back = app_msg(fixture.app, ref);
	g_assert_cmpint(back->folder.v, ==, fixture_inbox(&fixture, 0).v);
	g_assert_cmpuint(back->flags & FLAG_FLAGGED, ==, FLAG_FLAGGED);
	command_run_line(fixture.app, "undo");
	g_autoptr(Msg) plain = app_msg(fixture.app, ref);
	g_assert_cmpuint(plain->flags & FLAG_FLAGGED, ==, 0);
	fixture_close(&fixture);
}

static void
test_delete_moves_to_trash_and_asks_there(void)
{
	Fixture fixture;
	open_list(&fixture);
	MsgRef ref = mailbox_cursor(app_mailbox(fixture.app))->ref;
	command_run_line(fixture.app, "delete");
	g_assert_null(fixture.app->prompt);
	apply(&fixture);
	g_autoptr(Msg) msg = app_msg(fixture.app, ref);
	g_autoptr(Folder) folder = store_folder(app_account(fixture.app, 0)->store, msg->folder, NULL);
	g_assert_cmpstr(folder->name, ==, "Trash");
	app_open_folder(fixture.app, 0, folder->id);
	command_run_line(fixture.app, "delete");
	g_assert_nonnull(fixture.app->prompt);
	g_assert_cmpint(fixture.app->prompt->kind, ==, PROMPT_YES_NO);
	app_prompt_finish(fixture.app, true);
	g_autoptr(Msg) still = app_msg(fixture.app, ref);
	g_assert_nonnull(still);
	fixture_close(&fixture);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/command/find/whole-or-unique-beginning", test_names_are_found_whole_or_by_a_unique_beginning);
	g_test_add_func("/command/run/slip-names-the-nearest", test_a_slip_names_the_nearest_command);
	g_test_add_func("/command/complete/names-folders-options-paths", test_completion_knows_names_folders_options_paths);
	g_test_add_func("/command/run/every-command-in-a-list", test_every_command_runs_in_every_place_it_names);
	g_test_add_func("/command/undo/newest-first", test_undo_takes_changes_back_newest_first);
	g_test_add_func("/command/delete/trash-then-asks", test_delete_moves_to_trash_and_asks_there);
	return g_test_run();
}
