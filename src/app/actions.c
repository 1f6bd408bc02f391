/* app/actions.c: changes on messages: flags, moves, deletes, as intents of each account */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/app/private.h"

typedef bool (*Change)(Store *store, const MsgId *ids, size_t n, const void *how, int64_t *ret_group, GError **error);

static GArray *
ids_of(const MsgRef *refs, size_t n, unsigned account)
{
	GArray *ids = g_array_new(FALSE, FALSE, sizeof(MsgId));
	for (size_t i = 0; i < n; i++)
		if (refs[i].account == account)
			g_array_append_val(ids, refs[i].id);
	return ids;
}

static void
remember_change(App *app, unsigned account)
{
	g_array_append_val(app->priv->changes, account);
	if (app->priv->changes->len > 200)
		g_array_remove_range(app->priv->changes, 0, 100);
}

/* One intent group per account; false when any was refused. */
static bool
change_each(App *app, const MsgRef *refs, size_t n, Change change, const void *how)
{
	bool done = true;
	for (unsigned account = 0; account < app->accounts->len; account++) {
		g_autoptr(GArray) ids = ids_of(refs, n, account);
		GError *error = NULL;
		int64_t group = 0;
		if (!ids->len)
			continue;
		if (change(app_account(app, account)->store, (const MsgId *)(void *)ids->data, ids->len, how, &group, &error)) {
			remember_change(app, account);
			app_doorbell(app, account);
			continue;
		}
		app_notice_error(app, error);
		done = false;
	}
	return done;
}

typedef struct FlagChange { uint32_t set, clear; } FlagChange;

static bool
change_flags(Store *store, const MsgId *ids, size_t n, const void *how, int64_t *ret_group, GError **error)
{
	const FlagChange *flags = how;
	return store_intent_flags(store, ids, n, flags->set, flags->clear, ret_group, error);
}

static bool
change_move(Store *store, const MsgId *ids, size_t n, const void *how, int64_t *ret_group, GError **error)
{
	return store_intent_move(store, ids, n, *(const FolderId *)how, ret_group, error);
}

static bool
change_copy(Store *store, const MsgId *ids, size_t n, const void *how, int64_t *ret_group, GError **error)
{
	return store_intent_copy(store, ids, n, *(const FolderId *)how, ret_group, error);
}

static bool
change_delete(Store *store, const MsgId *ids, size_t n, const void *how, int64_t *ret_group, GError **error)
{
	(void)how;
	return store_intent_delete(store, ids, n, ret_group, error);
}

bool
app_set_flags(App *app, const MsgRef *refs, size_t n, uint32_t set, uint32_t clear)
{
	return change_each(app, refs, n, change_flags, &(FlagChange){ set, clear });
}

bool
app_delete_for_good(App *app, const MsgRef *refs, size_t n)
{
	return change_each(app, refs, n, change_delete, NULL);
}

/* ---- folders of a role ---- */

static const char *const role_folders[] = {
	[ROLE_NONE] = "", [ROLE_INBOX] = "INBOX", [ROLE_DRAFTS] = "Drafts", [ROLE_SENT] = "Sent", [ROLE_ARCHIVE] = "Archive",
	[ROLE_JUNK] = "Junk", [ROLE_TRASH] = "Trash", [ROLE_ALL] = "All",
};

static Folder *
folder_by_name(Store *store, const char *name)
{
	g_autoptr(GPtrArray) folders = store_folders(store, NULL);
	for (guint i = 0; folders && i < folders->len; i++) {
		const Folder *folder = g_ptr_array_index(folders, i);
		if (g_ascii_strcasecmp(folder->name, name) == 0)
			return store_folder(store, folder->id, NULL);
	}
	return NULL;
}

/* NULL: there is none. */
static Folder *
folder_of_role(const AppAccount *account, FolderRole role)
{
	const char *name = account->account->folder_names[role] ? account->account->folder_names[role] : role_folders[role];
	Folder *folder = store_folder_by_role(account->store, role, NULL);
	return folder ? folder : folder_by_name(account->store, name);
}

/* ---- moves that wait for the keeper to make their folder: some milliseconds ---- */

typedef struct WaitingMove { unsigned account; FolderRole role; GArray *refs; int64_t since; } WaitingMove;

