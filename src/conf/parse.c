/* src/conf/parse.c: the syntax of surel.conf: sections, "key = value", comments; problems and hints */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/conf/conf.h"

#include <string.h>

#include "surel/text.h"

typedef struct SectionWord {
	const char *word;
	SectionKind kind;
	bool takes_name, needs_name;
} SectionWord;

static const SectionWord section_words[] = {
	{ "general", SECTION_GENERAL, false, false },
	{ "account", SECTION_ACCOUNT, true, true },
	{ "keys", SECTION_KEYS, true, false },
};
static const char *const section_hints[] = { "general", "account", "keys", NULL };

void
conf_problem(Config *config, const ConfigLine *line, bool fatal, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *what = g_strdup_vprintf(format, args);
	va_end(args);
	GString *text = g_string_new(NULL);
	if (line && line->section)
		g_string_append_printf(text, "[%s] ", line->section);
	if (line && line->key)
		g_string_append_printf(text, "%s: ", line->key);
	g_string_append(text, what);
	ConfigProblem *problem = g_new0(ConfigProblem, 1);
	problem->file = g_strdup(config->path);
	problem->line = line ? line->line : 0;
	problem->text = text_clean(text->str, (ssize_t)text->len, false);
	problem->fatal = fatal;
	g_string_free(text, TRUE);
	g_ptr_array_add(config->problems, problem);
}

/* Edit distance with swaps of neighbours (optimal string alignment), ASCII case ignored. */
static unsigned
distance(const char *a, const char *b)
{
	enum { WORD_MAX = 32 };
	size_t n = strlen(a), m = strlen(b);
	unsigned cost[WORD_MAX + 1][WORD_MAX + 1];
	if (n > WORD_MAX || m > WORD_MAX)
		return UINT_MAX;
	for (size_t i = 0; i <= n; i++)
		cost[i][0] = (unsigned)i;
	for (size_t j = 0; j <= m; j++)
		cost[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			char x = g_ascii_tolower(a[i - 1]), y = g_ascii_tolower(b[j - 1]);
			unsigned best = MIN(cost[i - 1][j], cost[i][j - 1]) + 1;
			best = MIN(best, cost[i - 1][j - 1] + (x != y));
			if (i > 1 && j > 1 && x == g_ascii_tolower(b[j - 2]) && g_ascii_tolower(a[i - 2]) == y)
				best = MIN(best, cost[i - 2][j - 2] + 1);
			cost[i][j] = best;
		}
	}
	return cost[n][m];
}

char *
conf_hint(const char *word, const char *const *words)
{
	const char *nearest = NULL;
	unsigned best = UINT_MAX;
	for (size_t i = 0; words[i]; i++) {
		unsigned d = distance(word, words[i]);
		if (d < best) {
			best = d;
			nearest = words[i];
		}
	}
	/* further away than that it is not a slip of the fingers */
	size_t limit = MAX(2, strlen(word) / 3);
	return nearest && best <= limit ? g_strdup_printf("; did you mean \"%s\"?", nearest) : g_strdup("");
}

bool
conf_parse_bool(const char *text, bool *ret_value)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
		if (g_ascii_strcasecmp(text, words[i]) != 0)
			continue;
		*ret_value = i % 2;
		return true;
	}
	return false;
}

char *
conf_expand_home(const char *path)
{
	if (path[0] == '~' && (path[1] == '/' || !path[1]))
		return g_build_filename(g_get_home_dir(), path + 1, NULL);
	return g_strdup(path);
}

static void
line_free(void *data)
{
	ConfigLine *line = data;
	g_free(line->section);
	g_free(line->name);
	g_free(line->key);
	if (line->value)
		explicit_bzero(line->value, strlen(line->value));	/* somebody may have put a password here */
	g_free(line->value);
	g_free(line);
}

