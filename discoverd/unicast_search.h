/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks for what multicast does not reach: asks the live hosts of the link that nothing has
 * explained, the networks of the configuration that are beyond a router, and the addresses that an
 * operator has added, which it keeps.
 */
#pragma once

#include "discoverd/device_table.h"
#include "discoverd/progress.h"
#include "discoverd/remote_hosts.h"

struct unicast_search;

struct unicast_search_handlers {
	/* interface: may be &interface_routed. attempt: of this host, counts up. */
	void (*on_ask)(const struct interface *interface, const struct netaddr *address,
		       unsigned attempt, void *owner);
	/* An operator says that there is something; its evidence may be taken. */
	void (*on_sighting)(struct sighting *sighting, void *owner);
	device_fn *on_changed;             /* of a device that is known */
	void (*on_addresses)(void *owner); /* that were added are others now */
};

/* interfaces, table, directory, handlers: borrowed. networks: what remote_hosts_add_network() does
 * not take is left out. */
void unicast_search_new(struct unicast_search **ret_search, struct loop *loop,
			const struct interfaces *interfaces, struct device_table *table,
			char *const *networks, const char *directory, usec_t memory,
			const struct unicast_search_handlers *handlers, void *owner);
struct unicast_search *unicast_search_free(struct unicast_search *search);

/* light: what was asked a short while ago is left out. */
void unicast_search_scan(struct unicast_search *search, bool light);
/* A host of the link shows a sign of life. */
void unicast_search_note(struct unicast_search *search, unsigned ifindex,
			 const struct netaddr *address);
/* Where a host is that answers there; NULL: where nobody looks. Only what answers where we were
 * told to ask is beyond a router. */
const struct interface *unicast_search_place(const struct unicast_search *search, unsigned ifindex,
					     const struct netaddr *address);
struct progress unicast_search_progress(const struct unicast_search *search);

/*
 * Looks for a camera at this address, now and in every scan, also after a restart. 0, also when it
 * was added before; -EINVAL: not a host's, or one of our own; -ENOSPC: too many; or what kept it
 * from being saved: then it is not added.
 */
int unicast_search_add(struct unicast_search *search, const struct netaddr *address);
/* Undoes that; what is beyond a router and was found by it alone is gone. -ENOENT: it had not been
 * added. */
int unicast_search_remove(struct unicast_search *search, const struct netaddr *address);
const struct remote_hosts *unicast_search_hosts(const struct unicast_search *search);
