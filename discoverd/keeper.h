/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps the device table true: asks each device that has been silent for a minute whether it is
 * still there, calls it offline after three misses, and forgets what has been gone for long: a
 * week, a month where it sleeps to spare its battery, a day if none of its services ever
 * answered. A good-bye, or a neighbour that the kernel gives up on, is a reason to look, not to
 * believe.
 */
#pragma once

#include "discoverd/device_table.h"
#include "discoverd/neighbours.h"

struct keeper;

struct keeper_handlers {
	/* Send something to its address; the kernel looks for it by that. */
	void (*on_ask)(struct device *device, void *owner);
	/* It does not answer where it was: look for it everywhere. */
	void (*on_missing)(struct device *device, void *owner);
	void (*on_changed)(struct device *device, void *owner);
	/* Its services are to be looked at again. */
	void (*on_recheck)(struct device *device, void *owner);
};

/* table, neighbours, handlers: borrowed. */
void keeper_new(struct keeper **ret_keeper, struct loop *loop, struct device_table *table,
		const struct neighbours *neighbours, const struct keeper_handlers *handlers,
		void *owner);
struct keeper *keeper_free(struct keeper *keeper);

/* Something about the device is another, or device->recheck: it may be due earlier. */
void keeper_plan(struct keeper *keeper, const struct device *device);
void keeper_suspect(struct keeper *keeper, struct device *device); /* it may be leaving */
void keeper_heard(struct keeper *keeper, struct device *device);   /* it is there */
void keeper_missed(struct keeper *keeper, struct device *device);  /* nobody at its address */
