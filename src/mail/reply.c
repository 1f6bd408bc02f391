/* src/mail/reply.c: an answer or a forward: recipients, subject, quoted text */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/lines.h"

#include "surel/text.h"

enum { QUOTE_WIDTH = 74, REFERENCES_KEPT = 20, QUOTE_LINES_MAX = 5000 };

/* ---- addresses ---- */

static bool
is_own(const char *addr, char *const *own)
{
	g_autofree char *lower = g_utf8_strdown(addr, -1);
	for (char *const *pattern = own; pattern && *pattern; pattern++) {
		g_autofree char *wanted = g_utf8_strdown(*pattern, -1);
		if (g_pattern_match_simple(wanted, lower))
			return true;
	}
	return false;
}

static bool
contains(const GPtrArray *list, const char *addr)
{
	for (guint i = 0; i < list->len; i++)
		if (g_ascii_strcasecmp(((const MailAddress *)g_ptr_array_index(list, i))->addr, addr) == 0)
			return true;
	return false;
}

/* Adds those of from that are addresses, not own and not there yet. */
static void
add_all(GPtrArray *list, const GPtrArray *from, char *const *own, const GPtrArray *elsewhere)
{
	for (guint i = 0; i < from->len; i++) {
		const MailAddress *address = g_ptr_array_index(from, i);
		if (!strchr(address->addr, '@') || is_own(address->addr, own) || contains(list, address->addr) || (elsewhere && contains(elsewhere, address->addr)))
			continue;
		g_ptr_array_add(list, address_new(address->name, address->addr));
	}
}

/* One field of the header, unfolded; NULL. */
static char *
raw_header(const Mail *mail, const char *name)
{
	const char *p = mail->bytes, *end = p + mail->header_size;
	size_t n = strlen(name);
	while (p < end) {
		const char *stop = p;
		do {
			const char *lf = memchr(stop, '\n', (size_t)(end - stop));
			stop = lf ? lf + 1 : end;
		} while (stop < end && (*stop == ' ' || *stop == '\t'));
		if ((size_t)(stop - p) > n + 1 && g_ascii_strncasecmp(p, name, n) == 0 && p[n] == ':')
			return g_strndup(p + n + 1, (size_t)(stop - p) - n - 1);
		p = stop;
	}
	return NULL;
}

static GPtrArray *
followup_to(const Mail *mail)
{
	GPtrArray *list = address_array_new();
	g_autofree char *raw = raw_header(mail, "Mail-Followup-To");
	if (raw)
		address_parse_header(list, raw, strlen(raw), NULL);
	return list;
}

static bool
is_list(const Envelope *envelope, const GPtrArray *reply_to)
{
	return envelope->list_post && reply_to->len == 1 && contains(reply_to, envelope->list_post);
}

/* Whom "the sender" means: Reply-To, unless it is the list's own doing; of a message of ours, those it went to. */
static const GPtrArray *
answer_to(const Envelope *envelope, char *const *own)
{
	bool from_me = envelope->from->len > 0 && is_own(((const MailAddress *)g_ptr_array_index(envelope->from, 0))->addr, own);
	if (from_me && envelope->to->len > 0)
		return envelope->to;
	if (envelope->reply_to->len > 0 && !is_list(envelope, envelope->reply_to))
		return envelope->reply_to;
	return envelope->from->len > 0 ? envelope->from : envelope->reply_to;
}

static void
choose_recipients(const Mail *mail, const Envelope *envelope, ReplyKind kind, char *const *own, GPtrArray *to, GPtrArray *cc)
{
	g_autoptr(GPtrArray) followup = followup_to(mail);
	if (kind == REPLY_LIST && envelope->list_post) {
		g_ptr_array_add(to, address_new(NULL, envelope->list_post));
		return;
	}
	if (kind != REPLY_SENDER && followup->len > 0) {	/* the sender's wish for answers to all (list software convention) */
		add_all(to, followup, own, NULL);
		if (to->len > 0)
			return;
	}
	const GPtrArray *sender = answer_to(envelope, own);
	add_all(to, sender, own, NULL);
	if (to->len == 0)
		add_all(to, sender, NULL, NULL);
	if (kind == REPLY_SENDER)
		return;
	add_all(cc, envelope->reply_to, own, to);
	add_all(cc, envelope->to, own, to);
	add_all(cc, envelope->cc, own, to);
}

/* ---- subject ---- */

