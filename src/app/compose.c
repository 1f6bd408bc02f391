/* app/compose.c: writing: new message, answer, editor, review, sending into the outbox */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/app/draft.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>

enum { EDITOR_MAX_BYTES = 32 << 20 };

static bool
can_send(const App *app, unsigned account)
{
	const AppAccount *holder = app_account(app, account);
	return holder && holder->account->outgoing.host && holder->account->identities->len;
}

/* The preferred account, else the first that can send; false after a notice. */
static bool
sending_account(App *app, unsigned preferred, unsigned *ret_account)
{
	unsigned chosen = NO_ACCOUNT;
	for (unsigned i = app->accounts->len; i-- > 0;)
		chosen = can_send(app, i) ? i : chosen;
	chosen = can_send(app, preferred) ? preferred : chosen;
	if (chosen == NO_ACCOUNT) {
		app_notice(app, NOTICE_ERROR, "No account can send. Add an \"outgoing\" server and an identity to surel.conf.");
		return false;
	}
	*ret_account = chosen;
	return true;
}

static unsigned
account_by_name(const App *app, const char *name)
{
	for (unsigned i = 0; name && i < app->accounts->len; i++)
		if (g_str_equal(app_account(app, i)->account->name, name))
			return i;
	return NO_ACCOUNT;
}

static const Identity *
identity_at(const App *app, unsigned account, unsigned index)
{
	return g_ptr_array_index(app_account(app, account)->account->identities, index);
}

static void
set_from(const App *app, Review *review, const Identity *identity)
{
	g_autoptr(MailAddress) address = address_new(identity->name ? identity->name : "", identity->address);
	g_free(review->draft->from);
	g_free(review->draft->account);
	review->draft->from = address_format(address);
	review->draft->account = g_strdup(app_account(app, review->account)->account->name);
}

/* ---- review place ---- */

static Review *
review_by_id(const App *app, const char *id)
{
	for (guint i = 0; i < app->places->len; i++) {
		const Place *place = g_ptr_array_index(app->places, i);
		if (place->review && g_str_equal(place->review->id, id))
			return place->review;
	}
	return NULL;
}

static void
close_review(App *app, const char *id)
{
	for (guint i = app->places->len; i-- > 1;) {
		const Place *place = g_ptr_array_index(app->places, i);
		if (place->review && g_str_equal(place->review->id, id))
			g_ptr_array_remove_index(app->places, i);
	}
	app_mark_dirty(app, DIRTY_ALL);
}

static Review *
push_review(App *app, Review *review)
{
	Place *place = place_new(PLACE_REVIEW);
	place->review = review;
	review->cursor = REVIEW_TO;
	draft_lock(app, review->account, review->id);
	app_push_place(app, place);
	app_save_draft(app, review);
	return review;
}

void
app_open_draft(App *app, unsigned account, Draft *draft, const char *id, bool edit)
{
	Review *review = id ? review_by_id(app, id) : NULL;
	if (review) {
		draft_free(draft);
		return;
	}
	unsigned named = account_by_name(app, draft->account);
	if (!sending_account(app, named != NO_ACCOUNT ? named : account, &named)) {
		draft_free(draft);
		return;
	}
	review = g_new0(Review, 1);
	review->account = id ? account : named;
	review->id = id ? g_strdup(id) : draft_new_id();
	review->draft = draft;
	if (!draft->from || !*draft->from)
		set_from(app, review, identity_at(app, named, 0));
	push_review(app, review);
	if (edit)
		app_edit_draft(app, review);
}

/* ---- editor ---- */

static char **
editor_argv(App *app, const char *path)
{
	const char *choices[] = { config_text(app->config, OPTION_editor), g_getenv("VISUAL"), g_getenv("EDITOR"), "nano", "vi" };
	for (unsigned i = 0; i < G_N_ELEMENTS(choices); i++) {
		int argc = 0;
		char **argv = NULL;
		if (!choices[i] || !*choices[i] || !g_shell_parse_argv(choices[i], &argc, &argv, NULL))
			continue;
		g_autofree char *program = g_find_program_in_path(argv[0]);
		if (!program) {
			g_strfreev(argv);
			continue;
		}
		argv = g_renew(char *, argv, (size_t)argc + 2);
		argv[argc] = g_strdup(path);
		argv[argc + 1] = NULL;
		return argv;
	}
	return NULL;
}

