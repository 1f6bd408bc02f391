/* src/ui/loop.c: keys and events -> commands -> frames: one per 16 ms at most (4 ms for a key), none when nothing changed */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/ui/input.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FRAME_US = 16000, KEY_FRAME_US = 4000 /* a key does not wait for the end of a frame that a worker caused */, PENDING_MAX = 8, COUNT_MAX = 99999, READ_BYTES = 4096, TINY_WIDTH = 40, TINY_HEIGHT = 10 };

typedef void (*DrawScreen)(App *app, const Keymap *keymap, Surface *surface, int *ret_cursor_row, int *ret_cursor_column);

typedef struct Loop {
	App *app;
	Keymap *keymap;
	DrawScreen draw;
	ClickScreen click;
	GMainLoop *main;
	Surface *surface;
	Input *input;
	guint input_source, esc_source;
	int64_t last_frame;
	bool key_waits;		/* somebody pressed a key since then */
	Key keys[PENDING_MAX];
	size_t n_keys;
	unsigned count;
	GPid child;		/* has the terminal; 0: we have it */
	void (*child_done)(App *app, int wait_status, void *data);
	void *child_data;
	char *theme;		/* what the screen was told */
} Loop;

/* ---- keys ---- */

static void
show_pending(Loop *loop)
{
	GString *text = g_string_new(NULL);
	if (loop->count)
		g_string_append_printf(text, "%u", loop->count);
	for (size_t i = 0; i < loop->n_keys; i++) {
		g_autofree char *key = key_print(loop->keys[i]);
		g_string_append(text, key);
	}
	g_strlcpy(loop->app->ui.pending, text->str, sizeof loop->app->ui.pending);
	g_string_free(text, TRUE);
}

static void
forget_pending(Loop *loop)
{
	loop->n_keys = 0;
	loop->count = 0;
}

static void
unbound(Loop *loop)
{
	g_autofree char *key = key_print(loop->keys[loop->n_keys - 1]);
	const char *help = keymap_key_of(loop->keymap, app_scope(loop->app), COMMAND_HELP);
	app_notice(loop->app, NOTICE_INFO, "%s does nothing here. %s shows the keys.", key, *help ? help : ":help");
}

static bool
add_digit(Loop *loop, Key key)
{
	if (loop->n_keys > 1 || key.modifiers || key.code < '0' || key.code > '9' || (key.code == '0' && loop->count == 0))
		return false;
	loop->count = MIN(loop->count * 10 + (key.code - '0'), (unsigned)COUNT_MAX);
	loop->n_keys = 0;
	return true;
}

static void
run_key(Loop *loop, Key key)
{
	App *app = loop->app;
	if (key.code == KEYCODE_ESC && (loop->n_keys > 0 || loop->count > 0)) {
		forget_pending(loop);
		return;
	}
	loop->keys[loop->n_keys++] = key;
	CommandId command;
	const char *line = NULL;
	KeymapResult result = keymap_lookup(loop->keymap, app_scope(app), loop->keys, loop->n_keys, &command, &line);
	if (result == KEYMAP_PREFIX && loop->n_keys < PENDING_MAX)
		return;
	if (result == KEYMAP_NONE && add_digit(loop, key))
		return;
	unsigned count = MAX(loop->count, 1U);
	if (result == KEYMAP_NONE)
		unbound(loop);
	forget_pending(loop);
	if (result == KEYMAP_LINE)
		command_run_line(app, line);
	else if (result == KEYMAP_COMMAND)
		command_run(app, command, "", count);
}

static void
suspend_self(Loop *loop)
{
	screen_suspend();
	raise(SIGTSTP);		/* the shell has the terminal until "fg" */
	screen_resume();
	app_mark_dirty(loop->app, DIRTY_ALL);
}

/* Nothing can be seen in a tiny window, so nothing but leaving works there. */
static bool
is_blind(const Loop *loop, Key key)
{
	int width, height;
	screen_size(&width, &height);
	bool tiny = width < TINY_WIDTH || height < TINY_HEIGHT;
	return tiny && !(key.code == 'c' && key.modifiers == KEY_CTRL) && !loop->app->prompt;
}

static void
on_event(Loop *loop, InputEvent *event)
{
	App *app = loop->app;
	g_autofree char *pasted = event->pasted;
	if (is_blind(loop, event->key))
		return;
	app->ui.notices_seen = app->notices->len;
	app_mark_dirty(app, DIRTY_STATUS);
	loop->key_waits = true;
	if (event->key.code == 'z' && event->key.modifiers == KEY_CTRL)
		suspend_self(loop);
	else if (app->prompt && event->key.code != KEYCODE_MOUSE)
		prompt_key(app, event->key, pasted);
	else if (event->key.code == KEYCODE_MOUSE && !app->prompt && loop->click)
		loop->click(app, loop->keymap, event->row, event->column, (int)event->button);
	else if (event->key.code == KEYCODE_PASTE)
		app_notice(app, NOTICE_INFO, "Nothing to paste into here.");
	else if (event->key.code != KEYCODE_MOUSE)
		run_key(loop, event->key);
	show_pending(loop);
}

