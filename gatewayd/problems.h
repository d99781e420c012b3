/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is wrong now, one sentence per source; together they are the property LastError. Pure. */
#pragma once

#include <stdbool.h>

enum problem_source {
	PROBLEM_STORAGE,
	PROBLEM_KEY,
	PROBLEM_REGISTRATION,
	PROBLEM_VPN,
	PROBLEM_ROUTING,
	PROBLEM_DISCOVERY,
	PROBLEM_SYNC, /* and one for each job of sync.h */
	PROBLEM_SOURCE_COUNT = PROBLEM_SYNC + 8,
};

struct problems {
	char *texts[PROBLEM_SOURCE_COUNT];
};

/* text NULL: nothing (any more). Returns whether that is new. */
bool problems_set(struct problems *problems, enum problem_source source, const char *text);
/* All of them, each once, joined by "; "; owned, never NULL. */
char *problems_print(const struct problems *problems);
void problems_clear(struct problems *problems);
