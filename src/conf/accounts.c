/* src/conf/accounts.c: the lines of an [account NAME] section -> a checked Account */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/conf/conf.h"

#include <string.h>
#include <unistd.h>

enum { NAME_MAX_BYTES = 64, SIGNATURE_MAX_BYTES = 8192, DAYS_MAX = 36500, POLL_MAX_S = 86400, POLL_PRESET_S = 300 };

/* What a key's function gets; it reports its problems itself and returns false when the account cannot be used. */
typedef struct Builder {
	Config *config;
	const ConfigLine *line;
	Account *account;
	bool leave_set, keep_set, incoming_set, from_set;
	char *early_signature;		/* signature and alias lines above the first "from" */
	GPtrArray *early_aliases;
} Builder;

static bool
fatal(Builder *builder, const char *text)
{
	conf_problem(builder->config, builder->line, true, "%s", text);
	return false;
}

static void
identity_free(void *data)
{
	Identity *identity = data;
	g_free(identity->name);
	g_free(identity->address);
	g_free(identity->signature);
	g_strfreev(identity->aliases);
	g_free(identity);
}

static bool
set_url(Builder *builder, ServerUrl *url, bool outgoing)
{
	g_autofree char *why = NULL;
	ServerUrl parsed;
	builder->incoming_set = builder->incoming_set || !outgoing;
	if (!conf_url_parse(builder->line->value, outgoing, &parsed, &why))
		return fatal(builder, why);
	conf_url_clear(url);
	*url = parsed;
	bool near = url->host && (strcmp(url->host, "localhost") == 0 || g_str_has_prefix(url->host, "127.") || strcmp(url->host, "::1") == 0);
	if (url->host && url->tls == TLS_NONE && !near)
		conf_problem(builder->config, builder->line, false, "password and mail travel unprotected; prefer +starttls or the s:// scheme");
	return true;
}

static bool
key_incoming(Builder *builder)
{
	return set_url(builder, &builder->account->incoming, false);
}

static bool
key_outgoing(Builder *builder)
{
	return set_url(builder, &builder->account->outgoing, true);
}

static bool
set_text(Builder *builder, char **field)
{
	if (!*builder->line->value)
		return fatal(builder, "is empty");
	g_free(*field);
	*field = g_strdup(builder->line->value);
	return true;
}

static bool
key_user(Builder *builder)
{
	return set_text(builder, &builder->account->user);
}

static bool
key_password_command(Builder *builder)
{
	return set_text(builder, &builder->account->password_command);
}

static bool
key_token_command(Builder *builder)
{
	return set_text(builder, &builder->account->token_command);
}

static bool
key_smtp_password_command(Builder *builder)
{
	return set_text(builder, &builder->account->smtp_password_command);
}

static bool
key_password(Builder *builder)
{
	return fatal(builder, "a password does not belong in this file; use password_command, or the file \"secrets\" beside it (mode 0600)");
}

static bool
key_ca_file(Builder *builder)
{
	g_free(builder->account->ca_file);
	builder->account->ca_file = conf_expand_home(builder->line->value);
	if (!g_path_is_absolute(builder->account->ca_file))
		return fatal(builder, "the path must begin with / or ~/");
	if (access(builder->account->ca_file, R_OK) != 0)
		conf_problem(builder->config, builder->line, false, "%s cannot be read", builder->account->ca_file);
	return true;
}

/* Addresses are checked for what would break a header or a command, not for all of RFC 5321. */
static bool
address_is_sane(const char *address, bool wildcard)
{
	const char *at = strrchr(address, '@');
	if (!at || at == address || !at[1] || strlen(address) > 254 || strchr(at, '_') == at + 1)
		return false;
	for (const char *c = address; *c; c++)
		if ((unsigned char)*c <= 0x20 || *c == 0x7f || strchr("<>(),;:\"[]\\", *c) || (*c == '*' && !wildcard))
			return false;
	return memchr(address, '@', (size_t)(at - address)) == NULL;
}

static char **
words_of(const char *value)
{
	g_auto(GStrv) raw = g_strsplit_set(value, ", \t", -1);
	GStrvBuilder *words = g_strv_builder_new();
	for (size_t i = 0; raw[i]; i++)
		if (*raw[i])
			g_strv_builder_add(words, raw[i]);
	char **result = g_strv_builder_end(words);
	g_strv_builder_unref(words);
	return result;
}

static Identity *
last_identity(Builder *builder)
{
	GPtrArray *identities = builder->account->identities;
	return identities->len ? g_ptr_array_index(identities, identities->len - 1) : NULL;
}

