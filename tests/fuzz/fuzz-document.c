/* tests/fuzz/fuzz-document.c: any bytes as a document from the render worker */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fuzz/replay.h"

#include "surel/mail.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	g_autoptr(Document) document = document_decode(bytes, size, NULL);
	if (!document)
		return 0;
	g_autofree char *text = document_text(document);
	g_autoptr(GByteArray) wire = document_encode(document);
	g_assert_cmpuint(wire->len, <=, size + 16);
	return 0;
}
