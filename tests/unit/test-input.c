/* tests/unit/test-input.c: bytes of terminals -> keys, whole and in pieces */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/ui/input.h"

#include <string.h>

/* Keys as text, joined by spaces; a paste as "[text]", the mouse as "mouse(row,column,button)". */
static char *
keys_of(Input *input, bool flush)
{
	GString *out = g_string_new(NULL);
	InputEvent event;
	while (input_next(input, flush, &event)) {
		g_string_append(out, out->len ? " " : "");
		if (event.key.code == KEYCODE_PASTE) {
			g_string_append_printf(out, "[%s]", event.pasted);
			g_free(event.pasted);
		} else if (event.key.code == KEYCODE_MOUSE) {
			g_string_append_printf(out, "mouse(%d,%d,%d)", event.row, event.column, (int)event.button);
		} else {
			g_autofree char *key = key_print(event.key);
			g_string_append(out, key);
		}
	}
	return g_string_free(out, FALSE);
}

static const struct { const char *bytes, *keys; } rows[] = {
	{ "aZ9", "a Z 9" }, { "é日", "é 日" }, { "\r\n\t\x7f\x08", "<Enter> <Enter> <Tab> <Backspace> <Backspace>" }, { "\x04\x01", "<C-d> <C-a>" },
	{ "\033[A\033[B\033OC\033[D", "<Up> <Down> <Right> <Left>" }, { "\033[H\033[F\033[1~\033[4~\033[7~\033OH", "<Home> <End> <Home> <End> <Home> <Home>" },
	{ "\033[5~\033[6~\033[3~\033[2~", "<PageUp> <PageDown> <Delete> <Insert>" }, { "\033OP\033[11~\033[[A\033[15~\033[24~", "<F1> <F1> <F1> <F5> <F12>" },
	{ "\033[Z", "<S-Tab>" }, { "\033[1;5C\033[1;3D\033[3;2~", "<C-Right> <A-Left> <S-Delete>" }, { "\033a\033\x7f", "<A-a> <A-Backspace>" },
	{ "\033[200~two\rlines\033[31m\033[201~x", "[two\nlines\xef\xbf\xbd[31m] x" }, { "\033[<0;5;3M\033[<0;5;3m\033[<65;1;1M", "mouse(2,4,0) mouse(0,0,4)" },
	{ "\033[I\033[Oq", "q" }, { "\033[999;999;999;999;999;999zq", "q" }, { "\xff\xfeq", "q" }, { "\xc3q", "q" }, { "\033[<0;0;0Mq", "q" },
	{ "\033[99999999999999999999uq", "q" },
};

static void
test_bytes_become_keys(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		Input *input = input_new();
		input_feed(input, rows[i].bytes, strlen(rows[i].bytes));
		g_autofree char *keys = keys_of(input, false);
		g_assert_cmpstr(keys, ==, rows[i].keys);
		g_assert_false(input_waiting(input));
		input_free(input);
	}
}

static void
test_bytes_one_by_one_become_the_same_keys(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		Input *input = input_new();
		GString *all = g_string_new(NULL);
		for (const char *p = rows[i].bytes; *p; p++) {
			input_feed(input, p, 1);
			g_autofree char *keys = keys_of(input, false);
			g_string_append_printf(all, "%s%s", all->len && *keys ? " " : "", keys);
		}
		g_assert_cmpstr(all->str, ==, rows[i].keys);
		g_string_free(all, TRUE);
		input_free(input);
	}
}

static void
test_lone_escape_waits_then_is_a_key(void)
{
	Input *input = input_new();
	input_feed(input, "\033", 1);
	g_autofree char *before = keys_of(input, false);
	g_autofree char *after = keys_of(input, true);
	g_assert_cmpstr(before, ==, "");
	g_assert_cmpstr(after, ==, "<Esc>");
	input_feed(input, "\033[", 2);
	g_autofree char *bracket = keys_of(input, true);
	g_assert_cmpstr(bracket, ==, "<A-[>");
	input_free(input);
}

static void
test_paste_with_nul_ends(void)
{
	Input *input = input_new();
	input_feed(input, "\033[200~a\0b\033[201~q", 16);
	g_autofree char *keys = keys_of(input, false);
	g_assert_true(g_str_has_suffix(keys, "] q"));
	input_free(input);
}

static void
test_any_bytes_end_in_keys_or_nothing(void)
{
	GRand *random = g_rand_new_with_seed(20261122);
	for (int round = 0; round < 2000; round++) {
		Input *input = input_new();
		char bytes[64];
		static const char likely[] = "\033[O<;0123456789~MmABPu\r\x7f\xc3\xe6";
		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = g_rand_boolean(random) ? likely[g_rand_int_range(random, 0, sizeof likely - 1)] : (char)g_rand_int_range(random, 0, 256);
		input_feed(input, bytes, sizeof bytes);
		g_autofree char *keys = keys_of(input, true);
		g_assert_nonnull(keys);
		input_free(input);
	}
	g_rand_free(random);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ui/input/bytes-become-keys", test_bytes_become_keys);
	g_test_add_func("/ui/input/one-by-one-is-the-same", test_bytes_one_by_one_become_the_same_keys);
	g_test_add_func("/ui/input/lone-escape-waits-then-is-a-key", test_lone_escape_waits_then_is_a_key);
	g_test_add_func("/ui/input/paste-with-nul-ends", test_paste_with_nul_ends);
	g_test_add_func("/ui/input/any-bytes-end", test_any_bytes_end_in_keys_or_nothing);
	return g_test_run();
}
