/* tests/unit/test-theme.c: theme files, their mistakes, degrading to what a terminal has */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/ui/theme.h"

#include <string.h>

static void
test_shipped_themes_name_every_colour(void)
{
	static const char *const names[] = { "dark", "light", "basic" };
	static const char *const colours[] = {
#define COLOUR_ROW(id, name, preset) name,
#include "surel/colours.def"
#undef COLOUR_ROW
	};
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_strdup_printf("%s/../themes/%s.theme", g_getenv("G_TEST_SRCDIR"), names[i]);
		g_autofree char *text = NULL;
		GError *error = NULL;
		Theme theme;
		g_assert_true(theme_load(&theme, path, &error));
		g_assert_no_error(error);
		g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
		for (size_t k = 0; k < G_N_ELEMENTS(colours); k++) {
			g_autofree char *line = g_strdup_printf("\n%s ", colours[k]);
			g_assert_nonnull(strstr(text, line));
		}
	}
}

static void
test_basic_needs_only_eight_colours(void)
{
	g_autofree char *path = g_strdup_printf("%s/../themes/basic.theme", g_getenv("G_TEST_SRCDIR"));
	Theme theme;
	g_assert_true(theme_load(&theme, path, NULL));
	for (int i = 0; i < COLOUR_COUNT; i++) {
		g_assert_cmpint(theme.colours[i].foreground, <, 8);
		g_assert_cmpint(theme.colours[i].background, <, 8);
	}
}

static void
test_mistakes_name_the_line(void)
{
	static const char *const texts[] = { "\nnosuch = red", "\nnormal red", "\nnormal = reddish", "\nnormal = red blue blinking", "\nnormal = #12345g", "\nnormal = 256" };
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		Theme theme;
		GError *error = NULL;
		theme_presets(&theme);
		g_assert_false(theme_parse(&theme, "my.theme", texts[i], &error));
		g_assert_error(error, SUREL_ERROR, ERROR_CONFIG);
		g_assert_nonnull(strstr(error->message, "my.theme:2"));
		g_error_free(error);
	}
}

static void
test_values_are_read(void)
{
	Theme theme;
	theme_presets(&theme);
	g_assert_true(theme_parse(&theme, "x", "# comment\nnormal = bright-red  #010203 bold underline\ntitle = 200 default\n", NULL));
	g_assert_cmpint(theme.colours[COLOUR_NORMAL].foreground, ==, 9);
	g_assert_cmpint(theme.colours[COLOUR_NORMAL].background, ==, THEME_RGB | 0x010203);
	g_assert_cmpuint(theme.colours[COLOUR_NORMAL].attributes, ==, CELL_BOLD | CELL_UNDERLINE);
	g_assert_cmpint(theme.colours[COLOUR_TITLE].foreground, ==, 200);
	g_assert_cmpint(theme.colours[COLOUR_TITLE].background, ==, THEME_DEFAULT);
}

static void
test_colours_degrade(void)
{
	static const struct { int colour, colours, expected; unsigned attributes; } rows[] = {
		{ THEME_DEFAULT, 256, -1, 0 }, { 1, 0, -1, 0 }, { 1, 8, 1, 0 }, { 9, 8, 1, CELL_BOLD }, { 9, 16, 9, 0 }, { 200, 256, 200, 0 },
		{ THEME_RGB | 0xff0000, 256, 196, 0 }, { THEME_RGB | 0xff0000, 16, 9, 0 }, { THEME_RGB | 0x808080, 256, 244, 0 },
		{ THEME_RGB | 0x34455c, 8, 0, 0 }, { THEME_RGB | 0xff0000, 1 << 24, 0xff0000, 0 }, { 3, 1 << 24, 3, 0 },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		unsigned attributes = 0;
		g_assert_cmpint(theme_resolve(rows[i].colour, rows[i].colours, &attributes), ==, rows[i].expected);
		g_assert_cmpuint(attributes, ==, rows[i].attributes);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ui/theme/shipped-themes-name-every-colour", test_shipped_themes_name_every_colour);
	g_test_add_func("/ui/theme/basic-needs-only-eight-colours", test_basic_needs_only_eight_colours);
	g_test_add_func("/ui/theme/mistakes-name-the-line", test_mistakes_name_the_line);
	g_test_add_func("/ui/theme/values-are-read", test_values_are_read);
	g_test_add_func("/ui/theme/colours-degrade", test_colours_degrade);
	return g_test_run();
}
