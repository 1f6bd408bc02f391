/* command/command.c: rows, lookup, preconditions, dispatch */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/command/private.h"

#include <string.h>

static const CommandRow rows[COMMAND_COUNT] = {
#define COMMAND_ROW(id, function, name_, args_, scopes_, target_, keys_, hint_, help_)                                                        \
	[COMMAND_##id] = { .name = name_, .args = args_, .keys = keys_, .hint = hint_, .help = help_, .scopes = scopes_, .target = target_, .run = cmd_##function },
#include "surel/commands.def"
#undef COMMAND_ROW
};

const CommandRow *
command_row(CommandId id)
{
	return &rows[id];
}

/* The exact name, else the only one that begins so. */
bool
command_find(const char *name, CommandId *ret_id)
{
	unsigned found = 0;
	size_t n = strlen(name);
	for (unsigned i = 0; i < COMMAND_COUNT && n; i++) {
		if (g_str_equal(rows[i].name, name)) {
			*ret_id = (CommandId)i;
			return true;
		}
		if (strncmp(rows[i].name, name, n) != 0)
			continue;
		found++;
		if (found == 1)
			*ret_id = (CommandId)i;
	}
	return found == 1;
}

unsigned
text_distance(const char *a, const char *b)
{
	size_t n = strlen(b);
	g_autofree unsigned *line = g_new(unsigned, n + 1);
	for (size_t j = 0; j <= n; j++)
		line[j] = (unsigned)j;
	for (size_t i = 0; a[i]; i++) {
		unsigned diagonal = line[0];
		line[0] = (unsigned)i + 1;
		for (size_t j = 0; j < n; j++) {
			unsigned above = line[j + 1];
			unsigned change = diagonal + (a[i] != b[j]);
			line[j + 1] = MIN(MIN(above, line[j]) + 1, change);
			diagonal = above;
		}
	}
	return line[n];
}

static void
say_unknown(App *app, const char *name)
{
	unsigned best = UINT_MAX, several = 0;
	const CommandRow *nearest = NULL;
	for (unsigned i = 0; i < COMMAND_COUNT; i++) {
		several += g_str_has_prefix(rows[i].name, name);
		unsigned distance = text_distance(name, rows[i].name);
		if (distance < best) {
			best = distance;
			nearest = &rows[i];
		}
	}
	if (several > 1)
		app_notice(app, NOTICE_WARN, "\"%s\" is the beginning of %u commands; Tab lists them.", name, several);
	else if (nearest && best <= MAX(2, strlen(name) / 3))
		app_notice(app, NOTICE_WARN, "No command \"%s\". Did you mean \"%s\"? (%s)", name, nearest->name, nearest->help);
	else
		app_notice(app, NOTICE_WARN, "No command \"%s\". ? lists them all.", name);
}

void
command_run_line(App *app, const char *line)
{
	g_autofree char *text = g_strstrip(g_strdup(*line == ':' ? line + 1 : line));
	size_t n = strcspn(text, " \t");
	g_autofree char *name = g_strndup(text, n);
	const char *arg = text + n + strspn(text + n, " \t");
	CommandId id;
	if (!*name)
		return;
	if (!command_find(name, &id))
		say_unknown(app, name);
	else
		command_run(app, id, arg, 1);
}

/* ---- preconditions ---- */

Review *
context_review(const CommandContext *context)
{
	return app_place(context->app)->review;
}

Reader *
context_reader(const CommandContext *context)
{
	return app_reader(context->app);
}

unsigned
context_account(const App *app)
{
	Mailbox *mailbox = app_mailbox(app);
	const MailboxRow *row = mailbox ? mailbox_cursor(mailbox) : NULL;
	if (row)
		return row->ref.account;
	const SideRow *side = app->side_cursor < app->side->len ? g_ptr_array_index(app->side, app->side_cursor) : NULL;
	return side ? side->account : 0;
}

/* In the reader the message that is shown; in a list the marked ones or that under the cursor. */
static GArray *
targets(App *app, bool one)
{
	const Place *place = app_place(app);
	Reader *reader = place->kind == PLACE_LIST ? NULL : app_reader(app);
	Mailbox *mailbox = app_mailbox(app);
	if (reader || !mailbox) {
		GArray *refs = g_array_new(FALSE, FALSE, sizeof(MsgRef));
		if (reader && !reader->path)
			g_array_append_val(refs, reader->ref);
		return refs;
	}
	GArray *refs = mailbox_targets(mailbox);
	const MailboxRow *row = mailbox_cursor(mailbox);
	if (!one || !row)
		return refs;
	g_array_set_size(refs, 0);
	g_array_append_val(refs, row->ref);
	return refs;
}

/* What is missing for target, as a sentence; NULL: nothing. */
static const char *
missing(App *app, CommandTarget target, GArray **ret_refs)
{
	const Place *place = app_place(app);
	switch (target) {
	case TARGET_NONE:
	case TARGET_FOLDER:
		return NULL;
	case TARGET_MESSAGES:
	case TARGET_MESSAGE:
		*ret_refs = targets(app, target == TARGET_MESSAGE);
		return (*ret_refs)->len ? NULL : app_reader(app) ? "This message lies in no folder; that does not work here." : "No message here.";
	case TARGET_DRAFT:
		return place->review || (place->kind == PLACE_OUTBOX && place->cursor < app->outbox->len) ? NULL : "No draft here.";
	case TARGET_OUTBOX:
		return place->kind == PLACE_OUTBOX && place->cursor < app->outbox->len ? NULL : "The outbox is empty.";
	case TARGET_PART: {
		const Reader *reader = app_reader(app);
		return reader && reader->document && reader->document->parts->len ? NULL : "This message has no parts yet.";
	}
	case TARGET_LINK: {
		const Reader *reader = app_reader(app);
		return reader && reader->document && reader->document->links->len ? NULL : "This message has no links.";
	}
	}
	return NULL;
}

/* The places a command works in, as words: "list or reader". */
static char *
scope_words(unsigned scopes)
{
	g_autoptr(GString) words = g_string_new(NULL);
	for (unsigned bit = 1; bit <= SCOPE_INFO; bit <<= 1)
		if (scopes & bit)
			g_string_append_printf(words, "%s%s", words->len ? ", " : "", scope_name((Scope)bit));
	return g_string_free(g_steal_pointer(&words), FALSE);
}

void
command_run(App *app, CommandId id, const char *arg, unsigned count)
{
	const CommandRow *row = &rows[id];
	g_autoptr(GArray) refs = NULL;
	if (!app_place(app))
		return;
	if (!(row->scopes & app_scope(app))) {
		g_autofree char *words = scope_words(row->scopes);
		app_notice(app, NOTICE_WARN, "\"%s\" works in: %s.", row->name, words);
		return;
	}
	const char *why = missing(app, row->target, &refs);
	if (why) {
		app_notice(app, NOTICE_INFO, "%s", why);
		return;
	}
	CommandContext context = { app, id, arg ? arg : "", refs ? (const MsgRef *)(void *)refs->data : NULL, refs ? refs->len : 0, MAX(count, 1) };
	if (app_place(app)->kind == PLACE_LIST)
		mailbox_hold(app_place(app)->mailbox);
	row->run(&context);
	app_mark_dirty(app, DIRTY_ALL);
}
