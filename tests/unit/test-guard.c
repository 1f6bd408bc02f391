/* tests/unit/test-guard.c: the wire guard: what passes and what ends the connection */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "src/engine/guard.h"

static const char *
feed(const char *bytes, size_t size, size_t step)
{
	Guard *guard = guard_new();
	const char *bad = NULL;

	for (size_t i = 0; i < size && !bad; i += step)
		bad = guard_feed(guard, (const uint8_t *)bytes + i, MIN(step, size - i));
	guard_free(guard);
	return bad;
}

static void
test_good_replies_pass(void)
{
	static const char *const lines[] = {
		"* OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+] Dovecot ready.\r\n",
		"* OK [PERMANENTFLAGS (\\Answered \\Seen $Junk \\*)] Flags permitted.\r\n",
		"* OK [PERMANENTFLAGS ()] Read-only mailbox.\r\n",
		"* OK [HIGHESTMODSEQ 9223372036854775807] Highest\r\n",
		"* OK [UIDVALIDITY 4294967295] UIDs valid\r\n",
		"* OK it's \"half quoted (((((( and {12}\r\n* 3 EXISTS\r\n",
		"* 12 FETCH (UID 4294967295 RFC822.SIZE 3000 MODSEQ (99999999999) FLAGS (99999999999) BODY[HEADER] {6}\r\nA: b\r\n)\r\n",
		"* 12 FETCH (X-GM-MSGID 1278455344230334865 BODY[] {3}\r\na\0b FLAGS ())\r\n",
		"* SEARCH 1 2 4294967295 (MODSEQ 917162500917)\r\n",
		"* LIST (\\HasNoChildren) \"/\" 99999999999\r\n",
		"* LIST (\\HasNoChildren) \"/\" {5}\r\na(\"{b\r\n",
		"* LIST () \"/\" \"a \\\"quoted\\\" name\"\r\n",
		"* VANISHED (EARLIER) 1:5,7,4294967290:4294967295\r\n",
		"A1 OK [COPYUID 38505 304,319:320 3956:3958] Done\r\n",
		"+ idling\r\n* 2 EXPUNGE\r\n",
		"* STATUS INBOX (MESSAGES 3 UIDNEXT 5 HIGHESTMODSEQ 99999999999)\r\n",
		"\r\n* 1 RECENT\n",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		size_t size = i == 7 ? sizeof "* 12 FETCH (X-GM-MSGID 1278455344230334865 BODY[] {3}\r\na\0b FLAGS ())\r\n" - 1 : strlen(lines[i]);
		g_assert_cmpstr(feed(lines[i], size, 1), ==, NULL);
		g_assert_cmpstr(feed(lines[i], size, 7), ==, NULL);
		g_assert_cmpstr(feed(lines[i], size, size), ==, NULL);
	}
}

static void
test_bad_replies_are_refused(void)
{
	static const char *const lines[] = {
		"* OK [BADCHARSET (\"UTF-8\")] x\r\n",
		"+ [BADCHARSET (\"x\")] y\r\n",
		"* ok [badcharset (x)] y\r\n",
		"* OK [PERMANENTFLAGS (\\Seen (\\Draft))] x\r\n",
		"* OK [PERMANENTFLAGS (\\Seen\r\n",
		"* OK [PERMANENTFLAGS (\\Seen ] x\r\n",
		"* OK [PERMANENTFLAGS] x\r\n",
		"* OK [PERMANENTFLAGS (\"x\")] x\r\n",
		"* OK [PERMANENTFLAGS () ()] x\r\n",
		"* OK [PERMANENTFLAGS (\\%Answered \\Seen)] x\r\n",
		"* OK [PERMANENTFLAGS (\\ \\Seen)] x\r\n",
		"* OK [PERMANENTFLAGS (\\Seen*)] x\r\n",
		"* OK [PERMANENTFLAGS (\\*x)] x\r\n",
		"* OK [PERMANENTFLAGS (*)] x\r\n",
		"* OK [PERMANENTFLAGS (a\x80)] x\r\n",
		"* OK [PERMANENTFLAGS (a )] x\r\n",
		"* OK [PERMANENTFLAGS (a)x] x\r\n",
		"* OK [PERMANENTFLAGS a (b)] x\r\n",
		"* OK [UIDVALIDITY 4294967297] x\r\n",
		"* OK [UIDNEXT 99999999999] x\r\n",
		"A1 OK [COPYUID 1 99999999999 3] x\r\n",
		"* 4294967296 EXISTS\r\n",
		"* 1 FETCH (UID 99999999999)\r\n",
		"* 1 FETCH (BODY[] {4294967299}\r\n",
		"* 1 FETCH (BODY[] {268435457}\r\n",
		"* 1 FETCH (BODY[] {}\r\n",
		"* 1 FETCH (BODY[] {5x}\r\n",
		"* SEARCH 1 2 4294967296\r\n",
		"* VANISHED 1:4294967296\r\n",
		"* LIST () \"/\" \"never ended\r\n",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		if (!feed(lines[i], strlen(lines[i]), 1))
			g_error("passed: %s", lines[i]);
		g_assert_nonnull(feed(lines[i], strlen(lines[i]), strlen(lines[i])));
	}
	g_assert_nonnull(feed("* 3 EX\0ISTS\r\n", 13, 13));
	g_assert_nonnull(feed("* OK te\0xt\r\n", 12, 12));
}

static void
test_nesting_and_length_are_bounded(void)
{
	g_autofree char *deep = g_strnfill(GUARD_MAX_NESTING + 1, '('), *deepest = g_strnfill(GUARD_MAX_NESTING, '(');
	g_autofree char *bad = g_strdup_printf("* 1 FETCH %s", deep), *good = g_strdup_printf("* 1 FETCH %s", deepest);
	g_autofree char *lengthy = g_strnfill(GUARD_MAX_LINE_BYTES + 1, 'a');

	g_assert_nonnull(feed(bad, strlen(bad), 16));
	g_assert_null(feed(good, strlen(good), 16));
	g_assert_nonnull(feed(lengthy, GUARD_MAX_LINE_BYTES + 1, 65536));
	g_assert_null(feed(lengthy, GUARD_MAX_LINE_BYTES - 1, 65536));
}

static void
test_literals_are_skipped_whatever_they_hold(void)
{
	static const char reply[] = "* 1 FETCH (BODY[] {20}\r\n((((\0\"\"\"{99999999}\r\n(UID 1 FLAGS ())\r\n* OK [BADCHARSET (x)] y\r\n";
	Guard *guard = guard_new();

	g_assert_null(guard_feed(guard, (const uint8_t *)reply, sizeof reply - 1 - 25));
	g_assert_nonnull(guard_feed(guard, (const uint8_t *)reply + sizeof reply - 1 - 25, 25));
	guard_free(guard);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/guard/feed/good-replies-pass", test_good_replies_pass);
	g_test_add_func("/guard/feed/bad-replies-are-refused", test_bad_replies_are_refused);
	g_test_add_func("/guard/feed/nesting-and-length-are-bounded", test_nesting_and_length_are_bounded);
	g_test_add_func("/guard/feed/literals-are-skipped-whatever-they-hold", test_literals_are_skipped_whatever_they_hold);
	return g_test_run();
}