static void
editor_done(App *app, int wait_status, void *data)
{
	g_autofree char *id = data;
	Review *review = review_by_id(app, id);
	if (!review)
		return;
	g_autofree char *path = draft_file(app, review->account, id, ".txt"), *body = NULL;
	size_t size = 0;
	GError *error = NULL;
	if (!os_read_file(path, EDITOR_MAX_BYTES, &body, &size, &error)) {
		app_notice_error(app, error);
		return;
	}
	g_free(review->draft->body);
	review->draft->body = g_utf8_make_valid(body, (gssize)size);
	if (app_save_draft(app, review))
		g_unlink(path);
	if (WIFSIGNALED(wait_status))
		app_notice(app, NOTICE_WARN, "The editor was ended; the text as it was last saved is kept. e opens it again.");
	else if (WEXITSTATUS(wait_status) != 0)
		app_notice(app, NOTICE_WARN, "The editor ended with status %d; the text as it was last saved is kept. e opens it again.", WEXITSTATUS(wait_status));
}

void
app_edit_draft(App *app, Review *review)
{
	g_autofree char *path = draft_file(app, review->account, review->id, ".txt");
	char **argv = editor_argv(app, path);
	const char *body = review->draft->body ? review->draft->body : "";
	GError *error = NULL;
	if (!argv) {
		app_notice(app, NOTICE_ERROR, "No editor found. Set \"editor\" in surel.conf or $EDITOR; the draft is kept.");
		return;
	}
	if (!app_save_draft(app, review) || !os_replace_file(path, body, strlen(body), 0600, &error)) {
		app_notice_error(app, error);
		g_strfreev(argv);
		return;
	}
	app_run(app, argv, editor_done, g_strdup(review->id));
}

/* ---- a new message: To, Subject, editor ---- */

static GPtrArray *
complete_address(App *app, const char *typed)
{
	GPtrArray *rows = g_ptr_array_new_with_free_func((GDestroyNotify)completion_free);
	const char *comma = strrchr(typed, ',');
	const char *last = comma ? comma + 1 : typed;
	while (*last == ' ')
		last++;
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (unsigned i = 0; *last && i < app->accounts->len; i++) {
		g_autoptr(GPtrArray) found = store_complete_address(app_account(app, i)->store, last, 10, NULL);
		for (guint j = 0; found && j < found->len; j++) {
			if (!g_hash_table_add(seen, g_strdup(g_ptr_array_index(found, j))))
				continue;
			Completion *row = g_new0(Completion, 1);
			row->text = g_strdup(g_ptr_array_index(found, j));
			row->note = g_strdup("");
			g_ptr_array_add(rows, row);
		}
	}
	return rows;
}

Prompt *
prompt_new_address(const char *label, const char *text, void (*done)(App *, const char *, void *), void *data, GDestroyNotify free_data)
{
	Prompt *prompt = prompt_new(PROMPT_ADDRESS, label, text, done, data, free_data);
	prompt->complete = complete_address;
	return prompt;
}

static void
replace(char **field, const char *text)
{
	g_free(*field);
	*field = g_strdup(text);
	g_strstrip(*field);
}

static void
review_drop(void *data)
{
	review_free(*(Review **)data);
	g_free(data);
}

/* The questions hold the review until it gets its place. */
static Review **
review_hold(Review *review)
{
	return g_memdup2(&review, sizeof(review));
}

static void
begin_editing(App *app, Review *review)
{
	app_edit_draft(app, push_review(app, review));
}

