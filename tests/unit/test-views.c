/* tests/unit/test-views.c: every view drawn headless from a fabricated model, compared with tests/unit/golden/NAME.txt */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UPDATE_GOLDEN=1 writes the files instead: look at every difference before it is committed. */
#include "tests/unit/fake-app.h"

#include <locale.h>
#include <string.h>

static const int sizes[][2] = { { 80, 24 }, { 120, 40 }, { 200, 60 } };

static char *
draw(App *app, int width, int height)
{
	Keymap *keymap = keymap_new(app->config, NULL);
	Surface *surface = surface_new(width, height);
	int row = -1, column = -1;
	view_draw(app, keymap, surface, &row, &column);
	char *dump = surface_dump(surface);
	surface_free(surface);
	keymap_free(keymap);
	return dump;
}

static void
check_golden(const char *name, const char *dump)
{
	g_autofree char *path = g_strdup_printf("%s/unit/golden/%s.txt", g_getenv("G_TEST_SRCDIR"), name);
	if (g_getenv("UPDATE_GOLDEN")) {
		g_assert_true(g_file_set_contents(path, dump, -1, NULL));
		return;
	}
	g_autofree char *expected = NULL;
	g_assert_true(g_file_get_contents(path, &expected, NULL, NULL));
	if (strcmp(dump, expected) != 0) {
		g_printerr("%s is:\n%s\n", name, dump);
		g_test_message("%s differs", name);
		g_test_fail();
	}
}

static void
check_sizes(App *app, const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		g_autofree char *file = g_strdup_printf("%s-%dx%d", name, sizes[i][0], sizes[i][1]);
		g_autofree char *dump = draw(app, sizes[i][0], sizes[i][1]);
		check_golden(file, dump);
	}
}

/* ---- models ---- */

static void
reply(App *app, int64_t ago, const char *from, unsigned depth, bool last, const Msg *root, uint32_t flags)
{
	g_autofree char *subject = g_strdup_printf("Re: %s", root->subject);
	Msg *msg = fake_add(app, ago, from, subject, flags);
	msg->thread = root->thread;
	msg->depth = depth;
	msg->last_child = last;
}

static void
add_mail(App *app)
{
	fake_add(app, 600, "Budi Santoso", "Rapat besok pukul sembilan di kantor pusat", 0)->has_attachment = true;
	Msg *root = fake_add(app, 7200, "Ayu Lestari", "Jadwal jembatan", FLAG_SEEN);
	reply(app, 7000, "Siti Rahma", 1, false, root, FLAG_SEEN | FLAG_ANSWERED);
	reply(app, 6000, "Ayu Lestari", 2, true, root, FLAG_SEEN);
	reply(app, 5000, "Dewi Anggraini Kusumawardhani Putri", 1, true, root, 0);
	fake_add(app, 90000, "山田太郎", "会議の議事録をお送りします。ご確認ください。よろしくお願いいたします。", FLAG_SEEN);
	fake_add(app, 200000, "Café Zoë", "🎉 Undangan ulang tahun 🎂 – mañana", FLAG_SEEN | FLAG_FLAGGED);
	fake_add(app, 800000, "מאיר כהן", "שלום עולם", FLAG_SEEN | FLAG_FORWARDED);
	Msg *own = fake_add(app, 9000000, "Siti Rahma", "", FLAG_SEEN);
	g_free(own->from_addr);
	own->from_addr = g_strdup("siti@contoh.id");
	g_free(own->to);
	own->to = g_strdup("Budi Santoso <budi@contoh.id>");
	fake_add(app, 60000000, "", "[patch 3/7] fix a very long subject that goes on and on and does not end before the edge of any screen, not even of the widest "
		 "one that anybody could wish for, because it just goes on", FLAG_SEEN);
	const Msg *deep = fake_add(app, 70000000, "Milis", "Percakapan dalam", FLAG_SEEN);
	for (unsigned depth = 1; depth <= 9; depth++)
		reply(app, 70000000 - depth, "Peserta", depth, true, deep, FLAG_SEEN);
}

static void
test_list(void)
{
	App *app = fake_app_new(NULL);
	add_mail(app);
	check_sizes(app, "list");
	app->hints = false;
	app->side_focused = true;
	app->side_cursor = 6;
	((AppAccount *)g_ptr_array_index(app->accounts, 1))->state = ENGINE_OFFLINE;
	((AppAccount *)g_ptr_array_index(app->accounts, 0))->state = ENGINE_SYNCING;
	check_sizes(app, "folders");
	g_autofree char *narrow = draw(app, 60, 15);
	check_golden("folders-60x15", narrow);
	app->side_focused = false;
	g_autofree char *small = draw(app, 40, 10);
	check_golden("list-40x10", small);
	fake_app_free(app);
}

