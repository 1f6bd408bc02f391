/* src/ui/prompt.c: the one-line question: editing by grapheme, history, completion, hidden passwords, yes or no */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "surel/ui.h"

#include <string.h>

enum { HISTORY_MAX = 200, TEXT_MAX_BYTES = 8192, PASSWORD_BYTES = 1024 };

/* ---- where words and graphemes begin ---- */

static unsigned
previous_cluster(const Prompt *prompt, unsigned from)
{
	unsigned at = 0, last = 0;
	int width;
	while (at < from) {
		last = at;
		at += (unsigned)text_cluster(prompt->text->str + at, &width);
	}
	return last;
}

static unsigned
next_cluster(const Prompt *prompt, unsigned from)
{
	int width;
	return from < prompt->text->len ? from + (unsigned)text_cluster(prompt->text->str + from, &width) : from;
}

static bool
is_gap(char c)
{
	return c == ' ' || c == ',' || c == '/' || c == ':';
}

static unsigned
word_left(const Prompt *prompt, unsigned at)
{
	const char *text = prompt->text->str;
	while (at > 0 && is_gap(text[at - 1]))
		at--;
	while (at > 0 && !is_gap(text[at - 1]))
		at--;
	return at;
}

static unsigned
word_right(const Prompt *prompt, unsigned at)
{
	const char *text = prompt->text->str;
	while (text[at] && is_gap(text[at]))
		at++;
	while (text[at] && !is_gap(text[at]))
		at++;
	return at;
}

/* ---- editing ---- */

static void
erase(Prompt *prompt, unsigned from, unsigned to)
{
	size_t left = prompt->text->len - (to - from);
	g_string_erase(prompt->text, from, to - from);
	if (prompt->kind == PROMPT_PASSWORD)
		memset(prompt->text->str + left, 0, to - from);	/* no copy of what was typed stays behind the end */
	prompt->cursor = from;
}

static void
insert(Prompt *prompt, const char *text)
{
	if (prompt->text->len + strlen(text) > TEXT_MAX_BYTES)
		return;
	if (prompt->kind == PROMPT_PASSWORD) {
		if (prompt->text->len == 0 && prompt->text->allocated_len < PASSWORD_BYTES) {
			g_string_set_size(prompt->text, PASSWORD_BYTES);	/* grown once, so that no old block keeps a part */
			g_string_truncate(prompt->text, 0);
		}
		if (prompt->text->len + strlen(text) >= PASSWORD_BYTES)
			return;
	}
	g_string_insert(prompt->text, prompt->cursor, text);
	prompt->cursor += (unsigned)strlen(text);
}

typedef void (*Edit)(Prompt *prompt);
static void edit_left(Prompt *prompt) { prompt->cursor = previous_cluster(prompt, prompt->cursor); }
static void edit_right(Prompt *prompt) { prompt->cursor = next_cluster(prompt, prompt->cursor); }
static void edit_home(Prompt *prompt) { prompt->cursor = 0; }
static void edit_end(Prompt *prompt) { prompt->cursor = (unsigned)prompt->text->len; }
static void edit_word_left(Prompt *prompt) { prompt->cursor = word_left(prompt, prompt->cursor); }
static void edit_word_right(Prompt *prompt) { prompt->cursor = word_right(prompt, prompt->cursor); }
static void edit_backspace(Prompt *prompt) { erase(prompt, previous_cluster(prompt, prompt->cursor), prompt->cursor); }
static void edit_delete(Prompt *prompt) { erase(prompt, prompt->cursor, next_cluster(prompt, prompt->cursor)); }
static void edit_kill_word(Prompt *prompt) { erase(prompt, word_left(prompt, prompt->cursor), prompt->cursor); }
static void edit_kill_right_word(Prompt *prompt) { erase(prompt, prompt->cursor, word_right(prompt, prompt->cursor)); }
static void edit_kill_start(Prompt *prompt) { erase(prompt, 0, prompt->cursor); }
static void edit_kill_end(Prompt *prompt) { erase(prompt, prompt->cursor, (unsigned)prompt->text->len); }

