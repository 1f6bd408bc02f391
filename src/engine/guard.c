/* engine/guard.c: wire guard: a lexer that knows lines, quotes, literals and numbers of IMAP responses (RFC 3501 9) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/engine/guard.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

enum { WORD_BYTES = 24 };

typedef enum Numbers { NUMBERS_FREE, NUMBERS_NEXT, NUMBERS_LINE } Numbers;

/* The lexer's place in one response. A response spans several physical lines where it holds literals. */
typedef struct Place {
	unsigned words;			/* words ended so far */
	bool text;			/* a status line: what follows the response code is for people */
	bool code, code_ended;		/* inside and behind the [response code] of a status line */
	bool quoted, escaped;
	bool flags_only;		/* inside [PERMANENTFLAGS: libetpan survives nothing but a flat list of flags */
	bool flags_open;
	uint8_t last_flag;
	bool brace, brace_closed;	/* an open "{" outside quotes on this physical line; and its "}" */
	bool brace_bad;
	unsigned nesting;
	uint64_t bytes;
	uint64_t brace_number;
	unsigned brace_digits;
	Numbers numbers;		/* which numbers must fit 32 bits */
	uint64_t number;
	bool number_only;		/* the word so far is a number or a set of numbers */
	char word[WORD_BYTES];
	size_t word_size;
} Place;

struct Guard {
	Place place;
	uint64_t literal;	/* bytes of it still to come */
	const char *broken;
};

Guard *
guard_new(void)
{
	Guard *guard = g_new0(Guard, 1);

	guard->place.number_only = true;
	return guard;
}

void
guard_free(Guard *guard)
{
	g_free(guard);
}

static bool
word_is(const Place *place, const char *word)
{
	return place->word_size == strlen(word) && g_ascii_strncasecmp(place->word, word, place->word_size) == 0;
}

static bool
word_in(const Place *place, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		if (word_is(place, words[i]))
			return true;
	return false;
}

/* What the word that just ended says about the rest of the line. */
static const char *
guard_word(Place *place)
{
	static const char *const status[] = { "OK", "NO", "BAD", "BYE", "PREAUTH", NULL };
	static const char *const one[] = { "UID", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "MESSAGES", "RECENT", NULL };
	static const char *const all[] = { "SEARCH", "SORT", "VANISHED", "COPYUID", "APPENDUID", NULL };

	if (place->word_size == 0)
		return NULL;
	if (place->words == 0 && word_is(place, "+"))
		place->text = true;
	if (place->words == 1 && word_in(place, status))
		place->text = true;
	if ((place->words == 1 || place->code) && word_in(place, all))
		place->numbers = NUMBERS_LINE;
	else if (place->numbers != NUMBERS_LINE && strchr("UuMmRr", place->word[0]) && word_in(place, one))
		place->numbers = NUMBERS_NEXT;
	if (place->code && word_is(place, "BADCHARSET"))
		return "response code BADCHARSET";
	if (place->code && word_is(place, "PERMANENTFLAGS"))
		place->flags_only = true;
	place->words++;
	return NULL;
}

static const char *
guard_number(Place *place)
{
	bool leading = place->words == 1 && !place->text;	/* "* 12 EXISTS" */
	/* inside parentheses of a SEARCH line there is MODSEQ, of 63 bits */
	bool asked = place->numbers == NUMBERS_NEXT || (place->numbers == NUMBERS_LINE && place->nesting == 0);
	bool checked = place->number_only && place->word_size > 0 && (leading || asked);

	if (checked && place->number > UINT32_MAX)
		return "number beyond 32 bits";
	if (checked && place->numbers == NUMBERS_NEXT)
		place->numbers = NUMBERS_FREE;
	return NULL;
}

static const char *
guard_end_word(Place *place)
{
	const char *bad = guard_number(place);

	if (!bad)
		bad = guard_word(place);
	place->word_size = 0;
	place->number = 0;
	place->number_only = true;
	return bad;
}

static const char *
guard_add(Place *place, uint8_t byte)
{
	if (g_ascii_isdigit(byte)) {
		place->number = MIN(place->number * 10 + (uint64_t)(byte - '0'), UINT64_C(1) << 40);
		if (place->number_only && place->number > UINT32_MAX && place->numbers == NUMBERS_LINE && place->nesting == 0)
			return "number beyond 32 bits";
	} else if (byte == ':' || byte == ',') {
		place->number = 0;
	} else {
		place->number_only = false;
	}
	if (place->word_size < WORD_BYTES)
		place->word[place->word_size++] = (char)byte;
	return NULL;
}

