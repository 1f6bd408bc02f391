/* surel/mail.h: bytes of a message -> envelope, parts, document; draft -> MIME. No network, no files but those named. */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/base.h"

/* ---- envelope: what lists show; from a fast header scanner (src/mail/envelope.c), RFC 5322, 2047 as found in the wild ---- */

typedef struct MailAddress { char *name, *addr; } MailAddress;	/* both clean UTF-8; name may be "" */

typedef struct Envelope {
	char *message_id;	/* without <>; NULL when absent */
	char *in_reply_to;	/* first id, without <>; NULL */
	char **references;	/* ids without <>, oldest first, in-reply-to appended; NULL-terminated, never NULL */
	char *subject;		/* decoded, clean; "" when absent */
	GPtrArray *from, *reply_to, *to, *cc, *bcc;	/* of MailAddress *; never NULL */
	int64_t date;		/* Date: as seconds since 1970 UTC; 0 when absent or unreadable */
	char *list_id, *list_post;	/* NULL when absent */
	bool has_attachment;	/* a guess from Content-Type: multipart/mixed */
} Envelope;
/* Never NULL: missing or broken fields are empty. headers need not be complete; scanning stops at the first empty line. */
Envelope *envelope_scan(const char *headers, size_t size);
void envelope_free(Envelope *envelope);
/* "Siti Rahma" or, without a name, the address; of the first; "" when none. Borrowed. */
const char *envelope_from_name(const Envelope *envelope);
/* Parses "Name <a@b>, c@d" as a person types it or a header has it. Never NULL; what is not an address is left out and,
 * where ret_bad is given, its first text is stored there (caller frees). */
GPtrArray *address_list_parse(const char *text, char **ret_bad);
/* The reverse, RFC 5322 quoting, UTF-8 (not 2047-encoded). Caller frees. */
char *address_list_format(const GPtrArray *list);
char *address_format(const MailAddress *address);
MailAddress *address_new(const char *name, const char *addr);
void address_free(MailAddress *address);

/* ---- document: what the reader draws; independent of the width of the screen ---- */

typedef enum SpanStyle {	/* bits */
	SPAN_PLAIN = 0, SPAN_BOLD = 1, SPAN_ITALIC = 2, SPAN_UNDERLINE = 4, SPAN_CODE = 8, SPAN_LINK = 16, SPAN_DIM = 32,
	SPAN_ADDED = 64, SPAN_REMOVED = 128, SPAN_HUNK = 256, SPAN_WARNING = 512
} SpanStyle;
typedef struct Span { uint32_t start, size; uint16_t style; uint16_t link; } Span;	/* bytes of Line.text; link: 1 + index in Document.links, 0 none */
typedef enum LineKind { LINE_TEXT, LINE_HEADING, LINE_QUOTE, LINE_SIGNATURE, LINE_PRE, LINE_RULE, LINE_TABLE, LINE_PART, LINE_NOTE } LineKind;
/* One logical line, clean UTF-8 without LF; the reader wraps it at words to the width (LINE_PRE and LINE_TABLE are not wrapped
 * at words but clipped or broken). indent: columns before it; hang: more columns before its continuation lines. */
typedef struct Line { LineKind kind; uint8_t quote; uint8_t indent, hang; char *text; GArray *spans; /* of Span, or NULL */ } Line;
typedef struct Link { char *url; char *text; bool lies; } Link;	/* lies: the text names another host than the target */

typedef struct Part {
	char *id;		/* "1.2", IMAP style (RFC 3501 6.4.5); "" is the whole message */
	char *type;		/* "text/plain", lower case */
	char *name;		/* file name, safe (os_safe_name); a made one where there is none */
	char *description;
	int64_t size;		/* decoded bytes */
	unsigned depth;
	bool attachment;	/* offered as attachment; false for what the text shows and for multiparts */
	bool shown;		/* the part whose text the document shows */
} Part;

typedef struct Document {
	Envelope *envelope;
	GPtrArray *lines;	/* of Line * */
	GPtrArray *links;	/* of Link * */
	GHashTable *link_numbers;	/* URL -> 1 + index in links, while the document is made; else NULL */
	GPtrArray *parts;	/* of Part *, depth first */
	bool has_html, has_plain, is_html;	/* is_html: shown from HTML */
	char *note;		/* what could not be shown and why; NULL */
} Document;

