/* engine/pop3-dialogue.c: commands and replies of POP3 (RFC 1939, 2449, 2595, 3206, 5034) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "src/engine/pop3.h"
#include "src/engine/sasl.h"
#include "surel/text.h"

enum { CAPA_LINES_MAX = 200, WRITE_AT_BYTES = 64 << 10 };

Pop3 *
pop3_new(Net *net)
{
	Pop3 *pop = g_new0(Pop3, 1);

	pop->net = net;
	pop->line = g_byte_array_new();
	return pop;
}

void
pop3_free(Pop3 *pop)
{
	if (!pop)
		return;
	g_byte_array_unref(pop->line);
	g_strfreev(pop->sasl);
	g_free(pop);
}

/* ---- replies ---- */

static bool
line_starts(const GByteArray *line, const char *word)
{
	size_t n = strlen(word);

	return line->len >= n && g_ascii_strncasecmp((const char *)line->data, word, n) == 0 &&
	       (line->len == n || g_ascii_isspace(line->data[n]));
}

/* Response codes (RFC 2449 section 8, RFC 3206), else words: old servers tell a held lock in prose only. */
static SurelError
refusal_code(const char *text, bool login)
{
	static const struct { const char *words; SurelError code; } rows[] = {
		{"[in-use]", ERROR_BUSY}, {"[login-delay]", ERROR_BUSY}, {"[auth]", ERROR_AUTH}, {"[sys/temp]", ERROR_BUSY},
		{"[sys/perm]", ERROR_SERVER},
	};
	static const char *const held[] = {" lock", "locked", "in use", "too many connections", "try again"};
	g_autofree char *lower = g_ascii_strdown(text, -1);

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (strstr(lower, rows[i].words))
			return rows[i].code;
	for (size_t i = 0; login && i < G_N_ELEMENTS(held); i++)
		if (strstr(lower, held[i]))
			return ERROR_BUSY;
	return login ? ERROR_AUTH : ERROR_SERVER;
}

/* One status line: true with *ret_ok. What is neither +OK nor -ERR ends the session. */
static bool
read_status(Pop3 *pop, const char *what, bool *ret_ok, GError **error)
{
	if (!net_read_reply(pop->net, pop->line, POP3_LINE_MAX_BYTES, error))
		return error_wrap(error, "%s", what);
	*ret_ok = line_starts(pop->line, "+OK");
	if (!*ret_ok && !line_starts(pop->line, "-ERR"))
		return net_fail(pop->net, ERROR_PROTOCOL, error, "%s: the answer is neither +OK nor -ERR", what);
	return true;
}

/* The words behind +OK or -ERR, clean. */
static char *
status_words(const Pop3 *pop)
{
	size_t skip = MIN(pop->line->len, pop->line->len > 0 && pop->line->data[0] == '+' ? 3 : 4);
	g_autofree char *clean = text_clean((const char *)pop->line->data + skip, (ssize_t)MIN(pop->line->len - skip, (size_t)300), false);

	return g_strdup(g_strstrip(clean));
}

static bool
refused(const Pop3 *pop, const char *what, bool login, GError **error)
{
	g_autofree char *words = status_words(pop);

	return error_set(error, refusal_code(words, login), "%s: the server said: %s", what, *words ? words : "-ERR");
}

/* Reads the answer to a command that must succeed. */
static bool
expect_ok(Pop3 *pop, const char *what, bool login, GError **error)
{
	bool ok;

	if (!read_status(pop, what, &ok, error))
		return false;
	return ok || refused(pop, what, login, error);
}

/* One line of a multi-line answer, un-stuffed; *ret_end at the final dot, which only CRLF . CRLF is (RFC 1939 section 3). */
static bool
read_data_line(Pop3 *pop, size_t max_bytes, bool *ret_end, GError **error)
{
	if (!net_read_line(pop->net, pop->line, max_bytes, error))
		return false;
	*ret_end = pop->line->len == 1 && pop->line->data[0] == '.';
	if (!*ret_end && pop->line->len > 0 && pop->line->data[0] == '.')
		g_byte_array_remove_index(pop->line, 0);
	return true;
}

