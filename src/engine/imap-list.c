/* src/engine/imap-list.c: the server's folders -> store; names (RFC 3501 5.1.3) and roles (RFC 6154) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "src/engine/imap.h"
#include "surel/text.h"

/* Last part of a name, folded, where the server marks no roles. First match in LIST order wins. */
static const struct { const char *name; FolderRole role; } NAMES[] = {
	{"drafts", ROLE_DRAFTS}, {"draft", ROLE_DRAFTS}, {"draf", ROLE_DRAFTS}, {"konsep", ROLE_DRAFTS}, {"entwürfe", ROLE_DRAFTS},
	{"brouillons", ROLE_DRAFTS}, {"borradores", ROLE_DRAFTS}, {"bozze", ROLE_DRAFTS}, {"rascunhos", ROLE_DRAFTS}, {"concepten", ROLE_DRAFTS},
	{"черновики", ROLE_DRAFTS}, {"下書き", ROLE_DRAFTS}, {"草稿", ROLE_DRAFTS}, {"草稿箱", ROLE_DRAFTS},
	{"sent", ROLE_SENT}, {"sent items", ROLE_SENT}, {"sent messages", ROLE_SENT}, {"sent mail", ROLE_SENT}, {"terkirim", ROLE_SENT},
	{"surat terkirim", ROLE_SENT}, {"gesendet", ROLE_SENT}, {"gesendete objekte", ROLE_SENT}, {"gesendete elemente", ROLE_SENT},
	{"envoyés", ROLE_SENT}, {"éléments envoyés", ROLE_SENT}, {"messages envoyés", ROLE_SENT}, {"enviados", ROLE_SENT},
	{"elementos enviados", ROLE_SENT}, {"posta inviata", ROLE_SENT}, {"inviati", ROLE_SENT}, {"verzonden", ROLE_SENT},
	{"отправленные", ROLE_SENT}, {"送信済み", ROLE_SENT}, {"送信済みアイテム", ROLE_SENT}, {"已发送", ROLE_SENT},
	{"trash", ROLE_TRASH}, {"deleted items", ROLE_TRASH}, {"deleted messages", ROLE_TRASH}, {"bin", ROLE_TRASH}, {"sampah", ROLE_TRASH},
	{"tong sampah", ROLE_TRASH}, {"papierkorb", ROLE_TRASH}, {"gelöschte elemente", ROLE_TRASH}, {"corbeille", ROLE_TRASH},
	{"papelera", ROLE_TRASH}, {"lixeira", ROLE_TRASH}, {"cestino", ROLE_TRASH}, {"prullenbak", ROLE_TRASH}, {"корзина", ROLE_TRASH},
	{"ゴミ箱", ROLE_TRASH}, {"已删除", ROLE_TRASH},
	{"junk", ROLE_JUNK}, {"spam", ROLE_JUNK}, {"junk e-mail", ROLE_JUNK}, {"junk email", ROLE_JUNK}, {"bulk mail", ROLE_JUNK},
	{"indésirables", ROLE_JUNK}, {"courrier indésirable", ROLE_JUNK}, {"correo no deseado", ROLE_JUNK}, {"спам", ROLE_JUNK},
	{"迷惑メール", ROLE_JUNK}, {"垃圾邮件", ROLE_JUNK},
	{"archive", ROLE_ARCHIVE}, {"archives", ROLE_ARCHIVE}, {"arsip", ROLE_ARCHIVE}, {"archiv", ROLE_ARCHIVE}, {"archivo", ROLE_ARCHIVE},
	{"archivio", ROLE_ARCHIVE}, {"archief", ROLE_ARCHIVE}, {"архив", ROLE_ARCHIVE}, {"アーカイブ", ROLE_ARCHIVE},
	{"all mail", ROLE_ALL},
};

/* ---- names ---- */

