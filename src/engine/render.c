/* src/engine/render.c: role render: message files and bytes -> documents, where they can do no harm */
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

enum { RENDER_SECONDS = 4, RENDER_MEMORY_MB = 1024, FILE_BYTES_MAX = 192 << 20, DOCUMENT_BYTES_MAX = IPC_MAX_FRAME_BYTES - 4096 };

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
render_bytes(Channel *channel, uint32_t request, const char *bytes, size_t size, const char *part, uint32_t flags)
{
	limit_time(RENDER_SECONDS);
	g_autoptr(Document) document = document_render(bytes, size, part, (RenderFlags)flags);
	limit_time(0);
	return answer_document(channel, request, document);
}

static bool
render_file(Channel *channel, uint32_t request, const char *path, const char *part, uint32_t flags)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *bytes = NULL;
	size_t size;
	if (!os_read_file(path, FILE_BYTES_MAX, &bytes, &size, &error))
		return answer_failed(channel, request, error);
	return render_bytes(channel, request, bytes, size, part, flags);
}

/* False: the supervisor wants us to end, or is gone. */
static bool
take_frame(Channel *channel, const Frame *frame)
{
	if (frame->type == FRAME_QUIT)
		return false;
	if (frame->type == FRAME_RENDER)
		return render_file(channel, frame->u.render.request, frame->u.render.path, frame->u.render.part, frame->u.render.flags);
	if (frame->type == FRAME_RENDER_BYTES) {
		size_t size;
		const char *bytes = g_bytes_get_data(frame->u.render_bytes.bytes, &size);
		return render_bytes(channel, frame->u.render_bytes.request, bytes ? bytes : "", size, frame->u.render_bytes.part, frame->u.render_bytes.flags);
	}
	return true;	/* HELLO; a CANCEL comes too late by then */
}

static bool
take_frames(Channel *channel)
{
	while (true) {
		Frame frame = { 0 };
		switch (channel_read(channel, &frame)) {
		case CHANNEL_EMPTY: return true;
		case CHANNEL_CLOSED: return false;
		case CHANNEL_FRAME: break;
		}
		bool go_on = take_frame(channel, &frame);
		frame_clear(&frame);
		if (!go_on)
			return false;
	}
}

int
render_main(const Config *config, const char *account, Channel *channel)
{
	(void)config;
	(void)account;
	struct sigaction action = { .sa_handler = on_timeout };
	sigaction(SIGPROF, &action, NULL);
	mail_warm_up();
	confine();
	while (take_frames(channel)) {
		struct pollfd fd = { .fd = channel_fd(channel), .events = (short)(POLLIN | (channel_wants_write(channel) ? POLLOUT : 0)) };
		if (poll(&fd, 1, -1) < 0 && errno != EINTR)
			break;
		if (!channel_flush(channel) && (fd.revents & (POLLHUP | POLLERR)))
			break;
	}
	return WORKER_EXIT_DONE;
}
