/* src/mail/build.c: draft -> MIME (RFC 5322, 2045, 2183, 3676, 6532) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/encode.h"

#include <gio/gio.h>
#include <gmime/gmime.h>
#include <time.h>

enum { LINE_BYTES_MAX = 998, REFERENCES_KEPT = 20, ATTACHMENT_BYTES_MAX = 256 << 20, GUESS_BYTES = 4096 };

typedef struct Build {
	const Draft *draft;
	GPtrArray *from, *to, *cc, *bcc;
	bool raw;		/* an address needs UTF-8 on the wire */
} Build;

void
built_mail_free(BuiltMail *mail)
{
	if (!mail)
		return;
	if (mail->bytes)
		g_byte_array_unref(mail->bytes);
	if (mail->sent_copy)
		g_byte_array_unref(mail->sent_copy);
	g_free(mail->mail_from);
	if (mail->recipients)
		g_ptr_array_unref(mail->recipients);
	g_free(mail->message_id);
	g_free(mail);
}

/* ---- checks ---- */

/* A line end in a field would begin another field. */
static bool
check_field(const char *name, const char *value, GError **error)
{
	if (!value)
		return true;
	for (const char *p = value; *p; p++)
		if ((*p > 0 && *p < 0x20 && *p != '\t') || *p == 0x7F)
			return error_set(error, ERROR_INPUT, "%s has a line end or control character", name);
	if (!g_utf8_validate(value, -1, NULL))
		return error_set(error, ERROR_INPUT, "%s is not valid UTF-8", name);
	return true;
}

static bool
check_draft(const Draft *draft, const char *random_id, GError **error)
{
	const struct { const char *name, *value; } fields[] = { { "From", draft->from }, { "To", draft->to }, { "Cc", draft->cc }, { "Bcc", draft->bcc },
		{ "Subject", draft->subject }, { "In-Reply-To", draft->in_reply_to }, { "References", draft->references }, { "Message-ID", random_id } };
	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
		if (!check_field(fields[i].name, fields[i].value, error))
			return false;
	for (guint i = 0; i < draft->attachments->len; i++) {
		const DraftAttachment *attachment = g_ptr_array_index(draft->attachments, i);
		if (!check_field("The name of an attachment", attachment->name, error) || !check_field("The type of an attachment", attachment->type, error))
			return false;
	}
	return true;
}

static bool
parse_field(const char *name, const char *text, GPtrArray **ret_list, GError **error)
{
	g_autofree char *bad = NULL;
	*ret_list = address_list_parse(text ? text : "", &bad);
	if (bad)
		return error_set(error, ERROR_INPUT, "%s: '%s' is not an address", name, bad);
	return true;
}

static bool
is_ascii_local(const char *addr)
{
	const char *at = strrchr(addr, '@');
	for (const char *p = addr; p < at; p++)
		if (*p & 0x80)
			return false;
	return at;
}

static bool
parse_addresses(Build *build, GError **error)
{
	const Draft *draft = build->draft;
	if (!parse_field("From", draft->from, &build->from, error) || !parse_field("To", draft->to, &build->to, error) ||
	    !parse_field("Cc", draft->cc, &build->cc, error) || !parse_field("Bcc", draft->bcc, &build->bcc, error))
		return false;
	if (build->from->len != 1)
		return error_set(error, ERROR_INPUT, "From must be one address");
	if (build->to->len + build->cc->len + build->bcc->len == 0)
		return error_set(error, ERROR_INPUT, "the message has no recipient");
	const GPtrArray *lists[] = { build->from, build->to, build->cc, build->bcc };
	for (size_t k = 0; k < G_N_ELEMENTS(lists); k++)
		for (guint i = 0; i < lists[k]->len; i++)
			build->raw |= !is_ascii_local(((const MailAddress *)g_ptr_array_index(lists[k], i))->addr);
	return true;
}

/* ---- body ---- */

static bool
is_patch(const char *body)
{
	return g_str_has_prefix(body, "diff --git ") || strstr(body, "\ndiff --git ") || strstr(body, "\n@@ -");
}

typedef struct TextShape { size_t longest, high, size; bool from; } TextShape;

static TextShape
shape_of(const char *text)
{
	TextShape shape = { 0 };
	size_t line = 0;
	for (const char *p = text; *p; p++) {
		line = *p == '\n' ? 0 : line + 1;
		shape.longest = MAX(shape.longest, line);
		shape.high += (*p & 0x80) != 0;
		shape.from |= line == 1 && strncmp(p, "From ", 5) == 0;
		shape.size++;
	}
	return shape;
}