static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* One "&...-" run: UTF-16BE in modified base64. False at anything that is not so. */
static bool
decode_run(const char *run, size_t size, GString *out)
{
	g_autoptr(GByteArray) utf16 = g_byte_array_new();
	uint32_t bits = 0;
	unsigned held = 0;

	for (size_t i = 0; i < size; i++) {
		const char *digit = memchr(BASE64, run[i], 64);
		if (!digit)
			return false;
		bits = bits << 6 | (uint32_t)(digit - BASE64);
		held += 6;
		if (held >= 8) {
			held -= 8;
			uint8_t byte = (uint8_t)(bits >> held);
			g_byte_array_append(utf16, &byte, 1);
		}
	}
	gsize length;
	g_autofree char *utf8 = g_convert((const char *)utf16->data, utf16->len, "UTF-8", "UTF-16BE", NULL, &length, NULL);
	if (!utf8)
		return false;
	g_string_append_len(out, utf8, (gssize)length);
	return true;
}

char *
imap_utf7_to_utf8(const char *raw)
{
	g_autoptr(GString) out = g_string_new(NULL);

	for (const char *p = raw; *p;) {
		const char *end = *p == '&' ? strchr(p, '-') : NULL;
		if (!end) {
			g_string_append_c(out, *p++);
			continue;
		}
		if (end == p + 1)
			g_string_append_c(out, '&');
		else if (!decode_run(p + 1, (size_t)(end - p - 1), out))
			return text_clean(raw, -1, false);
		p = end + 1;
	}
	return text_clean(out->str, (ssize_t)out->len, false);
}

char *
imap_folder_name(const char *raw, char delimiter)
{
	char *name = imap_utf7_to_utf8(raw);

	if (g_ascii_strcasecmp(raw, "INBOX") == 0) {
		g_free(name);
		return g_strdup("Inbox");
	}
	if (delimiter && delimiter != '/') {
		g_autoptr(GString) text = g_string_new(name);
		const char from[] = {delimiter, '\0'};
		/* A slash in a level is no level here: shown as the division slash. */
		g_string_replace(text, "/", "\xe2\x88\x95", 0);
		g_string_replace(text, from, "/", 0);
		g_free(name);
		name = g_strdup(text->str);
	}
	return name;
}

/* ---- roles ---- */

static ImapListed *
holder_of(GPtrArray *listed, FolderRole role)
{
	for (guint i = 0; i < listed->len; i++) {
		ImapListed *item = listed->pdata[i];
		if (item->role == role)
			return item;
	}
	return NULL;
}

static void
choose_by_config(GPtrArray *listed, char *const *chosen)
{
	for (unsigned role = ROLE_INBOX + 1; chosen && role <= ROLE_ALL; role++) {
		if (!chosen[role])
			continue;
		for (guint i = 0; i < listed->len; i++) {
			ImapListed *item = listed->pdata[i];
			g_autofree char *name = imap_folder_name(item->raw, item->delimiter);
			bool is_it = strcmp(item->raw, chosen[role]) == 0 || strcmp(name, chosen[role]) == 0;
			if (is_it)
				item->role = role;
			else if (item->role == role)
				item->role = ROLE_NONE;
		}
	}
}

static FolderRole
role_by_name(const ImapListed *item)
{
	g_autofree char *name = imap_folder_name(item->raw, item->delimiter);
	const char *slash = strrchr(name, '/');
	g_autofree char *last = text_fold(slash ? slash + 1 : name);

	for (size_t i = 0; i < G_N_ELEMENTS(NAMES); i++) {
		g_autofree char *known = text_fold(NAMES[i].name);
		if (strcmp(last, known) == 0)
			return NAMES[i].role;
	}
	return ROLE_NONE;
}

