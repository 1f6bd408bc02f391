/* src/ui/surface.c: cells that views draw into: text, clipping, wide and combining characters, dumps */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "surel/ui.h"

#include <string.h>

enum { SURFACE_MAX = 4096 };	/* columns or rows; terminals that claim more are cut */

static void
cell_blank(Cell *cell, ColourId colour)
{
	memset(cell, 0, sizeof *cell);
	cell->text[0] = ' ';
	cell->width = 1;
	cell->colour = (uint8_t)colour;
}

Surface *
surface_new(int width, int height)
{
	Surface *surface = g_new0(Surface, 1);
	surface->width = surface->stride = CLAMP(width, 1, SURFACE_MAX);
	surface->height = CLAMP(height, 1, SURFACE_MAX);
	surface->cells = g_new0(Cell, (size_t)surface->stride * (size_t)surface->height);
	surface_fill(surface, COLOUR_NORMAL);
	return surface;
}

void
surface_free(Surface *surface)
{
	if (!surface)
		return;
	g_free(surface->cells);
	g_free(surface);
}

Surface
surface_part(Surface *surface, int row, int column, int height, int width)
{
	row = CLAMP(row, 0, surface->height);
	column = CLAMP(column, 0, surface->width);
	Surface part = {
		.width = CLAMP(width, 0, surface->width - column), .height = CLAMP(height, 0, surface->height - row),
		.stride = surface->stride, .cells = surface->cells + (size_t)row * (size_t)surface->stride + column
	};
	return part;
}

static Cell *
cell_at(const Surface *surface, int row, int column)
{
	return surface->cells + (size_t)row * (size_t)surface->stride + column;
}

void
surface_fill(Surface *surface, ColourId colour)
{
	for (int row = 0; row < surface->height; row++)
		for (int column = 0; column < surface->width; column++)
			cell_blank(cell_at(surface, row, column), colour);
}

/* A wide character that loses one half to what is written becomes a space, so that nothing is left over on the screen. */
static void
free_cells(Surface *surface, int row, int column, int width)
{
	Cell *first = cell_at(surface, row, column);
	if (first->width == 0 && column > 0)
		cell_blank(first - 1, first[-1].colour);
	int end = column + width;
	if (end < surface->width && cell_at(surface, row, end)->width == 0)
		cell_blank(cell_at(surface, row, end), cell_at(surface, row, end)->colour);
}

static void
cell_set(Surface *surface, int row, int column, const Cell *cell)
{
	free_cells(surface, row, column, cell->width);
	*cell_at(surface, row, column) = *cell;
	if (cell->width < 2)
		return;
	Cell *right = cell_at(surface, row, column + 1);
	*right = *cell;
	right->text[0] = 0;
	right->width = 0;
}

/* As many whole characters of a cluster as a cell can hold. */
static size_t
cluster_cut(const char *text, size_t size)
{
	if (size < CELL_BYTES)
		return size;
	size = CELL_BYTES - 1;
	while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
		size--;
	return size;
}

/* A combining mark without a base of its own joins what is left of it. */
static void
join_left(Surface *surface, int row, int column, const char *text, size_t size)
{
	if (column <= 0 || column > surface->width)
		return;
	Cell *cell = cell_at(surface, row, column - 1);
	if (cell->width == 0 && column > 1)
		cell--;
	size_t length = strlen(cell->text);
	if (length + size < CELL_BYTES)
		memcpy(cell->text + length, text, size);
}

static int
put_clean(Surface *surface, int row, int column, const Cell *style, const char *text)
{
	int start = column, width;
	while (*text && column < surface->width) {
		size_t size = text_cluster(text, &width);
		if (width == 0) {
			join_left(surface, row, column, text, size);
		} else if (column >= 0) {
			Cell cell = *style;
			cell.width = (uint8_t)width;
			if (column + width > surface->width) {
				cell.text[0] = ' ';	/* half a wide character does not fit */
				cell.width = 1;
			} else {
				memcpy(cell.text, text, cluster_cut(text, size));
			}
			cell_set(surface, row, column, &cell);
		}
		column += width;
		text += size;
	}
	return MIN(column, surface->width) - start;
}

static bool
is_plain(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

int
surface_put(Surface *surface, int row, int column, ColourId colour, unsigned attributes, const char *text)
{
	if (row < 0 || row >= surface->height || column >= surface->width || !text)
		return 0;
	Cell style = { .colour = (uint8_t)colour, .attributes = (uint8_t)attributes };
	if (is_plain(text))
		return put_clean(surface, row, column, &style, text);
	g_autofree char *clean = text_clean(text, -1, false);
	return put_clean(surface, row, column, &style, clean);
}

int
surface_put_right(Surface *surface, int row, int column, ColourId colour, unsigned attributes, const char *text)
{
	int start = MAX(0, column - text_width(text));
	surface_put(surface, row, start, colour, attributes, text);
	return start;
}

void
surface_put_centred(Surface *surface, int row, ColourId colour, unsigned attributes, const char *text)
{
	int width = text_width(text);
	if (width > surface->width) {
		g_autofree char *cut = text_pad(text, surface->width);
		surface_put(surface, row, 0, colour, attributes, cut);
		return;
	}
	surface_put(surface, row, (surface->width - width) / 2, colour, attributes, text);
}

void
surface_repeat(Surface *surface, int row, int column, int count, ColourId colour, const char *glyph)
{
	for (int i = 0; i < count; i++)
		surface_put(surface, row, column + i, colour, 0, glyph);
}

void
surface_tint(Surface *surface, int row, int column, int width, ColourId colour)
{
	if (row < 0 || row >= surface->height)
		return;
	int end = MIN(column + width, surface->width);
	for (int i = MAX(column, 0); i < end; i++)
		cell_at(surface, row, i)->tint = (uint8_t)colour;
}

char *
surface_dump(const Surface *surface)
{
	GString *out = g_string_new(NULL);
	for (int row = 0; row < surface->height; row++) {
		size_t start = out->len;
		for (int column = 0; column < surface->width; column++)
			g_string_append(out, cell_at(surface, row, column)->text);
		while (out->len > start && out->str[out->len - 1] == ' ')
			g_string_truncate(out, out->len - 1);
		g_string_append_c(out, '\n');
	}
	return g_string_free(out, FALSE);
}
