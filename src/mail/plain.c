/* src/mail/plain.c: plain text -> lines: quotes, signature, format=flowed (RFC 3676), patches, URLs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/lines.h"

#include "surel/text.h"

enum { TAB_COLUMNS = 8, QUOTE_MAX = 100, SIGNATURE_LINES_MAX = 12, DIFF_COUNT_MAX = 1000000, DRAWN_RULE_MIN = 20 };

typedef struct Plain {
	Document *document;
	PlainOptions options;
	bool in_signature;
	unsigned signature_quote;
	bool in_diff;			/* between "diff --git" or "---/+++" and the end of the last hunk */
	int old_left, new_left;		/* lines of the open hunk */
	GString *flow;			/* paragraph being joined, NULL when none */
	unsigned flow_quote;
} Plain;

/* Quote marks at the start: ">", "> >", ">>"; *ret_text is behind them and one blank. ">From " is an mbox escape. */
static unsigned
quote_depth(const char *line, size_t size, bool flowed, size_t *ret_skip)
{
	unsigned depth = 0;
	size_t i = 0, text = 0;
	if (size > 6 && memcmp(line, ">From ", 6) == 0) {
		*ret_skip = 0;
		return 0;
	}
	while (i < size && depth < QUOTE_MAX) {
		size_t mark = i;
		if (!flowed && mark < size && line[mark] == ' ' && mark + 1 < size && line[mark + 1] == '>')
			mark++;
		if (line[mark] != '>' || (depth == 0 && mark > 1))
			break;
		depth++;
		i = text = mark + 1;
	}
	if (depth > 0 && text < size && line[text] == ' ')
		text++;
	*ret_skip = depth ? text : 0;
	return depth;
}

/* TAB to the next multiple of eight columns; columns are counted in characters, near enough for text drawn with tabs. */
static char *
expand_tabs(const char *text, size_t size)
{
	while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
		size--;
	if (!memchr(text, '\t', size))
		return g_strndup(text, size);
	GString *out = g_string_sized_new(size + 32);
	unsigned column = 0;
	for (size_t i = 0; i < size; i++) {
		if (text[i] != '\t') {
			column += ((uint8_t)text[i] & 0xC0) != 0x80;
			g_string_append_c(out, text[i]);
			continue;
		}
		do
			g_string_append_c(out, ' ');
		while (++column % TAB_COLUMNS);
	}
	return g_string_free(out, FALSE);
}

static void
add_line(Plain *plain, LineKind kind, unsigned quote, const char *text, size_t size, unsigned style)
{
	char *clean = expand_tabs(text, size);
	GArray *spans = NULL;
	if (style)
		spans_add(&spans, 0, strlen(clean), style, 0);
	else
		link_urls(plain->document, clean, &spans);
	document_add_line(plain->document, kind, quote, clean, spans);
}

static void
end_flow(Plain *plain)
{
	if (!plain->flow)
		return;
	LineKind kind = plain->in_signature ? LINE_SIGNATURE : plain->flow_quote ? LINE_QUOTE : LINE_TEXT;
	add_line(plain, kind, plain->flow_quote, plain->flow->str, plain->flow->len, SPAN_PLAIN);
	g_string_free(g_steal_pointer(&plain->flow), TRUE);
}

/* ---- patches ---- */

static bool
starts(const char *line, size_t size, const char *prefix)
{
	size_t n = strlen(prefix);
	return size >= n && memcmp(line, prefix, n) == 0;
}

static int
hunk_count(char **p)
{
	uint64_t count = g_ascii_strtoull(*p + 1, p, 10);
	return (int)MIN(count, DIFF_COUNT_MAX);
}

static bool
hunk_header(Plain *plain, const char *line, size_t size)
{
	int old_count = 1, new_count = 1;
	g_autofree char *text = g_strndup(line, MIN(size, 80));
	char *minus = strstr(text, "@@ -");
	if (minus != text)
		return false;
	char *p = text + 4;
	g_ascii_strtoull(p, &p, 10);
	if (*p == ',')
		old_count = hunk_count(&p);
	if (strncmp(p, " +", 2) != 0)
		return false;
	g_ascii_strtoull(p + 2, &p, 10);
	if (*p == ',')
		new_count = hunk_count(&p);
	if (strncmp(p, " @@", 3) != 0)
		return false;
	plain->old_left = old_count;
	plain->new_left = new_count;
	return true;
}

