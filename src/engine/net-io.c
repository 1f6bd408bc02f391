/* engine/net-io.c: bytes in and out of a connection: waiting, read-ahead, limits, lines, and the driver under libetpan */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "src/engine/net-priv.h"

/* Silence limit or deadline, whichever comes first; *ret_silence tells which. */
static int64_t
wait_until(const Net *net, bool *ret_silence)
{
	int64_t until = g_get_monotonic_time() + (int64_t)net->timeout_s * G_USEC_PER_SEC;

	*ret_silence = net->deadline == 0 || until < net->deadline;
	return *ret_silence ? until : net->deadline;
}

bool
net_poll(Net *net, short events)
{
	bool silence;
	int64_t until = wait_until(net, &silence);
	int control_fd = net->interrupted ? net->control_fd : -1;

	for (;;) {
		struct pollfd fds[] = { { .fd = net->fd, .events = events }, { .fd = control_fd, .events = POLLIN } };
		int64_t left_us = until - g_get_monotonic_time();

		if (left_us <= 0 && silence)
			return net_break(net, ERROR_OFFLINE, "%s: no answer for %u seconds", net->where, net->timeout_s);
		if (left_us <= 0)
			return net_break(net, ERROR_OFFLINE, "%s: not finished within %u seconds", net->where, net->deadline_s);
		if (poll(fds, G_N_ELEMENTS(fds), (int)(left_us / 1000) + 1) < 0) {
			if (errno == EINTR)
				continue;
			return net_break(net, ERROR_OFFLINE, "%s: %s", net->where, g_strerror(errno));
		}
		if (fds[1].revents && net->interrupted(net->data))
			return net_break(net, ERROR_CANCELLED, "%s: cancelled", net->where);
		if (fds[0].revents)
			return true;
		/* A control that stays readable (its peer is gone) but must not interrupt: do not spin on it. */
		if (fds[1].revents && poll(&fds[1], 1, 0) > 0)
			control_fd = -1;
	}
}

