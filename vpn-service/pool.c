/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pool is a ring: a gateway starts at its own place in it and goes round. While numbers are
 * handed out one after the other, nobody ever collides; and a gateway that is deprovisioned and
 * provisioned again finds its old address free.
 */
#include "vpn-service/pool.h"

#include <arpa/inet.h>
#include <errno.h>

int pool_init(struct pool *ret_pool, const struct netprefix *prefix)
{
	uint32_t network, size;

	if (prefix->address.family != AF_INET || prefix->length < 8 || prefix->length > 27)
		return -EINVAL;
	size = UINT32_C(1) << (32 - prefix->length);
	network = ntohl(prefix->address.v4.s_addr) & ~(size - 1);
	ret_pool->first = network + POOL_RESERVED;
	ret_pool->size = size - POOL_RESERVED - 1; /* the last one is the broadcast address */
	return 0;
}

uint32_t pool_candidate(const struct pool *pool, uint32_t gateway_id, uint32_t attempt)
{
	uint64_t place = (uint64_t)gateway_id - 1 + attempt;

	return pool->first + (uint32_t)(place % pool->size);
}

bool pool_contains(const struct pool *pool, uint32_t address)
{
	return address - pool->first < pool->size;
}

struct mac_address pool_mac(uint32_t gateway_id)
{
	return (struct mac_address){ { 0x02, 0xac, (uint8_t)(gateway_id >> 24),
				       (uint8_t)(gateway_id >> 16), (uint8_t)(gateway_id >> 8),
				       (uint8_t)gateway_id } };
}

struct netaddr pool_netaddr(uint32_t address)
{
	return (struct netaddr){ .family = AF_INET, .v4.s_addr = htonl(address) };
}
