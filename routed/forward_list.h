/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An owned list of forwards, kept in the order of their keys, each key once. Pure. */
#pragma once

#include "routed/forward.h"

/* As many as one protocol has ports; also bounds what a caller can make us allocate. */
#define FORWARD_LIST_MAX 65536

struct forward_list {
	struct forward *items;
	size_t count, capacity;
};

void forward_list_deinit(struct forward_list *list);
#define _cleanup_forward_list_ _cleanup_(forward_list_deinit)

/* Appends in any order; takes the forward. forward_list_sort() before anything else is done. */
void forward_list_append(struct forward_list *list, struct forward forward);
/* Returns the second of two forwards with one key, or NULL. */
const struct forward *forward_list_sort(struct forward_list *list);
/* Room for that many. */
void forward_list_reserve(struct forward_list *list, size_t count);
/* How many of the first `count` (sorted) come before the key. */
size_t forward_list_position(const struct forward_list *list, size_t count,
			     const struct forward *key);
const struct forward *forward_list_find(const struct forward_list *list, const struct forward *key);
void forward_list_name_set(struct forward_list *list, const char *set); /* of every forward */
size_t forward_list_count_of(const struct forward_list *list, const char *set);
