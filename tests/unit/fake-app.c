/* tests/unit/fake-app.c: a fabricated model for tests of ui and view: no store, no workers, a fixed clock */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/fake-app.h"

#include <string.h>

struct Mailbox { GPtrArray *rows; int cursor, top; char *title, *query, *filter; bool searching, threaded; unsigned height; };
struct AppPrivate { Mailbox mailbox; GString *asked; };

static const CommandRow rows[COMMAND_COUNT] = {
#define COMMAND_ROW(id, function, command_name, command_args, command_scopes, command_target, command_keys, command_hint, command_help) \
	[COMMAND_##id] = { .name = command_name, .args = command_args, .keys = command_keys, .hint = command_hint, .help = command_help, \
			   .scopes = command_scopes, .target = command_target },
#include "surel/commands.def"
#undef COMMAND_ROW
};

/* ---- what the real app and command folders offer ---- */

const CommandRow *
command_row(CommandId id)
{
	return &rows[id];
}

bool
command_find(const char *name, CommandId *ret_id)
{
	for (int i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(rows[i].name, name) == 0) {
			*ret_id = (CommandId)i;
			return true;
		}
	}
	return false;
}

void
command_run(App *app, CommandId id, const char *arg, unsigned count)
{
	g_string_append_printf(app->priv->asked, "%s%s %u;", rows[id].name, arg, count);
}

void
command_run_line(App *app, const char *line)
{
	g_string_append_printf(app->priv->asked, ":%s;", line);
}

void
completion_free(Completion *completion)
{
	g_free(completion->text);
	g_free(completion->note);
	g_free(completion);
}

const char *
scope_name(Scope scope)
{
	static const char *const names[] = { "folders", "list", "reader", "review", "outbox", "parts", "links", "info" };
	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
		if (scope == (Scope)(1U << i))
			return names[i];
	return "all";
}

Place *
app_place(const App *app)
{
	return g_ptr_array_index(app->places, app->places->len - 1);
}

Scope
app_scope(const App *app)
{
	static const Scope scopes[] = { SCOPE_LIST, SCOPE_READER, SCOPE_PARTS, SCOPE_LINKS, SCOPE_REVIEW, SCOPE_OUTBOX, SCOPE_INFO, SCOPE_INFO };
	return app->side_focused ? SCOPE_FOLDERS : scopes[app_place(app)->kind];
}

void
app_mark_dirty(App *app, unsigned dirty)
{
	app->dirty |= dirty;
}

void
app_notice(App *app, NoticeLevel level, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	Notice *notice = g_new0(Notice, 1);
	notice->text = g_strdup_vprintf(format, args);
	va_end(args);
	notice->level = level;
	notice->when = FAKE_NOW;
	g_ptr_array_add(app->notices, notice);
}

void
app_prompt_finish(App *app, bool given_up)
{
	g_string_append_printf(app->priv->asked, "%s;", given_up ? "(given up)" : app->prompt->text->str);
	g_string_free(app->prompt->text, TRUE);
	g_clear_pointer(&app->prompt->completions, g_ptr_array_unref);
	g_clear_pointer(&app->prompt, g_free);
}

void
app_open_message(App *app, MsgRef ref)
{
	g_string_append_printf(app->priv->asked, "open %" G_GINT64_FORMAT ";", ref.id.v);
}

void
app_open_side(App *app, unsigned row)
{
	g_string_append_printf(app->priv->asked, "side %u;", row);
}

Reader *
app_reader(const App *app)
{
	for (unsigned i = app->places->len; i > 0; i--) {
		const Place *place = g_ptr_array_index(app->places, i - 1);
		if (place->reader)
			return place->reader;
	}
	return NULL;
}

const char *mailbox_title(const Mailbox *mailbox) { return mailbox->title; }
const char *mailbox_query(const Mailbox *mailbox) { return mailbox->query; }
bool mailbox_searching(const Mailbox *mailbox) { return mailbox->searching; }
bool mailbox_threaded(const Mailbox *mailbox) { return mailbox->threaded; }
const char *mailbox_filter_text(const Mailbox *mailbox) { return mailbox->filter ? mailbox->filter : ""; }
bool mailbox_contains(const Mailbox *mailbox, unsigned account, FolderId folder) { (void)mailbox; return account == 0 && folder.v == 1; }

