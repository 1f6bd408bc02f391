/* engine/submit.c: role submit: takes what is due from the outbox to the server, each message once (state machine of the outbox) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "src/engine/engine.h"
#include "src/engine/smtp.h"
#include "surel/text.h"

enum {
	MESSAGES_PER_CONNECTION = 50,
	IDLE_S = 10,		/* how long an open connection waits for more */
	SPLIT_AFTER = 3,	/* attempts with all recipients, then those that can have it get it */
	GIVE_UP_S = 24 * 3600,
	RATE_PAUSE_S = 600,
	CERT_PAUSE_S = 300,
	SUBMIT_MEMORY_MB = 768
};

enum { WAITING = 1 << OUTBOX_HELD | 1 << OUTBOX_QUEUED, SENDING = 1 << OUTBOX_SENDING, COMMITTING = 1 << OUTBOX_COMMITTING };

typedef struct Submit {
	Engine engine;
	Smtp *smtp;
	unsigned messages;	/* over this connection */
	bool confined, committing;
	char *secret;
	bool is_token;
	int64_t done, total;
	int status;		/* WORKER_EXIT_... once it is over */
	bool over;
	int64_t row;		/* the one on its way, for its recipients' answers */
	bool deferred;		/* some of its recipients must wait */
	int lock_fd;
} Submit;

static int64_t
now_s(void)
{
	return g_get_real_time() / G_USEC_PER_SEC;
}

static void
end(Submit *submit, int status)
{
	submit->over = true;
	submit->status = status;
}

/* A store that fails ends the worker: what it says of the row stays true, and the next start recovers it. */
static bool
store_failed(Submit *submit, GError *error)
{
	g_autofree char *text = g_strdup_printf("The outbox cannot be written: %s", error ? error->message : "unknown");

	engine_notice(&submit->engine, LOG_LEVEL_ERROR, text);
	log_error(LOG_SMTP, "%s", text);
	g_clear_error(&error);
	end(submit, WORKER_EXIT_RETRY);
	return false;
}

/* One step of the state machine, durable when it returns true. False: somebody else changed the row, or the store failed. */
static bool
move(Submit *submit, int64_t id, unsigned from, OutboxState to, const char *reply, int64_t next_try)
{
	GError *error = NULL;
	g_autofree char *clean = reply ? text_clean(reply, -1, false) : NULL;

	if (!store_outbox_move(submit->engine.store, id, from, to, clean, next_try, &error))
		return error ? store_failed(submit, error) : false;
	engine_send(&submit->engine, &(Frame){ .type = FRAME_OUTBOX, .u.outbox = { id, to, clean ? clean : (char *)"" } });
	return true;
}

static const char *
subject_of(const Outbox *row)
{
	return row->subject && *row->subject ? row->subject : "(no subject)";
}

static void
notice(Submit *submit, LogLevel level, const Outbox *row, const char *format, const char *words)
{
	g_autofree char *tail = g_strdup_printf("%s: %s", format, words ? words : "");
	g_autofree char *text = g_strdup_printf("%s: %s", subject_of(row), tail);

	engine_notice(&submit->engine, level, text);
}

/* ---- connection ---- */

/* A goodbye in the middle of the last step would only make the delivery uncertain. */
static bool
submit_interrupted(void *data)
{
	Submit *submit = data;

	return engine_interrupted(&submit->engine) && !submit->committing;
}

static void
disconnect(Submit *submit)
{
	/* On the way out nobody waits for the answer to a QUIT. */
	if (submit->smtp && submit->engine.quit)
		submit->smtp->over = true;
	g_clear_pointer(&submit->smtp, smtp_close);
	submit->messages = 0;
}

static void
confine(Submit *submit)
{
	const Account *account = submit->engine.account;
	const char *data = g_getenv("SUREL_DATA");
	g_autofree char *data_dir = data && *data ? g_strdup(data) : os_data_dir(), *state_dir = os_state_dir();
	g_autofree char *mail = g_build_filename(data_dir, "mail", account->name, NULL);
	g_autofree char *own = g_build_filename(data_dir, "accounts", account->name, NULL);
	const char *write_dirs[] = { mail, own, state_dir, "/tmp", "/var/tmp", "/dev/null", NULL };
	const char *read_dirs[] = { "/etc", "/usr", "/lib", "/run", "/dev", "/proc/self", account->ca_file, NULL };

	if (!submit->confined)
		sandbox_enter(read_dirs, write_dirs, SUBMIT_MEMORY_MB);
	submit->confined = true;
}

