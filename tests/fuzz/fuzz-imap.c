/* tests/fuzz/fuzz-imap.c: whatever an IMAP server says: the guard and the driver keep the libetpan parser from harm */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/engine/guard.h"
#include "src/engine/imap.h"
#include "tests/fuzz/fuzz-wire.h"

/* libetpan forgets a few words of a response that it cannot parse; the connection ends there, and with it the worker. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:libetpan";
}

/* The verdict must not depend on how the bytes came in. */
static void
guard_agrees_with_itself(const uint8_t *data, size_t size)
{
	Guard *whole = guard_new(), *slow = guard_new();
	const char *verdict = guard_feed(whole, data, size), *other = NULL;

	for (size_t i = 0; i < size && !other; i++)
		other = guard_feed(slow, data + i, 1);
	g_assert_true(verdict == other);
	guard_free(whole);
	guard_free(slow);
}

static void
parse_all(Net *net)
{
	mailimap *imap = mailimap_new(0, NULL);
	struct mailimap_response *response;

	if (mailimap_connect(imap, net_stream(net)) == MAILIMAP_NO_ERROR_NON_AUTHENTICATED) {
		imap->imap_state = MAILIMAP_STATE_SELECTED;
		for (int i = 0; i < 50 && mailimap_read_line(imap); i++) {
			response = NULL;
			if (mailimap_parse_response(imap, &response) != MAILIMAP_NO_ERROR)
				break;
			mailimap_response_free(response);
		}
	}
	mailimap_free(imap);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	ServerUrl url = { .protocol = PROTOCOL_IMAP, .tls = TLS_NONE, .host = (char *)"test", .port = 143 };
	NetOptions options = { .url = &url, .control_fd = -1, .timeout_s = 1, .imap_guard = true };
	int peer;

	if (!ready)
		imap_catch_register();
	ready = true;
	guard_agrees_with_itself(data, size);
	Net *net = wire_new(data, size, &options, &peer);
	if (!net)
		return 0;
	parse_all(net);
	net_close(net);
	close(peer);
	return 0;
}
