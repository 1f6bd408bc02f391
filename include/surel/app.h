/* surel/app.h: the model behind the screen: places, mailboxes, drafts, notices, dirty marks. Views draw it, commands change it. */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/conf.h"
#include "surel/engine.h"
#include "surel/ipc.h"
#include "surel/mail.h"
#include "surel/store.h"
#include "surel/text.h"

typedef struct App App;

typedef struct MsgRef { unsigned account; MsgId id; } MsgRef;	/* account: index in App.accounts */

/* Where keys go; bits, for command rows. */
typedef enum Scope {
	SCOPE_FOLDERS = 1, SCOPE_LIST = 2, SCOPE_READER = 4, SCOPE_REVIEW = 8, SCOPE_OUTBOX = 16, SCOPE_PARTS = 32, SCOPE_LINKS = 64,
	SCOPE_INFO = 128, SCOPE_ALL = 255
} Scope;
const char *scope_name(Scope scope);	/* "list", as in [keys list] */

typedef enum Dirty { DIRTY_LIST = 1, DIRTY_FOLDERS = 2, DIRTY_READER = 4, DIRTY_STATUS = 8, DIRTY_ALL = 255 } Dirty;

/* ---- a list of messages: a folder, the unified inbox, or hits of a search (src/app/mailbox.c) ---- */
typedef struct MailboxRow { MsgRef ref; Msg *msg; bool marked; } MailboxRow;
typedef struct Mailbox Mailbox;
typedef struct MailboxSource { unsigned account; FolderId folder; } MailboxSource;
Mailbox *mailbox_new_folder(App *app, const MailboxSource *sources, size_t n, const char *title);
Mailbox *mailbox_new_search(App *app, const char *query);	/* filled by mailbox_add_hits as they come */
void mailbox_free(Mailbox *mailbox);
const char *mailbox_title(const Mailbox *mailbox);
const char *mailbox_query(const Mailbox *mailbox);		/* NULL: not a search */
bool mailbox_searching(const Mailbox *mailbox);
bool mailbox_contains(const Mailbox *mailbox, unsigned account, FolderId folder);
/* The rows of a screen of height lines, newest first, around the cursor, which stays where it was on the screen if it can.
 * *ret_cursor is its index in the array (-1: empty list). Borrowed until the next call. of MailboxRow *. Remembers height for paging. */
const GPtrArray *mailbox_window(Mailbox *mailbox, unsigned height, int *ret_cursor);
/* Position of the cursor and number of rows, for the status line: -1 while not known. */
void mailbox_position(Mailbox *mailbox, int64_t *ret_position, int64_t *ret_total, int64_t *ret_unread);
void mailbox_move(Mailbox *mailbox, int rows);			/* rows may be INT_MIN, INT_MAX: first, last */
void mailbox_page(Mailbox *mailbox, int half_pages);
bool mailbox_next_unread(Mailbox *mailbox, bool backwards);	/* false: none */
bool mailbox_jump(Mailbox *mailbox, MsgRef ref);
/* From now on the cursor belongs to its message; before, it stays at the top while mail comes in. */
void mailbox_hold(Mailbox *mailbox);
void mailbox_click(Mailbox *mailbox, unsigned window_row);
MailboxRow *mailbox_cursor(Mailbox *mailbox);			/* NULL: empty */
void mailbox_mark(Mailbox *mailbox, MsgRef ref, bool marked);
void mailbox_unmark_all(Mailbox *mailbox);
size_t mailbox_marked(const Mailbox *mailbox);
/* Marked messages, or the one under the cursor. Caller frees. of MsgRef. */
GArray *mailbox_targets(Mailbox *mailbox);
void mailbox_filter(Mailbox *mailbox, ListFilter filter, const char *match);	/* match NULL: no words */
const char *mailbox_filter_text(const Mailbox *mailbox);	/* "" when none */
bool mailbox_threaded(const Mailbox *mailbox);
void mailbox_set_threaded(Mailbox *mailbox, bool threaded);
void mailbox_refresh(Mailbox *mailbox);				/* the store changed: rows are read again; cursor and marks stay on their messages */
void mailbox_add_hits(Mailbox *mailbox, GPtrArray *hits /* of Hit *, taken */, bool complete);

/* ---- the folder pane ---- */
typedef enum SideKind { SIDE_UNIFIED, SIDE_ACCOUNT, SIDE_FOLDER, SIDE_OUTBOX } SideKind;
typedef struct SideRow { SideKind kind; unsigned account; FolderId folder; char *label; FolderRole role; int64_t unread, total; unsigned depth; EngineState state; bool current; } SideRow;

