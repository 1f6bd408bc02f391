/* src/mail/address.c: address lists as headers have them and as people type them (RFC 5322 3.4, 4.4) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/mail-private.h"

/* Quotes and comments that never close would be looked through again from each of their characters. */
enum { ADDRESS_MAX = 20000, ADDRESS_BYTES_MAX = 1000, MARK_BYTES_MAX = 1000, COMMENT_DEPTH_MAX = 20 };

typedef struct Lexer {
	const char *p, *end, *fallback;
	bool typed;		/* by a person: what is not an address is an error, not a name */
	char **ret_bad;
} Lexer;

MailAddress *
address_new(const char *name, const char *addr)
{
	MailAddress *address = g_new(MailAddress, 1);
	*address = (MailAddress){ .name = g_strdup(name ? name : ""), .addr = g_strdup(addr ? addr : "") };
	return address;
}

void
address_free(MailAddress *address)
{
	if (!address)
		return;
	g_free(address->name);
	g_free(address->addr);
	g_free(address);
}

static void
address_free_void(void *address)
{
	address_free(address);
}

GPtrArray *
address_array_new(void)
{
	return g_ptr_array_new_with_free_func(address_free_void);
}

/* Behind the closing quote; NULL where there is none. */
static const char *
quoted_end(const char *p, const char *end)
{
	const char *limit = end - p > MARK_BYTES_MAX ? p + MARK_BYTES_MAX : end;
	for (p++; p < limit; p++)
		if (*p == '\\')
			p++;
		else if (*p == '"')
			return p + 1;
	return NULL;
}

static const char *
comment_end(const char *p, const char *end)
{
	int depth = 0;
	const char *limit = end - p > MARK_BYTES_MAX ? p + MARK_BYTES_MAX : end;
	for (; p < limit; p++) {
		if (*p == '\\')
			p++;
		else if (*p == '(' && ++depth > COMMENT_DEPTH_MAX)
			return NULL;
		else if (*p == ')' && --depth == 0)
			return p + 1;
	}
	return NULL;
}

/* Behind '>'; where it is missing, at the comma that ends the address. */
static const char *
angle_end(const char *p, const char *end)
{
	size_t near = (size_t)MIN(end - p, ADDRESS_BYTES_MAX + MARK_BYTES_MAX);
	const char *close = memchr(p, '>', near), *comma = memchr(p, ',', near);
	if (close && comma && comma < close && p + 1 < end && p[1] != '@' && memchr(comma, '<', (size_t)(close - comma)))
		close = NULL;
	if (!close)
		return comma ? comma : end;
	while (close < end && *close == '>')
		close++;
	return close;
}

/* One step over an atom, quoted string, comment, <address> or encoded word. */
static const char *
step_over(const char *p, const char *end)
{
	const char *next = NULL;
	if (*p == '"')
		next = quoted_end(p, end);
	else if (*p == '(')
		next = comment_end(p, end);
	else if (*p == '<')
		next = angle_end(p, end);
	else if (*p == '=')
		next = p + header_encoded_word(p, end);
	else if (*p == '[' && (next = memchr(p, ']', (size_t)MIN(end - p, MARK_BYTES_MAX))))
		next++;
	return next && next > p ? next : p + 1;
}

