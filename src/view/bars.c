/* src/view/bars.c: the title bar, the status line, the key bar, and the prompt with its completions */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/view/draw.h"

#include <string.h>

enum { NOTICE_SECONDS = 6, NOTICE_ROWS = 4, LONG_NOTICE = 100 /* bytes */, HINT_GAP = 2, COMPLETIONS_SHOWN = 8, HINTS_MAX = 64 };

/* ---- title ---- */

/* "● rumah  ↻ kantor 40%": all accounts where there is room, else those that are not at rest. */
static char *
accounts_text(const App *app, bool words)
{
	GString *text = g_string_new(NULL);
	for (unsigned i = 0; i < app->accounts->len; i++) {
		const AppAccount *account = g_ptr_array_index(app->accounts, i);
		if (!words && account->state == ENGINE_IDLE)
			continue;
		g_string_append_printf(text, "%s%s %s", text->len ? "  " : "", state_sign(account->state), account->account->name);
		if (account->progress_total > 0 && account->state != ENGINE_IDLE)
			g_string_append_printf(text, " %d%%", (int)(100 * MIN(account->progress_done, account->progress_total) / account->progress_total));
		else if (words && account->state != ENGINE_IDLE)
			g_string_append_printf(text, " %s", state_word(account));
	}
	return g_string_free(text, FALSE);
}

void
draw_title(const ViewContext *context, Surface *surface, const char *title)
{
	surface_fill(surface, COLOUR_TITLE);
	g_autofree char *full = accounts_text(context->app, true);
	g_autofree char *brief = accounts_text(context->app, false);
	int title_width = text_width(title) + 4;
	const char *accounts = text_width(full) + title_width <= surface->width ? full : brief;
	int width = text_width(accounts);
	if (width > surface->width / 2)
		width = 0;
	text_put_cut(surface, 0, 1, surface->width - width - 4, COLOUR_TITLE, 0, title);
	if (width)
		surface_put(surface, 0, surface->width - width - 1, COLOUR_TITLE, 0, accounts);
}

/* ---- status ---- */

static const ColourId notice_colours[] = {
	[NOTICE_INFO] = COLOUR_INFO, [NOTICE_GOOD] = COLOUR_GOOD, [NOTICE_WARN] = COLOUR_WARN, [NOTICE_ERROR] = COLOUR_ERROR
};

/* The newest notice while it is news: six seconds, a long one twelve, an error at least until a key. */
static const Notice *
current_notice(App *app)
{
	if (app->notices->len == 0)
		return NULL;
	const Notice *notice = g_ptr_array_index(app->notices, app->notices->len - 1);
	int64_t age = view_now(app) - notice->when;
	int seconds = strlen(notice->text) > LONG_NOTICE ? NOTICE_SECONDS * 2 : NOTICE_SECONDS;
	if (age >= 0 && age < seconds) {
		view_redraw_in(app, (seconds - age) * 1000);
		return notice;
	}
	return notice->level == NOTICE_ERROR && app->ui.notices_seen < app->notices->len ? notice : NULL;
}

/* What goes on by itself: "rumah: Inbox 120 of 400". Caller frees; NULL: nothing. */
static char *
progress_text(const App *app)
{
	for (unsigned i = 0; i < app->accounts->len; i++) {
		const AppAccount *account = g_ptr_array_index(app->accounts, i);
		if (!account->progress_what || account->state == ENGINE_IDLE)
			continue;
		if (account->progress_total > 0)
			return g_strdup_printf("%s: %s %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT, account->account->name, account->progress_what,
					       account->progress_done, account->progress_total);
		return g_strdup_printf("%s: %s", account->account->name, account->progress_what);
	}
	for (unsigned i = 0; i < app->accounts->len; i++) {
		const AppAccount *account = g_ptr_array_index(app->accounts, i);
		if (account->state_text && (account->state == ENGINE_OFFLINE || account->state == ENGINE_AUTH_FAILED))
			return g_strdup_printf("%s: %s", account->account->name, account->state_text);
	}
	return g_strdup(app->index_progress);
}

