/* tests/store/test-durable.c: kill -9, lost and damaged files, a full disk: nothing is lost, nothing doubled */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/store/fixture.h"

enum { MESSAGES = 30, KILLS = 25, GROUP = 10, DOWNLOADS = 300 };

/* Runs work in a child on the fixture's directory and kills it after a random time; max_us 0: lets it end. Two times of three the time
 * begins when the store is open, so that the work is hit however busy the machine is; else the opening may be hit too. */
static void
run_and_kill(Fixture *fixture, void (*work)(Fixture *fixture, unsigned seed), unsigned seed, unsigned max_us)
{
	int ready[2], status = 0;
	char byte = 0;
	g_clear_pointer(&fixture->ui, store_close);
	g_clear_pointer(&fixture->worker, store_close);
	g_assert_cmpint(pipe(ready), ==, 0);
	pid_t child = fork();
	if (child == 0) {
		fixture_reopen(fixture);
		bool told = write(ready[1], &byte, 1) == 1;
		work(fixture, seed);
		_exit(told ? 0 : 1);
	}
	close(ready[1]);
	if (seed % 3 != 0)
		g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
	if (max_us) {
		g_usleep((gulong)g_random_int_range(500, (gint32)max_us));
		kill(child, SIGKILL);
	}
	waitpid(child, &status, 0);
	close(ready[0]);
	g_assert_true(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : max_us != 0);
	fixture_reopen(fixture);
	g_assert_true(store_apply_pending(fixture->worker, NULL, NULL));
}

static unsigned
count_files(const char *path)
{
	g_autoptr(GDir) listing = g_dir_open(path, 0, NULL);
	unsigned n = 0;
	const char *name;
	if (!listing)
		return 1;
	while ((name = g_dir_read_name(listing))) {
		g_autofree char *child = g_build_filename(path, name, NULL);
		n += count_files(child);
	}
	return n;
}

static void
shuffle_mail(Fixture *fixture, unsigned seed)
{
	g_autoptr(GRand) random = g_rand_new_with_seed(seed);
	const FolderId folders[] = { fixture->inbox, fixture->archive, fixture->trash };
	for (;;) {
		for (unsigned i = 0; i < 3; i++) {
			g_autofree char *name = g_strdup_printf("m%d@contoh.id", g_rand_int_range(random, 1, MESSAGES + 1));
			g_autoptr(GPtrArray) found = store_msgs_by_message_id(fixture->ui, name, NULL);
			if (found->len == 0)
				continue;
			MsgId id = ((Msg *)found->pdata[0])->id;
			uint32_t flag = g_rand_boolean(random) ? FLAG_SEEN : FLAG_FLAGGED;
			store_intent_move(fixture->ui, &id, 1, folders[g_rand_int_range(random, 0, 3)], NULL, NULL);
			store_intent_flags(fixture->ui, &id, 1, flag, flag ^ (FLAG_SEEN | FLAG_FLAGGED), NULL, NULL);
		}
		store_apply_pending(fixture->worker, NULL, NULL);
	}
}

static void
test_killed_while_moving(void)
{
	Fixture fixture;
	fixture_open(&fixture, true);
	for (unsigned i = 1; i <= MESSAGES; i++) {
		g_autofree char *key = g_strdup_printf("uidl-%u", i);
		deliver_made(&fixture, fixture.inbox, 0, key, i);
	}
	for (unsigned run = 0; run < KILLS; run++) {
		run_and_kill(&fixture, shuffle_mail, run, 60000 + run * 10000);
		for (unsigned i = 1; i <= MESSAGES; i++) {
			g_autofree char *name = g_strdup_printf("m%u@contoh.id", i), *key = g_strdup_printf("uidl-%u", i);
			g_autoptr(GPtrArray) found = store_msgs_by_message_id(fixture.ui, name, NULL);
			g_assert_cmpuint(found->len, ==, 1);
			g_autoptr(GError) error = NULL;
			g_assert_true(store_uidl_verify(fixture.worker, key, &error));
			g_assert_no_error(error);
		}
		g_autofree char *mail = fixture_path(&fixture, "mail");
		g_assert_cmpuint(count_files(mail), ==, MESSAGES);
		g_assert_cmpuint(check_problems(fixture.worker), ==, 0);
	}
	fixture_close(&fixture);
}

