/* src/view/review.c: a draft before it is sent: fields, attachments, warnings, the text */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/view/draw.h"
#include "src/view/wrap.h"

#include <glib/gstdio.h>
#include <string.h>

enum { LABEL_COLUMNS = 10 };

typedef struct Field { const char *label; unsigned row; } Field;
static const Field fields[] = {
	{ "From", REVIEW_FROM }, { "To", REVIEW_TO }, { "Cc", REVIEW_CC }, { "Bcc", REVIEW_BCC }, { "Subject", REVIEW_SUBJECT },
};

static const char *
field_value(const Draft *draft, unsigned row)
{
	const char *values[] = { [REVIEW_FROM] = draft->from, [REVIEW_TO] = draft->to, [REVIEW_CC] = draft->cc, [REVIEW_BCC] = draft->bcc,
				 [REVIEW_SUBJECT] = draft->subject };
	return values[row] ? values[row] : "";
}

/* ---- warnings ---- */

static bool
mentions_attachment(const char *body)
{
	static const char *const words[] = { "attach", "lampir", "terlampir", "anhang", "adjunt", "pièce jointe", "添付", "附件" };
	for (const char *line = body; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *end = strchr(line, '\n');
		size_t size;
		if (*line == '>')
			continue;	/* quoted: somebody else's words */
		for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
			if (text_find(line, 0, end ? (size_t)(end - line) : strlen(line), words[i], &size) >= 0)
				return true;
	}
	return false;
}

/* The most important thing that looks wrong; NULL: nothing. Caller frees. */
static char *
warning_of(const Review *review)
{
	const Draft *draft = review->draft;
	const char *const lists[] = { draft->to, draft->cc, draft->bcc };
	bool any = false;
	for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
		g_autofree char *bad = NULL;
		g_autoptr(GPtrArray) parsed = address_list_parse(lists[i] ? lists[i] : "", &bad);
		any |= parsed && parsed->len > 0;
		if (bad && *bad)
			return g_strdup_printf("\"%s\" is not an address.", bad);
	}
	if (!any)
		return g_strdup("Nobody to send it to yet.");
	if (!draft->subject || !*draft->subject)
		return g_strdup("The subject is empty.");
	if (draft->attachments->len == 0 && mentions_attachment(draft->body))
		return g_strdup("The text speaks of an attachment, but none is attached.");
	return NULL;
}

/* ---- drawing ---- */

static void
draw_attachment(Surface *surface, int row, const DraftAttachment *attachment)
{
	GStatBuf status;
	const char *slash = strrchr(attachment->path, '/');
	const char *name = attachment->name ? attachment->name : slash ? slash + 1 : attachment->path;
	surface_put_right(surface, row, LABEL_COLUMNS, COLOUR_HEADER_NAME, 0, "Attached");
	if (g_stat(attachment->path, &status) != 0) {
		g_autofree char *missing = g_strdup_printf("%s  cannot be read: %s", name, attachment->path);
		text_put_cut(surface, row, LABEL_COLUMNS + 2, surface->width - LABEL_COLUMNS - 2, COLOUR_ERROR, 0, missing);
		return;
	}
	g_autofree char *size = text_size(status.st_size);
	g_autofree char *text = g_strdup_printf("%s  %s", name, size);
	text_put_cut(surface, row, LABEL_COLUMNS + 2, surface->width - LABEL_COLUMNS - 2, COLOUR_ATTACHMENT, 0, text);
}

static void
draw_body(const ViewContext *context, Surface *surface, const char *body)
{
	int margin = surface->width >= 84 ? 2 : 1;
	int row = 0;
	int width = MIN(surface->width - 2 * margin, (int)config_int(context->app->config, OPTION_wrap));
	const char *line = body ? body : "";
	while (*line && row < surface->height) {
		const char *end = strchr(line, '\n') ? strchr(line, '\n') : line + strlen(line);
		g_autofree char *raw = g_strndup(line, (size_t)(end - line));
		g_autofree char *text = text_clean(raw, -1, false);
		ColourId colour = *text == '>' ? COLOUR_QUOTE1 : COLOUR_NORMAL;
		const char *rest = text;
		do {
			size_t skip = 0, size = text_wrap(rest, width, &skip);
			g_autofree char *piece = g_strndup(rest, size);
			surface_put(surface, row++, margin, colour, 0, piece);
			rest += size + skip;
			if (size + skip == 0)
				break;
		} while (*rest && row < surface->height);
		line = *end ? end + 1 : end;
	}
	if (row == 0)
		surface_put(surface, 0, margin, COLOUR_DIM, 0, "(no text yet)");
	if (*line && surface->height > 0)
		surface_put_right(surface, surface->height - 1, surface->width - 1, COLOUR_DIM, 0, " … ");
}

static void
review_draw(const ViewContext *context, Surface *surface, int *ret_cursor_row, int *ret_cursor_column)
{
	(void)ret_cursor_row;
	(void)ret_cursor_column;
	Review *review = context->place->review;
	const Draft *draft = review->draft;
	int row = 0;
	unsigned rows = REVIEW_ATTACHMENTS + draft->attachments->len;
	review->cursor = MIN(review->cursor, rows - 1);
	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++, row++)
		draw_field(surface, row, LABEL_COLUMNS, fields[i].label, field_value(draft, fields[i].row));
	for (unsigned i = 0; i < draft->attachments->len && row < surface->height - 3; i++, row++)
		draw_attachment(surface, row, g_ptr_array_index(draft->attachments, i));
	surface_tint(surface, (int)review->cursor, 0, surface->width, COLOUR_CURSOR);
	const AppAccount *account = g_ptr_array_index(context->app->accounts, MIN(review->account, context->app->accounts->len - 1));
	if (context->app->accounts->len > 1)
		draw_field(surface, row++, LABEL_COLUMNS, "Account", account->account->name);
	g_autofree char *own = review->warning ? NULL : warning_of(review);
	const char *warning = review->warning ? review->warning : own;
	if (warning)
		text_put_cut(surface, row++, LABEL_COLUMNS + 2, surface->width - LABEL_COLUMNS - 3, COLOUR_WARN, CELL_BOLD, warning);
	surface_repeat(surface, row, 0, surface->width, COLOUR_BORDER, "─");
	Surface body = surface_part(surface, row + 1, 0, surface->height - row - 1, surface->width);
	draw_body(context, &body, draft->body);
}

static void
review_click(const ViewContext *context, int row, int column)
{
	(void)column;
	context->place->review->cursor = (unsigned)row;	/* clamped when it is drawn */
}

static char *
review_title(const ViewContext *context)
{
	const char *subject = context->place->review->draft->subject;
	return g_strdup_printf("Before sending: %s", subject && *subject ? subject : "(no subject)");
}

const ViewOps review_view = { .name = "review", .scope = SCOPE_REVIEW, .draw = review_draw, .click = review_click, .title = review_title };
