/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must be done to the kernel's table so that it holds what is desired, and to our copy of it.
 * A change names single forwards, so that its cost is that of what changes. Pure.
 */
#pragma once

#include "routed/forward_list.h"

/* Pointers into what is held and what was given, which must outlive it; each in the order of the
 * keys. A changed forward is in both. */
struct ruleset_change {
	const struct forward **removed;
	size_t removed_count;
	const struct forward **added;
	size_t added_count;
};

enum ruleset_operation {
	RULESET_REPLACE, /* the set becomes what is given */
	RULESET_ADD,     /* what is given joins the set, in the place of what has its keys */
	RULESET_REMOVE,  /* what has the keys of what is given leaves the set */
};

/*
 * What an operation changes. given is sorted and carries the name of the set. 0, or -EEXIST and
 * the one in given whose key another set has; -ENOSPC: more than FORWARD_LIST_MAX.
 */
int ruleset_plan(struct ruleset_change *ret_change, const struct forward_list *held,
		 const struct forward_list *given, const char *set,
		 enum ruleset_operation operation, const struct forward **ret_conflict);
/* Everything that there is to add to nothing so that it is held with the change made. */
void ruleset_whole(struct ruleset_change *ret_whole, const struct forward_list *held,
		   const struct ruleset_change *change);
/* Takes those out that have an end, and puts them in again as they are now. */
void ruleset_rewrite_expiring(struct ruleset_change *ret_change, const struct forward_list *held);
/* held becomes what it is with the change made; what it takes is taken from given, which is then
 * without order and worth, and what it loses goes to ret_gone, in order. */
void ruleset_apply(struct forward_list *held, struct forward_list *given,
		   const struct ruleset_change *change, struct forward_list *ret_gone);

bool ruleset_change_is_empty(const struct ruleset_change *change);
void ruleset_change_deinit(struct ruleset_change *change);
#define _cleanup_ruleset_change_ _cleanup_(ruleset_change_deinit)
