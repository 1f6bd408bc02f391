/* store/query.c: a search query of a person: what SQLite answers, what notmuch answers */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/store/query.h"

#include <string.h>

#include "surel/text.h"

enum { DAY_SECONDS = 24 * 3600 };

static const struct { const char *prefix; TermKind kind; } prefixes[] = {
	{ "from", TERM_FROM }, { "to", TERM_TO }, { "cc", TERM_TO }, { "subject", TERM_SUBJECT }, { "is", TERM_IS }, { "in", TERM_IN },
	{ "account", TERM_ACCOUNT }, { "before", TERM_BEFORE }, { "after", TERM_AFTER }, { "since", TERM_AFTER }, { "has", TERM_HAS },
};
/* Prefixes of notmuch itself: passed on (notmuch-search-terms(7)). */
static const char *const native[] = { "body", "attachment", "mimetype", "tag", "id", "mid", "thread", "path", "folder", "date", "lastmod", "list", "property" };
static const struct { const char *name; uint32_t flag; bool set; const char *tag; } states[] = {
	{ "unread", FLAG_SEEN, false, "unread" }, { "read", FLAG_SEEN, true, "not tag:unread" }, { "seen", FLAG_SEEN, true, "not tag:unread" },
	{ "flagged", FLAG_FLAGGED, true, "flagged" }, { "starred", FLAG_FLAGGED, true, "flagged" }, { "answered", FLAG_ANSWERED, true, "replied" },
	{ "replied", FLAG_ANSWERED, true, "replied" }, { "forwarded", FLAG_FORWARDED, true, "passed" }, { "draft", FLAG_DRAFT, true, "draft" },
};
static const struct { const char *name; FolderRole role; } role_names[] = {
	{ "inbox", ROLE_INBOX }, { "drafts", ROLE_DRAFTS }, { "sent", ROLE_SENT }, { "archive", ROLE_ARCHIVE }, { "junk", ROLE_JUNK },
	{ "spam", ROLE_JUNK }, { "trash", ROLE_TRASH }, { "all", ROLE_ALL },
};

static void
term_free(void *data)
{
	Term *term = data;
	g_free(term->text);
	g_free(term);
}

void
query_free(Query *query)
{
	if (!query)
		return;
	g_ptr_array_unref(query->terms);
	g_free(query);
}

/* ---- parsing ---- */

/* One word up to a space or bracket outside of quotes. */
static const char *
read_word(const char *at, GString *word, bool *quoted, GError **error)
{
	while (*at && *at != ' ' && *at != '\t' && *at != '(' && *at != ')') {
		if (*at != '"') {
			g_string_append_c(word, *at++);
			continue;
		}
		const char *end = strchr(at + 1, '"');
		*quoted = true;
		if (!end) {
			error_set(error, ERROR_INPUT, "the search has a quote (\") without its partner");
			return NULL;
		}
		g_string_append_len(word, at + 1, end - at - 1);
		at = end + 1;
	}
	return at;
}

/* 2024, 2024-05, 2024-05-17, today, yesterday, 3d, 2w, 6m, 1y: the first second of it, local time. */
static bool
parse_when(const char *text, int64_t now, int64_t *ret_when)
{
	g_autoptr(GDateTime) today = g_date_time_new_from_unix_local(now);
	int year = 0, month = 1, day = 1, used = 0;
	int parts = sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &used);
	if (parts < 3)
		used = 0;
	if (parts == 2)
		sscanf(text, "%4d-%2d%n", &year, &month, &used);
	if (parts == 1)
		sscanf(text, "%4d%n", &year, &used);
	if (parts > 0 && used >= 4 && text[used] == '\0') {
		g_autoptr(GDateTime) date = g_date_time_new_local(year, month, day, 0, 0, 0);
		if (!date)
			return false;
		*ret_when = g_date_time_to_unix(date);
		return true;
	}
	bool yesterday = strcmp(text, "yesterday") == 0;
	char *end = NULL;
	int64_t n = g_ascii_strtoll(text, &end, 10);
	g_autoptr(GDateTime) date = NULL;
	if (yesterday || strcmp(text, "today") == 0)
		date = g_date_time_add_days(today, yesterday ? -1 : 0);
	else if (end == text || n < 0 || n > 10000 || !*end || end[1])
		return false;
	else if (*end == 'd' || *end == 'w')
		date = g_date_time_add_days(today, (gint)-n * (*end == 'w' ? 7 : 1));
	else if (*end == 'm' || *end == 'y')
		date = g_date_time_add_months(today, (gint)-n * (*end == 'y' ? 12 : 1));
	if (!date)
		return false;
	g_autoptr(GDateTime) midnight = g_date_time_new_local(g_date_time_get_year(date), g_date_time_get_month(date), g_date_time_get_day_of_month(date), 0, 0, 0);
	*ret_when = g_date_time_to_unix(midnight);
	return true;
}