/* `Siti Rahma <siti@contoh.id>`, `"Rahma, Siti" <...>` or the bare address. */
static bool
key_from(Builder *builder)
{
	const char *value = builder->line->value;
	const char *open = strrchr(value, '<');
	builder->from_set = true;
	g_autofree char *name = g_strndup(value, open ? (size_t)(open - value) : 0);
	g_autofree char *address = g_strdup(open ? open + 1 : value);
	g_strstrip(name);
	if (open && !g_str_has_suffix(address, ">"))
		return fatal(builder, "the address does not end in \">\"");
	if (open)
		address[strlen(address) - 1] = '\0';
	g_strstrip(address);
	size_t length = strlen(name);
	if (length >= 2 && name[0] == '"' && name[length - 1] == '"') {
		memmove(name, name + 1, length - 2);
		name[length - 2] = '\0';
	}
	if (!address_is_sane(address, false))
		return fatal(builder, "must be an address, as in Siti Rahma <siti@example.org>");
	Identity *identity = g_new0(Identity, 1);
	identity->name = g_steal_pointer(&name);
	identity->address = g_steal_pointer(&address);
	g_ptr_array_add(builder->account->identities, identity);
	return true;
}

static bool
key_alias(Builder *builder)
{
	g_auto(GStrv) words = words_of(builder->line->value);
	Identity *identity = last_identity(builder);
	bool ok = true;
	g_autoptr(GPtrArray) all = g_ptr_array_new();
	for (size_t i = 0; identity && identity->aliases && identity->aliases[i]; i++)
		g_ptr_array_add(all, identity->aliases[i]);
	for (size_t i = 0; words[i]; i++) {
		if (!address_is_sane(words[i], true)) {
			conf_problem(builder->config, builder->line, false, "\"%s\" is not an address (* may stand before or after the @)", words[i]);
			ok = false;
			continue;
		}
		g_ptr_array_add(identity ? all : builder->early_aliases, g_strdup(words[i]));
	}
	if (identity) {
		g_ptr_array_add(all, NULL);
		g_free(identity->aliases);
		identity->aliases = g_memdup2(all->pdata, all->len * sizeof(char *));
	}
	(void)ok;	/* an alias left out does no harm to the account */
	return true;
}

/* Text with \n for a new line, or a file where it begins with / or ~/. */
static char *
read_signature(Builder *builder)
{
	const char *value = builder->line->value;
	if (value[0] != '/' && !g_str_has_prefix(value, "~/")) {
		g_auto(GStrv) lines = g_strsplit(value, "\\n", -1);
		return g_strjoinv("\n", lines);
	}
	g_autofree char *path = conf_expand_home(value);
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	if (!os_read_file(path, SIGNATURE_MAX_BYTES, &text, NULL, &error)) {
		conf_problem(builder->config, builder->line, false, "%s", error->message);
		return NULL;
	}
	if (!g_utf8_validate(text, -1, NULL)) {
		conf_problem(builder->config, builder->line, false, "%s is not UTF-8", path);
		return NULL;
	}
	return g_strchomp(g_steal_pointer(&text));
}

static bool
key_signature(Builder *builder)
{
	Identity *identity = last_identity(builder);
	char **field = identity ? &identity->signature : &builder->early_signature;
	g_free(*field);
	*field = read_signature(builder);
	return true;
}

/* "30 days" or "30". */
static bool
parse_days(const char *value, unsigned *ret_days)
{
	g_auto(GStrv) words = words_of(value);
	uint64_t days;
	guint n = g_strv_length(words);
	if (n < 1 || n > 2 || !g_ascii_string_to_unsigned(words[0], 10, 1, DAYS_MAX, &days, NULL))
		return false;
	if (n == 2 && strcmp(words[1], "days") != 0 && strcmp(words[1], "day") != 0)
		return false;
	*ret_days = (unsigned)days;
	return true;
}

static bool
key_leave(Builder *builder)
{
	Account *account = builder->account;
	const char *value = builder->line->value;
	bool leave;
	if (strcmp(value, "until-deleted") == 0)
		account->leave = LEAVE_UNTIL_DELETED;
	else if (parse_days(value, &account->leave_days))
		account->leave = LEAVE_DAYS;
	else if (conf_parse_bool(value, &leave))
		account->leave = leave ? LEAVE_YES : LEAVE_NO;
	else
		return fatal(builder, "must be yes, no, until-deleted, or a number of days such as 30 days");
	builder->leave_set = true;
	return true;
}

static bool
key_keep(Builder *builder)
{
	Account *account = builder->account;
	const char *value = builder->line->value;
	if (strcmp(value, "all") == 0)
		account->keep = KEEP_ALL;
	else if (strcmp(value, "headers") == 0)
		account->keep = KEEP_HEADERS;
	else if (parse_days(value, &account->keep_days))
		account->keep = KEEP_DAYS;
	else
		return fatal(builder, "must be all, headers, or a number of days such as 90 days");
	builder->keep_set = true;
	return true;
}

