/* tests/unit/test-text.c: cleaning, width, clipping and wrapping of text from others; dates and sizes */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "surel/text.h"

typedef struct Pair {
	const char *in, *out;
} Pair;

static void
test_clean_takes_the_teeth_out(void)
{
	static const Pair pairs[] = {
		{ "plain", "plain" },
		{ "a\x1b[2Jb", "a\xef\xbf\xbd[2Jb" },
		{ "a\xc2\x9b" "b", "a\xef\xbf\xbd" "b" },		/* U+009B, CSI */
		{ "a\x9b" "b", "a\xef\xbf\xbd" "b" },			/* the same as a stray byte */
		{ "del\x7f", "del\xef\xbf\xbd" },
		{ "x\xe2\x80\xaegpj.exe", "xgpj.exe" },			/* U+202E */
		{ "x\xe2\x81\xa6y\xe2\x81\xa9", "xy" },			/* isolates */
		{ "z\xe2\x80\x8bw\xef\xbb\xbf", "zw" },			/* ZWSP, BOM */
		{ "\xd9\x85\xe2\x80\x8c\xdb\x8c", "\xd9\x85\xe2\x80\x8c\xdb\x8c" },	/* ZWNJ stays */
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },		/* overlong */
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },	/* surrogate */
		{ "cut\xf0\x9f\x98", "cut\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "tab\there\r\nnext", "tab here next" },
		{ "", "" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
		g_autofree char *clean = text_clean(pairs[i].in, -1, false);
		g_assert_cmpstr(clean, ==, pairs[i].out);
		g_assert_true(g_utf8_validate(clean, -1, NULL));
	}
}

static void
test_clean_keeps_lines_when_asked(void)
{
	g_autofree char *clean = text_clean("a\r\nb\tc\x00" "d", 8, true);
	g_assert_cmpstr(clean, ==, "a\nb\tc\xef\xbf\xbd" "d");
	g_autofree char *nothing = text_clean(NULL, -1, true);
	g_assert_cmpstr(nothing, ==, "");
}

/* Whatever bytes come, what leaves is valid and holds no control. */
static void
test_clean_of_noise_is_always_safe(void)
{
	GRand *rand = g_rand_new_with_seed(7);
	for (int round = 0; round < 3000; round++) {
		char noise[64];
		int size = g_rand_int_range(rand, 0, sizeof(noise));
		for (int i = 0; i < size; i++)
			noise[i] = (char)g_rand_int_range(rand, 0, 256);
		g_autofree char *clean = text_clean(noise, size, false);
		g_assert_true(g_utf8_validate(clean, -1, NULL));
		for (const char *c = clean; *c; c = g_utf8_next_char(c))
			g_assert_false(g_unichar_iscntrl(g_utf8_get_char(c)));
		for (const char *c = clean; *c;) {
			int width;
			size_t n = text_cluster(c, &width);
			g_assert_cmpuint(n, >, 0);
			g_assert_cmpint(width, >=, 0);
			g_assert_cmpint(width, <=, 2);
			c += n;
		}
	}
	g_rand_free(rand);
}

static void
test_width_counts_columns(void)
{
	static const struct {
		const char *text;
		int columns;
	} rows[] = {
		{ "", 0 }, { "abc", 3 }, { "日本", 4 }, { "e\xcc\x81", 1 }, { "한국", 4 }, { "👩\u200d👩\u200d👧", 2 }, { "👍🏽", 2 }, { "ａ", 2 }, { "…", 1 },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		g_assert_cmpint(text_width(rows[i].text), ==, rows[i].columns);
}

static void
test_cluster_of_endless_marks_is_bounded(void)
{
	g_autoptr(GString) zalgo = g_string_new("a");
	for (int i = 0; i < 5000; i++)
		g_string_append(zalgo, "\xcc\x81");
	int width;
	g_assert_cmpuint(text_cluster(zalgo->str, &width), <=, 130);
	g_assert_cmpint(width, ==, 1);
}

static void
test_fit_never_splits_a_character(void)
{
	g_assert_cmpuint(text_fit("日本語", 5), ==, 6);
	g_assert_cmpuint(text_fit("日本語", 1), ==, 0);
	g_assert_cmpuint(text_fit("e\xcc\x81x", 1), ==, 3);
	g_assert_cmpuint(text_fit("abc", 9), ==, 3);
}

static void
test_pad_is_exactly_as_wide_as_asked(void)
{
	static const char *const texts[] = { "", "a", "日本語テキスト", "e\xcc\x81te\xcc\x81", "long enough to be cut", "👩\u200d👩\u200d👧👩\u200d👩\u200d👧" };
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		for (int columns = 0; columns < 20; columns++) {
			g_autofree char *padded = text_pad(texts[i], columns);
			g_assert_cmpint(text_width(padded), ==, columns);
		}
	}
	g_autofree char *cut = text_pad("abcdef", 4);
	g_assert_cmpstr(cut, ==, "abc…");
}

static char *
wrap_all(const char *text, int columns)
{
	GString *out = g_string_new(NULL);
	while (*text) {
		size_t skip, n = text_wrap(text, columns, &skip);
		g_assert_cmpuint(n + skip, >, 0);
		g_string_append_len(out, text, (gssize)n);
		g_string_append_c(out, '|');
		text += n + skip;
	}
	return g_string_free(out, FALSE);
}