static char *
clean_address(const char *p, const char *end, const char *fallback)
{
	while (p < end && (g_ascii_isspace(*p) || *p == '<'))
		p++;
	while (end > p && (g_ascii_isspace(end[-1]) || end[-1] == '>' || end[-1] == ',' || end[-1] == ';'))
		end--;
	if (end - p > 7 && g_ascii_strncasecmp(p, "mailto:", 7) == 0)
		p += 7;
	if (p < end && *p == '@') {		/* source route (RFC 5322 4.4) */
		const char *colon = memchr(p, ':', (size_t)(end - p));
		if (colon)
			p = colon + 1;
	}
	g_autoptr(GString) raw = g_string_new(NULL);
	for (bool quoted = false; p < end && raw->len < ADDRESS_BYTES_MAX; p++) {
		const char *comment = *p == '(' && !quoted ? comment_end(p, end) : NULL;
		quoted ^= *p == '"';
		if (comment)
			p = comment - 1;
		else
			g_string_append_c(raw, *p);
	}
	g_autofree char *utf8 = charset_to_utf8(raw->str, raw->len, NULL, fallback);
	char *clean = clean_line(utf8, strlen(utf8));
	if (*clean == '"')
		return g_strstrip(clean);
	char *to = clean;			/* blanks and folds around '@' and '.' are obsolete syntax */
	for (const char *c = clean; *c; c++)
		if (!g_ascii_isspace(*c))
			*to++ = *c;
	*to = '\0';
	return clean;
}

/* Phrase with its quotes taken off and encoded words decoded. */
static char *
clean_name(const char *p, const char *end, const char *fallback)
{
	while (p < end && g_ascii_isspace(*p))
		p++;
	while (end > p && g_ascii_isspace(end[-1]))
		end--;
	if (p == end)
		return g_strdup("");
	bool simple = true;
	for (const char *c = p; c < end && simple; c++)
		simple = (g_ascii_isalnum(*c) || (*c == ' ' && c[1] != ' ') || *c == '.' || *c == '-');
	if (simple)
		return g_strndup(p, (size_t)(end - p));
	g_autoptr(GString) raw = g_string_sized_new((size_t)(end - p));
	while (p < end) {
		const char *close = *p == '"' ? quoted_end(p, end) : NULL, *comment = *p == '(' ? comment_end(p, end) : NULL;
		if (comment) {
			p = comment;
			continue;
		}
		if (!close) {
			bool blank = g_ascii_isspace(*p), after_blank = raw->len > 0 && raw->str[raw->len - 1] == ' ';
			if (*p != '"' && !(blank && after_blank))
				g_string_append_c(raw, blank ? ' ' : *p);
			p++;
			continue;
		}
		for (p++; p < close - 1; p++) {
			if (*p == '\\' && p + 1 < close - 1)
				p++;
			g_string_append_c(raw, *p);
		}
		p = close;
	}
	char *name = header_decode(raw->str, raw->len, fallback);
	size_t n = strlen(name);
	if (n >= 2 && (name[0] == '\'' || name[0] == '"') && name[n - 1] == name[0]) {	/* 'Name' from Outlook; quotes inside an encoded word */
		memmove(name, name + 1, n - 2);
		name[n - 2] = '\0';
	}
	return name;
}

/* What stands in "(...)", with its quoted pairs undone. */
static char *
comment_name(const char *open, const char *close, const char *fallback)
{
	if (!open)
		return g_strdup("");
	g_autoptr(GString) raw = g_string_new(NULL);
	for (const char *p = open + 1; p < close - 1; p++) {
		if (*p == '\\' && p + 1 < close - 1)
			p++;
		g_string_append_c(raw, *p);
	}
	return header_decode(raw->str, raw->len, fallback);
}

/* "a@b . example": blanks around the dots of a domain are obsolete (RFC 5322 4.4), but valid. */
static const char *
bare_end(const char *to, const char *end)
{
	while (true) {
		while (to < end && !g_ascii_isspace(*to) && !strchr("(),;<>", *to))
			to++;
		const char *next = to;
		while (next < end && g_ascii_isspace(*next))
			next++;
		if (next == to || next + 1 >= end || *next != '.' || g_ascii_isspace(next[-1]) != g_ascii_isspace(next[1]))
			return to;
		for (next++; next < end && g_ascii_isspace(*next);)
			next++;
		to = next;
	}
}