static bool
diff_start(const char *line, size_t size, const char *next)
{
	if (starts(line, size, "diff --git ") || starts(line, size, "Index: ") || starts(line, size, "diff -"))
		return true;
	return starts(line, size, "--- ") && size > 4 && strncmp(next, "+++ ", 4) == 0;
}

static bool
diff_meta(const char *line, size_t size)
{
	static const char *const metas[] = { "diff ", "index ", "--- ", "+++ ", "new file", "deleted file", "old mode", "new mode", "similarity",
		"dissimilarity", "rename ", "copy ", "Index: ", "=====", "Binary files", "GIT binary patch" };
	for (size_t i = 0; i < G_N_ELEMENTS(metas); i++)
		if (starts(line, size, metas[i]))
			return true;
	return false;
}

/* True when the line was one of a patch. */
static bool
take_diff(Plain *plain, const char *line, size_t size, const char *next)
{
	if (plain->old_left > 0 || plain->new_left > 0) {
		char c = size ? *line : ' ';
		plain->old_left -= c == '-' || c == ' ';
		plain->new_left -= c == '+' || c == ' ';
		if (c == '+' || c == '-' || c == ' ' || c == '\\') {
			add_line(plain, LINE_PRE, 0, line, size, c == '+' ? SPAN_ADDED : c == '-' ? SPAN_REMOVED : c == '\\' ? SPAN_DIM : SPAN_CODE);
			return true;
		}
		plain->old_left = plain->new_left = 0;		/* damaged: go on as text */
	}
	if (plain->in_diff && hunk_header(plain, line, size)) {
		add_line(plain, LINE_PRE, 0, line, size, SPAN_HUNK);
		return true;
	}
	if (plain->in_diff && size > 0 && *line == '\\') {
		add_line(plain, LINE_PRE, 0, line, size, SPAN_DIM);
		return true;
	}
	if (diff_start(line, size, next) || (plain->in_diff && diff_meta(line, size))) {
		plain->in_diff = true;
		add_line(plain, LINE_PRE, 0, line, size, SPAN_BOLD);
		return true;
	}
	plain->in_diff &= size == 0 || strncmp(next, "diff ", 5) == 0;
	return false;
}

/* ---- lines ---- */

/* "-- " (RFC 3676 4.3); "--" where programs cut the blank, if little follows. */
static bool
is_signature_mark(const char *line, size_t size, const char *rest)
{
	if (size == 3 && memcmp(line, "-- ", 3) == 0)
		return true;
	if (size != 2 || memcmp(line, "--", 2) != 0)
		return false;
	unsigned lines = 0;
	for (const char *p = rest; *p && lines <= SIGNATURE_LINES_MAX; p++)
		lines += *p == '\n';
	return lines <= SIGNATURE_LINES_MAX;
}

static void
take_flowed(Plain *plain, unsigned quote, const char *text, size_t size)
{
	if (quote == 0 && size > 0 && *text == ' ') {	/* space-stuffing (RFC 3676 4.4); behind '>' it was skipped already */
		text++;
		size--;
	}
	bool signature = size == 3 && memcmp(text, "-- ", 3) == 0;
	bool flows = size > 0 && text[size - 1] == ' ' && !signature;
	if (plain->flow && (plain->flow_quote != quote || signature))
		end_flow(plain);
	if (flows && plain->options.delsp)
		size--;
	if (!plain->flow) {
		plain->flow = g_string_new(NULL);
		plain->flow_quote = quote;
	}
	g_string_append_len(plain->flow, text, (gssize)size);
	if (!flows)
		end_flow(plain);
}

