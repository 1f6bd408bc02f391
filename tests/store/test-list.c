/* tests/store/test-list.c: windows of every kind of list against a naive model, with random mail and random intents */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "tests/store/fixture.h"

enum { N = 300, ROUNDS = 12 };

typedef struct Model { MsgId id; int64_t folder, date; uint32_t flags; unsigned root; int64_t thread; } Model;
typedef struct World { Fixture fixture; Model msgs[N]; GRand *random; } World;

static void
world_open(World *world, guint32 seed)
{
	fixture_open(&world->fixture, false);
	world->random = g_rand_new_with_seed(seed);
	for (unsigned i = 0; i < N; i++) {
		Model *model = &world->msgs[i];
		g_autofree char *parent = NULL;
		g_autoptr(GError) error = NULL;
		model->root = i;
		if (i && g_rand_int_range(world->random, 0, 3)) {
			unsigned of = (unsigned)g_rand_int_range(world->random, 0, (gint32)i);
			model->root = world->msgs[of].root;
			parent = g_strdup_printf("m%u@contoh.id", of);
		}
		model->date = 1700000000 + g_rand_int_range(world->random, 0, 400) * 100;	/* many the same */
		model->flags = (uint32_t)g_rand_int_range(world->random, 0, 8) & (FLAG_SEEN | FLAG_FLAGGED);
		FolderId folder = g_rand_boolean(world->random) ? world->fixture.inbox : world->fixture.archive;
		model->folder = folder.v;
		g_autofree char *text = make_message(i, parent, model->date);
		NewMsg msg = { .uid = i + 1, .flags = model->flags, .arrival = model->date, .size = 1000, .headers = text, .headers_size = strlen(text) };
		g_assert_true(store_put_headers(world->fixture.worker, folder, &msg, 1, &error));
	}
	for (unsigned i = 0; i < N; i++) {
		g_autofree char *id = g_strdup_printf("m%u@contoh.id", i);
		g_autoptr(GPtrArray) found = store_msgs_by_message_id(world->fixture.ui, id, NULL);
		g_assert_cmpuint(found->len, ==, 1);
		world->msgs[i].id = ((Msg *)found->pdata[0])->id;
		world->msgs[i].thread = ((Msg *)found->pdata[0])->thread;
	}
}

static void
world_close(World *world)
{
	g_rand_free(world->random);
	fixture_close(&world->fixture);
}

static bool
wanted(const Model *model, const ListSpec *spec)
{
	return model->folder == spec->folder.v && (spec->filter != LIST_UNREAD || !(model->flags & FLAG_SEEN)) &&
	       (spec->filter != LIST_FLAGGED || model->flags & FLAG_FLAGGED);
}

static int64_t
thread_date(const World *world, const Model *of)
{
	int64_t newest = 0;
	for (unsigned i = 0; i < N; i++)
		if (world->msgs[i].thread == of->thread && world->msgs[i].folder == of->folder)
			newest = MAX(newest, world->msgs[i].date);
	return newest;
}

/* All rows by windows of count, from the newest on or from the oldest back. */
static GPtrArray *
walk(Store *store, const ListSpec *spec, ListDirection direction, unsigned count)
{
	GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)msg_free);
	ListKey key = direction == LIST_OLDER ? LIST_NEWEST : LIST_OLDEST;
	for (;;) {
		g_autoptr(GError) error = NULL;
		g_autoptr(GPtrArray) window = store_list(store, spec, key, direction, count, &error);
		g_assert_no_error(error);
		if (window->len == 0)
			return all;
		key = list_key(spec, window->pdata[direction == LIST_OLDER ? window->len - 1 : 0]);
		g_ptr_array_set_free_func(window, NULL);
		for (guint i = 0; i < window->len; i++)
			g_ptr_array_insert(all, direction == LIST_OLDER ? -1 : (gint)i, window->pdata[i]);
	}
}

