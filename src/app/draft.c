/* app/draft.c: the life of a draft on disk: text, body file of the editor, lock of the writer, copy in Drafts, leftovers */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/app/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BODY_MAX_BYTES = 32 << 20, SWEEP_AFTER_S = 7 * 24 * 3600 };

/* drafts/ID.draft   the draft as text (store_draft_save)
 * drafts/ID.txt     its body while the editor runs: the truth then
 * drafts/ID.open    flock of the surel that writes it; left behind by one that died
 * drafts/ID.mid     Message-ID of its copy in the Drafts folder
 * drafts/ID.d/      attachments that came out of another message */
char *
draft_file(const App *app, unsigned account, const char *id, const char *suffix)
{
	g_autofree char *name = g_strconcat(id, suffix, NULL);
	return g_build_filename(store_drafts_dir(app_account(app, account)->store), name, NULL);
}

char *
draft_new_id(void)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *stamp = g_date_time_format(now, "%Y%m%d-%H%M%S");
	return g_strdup_printf("%s-%06x%04x", stamp, (unsigned)g_random_int() & 0xffffff, (unsigned)getpid() & 0xffff);
}

void
review_free(Review *review)
{
	if (!review)
		return;
	draft_free(review->draft);
	g_free(review->id);
	g_free(review->warning);
	g_free(review);
}

/* ---- who writes it ---- */

static GHashTable *
locks(App *app)
{
	if (!app->priv->draft_locks)
		app->priv->draft_locks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return app->priv->draft_locks;
}

/* False: another surel writes it now. */
bool
draft_lock(App *app, unsigned account, const char *id)
{
	g_autofree char *path = draft_file(app, account, id, ".open");
	int fd = -1;
	if (g_hash_table_contains(locks(app), path))
		return true;
	if (!os_lock_file(path, &fd, NULL))
		return false;
	g_hash_table_insert(locks(app), g_steal_pointer(&path), GINT_TO_POINTER(fd));
	return true;
}

void
draft_unlock(App *app, unsigned account, const char *id)
{
	g_autofree char *path = draft_file(app, account, id, ".open");
	void *fd = NULL;
	g_unlink(path);
	if (g_hash_table_lookup_extended(locks(app), path, NULL, &fd))
		close(GPOINTER_TO_INT(fd));
	g_hash_table_remove(locks(app), path);
}

/* The marks stay: what was open when surel ended is offered at the next start. */
void
drafts_close(App *app)
{
	if (!app->priv->draft_locks)
		return;
	GHashTableIter iter;
	void *fd;
	g_hash_table_iter_init(&iter, app->priv->draft_locks);
	while (g_hash_table_iter_next(&iter, NULL, &fd))
		close(GPOINTER_TO_INT(fd));
	g_clear_pointer(&app->priv->draft_locks, g_hash_table_unref);
}

/* ---- leftovers ---- */

typedef struct Leftover { unsigned account; char *id; bool orphan; } Leftover;

static void
leftover_free(Leftover *leftover)
{
	g_free(leftover->id);
	g_free(leftover);
}

static bool
is_orphan(const App *app, unsigned account, const char *id)
{
	g_autofree char *path = draft_file(app, account, id, ".open");
	int fd = -1;
	if (!g_file_test(path, G_FILE_TEST_EXISTS) || !os_lock_file(path, &fd, NULL))
		return false;
	close(fd);
	return true;
}

static int
compare_leftovers(const void *a, const void *b)
{
	const Leftover *x = *(Leftover *const *)a, *y = *(Leftover *const *)b;
	return x->orphan != y->orphan ? y->orphan - x->orphan : strcmp(y->id, x->id);
}

/* Drafts that nobody writes now, those a dead surel wrote first, newest first. of Leftover *. */
static GPtrArray *
leftovers(App *app)
{
	GPtrArray *found = g_ptr_array_new_with_free_func((GDestroyNotify)leftover_free);
	for (unsigned i = 0; i < app->accounts->len; i++) {
		g_autoptr(GPtrArray) ids = store_drafts(app_account(app, i)->store, NULL);
		for (guint j = 0; ids && j < ids->len; j++) {
			const char *id = g_ptr_array_index(ids, j);
			g_autofree char *open = draft_file(app, i, id, ".open");
			bool orphan = is_orphan(app, i, id);
			if (!orphan && g_file_test(open, G_FILE_TEST_EXISTS))
				continue;
			Leftover *leftover = g_new0(Leftover, 1);
			*leftover = (Leftover){ i, g_strdup(id), orphan };
			g_ptr_array_add(found, leftover);
		}
	}
	g_ptr_array_sort(found, compare_leftovers);
	return found;
}

