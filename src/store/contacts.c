/* store/contacts.c: addresses seen, for completion */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "src/store/internal.h"

enum { CONTACT_MAX = 64, NAME_MAX_BYTES = 200 };

/* What the rows of one transaction add to one address; written at its end, once for each. */
typedef struct Seen { char *name; int64_t received, sent, last; } Seen;

static void
seen_free(void *data)
{
	g_free(((Seen *)data)->name);
	g_free(data);
}

static void
contact_add(Store *store, const MailAddress *address, bool sent, int64_t when)
{
	if (!strchr(address->addr, '@') || strlen(address->addr) > NAME_MAX_BYTES)
		return;
	if (!store->contacts)
		store->contacts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, seen_free);
	g_autofree char *lower = g_utf8_strdown(address->addr, -1);
	Seen *seen = g_hash_table_lookup(store->contacts, lower);
	if (!seen) {
		seen = g_new0(Seen, 1);
		seen->name = g_strdup("");
		seen->last = when;
		g_hash_table_insert(store->contacts, g_steal_pointer(&lower), seen);
	}
	seen->received += !sent;
	seen->sent += sent;
	if (*address->name && (when >= seen->last || !*seen->name)) {
		g_free(seen->name);
		seen->name = text_clip(address->name, NAME_MAX_BYTES);
	}
	seen->last = MAX(seen->last, when);
}

void
contacts_add(Store *store, int64_t folder, const Envelope *envelope, int64_t when)
{
	if (folder != store->contacts_folder) {
		store->contacts_folder = folder;
		store->contacts_role = (FolderRole)db_number(store->cache, NULL, ROLE_NONE, "SELECT role FROM folder WHERE id=?", "i", folder);
	}
	FolderRole role = store->contacts_role;
	if (role == ROLE_JUNK || role == ROLE_TRASH)
		return;
	if (role != ROLE_SENT && role != ROLE_DRAFTS) {
		if (envelope->from->len)
			contact_add(store, envelope->from->pdata[0], false, when);
		return;
	}
	const GPtrArray *lists[] = { envelope->to, envelope->cc };
	for (size_t l = 0; l < G_N_ELEMENTS(lists); l++)
		for (guint i = 0; i < lists[l]->len && i < CONTACT_MAX; i++)
			contact_add(store, lists[l]->pdata[i], role == ROLE_SENT, when);
}

bool
contacts_settle(Store *store, GError **error)
{
	GHashTableIter iter;
	gpointer addr, value;
	store->contacts_folder = 0;
	if (!store->contacts)
		return true;
	g_autoptr(GHashTable) contacts = g_steal_pointer(&store->contacts);
	g_hash_table_iter_init(&iter, contacts);
	while (g_hash_table_iter_next(&iter, &addr, &value)) {
		const Seen *seen = value;
		if (!db_run(store->cache, error,
			    "INSERT INTO contact VALUES(?1,?2,?3,?4,?5) ON CONFLICT(addr) DO UPDATE SET received=received+?3, sent=sent+?4,"
			    " name=CASE WHEN ?2<>'' AND (?5>=last OR name='') THEN ?2 ELSE name END, last=max(last,?5)",
			    "ssiii", (const char *)addr, seen->name, seen->received, seen->sent, seen->last))
			return false;
	}
	return true;
}

/* Whom one writes to weighs more than who writes. */
static const char complete_sql[] =
	"SELECT name, addr FROM contact WHERE addr LIKE ?1 ESCAPE '\\' OR name LIKE ?1 ESCAPE '\\' OR name LIKE ?2 ESCAPE '\\' OR addr LIKE ?3 ESCAPE '\\'"
	" ORDER BY sent > 0 DESC, sent * 8 + min(received, 40) DESC, last DESC LIMIT ?4";

static char *
like_escape(const char *text)
{
	g_autoptr(GString) out = g_string_new(NULL);
	for (const char *at = text; *at; at++) {
		if (*at == '%' || *at == '_' || *at == '\\')
			g_string_append_c(out, '\\');
		g_string_append_c(out, *at);
	}
	return g_string_free(g_steal_pointer(&out), FALSE);
}

GPtrArray *
store_complete_address(Store *store, const char *typed, unsigned limit, GError **error)
{
	g_autofree char *trimmed = g_strstrip(g_strdup(typed));
	g_autofree char *escaped = like_escape(trimmed);
	g_autofree char *start = g_strconcat(escaped, "%", NULL), *word = g_strconcat("% ", escaped, "%", NULL), *domain = g_strconcat("%@", escaped, "%", NULL);
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(DbRows) rows = db_query(store->cache, error, complete_sql, "sssi", start, word, domain, (int64_t)limit);
	int got = rows ? db_next(store->cache, rows, error) : -1;
	for (; got == 1; got = db_next(store->cache, rows, error)) {
		g_autoptr(MailAddress) address = address_new(db_text(rows, 0), db_text(rows, 1));
		g_ptr_array_add(found, address_format(address));
	}
	return got < 0 ? NULL : g_steal_pointer(&found);
}
