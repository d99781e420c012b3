/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCP (RFC 2131, 2132) as it is overheard: what a client says of itself, and what a server gives
 * it. Pure. */
#pragma once

#include "common/netaddr.h"
#include "discoverd/evidence.h"

struct dhcp_message {
	struct mac_address mac;       /* the client's */
	struct netaddr address;       /* that it has, or is about to have; AF_UNSPEC: none */
	bool releases;                /* it gives its address back, or cannot use it */
	char host_name[TEXT_SIZE];    /* "": not told */
	char vendor_class[TEXT_SIZE]; /* of its DHCP program, or of the device; "": not told */
};

/* From an IPv4 packet. 0; -ENODATA: not about a client of Ethernet; -EBADMSG: malformed. */
int dhcp_message_read(struct dhcp_message *ret_message, const void *bytes, size_t size);

/* A message of the client about itself. */
void dhcp_message_evidence(struct evidence *evidence, const struct dhcp_message *message,
			   usec_t time);
