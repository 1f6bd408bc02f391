/* tests/engine/submit-probe.c: puts messages into an outbox and tells what became of them, for test-submit.py */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "surel/store.h"

static int
fail(GError *error)
{
	printf("error: %s\n", error ? error->message : "?");
	return 1;
}

/* add ACCOUNT FILE MESSAGE-ID FROM TO... */
static int
add(Store *store, char **argv)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) recipients = g_ptr_array_new();
	BuiltMail mail = { .bytes = g_byte_array_new(), .sent_copy = g_byte_array_new(), .mail_from = argv[2], .message_id = argv[1], .recipients = recipients };
	char *bytes = NULL;
	size_t size = 0;
	int64_t id = 0;

	if (!os_read_file(argv[0], 64 << 20, &bytes, &size, &error))
		return fail(error);
	g_byte_array_append(mail.bytes, (const uint8_t *)bytes, (guint)size);
	g_byte_array_append(mail.sent_copy, (const uint8_t *)bytes, (guint)size);
	for (char **at = argv + 3; *at; at++)
		g_ptr_array_add(recipients, *at);
	bool fine = store_outbox_add(store, &mail, "a subject", NULL, NULL, false, 0, &id, &error);
	g_byte_array_unref(mail.bytes);
	g_byte_array_unref(mail.sent_copy);
	g_free(bytes);
	if (!fine)
		return fail(error);
	printf("%ld\n", (long)id);
	return 0;
}

static int
show(Store *store, int64_t id)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Outbox) row = store_outbox_get(store, id, &error);

	if (!row)
		return fail(error);
	printf("state %d\nattempts %u\nnext %ld\nreply %s\n", (int)row->state, row->attempts, (long)row->next_try, row->last_reply ? row->last_reply : "");
	for (guint i = 0; i < row->rcpts->len; i++) {
		const OutboxRcpt *rcpt = row->rcpts->pdata[i];
		printf("rcpt %s %d %s\n", rcpt->address, rcpt->code, rcpt->reply ? rcpt->reply : "");
	}
	return 0;
}

/* The person's "try now" or "send again". */
static int
again(Store *store, int64_t id)
{
	g_autoptr(GError) error = NULL;
	unsigned from = 1 << OUTBOX_QUEUED | 1 << OUTBOX_UNKNOWN | 1 << OUTBOX_FAILED;

	printf("%d\n", store_outbox_move(store, id, from, OUTBOX_QUEUED, NULL, 0, &error));
	return error ? fail(error) : 0;
}

/* Messages with a Message-ID in any folder, pending ones too. */
static int
copies(Store *store, const char *message_id)
{
	g_autoptr(GError) error = NULL;

	if (!store_apply_pending(store, NULL, &error))
		return fail(error);
	g_autoptr(GPtrArray) msgs = store_msgs_by_message_id(store, message_id, &error);
	if (!msgs)
		return fail(error);
	printf("%u\n", msgs->len);
	return 0;
}

/* What a sync does when the server shows a message: in the folder of a role, with a UID. */
static int
arrive(Store *store, const char *message_id, FolderRole role)
{
	g_autoptr(GError) error = NULL;
	char *name = (char *)(role == ROLE_SENT ? "Sent" : role == ROLE_DRAFTS ? "Drafts" : "INBOX");
	Folder folder = { .name = name, .raw = name, .delimiter = '/', .role = role, .selectable = true, .uidvalidity = 1, .uidnext = 2 };
	g_autofree char *headers = g_strdup_printf("From: <a@example.org>\r\nMessage-ID: <%s>\r\n\r\n", message_id);
	NewMsg msg = { .uid = 1, .arrival = 1, .size = 100, .headers = headers, .headers_size = strlen(headers) };
	FolderId id;

	if (!store_folder_put(store, &folder, &id, &error) || !store_put_headers(store, id, &msg, 1, &error))
		return fail(error);
	return 0;
}

int
main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;

	if (argc < 4)
		return 2;
	bool writes = strcmp(argv[1], "copies") == 0 || strcmp(argv[1], "arrive") == 0;
	g_autoptr(Store) store = store_open(NULL, argv[2], writes ? STORE_WORKER : STORE_UI, &error);
	if (!store)
		return fail(error);
	if (writes && argc > 4)
		return arrive(store, argv[3], (FolderRole)atoi(argv[4]));
	if (writes)
		return copies(store, argv[3]);
	if (strcmp(argv[1], "add") == 0 && argc >= 7)
		return add(store, argv + 3);
	if (strcmp(argv[1], "again") == 0)
		return again(store, g_ascii_strtoll(argv[3], NULL, 10));
	return show(store, g_ascii_strtoll(argv[3], NULL, 10));
}
