/* tests/unit/test-address.c: address lists of headers and of people */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "surel/mail.h"

/* "name|addr;name|addr" as a header's To is read. */
static void
check_header(const char *field, const char *expected)
{
	g_autofree char *text = g_strdup_printf("To: %s\n\n", field);
	g_autoptr(Envelope) envelope = envelope_scan(text, strlen(text));
	GString *got = g_string_new(NULL);
	for (guint i = 0; i < envelope->to->len; i++) {
		const MailAddress *address = envelope->to->pdata[i];
		g_string_append_printf(got, "%s%s|%s", i ? ";" : "", address->name, address->addr);
	}
	g_assert_cmpstr(got->str, ==, expected);
	g_string_free(got, TRUE);
}

static void
test_header_forms(void)
{
	check_header("a@b.example", "|a@b.example");
	check_header("Siti Rahma <a@b.example>", "Siti Rahma|a@b.example");
	check_header("\"Rahma, Siti\" <a@b.example>, c@d.example", "Rahma, Siti|a@b.example;|c@d.example");
	check_header("a@b.example (Siti Rahma)", "Siti Rahma|a@b.example");
	check_header("\"a \\\"b\\\" c\" <a@b.example>", "a \"b\" c|a@b.example");
	check_header("Warga: a@b.example, Budi <c@d.example>;, e@f.example", "|a@b.example;Budi|c@d.example;|e@f.example");
	check_header("undisclosed-recipients:;", "");
	check_header("<@route.example,@r2.example:a@b.example>", "|a@b.example");
	check_header("\"quoted local\"@b.example", "|\"quoted local\"@b.example");
	check_header("=?utf-8?Q?Rahma,_Siti?= <a@b.example>", "Rahma, Siti|a@b.example");
	check_header("\"=?utf-8?B?4pyT?=\" <a@b.example>", "\xE2\x9C\x93|a@b.example");
	check_header("a@b.example;c@d.example", "|a@b.example;|c@d.example");
	check_header("'Siti' <a@b.example>", "Siti|a@b.example");
	check_header("root (Cron Daemon)", "Cron Daemon|root");
	check_header("Rahma, Siti <a@b.example>", "Rahma, Siti|a@b.example");
	check_header("\"a@b.example\" <a@b.example>", "a@b.example|a@b.example");
	check_header("<mailto:a@b.example>", "|a@b.example");
	check_header("user@[192.0.2.1]", "|user@[192.0.2.1]");
	check_header("Jos\xE9 <jose@b.example>", "Jos\xC3\xA9|jose@b.example");
}

static void
test_broken_forms_give_what_can_be_read(void)
{
	check_header("Siti <a@b.example", "Siti|a@b.example");
	check_header("\"Siti <a@b.example>", "Siti|a@b.example");
	check_header("Siti <a@b.example, Budi <c@d.example>", "Siti|a@b.example;Budi|c@d.example");
	check_header("<<a@b.example>>", "|a@b.example");
	check_header(",,,a@b.example,,", "|a@b.example");
	check_header("((((", "((((|");
	check_header("<>", "");
	check_header("Siti <a@b.example>, c@d . example", "Siti|a@b.example;|c@d.example");
	check_header("Toko a@b.example. Budi", "Toko|a@b.example.");
	check_header("<Undisclosed-Recipient:@mail.b.example;>", "");
}

/* Marks that never close, each as long as a header may be. */
static void
test_unclosed_marks_end_soon(void)
{
	static const char *const units[] = { "(", "\"", "<", "\"\\", "(a\\", "a@ ", "=?", "x:;", "[" };
	for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
		GString *text = g_string_new("To: \"");
		for (int n = 0; n < 50000; n++)
			g_string_append(text, units[i]);
		int64_t start = g_get_monotonic_time();
		g_autoptr(Envelope) envelope = envelope_scan(text->str, text->len);
		g_assert_nonnull(envelope);
		g_assert_cmpint(g_get_monotonic_time() - start, <, 5 * G_USEC_PER_SEC);
		g_string_free(text, TRUE);
	}
}

static void
test_typed_list_names_what_is_wrong(void)
{
	g_autofree char *bad = NULL;
	g_autoptr(GPtrArray) list = address_list_parse("Siti <siti@a.example>, budi, c@d.example", &bad);
	g_assert_cmpuint(list->len, ==, 2);
	g_assert_cmpstr(bad, ==, "budi");
	g_autofree char *none = NULL;
	g_autoptr(GPtrArray) good = address_list_parse(" a@b.example ; \"X, Y\" <x@y.example>", &none);
	g_assert_null(none);
	g_assert_cmpuint(good->len, ==, 2);
	g_autofree char *twice = NULL;
	g_autoptr(GPtrArray) odd = address_list_parse("a@", &twice);
	g_assert_cmpuint(odd->len, ==, 0);
	g_assert_cmpstr(twice, ==, "a@");
}

static void
test_format_is_read_back(void)
{
	static const char *const names[] = { "", "Siti Rahma", "Rahma, Siti", "a \"b\" \\c", "S. R.", "\xE2\x9C\x93 ok", "a@b" };
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autoptr(MailAddress) address = address_new(names[i], "a@b.example");
		g_autofree char *text = address_format(address);
		g_autofree char *bad = NULL;
		g_autoptr(GPtrArray) list = address_list_parse(text, &bad);
		g_assert_null(bad);
		g_assert_cmpuint(list->len, ==, 1);
		g_assert_cmpstr(((MailAddress *)list->pdata[0])->name, ==, names[i]);
		g_assert_cmpstr(((MailAddress *)list->pdata[0])->addr, ==, "a@b.example");
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mail/address/header-forms", test_header_forms);
	g_test_add_func("/mail/address/broken-forms-give-what-can-be-read", test_broken_forms_give_what_can_be_read);
	g_test_add_func("/mail/address/unclosed-marks-end-soon", test_unclosed_marks_end_soon);
	g_test_add_func("/mail/address/typed-list-names-what-is-wrong", test_typed_list_names_what_is_wrong);
	g_test_add_func("/mail/address/format-is-read-back", test_format_is_read_back);
	return g_test_run();
}
