/* tests/unit/test-document.c: which text is shown, quotes, flowed text, patches, parts, the wire form */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "surel/mail.h"

static Document *
render(const char *text)
{
	return document_render(text, strlen(text), NULL, RENDER_DEFAULT);
}

static void
check_text(const char *mail, const char *expected)
{
	g_autoptr(Document) document = render(mail);
	g_autofree char *text = document_text(document);
	g_assert_cmpstr(text, ==, expected);
}

static const Part *
part_of(const Document *document, const char *id, const char *type)
{
	for (guint i = 0; i < document->parts->len; i++) {
		const Part *part = document->parts->pdata[i];
		if (strcmp(part->id, id) == 0 && strcmp(part->type, type) == 0)
			return part;
	}
	g_error("no part %s %s", id, type);
}

#define ALTERNATIVE "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\n%s\n--b\nContent-Type: text/html\n\n" \
	"<p>The <b>same</b> in HTML, and longer than the plain one by far, as such a text is.</p>\n--b--\n"

static void
test_plain_is_preferred_unless_it_says_nothing(void)
{
	g_autofree char *both = g_strdup_printf(ALTERNATIVE, "the plain text");
	check_text(both, "the plain text\n");
	g_autoptr(Document) html = document_render(both, strlen(both), NULL, RENDER_PREFER_HTML);
	g_assert_true(html->is_html && html->has_html && html->has_plain);
	g_autofree char *empty = g_strdup_printf(ALTERNATIVE, "  ");
	g_autoptr(Document) shown = render(empty);
	g_assert_true(shown->is_html);
}

static void
test_files_that_do_not_begin_with_a_header_are_read(void)
{
	check_text("\n\n Subject: x\nFrom: a@b\n\nbody\n", "body\n");
	check_text("From a@b Sat Feb  7 06:00:00 2026\nSubject: x\n\nbody\n", "body\n");
	check_text("no header here at all\nand more\n", "no header here at all\nand more\n");
	check_text("Subject: x\n \nbody after a blank of blanks\n", "body after a blank of blanks\n");
	check_text("Subject: x\nTo: y@z\nbody without an empty line\nsecond\n", "body without an empty line\nsecond\n");
	check_text("", "");
	g_autoptr(Document) nul = document_render("Subject: a\0b\n\nx\0y\n", 18, NULL, RENDER_DEFAULT);
	g_autofree char *text = document_text(nul);
	g_assert_true(g_str_has_prefix(text, "x"));
}

static void
test_one_message_of_an_mbox_is_shown(void)
{
	check_text("From a@b Sat Feb  7 06:00:00 2026\nSubject: 1\n\none\n\nFrom the prose\n\nFrom c@d Sat Feb  7 06:00:01 2026\nSubject: 2\n\ntwo\n",
		"one\n\nFrom the prose\n");
}

static void
test_quotes_and_signature_have_their_kind(void)
{
	g_autoptr(Document) document = render("Subject: x\n\n> > deep\n> one\n>From here\ntext\n-- \nBudi\n");
	const Line *deep = document->lines->pdata[0], *one = document->lines->pdata[1], *from = document->lines->pdata[2];
	g_assert_cmpint(deep->kind, ==, LINE_QUOTE);
	g_assert_cmpuint(deep->quote, ==, 2);
	g_assert_cmpstr(deep->text, ==, "deep");
	g_assert_cmpuint(one->quote, ==, 1);
	g_assert_cmpuint(from->quote, ==, 0);
	g_assert_cmpint(((Line *)document->lines->pdata[4])->kind, ==, LINE_SIGNATURE);
	g_assert_cmpint(((Line *)document->lines->pdata[5])->kind, ==, LINE_SIGNATURE);
}

static void
test_a_transcript_quotes_nobody(void)
{
	check_text("Subject: x\n\n... while talking to mx.example.:\n>>> DATA\n<<< 550 no such user\n>>> HALO\ntext\n",
		"... while talking to mx.example.:\n>>> DATA\n<<< 550 no such user\n> > > HALO\ntext\n");
}