/* ---- a message in the reader ---- */
typedef struct Reader {
	MsgRef ref;
	char *path;		/* surel open FILE: not in a store; NULL otherwise */
	char *bytes; size_t size;	/* of path or stdin */
	Document *document;	/* NULL while it is rendered or fetched */
	char *waiting;		/* what it waits for, or why nothing can be shown; NULL */
	RenderFlags flags;
	char *part;		/* shown part; NULL: the text */
	unsigned top;		/* first wrapped line on the screen; the view clamps it and sets height and lines */
	unsigned height, lines;
	uint32_t request;
	unsigned tries;		/* its file got another name while it was asked for */
	unsigned link;		/* cursor in the list of links or parts */
	char *find;		/* text looked for inside; NULL */
	int find_step;		/* set by commands: 1 next match, -1 previous; the view moves top there and clears it */
	void *layout;		/* the view's wrapped lines, freed with layout_free; both NULL at first */
	GDestroyNotify layout_free;
} Reader;

/* ---- a draft on its review screen ---- */
typedef struct Review {
	char *id;		/* of the draft file */
	unsigned account;
	Draft *draft;
	unsigned cursor;	/* field or attachment row */
	bool sent;
	char *warning;		/* NULL */
} Review;

/* Rows of the review screen, Review.cursor; attachment i is REVIEW_ATTACHMENTS + i. */
enum { REVIEW_FROM, REVIEW_TO, REVIEW_CC, REVIEW_BCC, REVIEW_SUBJECT, REVIEW_ATTACHMENTS };

/* A row of the outbox, all accounts, oldest first; Place.cursor is its index in App.outbox. */
typedef struct OutboxRow { unsigned account; Outbox *outbox; } OutboxRow;

typedef enum PlaceKind { PLACE_LIST, PLACE_READER, PLACE_PARTS, PLACE_LINKS, PLACE_REVIEW, PLACE_OUTBOX, PLACE_HELP, PLACE_LOG } PlaceKind;
typedef struct Place {
	PlaceKind kind;
	Mailbox *mailbox;	/* PLACE_LIST */
	Reader *reader;		/* PLACE_READER; PARTS and LINKS borrow the one below them */
	Review *review;		/* PLACE_REVIEW */
	unsigned cursor, top, height;	/* OUTBOX, HELP, LOG, PARTS, LINKS: rows; commands may set them past the end, the view clamps them */
	unsigned rows;		/* HELP, LOG: number of lines, set by the view */
	char *filter;		/* HELP: words typed */
	Scope help_scope;	/* HELP: the place it was asked from */
} Place;

typedef struct Completion { char *text, *note; } Completion;	/* text replaces the line from Prompt.word on, note says what it is */
void completion_free(Completion *completion);

/* ---- one-line question at the bottom: model of ui/prompt.c ---- */
typedef enum PromptKind { PROMPT_COMMAND, PROMPT_TEXT, PROMPT_SEARCH, PROMPT_FILTER, PROMPT_FOLDER, PROMPT_ADDRESS, PROMPT_PATH, PROMPT_PASSWORD, PROMPT_YES_NO } PromptKind;
typedef struct Prompt {
	PromptKind kind;
	char *label;
	GString *text;
	unsigned cursor;	/* byte offset */
	GPtrArray *completions;	/* of Completion * (command.h), NULL: none shown */
	int chosen;		/* in completions; -1 */
	unsigned word;		/* byte offset of the word that the completions replace */
	int history;		/* how far back in the lines typed before; 0: the line being typed */
	void (*done)(App *app, const char *text /* NULL: given up */, void *data);
	void (*changed)(App *app, const char *text, void *data);	/* each key; may be NULL */
	GPtrArray *(*complete)(App *app, const char *text);		/* of Completion *; may be NULL */
	void *data;
	GDestroyNotify free_data;
} Prompt;

typedef enum NoticeLevel { NOTICE_INFO, NOTICE_GOOD, NOTICE_WARN, NOTICE_ERROR } NoticeLevel;
typedef struct Notice { NoticeLevel level; int64_t when; char *text; } Notice;

typedef struct AppAccount {
	const Account *account;
	Store *store;
	Worker *sync, *submit;
	EngineState state;
	char *state_text;		/* why offline, in a sentence; NULL */
	char *progress_what; int64_t progress_done, progress_total;	/* NULL: none */
	bool locked;			/* another surel syncs this account */
	int64_t generation;
	struct AccountPrivate *priv;	/* lock, secret, timers of the supervisor */
} AppAccount;

