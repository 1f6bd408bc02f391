/* src/mail/report.c: delivery status and read receipts in a few lines (RFC 3464, 8098, 5965) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/lines.h"

enum { REPORT_LINES_MAX = 60 };

static const struct { const char *field, *label; } shown[] = {
	{ "final-recipient", "Recipient" }, { "original-recipient", "Addressed" }, { "action", "Action" }, { "status", "Status" },
	{ "remote-mta", "Server" }, { "diagnostic-code", "Reason" }, { "will-retry-until", "Tries until" }, { "disposition", "Disposition" },
	{ "feedback-type", "Feedback" }, { "source-ip", "Source" }, { "reported-domain", "Domain" },
};

/* "rfc822;ayu@contoh.example", "smtp; 550 no such user": the type says nothing to a person. */
static const char *
without_type(const char *value)
{
	size_t n = strcspn(value, "; ");
	if (value[n] != ';' || n > 12)
		return value;
	return value + n + 1 + strspn(value + n + 1, " ");
}

void
delivery_render(Document *document, const char *text)
{
	unsigned lines = 0;
	for (const char *p = text; *p && lines < REPORT_LINES_MAX;) {
		g_autoptr(GString) field = g_string_new(NULL);
		do {
			size_t n = strcspn(p, "\n");
			g_string_append_len(field, p, (gssize)n);
			p += n + (p[n] == '\n');
		} while (*p == ' ' || *p == '\t');
		char *colon = strchr(field->str, ':');
		if (!colon)
			continue;
		*colon = '\0';
		for (size_t i = 0; i < G_N_ELEMENTS(shown); i++) {
			if (g_ascii_strcasecmp(g_strstrip(field->str), shown[i].field) != 0)
				continue;
			g_autofree char *value = header_decode(colon + 1, strlen(colon + 1), NULL);
			g_autofree char *line = g_strdup_printf("%-12s%s", shown[i].label, without_type(value));
			document_add_text(document, LINE_NOTE, 0, line, SPAN_PLAIN);
			lines++;
		}
	}
}