static bool
is_native(const char *prefix, size_t size)
{
	for (size_t i = 0; i < G_N_ELEMENTS(native); i++)
		if (strlen(native[i]) == size && strncmp(native[i], prefix, size) == 0)
			return true;
	return false;
}

static bool
check_term(Term *term, const char *prefix, int64_t now, GError **error)
{
	if (!*term->text)
		return error_set(error, ERROR_INPUT, "%s: needs a word after it", prefix);
	if ((term->kind == TERM_BEFORE || term->kind == TERM_AFTER) && !parse_when(term->text, now, &term->when))
		return error_set(error, ERROR_INPUT, "\"%s\" is not a date; write 2024-05-17, 2024-05, 2024, today, yesterday, 3d, 2w, 6m or 1y", term->text);
	if (term->kind == TERM_HAS && !g_str_has_prefix(term->text, "attach"))
		return error_set(error, ERROR_INPUT, "has:%s is not known; there is has:attachment", term->text);
	return true;
}

static Term *
make_term(GString *word, bool quoted, int64_t now, GError **error)
{
	Term *term = g_new0(Term, 1);
	const char *text = word->str;
	term->quoted = quoted;
	if ((*text == '-' || *text == '+') && text[1]) {
		term->negated = *text == '-';
		text++;
	}
	const char *colon = strchr(text, ':');
	size_t size = colon ? (size_t)(colon - text) : 0;
	for (size_t i = 0; colon && i < G_N_ELEMENTS(prefixes); i++) {
		if (strlen(prefixes[i].prefix) != size || g_ascii_strncasecmp(prefixes[i].prefix, text, size) != 0)
			continue;
		term->kind = prefixes[i].kind;
		term->text = g_strdup(colon + 1);
		if (check_term(term, prefixes[i].prefix, now, error))
			return term;
		term_free(term);
		return NULL;
	}
	term->kind = colon && is_native(text, size) ? TERM_OTHER : TERM_WORD;
	term->text = g_strdup(text);
	if (term->kind != TERM_OTHER || colon[1])
		return term;
	error_set(error, ERROR_INPUT, "%s needs a word after it", text);
	term_free(term);
	return NULL;
}

static bool
is_operator(const char *word)
{
	return g_ascii_strcasecmp(word, "or") == 0 || g_ascii_strcasecmp(word, "and") == 0 || g_ascii_strcasecmp(word, "not") == 0;
}

static void
add_operator(Query *query, const char *text)
{
	Term *term = g_new0(Term, 1);
	term->kind = TERM_OPERATOR;
	term->text = g_ascii_strdown(text, -1);
	g_ptr_array_add(query->terms, term);
	query->complex |= strcmp(term->text, "and") != 0;
}

static bool
has_alnum(const char *text)
{
	for (const char *at = text; *at; at = g_utf8_next_char(at))
		if (g_unichar_isalnum(g_utf8_get_char(at)))
			return true;
	return false;
}

static void
classify(Query *query)
{
	query->envelope = true;
	for (guint i = 0; i < query->terms->len; i++) {
		const Term *term = query->terms->pdata[i];
		bool text = term->kind <= TERM_SUBJECT || term->kind == TERM_OTHER;
		query->has_text |= text;
		query->has_filter |= !text && term->kind != TERM_OPERATOR;
		query->names_folder |= term->kind == TERM_IN && !term->negated;
		query->envelope &= term->kind != TERM_OTHER;
	}
	query->envelope &= !query->complex;
}

/* "and", "or" and "not" need something on their sides; what notmuch would make of it is an error of its parser. */
static bool
check_operators(const Query *query, GError **error)
{
	bool operand = false;
	for (guint i = 0; i < query->terms->len; i++) {
		const Term *term = query->terms->pdata[i];
		bool is_op = term->kind == TERM_OPERATOR && *term->text != '(' && *term->text != ')';
		if (is_op && !operand && *term->text != 'n')
			return error_set(error, ERROR_INPUT, "\"%s\" needs something to look for before it; put the word in quotes to look for it", term->text);
		if (is_op && i + 1 == query->terms->len)
			return error_set(error, ERROR_INPUT, "\"%s\" needs something to look for after it; put the word in quotes to look for it", term->text);
		operand = term->kind != TERM_OPERATOR || *term->text == ')';
	}
	return true;
}

