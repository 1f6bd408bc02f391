/* command/cmd-message.c: what is done to messages: read, flag, move, delete, give to a program */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/command/private.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- after a change: marks go; the reader shows what is next ---- */

static void
settle(App *app, bool left_list)
{
	Mailbox *mailbox = app_mailbox(app);
	Place *place = app_place(app);
	if (mailbox)
		mailbox_unmark_all(mailbox);
	if (!left_list || place->kind == PLACE_LIST || !mailbox)
		return;
	while (app_place(app)->kind == PLACE_PARTS || app_place(app)->kind == PLACE_LINKS)
		app_pop_place(app);
	const MailboxRow *row = mailbox_cursor(mailbox);
	if (row && app_place(app)->kind == PLACE_READER)
		app_open_message(app, row->ref);
	else if (app_place(app)->kind == PLACE_READER)
		app_pop_place(app);
}

/* The list's cursor is put on the message that is read, so that what follows it comes next. */
static void
follow(const CommandContext *context)
{
	Mailbox *mailbox = app_mailbox(context->app);
	if (mailbox && app_place(context->app)->kind != PLACE_LIST && context->n_refs)
		mailbox_jump(mailbox, context->refs[0]);
}

static const char *
plural(size_t n)
{
	return n == 1 ? "" : "s";
}

/* ---- flags ---- */

/* Any without the flag: all get it; else all lose it. */
static bool
any_without(const CommandContext *context, uint32_t flag)
{
	for (size_t i = 0; i < context->n_refs; i++) {
		g_autoptr(Msg) msg = app_msg(context->app, context->refs[i]);
		if (msg && !(msg->flags & flag))
			return true;
	}
	return false;
}

void
cmd_flag(const CommandContext *context)
{
	bool set = any_without(context, FLAG_FLAGGED);
	app_set_flags(context->app, context->refs, context->n_refs, set ? FLAG_FLAGGED : 0, set ? 0 : FLAG_FLAGGED);
	settle(context->app, false);
}

void
cmd_toggle_read(const CommandContext *context)
{
	bool set = any_without(context, FLAG_SEEN);
	app_set_flags(context->app, context->refs, context->n_refs, set ? FLAG_SEEN : 0, set ? 0 : FLAG_SEEN);
	settle(context->app, false);
	if (app_place(context->app)->kind == PLACE_LIST)
		mailbox_move(app_mailbox(context->app), 1);
}

/* ---- archive, delete, move ---- */

static FolderRole
role_of(App *app, MsgRef ref)
{
	g_autoptr(Msg) msg = app_msg(app, ref);
	g_autoptr(Folder) folder = msg ? store_folder(app_account(app, ref.account)->store, msg->folder, NULL) : NULL;
	return folder ? folder->role : ROLE_NONE;
}

static void
to_role(const CommandContext *context, const MsgRef *refs, size_t n, FolderRole role, const char *what)
{
	follow(context);
	if (!app_move_to_role(context->app, refs, n, role))
		return;
	app_notice(context->app, NOTICE_INFO, "%zu message%s %s. u takes it back.", n, plural(n), what);
	settle(context->app, true);
}

void
cmd_archive(const CommandContext *context)
{
	to_role(context, context->refs, context->n_refs, ROLE_ARCHIVE, "archived");
}

typedef struct Doomed { MsgRef *refs; size_t n; } Doomed;

static void
doomed_free(void *data)
{
	Doomed *doomed = data;
	g_free(doomed->refs);
	g_free(doomed);
}

static void
delete_sure(App *app, void *data)
{
	const Doomed *doomed = data;
	if (!app_delete_for_good(app, doomed->refs, doomed->n))
		return;
	app_notice(app, NOTICE_INFO, "%zu message%s deleted for good.", doomed->n, plural(doomed->n));
	settle(app, true);
}

/* Only what lies in Trash already is deleted for good, and only after a question. */
static void
delete_refs(const CommandContext *context, const MsgRef *refs, size_t n)
{
	g_autoptr(GArray) in_trash = g_array_new(FALSE, FALSE, sizeof(MsgRef)), elsewhere = g_array_new(FALSE, FALSE, sizeof(MsgRef));
	for (size_t i = 0; i < n; i++)
		g_array_append_vals(role_of(context->app, refs[i]) == ROLE_TRASH ? in_trash : elsewhere, &refs[i], 1);
	if (elsewhere->len)
		to_role(context, (const MsgRef *)(void *)elsewhere->data, elsewhere->len, ROLE_TRASH, "moved to Trash");
	if (!in_trash->len)
		return;
	follow(context);
	Doomed *doomed = g_new0(Doomed, 1);
	doomed->n = in_trash->len;
	doomed->refs = g_memdup2(in_trash->data, in_trash->len * sizeof(MsgRef));
	g_autofree char *question = g_strdup_printf("Delete %zu message%s for good? (y/n) ", doomed->n, plural(doomed->n));
	app_confirm(context->app, question, delete_sure, doomed, doomed_free);
}

void
cmd_delete(const CommandContext *context)
{
	delete_refs(context, context->refs, context->n_refs);
}

