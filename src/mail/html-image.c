/* src/mail/html-image.c: what of a picture is worth words */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/html.h"

static bool
is_small(const GumboNode *node)
{
	static const char *const names[] = { "width", "height" };
	g_autofree char *style = g_ascii_strdown(html_attribute(node, "style"), -1);
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		const char *value = html_attribute(node, names[i]);
		if (g_ascii_isdigit(*value) && g_ascii_strtoll(value, NULL, 10) <= 3 && !strchr(value, '%'))
			return true;
		for (const char *at = strstr(style, names[i]); at; at = strstr(at + 1, names[i])) {
			const char *colon = at + strlen(names[i]);
			if ((at > style && at[-1] == '-') || *colon != ':')
				continue;
			char *end;
			double number = g_ascii_strtod(colon + 1, &end);
			if (end != colon + 1 && number <= 3 && (g_str_has_prefix(end, "px") || number <= 0.01))
				return true;
		}
	}
	return false;
}

/* Put there by a program, for nobody: an address, the name of a file, what a spacer is called. */
static bool
says_nothing(const char *text)
{
	static const char *const endings[] = { ".gif", ".jpg", ".jpeg", ".png", ".webp", ".svg", ".bmp" };
	static const char *const names[] = { "spacer", "blank", "pixel", "tracking pixel", "shim", "transparent", "divider" };
	if (g_ascii_strncasecmp(text, "http", 4) == 0 && strstr(text, "://"))
		return true;
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (g_ascii_strcasecmp(text, names[i]) == 0)
			return true;
	size_t size = strlen(text);
	for (size_t i = 0; i < G_N_ELEMENTS(endings) && !strchr(text, ' '); i++)
		if (size > strlen(endings[i]) && g_ascii_strcasecmp(text + size - strlen(endings[i]), endings[i]) == 0)
			return true;
	return false;
}

char *
html_words(const char *value)
{
	g_autofree char *text = g_strdup(value);
	g_strstrip(text);
	return says_nothing(text) ? g_strdup("") : clean_line(text, strlen(text));
}

char *
html_image_alt(const GumboNode *node)
{
	return is_small(node) ? NULL : html_words(html_attribute(node, "alt"));
}
