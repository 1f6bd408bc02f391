/* tests/store/fixture.c: a store in a temporary directory, made messages */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/store/fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_DATE = 1700000000 };

void
remove_tree(const char *path)
{
	g_autoptr(GDir) listing = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
	const char *name;
	while (listing && (name = g_dir_read_name(listing))) {
		g_autofree char *child = g_build_filename(path, name, NULL);
		remove_tree(child);
	}
	g_remove(path);
}

static void
make_folder(Fixture *fixture, const char *name, FolderRole role, bool local, FolderId *ret_id)
{
	g_autoptr(GError) error = NULL;
	Folder folder = { .name = (char *)name, .raw = (char *)name, .delimiter = '/', .role = role, .selectable = true, .local = local, .uidvalidity = 7 };
	g_assert_true(store_folder_put(fixture->worker, &folder, ret_id, &error));
	g_assert_no_error(error);
	g_assert_true(store_folder_synced(fixture->worker, *ret_id, local ? 0 : 7, 1, 0, false, &error));
}

void
fixture_open(Fixture *fixture, bool local)
{
	g_autoptr(GError) error = NULL;
	memset(fixture, 0, sizeof *fixture);
	fixture->dir = g_dir_make_tmp("surel-store-XXXXXX", NULL);
	fixture_reopen(fixture);
	make_folder(fixture, "Inbox", ROLE_INBOX, local, &fixture->inbox);
	make_folder(fixture, "Archive", ROLE_ARCHIVE, local, &fixture->archive);
	make_folder(fixture, "Sent", ROLE_SENT, local, &fixture->sent);
	make_folder(fixture, "Trash", ROLE_TRASH, local, &fixture->trash);
}

static FolderId
folder_of(Store *store, FolderRole role)
{
	g_autoptr(Folder) folder = store_folder_by_role(store, role, NULL);
	return folder ? folder->id : (FolderId){ 0 };
}

void
fixture_reopen(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;
	g_clear_pointer(&fixture->ui, store_close);
	g_clear_pointer(&fixture->worker, store_close);
	fixture->worker = store_open(fixture->dir, "test", STORE_WORKER, &error);
	g_assert_no_error(error);
	fixture->ui = store_open(fixture->dir, "test", STORE_UI, &error);
	g_assert_no_error(error);
	fixture->inbox = folder_of(fixture->worker, ROLE_INBOX);
	fixture->archive = folder_of(fixture->worker, ROLE_ARCHIVE);
	fixture->sent = folder_of(fixture->worker, ROLE_SENT);
	fixture->trash = folder_of(fixture->worker, ROLE_TRASH);
}

void
fixture_close(Fixture *fixture)
{
	g_clear_pointer(&fixture->ui, store_close);
	g_clear_pointer(&fixture->worker, store_close);
	remove_tree(fixture->dir);
	g_clear_pointer(&fixture->dir, g_free);
}

char *
fixture_path(const Fixture *fixture, const char *below)
{
	return g_build_filename(fixture->dir, below, NULL);
}

char *
make_message(unsigned number, const char *parent, int64_t date)
{
	static const char *const names[] = { "Siti Rahma", "Budi Santoso", "Anna Lind", "Wei Chen", "José Ortiz" };
	g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(date);
	g_autofree char *stamp = g_date_time_format(when, "%a, %d %b %Y %H:%M:%S +0000");
	g_autofree char *reference = parent ? g_strdup_printf("In-Reply-To: <%s>\nReferences: <%s>\n", parent, parent) : g_strdup("");
	return g_strdup_printf("From: %s <p%u@contoh.id>\nTo: Me <me@contoh.id>\nSubject: %ssubject number %u\nDate: %s\nMessage-ID: <m%u@contoh.id>\n%s"
			       "Content-Type: text/plain; charset=utf-8\n\nbody of %u with word%u inside\n",
			       names[number % 5], number % 5, parent ? "Re: " : "", number, stamp, number, reference, number, number);
}

