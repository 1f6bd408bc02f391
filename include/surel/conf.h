/* surel/conf.h: surel.conf: accounts, identities, options, key bindings */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/base.h"

typedef enum Protocol { PROTOCOL_IMAP, PROTOCOL_POP3, PROTOCOL_MAILDIR, PROTOCOL_SMTP } Protocol;
typedef enum TlsMode { TLS_IMPLICIT, TLS_STARTTLS, TLS_NONE } TlsMode;	/* imaps: imap+starttls: imap+insecure: */
typedef enum LeavePolicy { LEAVE_YES, LEAVE_NO, LEAVE_DAYS, LEAVE_UNTIL_DELETED } LeavePolicy;
typedef enum KeepPolicy { KEEP_ALL, KEEP_DAYS, KEEP_HEADERS } KeepPolicy;

/* A parsed server URL, such as imaps://user@mail.example.org:993 (RFC 8314 ports by default). maildir: host NULL, path set. */
typedef struct ServerUrl {
	Protocol protocol;
	TlsMode tls;
	char *host;
	uint16_t port;
	char *user;	/* NULL: the account's user */
	char *path;	/* maildir only */
} ServerUrl;

typedef struct Identity {
	char *name;		/* "Siti Rahma" */
	char *address;		/* siti@contoh.id */
	char *signature;	/* text, or NULL */
	char **aliases;		/* further own addresses, "*" allowed before or after "@"; NULL-terminated */
} Identity;

/* One [account NAME] section, checked. Strings are owned by the account; unset ones are NULL. */
typedef struct Account {
	char *name;
	ServerUrl incoming, outgoing;	/* outgoing.host NULL: this account cannot send */
	char *user;
	char *password_command, *token_command;	/* token_command: OAuth2 bearer token, chooses OAUTHBEARER or XOAUTH2 */
	char *smtp_password_command;		/* NULL: the incoming one's */
	char *ca_file;				/* extra trusted certificates (PEM), NULL: the system's only */
	LeavePolicy leave;
	unsigned leave_days;
	KeepPolicy keep;
	unsigned keep_days;
	unsigned poll_seconds;
	bool notify, send_copy;			/* send_copy: surel files the Sent copy on the server */
	char *folder_names[8];			/* by FolderRole of store.h; user's choice of special folders; NULL: found by itself */
	GPtrArray *identities;			/* of Identity *; at least one where outgoing.host is set */
} Account;

/* Options of [general], rows of options.def. */
typedef enum OptionId {
#define OPTION_ROW(id, type, preset, min, max, unit, effect, help) OPTION_##id,
#include "surel/options.def"
#undef OPTION_ROW
	OPTION_COUNT
} OptionId;
typedef enum OptionType { OPTION_BOOL, OPTION_INT, OPTION_TEXT } OptionType;
typedef struct OptionRow { const char *name; OptionType type; const char *preset; int64_t min, max; const char *unit, *effect, *help; } OptionRow;
const OptionRow *option_row(OptionId id);

typedef struct KeyBinding { char *scope, *keys, *command; unsigned line; } KeyBinding;	/* [keys SCOPE] KEYS = COMMAND; scope NULL: all */
typedef struct ConfigProblem { char *file; unsigned line; char *text; bool fatal; } ConfigProblem;

typedef struct Config {
	char *path;
	GPtrArray *accounts;	/* of Account *, in file order */
	GPtrArray *bindings;	/* of KeyBinding * */
	GPtrArray *problems;	/* of ConfigProblem *; never NULL */
	char *values[OPTION_COUNT];
} Config;

/* Reads path (NULL: the default, $SUREL_CONFIG or surel.conf in os_config_dir). Every mistake becomes one row of problems,
 * with file, line, key and the nearest valid key; accounts with a fatal problem are left out. NULL only where the file
 * cannot be read (ERROR_NOT_FOUND when it is absent). */
Config *config_load(const char *path, GError **error);
/* Same for text in memory; name is used in messages. Never NULL: for tests, fuzzing and the set-up. */
Config *config_parse(const char *name, const char *text);
void config_free(Config *config);
/* $SUREL_CONFIG, else surel.conf in os_config_dir. Caller frees. */
char *config_default_path(void);
/* The secrets file: "secrets" beside the default configuration file. Caller frees. */
char *config_secrets_path(void);
/* `surel.conf:12: [account work] incomming: unknown key; did you mean "incoming"?` Caller frees. */
char *config_problem_line(const ConfigProblem *problem);
/* All problems, a line each, and a closing line: what `surel config check` prints. Caller frees. */
char *config_report(const Config *config);
const Account *config_account(const Config *config, const char *name);	/* NULL when there is none */
bool config_bool(const Config *config, OptionId id);
int64_t config_int(const Config *config, OptionId id);
const char *config_text(const Config *config, OptionId id);	/* "" when empty */
/* Sets one option from text at run time (`:set`); ERROR_INPUT names the range or the choices. */
bool config_set(Config *config, const char *name, const char *value, GError **error);
/* True where address is one of the account's own (identity or alias). */
const Identity *account_identity_for(const Account *account, const char *address);
/* The secret for incoming (smtp false) or outgoing: password_command, else the secrets file ($config/secrets, lines
 * "ACCOUNT = PASSWORD" or "ACCOUNT/smtp = ...", refused unless mode 0600). NULL with ERROR_AUTH when there is none.
 * With token_command set *ret_is_token becomes true. Free with os_free_secret. */
char *account_secret(const Account *account, bool smtp, bool *ret_is_token, GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_free)
