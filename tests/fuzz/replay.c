/* tests/fuzz/replay.c: gives a fuzz target its seeds and a few thousand bent copies of them, where there is no libFuzzer */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "surel/base.h"

enum { BENT_COPIES = 400, SEED_MAX_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of exactly this size on the heap, so that a sanitizer sees every read beyond it. */
static void
run_one(const uint8_t *data, size_t size)
{
	uint8_t *exact = g_malloc(MAX(size, 1));
	memcpy(exact, data, size);
	LLVMFuzzerTestOneInput(exact, size);
	g_free(exact);
}

static void
bend(GRand *rand, GByteArray *bytes)
{
	static const uint8_t odd[] = { 0, 0x1b, '\n', '\r', '"', '<', '>', '=', '[', ']', 0x7f, 0x80, 0xff, 0xe2, '%', '\\' };
	for (int changes = g_rand_int_range(rand, 1, 6); changes > 0 && bytes->len; changes--) {
		guint at = (guint)g_rand_int_range(rand, 0, (gint32)bytes->len);
		guint count = (guint)g_rand_int_range(rand, 1, 20);
		switch (g_rand_int_range(rand, 0, 5)) {
		case 0:
			bytes->data[at] ^= (uint8_t)(1U << g_rand_int_range(rand, 0, 8));
			break;
		case 1:
			bytes->data[at] = odd[g_rand_int_range(rand, 0, sizeof(odd))];
			break;
		case 2:
			g_byte_array_set_size(bytes, at);
			break;
		case 3:
			g_byte_array_remove_range(bytes, at, MIN(count, bytes->len - at));
			break;
		default: {
			g_autofree uint8_t *piece = g_memdup2(bytes->data + at, MIN(count, bytes->len - at));
			g_byte_array_append(bytes, piece, MIN(count, bytes->len - at));
		}
		}
	}
}

/* The seed as it is and bent; the same bends each time, so that a failure comes back. */
static bool
replay(const char *path)
{
	char *text = NULL;
	size_t size;
	if (!os_read_file(path, SEED_MAX_BYTES, &text, &size, NULL))
		return false;
	run_one((const uint8_t *)text, size);
	GRand *rand = g_rand_new_with_seed(g_str_hash(text));
	for (int i = 0; i < BENT_COPIES; i++) {
		g_autoptr(GByteArray) bytes = g_byte_array_new();
		g_byte_array_append(bytes, (const uint8_t *)text, (guint)size);
		bend(rand, bytes);
		run_one(bytes->data ? bytes->data : (const uint8_t *)"", bytes->len);
	}
	g_rand_free(rand);
	g_free(text);
	return true;
}

/* Seeds are in seeds/NAME for the program fuzz-NAME. */
int
main(int argc, char **argv)
{
	g_autofree char *program = g_path_get_basename(argv[0]);
	const char *name = strrchr(program, '-') ? strrchr(program, '-') + 1 : program;
	const char *source = g_getenv("SUREL_SRCDIR");
	g_autofree char *dir_path = argc > 1 ? g_strdup(argv[1]) : g_build_filename(source ? source : ".", "tests/fuzz/seeds", name, NULL);
	GDir *dir = g_dir_open(dir_path, 0, NULL);
	unsigned count = 0;
	for (const char *entry = dir ? g_dir_read_name(dir) : NULL; entry; entry = g_dir_read_name(dir)) {
		g_autofree char *path = g_build_filename(dir_path, entry, NULL);
		printf("%s %u - %s and %d bent copies do no harm\n", replay(path) ? "ok" : "not ok", ++count, entry, BENT_COPIES);
		fflush(stdout);
	}
	if (dir)
		g_dir_close(dir);
	printf("1..%u\n", count);
	return count ? 0 : 1;
}
