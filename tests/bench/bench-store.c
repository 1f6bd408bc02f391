/* tests/bench/bench-store.c: the store and the index: prints "name value unit" lines */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/store/fixture.h"

enum { REPEAT = 21, CHUNK = 1000, INDEXED = 2000, DELIVERED = 5000, GROUP = 50, FLAGGED = 10000, PAGE = 50 };
enum { FIRST = 1400000000, STEP_SECONDS = 300, VOCABULARY = 20000, PEOPLE = 5000 };

/* Time that passed, and time this process (all threads) kept a processor busy: the second one holds on a busy machine. */
typedef struct Watch { double wall, cpu; } Watch;

static double
clock_ms(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static Watch
watch_start(void)
{
	return (Watch){ clock_ms(CLOCK_MONOTONIC), clock_ms(CLOCK_PROCESS_CPUTIME_ID) };
}

static void
watch_stop(Watch started, Watch *total)
{
	total->wall += clock_ms(CLOCK_MONOTONIC) - started.wall;
	total->cpu += clock_ms(CLOCK_PROCESS_CPUTIME_ID) - started.cpu;
}

static void
say(const char *name, const char *label, double value, const char *unit)
{
	g_print("%s%s%s %.3f %s\n", name, label ? "_" : "", label ? label : "", value, unit);
	fflush(stdout);
}

static void
say_rate(const char *name, const char *label, unsigned n, Watch took)
{
	g_autofree char *busy = g_strconcat(name, "_per_cpu", NULL);
	say(name, label, n / took.wall * 1000, "messages/s");
	say(busy, label, n / took.cpu * 1000, "messages/s");
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

/* ---- made mail: some words are common, some people write much, a third of the messages are answers ---- */

static unsigned
skewed(GRand *random, unsigned n)
{
	double x = g_rand_double(random);
	return (unsigned)(x * x * x * n);
}

static void
append_person(GString *text, unsigned number)
{
	g_string_append_printf(text, "Person%u Family%u <p%u@host%u.example>", number % 800, number % 3100, number, number % 300);
}

static char *
make_headers(GRand *random, unsigned number)
{
	GString *text = g_string_new("From: ");
	append_person(text, skewed(random, PEOPLE));
	g_string_append(text, "\r\nTo: Me Myself <me@home.example>");
	if (number % 4 == 0) {
		g_string_append(text, ", ");
		append_person(text, skewed(random, PEOPLE));
	}
	g_string_append_printf(text, "\r\nSubject: %ssubject", number % 3 == 0 ? "Re: " : "");
	for (unsigned i = 0; i < 5; i++) {
		unsigned word = skewed(random, VOCABULARY);
		g_string_append_printf(text, " %c%cw%x", 'a' + (int)(word % 26), 'a' + (int)(word / 26 % 26), word);
	}
	int64_t date = FIRST + (int64_t)number * STEP_SECONDS;
	g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(date);
	g_autofree char *stamp = g_date_time_format(when, "%a, %d %b %Y %H:%M:%S +0000");
	g_string_append_printf(text, "\r\nDate: %s\r\nMessage-ID: <%u.%x.mail@host%u.example>\r\n", stamp, number, number * 2654435761u, number % 300);
	if (number % 3 == 0 && number > 40) {
		unsigned parent = number - 1 - skewed(random, 40);
		g_string_append_printf(text, "In-Reply-To: <%u.%x.mail@host%u.example>\r\nReferences: <%u.%x.mail@host%u.example>\r\n", parent,
				       parent * 2654435761u, parent % 300, parent, parent * 2654435761u, parent % 300);
	}
	g_string_append(text, "Content-Type: text/plain; charset=utf-8\r\n\r\n");
	return g_string_free(text, FALSE);
}

static void
put_chunk(Fixture *fixture, GRand *random, unsigned first, unsigned n, Watch *total)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
	g_autofree NewMsg *msgs = g_new0(NewMsg, n);
	for (unsigned i = 0; i < n; i++) {
		unsigned number = first + n - 1 - i;
		char *text = make_headers(random, number);
		g_ptr_array_add(texts, text);
		msgs[i] = (NewMsg){ .uid = number, .flags = number % 10 ? FLAG_SEEN : 0, .arrival = FIRST + (int64_t)number * STEP_SECONDS, .size = 5000,
				    .headers = text, .headers_size = strlen(text) };
		if (number % 50 == 0)
			msgs[i].flags |= FLAG_FLAGGED;
	}
	Watch start = watch_start();
	if (!store_put_headers(fixture->worker, fixture->inbox, msgs, n, &error))
		g_error("%s", error->message);
	watch_stop(start, total);
}

/* Newest first, as an initial sync does. */
static Watch
fill(Fixture *fixture, unsigned n)
{
	Watch took = { 0 };
	g_autoptr(GRand) random = g_rand_new_with_seed(1);
	for (unsigned left = n; left > 0;) {
		unsigned count = MIN(left, (unsigned)CHUNK);
		left -= count;
		put_chunk(fixture, random, left + 1, count, &took);
	}
	return took;
}

/* ---- what the screen asks for ---- */

static void
bench_lists(Fixture *fixture, const char *label)
{
	double open[REPEAT], flat[REPEAT], threads[REPEAT], counters[REPEAT];
	for (size_t i = 0; i < REPEAT; i++) {
		ListSpec spec = { .folder = fixture->inbox };
		double start = clock_ms(CLOCK_MONOTONIC);
		Store *store = store_open(fixture->dir, "test", STORE_UI, NULL);
		g_autoptr(GPtrArray) folders = store_folders(store, NULL);
		g_autoptr(GPtrArray) rows = store_list(store, &spec, LIST_NEWEST, LIST_OLDER, PAGE, NULL);
		open[i] = clock_ms(CLOCK_MONOTONIC) - start;
		start = clock_ms(CLOCK_MONOTONIC);
		g_autoptr(GPtrArray) again = store_list(store, &spec, LIST_NEWEST, LIST_OLDER, PAGE, NULL);
		flat[i] = clock_ms(CLOCK_MONOTONIC) - start;
		spec.threaded = true;
		start = clock_ms(CLOCK_MONOTONIC);
		g_autoptr(GPtrArray) trees = store_list(store, &spec, LIST_NEWEST, LIST_OLDER, PAGE, NULL);
		threads[i] = clock_ms(CLOCK_MONOTONIC) - start;
		start = clock_ms(CLOCK_MONOTONIC);
		g_autoptr(GPtrArray) counted = store_folders(store, NULL);
		counters[i] = clock_ms(CLOCK_MONOTONIC) - start;
		store_close(store);
	}
	say("store_open_first_50", label, median(open, REPEAT), "ms");
	say("store_list_50", label, median(flat, REPEAT), "ms");
	say("store_list_threads_50", label, median(threads, REPEAT), "ms");
	say("store_counters", label, median(counters, REPEAT), "ms");
}

static void
bench_places(Fixture *fixture, const char *label)
{
	for (int threaded = 0; threaded < 2; threaded++) {
		const char *kind = threaded ? "threads_" : "";
		ListSpec spec = { .folder = fixture->inbox, .threaded = threaded };
		g_autofree char *middle = g_strdup_printf("store_list_%smiddle", kind), *last = g_strdup_printf("store_list_%slast_page", kind),
				*rank = g_strdup_printf("store_%srank_middle", kind);
		g_autoptr(GPtrArray) newest = store_list(fixture->ui, &spec, LIST_NEWEST, LIST_OLDER, 1, NULL);
		int64_t when = (FIRST + ((const Msg *)newest->pdata[0])->date) / 2;
		double start = clock_ms(CLOCK_MONOTONIC);
		ListKey key = store_list_key_at(fixture->ui, &spec, when, NULL);
		g_autoptr(GPtrArray) rows = store_list(fixture->ui, &spec, key, LIST_OLDER, PAGE, NULL);
		say(middle, label, clock_ms(CLOCK_MONOTONIC) - start, "ms");
		start = clock_ms(CLOCK_MONOTONIC);
		g_autoptr(GPtrArray) oldest = store_list(fixture->ui, &spec, LIST_OLDEST, LIST_NEWER, PAGE, NULL);
		say(last, label, clock_ms(CLOCK_MONOTONIC) - start, "ms");
		start = clock_ms(CLOCK_MONOTONIC);
		store_list_rank(fixture->ui, &spec, key, NULL);
		say(rank, label, clock_ms(CLOCK_MONOTONIC) - start, "ms");
	}
}

static void
bench_words(Fixture *fixture, const char *label)
{
	static const struct { const char *name, *query; } searches[] = {
		{ "search_envelope_every_row", "subject" }, { "search_envelope_common_word", "aaw0" }, { "search_envelope_common_prefix", "aa" },
		{ "search_envelope_rare_word", "p4711" }, { "search_envelope_two_words", "subject aaw0" }, { "search_envelope_none", "nothing77" },
		{ "search_from", "from:person4" }, { "search_not", "-aaw0" }, { "search_unread", "is:unread" }, { "search_answered", "is:answered" },
		{ "search_in_trash", "in:trash" }, { "search_word_in_trash", "in:trash subject" }, { "search_old", "before:2014-05-20" },
		{ "search_attachment", "has:attachment" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(searches); i++) {
		double start = clock_ms(CLOCK_MONOTONIC);
		g_autoptr(GPtrArray) hits = search_resolve_within(&fixture->ui, 1, searches[i].query, NULL, 500, 30, NULL);
		say(searches[i].name, label, clock_ms(CLOCK_MONOTONIC) - start, "ms");
	}
	static const struct { const char *name, *typed; } addresses[] = { { "address_one_letter", "p" }, { "address_word", "famil" }, { "address_none", "zzz" } };
	for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
		double start = clock_ms(CLOCK_MONOTONIC);
		g_autoptr(GPtrArray) found = store_complete_address(fixture->ui, addresses[i].typed, 20, NULL);
		say(addresses[i].name, label, clock_ms(CLOCK_MONOTONIC) - start, "ms");
	}
	ListSpec narrowed = { .folder = fixture->inbox, .match = "subject" };
	double start = clock_ms(CLOCK_MONOTONIC);
	g_autoptr(GPtrArray) rows = store_list(fixture->ui, &narrowed, LIST_NEWEST, LIST_OLDER, PAGE, NULL);
	say("store_list_narrowed_every_row", label, clock_ms(CLOCK_MONOTONIC) - start, "ms");
	narrowed.match = "p4711";
	start = clock_ms(CLOCK_MONOTONIC);
	g_autoptr(GPtrArray) few = store_list(fixture->ui, &narrowed, LIST_NEWEST, LIST_OLDER, PAGE, NULL);
	say("store_list_narrowed_rare_word", label, clock_ms(CLOCK_MONOTONIC) - start, "ms");
}

static void
bench_flags(Fixture *fixture, const char *label)
{
	ListSpec spec = { .folder = fixture->inbox };
	g_autoptr(GPtrArray) rows = store_list(fixture->ui, &spec, LIST_NEWEST, LIST_OLDER, FLAGGED, NULL);
	g_autofree MsgId *ids = g_new(MsgId, FLAGGED);
	for (unsigned i = 0; i < FLAGGED; i++)
		ids[i] = ((Msg *)rows->pdata[i])->id;
	double start = clock_ms(CLOCK_MONOTONIC);
	store_intent_flags(fixture->ui, ids, FLAGGED, FLAG_ANSWERED, 0, NULL, NULL);
	say("store_flags_10k_safe", label, clock_ms(CLOCK_MONOTONIC) - start, "ms");
	spec.threaded = true;
	g_autoptr(GPtrArray) seen = store_list(fixture->ui, &spec, LIST_NEWEST, LIST_OLDER, PAGE, NULL);
	say("store_flags_10k_shown", label, clock_ms(CLOCK_MONOTONIC) - start, "ms");
	store_apply_pending(fixture->worker, NULL, NULL);
	say("store_flags_10k_applied", label, clock_ms(CLOCK_MONOTONIC) - start, "ms");
}

static double
memory_mb(void)
{
	g_autofree char *text = NULL;
	const char *line = g_file_get_contents("/proc/self/status", &text, NULL, NULL) ? strstr(text, "VmRSS:") : NULL;
	return line ? g_ascii_strtod(line + strlen("VmRSS:"), NULL) / 1024 : 0;
}

static void
bench_rows(unsigned n, const char *label)
{
	Fixture fixture;
	fixture_open(&fixture, false);
	say_rate("store_insert", label, n, fill(&fixture, n));
	bench_lists(&fixture, label);
	bench_places(&fixture, label);
	bench_words(&fixture, label);
	if (n >= FLAGGED)
		bench_flags(&fixture, label);
	say("store_memory", label, memory_mb(), "MB");
	fixture_close(&fixture);
}

/* ---- bodies ---- */

static char *
body(GRand *random, unsigned number)
{
	GString *text = g_string_new(NULL);
	g_autofree char *head = make_headers(random, number);
	g_string_append(text, head);
	for (unsigned i = 0; i < 1000; i++) {	/* about 6 KB */
		unsigned word = skewed(random, VOCABULARY);
		g_string_append_printf(text, "w%c%c%x%s", 'a' + (int)(word % 26), 'a' + (int)(word / 26 % 26), word, i % 12 == 11 ? "\n" : " ");
	}
	return g_string_free(text, FALSE);
}

static void
deliver_bodies(Fixture *fixture, unsigned n, const char *label)
{
	g_autoptr(GRand) random = g_rand_new_with_seed(1);
	g_autoptr(GError) error = NULL;
	g_autoptr(Delivery) delivery = delivery_begin(fixture->worker, fixture->inbox, NULL);
	Watch took = { 0 };
	for (unsigned i = 1; i <= n; i++) {
		g_autofree char *text = body(random, i);
		int fd = -1;
		Watch start = watch_start();
		if (!delivery_open(delivery, i, NULL, 0, FIRST + (int64_t)i * STEP_SECONDS, &fd, &error) || write(fd, text, strlen(text)) < 0 ||
		    !delivery_finish(delivery, &error) || (i % GROUP == 0 && !delivery_commit(delivery, NULL, &error)))
			g_error("%s", error ? error->message : "write");
		watch_stop(start, &took);
	}
	say_rate("delivery_durable", label, n, took);
}

/* The headers are there, the bodies follow: what a sync of an IMAP folder does. */
static void
bench_delivery(void)
{
	Fixture fixture;
	fixture_open(&fixture, false);
	deliver_bodies(&fixture, DELIVERED, "new");
	fixture_close(&fixture);
	fixture_open(&fixture, false);
	Watch took = fill(&fixture, DELIVERED);
	say_rate("store_insert", "5k", DELIVERED, took);
	deliver_bodies(&fixture, DELIVERED, "known");
	fixture_close(&fixture);
}

static double
children_ms(void)
{
	struct rusage used;
	getrusage(RUSAGE_CHILDREN, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
}

static void
run_notmuch(Fixture *fixture, unsigned n)
{
	g_autofree char *notmuch = g_find_program_in_path("notmuch"), *database = fixture_path(fixture, "mail/.notmuch");
	g_autofree char *config = g_strdup_printf("%s/notmuch.conf", fixture->dir);
	if (!notmuch)
		return;
	remove_tree(database);
	g_setenv("NOTMUCH_CONFIG", config, TRUE);
	g_unsetenv("XAPIAN_FLUSH_THRESHOLD");
	const char *argv[] = { notmuch, "new", "--quiet", NULL };
	int status = 1;
	double before = children_ms();
	Watch took = watch_start();
	if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status, NULL) || status != 0)
		return;
	took = (Watch){ clock_ms(CLOCK_MONOTONIC) - took.wall, children_ms() - before };
	say_rate("index_notmuch_new", NULL, n, took);
}

