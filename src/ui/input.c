/* src/ui/input.c: bytes of the terminal -> key events: UTF-8, Alt, CSI and SS3 keys, bracketed paste, SGR mouse */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/ui/input.h"

#include <string.h>

enum {
	SEQUENCE_MAX = 64,		/* bytes of an escape sequence; longer ones are noise */
	PASTE_MAX_BYTES = 1 << 20,	/* ours; what is beyond is dropped */
	PARAMETERS_MAX = 4
};

struct Input {
	GString *bytes;
	bool pasting;
	GString *paste;
};

Input *
input_new(void)
{
	Input *input = g_new0(Input, 1);
	input->bytes = g_string_new(NULL);
	input->paste = g_string_new(NULL);
	return input;
}

void
input_free(Input *input)
{
	if (!input)
		return;
	g_string_free(input->bytes, TRUE);
	g_string_free(input->paste, TRUE);
	g_free(input);
}

void
input_feed(Input *input, const char *bytes, size_t size)
{
	g_string_append_len(input->bytes, bytes, (gssize)size);
}

bool
input_waiting(const Input *input)
{
	return input->bytes->len > 0;
}

static void
set_key(InputEvent *event, uint32_t code, unsigned modifiers)
{
	event->key.code = code;
	event->key.modifiers = (uint8_t)modifiers;
}

/* ---- control sequences (ECMA-48 5.4; xterm's ctlseqs) ---- */

typedef struct CsiKey { char final; unsigned parameter; uint32_t code; } CsiKey;
static const CsiKey csi_keys[] = {
	{ 'A', 0, KEYCODE_UP }, { 'B', 0, KEYCODE_DOWN }, { 'C', 0, KEYCODE_RIGHT }, { 'D', 0, KEYCODE_LEFT }, { 'H', 0, KEYCODE_HOME },
	{ 'F', 0, KEYCODE_END }, { 'P', 0, KEYCODE_F1 }, { 'Q', 0, KEYCODE_F1 + 1 }, { 'R', 0, KEYCODE_F1 + 2 }, { 'S', 0, KEYCODE_F1 + 3 },
	{ 'M', 0, KEYCODE_ENTER },	/* keypad Enter, after SS3 only */
	{ '~', 1, KEYCODE_HOME }, { '~', 7, KEYCODE_HOME }, { '~', 4, KEYCODE_END }, { '~', 8, KEYCODE_END }, { '~', 2, KEYCODE_INSERT },
	{ '~', 3, KEYCODE_DELETE }, { '~', 5, KEYCODE_PAGE_UP }, { '~', 6, KEYCODE_PAGE_DOWN },
	{ '~', 11, KEYCODE_F1 }, { '~', 12, KEYCODE_F1 + 1 }, { '~', 13, KEYCODE_F1 + 2 }, { '~', 14, KEYCODE_F1 + 3 }, { '~', 15, KEYCODE_F1 + 4 },
	{ '~', 17, KEYCODE_F1 + 5 }, { '~', 18, KEYCODE_F1 + 6 }, { '~', 19, KEYCODE_F1 + 7 }, { '~', 20, KEYCODE_F1 + 8 }, { '~', 21, KEYCODE_F1 + 9 },
	{ '~', 23, KEYCODE_F1 + 10 }, { '~', 24, KEYCODE_F1 + 11 },
};

/* Parameters "1;5" -> numbers; returns how many. */
static unsigned
parse_parameters(const char *text, size_t size, unsigned values[PARAMETERS_MAX])
{
	unsigned n = 0;
	memset(values, 0, PARAMETERS_MAX * sizeof *values);
	for (size_t i = 0; i < size && n < PARAMETERS_MAX; i++) {
		if (g_ascii_isdigit(text[i]) && values[n] < 0x110000)
			values[n] = values[n] * 10 + (unsigned)(text[i] - '0');
		else if (text[i] == ';' || text[i] == ':')
			n++;
	}
	return MIN(n + 1, PARAMETERS_MAX);
}

