/* src/ui/keymap.c: names of keys; key sequence -> command per scope, from commands.def and the user's bindings */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "surel/ui.h"

#include <string.h>

enum { SEQUENCE_MAX = 8, SCOPE_BITS = 8 };

typedef struct KeyName { const char *name; uint32_t code; } KeyName;
static const KeyName key_names[] = {
	{ "Up", KEYCODE_UP }, { "Down", KEYCODE_DOWN }, { "Left", KEYCODE_LEFT }, { "Right", KEYCODE_RIGHT }, { "Home", KEYCODE_HOME },
	{ "End", KEYCODE_END }, { "PageUp", KEYCODE_PAGE_UP }, { "PageDown", KEYCODE_PAGE_DOWN }, { "Insert", KEYCODE_INSERT },
	{ "Delete", KEYCODE_DELETE }, { "Backspace", KEYCODE_BACKSPACE }, { "Enter", KEYCODE_ENTER }, { "Tab", KEYCODE_TAB }, { "Esc", KEYCODE_ESC },
	{ "Space", ' ' }, { "lt", '<' }, { "F1", KEYCODE_F1 }, { "F2", KEYCODE_F1 + 1 }, { "F3", KEYCODE_F1 + 2 }, { "F4", KEYCODE_F1 + 3 },
	{ "F5", KEYCODE_F1 + 4 }, { "F6", KEYCODE_F1 + 5 }, { "F7", KEYCODE_F1 + 6 }, { "F8", KEYCODE_F1 + 7 }, { "F9", KEYCODE_F1 + 8 },
	{ "F10", KEYCODE_F1 + 9 }, { "F11", KEYCODE_F1 + 10 }, { "F12", KEYCODE_F12 },
};

typedef struct Binding {
	Key keys[SEQUENCE_MAX];
	size_t n;
	unsigned scopes;
	bool bound;		/* false: the user took the key away */
	CommandId command;
	char *line;		/* NULL: command */
} Binding;

struct Keymap {
	GPtrArray *bindings;	/* of Binding *: the user's, last in the file first, then those of commands.def */
	char *shown[SCOPE_BITS][COMMAND_COUNT];	/* first key of each command, for the key bar; NULL: none */
};

/* ---- names ---- */

static bool
parse_named(const char *name, size_t size, Key *ret_key)
{
	unsigned modifiers = 0;
	for (; size > 2 && name[1] == '-'; name += 2, size -= 2) {
		if (*name != 'C' && *name != 'A' && *name != 'S')
			return false;
		modifiers |= *name == 'C' ? KEY_CTRL : *name == 'A' ? KEY_ALT : KEY_SHIFT;
	}
	ret_key->modifiers = (uint8_t)modifiers;
	for (size_t i = 0; i < G_N_ELEMENTS(key_names); i++) {
		if (strlen(key_names[i].name) == size && g_ascii_strncasecmp(key_names[i].name, name, size) == 0) {
			ret_key->code = key_names[i].code;
			return true;
		}
	}
	gunichar u = g_utf8_get_char_validated(name, (gssize)size);
	if (u >= 0x110000 || g_utf8_next_char(name) != name + size)
		return false;
	if (modifiers & KEY_CTRL)
		u = g_unichar_tolower(u);
	if (modifiers & KEY_SHIFT) {
		u = g_unichar_toupper(u);
		ret_key->modifiers &= (uint8_t)~KEY_SHIFT;	/* terminals send the capital letter */
	}
	ret_key->code = u;
	return true;
}

bool
key_parse(const char *text, Key *ret_key, const char **ret_rest)
{
	Key key = { 0 };
	const char *close = *text == '<' ? strchr(text + 1, '>') : NULL;
	if (close && close > text + 1) {
		if (!parse_named(text + 1, (size_t)(close - text - 1), &key))
			return false;
		*ret_key = key;
		*ret_rest = close + 1;
		return true;
	}
	gunichar u = g_utf8_get_char_validated(text, -1);
	if (u == 0 || u >= 0x110000 || u < 0x20)
		return false;
	key.code = u;
	*ret_key = key;
	*ret_rest = g_utf8_next_char(text);
	return true;
}

