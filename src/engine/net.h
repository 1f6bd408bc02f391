/* engine/net.h: one TLS or plain connection as a libetpan mailstream, verified, guarded, with time limits and sticky errors (I10) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <libetpan/libetpan.h>

#include "surel/conf.h"
#include "surel/engine.h"

typedef struct Net Net;

typedef struct NetOptions {
	const ServerUrl *url;
	const char *ca_file;		/* NULL: system store only */
	int control_fd;			/* readable: the blocked call is given a chance to end; -1 none */
	bool (*interrupted)(void *data);/* asked when control_fd is readable; true: cancel (ERROR_CANCELLED) */
	StepReport step;		/* NULL, or told DNS, TCP, TLS */
	void *data;			/* for interrupted and step */
	unsigned timeout_s;		/* silence per read; 0: 60 */
	bool imap_guard;		/* wire guard for the libetpan IMAP parser */
} NetOptions;

/* Resolve, connect (all addresses, happy-eyeballs-like 250 ms stagger or simple order with 10 s each), TLS when implicit. */
Net *net_open(const NetOptions *options, GError **error);
/* A connection that somebody else made: fd is a connected, non-blocking stream socket and becomes the Net's. Plain. */
Net *net_from_fd(int fd, const NetOptions *options);
/* After the protocol's STARTTLS/STLS was accepted: refuses any byte read ahead (ERROR_PROTOCOL), then the handshake. */
bool net_starttls(Net *net, GError **error);
bool net_is_secure(const Net *net);
/* For libetpan, which closes and frees it with its session; free the session before net_close. */
mailstream *net_stream(Net *net);
/* Line protocols (POP3, SMTP). Line without CRLF, any bytes; a line over max_bytes is ERROR_PROTOCOL. */
bool net_read_line(Net *net, GByteArray *line, size_t max_bytes, GError **error);
/* Same for replies, where a bare LF ends a line too (some small servers send that). */
bool net_read_reply(Net *net, GByteArray *line, size_t max_bytes, GError **error);
bool net_write(Net *net, const void *bytes, size_t size, GError **error);	/* buffered */
bool net_printf(Net *net, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);	/* refuses CR, LF, NUL inside; adds CRLF */
bool net_flush(Net *net, GError **error);
/* Waits for input at most timeout_ms: true with *ret_input (data, or an error to be found by reading) or *ret_control. */
bool net_wait(Net *net, int timeout_ms, bool *ret_input, bool *ret_control, GError **error);
void net_set_timeout(Net *net, unsigned seconds);
void net_set_deadline(Net *net, unsigned seconds);	/* absolute, per operation; 0: none */
void net_set_budget(Net *net, uint64_t bytes);		/* received bytes allowed from now; 0: none */
/* The sticky error of the connection as a GError (context added), or fallback with the server's last words. Returns false. */
bool net_fail(Net *net, SurelError fallback, GError **error, const char *format, ...) G_GNUC_PRINTF(4, 5);
/* Last complete line received, cleaned, for messages such as BYE. Borrowed. */
const char *net_last_line(Net *net);
/* Negotiated facts for SCRAM-PLUS and account test: "TLS 1.3, mail.example.org, valid until 2027-01-01". Caller frees. */
char *net_describe(const Net *net);
int net_cert_days(const Net *net);	/* until the certificate expires; -1 without TLS */
/* RFC 9266 channel binding "tls-exporter", 32 bytes; false without TLS 1.3. */
bool net_channel_binding(Net *net, uint8_t binding[32]);
void net_close(Net *net);	/* close_notify, close; NULL is fine */