typedef enum RenderFlags { RENDER_DEFAULT = 0, RENDER_PREFER_HTML = 1, RENDER_ALL_HEADERS = 2, RENDER_SOURCE = 4 } RenderFlags;
/* Limits against hostile input; what is beyond them is left out and said in note. */
enum { RENDER_MAX_DEPTH = 32, RENDER_MAX_PARTS = 2000, RENDER_MAX_TEXT_BYTES = 4 << 20, RENDER_MAX_LINES = 200000 };
/* Renders a whole message (any bytes: a message file that does not begin with a header, mbox From_ lines, NULs). part_id NULL or
 * "": the text a person wants to read (text/plain, or HTML where that is all there is or preferred); else that part. Never NULL. */
Document *document_render(const char *bytes, size_t size, const char *part_id, RenderFlags flags);
void document_free(Document *document);
/* The document as plain text, one line per Line with "> " for quotes; links as "[1]" with a list at the end. Caller frees. */
char *document_text(const Document *document);
/* Wire form for the render role: a byte string of bounded size; decoding checks every length and returns NULL with
 * ERROR_PROTOCOL on anything odd. */
GByteArray *document_encode(const Document *document);
Document *document_decode(const uint8_t *bytes, size_t size, GError **error);
/* Loads what reading mail loads on demand (charset converters), for a process that is about to lock itself in. */
void mail_warm_up(void);
/* Decoded content of one part. Caller frees *ret_data. ERROR_NOT_FOUND without such a part. */
bool part_extract(const char *bytes, size_t size, const char *part_id, char **ret_data, size_t *ret_size, GError **error);
/* `surel show --json` (schema in doc/surel.1): caller frees. */
char *mail_show_json(const char *bytes, size_t size);

/* ---- drafts and composing (src/mail/draft.c, build.c) ---- */

typedef struct DraftAttachment { char *path; char *name; char *type; } DraftAttachment;	/* name, type: NULL = from the path */
/* A message being written. Saved by draft_to_text as "Header: value" lines (To, Cc, Bcc, Subject, From, In-Reply-To, References,
 * X-Surel-Account, X-Surel-Attach, X-Surel-Source ...), an empty line and the body: a file a person can read and edit. */
typedef struct Draft {
	char *account;		/* account that sends it */
	char *from;		/* "Name <address>" */
	char *to, *cc, *bcc, *subject;	/* as typed; never NULL */
	char *in_reply_to, *references;	/* with <>; NULL */
	char *body;		/* UTF-8, LF */
	GPtrArray *attachments;	/* of DraftAttachment * */
	char *source;		/* what it answers, "ACCOUNT/msgid-hash-or-id" for marking as answered or forwarded; NULL */
	bool is_forward;
} Draft;
Draft *draft_new(void);
void draft_free(Draft *draft);
char *draft_to_text(const Draft *draft);	/* caller frees */
Draft *draft_from_text(const char *text);	/* never NULL; unknown headers are dropped */

typedef enum ReplyKind { REPLY_SENDER, REPLY_ALL, REPLY_LIST, REPLY_FORWARD } ReplyKind;
/* An answer to a message: recipients by Reply-To, Mail-Followup-To, List-Post; own addresses (own: NULL-terminated, "*" allowed)
 * removed; subject with one "Re: " or "Fwd: "; quoted text (rendered where HTML), signature trimmed. intro: see quote_intro.
 * signature: text or NULL. ret's account and from stay NULL. REPLY_FORWARD quotes inline and keeps attachments by X-Surel-Source. */
Draft *draft_reply(const char *bytes, size_t size, ReplyKind kind, char *const *own, const char *intro, const char *signature);
/* What another program left in a Drafts folder, taken over as a draft of ours; its attachments stay behind. */
Draft *draft_of_message(const char *bytes, size_t size);
/* mailto: URL (RFC 6068): only to, cc, bcc, subject, body are taken. ERROR_INPUT. */
Draft *draft_from_mailto(const char *url, GError **error);

typedef struct BuiltMail {
	GByteArray *bytes;	/* CRLF lines, no Bcc field, ready for DATA before dot-stuffing */
	GByteArray *sent_copy;	/* the same with Bcc where there was one */
	char *mail_from;	/* envelope */
	GPtrArray *recipients;	/* of char *, unique, To + Cc + Bcc */
	char *message_id;	/* without <> */
	bool needs_smtputf8, needs_8bit;
} BuiltMail;
/* draft -> MIME through GMime. now and random_id come in so that tests can set them. CR, LF and NUL in any field are refused
 * (ERROR_INPUT); an attachment that cannot be read is ERROR_NOT_FOUND with its path; no recipient is ERROR_INPUT. */
BuiltMail *mail_build(const Draft *draft, int64_t now, const char *random_id, GError **error);
void built_mail_free(BuiltMail *mail);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Envelope, envelope_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Document, document_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Draft, draft_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BuiltMail, built_mail_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MailAddress, address_free)
