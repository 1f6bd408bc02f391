/* engine/local.c: folders, journal and waiting of accounts whose folders are local (POP3, Maildir) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/engine/local.h"

#include <errno.h>
#include <poll.h>

static const struct { FolderRole role; const char *name; } folders[] = {
	{ROLE_INBOX, "Inbox"}, {ROLE_DRAFTS, "Drafts"}, {ROLE_SENT, "Sent"}, {ROLE_ARCHIVE, "Archive"}, {ROLE_TRASH, "Trash"},
};

bool
local_make_folders(Engine *engine, GError **error)
{
	for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
		g_autoptr(GError) own = NULL;
		g_autoptr(Folder) there = store_folder_by_role(engine->store, folders[i].role, &own);
		if (own) {
			g_propagate_error(error, g_steal_pointer(&own));
			return false;
		}
		if (there)
			continue;
		const char *chosen = engine->account->folder_names[folders[i].role];
		char *name = (char *)(chosen && *chosen ? chosen : folders[i].name);
		const Folder folder = {.name = name, .raw = name, .delimiter = '/', .role = folders[i].role, .selectable = true, .local = true};
		if (!store_folder_put(engine->store, &folder, NULL, error))
			return error_wrap(error, "folder %s", name);
	}
	return true;
}

bool
local_folder(Store *store, FolderRole role, FolderId *ret_id, GError **error)
{
	g_autoptr(GError) own = NULL;
	g_autoptr(Folder) folder = store_folder_by_role(store, role, &own);

	if (folder) {
		*ret_id = folder->id;
		return true;
	}
	if (!own)
		return error_set(error, ERROR_STORE, "account %s has no inbox or trash folder", store_account(store));
	g_propagate_error(error, g_steal_pointer(&own));
	return false;
}

bool
local_in_trash(Store *store, MsgId id, FolderId trash)
{
	g_autoptr(Msg) msg = id.v ? store_msg(store, id, NULL) : NULL;

	return msg && msg->folder.v == trash.v;
}

bool
local_push(Engine *engine, GError **error)
{
	unsigned applied = 0;

	engine->journal_wanted = false;
	if (!store_apply_pending(engine->store, &applied, error))
		return false;
	g_autoptr(GPtrArray) due = store_ops_due(engine->store, error);
	if (!due)
		return false;
	for (guint i = 0; i < due->len; i++)
		if (!store_op_done(engine->store, due->pdata[i], 0, error))
			return false;
	return true;
}

bool
local_report_new(Engine *engine, unsigned count, GError **error)
{
	FolderId inbox;

	if (count == 0)
		return true;
	if (!local_folder(engine->store, ROLE_INBOX, &inbox, error))
		return false;
	g_autoptr(GPtrArray) newest = store_list(engine->store, &(ListSpec){.folder = inbox}, LIST_NEWEST, LIST_OLDER, 1, error);
	if (!newest)
		return false;
	engine_new_mail(engine, inbox, count, newest->len > 0 ? ((Msg *)newest->pdata[0])->id : (MsgId){0});
	return true;
}

static bool
wished(const Engine *engine)
{
	return engine->sync_wanted || engine->journal_wanted || engine->fetches.length > 0;
}

bool
local_wait(Engine *engine, int fd, int timeout_ms, bool *ret_dirty, GError **error)
{
	int64_t end = g_get_monotonic_time() + (int64_t)timeout_ms * 1000;

	*ret_dirty = false;
	while (engine_check(engine, error)) {
		int64_t left = (end - g_get_monotonic_time()) / 1000;
		struct pollfd fds[] = {
			{.fd = engine->channel ? channel_fd(engine->channel) : -1, .events = POLLIN}, {.fd = fd, .events = POLLIN},
		};
		if (wished(engine))
			return true;
		if (left <= 0) {
			*ret_dirty = true;
			return true;
		}
		int n = poll(fds, G_N_ELEMENTS(fds), (int)left);
		if (n < 0 && errno != EINTR)
			return error_set_errno(error, errno, "waiting");
		if (n > 0 && fds[1].revents) {
			*ret_dirty = true;
			return true;
		}
	}
	return false;
}
