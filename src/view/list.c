/* src/view/list.c: a list of messages: marks, date, sender, conversation tree, subject, size */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/view/draw.h"

#include <string.h>

enum {
	DEPTH_SHOWN = 6,	/* levels that are drawn; deeper ones are drawn there, with a sign */
	SIGNS_WIDTH = 5, WIDE = 100, NARROW = 64, SIZE_COLUMNS = 7, ACCOUNT_WIDTH = 10
};

typedef struct Columns { int date, account, from, subject, size; int date_width, from_width, subject_width; bool short_date; } Columns;

/* A unified inbox or a search shows which account a message is of. */
static bool
spans_accounts(const App *app, const Mailbox *mailbox)
{
	if (app->accounts->len < 2)
		return false;
	if (mailbox_query(mailbox))
		return true;
	unsigned inboxes = 0;
	for (unsigned i = 0; i < app->side->len; i++) {
		const SideRow *row = g_ptr_array_index(app->side, i);
		inboxes += row->kind == SIDE_FOLDER && row->role == ROLE_INBOX && mailbox_contains(mailbox, row->account, row->folder);
	}
	return inboxes > 1;
}

static Columns
columns_of(int width, bool accounts)
{
	Columns columns = { .short_date = width < NARROW };
	columns.date = SIGNS_WIDTH;
	columns.date_width = width < 44 ? 0 : columns.short_date ? 7 : 10;
	int at = columns.date + columns.date_width + (columns.date_width ? 2 : 0);
	columns.from_width = CLAMP(width / 4, 10, 26);
	columns.from = at;
	at += columns.from_width + 2;
	columns.account = accounts && width >= WIDE ? at : -1;
	at += columns.account >= 0 ? ACCOUNT_WIDTH + 2 : 0;
	columns.size = width >= WIDE ? width - SIZE_COLUMNS - 1 : -1;
	columns.subject = at;
	columns.subject_width = (columns.size >= 0 ? columns.size - 2 : width - 1) - at;
	return columns;
}

/* "14:05", "Tue", "12 Nov", "2024-11" of what text_date_short says, for narrow screens. */
static char *
date_text(int64_t when, int64_t now, bool brief)
{
	char *text = text_date_short(when, now);
	if (!brief)
		return text;
	char *space = strchr(text, ' ');
	if (space && strchr(space, ':'))
		*space = 0;
	if (strlen(text) == 10 && text[4] == '-')
		text[7] = 0;
	return text;
}

static void
draw_signs(Surface *surface, int row, const MailboxRow *entry)
{
	uint32_t flags = entry->msg->flags;
	if (entry->marked)
		surface_put(surface, row, 0, COLOUR_MARKED, CELL_BOLD, "✓");
	if (!(flags & FLAG_SEEN))
		surface_put(surface, row, 1, COLOUR_UNREAD, 0, "●");
	else if (flags & FLAG_ANSWERED)
		surface_put(surface, row, 1, COLOUR_DIM, 0, "↩");
	else if (flags & FLAG_FORWARDED)
		surface_put(surface, row, 1, COLOUR_DIM, 0, "↪");
	if (flags & FLAG_FLAGGED)
		surface_put(surface, row, 2, COLOUR_FLAGGED, 0, "★");
	if (entry->msg->has_attachment)
		surface_put(surface, row, 3, COLOUR_ATTACHMENT, 0, "+");
}

/* ---- the tree ---- */

/* A level stays open while a later row of the window continues it; rows above the window are not known. */
static bool
level_goes_on(const GPtrArray *rows, unsigned index, unsigned level)
{
	for (unsigned i = index + 1; i < rows->len; i++) {
		const Msg *msg = ((const MailboxRow *)g_ptr_array_index(rows, i))->msg;
		if (msg->depth < level)
			return false;
		if (msg->depth == level)
			return level > 0;
	}
	return false;
}

static int
draw_tree(Surface *surface, int row, int column, const GPtrArray *rows, unsigned index)
{
	const Msg *msg = ((const MailboxRow *)g_ptr_array_index(rows, index))->msg;
	if (msg->depth == 0)
		return 0;
	unsigned shown = MIN(msg->depth, DEPTH_SHOWN);
	int start = column;
	for (unsigned level = 1; level < shown; level++)
		column += surface_put(surface, row, column, COLOUR_TREE, 0, level_goes_on(rows, index, level) ? "│ " : "  ");
	const char *branch = msg->depth > DEPTH_SHOWN ? "›─ " : msg->last_child ? "└─ " : "├─ ";
	return column + surface_put(surface, row, column, COLOUR_TREE, 0, branch) - start;
}

