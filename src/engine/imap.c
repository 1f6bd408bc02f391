/* src/engine/imap.c: the IMAP session: TLS, capabilities, login, selecting; and the backend's ops */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/engine/imap.h"

#include <string.h>
#include <unistd.h>

#include "surel/text.h"

enum { SILENCE_S = 60 };	/* of the server within one answer */

/* ---- capabilities and TLS ---- */

static bool
ask_caps(Imap *imap, GError **error)
{
	imap_clear_caps(imap);
	return imap_command(imap, "CAPABILITY", error);
}

static bool
start_tls(Imap *imap, GError **error)
{
	if (!(imap->caps & CAP_STARTTLS))
		return error_set(error, ERROR_UNSUPPORTED, "the server offers no STARTTLS; nothing was sent over the open line");
	if (!imap_command(imap, "STARTTLS", error) || !net_starttls(imap->engine->net, error)) {
		imap->broken = true;
		return false;
	}
	/* What was said before TLS could be anybody's words. */
	imap_clear_caps(imap);
	return true;
}

/* ---- login ---- */

typedef struct Carrier { Imap *imap; unsigned tag; } Carrier;

static char *
carrier_step(Carrier *carrier, bool *ret_done, GError **error)
{
	g_auto(ImapReply) reply = {0};
	g_autofree char *text = NULL;
	g_autoptr(GError) own = NULL;

	*ret_done = false;
	if (imap_read_continuation(carrier->imap, carrier->tag, &text, &reply, &own))
		return g_steal_pointer(&text);
	if (own) {
		g_propagate_error(error, g_steal_pointer(&own));
		return NULL;
	}
	*ret_done = reply.ok;
	if (reply.ok)
		return g_strdup("");
	/* An unmarked NO to a login is a refusal (RFC 5530 marks the others). */
	if (!*reply.code) {
		error_set(error, ERROR_AUTH, "the server says: %s", reply.text);
		return NULL;
	}
	imap_refused(&reply, error, "");
	return NULL;
}

static char *
carrier_start(void *data, const char *mechanism, const char *initial, bool *ret_done, GError **error)
{
	Carrier *carrier = data;
	g_autofree char *command = initial ? g_strdup_printf("AUTHENTICATE %s %s", mechanism, *initial ? initial : "=") :
				   g_strdup_printf("AUTHENTICATE %s", mechanism);
	bool sent = imap_send(carrier->imap, command, &carrier->tag, error) && imap_flush(carrier->imap, error);

	explicit_bzero(command, strlen(command));
	return sent ? carrier_step(carrier, ret_done, error) : NULL;
}

static char *
carrier_reply(void *data, const char *line, bool *ret_done, GError **error)
{
	Carrier *carrier = data;
	Net *net = carrier->imap->engine->net;

	if (!net_write(net, line, strlen(line), error) || !net_write(net, "\r\n", 2, error) || !imap_flush(carrier->imap, error)) {
		carrier->imap->broken = true;
		return NULL;
	}
	return carrier_step(carrier, ret_done, error);
}

static bool
login_plainly(Imap *imap, const char *user, const char *secret, GError **error)
{
	g_auto(ImapReply) reply = {0};
	g_autoptr(GString) line = g_string_new("LOGIN ");

	if (imap->caps & CAP_LOGINDISABLED)
		return error_set(error, ERROR_UNSUPPORTED, "the server offers no way to log in that surel knows");
	if (!imap_quote(line, user, error))
		return false;
	g_string_append_c(line, ' ');
	bool ok = imap_quote(line, secret, error) && imap_ask(imap, line->str, &reply, error);
	explicit_bzero(line->str, line->len);
	if (!ok || reply.ok)
		return ok;
	if (!*reply.code)
		return error_set(error, ERROR_AUTH, "the server says: %s", reply.text);
	return imap_refused(&reply, error, "");
}

