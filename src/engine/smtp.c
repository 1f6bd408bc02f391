/* engine/smtp.c: session of a submission: replies, EHLO, STARTTLS, AUTH (RFC 5321, 3207, 4954) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/engine/smtp.h"

#include <string.h>

#include <openssl/crypto.h>

#include "src/engine/sasl.h"
#include "surel/text.h"

/* Not the host's name: that is nobody's business, and often no name at all (RFC 5321 4.1.3 allows a literal). */
static const char ehlo_name[] = "[127.0.0.1]";

void
smtp_reply_clear(SmtpReply *reply)
{
	g_clear_pointer(&reply->text, g_free);
	g_clear_pointer(&reply->lines, g_ptr_array_unref);
	reply->code = 0;
}

void
smtp_patience(Smtp *smtp, unsigned seconds)
{
	net_set_timeout(smtp->net, smtp->timeout_s ? smtp->timeout_s : seconds);
}

/* "250-text" -> its code, 0 for anything else; *ret_last false where more lines follow. */
static int
reply_code(const GByteArray *line, bool *ret_last)
{
	const uint8_t *at = line->data;

	if (line->len < 3 || at[0] < '2' || at[0] > '5' || !g_ascii_isdigit(at[1]) || !g_ascii_isdigit(at[2]))
		return 0;
	if (line->len > 3 && at[3] != ' ' && at[3] != '-')
		return 0;
	*ret_last = line->len == 3 || at[3] == ' ';
	return (at[0] - '0') * 100 + (at[1] - '0') * 10 + (at[2] - '0');
}

static char *
reply_text(const GPtrArray *lines)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < lines->len && text->len < SMTP_TEXT_MAX_BYTES; i++)
		g_string_append_printf(text, "%s%s", i ? " " : "", (const char *)lines->pdata[i]);
	return text_clean(text->str, (ssize_t)MIN(text->len, (size_t)SMTP_TEXT_MAX_BYTES), false);
}

bool
smtp_read(Smtp *smtp, SmtpReply *ret_reply, GError **error)
{
	g_autoptr(GByteArray) line = g_byte_array_new();
	g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
	int code = 0;
	bool last = false;

	while (!last) {
		if (!net_read_reply(smtp->net, line, SMTP_LINE_MAX_BYTES, error)) {
			smtp->over = true;
			return error_wrap(error, "SMTP");
		}
		int next = reply_code(line, &last);
		if (next == 0 || (code != 0 && next != code) || lines->len >= SMTP_REPLY_MAX_LINES) {
			smtp->over = true;
			return net_fail(smtp->net, ERROR_PROTOCOL, error, "not an SMTP reply");
		}
		code = next;
		g_ptr_array_add(lines, g_strndup((const char *)line->data + MIN(line->len, 4u), line->len - MIN(line->len, 4u)));
	}
	ret_reply->code = code;
	ret_reply->text = reply_text(lines);
	ret_reply->lines = g_steal_pointer(&lines);
	smtp->over = smtp->over || code == 421;
	log_debug(LOG_SMTP, "reply %d", code);
	return true;
}

/* One command without its line end, and the reply to it. */
static bool
smtp_command(Smtp *smtp, const char *command, SmtpReply *ret_reply, GError **error)
{
	bool sent = net_printf(smtp->net, error, "%s", command) && net_flush(smtp->net, error);

	if (!sent) {
		smtp->over = true;
		return error_wrap(error, "SMTP");
	}
	return smtp_read(smtp, ret_reply, error);
}

/* Words of the line, upper case, blanks of any kind and number between them. */
static char **
words_of(const char *line)
{
	g_autofree char *upper = g_ascii_strup(line, -1);
	g_auto(GStrv) split = g_strsplit_set(upper, " \t=", 64);
	GPtrArray *words = g_ptr_array_new();

	for (size_t i = 0; split[i]; i++)
		if (*split[i])
			g_ptr_array_add(words, g_strdup(split[i]));
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(words, FALSE);
}

static void
add_mechanisms(Smtp *smtp, char *const *words)
{
	GPtrArray *all = g_ptr_array_new();

	for (size_t i = 0; smtp->mechanisms[i]; i++)
		g_ptr_array_add(all, smtp->mechanisms[i]);
	for (size_t i = 0; words[i] && all->len < 64; i++)
		g_ptr_array_add(all, g_strdup(words[i]));
	g_ptr_array_add(all, NULL);
	g_free(smtp->mechanisms);
	smtp->mechanisms = (char **)g_ptr_array_free(all, FALSE);
}