Query *
query_parse(const char *text, int64_t now, GError **error)
{
	g_autoptr(Query) query = g_new0(Query, 1);
	query->terms = g_ptr_array_new_with_free_func(term_free);
	g_autofree char *clean = text_clean(text, -1, false);
	int depth = 0;
	for (const char *at = clean; *at;) {
		if (*at == ' ') {
			at++;
			continue;
		}
		if (*at == '(' || *at == ')') {
			depth += *at == '(' ? 1 : -1;
			add_operator(query, *at == '(' ? "(" : ")");
			at++;
			if (depth < 0)
				break;
			continue;
		}
		g_autoptr(GString) word = g_string_new(NULL);
		bool quoted = false;
		at = read_word(at, word, &quoted, error);
		if (!at)
			return NULL;
		if (!quoted && is_operator(word->str)) {
			add_operator(query, word->str);
			continue;
		}
		Term *term = make_term(word, quoted, now, error);
		if (!term)
			return NULL;
		if (term->kind == TERM_WORD && !has_alnum(term->text))
			term_free(term);	/* punctuation is in no index */
		else
			g_ptr_array_add(query->terms, term);
	}
	if (depth != 0) {
		error_set(error, ERROR_INPUT, "the search has a bracket without its partner");
		return NULL;
	}
	if (query->terms->len == 0) {
		error_set(error, ERROR_INPUT, "type something to search for");
		return NULL;
	}
	if (!check_operators(query, error))
		return NULL;
	classify(query);
	return g_steal_pointer(&query);
}

/* ---- for notmuch ---- */

static void
append_value(GString *out, const Term *term)
{
	bool star = !term->quoted && g_str_has_suffix(term->text, "*");
	bool plain = !term->quoted;
	for (const char *at = term->text; *at && plain; at = g_utf8_next_char(at))
		plain = g_unichar_isalnum(g_utf8_get_char(at)) || strchr("@.-_", *at) || (star && at[1] == '\0');
	if (plain)
		g_string_append(out, term->text);
	else
		g_string_append_printf(out, "\"%s\"", term->text);
}

static void
append_state(GString *out, const Term *term)
{
	for (size_t i = 0; i < G_N_ELEMENTS(states); i++)
		if (strcmp(states[i].name, term->text) == 0) {
			g_string_append_printf(out, "%s%s", states[i].set && g_str_has_prefix(states[i].tag, "not") ? "" : "tag:", states[i].tag);
			return;
		}
	g_string_append_printf(out, "tag:\"%s\"", term->text);
}

static void
append_term(GString *out, const Term *term)
{
	switch (term->kind) {
	case TERM_WORD: append_value(out, term); return;
	case TERM_FROM: g_string_append(out, "from:"); append_value(out, term); return;
	case TERM_TO: g_string_append(out, "to:"); append_value(out, term); return;
	case TERM_SUBJECT: g_string_append(out, "subject:"); append_value(out, term); return;
	case TERM_IS: append_state(out, term); return;
	case TERM_IN: g_string_append_printf(out, "tag:\"%s\"", term->text); return;
	case TERM_ACCOUNT: g_string_append_printf(out, "path:\"%s/**\"", term->text); return;
	case TERM_BEFORE: g_string_append_printf(out, "date:..@%" G_GINT64_FORMAT, term->when - 1); return;
	case TERM_AFTER: g_string_append_printf(out, "date:@%" G_GINT64_FORMAT "..", term->when); return;
	case TERM_HAS: g_string_append(out, "tag:attachment"); return;
	case TERM_OTHER: g_string_append(out, term->text); return;
	case TERM_OPERATOR: g_string_append(out, term->text); return;
	}
}

/* Where SQLite filters exactly, notmuch is not asked: its tags follow later. */
static bool
for_notmuch(const Query *query, const Term *term)
{
	if (query->complex)
		return true;
	return term->kind != TERM_IS && term->kind != TERM_IN && term->kind != TERM_ACCOUNT && term->kind != TERM_OPERATOR;
}

char *
query_for_notmuch(const Query *query)
{
	if (!query->has_text && !query->complex)
		return NULL;
	g_autoptr(GString) out = g_string_new(NULL);
	bool positive = false;
	for (guint i = 0; i < query->terms->len; i++) {
		const Term *term = query->terms->pdata[i];
		if (!for_notmuch(query, term))
			continue;
		if (out->len)
			g_string_append_c(out, ' ');
		if (term->negated)
			g_string_append(out, out->len ? "and not " : "not ");
		else
			positive = true;
		if (term->kind == TERM_OTHER && term->quoted) {
			const char *value = strchr(term->text, ':') + 1;
			g_string_append_printf(out, "%.*s\"%s\"", (int)(value - term->text), term->text, value);
		} else {
			append_term(out, term);
		}
	}
	if (!positive)
		g_string_prepend(out, "* and ");
	return g_string_free(g_steal_pointer(&out), FALSE);
}

/* ---- for SQLite ---- */

