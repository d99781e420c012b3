/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When to ask everybody: a burst and its follow-up on each interface that appears or gets an
 * address, and on demand; a light one on all at an interval. Requests for one interface that come
 * quickly after each other are one.
 */
#pragma once

#include "common/loop.h"
#include "discoverd/progress.h"

struct schedule;
typedef void schedule_burst_fn(unsigned ifindex, bool light, void *owner);
typedef void schedule_fn(void *owner);

struct schedule_handlers {
	schedule_burst_fn *on_burst;
	schedule_fn *on_interval; /* the light burst on all is due: schedule_add() each */
	schedule_fn *on_quiet;    /* no burst is under way any more */
};

/* interval 0: never. handlers: borrowed. */
void schedule_new(struct schedule **ret_schedule, struct loop *loop, usec_t interval,
		  const struct schedule_handlers *handlers, void *owner);
struct schedule *schedule_free(struct schedule *schedule);

void schedule_add(struct schedule *schedule, unsigned ifindex, bool light);
void schedule_remove(struct schedule *schedule, unsigned ifindex); /* the interface is gone */
/* When the answers to the last burst on the interface are in; 0: there was none. */
usec_t schedule_answered(const struct schedule *schedule, unsigned ifindex);
bool schedule_is_active(const struct schedule *schedule);
struct progress schedule_progress(const struct schedule *schedule); /* of the bursts under way */
