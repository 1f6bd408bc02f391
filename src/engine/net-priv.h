/* engine/net-priv.h: the inside of a connection, shared by net.c, net-io.c and net-tls.c */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <openssl/ssl.h>

#include "src/engine/guard.h"
#include "src/engine/net.h"

enum { NET_AHEAD_BYTES = 64 << 10, NET_RING_BYTES = 4 << 10, NET_SILENCE_S = 60, NET_CONNECT_S = 10, NET_DNS_S = 20 };

struct Net {
	char *host, *where;		/* "mail.example.org:993", for messages */
	uint16_t port;
	TlsMode tls;
	int fd, control_fd;
	bool (*interrupted)(void *data);
	StepReport step;
	void *data;
	unsigned timeout_s, deadline_s;
	int64_t deadline;		/* monotonic microseconds; 0: none */
	bool limited;
	uint64_t budget;
	SSL_CTX *ctx;
	SSL *ssl;
	bool secure;			/* handshake done, certificate verified */
	X509 *bad_cert, *bad_leaf;	/* what the verification stumbled over */
	int bad_reason;
	mailstream *stream;		/* NULL once libetpan closed it */
	GError *failure;		/* sticky: after the first one nothing is read or written any more */
	uint8_t *ahead;			/* received, not yet taken */
	size_t ahead_at, ahead_end;
	GByteArray *out;
	Guard *guard;
	char ring[NET_RING_BYTES];	/* the last bytes received, for the words of a server that hangs up */
	size_t ring_end;
	char *last_line;
};

/* Makes the connection fail for good; the first reason stays. Returns false. */
bool net_break(Net *net, SurelError code, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* Copies the failure into *error. Returns false. */
bool net_tell(const Net *net, GError **error);
/* Waits for POLLIN or POLLOUT on the socket, minding silence, deadline and the control fd. */
bool net_poll(Net *net, short events);

typedef enum NetIo { NET_IO_OK, NET_IO_READ /* wait until readable */, NET_IO_WRITE, NET_IO_BROKEN } NetIo;
NetIo net_tls_read(Net *net, void *buffer, size_t size, size_t *ret_size);
NetIo net_tls_write(Net *net, const void *bytes, size_t size, size_t *ret_size);
bool net_tls_prepare(Net *net, const char *ca_file);	/* loads the trusted certificates */
bool net_tls_handshake(Net *net);
void net_tls_close(Net *net);

/* net-io.c */
bool net_fill(Net *net);				/* at least one byte ahead */
NetIo net_receive(Net *net);				/* what is there now, without waiting */
bool net_send_all(Net *net, const uint8_t *bytes, size_t size);
/* net-connect.c */
bool net_connect(Net *net);
void net_report(const Net *net, const char *step, Verdict verdict, const char *text);
