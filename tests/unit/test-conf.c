/* tests/unit/test-conf.c: what surel.conf may say, and what every mistake in it gets */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "surel/conf.h"

static char *dir;

#define GOOD_ACCOUNT "[account a]\nfrom = A <a@example.org>\nincoming = imaps://i\n"

static const char good[] =
	"\xef\xbb\xbf# comment\r\n"
	"[general]\r\n"
	"theme = light\r\n"
	"  undo_send=30  \r\n"
	"mouse = off\n"
	"quote_intro = %n wrote # this: a = b\n"
	"\n"
	"[account work]\n"
	"from = \"Rahma, Siti\" <siti@contoh.id>\n"
	"alias = siti.rahma@contoh.id, *@rahma.contoh.id\n"
	"signature = Salam,\\nSiti\n"
	"from = help@contoh.id\n"
	"incoming = imap+starttls://mail.contoh.id:1143\n"
	"outgoing = smtps://relay%40x@mail.contoh.id/\n"
	"password_command = pass show 'mail/work' | head -1 # all of it\n"
	"poll = 5 minutes\n"
	"keep_offline = 90 days\n"
	"sent = Sent Items\n"
	"notify = no\n"
	"[account old.home-1]\n"
	"from = Siti <siti@example.net>\n"
	"incoming = pop3s://[2001:db8::1]\n"
	"user = s\n"
	"leave_on_server = 30\n"
	"[account local]\n"
	"incoming = maildir:///var/mail/siti\n"
	"[keys list]\n"
	"= = first\n"
	"gg=first\n"
	"[ = back\n";

static void
test_good_file_has_no_problems(void)
{
	g_autoptr(Config) config = config_parse("surel.conf", good);
	g_autofree char *report = config_report(config);
	g_assert_cmpstr(report, ==, "surel.conf: no problems; 3 accounts can be used\n");
	g_assert_cmpstr(config_text(config, OPTION_theme), ==, "light");
	g_assert_cmpint(config_int(config, OPTION_undo_send), ==, 30);
	g_assert_false(config_bool(config, OPTION_mouse));
	g_assert_true(config_bool(config, OPTION_show_threads));
	g_assert_cmpstr(config_text(config, OPTION_quote_intro), ==, "%n wrote # this: a = b");

	g_assert_cmpuint(config->bindings->len, ==, 3);
	static const char *const keys[] = { "=", "gg", "[" };
	for (guint i = 0; i < 3; i++)
		g_assert_cmpstr(((const KeyBinding *)g_ptr_array_index(config->bindings, i))->keys, ==, keys[i]);
}

static void
test_good_account_is_read_whole(void)
{
	g_autoptr(Config) config = config_parse("surel.conf", good);
	const Account *work = config_account(config, "work");
	g_assert_cmpstr(work->user, ==, "siti@contoh.id");
	g_assert_cmpint(work->incoming.protocol, ==, PROTOCOL_IMAP);
	g_assert_cmpint(work->incoming.tls, ==, TLS_STARTTLS);
	g_assert_cmpuint(work->incoming.port, ==, 1143);
	g_assert_cmpstr(work->outgoing.user, ==, "relay@x");
	g_assert_cmpstr(work->outgoing.host, ==, "mail.contoh.id");
	g_assert_cmpuint(work->outgoing.port, ==, 465);
	g_assert_cmpstr(work->password_command, ==, "pass show 'mail/work' | head -1 # all of it");
	g_assert_cmpuint(work->poll_seconds, ==, 300);
	g_assert_cmpint(work->keep, ==, KEEP_DAYS);
	g_assert_cmpuint(work->keep_days, ==, 90);
	g_assert_cmpstr(work->folder_names[3], ==, "Sent Items");
	g_assert_false(work->notify);
	g_assert_true(work->send_copy);
	g_assert_cmpuint(work->identities->len, ==, 2);
	const Identity *first = g_ptr_array_index(work->identities, 0), *second = g_ptr_array_index(work->identities, 1);
	g_assert_cmpstr(first->name, ==, "Rahma, Siti");
	g_assert_cmpstr(first->signature, ==, "Salam,\nSiti");
	g_assert_cmpstr(second->address, ==, "help@contoh.id");
	g_assert_cmpstr(second->name, ==, "");
	g_assert_true(account_identity_for(work, "SITI@Contoh.ID") == first);
	g_assert_true(account_identity_for(work, "anything@rahma.contoh.id") == first);
	g_assert_true(account_identity_for(work, "help@contoh.id") == second);
	g_assert_null(account_identity_for(work, "other@contoh.id"));
	g_assert_null(account_identity_for(work, NULL));

	const Account *home = config_account(config, "old.home-1");
	g_assert_cmpstr(home->incoming.host, ==, "2001:db8::1");
	g_assert_cmpuint(home->incoming.port, ==, 995);
	g_assert_cmpint(home->leave, ==, LEAVE_DAYS);
	g_assert_cmpuint(home->leave_days, ==, 30);
	g_assert_cmpstr(home->user, ==, "s");
	g_assert_null(home->outgoing.host);
	g_assert_cmpstr(config_account(config, "local")->incoming.path, ==, "/var/mail/siti");
	g_assert_null(config_account(config, "nobody"));
	g_assert_null(config_account(config, NULL));
}

