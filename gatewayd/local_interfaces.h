/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The network interfaces of this machine, as the announcement tells them and the label needs them.
 */
#pragma once

#include "gatewayd/api_report.h"

#define LOCAL_INTERFACES_MAX 32

/*
 * Ethernet interfaces, each with its first IPv4 address; owned. The VPN's own are left out (names
 * that begin with "vpn_").
 */
int local_interfaces_list(struct network_interface **ret_interfaces, size_t *ret_count);
void local_interfaces_free(struct network_interface *interfaces, size_t count);

/* MAC of the interface of the default route, else of the first physical one, else of the first. */
int local_interfaces_label(struct mac_address *ret_mac);
