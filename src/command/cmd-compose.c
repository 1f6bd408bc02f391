/* command/cmd-compose.c: writing, answering, the review screen */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/command/private.h"

#include <string.h>

void
cmd_compose(const CommandContext *context)
{
	GError *error = NULL;
	Draft *draft = NULL;
	if (g_ascii_strncasecmp(context->arg, "mailto:", 7) == 0) {
		draft = draft_from_mailto(context->arg, &error);
		if (!draft) {
			app_notice_error(context->app, error);
			return;
		}
	} else if (*context->arg) {
		draft = draft_new();
		g_free(draft->to);
		draft->to = g_strdup(context->arg);
	}
	app_compose(context->app, draft);
}

void
cmd_reply(const CommandContext *context)
{
	app_reply(context->app, context->refs[0], REPLY_SENDER);
}

void
cmd_reply_all(const CommandContext *context)
{
	app_reply(context->app, context->refs[0], REPLY_ALL);
}

void
cmd_reply_list(const CommandContext *context)
{
	app_reply(context->app, context->refs[0], REPLY_LIST);
}

void
cmd_forward(const CommandContext *context)
{
	app_reply(context->app, context->refs[0], REPLY_FORWARD);
}

void
cmd_resume(const CommandContext *context)
{
	app_resume(context->app);
}

void
cmd_send(const CommandContext *context)
{
	app_send(context->app, context_review(context));
}

void
cmd_edit(const CommandContext *context)
{
	App *app = context->app;
	const Place *place = app_place(app);
	if (place->kind == PLACE_OUTBOX)
		app_outbox_take_back(app, g_ptr_array_index(app->outbox, place->cursor));
	else
		app_edit_draft(app, place->review);
}

/* ---- fields ---- */

typedef struct FieldRow { CommandId command; unsigned row; const char *label; size_t offset; bool address; } FieldRow;

static const FieldRow fields[] = {
	{ COMMAND_SET_TO, REVIEW_TO, "To: ", G_STRUCT_OFFSET(Draft, to), true },
	{ COMMAND_SET_CC, REVIEW_CC, "Cc: ", G_STRUCT_OFFSET(Draft, cc), true },
	{ COMMAND_SET_BCC, REVIEW_BCC, "Bcc: ", G_STRUCT_OFFSET(Draft, bcc), true },
	{ COMMAND_SET_SUBJECT, REVIEW_SUBJECT, "Subject: ", G_STRUCT_OFFSET(Draft, subject), false },
};

static char **
field_of(Draft *draft, const FieldRow *row)
{
	return (char **)(void *)((char *)draft + row->offset);
}

static void
field_typed(App *app, const char *text, void *data)
{
	const FieldRow *row = data;
	Review *review = app_place(app)->review;
	if (!text || !review)
		return;
	char **field = field_of(review->draft, row);
	g_autofree char *bad = NULL;
	g_free(*field);
	*field = g_strstrip(g_strdup(text));
	review->cursor = row->row;
	app_save_draft(app, review);
	if (row->address)
		g_ptr_array_unref(address_list_parse(*field, &bad));
	if (bad)
		app_notice(app, NOTICE_WARN, "\"%s\" is not an address yet.", bad);
}

static void
set_field(const CommandContext *context, const FieldRow *row)
{
	Review *review = context_review(context);
	void *data = (void *)row;
	if (*context->arg) {
		field_typed(context->app, context->arg, data);
		return;
	}
	const char *text = *field_of(review->draft, row);
	app_ask(context->app, row->address ? prompt_new_address(row->label, text, field_typed, data, NULL) :
					     prompt_new(PROMPT_TEXT, row->label, text, field_typed, data, NULL));
}

void
cmd_set_to(const CommandContext *context)
{
	set_field(context, &fields[0]);
}

void
cmd_set_cc(const CommandContext *context)
{
	set_field(context, &fields[1]);
}

void
cmd_set_bcc(const CommandContext *context)
{
	set_field(context, &fields[2]);
}

void
cmd_set_subject(const CommandContext *context)
{
	set_field(context, &fields[3]);
}

void
cmd_set_from(const CommandContext *context)
{
	app_next_identity(context->app, context_review(context));
}

/* ---- attachments ---- */

static void
attach_typed(App *app, const char *text, void *data)
{
	(void)data;
	Review *review = app_place(app)->review;
	if (text && *text && review)
		app_attach(app, review, text);
}

void
cmd_attach(const CommandContext *context)
{
	if (*context->arg) {
		attach_typed(context->app, context->arg, NULL);
		return;
	}
	Prompt *prompt = prompt_new(PROMPT_PATH, "Attach file: ", "~/", attach_typed, NULL, NULL);
	prompt->complete = complete_path;
	app_ask(context->app, prompt);
}

void
cmd_detach(const CommandContext *context)
{
	Review *review = context_review(context);
	GPtrArray *attachments = review->draft->attachments;
	unsigned index = review->cursor - REVIEW_ATTACHMENTS;
	if (review->cursor < REVIEW_ATTACHMENTS && attachments->len == 1)
		index = 0;
	if (index >= attachments->len) {
		app_notice(context->app, NOTICE_INFO, attachments->len ? "Put the cursor on an attachment first." : "No attachments.");
		return;
	}
	g_ptr_array_remove_index(attachments, index);
	review->cursor = MIN(review->cursor, REVIEW_ATTACHMENTS + (attachments->len ? attachments->len - 1 : 0));
	if (!attachments->len)
		review->cursor = REVIEW_SUBJECT;
	app_save_draft(context->app, review);
}

void
cmd_postpone(const CommandContext *context)
{
	app_postpone(context->app, context_review(context));
}

void
cmd_discard(const CommandContext *context)
{
	app_discard(context->app, context_review(context));
}