/* Each row: a file, the report's first line (without name), and whether the account survives. */
typedef struct Mistake {
	const char *text, *problem;
	bool usable;
} Mistake;

static const Mistake mistakes[] = {
	{ "wrap = 80\n" GOOD_ACCOUNT, "1: wrap: stands before the first section; [general] or [account NAME] is missing above it", true },
	{ "[acount a]\nx = y\n" GOOD_ACCOUNT, "1: [acount a] unknown section; did you mean \"account\"?", true },
	{ "[zzz]\n" GOOD_ACCOUNT, "1: [zzz] unknown section", true },
	{ "[general x]\n" GOOD_ACCOUNT, "1: [general x] takes no name: [general]", true },
	{ "[account]\n" GOOD_ACCOUNT, "1: [account] needs a name: [account NAME]", true },
	{ "[general\n" GOOD_ACCOUNT, "1: [general] the section line does not end in \"]\"", true },
	{ "[general]\nhello\n" GOOD_ACCOUNT, "2: [general] this line is neither [section], nor key = value, nor a # comment", true },
	{ "[general]\n= 5\n" GOOD_ACCOUNT, "2: [general] there is no key before the \"=\"", true },
	{ "[general]\nwrp = 80\n" GOOD_ACCOUNT, "2: [general] wrp: unknown key; did you mean \"wrap\"?", true },
	{ "[general]\nshow_thraeds = no\n" GOOD_ACCOUNT, "2: [general] show_thraeds: unknown key; did you mean \"show_threads\"?", true },
	{ "[general]\nwrap = 10\n" GOOD_ACCOUNT, "2: [general] wrap: must be a number from 20 to 400 columns", true },
	{ "[general]\nundo_send = soon\n" GOOD_ACCOUNT, "2: [general] undo_send: must be a number from 0 to 3600 seconds", true },
	{ "[general]\nbell = loud\n" GOOD_ACCOUNT, "2: [general] bell: must be yes or no", true },
	{ "[general]\nbell = \xff\n" GOOD_ACCOUNT, "2: this line is not UTF-8", true },
	{ "[keys list]\nx =\n" GOOD_ACCOUNT, "2: [keys list] x: there is no command after the \"=\"", true },
	{ GOOD_ACCOUNT "incomming = x\n", "4: [account a] incomming: unknown key; did you mean \"incoming\"?", true },
	{ GOOD_ACCOUNT "incoming = pop3s://p\n", "4: [account a] incoming: is set twice (first on line 3); this one counts", true },
	{ GOOD_ACCOUNT "[account A]\nincoming = imaps://i\n", "4: [account A] there is an account of this name above already", true },
	{ GOOD_ACCOUNT "password = geheim\n",
	  "4: [account a] password: a password does not belong in this file; use password_command, or the file \"secrets\" beside it (mode 0600)", false },
	{ GOOD_ACCOUNT "poll = often\n", "4: [account a] poll: must be a time such as 300 seconds or 5 minutes, at most a day", false },
	{ GOOD_ACCOUNT "poll = 25 hours\n", "4: [account a] poll: must be a time such as 300 seconds or 5 minutes, at most a day", false },
	{ GOOD_ACCOUNT "poll = 0\n", "4: [account a] poll: must be a time such as 300 seconds or 5 minutes, at most a day", false },
	{ GOOD_ACCOUNT "notify = 7\n", "4: [account a] notify: must be yes or no", false },
	{ GOOD_ACCOUNT "sent =\n", "4: [account a] sent: is empty", false },
	{ GOOD_ACCOUNT "keep_offline = some\n", "4: [account a] keep_offline: must be all, headers, or a number of days such as 90 days", false },
	{ GOOD_ACCOUNT "leave_on_server = 30 weeks\n",
	  "4: [account a] leave_on_server: must be yes, no, until-deleted, or a number of days such as 30 days", false },
	{ GOOD_ACCOUNT "leave_on_server = yes\n", "1: [account a] leave_on_server has an effect for pop3 only", true },
	{ GOOD_ACCOUNT "ca_file = ca.pem\n", "4: [account a] ca_file: the path must begin with / or ~/", false },
	{ GOOD_ACCOUNT "ca_file = /nonexistent/ca.pem\n", "4: [account a] ca_file: /nonexistent/ca.pem cannot be read", true },
	{ GOOD_ACCOUNT "signature = /nonexistent/sig\n", "4: [account a] signature: cannot read /nonexistent/sig: No such file or directory", true },
	{ GOOD_ACCOUNT "alias = me\n", "4: [account a] alias: \"me\" is not an address (* may stand before or after the @)", true },
	{ GOOD_ACCOUNT "from = nobody\n", "4: [account a] from: must be an address, as in Siti Rahma <siti@example.org>", false },
	{ GOOD_ACCOUNT "from = X <x@y\n", "4: [account a] from: the address does not end in \">\"", false },
	{ GOOD_ACCOUNT "from = X <x@y\x01z>\n", "4: [account a] from: must be an address, as in Siti Rahma <siti@example.org>", false },
	{ GOOD_ACCOUNT "from = X <x y@z>\n", "4: [account a] from: must be an address, as in Siti Rahma <siti@example.org>", false },
	{ GOOD_ACCOUNT "password_command = a\ntoken_command = b\n",
	  "1: [account a] both password_command and token_command are set; the token is used", true },
	{ "[account a]\nfrom = a@b\n", "1: [account a] incoming is missing; add one such as incoming = imaps://mail.example.org", false },
	{ "[account a]\nincoming = maildir:///m\noutgoing = smtps://s\n",
	  "1: [account a] from is missing; add one such as from = Siti Rahma <siti@example.org>", false },
	{ "[account a]\nincoming = imaps://s\n", "1: [account a] the user name is missing; add user = NAME, or from = ...", false },
	{ "[account ../x]\nfrom = a@b\nincoming = imaps://s\n",
	  "1: [account ../x] the account's name may hold letters, digits, \".\", \"_\" and \"-\" only (at most 64), not first . or -", false },
	{ "[account .]\nfrom = a@b\nincoming = imaps://s\n",
	  "1: [account .] the account's name may hold letters, digits, \".\", \"_\" and \"-\" only (at most 64), not first . or -", false },
};

