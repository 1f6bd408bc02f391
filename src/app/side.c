/* app/side.c: rows of the folder pane, finding folders by name */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/app/mailbox.h"

#include <string.h>

void
side_row_free(SideRow *row)
{
	g_free(row->label);
	g_free(row);
}

static SideRow *
side_add(App *app, SideKind kind, unsigned account, const char *label)
{
	SideRow *row = g_new0(SideRow, 1);
	row->kind = kind;
	row->account = account;
	row->label = g_strdup(label);
	g_ptr_array_add(app->side, row);
	return row;
}

static unsigned
folder_depth(const Folder *folder)
{
	unsigned depth = 0;
	for (const char *c = folder->role == ROLE_NONE ? folder->name : ""; *c; c++)
		depth += *c == '/';
	return depth;
}

static void
side_add_folders(App *app, unsigned number, const Mailbox *shown)
{
	AppAccount *account = app_account(app, number);
	g_autoptr(GPtrArray) folders = store_folders(account->store, NULL);
	for (guint i = 0; folders && i < folders->len; i++) {
		const Folder *folder = g_ptr_array_index(folders, i);
		if (!folder->selectable)
			continue;
		unsigned depth = folder_depth(folder);
		const char *slash = depth ? strrchr(folder->name, '/') : NULL;
		SideRow *row = side_add(app, SIDE_FOLDER, number, slash ? slash + 1 : folder->role == ROLE_INBOX ? "Inbox" : folder->name);
		row->folder = folder->id;
		row->role = folder->role;
		row->unread = folder->unread;
		row->total = folder->total;
		row->depth = depth;
		row->current = shown && !shown->unified && mailbox_contains(shown, number, folder->id);
	}
}

static void
side_add_unified(App *app, const Mailbox *shown)
{
	SideRow *row = side_add(app, SIDE_UNIFIED, 0, "All inboxes");
	for (guint i = 0; i < app->accounts->len; i++) {
		g_autoptr(Folder) inbox = store_folder_by_role(app_account(app, i)->store, ROLE_INBOX, NULL);
		row->unread += inbox ? inbox->unread : 0;
		row->total += inbox ? inbox->total : 0;
	}
	row->current = shown && shown->unified;
}

/* The cursor of the pane stays on its row. */
void
side_read(App *app)
{
	SideRow before = { 0 };
	bool had = app->side_cursor < app->side->len;
	if (had)
		before = *(SideRow *)g_ptr_array_index(app->side, app->side_cursor);
	const Mailbox *shown = app_mailbox(app);
	if (shown && shown->query)
		shown = NULL;
	g_autoptr(GPtrArray) old = app->side;
	app->side = g_ptr_array_new_with_free_func((GDestroyNotify)side_row_free);
	if (app->accounts->len > 1)
		side_add_unified(app, shown);
	for (guint i = 0; i < app->accounts->len; i++) {
		AppAccount *account = app_account(app, i);
		side_add(app, SIDE_ACCOUNT, i, account->account->name)->state = account->state;
		side_add_folders(app, i, shown);
	}
	if (app->outbox->len) {
		SideRow *row = side_add(app, SIDE_OUTBOX, 0, "Outbox");
		row->total = row->unread = app->outbox->len;
	}
	app->side_cursor = MIN(app->side_cursor, app->side->len ? app->side->len - 1 : 0);
	for (guint i = 0; i < app->side->len; i++) {
		const SideRow *row = g_ptr_array_index(app->side, i);
		bool same = had && row->kind == before.kind && row->account == before.account && row->folder.v == before.folder.v;
		if (app->side_focused ? same : row->current) {
			app->side_cursor = i;
			break;
		}
	}
	app_mark_dirty(app, DIRTY_FOLDERS);
}

/* ---- opening ---- */

void
app_open_folder(App *app, unsigned account, FolderId folder)
{
	AppAccount *holder = app_account(app, account);
	g_autoptr(Folder) row = app_folder(app, account, folder);
	if (!holder || !row)
		return;
	g_autofree char *title = app->accounts->len > 1 ? g_strdup_printf("%s: %s", holder->account->name, row->name) : g_strdup(row->name);
	app_open_mailbox(app, mailbox_new_folder(app, &(MailboxSource){ account, folder }, 1, title));
}

Mailbox *
side_unified(App *app)
{
	g_autoptr(GArray) sources = g_array_new(FALSE, TRUE, sizeof(MailboxSource));
	for (guint i = 0; i < app->accounts->len; i++) {
		g_autoptr(Folder) inbox = store_folder_by_role(app_account(app, i)->store, ROLE_INBOX, NULL);
		MailboxSource source = { i, inbox ? inbox->id : (FolderId){ 0 } };
		if (inbox)
			g_array_append_val(sources, source);
	}
	bool several = app->accounts->len > 1;
	Mailbox *mailbox = mailbox_new_folder(app, (const MailboxSource *)(void *)sources->data, sources->len, several ? "All inboxes" : "Inbox");
	mailbox->unified = several || !sources->len;
	return mailbox;
}