static void
bench_index(void)
{
	Fixture fixture;
	fixture_open(&fixture, false);
	deliver_bodies(&fixture, INDEXED, "new");
	Watch start = watch_start(), took = { 0 };
	g_autoptr(Index) index = index_open(fixture.dir, true, NULL);
	for (int64_t left = 1, done = 0; left > 0;)
		if (!index_work(index, fixture.worker, 200, 2000, &done, &left, NULL))
			abort();
	watch_stop(start, &took);
	say_rate("index_surel", NULL, INDEXED, took);
	g_autoptr(Index) reader = index_open(fixture.dir, false, NULL);
	double begun = clock_ms(CLOCK_MONOTONIC);
	g_autoptr(GPtrArray) ids = index_search(reader, "body:aaw0 or waa0", PAGE, NULL);
	g_autoptr(GPtrArray) hits = search_resolve(&fixture.ui, 1, "waa0", ids, PAGE, NULL);
	say("search_body_first_50", NULL, clock_ms(CLOCK_MONOTONIC) - begun, "ms");
	run_notmuch(&fixture, INDEXED);
	fixture_close(&fixture);
}

static bool
wanted(int argc, char **argv, const char *part, bool preset)
{
	bool found = argc < 2 && preset;
	for (int i = 1; i < argc; i++)
		found |= strcmp(argv[i], part) == 0;
	return found;
}

int
main(int argc, char **argv)
{
	static const struct { const char *part; unsigned n; bool preset; } sizes[] = {
		{ "1k", 1000, true }, { "10k", 10000, true }, { "100k", 100000, true }, { "1m", 1000000, false },
	};
	setlocale(LC_ALL, "");
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
		if (wanted(argc, argv, sizes[i].part, sizes[i].preset))
			bench_rows(sizes[i].n, sizes[i].part);
	if (wanted(argc, argv, "delivery", true))
		bench_delivery();
	if (wanted(argc, argv, "index", true))
		bench_index();
	return 0;
}