static void
test_wrap_breaks_at_words(void)
{
	static const struct {
		const char *text;
		int columns;
		const char *lines;
	} rows[] = {
		{ "hello wide world", 8, "hello|wide|world|" },
		{ "hello wide world", 10, "hello wide|world|" },
		{ "exactly ten", 11, "exactly ten|" },
		{ "longlonglongword x", 8, "longlong|longword|x|" },
		{ "日本語テキスト", 7, "日本語|テキス|ト|" },
		{ "日本語。", 6, "日本|語。|" },
		{ "a\nb", 5, "a|b|" },
		{ "\n\nb", 5, "||b|" },
		{ "日", 1, "日|" },
		{ "ab   ", 2, "ab|" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *lines = wrap_all(rows[i].text, rows[i].columns);
		g_assert_cmpstr(lines, ==, rows[i].lines);
	}
}

static void
test_wrap_never_exceeds_the_columns(void)
{
	static const char text[] = "Selamat pagi, 日本語のテキスト and e\xcc\x81tudes 👩\u200d👩\u200d👧 https://example.org/very/long/path  end";
	for (int columns = 2; columns < 60; columns++) {
		for (const char *at = text; *at;) {
			size_t skip, n = text_wrap(at, columns, &skip);
			g_autofree char *line = g_strndup(at, n);
			g_assert_cmpint(text_width(line), <=, columns);
			at += n + skip;
		}
	}
}

static void
test_fold_makes_spellings_equal(void)
{
	g_autofree char *composed = text_fold("ÉTUDE Straße"), *decomposed = text_fold("e\xcc\x81tude STRASSE");
	g_assert_cmpstr(composed, ==, decomposed);
	g_autofree char *broken = text_fold("\xff");
	g_assert_true(g_utf8_validate(broken, -1, NULL));
}

static void
test_dates_say_what_matters(void)
{
	const int64_t now = 1794664800;		/* 2026-11-14 14:00 UTC, a Saturday */
	static const struct {
		int64_t ago;
		const char *text;
	} rows[] = {
		{ 0, "14:00" }, { 13 * 3600, "01:00" }, { 15 * 3600, "Fri 23:00" }, { 6 * 86400, "Sun 14:00" }, { 7 * 86400, "7 Nov" },
		{ 400 * 86400LL, "2025-10-10" }, { -86400 * 3, "2026-11-17" }, { -3600, "15:00" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = text_date_short(now - rows[i].ago, now);
		g_assert_cmpstr(text, ==, rows[i].text);
		g_assert_cmpint(text_width(text), <=, 10);
	}
	g_autofree char *far = text_date_short(INT64_MAX, now), *past = text_date_short(INT64_MIN, now);
	g_assert_cmpint(text_width(far), <=, 10);
	g_assert_cmpint(text_width(past), <=, 10);
	g_autofree char *whole = text_date_long(now);
	g_assert_cmpstr(whole, ==, "Sat, 14 Nov 2026 14:00 +0000");
}

static void
test_sizes_are_short(void)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} rows[] = { { -1, "0 B" }, { 812, "812 B" }, { 14200, "14 KB" }, { 999499, "999 KB" }, { 999500, "1.0 MB" }, { 3200000, "3.2 MB" },
		     { 45 * 1000000LL, "45 MB" }, { 2500000000, "2.5 GB" }, { INT64_MAX, "9223372 TB" } };
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = text_size(rows[i].bytes);
		g_assert_cmpstr(text, ==, rows[i].text);
	}
}

/* Without UTF-8 nothing may crash or lie about ASCII; the ellipsis is one the terminal has. */
static void
test_c_locale_still_measures(void)
{
	setlocale(LC_ALL, "C");
	g_assert_cmpint(text_width("日本 ab"), ==, 7);
	g_autofree char *cut = text_pad("abcdef", 4);
	g_assert_cmpstr(cut, ==, "abc~");
	setlocale(LC_ALL, "C.UTF-8");
}

int
main(int argc, char **argv)
{
	g_setenv("TZ", "UTC", TRUE);
	tzset();
	setlocale(LC_ALL, "C.UTF-8");
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/text/clean/takes-the-teeth-out", test_clean_takes_the_teeth_out);
	g_test_add_func("/text/clean/keeps-lines-when-asked", test_clean_keeps_lines_when_asked);
	g_test_add_func("/text/clean/noise-is-always-safe", test_clean_of_noise_is_always_safe);
	g_test_add_func("/text/width/counts-columns", test_width_counts_columns);
	g_test_add_func("/text/cluster/endless-marks-are-bounded", test_cluster_of_endless_marks_is_bounded);
	g_test_add_func("/text/fit/never-splits-a-character", test_fit_never_splits_a_character);
	g_test_add_func("/text/pad/exactly-as-wide-as-asked", test_pad_is_exactly_as_wide_as_asked);
	g_test_add_func("/text/wrap/breaks-at-words", test_wrap_breaks_at_words);
	g_test_add_func("/text/wrap/never-exceeds-the-columns", test_wrap_never_exceeds_the_columns);
	g_test_add_func("/text/fold/makes-spellings-equal", test_fold_makes_spellings_equal);
	g_test_add_func("/text/date/says-what-matters", test_dates_say_what_matters);
	g_test_add_func("/text/size/is-short", test_sizes_are_short);
	g_test_add_func("/text/locale/c-still-measures", test_c_locale_still_measures);
	return g_test_run();
}