static void
remove_tree(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;
	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *file = g_build_filename(path, name, NULL);
		g_unlink(file);
	}
	g_rmdir(path);
}

/* Attachments whose draft was sent a week ago: it cannot be taken back any more. */
static void
sweep(App *app, unsigned account)
{
	const char *drafts = store_drafts_dir(app_account(app, account)->store);
	g_autoptr(GDir) dir = g_dir_open(drafts, 0, NULL);
	const char *name;
	while (dir && (name = g_dir_read_name(dir))) {
		struct stat status;
		g_autofree char *path = g_build_filename(drafts, name, NULL);
		if (!g_str_has_suffix(name, ".d") || lstat(path, &status) != 0 || !S_ISDIR(status.st_mode) || status.st_mtime > time(NULL) - SWEEP_AFTER_S)
			continue;
		g_autofree char *id = g_strndup(name, strlen(name) - 2);
		g_autofree char *draft = draft_file(app, account, id, ".draft");
		if (!g_file_test(draft, G_FILE_TEST_EXISTS))
			remove_tree(path);
	}
}

void
drafts_offer(App *app)
{
	unsigned orphans = 0;
	g_autoptr(GPtrArray) found = leftovers(app);
	for (guint i = 0; i < found->len; i++)
		orphans += ((Leftover *)g_ptr_array_index(found, i))->orphan;
	for (unsigned i = 0; i < app->accounts->len; i++)
		sweep(app, i);
	if (orphans == 1)
		app_notice(app, NOTICE_WARN, "1 draft was being written. R resumes it.");
	else if (orphans)
		app_notice(app, NOTICE_WARN, "%u drafts were being written. R resumes them.", orphans);
}

/* The draft as last saved; the editor's file is newer where it is still there. */
static Draft *
load_draft(App *app, unsigned account, const char *id, GError **error)
{
	g_autofree char *text = store_draft_load(app_account(app, account)->store, id, error);
	if (!text)
		return NULL;
	Draft *draft = draft_from_text(text);
	g_autofree char *path = draft_file(app, account, id, ".txt");
	char *body = NULL;
	size_t size = 0;
	if (os_read_file(path, BODY_MAX_BYTES, &body, &size, NULL)) {
		g_free(draft->body);
		draft->body = g_utf8_make_valid(body, (gssize)size);
		g_free(body);
	}
	return draft;
}

static void
resume(App *app, const Leftover *leftover)
{
	GError *error = NULL;
	Draft *draft = load_draft(app, leftover->account, leftover->id, &error);
	if (!draft) {
		app_notice_error(app, error);
		return;
	}
	app_open_draft(app, leftover->account, draft, leftover->id, false);
	app_notice(app, NOTICE_INFO, "e goes on writing, y sends it, q keeps it.");
}

static GPtrArray *
complete_leftover(App *app, const char *typed)
{
	GPtrArray *rows = g_ptr_array_new_with_free_func((GDestroyNotify)completion_free);
	g_autoptr(GPtrArray) found = leftovers(app);
	for (guint i = 0; i < found->len; i++) {
		const Leftover *leftover = g_ptr_array_index(found, i);
		g_autofree char *number = g_strdup_printf("%u", i + 1);
		Draft *draft = load_draft(app, leftover->account, leftover->id, NULL);
		if (!draft || !g_str_has_prefix(number, typed)) {
			draft_free(draft);
			continue;
		}
		g_autofree char *note = g_strdup_printf("%s: %s", *draft->to ? draft->to : "(nobody yet)", *draft->subject ? draft->subject : "(no subject)");
		Completion *row = g_new0(Completion, 1);
		row->text = g_steal_pointer(&number);
		row->note = text_clean(note, -1, false);
		g_ptr_array_add(rows, row);
		draft_free(draft);
	}
	return rows;
}

