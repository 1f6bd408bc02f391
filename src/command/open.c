/* command/open.c: which program shows a file: mailcap (RFC 1524), then xdg-open; never through a shell */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/command/private.h"

#include <string.h>
#include <sys/wait.h>

static bool
type_matches(const char *pattern, const char *type)
{
	g_autofree char *wanted = g_ascii_strdown(pattern, -1);
	g_strstrip(wanted);
	if (g_str_equal(wanted, type))
		return true;
	size_t n = strlen(wanted);
	if (n > 2 && g_str_has_suffix(wanted, "/*"))
		return strncmp(wanted, type, n - 1) == 0;
	return !strchr(wanted, '/') && strncmp(wanted, type, n) == 0 && type[n] == '/';
}

/* %s is the file, as one argument; entries that need a shell or a pipe are left to other programs. */
static char **
viewer_argv(const char *command, const char *path)
{
	g_auto(GStrv) words = NULL;
	int argc = 0;
	if (strpbrk(command, "|;&<>`$()") || !g_shell_parse_argv(command, &argc, &words, NULL))
		return NULL;
	g_autofree char *program = g_find_program_in_path(words[0]);
	if (!program)
		return NULL;
	g_autoptr(GStrvBuilder) argv = g_strv_builder_new();
	bool placed = false;
	for (char **word = words; *word; word++) {
		const char *at = strstr(*word, "%s");
		g_autofree char *filled = at ? g_strdup_printf("%.*s%s%s", (int)(at - *word), *word, path, at + 2) : g_strdup(*word);
		g_strv_builder_add(argv, filled);
		placed |= at != NULL;
	}
	return placed ? g_strv_builder_end(argv) : NULL;
}

/* "type; command; needsterminal; test=..." of one line. */
static char **
mailcap_line(const char *line, const char *type, const char *path, bool *ret_terminal)
{
	g_auto(GStrv) fields = g_strsplit(line, ";", -1);
	if (!fields[0] || !fields[1] || !type_matches(fields[0], type))
		return NULL;
	bool terminal = false;
	for (char **field = fields + 2; *field; field++) {
		g_autofree char *flag = g_strstrip(g_strdup(*field));
		if (g_str_equal(flag, "copiousoutput"))
			return NULL;	/* a filter for another program's pager, not a viewer */
		if (g_str_has_prefix(flag, "test=") && !g_getenv("DISPLAY") && !g_getenv("WAYLAND_DISPLAY"))
			return NULL;	/* such a test asks for a display; it is not run, because it is a shell line */
		terminal |= g_str_equal(flag, "needsterminal");
	}
	char **argv = viewer_argv(g_strstrip(fields[1]), path);
	*ret_terminal = terminal;
	return argv;
}

static char **
mailcap_find(const char *type, const char *path, bool *ret_terminal)
{
	g_autofree char *own = g_build_filename(g_get_home_dir(), ".mailcap", NULL);
	const char *files[] = { g_getenv("MAILCAPS"), own, "/etc/mailcap" };
	for (unsigned i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *text = NULL;
		size_t size = 0;
		if (!files[i] || !os_read_file(files[i], 1 << 20, &text, &size, NULL))
			continue;
		g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
		for (char **line = lines; *line; line++) {
			char **argv = **line == '#' ? NULL : mailcap_line(*line, type, path, ret_terminal);
			if (argv)
				return argv;
		}
	}
	return NULL;
}

static void
viewer_done(App *app, int wait_status, void *data)
{
	g_autofree char *path = data;
	if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0)
		app_notice(app, NOTICE_WARN, "The viewer ended with an error; the file is %s", path);
}

static bool
spawn(App *app, char **argv)
{
	g_autoptr(GError) error = NULL;
	if (g_spawn_async(NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL, &error))
		return true;
	app_notice(app, NOTICE_ERROR, "%s: %s", argv[0], error->message);
	return false;
}

static bool
has_display(void)
{
	return g_getenv("DISPLAY") || g_getenv("WAYLAND_DISPLAY");
}

bool
open_with_viewer(App *app, const char *type, const char *path)
{
	bool terminal = false;
	g_auto(GStrv) argv = mailcap_find(type, path, &terminal);
	g_autofree char *opener = g_find_program_in_path("xdg-open");
	if (argv && (terminal || !has_display())) {
		app_run(app, g_steal_pointer(&argv), viewer_done, g_strdup(path));
		return true;
	}
	if (!argv && opener && has_display())
		argv = g_strdupv((char *[]){ (char *)"xdg-open", (char *)path, NULL });
	if (!argv) {
		app_notice(app, NOTICE_WARN, "No program for %s: add a line to ~/.mailcap, or save it with s. It lies in %s", type, path);
		return false;
	}
	if (!spawn(app, argv))
		return false;
	app_notice(app, NOTICE_INFO, "Opened with %s.", argv[0]);
	return true;
}

bool
open_url(App *app, const char *url)
{
	static const char *const schemes[] = { "http://", "https://", "ftp://" };
	if (g_ascii_strncasecmp(url, "mailto:", 7) == 0) {
		GError *error = NULL;
		Draft *draft = draft_from_mailto(url, &error);
		if (draft)
			app_compose(app, draft);
		else
			app_notice_error(app, error);
		return draft != NULL;
	}
	bool known = false;
	for (unsigned i = 0; i < G_N_ELEMENTS(schemes); i++)
		known |= g_ascii_strncasecmp(url, schemes[i], strlen(schemes[i])) == 0;
	if (!known) {
		app_notice(app, NOTICE_WARN, "This link is not opened: %s (y copies it)", url);
		return false;
	}
	g_autofree char *opener = has_display() ? g_find_program_in_path("xdg-open") : NULL;
	const char *browser = g_getenv("BROWSER");
	if (opener)
		return spawn(app, (char *[]){ opener, (char *)url, NULL });
	if (browser && *browser) {
		char *argv[] = { (char *)browser, (char *)url, NULL };
		app_run(app, g_strdupv(argv), viewer_done, g_strdup(url));
		return true;
	}
	app_notice(app, NOTICE_WARN, "No browser found: y copies the link, or set $BROWSER. %s", url);
	return false;
}