static void
test_a_drawn_rule_is_not_wrapped(void)
{
	static const char drawn[] = "________________________________________________________________________________";
	g_autofree char *mail = g_strconcat("Subject: x\n\n", drawn, "\n", drawn, "x\n> ", drawn, "\n", NULL);
	g_autoptr(Document) document = render(mail);
	const Line *rule = document->lines->pdata[0], *word = document->lines->pdata[1], *quoted = document->lines->pdata[2];
	g_assert_cmpstr(rule->text, ==, drawn);
	g_assert_cmpint(rule->kind, ==, LINE_TABLE);	/* cut at the edge of a narrow screen */
	g_assert_cmpint(word->kind, ==, LINE_TEXT);
	g_assert_cmpint(quoted->kind, ==, LINE_QUOTE);
}

static void
test_html_without_text_gives_way_to_plain(void)
{
	check_text("Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\nBest viewed as HTML.\n"
		"--b\nContent-Type: text/html\n\n<table width=598 background='https://a.example/b.png'><tr><td style='padding: 10px 20px 30px 40px; color: red'>"
		"</td></tr></table>\n--b--\n", "Best viewed as HTML.\n");
}

static void
test_flowed_paragraphs_are_joined(void)
{
	check_text("Content-Type: text/plain; format=flowed\n\n> a quote that \n> flows\nand text \nflows\n stuffed\n-- \nsig\n",
		"> a quote that flows\nand text flows\nstuffed\n--\nsig\n");
	check_text("Content-Type: text/plain; format=flowed; delsp=yes\n\nabc \ndef\n", "abcdef\n");
}

static void
test_patches_are_coloured(void)
{
	g_autoptr(Document) document = render("Subject: x\n\nText\n---\n a.c | 2 +-\n\ndiff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -1,2 +1,2 @@\n same\n-old\n+new\n-- \n2.39\n");
	unsigned styles = 0, pre = 0;
	for (guint i = 0; i < document->lines->len; i++) {
		const Line *line = document->lines->pdata[i];
		pre += line->kind == LINE_PRE;
		if (line->spans)
			styles |= g_array_index(line->spans, Span, 0).style;
	}
	g_assert_cmpuint(pre, ==, 7);
	g_assert_cmpuint(styles & (SPAN_ADDED | SPAN_REMOVED | SPAN_HUNK), ==, SPAN_ADDED | SPAN_REMOVED | SPAN_HUNK);
	g_assert_cmpint(((Line *)document->lines->pdata[document->lines->len - 1])->kind, ==, LINE_SIGNATURE);
}

static void
test_urls_become_links(void)
{
	g_autoptr(Document) document = render("Subject: x\n\nsee https://a.example/x(1)?q=1. and www.b.example, or <http://c.example>\n");
	g_assert_cmpuint(document->links->len, ==, 3);
	g_assert_cmpstr(((Link *)document->links->pdata[0])->url, ==, "https://a.example/x(1)?q=1");
	g_assert_cmpstr(((Link *)document->links->pdata[1])->url, ==, "http://www.b.example");
	g_assert_cmpstr(((Link *)document->links->pdata[2])->url, ==, "http://c.example");
}

static const char nested[] = "Subject: outer\nContent-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: text/plain\n\nouter text\n"
	"--o\nContent-Type: application/pdf; name=\"=?utf-8?Q?la=C3=A9.pdf?=\"\nContent-Transfer-Encoding: base64\n\naGFsbG8=\n"
	"--o\nContent-Type: image/png\nContent-Disposition: attachment; filename*0*=utf-8''a%20b; filename*1=c.png\n\nxyz\n"
	"--o\nContent-Type: message/rfc822\n\nFrom: Ayu <ayu@x.example>\nSubject: inner\nContent-Type: multipart/mixed; boundary=i\n\n"
	"--i\nContent-Type: text/plain\n\ninner text\n--i\nContent-Type: text/plain; name=../../etc/passwd\nContent-Disposition: attachment\n\nfile\n--i--\n--o--\n";