static bool
log_in(Submit *submit, GError **error)
{
	const Account *account = submit->engine.account;
	const char *user = account->outgoing.user ? account->outgoing.user : account->user;

	if (!smtp_wants_login(submit->smtp))
		return true;
	if (!submit->secret)
		submit->secret = engine_secret(&submit->engine, true, &submit->is_token, error);
	return submit->secret && smtp_login(submit->smtp, user ? user : "", submit->secret, submit->is_token, error);
}

static bool
connected(Submit *submit, GError **error)
{
	Engine *engine = &submit->engine;

	if (smtp_usable(submit->smtp) && submit->messages < MESSAGES_PER_CONNECTION)
		return true;
	disconnect(submit);
	submit->smtp = smtp_open(&(NetOptions){ .url = &engine->account->outgoing, .ca_file = engine->account->ca_file,
		.control_fd = engine->channel ? channel_fd(engine->channel) : -1, .interrupted = submit_interrupted, .data = submit }, error);
	if (!submit->smtp)
		return false;
	if (!log_in(submit, error)) {
		disconnect(submit);
		return false;
	}
	confine(submit);
	return true;
}

/* Nothing of the message was sent, so its attempts do not count; the pause keeps us from knocking all the time. */
static void
connect_failed(Submit *submit, const Outbox *row, unsigned from, const GError *error)
{
	int64_t now = now_s();
	int code = error->domain == SUREL_ERROR ? error->code : ERROR_IO;
	bool network = code == ERROR_OFFLINE || code == ERROR_DNS;
	bool login = code == ERROR_AUTH || code == ERROR_CONFIG || code == ERROR_UNSUPPORTED;
	int64_t pause_s = login || code == ERROR_CANCELLED ? 0 : network ? (now - row->created < 600 ? 15 : 60) : CERT_PAUSE_S;

	if (!move(submit, row->id, from, OUTBOX_QUEUED, error->message, pause_s ? now + pause_s : 0))
		return;
	if (code == ERROR_CANCELLED) {
		end(submit, WORKER_EXIT_DONE);
		return;
	}
	g_autofree char *text = error_sentence(error);
	log_warn(LOG_SMTP, "connection: %s", error_nick(code));
	engine_set_state(&submit->engine, login ? ENGINE_AUTH_FAILED : ENGINE_OFFLINE, text);
	if (!network && !login)
		engine_notice(&submit->engine, LOG_LEVEL_ERROR, text);
	end(submit, login ? WORKER_EXIT_STOP : WORKER_EXIT_RETRY);
}

/* ---- outcomes ---- */

static int64_t
retry_s(unsigned attempts)
{
	static const int64_t minutes[] = { 1, 5, 15, 60, 180 };

	return minutes[MIN(attempts, G_N_ELEMENTS(minutes) - 1)] * 60;
}

static bool
is_rate_limit(const char *why)
{
	g_autofree char *lower = g_ascii_strdown(why, -1);

	return strstr(lower, " 4.7.") || strstr(lower, "rate limit") || strstr(lower, "too many") || strstr(lower, "too fast");
}

/* A server that says "slow down" is not asked again with the next message. */
static void
pause_all(Submit *submit, int64_t until)
{
	g_autoptr(GPtrArray) rows = store_outbox(submit->engine.store, NULL);

	for (guint i = 0; rows && i < rows->len && !submit->over; i++) {
		const Outbox *row = rows->pdata[i];
		if (row->state == OUTBOX_QUEUED && row->next_try < until)
			move(submit, row->id, 1 << OUTBOX_QUEUED, OUTBOX_QUEUED, row->last_reply, until);
	}
}

