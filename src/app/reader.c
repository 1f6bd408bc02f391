/* app/reader.c: opening a message: body from the store or the server, then the render worker */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/app/private.h"

#include <string.h>
#include <unistd.h>

/* What is opened travels to the renderer in one frame; what is only printed does not. */
enum { OPEN_MAX_BYTES = 30 << 20, READ_MAX_BYTES = 256 << 20, TRIES_MAX = 3 };

static const char crashed_text[] = "This message could not be shown: the program that reads it stopped. The message is kept as it came; press H for its source.";
static const char fetching_text[] = "Fetching the message ...";

void
reader_free(Reader *reader)
{
	if (!reader)
		return;
	if (reader->layout && reader->layout_free)
		reader->layout_free(reader->layout);
	document_free(reader->document);
	g_free(reader->path);
	g_free(reader->bytes);
	g_free(reader->waiting);
	g_free(reader->part);
	g_free(reader->find);
	g_free(reader);
}

static void
reader_wait(App *app, Reader *reader, const char *text)
{
	g_free(reader->waiting);
	reader->waiting = text ? text_clean(text, -1, false) : NULL;
	app_mark_dirty(app, DIRTY_READER | DIRTY_STATUS);
}

/* The open reader that waits for request; NULL: it was closed or asked again. */
static Reader *
reader_of(const App *app, uint32_t request)
{
	for (guint i = 0; i < app->places->len; i++) {
		const Place *place = g_ptr_array_index(app->places, i);
		if (place->reader && place->reader->request == request)
			return place->reader;
	}
	return NULL;
}

/* ---- render ---- */

static void
send_render(App *app, Reader *reader, const char *path)
{
	reader->request = request_new(app, REQUEST_RENDER, reader->ref.account, reader);
	Frame frame = { .type = reader->bytes ? FRAME_RENDER_BYTES : FRAME_RENDER };
	char *part = reader->part ? reader->part : (char *)"";
	g_autoptr(GBytes) bytes = NULL;
	if (reader->bytes) {
		bytes = g_bytes_new_static(reader->bytes, reader->size);
		frame.u.render_bytes.request = reader->request;
		frame.u.render_bytes.flags = reader->flags;
		frame.u.render_bytes.part = part;
		frame.u.render_bytes.bytes = bytes;
	} else {
		frame.u.render.request = reader->request;
		frame.u.render.flags = reader->flags;
		frame.u.render.path = (char *)path;
		frame.u.render.part = part;
	}
	if (!render_send(app, &frame))
		reader_wait(app, reader, "Opening ...");	/* sent again when the worker runs (reader_render_ended) */
}

static bool
is_empty_waiting(const Reader *reader)
{
	return reader->waiting && g_str_equal(reader->waiting, fetching_text);
}

static void
fetch_body(App *app, Reader *reader)
{
	AppAccount *account = app_account(app, reader->ref.account);
	Frame frame = { .type = FRAME_FETCH_BODY };
	frame.u.fetch_body.msg = reader->ref.id.v;
	reader_wait(app, reader, fetching_text);
	if (account->sync && worker_running(account->sync)) {
		frame.u.fetch_body.request = reader->request = request_new(app, REQUEST_FETCH, reader->ref.account, reader);
		if (worker_send(account->sync, &frame))
			return;
		g_hash_table_remove(app->priv->requests, GUINT_TO_POINTER(reader->request));
	}
	reader_wait(app, reader, account->locked ? "Only the headers are here; the other surel fetches the text with its next sync." :
						   "Only the headers are here yet and the account is offline. The text comes when it is connected.");
}

void
app_render(App *app, Reader *reader)
{
	if (reader->bytes) {
		send_render(app, reader, NULL);
		return;
	}
	AppAccount *account = app_account(app, reader->ref.account);
	g_autoptr(GError) error = NULL;
	g_autofree char *path = account ? store_path(account->store, reader->ref.id, &error) : NULL;
	if (path)
		send_render(app, reader, path);
	else if (g_error_matches(error, SUREL_ERROR, ERROR_NOT_FOUND))
		fetch_body(app, reader);
	else
		reader_wait(app, reader, error ? error->message : "This account is not open.");
}

static gboolean
mark_timer(void *data)
{
	App *app = data;
	app->priv->mark_timer = 0;
	const Reader *reader = app_reader(app);
	MsgRef ref = app->priv->mark_ref;
	if (reader && reader->ref.account == ref.account && reader->ref.id.v == ref.id.v)
		app_mark_read(app, ref);
	return G_SOURCE_REMOVE;
}

