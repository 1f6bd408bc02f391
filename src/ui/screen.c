/* src/ui/screen.c: the terminal: start, end, colours, surface -> ncurses; nothing else calls ncurses */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#define NCURSES_WIDECHAR 1
#include "surel/ui.h"
#include "src/ui/theme.h"
#include "src/ui/glyphs.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

enum { RESTORE_BYTES = 256, PAIRS_MAX = 256 };

static const int fatal_signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };

/* The one terminal of the process. Static because a fatal signal must find it. */
static struct {
	SCREEN *curses;
	bool started, suspended, mouse;
	int input_fd;
	bool owns_input;
	FILE *input;
	struct termios saved;
	volatile sig_atomic_t restore_ready;
	char restore[RESTORE_BYTES];	/* what makes the terminal usable again, for signal handlers */
	struct sigaction previous[G_N_ELEMENTS(fatal_signals)];
	Theme theme;
	struct { short foreground, background; } pairs[PAIRS_MAX];
	int n_pairs;
	Surface *shown;		/* what the terminal shows; NULL: unknown */
} screen;

/* ---- private modes: bracketed paste, mouse; not in terminfo, ignored by terminals that do not know them ---- */

static bool
knows_private_modes(void)
{
	const char *term = g_getenv("TERM");
	return term && !g_str_has_prefix(term, "linux") && !g_str_has_prefix(term, "vt") && !g_str_has_prefix(term, "dumb");
}

static void
send_bytes(const char *bytes)
{
	fputs(bytes, stdout);
	fflush(stdout);
}

static void
set_modes(bool enabled)
{
	if (!knows_private_modes())
		return;
	if (screen.mouse)
		send_bytes(enabled ? "\033[?1000h\033[?1006h" : "\033[?1006l\033[?1000l");
	send_bytes(enabled ? "\033[?2004h" : "\033[?2004l");
}

void
screen_mouse(bool enabled)
{
	if (enabled == screen.mouse)
		return;
	if (screen.started && !screen.suspended)
		set_modes(false);
	screen.mouse = enabled;
	if (screen.started && !screen.suspended)
		set_modes(true);
}

/* ---- fatal signals: the terminal is put right before the process dies ---- */

static void
restore_now(void)
{
	if (!screen.restore_ready)
		return;
	screen.restore_ready = 0;
	size_t size = strlen(screen.restore);
	ssize_t written = write(STDOUT_FILENO, screen.restore, size);
	(void)written;
	tcsetattr(screen.input_fd, TCSANOW, &screen.saved);
}

static void
on_fatal(int number)
{
	restore_now();
	for (size_t i = 0; i < G_N_ELEMENTS(fatal_signals); i++)
		if (fatal_signals[i] == number)
			sigaction(number, &screen.previous[i], NULL);
	raise(number);
}

static void
add_restore(const char *capability)
{
	const char *text = tigetstr(capability);
	if (!text || text == (const char *)-1)
		return;
	size_t length = strlen(screen.restore);
	for (; *text && length + 1 < RESTORE_BYTES; text++) {
		if (text[0] == '$' && text[1] == '<')	/* padding, for hardware of long ago */
			text = strchr(text, '>') ? strchr(text, '>') : text + strlen(text) - 1;
		else
			screen.restore[length++] = *text;
	}
	screen.restore[length] = 0;
}

static void
prepare_restore(void)
{
	screen.restore[0] = 0;
	if (knows_private_modes())
		g_strlcpy(screen.restore, "\033[?2004l\033[?1006l\033[?1000l", sizeof screen.restore);
	add_restore("sgr0");
	add_restore("cnorm");
	add_restore("rmcup");
	screen.restore_ready = 1;
	struct sigaction action = { .sa_handler = on_fatal };
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < G_N_ELEMENTS(fatal_signals); i++)
		sigaction(fatal_signals[i], &action, &screen.previous[i]);
}

static void
drop_fatal_handlers(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(fatal_signals); i++)
		sigaction(fatal_signals[i], &screen.previous[i], NULL);
}

/* ---- start and end ---- */

static bool
open_input(GError **error)
{
	screen.owns_input = false;
	screen.input_fd = STDIN_FILENO;
	if (isatty(STDIN_FILENO)) {
		screen.input = stdin;
		return true;
	}
	screen.input_fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);	/* a message came through stdin */
	if (screen.input_fd < 0)
		return error_set(error, ERROR_INPUT, "Standard input is not a terminal");
	screen.owns_input = true;
	screen.input = fdopen(screen.input_fd, "r");
	return true;
}

static void
close_input(void)
{
	if (screen.owns_input && screen.input)
		fclose(screen.input);
	screen.owns_input = false;
	screen.input = NULL;
	screen.input_fd = STDIN_FILENO;
}

