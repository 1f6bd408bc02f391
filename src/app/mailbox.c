/* app/mailbox.c: rows behind a message list: a window on the merged folders of several accounts, marks, filter, cursor */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/app/mailbox.h"

#include <limits.h>
#include <string.h>

static void
row_free(MailboxRow *row)
{
	msg_free(row->msg);
	g_free(row);
}

static uint64_t
ref_key(MsgRef ref)
{
	return ((uint64_t)ref.account << 48) | (uint64_t)ref.id.v;
}

static guint
ref_hash(const void *key)
{
	const int64_t value = (int64_t)ref_key(*(const MsgRef *)key);
	return g_int64_hash(&value);
}

static gboolean
ref_equal(const void *a, const void *b)
{
	return ref_key(*(const MsgRef *)a) == ref_key(*(const MsgRef *)b);
}

static Mailbox *
mailbox_new(App *app, const char *title)
{
	Mailbox *mailbox = g_new0(Mailbox, 1);
	mailbox->app = app;
	mailbox->title = g_strdup(title);
	mailbox->rows = g_ptr_array_new_with_free_func((GDestroyNotify)row_free);
	mailbox->window = g_ptr_array_new();
	mailbox->marks = g_hash_table_new_full(ref_hash, ref_equal, g_free, NULL);
	mailbox->sources = g_array_new(FALSE, TRUE, sizeof(MailboxSource));
	mailbox->height = 24;
	mailbox->position = mailbox->total = mailbox->unread = -1;
	return mailbox;
}

Mailbox *
mailbox_new_folder(App *app, const MailboxSource *sources, size_t n, const char *title)
{
	Mailbox *mailbox = mailbox_new(app, title);
	if (n)
		g_array_append_vals(mailbox->sources, sources, (guint)n);
	mailbox->threaded = app->config && config_bool(app->config, OPTION_show_threads);
	rows_load_newest(mailbox);
	return mailbox;
}

Mailbox *
mailbox_new_search(App *app, const char *query)
{
	g_autofree char *title = g_strdup_printf("Search: %s", query);
	Mailbox *mailbox = mailbox_new(app, title);
	mailbox->query = g_strdup(query);
	mailbox->searching = mailbox->at_top = mailbox->at_end = true;
	mailbox->base_rank = 0;
	return mailbox;
}

void
mailbox_free(Mailbox *mailbox)
{
	if (!mailbox)
		return;
	g_ptr_array_unref(mailbox->rows);
	g_ptr_array_unref(mailbox->window);
	g_hash_table_unref(mailbox->marks);
	g_array_unref(mailbox->sources);
	g_free(mailbox->title);
	g_free(mailbox->query);
	g_free(mailbox->match);
	g_free(mailbox->filter_text);
	g_free(mailbox);
}

const char *
mailbox_title(const Mailbox *mailbox)
{
	return mailbox->title;
}

const char *
mailbox_query(const Mailbox *mailbox)
{
	return mailbox->query;
}

bool
mailbox_searching(const Mailbox *mailbox)
{
	return mailbox->searching;
}

bool
mailbox_contains(const Mailbox *mailbox, unsigned account, FolderId folder)
{
	for (guint i = 0; i < mailbox->sources->len; i++) {
		const MailboxSource *source = &g_array_index(mailbox->sources, MailboxSource, i);
		if (source->account == account && source->folder.v == folder.v)
			return true;
	}
	return false;
}

/* ---- cursor and window ---- */

static MailboxRow *
row_at(const Mailbox *mailbox, guint index)
{
	return g_ptr_array_index(mailbox->rows, index);
}

MailboxRow *
mailbox_cursor(Mailbox *mailbox)
{
	return mailbox->rows->len ? row_at(mailbox, mailbox->cursor) : NULL;
}