static void
append_word(GString *out, const Term *term)
{
	static const char *const columns[] = { [TERM_WORD] = "", [TERM_FROM] = "{from_name from_addr}:", [TERM_TO] = "people:", [TERM_SUBJECT] = "subject:" };
	g_autofree char *value = g_strdup(term->text);
	g_strdelimit(value, "\"*", ' ');
	g_string_append_printf(out, "%s\"%s\"%s", columns[term->kind], value, term->quoted ? "" : "*");
}

char *
query_for_words(const Query *query, bool *ret_exclude)
{
	g_autoptr(GString) positive = g_string_new(NULL), negative = g_string_new(NULL);
	for (guint i = 0; i < query->terms->len; i++) {
		const Term *term = query->terms->pdata[i];
		if (term->kind > TERM_SUBJECT || !has_alnum(term->text))
			continue;
		GString *out = term->negated ? negative : positive;
		g_string_append(out, !out->len ? "" : term->negated ? " OR " : " AND ");
		append_word(out, term);
	}
	*ret_exclude = positive->len == 0;
	if (positive->len && negative->len)
		return g_strdup_printf("(%s) NOT (%s)", positive->str, negative->str);
	return positive->len || negative->len ? g_strdup(positive->len ? positive->str : negative->str) : NULL;
}

static bool
in_folder(const char *text, const char *name, FolderRole role)
{
	for (size_t i = 0; i < G_N_ELEMENTS(role_names); i++)
		if (g_ascii_strcasecmp(text, role_names[i].name) == 0 && role == role_names[i].role)
			return true;
	g_autofree char *wanted = text_fold(text), *have = text_fold(name);
	const char *last = strrchr(have, '/');
	return strcmp(wanted, have) == 0 || (last && strcmp(wanted, last + 1) == 0);
}

static bool
in_state(const char *text, const Msg *msg)
{
	for (size_t i = 0; i < G_N_ELEMENTS(states); i++)
		if (strcmp(states[i].name, text) == 0)
			return ((msg->flags & states[i].flag) != 0) == states[i].set;
	return false;
}

bool
query_wants_folder(const Query *query, const char *account, const char *folder_name, FolderRole role)
{
	if (!query->names_folder && (role == ROLE_JUNK || role == ROLE_TRASH))
		return false;
	for (guint i = 0; i < query->terms->len; i++) {
		const Term *term = query->terms->pdata[i];
		if (term->kind == TERM_IN && in_folder(term->text, folder_name, role) == term->negated)
			return false;
		if (term->kind == TERM_ACCOUNT && (g_ascii_strcasecmp(term->text, account) == 0) == term->negated)
			return false;
	}
	return true;
}

void
query_dates(const Query *query, int64_t *ret_from, int64_t *ret_before)
{
	*ret_from = INT64_MIN;
	*ret_before = INT64_MAX;
	for (guint i = 0; i < query->terms->len; i++) {
		const Term *term = query->terms->pdata[i];
		if (term->kind == TERM_BEFORE || term->kind == TERM_AFTER) {
			if ((term->kind == TERM_AFTER) != term->negated)
				*ret_from = MAX(*ret_from, term->when);
			else
				*ret_before = MIN(*ret_before, term->when);
		}
	}
}

/* Literal, so that SQLite sees which partial index fits. */
const char *
query_flags_sql(const Query *query)
{
	for (guint i = 0; i < query->terms->len; i++) {
		const Term *term = query->terms->pdata[i];
		for (size_t s = 0; term->kind == TERM_IS && s < G_N_ELEMENTS(states); s++) {
			if (strcmp(states[s].name, term->text) != 0)
				continue;
			bool set = states[s].set != term->negated;
			if (states[s].flag == FLAG_SEEN && !set)
				return " AND m.flags & 1 = 0";
			if (states[s].flag == FLAG_FLAGGED && set)
				return " AND m.flags & 4 <> 0";
		}
	}
	return "";
}

bool
query_matches(const Query *query, const char *account, const char *folder_name, FolderRole role, const Msg *msg)
{
	for (guint i = 0; !query->complex && i < query->terms->len; i++) {
		const Term *term = query->terms->pdata[i];
		bool matches = true;
		switch (term->kind) {
		case TERM_IS: matches = in_state(term->text, msg); break;
		case TERM_IN: matches = in_folder(term->text, folder_name, role); break;
		case TERM_ACCOUNT: matches = g_ascii_strcasecmp(term->text, account) == 0; break;
		case TERM_BEFORE: matches = msg->date < term->when; break;
		case TERM_AFTER: matches = msg->date >= term->when; break;
		case TERM_HAS: matches = msg->has_attachment; break;
		case TERM_WORD:
		case TERM_FROM:
		case TERM_TO:
		case TERM_SUBJECT:
		case TERM_OTHER:
		case TERM_OPERATOR: continue;
		}
		if (matches == term->negated)
			return false;
	}
	return true;
}