/* Provably not accepted, and the server (or the network) may think better of it. */
static void
later(Submit *submit, const Outbox *row, unsigned from, const char *why)
{
	int64_t now = now_s(), pause_s = retry_s(row->attempts);

	if (now - row->created > GIVE_UP_S) {
		if (move(submit, row->id, from, OUTBOX_FAILED, why, 0))
			notice(submit, LOG_LEVEL_ERROR, row, "not accepted for a whole day; it is in the outbox", why);
		return;
	}
	bool limit = is_rate_limit(why);
	if (limit)
		pause_s = MAX(pause_s, RATE_PAUSE_S);
	if (!move(submit, row->id, from, OUTBOX_QUEUED, why, now + pause_s))
		return;
	g_autofree char *sentence = g_strdup_printf("not accepted yet, tried again in %d minutes", (int)(pause_s / 60));
	notice(submit, LOG_LEVEL_WARN, row, sentence, why);
	if (limit)
		pause_all(submit, now + pause_s);
}

/* A failure here leaves it accepted: it is filed at the next start and never sent again. */
static void
file_copy(Submit *submit, int64_t id)
{
	GError *error = NULL;

	if (!sent_file(&submit->engine, id, false, &error))
		store_failed(submit, error);
}

/* The message is the server's now; whatever fails from here on must not bring it back into the queue. */
static void
accepted(Submit *submit, const Outbox *row, const char *why)
{
	submit->messages++;
	submit->done++;
	if (submit->deferred) {
		for (guint i = 0; i < submit->smtp->taken->len; i++) {
			GError *error = NULL;
			if (!store_outbox_rcpt(submit->engine.store, row->id, submit->smtp->taken->pdata[i], 250, why, &error)) {
				store_failed(submit, error);
				return;
			}
		}
		later(submit, row, COMMITTING, "some recipients were not accepted yet");
		return;
	}
	/* Unknown: a restart judged the row before this answer came, and the answer knows better. */
	if (move(submit, row->id, COMMITTING | 1 << OUTBOX_UNKNOWN, OUTBOX_ACCEPTED, why, 0))
		file_copy(submit, row->id);
}

static void
refused(Submit *submit, const Outbox *row, unsigned from, const char *why)
{
	/* the OUTBOX frame makes the notice */
	(void)move(submit, row->id, from, OUTBOX_FAILED, why, 0);
}

static void
wants_login(Submit *submit, const Outbox *row, unsigned from, const char *why)
{
	if (!move(submit, row->id, from, OUTBOX_QUEUED, why, 0))
		return;
	g_autoptr(GError) error = g_error_new(SUREL_ERROR, ERROR_AUTH, "the server wants a login before it sends: %s", why);
	g_autofree char *text = error_sentence(error);
	engine_set_state(&submit->engine, ENGINE_AUTH_FAILED, text);
	end(submit, WORKER_EXIT_STOP);
}

/* What became of a message; from: its state in the store. */
static void
settle(Submit *submit, const Outbox *row, unsigned from, SmtpVerdict verdict, const char *why)
{
	switch (verdict) {
	case SMTP_READY:
		return;
	case SMTP_ACCEPTED:
		accepted(submit, row, why);
		return;
	case SMTP_LATER:
		later(submit, row, from, why);
		return;
	case SMTP_REFUSED:
	case SMTP_BROKEN:
		refused(submit, row, from, why);
		return;
	case SMTP_AUTH:
		wants_login(submit, row, from, why);
		return;
	case SMTP_LOST:
		if (from == COMMITTING)
			move(submit, row->id, from, OUTBOX_UNKNOWN, why, 0);
		else if (submit->engine.quit)
			move(submit, row->id, from, OUTBOX_QUEUED, why, 0);
		else
			later(submit, row, from, why);
		return;
	}
}

/* ---- one message ---- */

static void
on_rcpt(void *data, const char *address, int code, const char *text)
{
	Submit *submit = data;
	GError *error = NULL;

	submit->deferred = true;
	if (!store_outbox_rcpt(submit->engine.store, submit->row, address, code, text, &error))
		store_failed(submit, error);
}