static bool
key_poll(Builder *builder)
{
	static const struct {
		const char *word;
		unsigned seconds;
	} units[] = { { "seconds", 1 }, { "second", 1 }, { "s", 1 }, { "minutes", 60 }, { "minute", 60 }, { "min", 60 }, { "hours", 3600 }, { "hour", 3600 } };
	g_auto(GStrv) words = words_of(builder->line->value);
	uint64_t count, unit = g_strv_length(words) == 1 ? 1 : 0;
	for (size_t i = 0; g_strv_length(words) == 2 && i < G_N_ELEMENTS(units); i++)
		if (strcmp(words[1], units[i].word) == 0)
			unit = units[i].seconds;
	if (!unit || !g_ascii_string_to_unsigned(words[0], 10, 1, POLL_MAX_S / unit, &count, NULL))
		return fatal(builder, "must be a time such as 300 seconds or 5 minutes, at most a day");
	builder->account->poll_seconds = (unsigned)(count * unit);
	return true;
}

static bool
set_bool(Builder *builder, bool *field)
{
	return conf_parse_bool(builder->line->value, field) ? true : fatal(builder, "must be yes or no");
}

static bool
key_notify(Builder *builder)
{
	return set_bool(builder, &builder->account->notify);
}

static bool
key_send_copy(Builder *builder)
{
	return set_bool(builder, &builder->account->send_copy);
}

/* Indexes of Account.folder_names; they are FolderRole of surel/store.h, which this folder may not include. */
enum { FOLDER_DRAFTS = 2, FOLDER_SENT, FOLDER_ARCHIVE, FOLDER_JUNK, FOLDER_TRASH };

static bool
key_folder(Builder *builder)
{
	static const struct {
		const char *key;
		unsigned role;
	} roles[] = { { "drafts", FOLDER_DRAFTS }, { "sent", FOLDER_SENT }, { "archive", FOLDER_ARCHIVE }, { "junk", FOLDER_JUNK }, { "trash", FOLDER_TRASH } };
	for (size_t i = 0; i < G_N_ELEMENTS(roles); i++)
		if (strcmp(builder->line->key, roles[i].key) == 0)
			return set_text(builder, &builder->account->folder_names[roles[i].role]);
	return false;
}

typedef struct KeyRow {
	const char *key;
	bool (*set)(Builder *builder);
	bool repeats;
} KeyRow;

static const KeyRow key_rows[] = {
	{ "from", key_from, true },
	{ "alias", key_alias, true },
	{ "signature", key_signature, true },
	{ "incoming", key_incoming, false },
	{ "outgoing", key_outgoing, false },
	{ "user", key_user, false },
	{ "password_command", key_password_command, false },
	{ "smtp_password_command", key_smtp_password_command, false },
	{ "token_command", key_token_command, false },
	{ "ca_file", key_ca_file, false },
	{ "leave_on_server", key_leave, false },
	{ "keep_offline", key_keep, false },
	{ "poll", key_poll, false },
	{ "notify", key_notify, false },
	{ "send_copy", key_send_copy, false },
	{ "drafts", key_folder, false },
	{ "sent", key_folder, false },
	{ "archive", key_folder, false },
	{ "junk", key_folder, false },
	{ "trash", key_folder, false },
	{ "password", key_password, true },
};

static void
unknown_key(Builder *builder)
{
	const char *words[G_N_ELEMENTS(key_rows) + 1] = { NULL };
	size_t n = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(key_rows); i++)
		if (key_rows[i].set != key_password)
			words[n++] = key_rows[i].key;
	g_autofree char *hint = conf_hint(builder->line->key, words);
	conf_problem(builder->config, builder->line, false, "unknown key%s", hint);
}

/* False where the account cannot be used because of this line. seen: line of each key's first use. */
static bool
take_line(Builder *builder, unsigned *seen)
{
	const ConfigLine *line = builder->line;
	if (!line->key)
		return true;
	for (size_t i = 0; i < G_N_ELEMENTS(key_rows); i++) {
		if (strcmp(line->key, key_rows[i].key) != 0)
			continue;
		if (seen[i] && !key_rows[i].repeats)
			conf_problem(builder->config, line, false, "is set twice (first on line %u); this one counts", seen[i]);
		seen[i] = seen[i] ? seen[i] : line->line;
		return key_rows[i].set(builder);
	}
	unknown_key(builder);
	return true;
}

static bool
name_is_safe(const char *name)
{
	size_t length = strlen(name);
	if (!length || length > NAME_MAX_BYTES || name[0] == '.' || name[0] == '-')
		return false;
	for (const char *c = name; *c; c++)
		if (!g_ascii_isalnum(*c) && !strchr("._-", *c))
			return false;
	return true;
}

