/* tests/fuzz/fuzz-html.c: any bytes as HTML mail */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fuzz/replay.h"

#include "surel/mail.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const char head[] = "Content-Type: text/html; charset=utf-8\n\n";
	g_autoptr(GByteArray) mail = g_byte_array_new();
	g_byte_array_append(mail, (const uint8_t *)head, sizeof head - 1);
	g_byte_array_append(mail, bytes, (guint)size);
	g_autoptr(Document) document = document_render((const char *)mail->data, mail->len, NULL, RENDER_DEFAULT);
	g_autofree char *text = document_text(document);
	g_assert_true(g_utf8_validate(text, -1, NULL));
	g_autoptr(GByteArray) wire = document_encode(document);
	g_autoptr(Document) copy = document_decode(wire->data, wire->len, NULL);
	g_assert_nonnull(copy);
	return 0;
}
