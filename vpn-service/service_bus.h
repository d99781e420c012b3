/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The service as io.evercam.VpnService1 on the bus. */
#pragma once

#include "common/bus.h"

#define SERVICE_BUS_NAME "io.evercam.VpnService1"
#define SERVICE_BUS_PATH "/io/evercam/VpnService1"

struct service;
struct service_bus;

/* The service is borrowed and must live longer. */
int service_bus_new(struct service_bus **ret_binding, struct bus *bus, struct service *service);
struct service_bus *service_bus_free(struct service_bus *binding); /* open calls are cancelled */
DEFINE_CLEANUP(struct service_bus *, service_bus_free);
