/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where text for people goes: how wide it may be, and whether colours are welcome. Every text is
 * made harmless first, since names of cameras come from strangers and may hold control sequences.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SCREEN_LABEL 12 /* width of the labels in front of lines */

struct screen {
	FILE *file;
	unsigned width; /* 0: no limit */
	bool colour;
	int64_t now; /* seconds since 1970 UTC, for "3 min ago" */
};

/* Standard output. In a pipe nothing is cut, and there are no colours; nor with NO_COLOR set. */
void screen_init(struct screen *screen);

/* The beginning of a colour for this state of something ("up", "pending", …); "" for none. */
const char *screen_colour(const struct screen *screen, const char *state);
const char *screen_bold(const struct screen *screen);
/* The end of a colour that is not "". */
const char *screen_plain(const char *colour);

/* A paragraph, wrapped at the width, each line behind indent spaces. */
void screen_paragraph(const struct screen *screen, const char *text, unsigned indent);
/* "  Label     value", the value as a paragraph. */
void screen_line(const struct screen *screen, const char *label, const char *value);

/* "12 s", "3 min", "5 h 20 min", "8 days"; owned. */
char *duration_text(int64_t seconds);
/* "512 bytes", "3.4 MB"; owned. */
char *bytes_text(int64_t bytes);

/* Copy with control characters and broken UTF-8 replaced by '?'. Owned. */
char *harmless(const char *text);
/* Code points: good enough a measure for the names that cameras have. */
unsigned columns_of(const char *text);
/* At most limit columns of text, with "~" as the last where it was cut; returns how many. */
unsigned print_cut(FILE *file, const char *text, unsigned limit);
