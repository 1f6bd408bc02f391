/* tests/fuzz/fuzz-wire.h: a connection whose other end has already said everything and hung up */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include "src/engine/net.h"

enum { WIRE_MAX_BYTES = 64 << 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* NULL when size does not fit into a socket's buffer. The other end is *ret_peer: it swallows what we say. */
static inline Net *
wire_new(const uint8_t *data, size_t size, NetOptions *options, int *ret_peer)
{
	int ends[2];

	if (size > WIRE_MAX_BYTES || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
		return NULL;
	if (size && send(ends[1], data, size, MSG_NOSIGNAL) != (ssize_t)size) {
		close(ends[0]);
		close(ends[1]);
		return NULL;
	}
	shutdown(ends[1], SHUT_WR);
	*ret_peer = ends[1];
	return net_from_fd(ends[0], options);
}