static void
test_parts_have_imap_numbers_names_and_sizes(void)
{
	g_autoptr(Document) document = render(nested);
	const Part *pdf = part_of(document, "2", "application/pdf"), *png = part_of(document, "3", "image/png");
	g_assert_cmpstr(pdf->name, ==, "la\xC3\xA9.pdf");
	g_assert_cmpint(pdf->size, ==, 5);
	g_assert_true(pdf->attachment);
	g_assert_cmpstr(png->name, ==, "a bc.png");
	g_assert_true(part_of(document, "1", "text/plain")->shown);
	g_assert_false(part_of(document, "1", "text/plain")->attachment);
	g_assert_true(part_of(document, "4", "message/rfc822")->attachment);
	g_assert_true(part_of(document, "4.1", "text/plain")->shown);
	g_assert_cmpstr(part_of(document, "4.2", "text/plain")->name, ==, "passwd");
	g_autofree char *text = document_text(document);
	g_assert_nonnull(strstr(text, "outer text"));
	g_assert_nonnull(strstr(text, "Subject: inner"));
	g_assert_nonnull(strstr(text, "inner text"));
	g_assert_null(strstr(text, "file"));
}

static void
test_extract_gives_decoded_bytes(void)
{
	g_autofree char *data = NULL, *whole = NULL;
	size_t size;
	g_autoptr(GError) error = NULL;
	g_assert_true(part_extract(nested, strlen(nested), "2", &data, &size, &error));
	g_assert_cmpmem(data, (int)size, "hallo", 5);
	g_assert_true(part_extract(nested, strlen(nested), "", &whole, &size, &error));
	g_assert_cmpmem(whole, (int)size, nested, (int)strlen(nested));
	char *none = NULL;
	g_assert_false(part_extract(nested, strlen(nested), "9.9", &none, &size, &error));
	g_assert_error(error, SUREL_ERROR, ERROR_NOT_FOUND);
	g_assert_null(none);
}

static void
test_uuencoded_files_are_parts(void)
{
	static const char mail[] = "Subject: x\n\nbefore\nbegin 644 a.txt\n%:&%L;&\\\n`\nend\nafter\n";
	g_autoptr(Document) document = render(mail);
	g_assert_cmpuint(document->parts->len, ==, 2);
	const Part *part = document->parts->pdata[1];
	g_assert_cmpstr(part->name, ==, "a.txt");
	g_assert_true(part->attachment);
	g_autofree char *data = NULL;
	size_t size;
	g_assert_true(part_extract(mail, strlen(mail), part->id, &data, &size, NULL));
	g_assert_cmpmem(data, (int)size, "hallo", 5);
	check_text(mail, "before\nafter\n");
	check_text("Subject: x\n\nbegin 644 words and no end\n", "begin 644 words and no end\n");
}

static void
test_charsets_are_told_from_the_bytes_where_the_label_is_wrong(void)
{
	check_text("Content-Type: text/plain; charset=iso-8859-1\n\ncaf\xC3\xA9\n", "caf\xC3\xA9\n");
	check_text("Content-Type: text/plain; charset=us-ascii\n\ncaf\xE9\n", "caf\xC3\xA9\n");
	check_text("Content-Type: text/plain; charset=nonsense\n\ncaf\xE9\n", "caf\xC3\xA9\n");
	check_text("Content-Type: text/plain; charset=utf-8\n\ncaf\xE9\n", "caf\xC3\xA9\n");
	check_text("Content-Type: text/plain; charset=gb2312\n\n\xC4\xE3\xBA\xC3\n", "\xE4\xBD\xA0\xE5\xA5\xBD\n");
	check_text("Subject: x\n\ncaf\xC3\xA9\n", "caf\xC3\xA9\n");
}