static bool
log_in(Imap *imap, GError **error)
{
	Engine *engine = imap->engine;
	const ServerUrl *url = &engine->account->incoming;
	const char *user = url->user ? url->user : engine->account->user;
	Carrier data = {imap, 0};
	SaslCarrier carrier = {carrier_start, carrier_reply, &data, (imap->caps & CAP_SASL_IR) != 0};
	bool is_token = false;

	if (!net_is_secure(engine->net) && url->tls != TLS_NONE)
		return error_set(error, ERROR_CERT, "the connection is not secure; the password was not sent");
	char *secret = engine_secret(engine, false, &is_token, error);
	if (!secret)
		return false;
	bool ok = imap->sasl->len > 1
		? sasl_login(engine->net, &carrier, (char **)imap->sasl->pdata, url->host, url->port, user, secret, is_token, error)
		: login_plainly(imap, user ? user : "", secret, error);
	/* Mechanisms, but none of ours: LOGIN is what is left (RFC 3501 6.2.3). */
	if (!ok && !is_token && !imap->broken && error && g_error_matches(*error, SUREL_ERROR, ERROR_UNSUPPORTED) && !(imap->caps & CAP_LOGINDISABLED)) {
		g_clear_error(error);
		ok = login_plainly(imap, user ? user : "", secret, error);
	}
	os_free_secret(secret);
	return ok || error_wrap(error, "login as %s", user ? user : "?");
}

static bool
greet(Imap *imap, GError **error)
{
	bool preauth = false;

	if (!imap_read_greeting(imap, &preauth, error))
		return false;
	if (preauth && imap->engine->account->incoming.tls == TLS_STARTTLS) {
		imap->broken = true;
		return error_set(error, ERROR_CERT, "the server wants to skip encryption (PREAUTH before STARTTLS); nothing was sent");
	}
	if (!ask_caps(imap, error))
		return false;
	if (imap->engine->account->incoming.tls == TLS_STARTTLS && (!start_tls(imap, error) || !ask_caps(imap, error)))
		return false;
	engine_step(imap->engine, "capabilities", VERDICT_OK, "%s%s%s%s%s", "IMAP4rev1", imap->caps & CAP_CONDSTORE ? " CONDSTORE" : "",
		    imap->caps & CAP_IDLE ? " IDLE" : "", imap->caps & CAP_MOVE ? " MOVE" : "", imap->caps & CAP_UIDPLUS ? " UIDPLUS" : "");
	if (preauth)
		return true;
	if (!log_in(imap, error)) {
		engine_step(imap->engine, "login", VERDICT_FAIL, "%s", error && *error ? (*error)->message : "refused");
		return false;
	}
	engine_step(imap->engine, "login", VERDICT_OK, "accepted");
	return ask_caps(imap, error);
}

bool
imap_session_open(Imap *imap, GError **error)
{
	Engine *engine = imap->engine;

	imap_session_close(imap);
	if (!engine_connect(engine, true, error))
		return false;
	imap->session = mailimap_new(0, NULL);
	if (!imap->session)
		return error_set(error, ERROR_IO, "not enough memory");
	imap->session->imap_stream = net_stream(engine->net);
	imap->session->imap_state = MAILIMAP_STATE_NON_AUTHENTICATED;
	imap->session->imap_connection_info = mailimap_connection_info_new();
	imap->broken = false;
	net_set_timeout(engine->net, SILENCE_S);
	if (!greet(imap, error))
		return false;
	/* Some servers give their full service only to who says its name (RFC 2971). */
	return !(imap->caps & CAP_ID) || imap_command(imap, "ID (\"name\" \"surel\")", error);
}

void
imap_session_close(Imap *imap)
{
	if (imap->session && !imap->broken && imap->engine->net && net_write(imap->engine->net, "0 LOGOUT\r\n", 10, NULL))
		(void)net_flush(imap->engine->net, NULL);
	if (imap->session) {
		imap->session->imap_stream = NULL;	/* the connection owns it; libetpan would say LOGOUT and wait */
		mailimap_free(imap->session);
		imap->session = NULL;
	}
	g_clear_pointer(&imap->engine->net, net_close);
	g_clear_pointer(&imap->selected, g_free);
	imap->broken = true;
}

/* ---- selecting ---- */

