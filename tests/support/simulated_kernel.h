/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel as discoverd sees it, in its place: rtnetlink with the network interfaces, their
 * addresses and the neighbour table, and sockets that send nothing anywhere. It takes the place of
 * common/netlink.c and of udp_socket.c in programs that are linked with it.
 *
 * The neighbour table lives as Linux' does (RFC 4861, section 7.3.2, with the kernel's own times):
 * who has answered is believed for 30 s; a packet to one that is older waits 5 s for a sign of
 * life, and then asks for 3 s; a packet to one that is unknown asks at once.
 */
#pragma once

#include "common/loop.h"
#include "common/netaddr.h"

struct simulated_link {
	unsigned index;
	const char *name;
	const char *kind;      /* NULL: hardware */
	const char *port_kind; /* of what it is a port of */
	unsigned flags;        /* IFF_… */
	const char *mac;       /* NULL: none */
};

/* The MAC of who has an address by now; NULL: nobody. */
typedef const struct mac_address *simulated_answer_fn(unsigned ifindex,
						      const struct netaddr *address);

/* on_question NULL: nobody answers. */
void simulated_kernel_init(struct loop *loop, simulated_answer_fn *on_question);
void simulated_kernel_deinit(void);

/* Each tells those who listen. Texts are borrowed. */
void simulated_kernel_set_link(const struct simulated_link *link);
void simulated_kernel_remove_link(unsigned index);
void simulated_kernel_set_address(unsigned index, const char *prefix, unsigned flags); /* IFA_F_… */
void simulated_kernel_remove_address(unsigned index, const char *prefix);
/* From a packet that came in: stale, as nobody was asked. */
void simulated_kernel_learn(unsigned index, const struct netaddr *address,
			    const struct mac_address *mac);
/* From now on nobody is told of anything; false: those who listen hear that they have missed it. */
void simulated_kernel_lose(bool lose);
/* A packet of ours leaves for a host. */
void simulated_kernel_send(unsigned index, const struct netaddr *address);