const GPtrArray *
mailbox_window(Mailbox *mailbox, unsigned height, int *ret_cursor)
{
	mailbox->height = height;
	*ret_cursor = mailbox->rows->len ? mailbox->cursor : -1;
	return mailbox->rows;
}

void
mailbox_position(Mailbox *mailbox, int64_t *ret_position, int64_t *ret_total, int64_t *ret_unread)
{
	*ret_position = mailbox->cursor;
	*ret_total = mailbox->rows->len;
	*ret_unread = 0;
	for (unsigned i = 0; i < mailbox->rows->len; i++)
		*ret_unread += !(((MailboxRow *)g_ptr_array_index(mailbox->rows, i))->msg->flags & FLAG_SEEN);
}

size_t
mailbox_marked(const Mailbox *mailbox)
{
	size_t n = 0;
	for (unsigned i = 0; i < mailbox->rows->len; i++)
		n += ((MailboxRow *)g_ptr_array_index(mailbox->rows, i))->marked;
	return n;
}

void
mailbox_move(Mailbox *mailbox, int step)
{
	mailbox->cursor = CLAMP(mailbox->cursor + step, 0, (int)mailbox->rows->len - 1);
}

void
mailbox_click(Mailbox *mailbox, unsigned row)
{
	if (row < mailbox->rows->len)
		mailbox->cursor = (int)row;
}

MailboxRow *
mailbox_cursor(Mailbox *mailbox)
{
	return mailbox->rows->len ? g_ptr_array_index(mailbox->rows, mailbox->cursor) : NULL;
}

const char *
outbox_state_name(OutboxState state)
{
	static const char *const names[] = { "waiting", "queued", "sending", "confirming", "accepted", "sent", "uncertain", "not sent", "cancelled" };
	return names[state];
}

/* ---- the model ---- */

static void
free_row(void *data)
{
	MailboxRow *row = data;
	g_free(row->msg->from);
	g_free(row->msg->from_addr);
	g_free(row->msg->to);
	g_free(row->msg->subject);
	g_free(row->msg->message_id);
	g_free(row->msg);
	g_free(row);
}

static void
free_notice(void *data)
{
	g_free(((Notice *)data)->text);
	g_free(data);
}

static void
free_side(void *data)
{
	g_free(((SideRow *)data)->label);
	g_free(data);
}

static void
free_document(Document *document)
{
	if (!document)
		return;
	envelope_free(document->envelope);
	g_ptr_array_unref(document->lines);
	g_ptr_array_unref(document->links);
	g_ptr_array_unref(document->parts);
	g_free(document);
}

static void
free_place(void *data)
{
	Place *place = data;
	Reader *reader = place->reader;
	if (reader && reader->layout_free)
		reader->layout_free(reader->layout);
	free_document(reader ? reader->document : NULL);
	g_free(reader ? reader->waiting : NULL);
	g_free(reader ? reader->find : NULL);
	g_free(reader);
	if (place->review)
		draft_free(place->review->draft);
	g_free(place->review);
	g_free(place->filter);
	g_free(place);
}

static void
free_outbox_row(void *data)
{
	OutboxRow *row = data;
	g_free(row->outbox->subject);
	g_free(row->outbox->last_reply);
	g_ptr_array_unref(row->outbox->rcpts);
	g_free(row->outbox);
	g_free(row);
}

static void
add_side(App *app, SideKind kind, unsigned account, int64_t folder, FolderRole role, const char *label, int64_t unread, unsigned depth)
{
	SideRow *row = g_new0(SideRow, 1);
	*row = (SideRow){ .kind = kind, .account = account, .folder = { folder }, .role = role, .label = g_strdup(label), .unread = unread, .depth = depth };
	row->current = kind == SIDE_FOLDER && account == 0 && folder == 1;
	g_ptr_array_add(app->side, row);
}

