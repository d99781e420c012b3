/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ARP for IPv4 over Ethernet (RFC 826): what a packet says of its sender, and our questions. Pure.
 */
#pragma once

#include <stddef.h>

#include "common/netaddr.h"

#define ARP_MESSAGE_SIZE 28

struct arp_message {
	struct mac_address mac; /* the sender's own, */
	struct netaddr address; /* and its address */
};

/*
 * From a packet without its link header. 0; -ENODATA: it is well-formed and tells no address of its
 * sender (a probe of RFC 5227); -EBADMSG: it is malformed, or no host can be its sender.
 */
int arp_message_read(struct arp_message *ret_message, const void *bytes, size_t size);

/* "Who has target?" from mac, and from source or (NULL) from nobody, which changes no cache. */
void arp_message_request(uint8_t ret_bytes[static ARP_MESSAGE_SIZE], const struct mac_address *mac,
			 const struct netaddr *source, const struct netaddr *target);
