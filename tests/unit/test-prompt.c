/* tests/unit/test-prompt.c: the line editor: graphemes, words, history, completion, yes or no, passwords */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/fake-app.h"

#include <locale.h>
#include <string.h>

static GPtrArray *
complete_fruit(App *app, const char *text)
{
	(void)app;
	static const char *const fruit[] = { "mangga", "manggis", "salak" };
	GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)completion_free);
	const char *word = strrchr(text, ' ') ? strrchr(text, ' ') + 1 : text;
	for (size_t i = 0; i < G_N_ELEMENTS(fruit); i++) {
		if (!g_str_has_prefix(fruit[i], word))
			continue;
		Completion *completion = g_new0(Completion, 1);
		completion->text = g_strdup(fruit[i]);
		completion->note = g_strdup("fruit");
		g_ptr_array_add(list, completion);
	}
	return list;
}

static void
ask(App *app, PromptKind kind, const char *text, bool completes)
{
	app->prompt = g_new0(Prompt, 1);
	app->prompt->kind = kind;
	app->prompt->label = (char *)":";
	app->prompt->text = g_string_new(text);
	app->prompt->cursor = (unsigned)strlen(text);
	app->prompt->chosen = -1;
	app->prompt->complete = completes ? complete_fruit : NULL;
}

static void
press(App *app, const char *keys)
{
	while (*keys) {
		Key key;
		g_assert_true(key_parse(keys, &key, &keys));
		prompt_key(app, key, NULL);
	}
}

/* The text with the cursor as "|". */
static void
check(const App *app, const char *expected)
{
	g_assert_nonnull(app->prompt);
	g_autofree char *shown = g_strdup_printf("%.*s|%s", (int)app->prompt->cursor, app->prompt->text->str, app->prompt->text->str + app->prompt->cursor);
	g_assert_cmpstr(shown, ==, expected);
}

static void
check_asked(App *app, const char *expected)
{
	g_autofree char *asked = fake_asked(app);
	g_assert_cmpstr(asked, ==, expected);
}

static void
test_editing_moves_by_grapheme(void)
{
	App *app = fake_app_new(NULL);
	ask(app, PROMPT_TEXT, "", false);
	press(app, "e");
	prompt_key(app, (Key){ 0x301, 0 }, NULL);
	press(app, "x日<Left><Left>");
	check(app, "e\xcc\x81|x日");
	press(app, "<Backspace>");
	check(app, "|x日");
	press(app, "<End><Backspace>");
	check(app, "x|");
	press(app, "<Home><Delete>");
	check(app, "|");
	press(app, "<Esc>");
	check_asked(app, "(given up);");
	fake_app_free(app);
}

static void
test_editing_by_word(void)
{
	App *app = fake_app_new(NULL);
	ask(app, PROMPT_TEXT, "satu dua tiga", false);
	press(app, "<C-Left><C-Left>");
	check(app, "satu |dua tiga");
	press(app, "<C-w>");
	check(app, "|dua tiga");
	press(app, "<A-f><C-k>");
	check(app, "dua|");
	press(app, "<C-u>");
	check(app, "|");
	press(app, "ok<Enter>");
	check_asked(app, "ok;");
	fake_app_free(app);
}

static void
test_history_is_kept_per_kind(void)
{
	App *app = fake_app_new(NULL);
	static const char *const lines[] = { "satu", "dua", "satu" };
	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		ask(app, PROMPT_SEARCH, lines[i], false);
		press(app, "<Enter>");
	}
	ask(app, PROMPT_COMMAND, "", false);
	press(app, "<Up>");
	check(app, "|");
	press(app, "<Esc>");
	ask(app, PROMPT_SEARCH, "", false);
	press(app, "<Up>");
	check(app, "satu|");
	press(app, "<Up>");
	check(app, "dua|");
	press(app, "<Up>");
	check(app, "dua|");
	press(app, "<Down><Down>");
	check(app, "|");
	press(app, "<Esc>");
	fake_app_free(app);
}

static void
test_completion_replaces_the_word(void)
{
	App *app = fake_app_new(NULL);
	ask(app, PROMPT_COMMAND, "", true);
	press(app, "makan<Space>mang");
	g_assert_cmpuint(app->prompt->completions->len, ==, 2);
	press(app, "<Tab>");
	check(app, "makan mangga|");
	press(app, "<Tab>");
	check(app, "makan manggis|");
	press(app, "<S-Tab>");
	check(app, "makan mangga|");
	press(app, "<Enter>");
	check_asked(app, "makan mangga;");
	ask(app, PROMPT_COMMAND, "sa", true);
	press(app, "<Tab>");
	check(app, "salak |");
	press(app, "<Esc>");
	ask(app, PROMPT_FOLDER, "x", true);
	press(app, "<Tab>");
	check(app, "x|");
	g_assert_true(app->bell);
	press(app, "<Esc>");
	fake_app_free(app);
}

static void
test_yes_or_no_needs_a_clear_word(void)
{
	App *app = fake_app_new(NULL);
	ask(app, PROMPT_YES_NO, "", false);
	press(app, "x<Enter><Space>");
	g_assert_nonnull(app->prompt);
	press(app, "y");
	check_asked(app, "y;");
	ask(app, PROMPT_YES_NO, "", false);
	press(app, "n");
	check_asked(app, "(given up);");
	fake_app_free(app);
}

static void
test_password_leaves_no_trace(void)
{
	App *app = fake_app_new(NULL);
	ask(app, PROMPT_PASSWORD, "", false);
	press(app, "rahasia");
	check(app, "rahasia|");
	const char *buffer = app->prompt->text->str;
	press(app, "<C-u>");
	for (size_t i = 0; i < 7; i++)
		g_assert_cmpint(buffer[i], ==, 0);
	press(app, "x<Enter>");
	check_asked(app, "x;");
	g_assert_true(!app->ui.history || app->ui.history->len == 0);
	fake_app_free(app);
}

static void
test_paste_is_one_clean_line(void)
{
	App *app = fake_app_new(NULL);
	ask(app, PROMPT_TEXT, "a", false);
	prompt_key(app, (Key){ KEYCODE_PASTE, 0 }, "b\nc\033[31m\n");
	g_assert_null(strchr(app->prompt->text->str, '\n'));
	g_assert_null(strchr(app->prompt->text->str, '\033'));
	g_assert_true(g_str_has_prefix(app->prompt->text->str, "ab c"));
	press(app, "<Esc>");
	fake_app_free(app);
}

int
main(int argc, char **argv)
{
	g_assert_nonnull(setlocale(LC_ALL, "C.UTF-8"));
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ui/prompt/editing-moves-by-grapheme", test_editing_moves_by_grapheme);
	g_test_add_func("/ui/prompt/editing-by-word", test_editing_by_word);
	g_test_add_func("/ui/prompt/history-is-kept-per-kind", test_history_is_kept_per_kind);
	g_test_add_func("/ui/prompt/completion-replaces-the-word", test_completion_replaces_the_word);
	g_test_add_func("/ui/prompt/yes-or-no-needs-a-clear-word", test_yes_or_no_needs_a_clear_word);
	g_test_add_func("/ui/prompt/password-leaves-no-trace", test_password_leaves_no_trace);
	g_test_add_func("/ui/prompt/paste-is-one-clean-line", test_paste_is_one_clean_line);
	return g_test_run();
}
