/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many TCP connections may be opened, all devices together: a site's switch or router has to
 * carry on while we look around. Fewer while many come to nothing, as that may be our own doing.
 * Pure.
 */
#pragma once

#include "common/macros.h"

#include <stdbool.h>

#define CONNECTION_BUDGET_RUNNING 64U /* at a time */
#define CONNECTION_BUDGET_SECOND  150 /* in any second */

struct connection_budget { /* zeroed: nothing was opened yet */
	unsigned running;
	usec_t due;           /* when the next would be opened, were they opened evenly */
	unsigned ended, lost; /* since trouble was last looked for */
	unsigned halvings;    /* of rate and number */
};

/* Takes a place for one connection; false: none is free. */
bool connection_budget_take(struct connection_budget *budget, usec_t now);
/* One takes the place of another, which has ended: never refused, but the next ones wait for it. */
void connection_budget_replace(struct connection_budget *budget, usec_t now);
/* lost: no answer came, or no descriptor was free. */
void connection_budget_give_back(struct connection_budget *budget, bool lost);
/* How long until asking again may help. */
usec_t connection_budget_wait(const struct connection_budget *budget, usec_t now);
