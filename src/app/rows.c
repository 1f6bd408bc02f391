/* app/rows.c: where the rows of a message list come from: keyset pages of several folders, merged */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/app/mailbox.h"

#include <limits.h>
#include <string.h>

enum { PAGE_ROWS = 64, STRETCH_MAX_ROWS = 1500, RANK_MAX_TOTAL = 200000 };

/* A place between two rows of the merged list, by the row it is next to. Order: key newest first, then source. */
typedef struct Anchor { guint source; ListKey key; } Anchor;

/* One source's page while it is merged. */
typedef struct Page { GPtrArray *msgs; guint next; } Page;

static MailboxSource *
source_at(const Mailbox *mailbox, guint index)
{
	return &g_array_index(mailbox->sources, MailboxSource, index);
}

static ListSpec
spec_of(const Mailbox *mailbox, guint source)
{
	return (ListSpec){ source_at(mailbox, source)->folder, mailbox->threaded, mailbox->filter, mailbox->match };
}

static guint
source_of(const Mailbox *mailbox, const MailboxRow *row)
{
	for (guint i = 0; i < mailbox->sources->len; i++)
		if (source_at(mailbox, i)->account == row->ref.account && source_at(mailbox, i)->folder.v == row->msg->folder.v)
			return i;
	return 0;
}

static Anchor
anchor_of(const Mailbox *mailbox, const MailboxRow *row)
{
	guint source = source_of(mailbox, row);
	ListSpec spec = spec_of(mailbox, source);
	return (Anchor){ source, list_key(&spec, row->msg) };
}

/* Where source goes on after (or before) anchor. Rows of one date are ordered by source, so an earlier source has had its
 * rows of that date and a later one has not. */
static ListKey
key_beside(const Anchor *anchor, guint source)
{
	if (source == anchor->source)
		return anchor->key;
	bool rows_of_date_are_older = source > anchor->source;
	return (ListKey){ anchor->key.date, rows_of_date_are_older ? INT64_MAX : INT64_MIN };
}

static bool
precedes(const Anchor *a, const Anchor *b)
{
	if (a->key.date != b->key.date)
		return a->key.date > b->key.date;
	if (a->source != b->source)
		return a->source < b->source;
	return a->key.id > b->key.id;
}

static Store *
store_of(const Mailbox *mailbox, guint source)
{
	return app_account(mailbox->app, source_at(mailbox, source)->account)->store;
}

static GPtrArray *
read_page(Mailbox *mailbox, guint source, ListKey key, ListDirection direction, unsigned count)
{
	ListSpec spec = spec_of(mailbox, source);
	GError *error = NULL;
	GPtrArray *msgs = store_list(store_of(mailbox, source), &spec, key, direction, count, &error);
	if (!msgs)
		app_notice_error(mailbox->app, error);
	return msgs ? msgs : g_ptr_array_new_with_free_func((GDestroyNotify)msg_free);
}

static Anchor
page_anchor(const Mailbox *mailbox, const Page *page, guint source, guint index)
{
	ListSpec spec = spec_of(mailbox, source);
	return (Anchor){ source, list_key(&spec, g_ptr_array_index(page->msgs, index)) };
}

static MailboxRow *
row_new(const Mailbox *mailbox, guint source, Msg *msg)
{
	MailboxRow *row = g_new0(MailboxRow, 1);
	row->ref = (MsgRef){ source_at(mailbox, source)->account, msg->id };
	row->msg = msg;
	row->marked = mailbox_is_marked(mailbox, row->ref);
	return row;
}

