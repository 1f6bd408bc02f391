/* tests/unit/test-build.c: drafts as MIME, read back by the parser and the scanner */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gstdio.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "surel/mail.h"

enum { NOW = 1770418800 };	/* 2026-02-06 23:00:00 UTC */

static Draft *
draft_of(const char *to, const char *subject, const char *body)
{
	Draft *draft = draft_new();
	draft->from = g_strdup("Budi Santoso <budi@contoh.example>");
	g_free(draft->to);
	draft->to = g_strdup(to);
	g_free(draft->subject);
	draft->subject = g_strdup(subject);
	g_free(draft->body);
	draft->body = g_strdup(body);
	return draft;
}

static BuiltMail *
build(const Draft *draft)
{
	g_autoptr(GError) error = NULL;
	BuiltMail *mail = mail_build(draft, NOW, "random1", &error);
	g_assert_no_error(error);
	/* CRLF only, no line beyond 998 bytes (RFC 5322 2.1.1). */
	size_t line = 0;
	for (guint i = 0; i < mail->bytes->len; i++) {
		if (mail->bytes->data[i] == '\n')
			g_assert_true(i > 0 && mail->bytes->data[i - 1] == '\r');
		line = mail->bytes->data[i] == '\n' ? 0 : line + 1;
		g_assert_cmpuint(line, <=, 999);
		g_assert_cmpuint(mail->bytes->data[i], <, mail->needs_8bit ? 256 : 128);
		g_assert_cmpuint(mail->bytes->data[i], !=, 0);
	}
	return mail;
}

static Document *
read_back(const BuiltMail *mail)
{
	return document_render((const char *)mail->bytes->data, mail->bytes->len, NULL, RENDER_DEFAULT);
}

static bool
has(const GByteArray *bytes, const char *text)
{
	return memmem(bytes->data, bytes->len, text, strlen(text));
}

static void
test_simple_text_comes_back(void)
{
	g_autoptr(Draft) draft = draft_of("Siti Rahma <siti@a.example>, c@d.example", "Rapat", "Halo\n\nFrom here\n> quoted\n>> twice\n  indented\n-- \nBudi\n");
	g_autoptr(BuiltMail) mail = build(draft);
	g_autoptr(Document) document = read_back(mail);
	g_assert_cmpstr(document->envelope->subject, ==, "Rapat");
	g_assert_cmpint(document->envelope->date, ==, NOW);
	g_assert_cmpstr(document->envelope->message_id, ==, "random1@contoh.example");
	g_assert_cmpstr(mail->message_id, ==, "random1@contoh.example");
	g_assert_cmpstr(mail->mail_from, ==, "budi@contoh.example");
	g_assert_cmpuint(mail->recipients->len, ==, 2);
	g_autofree char *text = document_text(document);
	g_assert_cmpstr(text, ==, "Halo\n\nFrom here\n> quoted\n> > twice\n  indented\n--\nBudi\n");
	g_assert_false(mail->needs_8bit || mail->needs_smtputf8);
	g_assert_false(has(mail->bytes, "\nFrom "));
}

static void
test_every_script_comes_back(void)
{
	static const char *const texts[] = { "Caf\xC3\xA9", "\xE3\x81\x82\xE3\x81\x84\xE3\x81\x86", "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA7 keluarga",
		"\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82", "=?utf-8?Q?not_encoded?=", "ends with \xE2\x9C\x93", "a  b   c" };
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		GString *longer = g_string_new(NULL);
		for (int n = 0; n < 30; n++)
			g_string_append_printf(longer, "%s%s", n ? " " : "", texts[i]);
		g_autofree char *to = g_strdup_printf("\"%s\" <siti@a.example>, c@d.example", texts[i]);
		g_autoptr(Draft) draft = draft_of(to, longer->str, longer->str);
		g_autoptr(BuiltMail) mail = build(draft);
		g_autoptr(Document) document = read_back(mail);
		g_assert_cmpstr(document->envelope->subject, ==, longer->str);
		if (i != 4)	/* typed encoded words are decoded where addresses are */
			g_assert_cmpstr(((MailAddress *)document->envelope->to->pdata[0])->name, ==, texts[i]);
		g_autofree char *text = document_text(document);
		g_strchomp(text);
		g_assert_cmpstr(text, ==, longer->str);
		g_string_free(longer, TRUE);
	}
}

