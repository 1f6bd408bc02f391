/* src/ui/theme.c: colours.def and themes/NAME.theme -> colours and attributes; degrading to what a terminal has */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/ui/theme.h"

#include <stdlib.h>
#include <string.h>

enum { THEME_MAX_BYTES = 64 << 10 };

static const char *const colour_names[COLOUR_COUNT] = {
#define COLOUR_ROW(id, name, preset) name,
#include "surel/colours.def"
#undef COLOUR_ROW
};
static const char *const colour_presets[COLOUR_COUNT] = {
#define COLOUR_ROW(id, name, preset) preset,
#include "surel/colours.def"
#undef COLOUR_ROW
};
static const char *const names[] = { "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white" };

typedef struct AttributeName { const char *name; CellAttribute bit; } AttributeName;
static const AttributeName attribute_names[] = {
	{ "bold", CELL_BOLD }, { "underline", CELL_UNDERLINE }, { "reverse", CELL_REVERSE }, { "dim", CELL_DIM }, { "italic", CELL_ITALIC },
};

static bool
parse_colour(const char *word, int *ret_colour)
{
	if (strcmp(word, "default") == 0) {
		*ret_colour = THEME_DEFAULT;
		return true;
	}
	if (*word == '#') {
		char *end;
		unsigned long rgb = strtoul(word + 1, &end, 16);
		*ret_colour = THEME_RGB | (int)rgb;
		return strlen(word) == 7 && !*end;
	}
	if (g_ascii_isdigit(*word)) {
		char *end;
		unsigned long number = strtoul(word, &end, 10);
		*ret_colour = (int)number;
		return !*end && number < 256;
	}
	bool bright = g_str_has_prefix(word, "bright-");
	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
		if (strcmp(names[i], word + (bright ? 7 : 0)) == 0) {
			*ret_colour = (int)i + (bright ? 8 : 0);
			return true;
		}
	}
	return false;
}

static bool
parse_value(const char *text, ThemeColour *ret_colour, const char **ret_word)
{
	g_auto(GStrv) words = g_strsplit_set(text, " \t", -1);
	ThemeColour colour = { THEME_DEFAULT, THEME_DEFAULT, 0 };
	unsigned position = 0;
	*ret_word = "";
	for (char **word = words; *word; word++) {
		bool found = **word == 0;
		if (*word[0] && position < 2) {
			found = parse_colour(*word, position == 0 ? &colour.foreground : &colour.background);
			position++;
		}
		for (size_t i = 0; !found && position >= 2 && i < G_N_ELEMENTS(attribute_names); i++) {
			found = strcmp(attribute_names[i].name, *word) == 0;
			colour.attributes |= found ? attribute_names[i].bit : 0U;
		}
		if (!found) {
			*ret_word = text;
			return false;
		}
	}
	*ret_colour = colour;
	return true;
}

void
theme_presets(Theme *theme)
{
	const char *word;
	for (int i = 0; i < COLOUR_COUNT; i++)
		if (!parse_value(colour_presets[i], &theme->colours[i], &word))
			g_error("colours.def: %s", colour_presets[i]);	/* a mistake of ours, found by any test */
}

static bool
parse_line(Theme *theme, const char *name, unsigned number, char *line, GError **error)
{
	g_strstrip(line);
	if (!*line || *line == '#')
		return true;
	char *equals = strchr(line, '=');
	if (!equals)
		return error_set(error, ERROR_CONFIG, "%s:%u: \"=\" is missing", name, number);
	*equals = 0;
	g_strchomp(line);
	const char *word;
	for (int i = 0; i < COLOUR_COUNT; i++) {
		if (strcmp(colour_names[i], line) != 0)
			continue;
		if (parse_value(g_strstrip(equals + 1), &theme->colours[i], &word))
			return true;
		return error_set(error, ERROR_CONFIG, "%s:%u: \"%s\" is not FOREGROUND BACKGROUND ATTRIBUTES", name, number, word);
	}
	return error_set(error, ERROR_CONFIG, "%s:%u: there is no colour \"%s\"", name, number, line);
}