/* The source whose next row comes first in the merged order; G_MAXUINT: a page ran out, or all did. */
static guint
next_source(const Mailbox *mailbox, const Page *pages, const bool *last, ListDirection direction)
{
	guint best = G_MAXUINT;
	Anchor best_anchor = { 0 };
	for (guint i = 0; i < mailbox->sources->len; i++) {
		const Page *page = &pages[i];
		if (page->next >= page->msgs->len) {
			if (!last[i])
				return G_MAXUINT;	/* its next row is not known: the merge must stop here */
			continue;
		}
		guint index = direction == LIST_OLDER ? page->next : page->msgs->len - 1 - page->next;
		Anchor anchor = page_anchor(mailbox, page, i, index);
		bool first = best == G_MAXUINT || (direction == LIST_OLDER ? precedes(&anchor, &best_anchor) : precedes(&best_anchor, &anchor));
		if (first) {
			best = i;
			best_anchor = anchor;
		}
	}
	return best;
}

/* Takes the pages' rows in merged order; a thread is never cut, because its rows share one key. Returns rows nearest first. */
static GPtrArray *
merge_pages(Mailbox *mailbox, Page *pages, const bool *last, ListDirection direction)
{
	GPtrArray *merged = g_ptr_array_new();
	for (guint source; (source = next_source(mailbox, pages, last, direction)) != G_MAXUINT;) {
		Page *page = &pages[source];
		guint index = direction == LIST_OLDER ? page->next : page->msgs->len - 1 - page->next;
		page->next++;
		Msg *msg = g_ptr_array_index(page->msgs, index);
		page->msgs->pdata[index] = NULL;
		g_ptr_array_add(merged, row_new(mailbox, source, msg));
	}
	return merged;
}

/* Rows beyond anchor (NULL: from that end of the list), nearest first; *ret_last: there are no more. */
static GPtrArray *
read_beyond(Mailbox *mailbox, const Anchor *anchor, ListDirection direction, bool *ret_last)
{
	guint n = mailbox->sources->len;
	g_autofree Page *pages = g_new0(Page, n + 1);
	g_autofree bool *last = g_new0(bool, n + 1);
	for (guint i = 0; i < n; i++) {
		ListKey end = direction == LIST_OLDER ? LIST_NEWEST : LIST_OLDEST;
		pages[i].msgs = read_page(mailbox, i, anchor ? key_beside(anchor, i) : end, direction, PAGE_ROWS);
		last[i] = pages[i].msgs->len < PAGE_ROWS;
	}
	GPtrArray *merged = merge_pages(mailbox, pages, last, direction);
	*ret_last = true;
	for (guint i = 0; i < n; i++) {
		*ret_last &= last[i] && pages[i].next >= pages[i].msgs->len;
		g_ptr_array_unref(pages[i].msgs);
	}
	*ret_last |= merged->len == 0;
	return merged;
}

static bool
same_key(const Mailbox *mailbox, guint a, guint b)
{
	Anchor x = anchor_of(mailbox, g_ptr_array_index(mailbox->rows, a)), y = anchor_of(mailbox, g_ptr_array_index(mailbox->rows, b));
	return x.source == y.source && x.key.date == y.key.date && x.key.id == y.key.id;
}

/* Rows far from the cursor are read again when it comes back; a thread is not cut, because its rows share one key. */
static void
trim_newer(Mailbox *mailbox)
{
	if (mailbox->rows->len <= STRETCH_MAX_ROWS)
		return;
	guint cut = MIN(mailbox->rows->len - STRETCH_MAX_ROWS, MIN(mailbox->top, mailbox->cursor));
	while (cut > 0 && same_key(mailbox, cut - 1, cut))
		cut--;
	if (!cut)
		return;
	g_ptr_array_remove_range(mailbox->rows, 0, cut);
	mailbox->cursor -= cut;
	mailbox->top -= cut;
	mailbox->at_top = false;
	mailbox->base_rank += mailbox->base_rank >= 0 ? (int64_t)cut : 0;
}

static void
trim_older(Mailbox *mailbox)
{
	guint keep = MAX(STRETCH_MAX_ROWS, MAX(mailbox->top + mailbox->height, mailbox->cursor) + PAGE_ROWS);
	while (keep < mailbox->rows->len && same_key(mailbox, keep - 1, keep))
		keep++;
	if (keep >= mailbox->rows->len)
		return;
	g_ptr_array_set_size(mailbox->rows, (int)keep);
	mailbox->at_end = false;
}

