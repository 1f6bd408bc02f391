/* engine/smtp-send.c: one message over a session: MAIL, RCPT, DATA, text, final dot (RFC 5321 3.3, 1870, 2920, 6152, 6531) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/engine/smtp.h"
#include "surel/text.h"

/* One transaction on its way. */
typedef struct Send {
	Smtp *smtp;
	const SmtpMail *mail;
	SmtpRcptReport report;
	void *data;
	SmtpVerdict verdict;
	char *why;
} Send;

/* The first thing that goes wrong decides; a lost connection overrules, since nothing more is known. */
static SmtpVerdict
verdict_set(Send *send, SmtpVerdict verdict, char *why)
{
	if (send->verdict == SMTP_READY || verdict == SMTP_LOST) {
		g_free(send->why);
		send->why = why;
		send->verdict = verdict;
	} else {
		g_free(why);
	}
	return send->verdict;
}

static SmtpVerdict
lost(Send *send, const GError *error)
{
	send->smtp->over = true;
	return verdict_set(send, SMTP_LOST, g_strdup(error ? error->message : "connection lost"));
}

static SmtpVerdict
refused(const SmtpReply *reply)
{
	/* RFC 4954 6, RFC 3463 X.7.x: these ask for a login, the others for another message */
	if (reply->code == 530 || reply->code == 534 || reply->code == 535 || reply->code == 538)
		return SMTP_AUTH;
	return reply->code / 100 == 4 ? SMTP_LATER : SMTP_REFUSED;
}

static char *
reply_words(const SmtpReply *reply)
{
	return g_strdup_printf("%d %s", reply->code, reply->text);
}

/* An address goes between < and >: nothing in it may end that or the line. */
static bool
address_is_safe(const char *address)
{
	bool quoted = address[0] == '"';

	for (const char *at = address; *at; at++)
		if ((uint8_t)*at < ' ' || *at == 0x7f || *at == '<' || *at == '>' || (*at == ' ' && !quoted))
			return false;
	return strlen(address) <= 1000;
}

static bool
is_ascii(const SmtpMail *mail)
{
	bool ascii = g_str_is_ascii(mail->from);

	for (size_t i = 0; mail->to[i]; i++)
		ascii = ascii && g_str_is_ascii(mail->to[i]);
	return ascii;
}

/* What can be known without a byte on the wire. */
static bool
check_mail(Send *send, uint64_t size)
{
	const SmtpMail *mail = send->mail;
	const Smtp *smtp = send->smtp;

	for (size_t i = 0; mail->to[i]; i++) {
		if (address_is_safe(mail->to[i]) && *mail->to[i])
			continue;
		g_autofree char *clean = text_clean(mail->to[i], (ssize_t)MIN(strlen(mail->to[i]), 100u), false);
		verdict_set(send, SMTP_REFUSED, g_strdup_printf("\"%s\" cannot be an address; correct it", clean));
	}
	if (!mail->to[0])
		verdict_set(send, SMTP_REFUSED, g_strdup("no recipient"));
	if (!address_is_safe(mail->from))
		verdict_set(send, SMTP_REFUSED, g_strdup("the sender's address has characters that cannot be sent"));
	if (smtp->size_limit > 0 && size > smtp->size_limit) {
		g_autofree char *mine = text_size((int64_t)size), *theirs = text_size((int64_t)smtp->size_limit);
		verdict_set(send, SMTP_REFUSED, g_strdup_printf("the message has %s, this server takes at most %s; make it smaller", mine, theirs));
	}
	if ((mail->smtputf8 || !is_ascii(mail)) && !(smtp->caps & SMTP_CAP_SMTPUTF8))
		verdict_set(send, SMTP_REFUSED, g_strdup("this server cannot send to addresses with letters beyond ASCII (no SMTPUTF8)"));
	if (mail->eightbit && !(smtp->caps & SMTP_CAP_8BITMIME))
		verdict_set(send, SMTP_REFUSED, g_strdup("this server takes only 7-bit text (no 8BITMIME)"));
	return send->verdict == SMTP_READY;
}

static bool
put_mail(Send *send, uint64_t size, GError **error)
{
	const SmtpMail *mail = send->mail;
	unsigned caps = send->smtp->caps;
	g_autofree char *size_word = caps & SMTP_CAP_SIZE ? g_strdup_printf(" SIZE=%" G_GUINT64_FORMAT, size) : g_strdup("");
	const char *body = caps & SMTP_CAP_8BITMIME && mail->eightbit ? " BODY=8BITMIME" : "";
	const char *utf8 = mail->smtputf8 || !is_ascii(mail) ? " SMTPUTF8" : "";

	return net_printf(send->smtp->net, error, "MAIL FROM:<%s>%s%s%s", mail->from, size_word, body, utf8);
}