static void
download(Fixture *fixture, unsigned seed)
{
	(void)seed;
	g_autoptr(GHashTable) known = store_uidls(fixture->worker, NULL);
	g_autoptr(Delivery) delivery = delivery_begin(fixture->worker, fixture->inbox, NULL);
	unsigned open = 0;
	for (unsigned i = 1; i <= DOWNLOADS; i++) {
		g_autofree char *key = g_strdup_printf("uidl-%u", i), *text = make_message(i, NULL, 1700000000 + i);
		const Uidl *uidl = g_hash_table_lookup(known, key);
		int fd = -1;
		if (uidl && uidl->state >= UIDL_STORED)
			continue;
		if (!delivery_open(delivery, 0, key, 0, 1700000000 + i, &fd, NULL) || write(fd, text, strlen(text)) < 0 || !delivery_finish(delivery, NULL))
			_exit(1);
		if (++open % GROUP == 0)
			delivery_commit(delivery, NULL, NULL);
	}
	delivery_commit(delivery, NULL, NULL);
}

static void
test_killed_while_downloading(void)
{
	Fixture fixture;
	fixture_open(&fixture, true);
	for (unsigned run = 0; run <= KILLS; run++) {
		run_and_kill(&fixture, download, run, run < KILLS ? 20000 + run * 4000 : 0);
		g_autoptr(GHashTable) known = store_uidls(fixture.worker, NULL);
		GHashTableIter iter;
		gpointer value;
		g_hash_table_iter_init(&iter, known);
		while (g_hash_table_iter_next(&iter, NULL, &value)) {
			const Uidl *uidl = value;
			g_assert_true(store_uidl_verify(fixture.worker, uidl->uidl, NULL));
			g_assert_cmpint(uidl->msg.v, !=, 0);
		}
		g_assert_cmpuint(check_problems(fixture.worker), ==, 0);
	}
	g_autoptr(Folder) inbox = store_folder(fixture.ui, fixture.inbox, NULL);
	g_assert_cmpint(inbox->total, ==, DOWNLOADS);
	g_autofree char *cur = fixture_path(&fixture, "mail/test/Inbox/cur");
	g_assert_cmpuint(count_files(cur), ==, DOWNLOADS);
	fixture_close(&fixture);
}

static BuiltMail
built(unsigned number, GByteArray *bytes, GPtrArray *rcpts)
{
	g_autofree char *text = make_message(number, NULL, 1700000000 + number);
	g_byte_array_append(bytes, (const guint8 *)text, (guint)strlen(text));
	g_ptr_array_add(rcpts, (char *)"a@contoh.id");
	return (BuiltMail){ .bytes = bytes, .sent_copy = bytes, .mail_from = (char *)"me@contoh.id", .recipients = rcpts, .message_id = NULL };
}

static bool
add_to_outbox(Store *store, unsigned number, int64_t *ret_id)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	g_autoptr(GPtrArray) rcpts = g_ptr_array_new();
	BuiltMail mail = built(number, bytes, rcpts);
	g_autofree char *message_id = g_strdup_printf("m%u@contoh.id", number);
	mail.message_id = message_id;
	return store_outbox_add(store, &mail, "subject", "To: a@contoh.id\n\nbody\n", NULL, false, 0, ret_id, NULL);
}

static void
send_mail(Fixture *fixture, unsigned seed)
{
	store_outbox_recover(fixture->worker, NULL);
	for (unsigned i = 0;; i++) {
		int64_t next, id;
		if (!add_to_outbox(fixture->ui, seed * 10000 + i, &id))
			_exit(1);
		g_autoptr(Outbox) due = store_outbox_due(fixture->worker, 1, &next, NULL);
		if (!due)
			continue;
		store_outbox_move(fixture->worker, due->id, 1u << OUTBOX_QUEUED, OUTBOX_SENDING, NULL, 0, NULL);
		store_outbox_move(fixture->worker, due->id, 1u << OUTBOX_SENDING, OUTBOX_COMMITTING, NULL, 0, NULL);
		store_outbox_move(fixture->worker, due->id, 1u << OUTBOX_COMMITTING, OUTBOX_ACCEPTED, "250 ok", 0, NULL);
		store_outbox_file(fixture->worker, due->id, true, NULL);
		store_apply_pending(fixture->worker, NULL, NULL);
	}
}