/* What the screen keeps about itself between frames (src/ui, src/view). */
typedef struct UiState {
	GPtrArray *history;	/* of char *: PromptKind as a letter + line, newest last; NULL: nothing typed yet */
	guint notices_seen;	/* notices before this one were there when a key was pressed */
	int64_t redraw_at;	/* monotonic microseconds when something shown changes by itself (countdown, end of a notice); 0: never */
	int64_t fixed_now;	/* tests: the clock in seconds; 0: the real one */
	bool hurry;		/* what a key asked for has come: the next frame does not wait */
	char pending[32];	/* keys and count typed so far, for the status line */
} UiState;

struct App {
	Config *config;
	GPtrArray *accounts;		/* of AppAccount * */
	GPtrArray *places;		/* stack of Place *; the last is shown; never empty once running */
	GPtrArray *side;		/* of SideRow * */
	unsigned side_cursor, side_top, side_height;
	bool side_focused;
	Prompt *prompt;			/* NULL: none */
	GPtrArray *outbox;		/* of OutboxRow *, never NULL */
	GPtrArray *notices;		/* of Notice *, the log view shows them all, the status line the newest for 6 s (errors until a key) */
	char *index_progress;		/* NULL: index is up to date */
	unsigned dirty;			/* Dirty bits */
	bool quit;
	bool hints;
	bool redraw, bell;		/* asked of ui/loop.c, which does it and clears it */
	char *clipboard;		/* same: text for OSC 52, freed by the loop */
	int exit_status;
	/* the terminal is handed to a program (editor, viewer, shell): set by commands, done by ui/loop.c, then called back */
	char **run_argv;		/* NULL: nothing to run */
	void (*run_done)(App *app, int wait_status, void *data);
	void *run_data;
	UiState ui;
	struct AppPrivate *priv;	/* workers, timers, requests */
};