static unsigned
csi_modifiers(unsigned value)
{
	unsigned bits = value > 0 ? value - 1 : 0;
	return (bits & 1 ? KEY_SHIFT : 0) | (bits & 2 ? KEY_ALT : 0) | (bits & 4 ? KEY_CTRL : 0);
}

static bool
csi_mouse(const unsigned *values, char final, InputEvent *event)
{
	unsigned button = values[0] & ~(4U | 8U | 16U);	/* without Shift, Alt, Ctrl */
	if (final != 'M' || (button & 32) || values[1] == 0 || values[2] == 0)
		return false;			/* releases and motion */
	if (button > 2 && button != 64 && button != 65)
		return false;
	set_key(event, KEYCODE_MOUSE, 0);
	event->button = button == 64 ? MOUSE_WHEEL_UP : button == 65 ? MOUSE_WHEEL_DOWN : (MouseButton)button;
	event->column = (int)values[1] - 1;
	event->row = (int)values[2] - 1;
	return true;
}

/* A key of a complete sequence; false: none that we know. */
static bool
csi_key(const char *parameters, size_t size, char final, InputEvent *event)
{
	unsigned values[PARAMETERS_MAX];
	bool private = size > 0 && *parameters == '<';
	parse_parameters(parameters + private, size - private, values);
	if (private)
		return csi_mouse(values, final, event);
	if (final == 'Z') {
		set_key(event, KEYCODE_TAB, KEY_SHIFT);
		return true;
	}
	if (final == 'u' && values[0] >= 0x20 && values[0] < 0x110000) {
		set_key(event, values[0] == 127 ? KEYCODE_BACKSPACE : values[0], csi_modifiers(values[1]));
		return true;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(csi_keys); i++) {
		if (csi_keys[i].final != final || (final == '~' && csi_keys[i].parameter != values[0]))
			continue;
		set_key(event, csi_keys[i].code, csi_modifiers(values[1]));
		return true;
	}
	return false;
}

/* Length of the sequence after ESC [ that starts at text, 0: not complete. */
static size_t
csi_length(const char *text, size_t size)
{
	if (size > 0 && text[0] == '[')
		return size > 1 ? 2 : 0;	/* Linux console: ESC [ [ A is F1 */
	if (size > 0 && text[0] == 'M')
		return size >= 4 ? 4 : 0;	/* X10 mouse, not asked for */
	for (size_t i = 0; i < size; i++)
		if (text[i] >= 0x40 && text[i] <= 0x7e)
			return i + 1;
	return size > SEQUENCE_MAX ? size : 0;
}

typedef enum Parsed { PARSED_MORE, PARSED_NOTHING, PARSED_KEY } Parsed;

static Parsed
parse_csi(Input *input, InputEvent *event, size_t *ret_used)
{
	const char *text = input->bytes->str + 2;
	size_t length = csi_length(text, input->bytes->len - 2);
	if (length == 0)
		return PARSED_MORE;
	*ret_used = length + 2;
	if (text[0] == '[') {
		if (text[1] < 'A' || text[1] > 'E')
			return PARSED_NOTHING;
		set_key(event, KEYCODE_F1 + (uint32_t)(text[1] - 'A'), 0);
		return PARSED_KEY;
	}
	if (length == 4 && memcmp(text, "200~", 4) == 0) {
		input->pasting = true;
		return PARSED_NOTHING;
	}
	if (text[0] == 'M')
		return PARSED_NOTHING;
	return csi_key(text, length - 1, text[length - 1], event) ? PARSED_KEY : PARSED_NOTHING;
}

/* ---- characters ---- */

