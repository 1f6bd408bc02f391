/* src/engine/imap-raw.c: the lines of the dialogue that libetpan cannot do: greeting, continuations, tagged answers to them */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "src/engine/imap.h"
#include "surel/text.h"

enum { UNTAGGED_MAX = 10000 };	/* lines before a continuation or a tagged answer; more is a server gone mad */

const char *
imap_read_raw(Imap *imap, GError **error)
{
	MMAPString *buffer = imap->session->imap_stream_buffer;

	if (imap->broken) {
		error_set(error, ERROR_OFFLINE, "the connection has ended");
		return NULL;
	}
	if (!mailstream_read_line_remove_eol(imap->engine->net ? net_stream(imap->engine->net) : NULL, buffer)) {
		imap->broken = true;
		imap_fail(imap, MAILIMAP_ERROR_STREAM, "waiting for the server", error);
		return NULL;
	}
	/* A literal would put us inside it: none belongs here. */
	if (buffer->len > 1 && buffer->str[buffer->len - 1] == '}' && buffer->str[0] == '*') {
		imap_fail(imap, MAILIMAP_ERROR_PARSE, "the server's answer", error);
		return NULL;
	}
	return buffer->str;
}

/* "[CODE words] text" of a status line into reply. */
static void
take_status_text(ImapReply *reply, const char *text)
{
	const char *end = *text == '[' ? strchr(text, ']') : NULL;

	if (end) {
		size_t length = strcspn(text + 1, " ]");
		g_autofree char *code = g_strndup(text + 1, length);
		reply->code = g_ascii_strup(code, -1);
		text = end + 1;
	} else {
		reply->code = g_strdup("");
	}
	while (*text == ' ')
		text++;
	reply->text = text_clean(text, -1, false);
}

/* The tagged line of tag, parsed by hand. False: it is another line. */
static bool
take_tagged(const char *line, unsigned tag, ImapReply *reply, bool *ret_bad)
{
	char *end;
	guint64 number = g_ascii_strtoull(line, &end, 10);

	if (end == line || *end != ' ' || number != tag)
		return false;
	const char *word = end + 1;
	reply->ok = g_ascii_strncasecmp(word, "OK", 2) == 0;
	*ret_bad = !reply->ok && g_ascii_strncasecmp(word, "NO", 2) != 0;
	const char *text = strchr(word, ' ');
	take_status_text(reply, text ? text + 1 : "");
	return true;
}

bool
imap_read_continuation(Imap *imap, unsigned tag, char **ret_text, ImapReply *reply, GError **error)
{
	*reply = (ImapReply){0};
	for (unsigned i = 0; i < UNTAGGED_MAX; i++) {
		bool bad = false;
		const char *line = imap_read_raw(imap, error);
		if (!line)
			return false;
		if (line[0] == '+') {
			*ret_text = g_strdup(line[1] == ' ' ? line + 2 : line + 1);
			return true;
		}
		if (take_tagged(line, tag, reply, &bad)) {
			if (!bad)
				return false;
			imap->broken = true;
			return error_set(error, ERROR_PROTOCOL, "the server did not accept the command: %s", reply->text);
		}
		if (g_ascii_strncasecmp(line, "* BYE", 5) == 0) {
			imap->broken = true;
			return net_fail(imap->engine->net, ERROR_OFFLINE, error, "the server said goodbye");
		}
		if (*line && line[0] != '*')
			return imap_fail(imap, MAILIMAP_ERROR_PARSE, "the server's answer", error);
		/* EXISTS and the like in between: the next pass will see. */
		if (*line && g_ascii_strncasecmp(line, "* OK", 4) != 0)
			imap->changed = true;
	}
	return imap_fail(imap, MAILIMAP_ERROR_PARSE, "the server's answer", error);
}

bool
imap_read_greeting(Imap *imap, bool *ret_preauth, GError **error)
{
	const char *line = imap_read_raw(imap, error);

	if (!line)
		return false;
	*ret_preauth = g_ascii_strncasecmp(line, "* PREAUTH", 9) == 0;
	if (*ret_preauth || g_ascii_strncasecmp(line, "* OK", 4) == 0)
		return true;
	imap->broken = true;
	if (g_ascii_strncasecmp(line, "* BYE", 5) == 0) {
		g_autofree char *clean = text_clean(line + 5, -1, false);
		return error_set(error, ERROR_BUSY, "the server turned us away:%s", clean);
	}
	return net_fail(imap->engine->net, ERROR_PROTOCOL, error, "this is not an IMAP server");
}