/* "Enter", "x", "^X"; with brackets "<Enter>", "x", "<C-x>". */
static char *
key_text(Key key, bool brackets)
{
	const char *name = NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(key_names) && !name; i++)
		if (key_names[i].code == key.code && (brackets || key.code != '<'))
			name = key_names[i].name;
	char character[8] = "";
	if (!name)
		character[g_unichar_to_utf8(key.code < 0x110000 ? key.code : '?', character)] = 0;
	if (!brackets && !name && key.modifiers == KEY_CTRL)
		return g_strdup_printf("^%c", g_ascii_toupper(character[0]));
	if (!name && !key.modifiers)
		return g_strdup(character);
	return g_strdup_printf("%s%s%s%s%s%s", brackets ? "<" : "", key.modifiers & KEY_CTRL ? "C-" : "", key.modifiers & KEY_ALT ? "A-" : "",
			       key.modifiers & KEY_SHIFT ? "S-" : "", name ? name : character, brackets ? ">" : "");
}

char *
key_print(Key key)
{
	return key_text(key, true);
}

/* ---- bindings ---- */

static void
binding_free(void *data)
{
	Binding *binding = data;
	g_free(binding->line);
	g_free(binding);
}

/* Keys of one sequence until a space or the end; false: not a key. */
static bool
parse_sequence(const char **text, Binding *binding)
{
	binding->n = 0;
	while (**text && **text != ' ') {
		if (binding->n == SEQUENCE_MAX || !key_parse(*text, &binding->keys[binding->n], text))
			return false;
		binding->n++;
	}
	return binding->n > 0;
}

static void
add_presets_of(Keymap *keymap, unsigned places)
{
	for (int id = 0; id < COMMAND_COUNT; id++) {
		const CommandRow *row = command_row((CommandId)id);
		const char *text = (unsigned)__builtin_popcount(row->scopes) == places ? row->keys : "";
		while (*text) {
			Binding *binding = g_new0(Binding, 1);
			binding->scopes = row->scopes;
			binding->command = (CommandId)id;
			binding->bound = true;
			g_ptr_array_add(keymap->bindings, binding);
			if (!parse_sequence(&text, binding))
				g_error("commands.def: keys of %s", row->name);	/* a mistake of ours, found by any test */
			while (*text == ' ')
				text++;
		}
	}
}

/* A command of few places comes before one of many: q keeps the draft on the review screen and goes back elsewhere. */
static void
add_presets(Keymap *keymap)
{
	for (unsigned places = 1; places <= SCOPE_BITS; places++)
		add_presets_of(keymap, places);
}

static bool
parse_scope(const char *name, unsigned *ret_scopes)
{
	if (!name || !*name || strcmp(name, "all") == 0) {
		*ret_scopes = SCOPE_ALL;
		return true;
	}
	for (unsigned bit = 0; bit < SCOPE_BITS; bit++) {
		if (strcmp(scope_name((Scope)(1U << bit)), name) == 0) {
			*ret_scopes = 1U << bit;
			return true;
		}
	}
	return false;
}

static void
problem(GPtrArray *problems, const Config *config, const KeyBinding *row, const char *what)
{
	if (problems)
		g_ptr_array_add(problems, g_strdup_printf("%s:%u: %s = %s: %s", config->path ? config->path : "surel.conf", row->line, row->keys,
							  row->command, what));
}

static bool
bind_command(Binding *binding, const KeyBinding *row)
{
	g_autofree char *line = g_strstrip(g_strdup(row->command[0] == ':' ? row->command + 1 : row->command));
	binding->bound = *line && strcmp(line, "none") != 0;
	if (!binding->bound || command_find(line, &binding->command))
		return true;
	g_auto(GStrv) words = g_strsplit(line, " ", 2);
	if (!command_find(words[0], &binding->command))
		return false;
	binding->line = g_steal_pointer(&line);
	return true;
}