/* "{" opens what may become the size of a literal; anything but digits and one "+" in it makes it none. */
static void
guard_brace(Place *place, uint8_t byte)
{
	if (byte == '{') {
		place->brace = true;
		place->brace_closed = place->brace_bad = false;
		place->brace_number = place->brace_digits = 0;
	} else if (place->brace && place->brace_closed) {
		place->brace = false;
	} else if (place->brace && g_ascii_isdigit(byte)) {
		place->brace_number = MIN(place->brace_number * 10 + (uint64_t)(byte - '0'), UINT64_C(1) << 40);
		place->brace_digits++;
	} else if (place->brace && byte == '}') {
		place->brace_closed = true;
	} else if (place->brace && (byte != '+' || place->brace_digits == 0)) {
		place->brace_bad = true;
	}
}

/* flag-perm of RFC 3501: an atom, "\\" and an atom, or "\\*". last: the byte before. */
static bool
flag_byte_is_fine(uint8_t last, uint8_t byte)
{
	if (byte == '*')
		return last == '\\';
	if (byte == '\\')
		return last == ' ' || last == '(';
	return byte > ' ' && byte < 0x7f && !strchr("%\"{", byte) && last != '*' && last != ')';
}

static const char *
guard_flags(Place *place, uint8_t byte)
{
	static const char broken[] = "broken PERMANENTFLAGS";
	uint8_t last = place->last_flag;

	place->last_flag = byte;
	switch (byte) {
	case ' ':
		return last == 0 || (place->flags_open && !strchr("( \\)", last)) ? NULL : broken;
	case '(':
		if (last != ' ' || place->flags_open)
			return broken;
		place->flags_open = true;
		return NULL;
	case ')':
		return place->flags_open && !strchr(" \\)", last) ? NULL : broken;
	case ']':
		place->flags_only = false;
		return last == ')' ? NULL : broken;
	default:
		return place->flags_open && flag_byte_is_fine(last, byte) ? NULL : broken;
	}
}

static const char *
guard_structure(Place *place, uint8_t byte)
{
	const char *bad;

	if (byte == ' ' || byte == '\t' || byte == '(' || byte == ')' || byte == '[' || byte == ']' || byte == '"' || byte == '\r')
		bad = guard_end_word(place);
	else
		bad = guard_add(place, byte);
	if (byte == '(' || byte == '[')
		place->nesting++;
	else if ((byte == ')' || byte == ']') && place->nesting > 0)
		place->nesting--;
	if (place->nesting > GUARD_MAX_NESTING)
		return "lists nested too deeply";
	guard_brace(place, byte);
	if (!bad && place->flags_only)
		bad = guard_flags(place, byte);
	return bad;
}

/* A byte of a status line: structure in its response code, free text behind. */
static const char *
guard_text(Place *place, uint8_t byte)
{
	if (place->code_ended)
		return NULL;
	if (!place->code) {
		place->code = byte == '[';
		place->code_ended = byte != '[' && byte != ' ' && byte != '\t';
		return NULL;
	}
	const char *bad = guard_structure(place, byte);
	if (byte == ']') {
		place->code = false;
		place->code_ended = true;
	}
	return bad;
}

static const char *
guard_line_end(Guard *guard)
{
	Place *place = &guard->place;
	bool text = place->text;
	const char *bad = guard_end_word(place);

	if (bad)
		return bad;
	if (place->quoted)
		return "line break inside a quoted string";
	if (place->flags_only)
		return "broken PERMANENTFLAGS";
	if (place->brace && place->brace_closed && !place->code_ended) {
		if (text || place->brace_bad || place->brace_digits == 0)
			return "broken literal";
		if (place->brace_number > GUARD_MAX_LITERAL_BYTES)
			return "literal too large";
		guard->literal = place->brace_number;
		place->brace = place->brace_closed = false;
		return NULL;
	}
	*place = (Place){ .number_only = true };
	return NULL;
}

static const char *
guard_byte(Guard *guard, uint8_t byte)
{
	Place *place = &guard->place;

	if (byte == '\0')
		return "NUL byte outside a literal";
	if (byte == '\n')
		return guard_line_end(guard);
	if (++place->bytes > GUARD_MAX_LINE_BYTES)
		return "line too long";
	if (place->text)
		return guard_text(place, byte);
	if (!place->quoted) {
		place->quoted = byte == '"';
		/* CR is no news: "}" CR LF ends a literal's line as "}" LF does */
		return byte == '\r' ? guard_end_word(place) : guard_structure(place, byte);
	}
	if (place->escaped)
		place->escaped = false;
	else if (byte == '\\')
		place->escaped = true;
	else if (byte == '"')
		place->quoted = false;
	return NULL;
}

const char *
guard_feed(Guard *guard, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size && !guard->broken;) {
		if (guard->literal > 0) {
			size_t skip = (size_t)MIN(guard->literal, size - i);
			guard->literal -= skip;
			i += skip;
			continue;
		}
		guard->broken = guard_byte(guard, bytes[i++]);
	}
	return guard->broken;
}
