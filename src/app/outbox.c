/* app/outbox.c: messages on their way: list, send now, take back, what to do when nobody knows */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/app/private.h"

enum { WAITING = 1 << OUTBOX_HELD | 1 << OUTBOX_QUEUED | 1 << OUTBOX_FAILED | 1 << OUTBOX_UNKNOWN };

void
outbox_row_free(OutboxRow *row)
{
	outbox_free(row->outbox);
	g_free(row);
}

void
app_outbox_read(App *app)
{
	g_ptr_array_set_size(app->outbox, 0);
	for (guint i = 0; i < app->accounts->len; i++) {
		g_autoptr(GPtrArray) rows = store_outbox(app_account(app, i)->store, NULL);
		for (guint j = 0; rows && j < rows->len; j++) {
			OutboxRow *row = g_new0(OutboxRow, 1);
			row->account = i;
			row->outbox = g_ptr_array_index(rows, j);
			rows->pdata[j] = NULL;
			g_ptr_array_add(app->outbox, row);
		}
	}
	for (guint i = 0; i < app->places->len; i++) {
		Place *place = g_ptr_array_index(app->places, i);
		if (place->kind == PLACE_OUTBOX)
			place->cursor = MIN(place->cursor, app->outbox->len ? app->outbox->len - 1 : 0);
	}
}

static void
send_window_close(App *app, unsigned account, int64_t id)
{
	for (guint i = app->priv->sends->len; i-- > 0;) {
		const SendWindow *window = &g_array_index(app->priv->sends, SendWindow, i);
		if (window->account == account && window->id == id)
			g_array_remove_index(app->priv->sends, i);
	}
}

static void
send_now_sure(App *app, void *data)
{
	const OutboxRow *row = data;
	AppAccount *account = app_account(app, row->account);
	GError *error = NULL;
	/* Held rows stay held: their time is set to now; failed and unknown ones go back into the queue. */
	if (store_outbox_move(account->store, row->outbox->id, WAITING, OUTBOX_QUEUED, NULL, 0, &error)) {
		send_window_close(app, row->account, row->outbox->id);
		app_notice(app, NOTICE_INFO, account->state == ENGINE_OFFLINE ? "It is sent as soon as there is a connection." : "Sending now.");
	} else if (error) {
		app_notice_error(app, error);
	} else {
		app_notice(app, NOTICE_WARN, "It is being sent already.");
	}
	app_refresh(app);
	if (account->submit && !worker_running(account->submit))
		worker_restart_now(account->submit);
	supervisor_outbox(app, row->account);
}

static OutboxRow *
row_copy(App *app, const OutboxRow *row)
{
	OutboxRow *copy = g_new0(OutboxRow, 1);
	copy->account = row->account;
	copy->outbox = store_outbox_get(app_account(app, row->account)->store, row->outbox->id, NULL);
	if (copy->outbox)
		return copy;
	outbox_row_free(copy);
	app_notice(app, NOTICE_WARN, "It is not in the outbox any more.");
	return NULL;
}

static void
row_free_data(void *data)
{
	outbox_row_free(data);
}

void
app_outbox_send_now(App *app, const OutboxRow *row)
{
	OutboxRow *copy = row_copy(app, row);
	if (!copy)
		return;
	if (copy->outbox->state == OUTBOX_UNKNOWN) {
		app_confirm(app, "It may have arrived already. Send it again? (y/n) ", send_now_sure, copy, row_free_data);
		return;
	}
	send_now_sure(app, copy);
	outbox_row_free(copy);
}

