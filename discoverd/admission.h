/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How what was seen comes to a device. Of a sighting, the MAC behind its address is looked up, or
 * waited for; of a neighbour that the kernel has found, the device is looked up, or made. Who is on
 * the link is known this way, whether it speaks any protocol or not.
 *
 * Bounded: who floods the link with forged hosts is let in at a rate, and waits in a queue that has
 * an end. A stranger, of which nothing but its address is known, has a time to say what it is
 * before its ports are asked.
 */
#pragma once

#include "discoverd/device_table.h"
#include "discoverd/interfaces.h"
#include "discoverd/keeper.h"
#include "discoverd/neighbours.h"
#include "discoverd/schedule.h"
#include "discoverd/sighting.h"
#include "discoverd/unicast_search.h"

struct admission;

/* What it works on: all borrowed. */
struct admission_parts {
	struct loop *loop;
	const struct interfaces *interfaces;
	struct neighbours *neighbours;
	struct device_table *table;
	struct keeper *keeper;
	struct schedule *schedule;
	struct unicast_search *search;
};

struct admission_handlers {
	device_fn *on_changed;   /* besides what the table tells */
	device_fn *on_explained; /* the time of a stranger is over */
	/* The kernel may be wrong about who has an address of the link: ask the link itself. */
	void (*on_doubt)(const struct interface *interface, const struct netaddr *address,
			 void *owner);
	/* Sightings had to be dropped; all is calm again: what is real is to be asked again. */
	void (*on_recovered)(void *owner);
	void (*on_activity)(void *owner); /* admission_is_busy() may be another */
};

/* handlers: borrowed. */
void admission_new(struct admission **ret_admission, const struct admission_parts *parts,
		   const struct admission_handlers *handlers, void *owner);
struct admission *admission_free(struct admission *admission);
bool admission_is_busy(const struct admission *admission); /* strangers have time left */

/* Its evidence may be taken. */
void admission_sighting(struct admission *admission, struct sighting *sighting);
/* The kernel has found a neighbour, or (mac NULL) has not. */
void admission_neighbour(struct admission *admission, unsigned ifindex,
			 const struct netaddr *address, const struct mac_address *mac);
