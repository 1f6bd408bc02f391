/* store/words.h: typed words as a condition on the envelope index */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "src/store/internal.h"

typedef struct Words Words;
/* NULL when text holds no word: everything matches. */
Words *words_parse(const char *text);
void words_free(Words *words);
/* SQL to append to a WHERE over msg m; its argument is number 4. */
const char *words_sql(const Words *words);
const char *words_argument(const Words *words);
bool words_match_row(Store *store, const Words *words, const Msg *msg);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Words, words_free)