static char *
parent_of(unsigned number)
{
	return number % 5 == 0 && number > 0 ? g_strdup_printf("m%u@contoh.id", number - 1 - number % 3) : NULL;
}

void
put_made(Fixture *fixture, FolderId folder, uint32_t first, unsigned n)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
	g_autofree NewMsg *msgs = g_new0(NewMsg, n);
	for (unsigned i = 0; i < n; i++) {
		unsigned number = first + i;
		g_autofree char *parent = parent_of(number);
		char *text = make_message(number, parent, FIRST_DATE + (int64_t)number * 60);
		g_ptr_array_add(texts, text);
		msgs[i] = (NewMsg){ .uid = number, .flags = number % 3 ? FLAG_SEEN : 0, .arrival = FIRST_DATE + (int64_t)number * 60,
				    .size = (int64_t)strlen(text), .headers = text, .headers_size = strlen(text) };
		if (number % 7 == 0)
			msgs[i].flags |= FLAG_FLAGGED;
	}
	g_assert_true(store_put_headers(fixture->worker, folder, msgs, n, &error));
	g_assert_no_error(error);
}

MsgId
deliver_made(Fixture *fixture, FolderId folder, uint32_t uid, const char *key, unsigned number)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Delivery) delivery = delivery_begin(fixture->worker, folder, &error);
	g_assert_no_error(error);
	g_autofree char *parent = parent_of(number);
	g_autofree char *text = make_message(number, parent, FIRST_DATE + (int64_t)number * 60);
	int fd = -1;
	g_assert_true(delivery_open(delivery, uid, key, 0, FIRST_DATE + (int64_t)number * 60, &fd, &error));
	g_assert_cmpint(write(fd, text, strlen(text)), ==, (ssize_t)strlen(text));
	g_assert_true(delivery_finish(delivery, &error));
	unsigned stored = 0;
	g_assert_true(delivery_commit(delivery, &stored, &error));
	g_assert_no_error(error);
	g_assert_cmpuint(stored, ==, 1);
	g_autofree char *id = g_strdup_printf("m%u@contoh.id", number);
	g_autoptr(GPtrArray) msgs = store_msgs_by_message_id(fixture->worker, id, &error);
	for (guint i = 0; i < msgs->len; i++)
		if (((Msg *)msgs->pdata[i])->folder.v == folder.v)
			return ((Msg *)msgs->pdata[i])->id;
	g_assert_not_reached();
}

MsgId
newest(Store *store, FolderId folder)
{
	ListSpec spec = { .folder = folder };
	g_autoptr(GPtrArray) one = store_list(store, &spec, LIST_NEWEST, LIST_OLDER, 1, NULL);
	return one && one->len ? ((Msg *)one->pdata[0])->id : (MsgId){ 0 };
}

GPtrArray *
list_all(Store *store, FolderId folder, bool threaded, ListFilter filter)
{
	g_autoptr(GError) error = NULL;
	ListSpec spec = { .folder = folder, .threaded = threaded, .filter = filter };
	GPtrArray *all = store_list(store, &spec, LIST_NEWEST, LIST_OLDER, 1000000, &error);
	g_assert_no_error(error);
	return all;
}

char *
list_text(Store *store, FolderId folder, bool threaded, ListFilter filter)
{
	g_autoptr(GPtrArray) all = list_all(store, folder, threaded, filter);
	GString *text = g_string_new(NULL);
	for (guint i = 0; i < all->len; i++) {
		const Msg *msg = all->pdata[i];
		g_string_append_printf(text, "%s %u %u %u/%u %d %" G_GINT64_FORMAT "\n", msg->message_id, msg->flags, msg->depth, msg->thread_unread,
				       msg->thread_size, msg->last_child, msg->thread_date);
	}
	return g_string_free(text, FALSE);
}

static void
show(void *data, const char *line)
{
	(void)data;
	g_test_message("%s", line);
}

unsigned
check_problems(Store *store)
{
	g_autoptr(GError) error = NULL;
	unsigned problems = 0;
	g_assert_true(store_check(store, show, NULL, &problems, &error));
	g_assert_no_error(error);
	return problems;
}
