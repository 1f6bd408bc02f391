/* src/conf/conf.h: what the files of this folder share: lines of the file, problems, nearest words */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/conf.h"

enum { CONFIG_MAX_BYTES = 1 << 20, WORDS_MAX = 64 };

typedef enum SectionKind { SECTION_NONE, SECTION_GENERAL, SECTION_ACCOUNT, SECTION_KEYS, SECTION_UNKNOWN } SectionKind;

/* One "key = value" of the file and the section it stands in. */
typedef struct ConfigLine {
	SectionKind kind;
	char *section;		/* as written between the brackets: "account work"; NULL before the first section */
	char *name;		/* "work"; NULL where the section has none */
	unsigned section_line, line;
	char *key, *value;	/* NULL: the section's own line, so that an empty section is seen too */
} ConfigLine;

/* Syntax only: lines in file order (GPtrArray of ConfigLine *), problems added to config. */
GPtrArray *conf_parse_lines(Config *config, const char *text);

void conf_problem(Config *config, const ConfigLine *line, bool fatal, const char *format, ...) G_GNUC_PRINTF(4, 5);
/* "; did you mean "incoming"?" or "": the nearest of words (NULL-terminated) by edit distance. Caller frees. */
char *conf_hint(const char *word, const char *const *words);
bool conf_parse_bool(const char *text, bool *ret_value);
/* "~/x" below the home directory; others as they are. Caller frees. */
char *conf_expand_home(const char *path);

/* options.c: one line of [general]. */
void conf_option_line(Config *config, const ConfigLine *line);
/* accounts.c: the lines of one account (all of the same section), a checked account or NULL. */
Account *conf_account_build(Config *config, GPtrArray *lines, guint first, guint end);
void conf_account_free(Account *account);
/* url.c: parses and checks a server URL. On false ret_why is a sentence without the value. */
bool conf_url_parse(const char *text, bool outgoing, ServerUrl *ret_url, char **ret_why);
void conf_url_clear(ServerUrl *url);
