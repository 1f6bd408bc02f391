/* src/mail/header.c: one header field body: encoded words (RFC 2047), parameters (RFC 2045, 2231), raw 8-bit text */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/mail-private.h"

#include "surel/text.h"

enum { ENCODED_WORD_MAX = 4096, PARAMETER_PIECES_MAX = 200, PARAMETER_BYTES_MAX = 8192 };

typedef struct Word { const char *charset, *text; size_t charset_size, text_size, size; char encoding; } Word;

char *
clean_line(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] < 0x20 || text[i] == 0x7F)	/* negative where char is signed: beyond ASCII */
			return text_clean(text, (ssize_t)size, false);
	return g_strndup(text, size);
}

/* =?charset[*language]?B|Q?text?=; blanks inside the text are wrong but common. */
static bool
word_parse(const char *p, const char *end, Word *word)
{
	if (end - p < 8 || p[0] != '=' || p[1] != '?')
		return false;
	const char *limit = MIN(end, p + ENCODED_WORD_MAX);
	const char *charset = p + 2, *mark = memchr(charset, '?', (size_t)(limit - charset));
	if (!mark || mark == charset || mark - charset > 40 || limit - mark < 4 || mark[2] != '?')
		return false;
	for (const char *c = charset; c < mark; c++)
		if (!g_ascii_isgraph(*c))
			return false;
	char encoding = g_ascii_toupper(mark[1]);
	if (encoding != 'B' && encoding != 'Q')
		return false;
	const char *text = mark + 3, *close = text;
	while ((close = memchr(close, '?', (size_t)(limit - close))) && !(close + 1 < limit && close[1] == '='))
		close++;
	if (!close)
		return false;
	/* "=?utf-8?Q?a?=3D?=": the text may begin with '='; a '?' inside Q text is wrong but read on to the last "?=" of the run. */
	if (encoding == 'Q' && close == text && close + 2 < limit && g_ascii_isxdigit(close[2])) {
		const char *next = text + 1;
		while ((next = memchr(next, '?', (size_t)(limit - next))) && !(next + 1 < limit && next[1] == '='))
			next++;
		if (next)
			close = next;
	}
	const char *star = memchr(charset, '*', (size_t)(mark - charset));	/* RFC 2231 5: language */
	*word = (Word){ .charset = charset, .charset_size = (size_t)((star ? star : mark) - charset), .text = text,
		.text_size = (size_t)(close - text), .size = (size_t)(close + 2 - p), .encoding = encoding };
	return true;
}

size_t
header_encoded_word(const char *text, const char *end)
{
	Word word;
	return word_parse(text, end, &word) ? word.size : 0;
}

static void
decode_q(GByteArray *out, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		uint8_t c = (uint8_t)text[i];
		if (c == '_')
			c = ' ';
		else if (c == '=' && i + 2 < size && g_ascii_isxdigit(text[i + 1]) && g_ascii_isxdigit(text[i + 2])) {
			c = (uint8_t)(g_ascii_xdigit_value(text[i + 1]) << 4 | g_ascii_xdigit_value(text[i + 2]));
			i += 2;
		}
		if (c != '\r' && c != '\n')
			g_byte_array_append(out, &c, 1);
	}
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Bits go on into the next word where a sender cut base64 in the middle of a group; '=' ends a group. */
typedef struct Base64 { uint32_t bits; unsigned count; } Base64;

static void
decode_b(GByteArray *out, Base64 *state, const char *text, size_t size)
{
	if ((state->bits & ((1u << state->count) - 1)) == 0)
		*state = (Base64){ 0 };		/* the group before had ended without padding */
	for (size_t i = 0; i < size; i++) {
		int value = base64_value(text[i]);
		if (text[i] == '=')
			*state = (Base64){ 0 };
		if (value < 0)
			continue;
		state->bits = (state->bits << 6 | (uint32_t)value) & 0xFFFF;
		state->count += 6;
		if (state->count >= 8) {
			state->count -= 8;
			uint8_t byte = (uint8_t)(state->bits >> state->count);
			g_byte_array_append(out, &byte, 1);
		}
	}
}

static const char *
skip_blank(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++;
	return p;
}

static bool
same_charset(const Word *a, const Word *b)
{
	return a->charset_size == b->charset_size && g_ascii_strncasecmp(a->charset, b->charset, a->charset_size) == 0;
}

/* One run of words in the same charset, as senders cut them inside a character; returns the end of the last. */
static const char *
decode_run(GString *out, const char *p, const char *end, const Word *first, const char *fallback)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	Base64 base64 = { 0 };
	Word word = *first;
	const char *after;
	while (true) {
		if (word.encoding == 'B')
			decode_b(bytes, &base64, word.text, word.text_size);
		else
			decode_q(bytes, word.text, word.text_size);
		after = p + word.size;
		p = skip_blank(after, end);
		Word next;
		if (!word_parse(p, end, &next) || !same_charset(first, &next))
			break;
		word = next;
	}
	g_autofree char *charset = g_strndup(first->charset, first->charset_size);
	g_autofree char *text = charset_to_utf8((const char *)bytes->data, bytes->len, charset, fallback);
	g_string_append(out, text);
	return after;
}