static GMimeDataWrapper *
wrapper_of(const void *data, size_t size)
{
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(data, size);
	GMimeDataWrapper *wrapper = g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);
	g_object_unref(stream);
	return wrapper;
}

static void
set_content(GMimePart *part, const void *data, size_t size)
{
	GMimeDataWrapper *wrapper = wrapper_of(data, size);
	g_mime_part_set_content(part, wrapper);
	g_object_unref(wrapper);
}

/* Everything that is not short ASCII lines is encoded: no server on the way then has a reason to change a byte, which would
 * break a DKIM signature (RFC 6376 5.3). */
static GMimeObject *
text_part(const char *body)
{
	bool fixed = is_patch(body);
	g_autofree char *valid = g_utf8_make_valid(body, -1);
	g_autofree char *text = fixed ? encode_fixed(valid) : encode_flowed(valid);
	TextShape shape = shape_of(text);
	GMimePart *part = g_mime_part_new_with_type("text", "plain");
	g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset", shape.high ? "utf-8" : "us-ascii");
	if (!fixed)
		g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "format", "flowed");
	bool plain = shape.high == 0 && shape.longest <= LINE_BYTES_MAX;
	g_mime_part_set_content_encoding(part, plain ? GMIME_CONTENT_ENCODING_7BIT
		: shape.high * 3 > shape.size ? GMIME_CONTENT_ENCODING_BASE64 : GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
	set_content(part, text, strlen(text));
	return GMIME_OBJECT(part);
}

