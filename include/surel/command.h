/* surel/command.h: command rows, lookup, completion, preconditions, dispatch */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/app.h"

typedef enum CommandId {
#define COMMAND_ROW(id, function, name, args, scopes, target, keys, hint, help) COMMAND_##id,
#include "surel/commands.def"
#undef COMMAND_ROW
	COMMAND_COUNT
} CommandId;

/* What a command needs; checked before it runs, so that handlers start with the work. */
typedef enum CommandTarget { TARGET_NONE, TARGET_MESSAGES /* marked or under the cursor */, TARGET_MESSAGE /* one */, TARGET_FOLDER, TARGET_DRAFT, TARGET_OUTBOX, TARGET_PART, TARGET_LINK } CommandTarget;

typedef struct CommandContext {
	App *app;
	CommandId id;
	const char *arg;		/* text after the name, trimmed; "" when none */
	const MsgRef *refs;		/* TARGET_MESSAGE(S) */
	size_t n_refs;
	unsigned count;			/* numeric prefix, 1 when none */
} CommandContext;

typedef struct CommandRow {
	const char *name, *args, *keys, *hint, *help;	/* hint: word for the key bar, "" not shown there */
	unsigned scopes;		/* bits of Scope */
	CommandTarget target;
	void (*run)(const CommandContext *context);
} CommandRow;
const CommandRow *command_row(CommandId id);
bool command_find(const char *name, CommandId *ret_id);
/* Runs "archive", "move Lampiran", "set theme light"; a mistake becomes a notice that names the nearest command. */
void command_run_line(App *app, const char *line);
void command_run(App *app, CommandId id, const char *arg, unsigned count);

/* Of the last word of line, which text replaces. of Completion *. */
GPtrArray *command_complete(App *app, const char *line);