/* The subject without "Re: " and the like, for comparing. */
static const char *
bare_subject(const char *subject)
{
	for (;;) {
		while (*subject == ' ')
			subject++;
		const char *colon = strchr(subject, ':');
		size_t length = colon ? (size_t)(colon - subject) : 0;
		bool prefix = (length == 2 && (g_ascii_strncasecmp(subject, "re", 2) == 0 || g_ascii_strncasecmp(subject, "fw", 2) == 0)) ||
			      (length == 3 && g_ascii_strncasecmp(subject, "fwd", 3) == 0);
		if (!prefix)
			return subject;
		subject = colon + 1;
	}
}

/* A reply whose subject the conversation already showed is drawn faintly, so that the eye finds what is new. */
static bool
repeats_subject(const GPtrArray *rows, unsigned index)
{
	const Msg *msg = ((const MailboxRow *)g_ptr_array_index(rows, index))->msg;
	if (index == 0 || msg->depth == 0)
		return false;
	const Msg *above = ((const MailboxRow *)g_ptr_array_index(rows, index - 1))->msg;
	return above->thread == msg->thread && strcmp(bare_subject(above->subject), bare_subject(msg->subject)) == 0;
}

/* ---- rows ---- */

/* "Budi Santoso" of "Budi Santoso <budi@contoh.id>, ...". Caller frees. */
static char *
first_name(const char *people)
{
	const char *bracket = strchr(people, '<');
	if (!bracket || bracket == people)
		return g_strdup(people);
	return g_strchomp(g_strndup(people, (size_t)(bracket - people)));
}

static char *
sender_text(const App *app, const MailboxRow *entry)
{
	const AppAccount *account = g_ptr_array_index(app->accounts, entry->ref.account);
	const Msg *msg = entry->msg;
	if (*msg->to && *msg->from_addr && account_identity_for(account->account, msg->from_addr)) {
		g_autofree char *to = first_name(msg->to);
		return g_strdup_printf("→ %s", to);
	}
	return g_strdup(*msg->from ? msg->from : *msg->from_addr ? msg->from_addr : "(no sender)");
}

static void
draw_row(const ViewContext *context, Surface *surface, const Columns *columns, const GPtrArray *rows, unsigned index)
{
	const MailboxRow *entry = g_ptr_array_index(rows, index);
	const Msg *msg = entry->msg;
	int row = (int)index;
	bool unread = !(msg->flags & FLAG_SEEN);
	unsigned bold = unread ? CELL_BOLD : 0;
	draw_signs(surface, row, entry);
	if (columns->date_width) {
		g_autofree char *date = date_text(msg->date ? msg->date : msg->arrival, view_now(context->app), columns->short_date);
		surface_put_right(surface, row, columns->date + columns->date_width, COLOUR_DATE, 0, date);
	}
	g_autofree char *sender = sender_text(context->app, entry);
	text_put_cut(surface, row, columns->from, columns->from_width, unread ? COLOUR_UNREAD : COLOUR_FROM, bold, sender);
	if (columns->account >= 0) {
		const AppAccount *account = g_ptr_array_index(context->app->accounts, entry->ref.account);
		text_put_cut(surface, row, columns->account, ACCOUNT_WIDTH, COLOUR_DIM, 0, account->account->name);
	}
	int tree = mailbox_threaded(context->place->mailbox) ? draw_tree(surface, row, columns->subject, rows, index) : 0;
	ColourId colour = unread ? COLOUR_UNREAD : tree && repeats_subject(rows, index) ? COLOUR_DIM : COLOUR_SUBJECT;
	text_put_cut(surface, row, columns->subject + tree, columns->subject_width - tree, colour, bold, *msg->subject ? msg->subject : "(no subject)");
	if (columns->size >= 0) {
		g_autofree char *size = text_size(msg->size);
		surface_put_right(surface, row, surface->width - 1, COLOUR_DATE, 0, size);
	}
	if (entry->marked)
		surface_tint(surface, row, 0, surface->width, COLOUR_MARKED);
}

/* ---- nothing to show ---- */

