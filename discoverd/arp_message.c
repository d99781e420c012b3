/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/arp_message.h"

#include <errno.h>
#include <string.h>

/* Hardware Ethernet, protocol IPv4, address lengths 6 and 4; the operation follows. */
static const uint8_t head[] = { 0, 1, 8, 0, 6, 4 };
enum {
	OPERATION = 6,
	SENDER_MAC = 8,
	SENDER_ADDRESS = 14,
	TARGET_ADDRESS = 24,
};
enum {
	REQUEST = 1,
	REPLY = 2,
};

int arp_message_read(struct arp_message *ret_message, const void *bytes, size_t size)
{
	struct arp_message message = { .address.family = AF_INET };
	const uint8_t *packet = bytes;

	/* Longer is usual: Ethernet pads to 46 bytes. */
	if (size < ARP_MESSAGE_SIZE || memcmp(packet, head, sizeof(head)) != 0 ||
	    packet[OPERATION] != 0 ||
	    (packet[OPERATION + 1] != REQUEST && packet[OPERATION + 1] != REPLY))
		return -EBADMSG;
	memcpy(message.mac.octets, packet + SENDER_MAC, sizeof(message.mac.octets));
	memcpy(&message.address.v4, packet + SENDER_ADDRESS, sizeof(message.address.v4));
	if (!mac_is_unicast(&message.mac))
		return -EBADMSG;
	if (message.address.v4.s_addr == 0)
		return -ENODATA;
	if (!netaddr_is_unicast_host(&message.address))
		return -EBADMSG;
	*ret_message = message;
	return 0;
}

void arp_message_request(uint8_t ret_bytes[static ARP_MESSAGE_SIZE], const struct mac_address *mac,
			 const struct netaddr *source, const struct netaddr *target)
{
	memset(ret_bytes, 0, ARP_MESSAGE_SIZE);
	memcpy(ret_bytes, head, sizeof(head));
	ret_bytes[OPERATION + 1] = REQUEST;
	memcpy(ret_bytes + SENDER_MAC, mac->octets, sizeof(mac->octets));
	if (source)
		memcpy(ret_bytes + SENDER_ADDRESS, &source->v4, sizeof(source->v4));
	memcpy(ret_bytes + TARGET_ADDRESS, &target->v4, sizeof(target->v4));
}
