/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "routed/revision.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

void revision_list_deinit(struct revision_list *list)
{
	free(list->items);
	*list = (struct revision_list){ 0 };
}

struct revision_list revision_list_copy(const struct revision_list *list)
{
	struct revision_list copy = { .count = list->count };

	if (list->count > 0)
		copy.items = xmemdup(list->items, list->count * sizeof(*list->items));
	return copy;
}

static struct revision *find(const struct revision_list *list, const char *set)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].set, set) == 0)
			return &list->items[i];
	return NULL;
}

bool revision_list_is_full(const struct revision_list *list, const char *set)
{
	return list->count >= REVISION_LIST_MAX && !find(list, set);
}

void revision_forget(struct revision_list *list, const char *set)
{
	struct revision *found = find(list, set);

	if (found)
		*found = list->items[--list->count];
}

uint64_t revision_get(const struct revision_list *list, const char *set)
{
	const struct revision *found = find(list, set);

	return found ? found->revision : 0;
}

void revision_set(struct revision_list *list, const char *set, uint64_t revision)
{
	struct revision *found = find(list, set);

	if (!found) {
		list->items = xrealloc_array(list->items, list->count + 1, sizeof(*list->items));
		found = &list->items[list->count++];
		memset(found, 0, sizeof(*found));
		memcpy(found->set, set, strnlen(set, FORWARD_SET_SIZE - 1));
	}
	found->revision = revision;
}
