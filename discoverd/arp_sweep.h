/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks every address of an interface's IPv4 networks who has it, at a rate that neither the network
 * nor the smallest device in it notices: 250 questions a second in the air, 500 on a wire, 1000 in
 * networks larger than a /22. And the addresses that cameras have before anybody has configured
 * them, which may be of a network that nobody here is in.
 */
#pragma once

#include "common/loop.h"
#include "discoverd/interfaces.h"
#include "discoverd/progress.h"

struct arp_sweep;

/* source NULL: from nobody. 0 or -errno: it is asked again a little later. */
typedef int arp_sweep_ask_fn(const struct netaddr *source, const struct netaddr *target,
			     void *owner);

void arp_sweep_new(struct arp_sweep **ret_sweep, struct loop *loop, arp_sweep_ask_fn *on_ask,
		   void *owner);
struct arp_sweep *arp_sweep_free(struct arp_sweep *sweep);

/* Begins, unless the network is being swept already, or was just now. */
void arp_sweep_start(struct arp_sweep *sweep, const struct interface *interface);
void arp_sweep_point_to(struct arp_sweep *sweep, const struct netaddr *address);
void arp_sweep_answered(struct arp_sweep *sweep, const struct netaddr *address);
struct progress arp_sweep_progress(const struct arp_sweep *sweep);

/* An address that cameras have when they leave the factory. */
bool arp_sweep_is_factory_address(const struct netaddr *address);
