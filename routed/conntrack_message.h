/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The messages of ctnetlink that are needed to find and to delete connections. Pure. */
#pragma once

#include <libmnl/libmnl.h>

#include "routed/ended.h"

#define CONNTRACK_MESSAGE_SIZE 1024

/* 0; -ENOENT: not a redirected connection of tcp or udp; -EBADMSG: malformed. */
int conntrack_message_parse(struct ended_connection *ret_connection,
			    const struct nlmsghdr *message);

/*
 * Asks for all connections of a family, or (only not NULL) for those of one forward: a kernel
 * before 5.8 does not know how to choose and gives all. buffer: CONNTRACK_MESSAGE_SIZE bytes.
 */
struct nlmsghdr *conntrack_message_dump(char *buffer, uint32_t sequence, sa_family_t family,
					const struct forward *only);

/* Deletes the connection of a message that conntrack_message_parse() accepted; the very one. */
struct nlmsghdr *conntrack_message_delete(char *buffer, uint32_t sequence,
					  const struct nlmsghdr *connection);