void
app_mark_read(App *app, MsgRef ref)
{
	AppAccount *account = app_account(app, ref.account);
	g_autoptr(Msg) msg = account ? store_msg(account->store, ref.id, NULL) : NULL;
	GError *error = NULL;
	if (!msg || (msg->flags & FLAG_SEEN))
		return;
	/* No undo step: u after reading takes back what was done, not that it was read. */
	if (!store_intent_flags(account->store, &ref.id, 1, FLAG_SEEN, 0, NULL, &error)) {
		app_notice_error(app, error);
		return;
	}
	app_doorbell(app, ref.account);
}

static void
schedule_read(App *app, const Reader *reader)
{
	int64_t delay = config_int(app->config, OPTION_mark_read);
	if (reader->path || !reader->ref.id.v)
		return;
	if (app->priv->mark_timer)
		g_source_remove(app->priv->mark_timer);
	app->priv->mark_timer = 0;
	app->priv->mark_ref = reader->ref;
	if (delay > 0)
		app->priv->mark_timer = g_timeout_add_seconds((guint)delay, mark_timer, app);
	else
		app_mark_read(app, reader->ref);
}

void
reader_document(App *app, uint32_t request, Document *document)
{
	Reader *reader = reader_of(app, request);
	if (!reader) {
		document_free(document);
		return;
	}
	bool first = !reader->document;
	reader->tries = 0;
	document_free(reader->document);
	reader->document = document;
	if (reader->layout && reader->layout_free) {
		reader->layout_free(reader->layout);
		reader->layout = NULL;
	}
	reader_wait(app, reader, NULL);
	app->ui.hurry = true;
	if (first)
		schedule_read(app, reader);
}

void
reader_failed(App *app, uint32_t request, int code, const char *text)
{
	Reader *reader = reader_of(app, request);
	if (!reader)
		return;
	if (code == ERROR_NOT_FOUND && !reader->bytes && reader->tries++ < TRIES_MAX) {
		app_render(app, reader);
		return;
	}
	g_autofree char *sentence = g_strdup_printf("This message could not be shown: %s. It is kept as it came; press H for its source.", text);
	reader_wait(app, reader, sentence);
}

/* Requests that the worker took with it: the message it worked on is named the culprit only when it crashed. */
void
reader_render_ended(App *app, bool crashed)
{
	GHashTableIter iter;
	void *key, *value;
	g_autoptr(GArray) lost = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_hash_table_iter_init(&iter, app->priv->requests);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		uint32_t id = GPOINTER_TO_UINT(key);
		if (((Request *)value)->kind != REQUEST_RENDER)
			continue;
		g_array_append_val(lost, id);
		g_hash_table_iter_remove(&iter);
	}
	for (guint i = 0; i < lost->len; i++) {
		Reader *reader = reader_of(app, g_array_index(lost, uint32_t, i));
		if (reader && crashed)
			reader_wait(app, reader, crashed_text);
		else if (reader && app->priv->started)
			app_render(app, reader);
	}
}

/* ---- the body came, or did not ---- */

typedef struct BodyWait { MsgRef ref; BodyReady ready; int how; } BodyWait;

void
body_wait_free(void *data)
{
	g_free(data);
}

/* Calls ready at once where the body is here, else when it was fetched; without a connection at once, too. */
void
body_want(App *app, MsgRef ref, BodyReady ready, int how)
{
	AppAccount *account = app_account(app, ref.account);
	g_autofree char *path = store_path(account->store, ref.id, NULL);
	if (path || !account->sync || !worker_running(account->sync)) {
		ready(app, ref, how);
		return;
	}
	BodyWait *wait = g_new0(BodyWait, 1);
	*wait = (BodyWait){ ref, ready, how };
	Frame frame = { .type = FRAME_FETCH_BODY };
	frame.u.fetch_body.request = request_new(app, REQUEST_FETCH, ref.account, wait);
	frame.u.fetch_body.msg = ref.id.v;
	g_ptr_array_add(app->priv->body_waits, wait);
	app_notice(app, NOTICE_INFO, "Fetching the message ...");
	worker_send(account->sync, &frame);
}

/* All of an account: each looks for its body itself. */
static void
body_waits_end(App *app, unsigned account, bool all)
{
	for (guint i = 0; i < app->priv->body_waits->len;) {
		BodyWait wait = *(BodyWait *)g_ptr_array_index(app->priv->body_waits, i);
		g_autofree char *path = wait.ref.account == account ? store_path(app_account(app, account)->store, wait.ref.id, NULL) : NULL;
		if (wait.ref.account != account || (!path && !all)) {
			i++;
			continue;
		}
		g_ptr_array_remove_index(app->priv->body_waits, i);
		wait.ready(app, wait.ref, wait.how);
	}
}