static void
append_raw(GString *out, const char *text, size_t size, const char *fallback)
{
	g_autofree char *utf8 = charset_to_utf8(text, size, NULL, fallback);
	g_string_append(out, utf8);
}

/* Folds become the one blank they stand for (RFC 5322 2.2.3); blanks at both ends go. */
static char *
unfold_clean(GString *text)
{
	size_t n = 0;
	for (size_t i = 0; i < text->len; i++) {
		char c = text->str[i];
		if (c == '\r' || c == '\n')
			continue;
		text->str[n++] = c == '\t' ? ' ' : c;
	}
	while (n > 0 && text->str[n - 1] == ' ')
		n--;
	size_t start = 0;
	while (start < n && text->str[start] == ' ')
		start++;
	return clean_line(text->str + start, n - start);
}

char *
header_decode(const char *raw, size_t size, const char *fallback)
{
	const char *p = raw, *end = raw + size, *plain = raw;
	while (p < end && g_ascii_isspace(*p))
		p++;
	while (end > p && g_ascii_isspace(end[-1]))
		end--;
	plain = p;
	bool simple = true;
	for (const char *c = p; c < end && simple; c++)
		simple = *c >= 0x20 && *c < 0x7F && !(*c == '=' && c + 1 < end && c[1] == '?');
	if (simple)
		return g_strndup(p, (size_t)(end - p));
	GString *out = g_string_sized_new(size + 16);
	bool after_word = false;
	while (p < end) {
		Word word;
		const char *mark = memchr(p, '=', (size_t)(end - p));
		if (!mark)
			break;
		if (!word_parse(mark, end, &word)) {
			p = mark + 1;
			continue;
		}
		if (!after_word || skip_blank(plain, mark) != mark)	/* blanks between two words are not text (RFC 2047 6.2) */
			append_raw(out, plain, (size_t)(mark - plain), fallback);
		p = plain = decode_run(out, mark, end, &word, fallback);
		after_word = true;
	}
	append_raw(out, plain, (size_t)(end - plain), fallback);
	char *clean = unfold_clean(out);
	g_string_free(out, TRUE);
	return clean;
}

char *
header_token(const char *raw)
{
	GString *out = g_string_new(NULL);
	for (const char *p = raw ? raw : ""; *p && *p != ';'; p++)
		if (*p == '(')
			break;
		else if (g_ascii_isspace(*p) && strchr(out->str, '/') && !g_str_has_suffix(out->str, "/") && p[strspn(p, " \t\r\n")] != '/')
			break;		/* a lost ';': what follows is a parameter */
		else if (g_ascii_isgraph(*p) && *p != '"')
			g_string_append_c(out, g_ascii_tolower(*p));
	return g_string_free(out, FALSE);
}

/* ---- parameters ---- */

typedef struct Piece { int number; bool percent; char *value; } Piece;

static void
piece_clear(void *piece)
{
	g_free(((Piece *)piece)->value);
}

static int
piece_compare(const void *a, const void *b)
{
	return ((const Piece *)a)->number - ((const Piece *)b)->number;
}

/* Quoted string or token at *p; a backslash before a letter is kept, since Windows programs put paths there. */
static char *
parameter_value(const char **p)
{
	GString *out = g_string_new(NULL);
	const char *c = *p;
	if (*c == '"') {
		for (c++; *c && *c != '"'; c++) {
			if (*c == '\\' && (c[1] == '"' || c[1] == '\\'))
				c++;
			if (*c != '\r' && *c != '\n')
				g_string_append_c(out, *c);
		}
		if (*c == '"')
			c++;
		while (*c && *c != ';' && *c != '"')	/* what follows a value up to ';' means nothing */
			c++;
	} else {
		while (*c && *c != ';') {
			size_t word = *c == '=' ? header_encoded_word(c, c + strlen(c)) : 0;
			if (word) {
				g_string_append_len(out, c, (gssize)word);
				c += word;
			} else {
				if (*c != '\r' && *c != '\n')
					g_string_append_c(out, *c);
				c++;
			}
		}
		while (out->len > 0 && g_ascii_isspace(out->str[out->len - 1]))
			g_string_truncate(out, out->len - 1);
	}
	*p = c;
	if (out->len > PARAMETER_BYTES_MAX)
		g_string_truncate(out, PARAMETER_BYTES_MAX);
	return g_string_free(out, FALSE);
}

