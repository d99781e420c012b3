/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The revision of each set of forwards: how often it has changed. Pure. */
#pragma once

#include <stdbool.h>

#include "routed/forward.h"

#define REVISION_LIST_MAX 64 /* sets; their names come from callers */

struct revision_list {
	struct revision {
		char set[FORWARD_SET_SIZE];
		uint64_t revision; /* from 1 */
	} * items;
	size_t count;
};

void revision_list_deinit(struct revision_list *list);
struct revision_list revision_list_copy(const struct revision_list *list);
/* No room for one more set, and this is a new one. */
bool revision_list_is_full(const struct revision_list *list, const char *set);
void revision_forget(struct revision_list *list, const char *set);
uint64_t revision_get(const struct revision_list *list, const char *set); /* 0: never set */
void revision_set(struct revision_list *list, const char *set, uint64_t revision);