static void
test_list_that_is_empty_says_what_to_do(void)
{
	App *app = fake_app_new(NULL);
	g_autofree char *none = draw(app, 80, 24);
	g_assert_nonnull(strstr(none, "No mail here yet."));
	g_assert_nonnull(strstr(none, "$ syncs now."));
	fake_mailbox_set(fake_mailbox(app), "Search", "kopi", NULL, true, false);
	g_autofree char *searching = draw(app, 80, 24);
	g_assert_nonnull(strstr(searching, "Searching for \"kopi\""));
	fake_mailbox_set(fake_mailbox(app), "Search", "kopi", NULL, false, false);
	g_autofree char *nothing = draw(app, 80, 24);
	g_assert_nonnull(strstr(nothing, "Nothing found for \"kopi\""));
	fake_mailbox_set(fake_mailbox(app), "Inbox", NULL, "teh", false, false);
	g_autofree char *filtered = draw(app, 80, 24);
	g_assert_nonnull(strstr(filtered, "No message here matches \"teh\""));
	fake_app_free(app);
}

static Document *
long_document(void)
{
	Document *document = fake_document("Ayu Lestari <ayu@contoh.id>", "Siti Rahma <siti@contoh.id>, Budi <budi@contoh.id>", "Jadwal jembatan");
	fake_line(document, LINE_HEADING, 0, "Ringkasan");
	fake_line(document, LINE_TEXT, 0, "");
	fake_line(document, LINE_TEXT, 0, "Halo Siti, berikut jadwal yang kita bicarakan kemarin; tolong dibaca sampai selesai karena ada satu perubahan penting pada tahap "
		  "kedua, lihat contoh.id/jadwal [1] untuk gambar lengkapnya.");
	fake_span(document, "penting", SPAN_BOLD);
	fake_span(document, "contoh.id/jadwal [1]", SPAN_LINK);
	fake_line(document, LINE_TEXT, 0, "");
	fake_line(document, LINE_QUOTE, 1, "Apakah jadwalnya sudah pasti? Kontraktor menunggu jawaban kita sejak minggu lalu dan mereka mulai gelisah.");
	fake_line(document, LINE_QUOTE, 2, "Belum.");
	fake_line(document, LINE_TEXT, 0, "");
	fake_line(document, LINE_TABLE, 0, "tahap │ mulai      │ selesai");
	fake_line(document, LINE_PRE, 0, "diff --git a/jadwal b/jadwal");
	fake_line(document, LINE_PRE, 0, "-12 Nov");
	fake_span(document, "-12 Nov", SPAN_REMOVED);
	fake_line(document, LINE_PRE, 0, "+19 Nov");
	fake_span(document, "+19 Nov", SPAN_ADDED);
	fake_line(document, LINE_RULE, 0, "");
	fake_line(document, LINE_TEXT, 0, "会議は来週の月曜日に行います。資料は添付ファイルをご覧ください。質問があれば遠慮なくお知らせください。よろしくお願いします。");
	fake_line(document, LINE_TEXT, 0, "שלום עולם");
	fake_line(document, LINE_SIGNATURE, 0, "-- ");
	fake_line(document, LINE_SIGNATURE, 0, "Ayu Lestari");
	fake_part(document, "multipart/mixed", NULL, 90000, 0, false);
	fake_part(document, "text/plain", NULL, 2100, 1, false);
	fake_part(document, "application/pdf", "jadwal jembatan.pdf", 88012, 1, true);
	fake_link(document, "jadwal lengkap", "https://contoh.id/jadwal", false);
	fake_link(document, "www.bank.example", "https://jahat.example/masuk", true);
	return document;
}

static Reader *
push_reader(App *app)
{
	Place *place = fake_push(app, PLACE_READER);
	place->reader = g_new0(Reader, 1);
	place->reader->document = long_document();
	return place->reader;
}

static void
test_reader(void)
{
	App *app = fake_app_new(NULL);
	push_reader(app);
	check_sizes(app, "reader");
	fake_push(app, PLACE_PARTS);
	check_sizes(app, "parts");
	app_place(app)->kind = PLACE_LINKS;
	check_sizes(app, "links");
	fake_app_free(app);
}

static void
test_reader_stays_within_the_text(void)
{
	App *app = fake_app_new(NULL);
	Reader *reader = push_reader(app);
	reader->top = 100000;
	g_autofree char *end = draw(app, 80, 24);
	g_assert_cmpuint(reader->top + reader->height, ==, reader->lines);
	g_assert_nonnull(strstr(end, "end"));
	g_autofree char *wide = draw(app, 200, 60);
	g_assert_cmpuint(reader->top, ==, 0);
	fake_app_free(app);
}