static const char *const reply_marks[] = { "re", "aw", "antw", "sv", "vs", "bls", "balas", "odp", "rif", "ref", "res", "ynt", "\xE5\x9B\x9E\xE5\xA4\x8D",
	"\xE7\xAD\x94\xE5\xA4\x8D", "\xE5\x9B\x9E\xE8\xA6\x86", NULL };
static const char *const forward_marks[] = { "fwd", "fw", "wg", "vl", "terusan", "\xE8\xBD\xAC\xE5\x8F\x91", "\xE8\xBD\x89\xE5\xAF\x84", NULL };

/* Behind "Re:", "RE[2]:", "Re :"; text itself when there is none. */
static const char *
skip_mark(const char *text, const char *const *marks)
{
	for (const char *const *mark = marks; *mark; mark++) {
		size_t n = strlen(*mark);
		if (g_ascii_strncasecmp(text, *mark, n) != 0)
			continue;
		const char *p = text + n;
		if (*p == '[' || *p == '(') {
			p++;
			while (g_ascii_isdigit(*p))
				p++;
			p += *p == ']' || *p == ')';
		}
		p += strspn(p, " ");
		if (*p == ':')
			return p + 1 + strspn(p + 1, " ");
		if (g_str_has_prefix(p, "\xEF\xBC\x9A"))	/* full-width colon */
			return p + 3 + strspn(p + 3, " ");
	}
	return text;
}

static char *
marked_subject(const char *subject, const char *mark, const char *const *marks)
{
	for (const char *next; (next = skip_mark(subject, marks)) != subject;)
		subject = next;
	return g_strdup_printf("%s %s", mark, *subject ? subject : "(no subject)");
}

/* ---- text ---- */

/* %d date, %n name, %a address, %s subject, %% percent. */
static char *
expand_intro(const char *format, const Envelope *envelope)
{
	const MailAddress *from = envelope->from->len ? g_ptr_array_index(envelope->from, 0) : NULL;
	g_autofree char *date = envelope->date ? text_date_long(envelope->date) : g_strdup("an unknown date");
	GString *out = g_string_new(NULL);
	for (const char *p = format; *p; p++) {
		if (*p != '%' || !p[1]) {
			g_string_append_c(out, *p);
			continue;
		}
		switch (*++p) {
		case 'd': g_string_append(out, date); break;
		case 'n': g_string_append(out, from ? envelope_from_name(envelope) : "someone"); break;
		case 'a': g_string_append(out, from ? from->addr : ""); break;
		case 's': g_string_append(out, envelope->subject); break;
		case '%': g_string_append_c(out, '%'); break;
		default: g_string_append_c(out, '%'); g_string_append_c(out, *p);
		}
	}
	return g_string_free(out, FALSE);
}

static void
append_quoted(GString *out, const Line *line)
{
	unsigned depth = MIN(line->quote, 20) + 1u;
	g_autofree char *marks = g_strnfill(depth, '>');
	bool wrap = line->kind != LINE_PRE && line->kind != LINE_TABLE;
	const char *p = line->kind == LINE_RULE ? "----------------------------------------" : line->text;
	int width = MAX(QUOTE_WIDTH - (int)depth - 1 - line->indent, 20);
	unsigned indent = line->indent;
	do {
		size_t skip = 0, n = wrap ? text_wrap(p, width, &skip) : strlen(p);
		g_string_append_printf(out, "%s%s%*s%.*s\n", marks, n ? " " : "", n ? (int)indent : 0, "", (int)n, p);
		p += n + skip;
		indent = line->indent + line->hang;
	} while (*p);
}

/* Everything but the sender's signature and what the reader adds. */
static void
append_quote(GString *out, const Document *document)
{
	guint end = document->lines->len, blank = 0;
	for (guint i = 0; i < MIN(end, QUOTE_LINES_MAX); i++) {
		const Line *line = g_ptr_array_index(document->lines, i);
		if (line->kind == LINE_NOTE || (line->kind == LINE_SIGNATURE && line->quote == 0))
			continue;
		if (!*line->text && line->kind != LINE_RULE && line->quote == 0) {
			blank++;
			continue;
		}
		for (; blank > 0; blank--)
			g_string_append(out, ">\n");
		append_quoted(out, line);
	}
}

