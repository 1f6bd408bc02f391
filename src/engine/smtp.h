/* engine/smtp.h: one submission session (RFC 6409, 5321): connect, log in, hand over messages one after another */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "src/engine/net.h"

/* What is accepted of a server, beyond that it is nonsense. RFC 5321 4.5.3.1.5 asks for 512 bytes a line. */
enum { SMTP_LINE_MAX_BYTES = 4096, SMTP_REPLY_MAX_LINES = 200, SMTP_TEXT_MAX_BYTES = 500, SMTP_WINDOW = 50 /* RCPTs in one write */, SMTP_CHUNK_BYTES = 64 << 10 };
enum { SMTP_REPLY_S = 300, SMTP_DATA_S = 180, SMTP_DOT_S = 600 /* RFC 5321 4.5.3.2.6 */, SMTP_QUIT_S = 5 };

typedef struct SmtpReply {
	int code;		/* 200..599; 0: none came */
	char *text;		/* the server's words, lines joined, clean */
	GPtrArray *lines;	/* of char *, behind the code, raw; used for EHLO */
} SmtpReply;

typedef struct Smtp Smtp;

typedef struct SmtpMail {
	const char *from;
	char *const *to;	/* NULL-terminated */
	const char *path;	/* of the message */
	bool smtputf8, eightbit;
	bool split;		/* recipients refused for now do not hold up the others */
} SmtpMail;

/* How far a message came. */
typedef enum SmtpVerdict {
	SMTP_READY,	/* all but the final dot is sent; only smtp_commit may follow */
	SMTP_ACCEPTED,	/* the server took responsibility */
	SMTP_LATER,	/* refused for now (4yz): nothing was accepted */
	SMTP_REFUSED,	/* refused for good (5yz), or by us before a byte was sent: nothing was accepted */
	SMTP_AUTH,	/* login wanted or refused: nothing was accepted */
	SMTP_LOST,	/* connection lost: before smtp_commit nothing was accepted, within it nobody knows */
	SMTP_BROKEN	/* our own file cannot be read: nothing was accepted */
} SmtpVerdict;

/* Told of each recipient's answer that was not 2yz, and of each accepted one once the message is. */
typedef void (*SmtpRcptReport)(void *data, const char *address, int code, const char *text);

/* Connects, greets, EHLO, STARTTLS where the URL wants it. */
Smtp *smtp_open(const NetOptions *options, GError **error);
/* The same over a connection that is open; it belongs to the session, or is closed when that fails. */
Smtp *smtp_take(Net *net, const NetOptions *options, GError **error);
/* False: the server offers no login at all, and none is needed to try. */
bool smtp_wants_login(const Smtp *smtp);
bool smtp_login(Smtp *smtp, const char *user, const char *secret, bool is_token, GError **error);
/* "STARTTLS AUTH PLAIN LOGIN SIZE 50 MB ..." for the account test. Caller frees. */
char *smtp_describe(const Smtp *smtp);
/* MAIL, RCPT, DATA and the text without its final dot. *ret_why: code and words of what was refused; caller frees. */
SmtpVerdict smtp_send(Smtp *smtp, const SmtpMail *mail, SmtpRcptReport report, void *data, char **ret_why);
/* The final dot and the answer to it. Only after the state `committing` is durable. */
SmtpVerdict smtp_commit(Smtp *smtp, char **ret_why);
/* True while the connection can take another message. */
bool smtp_usable(const Smtp *smtp);
Net *smtp_net(Smtp *smtp);
/* QUIT where that is fitting; never waits long. NULL is fine. */
void smtp_close(Smtp *smtp);

/* ---- shared by smtp.c and smtp-send.c ---- */
typedef enum SmtpCap { SMTP_CAP_STARTTLS = 1, SMTP_CAP_PIPELINING = 2, SMTP_CAP_8BITMIME = 4, SMTP_CAP_SMTPUTF8 = 8, SMTP_CAP_SIZE = 16, SMTP_CAP_AUTH = 32 } SmtpCap;
struct Smtp {
	Net *net;
	char *host;
	uint16_t port;
	unsigned timeout_s;	/* of every step where NetOptions set one; 0: those of RFC 5321 4.5.3.2 */
	unsigned caps;		/* SmtpCap */
	uint64_t size_limit;	/* bytes; 0: none told */
	char **mechanisms;	/* of AUTH, upper case; never NULL */
	bool ready;		/* between smtp_send and smtp_commit */
	bool over;		/* no further command makes sense */
	GPtrArray *taken;	/* of char *: recipients accepted in this transaction */
};
/* Time the server has for what comes next, in seconds. */
void smtp_patience(Smtp *smtp, unsigned seconds);
void smtp_reply_clear(SmtpReply *reply);
/* Reads one whole reply. False: connection lost or nonsense, *error set. 421 makes the session over. */
bool smtp_read(Smtp *smtp, SmtpReply *ret_reply, GError **error);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SmtpReply, smtp_reply_clear)
