/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The devices that discoverd has found, mirrored from the bus: where each is now (for the
 * forwards), and what each is (for the API).
 */
#pragma once

#include "common/bus.h"
#include "gatewayd/api_report.h"
#include "gatewayd/desired_state.h"

#define CAMERA_CONFIDENCE 0.8 /* from here on a device is reported as a camera */

struct device_list;

struct device_list_handlers {
	/* A device has an address, another address, or (live false) was last seen there. */
	void (*on_address)(const struct mac_address *mac, const struct netaddr *address, bool live,
			   void *owner);
	/* Anything that the report tells may have changed. */
	void (*on_change)(struct device_list *list, void *owner);
};

int device_list_new(struct device_list **ret_list, struct loop *loop, struct bus *bus,
		    const struct device_list_handlers *handlers, void *owner);
struct device_list *device_list_free(struct device_list *list);
DEFINE_CLEANUP(struct device_list *, device_list_free);

bool device_list_is_absent(const struct device_list *list); /* discoverd is not running */
/* Whether discoverd has been heard: before, there is no list to report. */
bool device_list_is_known(const struct device_list *list);
size_t device_list_camera_count(const struct device_list *list);
/* The cameras' report, owned. */
char *device_list_print(const struct device_list *list, bool with_last_seen);
