/* tests/engine/imap-probe.c: a sync worker (--role=sync) and, with other words, what a person does to a store, for test-imap*.py */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/engine/engine.h"

static int
fail(const GError *error)
{
	printf("error %s: %s\n", error ? error_nick(error->code) : "?", error ? error->message : "usage");
	return 1;
}

static int
run_worker(const char *account)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Config) config = config_load(NULL, &error);
	g_autofree char *state = os_state_dir();

	if (!config)
		return fail(error);
	log_open(state, "sync");
	Channel *channel = channel_new(IPC_WORKER_FD);
	int status = sync_main(config, account, channel);
	channel_free(channel);
	return status;
}

static void
dump_messages(Store *store, const Folder *folder)
{
	ListSpec spec = {.folder = folder->id};
	g_autoptr(GPtrArray) messages = store_list(store, &spec, LIST_NEWEST, LIST_OLDER, 1000000, NULL);

	for (guint i = 0; messages && i < messages->len; i++) {
		const Msg *msg = messages->pdata[i];
		g_autofree char *path = store_path(store, msg->id, NULL);
		printf("msg\t%s\t%u\t%u\t%u\t%d\t%s\t%s\t%s\n", folder->raw, msg->uid, msg->flags, msg->server_flags, (int)msg->state,
		       msg->message_id, path ? path : "", msg->subject);
	}
}

static int
dump(Store *store, char **words, GError **error)
{
	g_autoptr(GPtrArray) folders = store_folders(store, error);

	(void)words;
	for (guint i = 0; folders && i < folders->len; i++) {
		const Folder *folder = folders->pdata[i];
		printf("folder\t%s\t%s\t%d\t%" G_GINT64_FORMAT "\t%" G_GINT64_FORMAT "\t%u\t%u\t%" G_GUINT64_FORMAT "\n", folder->raw, folder->name,
		       (int)folder->role, folder->total, folder->unread, folder->uidvalidity, folder->uidnext, folder->modseq);
		dump_messages(store, folder);
	}
	printf("pending\t%" G_GINT64_FORMAT "\n", store_pending(store));
	return folders ? 0 : 1;
}

/* words: FOLDER MESSAGE-ID. "*": all of the folder. */
static GArray *
find(Store *store, char **words, GError **error)
{
	GArray *ids = g_array_new(FALSE, FALSE, sizeof(MsgId));
	g_autoptr(Folder) folder = words[0] && words[1] ? store_folder_by_raw(store, words[0], error) : NULL;
	ListSpec spec = {.folder = folder ? folder->id : (FolderId){0}};
	g_autoptr(GPtrArray) messages = folder ? store_list(store, &spec, LIST_NEWEST, LIST_OLDER, 1000000, error) : NULL;

	for (guint i = 0; messages && i < messages->len; i++) {
		const Msg *msg = messages->pdata[i];
		if (strcmp(words[1], "*") == 0 || strcmp(words[1], msg->message_id) == 0)
			g_array_append_val(ids, msg->id);
	}
	if (ids->len == 0 && error && !*error)
		error_set(error, ERROR_NOT_FOUND, "%s in %s", words[1] ? words[1] : "?", words[0] ? words[0] : "?");
	return ids;
}

static int
flags(Store *store, char **words, GError **error)
{
	g_autoptr(GArray) ids = find(store, words, error);

	return ids->len > 0 && store_intent_flags(store, (const MsgId *)(void *)ids->data, ids->len, (uint32_t)atoi(words[2]), (uint32_t)atoi(words[3]), NULL, error) ? 0 : 1;
}

static int
transfer(Store *store, char **words, bool copy, GError **error)
{
	g_autoptr(GArray) ids = find(store, words, error);
	g_autoptr(Folder) target = ids->len > 0 ? store_folder_by_raw(store, words[2], error) : NULL;

	if (!target)
		return 1;
	bool (*act)(Store *, const MsgId *, size_t, FolderId, int64_t *, GError **) = copy ? store_intent_copy : store_intent_move;
	return act(store, (const MsgId *)(void *)ids->data, ids->len, target->id, NULL, error) ? 0 : 1;
}

static int
move(Store *store, char **words, GError **error)
{
	return transfer(store, words, false, error);
}

static int
copy(Store *store, char **words, GError **error)
{
	return transfer(store, words, true, error);
}

static int
delete(Store *store, char **words, GError **error)
{
	g_autoptr(GArray) ids = find(store, words, error);

	return ids->len > 0 && store_intent_delete(store, (const MsgId *)(void *)ids->data, ids->len, NULL, error) ? 0 : 1;
}

static int
append(Store *store, char **words, GError **error)
{
	g_autoptr(Folder) target = store_folder_by_raw(store, words[0], error);
	g_autofree char *bytes = NULL;
	size_t size;

	if (!target || !os_read_file(words[1], 64 << 20, &bytes, &size, error))
		return 1;
	return store_intent_append(store, target->id, bytes, size, (uint32_t)atoi(words[2]), NULL, error) ? 0 : 1;
}

static int
create(Store *store, char **words, GError **error)
{
	return store_intent_folder_create(store, words[0], NULL, error) ? 0 : 1;
}

static int
undo(Store *store, char **words, GError **error)
{
	g_autofree char *what = NULL;

	(void)words;
	return store_undo(store, &what, error) ? puts(what), 0 : 1;
}

/* What the keeper does. */
static int
apply(Store *store, char **words, GError **error)
{
	(void)words;
	return store_apply_pending(store, NULL, error) ? 0 : 1;
}

static int
id(Store *store, char **words, GError **error)
{
	g_autoptr(GArray) ids = find(store, words, error);

	if (ids->len > 0)
		printf("%" G_GINT64_FORMAT "\n", g_array_index(ids, MsgId, 0).v);
	return ids->len > 0 ? 0 : 1;
}

static const struct { const char *name; int (*act)(Store *store, char **words, GError **error); StoreMode mode; } ACTS[] = {
	{"dump", dump, STORE_UI}, {"flags", flags, STORE_UI}, {"move", move, STORE_UI}, {"copy", copy, STORE_UI}, {"delete", delete, STORE_UI},
	{"append", append, STORE_UI}, {"create", create, STORE_UI}, {"undo", undo, STORE_UI}, {"apply", apply, STORE_WORKER}, {"id", id, STORE_UI},
};

int
main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;

	if (argc >= 3 && strcmp(argv[1], "--role=sync") == 0)
		return run_worker(argv[2] + strlen("--account="));
	if (argc < 3)
		return fail(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(ACTS); i++) {
		if (strcmp(argv[2], ACTS[i].name) != 0)
			continue;
		g_autoptr(Store) store = store_open(NULL, argv[1], ACTS[i].mode, &error);
		int status = store ? ACTS[i].act(store, argv + 3, &error) : 1;
		return status == 0 ? 0 : fail(error);
	}
	return fail(NULL);
}
