/* app/cli.h: commands without a screen, one row each in cli.c */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "src/app/private.h"

/* Arguments after the command's name; NULL-terminated. Returns an ExitStatus. */
typedef struct CliArgs { int argc; char **argv; } CliArgs;

int cli_sync(const CliArgs *args);
int cli_search(const CliArgs *args);
int cli_show(const CliArgs *args);
int cli_index(const CliArgs *args);
int cli_store(const CliArgs *args);
int cli_config(const CliArgs *args);
int cli_account(const CliArgs *args);

/* "surel: text" on stderr with the remedy of its code; frees error, returns its status. */
int cli_fail(GError *error);
int cli_usage(const char *text);
/* The configuration; NULL after its mistakes were printed, *ret_status set. */
Config *cli_load_config(int *ret_status);
/* Removes --NAME from args; true when it was there. */
bool cli_flag(CliArgs *args, const char *name);
/* Removes --NAME VALUE or --NAME=VALUE; NULL when it was not there. Borrowed. */
const char *cli_value(CliArgs *args, const char *name);