/* "filename", "filename*", "filename*1", "filename*1*" against name. */
static bool
parameter_matches(const char *key, size_t size, const char *name, Piece *piece)
{
	size_t n = strlen(name);
	if (size < n || g_ascii_strncasecmp(key, name, n) != 0)
		return false;
	*piece = (Piece){ .number = -1 };
	const char *p = key + n, *end = key + size;
	if (p == end)
		return true;
	if (*p++ != '*')
		return false;
	if (p == end) {
		piece->percent = true;
		return true;
	}
	int number = 0;
	while (p < end && g_ascii_isdigit(*p) && number < 10000)
		number = number * 10 + (*p++ - '0');
	piece->number = number;
	if (p < end && *p == '*') {
		piece->percent = true;
		p++;
	}
	return p == end;
}

static const char *
next_parameter(const char *p)
{
	bool quoted = false;
	for (; *p; p++) {
		if (*p == '\\' && quoted && p[1])
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (*p == ';' && !quoted)
			return p + 1;
	}
	return NULL;
}

static GArray *
collect_pieces(const char *raw, const char *name)
{
	GArray *pieces = g_array_new(FALSE, FALSE, sizeof(Piece));
	g_array_set_clear_func(pieces, piece_clear);
	const char *p = strchr(raw, ';');
	while (p && pieces->len < PARAMETER_PIECES_MAX) {
		p += *p == ';';
		while (g_ascii_isspace(*p) || *p == ';')
			p++;
		const char *key = p;
		while (*p && *p != '=' && *p != ';')
			p++;
		const char *key_end = p;
		while (key_end > key && g_ascii_isspace(key_end[-1]))
			key_end--;
		if (*p != '=') {
			p = *p ? p : NULL;
			continue;
		}
		for (p++; g_ascii_isspace(*p);)
			p++;
		Piece piece;
		char *value = parameter_value(&p);
		if (parameter_matches(key, (size_t)(key_end - key), name, &piece)) {
			piece.value = value;
			g_array_append_val(pieces, piece);
		} else {
			g_free(value);
		}
		p = *p == ';' ? p : *p == '"' ? next_parameter(p) : NULL;
	}
	g_array_sort(pieces, piece_compare);
	return pieces;
}

static void
append_percent(GByteArray *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		uint8_t c = (uint8_t)*p;
		if (c == '%' && g_ascii_isxdigit(p[1]) && g_ascii_isxdigit(p[2])) {
			c = (uint8_t)(g_ascii_xdigit_value(p[1]) << 4 | g_ascii_xdigit_value(p[2]));
			p += 2;
		}
		g_byte_array_append(out, &c, 1);
	}
}

/* charset'language'text (RFC 2231 4); *ret_text is behind the second quote. */
static char *
extended_charset(const char *value, const char **ret_text)
{
	const char *first = strchr(value, '\''), *second = first ? strchr(first + 1, '\'') : NULL;
	if (!second)
		return NULL;
	*ret_text = second + 1;
	return g_strndup(value, (size_t)(first - value));
}

static char *
join_pieces(const GArray *pieces, int from_number)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	g_autofree char *charset = NULL;
	int last = -2;
	bool percent = false;
	for (unsigned i = 0; i < pieces->len; i++) {
		const Piece *piece = &g_array_index(pieces, Piece, i);
		if (from_number < 0 ? piece->number >= 0 || !piece->percent : piece->number < 0 || piece->number == last)
			continue;
		const char *text = piece->value;
		if (piece->percent && !percent)
			charset = extended_charset(piece->value, &text);
		percent |= piece->percent;
		last = piece->number;
		if (piece->percent)
			append_percent(bytes, text);
		else
			g_byte_array_append(bytes, (const uint8_t *)text, (guint)strlen(text));
	}
	if (bytes->len == 0)
		return NULL;
	if (!percent)	/* pieces of encoded words: wrong, but sent */
		return header_decode((const char *)bytes->data, bytes->len, NULL);
	g_autofree char *utf8 = charset_to_utf8((const char *)bytes->data, bytes->len, charset, NULL);
	return clean_line(utf8, strlen(utf8));
}

char *
header_parameter(const char *raw, const char *name)
{
	if (!raw || !strchr(raw, ';'))
		return NULL;
	g_autoptr(GArray) pieces = collect_pieces(raw, name);
	char *value = join_pieces(pieces, -1);		/* filename*= wins over filename= (RFC 6266 4.3 and what browsers do) */
	if (!value)
		value = join_pieces(pieces, 0);
	for (unsigned i = 0; !value && i < pieces->len; i++) {
		const Piece *piece = &g_array_index(pieces, Piece, i);
		if (piece->number < 0)
			value = header_decode(piece->value, strlen(piece->value), NULL);
	}
	return value;
}