static bool
read_reply(Send *send, SmtpReply *ret_reply)
{
	g_autoptr(GError) error = NULL;

	if (smtp_read(send->smtp, ret_reply, &error))
		return true;
	lost(send, error);
	return false;
}

/* Answer to RCPT. False only where the connection is gone. */
static bool
read_rcpt(Send *send, const char *address)
{
	g_auto(SmtpReply) reply = { 0 };

	if (!read_reply(send, &reply))
		return false;
	if (reply.code / 100 == 2) {
		g_ptr_array_add(send->smtp->taken, g_strdup(address));
		return true;
	}
	SmtpVerdict verdict = refused(&reply);
	/* After MAIL was refused these are only echoes of it (503 and the like). */
	if (send->verdict == SMTP_READY || send->verdict == SMTP_LATER || send->verdict == SMTP_REFUSED)
		send->report(send->data, address, reply.code, reply.text);
	if (verdict == SMTP_LATER && send->mail->split && !send->smtp->over)
		return true;
	/* "refused" weighs more than "later": the person must act */
	if (verdict == SMTP_REFUSED && send->verdict == SMTP_LATER) {
		g_clear_pointer(&send->why, g_free);
		send->verdict = SMTP_READY;
	}
	verdict_set(send, verdict, g_strdup_printf("%s: %d %s", address, reply.code, reply.text));
	return true;
}

static bool
read_mail(Send *send)
{
	g_auto(SmtpReply) reply = { 0 };

	if (!read_reply(send, &reply))
		return false;
	if (reply.code / 100 != 2)
		verdict_set(send, refused(&reply), reply_words(&reply));
	return true;
}

static bool
flush(Send *send)
{
	g_autoptr(GError) error = NULL;

	if (net_flush(send->smtp->net, &error))
		return true;
	lost(send, error);
	return false;
}

static void
ignore_rcpt(void *data, const char *address, int code, const char *text)
{
	(void)data, (void)address, (void)code, (void)text;
}

/* MAIL and the RCPTs: in one write where the server pipelines, with every reply read in any case. */
static bool
send_envelope(Send *send, uint64_t size)
{
	g_autoptr(GError) error = NULL;
	bool pipelined = (send->smtp->caps & SMTP_CAP_PIPELINING) != 0;
	bool mail_read = false;

	if (!put_mail(send, size, &error)) {
		lost(send, error);
		return false;
	}
	for (size_t i = 0; send->mail->to[i];) {
		if (!pipelined && !mail_read) {
			if (!flush(send) || !read_mail(send))
				return false;
			mail_read = true;
			if (send->verdict != SMTP_READY)
				return true;
		}
		size_t end = i;
		for (; send->mail->to[end] && end - i < (pipelined ? SMTP_WINDOW : 1); end++)
			if (!net_printf(send->smtp->net, &error, "RCPT TO:<%s>", send->mail->to[end])) {
				lost(send, error);
				return false;
			}
		if (!flush(send) || (!mail_read && !read_mail(send)))
			return false;
		if (!mail_read && send->verdict != SMTP_READY)
			send->report = ignore_rcpt;
		mail_read = true;
		for (; i < end; i++)
			if (!read_rcpt(send, send->mail->to[i]))
				return false;
		/* MAIL failed: the rest of a long list would only fail too */
		if (send->report == ignore_rcpt || send->smtp->over)
			break;
	}
	return true;
}

/* ---- the text ---- */

typedef struct Text {
	Net *net;
	bool line_start, cr;	/* cr: the last byte was one, and its LF is not yet seen */
} Text;

/* Every line end becomes CR LF, and a leading dot two (RFC 5321 4.5.2): what is in the text can never end it. */
static bool
text_put(Text *text, const char *bytes, size_t size, GError **error)
{
	size_t from = 0;

	for (size_t i = 0; i < size; i++) {
		char byte = bytes[i];
		bool fine = true;

		if (text->cr && byte != '\n') {
			fine = net_write(text->net, bytes + from, i - from, error) && net_write(text->net, "\n", 1, error);
			from = i;
			text->line_start = true;
		} else if (!text->cr && byte == '\n') {
			fine = net_write(text->net, bytes + from, i - from, error) && net_write(text->net, "\r", 1, error);
			from = i;
		}
		if (fine && text->line_start && byte == '.') {
			fine = net_write(text->net, bytes + from, i - from, error) && net_write(text->net, ".", 1, error);
			from = i;
		}
		if (!fine)
			return false;
		text->line_start = byte == '\n';
		text->cr = byte == '\r';
	}
	return net_write(text->net, bytes + from, size - from, error);
}