bool
theme_parse(Theme *theme, const char *name, const char *text, GError **error)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (unsigned i = 0; lines[i]; i++)
		if (!parse_line(theme, name, i + 1, lines[i], error))
			return false;
	return true;
}

/* First of the places where a theme of that name lies. Caller frees; NULL: none. */
static char *
find_theme(const char *name)
{
	if (strchr(name, '/'))
		return g_strdup(name);
	g_autofree char *file = g_strconcat(name, ".theme", NULL);
	g_autofree char *config = os_config_dir();
	const char *const directories[] = { config, SUREL_DATADIR, SUREL_SRCDIR };
	for (size_t i = 0; i < G_N_ELEMENTS(directories); i++) {
		g_autofree char *path = directories[i] ? g_build_filename(directories[i], "themes", file, NULL) : NULL;
		if (path && g_file_test(path, G_FILE_TEST_EXISTS))
			return g_steal_pointer(&path);
	}
	return NULL;
}

bool
theme_load(Theme *theme, const char *name, GError **error)
{
	g_autofree char *path = find_theme(name);
	if (!path)
		return error_set(error, ERROR_CONFIG, "there is no theme \"%s\"; dark, light and basic are there", name);
	g_autofree char *text = NULL;
	size_t size;
	if (!os_read_file(path, THEME_MAX_BYTES, &text, &size, error))
		return error_wrap(error, "theme");
	Theme read;
	theme_presets(&read);
	if (!theme_parse(&read, path, text, error))
		return false;
	*theme = read;
	return true;
}

/* ---- degrading ---- */

/* The xterm palette: 16 names, a 6x6x6 cube, 24 greys. */
static void
palette_rgb(int index, int rgb[3])
{
	static const int cube[] = { 0, 95, 135, 175, 215, 255 };
	static const int basic[16] = { 0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
				       0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff };
	if (index < 16) {
		for (int i = 0; i < 3; i++)
			rgb[i] = basic[index] >> (16 - 8 * i) & 255;
	} else if (index < 232) {
		rgb[0] = cube[(index - 16) / 36];
		rgb[1] = cube[(index - 16) / 6 % 6];
		rgb[2] = cube[(index - 16) % 6];
	} else {
		rgb[0] = rgb[1] = rgb[2] = 8 + 10 * (index - 232);
	}
}

static int
nearest(const int rgb[3], int first, int last)
{
	int best = first, best_distance = INT32_MAX;
	for (int i = first; i <= last; i++) {
		int candidate[3];
		palette_rgb(i, candidate);
		int r = rgb[0] - candidate[0], g = rgb[1] - candidate[1], b = rgb[2] - candidate[2];
		int distance = 2 * r * r + 4 * g * g + 3 * b * b;	/* the eye's rough weights */
		if (distance < best_distance) {
			best_distance = distance;
			best = i;
		}
	}
	return best;
}

int
theme_resolve(int colour, int colours, unsigned *attributes)
{
	if (colour == THEME_DEFAULT || colours < 8)
		return -1;
	int rgb[3];
	bool direct = colour >= THEME_RGB;
	if (direct)
		for (int i = 0; i < 3; i++)
			rgb[i] = colour >> (16 - 8 * i) & 255;
	else
		palette_rgb(colour, rgb);
	if (colours > 256)	/* direct colour: 0 to 7 are still the names */
		return !direct && colour < 8 ? colour : MAX(8, rgb[0] << 16 | rgb[1] << 8 | rgb[2]);
	if (!direct && colour < colours)
		return colour;
	if (colours == 256)
		return nearest(rgb, 16, 255);
	if (direct || colour >= 16)
		return nearest(rgb, 0, MIN(colours, 16) - 1);
	*attributes |= CELL_BOLD;	/* 8 colours: bright ones are bold ones */
	return colour - 8;
}