/* ---- greeting, capabilities, login ---- */

static void
capa_row(Pop3 *pop, const char *row)
{
	g_auto(GStrv) words = g_strsplit_set(row, " \t", -1);
	static const struct { const char *name; size_t offset; } flags[] = {
		{"TOP", offsetof(Pop3, top)}, {"UIDL", offsetof(Pop3, uidl)}, {"STLS", offsetof(Pop3, stls)}, {"USER", offsetof(Pop3, user)},
		{"PIPELINING", offsetof(Pop3, pipelining)},
	};

	for (size_t i = 0; words[0] && i < G_N_ELEMENTS(flags); i++)
		if (g_ascii_strcasecmp(words[0], flags[i].name) == 0)
			*(bool *)((char *)pop + flags[i].offset) = true;
	if (words[0] && words[1] && g_ascii_strcasecmp(words[0], "LOGIN-DELAY") == 0) {
		guint64 delay = 0;
		if (g_ascii_string_to_unsigned(words[1], 10, 0, 86400, &delay, NULL))
			pop->login_delay_s = (unsigned)delay;
	}
	if (words[0] && g_ascii_strcasecmp(words[0], "SASL") == 0) {
		g_strfreev(pop->sasl);
		g_autofree char *upper = g_ascii_strup(row + strlen("SASL"), -1);
		pop->sasl = g_strsplit_set(g_strstrip(upper), " \t", -1);
	}
}

static bool
read_capa(Pop3 *pop, GError **error)
{
	bool ok, end;

	pop->capa = pop->top = pop->uidl = pop->stls = pop->user = pop->pipelining = false;
	g_clear_pointer(&pop->sasl, g_strfreev);
	if (!net_printf(pop->net, error, "CAPA") || !read_status(pop, "CAPA", &ok, error))
		return false;
	if (!ok)	/* RFC 1939 only: what works is found by trying */
		return true;
	pop->capa = true;
	for (unsigned i = 0; i < CAPA_LINES_MAX; i++) {
		if (!read_data_line(pop, POP3_LINE_MAX_BYTES, &end, error))
			return error_wrap(error, "CAPA");
		if (end)
			return true;
		g_autofree char *row = g_strndup((const char *)pop->line->data, pop->line->len);
		capa_row(pop, row);
	}
	return net_fail(pop->net, ERROR_PROTOCOL, error, "CAPA: the list has no end");
}

static bool
start_tls(Pop3 *pop, GError **error)
{
	bool ok;

	if (pop->capa && !pop->stls)
		return error_set(error, ERROR_SERVER, "the server offers no encryption (STLS) on this port; nothing was sent");
	if (!net_printf(pop->net, error, "STLS") || !read_status(pop, "STLS", &ok, error))
		return false;
	if (!ok)
		return refused(pop, "STLS", false, error);
	/* Capabilities of before the handshake may be forged: asked again (RFC 2595 section 4). */
	return net_starttls(pop->net, error) && read_capa(pop, error);
}

bool
pop3_greet(Pop3 *pop, const ServerUrl *url, GError **error)
{
	if (!expect_ok(pop, "greeting", false, error) || !read_capa(pop, error))
		return false;
	return url->tls != TLS_STARTTLS || start_tls(pop, error);
}

/* An AUTH step (RFC 5034): "+ challenge", +OK or -ERR. */
static char *
auth_answer(Pop3 *pop, bool *ret_done, GError **error)
{
	*ret_done = false;
	if (!net_read_reply(pop->net, pop->line, POP3_LINE_MAX_BYTES, error)) {
		error_wrap(error, "login");
		return NULL;
	}
	if (line_starts(pop->line, "+OK")) {
		*ret_done = true;
		return g_strdup("");
	}
	if (pop->line->len > 0 && pop->line->data[0] == '+') {
		g_autofree char *text = g_strndup((const char *)pop->line->data + 1, pop->line->len - 1);
		return g_strdup(g_strstrip(text));
	}
	if (line_starts(pop->line, "-ERR"))
		refused(pop, "login", true, error);
	else
		net_fail(pop->net, ERROR_PROTOCOL, error, "login: the answer makes no sense");
	return NULL;
}