static char **
recipients_left(const Outbox *row)
{
	GPtrArray *left = g_ptr_array_new();

	for (guint i = 0; i < row->rcpts->len; i++) {
		const OutboxRcpt *rcpt = row->rcpts->pdata[i];
		if (rcpt->code / 100 != 2)
			g_ptr_array_add(left, g_strdup(rcpt->address));
	}
	g_ptr_array_add(left, NULL);
	return (char **)g_ptr_array_free(left, FALSE);
}

static SmtpVerdict
transmit(Submit *submit, const Outbox *row, char *const *to, char **ret_why)
{
	SmtpMail mail = { .from = row->mail_from, .to = to, .path = row->path, .smtputf8 = row->smtputf8, .eightbit = row->eightbit,
			  .split = row->attempts >= SPLIT_AFTER };

	submit->row = row->id;
	submit->deferred = false;
	return smtp_send(submit->smtp, &mail, on_rcpt, submit, ret_why);
}

static void
commit(Submit *submit, const Outbox *row)
{
	g_autofree char *why = NULL;

	/* After this step a crash means "unknown": only now the dot may go (I9). Without it hanging up takes the text back. */
	if (submit->over || !move(submit, row->id, SENDING, OUTBOX_COMMITTING, NULL, 0)) {
		disconnect(submit);
		return;
	}
	submit->committing = true;
	SmtpVerdict verdict = smtp_commit(submit->smtp, &why);
	submit->committing = false;
	settle(submit, row, COMMITTING, verdict, why);
}

/* False: the account sent as much as it may for now, and the row waits. */
static bool
rate_allows(Submit *submit, const Outbox *row)
{
	int64_t when = 0, now = now_s();
	g_autofree char *text = NULL;

	if (store_rate_take(submit->engine.store, MAX(row->rcpts->len, 1u), now, &when, NULL) || when <= now)
		return true;
	text = g_strdup_printf("waiting, so that the provider does not take this for spam; sent in %d minutes", (int)((when - now + 59) / 60));
	move(submit, row->id, WAITING, OUTBOX_QUEUED, text, when);
	return false;
}

static void
deliver(Submit *submit, const Outbox *row)
{
	g_auto(GStrv) to = recipients_left(row);
	SmtpVerdict verdict = SMTP_LOST;
	g_autofree char *why = NULL;

	for (bool claimed = false, reused = true; reused && verdict == SMTP_LOST && !submit->engine.quit;) {
		g_autoptr(GError) error = NULL;
		/* A server may have closed an idle connection: that says nothing about the message. */
		reused = smtp_usable(submit->smtp) && submit->messages > 0;
		if (!connected(submit, &error)) {
			connect_failed(submit, row, claimed ? SENDING : WAITING, error);
			return;
		}
		/* An attempt counts from here on. It fails where the person took the message back in this moment. */
		if (!claimed && !rate_allows(submit, row))
			return;
		if (!claimed && !move(submit, row->id, WAITING, OUTBOX_SENDING, NULL, 0))
			return;
		claimed = true;
		g_clear_pointer(&why, g_free);
		verdict = transmit(submit, row, to, &why);
	}
	if (verdict == SMTP_READY)
		commit(submit, row);
	else
		settle(submit, row, SENDING, verdict, why ? why : "stopped");
	if (!smtp_usable(submit->smtp))
		disconnect(submit);
}

/* ---- the worker's life ---- */

static void
count_waiting(Submit *submit)
{
	g_autoptr(GPtrArray) rows = store_outbox(submit->engine.store, NULL);
	int64_t now = now_s();

	submit->total = submit->done;
	for (guint i = 0; rows && i < rows->len; i++) {
		const Outbox *row = rows->pdata[i];
		submit->total += (row->state == OUTBOX_QUEUED && row->next_try <= now) || (row->state == OUTBOX_HELD && row->not_before <= now);
	}
}

/* What was accepted before a crash gets its Sent copy. */
static void
file_accepted(Submit *submit)
{
	GError *error = NULL;
	g_autoptr(GPtrArray) rows = store_outbox(submit->engine.store, &error);

	if (!rows)
		store_failed(submit, error);
	for (guint i = 0; rows && i < rows->len && !submit->over; i++) {
		const Outbox *row = rows->pdata[i];
		if (row->state == OUTBOX_ACCEPTED)
			file_copy(submit, row->id);
	}
}

