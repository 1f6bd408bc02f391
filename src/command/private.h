/* command/private.h: one function per row of commands.def, helpers they share */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/command.h"

#define COMMAND_ROW(id, function, name, args, scopes, target, keys, hint, help) void cmd_##function(const CommandContext *context);
#include "surel/commands.def"
#undef COMMAND_ROW

/* Rows for the completion menu. */
GPtrArray *completions_new(void);
void completions_add(GPtrArray *rows, const char *text, const char *note);
GPtrArray *complete_commands(App *app, const char *typed);
GPtrArray *complete_folders(App *app, const char *typed);	/* folders of all accounts, the cursor's account first */
GPtrArray *complete_path(App *app, const char *typed);
GPtrArray *complete_search(App *app, const char *typed);
/* Edit distance, for the nearest name. */
unsigned text_distance(const char *a, const char *b);

/* What the place on the screen is about; NULL: it is another one. */
Review *context_review(const CommandContext *context);
Reader *context_reader(const CommandContext *context);
unsigned context_account(const App *app);	/* of the cursor, else of the folder, else the first */

/* Runs program on path: mailcap, then xdg-open; false after a notice that says what to do (open.c). */
bool open_with_viewer(App *app, const char *type, const char *path);
bool open_url(App *app, const char *url);
