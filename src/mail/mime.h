/* src/mail/mime.h: a parsed message as a tree of our own, so that only parse.c knows the MIME parser */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "src/mail/mail-private.h"

typedef struct Node Node;
struct Mail;
struct Node {
	char *id;		/* IMAP part number; "" is the message itself */
	char *type;		/* "text/plain", lower case, never NULL */
	char *name;		/* file name as sent, decoded; NULL */
	char *disposition;	/* "attachment", "inline", "" */
	char *content_id;	/* without <>; NULL */
	char *description;	/* NULL */
	char *content_type;	/* raw field body, for parameters; NULL */
	char *headers;		/* of an enclosed message (type message/rfc822), else NULL */
	unsigned depth;
	bool is_multipart, is_message;
	Node *parent;
	GPtrArray *children;	/* of Node *; never NULL */
	void *object;		/* the parser's, owned by the tree */
	char *data;		/* content where it is made here (uuencoded, TNEF), else NULL */
	size_t data_size;
	bool decoded;		/* data is valid */
	bool shown, attachment;
	const struct Mail *mail;	/* where it is from; NULL where it was made here */
	const char *raw;	/* its bytes in the mail, header included, once they were looked for; NULL */
	size_t raw_size;
	bool raw_tried, raw_children, encoded_message;
};

typedef struct Mail {
	const char *bytes;	/* from the first header on; borrowed */
	size_t size;
	size_t header_size;
	Node *root;
	unsigned parts;
	bool too_deep, too_many;
	GPtrArray *objects;	/* keeps parsers' trees alive */
	const char *source;	/* as it came, without the mbox line */
	size_t source_size;
	char *owned;		/* bytes, where the header had to be repaired */
} Mail;

/* Never NULL: what cannot be parsed is one text/plain part. bytes must outlive the result. */
Mail *mail_parse(const char *bytes, size_t size);
void mail_free(Mail *mail);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mail, mail_free)
/* Decoded content, owned by the node. Never NULL. */
const char *node_content(Node *node, size_t *ret_size);
/* Content of an enclosed message as it was sent, inside the mail; NULL where it cannot be told. written: the same from the parser. */
const char *raw_message(Node *node, const char *written, size_t written_size, size_t *ret_size);
/* The delimiter that the body uses, where the header names none or another: the first "--" line that comes at least twice. NULL. */
char *raw_sniff_boundary(const char *body, size_t size);
/* Content of a text part as valid UTF-8 with LF line ends, at most RENDER_MAX_TEXT_BYTES of it. Caller frees. */
char *node_text(Node *node);
bool node_is(const Node *node, const char *type);	/* "text/plain"; "image/" by prefix */
Node *mail_find(Mail *mail, const char *id);
/* Adds a part that the MIME structure does not name (a uuencoded file): takes data. */
Node *node_add_made(Mail *mail, Node *parent, const char *id, const char *type, const char *name, char *data, size_t size);
/* Bytes of a message file that hold the first message: behind blank lines and the mbox line, up to the next one. */
void mail_bounds(const char **bytes, size_t *size);
