/* tests/unit/test-envelope.c: the header scanner: encoded words, raw bytes, ids, dates */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <time.h>

#include "surel/mail.h"

static Envelope *
scan(const char *text)
{
	return envelope_scan(text, strlen(text));
}

static void
check_subject(const char *field, const char *expected)
{
	g_autofree char *text = g_strdup_printf("Subject: %s\n\n", field);
	g_autoptr(Envelope) envelope = scan(text);
	g_assert_cmpstr(envelope->subject, ==, expected);
}

static void
test_typical_header_gives_every_field(void)
{
	g_autoptr(Envelope) e = scan("Received: from a by b\r\n\tfor <x@y>\r\nMessage-ID: <m1@a.example>\r\nIn-Reply-To: <m0@a.example>\r\n"
		"References: <r1@a.example>\r\n <r2@a.example>\r\nFrom: Siti Rahma <siti@a.example>\r\nTo: a@b.example, \"B, C\" <c@d.example>\r\n"
		"Cc: e@f.example\r\nSubject: Rapat\r\n besok\r\nDate: Sat, 07 Feb 2026 06:00:00 +0700\r\nList-Id: Warga <warga.a.example>\r\n"
		"List-Post: <mailto:warga@a.example>\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\nSubject: body\r\n");
	g_assert_cmpstr(e->message_id, ==, "m1@a.example");
	g_assert_cmpstr(e->in_reply_to, ==, "m0@a.example");
	g_assert_cmpuint(g_strv_length(e->references), ==, 3);
	g_assert_cmpstr(e->references[2], ==, "m0@a.example");
	g_assert_cmpstr(envelope_from_name(e), ==, "Siti Rahma");
	g_assert_cmpuint(e->to->len, ==, 2);
	g_assert_cmpstr(((MailAddress *)e->to->pdata[1])->name, ==, "B, C");
	g_assert_cmpstr(e->subject, ==, "Rapat besok");
	g_assert_cmpint(e->date, ==, 1770418800);
	g_assert_cmpstr(e->list_id, ==, "warga.a.example");
	g_assert_cmpstr(e->list_post, ==, "warga@a.example");
	g_assert_true(e->has_attachment);
}

static void
test_empty_and_hostile_input_gives_empty_fields(void)
{
	static const char *const inputs[] = { "", "\n", "::::\n", "Subject", "Subject:", " fold\n", "From: <\nTo: \"\nCc: (\n", "Message-ID: <>\nReferences: <<<>>>\n",
		"Subject: =?\n", "Subject: =?utf-8?B?\n", "Subject: =?utf-8?Q?=?=\n", "Date: \nDate: 99 99 99\n", "From: =?x?B?====?= <a@b>\n" };
	for (size_t i = 0; i < G_N_ELEMENTS(inputs); i++) {
		g_autoptr(Envelope) e = scan(inputs[i]);
		g_assert_nonnull(e->subject);
		g_assert_nonnull(e->references);
		g_assert_cmpint(e->date, ==, 0);
	}
}

static void
test_encoded_words_decode_as_found_in_the_wild(void)
{
	check_subject("=?UTF-8?B?YWJjZA==?= =?UTF-8?B?ZWZnaA==?=", "abcdefgh");	/* padding between words */
	check_subject("=?UTF-8?B?YWJjZA==?=\r\n =?UTF-8?B?ZWZnaA==?=", "abcdefgh");
	check_subject("=?utf-8?Q?Kode_acak:_=C3?= =?utf-8?Q?=A9?=", "Kode acak: \xC3\xA9");	/* cut inside a character */
	check_subject("=?utf-8?B?4pyT?= ok", "\xE2\x9C\x93 ok");
	check_subject("Re: =?iso-8859-1?Q?=E9t=E9?=, =?iso-8859-1?q?na=EFf?=!", "Re: \xC3\xA9t\xC3\xA9, na\xC3\xAF" "f!");
	check_subject("\"=?utf-8?B?4pyT?=\" quoted", "\"\xE2\x9C\x93\" quoted");
	check_subject("=?utf-8?Q?with blanks inside?=", "with blanks inside");
	check_subject("=?utf-8*id?Q?bahasa?=", "bahasa");
	check_subject("=?ks_c_5601-1987?B?sO24v70=?=", "\xEA\xB3\xA0\xEB\xA7\x99\xEF\xBF\xBD");
	check_subject("=?unknown-charset?Q?caf=E9?=", "caf\xC3\xA9");
	check_subject("=?iso-2022-jp?B?GyRCLSEbKEI=?=", "\xE2\x91\xA0");	/* NEC circled one */
	check_subject("1 =? 2 ?= 3", "1 =? 2 ?= 3");
	check_subject("=?utf-8?Q?a?=b", "ab");
}

