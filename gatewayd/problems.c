/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gatewayd/problems.h"

#include <string.h>

#include "common/memory.h"

bool problems_set(struct problems *problems, enum problem_source source, const char *text)
{
	const char *old = problems->texts[source];

	if (strcmp(old ? old : "", text ? text : "") == 0)
		return false;
	replace_string(&problems->texts[source], text);
	return true;
}

/* An API that is away fails every call with the same sentence. */
static bool is_repeated(const struct problems *problems, int source)
{
	for (int i = 0; i < source; i++)
		if (problems->texts[i] && strcmp(problems->texts[i], problems->texts[source]) == 0)
			return true;
	return false;
}

char *problems_print(const struct problems *problems)
{
	char *all = xstrdup(""), *longer;

	for (int i = 0; i < PROBLEM_SOURCE_COUNT; i++) {
		if (!problems->texts[i] || is_repeated(problems, i))
			continue;
		longer = xasprintf("%s%s%s", all, *all ? "; " : "", problems->texts[i]);
		free(all);
		all = longer;
	}
	return all;
}

void problems_clear(struct problems *problems)
{
	for (int i = 0; i < PROBLEM_SOURCE_COUNT; i++)
		replace_string(&problems->texts[i], NULL);
}
