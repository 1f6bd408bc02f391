/* app/cli.c: the command line: which command, help, exit statuses */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/app/cli.h"

#include <stdarg.h>
#include <string.h>

#include "config.h"

typedef struct CliRow { const char *name, *args, *help; int (*run)(const CliArgs *args); } CliRow;

static const CliRow commands[] = {
	{ "sync", "[ACCOUNT...]", "Sync and send once, without a screen", cli_sync },
	{ "search", "[--json] [--limit N] QUERY", "Search all mail of all accounts", cli_search },
	{ "show", "[--json] FILE|-", "Print a message file as text or JSON", cli_show },
	{ "open", "FILE|-", "Read a message file on the screen", NULL },
	{ "compose", "[mailto:...|ADDRESS]", "Write a message on the screen", NULL },
	{ "index", "[--rebuild]", "Index new mail, or all mail anew", cli_index },
	{ "store", "check|rebuild [ACCOUNT]", "Compare or remake the lists of mail", cli_store },
	{ "config", "check [FILE]", "Name every mistake in surel.conf", cli_config },
	{ "account", "test NAME", "Try each step of connecting", cli_account },
};

/* What a person can do next decides the status. */
static const int statuses[ERROR_COUNT] = {
	[ERROR_OFFLINE] = STATUS_UNAVAILABLE, [ERROR_DNS] = STATUS_UNAVAILABLE, [ERROR_AUTH] = STATUS_AUTH, [ERROR_CERT] = STATUS_UNAVAILABLE,
	[ERROR_PROTOCOL] = STATUS_UNAVAILABLE, [ERROR_SERVER] = STATUS_UNAVAILABLE, [ERROR_BUSY] = STATUS_RETRY, [ERROR_DISK_FULL] = STATUS_CANNOT_CREATE,
	[ERROR_PERMISSION] = STATUS_IO, [ERROR_IO] = STATUS_IO, [ERROR_STORE] = STATUS_DATA, [ERROR_LOCKED] = STATUS_RETRY,
	[ERROR_CONFIG] = STATUS_CONFIG, [ERROR_INPUT] = STATUS_DATA, [ERROR_MESSAGE] = STATUS_DATA, [ERROR_CANCELLED] = STATUS_RETRY,
	[ERROR_UNSUPPORTED] = STATUS_UNAVAILABLE, [ERROR_NOT_FOUND] = STATUS_NO_INPUT, [ERROR_REFUSED] = STATUS_UNAVAILABLE,
	[ERROR_UNKNOWN_SENT] = STATUS_RETRY,
};

int
status_of_error(const GError *error)
{
	return error && error->domain == SUREL_ERROR && error->code >= 0 && error->code < ERROR_COUNT ? statuses[error->code] : STATUS_INTERNAL;
}

int
cli_fail(GError *error)
{
	int status = status_of_error(error);
	g_autofree char *sentence = error_sentence(error);
	g_printerr("surel: %s\n", sentence);
	g_error_free(error);
	return status;
}

int
cli_usage(const char *text)
{
	g_printerr("surel: %s\nTry `surel --help`.\n", text);
	return STATUS_USAGE;
}

bool
cli_flag(CliArgs *args, const char *name)
{
	for (int i = 0; i < args->argc; i++) {
		if (!g_str_equal(args->argv[i], name))
			continue;
		memmove(&args->argv[i], &args->argv[i + 1], (size_t)(args->argc - i) * sizeof(char *));
		args->argc--;
		return true;
	}
	return false;
}

const char *
cli_value(CliArgs *args, const char *name)
{
	size_t n = strlen(name);
	for (int i = 0; i < args->argc; i++) {
		bool joined = strncmp(args->argv[i], name, n) == 0 && args->argv[i][n] == '=';
		if (!joined && !(g_str_equal(args->argv[i], name) && i + 1 < args->argc))
			continue;
		const char *value = joined ? args->argv[i] + n + 1 : args->argv[i + 1];
		int gone = joined ? 1 : 2;
		memmove(&args->argv[i], &args->argv[i + gone], (size_t)(args->argc - i - gone + 1) * sizeof(char *));
		args->argc -= gone;
		return value;
	}
	return NULL;
}

