/* src/engine/engine.c: frames in and out of a worker, choice of the backend, connection and secret of the incoming server */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/engine/engine.h"

#include <poll.h>
#include <string.h>

#include "surel/text.h"

/* How long a worker without a configured password waits for the supervisor's SECRET frame. */
enum { SECRET_WAIT_MS = 1500 };

void
engine_init(Engine *engine, const Config *config, const Account *account, Channel *channel)
{
	*engine = (Engine){.config = config, .account = account, .channel = channel};
	engine->ops = account ? backend_for(account->incoming.protocol) : NULL;
	g_queue_init(&engine->fetches);
}

void
engine_clear(Engine *engine)
{
	if (engine->ops && engine->ops->close)
		engine->ops->close(engine);
	g_clear_pointer(&engine->net, net_close);
	g_clear_pointer(&engine->store, store_close);
	g_clear_pointer(&engine->incoming_secret, os_free_secret);
	g_clear_pointer(&engine->outgoing_secret, os_free_secret);
	g_clear_pointer(&engine->sync_folder, g_free);
	g_queue_clear_full(&engine->fetches, g_free);
}

const BackendOps *
backend_for(Protocol protocol)
{
	switch (protocol) {
	case PROTOCOL_IMAP: return &imap_backend;
	case PROTOCOL_POP3: return &pop3_backend;
	case PROTOCOL_MAILDIR: return &maildir_backend;
	case PROTOCOL_SMTP: return NULL;
	}
	return NULL;
}

static void
take_secret(char **slot, bool *is_token, const char *text)
{
	if (!text || !*text)
		return;
	os_free_secret(*slot);
	*slot = g_strdup(text);
	*is_token = false;	/* a person types passwords */
}

static void
take_sync(Engine *engine, uint32_t request, const char *folder)
{
	/* A second wish while one waits: the newer number is answered, the wider scope is done. */
	bool all = !folder || !*folder || (engine->sync_wanted && !engine->sync_folder);
	if (engine->sync_wanted && engine->sync_request)
		engine_done(engine, engine->sync_request);
	engine->sync_wanted = true;
	engine->sync_request = request;
	g_clear_pointer(&engine->sync_folder, g_free);
	if (!all)
		engine->sync_folder = g_strdup(folder);
}

static void
take_cancel(Engine *engine, uint32_t request)
{
	for (GList *at = engine->fetches.head; at; at = at->next) {
		EngineFetch *fetch = at->data;
		if (fetch->request != request)
			continue;
		g_queue_delete_link(&engine->fetches, at);
		g_free(fetch);
		engine_send(engine, &(Frame){.type = FRAME_CANCELLED, .u.cancelled.request = request});
		return;
	}
}

static void
take_frame(Engine *engine, const Frame *frame)
{
	EngineFetch *fetch;

	switch ((unsigned)frame->type) {
	case FRAME_QUIT:
		engine->quit = true;
		return;
	case FRAME_CANCEL:
		take_cancel(engine, frame->u.cancel.request);
		return;
	case FRAME_SECRET:
		take_secret(&engine->incoming_secret, &engine->incoming_is_token, frame->u.secret.incoming);
		take_secret(&engine->outgoing_secret, &engine->outgoing_is_token, frame->u.secret.outgoing);
		return;
	case FRAME_SYNC_NOW:
		take_sync(engine, frame->u.sync_now.request, frame->u.sync_now.folder);
		return;
	case FRAME_JOURNAL_READY:
		engine->journal_wanted = true;
		return;
	case FRAME_OUTBOX_READY:
		engine->outbox_wanted = true;
		return;
	case FRAME_FETCH_BODY:
		fetch = g_new(EngineFetch, 1);
		*fetch = (EngineFetch){.request = frame->u.fetch_body.request, .msg = {frame->u.fetch_body.msg}};
		g_queue_push_tail(&engine->fetches, fetch);
		return;
	default:
		return;	/* HELLO, and frames of other roles */
	}
}

bool
engine_poll(Engine *engine)
{
	if (!engine->channel)
		return !engine->quit;
	while (!engine->quit) {
		Frame frame = {0};
		switch (channel_read(engine->channel, &frame)) {
		case CHANNEL_EMPTY:
			return true;
		case CHANNEL_CLOSED:
			engine->quit = true;
			return false;
		case CHANNEL_FRAME:
			take_frame(engine, &frame);
			frame_clear(&frame);
		}
	}
	return false;
}

