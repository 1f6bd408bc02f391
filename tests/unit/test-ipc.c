/* tests/unit/test-ipc.c: frames cut anywhere, channels under pressure */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "surel/ipc.h"

/* ---- frames ---- */

static Frame
sample(FrameType type)
{
	Frame frame = { .type = type };
	switch ((int)type) {
	case FRAME_HELLO:
		frame.u.hello.version = 7;
		frame.u.hello.role = g_strdup("sync");
		frame.u.hello.account = g_strdup("kerja é");
		break;
	case FRAME_NEW_MAIL:
		frame.u.new_mail.folder = -5;
		frame.u.new_mail.count = 0xfffffffe;
		frame.u.new_mail.newest = INT64_MAX;
		break;
	case FRAME_RENDER_BYTES:
		frame.u.render_bytes.request = 9;
		frame.u.render_bytes.part = g_strdup("1.2");
		frame.u.render_bytes.bytes = g_bytes_new("a\0b\xff", 4);
		break;
	case FRAME_PROGRESS:
		frame.u.progress.what = g_strdup("INBOX");
		frame.u.progress.done = 1;
		frame.u.progress.total = 1LL << 40;
		break;
	default:
		break;
	}
	return frame;
}

static void
test_every_frame_survives_the_wire(void)
{
	for (unsigned type = 0; type < FRAME_COUNT; type++) {
		Frame frame = sample((FrameType)type), back = { 0 };
		g_autoptr(GByteArray) wire = frame_encode(&frame);
		uint32_t length;
		memcpy(&length, wire->data, 4);
		g_assert_cmpuint(GUINT32_FROM_LE(length) + 4, ==, wire->len);
		g_autoptr(GError) error = NULL;
		g_assert_true(frame_decode(wire->data + 4, wire->len - 4, &back, &error));
		g_assert_cmpuint(back.type, ==, type);
		g_autoptr(GByteArray) again = frame_encode(&back);
		g_assert_cmpmem(again->data, again->len, wire->data, wire->len);
		g_assert_cmpstr(frame_name((FrameType)type), !=, "unknown");
		frame_clear(&frame);
		frame_clear(&back);
	}
}

static void
test_fields_arrive_where_they_belong(void)
{
	Frame frame = sample(FRAME_NEW_MAIL), back;
	g_autoptr(GByteArray) wire = frame_encode(&frame);
	g_assert_true(frame_decode(wire->data + 4, wire->len - 4, &back, NULL));
	g_assert_cmpint(back.u.new_mail.folder, ==, -5);
	g_assert_cmpuint(back.u.new_mail.count, ==, 0xfffffffe);
	g_assert_cmpint(back.u.new_mail.newest, ==, INT64_MAX);
	Frame bytes = sample(FRAME_RENDER_BYTES), back_bytes;
	g_autoptr(GByteArray) wire_bytes = frame_encode(&bytes);
	g_assert_true(frame_decode(wire_bytes->data + 4, wire_bytes->len - 4, &back_bytes, NULL));
	g_assert_true(g_bytes_equal(bytes.u.render_bytes.bytes, back_bytes.u.render_bytes.bytes));
	g_assert_cmpstr(back_bytes.u.render_bytes.part, ==, "1.2");
	frame_clear(&bytes);
	frame_clear(&back_bytes);
}

static void
test_every_prefix_is_rejected(void)
{
	for (unsigned type = 0; type < FRAME_COUNT; type++) {
		Frame frame = sample((FrameType)type), back;
		g_autoptr(GByteArray) wire = frame_encode(&frame);
		for (size_t size = 0; size < wire->len - 4; size++) {
			g_autoptr(GError) error = NULL;
			g_autofree uint8_t *cut = g_memdup2(wire->data + 4, MAX(size, 1));	/* exact, so that a sanitizer sees a read beyond */
			g_assert_false(frame_decode(cut, size, &back, &error));
			g_assert_error(error, SUREL_ERROR, ERROR_PROTOCOL);
		}
		frame_clear(&frame);
	}
}