/* addr-spec without angle brackets: the word around '@'. */
static bool
find_bare(const char *start, const char *end, const char **ret_from, const char **ret_to)
{
	for (const char *p = start; p < end; p = *p == '@' ? p + 1 : step_over(p, end)) {
		if (*p != '@')
			continue;
		const char *from = p, *to = p + 1;
		if (from > start && from[-1] == '"') {
			for (from--; from > start && from[-1] != '"';)
				from--;
			from -= from > start;
		} else {
			while (from > start && !g_ascii_isspace(from[-1]) && !strchr("(),;<>", from[-1]))
				from--;
		}
		to = bare_end(to, end);
		if (from == p && to == p + 1)
			continue;
		*ret_from = from;
		*ret_to = to;
		return true;
	}
	return false;
}

static void
report_bad(const Lexer *lexer, const char *start, const char *end)
{
	if (!lexer->ret_bad || *lexer->ret_bad)
		return;
	g_autofree char *text = charset_to_utf8(start, (size_t)MIN(end - start, 200), NULL, NULL);
	*lexer->ret_bad = g_strstrip(clean_line(text, strlen(text)));
}

static void
take(GPtrArray *list, char *name, char *addr)
{
	MailAddress *address = g_new(MailAddress, 1);
	*address = (MailAddress){ .name = name, .addr = addr };
	g_ptr_array_add(list, address);
}

static bool
valid_addr(const char *addr)
{
	const char *at = strrchr(addr, '@');
	return at && at > addr && at[1] && !strchr(at, ',') && (*addr == '"' || !strpbrk(addr, " <>()"));
}

/* Words without an address: "root" is a local user; other text of a header is kept as a name, so that the reader has something. */
static void
take_words(const Lexer *lexer, GPtrArray *list, const char *start, const char *end)
{
	if (lexer->typed) {
		report_bad(lexer, start, end);
		return;
	}
	const char *open = memchr(start, '(', (size_t)(end - start)), *close = open ? comment_end(open, end) : NULL;
	const char *stop = close ? open : end;
	g_autofree char *name = clean_name(start, stop, lexer->fallback);
	if (g_ascii_isalnum(*name) && !strpbrk(name, " \"()<>,;:") && g_str_is_ascii(name))
		take(list, comment_name(close ? open : NULL, close, lexer->fallback), g_steal_pointer(&name));
	else if (*name)
		take(list, g_steal_pointer(&name), g_strdup(""));
}

/* "<Undisclosed-Recipient:@mail.example;>": what gateways made of an empty group. */
static bool
names_nobody(const char *addr)
{
	return g_ascii_strncasecmp(addr, "undisclosed", 11) == 0 && strchr(addr, ':');
}

static void
take_item(const Lexer *lexer, GPtrArray *list, const char *start, const char *end)
{
	while (start < end && g_ascii_isspace(*start))
		start++;
	while (end > start && g_ascii_isspace(end[-1]))
		end--;
	if (start == end || list->len >= ADDRESS_MAX)
		return;
	const char *angle = NULL, *angle_stop = NULL, *open = NULL, *close = NULL;
	for (const char *p = start, *next; p < end && !angle; p = next) {
		next = step_over(p, end);
		if (*p == '<') {
			angle = p;
			angle_stop = next;
		} else if (*p == '(' && next > p + 1 && !open) {
			open = p;
			close = next;
		}
	}
	g_autofree char *name = NULL, *addr = NULL;
	const char *from, *to;
	if (angle) {
		addr = clean_address(angle, angle_stop, lexer->fallback);
		name = clean_name(start, angle, lexer->fallback);
		if (!*name && angle_stop < end) {		/* <a@b> Name */
			g_free(name);
			name = *angle_stop == '(' ? comment_name(angle_stop, end, lexer->fallback) : clean_name(angle_stop, end, lexer->fallback);
		}
	} else if (find_bare(start, end, &from, &to)) {
		addr = clean_address(from, to, lexer->fallback);
		name = clean_name(start, from, lexer->fallback);
		if (!*name && !(open && open >= to)) {
			g_free(name);
			name = clean_name(to, end, lexer->fallback);
		}
	} else {
		take_words(lexer, list, start, end);
		return;
	}
	if (!*name && open) {
		g_free(name);
		name = comment_name(open, close, lexer->fallback);
	}
	if (lexer->typed && !valid_addr(addr))
		report_bad(lexer, start, end);
	else if ((*addr && !names_nobody(addr)) || *name)
		take(list, g_steal_pointer(&name), g_steal_pointer(&addr));
}

