/* tests/bench/bench-store.c: the store and the index: prints "name value unit" lines */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/store/fixture.h"

enum { REPEAT = 21, CHUNK = 500, INDEXED = 2000, FLAGGED = 10000 };

static double
now_ms(void)
{
	return (double)g_get_monotonic_time() / 1000;
}

static void
say(const char *name, double value, const char *unit)
{
	g_print("%s %.3f %s\n", name, value, unit);
}

static int
by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return left < right ? -1 : left > right;
}

static double
median(double *values, size_t n)
{
	qsort(values, n, sizeof *values, by_value);
	return values[n / 2];
}

/* Newest first, as an initial sync does. */
static double
fill(Fixture *fixture, unsigned n)
{
	double start = now_ms();
	for (unsigned left = n; left > 0;) {
		unsigned count = MIN(left, (unsigned)CHUNK);
		left -= count;
		put_made(fixture, fixture->inbox, left + 1, count);
	}
	return now_ms() - start;
}

static void
bench_open(unsigned n, const char *label)
{
	Fixture fixture;
	double cold[REPEAT], warm[REPEAT], threads[REPEAT];
	fixture_open(&fixture, false);
	double took = fill(&fixture, n);
	g_autofree char *insert = g_strdup_printf("store_insert_%s", label), *open = g_strdup_printf("store_open_first_50_%s", label),
			*flat = g_strdup_printf("store_list_50_%s", label), *threaded = g_strdup_printf("store_list_threads_50_%s", label);
	say(insert, n / took * 1000, "messages/s");
	for (size_t i = 0; i < REPEAT; i++) {
		ListSpec spec = { .folder = fixture.inbox };
		double start = now_ms();
		Store *store = store_open(fixture.dir, "test", STORE_UI, NULL);
		g_autoptr(GPtrArray) folders = store_folders(store, NULL);
		g_autoptr(GPtrArray) rows = store_list(store, &spec, LIST_NEWEST, LIST_OLDER, 50, NULL);
		cold[i] = now_ms() - start;
		start = now_ms();
		g_autoptr(GPtrArray) again = store_list(store, &spec, LIST_NEWEST, LIST_OLDER, 50, NULL);
		warm[i] = now_ms() - start;
		spec.threaded = true;
		start = now_ms();
		g_autoptr(GPtrArray) trees = store_list(store, &spec, LIST_NEWEST, LIST_OLDER, 50, NULL);
		threads[i] = now_ms() - start;
		store_close(store);
	}
	say(open, median(cold, REPEAT), "ms");
	say(flat, median(warm, REPEAT), "ms");
	say(threaded, median(threads, REPEAT), "ms");
	if (n >= FLAGGED) {
		g_autoptr(GPtrArray) rows = list_all(fixture.ui, fixture.inbox, false, LIST_ALL);
		g_autofree MsgId *ids = g_new(MsgId, FLAGGED);
		for (unsigned i = 0; i < FLAGGED; i++)
			ids[i] = ((Msg *)rows->pdata[i])->id;
		double start = now_ms();
		store_intent_flags(fixture.ui, ids, FLAGGED, FLAG_ANSWERED, 0, NULL, NULL);
		g_autofree char *safe = g_strdup_printf("store_flags_10k_safe_%s", label), *shown = g_strdup_printf("store_flags_10k_shown_%s", label),
				*applied = g_strdup_printf("store_flags_10k_applied_%s", label);
		say(safe, now_ms() - start, "ms");
		g_autoptr(GPtrArray) seen = store_list(fixture.ui, &(ListSpec){ .folder = fixture.inbox, .threaded = true }, LIST_NEWEST, LIST_OLDER, 50, NULL);
		say(shown, now_ms() - start, "ms");
		store_apply_pending(fixture.worker, NULL, NULL);
		say(applied, now_ms() - start, "ms");
		g_autofree char *words = g_strdup_printf("search_envelope_common_word_%s", label), *rare = g_strdup_printf("search_envelope_rare_word_%s", label);
		start = now_ms();
		g_autoptr(GPtrArray) many = store_search_envelopes(fixture.ui, "subject", 50, NULL);
		say(words, now_ms() - start, "ms");
		start = now_ms();
		g_autoptr(GPtrArray) few = store_search_envelopes(fixture.ui, "4711", 50, NULL);
		say(rare, now_ms() - start, "ms");
	}
	fixture_close(&fixture);
}

