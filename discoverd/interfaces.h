/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The network interfaces on which devices are looked for, kept current by rtnetlink: up, with
 * carrier, able to multicast, with an address; not loopback, not point-to-point, not a tunnel, not
 * a port of a bridge or bond (which is looked at as a whole), not excluded by name. The kind veth
 * is not excluded: it may well be the LAN of a container.
 */
#pragma once

#include <net/if.h>

#include "common/loop.h"
#include "common/netaddr.h"

#define INTERFACE_MAX_ADDRESSES 16

struct interface {
	unsigned index;
	char name[IF_NAMESIZE];
	bool ethernet;          /* has a MAC address and speaks ARP */
	bool wireless;          /* the air is shared: go easy */
	struct mac_address mac; /* of an ethernet */
	struct netprefix addresses[INTERFACE_MAX_ADDRESSES];
	size_t address_count;
};

enum interface_event {
	INTERFACE_APPEARED, /* also when only its carrier came back */
	INTERFACE_ADDRESS,  /* has a new address */
	INTERFACE_VANISHED, /* the last call with this interface */
};

/* Stands for the way to hosts beyond a router, whichever interface the routing table then takes.
 * Its index is 0; interfaces_find() and interfaces_next() do not know it. */
extern const struct interface interface_routed;

struct interfaces;
typedef void interface_fn(const struct interface *interface, enum interface_event event,
			  void *owner);

/* include: shell patterns of names, NULL or empty for all; exclude: likewise, and stronger. Both
 * borrowed. The first dump is done on return, without a call. */
int interfaces_new(struct interfaces **ret_interfaces, struct loop *loop, char *const *include,
		   char *const *exclude, interface_fn *on_event, void *owner);
struct interfaces *interfaces_free(struct interfaces *interfaces);
DEFINE_CLEANUP(struct interfaces *, interfaces_free);

/* Iterates over those in use; after: NULL for the first. */
const struct interface *interfaces_next(const struct interfaces *interfaces,
					const struct interface *after);
const struct interface *interfaces_find(const struct interfaces *interfaces, unsigned index);

/* One of our own addresses, on whatever interface. */
bool interfaces_is_own(const struct interfaces *interfaces, const struct netaddr *address);
/* The name or the broadcast address of a network of ours: no host has it. */
bool interfaces_is_of_network(const struct interfaces *interfaces, const struct netaddr *address);
/* One of our own network cards. */
bool interfaces_is_own_mac(const struct interfaces *interfaces, const struct mac_address *mac);
/* It has an address in the network of that one. */
bool interface_has_network(const struct interface *interface, const struct netaddr *address);
/* Reachable without a router; link-local addresses always are. */
bool interface_is_on_link(const struct interface *interface, const struct netaddr *address);
