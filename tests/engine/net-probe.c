/* tests/engine/net-probe.c: opens one connection as its arguments say and prints what it saw, for test-net.py */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "src/engine/net.h"

static void
print_step(void *data, const char *step, Verdict verdict, const char *text)
{
	(void)data;
	printf("step %s %d %s\n", step, (int)verdict, text);
}

static int
print_error(const GError *error)
{
	printf("error %s: %s\n", error_nick(error->code), error->message);
	return 1;
}

static bool
print_line(Net *net, GError **error)
{
	g_autoptr(GByteArray) line = g_byte_array_new();

	if (!net_read_line(net, line, 4096, error))
		return false;
	printf("line %.*s\n", (int)line->len, (const char *)line->data);
	return true;
}

/* Through libetpan's buffer, as the IMAP engine reads. */
static bool
read_stream(Net *net, size_t size, GError **error)
{
	char buffer[1000];
	size_t total = 0;

	while (total < size) {
		ssize_t n = mailstream_read(net_stream(net), buffer, sizeof buffer);
		if (n <= 0)
			return net_fail(net, ERROR_PROTOCOL, error, "after %zu bytes", total);
		total += (size_t)n;
	}
	printf("bytes %zu\n", total);
	return true;
}

static bool
wait_twice(Net *net, GError **error)
{
	bool input, control;

	if (!net_wait(net, 100, &input, &control, error))
		return false;
	printf("wait %d %d\n", input, control);
	if (!net_wait(net, 3000, &input, &control, error))
		return false;
	printf("wait %d %d\n", input, control);
	return true;
}

static bool
cancel_now(void *data)
{
	(void)data;
	return true;
}

/* Each letter is an action: l read a line, s "STARTTLS" + line + handshake, e read 200 kB through libetpan, w wait, b budget of
 * 1000 bytes, t silence limit 1 s, d deadline 1 s, p print the facts. */
static bool
act(Net *net, char action, GError **error)
{
	g_autofree char *facts = NULL;

	switch (action) {
	case 'l':
		return print_line(net, error);
	case 's':
		return net_printf(net, error, "STARTTLS") && net_flush(net, error) && print_line(net, error) && net_starttls(net, error);
	case 'e':
		return read_stream(net, 200 * 1000, error);
	case 'w':
		return wait_twice(net, error);
	case 'b':
		net_set_budget(net, 1000);
		return true;
	case 't':
		net_set_timeout(net, 1);
		return true;
	case 'd':
		net_set_deadline(net, 1);
		return true;
	case 'p':
		facts = net_describe(net);
		printf("facts %s\n", facts);
		return true;
	default:
		return net_printf(net, error, "two\r\nlines");
	}
}

int
main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	ServerUrl url = { .protocol = PROTOCOL_IMAP };
	NetOptions options = { .url = &url, .control_fd = -1, .step = print_step };

	if (argc < 6)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	url.host = argv[1];
	url.port = (uint16_t)atoi(argv[2]);
	url.tls = strcmp(argv[3], "tls") == 0 ? TLS_IMPLICIT : strcmp(argv[3], "starttls") == 0 ? TLS_STARTTLS : TLS_NONE;
	options.ca_file = strcmp(argv[4], "-") == 0 ? NULL : argv[4];
	options.imap_guard = argc > 6 && strchr(argv[6], 'g');
	if (argc > 6 && strchr(argv[6], 'c')) {
		options.control_fd = 0;
		options.interrupted = cancel_now;
	}
	Net *net = net_open(&options, &error);
	if (!net)
		return print_error(error);
	bool fine = true;
	for (const char *at = argv[5]; *at && fine; at++)
		fine = act(net, *at, &error);
	if (!fine) {
		/* sticky: the second try fails too */
		bool again = print_line(net, NULL);
		printf("sticky %d\n", !again);
	}
	net_close(net);
	return fine ? 0 : print_error(error);
}