/* "account work" -> kind and name; problems are told where the section's line is. */
static void
parse_section(Config *config, ConfigLine *line, const char *inner)
{
	g_auto(GStrv) words = g_strsplit_set(inner, " \t", 2);
	const char *word = words[0] ? words[0] : "";
	g_autofree char *name = g_strdup(words[0] && words[1] ? words[1] : "");
	g_strstrip(name);
	line->section = g_strdup(inner);
	line->kind = SECTION_UNKNOWN;
	for (size_t i = 0; i < G_N_ELEMENTS(section_words); i++) {
		if (strcmp(word, section_words[i].word) != 0)
			continue;
		if (*name ? !section_words[i].takes_name : section_words[i].needs_name) {
			conf_problem(config, line, true, *name ? "takes no name: [%s]" : "needs a name: [%s NAME]", word);
			return;
		}
		line->kind = section_words[i].kind;
		line->name = *name ? g_steal_pointer(&name) : NULL;
		return;
	}
	g_autofree char *hint = conf_hint(word, section_hints);
	conf_problem(config, line, true, "unknown section%s", hint);
}

/* Where the "=" is. A key to press may itself be "=", so there " = " is looked for first and never at the start. */
static char *
find_equals(char *text, SectionKind kind)
{
	if (kind != SECTION_KEYS || !*text)
		return strchr(text, '=');
	char *spaced = strstr(text + 1, " = ");
	return spaced ? spaced + 1 : strchr(text + 1, '=');
}

static ConfigLine *
line_new(const ConfigLine *section, unsigned number)
{
	ConfigLine *line = g_new0(ConfigLine, 1);
	line->kind = section->kind;
	line->section = g_strdup(section->section);
	line->name = g_strdup(section->name);
	line->section_line = section->section_line;
	line->line = number;
	return line;
}

static void
parse_assignment(Config *config, GPtrArray *lines, const ConfigLine *section, char *text, unsigned number)
{
	ConfigLine *line = line_new(section, number);
	g_ptr_array_add(lines, line);
	char *equals = find_equals(text, section->kind);
	if (!equals) {
		conf_problem(config, line, true, "this line is neither [section], nor key = value, nor a # comment");
		return;
	}
	*equals = '\0';
	g_autofree char *key = g_strstrip(g_strdup(text));
	if (!*key) {
		conf_problem(config, line, true, "there is no key before the \"=\"");
		return;
	}
	line->key = g_steal_pointer(&key);
	line->value = g_strstrip(g_strdup(equals + 1));
	if (section->kind == SECTION_NONE)
		conf_problem(config, line, true, "stands before the first section; [general] or [account NAME] is missing above it");
}

/* True where the line opens a section, well-formed or not. */
static bool
parse_header(Config *config, GPtrArray *lines, ConfigLine **section, char *text, unsigned number)
{
	size_t length = strlen(text);
	if (text[0] != '[' || (text[1] == '=' || (text[1] == ' ' && text[2] == '=')))
		return false;		/* "[ = command" binds the key "[" */
	ConfigLine *line = g_new0(ConfigLine, 1);
	line->line = line->section_line = number;
	line->kind = SECTION_UNKNOWN;
	g_ptr_array_add(lines, line);
	*section = line;
	if (text[length - 1] != ']') {
		line->section = g_strdup(text + 1);
		conf_problem(config, line, true, "the section line does not end in \"]\"");
		return true;
	}
	text[length - 1] = '\0';
	parse_section(config, line, g_strstrip(text + 1));
	return true;
}

GPtrArray *
conf_parse_lines(Config *config, const char *text)
{
	GPtrArray *lines = g_ptr_array_new_with_free_func(line_free);
	ConfigLine none = { .kind = SECTION_NONE };
	ConfigLine *section = &none;
	unsigned number = 0;
	if (g_str_has_prefix(text, "\xef\xbb\xbf"))
		text += 3;
	while (*text) {
		size_t length = strcspn(text, "\n");
		g_autofree char *raw = g_strndup(text, length);
		text += length + (text[length] == '\n');
		number++;
		ConfigLine here = { .kind = SECTION_NONE, .line = number };
		if (!g_utf8_validate(raw, -1, NULL)) {
			conf_problem(config, &here, true, "this line is not UTF-8");
			continue;
		}
		g_strstrip(raw);
		if (!*raw || *raw == '#' || parse_header(config, lines, &section, raw, number))
			continue;
		parse_assignment(config, lines, section, raw, number);
		explicit_bzero(raw, strlen(raw));
	}
	return lines;
}