static void
test_long_paragraphs_flow_and_long_words_stay_whole(void)
{
	g_autofree char *word = g_strnfill(3000, 'x');
	g_autofree char *body = g_strdup_printf("satu dua tiga empat lima enam tujuh delapan sembilan sepuluh sebelas dua belas tiga belas empat belas\n%s\n", word);
	g_autoptr(Draft) draft = draft_of("a@b.example", "x", body);
	g_autoptr(BuiltMail) mail = build(draft);
	g_autoptr(Document) document = read_back(mail);
	g_autofree char *text = document_text(document);
	g_assert_cmpstr(text, ==, body);
	g_assert_true(has(mail->bytes, "format=flowed"));
}

static void
test_patches_are_not_touched(void)
{
	static const char body[] = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-\tfrom a line that is longer than what a flowed paragraph would have allowed it to be, really\n+ b \n";
	g_autoptr(Draft) draft = draft_of("a@b.example", "[PATCH] x", body);
	g_autoptr(BuiltMail) mail = build(draft);
	g_assert_false(has(mail->bytes, "format=flowed"));
	g_assert_true(has(mail->bytes, "\r\n+ b \r\n"));
	g_assert_true(has(mail->bytes, "\r\n-\tfrom a line that is longer"));
}

static void
test_bcc_is_only_in_the_sent_copy(void)
{
	g_autoptr(Draft) draft = draft_of("a@b.example", "x", "y\n");
	g_free(draft->bcc);
	draft->bcc = g_strdup("Rahasia <hidden@c.example>, A@B.example");
	g_autoptr(BuiltMail) mail = build(draft);
	g_assert_false(has(mail->bytes, "hidden"));
	g_assert_false(has(mail->bytes, "Bcc"));
	g_assert_true(has(mail->sent_copy, "Bcc: Rahasia <hidden@c.example>"));
	g_assert_cmpuint(mail->recipients->len, ==, 2);	/* one of them twice */
}

static void
check_refused(const Draft *draft, int code)
{
	g_autoptr(GError) error = NULL;
	g_assert_null(mail_build(draft, NOW, "r", &error));
	g_assert_error(error, SUREL_ERROR, code);
}

static void
set(char **field, const char *value)
{
	g_free(*field);
	*field = g_strdup(value);
}

static void
test_line_ends_in_fields_are_refused(void)
{
	static const char *const bad[] = { "x\r\nBcc: evil@c.example", "x\nX-Evil: 1", "x\ry" };
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		for (unsigned field = 0; field < 6; field++) {
			g_autoptr(Draft) draft = draft_of("a@b.example", "x", "y\n");
			char **fields[] = { &draft->subject, &draft->to, &draft->cc, &draft->from, &draft->references, &draft->in_reply_to };
			set(fields[field], bad[i]);
			check_refused(draft, ERROR_INPUT);
		}
	}
}

static void
test_missing_and_wrong_recipients_are_refused(void)
{
	g_autoptr(Draft) none = draft_of("", "x", "y\n"), wrong = draft_of("budi", "x", "y\n"), sender = draft_of("a@b.example", "x", "y\n");
	set(&sender->from, "nobody");
	check_refused(none, ERROR_INPUT);
	check_refused(wrong, ERROR_INPUT);
	check_refused(sender, ERROR_INPUT);
}

static void
add_file(Draft *draft, const char *path, const char *name, const char *type)
{
	DraftAttachment *attachment = g_new0(DraftAttachment, 1);
	*attachment = (DraftAttachment){ .path = g_strdup(path), .name = g_strdup(name), .type = g_strdup(type) };
	g_ptr_array_add(draft->attachments, attachment);
}

