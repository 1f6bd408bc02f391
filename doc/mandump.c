/* doc/mandump.c: fills @COMMANDS@, @KEYS@, @OPTIONS@, @COLOURS@ and @ERRORS@ in the manual pages from the tables of the program */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "surel/command.h"

typedef struct ScopeName {
	unsigned bit;
	const char *name;
} ScopeName;

static const ScopeName scopes[] = {
	{ SCOPE_FOLDERS, "folders" }, { SCOPE_LIST, "list" }, { SCOPE_READER, "reader" }, { SCOPE_REVIEW, "review" },
	{ SCOPE_OUTBOX, "outbox" }, { SCOPE_PARTS, "parts" }, { SCOPE_LINKS, "links" }, { SCOPE_INFO, "info" },
};

/* mdoc: a backslash is \e, a line must not begin with a control character of roff, and a sentence begins a line. */
static void
put(const char *text)
{
	if (*text == '.' || *text == '\'' || *text == ' ')
		fputs("\\&", stdout);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else if (*text == ' ' && text[-1] == '.' && text[1] >= 'A' && text[1] <= 'Z')
			putchar('\n');
		else
			putchar(*text);
	}
}

/* The same as an argument of a macro. */
static void
put_quoted(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"')
			fputs("\"\"", stdout);
		else if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else
			putchar(*text);
	}
	putchar('"');
}

static void
put_scopes(unsigned set)
{
	if (set == SCOPE_ALL) {
		fputs("everywhere", stdout);
		return;
	}
	bool first = true;
	for (size_t i = 0; i < G_N_ELEMENTS(scopes); i++) {
		if (!(set & scopes[i].bit))
			continue;
		printf("%s%s", first ? "" : ", ", scopes[i].name);
		first = false;
	}
}

static void
put_command(const char *name, const char *args, unsigned set, const char *keys, const char *help)
{
	fputs(".It Ic ", stdout);
	fputs(name, stdout);
	if (*args) {
		fputs(" Ar ", stdout);
		put_quoted(args);
	}
	putchar('\n');
	put(help);
	fputs(".\n", stdout);
	if (*keys) {
		fputs("Keys: ", stdout);
		put(keys);
		fputs(" (", stdout);
		put_scopes(set);
		fputs(").\n", stdout);
	}
}

static void
put_commands(void)
{
	fputs(".Bl -tag -width Ds\n", stdout);
#define COMMAND_ROW(id, function, name, args, set, target, keys, hint, help) put_command(name, args, set, keys, help);
#include "surel/commands.def"
#undef COMMAND_ROW
	fputs(".El\n", stdout);
}

static void
put_option(const char *name, OptionType type, const char *preset, int64_t min, int64_t max, const char *unit, const char *help)
{
	printf(".It Cm %s No = ", name);
	switch (type) {
	case OPTION_BOOL:
		fputs("Cm yes | no\n", stdout);
		break;
	case OPTION_INT:
		fputs("Ar number\n", stdout);
		break;
	case OPTION_TEXT:
		fputs("Ar text\n", stdout);
		break;
	}
	put(help);
	fputs(".\n", stdout);
	if (type == OPTION_INT) {
		printf("From %lld to %lld", (long long)min, (long long)max);
		printf("%s%s.\n", *unit ? " " : "", unit);
	}
	if (*preset) {
		fputs("Default:\n.Li ", stdout);
		put_quoted(preset);
		fputs(" .\n", stdout);
	} else {
		fputs("Default: empty.\n", stdout);
	}
}

static void
put_options(void)
{
	fputs(".Bl -tag -width Ds\n", stdout);
#define OPTION_ROW(id, type, preset, min, max, unit, effect, help) put_option(#id, OPTION_##type, preset, min, max, unit, help);
#include "surel/options.def"
#undef OPTION_ROW
	fputs(".El\n", stdout);
}

static void
put_colours(void)
{
	fputs(".Bl -column \"folders.account\" \"default default underline\"\n.It Em name Ta Em preset\n", stdout);
#define COLOUR_ROW(id, name, preset) printf(".It Li %s Ta %s\n", name, preset);
#include "surel/colours.def"
#undef COLOUR_ROW
	fputs(".El\n", stdout);
}

static void
put_error(const char *nick, const char *remedy)
{
	printf(".It %s\n", nick);
	put(remedy);
	putchar('\n');
}

static void
put_errors(void)
{
	fputs(".Bl -tag -width Ds\n", stdout);
#define ERROR_ROW(id, nick, remedy, plain) put_error(nick, remedy);
#include "surel/errors.def"
#undef ERROR_ROW
	fputs(".El\n", stdout);
}

static void
put_version(void)
{
	fputs(".Nm surel No " PACKAGE_VERSION "\n", stdout);
}

typedef struct Placeholder {
	const char *line;
	void (*put)(void);
} Placeholder;

static const Placeholder placeholders[] = {
	{ "@COMMANDS@\n", put_commands }, { "@OPTIONS@\n", put_options }, { "@COLOURS@\n", put_colours },
	{ "@ERRORS@\n", put_errors }, { "@VERSION@\n", put_version },
};

static void
put_line(const char *line)
{
	for (size_t i = 0; i < G_N_ELEMENTS(placeholders); i++) {
		if (strcmp(line, placeholders[i].line) != 0)
			continue;
		placeholders[i].put();
		return;
	}
	fputs(line, stdout);
}

int
main(int argc, char **argv)
{
	char line[4096];
	FILE *page = argc == 2 ? fopen(argv[1], "re") : NULL;
	if (!page) {
		fprintf(stderr, "usage: mandump PAGE.in: %s\n", strerror(errno));
		return 1;
	}
	while (fgets(line, sizeof(line), page))
		put_line(line);
	fclose(page);
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