static void
test_reader_finds_words_in_all_cases_and_goes_around(void)
{
	App *app = fake_app_new(NULL);
	Reader *reader = push_reader(app);
	for (int i = 0; i < 100; i++)
		fake_line(reader->document, LINE_TEXT, 0, i % 40 == 20 ? "Di sini ada KELAPA muda." : "Baris biasa.");
	reader->find = g_strdup("kelapa");
	g_autofree char *first = draw(app, 80, 24);
	unsigned top = reader->top;
	g_assert_nonnull(strstr(first, "KELAPA"));
	reader->find_step = 1;
	g_autofree char *second = draw(app, 80, 24);
	g_assert_cmpuint(reader->top, ==, top + 40);
	reader->find_step = 1;
	g_autofree char *around = draw(app, 80, 24);
	g_assert_cmpuint(reader->top, ==, top);
	fake_app_free(app);
}

static void
test_reader_that_waits_says_for_what(void)
{
	App *app = fake_app_new(NULL);
	Place *place = fake_push(app, PLACE_READER);
	place->reader = g_new0(Reader, 1);
	place->reader->waiting = g_strdup("Fetching the message from rumah...");
	g_autofree char *text = draw(app, 80, 24);
	g_assert_nonnull(strstr(text, "Fetching the message from rumah..."));
	fake_app_free(app);
}

static void
test_review(void)
{
	App *app = fake_app_new(NULL);
	Place *place = fake_push(app, PLACE_REVIEW);
	place->review = g_new0(Review, 1);
	Draft *draft = draft_new();
	place->review->draft = draft;
	draft->from = g_strdup("Siti Rahma <siti@contoh.id>");
	g_free(draft->to);
	draft->to = g_strdup("Budi Santoso <budi@contoh.id>, 山田太郎 <yamada@example.jp>");
	g_free(draft->subject);
	draft->subject = g_strdup("Re: Jadwal jembatan");
	g_free(draft->body);
	draft->body = g_strdup("Halo Budi,\n\nTerlampir jadwal yang baru.\n\n> Apakah jadwalnya sudah pasti?\n\nSalam,\nSiti\n");
	check_sizes(app, "review");
	g_free(draft->to);
	draft->to = g_strdup("");
	g_autofree char *nobody = draw(app, 80, 24);
	g_assert_nonnull(strstr(nobody, "Nobody to send it to yet."));
	fake_app_free(app);
}

static void
add_outbox(App *app, OutboxState state, const char *subject, const char *reply_text)
{
	OutboxRow *row = g_new0(OutboxRow, 1);
	row->outbox = g_new0(Outbox, 1);
	row->outbox->state = state;
	row->outbox->subject = g_strdup(subject);
	row->outbox->not_before = FAKE_NOW + 7;
	row->outbox->last_reply = g_strdup(reply_text);
	static OutboxRcpt rcpt = { .address = (char *)"budi@contoh.id" };
	row->outbox->rcpts = g_ptr_array_new();
	g_ptr_array_add(row->outbox->rcpts, &rcpt);
	g_ptr_array_add(app->outbox, row);
}

static void
test_outbox(void)
{
	App *app = fake_app_new(NULL);
	fake_push(app, PLACE_OUTBOX);
	g_autofree char *empty = draw(app, 80, 24);
	g_assert_nonnull(strstr(empty, "Nothing waits to be sent."));
	add_outbox(app, OUTBOX_HELD, "Makan siang", NULL);
	add_outbox(app, OUTBOX_UNKNOWN, "Laporan bulan November", NULL);
	add_outbox(app, OUTBOX_FAILED, "Undangan", "550 5.1.1 <budi@contoh.id>: Recipient address rejected");
	check_sizes(app, "outbox");
	g_assert_cmpint(app->ui.redraw_at, >, 0);
	fake_app_free(app);
}

static void
test_help_and_log(void)
{
	App *app = fake_app_new(NULL);
	Place *place = fake_push(app, PLACE_HELP);
	place->help_scope = SCOPE_READER;
	check_sizes(app, "help");
	place->cursor = 5000;
	g_autofree char *end = draw(app, 80, 24);
	g_assert_cmpuint(place->top + place->height, ==, place->rows);
	place->filter = g_strdup("trash conversation");
	g_autofree char *filtered = draw(app, 80, 24);
	g_assert_nonnull(strstr(filtered, "whole conversation to Trash"));
	g_assert_null(strstr(filtered, "Next line"));
	place->kind = PLACE_LOG;
	app_notice(app, NOTICE_ERROR, "kantor: certificate not trusted. Check the host name and the date; if the server is yours, set ca_file in surel.conf.");
	app_notice(app, NOTICE_GOOD, "Sent: Makan siang");
	check_sizes(app, "log");
	fake_app_free(app);
}