/* The types people send, since the desktop's database may be missing; what is not here is guessed from it. */
static const struct { const char *suffix, *type; } known_types[] = {
	{ ".pdf", "application/pdf" }, { ".png", "image/png" }, { ".jpg", "image/jpeg" }, { ".jpeg", "image/jpeg" }, { ".gif", "image/gif" },
	{ ".webp", "image/webp" }, { ".svg", "image/svg+xml" }, { ".txt", "text/plain" }, { ".md", "text/markdown" }, { ".csv", "text/csv" },
	{ ".html", "text/html" }, { ".htm", "text/html" }, { ".ics", "text/calendar" }, { ".vcf", "text/vcard" }, { ".patch", "text/x-patch" },
	{ ".diff", "text/x-diff" }, { ".zip", "application/zip" }, { ".gz", "application/gzip" }, { ".xz", "application/x-xz" },
	{ ".tar", "application/x-tar" }, { ".7z", "application/x-7z-compressed" }, { ".json", "application/json" }, { ".xml", "application/xml" },
	{ ".doc", "application/msword" }, { ".xls", "application/vnd.ms-excel" }, { ".ppt", "application/vnd.ms-powerpoint" },
	{ ".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
	{ ".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
	{ ".pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation" },
	{ ".odt", "application/vnd.oasis.opendocument.text" }, { ".ods", "application/vnd.oasis.opendocument.spreadsheet" },
	{ ".mp3", "audio/mpeg" }, { ".ogg", "audio/ogg" }, { ".mp4", "video/mp4" }, { ".eml", "message/rfc822" }, { ".c", "text/x-c" }, { ".h", "text/x-c" },
};

static char *
guess_type(const char *name, const char *data, size_t size)
{
	g_autofree char *lower = g_ascii_strdown(name, -1);
	for (size_t i = 0; i < G_N_ELEMENTS(known_types); i++)
		if (g_str_has_suffix(lower, known_types[i].suffix))
			return g_strdup(known_types[i].type);
	g_autofree char *content = g_content_type_guess(name, (const guchar *)data, MIN(size, GUESS_BYTES), NULL);
	g_autofree char *mime = content ? g_content_type_get_mime_type(content) : NULL;
	return mime && strchr(mime, '/') ? g_steal_pointer(&mime) : g_strdup("application/octet-stream");
}

/* An attached message is sent as one where it needs no encoding, which is forbidden for it (RFC 2046 5.2.1). */
static GMimeObject *
message_part(const char *data, size_t size)
{
	size_t line = 0;
	for (size_t i = 0; i < size; i++) {
		line = data[i] == '\n' ? 0 : line + 1;
		if ((data[i] & 0x80) || data[i] == '\0' || line > LINE_BYTES_MAX)
			return NULL;
	}
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(data, size);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
	g_object_unref(parser);
	g_object_unref(stream);
	if (!message)
		return NULL;
	GMimeMessagePart *part = g_mime_message_part_new("rfc822");
	g_mime_message_part_set_message(part, message);
	g_object_unref(message);
	return GMIME_OBJECT(part);
}

static GMimeObject *
file_part(const char *type, const char *data, size_t size)
{
	if (strcmp(type, "message/rfc822") == 0) {
		GMimeObject *message = message_part(data, size);
		if (message)
			return message;
		type = "application/octet-stream";
	}
	g_auto(GStrv) halves = g_strsplit(type, "/", 2);
	GMimePart *part = g_mime_part_new_with_type(halves[0], halves[1]);
	if (strcmp(halves[0], "text") == 0 && g_utf8_validate_len(data, size, NULL))
		g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset", "utf-8");
	g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_BASE64);
	set_content(part, data, size);
	return GMIME_OBJECT(part);
}

static bool
is_media_type(const char *type)
{
	const char *slash = type ? strchr(type, '/') : NULL;
	if (!slash || slash == type || !slash[1] || strchr(slash + 1, '/'))
		return false;
	for (const char *p = type; *p; p++)
		if (!g_ascii_isalnum(*p) && !strchr("/+-._", *p))
			return false;
	return g_ascii_strncasecmp(type, "multipart/", 10) != 0;
}

static GMimeObject *
attachment_part(const DraftAttachment *attachment, GError **error)
{
	g_autofree char *data = NULL;
	size_t size;
	if (!os_read_file(attachment->path, ATTACHMENT_BYTES_MAX, &data, &size, NULL)) {
		error_set(error, ERROR_NOT_FOUND, "the attachment %s cannot be read", attachment->path);
		return NULL;
	}
	g_autofree char *base = g_path_get_basename(attachment->name && *attachment->name ? attachment->name : attachment->path);
	g_autofree char *valid = g_utf8_make_valid(base, -1);
	g_autofree char *name = clean_line(valid, strlen(valid));
	g_autofree char *type = is_media_type(attachment->type) ? g_ascii_strdown(attachment->type, -1) : guess_type(name, data, size);
	GMimeObject *part = file_part(type, data, size);
	g_mime_object_set_disposition(part, "attachment");
	g_mime_object_set_content_disposition_parameter(part, "filename", name);
	if (GMIME_IS_PART(part))
		g_mime_object_set_content_type_parameter(part, "name", name);
	return part;
}

static GMimeObject *
body_object(const Draft *draft, const char *random_id, GError **error)
{
	GMimeObject *text = text_part(draft->body ? draft->body : "");
	if (draft->attachments->len == 0)
		return text;
	GMimeMultipart *mixed = g_mime_multipart_new_with_subtype("mixed");
	g_autofree char *seed = g_compute_checksum_for_string(G_CHECKSUM_SHA256, random_id, -1);
	g_autofree char *boundary = g_strdup_printf("=-surel-%.32s", seed);	/* "=-" cannot occur in encoded text */
	g_mime_multipart_set_boundary(mixed, boundary);
	g_mime_multipart_add(mixed, text);
	g_object_unref(text);
	for (guint i = 0; i < draft->attachments->len; i++) {
		GMimeObject *part = attachment_part(g_ptr_array_index(draft->attachments, i), error);
		if (!part) {
			g_object_unref(mixed);
			return NULL;
		}
		g_mime_multipart_add(mixed, part);
		g_object_unref(part);
	}
	return GMIME_OBJECT(mixed);
}

static GByteArray *
object_bytes(GMimeObject *object)
{
	GByteArray *bytes = g_byte_array_new();
	GMimeStream *stream = g_mime_stream_mem_new();
	g_mime_stream_mem_set_byte_array(GMIME_STREAM_MEM(stream), bytes);
	g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
	GMimeFormatOptions *options = g_mime_format_options_new();
	g_mime_format_options_set_newline_format(options, GMIME_NEWLINE_FORMAT_DOS);
	g_mime_object_write_to_stream(object, options, stream);
	g_mime_format_options_free(options);
	g_object_unref(stream);
	return bytes;
}

/* ---- header ---- */

static void
append_date(GString *out, int64_t now)
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t when = (time_t)now;
	struct tm tm;
	if (!localtime_r(&when, &tm))
		gmtime_r(&when, &tm);
	long minutes = tm.tm_gmtoff / 60, absolute = minutes < 0 ? -minutes : minutes;
	g_string_append_printf(out, "Date: %s, %02d %s %d %02d:%02d:%02d %c%02ld%02ld\r\n", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
		tm.tm_hour, tm.tm_min, tm.tm_sec, minutes < 0 ? '-' : '+', absolute / 60, absolute % 60);
}

