/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/remote_hosts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Link-local addresses mean nothing without an interface, and are never behind a router. */
static bool is_elsewhere(const struct netaddr *address)
{
	return netaddr_is_unicast_host(address) && !netaddr_is_link_local(address);
}

static unsigned width_of(sa_family_t family)
{
	return family == AF_INET ? 32 : 128;
}

static uint32_t size_of(const struct netprefix *network)
{
	return (uint32_t)1 << (width_of(network->address.family) - network->length);
}

/* The address that is so much further; there are no more than 16 bits of hosts. */
static struct netaddr offset_by(const struct netprefix *network, uint32_t offset)
{
	struct netaddr address = network->address;

	if (address.family == AF_INET) {
		address.v4.s_addr = htonl(ntohl(address.v4.s_addr) + offset);
	} else {
		address.v6.s6_addr[14] |= (uint8_t)(offset >> 8);
		address.v6.s6_addr[15] |= (uint8_t)offset;
	}
	return address;
}

static uint32_t count_in_networks(const struct remote_hosts *hosts)
{
	uint32_t count = 0;

	for (size_t i = 0; i < hosts->network_count; i++)
		count += size_of(&hosts->networks[i]);
	return count;
}

int remote_hosts_add_network(struct remote_hosts *hosts, const char *text)
{
	struct netprefix network;
	struct netaddr first, last;

	if (netprefix_parse(&network, text) < 0)
		return -EINVAL;
	network = netprefix_network(&network);
	if (hosts->network_count == REMOTE_MAX_NETWORKS ||
	    width_of(network.address.family) - network.length > 16 ||
	    count_in_networks(hosts) + size_of(&network) > REMOTE_MAX_HOSTS)
		return -E2BIG;
	first = offset_by(&network, 0);
	last = offset_by(&network, size_of(&network) - 1);
	if (!is_elsewhere(&first) || !is_elsewhere(&last))
		return -EINVAL;
	hosts->networks[hosts->network_count++] = network;
	return 0;
}

int remote_hosts_add(struct remote_hosts *hosts, const struct netaddr *address)
{
	if (!is_elsewhere(address))
		return -EINVAL;
	for (size_t i = 0; i < hosts->added_count; i++)
		if (netaddr_equal(&hosts->added[i], address))
			return 0;
	if (hosts->added_count == REMOTE_MAX_ADDED)
		return -ENOSPC;
	hosts->added[hosts->added_count++] = *address;
	return 1;
}

int remote_hosts_remove(struct remote_hosts *hosts, const struct netaddr *address)
{
	for (size_t i = 0; i < hosts->added_count; i++) {
		if (!netaddr_equal(&hosts->added[i], address))
			continue;
		hosts->added_count--;
		memmove(&hosts->added[i], &hosts->added[i + 1],
			(hosts->added_count - i) * sizeof(*hosts->added));
		return 1;
	}
	return 0;
}

bool remote_hosts_cover(const struct remote_hosts *hosts, const struct netaddr *address)
{
	for (size_t i = 0; i < hosts->network_count; i++)
		if (netprefix_contains(&hosts->networks[i], address))
			return true;
	for (size_t i = 0; i < hosts->added_count; i++)
		if (netaddr_equal(&hosts->added[i], address))
			return true;
	return false;
}

uint32_t remote_hosts_count(const struct remote_hosts *hosts)
{
	return (uint32_t)hosts->added_count + count_in_networks(hosts);
}

bool remote_hosts_at(const struct remote_hosts *hosts, uint32_t index, struct netaddr *ret_address)
{
	const struct netprefix *network = hosts->networks;

	if (index < hosts->added_count) {
		*ret_address = hosts->added[index];
		return true;
	}
	index -= (uint32_t)hosts->added_count;
	while (index >= size_of(network))
		index -= size_of(network++);
	/* RFC 3021: a network of two addresses, or of one, has no name and no broadcast. */
	if (network->address.family == AF_INET && network->length < 31 &&
	    (index == 0 || index == size_of(network) - 1))
		return false;
	*ret_address = offset_by(network, index);
	return true;
}

size_t remote_hosts_format(const struct remote_hosts *hosts, char buffer[static REMOTE_MAX_TEXT])
{
	char text[NETADDR_TEXT_SIZE];
	size_t used = 0;

	for (size_t i = 0; i < hosts->added_count; i++)
		used += (size_t)snprintf(buffer + used, REMOTE_MAX_TEXT - used, "%s\n",
					 netaddr_format(&hosts->added[i], text));
	return used;
}

void remote_hosts_parse(struct remote_hosts *hosts, const char *text)
{
	char line[NETADDR_TEXT_SIZE];
	struct netaddr address;
	size_t length;

	for (; *text; text += length + (text[length] ? 1 : 0)) {
		length = strcspn(text, "\n");
		if (length >= sizeof(line))
			continue;
		memcpy(line, text, length);
		line[length] = '\0';
		if (netaddr_parse(&address, line) == 0)
			remote_hosts_add(hosts, &address);
	}
}
