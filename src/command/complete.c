/* command/complete.c: completion of command lines: names with their keys, options, folders, paths, addresses */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/command/private.h"

#include <string.h>

enum { COMPLETIONS_MAX = 200 };

GPtrArray *
completions_new(void)
{
	return g_ptr_array_new_with_free_func((GDestroyNotify)completion_free);
}

void
completions_add(GPtrArray *rows, const char *text, const char *note)
{
	if (rows->len >= COMPLETIONS_MAX)
		return;
	Completion *row = g_new0(Completion, 1);
	row->text = g_strdup(text);
	row->note = g_strdup(note);
	g_ptr_array_add(rows, row);
}

/* Only what works where the person is; all of it when nothing is typed. */
GPtrArray *
complete_commands(App *app, const char *typed)
{
	GPtrArray *found = completions_new();
	Scope scope = app_scope(app);
	for (unsigned i = 0; i < COMMAND_COUNT; i++) {
		const CommandRow *row = command_row((CommandId)i);
		if (!(row->scopes & scope) || !g_str_has_prefix(row->name, typed))
			continue;
		g_auto(GStrv) keys = g_strsplit(row->keys, " ", 2);
		g_autofree char *note = g_strdup_printf("%-6s %s", keys[0] ? keys[0] : "", row->help);
		completions_add(found, row->name, note);
	}
	return found;
}

static void
add_folders(App *app, unsigned number, bool named, const char *typed, GPtrArray *found)
{
	AppAccount *account = app_account(app, number);
	g_autofree char *wanted = text_fold(typed);
	g_autoptr(GPtrArray) folders = store_folders(account->store, NULL);
	for (guint i = 0; folders && i < folders->len; i++) {
		const Folder *folder = g_ptr_array_index(folders, i);
		g_autofree char *text = named ? g_strdup_printf("%s:%s", account->account->name, folder->name) : g_strdup(folder->name);
		g_autofree char *folded = text_fold(text);
		g_autofree char *note = g_strdup_printf("%s, %" G_GINT64_FORMAT " unread of %" G_GINT64_FORMAT, account->account->name, folder->unread, folder->total);
		if (folder->selectable && (!*wanted || strstr(folded, wanted)))
			completions_add(found, text, note);
	}
}

GPtrArray *
complete_folders(App *app, const char *typed)
{
	GPtrArray *found = completions_new();
	unsigned near = context_account(app);
	if (near < app->accounts->len)
		add_folders(app, near, false, typed, found);
	for (unsigned i = 0; i < app->accounts->len; i++)
		if (i != near)
			add_folders(app, i, true, typed, found);
	return found;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

GPtrArray *
complete_path(App *app, const char *typed)
{
	(void)app;
	GPtrArray *found = completions_new();
	const char *slash = strrchr(typed, '/');
	g_autofree char *typed_dir = slash ? g_strndup(typed, (size_t)(slash - typed) + 1) : g_strdup("");
	g_autofree char *real = path_expand(*typed_dir ? typed_dir : ".");
	const char *base = slash ? slash + 1 : typed;
	g_autoptr(GDir) dir = g_dir_open(real, 0, NULL);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	const char *name;
	while (dir && (name = g_dir_read_name(dir)))
		if (g_str_has_prefix(name, base) && (*name != '.' || *base == '.') && g_utf8_validate(name, -1, NULL))
			g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, compare_names);
	for (guint i = 0; i < names->len; i++) {
		name = g_ptr_array_index(names, i);
		g_autofree char *full = g_build_filename(real, name, NULL);
		bool is_dir = g_file_test(full, G_FILE_TEST_IS_DIR);
		g_autofree char *text = g_strconcat(typed_dir, name, is_dir ? "/" : "", NULL);
		completions_add(found, text, is_dir ? "directory" : "");
	}
	return found;
}

GPtrArray *
complete_search(App *app, const char *typed)
{
	static const char *const forms[][2] = {
		{ "from:", "sender" }, { "to:", "recipient" }, { "subject:", "word of the subject" }, { "is:unread", "not read yet" },
		{ "is:flagged", "flagged" }, { "in:", "folder" }, { "has:attachment", "with attachments" }, { "before:", "date, as 2026-01-31" },
		{ "after:", "date, as 2026-01-31" },
	};
	(void)app;
	GPtrArray *found = completions_new();
	const char *space = strrchr(typed, ' ');
	const char *word = space ? space + 1 : typed;
	for (unsigned i = 0; i < G_N_ELEMENTS(forms); i++) {
		g_autofree char *text = g_strdup_printf("%.*s%s", (int)(word - typed), typed, forms[i][0]);
		if (g_str_has_prefix(forms[i][0], word))
			completions_add(found, text, forms[i][1]);
	}
	return found;
}

static GPtrArray *
complete_options(App *app, const char *typed)
{
	GPtrArray *found = completions_new();
	const char *space = strchr(typed, ' ');
	for (unsigned i = 0; i < OPTION_COUNT; i++) {
		const OptionRow *row = option_row((OptionId)i);
		if (!space) {
			g_autofree char *note = g_strdup_printf("%s; now: %s", row->help, config_text(app->config, (OptionId)i));
			if (g_str_has_prefix(row->name, typed))
				completions_add(found, row->name, note);
			continue;
		}
		g_autofree char *name = g_strndup(typed, (size_t)(space - typed));
		if (!g_str_equal(name, row->name))
			continue;
		static const char *const yes_no[] = { "yes", "no", NULL }, *const themes[] = { "dark", "light", "basic", NULL }, *const none[] = { NULL };
		for (const char *const *value = row->type == OPTION_BOOL ? yes_no : i == OPTION_theme ? themes : none; *value; value++) {
			g_autofree char *text = g_strdup_printf("%s %s", name, *value);
			if (g_str_has_prefix(*value, space + 1))
				completions_add(found, text, row->help);
		}
	}
	return found;
}

/* What stands after the name of a command. */
static GPtrArray *
complete_argument(App *app, CommandId id, const char *typed)
{
	const char *args = command_row(id)->args;
	if (strstr(args, "FOLDER"))
		return complete_folders(app, typed);
	if (strstr(args, "PATH") || strstr(args, "DIRECTORY"))
		return complete_path(app, typed);
	if (strstr(args, "OPTION"))
		return complete_options(app, typed);
	if (strstr(args, "QUERY"))
		return complete_search(app, typed);
	if (strstr(args, "ADDRESS")) {
		Prompt *prompt = prompt_new_address("", NULL, NULL, NULL, NULL);
		GPtrArray *found = prompt->complete(app, typed);
		prompt_free(prompt);
		return found;
	}
	return completions_new();
}

GPtrArray *
command_complete(App *app, const char *line)
{
	const char *space = strchr(line, ' ');
	CommandId id;
	if (!space)
		return complete_commands(app, line);
	g_autofree char *name = g_strndup(line, (size_t)(space - line));
	if (!command_find(name, &id))
		return completions_new();
	g_autoptr(GPtrArray) found = complete_argument(app, id, space + 1);
	size_t typed = (size_t)(strrchr(line, ' ') - space);	/* bytes of the argument before its last word */
	GPtrArray *words = completions_new();
	for (guint i = 0; i < found->len; i++) {
		const Completion *row = g_ptr_array_index(found, i);
		if (strncmp(row->text, space + 1, typed) == 0)
			completions_add(words, row->text + typed, row->note);
	}
	return words;
}