static void
test_raw_bytes_are_utf8_or_guessed(void)
{
	check_subject("Un caf\xC3\xA9", "Un caf\xC3\xA9");
	check_subject("Un caf\xE9 \x93x\x94", "Un caf\xC3\xA9 \xE2\x80\x9Cx\xE2\x80\x9D");
	g_autoptr(Envelope) e = scan("Subject: \xD0\xD2\xC9\xD7\xC5\xD4\nContent-Type: text/plain; charset=koi8-r\n\n");
	g_assert_cmpstr(e->subject, ==, "\xD0\xBF\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82");
}

static void
test_controls_never_survive(void)
{
	g_autoptr(Envelope) e = scan("Subject: a\x1B[31mb\x07 =?utf-8?B?G1syShtd?= \xE2\x80\xAE" "evil\nFrom: \x1B]0;x\x07 <a\x1B@b>\nMessage-ID: <a\x1B[2J@b>\n\n");
	g_assert_null(strchr(e->subject, 0x1B));
	g_assert_null(strstr(e->subject, "\xE2\x80\xAE"));
	g_assert_null(strchr(e->message_id, 0x1B));
	g_assert_null(strchr(((MailAddress *)e->from->pdata[0])->addr, 0x1B));
	g_assert_true(g_utf8_validate(e->subject, -1, NULL));
}

static void
check_date(const char *field, const char *expected)
{
	g_autofree char *text = g_strdup_printf("Date: %s\n\n", field);
	g_autoptr(Envelope) envelope = scan(text);
	g_autoptr(GDateTime) date = envelope->date ? g_date_time_new_from_unix_utc(envelope->date) : NULL;
	g_autofree char *shown = date ? g_date_time_format(date, "%Y-%m-%dT%H:%M:%SZ") : g_strdup("");
	g_assert_cmpstr(shown, ==, expected);
}

