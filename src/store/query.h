/* store/query.h: a search query of a person: what SQLite answers, what notmuch answers */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "src/store/internal.h"

typedef enum TermKind { TERM_WORD, TERM_FROM, TERM_TO, TERM_SUBJECT, TERM_IS, TERM_IN, TERM_ACCOUNT, TERM_BEFORE, TERM_AFTER, TERM_HAS, TERM_OTHER,
			TERM_OPERATOR } TermKind;
typedef struct Term {
	TermKind kind;
	bool negated, quoted;
	char *text;		/* value without quotes; TERM_OTHER with its prefix; TERM_OPERATOR as typed */
	int64_t when;		/* TERM_BEFORE, TERM_AFTER */
} Term;
typedef struct Query {
	GPtrArray *terms;	/* of Term * */
	bool complex;		/* has "or", "not" or brackets: notmuch alone answers */
	bool has_text;		/* a term that only words can answer */
	bool has_filter;	/* a term that SQLite answers exactly */
	bool envelope;		/* senders, recipients and subjects can answer all text terms */
	bool names_folder;
} Query;
/* NULL with ERROR_INPUT and a sentence. now makes "3d" and "yesterday" testable. */
Query *query_parse(const char *text, int64_t now, GError **error);
void query_free(Query *query);
/* For notmuch; NULL when there is nothing for it to answer. */
char *query_for_notmuch(const Query *query);
/* For FTS5 over the envelope; NULL without text terms. *ret_exclude: all are negative, what matches is to be left out. */
char *query_for_words(const Query *query, bool *ret_exclude);
/* Bounds that follow from the filters: which folders, dates from <= d < before, flags. */
bool query_wants_folder(const Query *query, const char *account, const char *folder_name, FolderRole role);
void query_dates(const Query *query, int64_t *ret_from, int64_t *ret_before);
const char *query_flags_sql(const Query *query);
/* The exact part; text terms are not looked at. */
bool query_matches(const Query *query, const char *account, const char *folder_name, FolderRole role, const Msg *msg);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Query, query_free)
