/* src/ui/glyphs.c: one cell's cluster -> what ncurses can put into one cell; stand-ins where the locale has no UTF-8 */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/ui/glyphs.h"

#include <string.h>

typedef struct StandIn { gunichar from; char to; } StandIn;
static const StandIn stand_ins[] = {
	{ 0x00a0, ' ' }, { 0x00b7, '.' }, { 0x2010, '-' }, { 0x2011, '-' }, { 0x2012, '-' }, { 0x2013, '-' }, { 0x2014, '-' },
	{ 0x2018, '\'' }, { 0x2019, '\'' }, { 0x201c, '"' }, { 0x201d, '"' }, { 0x2022, '*' }, { 0x2026, '~' }, { 0x203a, '>' }, { 0x2039, '<' },
	{ 0x2190, '<' }, { 0x2191, '^' }, { 0x2192, '>' }, { 0x2193, 'v' }, { 0x21a9, 'r' }, { 0x21aa, 'f' }, { 0x21bb, '~' },
	{ 0x2500, '-' }, { 0x2501, '=' }, { 0x2502, '|' }, { 0x2503, '|' }, { 0x250c, '+' }, { 0x2510, '+' }, { 0x2514, '`' }, { 0x2518, '\'' },
	{ 0x251c, '|' }, { 0x2524, '|' }, { 0x252c, '-' }, { 0x2534, '-' }, { 0x253c, '+' }, { 0x256d, ',' }, { 0x256e, '.' }, { 0x256f, '\'' },
	{ 0x2570, '`' }, { 0x2588, '#' }, { 0x258c, '|' }, { 0x258e, '|' }, { 0x2591, '.' }, { 0x25a0, '#' }, { 0x25b6, '>' }, { 0x25b8, '>' },
	{ 0x25cb, 'o' }, { 0x25cf, '*' }, { 0x2605, '!' }, { 0x2606, '!' }, { 0x26a0, '!' }, { 0x2691, '!' }, { 0x2713, '+' }, { 0x2714, '+' },
	{ 0x2717, 'x' }, { 0xfffd, '?' }, { 0x1f4ce, '@' },
};

static bool
is_regional(gunichar u)
{
	return u >= 0x1f1e6 && u <= 0x1f1ff;
}

char
glyph_ascii(const char *text)
{
	gunichar u = g_utf8_get_char_validated(text, -1);
	if (u < 0x80)
		return (char)u;
	for (size_t i = 0; i < G_N_ELEMENTS(stand_ins); i++)
		if (stand_ins[i].from == u)
			return stand_ins[i].to;
	if (is_regional(u))
		return (char)('A' + (u - 0x1f1e6));
	char one[8];
	one[g_unichar_to_utf8(u < 0x110000 ? u : '?', one)] = 0;
	g_autofree char *ascii = g_str_to_ascii(one, "C");
	return ascii[0] >= 0x20 && ascii[0] < 0x7f ? ascii[0] : '?';
}

static bool
is_regional_pair(const Cell *cell)
{
	const char *next = g_utf8_next_char(cell->text);
	return is_regional(g_utf8_get_char_validated(cell->text, -1)) && *next && is_regional(g_utf8_get_char_validated(next, -1));
}

void
glyph_wide(const Cell *cell, bool utf8, wchar_t *ret_text, size_t max)
{
	size_t n = 0;
	if (!utf8 || is_regional_pair(cell)) {
		ret_text[n++] = (wchar_t)glyph_ascii(cell->text);
		ret_text[n] = 0;
		return;
	}
	for (const char *p = cell->text; *p && n + 1 < max; p = g_utf8_next_char(p)) {
		gunichar u = g_utf8_get_char_validated(p, -1);
		if (u >= 0x110000)
			break;
		bool spacing = wcwidth((wchar_t)u) > 0;
		if (n > 0 && spacing)
			break;		/* a joined emoji: its first picture stands for all */
		if (u == 0x200c || u == 0x200d || (u >= 0xfe00 && u <= 0xfe0f))
			continue;
		ret_text[n] = n == 0 && !spacing ? L'?' : (wchar_t)u;
		n++;
	}
	if (n == 0)
		ret_text[n++] = L' ';
	ret_text[n] = 0;
}

bool
glyph_is_wide(const wchar_t *text)
{
	return wcwidth(text[0]) == 2;
}

static const wchar_t letters[26][2] = { L"A", L"B", L"C", L"D", L"E", L"F", L"G", L"H", L"I", L"J", L"K", L"L", L"M", L"N", L"O", L"P", L"Q",
					L"R", L"S", L"T", L"U", L"V", L"W", L"X", L"Y", L"Z" };

const wchar_t *
glyph_second(const Cell *cell)
{
	if (!is_regional_pair(cell))
		return L" ";
	return letters[g_utf8_get_char(g_utf8_next_char(cell->text)) - 0x1f1e6];
}