void
waiting_move_free(void *data)
{
	WaitingMove *waiting = data;
	g_array_unref(waiting->refs);
	g_free(waiting);
}

static bool
make_folder_then_move(App *app, unsigned account, FolderRole role, GArray *refs)
{
	AppAccount *holder = app_account(app, account);
	const char *name = holder->account->folder_names[role] ? holder->account->folder_names[role] : role_folders[role];
	GError *error = NULL;
	if (!store_intent_folder_create(holder->store, name, NULL, &error)) {
		app_notice_error(app, error);
		return false;
	}
	app_notice(app, NOTICE_INFO, "%s had no folder for this; %s is made.", holder->account->name, name);
	WaitingMove *waiting = g_new0(WaitingMove, 1);
	*waiting = (WaitingMove){ account, role, g_array_ref(refs), g_get_monotonic_time() };
	g_ptr_array_add(app->priv->waiting_moves, waiting);
	app_doorbell(app, account);
	return true;
}

void
waiting_moves_try(App *app)
{
	for (guint i = app->priv->waiting_moves->len; i-- > 0;) {
		WaitingMove *waiting = g_ptr_array_index(app->priv->waiting_moves, i);
		g_autoptr(Folder) folder = folder_of_role(app_account(app, waiting->account), waiting->role);
		if (!folder)
			continue;
		g_autoptr(GArray) refs = g_array_ref(waiting->refs);
		unsigned account = waiting->account;
		g_ptr_array_remove_index(app->priv->waiting_moves, i);	/* first: the move refreshes, and comes here again */
		app_move(app, (const MsgRef *)(void *)refs->data, refs->len, account, folder->id, false);
		return;
	}
}

/* ---- moves ---- */

/* To another account: the copy there is durable before the original goes to this account's Trash. */
static bool
carry_over(App *app, MsgRef ref, unsigned account, FolderId target, bool copy)
{
	AppAccount *from = app_account(app, ref.account), *to = app_account(app, account);
	g_autoptr(Msg) msg = app_msg(app, ref);
	g_autofree char *bytes = NULL;
	size_t size = 0;
	bool full = false;
	GError *error = NULL;
	if (!msg || !store_read(from->store, ref.id, &bytes, &size, &full, &error)) {
		app_notice_error(app, error);
		return false;
	}
	if (!full) {
		app_notice(app, NOTICE_WARN, "Only the headers of \"%s\" are here; open it first, then move it to the other account.", msg->subject);
		return false;
	}
	if (!store_intent_append(to->store, target, bytes, size, msg->flags, NULL, &error)) {
		app_notice_error(app, error);
		return false;
	}
	app_doorbell(app, account);
	return copy || app_move_to_role(app, &ref, 1, ROLE_TRASH);
}

bool
app_move(App *app, const MsgRef *refs, size_t n, unsigned account, FolderId target, bool copy)
{
	g_autoptr(GArray) same = g_array_new(FALSE, FALSE, sizeof(MsgRef));
	bool done = true;
	for (size_t i = 0; i < n; i++) {
		if (refs[i].account == account)
			g_array_append_vals(same, &refs[i], 1);
		else
			done &= carry_over(app, refs[i], account, target, copy);
	}
	if (same->len)
		done &= change_each(app, (const MsgRef *)(void *)same->data, same->len, copy ? change_copy : change_move, &target);
	return done;
}

bool
app_move_to_role(App *app, const MsgRef *refs, size_t n, FolderRole role)
{
	bool done = true;
	for (unsigned account = 0; account < app->accounts->len; account++) {
		g_autoptr(GArray) mine = g_array_new(FALSE, FALSE, sizeof(MsgRef));
		for (size_t i = 0; i < n; i++)
			if (refs[i].account == account)
				g_array_append_vals(mine, &refs[i], 1);
		if (!mine->len)
			continue;
		g_autoptr(Folder) folder = folder_of_role(app_account(app, account), role);
		if (folder)
			done &= change_each(app, (const MsgRef *)(void *)mine->data, mine->len, change_move, &folder->id);
		else
			done &= make_folder_then_move(app, account, role, mine);
	}
	return done;
}