static bool
start_curses(GError **error)
{
	const char *term = g_getenv("TERM");
	set_escdelay(25);
	screen.curses = newterm(NULL, stdout, screen.input);
	if (!screen.curses)
		return error_set(error, ERROR_INPUT, "The terminal type TERM=%s is not known here; try TERM=xterm", term ? term : "");
	const char *move = tigetstr("cup");
	if (move && move != (const char *)-1)
		return true;
	endwin();
	delscreen(screen.curses);
	screen.curses = NULL;
	return error_set(error, ERROR_INPUT, "The terminal type TERM=%s cannot place the cursor; surel needs one that can", term ? term : "");
}

bool
screen_start(const Config *config, GError **error)
{
	if (!isatty(STDOUT_FILENO))
		return error_set(error, ERROR_INPUT, "Standard output is not a terminal");
	if (!open_input(error))
		return false;
	tcgetattr(screen.input_fd, &screen.saved);
	if (!start_curses(error)) {
		close_input();
		return false;
	}
	raw();			/* Ctrl-C and Ctrl-Z are keys */
	noecho();
	nonl();
	curs_set(0);
	typeahead(-1);		/* input is read by the loop, never by ncurses */
	leaveok(stdscr, FALSE);
	scrollok(stdscr, FALSE);
	signal(SIGTSTP, SIG_DFL);
	if (has_colors()) {
		start_color();
		use_default_colors();
	}
	theme_presets(&screen.theme);
	g_autoptr(GError) theme_error = NULL;
	if (config && !screen_theme(config_text(config, OPTION_theme), &theme_error))
		log_warn(LOG_UI, "theme: %s", theme_error->message);
	screen.started = true;
	screen.mouse = config && config_bool(config, OPTION_mouse);
	prepare_restore();
	set_modes(true);
	return true;
}

void
screen_end(void)
{
	if (!screen.started)
		return;
	screen.started = false;
	if (!screen.suspended) {
		set_modes(false);
		curs_set(1);
		endwin();
	}
	screen.suspended = false;
	screen.restore_ready = 0;
	drop_fatal_handlers();
	delscreen(screen.curses);
	screen.curses = NULL;
	surface_free(screen.shown);
	screen.shown = NULL;
	screen.n_pairs = 0;
	tcsetattr(screen.input_fd, TCSADRAIN, &screen.saved);
	close_input();
}

int
screen_input_fd(void)
{
	return screen.input_fd;
}

void
screen_size(int *ret_width, int *ret_height)
{
	*ret_width = screen.started ? COLS : 80;
	*ret_height = screen.started ? LINES : 24;
}

bool
screen_resized(void)
{
	struct winsize size;
	if (!screen.started || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 || size.ws_col == 0)
		return false;
	if (size.ws_row == LINES && size.ws_col == COLS)
		return false;
	resizeterm(size.ws_row, size.ws_col);
	screen_clear();
	return true;
}

void
screen_suspend(void)
{
	if (!screen.started || screen.suspended)
		return;
	screen.suspended = true;
	set_modes(false);
	curs_set(1);
	endwin();
	screen.restore_ready = 0;
}

void
screen_resume(void)
{
	if (!screen.started || !screen.suspended)
		return;
	screen.suspended = false;
	screen.restore_ready = 1;
	reset_prog_mode();
	refresh();
	curs_set(0);
	set_modes(true);
	if (!screen_resized())
		screen_clear();
}

void
screen_clear(void)
{
	surface_free(screen.shown);
	screen.shown = NULL;
}