static void
ehlo_line(Smtp *smtp, const char *line)
{
	static const struct { const char *word; SmtpCap cap; } caps[] = {
		{ "STARTTLS", SMTP_CAP_STARTTLS }, { "PIPELINING", SMTP_CAP_PIPELINING }, { "8BITMIME", SMTP_CAP_8BITMIME },
		{ "SMTPUTF8", SMTP_CAP_SMTPUTF8 }, { "SIZE", SMTP_CAP_SIZE }, { "AUTH", SMTP_CAP_AUTH },
	};
	g_auto(GStrv) words = words_of(line);
	guint64 size = 0;

	for (size_t i = 0; words[0] && i < G_N_ELEMENTS(caps); i++)
		if (strcmp(words[0], caps[i].word) == 0)
			smtp->caps |= caps[i].cap;
	if (words[0] && strcmp(words[0], "AUTH") == 0)
		add_mechanisms(smtp, words + 1);
	if (words[0] && words[1] && strcmp(words[0], "SIZE") == 0 && g_ascii_string_to_unsigned(words[1], 10, 0, G_MAXINT64, &size, NULL))
		smtp->size_limit = size;
}

/* What an earlier EHLO said is forgotten: before STARTTLS anyone may have said it. */
static bool
smtp_ehlo(Smtp *smtp, GError **error)
{
	g_auto(SmtpReply) reply = { 0 };
	g_autofree char *ehlo = g_strconcat("EHLO ", ehlo_name, NULL), *helo = g_strconcat("HELO ", ehlo_name, NULL);

	smtp->caps = 0;
	smtp->size_limit = 0;
	g_strfreev(smtp->mechanisms);
	smtp->mechanisms = g_new0(char *, 1);
	if (!smtp_command(smtp, ehlo, &reply, error))
		return false;
	if (reply.code == 500 || reply.code == 502) {
		smtp_reply_clear(&reply);
		return smtp_command(smtp, helo, &reply, error) &&
		       (reply.code / 100 == 2 || net_fail(smtp->net, ERROR_SERVER, error, "the server does not greet back"));
	}
	if (reply.code / 100 != 2)
		return error_set(error, ERROR_SERVER, "the server refuses us: %d %s", reply.code, reply.text);
	for (guint i = 1; i < reply.lines->len; i++)
		ehlo_line(smtp, reply.lines->pdata[i]);
	return true;
}

static bool
smtp_starttls(Smtp *smtp, GError **error)
{
	g_auto(SmtpReply) reply = { 0 };

	if (!(smtp->caps & SMTP_CAP_STARTTLS))
		return error_set(error, ERROR_PROTOCOL, "%s:%u: the server offers no encryption (STARTTLS), so the password was not sent; try smtps on port 465",
				 smtp->host, smtp->port);
	if (!smtp_command(smtp, "STARTTLS", &reply, error))
		return false;
	if (reply.code != 220)
		return error_set(error, ERROR_SERVER, "the server refuses encryption: %d %s", reply.code, reply.text);
	return net_starttls(smtp->net, error) && smtp_ehlo(smtp, error);
}

static bool
smtp_greet(Smtp *smtp, TlsMode tls, GError **error)
{
	g_auto(SmtpReply) reply = { 0 };

	if (!smtp_read(smtp, &reply, error))
		return false;
	if (reply.code != 220)
		return error_set(error, ERROR_SERVER, "the server refuses us: %d %s", reply.code, reply.text);
	return smtp_ehlo(smtp, error) && (tls != TLS_STARTTLS || smtp_starttls(smtp, error));
}

Smtp *
smtp_open(const NetOptions *options, GError **error)
{
	Net *net = net_open(options, error);

	return net ? smtp_take(net, options, error) : NULL;
}

Smtp *
smtp_take(Net *net, const NetOptions *options, GError **error)
{
	Smtp *smtp = g_new0(Smtp, 1);

	smtp->net = net;
	smtp->host = g_strdup(options->url->host);
	smtp->port = options->url->port;
	smtp->mechanisms = g_new0(char *, 1);
	smtp->taken = g_ptr_array_new_with_free_func(g_free);
	smtp->timeout_s = options->timeout_s;
	smtp_patience(smtp, SMTP_REPLY_S);
	if (smtp_greet(smtp, options->url->tls, error))
		return smtp;
	smtp_close(smtp);
	return NULL;
}

