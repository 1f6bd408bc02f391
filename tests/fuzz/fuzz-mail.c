/* tests/fuzz/fuzz-mail.c: any bytes as a message */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fuzz/replay.h"

#include "surel/mail.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static char *const own[] = { (char *)"a@*", NULL };
	g_autoptr(Document) document = document_render((const char *)bytes, size, NULL, RENDER_DEFAULT);
	g_autoptr(GByteArray) wire = document_encode(document);
	g_autoptr(Document) copy = document_decode(wire->data, wire->len, NULL);
	g_assert_nonnull(copy);
	g_autoptr(Draft) draft = draft_reply((const char *)bytes, size, REPLY_ALL, own, "%d %n %a %s:", "sig");
	draft->from = g_strdup("a@b.example");
	g_autoptr(BuiltMail) built = mail_build(draft, 1, "id", NULL);
	g_autofree char *json = mail_show_json((const char *)bytes, size);
	g_assert_true(g_utf8_validate(json, -1, NULL));
	return 0;
}
