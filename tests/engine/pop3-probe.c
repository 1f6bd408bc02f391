/* tests/engine/pop3-probe.c: runs a backend without a supervisor and does what a person does to a store, for test-pop3.py */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* usage: pop3-probe ACCOUNT WORD...   words, in order: sync and again (one pass each, connected at the first), list,
 * trash MESSAGE-ID, delete MESSAGE-ID, flag MESSAGE-ID, append MESSAGE-ID; or the one word test. */
#include <stdlib.h>
#include <string.h>

#include "src/engine/engine.h"

static int
fail(const GError *error)
{
	printf("error %s: %s\n", error ? error_nick(error->code) : "?", error ? error->message : "usage");
	fflush(stdout);
	return 1;
}

static bool
list(Store *store, GError **error)
{
	g_autoptr(GPtrArray) folders = store_folders(store, error);

	for (guint i = 0; folders && i < folders->len; i++) {
		const Folder *folder = folders->pdata[i];
		g_autoptr(GPtrArray) messages = store_list(store, &(ListSpec){.folder = folder->id}, LIST_NEWEST, LIST_OLDER, 1000000, error);
		printf("folder\t%s\t%" G_GINT64_FORMAT "\t%" G_GINT64_FORMAT "\n", folder->raw, folder->total, folder->unread);
		for (guint j = 0; messages && j < messages->len; j++) {
			const Msg *msg = messages->pdata[j];
			g_autofree char *path = store_path(store, msg->id, NULL);
			printf("msg\t%s\t%s\t%u\t%s\n", folder->raw, msg->message_id, msg->flags, path ? path : "");
		}
	}
	return folders != NULL;
}

static bool
person(Store *store, const char *what, const char *message_id, GError **error)
{
	g_autoptr(GPtrArray) found = store_msgs_by_message_id(store, message_id, error);
	g_autoptr(Folder) trash = store_folder_by_role(store, ROLE_TRASH, NULL);
	int64_t group;

	if (!found || found->len == 0 || !trash)
		return error && *error ? false : error_set(error, ERROR_NOT_FOUND, "%s", message_id);
	MsgId id = ((Msg *)found->pdata[0])->id;
	if (strcmp(what, "delete") == 0)
		return store_intent_delete(store, &id, 1, &group, error);
	if (strcmp(what, "flag") == 0)
		return store_intent_flags(store, &id, 1, FLAG_FLAGGED | FLAG_SEEN, 0, &group, error);
	return store_intent_move(store, &id, 1, trash->id, &group, error);
}

/* A message of our own into Sent, as sending files it. */
static bool
append(Store *store, const char *message_id, GError **error)
{
	g_autoptr(Folder) sent = store_folder_by_role(store, ROLE_SENT, error);
	g_autofree char *text = g_strdup_printf("From: a@contoh.test\r\nMessage-ID: <%s>\r\nSubject: terkirim\r\n\r\nIsi\r\n", message_id);
	int64_t group;

	return sent && store_intent_append(store, sent->id, text, strlen(text), FLAG_SEEN, &group, error);
}

static bool
run_word(Engine *engine, char ***words, bool *opened, GError **error)
{
	const char *word = *(*words)++;

	if (strcmp(word, "list") == 0)
		return list(engine->store, error);
	if (strcmp(word, "sync") == 0 || strcmp(word, "again") == 0) {
		if (!*opened && !engine->ops->open(engine, error))
			return false;
		*opened = true;
		return store_apply_pending(engine->store, NULL, error) && engine->ops->sync(engine, NULL, error);
	}
	if (!**words)
		return error_set(error, ERROR_INPUT, "%s needs a Message-ID", word);
	if (strcmp(word, "append") == 0)
		return append(engine->store, *(*words)++, error);
	return person(engine->store, word, *(*words)++, error);
}

static bool
run(Engine *engine, char **words, GError **error)
{
	bool opened = false;

	engine->store = store_open(NULL, engine->account->name, STORE_WORKER, error);
	if (!engine->store || !store_ops_recover(engine->store, error) || !store_apply_pending(engine->store, NULL, error))
		return false;
	while (*words)
		if (!run_word(engine, &words, &opened, error))
			return false;
	return true;
}

/* Account test of a backend: no store. */
static void
say_step(void *data, const char *step, Verdict verdict, const char *text)
{
	(void)data;
	printf("step\t%s\t%d\t%s\n", step, (int)verdict, text);
}

int
main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Config) config = config_load(NULL, &error);
	const Account *account = config && argc > 2 ? config_account(config, argv[1]) : NULL;
	Engine engine;
	bool ok;

	for (guint i = 0; config && i < config->problems->len; i++)
		printf("config\t%s\n", ((ConfigProblem *)config->problems->pdata[i])->text);
	if (!account)
		return fail(error);
	engine_init(&engine, config, account, NULL);
	if (strcmp(argv[2], "test") == 0) {
		engine.step = say_step;
		ok = engine.ops->open(&engine, &error);
	} else {
		ok = run(&engine, argv + 2, &error);
	}
	engine_clear(&engine);
	if (!ok)
		return fail(error);
	printf("ok\n");
	return 0;
}
