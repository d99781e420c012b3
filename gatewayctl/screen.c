/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gatewayctl/screen.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "common/json.h"
#include "common/memory.h"

#define NARROWEST_TERMINAL 40

void screen_init(struct screen *screen)
{
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
	struct winsize size;

	*screen = (struct screen){ .file = stdout, .now = (int64_t)time(NULL) };
	if (!isatty(STDOUT_FILENO))
		return;
	/* https://no-color.org: present and not empty. */
	screen->colour = !(no_colour && *no_colour) && terminal && strcmp(terminal, "dumb") != 0;
	screen->width = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= NARROWEST_TERMINAL)
		screen->width = size.ws_col;
}

const char *screen_colour(const struct screen *screen, const char *state)
{
	static const struct {
		const char *state, *colour;
	} colours[] = {
		{ "running", "\x1b[32m" }, { "up", "\x1b[32m" },          { "active", "\x1b[32m" },
		{ "online", "\x1b[32m" },  { "provisioned", "\x1b[32m" }, { "failed", "\x1b[31m" },
		{ "revoked", "\x1b[31m" }, { "incomplete", "\x1b[31m" },  { "unknown", "\x1b[31m" },
		{ "offline", "\x1b[33m" },
	};

	if (!screen->colour || !state || !*state || strcmp(state, "-") == 0)
		return "";
	for (size_t i = 0; i < ARRAY_SIZE(colours); i++)
		if (strcmp(colours[i].state, state) == 0)
			return colours[i].colour;
	/* All others are on their way to somewhere: pending, connecting, waiting. */
	return "\x1b[33m";
}

const char *screen_bold(const struct screen *screen)
{
	return screen->colour ? "\x1b[1m" : "";
}

const char *screen_plain(const char *colour)
{
	return *colour ? "\x1b[0m" : "";
}

char *harmless(const char *text)
{
	char *copy = xstrdup(text);
	unsigned char *c;

	for (c = (unsigned char *)copy; *c; c++)
		/* C0, DEL; and C1, which is 0xc2 0x80..0x9f in UTF-8. */
		if (*c < ' ' || *c == 0x7f || (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0))
			*c = '?';
	if (!utf8_is_valid(copy, strlen(copy)))
		for (c = (unsigned char *)copy; *c; c++)
			if (*c >= 0x80)
				*c = '?';
	return copy;
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

unsigned columns_of(const char *text)
{
	unsigned count = 0;

	for (; *text; text++)
		count += !is_continuation(*text);
	return count;
}

unsigned print_cut(FILE *file, const char *text, unsigned limit)
{
	bool cut = columns_of(text) > limit;
	unsigned left = cut ? limit - 1 : limit;
	const char *end = text;

	while (*end && (left > 0 || is_continuation(*end))) {
		if (!is_continuation(*end))
			left--;
		end++;
	}
	fwrite(text, 1, (size_t)(end - text), file);
	if (cut)
		fputc('~', file);
	return cut ? limit : columns_of(text);
}

/* Words, wrapped at the width behind indent spaces; the first line is already at that column. */
static void print_wrapped(const struct screen *screen, const char *text, unsigned indent)
{
	_cleanup_free_ char *copy = harmless(text);
	unsigned column = indent, length;
	char *word, *rest = NULL;

	for (word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		length = columns_of(word);
		if (column > indent && screen->width > 0 && column + 1 + length > screen->width) {
			fprintf(screen->file, "\n%*s", (int)indent, "");
			column = indent;
		}
		fprintf(screen->file, "%s%s", column > indent ? " " : "", word);
		column += length + (column > indent);
	}
	fputc('\n', screen->file);
}

void screen_paragraph(const struct screen *screen, const char *text, unsigned indent)
{
	fprintf(screen->file, "%*s", (int)indent, "");
	print_wrapped(screen, text, indent);
}

void screen_line(const struct screen *screen, const char *label, const char *value)
{
	fprintf(screen->file, "  %-*s", SCREEN_LABEL - 2, label);
	print_wrapped(screen, value, SCREEN_LABEL);
}

char *duration_text(int64_t seconds)
{
	if (seconds < 0)
		seconds = 0;
	if (seconds < 120)
		return xasprintf("%" PRIi64 " s", seconds);
	if (seconds < 7200)
		return xasprintf("%" PRIi64 " min", seconds / 60);
	if (seconds < 172800)
		return xasprintf("%" PRIi64 " h %" PRIi64 " min", seconds / 3600,
				 seconds / 60 % 60);
	return xasprintf("%" PRIi64 " days", seconds / 86400);
}

char *bytes_text(int64_t bytes)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB" };
	double value = (double)bytes / 1000;
	size_t unit = 0;

	if (bytes < 1000)
		return xasprintf("%" PRIi64 " bytes", bytes);
	for (; value >= 1000 && unit + 1 < ARRAY_SIZE(units); unit++)
		value /= 1000;
	return xasprintf("%.1f %s", value, units[unit]);
}
