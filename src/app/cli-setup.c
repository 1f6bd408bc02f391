/* app/cli-setup.c: first run: says which file to write, or asks and writes it */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/app/cli.h"

#include <string.h>
#include <termios.h>
#include <unistd.h>

static const char example[] =
	"# surel.conf: one section for each account; see surel.conf(5)\n"
	"[account work]\n"
	"from = Siti Rahma <siti@example.org>\n"
	"# or pop3s://pop.example.org\n"
	"incoming = imaps://imap.example.org\n"
	"# or smtp+starttls://smtp.example.org\n"
	"outgoing = smtps://smtp.example.org\n"
	"# or put \"work = PASSWORD\" into the file \"secrets\" beside this one\n"
	"password_command = pass show mail/work\n";

static void
explain(const char *path)
{
	g_print("Write this file:\n\n    %s\n\nfor example:\n\n", path);
	g_auto(GStrv) lines = g_strsplit(example, "\n", -1);
	for (char **line = lines; *line; line++)
		g_print("    %s\n", *line);
	g_print("Then run `surel config check`, `surel account test work`, and `surel`.\n");
}

static char *
ask(const char *question, const char *preset, bool hidden)
{
	char line[1000] = "";
	struct termios before, quiet;
	bool changed = hidden && tcgetattr(STDIN_FILENO, &before) == 0;
	g_print(*preset ? "%s [%s]: " : "%s%s: ", question, preset);
	fflush(stdout);
	if (changed) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	bool got = fgets(line, sizeof(line), stdin) != NULL;
	if (changed) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		g_print("\n");
	}
	if (!got)
		return NULL;
	char *text = g_strdup(line);
	explicit_bzero(line, sizeof(line));
	g_strchomp(text);
	if (*text)
		return text;
	g_free(text);
	return g_strdup(preset);
}

/* The last answer is the preset of the next time; a password is never shown. */
static bool
ask_again(char **answer, const char *question, const char *preset, bool hidden)
{
	char *before = *answer;
	*answer = ask(question, before && *before && !hidden ? before : preset, hidden);
	if (hidden)
		os_free_secret(before);
	else
		g_free(before);
	return *answer != NULL;
}

typedef struct Answers { char *account, *name, *address, *kind, *incoming, *outgoing, *user, *password; } Answers;

static void
answers_clear(Answers *answers)
{
	g_free(answers->account);
	g_free(answers->name);
	g_free(answers->address);
	g_free(answers->kind);
	g_free(answers->incoming);
	g_free(answers->outgoing);
	g_free(answers->user);
	os_free_secret(answers->password);
}

static bool
ask_all(Answers *answers)
{
	if (!ask_again(&answers->name, "Your name", "", false))
		return false;
	for (;;) {
		if (!ask_again(&answers->address, "Your mail address", "", false))
			return false;
		const char *at = strchr(answers->address, '@');
		if (at && at != answers->address && at[1] && !strpbrk(answers->address, " <>\"(),;"))
			break;
		g_print("That is not an address such as siti@example.org.\n");
		g_clear_pointer(&answers->address, g_free);
	}
	const char *domain = strchr(answers->address, '@') + 1;
	g_print("With imap mail stays on the server and is mirrored here; with pop3 it is fetched\nand kept here.\n");
	for (;;) {
		if (!ask_again(&answers->kind, "imap or pop3", "imap", false))
			return false;
		if (g_str_equal(answers->kind, "imap") || g_str_equal(answers->kind, "pop3"))
			break;
		g_print("Type imap or pop3.\n");
	}
	g_autofree char *host = g_strdup_printf("%s.%s", g_str_equal(answers->kind, "imap") ? "imap" : "pop", domain), *smtp = g_strdup_printf("smtp.%s", domain);
	return ask_again(&answers->incoming, "Incoming server", host, false) && ask_again(&answers->outgoing, "Outgoing (SMTP) server", smtp, false) &&
	       ask_again(&answers->user, "User name", answers->address, false) && ask_again(&answers->password, "Password (not shown)", "", true);
}

/* "host", "host:port" or a whole URL. The ports that begin in clear (RFC 8314) get STARTTLS, all else TLS from the start. */
static char *
server_url(const char *kind, const char *typed)
{
	static const char *const clear_ports[] = { ":143", ":110", ":587", ":25" };
	if (strstr(typed, "://"))
		return g_strdup(typed);
	for (unsigned i = 0; i < G_N_ELEMENTS(clear_ports); i++)
		if (g_str_has_suffix(typed, clear_ports[i]))
			return g_strdup_printf("%s+starttls://%s", kind, typed);
	return g_strdup_printf("%ss://%s", kind, typed);
}

static bool
write_files(const Answers *answers, const char *path, GError **error)
{
	g_autofree char *dir = g_path_get_dirname(path), *secrets = config_secrets_path();
	g_autofree char *incoming = server_url(answers->kind, answers->incoming), *outgoing = server_url("smtp", answers->outgoing);
	g_autoptr(MailAddress) from = address_new(answers->name, answers->address);
	g_autofree char *address = address_format(from);
	g_autofree char *text = g_strdup_printf("# surel.conf: one section for each account; see surel.conf(5)\n[account %s]\nfrom = %s\nincoming = %s\noutgoing = %s\nuser = %s\n"
						"# The password lies in the file \"secrets\" beside this one. A password manager is better:\n"
						"# password_command = pass show mail/%s\n",
						answers->account, address, incoming, outgoing, answers->user, answers->account);
	g_autoptr(Config) config = config_parse(path, text);
	if (!config->accounts->len) {
		g_autofree char *report = config_report(config);
		return error_set(error, ERROR_CONFIG, "these answers make no account:\n%s", report);
	}
	if (!os_make_dir(dir, error) || (*answers->password && !secret_save(secrets, answers->account, answers->password, error)))
		return false;
	return os_replace_file(path, text, strlen(text), 0600, error);
}

static bool
said_yes(const char *question)
{
	g_autofree char *answer = ask(question, "y", false);
	return answer && g_ascii_tolower(*answer) == 'y';
}

/* `surel account test`, shown as it goes. */
static bool
servers_work(const char *account)
{
	char *argv[] = { (char *)"/proc/self/exe", (char *)"account", (char *)"test", (char *)account, NULL };
	int status = 0;
	g_print("\nTrying the servers:\n");
	fflush(stdout);
	return g_spawn_sync(NULL, argv, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL, NULL, &status, NULL) && g_spawn_check_wait_status(status, NULL);
}

Config *
cli_setup(const char *path, int *ret_status)
{
	GError *error = NULL;
	*ret_status = STATUS_CONFIG;
	g_print("Welcome to surel. There is no account yet.\n\n");
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		explain(path);
		return NULL;
	}
	if (!said_yes("Shall surel ask a few questions and set one up? (y/n)")) {
		g_print("\n");
		explain(path);
		return NULL;
	}
	Answers answers = { .account = g_strdup("mail") };
	bool complete;
	while ((complete = ask_all(&answers)) && write_files(&answers, path, &error) && !servers_work(answers.account) &&
	       said_yes("\nAnswer again? (y; n: go on, mail can be read and written all the same)"))
		g_print("\n");
	if (!complete)
		g_print(g_file_test(path, G_FILE_TEST_EXISTS) ? "\nLeft as it is: %s\n" : "\nNothing was written; %s is what surel looks for.\n", path);
	answers_clear(&answers);
	if (!complete)
		return NULL;
	Config *config = error ? NULL : config_load(path, &error);
	if (!config)
		*ret_status = cli_fail(error);
	return config;
}
