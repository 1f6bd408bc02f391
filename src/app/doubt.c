/* app/doubt.c: what a person may have forgotten; file names of people */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/app/draft.h"

#include <string.h>

/* Beginnings of words, folded. */
static const char *const attachment_words[] = { "attach", "enclos", "lampir", "terlampir", "melampir", "dilampir", NULL };

static bool
word_begins(const char *word)
{
	for (const char *const *begin = attachment_words; *begin; begin++)
		if (g_str_has_prefix(word, *begin))
			return true;
	return false;
}

/* Quoted lines, and what stands below the signature or the line of a forwarded message, were written earlier. */
static bool
speaks_of_attachment(const char *body)
{
	g_auto(GStrv) lines = g_strsplit(body, "\n", -1);
	for (char **line = lines; *line; line++) {
		if (g_str_equal(*line, "-- ") || g_str_has_prefix(*line, "-----"))
			return false;
		if (**line == '>')
			continue;
		g_autofree char *folded = text_fold(*line);
		g_auto(GStrv) words = g_strsplit_set(folded, " \t.,;:!?()\"'", -1);
		for (char **word = words; *word; word++)
			if (word_begins(*word))
				return true;
	}
	return false;
}

char *
draft_doubt(const Draft *draft)
{
	bool subject = !*draft->subject;
	bool attachment = !draft->attachments->len && draft->body && speaks_of_attachment(draft->body);
	if (subject && attachment)
		return g_strdup("No subject, and the text speaks of an attachment, but there is none. Send it? (y/n) ");
	if (subject)
		return g_strdup("No subject. Send it? (y/n) ");
	return attachment ? g_strdup("The text speaks of an attachment, but there is none. Send it? (y/n) ") : NULL;
}

char *
path_expand(const char *path)
{
	g_autofree char *trimmed = g_strstrip(g_strdup(path));
	if (g_str_equal(trimmed, "~"))
		return g_strdup(g_get_home_dir());
	if (g_str_has_prefix(trimmed, "~/"))
		return g_build_filename(g_get_home_dir(), trimmed + 2, NULL);
	return g_steal_pointer(&trimmed);
}

char *
path_unused(const char *directory, const char *name)
{
	g_autofree char *safe = os_safe_name(name);
	const char *dot = strrchr(safe, '.');
	size_t stem = dot && dot != safe ? (size_t)(dot - safe) : strlen(safe);
	char *path = g_build_filename(directory, safe, NULL);
	for (unsigned i = 2; g_file_test(path, G_FILE_TEST_EXISTS | G_FILE_TEST_IS_SYMLINK); i++) {
		g_autofree char *other = g_strdup_printf("%.*s (%u)%s", (int)stem, safe, i, safe + stem);
		g_free(path);
		path = g_build_filename(directory, other, NULL);
	}
	return path;
}