/* Signature and alias above the first "from" mean the first identity. */
static void
settle_early(Builder *builder)
{
	Account *account = builder->account;
	Identity *first = account->identities->len ? g_ptr_array_index(account->identities, 0) : NULL;
	if (first && !first->signature)
		first->signature = g_steal_pointer(&builder->early_signature);
	if (first && builder->early_aliases->len) {
		for (size_t i = 0; first->aliases && first->aliases[i]; i++)
			g_ptr_array_add(builder->early_aliases, g_strdup(first->aliases[i]));
		g_strfreev(first->aliases);
		g_ptr_array_add(builder->early_aliases, NULL);
		first->aliases = (char **)g_ptr_array_free(g_steal_pointer(&builder->early_aliases), FALSE);
	}
	if (builder->early_aliases)
		g_ptr_array_free(builder->early_aliases, TRUE);
	g_free(builder->early_signature);
	if (!account->user && account->incoming.user)
		account->user = g_strdup(account->incoming.user);
	if (!account->user && first)
		account->user = g_strdup(first->address);
}

/* What only the whole section shows; line is the section's own. */
static bool
check_whole(Builder *builder)
{
	Account *account = builder->account;
	bool ok = true;
	if (!builder->incoming_set)
		ok = fatal(builder, "incoming is missing; add one such as incoming = imaps://mail.example.org");
	if (account->outgoing.host && !builder->from_set)
		ok = fatal(builder, "from is missing; add one such as from = Siti Rahma <siti@example.org>");
	if (account->incoming.host && !account->user && !builder->from_set)
		ok = fatal(builder, "the user name is missing; add user = NAME, or from = ...");
	if (account->password_command && account->token_command)
		conf_problem(builder->config, builder->line, false, "both password_command and token_command are set; the token is used");
	if (builder->leave_set && ok && account->incoming.protocol != PROTOCOL_POP3)
		conf_problem(builder->config, builder->line, false, "leave_on_server has an effect for pop3 only");
	if (builder->keep_set && ok && account->incoming.protocol != PROTOCOL_IMAP)
		conf_problem(builder->config, builder->line, false, "keep_offline has an effect for imap only");
	return ok;
}

Account *
conf_account_build(Config *config, GPtrArray *lines, guint first, guint end)
{
	const ConfigLine *head = g_ptr_array_index(lines, first);
	unsigned seen[G_N_ELEMENTS(key_rows)] = { 0 };
	Account *account = g_new0(Account, 1);
	Builder builder = { .config = config, .line = head, .account = account, .early_aliases = g_ptr_array_new_with_free_func(g_free) };
	bool ok = true;
	account->name = g_strdup(head->name);
	account->identities = g_ptr_array_new_with_free_func(identity_free);
	account->poll_seconds = POLL_PRESET_S;
	account->notify = account->send_copy = true;
	if (!name_is_safe(head->name))
		ok = fatal(&builder, "the account's name may hold letters, digits, \".\", \"_\" and \"-\" only (at most 64), not first . or -");
	for (guint i = first; i < end; i++) {
		builder.line = g_ptr_array_index(lines, i);
		ok = take_line(&builder, seen) && ok;
	}
	builder.line = head;
	settle_early(&builder);
	ok = check_whole(&builder) && ok;
	if (ok)
		return account;
	conf_account_free(account);
	return NULL;
}

void
conf_account_free(Account *account)
{
	if (!account)
		return;
	g_free(account->name);
	conf_url_clear(&account->incoming);
	conf_url_clear(&account->outgoing);
	g_free(account->user);
	g_free(account->password_command);
	g_free(account->token_command);
	g_free(account->smtp_password_command);
	g_free(account->ca_file);
	for (size_t i = 0; i < G_N_ELEMENTS(account->folder_names); i++)
		g_free(account->folder_names[i]);
	g_ptr_array_free(account->identities, TRUE);
	g_free(account);
}

static bool
address_matches(const char *pattern, const char *address)
{
	g_autofree char *p = g_utf8_casefold(pattern, -1), *a = g_utf8_casefold(address, -1);
	return g_pattern_match_simple(p, a);
}

const Identity *
account_identity_for(const Account *account, const char *address)
{
	for (guint i = 0; address && i < account->identities->len; i++) {
		const Identity *identity = g_ptr_array_index(account->identities, i);
		g_autofree char *own = g_utf8_casefold(identity->address, -1), *other = g_utf8_casefold(address, -1);
		if (strcmp(own, other) == 0)
			return identity;
	}
	for (guint i = 0; address && i < account->identities->len; i++) {
		const Identity *identity = g_ptr_array_index(account->identities, i);
		for (size_t k = 0; identity->aliases && identity->aliases[k]; k++)
			if (address_matches(identity->aliases[k], address))
				return identity;
	}
	return NULL;
}
