/* engine/net-connect.c: host name -> addresses -> connected socket, each with its own time limit */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/engine/net-priv.h"

void
net_report(const Net *net, const char *step, Verdict verdict, const char *text)
{
	if (net->step)
		net->step(net->data, step, verdict, text);
}

static bool
dns_fail(Net *net, int status, int errno_value)
{
	const char *why = status == EAI_SYSTEM ? g_strerror(errno_value) : gai_strerror(status);

	if (status == EAI_AGAIN || status == EAI_SYSTEM)
		return net_break(net, ERROR_DNS, "%s: the name servers do not answer (%s)", net->host, why);
	return net_break(net, ERROR_DNS, "%s: there is no host of this name (%s)", net->host, why);
}

/* What a look-up owns; glibc's resolver thread may still use it after we gave up, then it is left to it. */
typedef struct Lookup {
	struct gaicb request;
	struct addrinfo hints;
	char *host, *service;
} Lookup;

static void
lookup_free(Lookup *lookup)
{
	g_free(lookup->host);
	g_free(lookup->service);
	g_free(lookup);
}

/* getaddrinfo has no time limit of its own and cannot be interrupted. */
static struct addrinfo *
net_resolve(Net *net)
{
	Lookup *lookup = g_new0(Lookup, 1);
	struct gaicb *list[] = { &lookup->request };
	int64_t until = g_get_monotonic_time() + NET_DNS_S * G_USEC_PER_SEC;
	int status;

	lookup->host = g_strdup(net->host);
	lookup->service = g_strdup_printf("%u", net->port);
	lookup->hints = (struct addrinfo){ .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	lookup->request.ar_name = lookup->host;
	lookup->request.ar_service = lookup->service;
	lookup->request.ar_request = &lookup->hints;
	status = getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
	while (status == 0 && gai_error(&lookup->request) == EAI_INPROGRESS) {
		struct timespec slice = { .tv_nsec = 100 * 1000 * 1000 };
		struct pollfd control = { .fd = net->control_fd, .events = POLLIN };

		gai_suspend((const struct gaicb *const *)list, 1, &slice);
		if (net->control_fd >= 0 && net->interrupted && poll(&control, 1, 0) > 0 && net->interrupted(net->data)) {
			net_break(net, ERROR_CANCELLED, "%s: cancelled", net->where);
			return NULL;
		}
		if (g_get_monotonic_time() > until) {
			net_break(net, ERROR_DNS, "%s: the name servers did not answer within %d seconds", net->host, NET_DNS_S);
			return NULL;
		}
	}
	int errno_value = errno;
	if (status == 0)
		status = gai_error(&lookup->request);
	struct addrinfo *found = status == 0 ? lookup->request.ar_result : NULL;
	lookup_free(lookup);
	if (status != 0 || !found)
		dns_fail(net, status, errno_value);
	return found;
}

static char *
address_text(const struct addrinfo *address)
{
	char text[NI_MAXHOST];

	if (getnameinfo(address->ai_addr, address->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) != 0)
		return g_strdup("?");
	return g_strdup(text);
}

static void
socket_options(int fd)
{
	int on = 1, idle_s = 120, interval_s = 30, count = 4;
	unsigned dead_ms = 120 * 1000;

	/* All of these are kindnesses; a system without one still works. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof dead_ms);
}

/* Returns 0, or the errno of this address; the connection is broken only by a cancel. */
static int
connect_one(Net *net, const struct addrinfo *address)
{
	int64_t until = g_get_monotonic_time() + NET_CONNECT_S * G_USEC_PER_SEC;
	socklen_t size = sizeof(int);
	int status = 0;

	net->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (net->fd < 0)
		return errno;
	socket_options(net->fd);
	if (connect(net->fd, address->ai_addr, address->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	for (;;) {
		struct pollfd fds[] = { { .fd = net->fd, .events = POLLOUT }, { .fd = net->interrupted ? net->control_fd : -1, .events = POLLIN } };
		int64_t left_ms = (until - g_get_monotonic_time()) / 1000;

		if (left_ms <= 0)
			return ETIMEDOUT;
		if (poll(fds, G_N_ELEMENTS(fds), (int)left_ms) < 0 && errno != EINTR)
			return errno;
		if (fds[1].revents && net->interrupted(net->data)) {
			net_break(net, ERROR_CANCELLED, "%s: cancelled", net->where);
			return ECANCELED;
		}
		if (fds[0].revents)
			return getsockopt(net->fd, SOL_SOCKET, SO_ERROR, &status, &size) < 0 ? errno : status;
	}
}

static bool
connect_fail(Net *net, int status)
{
	if (net->failure)
		return false;
	if (status == ECONNREFUSED)
		return net_break(net, ERROR_OFFLINE, "%s: nothing listens there; check host and port, or the server is down", net->where);
	if (status == ETIMEDOUT)
		return net_break(net, ERROR_OFFLINE, "%s: no answer; check the port and the network", net->where);
	return net_break(net, ERROR_OFFLINE, "%s: cannot connect: %s", net->where, g_strerror(status));
}

bool
net_connect(Net *net)
{
	struct addrinfo *found = net_resolve(net);
	int status = ETIMEDOUT;

	if (!found) {
		net_report(net, "DNS", VERDICT_FAIL, net->failure->message);
		return false;
	}
	g_autofree char *first = address_text(found);
	net_report(net, "DNS", VERDICT_OK, first);
	for (const struct addrinfo *at = found; at && !net->failure; at = at->ai_next) {
		status = connect_one(net, at);
		if (status == 0) {
			g_autofree char *text = address_text(at);
			g_autofree char *line = g_strdup_printf("connected to %s, port %u", text, net->port);
			net_report(net, "TCP", VERDICT_OK, line);
			break;
		}
		if (net->fd >= 0)
			close(net->fd);
		net->fd = -1;
	}
	freeaddrinfo(found);
	if (status == 0)
		return true;
	connect_fail(net, status);
	net_report(net, "TCP", VERDICT_FAIL, net->failure->message);
	return false;
}
