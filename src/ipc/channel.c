/* src/ipc/channel.c: frames over one non-blocking end of a socketpair, with bounded queues */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "surel/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	QUEUE_MAX_BYTES = 2 * IPC_MAX_FRAME_BYTES,	/* a peer that reads nothing is given up beyond this */
	QUEUE_COMPACT_BYTES = 1 << 20,			/* written bytes kept at the front at most */
	SEND_WAIT_MS = 10000,
	READ_CHUNK_BYTES = 64 << 10,
};

struct Channel {
	int fd;
	bool closed;		/* nothing comes or goes any more */
	bool eof;		/* peer closed; frames already read are still handed out */
	bool waits;		/* worker side: sends are written before they return */
	GByteArray *in, *out;
	size_t in_used, out_used;	/* consumed prefix, dropped in bulk */
};

Channel *
channel_new(int fd)
{
	Channel *channel = g_new0(Channel, 1);
	channel->fd = fd;
	channel->waits = fd == IPC_WORKER_FD;
	channel->in = g_byte_array_new();
	channel->out = g_byte_array_new();
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		channel->closed = true;
	return channel;
}

static void
wipe(GByteArray *bytes)
{
	if (bytes->len)
		explicit_bzero(bytes->data, bytes->len);
	g_byte_array_unref(bytes);
}

void
channel_free(Channel *channel)
{
	if (!channel)
		return;
	close(channel->fd);
	wipe(channel->in);
	wipe(channel->out);
	g_free(channel);
}

int
channel_fd(const Channel *channel)
{
	return channel->fd;
}

static size_t
pending(const Channel *channel)
{
	return channel->out->len - channel->out_used;
}

bool
channel_wants_write(const Channel *channel)
{
	return !channel->closed && pending(channel) > 0;
}

/* Moves what is left to the front, and wipes what was there: it may have been a password. */
static void
compact(GByteArray *bytes, size_t *used)
{
	size_t left = bytes->len - *used;
	if (!*used)
		return;
	memmove(bytes->data, bytes->data + *used, left);
	explicit_bzero(bytes->data + left, bytes->len - left);
	g_byte_array_set_size(bytes, (guint)left);
	*used = 0;
}

bool
channel_flush(Channel *channel)
{
	while (channel_wants_write(channel)) {
		ssize_t n = send(channel->fd, channel->out->data + channel->out_used, pending(channel), MSG_NOSIGNAL);
		if (n >= 0)
			channel->out_used += (size_t)n;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			break;
		else if (errno != EINTR)
			channel->closed = true;
	}
	if (channel->closed || channel->out_used == channel->out->len || channel->out_used > QUEUE_COMPACT_BYTES)
		compact(channel->out, &channel->out_used);
	return channel->closed || pending(channel) == 0;
}

/* Blocks until all is written or time is up. A worker that computes does not come back to flush, and the socket takes no more
 * than a few hundred small frames; its supervisor always reads, and never waits itself. */
static void
wait_for_reader(Channel *channel)
{
	int64_t deadline_us = g_get_monotonic_time() + SEND_WAIT_MS * 1000LL;
	while (channel_wants_write(channel)) {
		int64_t left_us = deadline_us - g_get_monotonic_time();
		if (left_us <= 0) {
			log_warn(LOG_IPC, "channel: the peer reads nothing; given up");
			channel->closed = true;
			return;
		}
		struct pollfd wait = { channel->fd, POLLOUT, 0 };
		if (poll(&wait, 1, (int)(left_us / 1000) + 1) > 0)
			channel_flush(channel);
	}
}

bool
channel_send(Channel *channel, const Frame *frame)
{
	if (channel->closed)
		return false;
	GByteArray *wire = frame_encode(frame);
	size_t size = wire->len;
	if (size - sizeof(uint32_t) > IPC_MAX_FRAME_BYTES) {
		log_error(LOG_IPC, "channel: %s frame of %zu bytes is too large; not sent", frame_name(frame->type), size);
		wipe(wire);
		return true;	/* the peer is well; a request with this answer ends by the caller's own limits */
	}
	if (pending(channel) + size > QUEUE_MAX_BYTES) {
		channel->closed = true;
	} else {
		g_byte_array_append(channel->out, wire->data, (guint)size);
		channel_flush(channel);
		if (channel->waits)
			wait_for_reader(channel);
	}
	wipe(wire);
	return !channel->closed;
}

/* Reads until the socket is empty, or one frame of the largest size is in. */
static void
fill(Channel *channel)
{
	compact(channel->in, &channel->in_used);
	while (!channel->eof && channel->in->len < IPC_MAX_FRAME_BYTES + READ_CHUNK_BYTES) {
		guint before = channel->in->len;
		g_byte_array_set_size(channel->in, before + READ_CHUNK_BYTES);
		ssize_t n = recv(channel->fd, channel->in->data + before, READ_CHUNK_BYTES, 0);
		int failed = errno;
		g_byte_array_set_size(channel->in, before + (guint)MAX(n, 0));
		if (n > 0)
			continue;
		if (n < 0 && failed == EINTR)
			continue;
		if (n < 0 && (failed == EAGAIN || failed == EWOULDBLOCK))
			return;
		channel->eof = true;
	}
}

/* The next whole frame in the buffer: 1, none yet: 0, one that cannot be right: -1. */
static int
next_frame(Channel *channel, Frame *ret_frame)
{
	size_t left = channel->in->len - channel->in_used;
	const uint8_t *at = channel->in->data + channel->in_used;
	uint32_t size;
	if (left < sizeof(size))
		return 0;
	memcpy(&size, at, sizeof(size));
	size = GUINT32_FROM_LE(size);
	if (size < sizeof(uint16_t) || size > IPC_MAX_FRAME_BYTES)
		return -1;
	if (left - sizeof(size) < size)
		return 0;
	g_autoptr(GError) error = NULL;
	if (!frame_decode(at + sizeof(size), size, ret_frame, &error)) {
		log_error(LOG_IPC, "channel: %s", error->message);
		return -1;
	}
	channel->in_used += sizeof(size) + size;
	return 1;
}

ChannelRead
channel_read(Channel *channel, Frame *ret_frame)
{
	if (channel->closed && !channel->eof)
		fill(channel);		/* a dead peer's last words still count */
	int found = next_frame(channel, ret_frame);
	if (found == 0) {
		fill(channel);
		found = next_frame(channel, ret_frame);
	}
	if (found > 0)
		return CHANNEL_FRAME;
	if (found < 0) {
		channel->closed = channel->eof = true;
		g_byte_array_set_size(channel->in, 0);
		channel->in_used = 0;
		shutdown(channel->fd, SHUT_RDWR);
	}
	if (channel->eof)
		channel->closed = true;
	return channel->closed ? CHANNEL_CLOSED : CHANNEL_EMPTY;
}
