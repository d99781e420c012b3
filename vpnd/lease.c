/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Both ends of the line between vpnd-lease and vpnd. */
#include "vpnd/lease.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/macros.h"

static const struct {
	const char *name; /* udhcpc's */
	enum lease_event event;
} events[] = {
	{ "bound", LEASE_BOUND }, { "renew", LEASE_BOUND },       { "deconfig", LEASE_LOST },
	{ "nak", LEASE_LOST },    { "leasefail", LEASE_FAILING },
};

static const char *address_or_dash(const char *text)
{
	struct netaddr address;

	if (text && netaddr_parse(&address, text) == 0 && address.family == AF_INET)
		return text;
	return "-";
}

static const char *number_or_dash(const char *text)
{
	size_t length = text ? strspn(text, "0123456789") : 0;

	return length > 0 && length <= 10 && !text[length] ? text : "-";
}

int lease_format(char ret_line[static LEASE_LINE_MAX], const char *event, const char *address,
		 const char *netmask, const char *seconds, const char *server)
{
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		if (strcmp(event, events[i].name) != 0)
			continue;
		snprintf(ret_line, LEASE_LINE_MAX, "lease %s %s %s %s %s", events[i].name,
			 address_or_dash(address), address_or_dash(netmask),
			 number_or_dash(seconds), address_or_dash(server));
		return 0;
	}
	return -EINVAL;
}

/* 255.255.240.0 -> 20; -EINVAL when the bits have holes. */
static int parse_netmask(uint8_t *ret_length, const char *text)
{
	struct netaddr mask;
	uint32_t bits;
	uint8_t length = 0;

	if (netaddr_parse(&mask, text) < 0 || mask.family != AF_INET)
		return -EINVAL;
	for (bits = ntohl(mask.v4.s_addr); bits & UINT32_C(0x80000000); bits <<= 1)
		length++;
	if (bits != 0)
		return -EINVAL;
	*ret_length = length;
	return 0;
}

static uint32_t parse_seconds(const char *text)
{
	uint64_t value = 0;

	if (strcmp(text, "-") == 0)
		return LEASE_DEFAULT_SECONDS;
	for (; *text >= '0' && *text <= '9' && value < UINT32_MAX; text++)
		value = value * 10 + (uint64_t)(*text - '0');
	if (*text || value > UINT32_MAX)
		return UINT32_MAX; /* the same as for ever, in DHCP and in the kernel */
	return value < LEASE_MIN_SECONDS ? LEASE_MIN_SECONDS : (uint32_t)value;
}

static int parse_bound(struct lease *lease, const char *address, const char *netmask,
		       const char *seconds, const char *server)
{
	if (netaddr_parse(&lease->address.address, address) < 0 ||
	    lease->address.address.family != AF_INET ||
	    !netaddr_is_unicast_host(&lease->address.address))
		return -EINVAL;
	if (parse_netmask(&lease->address.length, netmask) < 0 ||
	    lease->address.length < LEASE_MIN_PREFIX || lease->address.length > LEASE_MAX_PREFIX)
		return -EINVAL;
	lease->seconds = parse_seconds(seconds);
	if (netaddr_parse(&lease->server, server) < 0)
		lease->server = (struct netaddr){ .family = AF_UNSPEC };
	return 0;
}

int lease_parse(struct lease *ret_lease, const char *line)
{
	char event[16], address[16], netmask[16], seconds[16], server[16], rest;
	struct lease lease = { 0 };

	if (strncmp(line, "lease ", 6) != 0 || strlen(line) >= LEASE_LINE_MAX)
		return -ENOENT;
	if (sscanf(line, "lease %15s %15s %15s %15s %15s %c", event, address, netmask, seconds,
		   server, &rest) != 5)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		if (strcmp(event, events[i].name) != 0)
			continue;
		lease.event = events[i].event;
		if (lease.event == LEASE_BOUND &&
		    parse_bound(&lease, address, netmask, seconds, server) < 0)
			return -EINVAL;
		*ret_lease = lease;
		return 0;
	}
	return -EINVAL;
}