static void
test_prompt_with_completions(void)
{
	App *app = fake_app_new(NULL);
	add_mail(app);
	app->prompt = g_new0(Prompt, 1);
	app->prompt->kind = PROMPT_COMMAND;
	app->prompt->label = (char *)":";
	app->prompt->text = g_string_new("ar");
	app->prompt->cursor = 2;
	app->prompt->chosen = 1;
	app->prompt->completions = g_ptr_array_new_with_free_func((GDestroyNotify)completion_free);
	for (int id = COMMAND_ARCHIVE; id <= COMMAND_ARCHIVE_THREAD; id++) {
		Completion *completion = g_new0(Completion, 1);
		completion->text = g_strdup(command_row((CommandId)id)->name);
		completion->note = g_strdup_printf("%s  %s", command_row((CommandId)id)->keys, command_row((CommandId)id)->help);
		g_ptr_array_add(app->prompt->completions, completion);
	}
	check_sizes(app, "prompt");
	g_string_free(app->prompt->text, TRUE);
	g_ptr_array_unref(app->prompt->completions);
	g_clear_pointer(&app->prompt, g_free);
	fake_app_free(app);
}

static void
test_status_shows_news_then_what_goes_on(void)
{
	App *app = fake_app_new(NULL);
	AppAccount *account = g_ptr_array_index(app->accounts, 0);
	account->progress_what = (char *)"Inbox";
	account->progress_done = 120;
	account->progress_total = 400;
	account->state = ENGINE_SYNCING;
	g_autofree char *progress = draw(app, 80, 24);
	g_assert_nonnull(strstr(progress, "rumah: Inbox 120 of 400"));
	app_notice(app, NOTICE_ERROR, "Disk full.");
	app->ui.fixed_now += 60;
	g_autofree char *error = draw(app, 80, 24);
	g_assert_nonnull(strstr(error, "Disk full."));
	app->ui.notices_seen = app->notices->len;
	g_autofree char *seen = draw(app, 80, 24);
	g_assert_null(strstr(seen, "Disk full."));
	fake_app_free(app);
}

static void
test_any_size_is_drawn(void)
{
	App *app = fake_app_new(NULL);
	add_mail(app);
	g_autofree char *small = draw(app, 39, 24);
	g_assert_nonnull(strstr(small, "Window too small (40x10 needed)"));
	push_reader(app);
	for (int width = 1; width < 90; width += 3) {
		for (int height = 1; height < 30; height += 2) {
			g_autofree char *dump = draw(app, width, height);
			g_assert_nonnull(dump);
		}
	}
	fake_app_free(app);
}

/* Every row ends where the screen ends, whatever the subject is made of. */
static void
test_rows_are_as_wide_as_the_screen(void)
{
	App *app = fake_app_new(NULL);
	add_mail(app);
	for (int width = 40; width < 130; width++) {
		g_autofree char *dump = draw(app, width, 30);
		g_auto(GStrv) lines = g_strsplit(dump, "\n", -1);
		for (char **line = lines; *line; line++)
			g_assert_cmpint(text_width(*line), <=, width);
	}
	fake_app_free(app);
}

int
main(int argc, char **argv)
{
	g_setenv("TZ", "UTC", TRUE);
	g_assert_nonnull(setlocale(LC_ALL, "C.UTF-8"));
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/view/list/golden", test_list);
	g_test_add_func("/view/list/empty-says-what-to-do", test_list_that_is_empty_says_what_to_do);
	g_test_add_func("/view/list/rows-are-as-wide-as-the-screen", test_rows_are_as_wide_as_the_screen);
	g_test_add_func("/view/reader/golden", test_reader);
	g_test_add_func("/view/reader/stays-within-the-text", test_reader_stays_within_the_text);
	g_test_add_func("/view/reader/finds-words-and-goes-around", test_reader_finds_words_in_all_cases_and_goes_around);
	g_test_add_func("/view/reader/waiting-says-for-what", test_reader_that_waits_says_for_what);
	g_test_add_func("/view/review/golden", test_review);
	g_test_add_func("/view/outbox/golden", test_outbox);
	g_test_add_func("/view/help/golden", test_help_and_log);
	g_test_add_func("/view/prompt/golden", test_prompt_with_completions);
	g_test_add_func("/view/status/news-then-what-goes-on", test_status_shows_news_then_what_goes_on);
	g_test_add_func("/view/any-size-is-drawn", test_any_size_is_drawn);
	return g_test_run();
}
