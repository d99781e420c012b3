/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Columns that fit the screen. */
#pragma once

#include <stddef.h>

#include "gatewayctl/screen.h"

#define TABLE_MAX_COLUMNS 10

struct table;

/* titles: NULL-terminated, borrowed. The column STATE is coloured by its words. */
struct table *table_new(const char *const *titles);
struct table *table_free(struct table *table);
/*
 * Titles of columns that are left out, in this order, where the screen is too narrow for all of
 * them; NULL-terminated, borrowed.
 */
void table_spare(struct table *table, const char *const *spare);
/* One text per column; NULL is shown as "-". Copied. */
void table_add(struct table *table, const char *const *cells);
/* Where the screen is too narrow even so, long texts are cut, with "~" as their last character. */
void table_print(struct table *table, const struct screen *screen);

/* For rows that are printed before the next ones are known: columns of these widths, or narrower
 * ones where the screen wants it. */
void table_begin(struct table *table, const struct screen *screen, const unsigned *widths);
void table_row(const struct table *table, const struct screen *screen, const char *const *cells);