static void
test_longer_or_odd_payload_is_rejected(void)
{
	Frame frame = sample(FRAME_HELLO), back;
	g_autoptr(GByteArray) wire = frame_encode(&frame);
	g_byte_array_append(wire, (const uint8_t *)"x", 1);
	g_assert_false(frame_decode(wire->data + 4, wire->len - 4, &back, NULL));
	static const uint8_t unknown[] = { 0xff, 0xff }, nul_inside[] = { FRAME_JOURNAL_READY, 0, 3, 0, 0, 0, 'a', 0, 'b' };
	static const uint8_t huge_string[] = { FRAME_JOURNAL_READY, 0, 0xff, 0xff, 0xff, 0xff, 'a' };
	g_assert_false(frame_decode(unknown, sizeof(unknown), &back, NULL));
	g_assert_false(frame_decode(nul_inside, sizeof(nul_inside), &back, NULL));
	g_assert_false(frame_decode(huge_string, sizeof(huge_string), &back, NULL));
	frame_clear(&frame);
}

/* ---- channels ---- */

/* Away from 3, which is a worker's end and waits for its reader. */
static int
raised(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, 10);
	g_assert_cmpint(high, >=, 10);
	close(fd);
	return high;
}

static void
channel_pair(Channel **ret_a, Channel **ret_b)
{
	int ends[2];
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
	*ret_a = channel_new(raised(ends[0]));
	*ret_b = channel_new(raised(ends[1]));
}

static void
test_frames_come_in_order_and_then_nothing(void)
{
	Channel *a, *b;
	Frame got;
	channel_pair(&a, &b);
	g_assert_cmpint(channel_read(b, &got), ==, CHANNEL_EMPTY);
	for (uint32_t i = 0; i < 1000; i++) {
		Frame frame = { .type = FRAME_DONE, .u.done.request = i };
		g_assert_true(channel_send(a, &frame));
	}
	for (uint32_t i = 0; i < 1000; i++) {
		g_assert_cmpint(channel_read(b, &got), ==, CHANNEL_FRAME);
		g_assert_cmpuint(got.u.done.request, ==, i);
		channel_flush(a);
	}
	g_assert_cmpint(channel_read(b, &got), ==, CHANNEL_EMPTY);
	channel_free(a);
	g_assert_cmpint(channel_read(b, &got), ==, CHANNEL_CLOSED);
	g_assert_cmpint(channel_read(b, &got), ==, CHANNEL_CLOSED);
	Frame late = { .type = FRAME_DONE };
	channel_send(b, &late);
	g_assert_false(channel_send(b, &late));		/* EPIPE, and no signal */
	channel_free(b);
	channel_free(NULL);
}

static void
test_last_words_of_a_closed_peer_are_heard(void)
{
	Channel *a, *b;
	Frame got, frame = { .type = FRAME_DONE, .u.done.request = 5 };
	channel_pair(&a, &b);
	g_assert_true(channel_send(a, &frame));
	channel_free(a);
	while (channel_send(b, &frame))
		continue;
	g_assert_cmpint(channel_read(b, &got), ==, CHANNEL_FRAME);
	g_assert_cmpuint(got.u.done.request, ==, 5);
	g_assert_cmpint(channel_read(b, &got), ==, CHANNEL_CLOSED);
	channel_free(b);
}