typedef struct EditKey { uint32_t code; uint8_t modifiers; Edit edit; bool changes; } EditKey;
static const EditKey edit_keys[] = {
	{ KEYCODE_LEFT, 0, edit_left, false }, { 'b', KEY_CTRL, edit_left, false },
	{ KEYCODE_RIGHT, 0, edit_right, false }, { 'f', KEY_CTRL, edit_right, false },
	{ KEYCODE_HOME, 0, edit_home, false }, { 'a', KEY_CTRL, edit_home, false },
	{ KEYCODE_END, 0, edit_end, false }, { 'e', KEY_CTRL, edit_end, false },
	{ KEYCODE_LEFT, KEY_CTRL, edit_word_left, false }, { 'b', KEY_ALT, edit_word_left, false }, { KEYCODE_LEFT, KEY_ALT, edit_word_left, false },
	{ KEYCODE_RIGHT, KEY_CTRL, edit_word_right, false }, { 'f', KEY_ALT, edit_word_right, false }, { KEYCODE_RIGHT, KEY_ALT, edit_word_right, false },
	{ KEYCODE_BACKSPACE, 0, edit_backspace, true },
	{ KEYCODE_DELETE, 0, edit_delete, true }, { 'd', KEY_CTRL, edit_delete, true },
	{ 'w', KEY_CTRL, edit_kill_word, true }, { KEYCODE_BACKSPACE, KEY_ALT, edit_kill_word, true },
	{ 'd', KEY_ALT, edit_kill_right_word, true },
	{ 'u', KEY_CTRL, edit_kill_start, true }, { 'k', KEY_CTRL, edit_kill_end, true },
};

/* ---- completion ---- */

/* Where the word begins that completions replace: a whole answer, but for command lines and address lists. */
static unsigned
completion_start(const Prompt *prompt)
{
	const char *text = prompt->text->str;
	unsigned at = prompt->cursor;
	if (prompt->kind == PROMPT_COMMAND) {
		while (at > 0 && text[at - 1] != ' ')
			at--;
		return at;
	}
	if (prompt->kind != PROMPT_ADDRESS)
		return 0;
	while (at > 0 && text[at - 1] != ',')
		at--;
	while (at < prompt->cursor && text[at] == ' ')
		at++;
	return at;
}

static void
drop_completions(Prompt *prompt)
{
	g_clear_pointer(&prompt->completions, g_ptr_array_unref);
	prompt->chosen = -1;
}

static void
refresh_completions(App *app, Prompt *prompt)
{
	drop_completions(prompt);
	if (!prompt->complete || prompt->kind == PROMPT_PASSWORD || prompt->cursor != prompt->text->len)
		return;
	prompt->completions = prompt->complete(app, prompt->text->str);
	prompt->word = completion_start(prompt);
	if (prompt->completions && prompt->completions->len == 0)
		drop_completions(prompt);
}

static void
choose(Prompt *prompt, int step)
{
	int n = (int)prompt->completions->len;
	prompt->chosen = prompt->chosen < 0 ? (step > 0 ? 0 : n - 1) : (prompt->chosen + step + n) % n;
	const Completion *completion = g_ptr_array_index(prompt->completions, prompt->chosen);
	erase(prompt, MIN(prompt->word, (unsigned)prompt->text->len), (unsigned)prompt->text->len);
	insert(prompt, completion->text);
}

static void
complete(App *app, Prompt *prompt, int step)
{
	if (!prompt->completions)
		refresh_completions(app, prompt);
	if (!prompt->completions) {
		app->bell = true;
		return;
	}
	choose(prompt, step);
	if (prompt->completions->len > 1)
		return;
	if (prompt->kind == PROMPT_COMMAND && prompt->text->len > 0 && prompt->text->str[prompt->text->len - 1] != ' ')
		insert(prompt, " ");
	refresh_completions(app, prompt);
}

/* ---- history ---- */

static bool
has_history(const Prompt *prompt)
{
	return prompt->kind != PROMPT_PASSWORD && prompt->kind != PROMPT_YES_NO;
}

static void
remember(App *app, const Prompt *prompt)
{
	if (!has_history(prompt) || prompt->text->len == 0)
		return;
	if (!app->ui.history)
		app->ui.history = g_ptr_array_new_with_free_func(g_free);
	char *line = g_strdup_printf("%c%s", 'A' + (int)prompt->kind, prompt->text->str);
	for (unsigned i = 0; i < app->ui.history->len; i++) {
		if (strcmp(g_ptr_array_index(app->ui.history, i), line) == 0) {
			g_ptr_array_remove_index(app->ui.history, i);
			break;
		}
	}
	g_ptr_array_add(app->ui.history, line);
	if (app->ui.history->len > HISTORY_MAX)
		g_ptr_array_remove_index(app->ui.history, 0);
}

