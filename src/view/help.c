/* src/view/help.c: keys and commands from the command table: those of the place it was asked from first */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/view/draw.h"
#include "src/view/wrap.h"

#include <string.h>

enum { KEYS_WIDTH = 20, NAME_WIDTH = 26 };

typedef struct HelpRow { const char *heading; CommandId command; } HelpRow;	/* heading NULL: a command */

static const char *
place_words(Scope scope)
{
	static const char *const words[] = { "In the folder pane", "In the list", "In the reader", "Before sending", "In the outbox", "In the parts", "In the links",
					     "In help and log" };
	for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
		if (scope == (Scope)(1U << i))
			return words[i];
	return "Everywhere";
}

static bool
has_words(const char *text, const char *words)
{
	g_auto(GStrv) list = g_strsplit(words ? words : "", " ", -1);
	for (char **word = list; *word; word++) {
		size_t size;
		if (**word && text_find(text, 0, strlen(text), *word, &size) < 0)
			return false;
	}
	return true;
}

static bool
matches(const CommandRow *row, const char *filter)
{
	g_autofree char *text = g_strjoin(" ", row->keys, row->name, row->help, NULL);
	return has_words(text, filter);
}

/* Adds the rows of one group below its heading; chosen: scopes & mask == value (or any, where value is 0). */
static void
add_group(GArray *rows, const char *heading, const char *filter, const bool *take)
{
	bool first = true;
	for (int id = 0; id < COMMAND_COUNT; id++) {
		if (!take[id] || !matches(command_row((CommandId)id), filter))
			continue;
		HelpRow title = { heading, (CommandId)0 }, row = { NULL, (CommandId)id }, blank = { "", (CommandId)0 };
		if (first && rows->len)
			g_array_append_val(rows, blank);
		if (first)
			g_array_append_val(rows, title);
		g_array_append_val(rows, row);
		first = false;
	}
}

static bool
is_general(unsigned scopes)
{
	return (scopes | SCOPE_READER | SCOPE_INFO | SCOPE_REVIEW) == SCOPE_ALL;
}

/* First what is special to the place, then what works everywhere, then the rest by its first place. */
static GArray *
help_rows(const Place *place)
{
	GArray *rows = g_array_new(FALSE, TRUE, sizeof(HelpRow));
	Scope scope = place->help_scope ? place->help_scope : SCOPE_LIST;
	bool take[COMMAND_COUNT], taken[COMMAND_COUNT] = { false };
	for (int id = 0; id < COMMAND_COUNT; id++) {
		unsigned scopes = command_row((CommandId)id)->scopes;
		take[id] = (scopes & scope) && !is_general(scopes);
		taken[id] |= take[id];
	}
	add_group(rows, place_words(scope), place->filter, take);
	for (int id = 0; id < COMMAND_COUNT; id++) {
		take[id] = is_general(command_row((CommandId)id)->scopes);
		taken[id] |= take[id];
	}
	add_group(rows, "Everywhere", place->filter, take);
	for (unsigned bit = 0; bit < 8; bit++) {
		for (int id = 0; id < COMMAND_COUNT; id++) {
			take[id] = !taken[id] && (command_row((CommandId)id)->scopes & 1U << bit);
			taken[id] |= take[id];
		}
		add_group(rows, place_words((Scope)(1U << bit)), place->filter, take);
	}
	return rows;
}

/* Keys as they are bound now: the first as the keymap has it, then the other presets. */
static char *
keys_text(const ViewContext *context, const CommandRow *row, CommandId command)
{
	const char *first = context->keymap ? keymap_key_of(context->keymap, (Scope)row->scopes, command) : "";
	GString *text = g_string_new(first);
	g_auto(GStrv) keys = g_strsplit(row->keys, " ", -1);
	for (char **key = keys; *key && *first; key++) {
		g_autofree char *plain = g_strdup(*key);
		size_t length = strlen(plain);
		if (length > 2 && plain[0] == '<' && plain[length - 1] == '>') {
			plain[length - 1] = 0;
			memmove(plain, plain + 1, length - 1);
		}
		if (g_str_has_prefix(plain, "C-") && strlen(plain) == 3) {
			plain[0] = '^';
			plain[1] = g_ascii_toupper(plain[2]);
			plain[2] = 0;
		}
		if (*plain && strcmp(plain, first) != 0)
			g_string_append_printf(text, " %s", plain);
	}
	return g_string_free(text, FALSE);
}

static void
draw_help_row(const ViewContext *context, Surface *surface, int row, const HelpRow *entry)
{
	if (entry->heading) {
		surface_put(surface, row, 1, COLOUR_HEADING, CELL_BOLD, entry->heading);
		return;
	}
	const CommandRow *command = command_row(entry->command);
	int name = surface->width >= 90 ? KEYS_WIDTH + 2 : -1;
	int help = name > 0 ? name + NAME_WIDTH + 1 : KEYS_WIDTH + 2;
	g_autofree char *keys = keys_text(context, command, entry->command);
	if (!*keys) {		/* no key: the command line */
		g_autofree char *typed = g_strdup_printf(":%s", command->name);
		text_put_cut(surface, row, 2, KEYS_WIDTH - 1, COLOUR_HINT_KEY, 0, typed);
	} else {
		text_put_cut(surface, row, 2, KEYS_WIDTH - 1, COLOUR_HINT_KEY, 0, keys);
	}
	if (name > 0) {
		g_autofree char *typed = g_strdup_printf(":%s %s", command->name, command->args);
		text_put_cut(surface, row, name, NAME_WIDTH, COLOUR_DIM, 0, typed);
	}
	text_put_cut(surface, row, help, surface->width - help - 2, COLOUR_NORMAL, 0, command->help);
}

static void
help_draw(const ViewContext *context, Surface *surface, int *ret_cursor_row, int *ret_cursor_column)
{
	(void)ret_cursor_row;
	(void)ret_cursor_column;
	Place *place = context->place;
	g_autoptr(GArray) rows = help_rows(place);
	place_clamp_text(place, rows->len, (unsigned)surface->height);
	if (rows->len == 0) {
		g_autofree char *what = g_strdup_printf("No command matches \"%s\".", place->filter);
		draw_empty(surface, what, ":help without words shows all.");
		return;
	}
	for (unsigned i = 0; i < place->height && place->top + i < rows->len; i++)
		draw_help_row(context, surface, (int)i, &g_array_index(rows, HelpRow, place->top + i));
	draw_scroll_mark(surface, place->top, place->height, rows->len);
}

static char *
help_title(const ViewContext *context)
{
	const char *filter = context->place->filter;
	return filter && *filter ? g_strdup_printf("Keys and commands › %s", filter) : g_strdup("Keys and commands");
}

const ViewOps help_view = { .name = "help", .scope = SCOPE_INFO, .draw = help_draw, .title = help_title };