/* config is taken. Opens stores; starts nothing yet. Never fails for one bad account: it becomes a notice. */
App *app_new(Config *config, GError **error);
void app_start(App *app);			/* workers, timers; the first place is the unified inbox (or the only inbox) */
void app_free(App *app);			/* ends the workers */
Place *app_place(const App *app);
Scope app_scope(const App *app);
void app_push_place(App *app, Place *place);
void app_pop_place(App *app);			/* the last one stays */
void app_notice(App *app, NoticeLevel level, const char *format, ...) G_GNUC_PRINTF(3, 4);
void app_notice_error(App *app, GError *error /* taken */);	/* text + remedy */
void app_ask(App *app, Prompt *prompt /* taken */);
void app_prompt_finish(App *app, bool given_up);
void app_mark_dirty(App *app, unsigned dirty);
void app_open_mailbox(App *app, Mailbox *mailbox /* taken */);	/* replaces the list at the bottom of the stack */
void app_open_message(App *app, MsgRef ref);
bool app_open_file(App *app, const char *path_or_dash, GError **error);	/* surel open */
/* The list surel starts with; false: it is shown already. */
bool app_open_home(App *app);
void app_open_side(App *app, unsigned row);
void app_search(App *app, const char *query);
void app_render(App *app, Reader *reader);	/* asks the render worker again (flags or part changed) */
/* Continues a draft: account, text of draft; opens the editor first where edit is true. */
void app_open_draft(App *app, unsigned account, Draft *draft /* taken */, const char *id /* NULL: new */, bool edit);
void app_sync_now(App *app);
void app_run(App *app, char **argv /* taken */, void (*done)(App *app, int wait_status, void *data), void *data);
void app_mark_read(App *app, MsgRef ref);
/* Changes on messages of several accounts: one undo step per account; false after a notice said why not. */
bool app_set_flags(App *app, const MsgRef *refs, size_t n, uint32_t set, uint32_t clear);
bool app_move(App *app, const MsgRef *refs, size_t n, unsigned account, FolderId target, bool copy);
/* To the account's folder of that role, which is made when there is none (Archive, Trash). */
bool app_move_to_role(App *app, const MsgRef *refs, size_t n, FolderRole role);
bool app_delete_for_good(App *app, const MsgRef *refs, size_t n);
void app_undo(App *app);			/* a send in its window first, then the newest change */
AppAccount *app_account(const App *app, unsigned account);
Msg *app_msg(App *app, MsgRef ref);		/* NULL after a notice */
Mailbox *app_mailbox(const App *app);		/* the list that is shown or lies below what is shown; NULL: none */
Reader *app_reader(const App *app);		/* same for the message */
/* Finds a folder by what a person typed: "Lampiran", "kerja:Lampiran", a part of a name. near: account preferred. False: none. */
bool app_find_folder(App *app, const char *typed, unsigned near, unsigned *ret_account, FolderId *ret_folder);
void app_open_folder(App *app, unsigned account, FolderId folder);
void app_refresh(App *app);			/* the store changed: lists, folders and outbox are read again */
void app_doorbell(App *app, unsigned account);	/* intents were written: keeper and sync worker are told */
/* Parts of the message as files (src/app/extract.c): decoded by the render worker, written here. */
typedef struct PartsWanted { const char *part /* id; "*": every attachment */, *dir /* made where it is not there */, *name /* NULL: its own */; } PartsWanted;
typedef struct SavedPart { char *path, *name, *type; } SavedPart;
typedef void (*PartsSaved)(App *app, const GPtrArray *files /* of SavedPart *; NULL: error */, const GError *error, void *data);
void saved_part_free(SavedPart *part);
/* False after a notice: saved is not called then, free_data is. */
bool app_extract(App *app, const Reader *reader, const PartsWanted *wanted, PartsSaved saved, void *data, GDestroyNotify free_data);
/* Writing (src/app/compose.c). */
void app_compose(App *app, Draft *draft /* taken; NULL: empty */);	/* asks for what is missing, then the editor */
void app_reply(App *app, MsgRef ref, ReplyKind kind);
void app_resume(App *app);			/* the newest draft that lies there */
void app_edit_draft(App *app, Review *review);	/* the editor, then the review screen again */
bool app_save_draft(App *app, Review *review);
void app_send(App *app, Review *review);	/* asks where something looks forgotten */
void app_postpone(App *app, Review *review);
void app_discard(App *app, Review *review);
bool app_attach(App *app, Review *review, const char *path);
void app_next_identity(App *app, Review *review);
/* Outbox (src/app/outbox.c). */
void app_outbox_read(App *app);
void app_outbox_send_now(App *app, const OutboxRow *row);
void app_outbox_take_back(App *app, const OutboxRow *row);	/* to the review screen */
void app_outbox_mark_sent(App *app, const OutboxRow *row);
/* Prompts. done is called once, with NULL when it was given up; data is freed after it. */
Prompt *prompt_new(PromptKind kind, const char *label, const char *text, void (*done)(App *app, const char *text, void *data), void *data, GDestroyNotify free_data);
Prompt *prompt_new_address(const char *label, const char *text, void (*done)(App *app, const char *text, void *data), void *data, GDestroyNotify free_data);
void prompt_free(Prompt *prompt);
void app_confirm(App *app, const char *question, void (*yes)(App *app, void *data), void *data, GDestroyNotify free_data);
/* Address of a file to show or save: "~" and "~/" of the user. Caller frees. */
char *path_expand(const char *path);
/* A name in directory that does not exist yet: "a.pdf", "a (2).pdf". Caller frees. */
char *path_unused(const char *directory, const char *name);
bool app_idle(const App *app);			/* no request without its end, nothing dirty: for tests and :wait */

/* ---- without a screen (src/app/cli.c) ---- */
/* Exit statuses of every command; those of sysexits.h where one fits. */
typedef enum ExitStatus {
	STATUS_OK = 0, STATUS_PROBLEMS = 1 /* check or test found some; no hits */, STATUS_USAGE = 64, STATUS_DATA = 65 /* damaged or bad input */,
	STATUS_NO_INPUT = 66 /* no such file, account or message */, STATUS_UNAVAILABLE = 69 /* server not reachable, refused */, STATUS_INTERNAL = 70,
	STATUS_CANNOT_CREATE = 73, STATUS_IO = 74, STATUS_RETRY = 75 /* some account failed, or is synced by another surel */, STATUS_AUTH = 77, STATUS_CONFIG = 78
} ExitStatus;
int status_of_error(const GError *error);
/* What the command line asks of the screen. */
typedef struct CliScreen { char *open /* file or "-" */, *compose /* mailto: or address, "" empty */; } CliScreen;
/* True: done, *ret_status. False: the screen is wanted, *ret_screen says for what (caller frees its strings). */
bool cli_main(int argc, char **argv, CliScreen *ret_screen, int *ret_status);
/* First run: asks on a terminal, else says what to write. NULL: nothing was set up, *ret_status. */
Config *cli_setup(const char *path, int *ret_status);
