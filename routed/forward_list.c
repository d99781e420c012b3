/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "routed/forward_list.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

void forward_list_deinit(struct forward_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		forward_deinit(&list->items[i]);
	free(list->items);
	*list = (struct forward_list){ 0 };
}

void forward_list_reserve(struct forward_list *list, size_t count)
{
	if (count <= list->capacity)
		return;
	if (count < 2 * list->capacity)
		count = 2 * list->capacity;
	list->capacity = count < 16 ? 16 : count;
	list->items = xrealloc_array(list->items, list->capacity, sizeof(*list->items));
}

void forward_list_append(struct forward_list *list, struct forward forward)
{
	forward_list_reserve(list, list->count + 1);
	list->items[list->count++] = forward;
}

static int compare_items(const void *a, const void *b)
{
	return forward_compare(a, b);
}

const struct forward *forward_list_sort(struct forward_list *list)
{
	if (list->count < 2)
		return NULL;
	qsort(list->items, list->count, sizeof(*list->items), compare_items);
	for (size_t i = 1; i < list->count; i++)
		if (forward_compare(&list->items[i - 1], &list->items[i]) == 0)
			return &list->items[i];
	return NULL;
}

size_t forward_list_position(const struct forward_list *list, size_t count,
			     const struct forward *key)
{
	size_t low = 0, high = count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (forward_compare(&list->items[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct forward *forward_list_find(const struct forward_list *list, const struct forward *key)
{
	if (list->count == 0)
		return NULL;
	return bsearch(key, list->items, list->count, sizeof(*list->items), compare_items);
}

void forward_list_name_set(struct forward_list *list, const char *set)
{
	for (size_t i = 0; i < list->count; i++) {
		memset(list->items[i].set, 0, sizeof(list->items[i].set));
		memcpy(list->items[i].set, set, strnlen(set, FORWARD_SET_SIZE - 1));
	}
}

size_t forward_list_count_of(const struct forward_list *list, const char *set)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++)
		count += strcmp(list->items[i].set, set) == 0;
	return count;
}
