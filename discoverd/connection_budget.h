/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many TCP connections may be opened, all devices together: a site's switch or router has to
 * carry on while we look around. Fewer while many come to nothing that should not, as that may be
 * our own doing. Pure.
 */
#pragma once

#include "common/macros.h"

#include <stdbool.h>

#define CONNECTION_BUDGET_RUNNING 64U /* at a time */
#define CONNECTION_BUDGET_SECOND  150 /* in any second: */
#define CONNECTION_BUDGET_TENTH   (CONNECTION_BUDGET_SECOND / 10)

struct connection_budget { /* zeroed: nothing was opened yet */
	unsigned running;
	/* When the last ones were opened, or would have been, had they waited their turn. */
	usec_t opened[CONNECTION_BUDGET_TENTH];
	unsigned next;        /* of those, to be overwritten: the oldest */
	usec_t claimed;       /* until when only who claims a place gets one */
	unsigned ended, lost; /* since trouble was last looked for */
	unsigned halvings;    /* of rate and number */
};

enum connection_end {
	CONNECTION_ANSWERED,
	CONNECTION_LOST,    /* by whom an answer was expected */
	CONNECTION_UNKNOWN, /* no answer, but none was expected: that says nothing */
	CONNECTION_UNMADE,  /* this host is out of descriptors or memory */
};

/* Takes a place for one connection; false: none is free. */
bool connection_budget_take(struct connection_budget *budget, usec_t now);
/* The same for what comes first: a place that is not free now is kept for it, for the moment that
 * it needs to ask again when connection_budget_wait() is over. */
bool connection_budget_claim(struct connection_budget *budget, usec_t now);
/* One takes the place of another, which has ended: never refused, but the next ones wait for it. */
void connection_budget_replace(struct connection_budget *budget, usec_t now);
void connection_budget_give_back(struct connection_budget *budget, enum connection_end end);
bool connection_budget_is_full(const struct connection_budget *budget);
/* How long until asking again may help. */
usec_t connection_budget_wait(const struct connection_budget *budget, usec_t now);
