/* src/ui/input.h: bytes of the terminal -> key events; no ncurses, so that tests can feed any bytes */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/ui.h"

enum { INPUT_ESC_MS = 25 };	/* a lone ESC is the Escape key when nothing follows for this long */

typedef enum MouseButton { MOUSE_LEFT, MOUSE_MIDDLE, MOUSE_RIGHT, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN } MouseButton;
typedef struct InputEvent {
	Key key;
	int row, column;	/* KEYCODE_MOUSE */
	MouseButton button;
	char *pasted;		/* KEYCODE_PASTE: clean text with LF; caller frees */
} InputEvent;

typedef struct Input Input;
Input *input_new(void);
void input_free(Input *input);
void input_feed(Input *input, const char *bytes, size_t size);
/* The next event; false: more bytes are needed. flush: nothing more is coming now, so a lone ESC is the Escape key. */
bool input_next(Input *input, bool flush, InputEvent *ret_event);
bool input_waiting(const Input *input);	/* the begin of a sequence is held */