static void
subject_typed(App *app, const char *text, void *data)
{
	Review **held = data;
	if (!text) {
		app_notice(app, NOTICE_INFO, "Nothing was written.");
		return;
	}
	replace(&(*held)->draft->subject, text);
	begin_editing(app, g_steal_pointer(held));
}

static void
ask_subject(App *app, Review *review)
{
	if (*review->draft->subject)
		begin_editing(app, review);
	else
		app_ask(app, prompt_new(PROMPT_TEXT, "Subject: ", NULL, subject_typed, review_hold(review), review_drop));
}

static void
to_typed(App *app, const char *text, void *data)
{
	Review **held = data;
	if (!text) {
		app_notice(app, NOTICE_INFO, "Nothing was written.");
		return;
	}
	replace(&(*held)->draft->to, text);
	ask_subject(app, g_steal_pointer(held));
}

static void
ask_to(App *app, Review *review)
{
	if (*review->draft->to)
		ask_subject(app, review);
	else
		app_ask(app, prompt_new_address("To: ", NULL, to_typed, review_hold(review), review_drop));
}

static void
sign(Draft *draft, const Identity *identity)
{
	if (!identity->signature || !*identity->signature)
		return;
	char *body = g_strdup_printf("%s\n\n-- \n%s\n", draft->body ? draft->body : "", identity->signature);
	g_free(draft->body);
	draft->body = body;
}

void
app_compose(App *app, Draft *draft)
{
	Mailbox *mailbox = app_mailbox(app);
	const MailboxRow *row = mailbox ? mailbox_cursor(mailbox) : NULL;
	unsigned account = draft ? account_by_name(app, draft->account) : NO_ACCOUNT;
	if (!sending_account(app, account != NO_ACCOUNT ? account : row ? row->ref.account : 0, &account)) {
		draft_free(draft);
		return;
	}
	Review *review = g_new0(Review, 1);
	review->id = draft_new_id();
	review->account = account;
	review->draft = draft ? draft : draft_new();
	set_from(app, review, identity_at(app, account, 0));
	sign(review->draft, identity_at(app, account, 0));
	ask_to(app, review);
}

/* ---- answers ---- */

typedef struct Answer { MsgRef ref; ReplyKind kind; unsigned account; bool full; } Answer;

/* What the list knows of the message is enough to answer one that cannot be read. */
static Draft *
draft_from_row(App *app, const Answer *answer)
{
	g_autoptr(Msg) msg = store_msg(app_account(app, answer->ref.account)->store, answer->ref.id, NULL);
	Draft *draft = draft_new();
	if (!msg)
		return draft;
	g_free(draft->subject);
	draft->subject = g_strdup_printf("%s %s", answer->kind == REPLY_FORWARD ? "Fwd:" : "Re:", msg->subject);
	draft->is_forward = answer->kind == REPLY_FORWARD;
	if (draft->is_forward)
		return draft;
	g_autoptr(MailAddress) to = address_new(g_str_equal(msg->from, msg->from_addr) ? "" : msg->from, msg->from_addr);
	g_free(draft->to);
	draft->to = *msg->from_addr ? address_format(to) : g_strdup("");
	draft->in_reply_to = *msg->message_id ? g_strdup_printf("<%s>", msg->message_id) : NULL;
	draft->references = g_strdup(draft->in_reply_to);
	return draft;
}

static const Identity *
identity_named(const Account *account, const char *from)
{
	g_autoptr(GPtrArray) list = address_list_parse(from ? from : "", NULL);
	const Identity *identity = list->len ? account_identity_for(account, ((MailAddress *)g_ptr_array_index(list, 0))->addr) : NULL;
	return identity ? identity : g_ptr_array_index(account->identities, 0);
}