static void
test_lost_boundaries_are_found(void)
{
	static const char body[] = "\n--=_wrap_1\nContent-Type: text/plain\n\nisi\n--=_wrap_1\nContent-Type: image/png; name=a.png\n\nx\n--=_wrap_1--\n";
	static const char *const heads[] = { "Content-Type: multipart/mixed\n", "Content-Type: multipart/mixed; boundary=other\n",
		"Content-Type: multipart/mixed; boundary=\"=_wrap_1\"\nContent-Type: text/plain\n" };
	for (size_t i = 0; i < G_N_ELEMENTS(heads); i++) {
		g_autofree char *mail = g_strconcat(heads[i], body, NULL);
		g_autoptr(Document) document = render(mail);
		g_autofree char *text = document_text(document);
		g_assert_cmpstr(text, ==, "isi\n");
		g_assert_true(part_of(document, "2", "image/png")->attachment);
	}
}

/* Many lines that look like delimiters, none of which is one. */
static void
test_search_for_a_boundary_ends_soon(void)
{
	GString *mail = g_string_new("Content-Type: multipart/mixed\n\n");
	for (int n = 0; n < 200000; n++)
		g_string_append_printf(mail, "--bound%08d\n", n);
	int64_t start = g_get_monotonic_time();
	g_autoptr(Document) document = document_render(mail->str, mail->len, NULL, RENDER_DEFAULT);
	g_assert_cmpint(g_get_monotonic_time() - start, <, 5 * G_USEC_PER_SEC);
	g_assert_cmpuint(document->lines->len, >, 0);
	g_string_free(mail, TRUE);
}

static void
test_type_ends_where_its_semicolon_is_lost(void)
{
	g_autoptr(Document) document = render("Content-Type: application/x-arsip\n name=\"a.arc\"\n\nisi\n");
	g_assert_cmpstr(((Part *)document->parts->pdata[0])->type, ==, "application/x-arsip");
	g_autoptr(Document) spaced = render("Content-Type: TEXT / html ; charset=utf-8\n\n<b>isi</b>\n");
	g_assert_cmpstr(((Part *)spaced->parts->pdata[0])->type, ==, "text/html");
}

/* One file, with the bytes it was sent with: lines keep their CR, and the break before the delimiter is none of it. */
static void
test_enclosed_message_is_one_file_of_its_own_size(void)
{
#define INNER "Subject: dalam\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\nisi\r\n--in\r\nContent-Type: image/png; name=a.png\r\n\r\nx\r\n" \
	"--in--\r\n"
	static const char mail[] = "Content-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\n\r\nsurat\r\n--out\r\nContent-Type: message/rfc822\r\n"
		"Content-Disposition: attachment; filename=d.eml\r\n\r\n" INNER "\r\n--out--\r\n";
	g_autofree char *json = mail_show_json(mail, sizeof mail - 1);
	g_autofree char *entry = g_strdup_printf("{\"name\": \"d.eml\", \"type\": \"message/rfc822\", \"size\": %zu}", sizeof INNER - 1);
	g_assert_nonnull(strstr(json, entry));
	g_assert_null(strstr(json, "a.png"));
	g_autofree char *data = NULL;
	size_t size;
	g_assert_true(part_extract(mail, sizeof mail - 1, "2", &data, &size, NULL));
	g_assert_cmpuint(size, ==, sizeof INNER - 1);
	g_assert_true(memcmp(data, INNER, size) == 0);
	g_autoptr(Document) document = render(mail);
	g_assert_true(part_of(document, "2.2", "image/png")->attachment);	/* the reader still offers what is inside */
}

static void
test_multipart_without_parts_is_text_and_no_file(void)
{
	static const char mail[] = "Content-Type: multipart/alternative; boundary=\"--b1\"\n \n----b1\nContent-Type: text/plain\n \nisi surat\n \n----b1--\n";
	g_autoptr(Document) document = render(mail);
	g_autofree char *text = document_text(document);
	g_assert_nonnull(strstr(text, "isi surat"));
	for (guint i = 0; i < document->parts->len; i++)
		g_assert_false(((Part *)document->parts->pdata[i])->attachment);
}

