/* tests/unit/test-surface.c: surfaces: clipping, wide and combining characters, control bytes, stand-ins for other locales */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/ui/glyphs.h"

#include <locale.h>
#include <string.h>

static void
check(const Surface *surface, const char *expected)
{
	g_autofree char *dump = surface_dump(surface);
	g_assert_cmpstr(dump, ==, expected);
}

static void
test_put_clips_at_both_edges(void)
{
	Surface *surface = surface_new(6, 2);
	g_assert_cmpint(surface_put(surface, 0, 3, COLOUR_NORMAL, 0, "abcdef"), ==, 3);
	g_assert_cmpint(surface_put(surface, 5, 0, COLOUR_NORMAL, 0, "below"), ==, 0);
	surface_put(surface, 1, -2, COLOUR_NORMAL, 0, "abcd");
	check(surface, "   abc\ncd\n");
	surface_free(surface);
}

static void
test_put_of_a_wide_character_that_does_not_fit_leaves_a_space(void)
{
	Surface *surface = surface_new(5, 1);
	g_assert_cmpint(surface_put(surface, 0, 0, COLOUR_NORMAL, 0, "日本語"), ==, 5);
	check(surface, "日本\n");
	g_assert_cmpint(surface->cells[1].width, ==, 0);
	g_assert_cmpint(surface->cells[4].width, ==, 1);
	surface_free(surface);
}

static void
test_put_over_half_a_wide_character_removes_the_other_half(void)
{
	Surface *surface = surface_new(4, 1);
	surface_put(surface, 0, 0, COLOUR_NORMAL, 0, "日本");
	surface_put(surface, 0, 1, COLOUR_NORMAL, 0, "x");
	check(surface, " x本\n");
	surface_put(surface, 0, 2, COLOUR_NORMAL, 0, "y");
	check(surface, " xy\n");
	surface_free(surface);
}

static void
test_put_keeps_combining_marks_with_their_base(void)
{
	Surface *surface = surface_new(4, 1);
	g_assert_cmpint(surface_put(surface, 0, 0, COLOUR_NORMAL, 0, "e\xcc\x81x"), ==, 2);
	g_assert_cmpstr(surface->cells[0].text, ==, "e\xcc\x81");
	g_assert_cmpstr(surface->cells[1].text, ==, "x");
	surface_free(surface);
}

static void
test_put_of_endless_marks_stays_within_a_cell(void)
{
	GString *text = g_string_new("a");
	for (int i = 0; i < 500; i++)
		g_string_append(text, "\xcc\x81");
	Surface *surface = surface_new(4, 1);
	surface_put(surface, 0, 0, COLOUR_NORMAL, 0, text->str);
	g_assert_cmpuint(strlen(surface->cells[0].text), <, CELL_BYTES);
	g_assert_true(g_utf8_validate(surface->cells[0].text, -1, NULL));
	surface_free(surface);
	g_string_free(text, TRUE);
}

static void
test_put_lets_no_control_byte_through(void)
{
	Surface *surface = surface_new(30, 1);
	surface_put(surface, 0, 0, COLOUR_NORMAL, 0, "a\033]0;x\007b\xc2\x9b" "31mc\nd\x7f");
	g_autofree char *dump = surface_dump(surface);
	g_assert_null(strchr(dump, '\033'));
	g_assert_null(strchr(dump, '\007'));
	g_assert_null(strstr(dump, "\xc2\x9b"));
	g_assert_null(strchr(dump, '\x7f'));
	g_assert_cmpint(strcspn(dump, "\n"), ==, (int)strlen(dump) - 1);
	surface_free(surface);
}

static void
test_part_is_clipped_to_itself(void)
{
	Surface *surface = surface_new(8, 3);
	Surface part = surface_part(surface, 1, 2, 1, 3);
	surface_put(&part, 0, 0, COLOUR_NORMAL, 0, "abcdef");
	surface_put(&part, 1, 0, COLOUR_NORMAL, 0, "no");
	check(surface, "\n  abc\n\n");
	Surface outside = surface_part(surface, 9, 9, 5, 5);
	surface_put(&outside, 0, 0, COLOUR_NORMAL, 0, "no");
	surface_fill(&outside, COLOUR_TITLE);
	check(surface, "\n  abc\n\n");
	surface_free(surface);
}

