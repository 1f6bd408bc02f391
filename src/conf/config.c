/* src/conf/config.c: reads the configuration file as a whole; accounts by name; problems for people */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/conf/conf.h"

#include <string.h>

static void
problem_free(void *data)
{
	ConfigProblem *problem = data;
	g_free(problem->file);
	g_free(problem->text);
	g_free(problem);
}

static void
binding_free(void *data)
{
	KeyBinding *binding = data;
	g_free(binding->scope);
	g_free(binding->keys);
	g_free(binding->command);
	g_free(binding);
}

static void
account_free(void *data)
{
	conf_account_free(data);
}

static Config *
config_new(const char *path)
{
	Config *config = g_new0(Config, 1);
	config->path = g_strdup(path);
	config->accounts = g_ptr_array_new_with_free_func(account_free);
	config->bindings = g_ptr_array_new_with_free_func(binding_free);
	config->problems = g_ptr_array_new_with_free_func(problem_free);
	return config;
}

void
config_free(Config *config)
{
	if (!config)
		return;
	g_free(config->path);
	g_ptr_array_free(config->accounts, TRUE);
	g_ptr_array_free(config->bindings, TRUE);
	g_ptr_array_free(config->problems, TRUE);
	for (unsigned i = 0; i < OPTION_COUNT; i++)
		g_free(config->values[i]);
	g_free(config);
}

static void
take_binding(Config *config, const ConfigLine *line)
{
	if (!*line->value) {
		conf_problem(config, line, false, "there is no command after the \"=\"");
		return;
	}
	KeyBinding *binding = g_new0(KeyBinding, 1);
	binding->scope = g_strdup(line->name);
	binding->keys = g_strdup(line->key);
	binding->command = g_strdup(line->value);
	binding->line = line->line;
	g_ptr_array_add(config->bindings, binding);
}

/* Directories are named after accounts, and some file systems do not tell upper from lower case. */
static bool
name_is_taken(const Config *config, const char *name)
{
	for (guint i = 0; i < config->accounts->len; i++)
		if (g_ascii_strcasecmp(((const Account *)g_ptr_array_index(config->accounts, i))->name, name) == 0)
			return true;
	return false;
}

static void
take_account(Config *config, GPtrArray *lines, guint first, guint end)
{
	const ConfigLine *head = g_ptr_array_index(lines, first);
	if (name_is_taken(config, head->name)) {
		conf_problem(config, head, true, "there is an account of this name above already");
		return;
	}
	Account *account = conf_account_build(config, lines, first, end);
	if (account)
		g_ptr_array_add(config->accounts, account);
}

/* One past the last line of the section that begins at first. */
static guint
section_end(GPtrArray *lines, guint first)
{
	const ConfigLine *head = g_ptr_array_index(lines, first);
	guint end = first + 1;
	while (end < lines->len && ((const ConfigLine *)g_ptr_array_index(lines, end))->section_line == head->section_line)
		end++;
	return end;
}

static int
by_line(const void *a, const void *b)
{
	const ConfigProblem *x = *(ConfigProblem *const *)a, *y = *(ConfigProblem *const *)b;
	return x->line < y->line ? -1 : x->line > y->line;
}

Config *
config_parse(const char *name, const char *text)
{
	Config *config = config_new(name);
	g_autoptr(GPtrArray) lines = conf_parse_lines(config, text);
	for (guint first = 0; first < lines->len; first = section_end(lines, first)) {
		const ConfigLine *head = g_ptr_array_index(lines, first);
		guint end = section_end(lines, first);
		if (head->kind == SECTION_ACCOUNT)
			take_account(config, lines, first, end);
		for (guint i = first; i < end; i++) {
			const ConfigLine *line = g_ptr_array_index(lines, i);
			if (line->key && line->kind == SECTION_GENERAL)
				conf_option_line(config, line);
			else if (line->key && line->kind == SECTION_KEYS)
				take_binding(config, line);
		}
	}
	g_ptr_array_sort(config->problems, by_line);
	return config;
}

char *
config_default_path(void)
{
	const char *path = g_getenv("SUREL_CONFIG");
	if (path && *path)
		return g_strdup(path);
	g_autofree char *dir = os_config_dir();
	return g_build_filename(dir, "surel.conf", NULL);
}

Config *
config_load(const char *path, GError **error)
{
	g_autofree char *chosen = path ? g_strdup(path) : config_default_path();
	g_autofree char *text = NULL;
	size_t size;
	if (!os_read_file(chosen, CONFIG_MAX_BYTES, &text, &size, error))
		return NULL;
	if (strlen(text) != size) {
		error_set(error, ERROR_CONFIG, "%s is not a text file", chosen);
		return NULL;
	}
	return config_parse(chosen, text);
}

const Account *
config_account(const Config *config, const char *name)
{
	for (guint i = 0; name && i < config->accounts->len; i++) {
		const Account *account = g_ptr_array_index(config->accounts, i);
		if (strcmp(account->name, name) == 0)
			return account;
	}
	return NULL;
}

char *
config_problem_line(const ConfigProblem *problem)
{
	if (!problem->line)
		return g_strdup_printf("%s: %s", problem->file, problem->text);
	return g_strdup_printf("%s:%u: %s", problem->file, problem->line, problem->text);
}

char *
config_report(const Config *config)
{
	GString *out = g_string_new(NULL);
	guint problems = config->problems->len, accounts = config->accounts->len;
	for (guint i = 0; i < problems; i++) {
		g_autofree char *line = config_problem_line(g_ptr_array_index(config->problems, i));
		g_string_append_printf(out, "%s\n", line);
	}
	if (problems)
		g_string_append_printf(out, "%u problem%s; ", problems, problems == 1 ? "" : "s");
	else
		g_string_append_printf(out, "%s: no problems; ", config->path);
	g_string_append_printf(out, "%u account%s can be used\n", accounts, accounts == 1 ? "" : "s");
	return g_string_free(out, FALSE);
}
