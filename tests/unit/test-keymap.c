/* tests/unit/test-keymap.c: names of keys, presets of commands.def, bindings of the user */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/fake-app.h"

#include <string.h>

/* What a sequence does: the command's name, ":line", "..." for a prefix, "" for nothing. */
static char *
does(const Keymap *keymap, Scope scope, const char *sequence)
{
	Key keys[8];
	size_t n = 0;
	CommandId command;
	const char *line;
	while (*sequence)
		g_assert_true(key_parse(sequence, &keys[n++], &sequence));
	switch (keymap_lookup(keymap, scope, keys, n, &command, &line)) {
	case KEYMAP_NONE: return g_strdup("");
	case KEYMAP_PREFIX: return g_strdup("...");
	case KEYMAP_COMMAND: return g_strdup(command_row(command)->name);
	case KEYMAP_LINE: return g_strconcat(":", line, NULL);
	}
	return NULL;
}

#define assert_does(keymap, scope, sequence, expected) G_STMT_START { \
	g_autofree char *done = does(keymap, scope, sequence); g_assert_cmpstr(done, ==, expected); } G_STMT_END

static Keymap *
keymap_of(const char *text, GPtrArray *problems)
{
	g_autoptr(Config) config = config_parse("test.conf", text);
	return keymap_new(config, problems);
}

static void
test_key_names_survive_a_round_trip(void)
{
	static const char *const names[] = { "a", "Z", "é", "<C-d>", "<A-v>", "<S-Tab>", "<C-A-x>", "<Enter>", "<Space>", "<F12>", "<PageDown>", "<lt>", "$" };
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		Key key;
		const char *rest;
		g_assert_true(key_parse(names[i], &key, &rest));
		g_assert_cmpstr(rest, ==, "");
		g_autofree char *text = key_print(key);
		g_assert_cmpstr(text, ==, names[i]);
	}
}

static void
test_key_names_that_are_none_are_refused(void)
{
	static const char *const names[] = { "", "<C-", "<C-Nothing>", "<X-a>", "<Enterr>", "\n", "\xff", "<>x>" };
	for (size_t i = 0; i + 1 < G_N_ELEMENTS(names); i++) {
		Key key;
		const char *rest = NULL;
		bool ok = key_parse(names[i], &key, &rest);
		g_assert_true(!ok || (names[i][0] == '<' && key.code == '<'));
	}
}

static void
test_presets_follow_the_scope(void)
{
	Keymap *keymap = keymap_of("", NULL);
	assert_does(keymap, SCOPE_LIST, "d", "delete");
	assert_does(keymap, SCOPE_OUTBOX, "d", "cancel-send");
	assert_does(keymap, SCOPE_READER, "J", "next-message");
	assert_does(keymap, SCOPE_LIST, "J", "next-folder");
	assert_does(keymap, SCOPE_LINKS, "q", "back");
	assert_does(keymap, SCOPE_LIST, "<C-x>", "");
	g_assert_cmpstr(keymap_key_of(keymap, SCOPE_LIST, COMMAND_OPEN), ==, "Enter");
	g_assert_cmpstr(keymap_key_of(keymap, SCOPE_LIST, COMMAND_SEND), ==, "");
	keymap_free(keymap);
}

static void
test_command_of_few_places_comes_first(void)
{
	Keymap *keymap = keymap_of("", NULL);
	assert_does(keymap, SCOPE_REVIEW, "q", "postpone");
	assert_does(keymap, SCOPE_OUTBOX, "<Enter>", "edit");
	assert_does(keymap, SCOPE_PARTS, "<Enter>", "open");
	keymap_free(keymap);
}

/* Two commands may want a key in a place only where one of them is of fewer places. */
static void
test_no_preset_hides_its_equal(void)
{
	for (int a = 0; a < COMMAND_COUNT; a++) {
		for (int b = a + 1; b < COMMAND_COUNT; b++) {
			const CommandRow *first = command_row((CommandId)a), *second = command_row((CommandId)b);
			if (!(first->scopes & second->scopes) || __builtin_popcount(first->scopes) != __builtin_popcount(second->scopes))
				continue;
			g_auto(GStrv) keys = g_strsplit(first->keys, " ", -1), others = g_strsplit(second->keys, " ", -1);
			for (char **key = keys; *key; key++)
				if (**key && g_strv_contains((const char *const *)others, *key))
					g_error("%s and %s both want %s", first->name, second->name, *key);
		}
	}
}

static void
test_bindings_of_the_user_come_first(void)
{
	g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
	Keymap *keymap = keymap_of("[keys list]\nd = archive\ngg = first\nG = last\nzz = move Proyek\n$ = none\n[keys all]\n<F5> = sync\n", problems);
	g_assert_cmpuint(problems->len, ==, 0);
	assert_does(keymap, SCOPE_LIST, "d", "archive");
	assert_does(keymap, SCOPE_READER, "d", "delete");
	assert_does(keymap, SCOPE_LIST, "g", "...");
	assert_does(keymap, SCOPE_LIST, "gg", "first");
	assert_does(keymap, SCOPE_READER, "g", "reply-all");
	assert_does(keymap, SCOPE_LIST, "zz", ":move Proyek");
	assert_does(keymap, SCOPE_LIST, "$", "");
	assert_does(keymap, SCOPE_OUTBOX, "<F5>", "sync");
	g_assert_cmpstr(keymap_key_of(keymap, SCOPE_LIST, COMMAND_ARCHIVE), ==, "d");
	g_assert_cmpstr(keymap_key_of(keymap, SCOPE_LIST, COMMAND_DELETE), ==, "Delete");
	g_assert_cmpstr(keymap_key_of(keymap, SCOPE_LIST, COMMAND_SYNC), ==, "F5");
	g_assert_cmpstr(keymap_key_of(keymap, SCOPE_LIST, COMMAND_REPLY_ALL), ==, "");
	keymap_free(keymap);
}

static void
test_mistakes_are_told_and_left_out(void)
{
	g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
	Keymap *keymap = keymap_of("[keys list]\n<Nothing> = archive\nx = archiv\n[keys nowhere]\ny = archive\n[keys list]\nX = archive\n", problems);
	assert_does(keymap, SCOPE_LIST, "X", "archive");
	assert_does(keymap, SCOPE_LIST, "x", "");
	for (unsigned i = 0; i < problems->len; i++)
		g_assert_nonnull(strstr(g_ptr_array_index(problems, i), "test.conf") ? "" : strstr(g_ptr_array_index(problems, i), ":"));
	g_assert_cmpuint(problems->len, >=, 2);
	keymap_free(keymap);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ui/keys/names-survive-a-round-trip", test_key_names_survive_a_round_trip);
	g_test_add_func("/ui/keys/names-that-are-none-are-refused", test_key_names_that_are_none_are_refused);
	g_test_add_func("/ui/keymap/presets-follow-the-scope", test_presets_follow_the_scope);
	g_test_add_func("/ui/keymap/command-of-few-places-comes-first", test_command_of_few_places_comes_first);
	g_test_add_func("/ui/keymap/no-preset-hides-its-equal", test_no_preset_hides_its_equal);
	g_test_add_func("/ui/keymap/bindings-of-the-user-come-first", test_bindings_of_the_user_come_first);
	g_test_add_func("/ui/keymap/mistakes-are-told-and-left-out", test_mistakes_are_told_and_left_out);
	return g_test_run();
}
