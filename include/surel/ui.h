/* surel/ui.h: keys, surfaces, theme, prompt, loop; src/ui/screen.c is the only caller of ncurses */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/app.h"
#include "surel/command.h"

typedef enum ColourId {
#define COLOUR_ROW(id, name, preset) COLOUR_##id,
#include "surel/colours.def"
#undef COLOUR_ROW
	COLOUR_COUNT
} ColourId;

/* ---- surfaces: cells that views draw into ---- */
enum { CELL_BYTES = 32 };	/* one grapheme cluster, longer ones are cut */
/* width 0: right half of a wide one; tint: colour whose background lies over this one, COLOUR_NORMAL: none */
typedef struct Cell { char text[CELL_BYTES]; uint8_t width, colour, attributes, tint; } Cell;
typedef enum CellAttribute { CELL_BOLD = 1, CELL_UNDERLINE = 2, CELL_REVERSE = 4, CELL_DIM = 8, CELL_ITALIC = 16 } CellAttribute;
typedef struct Surface { int width, height, stride; Cell *cells; } Surface;
Surface *surface_new(int width, int height);
void surface_free(Surface *surface);
/* A window into another surface, clipped to it; shares cells, valid as long as the parent. */
Surface surface_part(Surface *surface, int row, int column, int height, int width);
void surface_fill(Surface *surface, ColourId colour);
/* Text (cleaned by the callee as a last line of defence), clipped at the edge; returns columns used. attributes: extra CellAttribute. */
int surface_put(Surface *surface, int row, int column, ColourId colour, unsigned attributes, const char *text);
/* The same, right-aligned to end before column; returns the column it starts at. */
int surface_put_right(Surface *surface, int row, int column, ColourId colour, unsigned attributes, const char *text);
/* text in the middle of the row, cut to the width. */
void surface_put_centred(Surface *surface, int row, ColourId colour, unsigned attributes, const char *text);
/* count times the cluster glyph, which is one column wide: rules, bars. */
void surface_repeat(Surface *surface, int row, int column, int count, ColourId colour, const char *glyph);
void surface_tint(Surface *surface, int row, int column, int width, ColourId colour);	/* cursor bar: background and reverse of colour over what is there */
/* Text of all rows without trailing spaces, each ended by LF. Caller frees: for tests. */
char *surface_dump(const Surface *surface);

/* ---- screen ---- */
bool screen_start(const Config *config, GError **error);	/* ERROR_INPUT: TERM unknown, not a terminal */
void screen_end(void);			/* safe to call twice and from fatal paths: the terminal is as it was */
void screen_size(int *ret_width, int *ret_height);
void screen_show(const Surface *surface, int cursor_row, int cursor_column /* -1: hidden */);
void screen_clear(void);		/* next show redraws all */
void screen_suspend(void);		/* hand the terminal to a program */
void screen_resume(void);
bool screen_theme(const char *name, GError **error);	/* themes/NAME.theme: installed, source tree, or a path */
bool screen_utf8(void);
void screen_clipboard(const char *text);	/* OSC 52 */
void screen_bell(void);
void screen_mouse(bool enabled);
int screen_input_fd(void);		/* the terminal's input; /dev/tty where stdin is not a terminal */
bool screen_resized(void);		/* asks the terminal for its size; true when it changed */

/* ---- keys ---- */
typedef struct Key { uint32_t code; uint8_t modifiers; } Key;	/* code: Unicode, or KEYCODE_* above 0x110000 */
enum { KEYCODE_UP = 0x110001, KEYCODE_DOWN, KEYCODE_LEFT, KEYCODE_RIGHT, KEYCODE_HOME, KEYCODE_END, KEYCODE_PAGE_UP, KEYCODE_PAGE_DOWN, KEYCODE_INSERT,
       KEYCODE_DELETE, KEYCODE_BACKSPACE, KEYCODE_ENTER, KEYCODE_TAB, KEYCODE_ESC, KEYCODE_F1 /* to F12 */, KEYCODE_F12 = KEYCODE_F1 + 11, KEYCODE_RESIZE,
       KEYCODE_PASTE /* text in the input */, KEYCODE_MOUSE };
enum { KEY_CTRL = 1, KEY_ALT = 2, KEY_SHIFT = 4 };
bool key_parse(const char *text, Key *ret_key, const char **ret_rest);	/* "<C-d>", "za" is two keys */
char *key_print(Key key);		/* caller frees */
typedef struct Keymap Keymap;
/* From commands.def and the bindings of config; what cannot be bound is a notice. */
Keymap *keymap_new(const Config *config, GPtrArray *ret_problems /* of char *, may be NULL */);
void keymap_free(Keymap *keymap);
typedef enum KeymapResult { KEYMAP_NONE, KEYMAP_PREFIX, KEYMAP_COMMAND, KEYMAP_LINE } KeymapResult;
/* Looks a sequence up in scope; KEYMAP_LINE: *ret_line is a command line bound by the user. */
KeymapResult keymap_lookup(const Keymap *keymap, Scope scope, const Key *keys, size_t n, CommandId *ret_command, const char **ret_line);
/* First key of a command in scope as text, "" when none. Borrowed. */
const char *keymap_key_of(const Keymap *keymap, Scope scope, CommandId command);

/* ---- prompt ---- */
bool prompt_key(App *app, Key key, const char *pasted);	/* false: not for it */

/* ---- loop ---- */
/* Draws and dispatches until app->quit. draw: composes the whole screen (view_draw). Returns the exit status. */
typedef void (*ClickScreen)(App *app, const Keymap *keymap, int row, int column, int button);	/* button: left, middle, right, wheel up, wheel down */
int ui_run(App *app, Keymap *keymap, void (*draw)(App *app, const Keymap *keymap, Surface *surface, int *ret_cursor_row, int *ret_cursor_column),
	   ClickScreen click /* NULL: the mouse does nothing */);
