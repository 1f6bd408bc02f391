/* src/mail/links.c: finds URLs in text; tells links whose text names another host than their target */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/lines.h"

static const char *const schemes[] = { "https://", "http://", "ftp://", "mailto:", "gemini://", "www." };

static bool
is_url_byte(char c)
{
	return (c & 0x80) || (c > 0x20 && c != 0x7F && !strchr("<>\"`{}|\\^", c));
}

/* Length of the scheme at p, which must begin a word. */
static size_t
scheme_at(const char *text, const char *p)
{
	if (p > text && (g_ascii_isalnum(p[-1]) || p[-1] == '/' || p[-1] == '@' || p[-1] == '.'))
		return 0;
	for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++) {
		size_t n = strlen(schemes[i]);
		if (g_ascii_strncasecmp(p, schemes[i], n) == 0 && (g_ascii_isalnum(p[n]) || (p[n] & 0x80) || p[n] == '['))
			return n;
	}
	return 0;
}

/* Full stops and closing marks after a URL belong to the sentence; ')' stays when its '(' is in the URL. */
static size_t
url_size(const char *p)
{
	size_t n = 0;
	while (p[n] && is_url_byte(p[n])) {
		gunichar u = (p[n] & 0x80) ? g_utf8_get_char(p + n) : (gunichar)p[n];
		if (u == 0x3002 || u == 0xFF0C || u == 0x3001 || u == 0xFF09 || u == 0x300D || u == 0x201D || u == 0x00BB || u == 0x2026 || u == 0xFFFD)
			break;
		n += (p[n] & 0x80) ? (size_t)(g_utf8_next_char(p + n) - (p + n)) : 1;
	}
	while (n > 0) {
		char last = p[n - 1];
		if (strchr(".,;:!?'*_~", last)) {
			n--;
		} else if (last == ')' || last == ']') {
			char open = last == ')' ? '(' : '[';
			int depth = 0;
			for (size_t i = 0; i < n; i++)
				depth += p[i] == open ? 1 : p[i] == last ? -1 : 0;
			if (depth >= 0)
				break;
			n--;
		} else {
			break;
		}
	}
	return n;
}

void
link_urls(Document *document, const char *text, GArray **spans)
{
	for (const char *p = text; *p;) {
		size_t scheme = strchr("hHfFmMgGwW", *p) ? scheme_at(text, p) : 0;
		size_t n = scheme ? url_size(p) : 0;
		if (n <= scheme) {
			p++;
			continue;
		}
		g_autofree char *shown = g_strndup(p, n);
		bool bare = g_ascii_strncasecmp(shown, "www.", 4) == 0;
		bool mail = g_ascii_strncasecmp(shown, "mailto:", 7) == 0;
		if ((bare && !strchr(shown + 4, '.')) || (mail && !strchr(shown, '@'))) {
			p += n;
			continue;
		}
		g_autofree char *url = g_strconcat(bare ? "http://" : "", shown, NULL);
		uint16_t link = document_add_link(document, url, shown, false);
		spans_add(spans, (size_t)(p - text), n, SPAN_LINK, link);
		p += n;
	}
}

/* ---- lies ---- */

/* Top-level domains that texts are likely to mean; a short list, so that "node.js" or "read.me" are no hosts. */
static const char *const domains[] = { "com", "net", "org", "edu", "gov", "mil", "int", "info", "biz", "io", "co", "app", "dev", "shop", "online",
	"site", "xyz", "bank", "store", "cloud", "email", "example", "test", "id", "uk", "de", "fr", "nl", "jp", "cn", "ru", "br", "au", "in", "eu",
	"us", "ca", "ch", "at", "be", "dk", "se", "no", "fi", "es", "it", "pt", "pl", "cz", "hu", "gr", "tr", "kr", "tw", "hk", "sg", "my", "th",
	"vn", "ph", "nz", "za", "mx", "ar", "cl", "ie", "il", "ua", "me", "tv" };

static bool
has_known_domain(const char *host)
{
	const char *dot = strrchr(host, '.');
	for (size_t i = 0; dot && i < G_N_ELEMENTS(domains); i++)
		if (strcmp(dot + 1, domains[i]) == 0)
			return true;
	return false;
}

/* Host of "scheme://user@host:port/..", lower case, without "www."; NULL. */
static char *
url_host(const char *url)
{
	const char *p = strstr(url, "://");
	if (!p)
		return NULL;
	p += 3;
	size_t n = strcspn(p, "/?#\\");
	for (size_t i = 0; i < n; i++)
		if (p[i] == '@') {	/* http://bank.example@evil.example/ */
			p += i + 1;
			n -= i + 1;
			i = 0;
		}
	for (size_t i = 0; i < n && *p != '['; i++)
		if (p[i] == ':')
			n = i;
	if (n == 0)
		return NULL;
	g_autofree char *host = g_ascii_strdown(p, (gssize)n);
	return g_strdup(g_str_has_prefix(host, "www.") ? host + 4 : host);
}

/* The host a text shows: a URL anywhere in it, or all of it is one name with a known domain; NULL. */
static char *
text_host(const char *text)
{
	for (const char *p = text; *p; p++) {
		size_t scheme = strchr("hHwWfF", *p) ? scheme_at(text, p) : 0;
		if (!scheme)
			continue;
		g_autofree char *url = g_strconcat(*p == 'w' || *p == 'W' ? "http://" : "", p, NULL);
		url[strcspn(url, " ")] = '\0';
		return url_host(url);
	}
	g_autofree char *word = g_strstrip(g_ascii_strdown(text, -1));
	size_t host_size = strcspn(word, "/:?");
	if (strpbrk(word, " @") || host_size < 4 || host_size > 253)
		return NULL;
	word[host_size] = '\0';
	for (const char *c = word; *c; c++)
		if (!(*c & 0x80) && !g_ascii_isalnum(*c) && *c != '.' && *c != '-')
			return NULL;
	if (!has_known_domain(word))
		return NULL;
	return g_strdup(g_str_has_prefix(word, "www.") ? word + 4 : word);
}

/* One is the other or a name under it. */
static bool
same_site(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	if (na == nb)
		return strcmp(a, b) == 0;
	const char *longer = na > nb ? a : b, *shorter = na > nb ? b : a;
	size_t offset = MAX(na, nb) - MIN(na, nb);
	return longer[offset - 1] == '.' && strcmp(longer + offset, shorter) == 0 && strchr(shorter, '.');
}

bool
link_lies(const char *url, const char *text)
{
	g_autofree char *target = url_host(url), *shown = text_host(text);
	if (!shown)
		return false;
	if (!target)
		return g_ascii_strncasecmp(url, "mailto:", 7) != 0;
	return !same_site(target, shown);
}