static void
leftover_chosen(App *app, const char *text, void *data)
{
	(void)data;
	g_autoptr(GPtrArray) found = leftovers(app);
	guint64 number = 1;
	if (!text)
		return;
	if (*text && (!g_ascii_string_to_unsigned(text, 10, 1, found->len, &number, NULL))) {
		app_notice(app, NOTICE_WARN, "There are %u drafts; type a number from 1 to %u.", found->len, found->len);
		return;
	}
	if (number <= found->len)
		resume(app, g_ptr_array_index(found, number - 1));
}

void
app_resume(App *app)
{
	g_autoptr(GPtrArray) found = leftovers(app);
	if (!found->len) {
		app_notice(app, NOTICE_INFO, "No draft lies here. m writes a new message; drafts of other programs open from the Drafts folder.");
		return;
	}
	if (found->len == 1) {
		resume(app, g_ptr_array_index(found, 0));
		return;
	}
	g_autofree char *label = g_strdup_printf("Draft 1 to %u (Tab lists them, Enter: the newest): ", found->len);
	Prompt *prompt = prompt_new(PROMPT_TEXT, label, NULL, leftover_chosen, NULL, NULL);
	prompt->complete = complete_leftover;
	app_ask(app, prompt);
}

/* ---- saving ---- */

static void
review_warn(Review *review)
{
	const Draft *draft = review->draft;
	const char *missing = NULL;
	for (guint i = 0; i < draft->attachments->len && !missing; i++) {
		const DraftAttachment *attachment = g_ptr_array_index(draft->attachments, i);
		if (!g_file_test(attachment->path, G_FILE_TEST_IS_REGULAR))
			missing = attachment->path;
	}
	g_free(review->warning);
	review->warning = NULL;
	if (missing)
		review->warning = g_strdup_printf("Attachment not found: %s", missing);
	else if (!*draft->to && !*draft->cc && !*draft->bcc)
		review->warning = g_strdup("Nobody to send it to yet: t sets To.");
	else if (!*draft->subject)
		review->warning = g_strdup("No subject yet: s sets it.");
}

bool
app_save_draft(App *app, Review *review)
{
	GError *error = NULL;
	g_autofree char *text = draft_to_text(review->draft);
	review_warn(review);
	app_mark_dirty(app, DIRTY_ALL);
	if (store_draft_save(app_account(app, review->account)->store, review->id, text, &error))
		return true;
	app_notice_error(app, error);
	return false;
}

/* ---- the copy in the account's Drafts folder ---- */

void
draft_remove_copy(App *app, unsigned account, const char *id)
{
	g_autofree char *path = draft_file(app, account, id, ".mid"), *mid = NULL;
	Store *store = app_account(app, account)->store;
	size_t size = 0;
	if (!os_read_file(path, 2000, &mid, &size, NULL))
		return;
	g_autoptr(Folder) drafts = store_folder_by_role(store, ROLE_DRAFTS, NULL);
	g_autoptr(GPtrArray) msgs = store_msgs_by_message_id(store, mid, NULL);
	for (guint i = 0; drafts && msgs && i < msgs->len; i++) {
		const Msg *msg = g_ptr_array_index(msgs, i);
		if (msg->folder.v == drafts->id.v)
			store_intent_delete(store, &msg->id, 1, NULL, NULL);
	}
	g_unlink(path);
	app_doorbell(app, account);
}

/* A message without a recipient is no message yet (RFC 5322 3.6.3 would allow it, mail_build does not): it stays here only. */
void
draft_put_copy(App *app, const Review *review)
{
	Store *store = app_account(app, review->account)->store;
	g_autoptr(Folder) drafts = store_folder_by_role(store, ROLE_DRAFTS, NULL);
	g_autofree char *random = draft_new_id();
	g_autoptr(BuiltMail) mail = drafts ? mail_build(review->draft, g_get_real_time() / G_USEC_PER_SEC, random, NULL) : NULL;
	GError *error = NULL;
	if (!mail)
		return;
	draft_remove_copy(app, review->account, review->id);
	const GByteArray *bytes = mail->sent_copy ? mail->sent_copy : mail->bytes;
	g_autofree char *path = draft_file(app, review->account, review->id, ".mid");
	if (!os_replace_file(path, mail->message_id, strlen(mail->message_id), 0600, &error) ||
	    !store_intent_append(store, drafts->id, bytes->data, bytes->len, FLAG_DRAFT | FLAG_SEEN, NULL, &error)) {
		app_notice_error(app, error);
		return;
	}
	app_doorbell(app, review->account);
}