/* "12/345 · 3 unread", "42%": where in the place one is. Caller frees. */
static char *
position_text(const ViewContext *context)
{
	const Place *place = context->place;
	if (place->kind == PLACE_READER && place->reader->lines > place->reader->height) {
		const Reader *reader = place->reader;
		unsigned last = reader->lines - reader->height;
		if (reader->top == 0)
			return g_strdup("top");
		return reader->top >= last ? g_strdup("end") : g_strdup_printf("%u%%", reader->top * 100 / last);
	}
	if (place->kind == PLACE_HELP || place->kind == PLACE_LOG)
		return place->rows > place->height ? g_strdup_printf("%u/%u", place->cursor + place->height, place->rows) : g_strdup("");
	if (place->kind != PLACE_LIST)
		return g_strdup("");
	int64_t position = -1, total = -1, unread = -1;
	mailbox_position(place->mailbox, &position, &total, &unread);
	GString *text = g_string_new(NULL);
	size_t marked = mailbox_marked(place->mailbox);
	if (marked)
		g_string_append_printf(text, "%zu marked · ", marked);
	if (position >= 0 && total > 0)
		g_string_append_printf(text, "%" G_GINT64_FORMAT "/", position + 1);
	if (total >= 0)
		g_string_append_printf(text, "%" G_GINT64_FORMAT, total);
	if (unread > 0)
		g_string_append_printf(text, " · %" G_GINT64_FORMAT " unread", unread);
	return g_string_free(text, FALSE);
}

void
draw_status(const ViewContext *context, Surface *surface)
{
	App *app = context->app;
	surface_fill(surface, COLOUR_STATUS);
	g_autofree char *position = position_text(context);
	g_autofree char *right = *app->ui.pending ? g_strdup_printf("%s  %s", app->ui.pending, position) : g_strdup(position);
	int room = surface->width - 2;
	const Notice *notice = current_notice(app);
	g_autofree char *progress = notice ? NULL : progress_text(app);
	const char *left = notice ? notice->text : progress ? progress : "";
	int right_width = text_width(right);
	if (right_width && room - right_width - 2 < text_width(left) && notice && notice->level == NOTICE_ERROR)
		right_width = 0;	/* an error needs the line */
	if (right_width)
		surface_put(surface, 0, surface->width - right_width - 1, COLOUR_STATUS, 0, right);
	room -= right_width ? right_width + 2 : 0;
	text_put_cut(surface, 0, 1, room, notice ? notice_colours[notice->level] : COLOUR_STATUS, 0, left);
	if (notice)
		surface_tint(surface, 0, 0, surface->width, COLOUR_STATUS);
}

/* A warning or error that the status line would cut is shown whole above it, as long as it is news. */
void
draw_long_notice(const ViewContext *context, Surface *screen, int bottom)
{
	const Notice *notice = current_notice(context->app);
	int width = screen->width - 2, rows = 0;
	const char *lines[NOTICE_ROWS + 1];
	size_t sizes[NOTICE_ROWS + 1], skip;
	if (!notice || context->place->kind == PLACE_LOG || notice->level < NOTICE_WARN || text_width(notice->text) <= width)
		return;
	for (const char *p = notice->text; *p && rows < NOTICE_ROWS; p += sizes[rows - 1] + skip) {
		lines[rows] = p;
		sizes[rows++] = text_wrap(p, width, &skip);
	}
	sizes[rows - 1] = strlen(lines[rows - 1]);	/* what is too long even so is cut; the log has it */
	Surface box = surface_part(screen, bottom - rows + 1, 0, rows, screen->width);
	surface_fill(&box, COLOUR_STATUS);
	for (int i = 0; i < rows; i++) {
		g_autofree char *line = g_strndup(lines[i], sizes[i]);
		text_put_cut(&box, i, 1, width, notice_colours[notice->level], 0, line);
		surface_tint(&box, i, 0, box.width, COLOUR_STATUS);
	}
}

/* ---- keys ---- */

typedef struct Hint { CommandId command; const char *key, *word; int column, width, row; } Hint;

