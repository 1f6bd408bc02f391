/* app/private.h: inside of the model: workers, requests, timers */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/app.h"

enum { NO_ACCOUNT = UINT_MAX, RENDER_TIMEOUT_S = 10, NOTICES_MAX = 500, SEARCH_LIMIT = 500 };

/* Which worker of whom a callback is about. */
typedef struct WorkerTag { App *app; unsigned account; } WorkerTag;

typedef enum RequestKind { REQUEST_RENDER, REQUEST_FETCH, REQUEST_SEARCH, REQUEST_SYNC, REQUEST_EXTRACT } RequestKind;
/* owner: Reader or Mailbox; only compared with what is open, never followed before. */
typedef struct Request { RequestKind kind; unsigned account; const void *owner; int64_t started; } Request;

/* A message that lies in its undo window. */
typedef struct SendWindow { unsigned account; int64_t id, until; } SendWindow;

struct AccountPrivate {
	WorkerTag tag;
	int lock_fd;			/* -1: not held */
	guint outbox_timer;		/* until the outbox has something due; 0: nothing waits there */
	int watch;			/* of its directory; -1: none */
	unsigned touched;		/* what changed there since the last look (watch.c) */
	char *secret, *outgoing_secret;	/* typed by the person; NULL */
	bool secret_wanted, outgoing_wanted, asking;
	bool secret_unsaved;		/* typed and not yet proven */
	int sync_status;		/* of `surel sync`: -1 while it runs */
	char *sync_error;
	char *told;			/* the reason for being offline that the person was told; NULL */
};

struct AppPrivate {
	WorkerTag tag;
	Worker *keep, *index, *search, *render;
	bool started, no_screen;
	guint start, stuck, locked;	/* timers: workers to start, a render to end, a lock to try */
	int watch_fd;
	guint watch_source, watch_timer, watch_blind;
	int64_t watch_looked;		/* monotonic */
	uint32_t last_request;
	GHashTable *requests;		/* id -> Request *, owned */
	GHashTable *jobs;		/* id -> what the renderer takes out of a message (extract.c), owned */
	GArray *sends;			/* of SendWindow, oldest first */
	GArray *changes;		/* of unsigned account: whose change is the next to undo */
	GHashTable *draft_locks;	/* path -> fd */
	GPtrArray *body_waits;		/* what goes on when a body is here (reader.c) */
	GPtrArray *waiting_moves;	/* until their folder is there (actions.c) */
	unsigned mark_timer;		/* message counts as read when it fires; 0 none */
	MsgRef mark_ref;
	unsigned flush_timer;		/* a doubled doorbell is one refresh */
	bool refresh_wanted;
	void (*on_frame)(App *app, unsigned account, Worker *worker, const Frame *frame, void *data);	/* `surel sync` listens; NULL */
	void (*on_end)(App *app, unsigned account, Worker *worker, int status, bool crashed, void *data);
	void *listener;
};

/* app.c */
const char *app_data_dir(void);	/* NULL: the default */
Folder *app_folder(App *app, unsigned account, FolderId id);
Place *place_new(PlaceKind kind);
Store **app_stores(App *app, size_t *ret_n);	/* caller frees the array */

/* supervisor.c */
bool supervisor_start(App *app);
void supervisor_stop(App *app);
bool supervisor_lock(App *app, AppAccount *account);
void supervisor_ring(App *app, unsigned account);
void supervisor_outbox(App *app, unsigned account);	/* starts the submit worker when something is due */
void supervisor_outbox_later(App *app, unsigned account);
void supervisor_journal(App *app, AppAccount *account);	/* another surel or program wrote intents */
void supervisor_take_over(App *app);			/* accounts that another surel synced until now */
uint32_t request_new(App *app, RequestKind kind, unsigned account, const void *owner);
bool render_send(App *app, const Frame *frame);

/* watch.c */
void watch_start(App *app);
void watch_stop(App *app);

/* secret.c */
void secret_ask(App *app);
void secret_repeat(App *app, unsigned account, Worker *worker);
void secret_proven(App *app, unsigned account);
bool secret_save(const char *path, const char *key, const char *secret, GError **error);

/* events.c */
extern const WorkerCallbacks app_worker_callbacks;

/* actions.c */
void waiting_move_free(void *data);
void waiting_moves_try(App *app);

/* side.c */
void side_read(App *app);
void side_row_free(SideRow *row);
Mailbox *side_unified(App *app);	/* the inboxes of all accounts, or the only one */
void side_widen(App *app);

/* reader.c */
void reader_free(Reader *reader);
void reader_open(App *app, MsgRef ref);
void reader_document(App *app, uint32_t request, Document *document);
void reader_failed(App *app, uint32_t request, int code, const char *text);
void reader_refresh(App *app);		/* the body it waits for may be here now */
void reader_render_ended(App *app, bool crashed);
void reader_fetch_ended(App *app, unsigned account, const char *text);

typedef void (*BodyReady)(App *app, MsgRef ref, int how);
void body_want(App *app, MsgRef ref, BodyReady ready, int how);
void body_wait_free(void *data);
/* Bytes of a message file or of stdin ("-"). Caller frees. */
char *message_read(const char *path_or_dash, size_t *ret_size, GError **error);

/* extract.c: answers come later, exactly one each, also when the renderer dies; free_data is called after it. bytes: instead of
 * the file of ref */
typedef void (*DraftReady)(App *app, Draft *draft /* taken; NULL: error */, const GError *error, void *data);
void extract_draft(App *app, unsigned account, uint32_t kind, MsgRef ref, GBytes *bytes, DraftReady ready, void *data, GDestroyNotify free_data);
void extract_parts(App *app, MsgRef ref, GBytes *bytes, const PartsWanted *wanted, PartsSaved saved, void *data, GDestroyNotify free_data);
void extract_on_draft(App *app, uint32_t request, GBytes *bytes);
void extract_on_part(App *app, uint32_t request, const char *name, const char *type);
void extract_on_piece(App *app, uint32_t request, GBytes *bytes);
void extract_ended(App *app, uint32_t request, int code, const char *text);
void jobs_render_ended(App *app, bool crashed);
void job_free(void *data);

/* compose.c, draft.c */
bool draft_resume_message(App *app, MsgRef ref);	/* false: it cannot be edited, show it */
void review_free(Review *review);
void drafts_offer(App *app);
void drafts_close(App *app);
char *draft_new_id(void);

/* outbox.c */
void outbox_row_free(OutboxRow *row);

/* search.c */
void search_hits(App *app, uint32_t request, const char *message_ids);
void search_ended(App *app, uint32_t request, const char *error);
