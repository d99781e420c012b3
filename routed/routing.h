/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sets of forwards of all callers, and the kernel's table that holds them. The table is the
 * state: what is here is a copy of it, read back at start.
 */
#pragma once

#include "common/loop.h"
#include "common/macros.h"
#include "routed/readiness.h"
#include "routed/routing_settings.h"
#include "routed/ruleset.h"
#include "routed/traffic.h"

struct routing;

/* What routing_…() tells has changed. */
typedef void routing_changed_fn(void *owner);
/* A forward has ended by itself. */
typedef void routing_expired_fn(const struct forward *forward, void *owner);

/* Reads the table back and makes it what it should be. Fails only when the kernel refuses. */
int routing_new(struct routing **ret_routing, struct loop *loop,
		const struct routing_settings *settings /* borrowed */);
struct routing *routing_free(struct routing *routing); /* the table stays */
DEFINE_CLEANUP(struct routing *, routing_free);
void routing_on_changed(struct routing *routing, routing_changed_fn *on_changed,
			routing_expired_fn *on_expired, void *owner);

/*
 * All of it happens, or nothing; what has expired already is left out. The set of the forwards,
 * which come in any order, is ignored; they are used up. -EINVAL, -EEXIST, -ENOSPC with an owned
 * sentence that names the forward; -EIO: the kernel refused.
 */
int routing_change(struct routing *routing, enum ruleset_operation operation, const char *set,
		   struct forward_list *forwards, uint64_t *ret_revision, char **ret_error);

/* Sorted by key; every set. */
const struct forward_list *routing_forwards(const struct routing *routing);
/* What each of routing_forwards() does, asked from the kernel; owned. */
struct traffic routing_traffic(struct routing *routing);
/* What is wrong now and what to do about it; "" when nothing is. */
const char *routing_last_error(const struct routing *routing);
/* What the host lacks for the forwards to work. */
const struct readiness *routing_readiness(const struct routing *routing);