static GByteArray *
assemble(const Build *build, int64_t now, const char *message_id, bool with_bcc, const GByteArray *body)
{
	const Draft *draft = build->draft;
	g_autoptr(GString) out = g_string_new(NULL);
	append_date(out, now);
	encode_address_field(out, "From", build->from, build->raw);
	if (build->to->len > 0)
		encode_address_field(out, "To", build->to, build->raw);
	if (build->cc->len > 0)
		encode_address_field(out, "Cc", build->cc, build->raw);
	if (with_bcc && build->bcc->len > 0)
		encode_address_field(out, "Bcc", build->bcc, build->raw);
	encode_text_field(out, "Subject", draft->subject ? draft->subject : "");
	g_string_append_printf(out, "Message-ID: <%s>\r\n", message_id);
	if (draft->in_reply_to)
		encode_id_field(out, "In-Reply-To", draft->in_reply_to, 1);
	if (draft->references)
		encode_id_field(out, "References", draft->references, REFERENCES_KEPT);
	g_string_append(out, "MIME-Version: 1.0\r\n");
	GByteArray *bytes = g_byte_array_sized_new((guint)out->len + body->len + 2);
	g_byte_array_append(bytes, (const uint8_t *)out->str, (guint)out->len);
	g_byte_array_append(bytes, body->data, body->len);
	if (bytes->data[bytes->len - 1] != '\n')
		g_byte_array_append(bytes, (const uint8_t *)"\r\n", 2);
	return bytes;
}

/* For the envelope: with a domain in ASCII, unless the server must take UTF-8 anyway. */
static char *
envelope_address(const char *addr, bool raw)
{
	const char *at = strrchr(addr, '@');
	g_autofree char *domain = raw ? NULL : g_hostname_to_ascii(at + 1);
	return domain ? g_strdup_printf("%.*s@%s", (int)(at - addr), addr, domain) : g_strdup(addr);
}

static GPtrArray *
collect_recipients(const Build *build)
{
	GPtrArray *recipients = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	const GPtrArray *lists[] = { build->to, build->cc, build->bcc };
	for (size_t k = 0; k < G_N_ELEMENTS(lists); k++)
		for (guint i = 0; i < lists[k]->len; i++) {
			char *addr = envelope_address(((const MailAddress *)g_ptr_array_index(lists[k], i))->addr, build->raw);
			if (g_hash_table_add(seen, g_ascii_strdown(addr, -1)))
				g_ptr_array_add(recipients, addr);
			else
				g_free(addr);
		}
	return recipients;
}

static BuiltMail *
build_mail(Build *build, int64_t now, const char *random_id, GError **error)
{
	if (!check_draft(build->draft, random_id, error) || !parse_addresses(build, error))
		return NULL;
	GMimeObject *object = body_object(build->draft, random_id, error);
	if (!object)
		return NULL;
	g_autoptr(GByteArray) body = object_bytes(object);
	g_object_unref(object);
	BuiltMail *mail = g_new0(BuiltMail, 1);
	const char *sender = ((const MailAddress *)g_ptr_array_index(build->from, 0))->addr;
	mail->mail_from = envelope_address(sender, build->raw);
	g_autofree char *ascii = g_hostname_to_ascii(strrchr(sender, '@') + 1);
	mail->message_id = g_strdup_printf("%s@%s", random_id, ascii ? ascii : "localhost");
	mail->recipients = collect_recipients(build);
	mail->needs_smtputf8 = mail->needs_8bit = build->raw;
	mail->bytes = assemble(build, now, mail->message_id, false, body);
	mail->sent_copy = assemble(build, now, mail->message_id, true, body);
	return mail;
}

BuiltMail *
mail_build(const Draft *draft, int64_t now, const char *random_id, GError **error)
{
	mime_init();
	Build build = { .draft = draft };
	BuiltMail *mail = build_mail(&build, now, random_id, error);
	GPtrArray *lists[] = { build.from, build.to, build.cc, build.bcc };
	for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
		if (lists[i])
			g_ptr_array_unref(lists[i]);
	return mail;
}