bool
smtp_wants_login(const Smtp *smtp)
{
	return (smtp->caps & SMTP_CAP_AUTH) != 0;
}

/* ---- AUTH ---- */

static char *
auth_step(Smtp *smtp, const char *line, bool *ret_done, GError **error)
{
	g_auto(SmtpReply) reply = { 0 };

	*ret_done = false;
	if (!smtp_command(smtp, line, &reply, error))
		return NULL;
	if (reply.code == 334)
		return g_strdup(reply.lines->pdata[0]);
	*ret_done = reply.code == 235;
	if (!*ret_done)
		error_set(error, reply.code / 100 == 4 ? ERROR_SERVER : ERROR_AUTH, "%s: login refused: %d %s", smtp->host, reply.code, reply.text);
	return NULL;
}

static char *
auth_start(void *data, const char *mechanism, const char *initial, bool *ret_done, GError **error)
{
	Smtp *smtp = data;
	/* RFC 4954 4: an initial response that makes the line longer than 512 bytes waits for the empty challenge; "=" is an empty one */
	bool fits = initial && strlen(initial) + strlen(mechanism) < 500;
	g_autofree char *line = fits ? g_strdup_printf("AUTH %s %s", mechanism, *initial ? initial : "=") : g_strdup_printf("AUTH %s", mechanism);
	char *challenge = auth_step(smtp, line, ret_done, error);

	if (fits)
		OPENSSL_cleanse(line, strlen(line));
	if (!challenge || fits || !initial)
		return challenge;
	g_free(challenge);
	return auth_step(smtp, initial, ret_done, error);
}

static char *
auth_reply(void *data, const char *line, bool *ret_done, GError **error)
{
	return auth_step(data, line, ret_done, error);
}

bool
smtp_login(Smtp *smtp, const char *user, const char *secret, bool is_token, GError **error)
{
	SaslCarrier carrier = { .start = auth_start, .reply = auth_reply, .data = smtp, .initial_response = true };

	return sasl_login(smtp->net, &carrier, smtp->mechanisms, smtp->host, smtp->port, user, secret, is_token, error);
}

char *
smtp_describe(const Smtp *smtp)
{
	GString *text = g_string_new(NULL);

	if (smtp->caps & SMTP_CAP_AUTH) {
		g_autofree char *names = g_strjoinv(" ", smtp->mechanisms), *clean = text_clean(names, (ssize_t)MIN(strlen(names), 200u), false);
		g_string_append_printf(text, "login by %s; ", clean);
	}
	if (smtp->size_limit > 0) {
		g_autofree char *size = text_size((int64_t)MIN(smtp->size_limit, (uint64_t)G_MAXINT64));
		g_string_append_printf(text, "messages up to %s; ", size);
	}
	g_string_append_printf(text, "%s%s%s", smtp->caps & SMTP_CAP_PIPELINING ? "PIPELINING " : "", smtp->caps & SMTP_CAP_8BITMIME ? "8BITMIME " : "",
			       smtp->caps & SMTP_CAP_SMTPUTF8 ? "SMTPUTF8" : "");
	while (text->len > 0 && strchr(" ;", text->str[text->len - 1]))
		g_string_truncate(text, text->len - 1);
	return g_string_free(text, FALSE);
}

bool
smtp_usable(const Smtp *smtp)
{
	return smtp && !smtp->over && !smtp->ready;
}

Net *
smtp_net(Smtp *smtp)
{
	return smtp->net;
}

void
smtp_close(Smtp *smtp)
{
	if (!smtp)
		return;
	/* After a text without its dot a QUIT would become part of the text; hanging up is what says "forget it". */
	if (smtp_usable(smtp)) {
		g_auto(SmtpReply) reply = { 0 };
		smtp_patience(smtp, SMTP_QUIT_S);
		smtp_command(smtp, "QUIT", &reply, NULL);
	}
	net_close(smtp->net);
	g_ptr_array_unref(smtp->taken);
	g_strfreev(smtp->mechanisms);
	g_free(smtp->host);
	g_free(smtp);
}
