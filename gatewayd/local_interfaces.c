/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Read once per announcement, so the plain interfaces of the C library do; the order is that of the
 * kernel's interface numbers, which does not change while the machine runs.
 */
#include "gatewayd/local_interfaces.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <string.h>

#include "common/memory.h"
#include "common/state_file.h"

#define VPN_PREFIX "vpn_"
#define MAX_ROUTES ((size_t)1024 * 1024) /* bytes */

static bool is_ethernet(const struct ifaddrs *entry)
{
	const struct sockaddr_ll *link = (const void *)entry->ifa_addr;

	return entry->ifa_addr && entry->ifa_addr->sa_family == AF_PACKET &&
	       !(entry->ifa_flags & (IFF_LOOPBACK | IFF_POINTOPOINT)) &&
	       link->sll_hatype == ARPHRD_ETHER && link->sll_halen == 6 &&
	       strncmp(entry->ifa_name, VPN_PREFIX, strlen(VPN_PREFIX)) != 0;
}

static struct network_interface *find(struct network_interface *interfaces, size_t count,
				      const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(interfaces[i].name, name) == 0)
			return &interfaces[i];
	return NULL;
}

static uint8_t prefix_length(const struct sockaddr *netmask)
{
	const struct sockaddr_in *mask = (const void *)netmask;

	return mask ? (uint8_t)__builtin_popcount(mask->sin_addr.s_addr) : 32;
}

static void add_address(struct network_interface *interface, const struct ifaddrs *entry)
{
	if (!interface || interface->address.family != AF_UNSPEC)
		return;
	if (netaddr_from_sockaddr(&interface->address, NULL, entry->ifa_addr) == 0)
		interface->prefix_length = prefix_length(entry->ifa_netmask);
}

int local_interfaces_list(struct network_interface **ret_interfaces, size_t *ret_count)
{
	struct network_interface *interfaces;
	const struct sockaddr_ll *link;
	struct ifaddrs *all, *entry;
	size_t count = 0;

	if (getifaddrs(&all) < 0)
		return -errno;
	interfaces = xcalloc(LOCAL_INTERFACES_MAX, sizeof(*interfaces));
	for (entry = all; entry && count < LOCAL_INTERFACES_MAX; entry = entry->ifa_next) {
		if (!is_ethernet(entry))
			continue;
		link = (const void *)entry->ifa_addr;
		memcpy(interfaces[count].mac.octets, link->sll_addr, 6);
		if (mac_is_unicast(&interfaces[count].mac))
			interfaces[count++].name = xstrdup(entry->ifa_name);
	}
	for (entry = all; entry; entry = entry->ifa_next)
		if (entry->ifa_addr && entry->ifa_addr->sa_family == AF_INET)
			add_address(find(interfaces, count, entry->ifa_name), entry);
	freeifaddrs(all);
	*ret_interfaces = interfaces;
	*ret_count = count;
	return 0;
}

void local_interfaces_free(struct network_interface *interfaces, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(interfaces[i].name);
	free(interfaces);
}

/* The interface of the IPv4 default route, from the kernel's table (proc(5), /proc/net/route). */
static bool default_route(char ret_name[static IF_NAMESIZE])
{
	_cleanup_free_ char *table = NULL;
	char name[IF_NAMESIZE], *line, *rest = NULL;
	unsigned destination, gateway, flags, mask;
	unsigned metric, best = UINT32_MAX;

	if (file_read("/proc/net/route", MAX_ROUTES, &table, NULL) < 0)
		return false;
	for (line = strtok_r(table, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (sscanf(line, "%15s %x %x %x %*d %*d %u %x", name, &destination, &gateway,
			   &flags, &metric, &mask) != 6)
			continue;
		if (destination == 0 && mask == 0 && metric < best) {
			best = metric;
			memcpy(ret_name, name, sizeof(name));
		}
	}
	return best != UINT32_MAX;
}

static bool is_physical(const char *name)
{
	_cleanup_free_ char *path = xasprintf("/sys/class/net/%s/device", name);

	return access(path, F_OK) == 0;
}

static const struct network_interface *choose(struct network_interface *interfaces, size_t count)
{
	const struct network_interface *chosen = NULL;
	char name[IF_NAMESIZE];

	if (default_route(name))
		chosen = find(interfaces, count, name);
	for (size_t i = 0; !chosen && i < count; i++)
		if (is_physical(interfaces[i].name))
			chosen = &interfaces[i];
	return chosen || count == 0 ? chosen : &interfaces[0];
}

int local_interfaces_label(struct mac_address *ret_mac)
{
	struct network_interface *interfaces;
	const struct network_interface *chosen;
	size_t count;
	int r;

	r = local_interfaces_list(&interfaces, &count);
	if (r < 0)
		return r;
	chosen = choose(interfaces, count);
	if (chosen)
		*ret_mac = chosen->mac;
	local_interfaces_free(interfaces, count);
	return chosen ? 0 : -ENODEV;
}