static void
extend_older(Mailbox *mailbox, const Anchor *anchor)
{
	g_autoptr(GPtrArray) rows = read_beyond(mailbox, anchor, LIST_OLDER, &mailbox->at_end);
	for (guint i = 0; i < rows->len; i++)
		g_ptr_array_add(mailbox->rows, g_ptr_array_index(rows, i));
	trim_newer(mailbox);
}

static void
extend_newer(Mailbox *mailbox, const Anchor *anchor)
{
	g_autoptr(GPtrArray) rows = read_beyond(mailbox, anchor, LIST_NEWER, &mailbox->at_top);
	guint n = rows->len;
	guint old = mailbox->rows->len;
	g_ptr_array_set_size(mailbox->rows, (int)(old + n));
	memmove(mailbox->rows->pdata + n, mailbox->rows->pdata, old * sizeof(void *));
	for (guint i = 0; i < n; i++)
		mailbox->rows->pdata[n - 1 - i] = g_ptr_array_index(rows, i);
	mailbox->cursor += old ? n : 0;
	mailbox->top += old ? n : 0;
	if (mailbox->at_top)
		mailbox->base_rank = 0;
	else if (mailbox->base_rank >= 0)
		mailbox->base_rank -= n;
	trim_older(mailbox);
}

static void
more_older(Mailbox *mailbox)
{
	Anchor anchor = anchor_of(mailbox, g_ptr_array_index(mailbox->rows, mailbox->rows->len - 1));
	extend_older(mailbox, &anchor);
}

static void
more_newer(Mailbox *mailbox)
{
	Anchor anchor = anchor_of(mailbox, g_ptr_array_index(mailbox->rows, 0));
	extend_newer(mailbox, &anchor);
}

static void
clear(Mailbox *mailbox)
{
	g_ptr_array_set_size(mailbox->rows, 0);
	mailbox->cursor = mailbox->top = 0;
	mailbox->at_top = mailbox->at_end = false;
	mailbox->base_rank = -1;
}

void
rows_load_newest(Mailbox *mailbox)
{
	if (mailbox->query) {
		mailbox->cursor = mailbox->top = 0;
		return;
	}
	clear(mailbox);
	extend_older(mailbox, NULL);
	mailbox->at_top = true;
	mailbox->base_rank = 0;
}

void
rows_load_oldest(Mailbox *mailbox)
{
	if (!mailbox->query && !mailbox->at_end) {
		clear(mailbox);
		extend_newer(mailbox, NULL);
		mailbox->at_end = true;
	}
	mailbox->cursor = mailbox->rows->len ? mailbox->rows->len - 1 : 0;
}

bool
rows_load_around(Mailbox *mailbox, unsigned account, const Msg *msg, unsigned screen_row)
{
	MailboxRow row = { { account, msg->id }, (Msg *)msg, false };
	Anchor anchor = anchor_of(mailbox, &row);
	clear(mailbox);
	Anchor inclusive = anchor;
	inclusive.key.id++;
	extend_older(mailbox, &inclusive);
	guint older = mailbox->rows->len;
	extend_newer(mailbox, &anchor);
	bool found = false;
	mailbox->cursor = MIN(mailbox->rows->len - MIN(older, mailbox->rows->len), mailbox->rows->len ? mailbox->rows->len - 1 : 0);
	for (guint i = 0; i < mailbox->rows->len && !found; i++) {
		const MailboxRow *at = g_ptr_array_index(mailbox->rows, i);
		found = at->ref.account == account && at->ref.id.v == msg->id.v;
		if (found)
			mailbox->cursor = i;
	}
	while (mailbox->cursor < screen_row && !mailbox->at_top && mailbox->rows->len)
		more_newer(mailbox);
	mailbox->top = mailbox->cursor > screen_row ? mailbox->cursor - screen_row : 0;
	return found;
}