/* ">>> DATA" in the transcript of a delivery report, the answer "<<< 550 .." below it: nobody is quoted. */
static bool
is_transcript(const char *line, size_t size, const char *rest)
{
	return size > 4 && memcmp(line, ">>> ", 4) == 0 && g_ascii_isupper(line[4]) && strncmp(rest, "<<< ", 4) == 0;
}

/* "________": drawn with one character from edge to edge; wrapped, its end would stand alone on the next line. */
static bool
is_drawn_rule(const char *text, size_t size)
{
	if (size < DRAWN_RULE_MIN || !strchr("_-=*~#", *text))
		return false;
	for (size_t i = 1; i < size; i++)
		if (text[i] != *text)
			return false;
	return true;
}

static void
take_line(Plain *plain, const char *line, size_t size, const char *rest)
{
	size_t skip = 0;
	unsigned quote = is_transcript(line, size, rest) ? 0 : quote_depth(line, size, plain->options.flowed, &skip);
	const char *text = line + skip;
	size_t left = size - skip;
	if (plain->in_signature && quote != plain->signature_quote)
		plain->in_signature = false;
	if (quote == 0 && !plain->in_signature && take_diff(plain, line, size, rest))
		return;
	const char *stuffed = plain->options.flowed && quote == 0 && left > 0 && *text == ' ' ? text + 1 : text;
	if (!plain->in_signature && is_signature_mark(stuffed, left - (size_t)(stuffed - text), rest)) {
		end_flow(plain);
		plain->in_signature = true;
		plain->signature_quote = quote;
		plain->in_diff = false;
		add_line(plain, LINE_SIGNATURE, quote, "--", 2, SPAN_PLAIN);
	} else if (plain->options.flowed) {
		take_flowed(plain, quote, text, left);
	} else {
		LineKind kind = plain->in_signature ? LINE_SIGNATURE : quote ? LINE_QUOTE : is_drawn_rule(text, left) ? LINE_TABLE : LINE_TEXT;
		add_line(plain, kind, quote, text, left, SPAN_PLAIN);
	}
}

void
plain_render(Document *document, const char *text, PlainOptions options)
{
	g_autofree char *clean = text_clean(text, -1, true);
	Plain plain = { .document = document, .options = options };
	const char *p = clean;
	for (const char *line = p; line[strspn(line, " \t")] == '\n'; p = line)	/* blank lines at the start */
		line += strspn(line, " \t") + 1;
	guint start = document->lines->len;
	while (*p) {
		size_t n = strcspn(p, "\n");
		const char *rest = p[n] ? p + n + 1 : p + n;
		take_line(&plain, p, n, rest);
		p = rest;
	}
	end_flow(&plain);
	document_trim(document, start);
}

/* ---- text/enriched ---- */

char *
enriched_to_plain(const char *text)
{
	GString *out = g_string_new(NULL);
	unsigned hidden = 0;	/* inside <param> */
	unsigned breaks = 0;
	for (const char *p = text; *p;) {
		if (p[0] == '<' && p[1] == '<') {
			if (!hidden)
				g_string_append_c(out, '<');
			p += 2;
			breaks = 0;
		} else if (*p == '<') {
			const char *close = strchr(p, '>');
			if (!close || close - p > 70) {
				g_string_append_c(out, *p++);
				continue;
			}
			if (g_ascii_strncasecmp(p, "<param>", 7) == 0)
				hidden++;
			else if (g_ascii_strncasecmp(p, "</param>", 8) == 0 && hidden)
				hidden--;
			else if (g_ascii_strncasecmp(p, "<nl>", 4) == 0)
				g_string_append_c(out, '\n');
			else if (g_ascii_strncasecmp(p, "<lt>", 4) == 0)
				g_string_append_c(out, '<');
			p = close + 1;
		} else if (*p == '\n') {	/* one line end is a blank; n of them are n - 1 lines */
			g_string_append_c(out, ++breaks == 1 && p[1] != '\n' ? ' ' : '\n');
			p++;
		} else {
			breaks = 0;
			if (!hidden)
				g_string_append_c(out, *p);
			p++;
		}
	}
	return g_string_free(out, FALSE);
}
