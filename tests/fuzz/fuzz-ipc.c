/* tests/fuzz/fuzz-ipc.c: a peer that writes anything: frames that decode are encoded to the very same bytes */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "surel/ipc.h"

enum { STREAM_MAX_BYTES = 64 << 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
decode_alone(const uint8_t *data, size_t size)
{
	Frame frame;
	if (!frame_decode(data, size, &frame, NULL))
		return;
	g_autoptr(GByteArray) wire = frame_encode(&frame);
	g_assert_cmpuint(wire->len, ==, size + 4);
	g_assert_true(memcmp(wire->data + 4, data, size) == 0);
	frame_clear(&frame);
}

/* The bytes as a stream, and then its end. */
static void
read_stream(const uint8_t *data, size_t size)
{
	int ends[2];
	if (size > STREAM_MAX_BYTES || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return;
	if (size && send(ends[1], data, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		size = 0;
	close(ends[1]);
	Channel *channel = channel_new(ends[0]);
	Frame frame;
	ChannelRead last;
	size_t frames = 0;
	for (last = channel_read(channel, &frame); last == CHANNEL_FRAME; last = channel_read(channel, &frame)) {
		frame_clear(&frame);
		frames++;
	}
	g_assert_cmpint(last, ==, CHANNEL_CLOSED);
	g_assert_cmpuint(frames, <=, size / 6);
	channel_free(channel);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	decode_alone(data, size);
	read_stream(data, size);
	return 0;
}