static void
add_user_binding(Keymap *keymap, const Config *config, const KeyBinding *row, GPtrArray *problems)
{
	Binding *binding = g_new0(Binding, 1);
	const char *rest = row->keys;
	const char *mistake = NULL;
	if (!parse_scope(row->scope, &binding->scopes))
		mistake = "there is no such place; choose all, list, folders, reader, review, outbox, parts, links or info";
	else if (!parse_sequence(&rest, binding) || *rest)
		mistake = "this is not a key; write x, <C-x>, <A-x>, <F5>, <Enter>, <PageDown>";
	else if (!bind_command(binding, row))
		mistake = "there is no such command";
	if (mistake) {
		problem(problems, config, row, mistake);
		binding_free(binding);
		return;
	}
	g_ptr_array_insert(keymap->bindings, 0, binding);
}

static void
note_shown(Keymap *keymap)
{
	for (unsigned bit = 0; bit < SCOPE_BITS; bit++) {
		for (unsigned i = 0; i < keymap->bindings->len; i++) {
			const Binding *binding = g_ptr_array_index(keymap->bindings, i);
			CommandId command;
			const char *line;
			if (!(binding->scopes & 1U << bit) || !binding->bound || binding->line || keymap->shown[bit][binding->command])
				continue;
			if (keymap_lookup(keymap, (Scope)(1U << bit), binding->keys, binding->n, &command, &line) != KEYMAP_COMMAND ||
			    command != binding->command)
				continue;	/* something of the user's hides it */
			GString *text = g_string_new(NULL);
			for (size_t k = 0; k < binding->n; k++) {
				g_autofree char *key = key_text(binding->keys[k], binding->n > 1);
				g_string_append(text, key);
			}
			keymap->shown[bit][binding->command] = g_string_free(text, FALSE);
		}
	}
}

Keymap *
keymap_new(const Config *config, GPtrArray *ret_problems)
{
	Keymap *keymap = g_new0(Keymap, 1);
	keymap->bindings = g_ptr_array_new_with_free_func(binding_free);
	add_presets(keymap);
	for (unsigned i = 0; config && i < config->bindings->len; i++)
		add_user_binding(keymap, config, g_ptr_array_index(config->bindings, i), ret_problems);
	note_shown(keymap);
	return keymap;
}

void
keymap_free(Keymap *keymap)
{
	if (!keymap)
		return;
	for (unsigned bit = 0; bit < SCOPE_BITS; bit++)
		for (int id = 0; id < COMMAND_COUNT; id++)
			g_free(keymap->shown[bit][id]);
	g_ptr_array_unref(keymap->bindings);
	g_free(keymap);
}

static bool
begins_with(const Binding *binding, const Key *keys, size_t n)
{
	if (binding->n < n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (binding->keys[i].code != keys[i].code || binding->keys[i].modifiers != keys[i].modifiers)
			return false;
	return true;
}

KeymapResult
keymap_lookup(const Keymap *keymap, Scope scope, const Key *keys, size_t n, CommandId *ret_command, const char **ret_line)
{
	for (unsigned i = 0; i < keymap->bindings->len; i++) {
		const Binding *binding = g_ptr_array_index(keymap->bindings, i);
		if (!(binding->scopes & scope) || !begins_with(binding, keys, n))
			continue;
		if (binding->n > n)
			return KEYMAP_PREFIX;
		if (!binding->bound)
			return KEYMAP_NONE;
		*ret_command = binding->command;
		*ret_line = binding->line;
		return binding->line ? KEYMAP_LINE : KEYMAP_COMMAND;
	}
	return KEYMAP_NONE;
}

const char *
keymap_key_of(const Keymap *keymap, Scope scope, CommandId command)
{
	for (unsigned bit = 0; bit < SCOPE_BITS; bit++)
		if (scope & 1U << bit && keymap->shown[bit][command])
			return keymap->shown[bit][command];
	return "";
}
