/* src/main.c: argv -> role or command; wires the modules together; the only file that sees every header */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "surel/view.h"

int
main(void)
{
	return 0;
}