/* URL -> what is wrong with it. */
static const char *const bad_incoming[][2] = {
	{ "mail.example.org", "write a URL such as imaps://mail.example.org" },
	{ "imap://mail.example.org", "imap:// does not say how the connection is protected; use imaps:// or imap+starttls://" },
	{ "smtps://mail.example.org", "smtps:// does not receive; use imaps://, pop3s:// or maildir://" },
	{ "impas://mail.example.org",
	  "unknown scheme impas://; did you mean \"imaps\"? (imaps://, imap+starttls://, imap+insecure://, pop3s://, pop3+starttls://, pop3+insecure://, "
	  "maildir://)" },
	{ "imaps://", "there is no host name" },
	{ "imaps://mail example", "\"mail example\" is not a host name" },
	{ "imaps://-x", "\"-x\" is not a host name" },
	{ "imaps://mail:0", "the port must be a number from 1 to 65535" },
	{ "imaps://mail:65536", "the port must be a number from 1 to 65535" },
	{ "imaps://mail:", "the port must be a number from 1 to 65535" },
	{ "imaps://mail/INBOX", "nothing may follow the host (and port)" },
	{ "imaps://[::1", "an IPv6 address is written [::1] or [::1]:993" },
	{ "imaps://me:pw@mail", "a password does not belong in the URL; use password_command or the secrets file" },
	{ "imaps://@mail", "the user before \"@\" is not readable" },
	{ "maildir://relative", "the path must begin with / or ~/, as in maildir:///home/me/Mail" },
	{ "imap+insecure://mail.example.org", "password and mail travel unprotected; prefer +starttls or the s:// scheme" },
};

/* The whole report is compared, so that a second complaint about one mistake is seen. */
static void
assert_only_problem(const Config *config, const char *problem)
{
	g_autofree char *report = config_report(config);
	g_autofree char *wanted = g_strdup_printf("f:%s\n1 problem; %u account%s can be used\n", problem, config->accounts->len,
						  config->accounts->len == 1 ? "" : "s");
	g_assert_cmpstr(report, ==, wanted);
}

