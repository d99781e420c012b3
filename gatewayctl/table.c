/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gatewayctl/table.h"

#include <string.h>

#include "common/memory.h"

#define GAP       2
#define INDENT    2
#define NARROWEST 6
#define MAX_ROWS  100000

struct table {
	const char *const *titles;
	size_t columns;
	char **cells; /* row by row */
	size_t rows;
};

struct table *table_new(const char *const *titles)
{
	struct table *table = xnew(struct table);

	table->titles = titles;
	while (titles[table->columns] && table->columns < TABLE_MAX_COLUMNS)
		table->columns++;
	return table;
}

struct table *table_free(struct table *table)
{
	if (!table)
		return NULL;
	for (size_t i = 0; i < table->rows * table->columns; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
	return NULL;
}

void table_add(struct table *table, const char *const *cells)
{
	if (table->rows == MAX_ROWS)
		return;
	table->cells = xrealloc_array(table->cells, (table->rows + 1) * table->columns,
				      sizeof(*table->cells));
	for (size_t i = 0; i < table->columns; i++)
		table->cells[table->rows * table->columns + i] = harmless(
			cells[i] && *cells[i] ? cells[i] : "-");
	table->rows++;
}

static unsigned total(const unsigned *widths, size_t columns)
{
	unsigned sum = INDENT;

	for (size_t i = 0; i < columns; i++)
		sum += widths[i] + (i ? GAP : 0);
	return sum;
}

static void fit(unsigned *widths, size_t columns, unsigned width)
{
	size_t widest;

	while (total(widths, columns) > width) {
		widest = 0;
		for (size_t i = 1; i < columns; i++)
			if (widths[i] > widths[widest])
				widest = i;
		if (widths[widest] <= NARROWEST)
			return;
		widths[widest]--;
	}
}

static void print_row(const struct screen *screen, const unsigned *widths,
		      const struct table *table, const char *const *cells)
{
	size_t columns = table->columns;
	const char *colour;
	unsigned used;

	/* No blanks at the end of a line. */
	while (columns > 1 && strcmp(cells[columns - 1], " ") == 0)
		columns--;
	fprintf(screen->file, "%*s", INDENT, "");
	for (size_t i = 0; i < columns; i++) {
		colour = "";
		if (cells == table->titles)
			colour = screen_bold(screen);
		else if (strcmp(table->titles[i], "STATE") == 0)
			colour = screen_colour(screen, cells[i]);
		fputs(colour, screen->file);
		used = print_cut(screen->file, cells[i], widths[i]);
		fputs(screen_plain(colour), screen->file);
		if (i + 1 < columns)
			fprintf(screen->file, "%*s", (int)(widths[i] - used + GAP), "");
	}
	fputc('\n', screen->file);
}

void table_print(const struct table *table, const struct screen *screen)
{
	unsigned widths[TABLE_MAX_COLUMNS] = { 0 }, cell;

	for (size_t i = 0; i < table->columns; i++) {
		widths[i] = columns_of(table->titles[i]);
		for (size_t row = 0; row < table->rows; row++) {
			cell = columns_of(table->cells[row * table->columns + i]);
			if (cell > widths[i])
				widths[i] = cell;
		}
	}
	if (screen->width > 0)
		fit(widths, table->columns, screen->width);
	print_row(screen, widths, table, table->titles);
	for (size_t row = 0; row < table->rows; row++)
		print_row(screen, widths, table,
			  (const char *const *)&table->cells[row * table->columns]);
}
