/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * IPv6 neighbour discovery over Ethernet (RFC 4861): what a packet says of its sender. Hosts that
 * have just been plugged in ask whether somebody has their address already, and for routers. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/netaddr.h"

struct ndp_message {
	struct netaddr address; /* the sender's, */
	bool expected;          /* which it asks for first; then its MAC is not told */
	struct mac_address mac;
};

/*
 * From a packet without its link header. 0; -ENODATA: it is well-formed, and of another kind or
 * tells nothing of its sender; -EBADMSG: it is malformed, or no host can be its sender. The
 * checksum is not looked at: the network card may have done so already.
 */
int ndp_message_read(struct ndp_message *ret_message, const void *bytes, size_t size);