static void
test_large_frame_crosses_in_pieces(void)
{
	Channel *a, *b;
	Frame got;
	enum { SIZE = 20 << 20 };
	channel_pair(&a, &b);
	g_autofree char *data = g_malloc(SIZE);
	memset(data, 'm', SIZE);
	Frame frame = { .type = FRAME_DOCUMENT };
	frame.u.document.bytes = g_bytes_new_static(data, SIZE);
	g_assert_true(channel_send(a, &frame));
	g_assert_true(channel_wants_write(a));
	ChannelRead read = CHANNEL_EMPTY;
	while (read == CHANNEL_EMPTY) {
		channel_flush(a);
		read = channel_read(b, &got);
	}
	g_assert_cmpint(read, ==, CHANNEL_FRAME);
	g_assert_true(g_bytes_equal(got.u.document.bytes, frame.u.document.bytes));
	g_assert_false(channel_wants_write(a));
	frame_clear(&got);
	frame_clear(&frame);
	channel_free(a);
	channel_free(b);
}

static void
test_reader_that_sleeps_is_given_up(void)
{
	Channel *a, *b;
	channel_pair(&a, &b);
	Frame frame = { .type = FRAME_DOCUMENT };
	g_autofree char *data = g_malloc0(8 << 20);
	frame.u.document.bytes = g_bytes_new_static(data, 8 << 20);
	int sent = 0;
	while (sent < 100 && channel_send(a, &frame))
		sent++;
	g_assert_cmpint(sent, >=, 4);
	g_assert_cmpint(sent, <, 100);
	frame_clear(&frame);
	channel_free(a);
	channel_free(b);
}

static void
test_bad_frame_closes_that_peer(void)
{
	static const struct {
		uint8_t bytes[12];
		size_t size;
	} rows[] = {
		{ { 0, 0, 0, 0 }, 4 },				/* no room for a type */
		{ { 0xff, 0xff, 0xff, 0x7f }, 4 },		/* 2 GiB announced */
		{ { 2, 0, 0, 0, 0xee, 0xee }, 6 },		/* unknown type */
		{ { 3, 0, 0, 0, FRAME_DONE, 0, 1 }, 7 },	/* short field */
		{ { 7, 0, 0, 0, FRAME_DONE, 0, 1, 0, 0, 0, 0 }, 11 },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		int ends[2];
		Frame got;
		g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
		Channel *channel = channel_new(ends[0]);
		Frame good = { .type = FRAME_DONE, .u.done.request = 3 };
		g_autoptr(GByteArray) wire = frame_encode(&good);
		g_assert_cmpint(write(ends[1], wire->data, wire->len), ==, wire->len);
		g_assert_cmpint(write(ends[1], rows[i].bytes, rows[i].size), ==, (ssize_t)rows[i].size);
		g_assert_cmpint(channel_read(channel, &got), ==, CHANNEL_FRAME);
		g_assert_cmpint(channel_read(channel, &got), ==, CHANNEL_CLOSED);
		g_assert_false(channel_send(channel, &good));
		char byte;
		g_assert_cmpint(read(ends[1], &byte, 1), ==, 0);	/* the peer is told by the end of the stream */
		channel_free(channel);
		close(ends[1]);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ipc/frame/every-one-survives-the-wire", test_every_frame_survives_the_wire);
	g_test_add_func("/ipc/frame/fields-arrive-where-they-belong", test_fields_arrive_where_they_belong);
	g_test_add_func("/ipc/frame/every-prefix-is-rejected", test_every_prefix_is_rejected);
	g_test_add_func("/ipc/frame/longer-or-odd-is-rejected", test_longer_or_odd_payload_is_rejected);
	g_test_add_func("/ipc/channel/in-order-and-then-nothing", test_frames_come_in_order_and_then_nothing);
	g_test_add_func("/ipc/channel/last-words-are-heard", test_last_words_of_a_closed_peer_are_heard);
	g_test_add_func("/ipc/channel/large-frame-crosses-in-pieces", test_large_frame_crosses_in_pieces);
	g_test_add_func("/ipc/channel/sleeping-reader-is-given-up", test_reader_that_sleeps_is_given_up);
	g_test_add_func("/ipc/channel/bad-frame-closes-that-peer", test_bad_frame_closes_that_peer);
	return g_test_run();
}
