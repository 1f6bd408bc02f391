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
	"incoming = imaps://imap.example.org      # or pop3s://pop.example.org\n"
	"outgoing = smtps://smtp.example.org      # or smtp+starttls://smtp.example.org\n"
	"password_command = pass show mail/work   # or put \"work = PASSWORD\" into the file \"secrets\" beside this one, mode 0600\n";

static void
explain(const char *path)
{
	g_print("Welcome to surel. There is no account yet.\n\nWrite this file:\n\n    %s\n\nfor example:\n\n", path);
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
	answers->name = ask("Your name", "", false);
	if (!answers->name)
		return false;
	for (;;) {
		g_free(answers->address);
		answers->address = ask("Your mail address", "", false);
		if (!answers->address)
			return false;
		const char *at = strchr(answers->address, '@');
		if (at && at != answers->address && at[1] && !strpbrk(answers->address, " <>\"(),;"))
			break;
		g_print("That is not an address such as siti@example.org.\n");
	}
	const char *domain = strchr(answers->address, '@') + 1;
	for (;;) {
		g_free(answers->kind);
		answers->kind = ask("Kind of server: imap (mail stays there, mirrored here) or pop3 (mail is fetched and kept here)", "imap", false);
		if (!answers->kind)
			return false;
		if (g_str_equal(answers->kind, "imap") || g_str_equal(answers->kind, "pop3"))
			break;
		g_print("Type imap or pop3.\n");
	}
	g_autofree char *host = g_strdup_printf("%s.%s", g_str_equal(answers->kind, "imap") ? "imap" : "pop", domain), *smtp = g_strdup_printf("smtp.%s", domain);
	answers->incoming = ask("Incoming server", host, false);
	answers->outgoing = answers->incoming ? ask("Outgoing (SMTP) server", smtp, false) : NULL;
	answers->user = answers->outgoing ? ask("User name", answers->address, false) : NULL;
	answers->password = answers->user ? ask("Password (not shown)", "", true) : NULL;
	return answers->password != NULL;
}

/* "host", "host:port" or a whole URL. */
static char *
server_url(const char *kind, const char *typed)
{
	return strstr(typed, "://") ? g_strdup(typed) : g_strdup_printf("%ss://%s", kind, typed);
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

Config *
cli_setup(const char *path, int *ret_status)
{
	GError *error = NULL;
	*ret_status = STATUS_CONFIG;
	explain(path);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return NULL;
	g_autofree char *yes = ask("\nShall surel ask a few questions and write it now? (y/n)", "y", false);
	Answers answers = { .account = g_strdup("mail") };
	bool complete = yes && g_ascii_tolower(*yes) == 'y' && ask_all(&answers);
	if (complete && write_files(&answers, path, &error))
		g_print("Written: %s. `surel account test %s` tries each step.\n", path, answers.account);
	else if (!complete)
		g_print("\nNothing was written.\n");
	answers_clear(&answers);
	if (!complete)
		return NULL;
	Config *config = error ? NULL : config_load(path, &error);
	if (!config)
		*ret_status = cli_fail(error);
	return config;
}