/* The conversation as far as it lies in the folder of the message: answers in Sent stay where they are. */
static GArray *
thread_refs(App *app, MsgRef ref)
{
	GArray *refs = g_array_new(FALSE, FALSE, sizeof(MsgRef));
	g_autoptr(Msg) msg = app_msg(app, ref);
	g_autoptr(GPtrArray) msgs = msg ? store_thread(app_account(app, ref.account)->store, msg->thread, NULL) : NULL;
	for (guint i = 0; msgs && i < msgs->len; i++) {
		const Msg *at = g_ptr_array_index(msgs, i);
		MsgRef one = { ref.account, at->id };
		if (at->folder.v == msg->folder.v)
			g_array_append_val(refs, one);
	}
	if (!refs->len)
		g_array_append_val(refs, ref);
	return refs;
}

void
cmd_delete_thread(const CommandContext *context)
{
	g_autoptr(GArray) refs = thread_refs(context->app, context->refs[0]);
	delete_refs(context, (const MsgRef *)(void *)refs->data, refs->len);
}

void
cmd_archive_thread(const CommandContext *context)
{
	g_autoptr(GArray) refs = thread_refs(context->app, context->refs[0]);
	to_role(context, (const MsgRef *)(void *)refs->data, refs->len, ROLE_ARCHIVE, "archived");
}

/* The messages a folder is asked for are those of the moment of the key. */
typedef struct Carry { MsgRef *refs; size_t n; bool copy; } Carry;

static void
carry_free(void *data)
{
	Carry *carry = data;
	g_free(carry->refs);
	g_free(carry);
}

static void
carry_to(App *app, const char *text, void *data)
{
	const Carry *carry = data;
	unsigned account = 0;
	FolderId folder;
	if (!text || !*text)
		return;
	if (!app_find_folder(app, text, carry->refs[0].account, &account, &folder)) {
		app_notice(app, NOTICE_WARN, "No folder \"%s\". :create-folder makes it; nothing was moved.", text);
		return;
	}
	if (!app_move(app, carry->refs, carry->n, account, folder, carry->copy))
		return;
	g_autoptr(Folder) row = store_folder(app_account(app, account)->store, folder, NULL);
	app_notice(app, NOTICE_INFO, "%zu message%s %s %s. u takes it back.", carry->n, plural(carry->n), carry->copy ? "copied to" : "moved to", row ? row->name : text);
	settle(app, !carry->copy);
}

static void
carry(const CommandContext *context, bool copy)
{
	Carry *load = g_new0(Carry, 1);
	load->n = context->n_refs;
	load->refs = g_memdup2(context->refs, context->n_refs * sizeof(MsgRef));
	load->copy = copy;
	follow(context);
	if (*context->arg) {
		carry_to(context->app, context->arg, load);
		carry_free(load);
		return;
	}
	Prompt *prompt = prompt_new(PROMPT_FOLDER, copy ? "Copy to folder: " : "Move to folder: ", NULL, carry_to, load, carry_free);
	prompt->complete = complete_folders;
	app_ask(context->app, prompt);
}

void
cmd_move(const CommandContext *context)
{
	carry(context, false);
}

void
cmd_copy(const CommandContext *context)
{
	carry(context, true);
}

/* ---- pipe: a line of the user's own; the message goes in by stdin, never into the line ---- */

typedef struct Pipe { MsgRef ref; } Pipe;

static void
pipe_done(App *app, int wait_status, void *data)
{
	g_autofree char *path = data;
	g_unlink(path);
	if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0)
		app_notice(app, NOTICE_WARN, "The program ended with status %d.", WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1);
}

static void
pipe_typed(App *app, const char *text, void *data)
{
	const Pipe *wanted = data;
	g_autofree char *bytes = NULL, *path = NULL;
	size_t size = 0;
	bool full = false;
	GError *error = NULL;
	if (!text || !*text)
		return;
	if (!store_read(app_account(app, wanted->ref.account)->store, wanted->ref.id, &bytes, &size, &full, &error)) {
		app_notice_error(app, error);
		return;
	}
	int fd = g_file_open_tmp("surel-pipe-XXXXXX", &path, &error);
	if (fd < 0 || !os_replace_file(path, bytes, size, 0600, &error)) {
		app_notice_error(app, error);
		return;
	}
	close(fd);
	/* $1 is the line, $2 the file: neither is pasted into what the shell parses first. */
	const char *argv[] = { "/bin/sh", "-c", "eval \"$1\" < \"$2\"; status=$?; printf '\\n[Enter]'; read -r _ < /dev/tty; exit $status", "sh", text, path, NULL };
	app_run(app, g_strdupv((char **)argv), pipe_done, g_steal_pointer(&path));
}

void
cmd_pipe(const CommandContext *context)
{
	Pipe *wanted = g_new0(Pipe, 1);
	wanted->ref = context->refs[0];
	if (!*context->arg) {
		app_ask(context->app, prompt_new(PROMPT_TEXT, "Pipe the message to: ", NULL, pipe_typed, wanted, g_free));
		return;
	}
	pipe_typed(context->app, context->arg, wanted);
	g_free(wanted);
}
