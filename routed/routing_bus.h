/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Routing on the bus: io.evercam.Routing1 at /io/evercam/Routing1. */
#pragma once

#include "common/bus.h"
#include "common/macros.h"

#define ROUTING_BUS_NAME "io.evercam.Routing1"
#define ROUTING_BUS_PATH "/io/evercam/Routing1"

struct routing;
struct routing_bus;

int routing_bus_new(struct routing_bus **ret_binding, struct bus *bus, struct routing *routing);
struct routing_bus *routing_bus_free(struct routing_bus *binding); /* before the routing */
DEFINE_CLEANUP(struct routing_bus *, routing_bus_free);
