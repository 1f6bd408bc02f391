/* src/conf/options.c: options.def -> checked values of [general], get and set */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/conf/conf.h"

#include <string.h>

static const OptionRow option_rows[OPTION_COUNT] = {
#define OPTION_ROW(id, type, preset, min, max, unit, effect, help) \
	[OPTION_##id] = { #id, OPTION_##type, preset, min, max, unit, effect, help },
#include "surel/options.def"
#undef OPTION_ROW
};

static const char *const option_names[OPTION_COUNT + 1] = {
#define OPTION_ROW(id, type, preset, min, max, unit, effect, help) #id,
#include "surel/options.def"
#undef OPTION_ROW
	NULL,
};

const OptionRow *
option_row(OptionId id)
{
	return &option_rows[id];
}

static bool
find_option(const char *name, OptionId *ret_id)
{
	for (unsigned i = 0; i < OPTION_COUNT; i++) {
		if (strcmp(option_rows[i].name, name) != 0)
			continue;
		*ret_id = (OptionId)i;
		return true;
	}
	return false;
}

/* The value as it is kept; NULL with a sentence in *ret_why. */
static char *
normalise(const OptionRow *row, const char *value, char **ret_why)
{
	int64_t number;
	bool on;
	switch (row->type) {
	case OPTION_TEXT:
		return g_strdup(value);
	case OPTION_BOOL:
		if (conf_parse_bool(value, &on))
			return g_strdup(on ? "yes" : "no");
		*ret_why = g_strdup("must be yes or no");
		return NULL;
	case OPTION_INT:
		if (g_ascii_string_to_signed(value, 10, row->min, row->max, &number, NULL))
			return g_strdup_printf("%" G_GINT64_FORMAT, number);
		*ret_why = g_strdup_printf("must be a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT "%s%s", row->min, row->max,
					   *row->unit ? " " : "", row->unit);
		return NULL;
	}
	return NULL;
}

void
conf_option_line(Config *config, const ConfigLine *line)
{
	OptionId id;
	g_autofree char *why = NULL;
	if (!find_option(line->key, &id)) {
		g_autofree char *hint = conf_hint(line->key, option_names);
		conf_problem(config, line, false, "unknown key%s", hint);
		return;
	}
	char *value = normalise(&option_rows[id], line->value, &why);
	if (!value) {
		conf_problem(config, line, false, "%s", why);
		return;
	}
	g_free(config->values[id]);
	config->values[id] = value;
}

bool
config_set(Config *config, const char *name, const char *value, GError **error)
{
	OptionId id;
	g_autofree char *why = NULL;
	if (!find_option(name, &id)) {
		g_autofree char *hint = conf_hint(name, option_names);
		return error_set(error, ERROR_INPUT, "there is no option %s%s", name, hint);
	}
	char *normal = normalise(&option_rows[id], value, &why);
	if (!normal)
		return error_set(error, ERROR_INPUT, "%s %s", name, why);
	g_free(config->values[id]);
	config->values[id] = normal;
	return true;
}

const char *
config_text(const Config *config, OptionId id)
{
	const char *value = config ? config->values[id] : NULL;
	return value ? value : option_rows[id].preset;
}

bool
config_bool(const Config *config, OptionId id)
{
	return strcmp(config_text(config, id), "yes") == 0;
}

int64_t
config_int(const Config *config, OptionId id)
{
	return g_ascii_strtoll(config_text(config, id), NULL, 10);
}