static void
test_killed_while_sending(void)
{
	Fixture fixture;
	fixture_open(&fixture, false);
	unsigned filed_once = 0;
	for (unsigned run = 1; run <= KILLS || (!filed_once && run <= 8 * KILLS); run++) {
		run_and_kill(&fixture, send_mail, run, 60000 + run * 16000);
		g_assert_true(store_outbox_recover(fixture.worker, NULL));
		for (int64_t id = 1;; id++) {
			g_autoptr(Outbox) outbox = store_outbox_get(fixture.worker, id, NULL);
			if (!outbox)
				break;
			g_assert_cmpint(outbox->state, !=, OUTBOX_SENDING);
			g_assert_cmpint(outbox->state, !=, OUTBOX_COMMITTING);
			bool filed = outbox->state == OUTBOX_FILED;
			filed_once += filed;
			g_autoptr(GPtrArray) copies = store_msgs_by_message_id(fixture.ui, outbox->message_id, NULL);
			g_assert_cmpuint(copies->len, ==, filed ? 1 : 0);
			g_assert_cmpuint(outbox->rcpts->len, ==, 1);
			if (!filed)
				g_assert_true(g_file_test(outbox->path, G_FILE_TEST_EXISTS) && g_file_test(outbox->sent_path, G_FILE_TEST_EXISTS));
		}
	}
	g_autoptr(Folder) sent = store_folder(fixture.ui, fixture.sent, NULL);
	g_assert_cmpint(sent->total, >, 0);
	g_assert_cmpuint(check_problems(fixture.worker), ==, 0);
	fixture_close(&fixture);
}

static void
lose_cache(Fixture *fixture)
{
	static const char *const names[] = { "accounts/test/cache.db", "accounts/test/cache.db-wal", "accounts/test/cache.db-shm" };
	g_clear_pointer(&fixture->ui, store_close);
	g_clear_pointer(&fixture->worker, store_close);
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = fixture_path(fixture, names[i]);
		g_unlink(path);
	}
	fixture_reopen(fixture);
}

static void
test_deleted_cache_is_made_again(void)
{
	Fixture fixture;
	fixture_open(&fixture, true);
	for (unsigned i = 1; i <= MESSAGES; i++) {
		g_autofree char *key = g_strdup_printf("uidl-%u", i);
		MsgId id = deliver_made(&fixture, fixture.inbox, 0, key, i);
		if (i % 3 == 0)
			store_intent_flags(fixture.ui, &id, 1, i % 2 ? FLAG_SEEN : FLAG_FLAGGED, 0, NULL, NULL);
		if (i % 4 == 0)
			store_intent_move(fixture.ui, &id, 1, fixture.archive, NULL, NULL);
	}
	g_assert_true(store_apply_pending(fixture.worker, NULL, NULL));
	MsgId last = newest(fixture.ui, fixture.inbox);
	g_assert_true(store_intent_move(fixture.ui, &last, 1, fixture.trash, NULL, NULL));	/* not applied: ops.db has it */
	g_autofree char *inbox = list_text(fixture.ui, fixture.inbox, true, LIST_ALL), *archive = list_text(fixture.ui, fixture.archive, true, LIST_ALL);
	lose_cache(&fixture);
	g_autofree char *inbox_now = list_text(fixture.ui, fixture.inbox, true, LIST_ALL), *archive_now = list_text(fixture.ui, fixture.archive, true, LIST_ALL);
	g_assert_cmpstr(inbox, ==, inbox_now);
	g_assert_cmpstr(archive, ==, archive_now);
	g_assert_true(store_rebuild(fixture.worker, NULL, NULL, NULL));
	g_autofree char *inbox_then = list_text(fixture.ui, fixture.inbox, true, LIST_ALL);
	g_assert_cmpstr(inbox, ==, inbox_then);
	g_autoptr(GHashTable) known = store_uidls(fixture.worker, NULL);
	g_assert_cmpuint(g_hash_table_size(known), ==, MESSAGES);
	g_assert_true(store_uidl_verify(fixture.worker, "uidl-4", NULL));
	g_assert_cmpuint(check_problems(fixture.worker), ==, 0);
	fixture_close(&fixture);
}

/* A process that has cache.db open while it is deleted and made anew goes over to the new one. */
static void
test_deleted_cache_is_noticed(void)
{
	Fixture fixture;
	fixture_open(&fixture, true);
	deliver_made(&fixture, fixture.inbox, 0, "one", 1);
	int64_t before = store_generation(fixture.ui);
	g_autofree char *cache = fixture_path(&fixture, "accounts/test/cache.db");
	g_assert_cmpint(g_unlink(cache), ==, 0);
	g_assert_cmpint(store_generation(fixture.ui), ==, before);	/* nothing new yet: the old file serves */
	g_clear_pointer(&fixture.worker, store_close);
	fixture.worker = store_open(fixture.dir, "test", STORE_WORKER, NULL);
	g_assert_nonnull(fixture.worker);
	g_autoptr(Folder) inbox = store_folder_by_role(fixture.worker, ROLE_INBOX, NULL);
	fixture.inbox = inbox->id;
	deliver_made(&fixture, fixture.inbox, 0, "two", 2);
	g_assert_cmpint(store_generation(fixture.ui), >, before);
	g_autoptr(GPtrArray) all = list_all(fixture.ui, fixture.inbox, false, LIST_ALL);
	g_assert_cmpuint(all->len, ==, 2);
	fixture_close(&fixture);
}