static char *
auth_start(void *data, const char *mechanism, const char *initial, bool *ret_done, GError **error)
{
	Pop3 *pop = data;
	/* A line of AUTH holds 255 octets (RFC 5034 section 4); longer first answers come after the server's "+". */
	bool inline_initial = initial && strlen(initial) + strlen(mechanism) + 8 <= 255;
	bool sent = inline_initial ? net_printf(pop->net, error, "AUTH %s %s", mechanism, *initial ? initial : "=")
				   : net_printf(pop->net, error, "AUTH %s", mechanism);

	if (!sent)
		return NULL;
	if (!initial || inline_initial)
		return auth_answer(pop, ret_done, error);
	g_autofree char *challenge = auth_answer(pop, ret_done, error);
	if (!challenge || *ret_done)
		return g_steal_pointer(&challenge);
	return net_printf(pop->net, error, "%s", initial) ? auth_answer(pop, ret_done, error) : NULL;
}

static char *
auth_reply(void *data, const char *line, bool *ret_done, GError **error)
{
	Pop3 *pop = data;

	return net_printf(pop->net, error, "%s", line) ? auth_answer(pop, ret_done, error) : NULL;
}

static bool
login_user_pass(Pop3 *pop, const ServerUrl *url, const char *user, const char *secret, GError **error)
{
	if (!net_is_secure(pop->net) && url->tls != TLS_NONE)
		return error_set(error, ERROR_SERVER, "login: the connection is not encrypted; the password was not sent");
	if (!net_printf(pop->net, error, "USER %s", user) || !expect_ok(pop, "login", true, error))
		return false;
	return net_printf(pop->net, error, "PASS %s", secret) && expect_ok(pop, "login", true, error);
}

bool
pop3_login(Pop3 *pop, const ServerUrl *url, const char *user, const char *secret, bool is_token, GError **error)
{
	char *none[] = {NULL};
	const SaslCarrier carrier = {.start = auth_start, .reply = auth_reply, .data = pop, .initial_response = true};
	g_autoptr(GError) own = NULL;
	bool in = sasl_login(pop->net, &carrier, pop->sasl ? pop->sasl : none, url->host, url->port, user, secret, is_token, &own);

	if (!in && !is_token && g_error_matches(own, SUREL_ERROR, ERROR_UNSUPPORTED))
		in = login_user_pass(pop, url, user, secret, error);
	else if (!in)
		g_propagate_error(error, g_steal_pointer(&own));
	/* Some servers tell more, or other things, once they know who asks (RFC 2449 section 5). */
	return in && (!pop->capa || read_capa(pop, error));
}

/* ---- listings ---- */

bool
pop3_stat(Pop3 *pop, int64_t *ret_count, GError **error)
{
	if (!net_printf(pop->net, error, "STAT") || !expect_ok(pop, "STAT", false, error))
		return false;
	g_autofree char *words = status_words(pop);
	char *end = NULL;
	gint64 count = g_ascii_strtoll(words, &end, 10);
	if (end == words || count < 0 || count > POP3_MESSAGES_MAX)
		return net_fail(pop->net, ERROR_PROTOCOL, error, "STAT: no such number of messages");
	*ret_count = count;
	return true;
}

/* "NUMBER REST": false where the number is not 1 and above. */
static bool
split_row(const GByteArray *line, uint32_t *ret_number, char **ret_rest)
{
	g_autofree char *text = g_strndup((const char *)line->data, line->len);
	char *end = NULL;
	guint64 number = g_ascii_isdigit(text[0]) ? g_ascii_strtoull(text, &end, 10) : 0;

	if (number == 0 || number > INT32_MAX || (*end && *end != ' ' && *end != '\t'))
		return false;
	*ret_number = (uint32_t)number;
	*ret_rest = g_strdup(g_strstrip(end));
	return true;
}

