/* tests/fuzz/fuzz-conf.c: surel.conf from anywhere: parsed, reported and freed without harm */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "surel/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a used account promises to those who take it. */
static void
check_account(const Account *account)
{
	g_assert_true(account->incoming.host || account->incoming.path);
	g_assert_true(account->incoming.path || account->user);
	g_assert_null(strchr(account->name, '/'));
	g_assert_cmpuint(account->poll_seconds, >, 0);
	g_assert_true(!account->outgoing.host || account->identities->len);
	g_assert_true(!account->incoming.host || account->incoming.port);
	account_identity_for(account, "a@b");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	if (strstr(text, "signature"))		/* may name any file of this machine */
		return 0;
	g_autoptr(Config) config = config_parse("fuzz", text);
	g_autofree char *report = config_report(config);
	g_assert_true(g_utf8_validate(report, -1, NULL));
	for (guint i = 0; i < config->accounts->len; i++)
		check_account(g_ptr_array_index(config->accounts, i));
	for (guint i = 0; i < config->bindings->len; i++)
		g_assert_nonnull(((const KeyBinding *)g_ptr_array_index(config->bindings, i))->keys);
	return 0;
}