static NetIo
plain_read(Net *net, void *buffer, size_t size, size_t *ret_size)
{
	ssize_t n = recv(net->fd, buffer, size, 0);

	if (n > 0) {
		*ret_size = (size_t)n;
		return NET_IO_OK;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return NET_IO_READ;
	if (n < 0)
		net_break(net, ERROR_OFFLINE, "%s: connection lost: %s", net->where, g_strerror(errno));
	else
		net_break(net, ERROR_OFFLINE, "%s: the server closed the connection", net->where);
	return NET_IO_BROKEN;
}

static NetIo
plain_write(Net *net, const void *bytes, size_t size, size_t *ret_size)
{
	ssize_t n = send(net->fd, bytes, size, MSG_NOSIGNAL);

	if (n > 0) {
		*ret_size = (size_t)n;
		return NET_IO_OK;
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		net_break(net, ERROR_OFFLINE, "%s: connection lost: %s", net->where, g_strerror(errno));
		return NET_IO_BROKEN;
	}
	return NET_IO_WRITE;
}

static void
ring_add(Net *net, const uint8_t *bytes, size_t size)
{
	size_t keep = MIN(size, (size_t)NET_RING_BYTES);
	size_t old = MIN(net->ring_end, (size_t)NET_RING_BYTES - keep);

	memmove(net->ring, net->ring + net->ring_end - old, old);
	memcpy(net->ring + old, bytes + size - keep, keep);
	net->ring_end = old + keep;
}

/* New bytes pass every check before anyone sees one of them. */
static bool
received(Net *net, const uint8_t *bytes, size_t size)
{
	ring_add(net, bytes, size);
	if (net->limited && size > net->budget)
		return net_break(net, ERROR_PROTOCOL, "%s: the server sends more than was asked for", net->where);
	if (net->limited)
		net->budget -= size;
	const char *bad = net->guard ? guard_feed(net->guard, bytes, size) : NULL;
	return !bad || net_break(net, ERROR_PROTOCOL, "%s: unsafe reply refused: %s", net->where, bad);
}

NetIo
net_receive(Net *net)
{
	size_t n = 0;
	NetIo io;

	if (net->failure)
		return NET_IO_BROKEN;
	if (net->ahead_at < net->ahead_end)
		return NET_IO_OK;
	net->ahead_at = net->ahead_end = 0;
	io = net->ssl ? net_tls_read(net, net->ahead, NET_AHEAD_BYTES, &n) : plain_read(net, net->ahead, NET_AHEAD_BYTES, &n);
	if (io != NET_IO_OK)
		return io;
	if (!received(net, net->ahead, n))
		return NET_IO_BROKEN;
	net->ahead_end = n;
	return NET_IO_OK;
}

bool
net_fill(Net *net)
{
	for (;;) {
		switch (net_receive(net)) {
		case NET_IO_OK:
			return true;
		case NET_IO_BROKEN:
			return false;
		case NET_IO_READ:
			if (!net_poll(net, POLLIN))
				return false;
			break;
		case NET_IO_WRITE:
			if (!net_poll(net, POLLOUT))
				return false;
			break;
		}
	}
}

bool
net_send_all(Net *net, const uint8_t *bytes, size_t size)
{
	while (size > 0 && !net->failure) {
		size_t n = 0;

		switch (net->ssl ? net_tls_write(net, bytes, size, &n) : plain_write(net, bytes, size, &n)) {
		case NET_IO_OK:
			bytes += n;
			size -= n;
			break;
		case NET_IO_BROKEN:
			return false;
		case NET_IO_READ:
			if (!net_poll(net, POLLIN))
				return false;
			break;
		case NET_IO_WRITE:
			if (!net_poll(net, POLLOUT))
				return false;
			break;
		}
	}
	return !net->failure;
}

static bool
send_out(Net *net)
{
	bool sent = net_send_all(net, net->out->data, net->out->len);

	/* may hold a password line */
	if (net->out->len > 0)
		OPENSSL_cleanse(net->out->data, net->out->len);
	g_byte_array_set_size(net->out, 0);
	return sent;
}

bool
net_flush(Net *net, GError **error)
{
	if (net->stream && net->stream->write_buffer_len > 0 && mailstream_flush(net->stream) < 0)
		net_break(net, ERROR_OFFLINE, "%s: connection lost", net->where);
	return send_out(net) || net_tell(net, error);
}

bool
net_write(Net *net, const void *bytes, size_t size, GError **error)
{
	const uint8_t *at = bytes;

	if (net->failure)
		return net_tell(net, error);
	if (net->out->len == 0 && net->stream && net->stream->write_buffer_len > 0 && !net_flush(net, error))
		return false;
	while (size > 0) {
		size_t n = MIN(size, (size_t)NET_AHEAD_BYTES - net->out->len);

		g_byte_array_append(net->out, at, (guint)n);
		at += n;
		size -= n;
		if (net->out->len >= NET_AHEAD_BYTES && !send_out(net))
			return net_tell(net, error);
	}
	return true;
}

bool
net_printf(Net *net, GError **error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	char *line = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	size_t size = strlen(line);
	bool fine = !strpbrk(line, "\r\n");
	bool sent = fine ? net_write(net, line, size, error) && net_write(net, "\r\n", 2, error)
			 : error_set(error, ERROR_INPUT, "a line break inside a command is not allowed");
	OPENSSL_cleanse(line, size);
	g_free(line);
	return sent;
}

/* Bytes of the current line in what was read ahead, with its LF; 0: it goes on. */
static size_t
line_here(const Net *net, const GByteArray *line, bool bare_lf)
{
	const uint8_t *start = net->ahead + net->ahead_at, *end = net->ahead + net->ahead_end;

	for (const uint8_t *at = start; at < end; at++) {
		at = memchr(at, '\n', (size_t)(end - at));
		if (!at)
			return 0;
		bool cr = at > start ? at[-1] == '\r' : line->len > 0 && line->data[line->len - 1] == '\r';
		if (cr || bare_lf)
			return (size_t)(at - start) + 1;
	}
	return 0;
}

static bool
read_line(Net *net, GByteArray *line, size_t max_bytes, bool bare_lf, GError **error)
{
	bool ended = false;

	g_byte_array_set_size(line, 0);
	if (net->out->len > 0 && !net_flush(net, error))
		return false;
	while (!ended) {
		if (!net_fill(net))
			return net_tell(net, error);
		size_t n = line_here(net, line, bare_lf);
		ended = n > 0;
		if (!ended)
			n = net->ahead_end - net->ahead_at;
		if (line->len + n > max_bytes + 2) {
			net_break(net, ERROR_PROTOCOL, "%s: a line of the server is longer than %zu bytes", net->where, max_bytes);
			return net_tell(net, error);
		}
		g_byte_array_append(line, net->ahead + net->ahead_at, (guint)n);
		net->ahead_at += n;
	}
	g_byte_array_set_size(line, line->len - 1);
	if (line->len > 0 && line->data[line->len - 1] == '\r')
		g_byte_array_set_size(line, line->len - 1);
	return true;
}

bool
net_read_line(Net *net, GByteArray *line, size_t max_bytes, GError **error)
{
	return read_line(net, line, max_bytes, false, error);
}

bool
net_read_reply(Net *net, GByteArray *line, size_t max_bytes, GError **error)
{
	return read_line(net, line, max_bytes, true, error);
}

bool
net_wait(Net *net, int timeout_ms, bool *ret_input, bool *ret_control, GError **error)
{
	int64_t until = g_get_monotonic_time() + (int64_t)timeout_ms * 1000;

	*ret_input = *ret_control = false;
	if (!net_flush(net, error))
		return false;
	if (net->stream && net->stream->read_buffer_len > 0) {
		*ret_input = true;
		return true;
	}
	for (;;) {
		/* Through TLS a readable socket may hold no data for us, such as a session ticket. */
		NetIo io = net_receive(net);
		struct pollfd fds[] = { { .fd = net->fd, .events = io == NET_IO_WRITE ? POLLOUT : POLLIN }, { .fd = net->control_fd, .events = POLLIN } };
		int64_t left_us = until - g_get_monotonic_time();

		*ret_input = io == NET_IO_OK || io == NET_IO_BROKEN;
		if (poll(fds, G_N_ELEMENTS(fds), *ret_input || left_us <= 0 ? 0 : (int)(left_us / 1000) + 1) < 0)
			fds[0].revents = fds[1].revents = 0;
		*ret_control = fds[1].revents != 0;
		if (*ret_input || *ret_control || (left_us <= 0 && !fds[0].revents))
			return true;
	}
}

/* ---- the driver under libetpan ---- */

static ssize_t
driver_read(mailstream_low *low, void *buffer, size_t size)
{
	Net *net = low->data;

	if ((net->out->len > 0 && !send_out(net)) || !net_fill(net))
		return -1;	/* end of stream too: 0 would make libetpan spin inside a literal */
	size_t n = MIN(size, net->ahead_end - net->ahead_at);
	memcpy(buffer, net->ahead + net->ahead_at, n);
	net->ahead_at += n;
	return (ssize_t)n;
}

static ssize_t
driver_write(mailstream_low *low, const void *bytes, size_t size)
{
	Net *net = low->data;

	if (!send_out(net) || !net_send_all(net, bytes, size))
		return -1;
	return (ssize_t)size;
}

static int
driver_close(mailstream_low *low)
{
	(void)low;	/* net_close does it */
	return 0;
}

static int
driver_get_fd(mailstream_low *low)
{
	return ((Net *)low->data)->fd;
}

static void
driver_free(mailstream_low *low)
{
	((Net *)low->data)->stream = NULL;
	free(low);
}

static void
driver_cancel(mailstream_low *low)
{
	net_break(low->data, ERROR_CANCELLED, "cancelled");
}

/* libetpan takes it without const and never writes to it. */
static mailstream_low_driver net_driver = {
	.mailstream_read = driver_read,
	.mailstream_write = driver_write,
	.mailstream_close = driver_close,
	.mailstream_get_fd = driver_get_fd,
	.mailstream_free = driver_free,
	.mailstream_cancel = driver_cancel,
};

mailstream *
net_stream(Net *net)
{
	if (net->stream)
		return net->stream;
	mailstream_low *low = mailstream_low_new(net, &net_driver);
	/* A larger buffer is slower: every line moves the rest of it. The read-ahead is ours. */
	net->stream = low ? mailstream_new(low, 8192) : NULL;
	return net->stream;
}
