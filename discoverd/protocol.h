/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a discovery protocol plugs in: one struct protocol NAME_protocol, with NAME in the table at
 * the end. A prober owns its sockets and timers, and gives every host it hears of as a sighting.
 */
#pragma once

#include "common/loop.h"
#include "discoverd/connection_budget.h"
#include "discoverd/interfaces.h"
#include "discoverd/progress.h"
#include "discoverd/sighting.h"

/* The sighting's evidence may be taken; what is left is freed by the prober. */
typedef void protocol_sighting_fn(struct sighting *sighting, void *owner);
/* Whether the host is known to be something else than a camera: then nobody calls it. */
typedef bool protocol_is_other_fn(unsigned ifindex, const struct netaddr *address, void *owner);

struct protocol_environment {
	struct loop *loop;
	const struct interfaces *interfaces;
	struct connection_budget *budget; /* of all who connect */
	protocol_sighting_fn *on_sighting;
	protocol_is_other_fn *is_other;
	void *owner;
};

/* What one host is asked. */
enum question {
	QUESTION_THERE, /* Is it there? One packet, which also makes the kernel look for it. */
	QUESTION_WHO,   /* Who is it, too? */
	QUESTION_MAC,   /* Which MAC address is behind its address, whatever the kernel thinks? */
	QUESTION_COUNT,
};

struct protocol {
	const char *name;
	int (*start)(void **ret_prober, const struct protocol_environment *environment);
	void *(*stop)(void *prober);
	/* Called for every interface in use, and on their changes. */
	void (*on_interface)(void *prober, const struct interface *interface,
			     enum interface_event event);
	/* Ask everybody; light: fewer repetitions. NULL for protocols that only listen. */
	void (*burst)(void *prober, const struct interface *interface, bool light);
	/* A device that matters is at this address: look around there first. May be NULL. */
	void (*point_to)(void *prober, const struct interface *interface,
			 const struct netaddr *address);
	/* Ask one host with one packet; interface: may be &interface_routed; attempt: counts up
	 * while there is no answer. */
	void (*ask)(void *prober, const struct interface *interface, const struct netaddr *address,
		    unsigned attempt);
	bool asks[QUESTION_COUNT]; /* what that is of use for; none: ask may be NULL */
	bool asks_below_ip; /* and so reaches hosts on the link that are of another network */
	/* Of work that may outlast a burst; a scan lasts until it is done. Looked at twice a
	 * second. NULL: there is none. */
	struct progress (*progress)(const void *prober);
};

/* The protocols: a new one has its line here. */
#define PROTOCOLS(X) \
	X(wsd)       \
	X(mdns)      \
	X(ssdp)      \
	X(arp)       \
	X(dhcp)      \
	X(ndp)
#define DECLARE_PROTOCOL(name) extern const struct protocol name##_protocol;
PROTOCOLS(DECLARE_PROTOCOL)
