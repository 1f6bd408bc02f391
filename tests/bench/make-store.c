/* tests/bench/make-store.c: make-store DIR N: a store of account "test" with N messages, the newest few whole; seconds, not a slow sync */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/store/fixture.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 2000, WHOLE = 30 };

int
main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	unsigned n = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	if (n <= WHOLE || !os_make_dir(argv[1], &error))
		return 1;
	Fixture fixture = { .dir = g_strdup(argv[1]) };
	fixture_reopen(&fixture);
	Folder inbox = { .name = (char *)"INBOX", .raw = (char *)"INBOX", .delimiter = '/', .role = ROLE_INBOX, .selectable = true, .uidvalidity = 7 };
	if (!store_folder_put(fixture.worker, &inbox, &fixture.inbox, &error))
		g_error("%s", error->message);
	for (unsigned first = 1; first <= n - WHOLE; first += CHUNK)
		put_made(&fixture, fixture.inbox, first, MIN((unsigned)CHUNK, n - WHOLE - first + 1));
	for (unsigned number = n - WHOLE + 1; number <= n; number++) {
		g_autofree char *key = g_strdup_printf("bench%u", number);
		deliver_made(&fixture, fixture.inbox, number, key, number);
	}
	store_close(fixture.ui);
	store_close(fixture.worker);
	g_free(fixture.dir);
	return 0;
}
