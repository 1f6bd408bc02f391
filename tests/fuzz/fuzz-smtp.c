/* tests/fuzz/fuzz-smtp.c: whatever a submission server says: the session ends, and nothing counts as accepted without a 2yz */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "src/engine/smtp.h"
#include "tests/fuzz/fuzz-wire.h"

static void
ignore(void *data, const char *address, int code, const char *text)
{
	(void)data, (void)address;
	g_assert_true(code >= 200 && code < 600 && g_utf8_validate(text, -1, NULL));
}

static void
send_one(Smtp *smtp)
{
	char *to[] = { (char *)"a@example.org", (char *)"b@example.org", NULL };
	SmtpMail mail = { .from = "c@example.org", .to = to, .path = SUREL_SRCDIR "/tests/fuzz/seeds/smtp/message", .split = true };
	g_autofree char *why = NULL, *last = NULL;
	SmtpVerdict verdict = smtp_send(smtp, &mail, ignore, NULL, &why);

	g_assert_true(verdict != SMTP_ACCEPTED && verdict != SMTP_BROKEN);
	if (verdict != SMTP_READY)
		return;
	verdict = smtp_commit(smtp, &last);
	g_assert_true(verdict != SMTP_ACCEPTED || last[0] == '2');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ServerUrl url = { .protocol = PROTOCOL_SMTP, .tls = TLS_NONE, .host = (char *)"test", .port = 587 };
	NetOptions options = { .url = &url, .control_fd = -1, .timeout_s = 1 };
	g_autoptr(GError) error = NULL;
	int peer;
	Net *net = wire_new(data, size, &options, &peer);
	Smtp *smtp = net ? smtp_take(net, &options, &error) : NULL;

	if (smtp) {
		g_autofree char *facts = smtp_describe(smtp);
		g_assert_true(g_utf8_validate(facts, -1, NULL));
		if (!smtp_wants_login(smtp) || smtp_login(smtp, "user", "secret", false, NULL))
			send_one(smtp);
		smtp_close(smtp);
	}
	if (net)
		close(peer);
	return 0;
}