/* ':' ends a group's name, unless it stands inside an address or a URL. */
static bool
is_group_colon(const char *start, const char *p, const char *end)
{
	if (memchr(start, '@', (size_t)(p - start)) || (p + 1 < end && p[1] == '/'))
		return false;
	return !(p - start >= 6 && g_ascii_strncasecmp(p - 6, "mailto", 6) == 0);
}

static void
parse_list(Lexer *lexer, GPtrArray *list)
{
	const char *start = lexer->p;
	while (lexer->p < lexer->end) {
		char c = *lexer->p;
		if (c == ',' || c == ';') {
			take_item(lexer, list, start, lexer->p);
			start = ++lexer->p;
		} else if (c == ':' && is_group_colon(start, lexer->p, lexer->end)) {
			start = ++lexer->p;
		} else {
			lexer->p = step_over(lexer->p, lexer->end);
		}
	}
	take_item(lexer, list, start, lexer->end);
}

/* "Doe, John <j@example.org>": an unquoted comma in the one name of the field. */
static void
join_comma_name(GPtrArray *list, guint from)
{
	if (list->len - from != 2)
		return;
	const MailAddress *first = g_ptr_array_index(list, from);
	MailAddress *second = g_ptr_array_index(list, from + 1);
	if (strchr(first->addr, '@') || !*second->name || !strchr(second->addr, '@'))
		return;
	char *name = g_strdup_printf("%s, %s", *first->name ? first->name : first->addr, second->name);
	g_free(second->name);
	second->name = name;
	g_ptr_array_remove_index(list, from);
}

void
address_parse_header(GPtrArray *list, const char *raw, size_t size, const char *fallback)
{
	Lexer lexer = { .p = raw, .end = raw + size, .fallback = fallback };
	guint from = list->len;
	parse_list(&lexer, list);
	join_comma_name(list, from);
}

GPtrArray *
address_list_parse(const char *text, char **ret_bad)
{
	GPtrArray *list = address_array_new();
	if (!text)
		return list;
	Lexer lexer = { .p = text, .end = text + strlen(text), .typed = true, .ret_bad = ret_bad };
	parse_list(&lexer, list);
	return list;
}

static bool
is_phrase(const char *name)
{
	bool atext = true;
	for (const char *p = name; *p && atext; p++)
		atext = (*p & 0x80) || g_ascii_isalnum(*p) || strchr(" !#$%&'*+-/=?^_`{|}~", *p);
	return atext && name[0] != ' ' && !strstr(name, "=?") && !strstr(name, "  ") && !g_str_has_suffix(name, " ");
}

char *
address_format(const MailAddress *address)
{
	if (!*address->name)
		return g_strdup(address->addr);
	if (is_phrase(address->name))
		return *address->addr ? g_strdup_printf("%s <%s>", address->name, address->addr) : g_strdup(address->name);
	GString *out = g_string_new("\"");
	for (const char *p = address->name; *p; p++) {
		if (*p == '"' || *p == '\\')
			g_string_append_c(out, '\\');
		g_string_append_c(out, *p);
	}
	g_string_append_c(out, '"');
	if (*address->addr)
		g_string_append_printf(out, " <%s>", address->addr);
	return g_string_free(out, FALSE);
}

char *
address_list_format(const GPtrArray *list)
{
	GString *out = g_string_new(NULL);
	for (guint i = 0; i < list->len; i++) {
		g_autofree char *one = address_format(g_ptr_array_index(list, i));
		g_string_append_printf(out, "%s%s", i ? ", " : "", one);
	}
	return g_string_free(out, FALSE);
}