static void
check_rows(World *world, const ListSpec *spec, const GPtrArray *rows)
{
	unsigned expected = 0;
	for (unsigned i = 0; i < N; i++)
		expected += wanted(&world->msgs[i], spec);
	g_assert_cmpuint(rows->len, ==, expected);
	g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal), threads = g_hash_table_new(g_int64_hash, g_int64_equal);
	for (guint i = 0; i < rows->len; i++) {
		const Msg *msg = rows->pdata[i], *before = i ? rows->pdata[i - 1] : NULL;
		const Model *model = &world->msgs[atoi(msg->message_id + 1)];
		g_assert_true(wanted(model, spec));
		g_assert_cmpuint(msg->flags, ==, model->flags);
		g_assert_true(g_hash_table_add(seen, (gpointer)&msg->id.v));
		ListKey key = list_key(spec, msg), last = before ? list_key(spec, before) : LIST_NEWEST;
		bool same = before && last.date == key.date && last.id == key.id;
		g_assert_true(last.date > key.date || (last.date == key.date && last.id > key.id) || (spec->threaded && same));
		if (!spec->threaded)
			continue;
		g_assert_cmpint(msg->thread_date, ==, thread_date(world, model));
		g_assert_true(same || g_hash_table_add(threads, (gpointer)&msg->thread));	/* each conversation in one piece */
		g_assert_cmpint(msg->depth == 0, ==, !same);
		g_assert_cmpuint(msg->depth, <=, before && same ? before->depth + 1 : 0);
	}
}

static void
check_lists(World *world, Store *store)
{
	const FolderId folders[] = { world->fixture.inbox, world->fixture.archive };
	for (unsigned i = 0; i < 2 * 2 * 3; i++) {
		ListSpec spec = { .folder = folders[i % 2], .threaded = i / 2 % 2, .filter = (ListFilter)(i / 4) };
		for (unsigned count = 3; count < 400; count *= 11) {
			g_autoptr(GPtrArray) down = walk(store, &spec, LIST_OLDER, count), up = walk(store, &spec, LIST_NEWER, count);
			check_rows(world, &spec, down);
			g_assert_cmpuint(up->len, ==, down->len);
			for (guint at = 0; at < up->len; at++)
				g_assert_cmpint(((Msg *)up->pdata[at])->id.v, ==, ((Msg *)down->pdata[at])->id.v);
			guint at = down->len / 2;
			if (down->len && !spec.threaded)
				g_assert_cmpint(store_list_rank(store, &spec, list_key(&spec, down->pdata[at]), NULL), ==, at);
		}
	}
	for (unsigned f = 0; f < 2; f++) {
		g_autoptr(Folder) folder = store_folder(store, folders[f], NULL);
		int64_t total = 0, unread = 0, flagged = 0;
		for (unsigned i = 0; i < N; i++) {
			bool here = world->msgs[i].folder == folders[f].v;
			total += here;
			unread += here && !(world->msgs[i].flags & FLAG_SEEN);
			flagged += here && world->msgs[i].flags & FLAG_FLAGGED;
		}
		g_assert_cmpint(folder->total, ==, total);
		g_assert_cmpint(folder->unread, ==, unread);
		g_assert_cmpint(folder->flagged, ==, flagged);
	}
}

/* One intent on some random messages, in the model too. */
static void
random_intent(World *world)
{
	Fixture *fixture = &world->fixture;
	MsgId ids[20];
	unsigned n = (unsigned)g_rand_int_range(world->random, 1, 20), kind = (unsigned)g_rand_int_range(world->random, 0, 5);
	FolderId target = g_rand_boolean(world->random) ? fixture->inbox : fixture->archive;
	uint32_t set = kind < 2 ? (kind ? FLAG_FLAGGED : FLAG_SEEN) : 0, clear = kind == 2 ? FLAG_SEEN | FLAG_FLAGGED : 0;
	g_autoptr(GError) error = NULL;
	for (unsigned i = 0; i < n; i++) {
		Model *model = &world->msgs[g_rand_int_range(world->random, 0, N)];
		ids[i] = model->id;
		if (model->folder == 0)
			continue;
		model->flags = (model->flags | set) & ~clear;
		model->folder = kind < 3 ? model->folder : kind == 3 ? target.v : 0;
	}
	if (kind < 3)
		g_assert_true(store_intent_flags(fixture->ui, ids, n, set, clear, NULL, &error));
	else if (kind == 3)
		g_assert_true(store_intent_move(fixture->ui, ids, n, target, NULL, &error));
	else
		g_assert_true(store_intent_delete(fixture->ui, ids, n, NULL, &error));
	g_assert_no_error(error);
}

