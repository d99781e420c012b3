/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who a device is, and whether two sightings are of the same one. The MAC address that the kernel's
 * neighbour table gives is believed first; then a MAC that the device says is its own; then its
 * serial number; then the endpoint reference, which cameras of one model sometimes share; beyond a
 * router, where there is nothing else, the address. Pure.
 */
#pragma once

#include <stdbool.h>

#include "common/netaddr.h"
#include "discoverd/evidence.h"

#define IDENTITY_MAX_LINKS 4
#define IDENTITY_NAME_SIZE 24

struct identity {
	struct mac_address links[IDENTITY_MAX_LINKS]; /* from the neighbour table */
	size_t link_count;
	bool has_told; /* the device says so: a scope, a TXT record, a realm, a version 1 UUID */
	struct mac_address told;
	bool has_tail; /* last 12 digits of the endpoint reference: perhaps a MAC, perhaps random */
	struct mac_address tail;
	uint64_t serial;        /* a hash of it; 0: none that tells one device from another */
	uint64_t endpoint;      /* a hash of it; 0: unknown */
	struct netaddr address; /* beyond a router; else of no family */
};

/* What the evidence says of the identity; the link's MAC (NULL: unknown) and the address beyond a
 * router come from elsewhere. */
void identity_read(struct identity *ret_identity, const struct evidence *evidence,
		   const struct mac_address *link);
bool identity_is_same(const struct identity *known, const struct identity *seen);
void identity_merge(struct identity *known, const struct identity *seen);

/* Whether it can be told from others at all. */
bool identity_is_known(const struct identity *identity);
/* The MAC to publish: false if none is known for sure. */
bool identity_mac(const struct identity *identity, struct mac_address *ret_mac);
/* Last element of the object path: the MAC's 12 digits, a hash of the endpoint reference, or the
 * address. */
const char *identity_name(const struct identity *identity, char buffer[static IDENTITY_NAME_SIZE]);
bool identity_name_is_of_endpoint(const char *name);

/* A MAC inside an endpoint reference. certain: written as one, or the node of a version 1 UUID. */
bool identity_mac_in_endpoint(const char *endpoint, struct mac_address *ret_mac, bool *ret_certain);