static bool
same_folders(const Mailbox *a, const Mailbox *b)
{
	bool same = !a->query && a->sources->len == b->sources->len;
	for (guint i = 0; same && i < a->sources->len; i++) {
		const MailboxSource *source = &g_array_index(a->sources, MailboxSource, i);
		same = mailbox_contains(b, source->account, source->folder);
	}
	return same;
}

bool
app_open_home(App *app)
{
	const Mailbox *shown = app_mailbox(app);
	Mailbox *home = side_unified(app);
	if (shown && same_folders(shown, home)) {
		mailbox_free(home);
		return false;
	}
	app_open_mailbox(app, home);
	return true;
}

/* Inboxes that the first sync has just made join the list that was opened without them. */
void
side_widen(App *app)
{
	Mailbox *mailbox = app_mailbox(app);
	if (!mailbox || !mailbox->unified || mailbox->sources->len >= app->accounts->len)
		return;
	Mailbox *fresh = side_unified(app);
	if (fresh->sources->len == mailbox->sources->len) {
		mailbox_free(fresh);
		return;
	}
	for (guint i = 0; i < app->places->len; i++) {
		Place *place = g_ptr_array_index(app->places, i);
		if (place->mailbox == mailbox) {
			mailbox_free(mailbox);
			place->mailbox = fresh;
		}
	}
}

static void
account_summary(App *app, unsigned number)
{
	static const char *const words[] = {
		[ENGINE_CONNECTING] = "connecting", [ENGINE_SYNCING] = "syncing", [ENGINE_IDLE] = "up to date",
		[ENGINE_OFFLINE] = "offline", [ENGINE_AUTH_FAILED] = "login refused", [ENGINE_SENDING] = "sending"
	};
	const AppAccount *account = app_account(app, number);
	app_notice(app, NOTICE_INFO, "%s: %s%s%s", account->account->name, account->locked ? "synced by another surel" : words[account->state],
		   account->state_text ? ", " : "", account->state_text ? account->state_text : "");
	if (account->state == ENGINE_AUTH_FAILED) {
		account->priv->secret_wanted = true;
		secret_ask(app);
	}
}

void
app_open_side(App *app, unsigned index)
{
	if (index >= app->side->len)
		return;
	const SideRow *row = g_ptr_array_index(app->side, index);
	app->side_cursor = index;
	switch (row->kind) {
	case SIDE_UNIFIED:
		app_open_mailbox(app, side_unified(app));
		return;
	case SIDE_FOLDER:
		app_open_folder(app, row->account, row->folder);
		return;
	case SIDE_ACCOUNT:
		account_summary(app, row->account);
		return;
	case SIDE_OUTBOX:
		app_push_place(app, place_new(PLACE_OUTBOX));
		return;
	}
}

/* ---- names ---- */

/* 4 exact, 3 exact without case, 2 begins with, 1 contains, 0 no. */
static int
name_score(const char *name, const char *typed)
{
	if (g_str_equal(name, typed))
		return 4;
	g_autofree char *a = text_fold(name), *b = text_fold(typed);
	if (g_str_equal(a, b))
		return 3;
	return g_str_has_prefix(a, b) ? 2 : strstr(a, b) ? 1 : 0;
}

static int
folder_score(const Folder *folder, const char *typed)
{
	int score = name_score(folder->name, typed);
	return folder->role == ROLE_INBOX ? MAX(score, name_score("Inbox", typed)) : score;
}

bool
app_find_folder(App *app, const char *typed, unsigned near, unsigned *ret_account, FolderId *ret_folder)
{
	int best = 0;
	if (!typed || !*typed)
		return false;
	for (unsigned i = 0; i < app->accounts->len; i++) {
		AppAccount *account = app_account(app, i);
		size_t n = strlen(account->account->name);
		bool named = g_ascii_strncasecmp(typed, account->account->name, n) == 0 && typed[n] == ':';
		const char *name = typed + (named ? n + 1 : 0);
		while (named && *name == ' ')
			name++;
		g_autoptr(GPtrArray) folders = store_folders(account->store, NULL);
		for (guint j = 0; folders && j < folders->len; j++) {
			const Folder *folder = g_ptr_array_index(folders, j);
			int score = folder->selectable ? folder_score(folder, name) : 0;
			score = score ? score * 4 + (i == near ? 1 : 0) + (named ? 16 : 0) : 0;
			if (score > best) {
				best = score;
				*ret_account = i;
				*ret_folder = folder->id;
			}
		}
	}
	return best > 0;
}
