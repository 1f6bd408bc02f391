/* engine/net.c: life of a connection: open, STARTTLS, limits, its one failure, close */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/engine/net.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "src/engine/net-priv.h"
#include "surel/text.h"

bool
net_break(Net *net, SurelError code, const char *format, ...)
{
	va_list arguments;

	if (net->failure)
		return false;
	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	error_set(&net->failure, code, "%s", text);
	return false;
}

bool
net_tell(const Net *net, GError **error)
{
	if (error && net->failure)
		g_propagate_error(error, g_error_copy(net->failure));
	return false;
}

static Net *
net_new(const NetOptions *options)
{
	const ServerUrl *url = options->url;
	Net *net = g_new0(Net, 1);

	/* Names beyond ASCII travel in their A-label form, to the name servers as well as in TLS (RFC 5891). */
	net->host = g_hostname_to_ascii(url->host);
	if (!net->host)
		net->host = g_strdup(url->host);
	net->port = url->port;
	net->where = g_strdup_printf(strchr(url->host, ':') ? "[%s]:%u" : "%s:%u", url->host, url->port);
	net->tls = url->tls;
	net->fd = -1;
	net->control_fd = options->control_fd;
	net->interrupted = options->interrupted;
	net->step = options->step;
	net->data = options->data;
	net->timeout_s = options->timeout_s ? options->timeout_s : NET_SILENCE_S;
	net->ahead = g_malloc(NET_AHEAD_BYTES);
	net->out = g_byte_array_new();
	net->guard = options->imap_guard ? guard_new() : NULL;
	return net;
}

Net *
net_from_fd(int fd, const NetOptions *options)
{
	Net *net = net_new(options);

	net->fd = fd;
	return net;
}

Net *
net_open(const NetOptions *options, GError **error)
{
	/* A server that hangs up must be an error of the write, not the end of the process; OpenSSL writes without MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);
	Net *net = net_new(options);
	/* The certificates are read before the connection: a worker that confined itself later still has them for STARTTLS. */
	bool fine = (net->tls == TLS_NONE || net_tls_prepare(net, options->ca_file)) && net_connect(net) &&
		    (net->tls != TLS_IMPLICIT || net_tls_handshake(net));

	if (fine)
		return net;
	net_tell(net, error);
	net_close(net);
	return NULL;
}

bool
net_starttls(Net *net, GError **error)
{
	if (net->failure)
		return net_tell(net, error);
	if (!net->ctx || net->ssl) {
		net_break(net, ERROR_CONFIG, "%s: STARTTLS is not set for this server", net->where);
		return net_tell(net, error);
	}
	/* What came in clear before the handshake would be taken for a secured reply (CVE-2020-15953 and its kin). */
	if (net->ahead_at < net->ahead_end || (net->stream && net->stream->read_buffer_len > 0)) {
		net_break(net, ERROR_PROTOCOL, "%s: something was smuggled in before encryption began; the connection was closed", net->where);
		return net_tell(net, error);
	}
	if (!net_flush(net, error))
		return false;
	/* The words in clear are worth nothing any more. */
	net->ring_end = 0;
	return net_tls_handshake(net) || net_tell(net, error);
}

bool
net_is_secure(const Net *net)
{
	return net->secure;
}

void
net_set_timeout(Net *net, unsigned seconds)
{
	net->timeout_s = seconds ? seconds : NET_SILENCE_S;
}

void
net_set_deadline(Net *net, unsigned seconds)
{
	net->deadline_s = seconds;
	net->deadline = seconds ? g_get_monotonic_time() + (int64_t)seconds * G_USEC_PER_SEC : 0;
}

void
net_set_budget(Net *net, uint64_t bytes)
{
	net->limited = bytes > 0;
	net->budget = bytes;
}

const char *
net_last_line(Net *net)
{
	size_t end = net->ring_end;

	while (end > 0 && (net->ring[end - 1] == '\n' || net->ring[end - 1] == '\r'))
		end--;
	size_t start = end;
	while (start > 0 && net->ring[start - 1] != '\n')
		start--;
	g_free(net->last_line);
	net->last_line = text_clean(net->ring + start, (ssize_t)MIN(end - start, (size_t)300), false);
	return net->last_line;
}

/* Only the words of a server that refuses or leaves are repeated: anything else may be a piece of a message. */
static bool
is_farewell(const char *line)
{
	static const char *const starts[] = { "* BYE", "* BAD", "* NO", "-ERR" };

	for (size_t i = 0; i < G_N_ELEMENTS(starts); i++)
		if (g_ascii_strncasecmp(line, starts[i], strlen(starts[i])) == 0)
			return true;
	return (line[0] == '4' || line[0] == '5') && g_ascii_isdigit(line[1]) && g_ascii_isdigit(line[2]) && (line[3] == ' ' || line[3] == '-');
}

bool
net_fail(Net *net, SurelError fallback, GError **error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	g_autofree char *context = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	const char *words = net_last_line(net);
	if (!net->failure) {
		bool is_early = net->ring_end < sizeof(net->ring) / 2;	/* a greeting or the like */
		g_autofree char *said = *words && (is_early || is_farewell(words)) ? g_strdup_printf("; the server said \"%s\"", words) : g_strdup("");
		/* After a reply that was not understood no further byte means anything. */
		if (fallback == ERROR_PROTOCOL)
			net_break(net, fallback, "%s: %s%s", net->where, context, said);
		else
			return error_set(error, fallback, "%s: %s%s", net->where, context, said);
		return net_tell(net, error);
	}
	bool hung_up = g_error_matches(net->failure, SUREL_ERROR, ERROR_OFFLINE);
	if (hung_up && is_farewell(words))
		return error_set(error, ERROR_OFFLINE, "%s; its last words: \"%s\"", net->failure->message, words);
	net_tell(net, error);
	if (hung_up)		/* in the middle of what does not matter then */
		return false;
	return error_wrap(error, "%s", context);
}

void
net_close(Net *net)
{
	if (!net)
		return;
	if (net->stream)
		mailstream_close(net->stream);
	net_tls_close(net);
	if (net->fd >= 0)
		close(net->fd);
	guard_free(net->guard);
	g_clear_error(&net->failure);
	if (net->out->len > 0)
		OPENSSL_cleanse(net->out->data, net->out->len);
	g_byte_array_unref(net->out);
	g_free(net->ahead);
	g_free(net->last_line);
	g_free(net->where);
	g_free(net->host);
	g_free(net);
}
