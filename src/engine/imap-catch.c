/* src/engine/imap-catch.c: a libetpan parser extension that is asked last and keeps unknown lines and FETCH items as text */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "src/engine/imap.h"

enum {
	CATCH_MAX_DEPTH = 64,
	CATCH_MAX_LITERAL_BYTES = 16 << 20,	/* skipped, not kept */
	CATCH_MAX_KEPT_BYTES = 4 << 20		/* an ESEARCH line of a million single UIDs is below it */
};

/* Reader over libetpan's response buffer, which holds the line and grows by a line after each literal. */
typedef struct Scan { mailstream *stream; MMAPString *buffer; size_t at; unsigned depth; } Scan;

static bool
scan_quoted(Scan *scan)
{
	for (scan->at++; scan->at < scan->buffer->len; scan->at++) {
		char c = scan->buffer->str[scan->at];
		if (c == '\\')
			scan->at++;
		else if (c == '"')
			return scan->at++, true;
		else if (c == '\r' || c == '\n')
			return false;
	}
	return false;
}

/* Length of a literal announced at the end of the line at scan->at; false when these are not a literal's brackets. */
static bool
scan_literal_size(const Scan *scan, size_t *ret_after, size_t *ret_size)
{
	const char *text = scan->buffer->str + scan->at;
	const char *end = scan->buffer->str + scan->buffer->len;
	char *after;

	if (text + 2 >= end || !g_ascii_isdigit(text[1]))
		return false;
	guint64 size = g_ascii_strtoull(text + 1, &after, 10);
	if (after + 2 >= end || after[0] != '}' || after[1] != '\r' || after[2] != '\n' || size > CATCH_MAX_LITERAL_BYTES)
		return false;
	*ret_after = (size_t)(after + 3 - scan->buffer->str);
	*ret_size = (size_t)size;
	return true;
}

static bool
scan_literal(Scan *scan)
{
	size_t after, size;
	char sink[4096];

	if (!scan_literal_size(scan, &after, &size))
		return false;
	size_t here = MIN(scan->buffer->len - after, size);
	for (size_t left = size - here; left > 0;) {
		ssize_t n = mailstream_read(scan->stream, sink, MIN(left, sizeof sink));
		if (n <= 0)
			return false;
		left -= (size_t)n;
	}
	scan->at = after + here;
	/* A row that the parser gave up on half-way has its literal cut out already ("{0}") and its rest in the buffer. */
	return scan->at < scan->buffer->len || mailstream_read_line_append(scan->stream, scan->buffer) != NULL;
}

/* Goes over one token or bracket; false at a syntax no one could follow. */
static bool
scan_step(Scan *scan)
{
	char c = scan->buffer->str[scan->at];

	if (c == '"')
		return scan_quoted(scan);
	if (c == '{') {
		size_t after, size;
		if (scan_literal_size(scan, &after, &size))
			return scan_literal(scan);
	}
	if (c == '(' && ++scan->depth > CATCH_MAX_DEPTH)
		return false;
	if (c == ')' && scan->depth > 0)
		scan->depth--;
	scan->at++;
	return true;
}

static bool
at_line_end(const Scan *scan)
{
	char c = scan->buffer->str[scan->at];
	return c == '\n' || (c == '\r' && scan->at + 1 < scan->buffer->len && scan->buffer->str[scan->at + 1] == '\n');
}

/* The rest of the line; stops before its CRLF, which the caller's parser takes with unstrict rules. */
static bool
catch_line(Scan *scan)
{
	while (scan->at < scan->buffer->len) {
		if (at_line_end(scan)) {
			scan->at += scan->buffer->str[scan->at] == '\r' ? 2 : 1;
			return true;
		}
		if (!scan_step(scan))
			return false;
	}
	return false;
}

/* "NAME value" inside a FETCH row: ends before the blank or the bracket that follows the value. */
static bool
catch_item(Scan *scan)
{
	unsigned words = 0;
	size_t start = scan->at;

	while (scan->at < scan->buffer->len && !at_line_end(scan)) {
		char c = scan->buffer->str[scan->at];
		if (scan->depth == 0 && c == ')')
			return words == 1 && scan->at > start;
		if (scan->depth == 0 && c == ' ' && ++words == 2)
			return true;
		if (!scan_step(scan))
			return false;
	}
	return false;
}

static int
catch_parse(int calling_parser, mailstream *stream, MMAPString *buffer, struct mailimap_parser_context *context, size_t *index,
	    struct mailimap_extension_data **result, size_t rate, progress_function *progress);

static void
catch_free(struct mailimap_extension_data *data)
{
	free(data->ext_data);
	free(data);
}

static const struct mailimap_extension_api catch_all = {
	.ext_name = (char *)"CATCH-ALL", .ext_id = -1, .ext_parser = catch_parse, .ext_free = catch_free,
};

static int
catch_parse(int calling_parser, mailstream *stream, MMAPString *buffer, struct mailimap_parser_context *context, size_t *index,
	    struct mailimap_extension_data **result, size_t rate, progress_function *progress)
{
	Scan scan = {stream, buffer, *index, 0};
	size_t start = *index;
	bool line = calling_parser == MAILIMAP_EXTENDED_PARSER_RESPONSE_DATA;

	(void)context, (void)rate, (void)progress;
	if (!line && calling_parser != MAILIMAP_EXTENDED_PARSER_FETCH_DATA)
		return MAILIMAP_ERROR_PARSE;
	if (start >= buffer->len || !(line ? catch_line(&scan) : catch_item(&scan)))
		return MAILIMAP_ERROR_PARSE;
	/* response-data takes its own CRLF after us */
	size_t end = scan.at;
	if (line)
		end -= end >= 2 && buffer->str[end - 2] == '\r' ? 2 : 1;
	size_t kept = MIN(end - start, CATCH_MAX_KEPT_BYTES);
	char *text = malloc(kept + 1);
	struct mailimap_extension_data *data = text ? mailimap_extension_data_new((struct mailimap_extension_api *)&catch_all, 0, text) : NULL;
	if (!data) {
		free(text);
		return MAILIMAP_ERROR_MEMORY;
	}
	memcpy(text, buffer->str + start, kept);
	text[kept] = '\0';
	*result = data;
	*index = end;
	return MAILIMAP_NO_ERROR;
}

void
imap_catch_register(void)
{
	/* libetpan keeps a list for the life of the process and never writes through it; twice is harmless. */
	mailimap_extension_register((struct mailimap_extension_api *)&catch_all);
}

const char *
imap_caught(const struct mailimap_extension_data *data)
{
	return data && data->ext_extension == &catch_all ? data->ext_data : NULL;
}