void
app_outbox_take_back(App *app, const OutboxRow *row)
{
	g_autofree OutboxRow *copy = row_copy(app, row);
	if (!copy)
		return;
	g_autoptr(Outbox) outbox = copy->outbox;
	AppAccount *account = app_account(app, copy->account);
	GError *error = NULL;
	g_autofree char *text = NULL;
	size_t size = 0;
	if (outbox->draft_path && !os_read_file(outbox->draft_path, 64 << 20, &text, &size, &error)) {
		app_notice_error(app, error);
		return;
	}
	/* Saved as a draft before it leaves the outbox: a crash in between leaves it twice, never nowhere. */
	g_autofree char *id = draft_new_id();
	if (!text || !store_draft_save(account->store, id, text, &error)) {
		app_notice_error(app, error ? error : g_error_new(SUREL_ERROR, ERROR_NOT_FOUND, "its draft is not there any more; it stays in the outbox"));
		return;
	}
	if (!store_outbox_move(account->store, outbox->id, WAITING, OUTBOX_CANCELLED, NULL, 0, &error)) {
		store_draft_remove(account->store, id, NULL);
		if (error)
			app_notice_error(app, error);
		else
			app_notice(app, NOTICE_WARN, "Too late: it is being sent or was sent.");
		return;
	}
	send_window_close(app, copy->account, outbox->id);
	app_refresh(app);
	app_open_draft(app, copy->account, draft_from_text(text), id, false);
	app_notice(app, NOTICE_GOOD, "Taken back. y sends it, P keeps it as a draft.");
}

void
app_outbox_mark_sent(App *app, const OutboxRow *row)
{
	AppAccount *account = app_account(app, row->account);
	GError *error = NULL;
	if (store_outbox_move(account->store, row->outbox->id, 1 << OUTBOX_UNKNOWN | 1 << OUTBOX_FAILED, OUTBOX_ACCEPTED, NULL, 0, &error) &&
	    store_outbox_file(account->store, row->outbox->id, account->account->send_copy, &error))
		app_notice(app, NOTICE_GOOD, "Filed as sent.");
	else if (error)
		app_notice_error(app, error);
	else
		app_notice(app, NOTICE_WARN, "Only a message whose delivery is uncertain, or that was refused, can be marked as sent.");
	app_doorbell(app, row->account);
}

/* ---- undo: the newest send whose window is open, else the newest change of any account ---- */

static bool
undo_send(App *app)
{
	int64_t now = g_get_real_time() / G_USEC_PER_SEC;
	while (app->priv->sends->len) {
		SendWindow window = g_array_index(app->priv->sends, SendWindow, app->priv->sends->len - 1);
		g_array_set_size(app->priv->sends, app->priv->sends->len - 1);
		if (window.until <= now)
			continue;
		g_autoptr(Outbox) outbox = store_outbox_get(app_account(app, window.account)->store, window.id, NULL);
		if (!outbox || !((1u << outbox->state) & WAITING))
			continue;
		app_outbox_take_back(app, &(OutboxRow){ window.account, outbox });
		return true;
	}
	return false;
}

void
app_undo(App *app)
{
	if (undo_send(app))
		return;
	for (guint i = app->priv->changes->len; i-- > 0;) {
		unsigned account = g_array_index(app->priv->changes, unsigned, i);
		g_array_set_size(app->priv->changes, i);
		GError *error = NULL;
		g_autofree char *what = NULL;
		if (store_undo(app_account(app, account)->store, &what, &error)) {
			app_notice(app, NOTICE_GOOD, "Undone: %s", what);
			app_doorbell(app, account);
			return;
		}
		if (!g_error_matches(error, SUREL_ERROR, ERROR_NOT_FOUND)) {
			app_notice_error(app, error);
			return;
		}
		g_clear_error(&error);
	}
	/* Changes made before surel was started: the account of the cursor. */
	Mailbox *mailbox = app_mailbox(app);
	const MailboxRow *row = mailbox ? mailbox_cursor(mailbox) : NULL;
	unsigned account = row ? row->ref.account : 0;
	g_autofree char *what = NULL;
	if (account < app->accounts->len && store_undo(app_account(app, account)->store, &what, NULL)) {
		app_notice(app, NOTICE_GOOD, "Undone: %s", what);
		app_doorbell(app, account);
		return;
	}
	app_notice(app, NOTICE_INFO, "Nothing to undo.");
}