static bool
text_end(Text *text, GError **error)
{
	if (text->cr)
		return net_write(text->net, "\n", 1, error);
	return text->line_start || net_write(text->net, "\r\n", 2, error);
}

static SmtpVerdict
send_text(Send *send, int fd)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *buffer = g_malloc(SMTP_CHUNK_BYTES);
	Text text = { .net = send->smtp->net, .line_start = true };

	smtp_patience(send->smtp, SMTP_DATA_S);
	for (;;) {
		ssize_t n = read(fd, buffer, SMTP_CHUNK_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			/* Hanging up in the middle of the text takes it back. */
			send->smtp->over = true;
			return verdict_set(send, SMTP_BROKEN, g_strdup_printf("%s cannot be read: %s", send->mail->path, g_strerror(errno)));
		}
		if (n == 0)
			break;
		if (!text_put(&text, buffer, (size_t)n, &error))
			return lost(send, error);
	}
	if (!text_end(&text, &error) || !net_flush(send->smtp->net, &error))
		return lost(send, error);
	send->smtp->ready = true;
	return send->verdict;
}

static SmtpVerdict
send_data(Send *send, int fd)
{
	g_autoptr(GError) error = NULL;
	g_auto(SmtpReply) reply = { 0 };

	if (!net_printf(send->smtp->net, &error, "DATA") || !net_flush(send->smtp->net, &error))
		return lost(send, error);
	if (!read_reply(send, &reply))
		return send->verdict;
	if (reply.code == 354)
		return send_text(send, fd);
	/* Any 2yz here is nonsense, and what the server thinks now cannot be known. */
	if (reply.code / 100 == 2 || reply.code / 100 == 3)
		return lost(send, NULL);
	return verdict_set(send, refused(&reply), reply_words(&reply));
}

/* Leaves the session as if the transaction had not been. */
static void
take_back(Send *send)
{
	g_auto(SmtpReply) reply = { 0 };
	Smtp *smtp = send->smtp;

	if (smtp->over)
		return;
	smtp_patience(smtp, SMTP_QUIT_S * 4);
	if (!net_printf(smtp->net, NULL, "RSET") || !net_flush(smtp->net, NULL) || !smtp_read(smtp, &reply, NULL) || reply.code / 100 != 2)
		smtp->over = true;
}

static SmtpVerdict
send_opened(Send *send, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return verdict_set(send, SMTP_BROKEN, g_strdup_printf("%s is not a readable file", send->mail->path));
	if (!check_mail(send, (uint64_t)st.st_size))
		return send->verdict;
	smtp_patience(send->smtp, SMTP_REPLY_S);
	if (!send_envelope(send, (uint64_t)st.st_size))
		return send->verdict;
	if (send->verdict == SMTP_READY && send->smtp->taken->len == 0)
		verdict_set(send, SMTP_LATER, g_strdup("no recipient was accepted"));
	if (send->verdict == SMTP_READY)
		send_data(send, fd);
	if (send->verdict != SMTP_READY)
		take_back(send);
	return send->verdict;
}

SmtpVerdict
smtp_send(Smtp *smtp, const SmtpMail *mail, SmtpRcptReport report, void *data, char **ret_why)
{
	Send send = { .smtp = smtp, .mail = mail, .report = report, .data = data };
	int fd = open(mail->path, O_RDONLY | O_CLOEXEC);

	g_ptr_array_set_size(smtp->taken, 0);
	if (fd < 0)
		verdict_set(&send, SMTP_BROKEN, g_strdup_printf("%s: %s", mail->path, g_strerror(errno)));
	else
		send_opened(&send, fd);
	if (fd >= 0)
		close(fd);
	*ret_why = send.why;
	return send.verdict;
}

SmtpVerdict
smtp_commit(Smtp *smtp, char **ret_why)
{
	g_autoptr(GError) error = NULL;
	g_auto(SmtpReply) reply = { 0 };

	smtp->ready = false;
	smtp_patience(smtp, SMTP_DOT_S);
	if (!net_write(smtp->net, ".\r\n", 3, &error) || !net_flush(smtp->net, &error) || !smtp_read(smtp, &reply, &error)) {
		smtp->over = true;
		*ret_why = g_strdup(error->message);
		return SMTP_LOST;
	}
	*ret_why = reply_words(&reply);
	if (reply.code / 100 == 2)
		return SMTP_ACCEPTED;
	if (reply.code / 100 == 3) {
		smtp->over = true;
		return SMTP_LOST;
	}
	return refused(&reply);
}