/* The key is not the command's first one, which does something else here: the other command is the one to show. */
static bool
is_second_choice(const CommandRow *row, const char *key)
{
	g_auto(GStrv) presets = g_strsplit(row->keys, " ", -1);
	for (unsigned i = 1; presets[0] && presets[i]; i++) {
		size_t length = strlen(presets[i]);
		bool named = length > 2 && presets[i][0] == '<';
		if (named ? strlen(key) == length - 2 && strncmp(presets[i] + 1, key, length - 2) == 0 : strcmp(presets[i], key) == 0)
			return true;
	}
	return false;
}

static Hint
hint_of(const Keymap *keymap, Scope scope, CommandId command)
{
	Hint hint = { .command = command, .key = keymap_key_of(keymap, scope, command), .word = command_row(command)->hint };
	hint.width = text_width(hint.key) + 1 + text_width(hint.word);
	return hint;
}

/* Hints of a scope in the order of the table, without help. */
static unsigned
collect_hints(const Keymap *keymap, Scope scope, Hint hints[HINTS_MAX])
{
	unsigned n = 0;
	for (int id = 0; id < COMMAND_COUNT && n < HINTS_MAX; id++) {
		const CommandRow *row = command_row((CommandId)id);
		if (id == COMMAND_HELP || !*row->hint || !(row->scopes & scope))
			continue;
		Hint hint = hint_of(keymap, scope, (CommandId)id);
		if (*hint.key && !is_second_choice(row, hint.key))
			hints[n++] = hint;
	}
	return n;
}

/* Two to a column, as many as fit; help always has the last place below. */
static unsigned
layout_hints(const Keymap *keymap, Scope scope, int width, Hint hints[HINTS_MAX])
{
	Hint all[HINTS_MAX], help = hint_of(keymap, scope, COMMAND_HELP);
	width--;
	unsigned n = collect_hints(keymap, scope, all), kept = 0, next = 0;
	int column = 1;
	while (next < n && kept + 3 < HINTS_MAX) {
		unsigned pair = MIN(2U, n - next);
		int column_width = MAX(all[next].width, pair > 1 ? all[next + 1].width : 0);
		bool is_end = pair == 1 || column + column_width + HINT_GAP + help.width > width;
		if (is_end)
			break;
		for (unsigned k = 0; k < pair; k++, next++) {
			hints[kept] = all[next];
			hints[kept].column = column;
			hints[kept++].row = (int)k;
		}
		column += column_width + HINT_GAP;
	}
	while (next < n && column + all[next].width > width)
		next++;		/* the first that fits above help */
	if (next < n) {
		hints[kept] = all[next];
		hints[kept].column = column;
		hints[kept++].row = 0;
	}
	help.column = column;
	help.row = 1;
	hints[kept++] = help;
	return kept;
}

/* While a question is open its keys are the ones that work. */
static unsigned
prompt_hints(const Prompt *prompt, Hint hints[HINTS_MAX])
{
	static const struct { const char *key, *word; } answers[] = { { "y", "yes" }, { "n", "no" } },
		keys[] = { { "Enter", "done" }, { "Esc", "give up" }, { "Tab", "complete" }, { "Up", "earlier lines" }, { "^W", "delete word" }, { "^U", "delete all" } };
	bool question = prompt->kind == PROMPT_YES_NO;
	unsigned n = 0;
	int column = 1;
	for (unsigned i = 0; i < (question ? G_N_ELEMENTS(answers) : G_N_ELEMENTS(keys)); i++) {
		Hint hint = { .key = question ? answers[i].key : keys[i].key, .word = question ? answers[i].word : keys[i].word };
		if ((hint.key[0] == 'T' && !prompt->complete) || (hint.key[0] == 'U' && prompt->kind == PROMPT_PASSWORD))
			continue;
		hint.width = text_width(hint.key) + 1 + text_width(hint.word);
		hint.row = (int)(n % 2);
		hint.column = column;
		hints[n++] = hint;
		if (n % 2 == 0)
			column += MAX(hints[n - 1].width, hints[n - 2].width) + HINT_GAP;
	}
	return n;
}

void
draw_hints(const ViewContext *context, Scope scope, Surface *surface)
{
	Hint hints[HINTS_MAX];
	unsigned n = context->app->prompt ? prompt_hints(context->app->prompt, hints) : layout_hints(context->keymap, scope, surface->width, hints);
	surface_fill(surface, COLOUR_HINT);
	for (unsigned i = 0; i < n; i++) {
		int width = surface_put(surface, hints[i].row, hints[i].column, COLOUR_HINT_KEY, 0, hints[i].key);
		surface_put(surface, hints[i].row, hints[i].column + width + 1, COLOUR_HINT, 0, hints[i].word);
	}
}

