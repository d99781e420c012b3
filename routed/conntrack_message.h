/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The messages of ctnetlink that are needed to find and to delete connections. Pure. */
#pragma once

#include <libmnl/libmnl.h>

#include "routed/ended.h"

#define CONNTRACK_MESSAGE_SIZE 1024

/* 0; -ENOENT: neither tcp nor udp; -EBADMSG: malformed. */
int conntrack_message_parse(struct ended_connection *ret_connection,
			    const struct nlmsghdr *message);

/* Which connections to ask for; a kernel before 5.8 does not know how to choose and gives all. */
struct conntrack_filter {
	uint8_t protocol;             /* 0: all */
	uint16_t listen_port;         /* of the protocol; 0: all */
	const struct forward *target; /* its address and port; NULL: all */
};
struct conntrack_filter conntrack_filter_of(const struct forward *forward); /* redirected by it */

/* Asks for the connections of a family. buffer: CONNTRACK_MESSAGE_SIZE bytes. */
struct nlmsghdr *conntrack_message_dump(char *buffer, uint32_t sequence, sa_family_t family,
					const struct conntrack_filter *filter);

/* Deletes the connection of a message that conntrack_message_parse() accepted; the very one. */
struct nlmsghdr *conntrack_message_delete(char *buffer, uint32_t sequence,
					  const struct nlmsghdr *connection);