void
rows_move(Mailbox *mailbox, int by)
{
	if (!mailbox->rows->len)
		return;
	int64_t wanted = by;
	while (wanted > 0 && mailbox->cursor + wanted >= mailbox->rows->len && !mailbox->at_end) {
		int64_t step = mailbox->rows->len - 1 - mailbox->cursor;	/* the cursor goes first: rows behind it may be dropped */
		mailbox->cursor += (guint)step;
		mailbox->top = MAX(mailbox->top, mailbox->cursor >= mailbox->height ? mailbox->cursor - mailbox->height + 1 : 0);
		wanted -= step;
		more_older(mailbox);
	}
	while (wanted < 0 && (int64_t)mailbox->cursor + wanted < 0 && !mailbox->at_top)
		more_newer(mailbox);
	int64_t target = CLAMP((int64_t)mailbox->cursor + wanted, 0, (int64_t)mailbox->rows->len - 1);
	mailbox->cursor = (guint)target;
}

void
rows_settle(Mailbox *mailbox)
{
	if (!mailbox->rows->len) {
		mailbox->cursor = mailbox->top = 0;
		return;
	}
	mailbox->cursor = MIN(mailbox->cursor, mailbox->rows->len - 1);
	mailbox->top = MIN(mailbox->top, mailbox->cursor);
	if (mailbox->cursor >= mailbox->top + mailbox->height)
		mailbox->top = mailbox->cursor - mailbox->height + 1;
	while (mailbox->top + mailbox->height > mailbox->rows->len && !mailbox->at_end)
		more_older(mailbox);
	guint end = mailbox->rows->len;
	while (end < mailbox->top + mailbox->height && mailbox->top + mailbox->height - end > mailbox->top && !mailbox->at_top) {
		more_newer(mailbox);
		end = mailbox->rows->len;
	}
	if (mailbox->top + mailbox->height > end)
		mailbox->top = end > mailbox->height ? end - mailbox->height : 0;
}

/* ---- counts ---- */

void
rows_count(Mailbox *mailbox)
{
	if (mailbox->total < 0 && !mailbox->query) {
		int64_t total = 0, unread = 0;
		for (guint i = 0; i < mailbox->sources->len; i++) {
			g_autoptr(Folder) folder = app_folder(mailbox->app, source_at(mailbox, i)->account, source_at(mailbox, i)->folder);
			total += folder ? folder->total : 0;
			unread += folder ? folder->unread : 0;
		}
		bool filtered = mailbox->filter != LIST_ALL || mailbox->match;
		mailbox->unread = unread;
		int64_t loaded = mailbox->at_top && mailbox->at_end ? (int64_t)mailbox->rows->len : -1;
		mailbox->total = filtered ? loaded : total;
	}
	if (mailbox->query) {
		mailbox->unread = 0;
		for (guint i = 0; i < mailbox->rows->len; i++)
			mailbox->unread += !(((MailboxRow *)g_ptr_array_index(mailbox->rows, i))->msg->flags & FLAG_SEEN);
	}
	if (mailbox->base_rank >= 0 || !mailbox->rows->len || mailbox->total < 0)
		return;
	if (mailbox->at_end) {	/* known without counting, at any size */
		mailbox->base_rank = MAX(mailbox->total - (int64_t)mailbox->rows->len, 0);
		return;
	}
	if (mailbox->total > RANK_MAX_TOTAL)
		return;
	Anchor anchor = anchor_of(mailbox, g_ptr_array_index(mailbox->rows, 0));
	int64_t rank = 0;
	for (guint i = 0; i < mailbox->sources->len; i++) {
		ListSpec spec = spec_of(mailbox, i);
		rank += MAX(store_list_rank(store_of(mailbox, i), &spec, key_beside(&anchor, i), NULL), 0);
	}
	mailbox->base_rank = rank;
}