/* The line that lies back lines before the present one; NULL: there are not so many. */
static const char *
recall_line(const App *app, const Prompt *prompt, int back)
{
	for (unsigned i = app->ui.history ? app->ui.history->len : 0; i > 0; i--) {
		const char *line = g_ptr_array_index(app->ui.history, i - 1);
		if (line[0] == 'A' + (int)prompt->kind && --back == 0)
			return line + 1;
	}
	return NULL;
}

static bool
recall(App *app, Prompt *prompt, int step)
{
	int back = prompt->history + step;
	const char *line = back <= 0 ? "" : recall_line(app, prompt, back);
	if (!has_history(prompt) || !line || back < 0)
		return false;
	prompt->history = back;
	erase(prompt, 0, (unsigned)prompt->text->len);
	insert(prompt, line);
	drop_completions(prompt);
	return true;
}

/* ---- keys ---- */

static void
changed(App *app, Prompt *prompt)
{
	refresh_completions(app, prompt);
	if (prompt->changed)
		prompt->changed(app, prompt->text->str, prompt->data);
}

static bool
is(Key key, uint32_t code, unsigned modifiers)
{
	return key.code == code && key.modifiers == modifiers;
}

static bool
yes_no_key(App *app, Prompt *prompt, Key key)
{
	bool yes = key.code == 'y' || key.code == 'Y';
	bool no = key.code == 'n' || key.code == 'N' || key.code == 'q' || key.code == KEYCODE_ESC || is(key, 'c', KEY_CTRL) || is(key, 'g', KEY_CTRL);
	if (yes)
		g_string_assign(prompt->text, "y");
	if (yes || no)
		app_prompt_finish(app, no);
	else
		app->bell = true;
	return true;
}

static bool
choosing_key(App *app, Prompt *prompt, Key key)
{
	bool up = is(key, KEYCODE_UP, 0) || is(key, 'p', KEY_CTRL), down = is(key, KEYCODE_DOWN, 0) || is(key, 'n', KEY_CTRL);
	if (is(key, KEYCODE_TAB, 0) || is(key, KEYCODE_TAB, KEY_SHIFT)) {
		complete(app, prompt, key.modifiers ? -1 : 1);
		return true;
	}
	if (!up && !down)
		return false;
	if (prompt->completions && (prompt->chosen >= 0 || (down && prompt->history == 0)))
		choose(prompt, up ? -1 : 1);
	else if (!recall(app, prompt, up ? 1 : -1))
		app->bell = true;
	if (prompt->changed)
		prompt->changed(app, prompt->text->str, prompt->data);
	return true;
}

static bool
editing_key(App *app, Prompt *prompt, Key key)
{
	for (size_t i = 0; i < G_N_ELEMENTS(edit_keys); i++) {
		if (!is(key, edit_keys[i].code, edit_keys[i].modifiers))
			continue;
		edit_keys[i].edit(prompt);
		if (edit_keys[i].changes)
			changed(app, prompt);
		else
			drop_completions(prompt);
		return true;
	}
	return false;
}

static void
type(App *app, Prompt *prompt, const char *text)
{
	insert(prompt, text);
	prompt->history = 0;
	changed(app, prompt);
}

bool
prompt_key(App *app, Key key, const char *pasted)
{
	Prompt *prompt = app->prompt;
	if (!prompt)
		return false;
	app_mark_dirty(app, DIRTY_STATUS);
	if (prompt->kind == PROMPT_YES_NO)
		return yes_no_key(app, prompt, key);
	if (key.code == KEYCODE_PASTE) {
		g_autofree char *line = text_clean(pasted, -1, false);
		type(app, prompt, g_strstrip(line));
		return true;
	}
	if (key.code == KEYCODE_ESC || is(key, 'c', KEY_CTRL) || is(key, 'g', KEY_CTRL) ||
	    (key.code == KEYCODE_BACKSPACE && prompt->text->len == 0 && prompt->kind == PROMPT_COMMAND)) {
		app_prompt_finish(app, true);
		return true;
	}
	if (key.code == KEYCODE_ENTER) {
		remember(app, prompt);
		app_prompt_finish(app, false);
		return true;
	}
	if (choosing_key(app, prompt, key) || editing_key(app, prompt, key))
		return true;
	if (key.code >= 0x110000 || key.modifiers || key.code < 0x20)
		return false;
	char text[8];
	text[g_unichar_to_utf8(key.code, text)] = 0;
	g_autofree char *clean = text_clean(text, -1, false);
	type(app, prompt, clean);
	return true;
}