static void
test_intents_survive_a_lost_cache(void)
{
	Fixture fixture;
	fixture_open(&fixture, false);
	put_made(&fixture, fixture.inbox, 1, 9);
	deliver_made(&fixture, fixture.inbox, 8, NULL, 8);
	g_autoptr(GPtrArray) all = list_all(fixture.ui, fixture.inbox, false, LIST_ALL);
	MsgId nine = ((Msg *)all->pdata[0])->id, eight = ((Msg *)all->pdata[1])->id;
	g_assert_true(store_intent_move(fixture.ui, &nine, 1, fixture.archive, NULL, NULL));
	g_assert_true(store_intent_flags(fixture.ui, &eight, 1, FLAG_FLAGGED, 0, NULL, NULL));
	g_assert_true(store_apply_pending(fixture.worker, NULL, NULL));
	lose_cache(&fixture);
	g_assert_true(store_folder_synced(fixture.worker, fixture.inbox, 7, 10, 0, false, NULL));
	put_made(&fixture, fixture.inbox, 1, 9);	/* the next pull */
	g_autoptr(Folder) inbox = store_folder(fixture.ui, fixture.inbox, NULL);
	g_assert_cmpint(inbox->total, ==, 8);	/* nine stays hidden, eight is not doubled */
	g_autoptr(GPtrArray) copies = store_msgs_by_message_id(fixture.ui, "m8@contoh.id", NULL);
	g_assert_cmpuint(copies->len, ==, 1);
	const Msg *msg = copies->pdata[0];
	g_assert_cmpint(msg->state, ==, MSG_FULL);
	g_assert_cmpuint(msg->uid, ==, 8);
	g_assert_true(msg->flags & FLAG_FLAGGED);
	g_autoptr(GPtrArray) due = store_ops_due(fixture.worker, NULL);
	g_assert_cmpuint(due->len, ==, 2);
	g_assert_cmpuint(((Op *)due->pdata[0])->uid + ((Op *)due->pdata[1])->uid, ==, 17);
	fixture_close(&fixture);
}

static void
scribble(const Fixture *fixture, const char *name, long at, size_t size)
{
	g_autofree char *path = fixture_path(fixture, name);
	FILE *file = g_fopen(path, "r+b");
	g_assert_nonnull(file);
	fseek(file, at, SEEK_SET);
	for (size_t i = 0; i < size; i++)
		fputc((int)(i * 37 % 251), file);
	fclose(file);
}

static void
test_damaged_cache_is_set_aside(void)
{
	Fixture fixture;
	fixture_open(&fixture, true);
	for (unsigned i = 1; i <= MESSAGES; i++)
		deliver_made(&fixture, fixture.inbox, 0, NULL, i);
	g_autofree char *before = list_text(fixture.ui, fixture.inbox, true, LIST_ALL);
	for (long at = 0; at <= 8192; at += 8192) {
		g_clear_pointer(&fixture.ui, store_close);
		g_clear_pointer(&fixture.worker, store_close);
		scribble(&fixture, "accounts/test/cache.db", at, at ? 60000 : 4096);
		fixture_reopen(&fixture);
		g_autofree char *after = list_text(fixture.ui, fixture.inbox, true, LIST_ALL), *aside = fixture_path(&fixture, "accounts/test/cache.db.damaged");
		g_assert_cmpstr(before, ==, after);
		g_assert_true(g_file_test(aside, G_FILE_TEST_EXISTS));
		g_unlink(aside);
	}
	fixture_close(&fixture);
}

static void
test_damaged_journal_is_never_guessed(void)
{
	Fixture fixture;
	g_autoptr(GError) error = NULL;
	fixture_open(&fixture, true);
	deliver_made(&fixture, fixture.inbox, 0, "uidl-1", 1);
	g_autofree char *backup = fixture_path(&fixture, "accounts/test/ops.db.bak");
	g_assert_true(g_file_test(backup, G_FILE_TEST_EXISTS));
	g_clear_pointer(&fixture.ui, store_close);
	g_clear_pointer(&fixture.worker, store_close);
	scribble(&fixture, "accounts/test/ops.db", 0, 4096);
	g_assert_null(store_open(fixture.dir, "test", STORE_WORKER, &error));
	g_assert_error(error, SUREL_ERROR, ERROR_STORE);
	g_assert_nonnull(strstr(error->message, "ops.db is damaged"));
	g_assert_nonnull(strstr(error->message, backup));
	g_autofree char *ops = fixture_path(&fixture, "accounts/test/ops.db");
	g_assert_cmpint(g_rename(backup, ops), ==, 0);
	fixture_reopen(&fixture);
	fixture_close(&fixture);
}