static Parsed
parse_character(const char *text, size_t size, bool flush, InputEvent *event, size_t *ret_used)
{
	unsigned char c = (unsigned char)*text;
	*ret_used = 1;
	if (c == '\r' || c == '\n')
		set_key(event, KEYCODE_ENTER, 0);
	else if (c == '\t')
		set_key(event, KEYCODE_TAB, 0);
	else if (c == 0x7f || c == 0x08)
		set_key(event, KEYCODE_BACKSPACE, 0);
	else if (c == 0)
		set_key(event, ' ', KEY_CTRL);
	else if (c < 0x1b)
		set_key(event, c + 'a' - 1U, KEY_CTRL);
	else if (c == 0x1b)
		set_key(event, KEYCODE_ESC, 0);
	else if (c < 0x20)
		set_key(event, c + '@', KEY_CTRL);
	else if (c < 0x80)
		set_key(event, c, 0);
	if (c < 0x80)
		return PARSED_KEY;
	gunichar u = g_utf8_get_char_validated(text, (gssize)size);
	if (u == (gunichar)-2 && !flush)
		return PARSED_MORE;
	if (u == (gunichar)-1 || u == (gunichar)-2)
		return PARSED_NOTHING;
	*ret_used = (size_t)(g_utf8_next_char(text) - text);
	set_key(event, u, 0);
	return PARSED_KEY;
}

static Parsed
parse_escape(Input *input, bool flush, InputEvent *event, size_t *ret_used)
{
	const char *text = input->bytes->str;
	size_t size = input->bytes->len;
	*ret_used = 1;
	if (size == 1) {
		set_key(event, KEYCODE_ESC, 0);
		return flush ? PARSED_KEY : PARSED_MORE;
	}
	if (text[1] == '\033') {
		set_key(event, KEYCODE_ESC, 0);
		return PARSED_KEY;
	}
	Parsed parsed = PARSED_MORE;
	if (text[1] == '[') {
		parsed = parse_csi(input, event, ret_used);
	} else if (text[1] == 'O' && size > 2) {
		*ret_used = 3;
		parsed = csi_key("", 0, text[2], event) ? PARSED_KEY : PARSED_NOTHING;
	} else if (text[1] != 'O') {
		parsed = parse_character(text + 1, size - 1, flush, event, ret_used);
		*ret_used += 1;
		event->key.modifiers |= KEY_ALT;
		return parsed;
	}
	if (parsed != PARSED_MORE || !flush)
		return parsed;
	if (size > 2) {
		*ret_used = size;	/* a sequence that never ended */
		return PARSED_NOTHING;
	}
	set_key(event, (unsigned char)text[1], KEY_ALT);
	*ret_used = 2;
	return PARSED_KEY;
}

/* Collects until ESC [ 201 ~, which may come in pieces. */
static bool
parse_paste(Input *input, InputEvent *event)
{
	static const char end[] = "\033[201~";
	size_t take = 0;
	while (take + sizeof end - 1 <= input->bytes->len && memcmp(input->bytes->str + take, end, sizeof end - 1) != 0)
		take++;
	bool found = take + sizeof end - 1 <= input->bytes->len;
	size_t room = PASTE_MAX_BYTES - MIN((size_t)PASTE_MAX_BYTES, input->paste->len);
	g_string_append_len(input->paste, input->bytes->str, (gssize)MIN(take, room));
	g_string_erase(input->bytes, 0, (gssize)(take + (found ? sizeof end - 1 : 0)));
	if (!found)
		return false;
	for (char *p = input->paste->str; *p; p++)
		if (*p == '\r')
			*p = '\n';	/* terminals send CR for each line end */
	set_key(event, KEYCODE_PASTE, 0);
	event->pasted = text_clean(input->paste->str, (ssize_t)input->paste->len, true);
	g_string_truncate(input->paste, 0);
	input->pasting = false;
	return true;
}

bool
input_next(Input *input, bool flush, InputEvent *ret_event)
{
	memset(ret_event, 0, sizeof *ret_event);
	while (input->bytes->len > 0) {
		if (input->pasting)
			return parse_paste(input, ret_event);
		size_t used = 0;
		Parsed parsed = input->bytes->str[0] == '\033' ? parse_escape(input, flush, ret_event, &used) :
			parse_character(input->bytes->str, input->bytes->len, flush, ret_event, &used);
		if (parsed == PARSED_MORE)
			return false;
		g_string_erase(input->bytes, 0, (gssize)MIN(used, input->bytes->len));
		if (parsed == PARSED_KEY)
			return true;
		memset(ret_event, 0, sizeof *ret_event);
	}
	return false;
}
