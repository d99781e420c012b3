/* SPDX-License-Identifier: GPL-3.0-or-later */
/* io.evercam.Vpn1 (dbus/io.evercam.Vpn1.xml) on top of struct vpn. */
#pragma once

#include "common/bus.h"
#include "vpnd/vpn.h"

#define VPN_BUS_NAME "io.evercam.Vpn1"
#define VPN_BUS_PATH "/io/evercam/Vpn1"

struct vpn_bus;

int vpn_bus_new(struct vpn_bus **ret_binding, struct bus *bus, struct vpn *vpn); /* borrowed */
struct vpn_bus *vpn_bus_free(struct vpn_bus *binding);
DEFINE_CLEANUP(struct vpn_bus *, vpn_bus_free);