/* Everything of the draft but attachments, which a message in the outbox may still need. */
void
draft_forget(App *app, unsigned account, const char *id, bool with_attachments)
{
	GError *error = NULL;
	g_autofree char *body = draft_file(app, account, id, ".txt"), *dir = draft_file(app, account, id, ".d");
	draft_remove_copy(app, account, id);
	if (!store_draft_remove(app_account(app, account)->store, id, &error))
		app_notice_error(app, error);
	g_unlink(body);
	if (with_attachments)
		remove_tree(dir);
	draft_unlock(app, account, id);
}

/* ---- attachments out of a message ---- */

typedef struct Extraction { Review *review; ReviewReady ready; } Extraction;

static void
extraction_free(void *data)
{
	review_free(((Extraction *)data)->review);
	g_free(data);
}

static void
parts_attached(App *app, const GPtrArray *files, const GError *error, void *data)
{
	Extraction *extraction = data;
	for (guint i = 0; files && i < files->len; i++) {
		const SavedPart *part = g_ptr_array_index(files, i);
		DraftAttachment *attachment = g_new0(DraftAttachment, 1);
		attachment->path = g_strdup(part->path);
		attachment->name = g_strdup(part->name);
		attachment->type = g_strdup(part->type);
		g_ptr_array_add(extraction->review->draft->attachments, attachment);
	}
	if (error)
		app_notice(app, NOTICE_ERROR, "The attachments could not be taken over: %s.", error->message);
	extraction->ready(app, g_steal_pointer(&extraction->review));
}

void
draft_extract(App *app, Review *review, MsgRef ref, ReviewReady ready)
{
	Extraction *extraction = g_new0(Extraction, 1);
	*extraction = (Extraction){ review, ready };
	g_autofree char *dir = draft_file(app, review->account, review->id, ".d");
	extract_parts(app, ref, NULL, &(PartsWanted){ "*", dir, NULL }, parts_attached, extraction, extraction_free);
}

/* The draft of an open copy that surel made itself; NULL: another program's. */
static char *
id_of_copy(App *app, unsigned account, const char *message_id)
{
	g_autoptr(GPtrArray) ids = store_drafts(app_account(app, account)->store, NULL);
	for (guint i = 0; ids && i < ids->len; i++) {
		g_autofree char *path = draft_file(app, account, g_ptr_array_index(ids, i), ".mid"), *mid = NULL;
		size_t size = 0;
		if (os_read_file(path, 2000, &mid, &size, NULL) && g_str_equal(mid, message_id))
			return g_strdup(g_ptr_array_index(ids, i));
	}
	return NULL;
}

/* ---- what another program left in Drafts ---- */

static void
open_taken_over(App *app, Review *review)
{
	app_open_draft(app, review->account, g_steal_pointer(&review->draft), review->id, false);
	review_free(review);
}

static void
resume_ready(App *app, Draft *draft, const GError *error, void *data)
{
	MsgRef ref = *(const MsgRef *)data;
	if (!draft) {
		app_notice(app, NOTICE_WARN, "This draft cannot be edited: %s.", error->message);
		reader_open(app, ref);
		return;
	}
	g_autoptr(Msg) msg = store_msg(app_account(app, ref.account)->store, ref.id, NULL);
	Review *review = g_new0(Review, 1);
	review->id = draft_new_id();
	review->account = ref.account;
	review->draft = draft;
	g_autofree char *path = draft_file(app, ref.account, review->id, ".mid");
	if (msg && *msg->message_id)
		os_replace_file(path, msg->message_id, strlen(msg->message_id), 0600, NULL);
	draft_extract(app, review, ref, open_taken_over);
}

bool
draft_resume_message(App *app, MsgRef ref)
{
	Store *store = app_account(app, ref.account)->store;
	g_autoptr(Msg) msg = store_msg(store, ref.id, NULL);
	g_autofree char *id = msg ? id_of_copy(app, ref.account, msg->message_id) : NULL;
	g_autofree char *path = msg && !id ? store_path(store, ref.id, NULL) : NULL;
	if (id) {
		resume(app, &(Leftover){ ref.account, id, false });
		return true;
	}
	if (!path)
		return false;
	extract_draft(app, ref.account, DRAFT_OF_MESSAGE, ref, NULL, resume_ready, g_memdup2(&ref, sizeof(ref)), g_free);
	return true;
}