bool
screen_utf8(void)
{
	return g_ascii_strcasecmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* dark and light are made of the 256-colour palette; their nearest of 8 or 16 colours would be hard to read. */
bool
screen_theme(const char *name, GError **error)
{
	bool few = screen.curses && COLORS < 256 && (strcmp(name, "dark") == 0 || strcmp(name, "light") == 0);
	if (!theme_load(&screen.theme, few ? "basic" : name, error))
		return false;
	screen_clear();
	return true;
}

void
screen_bell(void)
{
	if (screen.started && !screen.suspended)
		beep();
}

void
screen_clipboard(const char *text)
{
	if (!screen.started || screen.suspended || !knows_private_modes())
		return;
	g_autofree char *encoded = g_base64_encode((const guchar *)text, strlen(text));
	g_autofree char *sequence = g_strconcat("\033]52;c;", encoded, "\033\\", NULL);
	send_bytes(sequence);
}

/* ---- surface -> ncurses ---- */

static short
pair_of(int foreground, int background)
{
	if (!has_colors() || (foreground < 0 && background < 0))
		return 0;
	for (int i = 0; i < screen.n_pairs; i++)
		if (screen.pairs[i].foreground == foreground && screen.pairs[i].background == background)
			return (short)(i + 1);
	if (screen.n_pairs + 1 >= MIN(PAIRS_MAX, COLOR_PAIRS) || init_extended_pair(screen.n_pairs + 1, foreground, background) == ERR)
		return 0;
	screen.pairs[screen.n_pairs].foreground = (short)foreground;
	screen.pairs[screen.n_pairs].background = (short)background;
	return (short)++screen.n_pairs;
}

static attr_t
curses_attributes(unsigned attributes)
{
	return (attributes & CELL_BOLD ? A_BOLD : 0) | (attributes & CELL_UNDERLINE ? A_UNDERLINE : 0) |
	       (attributes & CELL_REVERSE ? A_REVERSE : 0) | (attributes & CELL_DIM ? A_DIM : 0) | (attributes & CELL_ITALIC ? A_ITALIC : 0);
}

/* Colours of a cell: its own, with the background of what lies over it; a reversed bar hides colours, which would become blocks. */
static attr_t
resolve(const Cell *cell, short *ret_pair)
{
	ThemeColour colour = screen.theme.colours[cell->colour];
	unsigned attributes = colour.attributes | cell->attributes;
	if (cell->tint) {
		const ThemeColour *over = &screen.theme.colours[cell->tint];
		bool reverse = (over->attributes & CELL_REVERSE) != 0;
		if (over->foreground != THEME_DEFAULT || reverse)
			colour.foreground = over->foreground;
		colour.background = over->background;
		attributes = (attributes & ~(unsigned)CELL_DIM) | over->attributes;
	}
	if (!has_colors() && colour.background != THEME_DEFAULT)
		attributes |= CELL_REVERSE;	/* bars are still bars without colours */
	int foreground = theme_resolve(colour.foreground, has_colors() ? COLORS : 0, &attributes);
	unsigned ignored = 0;
	int background = theme_resolve(colour.background, has_colors() ? COLORS : 0, &ignored);
	*ret_pair = pair_of(foreground, background);
	return curses_attributes(attributes);
}

static void
put_cell(int row, int column, const Cell *cell)
{
	wchar_t text[CCHARW_MAX + 1];
	cchar_t character;
	short pair;
	attr_t attributes = resolve(cell, &pair);
	glyph_wide(cell, screen_utf8(), text, CCHARW_MAX);
	if (setcchar(&character, text, attributes, pair, NULL) == OK)
		mvadd_wch(row, column, &character);
	if (cell->width == 2 && !glyph_is_wide(text) && column + 1 < COLS) {	/* a stand-in of one column */
		setcchar(&character, glyph_second(cell), attributes, pair, NULL);
		mvadd_wch(row, column + 1, &character);
	}
}

static bool
same_cell(const Cell *a, const Cell *b)
{
	return a->width == b->width && a->colour == b->colour && a->attributes == b->attributes && a->tint == b->tint &&
	       strncmp(a->text, b->text, CELL_BYTES) == 0;
}

/* Cells that changed; a wide character next to a changed one is written again, since ncurses may have cut it. */
static void
show_row(const Surface *surface, int row)
{
	const Cell *cells = surface->cells + (size_t)row * (size_t)surface->stride;
	const Cell *shown = screen.shown ? screen.shown->cells + (size_t)row * (size_t)screen.shown->stride : NULL;
	bool previous = false;
	for (int column = 0; column < MIN(surface->width, COLS); column++) {
		bool changed = !shown || !same_cell(&cells[column], &shown[column]);
		if (cells[column].width > 0 && (changed || previous))
			put_cell(row, column, &cells[column]);
		previous = changed;
	}
}

void
screen_show(const Surface *surface, int cursor_row, int cursor_column)
{
	if (!screen.started || screen.suspended)
		return;
	if (screen.shown && (screen.shown->width != surface->width || screen.shown->height != surface->height))
		screen_clear();
	if (!screen.shown) {
		erase();
		clearok(curscr, TRUE);
	}
	for (int row = 0; row < MIN(surface->height, LINES); row++)
		show_row(surface, row);
	if (!screen.shown)
		screen.shown = surface_new(surface->width, surface->height);
	for (int row = 0; row < surface->height; row++)
		memcpy(screen.shown->cells + (size_t)row * (size_t)screen.shown->stride, surface->cells + (size_t)row * (size_t)surface->stride,
		       sizeof(Cell) * (size_t)surface->width);
	bool visible = cursor_row >= 0 && cursor_column >= 0 && cursor_row < LINES && cursor_column < COLS;
	if (visible)
		move(cursor_row, cursor_column);
	curs_set(visible ? 1 : 0);
	refresh();
}