static void
test_windows_are_the_model(void)
{
	for (guint32 seed = 1; seed <= 2; seed++) {
		World world;
		world_open(&world, seed);
		check_lists(&world, world.fixture.ui);
		for (unsigned round = 0; round < ROUNDS; round++) {
			for (unsigned i = 0; i <= round % 4; i++)
				random_intent(&world);
			check_lists(&world, world.fixture.ui);	/* laid over */
			if (round % 3 == 2) {
				g_assert_true(store_apply_pending(world.fixture.worker, NULL, NULL));
				check_lists(&world, world.fixture.ui);	/* applied */
			}
		}
		g_assert_true(store_apply_pending(world.fixture.worker, NULL, NULL));
		g_assert_cmpuint(check_problems(world.fixture.worker), ==, 0);
		world_close(&world);
	}
}

static void
test_conversations_are_what_references_say(void)
{
	World world;
	world_open(&world, 7);
	for (unsigned i = 0; i < N; i++)
		for (unsigned j = 0; j < i; j++)
			g_assert_cmpint(world.msgs[i].thread == world.msgs[j].thread, ==, world.msgs[i].root == world.msgs[j].root);
	g_autoptr(GPtrArray) thread = store_thread(world.fixture.ui, world.msgs[N - 1].thread, NULL);
	unsigned expected = 0;
	for (unsigned i = 0; i < N; i++)
		expected += world.msgs[i].thread == world.msgs[N - 1].thread;
	g_assert_cmpuint(thread->len, ==, expected);
	world_close(&world);
}

static void
test_late_parent_joins_two_conversations(void)
{
	Fixture fixture;
	fixture_open(&fixture, false);
	g_autofree char *a = make_message(1, "m0@contoh.id", 1700000100), *b = make_message(2, "m9@contoh.id", 1700000200),
			*both = make_message(0, "m9@contoh.id", 1700000000);
	NewMsg msgs[] = { { .uid = 1, .headers = a, .headers_size = strlen(a) }, { .uid = 2, .headers = b, .headers_size = strlen(b) } };
	NewMsg last = { .uid = 3, .headers = both, .headers_size = strlen(both) };
	g_assert_true(store_put_headers(fixture.worker, fixture.inbox, msgs, 2, NULL));
	g_autoptr(GPtrArray) apart = list_all(fixture.ui, fixture.inbox, true, LIST_ALL);
	g_assert_cmpint(((Msg *)apart->pdata[0])->thread, !=, ((Msg *)apart->pdata[1])->thread);
	g_assert_true(store_put_headers(fixture.worker, fixture.inbox, &last, 1, NULL));
	g_autoptr(GPtrArray) joined = list_all(fixture.ui, fixture.inbox, true, LIST_ALL);
	g_assert_cmpuint(joined->len, ==, 3);
	for (guint i = 0; i < 3; i++)
		g_assert_cmpuint(((Msg *)joined->pdata[i])->thread_size, ==, 3);
	g_assert_cmpuint(check_problems(fixture.worker), ==, 0);
	fixture_close(&fixture);
}

static void
test_words_narrow_a_list(void)
{
	Fixture fixture;
	fixture_open(&fixture, false);
	put_made(&fixture, fixture.inbox, 1, 30);
	ListSpec spec = { .folder = fixture.inbox, .match = "wei subj" };
	g_autoptr(GPtrArray) found = store_list(fixture.ui, &spec, LIST_NEWEST, LIST_OLDER, 50, NULL);
	g_assert_cmpuint(found->len, ==, 6);
	spec.threaded = true;
	g_autoptr(GPtrArray) threaded = store_list(fixture.ui, &spec, LIST_NEWEST, LIST_OLDER, 50, NULL);
	g_assert_cmpuint(threaded->len, ==, 6);
	spec.match = "\" ' * (";	/* nothing to look for: everything */
	g_autoptr(GPtrArray) all = store_list(fixture.ui, &spec, LIST_NEWEST, LIST_OLDER, 50, NULL);
	g_assert_cmpuint(all->len, ==, 30);
	fixture_close(&fixture);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/store/list/windows-are-the-model", test_windows_are_the_model);
	g_test_add_func("/store/list/conversations-are-what-references-say", test_conversations_are_what_references_say);
	g_test_add_func("/store/list/late-parent-joins-two-conversations", test_late_parent_joins_two_conversations);
	g_test_add_func("/store/list/words-narrow-a-list", test_words_narrow_a_list);
	return g_test_run();
}