static void
answer_ready(App *app, Draft *draft, const GError *error, void *data)
{
	const Answer *answer = data;
	const Account *account = app_account(app, answer->account)->account;
	Review *review = g_new0(Review, 1);
	review->id = draft_new_id();
	review->account = answer->account;
	review->draft = draft ? draft : draft_from_row(app, answer);
	const Identity *identity = identity_named(account, review->draft->from);
	set_from(app, review, identity);
	g_free(review->draft->source);
	review->draft->source = g_strdup_printf("%s/%" G_GINT64_FORMAT, app_account(app, answer->ref.account)->account->name, answer->ref.id.v);
	if (!draft) {
		sign(review->draft, identity);
		app_notice(app, NOTICE_ERROR, "Nothing could be quoted: %s.", error->message);
	} else if (!answer->full) {
		app_notice(app, NOTICE_WARN, "Only the headers are here yet, so the text is not quoted.");
	}
	if (answer->kind == REPLY_LIST && !*review->draft->to)
		app_notice(app, NOTICE_WARN, "This message names no mailing list; type who gets the answer.");
	if (draft && answer->full && answer->kind == REPLY_FORWARD)
		draft_extract(app, review, answer->ref, ask_to);
	else
		ask_to(app, review);
}

static void
reply_now(App *app, MsgRef ref, int how)
{
	Store *store = app_account(app, ref.account)->store;
	unsigned account = 0;
	g_autofree char *path = store_path(store, ref.id, NULL), *headers = NULL;
	size_t size = 0;
	bool full = false;
	GError *error = NULL;
	if (!sending_account(app, ref.account, &account))
		return;
	if (!path && !store_read(store, ref.id, &headers, &size, &full, &error)) {
		app_notice_error(app, error);
		return;
	}
	Answer *answer = g_new0(Answer, 1);
	*answer = (Answer){ ref, (ReplyKind)how, account, path != NULL };
	g_autoptr(GBytes) bytes = path ? NULL : g_bytes_new(headers, size);
	extract_draft(app, account, (uint32_t)how, ref, bytes, answer_ready, answer, g_free);
}

void
app_reply(App *app, MsgRef ref, ReplyKind kind)
{
	if (app_account(app, ref.account))
		body_want(app, ref, reply_now, (int)kind);
}

/* ---- review: identity, attachments, keep, discard ---- */

void
app_next_identity(App *app, Review *review)
{
	bool take_next = false;
	unsigned account = NO_ACCOUNT;
	const Identity *next = NULL;
	for (unsigned round = 0; round < 2 && !next; round++)
		for (unsigned i = 0; i < app->accounts->len && !next; i++)
			for (guint j = 0; can_send(app, i) && j < app_account(app, i)->account->identities->len && !next; j++) {
				const Identity *identity = identity_at(app, i, j);
				if (take_next) {
					next = identity;
					account = i;
				}
				g_autoptr(MailAddress) address = address_new(identity->name ? identity->name : "", identity->address);
				g_autofree char *from = address_format(address);
				take_next |= i == review->account && g_str_equal(from, review->draft->from);
			}
	if (!next) {
		account = review->account;
		next = identity_at(app, account, 0);
	}
	unsigned before = review->account;
	review->account = account;
	set_from(app, review, next);
	/* Written to its new account before it leaves the old one. */
	if (app_save_draft(app, review) && before != account) {
		draft_lock(app, account, review->id);
		draft_forget(app, before, review->id, false);
	}
}

bool
app_attach(App *app, Review *review, const char *path)
{
	g_autofree char *expanded = path_expand(path);
	if (!g_file_test(expanded, G_FILE_TEST_IS_REGULAR) || g_access(expanded, R_OK) != 0) {
		app_notice(app, NOTICE_ERROR, "%s: %s. Nothing was attached.", path,
			   g_file_test(expanded, G_FILE_TEST_IS_DIR) ? "is a directory" :
			   g_file_test(expanded, G_FILE_TEST_EXISTS) ? "cannot be read" : "no such file");
		return false;
	}
	DraftAttachment *attachment = g_new0(DraftAttachment, 1);
	attachment->path = g_canonicalize_filename(expanded, NULL);
	g_ptr_array_add(review->draft->attachments, attachment);
	review->cursor = REVIEW_ATTACHMENTS + review->draft->attachments->len - 1;
	return app_save_draft(app, review);
}

