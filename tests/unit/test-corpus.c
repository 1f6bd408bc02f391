/* tests/unit/test-corpus.c: every message of a folder of real mail renders; skipped where there is none */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <locale.h>
#include <string.h>
#include <time.h>

#include "surel/mail.h"

/* $SUREL_CORPUS, or shared/corpus beside the source tree; NULL. */
static char *
corpus_dir(void)
{
	const char *named = g_getenv("SUREL_CORPUS"), *source = g_getenv("SUREL_SRCDIR");
	g_autofree char *beside = named ? g_strdup(named) : g_build_filename(source ? source : ".", "..", "shared", "corpus", NULL);
	return g_file_test(beside, G_FILE_TEST_IS_DIR) ? g_steal_pointer(&beside) : NULL;
}

static void
collect(const char *dir, GPtrArray *files)
{
	g_autoptr(GDir) folder = g_dir_open(dir, 0, NULL);
	for (const char *name; folder && (name = g_dir_read_name(folder));) {
		char *path = g_build_filename(dir, name, NULL);
		if (g_file_test(path, G_FILE_TEST_IS_DIR))
			collect(path, files);
		if (g_str_has_suffix(name, ".eml") || g_str_has_suffix(name, ".mbox"))
			g_ptr_array_add(files, path);
		else
			g_free(path);
	}
}

static GPtrArray *
messages(void)
{
	g_autofree char *dir = corpus_dir();
	if (!dir) {
		g_test_skip("no corpus");
		return NULL;
	}
	GPtrArray *files = g_ptr_array_new_with_free_func(g_free);
	collect(dir, files);
	return files;
}

static void
assert_clean(const char *text, const char *path)
{
	if (!g_utf8_validate(text, -1, NULL))
		g_error("%s: not UTF-8", path);
	for (const char *p = text; *p; p++)
		if ((*p > 0 && *p < 0x20 && *p != '\n') || *p == 0x7F || (*p == '\xC2' && (uint8_t)p[1] < 0xA0))
			g_error("%s: control byte %02x", path, (uint8_t)*p);
}

static void
check_file(const char *path, RenderFlags flags)
{
	g_autofree char *bytes = NULL;
	size_t size;
	g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
	clock_t start = clock();
	g_autoptr(Document) document = document_render(bytes, size, NULL, flags);
	clock_t spent = clock() - start;
	if (spent > 10 * CLOCKS_PER_SEC)
		g_error("%s: took %d ms", path, (int)(spent / (CLOCKS_PER_SEC / 1000)));
	g_autofree char *text = document_text(document);
	assert_clean(text, path);
	assert_clean(document->envelope->subject, path);
	assert_clean(envelope_from_name(document->envelope), path);
	g_autoptr(GByteArray) wire = document_encode(document);
	g_autoptr(GError) error = NULL;
	g_autoptr(Document) copy = document_decode(wire->data, wire->len, &error);
	if (!copy)
		g_error("%s: %s", path, error->message);
	g_autoptr(GByteArray) again = document_encode(copy);
	g_assert_cmpmem(wire->data, (int)wire->len, again->data, (int)again->len);
}

static void
test_every_message_renders(void)
{
	g_autoptr(GPtrArray) files = messages();
	for (guint i = 0; files && i < files->len; i++) {
		check_file(files->pdata[i], RENDER_DEFAULT);
		check_file(files->pdata[i], RENDER_PREFER_HTML | RENDER_ALL_HEADERS);
		check_file(files->pdata[i], RENDER_SOURCE);
	}
	if (files)
		g_test_message("%u messages", files->len);
}

static void
test_every_message_can_be_answered_and_extracted(void)
{
	static char *const own[] = { (char *)"me@here.example", NULL };
	g_autoptr(GPtrArray) files = messages();
	for (guint i = 0; files && i < files->len; i++) {
		g_autofree char *bytes = NULL;
		size_t size;
		g_assert_true(g_file_get_contents(files->pdata[i], &bytes, &size, NULL));
		for (ReplyKind kind = REPLY_SENDER; kind <= REPLY_FORWARD; kind++) {
			g_autoptr(Draft) draft = draft_reply(bytes, size, kind, own, "On %d, %n <%a> wrote about %s:", NULL);
			draft->from = g_strdup("me@here.example");
			g_autofree char *text = draft_to_text(draft);
			g_autoptr(Draft) copy = draft_from_text(text);
			g_assert_cmpstr(copy->body, ==, draft->body);
			g_assert_cmpstr(copy->subject, ==, draft->subject);
			g_autoptr(BuiltMail) built = mail_build(draft, 1, "id", NULL);	/* without recipients it is refused */
			if (built)
				g_assert_null(memmem(built->bytes->data, built->bytes->len, "\n\n", 2));
		}
		g_autoptr(Document) document = document_render(bytes, size, NULL, RENDER_DEFAULT);
		for (guint k = 0; k < MIN(document->parts->len, 40); k++) {
			const Part *part = document->parts->pdata[k];
			g_autofree char *data = NULL;
			size_t part_size;
			g_assert_true(part_extract(bytes, size, part->id, &data, &part_size, NULL));
			g_assert_null(strchr(part->name, '/'));
		}
		g_autofree char *json = mail_show_json(bytes, size);
		g_assert_true(g_utf8_validate(json, -1, NULL));
	}
}

int
main(int argc, char **argv)
{
	setlocale(LC_ALL, "C.UTF-8");
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mail/corpus/every-message-renders", test_every_message_renders);
	g_test_add_func("/mail/corpus/every-message-can-be-answered-and-extracted", test_every_message_can_be_answered_and_extracted);
	return g_test_run();
}