void
imap_assign_roles(GPtrArray *listed, char *const *chosen)
{
	bool taken[ROLE_ALL + 1] = {false};

	for (guint i = 0; i < listed->len; i++) {
		ImapListed *item = listed->pdata[i];
		if (g_ascii_strcasecmp(item->raw, "INBOX") == 0)
			item->role = ROLE_INBOX;
		else if (item->role == ROLE_INBOX)
			item->role = ROLE_NONE;
	}
	choose_by_config(listed, chosen);
	for (guint i = 0; i < listed->len; i++) {
		ImapListed *item = listed->pdata[i];
		if (item->role != ROLE_NONE && taken[item->role])	/* a role has one folder: the first */
			item->role = ROLE_NONE;
		taken[item->role] = true;
	}
	for (guint i = 0; i < listed->len; i++) {
		ImapListed *item = listed->pdata[i];
		FolderRole role = item->role == ROLE_NONE && item->selectable ? role_by_name(item) : ROLE_NONE;
		if (role != ROLE_NONE && !holder_of(listed, role))
			item->role = role;
	}
}

/* ---- LIST ---- */

static bool
ask_list(Imap *imap, GError **error)
{
	if (!imap_command(imap, "LIST \"\" \"*\"", error))
		return false;
	bool marked = false;
	for (guint i = 0; i < imap->listed->len; i++)
		marked = marked || ((ImapListed *)imap->listed->pdata[i])->role != ROLE_NONE;
	unsigned both = CAP_SPECIAL_USE | CAP_LIST_EXTENDED;
	if (marked || (imap->caps & both) != both)
		return true;
	return imap_command(imap, "LIST \"\" \"*\" RETURN (SPECIAL-USE)", error);
}

static bool
put_folders(Imap *imap, GError **error)
{
	for (guint i = 0; i < imap->listed->len; i++) {
		const ImapListed *item = imap->listed->pdata[i];
		g_autofree char *name = imap_folder_name(item->raw, item->delimiter);
		g_autoptr(Folder) old = store_folder_by_raw(imap->engine->store, item->raw, NULL);
		if (old && strcmp(old->name, name) == 0 && old->delimiter == item->delimiter && old->role == item->role && old->selectable == item->selectable)
			continue;
		Folder folder = old ? *old : (Folder){0};
		folder.name = name;
		folder.raw = item->raw;
		folder.delimiter = item->delimiter;
		folder.role = item->role;
		folder.selectable = item->selectable;
		FolderId id;
		if (!store_folder_put(imap->engine->store, &folder, &id, error))
			return false;
		engine_changed(imap->engine, id);
	}
	return true;
}

static bool
is_listed(const Imap *imap, const char *raw)
{
	for (guint i = 0; i < imap->listed->len; i++)
		if (strcmp(((ImapListed *)imap->listed->pdata[i])->raw, raw) == 0)
			return true;
	return false;
}

/* Rows of folders the server no longer has. Never on a list that was damaged, empty or without INBOX; never a folder whose
 * creation is still in the journal (no UIDVALIDITY yet). */
static bool
drop_gone(Imap *imap, GError **error)
{
	g_autoptr(GPtrArray) folders = NULL;

	if (imap->skipped || !holder_of(imap->listed, ROLE_INBOX))
		return true;
	folders = store_folders(imap->engine->store, error);
	if (!folders)
		return false;
	for (guint i = 0; i < folders->len; i++) {
		const Folder *folder = folders->pdata[i];
		if (folder->local || folder->uidvalidity == 0 || is_listed(imap, folder->raw))
			continue;
		if (!store_folder_gone(imap->engine->store, folder->id, error))
			return false;
		engine_changed(imap->engine, folder->id);
	}
	return true;
}

bool
imap_list(Imap *imap, GError **error)
{
	Engine *engine = imap->engine;

	if (!ask_list(imap, error))
		return error_wrap(error, "listing the folders");
	imap_assign_roles(imap->listed, engine->account->folder_names);
	engine_step(engine, "folders", imap->listed->len > 0 ? VERDICT_OK : VERDICT_WARN, "%u", imap->listed->len);
	if (!engine->store)
		return true;
	return put_folders(imap, error) && drop_gone(imap, error);
}
