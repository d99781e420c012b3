/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All devices, published or not. A sighting is brought to the device it belongs to by identity_…(),
 * makes a new one, or joins two that turn out to be one. Bounded: a newcomer to a full table takes
 * the place of the least: who has no confirmed service before who has, not published before
 * published, offline before online, then the one not heard of for longest. Who is confirmed,
 * published and online never makes room, and who only says that it is a camera not more often than
 * ten times a second. Devices without a MAC on the link may take a sixteenth of the table, but for
 * those of remote hosts that we were told of, and do not displace each other while they are shown.
 */
#pragma once

#include "discoverd/device.h"

struct device_table;

/* on_removed: frees what others keep in the device, which is freed on return. */
void device_table_new(struct device_table **ret_table, size_t limit, device_fn *on_changed,
		      device_fn *on_removed, void *owner);
struct device_table *device_table_free(struct device_table *table); /* on_removed is called */

size_t device_table_count(const struct device_table *table);
struct device *device_table_at(const struct device_table *table, size_t index);
struct device *device_table_find_address(const struct device_table *table, unsigned ifindex,
					 const struct netaddr *address);
size_t device_table_count_address(const struct device_table *table, unsigned ifindex,
				  const struct netaddr *address);
struct device *device_table_find_mac(const struct device_table *table,
				     const struct mac_address *mac);
/* By the last element of its path, one of its MACs in any notation, or one of its addresses; or
 * NULL. */
const struct device *device_table_find(const struct device_table *table, const char *id);
/*
 * The neighbour table may be behind: what was seen need not come from the MAC it has for the
 * address.
 */
enum device_doubt {
	DEVICE_CREDIBLE,
	DEVICE_SWAPPED,  /* it calls itself as another device does than the one with this MAC */
	DEVICE_STRANGER, /* it calls itself as nobody does, and the one with this MAC otherwise */
};
enum device_doubt device_table_doubt(const struct device_table *table,
				     const struct mac_address *mac,
				     const struct evidence *evidence);

/*
 * mac: of the neighbour table, or NULL. interface: where it was seen. Returns the device, which
 * on_changed has been called for, or NULL when nothing tells who it is or there is no room.
 */
struct device *device_table_fuse(struct device_table *table, const struct interface *interface,
				 const struct sighting *sighting, const struct mac_address *mac);
/* Nobody else has the address from now on; changed devices are told of. */
void device_table_take_address(struct device_table *table, unsigned ifindex,
			       const struct netaddr *address, const struct device *owner);
void device_table_remove(struct device_table *table, struct device *device);
