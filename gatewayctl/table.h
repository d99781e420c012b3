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
/* One text per column; NULL is shown as "-". Copied. */
void table_add(struct table *table, const char *const *cells);
/* Where the screen is too narrow, the widest columns are cut, with "~" as their last character. */
void table_print(const struct table *table, const struct screen *screen);
