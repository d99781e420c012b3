/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The MAC address behind an address: a bounded mirror of the kernel's neighbour tables (ARP and
 * IPv6 neighbour discovery), and of what was heard besides. The kernel resolves an address when
 * something is sent to it; the mirror tells what came of it. Of more than 2048 neighbours, those
 * without news for longest are forgotten, until the kernel or somebody tells of them again.
 */
#pragma once

#include "common/loop.h"
#include "common/netaddr.h"

enum neighbour_state {
	NEIGHBOUR_UNKNOWN, /* never asked for */
	NEIGHBOUR_FAILED,  /* nobody answers for this address */
	NEIGHBOUR_STALE,   /* was there once; not asked lately */
	NEIGHBOUR_FRESH,   /* confirmed a short while ago */
};

struct neighbours;
/* An address has been confirmed with this MAC, or (mac NULL) nobody answers for it. */
typedef void neighbour_fn(unsigned ifindex, const struct netaddr *address,
			  const struct mac_address *mac, void *owner);

/* The first dump is done on return, without a call. */
int neighbours_new(struct neighbours **ret_neighbours, struct loop *loop, neighbour_fn *on_change,
		   void *owner);
struct neighbours *neighbours_free(struct neighbours *neighbours);
DEFINE_CLEANUP(struct neighbours *, neighbours_free);

/* Makes the kernel find out who has the address; on_change tells. Nothing is sent but an empty
 * packet to the port that discards (RFC 863), if anybody is there. */
void neighbours_look_for(const struct neighbours *neighbours, unsigned ifindex,
			 const struct netaddr *address);
/* Something else has heard the address on the link, with this MAC. The change is told as any other.
 */
void neighbours_hear(struct neighbours *neighbours, unsigned ifindex, const struct netaddr *address,
		     const struct mac_address *mac);

/* ret_mac is set for NEIGHBOUR_STALE and NEIGHBOUR_FRESH. */
enum neighbour_state neighbours_find(const struct neighbours *neighbours, unsigned ifindex,
				     const struct netaddr *address, struct mac_address *ret_mac);
/* When the address was last confirmed by an answer; 0: never, or it has failed since. */
usec_t neighbours_confirmed(const struct neighbours *neighbours, unsigned ifindex,
			    const struct netaddr *address);
