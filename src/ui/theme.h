/* src/ui/theme.h: what colours.def and themes/NAME.theme say, before the terminal's abilities are known */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/ui.h"

/* A colour of a theme: THEME_DEFAULT, 0..255 of the xterm palette, or THEME_RGB | 0xrrggbb. */
enum { THEME_DEFAULT = -1, THEME_RGB = 1 << 24 };
typedef struct ThemeColour { int foreground, background; unsigned attributes /* CellAttribute */; } ThemeColour;
typedef struct Theme { ThemeColour colours[COLOUR_COUNT]; } Theme;

void theme_presets(Theme *theme);
/* Lines "NAME = FOREGROUND BACKGROUND ATTRIBUTES"; what a file does not name keeps its preset. ERROR_CONFIG names file and line. */
bool theme_parse(Theme *theme, const char *name, const char *text, GError **error);
/* themes/NAME.theme of the user, of the installation, of the source tree, or a path. */
bool theme_load(Theme *theme, const char *name, GError **error);
/* Nearest of what the terminal has: colours 8, 16, 256 or more (1 << 24: direct colour). THEME_DEFAULT becomes -1. */
int theme_resolve(int colour, int colours, unsigned *attributes);