static void
add_sides(App *app)
{
	add_side(app, SIDE_UNIFIED, 0, 0, ROLE_NONE, "All inboxes", 5, 0);
	add_side(app, SIDE_ACCOUNT, 0, 0, ROLE_NONE, "rumah", 0, 0);
	add_side(app, SIDE_FOLDER, 0, 1, ROLE_INBOX, "Inbox", 3, 0);
	add_side(app, SIDE_FOLDER, 0, 2, ROLE_DRAFTS, "Drafts", 0, 0);
	add_side(app, SIDE_FOLDER, 0, 3, ROLE_SENT, "Sent", 0, 0);
	add_side(app, SIDE_FOLDER, 0, 4, ROLE_NONE, "Proyek", 0, 0);
	add_side(app, SIDE_FOLDER, 0, 5, ROLE_NONE, "Jembatan Suramadu tahap dua", 12, 1);
	add_side(app, SIDE_ACCOUNT, 1, 0, ROLE_NONE, "kantor", 0, 0);
	add_side(app, SIDE_FOLDER, 1, 1, ROLE_INBOX, "Inbox", 2, 0);
	add_side(app, SIDE_OUTBOX, 0, 0, ROLE_NONE, "Outbox", 1, 0);
}

App *
fake_app_new(const char *text)
{
	static const char accounts[] =
		"[account rumah]\nincoming = imaps://siti@mail.contoh.id\noutgoing = smtps://siti@mail.contoh.id\nfrom = Siti Rahma <siti@contoh.id>\n"
		"[account kantor]\nincoming = pop3s://siti@pos.kantor.example\noutgoing = smtps://siti@pos.kantor.example\nfrom = Siti <s@kantor.example>\n";
	App *app = g_new0(App, 1);
	g_autofree char *all = g_strconcat(text ? text : "", "\n", accounts, NULL);
	app->config = config_parse("test.conf", all);
	g_assert_cmpuint(app->config->accounts->len, ==, 2);
	app->priv = g_new0(struct AppPrivate, 1);
	app->priv->asked = g_string_new(NULL);
	app->accounts = g_ptr_array_new_with_free_func(g_free);
	for (unsigned i = 0; i < 2; i++) {
		AppAccount *account = g_new0(AppAccount, 1);
		account->account = g_ptr_array_index(app->config->accounts, i);
		account->state = ENGINE_IDLE;
		g_ptr_array_add(app->accounts, account);
	}
	app->places = g_ptr_array_new_with_free_func(free_place);
	app->side = g_ptr_array_new_with_free_func(free_side);
	app->notices = g_ptr_array_new_with_free_func(free_notice);
	app->outbox = g_ptr_array_new_with_free_func(free_outbox_row);
	app->hints = true;
	app->ui.fixed_now = FAKE_NOW;
	add_sides(app);
	app->priv->mailbox.rows = g_ptr_array_new_with_free_func(free_row);
	fake_mailbox_set(&app->priv->mailbox, "rumah: Inbox", NULL, NULL, false, true);
	fake_push(app, PLACE_LIST)->mailbox = &app->priv->mailbox;
	return app;
}

void
fake_app_free(App *app)
{
	Mailbox *mailbox = &app->priv->mailbox;
	g_ptr_array_unref(app->places);
	g_ptr_array_unref(app->accounts);
	g_ptr_array_unref(app->side);
	g_ptr_array_unref(app->notices);
	g_ptr_array_unref(app->outbox);
	g_ptr_array_unref(mailbox->rows);
	g_free(mailbox->title);
	g_free(mailbox->query);
	g_free(mailbox->filter);
	g_string_free(app->priv->asked, TRUE);
	g_free(app->priv);
	g_clear_pointer(&app->ui.history, g_ptr_array_unref);
	config_free(app->config);
	g_free(app);
}

Place *
fake_push(App *app, PlaceKind kind)
{
	Place *place = g_new0(Place, 1);
	place->kind = kind;
	g_ptr_array_add(app->places, place);
	return place;
}