static uint32_t
permanent_bit(const struct mailimap_flag *flag, bool *ret_forwarded)
{
	switch (flag->fl_type) {
	case MAILIMAP_FLAG_ANSWERED: return FLAG_ANSWERED;
	case MAILIMAP_FLAG_FLAGGED: return FLAG_FLAGGED;
	case MAILIMAP_FLAG_DELETED: return FLAG_DELETED;
	case MAILIMAP_FLAG_SEEN: return FLAG_SEEN;
	case MAILIMAP_FLAG_DRAFT: return FLAG_DRAFT;
	case MAILIMAP_FLAG_KEYWORD:
		if (flag->fl_data.fl_keyword && g_ascii_strcasecmp(flag->fl_data.fl_keyword, "$Forwarded") == 0)
			*ret_forwarded = true;
		return 0;
	default: return 0;
	}
}

/* Flags the folder does not keep stay local (RFC 3501 7.1, PERMANENTFLAGS: unknown keywords are not sent). */
static void
take_permanent(Imap *imap, const struct mailimap_selection_info *info)
{
	imap->permanent = 0;
	imap->any_keyword = imap->keyword_forwarded = false;
	if (!info->sel_perm_flags) {
		imap->permanent = FLAG_SEEN | FLAG_ANSWERED | FLAG_FLAGGED | FLAG_DELETED | FLAG_DRAFT;
		return;
	}
	for (clistiter *at = clist_begin(info->sel_perm_flags); at; at = clist_next(at)) {
		const struct mailimap_flag_perm *flag = clist_content(at);
		if (flag->fl_type == MAILIMAP_FLAG_PERM_ALL)
			imap->any_keyword = true;
		else if (flag->fl_flag)
			imap->permanent |= permanent_bit(flag->fl_flag, &imap->keyword_forwarded);
	}
	if (imap->any_keyword || imap->keyword_forwarded)
		imap->permanent |= FLAG_FORWARDED;
}

bool
imap_select(Imap *imap, const char *raw, bool fresh, GError **error)
{
	g_auto(ImapReply) reply = {0};
	g_autoptr(GString) line = g_string_new("SELECT ");

	if (!fresh && g_strcmp0(imap->selected, raw) == 0 && !imap->broken)
		return true;
	if (!imap->session)
		return error_set(error, ERROR_OFFLINE, "the connection has ended");
	if (imap->session->imap_selection_info)
		mailimap_selection_info_free(imap->session->imap_selection_info);
	imap->session->imap_selection_info = mailimap_selection_info_new();
	g_clear_pointer(&imap->selected, g_free);
	imap->modseq = 0;
	if (!imap_quote(line, raw, error))
		return false;
	if (imap->caps & CAP_CONDSTORE)
		g_string_append(line, " (CONDSTORE)");
	if (!imap_ask(imap, line->str, &reply, error))
		return false;
	if (!reply.ok)
		return imap_refused(&reply, error, "opening the folder");
	const struct mailimap_selection_info *info = imap->session->imap_selection_info;
	imap->selected = g_strdup(raw);
	imap->uidvalidity = info->sel_uidvalidity;
	imap->uidnext = info->sel_uidnext;
	imap->read_only = info->sel_perm == MAILIMAP_MAILBOX_READONLY;
	take_permanent(imap, info);
	imap->changed = false;
	if (imap->uidvalidity == 0)	/* RFC 3501 6.3.1: UIDs are not supported */
		return error_set(error, ERROR_UNSUPPORTED, "the server gives no lasting numbers (UIDVALIDITY) for %s", raw);
	return true;
}

uint32_t
imap_exists(const Imap *imap)
{
	const struct mailimap_selection_info *info = imap->session ? imap->session->imap_selection_info : NULL;
	return info ? info->sel_exists : 0;
}

/* ---- ops ---- */

static bool
open_account(Engine *engine, GError **error)
{
	Imap *imap = imap_new(engine);

	engine->state = imap;
	return imap_session_open(imap, error) && imap_list(imap, error);
}

static void
close_account(Engine *engine)
{
	g_clear_pointer((Imap **)&engine->state, imap_free);
}

static bool
push_account(Engine *engine, GError **error)
{
	engine->journal_wanted = false;
	return store_apply_pending(engine->store, NULL, error) && imap_push(engine->state, error);
}

const BackendOps imap_backend = {
	.name = "imap",
	.caps = BACKEND_SERVER_FOLDERS | BACKEND_PUSH_FLAGS | BACKEND_IDLE,
	.open = open_account,
	.sync = imap_sync,
	.push = push_account,
	.wait = imap_wait,
	.fetch = imap_fetch_body,
	.close = close_account,
};
