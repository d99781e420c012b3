/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/ndp_message.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

/* RFC 8200, section 3: offsets in the packet. */
enum {
	PAYLOAD_LENGTH = 4,
	NEXT_HEADER = 6,
	HOP_LIMIT = 7,
	SOURCE = 8,
	HEADER_SIZE = 40,
	ICMPV6 = 58,
};
/* RFC 4861, section 4: kinds of messages; offsets in them. */
enum {
	ROUTER_SOLICITATION = 133,
	NEIGHBOUR_SOLICITATION = 135,
	NEIGHBOUR_ADVERTISEMENT = 136,
	TARGET = 8,
	ROUTER_SOLICITATION_SIZE = 8,
	NEIGHBOUR_SIZE = 24, /* of both */
	OPTION_SOURCE_MAC = 1,
	OPTION_TARGET_MAC = 2,
	OPTION_UNIT = 8, /* lengths of options are in these */
};

struct bytes {
	const uint8_t *start;
	size_t size;
};

static struct netaddr address_at(const uint8_t *bytes)
{
	struct netaddr address = { .family = AF_INET6 };

	memcpy(&address.v6, bytes, sizeof(address.v6));
	return address;
}

static bool is_unspecified(const struct netaddr *address)
{
	static const struct in6_addr any = IN6ADDR_ANY_INIT;

	return memcmp(&address->v6, &any, sizeof(any)) == 0;
}

/* 0, or -ENODATA if there is none; an option of length 0 spoils the packet (section 4.6). */
static int read_mac(struct mac_address *ret_mac, struct bytes options, uint8_t wanted)
{
	size_t size;

	for (; options.size >= 2; options.start += size, options.size -= size) {
		size = (size_t)options.start[1] * OPTION_UNIT;
		if (!size || size > options.size)
			return -EBADMSG;
		if (options.start[0] != wanted)
			continue;
		if (size != OPTION_UNIT)
			return -EBADMSG;
		memcpy(ret_mac->octets, options.start + 2, sizeof(ret_mac->octets));
		return mac_is_unicast(ret_mac) ? 0 : -EBADMSG;
	}
	return -ENODATA;
}

static int read_solicitation(struct ndp_message *message, const struct netaddr *source,
			     const struct bytes *icmp, size_t fixed)
{
	const struct bytes options = { icmp->start + fixed, icmp->size - fixed };

	message->address = *source;
	return read_mac(&message->mac, options, OPTION_SOURCE_MAC);
}

static int read_neighbour(struct ndp_message *message, const struct netaddr *source,
			  const struct bytes *icmp)
{
	const struct bytes options = { icmp->start + NEIGHBOUR_SIZE, icmp->size - NEIGHBOUR_SIZE };
	bool solicits = icmp->start[0] == NEIGHBOUR_SOLICITATION;

	if (solicits && !is_unspecified(source))
		return read_solicitation(message, source, icmp, NEIGHBOUR_SIZE);
	message->address = address_at(icmp->start + TARGET);
	if (!solicits)
		return read_mac(&message->mac, options, OPTION_TARGET_MAC);
	message->expected = true; /* RFC 4862, section 5.4.2 */
	return 0;
}

static int find_icmp(struct bytes *ret_icmp, const uint8_t *packet, size_t size)
{
	size_t length;

	if (size < HEADER_SIZE || packet[0] >> 4 != 6)
		return -EBADMSG;
	if (packet[NEXT_HEADER] != ICMPV6)
		return -ENODATA;
	length = (size_t)packet[PAYLOAD_LENGTH] << 8 | packet[PAYLOAD_LENGTH + 1];
	/* Whatever has passed a router is not of this link (RFC 4861, section 7.1). */
	if (length > size - HEADER_SIZE || length < ROUTER_SOLICITATION_SIZE ||
	    packet[HOP_LIMIT] != 255)
		return -EBADMSG;
	*ret_icmp = (struct bytes){ packet + HEADER_SIZE, length };
	return 0;
}

int ndp_message_read(struct ndp_message *ret_message, const void *bytes, size_t size)
{
	const uint8_t *packet = bytes;
	struct ndp_message message = { 0 };
	struct netaddr source;
	struct bytes icmp;
	int r = find_icmp(&icmp, packet, size);

	if (r < 0)
		return r;
	source = address_at(packet + SOURCE);
	switch (icmp.start[0]) {
	case ROUTER_SOLICITATION:
		r = is_unspecified(&source)
			    ? -ENODATA
			    : read_solicitation(&message, &source, &icmp, ROUTER_SOLICITATION_SIZE);
		break;
	case NEIGHBOUR_SOLICITATION:
	case NEIGHBOUR_ADVERTISEMENT:
		r = icmp.size < NEIGHBOUR_SIZE ? -EBADMSG
					       : read_neighbour(&message, &source, &icmp);
		break;
	default:
		r = -ENODATA;
	}
	if (r < 0)
		return r;
	if (!netaddr_is_unicast_host(&message.address))
		return -EBADMSG;
	*ret_message = message;
	return 0;
}