Msg *
fake_add(App *app, int64_t ago, const char *from, const char *subject, uint32_t flags)
{
	MailboxRow *row = g_new0(MailboxRow, 1);
	Msg *msg = g_new0(Msg, 1);
	msg->id.v = app->priv->mailbox.rows->len + 1;
	msg->thread = msg->id.v;
	msg->date = msg->arrival = FAKE_NOW - ago;
	msg->flags = flags;
	msg->size = 4096;
	msg->from = g_strdup(from);
	msg->from_addr = g_strdup("seseorang@lain.example");
	msg->to = g_strdup("siti@contoh.id");
	msg->subject = g_strdup(subject);
	msg->message_id = g_strdup("");
	row->msg = msg;
	row->ref.id = msg->id;
	g_ptr_array_add(app->priv->mailbox.rows, row);
	return msg;
}

Mailbox *
fake_mailbox(App *app)
{
	return &app->priv->mailbox;
}

void
fake_mailbox_set(Mailbox *mailbox, const char *title, const char *query, const char *filter, bool searching, bool threaded)
{
	g_free(mailbox->title);
	g_free(mailbox->query);
	g_free(mailbox->filter);
	mailbox->title = g_strdup(title);
	mailbox->query = g_strdup(query);
	mailbox->filter = g_strdup(filter);
	mailbox->searching = searching;
	mailbox->threaded = threaded;
}

char *
fake_asked(App *app)
{
	char *text = g_strdup(app->priv->asked->str);
	g_string_truncate(app->priv->asked, 0);
	return text;
}

void
fake_line(Document *document, LineKind kind, unsigned quote, const char *text)
{
	Line *line = g_new0(Line, 1);
	line->kind = kind;
	line->quote = (uint8_t)quote;
	line->text = g_strdup(text);
	g_ptr_array_add(document->lines, line);
}

static void
free_line(void *data)
{
	Line *line = data;
	g_clear_pointer(&line->spans, g_array_unref);
	g_free(line->text);
	g_free(line);
}

static void
free_link(void *data)
{
	Link *link = data;
	g_free(link->url);
	g_free(link->text);
	g_free(link);
}

static void
free_part(void *data)
{
	Part *part = data;
	g_free(part->type);
	g_free(part->name);
	g_free(part);
}

Document *
fake_document(const char *from, const char *to, const char *subject)
{
	g_autofree char *headers = g_strdup_printf("From: %s\nTo: %s\nSubject: %s\nDate: Mon, 16 Nov 2026 09:30:00 +0700\n\n", from, to, subject);
	Document *document = g_new0(Document, 1);
	document->envelope = envelope_scan(headers, strlen(headers));
	document->lines = g_ptr_array_new_with_free_func(free_line);
	document->links = g_ptr_array_new_with_free_func(free_link);
	document->parts = g_ptr_array_new_with_free_func(free_part);
	return document;
}

void
fake_span(Document *document, const char *text, unsigned style)
{
	Line *line = g_ptr_array_index(document->lines, document->lines->len - 1);
	const char *found = strstr(line->text, text);
	g_assert_nonnull(found);
	if (!line->spans)
		line->spans = g_array_new(FALSE, TRUE, sizeof(Span));
	Span span = { .start = (uint32_t)(found - line->text), .size = (uint32_t)strlen(text), .style = (uint16_t)style };
	g_array_append_val(line->spans, span);
}

void
fake_part(Document *document, const char *type, const char *name, int64_t size, unsigned depth, bool attachment)
{
	Part *part = g_new0(Part, 1);
	*part = (Part){ .type = g_strdup(type), .name = g_strdup(name), .size = size, .depth = depth, .attachment = attachment };
	g_ptr_array_add(document->parts, part);
}

void
fake_link(Document *document, const char *text, const char *url, bool lies)
{
	Link *link = g_new0(Link, 1);
	*link = (Link){ .url = g_strdup(url), .text = g_strdup(text), .lies = lies };
	g_ptr_array_add(document->links, link);
}
