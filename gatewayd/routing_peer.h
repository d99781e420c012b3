/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * routed, as seen from here: told the whole list of forwards whenever it changes and whenever
 * routed comes (back) to the bus, until it has taken it.
 */
#pragma once

#include "common/bus.h"
#include "gatewayd/desired_state.h"

struct routing_peer;

/* What is known of the list given last has changed. */
typedef void routing_peer_fn(struct routing_peer *peer, void *owner);

int routing_peer_new(struct routing_peer **ret_peer, struct loop *loop, struct bus *bus,
		     routing_peer_fn *on_change, void *owner);
struct routing_peer *routing_peer_free(struct routing_peer *peer);
DEFINE_CLEANUP(struct routing_peer *, routing_peer_free);

/* Takes over the content of the list; the same list again does nothing. An empty one clears. */
void routing_peer_set(struct routing_peer *peer, struct forward_list *forwards,
		      const char *interface);
/*
 * Whether routed holds a forward of this rule, as far as it has told: while it is given another
 * list, that is the answer to the one before.
 */
bool routing_peer_holds(const struct routing_peer *peer, uint64_t rule_id);
size_t routing_peer_held_count(const struct routing_peer *peer);
/* Why routed has not taken the list, if it is not merely under way; or NULL. */
const char *routing_peer_problem(const struct routing_peer *peer);
