/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gatewayctl/table.h"

#include <limits.h>
#include <string.h>

#include "common/memory.h"

#define GAP       2
#define INDENT    2
#define NARROWEST 6
#define READABLE  18 /* addresses, MACs, the most of a name: less only as the last resort */
#define MAX_ROWS  100000

struct table {
	const char *const *titles;
	const char *const *spare;           /* or NULL */
	unsigned widths[TABLE_MAX_COLUMNS]; /* as printed; 0: left out */
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

void table_spare(struct table *table, const char *const *spare)
{
	table->spare = spare;
}

static unsigned total(const struct table *table)
{
	unsigned sum = INDENT - GAP;

	for (size_t i = 0; i < table->columns; i++)
		sum += table->widths[i] ? table->widths[i] + GAP : 0;
	return sum;
}

/* Makes the widest columns narrower until all fit; false when they would be less than narrowest. */
static bool shrink(struct table *table, unsigned width, unsigned narrowest)
{
	size_t widest;

	while (total(table) > width) {
		widest = 0;
		for (size_t i = 1; i < table->columns; i++)
			if (table->widths[i] > table->widths[widest])
				widest = i;
		if (table->widths[widest] <= narrowest)
			return false;
		table->widths[widest]--;
	}
	return true;
}

static void leave_out(const struct table *table, unsigned *widths, const char *title)
{
	for (size_t i = 0; i < table->columns; i++)
		if (strcmp(table->titles[i], title) == 0)
			widths[i] = 0;
}

/* From the widths that the columns would like to have. */
static void fit(struct table *table, const unsigned *widths, unsigned width)
{
	const char *const *spare = table->spare;
	unsigned wanted[TABLE_MAX_COLUMNS];

	memcpy(wanted, widths, sizeof(wanted));
	for (;;) {
		memcpy(table->widths, wanted, sizeof(wanted));
		if (width == 0 || shrink(table, width, READABLE))
			return;
		if (!spare || !*spare)
			break;
		leave_out(table, wanted, *spare++);
	}
	(void)shrink(table, width, NARROWEST);
}

static bool is_last(const struct table *table, size_t columns, size_t column)
{
	for (size_t i = column + 1; i < columns; i++)
		if (table->widths[i])
			return false;
	return true;
}

static void print_row(const struct table *table, const struct screen *screen,
		      const char *const *cells)
{
	size_t columns = table->columns;
	const char *colour;
	unsigned used;

	/* No blanks at the end of a line. */
	while (columns > 1 && strcmp(cells[columns - 1], " ") == 0)
		columns--;
	fprintf(screen->file, "%*s", INDENT, "");
	for (size_t i = 0; i < columns; i++) {
		if (!table->widths[i])
			continue;
		colour = "";
		if (cells == table->titles)
			colour = screen_bold(screen);
		else if (strcmp(table->titles[i], "STATE") == 0)
			colour = screen_colour(screen, cells[i]);
		fputs(colour, screen->file);
		used = print_cut(screen->file, cells[i],
				 screen->width ? table->widths[i] : UINT_MAX);
		fputs(screen_plain(colour), screen->file);
		if (!is_last(table, columns, i))
			fprintf(screen->file, "%*s",
				(int)((used < table->widths[i] ? table->widths[i] - used : 0) +
				      GAP),
				"");
	}
	fputc('\n', screen->file);
}

void table_print(struct table *table, const struct screen *screen)
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
	fit(table, widths, screen->width);
	print_row(table, screen, table->titles);
	for (size_t row = 0; row < table->rows; row++)
		print_row(table, screen, (const char *const *)&table->cells[row * table->columns]);
}

void table_begin(struct table *table, const struct screen *screen, const unsigned *widths)
{
	unsigned wanted[TABLE_MAX_COLUMNS] = { 0 };

	memcpy(wanted, widths, table->columns * sizeof(*widths));
	fit(table, wanted, screen->width);
	print_row(table, screen, table->titles);
}

void table_row(const struct table *table, const struct screen *screen, const char *const *cells)
{
	char *texts[TABLE_MAX_COLUMNS] = { 0 };

	for (size_t i = 0; i < table->columns; i++)
		texts[i] = harmless(cells[i] && *cells[i] ? cells[i] : "-");
	print_row(table, screen, (const char *const *)texts);
	for (size_t i = 0; i < table->columns; i++)
		free(texts[i]);
}