static void
print_help(void)
{
	g_print("Usage: surel [COMMAND]\n\n  %-33s Read and write mail\n", "");
	for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
		g_autofree char *usage = g_strdup_printf("%s %s", commands[i].name, commands[i].args);
		g_print("  %-33s %s\n", usage, commands[i].help);
	}
	g_print("  %-33s Say which surel this is\n\n"
		"Configuration: $SUREL_CONFIG or ~/.config/surel/surel.conf, see surel.conf(5).\n"
		"Keys: press ? in surel, or see surel(1).\n"
		"Exit status: 0 good; 1 nothing found, or problems found; 64 usage; 65 bad data;\n"
		"66 no such file or account; 69 server; 70 internal; 73 cannot write;\n"
		"74 file error; 75 try again later; 77 login refused; 78 configuration.\n", "--version");
}

Config *
cli_load_config(int *ret_status)
{
	GError *error = NULL;
	Config *config = config_load(NULL, &error);
	if (!config) {
		g_autofree char *path = config_default_path();
		if (g_error_matches(error, SUREL_ERROR, ERROR_NOT_FOUND)) {
			g_printerr("surel: there is no %s yet. Run `surel` in a terminal: it asks a few questions and writes it.\n", path);
			g_error_free(error);
			*ret_status = STATUS_CONFIG;
			return NULL;
		}
		*ret_status = cli_fail(error);
		return NULL;
	}
	for (guint i = 0; i < config->problems->len; i++) {
		g_autofree char *line = config_problem_line(g_ptr_array_index(config->problems, i));
		g_printerr("%s\n", line);
	}
	if (config->accounts->len)
		return config;
	g_printerr("surel: no account is usable; run `surel config check`.\n");
	config_free(config);
	*ret_status = STATUS_CONFIG;
	return NULL;
}

static int
unknown_command(const char *name)
{
	g_printerr("surel: no command \"%s\".\nTry `surel --help`.\n", name);
	return STATUS_USAGE;
}

bool
cli_main(int argc, char **argv, CliScreen *ret_screen, int *ret_status)
{
	*ret_screen = (CliScreen){ 0 };
	*ret_status = STATUS_OK;
	if (argc < 2)
		return false;
	const char *name = argv[1];
	if (g_str_equal(name, "--version") || g_str_equal(name, "-V")) {
		g_print("surel " PACKAGE_VERSION "\n");
		return true;
	}
	if (g_str_equal(name, "--help") || g_str_equal(name, "-h") || g_str_equal(name, "help")) {
		print_help();
		return true;
	}
	if (g_ascii_strncasecmp(name, "mailto:", 7) == 0 && argc == 2) {
		ret_screen->compose = g_strdup(name);
		return false;
	}
	bool open = g_str_equal(name, "open"), compose = g_str_equal(name, "compose");
	if ((open && argc != 3) || (compose && argc > 3)) {
		*ret_status = cli_usage(open ? "open needs one FILE, or - for standard input" : "compose takes one address or mailto: link");
		return true;
	}
	if (open)
		ret_screen->open = g_strdup(argv[2]);
	if (compose)
		ret_screen->compose = g_strdup(argc == 3 ? argv[2] : "");
	if (open || compose)
		return false;
	for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
		if (!g_str_equal(commands[i].name, name) || !commands[i].run)
			continue;
		g_setenv(WITHOUT_SCREEN, "1", TRUE);
		*ret_status = commands[i].run(&(CliArgs){ argc - 2, argv + 2 });
		return true;
	}
	*ret_status = unknown_command(name);
	return true;
}