static void
drain_input(Loop *loop, bool flush)
{
	InputEvent event;
	while (!loop->app->run_argv && !loop->app->quit && input_next(loop->input, flush, &event))
		on_event(loop, &event);
}

static gboolean
on_escape_timeout(gpointer data)
{
	Loop *loop = data;
	loop->esc_source = 0;
	drain_input(loop, true);
	return G_SOURCE_REMOVE;
}

static gboolean
on_input(gint fd, GIOCondition condition, gpointer data)
{
	Loop *loop = data;
	char bytes[READ_BYTES];
	ssize_t n = condition & G_IO_IN ? read(fd, bytes, sizeof bytes) : 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	if (n <= 0) {		/* the terminal is gone */
		loop->app->quit = true;
		loop->input_source = 0;
		return G_SOURCE_REMOVE;
	}
	input_feed(loop->input, bytes, (size_t)n);
	explicit_bzero(bytes, (size_t)n);	/* it may have been a password */
	drain_input(loop, false);
	g_clear_handle_id(&loop->esc_source, g_source_remove);
	if (input_waiting(loop->input) && !loop->child)
		loop->esc_source = g_timeout_add(INPUT_ESC_MS, on_escape_timeout, loop);
	return loop->input_source ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void
listen_to_keys(Loop *loop)
{
	loop->input_source = g_unix_fd_add(screen_input_fd(), G_IO_IN | G_IO_HUP | G_IO_ERR, on_input, loop);
}

/* ---- the terminal for another program ---- */

static void
child_signals(gpointer data)
{
	(void)data;
	static const int numbers[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGPIPE, SIGWINCH };
	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
		signal(numbers[i], SIG_DFL);
}

static void
take_back(Loop *loop, int status)
{
	App *app = loop->app;
	loop->child = 0;
	signal(SIGQUIT, SIG_DFL);
	screen_resume();
	listen_to_keys(loop);
	app_mark_dirty(app, DIRTY_ALL);
	if (loop->child_done)
		loop->child_done(app, status, loop->child_data);
}

static void
on_child(GPid pid, gint status, gpointer data)
{
	g_spawn_close_pid(pid);
	take_back(data, status);
}

/* The main context keeps running meanwhile, so workers are heard; the program's Ctrl-C is not ours (on_interrupt). */
static void
hand_over(Loop *loop)
{
	App *app = loop->app;
	g_auto(GStrv) argv = g_steal_pointer(&app->run_argv);
	/* Ours until it ends: meanwhile the next program may be asked for. */
	loop->child_done = app->run_done;
	loop->child_data = app->run_data;
	app->run_done = NULL;
	app->run_data = NULL;
	g_clear_handle_id(&loop->input_source, g_source_remove);
	g_clear_handle_id(&loop->esc_source, g_source_remove);
	screen_suspend();
	signal(SIGQUIT, SIG_IGN);
	g_autoptr(GError) error = NULL;
	GSpawnFlags flags = G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH | G_SPAWN_CHILD_INHERITS_STDIN;
	if (g_spawn_async(NULL, argv, NULL, flags, child_signals, NULL, &loop->child, &error)) {
		g_child_watch_add(loop->child, on_child, loop);
		return;
	}
	app_notice(app, NOTICE_ERROR, "%s could not be started: %s", argv[0], error->message);
	take_back(loop, 127 << 8);
}

/* ---- frames ---- */

typedef struct FrameSource { GSource source; Loop *loop; } FrameSource;

static void
follow_options(Loop *loop)
{
	const Config *config = loop->app->config;
	const char *theme = config_text(config, OPTION_theme);
	if (g_strcmp0(theme, loop->theme) != 0) {
		g_autoptr(GError) error = NULL;
		g_free(loop->theme);
		loop->theme = g_strdup(theme);
		if (!screen_theme(theme, &error))
			app_notice(loop->app, NOTICE_ERROR, "%s", error->message);
	}
	screen_mouse(config_bool(config, OPTION_mouse));
}

static void
grant_wishes(App *app)
{
	if (app->redraw)
		screen_clear();
	if (app->bell)
		screen_bell();
	if (app->clipboard)
		screen_clipboard(app->clipboard);
	app->redraw = app->bell = false;
	g_clear_pointer(&app->clipboard, g_free);
}

static void
draw_frame(Loop *loop)
{
	App *app = loop->app;
	int width, height, row = -1, column = -1;
	screen_size(&width, &height);
	if (!loop->surface || loop->surface->width != width || loop->surface->height != height) {
		surface_free(loop->surface);
		loop->surface = surface_new(width, height);
	}
	follow_options(loop);
	grant_wishes(app);
	app->dirty = 0;
	app->ui.redraw_at = 0;
	surface_fill(loop->surface, COLOUR_NORMAL);
	loop->draw(app, loop->keymap, loop->surface, &row, &column);
	screen_show(loop->surface, row, column);
	loop->last_frame = g_get_monotonic_time();
	loop->key_waits = app->ui.hurry = false;
}

/* True when something is due; else *ret_wait_us until it is, -1: nothing is planned. */
static bool
frame_due(const Loop *loop, int64_t *ret_wait_us)
{
	const App *app = loop->app;
	*ret_wait_us = -1;
	if (app->quit)
		return true;
	if (loop->child)
		return false;
	if (app->run_argv)
		return true;
	int64_t now = g_get_monotonic_time();
	bool dirty = app->dirty || app->bell || app->redraw || app->clipboard;
	int64_t pace = app->ui.hurry ? 0 : loop->key_waits ? KEY_FRAME_US : FRAME_US;
	int64_t when = dirty ? loop->last_frame + pace : app->ui.redraw_at;
	if (when == 0)
		return false;
	*ret_wait_us = MAX(0, when - now);
	return when <= now;
}

static gboolean
frame_prepare(GSource *source, gint *timeout_ms)
{
	int64_t wait_us;
	bool due = frame_due(((FrameSource *)source)->loop, &wait_us);
	*timeout_ms = due ? 0 : wait_us < 0 ? -1 : (gint)MIN((wait_us + 999) / 1000, 3600000);
	return due;
}

static gboolean
frame_check(GSource *source)
{
	int64_t wait_us;
	return frame_due(((FrameSource *)source)->loop, &wait_us);
}

static gboolean
frame_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
	(void)callback;
	(void)data;
	Loop *loop = ((FrameSource *)source)->loop;
	if (loop->app->quit)
		g_main_loop_quit(loop->main);
	else if (loop->app->run_argv)
		hand_over(loop);
	else
		draw_frame(loop);
	return G_SOURCE_CONTINUE;
}