static bool
is_blank(const Draft *draft)
{
	g_autofree char *body = g_strstrip(g_strdup(draft->body ? draft->body : ""));
	return !*draft->to && !*draft->cc && !*draft->bcc && !*draft->subject && !draft->attachments->len && (!*body || g_str_has_prefix(body, "-- \n"));
}

void
app_postpone(App *app, Review *review)
{
	g_autofree char *id = g_strdup(review->id);
	unsigned account = review->account;
	if (is_blank(review->draft)) {
		draft_forget(app, account, id, true);
		app_notice(app, NOTICE_INFO, "Nothing was written, so nothing is kept.");
		close_review(app, id);
		return;
	}
	if (!app_save_draft(app, review))
		return;
	draft_put_copy(app, review);
	draft_unlock(app, account, id);
	close_review(app, id);
	app_notice(app, NOTICE_GOOD, "Kept as a draft. R resumes it.");
}

static void
discard_sure(App *app, void *data)
{
	const Review *review = review_by_id(app, data);
	if (!review)
		return;
	draft_forget(app, review->account, data, true);
	close_review(app, data);
	app_notice(app, NOTICE_INFO, "The draft is gone.");
}

void
app_discard(App *app, Review *review)
{
	app_confirm(app, "Throw this draft away? (y/n) ", discard_sure, g_strdup(review->id), g_free);
}

/* ---- sending ---- */

static void
queued_notice(App *app, const AppAccount *account, int64_t window)
{
	if (account->state == ENGINE_OFFLINE || account->state == ENGINE_AUTH_FAILED)
		app_notice(app, NOTICE_GOOD, "Queued; it is sent when there is a connection. u takes it back (%d s).", (int)window);
	else if (window > 0)
		app_notice(app, NOTICE_GOOD, "Queued; u takes it back (%d s).", (int)window);
	else
		app_notice(app, NOTICE_GOOD, "Queued; it is being sent.");
}

static void
send_sure(App *app, void *data)
{
	Review *review = review_by_id(app, data);
	if (!review)
		return;
	AppAccount *account = app_account(app, review->account);
	int64_t now = g_get_real_time() / G_USEC_PER_SEC, window = config_int(app->config, OPTION_undo_send);
	GError *error = NULL;
	g_autofree char *random = g_uuid_string_random(), *text = draft_to_text(review->draft);
	if (!app_save_draft(app, review))
		return;
	g_autoptr(BuiltMail) mail = mail_build(review->draft, now, random, &error);
	int64_t id = 0;
	if (!mail || !store_outbox_add(account->store, mail, review->draft->subject, text, review->draft->source, review->draft->is_forward, now + window, &id, &error)) {
		app_notice_error(app, error);
		return;
	}
	review->sent = true;
	SendWindow open = { review->account, id, now + window };
	if (window > 0)
		g_array_append_val(app->priv->sends, open);
	unsigned number = review->account;
	draft_forget(app, number, data, false);
	close_review(app, data);
	queued_notice(app, account, window);
	app_doorbell(app, number);
	supervisor_outbox(app, number);
}

void
app_send(App *app, Review *review)
{
	const char *fields[] = { review->draft->to, review->draft->cc, review->draft->bcc };
	for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
		g_autofree char *bad = NULL;
		g_autoptr(GPtrArray) list = address_list_parse(fields[i], &bad);
		if (bad) {
			app_notice(app, NOTICE_ERROR, "\"%s\" is not an address; correct it with t, c or b. Nothing was sent.", bad);
			return;
		}
	}
	if (!*fields[0] && !*fields[1] && !*fields[2]) {
		app_notice(app, NOTICE_ERROR, "Nobody to send it to: t sets To. Nothing was sent.");
		return;
	}
	g_autofree char *doubt = draft_doubt(review->draft);
	if (doubt)
		app_confirm(app, doubt, send_sure, g_strdup(review->id), g_free);
	else
		send_sure(app, review->id);
}