const GPtrArray *
mailbox_window(Mailbox *mailbox, unsigned height, int *ret_cursor)
{
	mailbox->height = MAX(height, 1);
	rows_settle(mailbox);
	g_ptr_array_set_size(mailbox->window, 0);
	for (guint i = mailbox->top; i < mailbox->rows->len && i < mailbox->top + mailbox->height; i++)
		g_ptr_array_add(mailbox->window, row_at(mailbox, i));
	*ret_cursor = mailbox->rows->len ? (int)(mailbox->cursor - mailbox->top) : -1;
	return mailbox->window;
}

void
mailbox_position(Mailbox *mailbox, int64_t *ret_position, int64_t *ret_total, int64_t *ret_unread)
{
	rows_count(mailbox);
	*ret_position = mailbox->base_rank >= 0 && mailbox->rows->len ? mailbox->base_rank + mailbox->cursor : -1;
	*ret_total = mailbox->total;
	*ret_unread = mailbox->unread;
}

void
mailbox_hold(Mailbox *mailbox)
{
	mailbox->held = true;
}

void
mailbox_move(Mailbox *mailbox, int rows)
{
	mailbox_hold(mailbox);
	if (rows == INT_MIN) {
		rows_load_newest(mailbox);
		return;
	}
	if (rows == INT_MAX) {
		rows_load_oldest(mailbox);
		return;
	}
	rows_move(mailbox, rows);
}

void
mailbox_page(Mailbox *mailbox, int half_pages)
{
	int by = half_pages * (int)MAX(mailbox->height / 2, 1);
	unsigned screen_row = mailbox->cursor - MIN(mailbox->top, mailbox->cursor);
	rows_move(mailbox, by);
	mailbox->top = mailbox->cursor > screen_row ? mailbox->cursor - screen_row : 0;
}

void
mailbox_click(Mailbox *mailbox, unsigned window_row)
{
	mailbox_hold(mailbox);
	if (mailbox->top + window_row < mailbox->rows->len)
		mailbox->cursor = mailbox->top + window_row;
}

bool
mailbox_jump(Mailbox *mailbox, MsgRef ref)
{
	for (guint i = 0; i < mailbox->rows->len; i++)
		if (ref_equal(&row_at(mailbox, i)->ref, &ref)) {
			mailbox->cursor = i;
			return true;
		}
	if (mailbox->query)
		return false;
	AppAccount *account = app_account(mailbox->app, ref.account);
	g_autoptr(Msg) msg = account ? store_msg(account->store, ref.id, NULL) : NULL;
	return msg && mailbox_contains(mailbox, ref.account, msg->folder) && rows_load_around(mailbox, ref.account, msg, mailbox->height / 2);
}

static bool
unread(const MailboxRow *row)
{
	return !(row->msg->flags & FLAG_SEEN);
}

bool
mailbox_next_unread(Mailbox *mailbox, bool backwards)
{
	int step = backwards ? -1 : 1;
	for (int i = (int)mailbox->cursor + step; i >= 0 && i < (int)mailbox->rows->len; i += step)
		if (unread(row_at(mailbox, (guint)i))) {
			mailbox->cursor = (guint)i;
			return true;
		}
	if (mailbox->query)
		return false;
	MsgRef ref;
	return (rows_find_unread(mailbox, backwards, false, &ref) || rows_find_unread(mailbox, backwards, true, &ref)) && mailbox_jump(mailbox, ref);
}

/* ---- marks ---- */

void
mailbox_mark(Mailbox *mailbox, MsgRef ref, bool marked)
{
	if (marked)
		g_hash_table_add(mailbox->marks, g_memdup2(&ref, sizeof(ref)));
	else
		g_hash_table_remove(mailbox->marks, &ref);
	for (guint i = 0; i < mailbox->rows->len; i++)
		if (ref_equal(&row_at(mailbox, i)->ref, &ref))
			row_at(mailbox, i)->marked = marked;
}

void
mailbox_unmark_all(Mailbox *mailbox)
{
	g_hash_table_remove_all(mailbox->marks);
	for (guint i = 0; i < mailbox->rows->len; i++)
		row_at(mailbox, i)->marked = false;
}

size_t
mailbox_marked(const Mailbox *mailbox)
{
	return g_hash_table_size(mailbox->marks);
}

