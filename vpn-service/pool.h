/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses and MACs of the VPN segment, computed from a gateway's number: the same gateway gets
 * the same values again wherever possible, and no two gateways can be given the same MAC. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/netaddr.h"

#define GATEWAY_ID_MAX UINT32_MAX

/* The first addresses of the prefix are for hosts of the platform: the VPN host itself and others.
 */
#define POOL_RESERVED 16

struct pool {
	uint32_t first; /* host byte order */
	uint32_t size;
};

/* -EINVAL: not IPv4, or not between /8 and /27 (smaller has no room, larger no sense). */
int pool_init(struct pool *ret_pool, const struct netprefix *prefix);

/* The address to try in the attempt-th place, 0 .. size - 1; every address comes exactly once. */
uint32_t pool_candidate(const struct pool *pool, uint32_t gateway_id, uint32_t attempt);
bool pool_contains(const struct pool *pool, uint32_t address);

/* Locally administered unicast: 02:ac and the number. */
struct mac_address pool_mac(uint32_t gateway_id);

struct netaddr pool_netaddr(uint32_t address);
