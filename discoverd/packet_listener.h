/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hears one kind of packets on every Ethernet interface in use, whoever they are for, and without
 * sending anything: a packet(7) socket per interface. What this machine sends itself, and what is
 * of a VLAN that has no interface here, is left out by the kernel. Needs CAP_NET_RAW: without it
 * nothing is heard, which the log says once.
 */
#pragma once

#include <linux/filter.h>

#include "discoverd/protocol.h"

struct packet_listener;

struct packet_kind {
	const char *name;  /* for the log */
	uint16_t protocol; /* ETH_P_… */
	/* What follows the statements that are common to all kinds; ends in BPF_RET. The packet
	 * begins at its network header. */
	const struct sock_filter *filter;
	unsigned filter_length;
	/* An Ethernet group that they are sent to and that this machine would not hear; all zero:
	 * none. */
	struct mac_address group;
};

/* Without its link header. */
typedef void packet_listener_fn(const struct interface *interface, const uint8_t *bytes,
				size_t size, void *owner);

/* kind: borrowed. */
void packet_listener_new(struct packet_listener **ret_listener,
			 const struct protocol_environment *environment,
			 const struct packet_kind *kind, packet_listener_fn *on_packet,
			 void *owner);
struct packet_listener *packet_listener_free(struct packet_listener *listener);
void packet_listener_on_interface(struct packet_listener *listener,
				  const struct interface *interface, enum interface_event event);
/* Whether it hears anything there. */
bool packet_listener_has(const struct packet_listener *listener, unsigned ifindex);
/* To everybody on the link. 0 or -errno (-ENOBUFS: the queue is full). */
int packet_listener_broadcast(struct packet_listener *listener, unsigned ifindex, const void *bytes,
			      size_t size);
