/* engine/test.c: account test: every step to both servers, with a verdict and what to do */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "src/engine/engine.h"
#include "src/engine/smtp.h"

typedef struct Test {
	Engine engine;
	StepReport report;
	void *data;
	bool failed;
	const char *step;	/* the one an error would belong to */
	const char *prefix;	/* "SMTP " for the second server */
} Test;

static void
tell(Test *test, const char *step, Verdict verdict, const char *text)
{
	g_autofree char *name = g_strconcat(test->prefix, step, NULL);

	if (verdict == VERDICT_FAIL)
		test->failed = true;
	test->report(test->data, name, verdict, text);
}

/* What comes after a step that went well, for naming an error that nobody reported. */
static const char *
step_after(const char *step)
{
	static const char *const order[] = { "DNS", "TCP", "TLS", "capabilities", "login", "folders" };

	for (size_t i = 0; i + 1 < G_N_ELEMENTS(order); i++)
		if (g_ascii_strcasecmp(step, order[i]) == 0)
			return order[i + 1];
	return step;
}

static void
on_step(void *data, const char *step, Verdict verdict, const char *text)
{
	Test *test = data;

	if (verdict != VERDICT_FAIL) {
		g_autofree char *soon = verdict == VERDICT_WARN && strcmp(step, "TLS") == 0 ? g_strconcat(text, ". It must be renewed soon.", NULL) : NULL;
		test->step = step_after(step);
		tell(test, step, verdict, soon ? soon : text);
		return;
	}
	/* It is told with the error that follows: that knows the remedy. */
	test->step = step;
}

/* What ended the test of a server. */
static void
tell_error(Test *test, const GError *error)
{
	int code = error->domain == SUREL_ERROR ? error->code : ERROR_IO;
	g_autofree char *full = error_sentence(error);

	tell(test, code == ERROR_AUTH ? "login" : test->step, VERDICT_FAIL, full);
}

static void
test_incoming(Test *test)
{
	g_autoptr(GError) error = NULL;
	Engine *engine = &test->engine;
	const BackendOps *ops = engine->ops;

	test->prefix = "";
	test->step = engine->account->incoming.host ? "DNS" : "folders";
	engine->step = on_step;
	engine->step_data = test;
	if (!ops || !ops->open)
		return;
	if (!ops->open(engine, &error))
		tell_error(test, error);
	if (ops->close)
		ops->close(engine);
	g_clear_pointer(&engine->net, net_close);
}

static bool
test_login(Test *test, Smtp *smtp, GError **error)
{
	const Account *account = test->engine.account;
	const char *user = account->outgoing.user ? account->outgoing.user : account->user;
	bool is_token = false;

	if (!smtp_wants_login(smtp)) {
		tell(test, "login", VERDICT_WARN, "the server asks for no login; sending may work only from some networks");
		return true;
	}
	char *secret = account_secret(account, true, &is_token, error);
	bool fine = secret && smtp_login(smtp, user ? user : "", secret, is_token, error);
	os_free_secret(secret);
	if (fine)
		tell(test, "login", VERDICT_OK, is_token ? "the token was accepted" : "user and password were accepted");
	return fine;
}

static void
test_outgoing(Test *test)
{
	const Account *account = test->engine.account;
	g_autoptr(GError) error = NULL;

	test->prefix = "SMTP ";
	test->step = "DNS";
	if (!account->outgoing.host) {
		tell(test, "server", VERDICT_WARN, "no outgoing server is set, so this account cannot send; set \"outgoing\" in surel.conf");
		return;
	}
	Smtp *smtp = smtp_open(&(NetOptions){ .url = &account->outgoing, .ca_file = account->ca_file, .control_fd = -1, .step = on_step, .data = test, .timeout_s = 30 }, &error);
	if (!smtp) {
		tell_error(test, error);
		return;
	}
	g_autofree char *capabilities = smtp_describe(smtp);
	if (account->outgoing.tls == TLS_NONE)
		tell(test, "TLS", VERDICT_WARN, "the connection is not encrypted: everybody on the way can read password and mail");
	tell(test, "capabilities", VERDICT_OK, *capabilities ? capabilities : "none");
	test->step = "login";
	if (!test_login(test, smtp, &error))
		tell_error(test, error);
	smtp_close(smtp);
}

bool
account_test(const Account *account, StepReport report, void *data)
{
	Test test = { .report = report, .data = data, .prefix = "" };

	engine_init(&test.engine, NULL, account, NULL);
	test_incoming(&test);
	test_outgoing(&test);
	engine_clear(&test.engine);
	return !test.failed;
}