bool
engine_interrupted(void *data)
{
	return !engine_poll(data);
}

bool
engine_check(Engine *engine, GError **error)
{
	if (engine_poll(engine))
		return true;
	return error_set(error, ERROR_CANCELLED, "stopped");
}

void
engine_send(Engine *engine, const Frame *frame)
{
	if (engine->channel && !channel_send(engine->channel, frame))
		engine->quit = true;
}

void
engine_done(Engine *engine, uint32_t request)
{
	engine_send(engine, &(Frame){.type = FRAME_DONE, .u.done.request = request});
}

void
engine_failed(Engine *engine, uint32_t request, const GError *error)
{
	int code = error && error->domain == SUREL_ERROR ? error->code : ERROR_IO;
	engine_send(engine, &(Frame){.type = FRAME_FAILED, .u.failed = {request, (uint32_t)code, error ? error->message : (char *)""}});
}

void
engine_set_state(Engine *engine, EngineState state, const char *text)
{
	engine_send(engine, &(Frame){.type = FRAME_STATE, .u.state = {state, (char *)(text ? text : "")}});
}

void
engine_progress(Engine *engine, const char *what, int64_t done, int64_t total)
{
	engine_send(engine, &(Frame){.type = FRAME_PROGRESS, .u.progress = {(char *)what, done, total}});
}

void
engine_changed(Engine *engine, FolderId folder)
{
	engine_send(engine, &(Frame){.type = FRAME_CHANGED, .u.changed.folder = folder.v});
}

void
engine_new_mail(Engine *engine, FolderId folder, unsigned count, MsgId newest)
{
	engine_send(engine, &(Frame){.type = FRAME_NEW_MAIL, .u.new_mail = {folder.v, count, newest.v}});
}

void
engine_notice(Engine *engine, LogLevel level, const char *text)
{
	g_autofree char *clean = text_clean(text, -1, false);
	engine_send(engine, &(Frame){.type = FRAME_NOTICE, .u.notice = {level, clean}});
}

void
engine_step(Engine *engine, const char *step, Verdict verdict, const char *format, ...)
{
	va_list arguments;

	if (!engine->step)
		return;
	va_start(arguments, format);
	g_autofree char *raw = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_autofree char *text = text_clean(raw, -1, false);
	engine->step(engine->step_data, step, verdict, text);
}

/* NetOptions has one data pointer for both callbacks: the engine. */
static void
net_step(void *data, const char *step, Verdict verdict, const char *text)
{
	engine_step(data, step, verdict, "%s", text);
}

bool
engine_connect(Engine *engine, bool imap_guard, GError **error)
{
	const Account *account = engine->account;

	if (!engine_check(engine, error))
		return false;
	engine->net = net_open(&(NetOptions){.url = &account->incoming, .ca_file = account->ca_file,
		.control_fd = engine->channel ? channel_fd(engine->channel) : -1, .interrupted = engine_interrupted,
		.step = engine->step ? net_step : NULL, .data = engine, .imap_guard = imap_guard}, error);
	return engine->net != NULL;
}

static void
wait_for_frame(Engine *engine, int timeout_ms)
{
	struct pollfd pollfd = {.fd = channel_fd(engine->channel), .events = POLLIN};

	if (poll(&pollfd, 1, timeout_ms) > 0)
		(void)engine_poll(engine);
}

/* The command is run once: a second connection of a confined worker could not run it. */
char *
engine_secret(Engine *engine, bool outgoing, bool *ret_is_token, GError **error)
{
	g_autoptr(GError) own = NULL;
	char **slot = outgoing ? &engine->outgoing_secret : &engine->incoming_secret;
	bool *is_token = outgoing ? &engine->outgoing_is_token : &engine->incoming_is_token;

	(void)engine_poll(engine);
	if (!*slot)
		*slot = account_secret(engine->account, outgoing, is_token, &own);
	if (!*slot && engine->channel && g_error_matches(own, SUREL_ERROR, ERROR_AUTH))
		wait_for_frame(engine, SECRET_WAIT_MS);
	if (!*slot) {
		g_propagate_error(error, g_steal_pointer(&own));
		return NULL;
	}
	*ret_is_token = *is_token;
	return g_strdup(*slot);
}