static void
test_every_mistake_names_line_key_and_cure(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(mistakes); i++) {
		g_autoptr(Config) config = config_parse("f", mistakes[i].text);
		assert_only_problem(config, mistakes[i].problem);
		g_assert_cmpint(config_account(config, "a") != NULL, ==, mistakes[i].usable);
	}
}

static void
test_every_bad_url_says_why(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(bad_incoming); i++) {
		g_autofree char *text = g_strdup_printf("[account a]\nfrom = a@b\nincoming = %s\n", bad_incoming[i][0]);
		g_autoptr(Config) config = config_parse("f", text);
		g_autofree char *wanted = g_strdup_printf("3: [account a] incoming: %s", bad_incoming[i][1]);
		assert_only_problem(config, wanted);
	}
	g_autoptr(Config) config = config_parse("f", "[account a]\nfrom = a@b\nincoming = imaps://i\noutgoing = imaps://i\n");
	g_autofree char *line = config_problem_line(g_ptr_array_index(config->problems, 0));
	g_assert_cmpstr(line, ==, "f:4: [account a] outgoing: imaps:// does not send; use smtps:// or smtp+starttls://");
}

static void
test_all_mistakes_are_told_at_once_in_order(void)
{
	g_autoptr(Config) config = config_parse("f", "[account b]\nincoming = imap://x\npol = 3\n[general]\nwrap = 1\nx\n[account c]\n" GOOD_ACCOUNT);
	g_autofree char *report = config_report(config);
	unsigned before = 0;
	for (guint i = 0; i < config->problems->len; i++) {
		const ConfigProblem *problem = g_ptr_array_index(config->problems, i);
		g_assert_cmpuint(problem->line, >=, before);
		before = problem->line;
	}
	g_assert_cmpuint(config->problems->len, ==, 5);
	g_assert_nonnull(strstr(report, "5 problems; 1 account can be used\n"));
}

static void
test_control_characters_do_not_reach_the_report(void)
{
	g_autoptr(Config) config = config_parse("f", "[gen\x1b]0;x]\n\x1b[2J = 1\n");
	g_autofree char *report = config_report(config);
	g_assert_null(strchr(report, '\x1b'));
}

static void
test_set_at_run_time_is_checked(void)
{
	g_autoptr(Config) config = config_parse("f", "");
	g_autoptr(GError) error = NULL;
	g_assert_true(config_set(config, "wrap", "100", NULL));
	g_assert_cmpint(config_int(config, OPTION_wrap), ==, 100);
	g_assert_false(config_set(config, "wrap", "1000", &error));
	g_assert_error(error, SUREL_ERROR, ERROR_INPUT);
	g_assert_cmpstr(error->message, ==, "wrap must be a number from 20 to 400 columns");
	g_assert_cmpint(config_int(config, OPTION_wrap), ==, 100);
	g_clear_error(&error);
	g_assert_false(config_set(config, "warp", "1", &error));
	g_assert_cmpstr(error->message, ==, "there is no option warp; did you mean \"wrap\"?");
	g_assert_true(config_set(config, "hints", "NO", NULL));
	g_assert_false(config_bool(config, OPTION_hints));
}

static void
test_presets_are_valid_values(void)
{
	g_autoptr(Config) config = config_parse("f", "");
	for (unsigned i = 0; i < OPTION_COUNT; i++) {
		const OptionRow *row = option_row((OptionId)i);
		g_autoptr(GError) error = NULL;
		g_assert_true(config_set(config, row->name, row->preset, &error));
		g_assert_cmpstr(config_text(config, (OptionId)i), ==, row->preset);
		g_assert_cmpstr(row->help, !=, "");
	}
}

static void
write_file(const char *name, const char *text, int mode)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	g_assert_true(os_replace_file(path, text, strlen(text), (unsigned)mode, NULL));
}

