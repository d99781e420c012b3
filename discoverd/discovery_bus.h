/* SPDX-License-Identifier: GPL-3.0-or-later */
/* io.evercam.Discovery1 on the root object, and the life of the devices' objects below it. */
#pragma once

#include "common/bus.h"
#include "discoverd/discovery.h"

#define DISCOVERY_BUS_NAME "io.evercam.Discovery1"

struct discovery_bus;

/* discovery: borrowed, and listened to until discovery_bus_free(). */
int discovery_bus_new(struct discovery_bus **ret_discovery_bus, struct bus *bus,
		      struct discovery *discovery);
struct discovery_bus *discovery_bus_free(struct discovery_bus *discovery_bus);
DEFINE_CLEANUP(struct discovery_bus *, discovery_bus_free);
