/* src/view/outbox.c: messages that wait to be sent, with their state in words, the undo window and the server's reply */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/view/draw.h"

enum { ROW_HEIGHT = 2, STATE_WIDTH = 27 };

static ColourId
colour_of(OutboxState state)
{
	switch (state) {
	case OUTBOX_HELD:
	case OUTBOX_QUEUED:
	case OUTBOX_CANCELLED:
		return COLOUR_INFO;
	case OUTBOX_SENDING:
	case OUTBOX_COMMITTING:
	case OUTBOX_ACCEPTED:
	case OUTBOX_FILED:
		return COLOUR_GOOD;
	case OUTBOX_UNKNOWN:
		return COLOUR_WARN;
	case OUTBOX_FAILED:
		return COLOUR_ERROR;
	}
	return COLOUR_INFO;
}

static char *
recipients(const Outbox *outbox)
{
	GString *text = g_string_new(NULL);
	for (unsigned i = 0; i < outbox->rcpts->len; i++)
		g_string_append_printf(text, "%s%s", i ? ", " : "", ((const OutboxRcpt *)g_ptr_array_index(outbox->rcpts, i))->address);
	return g_string_free(text, FALSE);
}

/* The second line: what happens next, or what the server said. Caller frees. */
static char *
detail(const ViewContext *context, const Outbox *outbox)
{
	int64_t now = view_now(context->app);
	if (outbox->state == OUTBOX_HELD) {
		view_redraw_in(context->app, 1000);
		return g_strdup_printf("leaves in %" G_GINT64_FORMAT " s; %s takes it back", MAX(outbox->not_before - now, 0),
				       key_for(context, SCOPE_OUTBOX, COMMAND_CANCEL_SEND));
	}
	if (outbox->state == OUTBOX_UNKNOWN)
		return g_strdup_printf("The link broke while the server confirmed; look into Sent: %s sends again, %s files it as sent",
				       key_for(context, SCOPE_OUTBOX, COMMAND_SEND_NOW), key_for(context, SCOPE_OUTBOX, COMMAND_MARK_SENT));
	if (outbox->state == OUTBOX_QUEUED && outbox->next_try > now) {
		g_autofree char *when = text_date_short(outbox->next_try, now);
		return g_strdup_printf("next try %s%s%s", when, outbox->last_reply ? ": " : "", outbox->last_reply ? outbox->last_reply : "");
	}
	return g_strdup(outbox->last_reply ? outbox->last_reply : "");
}

static void
draw_message(const ViewContext *context, Surface *surface, int row, const OutboxRow *entry)
{
	const Outbox *outbox = entry->outbox;
	const AppAccount *account = g_ptr_array_index(context->app->accounts, entry->account);
	int width = surface->width, state_width = MIN(STATE_WIDTH, width * 3 / 10), to_width = width / 4;
	g_autofree char *to = recipients(outbox), *text = detail(context, outbox);
	text_put_cut(surface, row, 1, state_width, colour_of(outbox->state), CELL_BOLD, outbox_state_name(outbox->state));
	text_put_cut(surface, row, state_width + 2, to_width, COLOUR_FROM, 0, to);
	int subject = state_width + to_width + 4;
	text_put_cut(surface, row, subject, width - subject - 1, COLOUR_SUBJECT, 0, outbox->subject && *outbox->subject ? outbox->subject : "(no subject)");
	g_autofree char *line = context->app->accounts->len > 1 ? g_strdup_printf("%s%s%s", account->account->name, *text ? " · " : "", text) : g_strdup(text);
	text_put_cut(surface, row + 1, state_width + 2, width - state_width - 3, COLOUR_DIM, 0, line);
}

static void
outbox_draw(const ViewContext *context, Surface *surface, int *ret_cursor_row, int *ret_cursor_column)
{
	(void)ret_cursor_row;
	(void)ret_cursor_column;
	Place *place = context->place;
	const GPtrArray *rows = context->app->outbox;
	if (rows->len == 0) {
		draw_empty(surface, "Nothing waits to be sent.", NULL);
		return;
	}
	place_clamp(place, rows->len, (unsigned)surface->height, ROW_HEIGHT);
	for (unsigned i = 0; i < place->height && place->top + i < rows->len; i++)
		draw_message(context, surface, (int)i * ROW_HEIGHT, g_ptr_array_index(rows, place->top + i));
	int row = (int)(place->cursor - place->top) * ROW_HEIGHT;
	surface_tint(surface, row, 0, surface->width, COLOUR_CURSOR);
	surface_tint(surface, row + 1, 0, surface->width, COLOUR_CURSOR);
}

static void
outbox_click(const ViewContext *context, int row, int column)
{
	(void)column;
	context->place->cursor = context->place->top + (unsigned)row / ROW_HEIGHT;
}

static char *
outbox_title(const ViewContext *context)
{
	(void)context;
	return g_strdup("Outbox");
}

const ViewOps outbox_view = { .name = "outbox", .scope = SCOPE_OUTBOX, .draw = outbox_draw, .click = outbox_click, .title = outbox_title };
