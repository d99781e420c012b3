/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lists are sorted by key. Replace walks along the two of them; Add and Remove look each
 * forward up, so that one among ten thousand costs no walk.
 */
#include "routed/ruleset.h"

#include <errno.h>
#include <string.h>

#include "common/memory.h"

static struct ruleset_change change_new(size_t removed, size_t added)
{
	return (struct ruleset_change){
		.removed = xcalloc(removed + 1, sizeof(struct forward *)),
		.added = xcalloc(added + 1, sizeof(struct forward *)),
	};
}

bool ruleset_change_is_empty(const struct ruleset_change *change)
{
	return change->removed_count == 0 && change->added_count == 0;
}

void ruleset_change_deinit(struct ruleset_change *change)
{
	free(change->removed);
	free(change->added);
	*change = (struct ruleset_change){ 0 };
}

static bool is_of(const struct forward *forward, const char *set)
{
	return strcmp(forward->set, set) == 0;
}

/* -1: the key is in a only; 1: in b only; 0: in both. */
static int compare_heads(const struct forward_list *a, size_t a_index, const struct forward_list *b,
			 size_t b_index)
{
	if (a_index == a->count)
		return 1;
	if (b_index == b->count)
		return -1;
	return forward_compare(&a->items[a_index], &b->items[b_index]);
}

static int plan_replace(struct ruleset_change *change, const struct forward_list *held,
			const struct forward_list *given, const char *set,
			const struct forward **ret_conflict)
{
	size_t old = 0, new = 0;
	const struct forward *is;
	int order;

	while (old < held->count || new < given->count) {
		order = compare_heads(held, old, given, new);
		is = &held->items[old];
		if (order == 0 && !is_of(is, set)) {
			*ret_conflict = &given->items[new];
			return -EEXIST;
		}
		if (order == 0 && forward_equal(is, &given->items[new])) {
			old++;
			new ++;
			continue;
		}
		if (order <= 0) {
			if (is_of(is, set))
				change->removed[change->removed_count++] = is;
			old++;
		}
		if (order >= 0)
			change->added[change->added_count++] = &given->items[new ++];
	}
	return 0;
}

static int plan_add(struct ruleset_change *change, const struct forward_list *held,
		    const struct forward_list *given, const char *set,
		    const struct forward **ret_conflict)
{
	const struct forward *is;

	for (size_t i = 0; i < given->count; i++) {
		is = forward_list_find(held, &given->items[i]);
		if (is && !is_of(is, set)) {
			*ret_conflict = &given->items[i];
			return -EEXIST;
		}
		if (is && forward_equal(is, &given->items[i]))
			continue;
		if (is)
			change->removed[change->removed_count++] = is;
		change->added[change->added_count++] = &given->items[i];
	}
	return 0;
}

static void plan_remove(struct ruleset_change *change, const struct forward_list *held,
			const struct forward_list *given, const char *set)
{
	const struct forward *is;

	for (size_t i = 0; i < given->count; i++) {
		is = forward_list_find(held, &given->items[i]);
		if (is && is_of(is, set))
			change->removed[change->removed_count++] = is;
	}
}

int ruleset_plan(struct ruleset_change *ret_change, const struct forward_list *held,
		 const struct forward_list *given, const char *set,
		 enum ruleset_operation operation, const struct forward **ret_conflict)
{
	_cleanup_ruleset_change_ struct ruleset_change change = { 0 };
	int r = 0;

	change = change_new(operation == RULESET_REPLACE ? held->count : given->count,
			    given->count);
	switch (operation) {
	case RULESET_REPLACE:
		r = plan_replace(&change, held, given, set, ret_conflict);
		break;
	case RULESET_ADD:
		r = plan_add(&change, held, given, set, ret_conflict);
		break;
	case RULESET_REMOVE:
		plan_remove(&change, held, given, set);
		break;
	}
	if (r >= 0 && held->count - change.removed_count + change.added_count > FORWARD_LIST_MAX)
		r = -ENOSPC;
	if (r < 0)
		return r;
	*ret_change = change;
	change = (struct ruleset_change){ 0 };
	return 0;
}

void ruleset_whole(struct ruleset_change *ret_whole, const struct forward_list *held,
		   const struct ruleset_change *change)
{
	struct ruleset_change whole = change_new(0, held->count + change->added_count);
	size_t removed = 0;

	for (size_t i = 0; i < held->count; i++)
		if (removed < change->removed_count && change->removed[removed] == &held->items[i])
			removed++;
		else
			whole.added[whole.added_count++] = &held->items[i];
	for (size_t i = 0; i < change->added_count; i++)
		whole.added[whole.added_count++] = change->added[i];
	*ret_whole = whole;
}

void ruleset_rewrite_expiring(struct ruleset_change *ret_change, const struct forward_list *held)
{
	struct ruleset_change change = change_new(held->count, held->count);

	for (size_t i = 0; i < held->count; i++)
		if (held->items[i].expires) {
			change.removed[change.removed_count++] = &held->items[i];
			change.added[change.added_count++] = &held->items[i];
		}
	*ret_change = change;
}

/* Closes the gaps run by run. */
static void take_out(struct forward_list *held, const struct ruleset_change *change,
		     struct forward_list *gone)
{
	size_t to, from, end;

	if (change->removed_count == 0)
		return;
	to = (size_t)(change->removed[0] - held->items);
	for (size_t i = 0; i < change->removed_count; i++) {
		from = (size_t)(change->removed[i] - held->items);
		end = i + 1 < change->removed_count ? (size_t)(change->removed[i + 1] - held->items)
						    : held->count;
		forward_list_append(gone, held->items[from]);
		memmove(&held->items[to], &held->items[from + 1],
			(end - from - 1) * sizeof(*held->items));
		to += end - from - 1;
	}
	held->count = to;
}

/* From the end, so that each forward moves once. */
static void put_in(struct forward_list *held, struct forward_list *given,
		   const struct ruleset_change *change)
{
	size_t tail = held->count, at;
	struct forward *item;

	forward_list_reserve(held, held->count + change->added_count);
	for (size_t i = change->added_count; i-- > 0;) {
		item = &given->items[change->added[i] - given->items];
		at = forward_list_position(held, tail, item);
		memmove(&held->items[at + i + 1], &held->items[at],
			(tail - at) * sizeof(*held->items));
		held->items[at + i] = *item;
		*item = (struct forward){ 0 };
		tail = at;
	}
	held->count += change->added_count;
}

void ruleset_apply(struct forward_list *held, struct forward_list *given,
		   const struct ruleset_change *change, struct forward_list *ret_gone)
{
	struct forward_list gone = { 0 };

	take_out(held, change, &gone);
	put_in(held, given, change);
	*ret_gone = gone;
}