static void
test_right_and_centred(void)
{
	Surface *surface = surface_new(10, 2);
	g_assert_cmpint(surface_put_right(surface, 0, 10, COLOUR_NORMAL, 0, "日12"), ==, 6);
	surface_put_centred(surface, 1, COLOUR_NORMAL, 0, "abcd");
	check(surface, "      日12\n   abcd\n");
	surface_put_centred(surface, 1, COLOUR_NORMAL, 0, "longer than the row");
	check(surface, "      日12\nlonger th…\n");
	surface_free(surface);
}

static Cell
cell_of(const char *text, int width)
{
	Cell cell = { .width = (uint8_t)width };
	g_strlcpy(cell.text, text, sizeof cell.text);
	return cell;
}

static void
test_glyphs_of_joined_emoji_are_their_first_picture(void)
{
	wchar_t text[6];
	Cell family = cell_of("👨\xe2\x80\x8d👩\xe2\x80\x8d👧", 2), heart = cell_of("❤\xef\xb8\x8f", 1), accent = cell_of("e\xcc\x81", 1);
	glyph_wide(&family, true, text, G_N_ELEMENTS(text));
	g_assert_true(wcscmp(text, L"👨") == 0);
	glyph_wide(&heart, true, text, G_N_ELEMENTS(text));
	g_assert_true(wcscmp(text, L"❤") == 0);
	glyph_wide(&accent, true, text, G_N_ELEMENTS(text));
	g_assert_true(wcscmp(text, L"e\u0301") == 0);
}

static void
test_glyphs_of_a_flag_are_its_letters(void)
{
	wchar_t text[6];
	Cell flag = cell_of("🇮🇩", 2);
	glyph_wide(&flag, true, text, G_N_ELEMENTS(text));
	g_assert_true(wcscmp(text, L"I") == 0);
	g_assert_true(wcscmp(glyph_second(&flag), L"D") == 0);
	g_assert_cmpint(text_width("🇮🇩x"), ==, 3);
}

static void
test_glyphs_without_utf8_have_stand_ins(void)
{
	static const struct { const char *from; char to; } rows[] = {
		{ "…", '~' }, { "│", '|' }, { "─", '-' }, { "├", '|' }, { "└", '`' }, { "é", 'e' }, { "日", '?' }, { "x", 'x' }, { "●", '*' }, { "’", '\'' },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		g_assert_cmpint(glyph_ascii(rows[i].from), ==, rows[i].to);
}

int
main(int argc, char **argv)
{
	g_assert_nonnull(setlocale(LC_ALL, "C.UTF-8"));
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ui/surface/put-clips-at-both-edges", test_put_clips_at_both_edges);
	g_test_add_func("/ui/surface/wide-character-that-does-not-fit-leaves-a-space", test_put_of_a_wide_character_that_does_not_fit_leaves_a_space);
	g_test_add_func("/ui/surface/half-a-wide-character-takes-the-other-half-along", test_put_over_half_a_wide_character_removes_the_other_half);
	g_test_add_func("/ui/surface/combining-marks-stay-with-their-base", test_put_keeps_combining_marks_with_their_base);
	g_test_add_func("/ui/surface/endless-marks-stay-within-a-cell", test_put_of_endless_marks_stays_within_a_cell);
	g_test_add_func("/ui/surface/no-control-byte-passes", test_put_lets_no_control_byte_through);
	g_test_add_func("/ui/surface/part-is-clipped-to-itself", test_part_is_clipped_to_itself);
	g_test_add_func("/ui/surface/right-and-centred", test_right_and_centred);
	g_test_add_func("/ui/glyphs/joined-emoji-are-their-first-picture", test_glyphs_of_joined_emoji_are_their_first_picture);
	g_test_add_func("/ui/glyphs/flag-is-its-letters", test_glyphs_of_a_flag_are_its_letters);
	g_test_add_func("/ui/glyphs/without-utf8-have-stand-ins", test_glyphs_without_utf8_have_stand_ins);
	return g_test_run();
}
