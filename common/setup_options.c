/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A table is given to getopt_long(), whose codes are places in it. */
#include "common/setup_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"

#define HELP 256 /* not a place in a table, nor what getopt_long() says of errors */

static void print_help(const struct setup_usage *usage)
{
	const struct setup_option *option;
	int width = 0;

	for (option = usage->options; option->name; option++) {
		int length = snprintf(NULL, 0, "--%s %s", option->name, option->value_name);

		if (length > width)
			width = length;
	}
	printf("Usage: %s %s [OPTION…]\n%s\n\n", usage->command, usage->needed, usage->summary);
	for (option = usage->options; option->name; option++) {
		_cleanup_free_ char *title = xasprintf("--%s %s", option->name, option->value_name);
		const char *line = option->help, *end;

		for (; (end = strchr(line, '\n')); line = end + 1) {
			printf("  %-*s  %.*s\n", width, title, (int)(end - line), line);
			*title = '\0';
		}
		printf("  %-*s  %s\n", width, title, line);
	}
}

int setup_read_options(const struct setup_usage *usage, int argc, char *argv[])
{
	_cleanup_free_ struct option *table = NULL;
	size_t count = 0;
	int found;

	while (usage->options[count].name)
		count++;
	table = xcalloc(count + 2, sizeof(*table));
	for (size_t i = 0; i < count; i++)
		table[i] = (struct option){ usage->options[i].name, required_argument, NULL,
					    HELP + 1 + (int)i };
	table[count] = (struct option){ "help", no_argument, NULL, HELP };
	optind = 0; /* from the start: the daemon's own options have been read */
	while ((found = getopt_long(argc, argv, "+", table, NULL)) >= HELP) {
		if (found == HELP) {
			print_help(usage);
			return 1;
		}
		*usage->options[found - HELP - 1].value = optarg;
	}
	if (found >= 0)
		return -EINVAL; /* getopt has said what was wrong */
	if (optind < argc) {
		log_error("unexpected argument \"%s\"; try %s --help", argv[optind], argv[0]);
		return -EINVAL;
	}
	return 0;
}
