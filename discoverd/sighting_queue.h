/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sightings that wait to learn the MAC behind their address, which the kernel knows within a
 * millisecond or not at all. Bounded: when it is full, the one that waits for longest is lost, if
 * it had its time, or else the newcomer. When all is calm again, and every half minute until then,
 * on_recovered asks for what was lost.
 */
#pragma once

#include "common/loop.h"
#include "discoverd/sighting.h"

struct sighting_queue;

/* Makes the kernel resolve the address, by sending anything harmless to it. insist: it did not
 * within a while, or may believe to know; ask the link itself, too. */
typedef void sighting_poke_fn(unsigned ifindex, const struct netaddr *address, bool insist,
			      void *owner);
/* mac NULL: it cannot be known. */
typedef void sighting_ready_fn(const struct sighting *sighting, const struct mac_address *mac,
			       void *owner);

/* Sightings were lost, and nobody waits any more, or that goes on for long. */
typedef void sighting_recovered_fn(void *owner);

void sighting_queue_new(struct sighting_queue **ret_queue, struct loop *loop,
			sighting_poke_fn *on_poke, sighting_ready_fn *on_ready,
			sighting_recovered_fn *on_recovered, void *owner);
struct sighting_queue *sighting_queue_free(struct sighting_queue *queue);

/* Takes the sighting's evidence. doubtful: the kernel has a MAC, which is to be confirmed by asking
 * for it; that takes longer, and one such sighting per address waits. */
void sighting_queue_add(struct sighting_queue *queue, struct sighting *sighting, bool doubtful);
/* The address was resolved, or could not be. */
void sighting_queue_resolve(struct sighting_queue *queue, unsigned ifindex,
			    const struct netaddr *address, const struct mac_address *mac);