bool
rows_find_unread(Mailbox *mailbox, bool backwards, bool from_end, MsgRef *ret_ref)
{
	ListDirection direction = backwards ? LIST_NEWER : LIST_OLDER;
	const MailboxRow *row = mailbox_cursor(mailbox);
	if (!row)
		return false;
	Anchor at = anchor_of(mailbox, row), best = { 0 };
	bool found = false;
	for (guint i = 0; i < mailbox->sources->len; i++) {
		ListSpec spec = spec_of(mailbox, i);
		spec.filter = LIST_UNREAD;
		ListKey key = !from_end ? key_beside(&at, i) : backwards ? LIST_OLDEST : LIST_NEWEST;
		g_autoptr(GPtrArray) msgs = store_list(store_of(mailbox, i), &spec, key, direction, 1, NULL);
		for (guint j = 0; msgs && j < msgs->len; j++) {
			const Msg *msg = g_ptr_array_index(msgs, backwards ? msgs->len - 1 - j : j);
			if (msg->flags & FLAG_SEEN)
				continue;
			Anchor anchor = { i, list_key(&spec, msg) };
			if (!found || (backwards ? precedes(&best, &anchor) : precedes(&anchor, &best))) {
				best = anchor;
				*ret_ref = (MsgRef){ source_at(mailbox, i)->account, msg->id };
			}
			found = true;
			break;
		}
	}
	return found;
}

/* ---- the store changed ---- */

static void
refresh_hits(Mailbox *mailbox)
{
	for (guint i = mailbox->rows->len; i-- > 0;) {
		MailboxRow *row = g_ptr_array_index(mailbox->rows, i);
		Msg *fresh = store_msg(app_account(mailbox->app, row->ref.account)->store, row->ref.id, NULL);
		if (fresh) {
			msg_free(row->msg);
			row->msg = fresh;
			continue;
		}
		g_ptr_array_remove_index(mailbox->rows, i);
		mailbox->cursor -= mailbox->cursor > i ? 1 : 0;
	}
	mailbox->total = mailbox->rows->len;
	mailbox->cursor = MIN(mailbox->cursor, mailbox->rows->len ? mailbox->rows->len - 1 : 0);
}

/* The message under the cursor as it is now, or the nearest one that is still in the list: the next, then the previous. */
static Msg *
find_survivor(Mailbox *mailbox, unsigned *ret_account)
{
	int n = (int)mailbox->rows->len, cursor = (int)mailbox->cursor;
	for (int i = 0; i < 2 * n; i++) {
		int index = i < n - cursor ? cursor + i : n - 1 - i;
		if (index < 0 || index >= n)
			continue;
		const MailboxRow *row = g_ptr_array_index(mailbox->rows, (guint)index);
		Msg *msg = store_msg(app_account(mailbox->app, row->ref.account)->store, row->ref.id, NULL);
		*ret_account = row->ref.account;
		if (msg && mailbox_contains(mailbox, row->ref.account, msg->folder))
			return msg;
		msg_free(msg);
	}
	return NULL;
}

void
mailbox_refresh(Mailbox *mailbox)
{
	mailbox->unread = -1;
	if (mailbox->query) {
		refresh_hits(mailbox);
		return;
	}
	mailbox->total = -1;
	bool was_top = mailbox->at_top && mailbox->top == 0;
	unsigned screen_row = mailbox->cursor - MIN(mailbox->top, mailbox->cursor), account = 0;
	g_autoptr(Msg) msg = mailbox->rows->len ? find_survivor(mailbox, &account) : NULL;
	if (!msg || !mailbox->held) {
		rows_load_newest(mailbox);
		return;
	}
	rows_load_around(mailbox, account, msg, screen_row);
	if (was_top && mailbox->at_top && mailbox->cursor < mailbox->height)
		mailbox->top = 0;	/* new mail shows at the top as long as the cursor stays on the screen */
}