bool
mailbox_is_marked(const Mailbox *mailbox, MsgRef ref)
{
	return g_hash_table_contains(mailbox->marks, &ref);
}

GArray *
mailbox_targets(Mailbox *mailbox)
{
	GArray *targets = g_array_new(FALSE, TRUE, sizeof(MsgRef));
	GHashTableIter iter;
	void *key;
	g_hash_table_iter_init(&iter, mailbox->marks);
	while (g_hash_table_iter_next(&iter, &key, NULL))
		g_array_append_vals(targets, key, 1);
	const MailboxRow *row = mailbox_cursor(mailbox);
	if (!targets->len && row)
		g_array_append_val(targets, row->ref);
	return targets;
}

/* ---- filter, threads ---- */

void
mailbox_filter(Mailbox *mailbox, ListFilter filter, const char *match)
{
	g_free(mailbox->match);
	g_free(mailbox->filter_text);
	mailbox->filter = filter;
	mailbox->match = match && *match ? g_strdup(match) : NULL;
	mailbox->filter_text = g_strconcat(filter == LIST_UNREAD ? "unread: " : filter == LIST_FLAGGED ? "flagged: " : "", match ? match : "", NULL);
	g_strchomp(mailbox->filter_text);
	mailbox->total = mailbox->unread = -1;
	mailbox_refresh(mailbox);
}

const char *
mailbox_filter_text(const Mailbox *mailbox)
{
	return mailbox->filter_text ? mailbox->filter_text : "";
}

bool
mailbox_threaded(const Mailbox *mailbox)
{
	return mailbox->threaded;
}

void
mailbox_set_threaded(Mailbox *mailbox, bool threaded)
{
	if (mailbox->query)
		return;
	mailbox->threaded = threaded;
	mailbox_refresh(mailbox);
}

/* ---- search hits ---- */

static int
compare_hits(const void *a, const void *b)
{
	const MailboxRow *x = *(MailboxRow *const *)a, *y = *(MailboxRow *const *)b;
	if (x->msg->date != y->msg->date)
		return x->msg->date < y->msg->date ? 1 : -1;
	return ref_key(x->ref) < ref_key(y->ref) ? 1 : -1;
}

static bool
store_number(const App *app, const Store *store, unsigned *ret_account)
{
	for (guint i = 0; i < app->accounts->len; i++)
		if (app_account(app, i)->store == store) {
			*ret_account = i;
			return true;
		}
	return false;
}

/* The cursor stays on its message while hits come in; at the top it stays at the top. */
void
mailbox_add_hits(Mailbox *mailbox, GPtrArray *hits, bool complete)
{
	const MailboxRow *row = mailbox_cursor(mailbox);
	MsgRef at = row ? row->ref : (MsgRef){ 0 };
	bool stay = row && mailbox->cursor > 0;
	g_autoptr(GHashTable) known = g_hash_table_new(ref_hash, ref_equal);
	for (guint i = 0; i < mailbox->rows->len; i++)
		g_hash_table_add(known, &row_at(mailbox, i)->ref);
	for (guint i = 0; hits && i < hits->len; i++) {
		Hit *hit = g_ptr_array_index(hits, i);
		MailboxRow *new = g_new0(MailboxRow, 1);
		new->msg = g_steal_pointer(&hit->msg);
		if (!new->msg || !store_number(mailbox->app, hit->store, &new->ref.account)) {
			row_free(new);
			continue;
		}
		new->ref.id = new->msg->id;
		if (!g_hash_table_add(known, &new->ref))
			row_free(new);
		else
			g_ptr_array_add(mailbox->rows, new);
	}
	if (hits)
		g_ptr_array_unref(hits);
	g_ptr_array_sort(mailbox->rows, compare_hits);
	mailbox->searching = mailbox->searching && !complete;
	mailbox->total = mailbox->rows->len;
	mailbox->cursor = MIN(mailbox->cursor, mailbox->rows->len ? mailbox->rows->len - 1 : 0);
	if (stay)
		mailbox_jump(mailbox, at);
}