static const AppAccount *
account_in_state(const App *app, const Mailbox *mailbox, unsigned states)
{
	for (unsigned i = 0; i < app->side->len; i++) {
		const SideRow *row = g_ptr_array_index(app->side, i);
		if (row->kind != SIDE_FOLDER || !mailbox_contains(mailbox, row->account, row->folder))
			continue;
		const AppAccount *account = g_ptr_array_index(app->accounts, row->account);
		if (states & 1U << account->state)
			return account;
	}
	return NULL;
}

static void
draw_no_mail(const ViewContext *context, Surface *surface)
{
	const Mailbox *mailbox = context->place->mailbox;
	App *app = context->app;
	g_autofree char *what = NULL, *action = NULL;
	const AppAccount *account = NULL;
	if (app->accounts->len == 0) {
		what = g_strdup("No account is set up.");
		action = g_strdup("Write one into surel.conf; surel.conf(5) shows how.");
	} else if (mailbox_query(mailbox)) {
		what = mailbox_searching(mailbox) ? g_strdup_printf("Searching for \"%s\"...", mailbox_query(mailbox)) :
			g_strdup_printf("Nothing found for \"%s\".", mailbox_query(mailbox));
		if (!mailbox_searching(mailbox))
			action = g_strdup_printf("%s searches again, %s goes back.", key_for(context, SCOPE_LIST, COMMAND_SEARCH), key_for(context, SCOPE_LIST, COMMAND_BACK));
	} else if (*mailbox_filter_text(mailbox)) {
		what = g_strdup_printf("No message here matches \"%s\".", mailbox_filter_text(mailbox));
		action = g_strdup_printf("%s and an empty line show all again.", key_for(context, SCOPE_LIST, COMMAND_FILTER));
	} else if ((account = account_in_state(app, mailbox, 1U << ENGINE_CONNECTING | 1U << ENGINE_SYNCING))) {
		what = g_strdup_printf("Fetching mail of %s...", account->account->name);
	} else if ((account = account_in_state(app, mailbox, 1U << ENGINE_AUTH_FAILED))) {
		what = g_strdup_printf("%s refused the login.", account->account->name);
		action = g_strdup_printf("%s tries again.", key_for(context, SCOPE_LIST, COMMAND_SYNC));
	} else {
		what = g_strdup("No mail here yet.");
		action = g_strdup_printf("%s syncs now.", key_for(context, SCOPE_LIST, COMMAND_SYNC));
	}
	draw_empty(surface, what, action);
}

static void
list_draw(const ViewContext *context, Surface *surface, int *ret_cursor_row, int *ret_cursor_column)
{
	(void)ret_cursor_row;
	(void)ret_cursor_column;
	Mailbox *mailbox = context->place->mailbox;
	int cursor = -1;
	const GPtrArray *rows = mailbox_window(mailbox, (unsigned)surface->height, &cursor);
	if (!rows || rows->len == 0) {
		draw_no_mail(context, surface);
		return;
	}
	Columns columns = columns_of(surface->width, spans_accounts(context->app, mailbox));
	for (unsigned i = 0; i < rows->len && i < (unsigned)surface->height; i++)
		draw_row(context, surface, &columns, rows, i);
	if (cursor >= 0)
		surface_tint(surface, cursor, 0, surface->width, context->focused ? COLOUR_CURSOR : COLOUR_SIDE_CURRENT);
}

/* The first click chooses, a click on what is chosen opens. */
static void
list_click(const ViewContext *context, int row, int column)
{
	(void)column;
	Mailbox *mailbox = context->place->mailbox;
	const MailboxRow *before = mailbox_cursor(mailbox);
	MsgRef was = before ? before->ref : (MsgRef){ 0 };
	context->app->side_focused = false;
	mailbox_click(mailbox, (unsigned)row);
	const MailboxRow *after = mailbox_cursor(mailbox);
	if (before && after && after->ref.id.v == was.id.v && after->ref.account == was.account)
		app_open_message(context->app, was);
}

static char *
list_title(const ViewContext *context)
{
	const Mailbox *mailbox = context->place->mailbox;
	const char *filter = mailbox_filter_text(mailbox);
	const char *busy = mailbox_query(mailbox) && mailbox_searching(mailbox) ? " …" : "";
	if (*filter)
		return g_strdup_printf("%s%s › %s", mailbox_title(mailbox), busy, filter);
	return g_strdup_printf("%s%s", mailbox_title(mailbox), busy);
}

const ViewOps list_view = { .name = "list", .scope = SCOPE_LIST, .draw = list_draw, .click = list_click, .title = list_title };