static void
test_load_tells_missing_from_unreadable(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = g_build_filename(dir, "surel.conf", NULL);
	g_assert_null(config_load(NULL, &error));
	g_assert_error(error, SUREL_ERROR, ERROR_NOT_FOUND);
	g_clear_error(&error);
	write_file("surel.conf", GOOD_ACCOUNT, 0600);
	g_autoptr(Config) config = config_load(NULL, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(config->path, ==, path);
	g_assert_null(config_load(dir, &error));
	g_assert_nonnull(error);
	g_clear_error(&error);
	g_autofree char *binary = g_build_filename(dir, "binary", NULL);
	g_assert_true(os_replace_file(binary, "a\0b", 3, 0600, NULL));
	g_assert_null(config_load(binary, &error));
	g_assert_error(error, SUREL_ERROR, ERROR_CONFIG);
}

static char *
secret_of(const char *keys, bool smtp, bool *ret_is_token, GError **error)
{
	g_autofree char *text = g_strconcat(GOOD_ACCOUNT, keys, NULL);
	g_autoptr(Config) config = config_parse("f", text);
	return account_secret(config_account(config, "a"), smtp, ret_is_token, error);
}

static void
assert_secret(const char *keys, bool smtp, const char *wanted, bool wanted_token)
{
	g_autoptr(GError) error = NULL;
	bool is_token = !wanted_token;
	char *secret = secret_of(keys, smtp, &is_token, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(secret, ==, wanted);
	g_assert_cmpint(is_token, ==, wanted_token);
	os_free_secret(secret);
}

static void
test_secret_comes_from_where_it_should(void)
{
	write_file("secrets", "# mine\nab = no\na/smtp = relay word\n  a   =  hunter=2  \n", 0600);
	assert_secret("", false, "hunter=2", false);
	assert_secret("", true, "relay word", false);
	assert_secret("password_command = echo cmd\n", false, "cmd", false);
	assert_secret("password_command = echo cmd\n", true, "relay word", false);
	assert_secret("token_command = echo tok\n", false, "tok", true);
	assert_secret("token_command = echo tok\nsmtp_password_command = echo relay\n", true, "relay", false);
	write_file("secrets", "a = one", 0600);
	assert_secret("", true, "one", false);
	assert_secret("token_command = echo tok\n", true, "tok", true);
	g_autofree char *path = config_secrets_path();
	g_assert_cmpint(g_unlink(path), ==, 0);
	assert_secret("password_command = echo cmd\n", true, "cmd", false);
}

static void
assert_no_secret(const char *keys, const char *words)
{
	g_autoptr(GError) error = NULL;
	bool is_token;
	g_assert_null(secret_of(keys, false, &is_token, &error));
	g_assert_error(error, SUREL_ERROR, ERROR_AUTH);
	if (!strstr(error->message, words))
		g_error("\"%s\" does not say \"%s\"", error->message, words);
}

static void
test_secret_refusals_say_what_to_do(void)
{
	assert_no_secret("", "set password_command, or add \"a = PASSWORD\"");
	assert_no_secret("password_command = echo locked >&2; exit 1\n", "a: password_command: the command failed with status 1: locked");
	write_file("secrets", "a = one\n", 0640);
	assert_no_secret("", "chmod 600");
	write_file("secrets", "b = one\na =\n", 0600);
	assert_no_secret("", "there is no password");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	dir = g_dir_make_tmp("surel-conf-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "surel.conf", NULL);
	g_setenv("SUREL_CONFIG", path, TRUE);
	g_test_add_func("/conf/good-file-has-no-problems", test_good_file_has_no_problems);
	g_test_add_func("/conf/good-account-is-read-whole", test_good_account_is_read_whole);
	g_test_add_func("/conf/every-mistake-names-line-key-and-cure", test_every_mistake_names_line_key_and_cure);
	g_test_add_func("/conf/every-bad-url-says-why", test_every_bad_url_says_why);
	g_test_add_func("/conf/all-mistakes-at-once-in-order", test_all_mistakes_are_told_at_once_in_order);
	g_test_add_func("/conf/control-characters-do-not-reach-the-report", test_control_characters_do_not_reach_the_report);
	g_test_add_func("/conf/set-at-run-time-is-checked", test_set_at_run_time_is_checked);
	g_test_add_func("/conf/presets-are-valid-values", test_presets_are_valid_values);
	g_test_add_func("/conf/load-tells-missing-from-unreadable", test_load_tells_missing_from_unreadable);
	g_test_add_func("/conf/secret-comes-from-where-it-should", test_secret_comes_from_where_it_should);
	g_test_add_func("/conf/secret-refusals-say-what-to-do", test_secret_refusals_say_what_to_do);
	int failed = g_test_run();
	static const char *const names[] = { "surel.conf", "secrets", "binary" };
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *file = g_build_filename(dir, names[i], NULL);
		g_unlink(file);
	}
	g_rmdir(dir);
	g_free(dir);
	return failed;
}
