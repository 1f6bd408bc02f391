/* tests/fuzz/replay.h: a main that runs a fuzz target over the files it is given, for builds without libFuzzer */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#ifndef SUREL_LIBFUZZER
static void
replay_dir(const char *dir, unsigned *count)
{
	g_autoptr(GDir) folder = g_dir_open(dir, 0, NULL);
	for (const char *name; folder && (name = g_dir_read_name(folder));) {
		g_autofree char *path = g_build_filename(dir, name, NULL), *bytes = NULL;
		gsize size;
		if (!g_file_get_contents(path, &bytes, &size, NULL))
			continue;
		/* Cut and damaged too, so that a few seeds reach more than themselves. */
		for (unsigned i = 0; i < 24; i++) {
			g_autofree uint8_t *copy = g_memdup2(bytes, size + 1);
			gsize length = i < 12 ? size : size * (i - 11) / 13;
			for (unsigned k = 0; i > 0 && k < i && length > 0; k++)
				copy[(k * 7919u + i * 104729u) % length] ^= (uint8_t)(1u << (k + i) % 8);
			LLVMFuzzerTestOneInput(copy, length);
		}
		(*count)++;
	}
}

int
main(int argc, char **argv)
{
	const char *source = g_getenv("SUREL_SRCDIR");
	g_autofree char *base = g_path_get_basename(argv[0]);
	g_autofree char *seeds = argc > 1 ? g_strdup(argv[1]) : g_build_filename(source ? source : ".", "tests", "fuzz", "seeds", base, NULL);
	unsigned count = 0;
	replay_dir(seeds, &count);
	g_print("%s 1 - %u seeds of %s\n1..1\n", count ? "ok" : "not ok", count, base);
	return count ? 0 : 1;
}
#endif
