/* src/conf/url.c: server URLs; the scheme says protocol and protection (ports of RFC 8314, RFC 3501, 1939, 6409) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/conf/conf.h"

#include <string.h>

typedef struct SchemeRow {
	const char *scheme;
	Protocol protocol;
	TlsMode tls;
	uint16_t port;
} SchemeRow;

static const SchemeRow schemes[] = {
	{ "imaps", PROTOCOL_IMAP, TLS_IMPLICIT, 993 },
	{ "imap+starttls", PROTOCOL_IMAP, TLS_STARTTLS, 143 },
	{ "imap+insecure", PROTOCOL_IMAP, TLS_NONE, 143 },
	{ "pop3s", PROTOCOL_POP3, TLS_IMPLICIT, 995 },
	{ "pop3+starttls", PROTOCOL_POP3, TLS_STARTTLS, 110 },
	{ "pop3+insecure", PROTOCOL_POP3, TLS_NONE, 110 },
	{ "maildir", PROTOCOL_MAILDIR, TLS_NONE, 0 },
	{ "smtps", PROTOCOL_SMTP, TLS_IMPLICIT, 465 },
	{ "smtp+starttls", PROTOCOL_SMTP, TLS_STARTTLS, 587 },
	{ "smtp+insecure", PROTOCOL_SMTP, TLS_NONE, 587 },
};

void
conf_url_clear(ServerUrl *url)
{
	g_free(url->host);
	g_free(url->user);
	g_free(url->path);
	memset(url, 0, sizeof(*url));
}

static bool
why(char **ret_why, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool
why(char **ret_why, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	*ret_why = g_strdup_vprintf(format, args);
	va_end(args);
	return false;
}

static const SchemeRow *
find_scheme(const char *scheme, bool outgoing, char **ret_why)
{
	const char *words[G_N_ELEMENTS(schemes) + 1] = { NULL };
	size_t n = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++) {
		bool fits = (schemes[i].protocol == PROTOCOL_SMTP) == outgoing;
		if (g_ascii_strcasecmp(scheme, schemes[i].scheme) == 0) {
			if (fits)
				return &schemes[i];
			why(ret_why, outgoing ? "%s:// does not send; use smtps:// or smtp+starttls://" :
						"%s:// does not receive; use imaps://, pop3s:// or maildir://", scheme);
			return NULL;
		}
		if (fits)
			words[n++] = schemes[i].scheme;
	}
	if (g_ascii_strcasecmp(scheme, "imap") == 0 || g_ascii_strcasecmp(scheme, "pop3") == 0 || g_ascii_strcasecmp(scheme, "smtp") == 0) {
		why(ret_why, "%s:// does not say how the connection is protected; use %ss:// or %s+starttls://", scheme, scheme, scheme);
		return NULL;
	}
	g_autofree char *hint = conf_hint(scheme, words);
	g_autofree char *choices = g_strjoinv("://, ", (char **)words);
	why(ret_why, "unknown scheme %s://%s (%s://)", scheme, hint, choices);
	return NULL;
}

/* ASCII, UTF-8 (IDN) or a literal address: what could never be a host is caught here, the rest by DNS. */
static bool
host_is_sane(const char *host)
{
	size_t length = strlen(host);
	if (!length || length > 253 || host[0] == '-' || host[0] == '.')
		return false;
	for (const char *c = host; *c; c++)
		if (!((unsigned char)*c >= 0x80 || g_ascii_isalnum(*c) || strchr("-._:%", *c)))
			return false;
	return true;
}

static bool
parse_port(const char *text, uint16_t preset, uint16_t *ret_port, char **ret_why)
{
	uint64_t port;
	if (!text) {
		*ret_port = preset;
		return true;
	}
	if (!g_ascii_string_to_unsigned(text, 10, 1, 65535, &port, NULL))
		return why(ret_why, "the port must be a number from 1 to 65535");
	*ret_port = (uint16_t)port;
	return true;
}

/* "host", "host:143", "[::1]:143"; authority is taken apart in place. */
static bool
parse_host(char *authority, uint16_t preset, ServerUrl *url, char **ret_why)
{
	char *host = authority, *port = NULL;
	if (*authority == '[') {
		char *close = strchr(authority, ']');
		if (!close || (close[1] && close[1] != ':'))
			return why(ret_why, "an IPv6 address is written [::1] or [::1]:993");
		*close = '\0';
		host = authority + 1;
		port = close[1] ? close + 2 : NULL;
	} else if (strchr(authority, ':')) {
		port = strchr(authority, ':');
		*port++ = '\0';
	}
	if (!host_is_sane(host))
		return why(ret_why, *host ? "\"%s\" is not a host name" : "there is no host name%s", host);
	url->host = g_strdup(host);
	return parse_port(port, preset, &url->port, ret_why);
}

static bool
parse_user(const char *text, ServerUrl *url, char **ret_why)
{
	if (strchr(text, ':'))
		return why(ret_why, "a password does not belong in the URL; use password_command or the secrets file");
	url->user = g_uri_unescape_string(text, NULL);
	if (!url->user || !*url->user)
		return why(ret_why, "the user before \"@\" is not readable");
	return true;
}

static bool
parse_network(const SchemeRow *row, const char *rest, ServerUrl *url, char **ret_why)
{
	g_autofree char *authority = g_strdup(rest);
	char *slash = strchr(authority, '/');
	if (slash && slash[1])
		return why(ret_why, "nothing may follow the host (and port)");
	if (slash)
		*slash = '\0';
	char *at = strrchr(authority, '@');
	if (at)
		*at = '\0';
	if (at && !parse_user(authority, url, ret_why))
		return false;
	return parse_host(at ? at + 1 : authority, row->port, url, ret_why);
}

bool
conf_url_parse(const char *text, bool outgoing, ServerUrl *ret_url, char **ret_why)
{
	const char *colon = strstr(text, "://");
	if (!colon)
		return why(ret_why, outgoing ? "write a URL such as smtps://mail.example.org" : "write a URL such as imaps://mail.example.org");
	g_autofree char *scheme = g_strndup(text, (size_t)(colon - text));
	const SchemeRow *row = find_scheme(scheme, outgoing, ret_why);
	if (!row)
		return false;
	ServerUrl url = { .protocol = row->protocol, .tls = row->tls };
	bool ok;
	if (row->protocol == PROTOCOL_MAILDIR) {
		url.path = conf_expand_home(colon + 3);
		ok = g_path_is_absolute(url.path) ? true : why(ret_why, "the path must begin with / or ~/, as in maildir:///home/me/Mail");
	} else {
		ok = parse_network(row, colon + 3, &url, ret_why);
	}
	if (!ok) {
		conf_url_clear(&url);
		return false;
	}
	*ret_url = url;
	return true;
}