static void
test_attachments_come_back_byte_for_byte(void)
{
	g_autofree char *dir = g_dir_make_tmp("surel-build-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "Laporan \xE2\x80\x93 I.pdf", NULL);
	char content[4096];
	for (size_t i = 0; i < sizeof content; i++)
		content[i] = (char)(i * 7 + i / 256);
	g_assert_true(g_file_set_contents(path, content, sizeof content, NULL));
	g_autofree char *eml = g_build_filename(dir, "m.eml", NULL);
	g_assert_true(g_file_set_contents(eml, "Subject: inner\r\nFrom: a@b\r\n\r\nhi\r\n", -1, NULL));
	g_autoptr(Draft) draft = draft_of("a@b.example", "x", "see file\n");
	add_file(draft, path, NULL, NULL);
	add_file(draft, path, "\"odd; name\\.txt", "text/plain");
	add_file(draft, eml, NULL, NULL);
	g_autoptr(BuiltMail) mail = build(draft);
	g_autoptr(Document) document = read_back(mail);
	const Part *pdf = document->parts->pdata[2];
	g_assert_cmpstr(pdf->name, ==, "Laporan \xE2\x80\x93 I.pdf");
	g_assert_cmpstr(pdf->type, ==, "application/pdf");
	g_autofree char *data = NULL;
	size_t size;
	g_assert_true(part_extract((const char *)mail->bytes->data, mail->bytes->len, pdf->id, &data, &size, NULL));
	g_assert_cmpmem(data, (int)size, content, (int)sizeof content);
	g_assert_cmpstr(((Part *)document->parts->pdata[4])->type, ==, "message/rfc822");
	g_autofree char *gone = g_build_filename(dir, "gone", NULL);
	add_file(draft, gone, NULL, NULL);
	check_refused(draft, ERROR_NOT_FOUND);
	g_remove(path);
	g_remove(eml);
	g_rmdir(dir);
}

static void
test_addresses_beyond_ascii(void)
{
	g_autoptr(Draft) domain = draft_of("ayu@b\xC3\xBC" "cher.example", "x", "y\n"), local = draft_of("\xC3\xB1@contoh.example", "x", "y\n");
	g_autoptr(BuiltMail) first = build(domain), second = build(local);
	g_assert_cmpstr(first->recipients->pdata[0], ==, "ayu@xn--bcher-kva.example");
	g_assert_false(first->needs_smtputf8);
	g_assert_cmpstr(second->recipients->pdata[0], ==, "\xC3\xB1@contoh.example");
	g_assert_true(second->needs_smtputf8);
}

static void
test_reference_chain_is_bounded(void)
{
	g_autoptr(Draft) draft = draft_of("a@b.example", "x", "y\n");
	GString *ids = g_string_new("<first@x> junk");
	for (int i = 0; i < 500; i++)
		g_string_append_printf(ids, " <id%d@x>", i);
	draft->references = g_string_free(ids, FALSE);
	draft->in_reply_to = g_strdup("<id499@x>");
	g_autoptr(BuiltMail) mail = build(draft);
	g_autoptr(Document) document = read_back(mail);
	g_assert_cmpuint(g_strv_length(document->envelope->references), ==, 20);
	g_assert_cmpstr(document->envelope->references[0], ==, "first@x");
	g_assert_cmpstr(document->envelope->references[19], ==, "id499@x");
	g_assert_cmpstr(document->envelope->in_reply_to, ==, "id499@x");
	g_assert_false(has(mail->bytes, "junk"));
}

/* Prints one built message for the test that reads it with another parser. */
static int
print_sample(const char *attachment)
{
	g_autoptr(Draft) draft = draft_of("\"Rahma, Siti\" <siti@a.example>, J\xC3\xBCrgen <j@b.example>",
		"Undangan rapat \xE2\x80\x93 mohon konfirmasi kehadiran Bapak dan Ibu sekalian pada hari Kamis", "Yth. Ibu \xE2\x9C\x93\n\n-- \nBudi\n");
	add_file(draft, attachment, "Laporan \xE2\x80\x93 I.pdf", NULL);
	g_autoptr(BuiltMail) mail = build(draft);
	return fwrite(mail->bytes->data, 1, mail->bytes->len, stdout) == mail->bytes->len ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	setlocale(LC_ALL, "C.UTF-8");
	if (argc == 3 && strcmp(argv[1], "--print") == 0)
		return print_sample(argv[2]);
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mail/build/simple-text-comes-back", test_simple_text_comes_back);
	g_test_add_func("/mail/build/every-script-comes-back", test_every_script_comes_back);
	g_test_add_func("/mail/build/long-paragraphs-flow-and-long-words-stay-whole", test_long_paragraphs_flow_and_long_words_stay_whole);
	g_test_add_func("/mail/build/patches-are-not-touched", test_patches_are_not_touched);
	g_test_add_func("/mail/build/bcc-is-only-in-the-sent-copy", test_bcc_is_only_in_the_sent_copy);
	g_test_add_func("/mail/build/line-ends-in-fields-are-refused", test_line_ends_in_fields_are_refused);
	g_test_add_func("/mail/build/missing-and-wrong-recipients-are-refused", test_missing_and_wrong_recipients_are_refused);
	g_test_add_func("/mail/build/attachments-come-back-byte-for-byte", test_attachments_come_back_byte_for_byte);
	g_test_add_func("/mail/build/addresses-beyond-ascii", test_addresses_beyond_ascii);
	g_test_add_func("/mail/build/reference-chain-is-bounded", test_reference_chain_is_bounded);
	return g_test_run();
}