static void
test_invitation_is_a_card(void)
{
	g_autoptr(Document) document = render("Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VTIMEZONE\nDTSTART:19700101T000000\n"
		"END:VTIMEZONE\nBEGIN:VEVENT\nSUMMARY:Rapat\\, besar\nDTSTART;TZID=Asia/Jakarta:20260205T133000\nDTEND;TZID=Asia/Jakarta:20260205T150000\n"
		"LOCATION:Ruang\n  Anggrek\nORGANIZER;CN=\"Siti: R\":mailto:siti@a.example\nBEGIN:VALARM\nSUMMARY:no\nEND:VALARM\nEND:VEVENT\nEND:VCALENDAR\n");
	g_autofree char *text = document_text(document);
	g_assert_nonnull(strstr(text, "Invitation: Rapat, besar\n"));
	g_assert_nonnull(strstr(text, "Thu, 5 Feb 2026 13:30 - 15:00 (Asia/Jakarta)"));
	g_assert_nonnull(strstr(text, "Ruang Anggrek"));
	g_assert_nonnull(strstr(text, "Siti: R <siti@a.example>"));
}

static void
test_wire_form_comes_back_equal(void)
{
	g_autoptr(Document) document = render(nested);
	g_autoptr(GByteArray) wire = document_encode(document);
	g_autoptr(GError) error = NULL;
	g_autoptr(Document) copy = document_decode(wire->data, wire->len, &error);
	g_assert_no_error(error);
	g_autoptr(GByteArray) again = document_encode(copy);
	g_assert_cmpmem(wire->data, (int)wire->len, again->data, (int)again->len);
}

static void
test_every_prefix_of_the_wire_form_is_rejected(void)
{
	g_autoptr(Document) document = render(nested);
	g_autoptr(GByteArray) wire = document_encode(document);
	for (guint n = 0; n < wire->len; n++) {
		g_autoptr(GError) error = NULL;
		g_autofree uint8_t *cut = g_memdup2(wire->data, n ? n : 1);
		g_assert_null(document_decode(cut, n, &error));
		g_assert_error(error, SUREL_ERROR, ERROR_PROTOCOL);
	}
	for (guint n = 0; n < wire->len; n++) {		/* damaged bytes: an answer or an error, nothing else */
		g_autofree uint8_t *copy = g_memdup2(wire->data, wire->len);
		copy[n] ^= 0xFF;
		g_autoptr(Document) damaged = document_decode(copy, wire->len, NULL);
		if (damaged)
			g_assert_nonnull(damaged->envelope);
	}
}