void
reader_fetch_ended(App *app, unsigned account, const char *text)
{
	body_waits_end(app, account, text != NULL);
	for (guint i = 0; i < app->places->len; i++) {
		Reader *reader = ((Place *)g_ptr_array_index(app->places, i))->reader;
		if (!reader || reader->path || reader->ref.account != account || reader->document || !is_empty_waiting(reader))
			continue;
		g_autofree char *path = store_path(app_account(app, account)->store, reader->ref.id, NULL);
		g_autofree char *sentence = g_strdup_printf("The text could not be fetched: %s. It comes with the next sync.", text ? text : "not on the server");
		if (path)
			app_render(app, reader);
		else
			reader_wait(app, reader, sentence);
	}
}

void
reader_refresh(App *app)
{
	for (guint i = 0; i < app->places->len; i++) {
		Reader *reader = ((Place *)g_ptr_array_index(app->places, i))->reader;
		if (!reader || reader->bytes || reader->document || !reader->waiting || !app_account(app, reader->ref.account))
			continue;
		bool asked = g_hash_table_contains(app->priv->requests, GUINT_TO_POINTER(reader->request)) && !is_empty_waiting(reader);
		g_autofree char *path = asked ? NULL : store_path(app_account(app, reader->ref.account)->store, reader->ref.id, NULL);
		if (path && !g_str_equal(reader->waiting, crashed_text))
			app_render(app, reader);
	}
}

/* ---- opening ---- */

static void
show_reader(App *app, Reader *reader)
{
	Place *place = app_place(app);
	while (place && (place->kind == PLACE_PARTS || place->kind == PLACE_LINKS)) {
		app_pop_place(app);
		place = app_place(app);
	}
	if (place && place->kind == PLACE_READER) {
		reader->flags = place->reader->flags & ~(unsigned)RENDER_SOURCE;
		reader_free(place->reader);
		place->reader = reader;
		app_mark_dirty(app, DIRTY_ALL);
	} else {
		place = place_new(PLACE_READER);
		place->reader = reader;
		app_push_place(app, place);
	}
	app_render(app, reader);
}

void
reader_open(App *app, MsgRef ref)
{
	Reader *reader = g_new0(Reader, 1);
	reader->ref = ref;
	show_reader(app, reader);
}

void
app_open_message(App *app, MsgRef ref)
{
	g_autoptr(Msg) msg = app_msg(app, ref);
	if (!msg)
		return;
	g_autoptr(Folder) folder = app_folder(app, ref.account, msg->folder);
	if (folder && folder->role == ROLE_DRAFTS && draft_resume_message(app, ref))
		return;
	reader_open(app, ref);
}

static char *
read_all(int fd, size_t *ret_size, GError **error)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	uint8_t block[65536];
	ssize_t n;
	while ((n = read(fd, block, sizeof(block))) > 0) {
		if (bytes->len + (size_t)n > READ_MAX_BYTES) {
			error_set(error, ERROR_INPUT, "the message is larger than %d MB", READ_MAX_BYTES >> 20);
			return NULL;
		}
		g_byte_array_append(bytes, block, (guint)n);
	}
	*ret_size = bytes->len;
	g_byte_array_append(bytes, (const uint8_t *)"", 1);
	return (char *)g_byte_array_free(g_steal_pointer(&bytes), FALSE);
}

char *
message_read(const char *path_or_dash, size_t *ret_size, GError **error)
{
	char *bytes = NULL;
	if (g_str_equal(path_or_dash, "-"))
		return read_all(STDIN_FILENO, ret_size, error);
	if (!os_read_file(path_or_dash, READ_MAX_BYTES, &bytes, ret_size, error))
		return NULL;
	return bytes;
}

bool
app_open_file(App *app, const char *path_or_dash, GError **error)
{
	size_t size = 0;
	char *bytes = message_read(path_or_dash, &size, error);
	if (!bytes)
		return false;
	if (size > OPEN_MAX_BYTES) {
		g_free(bytes);
		return error_set(error, ERROR_INPUT, "the message is larger than %d MB; \"surel show\" can print it", OPEN_MAX_BYTES >> 20);
	}
	Reader *reader = g_new0(Reader, 1);
	reader->ref.account = NO_ACCOUNT;
	reader->path = g_strdup(path_or_dash);
	reader->bytes = bytes;
	reader->size = size;
	show_reader(app, reader);
	return true;
}