static bool
write_map(const char *path, unsigned id)
{
	g_autofree char *map = g_strdup_printf("0 %u 1", id);
	FILE *file = g_fopen(path, "w");
	bool ok = file && fputs(map, file) >= 0;
	return file && fclose(file) == 0 && ok;
}

static bool
own_mounts(void)
{
	unsigned user = getuid();
	if (user == 0)
		return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_map("/proc/self/uid_map", user);
}

/* In a child of its own user and mount name space: a disk of 2 MB. 77: not allowed here. */
static int
fill_disk(void)
{
	g_autofree char *dir = g_dir_make_tmp("surel-full-XXXXXX", NULL);
	if (!own_mounts() || mount("none", dir, "tmpfs", 0, "size=2m") != 0) {
		g_rmdir(dir);
		return 77;
	}
	g_autoptr(GError) error = NULL;
	Store *store = store_open(dir, "test", STORE_WORKER, &error);
	Folder folder = { .name = (char *)"Inbox", .raw = (char *)"Inbox", .role = ROLE_INBOX, .selectable = true, .local = true };
	FolderId inbox;
	if (!store || !store_folder_put(store, &folder, &inbox, &error)) {
		g_printerr("# %s\n", error->message);
		return 1;
	}
	g_autofree char *big = g_strnfill(100000, 'x'), *path = g_build_filename(dir, "filler", NULL);
	unsigned stored = 0;
	for (unsigned i = 0; i < 100 && !error; i++) {
		g_autofree char *text = make_message(i, NULL, 1700000000);
		g_autofree char *whole = g_strconcat(text, big, NULL);
		stored += store_intent_append(store, inbox, whole, strlen(whole), 0, NULL, &error);
	}
	bool told = g_error_matches(error, SUREL_ERROR, ERROR_DISK_FULL);
	Delivery *delivery = delivery_begin(store, inbox, NULL);
	int fd = -1;
	g_printerr("# %u stored, then: %s\n", stored, error ? error->message : "no error");
	g_clear_error(&error);
	bool delivered = delivery && delivery_open(delivery, 0, "k", 0, 1, &fd, &error) && write(fd, big, 100000) == 100000 && delivery_finish(delivery, &error) &&
			 delivery_commit(delivery, NULL, &error);
	delivery_free(delivery);
	g_autoptr(Folder) now = store_folder(store, inbox, NULL);
	bool kept = now && now->total == stored && stored > 0 && !delivered;
	g_printerr("# delivered %d: %s; %d in the list\n", delivered, error ? error->message : "", now ? (int)now->total : -1);
	store_close(store);
	umount2(dir, MNT_DETACH);
	g_rmdir(dir);
	return told && kept ? 0 : 1;
}

static void
test_full_disk_is_said_and_nothing_is_half_done(void)
{
	pid_t child = fork();
	if (child == 0)
		_exit(fill_disk());
	int status = 0;
	waitpid(child, &status, 0);
	g_assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		g_test_skip("no mount name space here");
	else
		g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/store/durable/killed-while-moving", test_killed_while_moving);
	g_test_add_func("/store/durable/killed-while-downloading", test_killed_while_downloading);
	g_test_add_func("/store/durable/killed-while-sending", test_killed_while_sending);
	g_test_add_func("/store/durable/deleted-cache-is-made-again", test_deleted_cache_is_made_again);
	g_test_add_func("/store/durable/deleted-cache-is-noticed", test_deleted_cache_is_noticed);
	g_test_add_func("/store/durable/intents-survive-a-lost-cache", test_intents_survive_a_lost_cache);
	g_test_add_func("/store/durable/damaged-cache-is-set-aside", test_damaged_cache_is_set_aside);
	g_test_add_func("/store/durable/damaged-journal-is-never-guessed", test_damaged_journal_is_never_guessed);
	g_test_add_func("/store/durable/full-disk-is-said-and-nothing-is-half-done", test_full_disk_is_said_and_nothing_is_half_done);
	return g_test_run();
}
