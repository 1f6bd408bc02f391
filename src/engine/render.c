/* src/engine/render.c: role render: message files and bytes -> documents, drafts, attachments, where they can do no harm */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "surel/engine.h"
#include "surel/mail.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

enum { RENDER_SECONDS = 4, RENDER_MEMORY_MB = 1024, FILE_BYTES_MAX = 192 << 20, PIECE_BYTES = 128 << 10, DOCUMENT_BYTES_MAX = IPC_MAX_FRAME_BYTES - 4096 };

/* The message that takes this long is meant to; the supervisor sees a crash, fails the request and starts us again. */
static void
on_timeout(int signal_number)
{
	static const char text[] = "render: a message took too long and was given up\n";
	ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
	(void)written;
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

/* Processor time, not the clock: a sleeping laptop or a slow disk is no attack. 0 stops it. */
static void
limit_time(int seconds)
{
	struct itimerval timer = { .it_value.tv_sec = seconds };
	setitimer(ITIMER_PROF, &timer, NULL);
}

/* Mail of any account may be read, and what charset conversion loads; nothing may be written. */
static void
confine(void)
{
	const char *data = g_getenv("SUREL_DATA");
	g_autofree char *data_dir = data && *data ? g_strdup(data) : os_data_dir();
	const char *read_dirs[] = { data_dir, "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/lib", "/lib64", "/etc/localtime", NULL };
	const char *write_dirs[] = { NULL };
	sandbox_enter(read_dirs, write_dirs, RENDER_MEMORY_MB);
}

static bool
answer_failed(Channel *channel, uint32_t request, GError *error)
{
	Frame frame = { .type = FRAME_FAILED };
	frame.u.failed.request = request;
	frame.u.failed.code = (uint32_t)error->code;
	frame.u.failed.text = error->message;
	return channel_send(channel, &frame);
}

static bool
answer_document(Channel *channel, uint32_t request, const Document *document)
{
	g_autoptr(GByteArray) wire = document_encode(document);
	if (wire->len > DOCUMENT_BYTES_MAX) {
		g_autoptr(GError) error = NULL;
		error_set(&error, ERROR_MESSAGE, "the message is too large to be shown");
		return answer_failed(channel, request, error);
	}
	g_autoptr(GBytes) bytes = g_bytes_new_static(wire->data, wire->len);
	Frame frame = { .type = FRAME_DOCUMENT };
	frame.u.document.request = request;
	frame.u.document.bytes = bytes;
	if (!channel_send(channel, &frame))
		return false;
	Frame done = { .type = FRAME_DONE };
	done.u.done.request = request;
	return channel_send(channel, &done);
}

static bool
answer_done(Channel *channel, uint32_t request)
{
	return channel_send(channel, &(Frame){ .type = FRAME_DONE, .u.done = { request } });
}

static bool
render(Channel *channel, uint32_t request, const char *bytes, size_t size, const char *part, uint32_t flags)
{
	limit_time(RENDER_SECONDS);
	g_autoptr(Document) document = document_render(bytes, size, part, (RenderFlags)flags);
	limit_time(0);
	return answer_document(channel, request, document);
}

/* ---- drafts ---- */

static const Identity *
identity_addressed(const Account *account, const Envelope *envelope)
{
	const GPtrArray *lists[] = { envelope->to, envelope->cc };
	for (unsigned i = 0; i < G_N_ELEMENTS(lists); i++)
		for (guint j = 0; j < lists[i]->len; j++) {
			const Identity *identity = account_identity_for(account, ((MailAddress *)g_ptr_array_index(lists[i], j))->addr);
			if (identity)
				return identity;
		}
	return g_ptr_array_index(account->identities, 0);
}

static char **
own_addresses(const Account *account)
{
	g_autoptr(GStrvBuilder) own = g_strv_builder_new();
	for (guint i = 0; i < account->identities->len; i++) {
		const Identity *identity = g_ptr_array_index(account->identities, i);
		g_strv_builder_add(own, identity->address);
		for (char **alias = identity->aliases; alias && *alias; alias++)
			g_strv_builder_add(own, *alias);
	}
	return g_strv_builder_end(own);
}

static Draft *
make_draft(const Account *account, uint32_t kind, const char *intro, const char *bytes, size_t size)
{
	if (kind == DRAFT_OF_MESSAGE)
		return draft_of_message(bytes, size);
	g_autoptr(Envelope) envelope = envelope_scan(bytes, size);
	const Identity *identity = identity_addressed(account, envelope);
	g_auto(GStrv) own = own_addresses(account);
	g_autoptr(MailAddress) from = address_new(identity->name ? identity->name : "", identity->address);
	Draft *draft = draft_reply(bytes, size, (ReplyKind)kind, own, intro, identity->signature);
	g_free(draft->from);
	draft->from = address_format(from);
	return draft;
}

static bool
answer_draft(Channel *channel, const Config *config, const Frame *frame, const char *bytes, size_t size)
{
	uint32_t request = frame->u.reply.request, kind = frame->u.reply.kind;
	const Account *account = config_account(config, frame->u.reply.account);
	g_autoptr(GError) error = NULL;
	if (kind != DRAFT_OF_MESSAGE && (kind > REPLY_FORWARD || !account || !account->identities->len)) {
		error_set(&error, ERROR_CONFIG, "there is no account %s to answer from", frame->u.reply.account);
		return answer_failed(channel, request, error);
	}
	limit_time(RENDER_SECONDS);
	g_autoptr(Draft) draft = make_draft(account, kind, frame->u.reply.intro, bytes, size);
	g_autofree char *text = draft_to_text(draft);
	limit_time(0);
	g_autoptr(GBytes) wire = g_bytes_new_static(text, strlen(text));
	return channel_send(channel, &(Frame){ .type = FRAME_DRAFT, .u.draft = { request, wire } }) && answer_done(channel, request);
}

/* ---- files ---- */

static bool
send_part(Channel *channel, uint32_t request, const Part *part, const char *data, size_t size)
{
	bool sent = channel_send(channel, &(Frame){ .type = FRAME_PART, .u.part = { request, part->name, part->type } });
	for (size_t at = 0; sent && at < size; at += PIECE_BYTES) {
		g_autoptr(GBytes) piece = g_bytes_new_static(data + at, MIN(size - at, PIECE_BYTES));
		sent = channel_send(channel, &(Frame){ .type = FRAME_PIECE, .u.piece = { request, piece } });
	}
	return sent;
}

static bool
answer_parts(Channel *channel, uint32_t request, const char *wanted, const char *bytes, size_t size)
{
	bool all = g_str_equal(wanted, "*"), found = all, sent = true;
	g_autoptr(GError) error = NULL;
	limit_time(RENDER_SECONDS);
	g_autoptr(Document) document = document_render(bytes, size, NULL, RENDER_DEFAULT);
	for (guint i = 0; i < document->parts->len && sent; i++) {
		const Part *part = g_ptr_array_index(document->parts, i);
		g_autofree char *data = NULL;
		size_t part_size = 0;
		if (all ? !part->attachment : !g_str_equal(part->id, wanted))
			continue;
		found = true;
		limit_time(RENDER_SECONDS);
		if (!part_extract(bytes, size, part->id, &data, &part_size, &error))
			return answer_failed(channel, request, error);
		limit_time(0);
		sent = send_part(channel, request, part, data, part_size);
	}
	limit_time(0);
	if (found)
		return sent && answer_done(channel, request);
	error_set(&error, ERROR_NOT_FOUND, "the message has no part %s", wanted);
	return answer_failed(channel, request, error);
}

/* ---- requests ---- */

static bool
on_message(Channel *channel, const Config *config, const Frame *frame, const char *bytes, size_t size)
{
	if (frame->type == FRAME_RENDER)
		return render(channel, frame->u.render.request, bytes, size, frame->u.render.part, frame->u.render.flags);
	if (frame->type == FRAME_RENDER_BYTES)
		return render(channel, frame->u.render_bytes.request, bytes, size, frame->u.render_bytes.part, frame->u.render_bytes.flags);
	if (frame->type == FRAME_REPLY)
		return answer_draft(channel, config, frame, bytes, size);
	return answer_parts(channel, frame->u.extract.request, frame->u.extract.part, bytes, size);
}

/* What a request is about: a file, or the bytes that came with it. */
typedef struct Source { uint32_t request; const char *path; GBytes *bytes; } Source;

static bool
source_of(const Frame *frame, Source *ret_source)
{
	if (frame->type == FRAME_RENDER)
		*ret_source = (Source){ frame->u.render.request, frame->u.render.path, NULL };
	else if (frame->type == FRAME_RENDER_BYTES)
		*ret_source = (Source){ frame->u.render_bytes.request, "", frame->u.render_bytes.bytes };
	else if (frame->type == FRAME_REPLY)
		*ret_source = (Source){ frame->u.reply.request, frame->u.reply.path, frame->u.reply.bytes };
	else if (frame->type == FRAME_EXTRACT)
		*ret_source = (Source){ frame->u.extract.request, frame->u.extract.path, frame->u.extract.bytes };
	else
		return false;
	return true;
}

/* False: the supervisor wants us to end, or is gone. */
static bool
take_frame(Channel *channel, const Config *config, const Frame *frame)
{
	Source source;
	g_autoptr(GError) error = NULL;
	g_autofree char *read = NULL;
	size_t size = 0;
	if (frame->type == FRAME_QUIT)
		return false;
	if (!source_of(frame, &source))
		return true;	/* HELLO; a CANCEL comes too late by then */
	if (*source.path && !os_read_file(source.path, FILE_BYTES_MAX, &read, &size, &error))
		return answer_failed(channel, source.request, error);
	const char *bytes = *source.path ? read : source.bytes ? g_bytes_get_data(source.bytes, &size) : NULL;
	return on_message(channel, config, frame, bytes ? bytes : "", size);
}

static bool
take_frames(Channel *channel, const Config *config)
{
	while (true) {
		Frame frame = { 0 };
		switch (channel_read(channel, &frame)) {
		case CHANNEL_EMPTY: return true;
		case CHANNEL_CLOSED: return false;
		case CHANNEL_FRAME: break;
		}
		bool go_on = take_frame(channel, config, &frame);
		frame_clear(&frame);
		if (!go_on)
			return false;
	}
}

int
render_main(const Config *config, const char *account, Channel *channel)
{
	(void)account;
	struct sigaction action = { .sa_handler = on_timeout };
	sigaction(SIGPROF, &action, NULL);
	mail_warm_up();
	confine();
	while (take_frames(channel, config)) {
		struct pollfd fd = { .fd = channel_fd(channel), .events = (short)(POLLIN | (channel_wants_write(channel) ? POLLOUT : 0)) };
		if (poll(&fd, 1, -1) < 0 && errno != EINTR)
			break;
		if (!channel_flush(channel) && (fd.revents & (POLLHUP | POLLERR)))
			break;
	}
	return WORKER_EXIT_DONE;
}
