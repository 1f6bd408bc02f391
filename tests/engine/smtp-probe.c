/* tests/engine/smtp-probe.c: hands one file to an SMTP server and prints what came of it, for test-smtp.py */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "src/engine/smtp.h"

static void
print_rcpt(void *data, const char *address, int code, const char *text)
{
	(void)data;
	printf("rcpt %s %d %s\n", address, code, text);
}

static const char *
verdict_name(SmtpVerdict verdict)
{
	static const char *const names[] = { "ready", "accepted", "later", "refused", "auth", "lost", "broken" };

	return names[verdict];
}

static int
print_error(const GError *error)
{
	printf("error %s: %s\n", error_nick(error->code), error->message);
	return 1;
}

static void
send_once(Smtp *smtp, const SmtpMail *mail)
{
	g_autofree char *why = NULL, *last = NULL;
	SmtpVerdict verdict = smtp_send(smtp, mail, print_rcpt, NULL, &why);

	printf("send %s: %s\n", verdict_name(verdict), why ? why : "");
	if (verdict == SMTP_READY) {
		verdict = smtp_commit(smtp, &last);
		printf("commit %s: %s\n", verdict_name(verdict), last ? last : "");
	}
	printf("usable %d\n", smtp_usable(smtp));
}

/* smtp-probe HOST PORT tls|starttls|plain CA USER SECRET FLAGS FILE FROM TO...; flags: o token, 8 8-bit, u SMTPUTF8, s split,
 * 2 send twice */
int
main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	ServerUrl url = { .protocol = PROTOCOL_SMTP };

	if (argc < 11)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	url.host = argv[1];
	url.port = (uint16_t)atoi(argv[2]);
	url.tls = strcmp(argv[3], "tls") == 0 ? TLS_IMPLICIT : strcmp(argv[3], "starttls") == 0 ? TLS_STARTTLS : TLS_NONE;
	NetOptions options = { .url = &url, .control_fd = -1, .ca_file = argv[4], .timeout_s = 2 };
	const char *flags = argv[7];
	SmtpMail mail = { .path = argv[8], .from = argv[9], .to = argv + 10, .eightbit = strchr(flags, '8'), .smtputf8 = strchr(flags, 'u'), .split = strchr(flags, 's') };
	Smtp *smtp = smtp_open(&options, &error);
	if (!smtp)
		return print_error(error);
	g_autofree char *facts = smtp_describe(smtp);
	printf("facts %s\n", facts);
	bool fine = !smtp_wants_login(smtp) || smtp_login(smtp, argv[5], argv[6], strchr(flags, 'o'), &error);
	if (fine) {
		send_once(smtp, &mail);
		if (strchr(flags, '2') && smtp_usable(smtp))
			send_once(smtp, &mail);
	}
	smtp_close(smtp);
	return fine ? 0 : print_error(error);
}
