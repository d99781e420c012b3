/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps the services of the devices confirmed: which device is asked when, how thoroughly, and what
 * the answers mean for it. The asking itself is struct confirmation's.
 */
#pragma once

#include "common/loop.h"
#include "discoverd/connection_budget.h"
#include "discoverd/device.h"

struct service_watch;

struct service_watch_handlers {
	device_fn *on_changed;            /* the evidence about it is another */
	device_fn *on_heard;              /* it has answered */
	device_fn *on_planned;            /* device->recheck is set */
	void (*on_activity)(void *owner); /* service_watch_is_busy() may be another */
};

/* budget, handlers: borrowed. */
void service_watch_new(struct service_watch **ret_watch, struct loop *loop,
		       struct connection_budget *budget,
		       const struct service_watch_handlers *handlers, void *owner);
struct service_watch *service_watch_free(struct service_watch *watch); /* devices must be gone */
bool service_watch_is_busy(const struct service_watch *watch);

/* The device has changed: asks what is to be asked by now. A host that may be a camera
 * for all that is known is asked the usual ports once its time has come (stranger_until). */
void service_watch_update(struct service_watch *watch, struct device *device);
/* A new scan: everything is asked again. light: what is in order costs little. */
void service_watch_scan(struct service_watch *watch, struct device *device, bool light);
/* The time of device->recheck has come; or it is put off. */
void service_watch_recheck(struct service_watch *watch, struct device *device);
void service_watch_postpone(struct service_watch *watch, struct device *device);
/* One connection, to one of its services: whether it is there at all. */
void service_watch_verify(struct service_watch *watch, struct device *device);
void service_watch_forget(struct device *device); /* it is about to be freed */
