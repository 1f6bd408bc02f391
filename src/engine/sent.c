/* engine/sent.c: what follows the server's yes: the one Sent copy; and evidence for deliveries that stayed uncertain */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "src/engine/engine.h"

static bool
saves_sent_itself(const char *host)
{
	static const char *const savers[] = { "smtp.gmail.com", "smtp.googlemail.com", ".office365.com", ".outlook.com", ".office.com" };
	g_autofree char *lower = g_ascii_strdown(host, -1);

	for (size_t i = 0; i < G_N_ELEMENTS(savers); i++)
		if (g_str_has_suffix(lower, savers[i]))
			return true;
	return false;
}

bool
sent_file(Engine *engine, int64_t id, bool saved_already, GError **error)
{
	const Account *account = engine->account;
	bool append = account->send_copy && !saved_already && account->outgoing.host && !saves_sent_itself(account->outgoing.host);

	if (!store_outbox_file(engine->store, id, append, error))
		return false;
	engine_send(engine, &(Frame){ .type = FRAME_OUTBOX, .u.outbox = { id, OUTBOX_FILED, (char *)"" } });
	return true;
}

/* Where the server shows a message with this Message-ID, it took it: a provider that saves what it sends, or mail to oneself.
 * *ret_saved: it is among the sent ones. */
static bool
server_has(Store *store, const char *message_id, bool *ret_saved)
{
	g_autoptr(GPtrArray) msgs = store_msgs_by_message_id(store, message_id, NULL);
	bool found = false;

	*ret_saved = false;
	for (guint i = 0; msgs && i < msgs->len; i++) {
		const Msg *msg = msgs->pdata[i];
		g_autoptr(Folder) folder = store_folder(store, msg->folder, NULL);
		if (!folder || folder->role == ROLE_DRAFTS || (msg->uid == 0 && folder->role != ROLE_INBOX))
			continue;
		found = true;
		*ret_saved = *ret_saved || folder->role == ROLE_SENT;
	}
	return found;
}

bool
sent_settle_unknown(Engine *engine, GError **error)
{
	g_autoptr(GPtrArray) rows = store_outbox(engine->store, error);

	for (guint i = 0; rows && i < rows->len; i++) {
		const Outbox *row = rows->pdata[i];
		bool saved;
		if (row->state != OUTBOX_UNKNOWN || !server_has(engine->store, row->message_id, &saved))
			continue;
		g_autoptr(GError) local = NULL;
		if (store_outbox_move(engine->store, row->id, 1 << OUTBOX_UNKNOWN, OUTBOX_ACCEPTED, "found on the server", 0, &local))
			sent_file(engine, row->id, saved, &local);
		if (local) {
			g_propagate_error(error, g_steal_pointer(&local));
			return false;
		}
	}
	return rows != NULL;
}
