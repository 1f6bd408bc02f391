/* src/mail/show.c: what the reader knows of a message, as JSON (schema in surel(1)) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/lines.h"

static void
append_string(GString *out, const char *text)
{
	g_string_append_c(out, '"');
	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\\')
			g_string_append_printf(out, "\\%c", *p);
		else if (*p == '\n')
			g_string_append(out, "\\n");
		else if ((uint8_t)*p < 0x20 || *p == 0x7F)
			g_string_append_printf(out, "\\u%04x", (unsigned)(uint8_t)*p);
		else
			g_string_append_c(out, *p);
	}
	g_string_append_c(out, '"');
}

static void
append_key(GString *out, const char *key)
{
	if (out->str[out->len - 1] != '{')
		g_string_append_c(out, ',');
	g_string_append_printf(out, "\n  \"%s\": ", key);
}

static void
append_field(GString *out, const char *key, const char *value)
{
	append_key(out, key);
	if (value)
		append_string(out, value);
	else
		g_string_append(out, "null");
}

static void
append_addresses(GString *out, const char *key, const GPtrArray *list)
{
	append_key(out, key);
	g_string_append_c(out, '[');
	for (guint i = 0; i < list->len; i++) {
		const MailAddress *address = g_ptr_array_index(list, i);
		g_string_append(out, i ? ", {\"name\": " : "{\"name\": ");
		append_string(out, address->name);
		g_string_append(out, ", \"addr\": ");
		append_string(out, address->addr);
		g_string_append_c(out, '}');
	}
	g_string_append_c(out, ']');
}

/* Without the path that some programs send along; otherwise as sent. */
static char *
shown_name(const Node *node)
{
	g_autofree char *made = node->name ? NULL : node_made_name(node);
	const char *name = node->name ? node->name : made, *base = name;
	for (const char *p = name; *p; p++)
		if ((*p == '/' || *p == '\\') && p[1])
			base = p + 1;
	return strcmp(base, "..") == 0 || strcmp(base, ".") == 0 ? g_strdup("attachment") : g_strdup(base);
}

static void
append_attachments(GString *out, Node *node, bool *first)
{
	if (node->attachment) {
		size_t size;
		node_content(node, &size);
		g_autofree char *name = shown_name(node);
		g_string_append(out, *first ? "\n    {\"name\": " : ",\n    {\"name\": ");
		append_string(out, name);
		g_string_append(out, ", \"type\": ");
		append_string(out, node->type);
		g_string_append_printf(out, ", \"size\": %zu}", size);
		*first = false;
	}
	for (guint i = 0; i < node->children->len && !(node->is_message && node->attachment); i++)	/* an enclosed message is one file */
		append_attachments(out, g_ptr_array_index(node->children, i), first);
}

static char *
date_utc(int64_t when)
{
	g_autoptr(GDateTime) date = when ? g_date_time_new_from_unix_utc(when) : NULL;
	return date ? g_date_time_format(date, "%Y-%m-%dT%H:%M:%SZ") : NULL;
}

char *
mail_show_json(const char *bytes, size_t size)
{
	g_autoptr(Mail) mail = mail_parse(bytes, size);
	g_autoptr(Document) document = document_render_mail(mail, NULL, RENDER_DEFAULT);
	const Envelope *envelope = document->envelope;
	g_autofree char *date = date_utc(envelope->date), *text = document_plain_text(document);
	GString *out = g_string_new("{");
	append_field(out, "message_id", envelope->message_id);
	append_field(out, "subject", envelope->subject);
	append_addresses(out, "from", envelope->from);
	append_addresses(out, "to", envelope->to);
	append_addresses(out, "cc", envelope->cc);
	append_field(out, "date_utc", date);
	append_field(out, "text", text);
	append_key(out, "attachments");
	g_string_append_c(out, '[');
	bool first = true;
	append_attachments(out, mail->root, &first);
	g_string_append(out, first ? "]\n}\n" : "\n  ]\n}\n");
	return g_string_free(out, FALSE);
}