static char *
body(GRand *random, unsigned number)
{
	g_autofree char *head = make_message(number, NULL, 1700000000 + number);
	GString *text = g_string_new(head);
	for (unsigned i = 0; i < 1000; i++) {	/* about 6 KB of 20000 different words */
		unsigned word = (unsigned)(g_rand_double(random) * g_rand_double(random) * 20000);
		g_string_append_printf(text, "w%c%c%x%s", 'a' + (int)(word % 26), 'a' + (int)(word / 26 % 26), word, i % 12 == 11 ? "\n" : " ");
	}
	return g_string_free(text, FALSE);
}

static void
deliver_bodies(Fixture *fixture, unsigned n)
{
	g_autoptr(GRand) random = g_rand_new_with_seed(1);
	g_autoptr(Delivery) delivery = delivery_begin(fixture->worker, fixture->inbox, NULL);
	double took = 0;
	for (unsigned i = 1; i <= n; i++) {
		g_autofree char *text = body(random, i);
		int fd = -1;
		double start = now_ms();
		delivery_open(delivery, i, NULL, 0, 1700000000 + i, &fd, NULL);
		if (write(fd, text, strlen(text)) < 0)
			abort();
		delivery_finish(delivery, NULL);
		if (i % 50 == 0)
			delivery_commit(delivery, NULL, NULL);
		took += now_ms() - start;
	}
	say("delivery_durable", n / took * 1000, "messages/s");
}

static void
bench_index(void)
{
	Fixture fixture;
	fixture_open(&fixture, false);
	deliver_bodies(&fixture, INDEXED);
	double start = now_ms();
	g_autoptr(Index) index = index_open(fixture.dir, true, NULL);
	for (int64_t left = 1, done = 0; left > 0;)
		if (!index_work(index, fixture.worker, 400, 2000, &done, &left, NULL))
			abort();
	say("index_surel", INDEXED / (now_ms() - start) * 1000, "messages/s");
	g_autoptr(Index) reader = index_open(fixture.dir, false, NULL);
	start = now_ms();
	g_autoptr(GPtrArray) ids = index_search(reader, "body", 50, NULL);
	g_autoptr(GPtrArray) hits = search_resolve(&fixture.ui, 1, "body", ids, 50, NULL);
	say("search_body_first_50", now_ms() - start, "ms");
	g_autofree char *notmuch = g_find_program_in_path("notmuch");
	if (notmuch) {
		g_autofree char *database = fixture_path(&fixture, "mail/.notmuch");
		g_autofree char *config = g_strdup_printf("%s/notmuch.conf", fixture.dir);
		remove_tree(database);
		g_setenv("NOTMUCH_CONFIG", config, TRUE);
		g_unsetenv("XAPIAN_FLUSH_THRESHOLD");
		const char *argv[] = { notmuch, "new", "--quiet", NULL };
		int status = 1;
		start = now_ms();
		if (g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status, NULL) && status == 0)
			say("index_notmuch_new", INDEXED / (now_ms() - start) * 1000, "messages/s");
	}
	fixture_close(&fixture);
}

int
main(int argc, char **argv)
{
	(void)argv;	/* any argument: without the large one */
	setlocale(LC_ALL, "");
	bench_open(1000, "1k");
	bench_open(10000, "10k");
	if (argc < 2)
		bench_open(100000, "100k");
	bench_index();
	return 0;
}
