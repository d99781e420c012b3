/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What must be known of this host: its own addresses, and whether it forwards. */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/netaddr.h"

struct host_address {
	char interface[IFNAMSIZ];
	struct netaddr address;
};

/* Owned array of the addresses of all interfaces. */
int host_addresses(struct host_address **ret_addresses, size_t *ret_count);
/* Microseconds since 1970, and whether something keeps the clock right (NTP). */
int64_t host_wall_clock(bool *ret_synchronised);
/* net.ipv4.ip_forward, net.ipv6.conf.all.forwarding. family: AF_INET or AF_INET6. */
bool host_forwards(sa_family_t family);
