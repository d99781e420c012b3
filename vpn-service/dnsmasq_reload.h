/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells dnsmasq to read its DHCP records again, over the bus: it forgets a removed record only
 * then. Requests in quick succession become one, because reading thousands of records takes a
 * while.
 */
#pragma once

#include "common/bus.h"

struct dnsmasq_reload;

/* bus may be NULL: nothing is done then. */
struct dnsmasq_reload *dnsmasq_reload_new(struct loop *loop, struct bus *bus);
struct dnsmasq_reload *dnsmasq_reload_free(struct dnsmasq_reload *reload);

void dnsmasq_reload_schedule(struct dnsmasq_reload *reload);
