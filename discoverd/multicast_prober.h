/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The network side of a protocol that asks everybody by multicast and hears announcements: sockets
 * per interface and address family, the group joined on the protocol's port, repetitions. What is
 * asked, and what an answer says, is its owner's, a prober of one protocol.
 */
#pragma once

#include "discoverd/protocol.h"

struct multicast_prober;

struct multicast_protocol {
	const char *name;      /* for the log */
	const char *groups[2]; /* of IPv4 and of IPv6 */
	uint16_t port;
	unsigned full_repeats;
	unsigned light_repeats;
	usec_t first_gap;   /* between repetitions; it doubles up to the longest one */
	usec_t jitter;      /* added to the first gap: 0 to so much, at random */
	usec_t longest_gap; /* not below the first */
};

/* One repetition of a burst in one address family. */
struct multicast_round {
	const struct interface *interface;
	const struct netaddr *group;
	uint8_t burst[16]; /* random, and the same in all rounds of a burst */
};

struct multicast_packet {
	const struct interface *interface; /* it came in by, or &interface_routed */
	struct netaddr from;               /* a unicast address */
	const char *bytes;
	size_t size;
};

struct multicast_handlers {
	void (*on_round)(const struct multicast_round *round, void *owner);
	void (*on_packet)(const struct multicast_packet *packet, void *owner);
};

/* protocol, handlers, environment->interfaces: borrowed. */
void multicast_prober_new(struct multicast_prober **ret_prober,
			  const struct multicast_protocol *protocol,
			  const struct protocol_environment *environment,
			  const struct multicast_handlers *handlers, void *owner);
struct multicast_prober *multicast_prober_free(struct multicast_prober *prober);

void multicast_prober_on_interface(struct multicast_prober *prober,
				   const struct interface *interface, enum interface_event event);
/* The first round runs inside. */
void multicast_prober_burst(struct multicast_prober *prober, const struct interface *interface,
			    bool light);

/* To the group of that address family, from each of our addresses; or to one host. Errors are
 * silent: an interface without a route for a family is no fault. */
void multicast_prober_send_all(struct multicast_prober *prober, const struct interface *interface,
			       sa_family_t family, const char *bytes, size_t size);
/* interface: may be &interface_routed. */
void multicast_prober_send(struct multicast_prober *prober, const struct interface *interface,
			   const struct netaddr *address, const char *bytes, size_t size);
