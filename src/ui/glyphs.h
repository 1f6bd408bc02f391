/* src/ui/glyphs.h: one cell's cluster -> what ncurses can put into one cell; stand-ins where the locale has no UTF-8 */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/ui.h"

#include <wchar.h>

/* At most max - 1 characters and a NUL: a spacing character and the marks over it (what setcchar takes). Variation selectors and
 * joiners are left out: terminals disagree about their width. A pair of regional indicators becomes its two letters. */
void glyph_wide(const Cell *cell, bool utf8, wchar_t *ret_text, size_t max);
bool glyph_is_wide(const wchar_t *text);	/* two columns, as ncurses will have it */
const wchar_t *glyph_second(const Cell *cell);	/* what stands in the right half of a wide cell that glyph_wide made narrow */
/* ASCII for a cluster: "…" is "~", box drawing "|", "-", "`"; "?" for what has none. */
char glyph_ascii(const char *text);