bool
click_hints(const ViewContext *context, Scope scope, int width, int row, int column)
{
	Hint hints[HINTS_MAX];
	unsigned n = layout_hints(context->keymap, scope, width, hints);
	for (unsigned i = 0; i < n; i++) {
		if (hints[i].row != row || column < hints[i].column || column >= hints[i].column + hints[i].width)
			continue;
		command_run(context->app, hints[i].command, "", 1);
		return true;
	}
	return false;
}

/* ---- prompt ---- */

/* Completions above the prompt, the chosen one in sight. */
static void
draw_completions(const Prompt *prompt, Surface *screen, int bottom)
{
	int n = prompt->completions ? (int)prompt->completions->len : 0;
	int shown = MIN(MIN(n, COMPLETIONS_SHOWN), bottom - 1);
	if (shown <= 0)
		return;
	int top = prompt->chosen >= shown ? prompt->chosen - shown + 1 : 0;
	int text_columns = 8, note_columns = 0;
	for (int i = top; i < top + shown; i++) {
		const Completion *completion = g_ptr_array_index(prompt->completions, i);
		text_columns = MAX(text_columns, MIN(text_width(completion->text), screen->width / 2));
		note_columns = MAX(note_columns, completion->note ? text_width(completion->note) : 0);
	}
	int width = MIN(screen->width - 2, text_columns + (note_columns ? note_columns + 2 : 0) + 2);
	Surface box = surface_part(screen, bottom - shown, 1, shown, width);
	surface_fill(&box, COLOUR_STATUS);
	for (int i = 0; i < shown; i++) {
		const Completion *completion = g_ptr_array_index(prompt->completions, top + i);
		text_put_cut(&box, i, 1, text_columns, COLOUR_STATUS, 0, completion->text);
		if (completion->note)
			text_put_cut(&box, i, text_columns + 3, width - text_columns - 4, COLOUR_STATUS, CELL_DIM, completion->note);
		if (top + i == prompt->chosen)
			surface_tint(&box, i, 0, width, COLOUR_CURSOR);
	}
}

/* First byte of text shown so that the cursor is in sight. */
static size_t
scrolled_start(const char *text, size_t cursor, int room)
{
	size_t start = 0;
	int width;
	while (start < cursor) {
		g_autofree char *before = g_strndup(text + start, cursor - start);
		if (text_width(before) < room)
			break;
		start += text_cluster(text + start, &width);
	}
	return start;
}

void
draw_prompt(const ViewContext *context, Surface *screen, int row, int *ret_cursor_row, int *ret_cursor_column)
{
	const Prompt *prompt = context->app->prompt;
	Surface line = surface_part(screen, row, 0, 1, screen->width);
	surface_fill(&line, COLOUR_PROMPT);
	bool gap = prompt->label && *prompt->label && !g_str_has_suffix(prompt->label, " ") && prompt->kind != PROMPT_COMMAND;
	int column = text_put_cut(&line, 0, 1, line.width * 2 / 3, COLOUR_PROMPT, 0, prompt->label ? prompt->label : "") + 1 + gap;
	int room = MAX(4, line.width - column - 1);
	draw_completions(prompt, screen, row);
	*ret_cursor_row = row;
	if (prompt->kind == PROMPT_YES_NO) {
		*ret_cursor_column = column;
		return;
	}
	if (prompt->kind == PROMPT_PASSWORD) {
		int stars = MIN((int)g_utf8_strlen(prompt->text->str, -1), room - 1);
		surface_repeat(&line, 0, column, stars, COLOUR_NORMAL, "•");
		*ret_cursor_column = column + stars;
		return;
	}
	size_t start = scrolled_start(prompt->text->str, prompt->cursor, room);
	surface_put(&line, 0, column, COLOUR_NORMAL, 0, prompt->text->str + start);
	g_autofree char *before = g_strndup(prompt->text->str + start, prompt->cursor - start);
	*ret_cursor_column = column + text_width(before);
}