static bool
list_rows(Pop3 *pop, const char *what, GHashTable *rows, GError **error)
{
	bool end;
	uint32_t number;

	for (size_t i = 0; i < POP3_MESSAGES_MAX; i++) {
		g_autofree char *rest = NULL;
		if (!read_data_line(pop, POP3_LINE_MAX_BYTES, &end, error))
			return error_wrap(error, "%s", what);
		if (end)
			return true;
		if (!split_row(pop->line, &number, &rest))
			return net_fail(pop->net, ERROR_PROTOCOL, error, "%s: a message number that cannot be; nothing was changed", what);
		if (!g_hash_table_insert(rows, GUINT_TO_POINTER(number), g_steal_pointer(&rest)))
			return net_fail(pop->net, ERROR_PROTOCOL, error, "%s: message %u is listed twice; nothing was changed", what, number);
	}
	return net_fail(pop->net, ERROR_PROTOCOL, error, "%s: the list has no end", what);
}

/* RFC 1939: 1 to 70 characters 0x21 to 0x7E; longer ones exist. */
static bool
uidl_is_sane(const char *uidl)
{
	size_t n = strlen(uidl);

	for (size_t i = 0; i < n; i++)
		if (uidl[i] < 0x21 || uidl[i] > 0x7e)
			return false;
	return n > 0 && n <= 255;
}

static gint
by_number(gconstpointer a, gconstpointer b)
{
	uint32_t x = ((const Pop3Item *)a)->number, y = ((const Pop3Item *)b)->number;

	return x < y ? -1 : x > y;
}

static void
item_clear(gpointer data)
{
	g_free(((Pop3Item *)data)->key);
}

static GArray *
merge_rows(GHashTable *sizes, GHashTable *uidls)
{
	g_autoptr(GHashTable) times = g_hash_table_new(g_str_hash, g_str_equal);
	GArray *items = g_array_new(FALSE, TRUE, sizeof(Pop3Item));
	GHashTableIter iter;
	gpointer number, text;

	g_array_set_clear_func(items, item_clear);
	g_hash_table_iter_init(&iter, uidls);
	while (g_hash_table_iter_next(&iter, &number, &text))
		g_hash_table_insert(times, text, GUINT_TO_POINTER(GPOINTER_TO_UINT(g_hash_table_lookup(times, text)) + 1));
	/* LIST decides what is there: a UIDL row without a LIST row is of no use, the other way round it is a message without key. */
	g_hash_table_iter_init(&iter, sizes);
	while (g_hash_table_iter_next(&iter, &number, &text)) {
		guint64 size = 0;
		const char *uidl = g_hash_table_lookup(uidls, number);
		bool known = g_ascii_string_to_unsigned(g_strdelimit(text, "\t", ' '), 10, 0, INT64_MAX, &size, NULL);
		bool once = uidl && uidl_is_sane(uidl) && GPOINTER_TO_UINT(g_hash_table_lookup(times, uidl)) == 1;
		Pop3Item item = {.number = GPOINTER_TO_UINT(number), .size = known ? (int64_t)size : -1, .key = once ? g_strdup(uidl) : NULL};
		g_array_append_val(items, item);
	}
	g_array_sort(items, by_number);
	return items;
}

/* UIDL and LIST, in one flight where the server pipelines. */
static bool
read_listings(Pop3 *pop, GHashTable *sizes, GHashTable *uidls, bool *ret_uidl, GError **error)
{
	bool ask_uidl = pop->uidl || !pop->capa || !pop->top;

	*ret_uidl = false;
	if (ask_uidl && !net_printf(pop->net, error, "UIDL"))
		return false;
	if (pop->pipelining && !net_printf(pop->net, error, "LIST"))
		return false;
	if (ask_uidl && !read_status(pop, "UIDL", ret_uidl, error))
		return false;
	if (*ret_uidl && !list_rows(pop, "UIDL", uidls, error))
		return false;
	if (!pop->pipelining && !net_printf(pop->net, error, "LIST"))
		return false;
	return expect_ok(pop, "LIST", false, error) && list_rows(pop, "LIST", sizes, error);
}