/* Nothing is due: keeps the connection for a while. False: it is time to end. */
static bool
wait_for_more(Submit *submit, int64_t next)
{
	Engine *engine = &submit->engine;
	int64_t until = now_s() + IDLE_S;
	bool soon = next > 0 && next <= until;
	bool input = false, control = false;

	if (!smtp_usable(submit->smtp))
		disconnect(submit);
	if ((!submit->smtp && !soon) || !engine->channel)
		return false;
	engine_set_state(engine, ENGINE_IDLE, NULL);
	engine->outbox_wanted = false;
	while (!engine->outbox_wanted && now_s() < (soon ? next : until)) {
		int left_ms = (int)MAX((soon ? next : until) - now_s(), 1) * 1000;
		struct pollfd poll_fd = { .fd = channel_fd(engine->channel), .events = POLLIN };

		if (submit->smtp && (!net_wait(smtp_net(submit->smtp), left_ms, &input, &control, NULL) || input)) {
			/* unasked words of the server are its goodbye */
			submit->smtp->over = true;
			disconnect(submit);
		} else if (!submit->smtp) {
			poll(&poll_fd, 1, left_ms);
		}
		if (!engine_poll(engine) || (!submit->smtp && !soon))
			return false;
	}
	return engine->outbox_wanted || soon;
}

static void
run(Submit *submit)
{
	Engine *engine = &submit->engine;
	GError *failure = NULL;

	if (!sent_settle_unknown(engine, &failure))
		store_failed(submit, failure);
	file_accepted(submit);
	while (!submit->over && engine_poll(engine)) {
		GError *error = NULL;
		int64_t next = 0;
		g_autoptr(Outbox) row = store_outbox_due(engine->store, now_s(), &next, &error);

		if (!row && error) {
			store_failed(submit, error);
			return;
		}
		if (!row && !wait_for_more(submit, next))
			return;
		if (!row)
			continue;
		if (submit->done >= submit->total)
			count_waiting(submit);
		engine_set_state(engine, ENGINE_SENDING, NULL);
		engine_progress(engine, "sending", submit->done, submit->total);
		deliver(submit, row);
	}
}

/* One sender at a time: a worker whose supervisor was killed may still wait for the answer to a final dot, and what it is doing must
 * not be taken for left over. It ends by itself, since it notices. */
static bool
lock(Submit *submit, GError **error)
{
	g_autofree char *dir = g_path_get_dirname(store_drafts_dir(submit->engine.store));
	g_autofree char *path = g_build_filename(dir, "submit.lock", NULL);

	return os_lock_file(path, &submit->lock_fd, error);
}

static bool
start(Submit *submit, GError **error)
{
	submit->engine.store = store_open(NULL, submit->engine.account->name, STORE_WORKER, error);
	if (!submit->engine.store)
		return false;
	return lock(submit, error) && store_outbox_recover(submit->engine.store, error);
}

int
submit_main(const Config *config, const char *account_name, Channel *channel)
{
	const Account *account = config_account(config, account_name);
	Submit submit = { .status = WORKER_EXIT_DONE, .lock_fd = -1 };
	GError *error = NULL;

	if (!account || !account->outgoing.host) {
		log_error(LOG_SMTP, "no outgoing server");
		return WORKER_EXIT_STOP;
	}
	engine_init(&submit.engine, config, account, channel);
	if (start(&submit, &error))
		run(&submit);
	else if (g_error_matches(error, SUREL_ERROR, ERROR_LOCKED))
		end(&submit, WORKER_EXIT_RETRY);
	else
		store_failed(&submit, g_steal_pointer(&error));
	g_clear_error(&error);
	disconnect(&submit);
	engine_progress(&submit.engine, "sending", submit.done, submit.done);
	if (!submit.over)
		engine_set_state(&submit.engine, ENGINE_IDLE, NULL);
	os_free_secret(submit.secret);
	engine_clear(&submit.engine);
	if (submit.lock_fd >= 0)
		close(submit.lock_fd);
	return submit.status;
}
