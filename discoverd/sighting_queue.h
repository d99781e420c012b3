/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sightings that wait to learn the MAC behind their address, which the kernel knows within a
 * millisecond or not at all. Bounded: when it is full, newcomers are lost, and the next
 * retransmission brings them again.
 */
#pragma once

#include "common/loop.h"
#include "discoverd/sighting.h"

struct sighting_queue;

/* Makes the kernel resolve the address, by sending anything harmless to it. */
typedef void sighting_poke_fn(unsigned ifindex, const struct netaddr *address, void *owner);
/* mac NULL: it cannot be known. */
typedef void sighting_ready_fn(const struct sighting *sighting, const struct mac_address *mac,
			       void *owner);

void sighting_queue_new(struct sighting_queue **ret_queue, struct loop *loop,
			sighting_poke_fn *on_poke, sighting_ready_fn *on_ready, void *owner);
struct sighting_queue *sighting_queue_free(struct sighting_queue *queue);

/* Takes the sighting's evidence. */
void sighting_queue_add(struct sighting_queue *queue, struct sighting *sighting);
/* The address was resolved, or could not be. */
void sighting_queue_resolve(struct sighting_queue *queue, unsigned ifindex,
			    const struct netaddr *address, const struct mac_address *mac);
