/* src/main.c: argv -> role or command; wires the modules together; the only file that sees every header */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "surel/view.h"

#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* One row per worker: what the re-executed program becomes. */
static const RoleMain roles[SUREL_ROLE_COUNT] = {
	[SUREL_ROLE_SYNC] = sync_main,	 [SUREL_ROLE_SUBMIT] = submit_main, [SUREL_ROLE_KEEP] = keep_main,
	[SUREL_ROLE_INDEX] = index_main, [SUREL_ROLE_SEARCH] = search_main, [SUREL_ROLE_RENDER] = render_main,
};

static int
run_role(const char *name, const char *account)
{
	WorkerRole role;
	g_autoptr(GError) error = NULL;
	if (!role_from_name(name, &role)) {
		g_printerr("surel: no role \"%s\"\n", name);
		return STATUS_USAGE;
	}
	g_autofree char *state = os_state_dir(), *log = account ? g_strdup_printf("%s-%s", name, account) : g_strdup(name);
	log_open(state, log);
	g_autoptr(Config) config = config_load(NULL, &error);
	Channel *channel = channel_new(IPC_WORKER_FD);
	int status = WORKER_EXIT_STOP;
	if (role == SUREL_ROLE_RENDER && !config)	/* it reads messages, not accounts */
		config = config_parse("none", "");
	if (config)
		status = roles[role](config, account, channel);
	else
		log_error(LOG_MAIN, "%s", error->message);
	channel_free(channel);
	return status;
}

/* "--role=sync --account=work" of a worker; false: a person's command line. */
static bool
is_role(int argc, char **argv, const char **ret_role, const char **ret_account)
{
	*ret_role = *ret_account = NULL;
	for (int i = 1; i < argc; i++) {
		if (g_str_has_prefix(argv[i], "--role="))
			*ret_role = argv[i] + strlen("--role=");
		else if (g_str_has_prefix(argv[i], "--account="))
			*ret_account = argv[i] + strlen("--account=");
	}
	return *ret_role != NULL;
}

/* `surel open` works without an account; everything else is asked for. */
static Config *
load_config(const CliScreen *wanted, int *ret_status)
{
	GError *error = NULL;
	Config *config = config_load(NULL, &error);
	if (config && (config->accounts->len || wanted->open))
		return config;
	if (config) {
		g_autofree char *report = config_report(config);
		g_printerr("%ssurel: no account is usable.\n", report);
		config_free(config);
		*ret_status = STATUS_CONFIG;
		return NULL;
	}
	bool absent = g_error_matches(error, SUREL_ERROR, ERROR_NOT_FOUND);
	g_autofree char *path = config_default_path();
	g_autofree char *sentence = error_sentence(error);
	if (!absent)
		g_printerr("surel: %s\n", sentence);
	*ret_status = status_of_error(error);
	g_error_free(error);
	if (absent && wanted->open)
		return config_parse(path, "");
	return absent ? cli_setup(path, ret_status) : NULL;
}

static int
fail(GError *error)
{
	int status = status_of_error(error);
	g_autofree char *sentence = error_sentence(error);
	g_printerr("surel: %s\n", sentence);
	g_error_free(error);
	return status;
}

/* "-" was read: the keys come from the terminal. */
static bool
take_terminal(const CliScreen *wanted)
{
	if (!wanted->open || !g_str_equal(wanted->open, "-") || isatty(STDIN_FILENO))
		return true;
	FILE *terminal = freopen("/dev/tty", "r+", stdin);
	return terminal != NULL;
}

static int
run_screen(const CliScreen *wanted)
{
	int status = STATUS_OK;
	GError *error = NULL;
	if (!isatty(STDOUT_FILENO)) {
		g_printerr("surel: the screen needs a terminal. `surel --help` lists what works without one.\n");
		return STATUS_USAGE;
	}
	Config *config = load_config(wanted, &status);
	if (!config)
		return status;
	App *app = app_new(config, &error);
	if (!app)
		return fail(error);
	if (wanted->open && (!app_open_file(app, wanted->open, &error) || !take_terminal(wanted))) {
		app_free(app);
		return error ? fail(error) : STATUS_NO_INPUT;
	}
	g_autofree char *state = os_state_dir();
	log_open(state, "surel");
	g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
	Keymap *keymap = keymap_new(config, problems);
	for (guint i = 0; i < problems->len; i++)
		app_notice(app, NOTICE_WARN, "%s", (const char *)g_ptr_array_index(problems, i));
	if (screen_start(config, &error)) {
		if (!wanted->open)
			app_start(app);
		if (wanted->compose) {
			g_autofree char *line = g_strdup_printf("compose %s", wanted->compose);
			command_run_line(app, line);
		}
		status = ui_run(app, keymap, view_draw, view_click);
		screen_end();
	} else {
		status = fail(error);
	}
	keymap_free(keymap);
	app_free(app);
	return status;
}

int
main(int argc, char **argv)
{
	const char *role, *account;
	setlocale(LC_ALL, "");
	signal(SIGPIPE, SIG_IGN);
	if (is_role(argc, argv, &role, &account))
		return run_role(role, account);
	CliScreen wanted;
	int status = STATUS_OK;
	if (!cli_main(argc, argv, &wanted, &status))
		status = run_screen(&wanted);
	g_free(wanted.open);
	g_free(wanted.compose);
	return status;
}