GArray *
pop3_list(Pop3 *pop, bool *ret_uidl, GError **error)
{
	g_autoptr(GHashTable) sizes = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	g_autoptr(GHashTable) uidls = g_hash_table_new_full(NULL, NULL, NULL, g_free);

	return read_listings(pop, sizes, uidls, ret_uidl, error) ? merge_rows(sizes, uidls) : NULL;
}

char *
pop3_top_hash(Pop3 *pop, uint32_t number, GError **error)
{
	g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
	bool ok, end, header = true, skip = false;

	if (!net_printf(pop->net, error, "TOP %u 0", number) || !read_status(pop, "TOP", &ok, error))
		return NULL;
	if (!ok)
		return g_strdup("");
	net_set_budget(pop->net, POP3_BODY_LINE_MAX_BYTES);
	for (;;) {
		if (!read_data_line(pop, POP3_LINE_MAX_BYTES, &end, error)) {
			error_wrap(error, "TOP %u", number);
			return NULL;
		}
		if (end)
			break;
		header = header && pop->line->len > 0;
		bool folded = header && g_ascii_isspace(pop->line->data[0]);
		/* Status and X- lines are changed by servers while the message lies there. */
		if (header && !folded)
			skip = (pop->line->len >= 2 && g_ascii_strncasecmp((const char *)pop->line->data, "X-", 2) == 0) ||
			       (pop->line->len >= 7 && g_ascii_strncasecmp((const char *)pop->line->data, "Status:", 7) == 0);
		if (header && !skip)
			g_checksum_update(checksum, pop->line->data, (gssize)pop->line->len);
	}
	net_set_budget(pop->net, 0);
	return g_strdup(g_checksum_get_string(checksum));
}

/* ---- messages ---- */

bool
pop3_send_retr(Pop3 *pop, uint32_t number, GError **error)
{
	return net_printf(pop->net, error, "RETR %u", number);
}

static bool
write_out(int fd, GByteArray *buffer, GError **error)
{
	size_t done = 0;

	while (done < buffer->len) {
		ssize_t n = write(fd, buffer->data + done, buffer->len - done);
		if (n < 0 && errno != EINTR)
			return error_set_errno(error, errno, "message file");
		done += n > 0 ? (size_t)n : 0;
	}
	g_byte_array_set_size(buffer, 0);
	return true;
}

bool
pop3_retr(Pop3 *pop, int fd, int64_t *ret_size, bool *ret_there, GError **error)
{
	g_autoptr(GByteArray) buffer = g_byte_array_sized_new(WRITE_AT_BYTES + 4096);
	bool end = false;
	int64_t size = 0;

	if (!read_status(pop, "RETR", ret_there, error))
		return false;
	while (*ret_there) {
		if (!read_data_line(pop, POP3_BODY_LINE_MAX_BYTES, &end, error))
			return error_wrap(error, "RETR");
		if (end)
			break;
		g_byte_array_append(buffer, pop->line->data, pop->line->len);
		g_byte_array_append(buffer, (const guint8 *)"\r\n", 2);
		size += (int64_t)pop->line->len + 2;
		if (size > POP3_MESSAGE_MAX_BYTES)
			return net_fail(pop->net, ERROR_PROTOCOL, error, "RETR: the message has no end");
		if (buffer->len >= WRITE_AT_BYTES && !write_out(fd, buffer, error))
			return false;
	}
	*ret_size = size;
	return !*ret_there || write_out(fd, buffer, error);
}

bool
pop3_dele(Pop3 *pop, const Pop3Item *const *items, size_t n, bool *ret_gone, GError **error)
{
	size_t window = pop->pipelining ? POP3_WINDOW : 1, sent = 0;

	for (size_t i = 0; i < n; i++) {
		for (; sent < n && sent < i + window; sent++)
			if (!net_printf(pop->net, error, "DELE %u", items[sent]->number))
				return false;
		if (!read_status(pop, "DELE", &ret_gone[i], error))
			return false;
	}
	return true;
}

bool
pop3_quit(Pop3 *pop, GError **error)
{
	return net_printf(pop->net, error, "QUIT") && expect_ok(pop, "QUIT", false, error);
}