static const GSourceFuncs frame_functions = { .prepare = frame_prepare, .check = frame_check, .dispatch = frame_dispatch };

/* ---- signals ---- */

static gboolean
on_resize(gpointer data)
{
	Loop *loop = data;
	if (!loop->child && screen_resized())
		app_mark_dirty(loop->app, DIRTY_ALL);
	return G_SOURCE_CONTINUE;
}

static gboolean
on_end(gpointer data)
{
	Loop *loop = data;
	if (loop->child)
		kill(loop->child, SIGHUP);	/* editors keep what was typed in a recovery file */
	loop->app->quit = true;
	return G_SOURCE_CONTINUE;
}

static gboolean
on_interrupt(gpointer data)
{
	Loop *loop = data;
	return loop->child ? G_SOURCE_CONTINUE : on_end(data);	/* Ctrl-C in a program that has the terminal is for that program */
}

int
ui_run(App *app, Keymap *keymap, DrawScreen draw, ClickScreen click)
{
	Loop loop = { .app = app, .keymap = keymap, .draw = draw, .click = click };
	loop.main = g_main_loop_new(NULL, FALSE);
	loop.input = input_new();
	loop.theme = g_strdup(config_text(app->config, OPTION_theme));
	GSource *frame = g_source_new((GSourceFuncs *)&frame_functions, sizeof(FrameSource));
	((FrameSource *)frame)->loop = &loop;
	g_source_attach(frame, NULL);
	const guint signals[] = {
		g_unix_signal_add(SIGWINCH, on_resize, &loop), g_unix_signal_add(SIGTERM, on_end, &loop),
		g_unix_signal_add(SIGHUP, on_end, &loop), g_unix_signal_add(SIGINT, on_interrupt, &loop)
	};
	listen_to_keys(&loop);
	app_mark_dirty(app, DIRTY_ALL);
	g_main_loop_run(loop.main);
	for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
		g_source_remove(signals[i]);
	g_clear_handle_id(&loop.input_source, g_source_remove);
	g_clear_handle_id(&loop.esc_source, g_source_remove);
	g_source_destroy(frame);
	g_source_unref(frame);
	g_main_loop_unref(loop.main);
	input_free(loop.input);
	surface_free(loop.surface);
	g_free(loop.theme);
	return app->exit_status;
}
