/* surel/text.h: cleaning, width, clipping and wrapping of UTF-8; dates and sizes for people (src/base/text.c) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/base.h"

/* Makes bytes safe for a terminal and valid UTF-8: controls (C0, C1, DEL), bidi overrides and isolates, zero-width
 * formatting other than ZWJ/ZWNJ/variation selectors, and invalid bytes become U+FFFD or vanish; TAB and LF become a
 * space unless keep_lines. size < 0: NUL-terminated. Caller frees; never NULL. */
char *text_clean(const char *bytes, ssize_t size, bool keep_lines);
/* One grapheme cluster at text (valid UTF-8, not empty): its length in bytes, columns in *ret_width (0..2; what ncurses'
 * wcwidth will agree to; clusters of several code points count as their widest). */
size_t text_cluster(const char *text, int *ret_width);
/* Columns of clean text. */
int text_width(const char *text);
/* Bytes of the longest prefix of text that fits in columns. */
size_t text_fit(const char *text, int columns);
/* text cut to columns with an ellipsis ("…", or "~" where the locale is not UTF-8) and padded with spaces to exactly
 * columns. Caller frees. */
char *text_pad(const char *text, int columns);
/* Bytes of the first line when text is wrapped at words to columns (>= 1); *ret_skip is the white space to drop after it. */
size_t text_wrap(const char *text, int columns, size_t *ret_skip);
/* Case-folded, NFC, combining marks kept: the form names and subjects are compared in. Caller frees. */
char *text_fold(const char *text);

/* "14:05", "Tue 14:05", "12 Nov", "2024-11-12" by distance from now; local time; at most 10 columns. Caller frees. */
char *text_date_short(int64_t when, int64_t now);
/* "Thu, 12 Nov 2026 14:05 +0700". Caller frees. */
char *text_date_long(int64_t when);
/* "812 B", "14 KB", "3.2 MB". Caller frees. */
char *text_size(int64_t bytes);