static void
append_forwarded(GString *out, const Document *document)
{
	const Envelope *envelope = document->envelope;
	g_autofree char *from = address_list_format(envelope->from), *to = address_list_format(envelope->to), *cc = address_list_format(envelope->cc);
	g_autofree char *date = envelope->date ? text_date_long(envelope->date) : NULL;
	g_string_append_printf(out, "---------- Forwarded message ----------\nFrom: %s\n", from);
	if (date)
		g_string_append_printf(out, "Date: %s\n", date);
	g_string_append_printf(out, "Subject: %s\nTo: %s\n", envelope->subject, to);
	if (*cc)
		g_string_append_printf(out, "Cc: %s\n", cc);
	g_autofree char *text = document_plain_text(document);
	g_string_append_printf(out, "\n%s", text);
}

/* The first, which names the thread, and the newest. */
static char *
reference_chain(const Envelope *envelope)
{
	GString *out = g_string_new(NULL);
	guint n = g_strv_length(envelope->references);
	for (guint i = 0; i < n; i++) {
		if (i > 0 && n > REFERENCES_KEPT && i < n - REFERENCES_KEPT + 1)
			continue;
		if (envelope->message_id && strcmp(envelope->references[i], envelope->message_id) == 0)
			continue;
		g_string_append_printf(out, "%s<%s>", out->len ? " " : "", envelope->references[i]);
	}
	if (envelope->message_id)
		g_string_append_printf(out, "%s<%s>", out->len ? " " : "", envelope->message_id);
	return g_string_free(out, out->len == 0);
}

static void
set_list(char **field, const GPtrArray *list)
{
	g_free(*field);
	*field = address_list_format(list);
}

Draft *
draft_reply(const char *bytes, size_t size, ReplyKind kind, char *const *own, const char *intro, const char *signature)
{
	g_autoptr(Mail) mail = mail_parse(bytes, size);
	g_autoptr(Document) document = document_render_mail(mail, NULL, RENDER_DEFAULT);
	const Envelope *envelope = document->envelope;
	Draft *draft = draft_new();
	GString *body = g_string_new(NULL);
	g_free(draft->subject);
	if (kind == REPLY_FORWARD) {
		draft->is_forward = true;
		draft->subject = marked_subject(envelope->subject, "Fwd:", forward_marks);
		g_string_append(body, "\n");
	} else {
		g_autoptr(GPtrArray) to = address_array_new(), cc = address_array_new();
		choose_recipients(mail, envelope, kind, own, to, cc);
		set_list(&draft->to, to);
		set_list(&draft->cc, cc);
		draft->subject = marked_subject(envelope->subject, "Re:", reply_marks);
		draft->in_reply_to = envelope->message_id ? g_strdup_printf("<%s>", envelope->message_id) : NULL;
		draft->references = reference_chain(envelope);
		g_autofree char *line = expand_intro(intro ? intro : "On %d, %n wrote:", envelope);
		g_string_append_printf(body, "%s\n", line);
		append_quote(body, document);
		g_string_append_c(body, '\n');
	}
	if (signature && *signature)
		g_string_append_printf(body, "\n-- \n%s%s", signature, g_str_has_suffix(signature, "\n") ? "" : "\n");
	if (kind == REPLY_FORWARD) {
		g_string_append_c(body, '\n');
		append_forwarded(body, document);
	}
	g_free(draft->body);
	draft->body = g_string_free(body, FALSE);
	return draft;
}

static char *
with_brackets(const char *id)
{
	return id && *id ? g_strdup_printf("<%s>", id) : NULL;
}

Draft *
draft_of_message(const char *bytes, size_t size)
{
	g_autoptr(Document) document = document_render(bytes, size, NULL, RENDER_DEFAULT);
	const Envelope *envelope = document->envelope;
	Draft *draft = draft_new();
	char **fields[] = { &draft->to, &draft->cc, &draft->bcc, &draft->from };
	const GPtrArray *lists[] = { envelope->to, envelope->cc, envelope->bcc, envelope->from };
	for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
		g_free(*fields[i]);
		*fields[i] = address_list_format(lists[i]);
	}
	g_free(draft->subject);
	draft->subject = g_strdup(envelope->subject);
	g_free(draft->body);
	draft->body = document_text(document);
	draft->in_reply_to = with_brackets(envelope->in_reply_to);
	g_autoptr(GString) references = g_string_new(NULL);
	for (char **id = envelope->references; *id; id++)
		g_string_append_printf(references, "%s<%s>", references->len ? " " : "", *id);
	draft->references = references->len ? g_string_free(g_steal_pointer(&references), FALSE) : NULL;
	return draft;
}