static void
test_dates_of_many_programs_are_read(void)
{
	check_date("Mon, 20 Nov 1995 19:12:08 -0500", "1995-11-21T00:12:08Z");
	check_date("20 Nov 95 19:12 EST", "1995-11-21T00:12:00Z");
	check_date("Mon, 1 Jan 2001 00:00:00 GMT", "2001-01-01T00:00:00Z");
	check_date("Tue,  1 Apr 2003 10:11:12 +0200 (CEST)", "2003-04-01T08:11:12Z");
	check_date("Sat Feb  7 06:00:00 2026", "2026-02-07T06:00:00Z");
	check_date("Sat Feb  7 06:00:00 PST 2026", "2026-02-07T14:00:00Z");
	check_date("2026-02-07T06:00:00+07:00", "2026-02-06T23:00:00Z");
	check_date("2026-02-07 06:00:00 +0700", "2026-02-06T23:00:00Z");
	check_date("07-Feb-2026 06:00:00 +0000", "2026-02-07T06:00:00Z");
	check_date("Thu, 13 Feb 1969 23:32:54 -0330", "1969-02-14T03:02:54Z");
	check_date("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "1997-11-21T15:55:06Z");
	check_date("29 Feb 100 00:00:00 +0000", "2000-02-29T00:00:00Z");
	check_date("not a date", "");
	check_date("32 Jan 2020 00:00:00 +0000", "");
}

static void
test_ids_are_cleaned_and_bounded(void)
{
	g_autoptr(Envelope) e = scan("Message-ID: <a b\r\n c@d>\nIn-Reply-To: Your message of \"Tue\" <x@y> and <z@y>\nReferences: junk <1@y> <1@y> <2@y\n\n");
	g_assert_cmpstr(e->message_id, ==, "abc@d");
	g_assert_cmpstr(e->in_reply_to, ==, "x@y");
	g_assert_cmpuint(g_strv_length(e->references), ==, 2);
	GString *many = g_string_new("References:");
	for (int i = 0; i < 5000; i++)
		g_string_append_printf(many, "\n <%d@x>", i);
	g_autoptr(Envelope) big = envelope_scan(many->str, many->len);
	g_assert_cmpuint(g_strv_length(big->references), <=, 200);
	g_assert_cmpstr(big->references[0], ==, "0@x");
	g_string_free(many, TRUE);
}

/* The store reads a million of these; time of this process, whatever else the machine does. */
static void
test_obsolete_ids_lose_blanks_and_comments(void)
{
	g_autoptr(Envelope) e = scan("Message-ID  : <12 @ a(komentar) .b .example>\nIn-Reply-To: <a(b)c@d.example>\n\n");
	g_assert_cmpstr(e->message_id, ==, "12@a.b.example");
	g_assert_cmpstr(e->in_reply_to, ==, "a(b)c@d.example");	/* somebody's own idea of an id stays whole */
}

static void
test_mbox_line_written_as_a_field_is_no_sender(void)
{
	g_autoptr(Envelope) e = scan("From: kirim@a.example  Thu Aug 22 14:54:40 2002\nTo: b@c.example\nFrom: Siti <siti@a.example>\n\n");
	g_assert_cmpuint(e->from->len, ==, 1);
	g_assert_cmpstr(envelope_from_name(e), ==, "Siti");
	g_autoptr(Envelope) alone = scan("From: kirim@a.example  Thu Aug 22 14:54:40 2002\n\n");
	g_assert_cmpstr(((MailAddress *)alone->from->pdata[0])->addr, ==, "kirim@a.example");
	g_autoptr(Envelope) two = scan("From: satu@a.example\nFrom: dua@a.example\n\n");
	g_assert_cmpstr(((MailAddress *)two->from->pdata[0])->addr, ==, "satu@a.example");
}

static void
test_scan_is_fast(void)
{
	static const char header[] = "Return-Path: <a@b.example>\nDelivered-To: x@y.example\nReceived: from mx.example (mx.example [192.0.2.1])\n"
		"\tby mail.example (Postfix) with ESMTPS id 0123456789\n\tfor <x@y.example>; Sat, 07 Feb 2026 06:00:00 +0700 (WIB)\n"
		"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=b.example; s=x;\n\th=from:to:subject:date:message-id;\n"
		"\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\n\tb=abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\n"
		"From: Budi Santoso <budi@b.example>\nTo: Siti Rahma <siti@y.example>\nSubject: Re: jadwal rapat pekan depan\n"
		"Date: Sat, 07 Feb 2026 06:00:00 +0700\nMessage-ID: <abcdef.123456@b.example>\nIn-Reply-To: <fedcba@y.example>\n"
		"References: <1@y.example> <fedcba@y.example>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n";
	enum { ROUNDS = 20000 };
	clock_t start = clock();
	for (int i = 0; i < ROUNDS; i++)
		envelope_free(envelope_scan(header, sizeof header - 1));
	double each = (double)(clock() - start) / CLOCKS_PER_SEC * G_USEC_PER_SEC / ROUNDS;
	g_test_message("%.2f us per header", each);
	g_assert_cmpfloat(each, <, 200);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mail/envelope/typical-header-gives-every-field", test_typical_header_gives_every_field);
	g_test_add_func("/mail/envelope/empty-and-hostile-input-gives-empty-fields", test_empty_and_hostile_input_gives_empty_fields);
	g_test_add_func("/mail/envelope/encoded-words-decode-as-found-in-the-wild", test_encoded_words_decode_as_found_in_the_wild);
	g_test_add_func("/mail/envelope/raw-bytes-are-utf8-or-guessed", test_raw_bytes_are_utf8_or_guessed);
	g_test_add_func("/mail/envelope/controls-never-survive", test_controls_never_survive);
	g_test_add_func("/mail/envelope/dates-of-many-programs-are-read", test_dates_of_many_programs_are_read);
	g_test_add_func("/mail/envelope/ids-are-cleaned-and-bounded", test_ids_are_cleaned_and_bounded);
	g_test_add_func("/mail/envelope/obsolete-ids-lose-blanks-and-comments", test_obsolete_ids_lose_blanks_and_comments);
	g_test_add_func("/mail/envelope/mbox-line-written-as-a-field-is-no-sender", test_mbox_line_written_as_a_field_is_no_sender);
	g_test_add_func("/mail/envelope/scan-is-fast", test_scan_is_fast);
	return g_test_run();
}