static void
test_deep_nesting_is_bounded(void)
{
	GString *mail = g_string_new("Subject: x\n");
	for (int i = 0; i < 3000; i++)
		g_string_append_printf(mail, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
	g_string_append(mail, "Content-Type: text/plain\n\ndeep\n");
	g_autoptr(Document) document = document_render(mail->str, mail->len, NULL, RENDER_DEFAULT);
	g_assert_cmpuint(document->parts->len, <=, RENDER_MAX_PARTS + 1);
	g_string_free(mail, TRUE);
}

static void
test_json_is_exact(void)
{
	g_autofree char *json = mail_show_json(nested, strlen(nested));
	g_assert_nonnull(strstr(json, "\"message_id\": null"));
	g_assert_nonnull(strstr(json, "\"subject\": \"outer\""));
	g_assert_nonnull(strstr(json, "\"date_utc\": null"));
	g_assert_nonnull(strstr(json, "{\"name\": \"la\xC3\xA9.pdf\", \"type\": \"application/pdf\", \"size\": 5}"));
	g_assert_null(strstr(json, "passwd"));		/* inside the enclosed message */
	static const char path[] = "Content-Type: application/zip; name=\"/etc/a.zip\"\n\nx";
	g_autofree char *base = mail_show_json(path, sizeof path - 1);
	g_assert_nonnull(strstr(base, "{\"name\": \"a.zip\", \"type\": \"application/zip\", \"size\": 1}"));
	static const char dated[] = "Date: Sat, 07 Feb 2026 06:00:00 +0700\nFrom: \"A \\\"B\\\"\" <a@b>\nMessage-ID: <x@y>\n\n\ttab\n";
	g_autofree char *second = mail_show_json(dated, strlen(dated));
	g_assert_nonnull(strstr(second, "\"date_utc\": \"2026-02-06T23:00:00Z\""));
	g_assert_nonnull(strstr(second, "\"from\": [{\"name\": \"A \\\"B\\\"\", \"addr\": \"a@b\"}]"));
	g_assert_nonnull(strstr(second, "\"message_id\": \"x@y\""));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mail/document/plain-is-preferred-unless-it-says-nothing", test_plain_is_preferred_unless_it_says_nothing);
	g_test_add_func("/mail/document/files-that-do-not-begin-with-a-header-are-read", test_files_that_do_not_begin_with_a_header_are_read);
	g_test_add_func("/mail/document/one-message-of-an-mbox-is-shown", test_one_message_of_an_mbox_is_shown);
	g_test_add_func("/mail/document/quotes-and-signature-have-their-kind", test_quotes_and_signature_have_their_kind);
	g_test_add_func("/mail/document/a-transcript-quotes-nobody", test_a_transcript_quotes_nobody);
	g_test_add_func("/mail/document/a-drawn-rule-is-not-wrapped", test_a_drawn_rule_is_not_wrapped);
	g_test_add_func("/mail/document/html-without-text-gives-way-to-plain", test_html_without_text_gives_way_to_plain);
	g_test_add_func("/mail/document/flowed-paragraphs-are-joined", test_flowed_paragraphs_are_joined);
	g_test_add_func("/mail/document/patches-are-coloured", test_patches_are_coloured);
	g_test_add_func("/mail/document/urls-become-links", test_urls_become_links);
	g_test_add_func("/mail/document/parts-have-imap-numbers-names-and-sizes", test_parts_have_imap_numbers_names_and_sizes);
	g_test_add_func("/mail/document/extract-gives-decoded-bytes", test_extract_gives_decoded_bytes);
	g_test_add_func("/mail/document/uuencoded-files-are-parts", test_uuencoded_files_are_parts);
	g_test_add_func("/mail/document/charsets-are-told-from-the-bytes", test_charsets_are_told_from_the_bytes_where_the_label_is_wrong);
	g_test_add_func("/mail/document/lost-boundaries-are-found", test_lost_boundaries_are_found);
	g_test_add_func("/mail/document/search-for-a-boundary-ends-soon", test_search_for_a_boundary_ends_soon);
	g_test_add_func("/mail/document/type-ends-where-its-semicolon-is-lost", test_type_ends_where_its_semicolon_is_lost);
	g_test_add_func("/mail/document/enclosed-message-is-one-file-of-its-own-size", test_enclosed_message_is_one_file_of_its_own_size);
	g_test_add_func("/mail/document/multipart-without-parts-is-text-and-no-file", test_multipart_without_parts_is_text_and_no_file);
	g_test_add_func("/mail/document/invitation-is-a-card", test_invitation_is_a_card);
	g_test_add_func("/mail/document/wire-form-comes-back-equal", test_wire_form_comes_back_equal);
	g_test_add_func("/mail/document/every-prefix-of-the-wire-form-is-rejected", test_every_prefix_of_the_wire_form_is_rejected);
	g_test_add_func("/mail/document/deep-nesting-is-bounded", test_deep_nesting_is_bounded);
	g_test_add_func("/mail/document/json-is-exact", test_json_is_exact);
	return g_test_run();
}
