/* tests/unit/app-fixture.h: an App on temporary stores, filled with messages; no worker runs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/command.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct Fixture { char *dir; App *app; } Fixture;

static inline void
fixture_remove(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;
	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *child = g_build_filename(path, name, NULL);
		if (g_file_test(child, G_FILE_TEST_IS_DIR) && !g_file_test(child, G_FILE_TEST_IS_SYMLINK))
			fixture_remove(child);
		else
			g_unlink(child);
	}
	g_rmdir(path);
}

static inline Config *
fixture_config(const char *const *accounts)
{
	g_autoptr(GString) text = g_string_new("[general]\nshow_threads = no\nundo_send = 10\neditor = true\n");
	for (; *accounts; accounts++)
		g_string_append_printf(text, "[account %s]\nfrom = Siti <siti@%s.test>\nincoming = pop3s://127.0.0.1:1\noutgoing = smtps://127.0.0.1:1\n", *accounts, *accounts);
	Config *config = config_parse("test", text->str);
	g_autofree char *report = config->problems->len ? config_report(config) : NULL;
	g_assert_cmpstr(report, ==, NULL);
	return config;
}

static inline void
fixture_reopen(Fixture *fixture, const char *const *accounts)
{
	g_autoptr(GError) error = NULL;
	app_free(fixture->app);
	fixture->app = app_new(fixture_config(accounts), &error);
	g_assert_no_error(error);
}

/* Each account has an Inbox. */
static inline void
fixture_open(Fixture *fixture, const char *const *accounts)
{
	g_autoptr(GError) error = NULL;
	fixture->app = NULL;
	fixture->dir = g_dir_make_tmp("surel-app-XXXXXX", &error);
	g_assert_no_error(error);
	g_setenv("SUREL_DATA", fixture->dir, TRUE);
	for (const char *const *name = accounts; *name; name++) {
		g_autoptr(Store) store = store_open(NULL, *name, STORE_WORKER, &error);
		g_assert_no_error(error);
		const char *const folders[] = { "INBOX", "Arsip" };
		for (unsigned i = 0; i < G_N_ELEMENTS(folders); i++) {
			Folder folder = { .name = (char *)folders[i], .raw = (char *)folders[i], .role = i ? ROLE_NONE : ROLE_INBOX, .selectable = true, .local = true };
			g_assert_true(store_folder_put(store, &folder, NULL, &error));
			g_assert_no_error(error);
		}
	}
	fixture_reopen(fixture, accounts);
}

static inline void
fixture_close(Fixture *fixture)
{
	app_free(fixture->app);
	fixture_remove(fixture->dir);
	g_free(fixture->dir);
}

static inline FolderId
fixture_inbox(const Fixture *fixture, unsigned account)
{
	g_autoptr(Folder) folder = store_folder_by_role(app_account(fixture->app, account)->store, ROLE_INBOX, NULL);
	g_assert_nonnull(folder);
	return folder->id;
}

/* One message as a sync worker brings it; subject holds its number. */
static inline void
fixture_add(const Fixture *fixture, unsigned account, uint32_t uid, int64_t date, const char *in_reply_to, uint32_t flags)
{
	const char *name = app_account(fixture->app, account)->account->name;
	g_autoptr(GError) error = NULL;
	g_autoptr(Store) store = store_open(NULL, name, STORE_WORKER, &error);
	g_assert_no_error(error);
	g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(date);
	g_autofree char *text_date = g_date_time_format(when, "%a, %d %b %Y %H:%M:%S +0000");
	g_autofree char *reply = in_reply_to ? g_strdup_printf("In-Reply-To: <%s>\r\nReferences: <%s>\r\n", in_reply_to, in_reply_to) : g_strdup("");
	g_autofree char *headers = g_strdup_printf("From: Budi <budi@contoh.test>\r\nTo: siti@%s.test\r\nSubject: %s %u\r\nMessage-ID: <m%u@%s>\r\nDate: %s\r\n%s\r\n",
						   name, name, uid, uid, name, text_date, reply);
	NewMsg msg = { .uid = uid, .flags = flags, .arrival = date, .size = 1000, .headers = headers, .headers_size = strlen(headers) };
	g_assert_true(store_put_headers(store, fixture_inbox(fixture, account), &msg, 1, &error));
	g_assert_no_error(error);
}

/* Many at once: date of message i is dates[i], uid is i + 1. */
static inline void
fixture_fill(const Fixture *fixture, unsigned account, const int64_t *dates, unsigned n)
{
	const char *name = app_account(fixture->app, account)->account->name;
	g_autoptr(GError) error = NULL;
	g_autoptr(Store) store = store_open(NULL, name, STORE_WORKER, &error);
	g_assert_no_error(error);
	g_autofree NewMsg *msgs = g_new0(NewMsg, n + 1);
	g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
	for (unsigned i = 0; i < n; i++) {
		g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(dates[i]);
		g_autofree char *text_date = g_date_time_format(when, "%a, %d %b %Y %H:%M:%S +0000");
		char *headers = g_strdup_printf("From: Budi <budi@contoh.test>\r\nSubject: %s %u\r\nMessage-ID: <m%u@%s>\r\nDate: %s\r\n\r\n", name, i + 1, i + 1, name, text_date);
		g_ptr_array_add(texts, headers);
		msgs[i] = (NewMsg){ .uid = i + 1, .arrival = dates[i], .size = 1000, .headers = headers, .headers_size = strlen(headers) };
	}
	g_assert_true(store_put_headers(store, fixture_inbox(fixture, account), msgs, n, &error));
	g_assert_no_error(error);
}
