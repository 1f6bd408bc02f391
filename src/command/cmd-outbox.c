/* command/cmd-outbox.c: messages on their way */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/command/private.h"

static const OutboxRow *
row_at(const CommandContext *context)
{
	return g_ptr_array_index(context->app->outbox, app_place(context->app)->cursor);
}

void
cmd_send_now(const CommandContext *context)
{
	app_outbox_send_now(context->app, row_at(context));
}

void
cmd_cancel_send(const CommandContext *context)
{
	app_outbox_take_back(context->app, row_at(context));
}

void
cmd_mark_sent(const CommandContext *context)
{
	app_outbox_mark_sent(context->app, row_at(context));
}
