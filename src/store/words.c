/* store/words.c: typed words as a condition on the envelope index (FTS5; a scan where words are not set apart by spaces) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "src/store/words.h"
#include "surel/text.h"

struct Words {
	char *query;	/* FTS5: "word"* for each; or a LIKE pattern */
	bool scan;
	char **folded;	/* for rows the index does not have yet */
};

/* Scripts written without spaces: the tokenizer makes one token of a whole phrase, so only a scan finds a part of it. */
static bool
has_unspaced_script(const char *text)
{
	for (const char *at = text; *at; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);
		if ((c >= 0x0e00 && c <= 0x0eff) || (c >= 0x1000 && c <= 0x109f) || (c >= 0x1780 && c <= 0x17ff) || (c >= 0x2e80 && c <= 0x9fff) ||
		    (c >= 0xac00 && c <= 0xd7af) || (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x3ffff))
			return true;
	}
	return false;
}

static bool
has_token(const char *word)
{
	for (const char *at = word; *at; at = g_utf8_next_char(at))
		if (g_unichar_isalnum(g_utf8_get_char(at)))
			return true;
	return false;
}

Words *
words_parse(const char *text)
{
	if (!text || !*text)
		return NULL;
	g_autofree char *clean = text_clean(text, -1, false);
	g_auto(GStrv) parts = g_strsplit_set(clean, " \t\"", -1);
	g_autoptr(GPtrArray) folded = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GString) query = g_string_new(NULL);
	bool scan = has_unspaced_script(clean);
	for (char **part = parts; *part; part++) {
		if (!**part || (!scan && !has_token(*part)))
			continue;
		if (scan)
			g_string_append_printf(query, "%%%s", *part);
		else
			g_string_append_printf(query, "%s\"%s\"*", query->len ? " " : "", *part);
		g_ptr_array_add(folded, text_fold(*part));
	}
	if (folded->len == 0)
		return NULL;
	if (scan)
		g_string_append_c(query, '%');
	g_ptr_array_add(folded, NULL);
	Words *words = g_new0(Words, 1);
	words->scan = scan;
	words->query = g_string_free(g_steal_pointer(&query), FALSE);
	words->folded = (char **)g_ptr_array_free(g_steal_pointer(&folded), FALSE);
	return words;
}

void
words_free(Words *words)
{
	if (!words)
		return;
	g_free(words->query);
	g_strfreev(words->folded);
	g_free(words);
}

const char *
words_sql(const Words *words)
{
	if (!words)
		return "";
	return words->scan ? " AND m.subject || ' ' || m.from_name || ' ' || m.people LIKE ?4"
			   : " AND m.id IN (SELECT rowid FROM words WHERE words MATCH ?4)";
}

const char *
words_argument(const Words *words)
{
	return words ? words->query : NULL;
}

bool
words_match_row(Store *store, const Words *words, const Msg *msg)
{
	if (!words)
		return true;
	if (msg->id.v > 0 && !words->scan)
		return db_number(store->cache, NULL, 0, "SELECT count(*) FROM words WHERE words MATCH ? AND rowid=?", "si", words->query, msg->id.v) != 0;
	g_autofree char *all = g_strjoin(" ", msg->from, msg->from_addr, msg->to, msg->subject, NULL);
	g_autofree char *folded = text_fold(all);
	for (char **word = words->folded; *word; word++)
		if (!strstr(folded, *word))
			return false;
	return true;
}
