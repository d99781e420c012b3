/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mirror of the kernel's links and addresses. Every link is kept, used or not, because its use can
 * change with any message. Owned by struct discovery.
 *
 * A lost notification (overrun) is answered by dumping again: links and addresses that the dump
 * does not confirm are removed at its end.
 */
#include "discoverd/interfaces.h"

#include <errno.h>
#include <fnmatch.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/netlink.h"

#define MOST_LINKS 1024

const struct interface interface_routed = { .index = 0 };

struct link {
	struct interface interface;
	bool confirmed[INTERFACE_MAX_ADDRESSES]; /* by the dump under way */
	bool link_confirmed;
	bool allowed; /* by flags, kind and name */
	bool in_use;  /* allowed, and has an address */
};

struct interfaces {
	struct netlink *netlink;
	struct link **links;
	size_t link_count;
	char *const *include;
	char *const *exclude;
	interface_fn *on_event; /* NULL during the first dump */
	void *owner;
};

/* --- which links are looked at --- */

static bool matches_any(char *const *patterns, const char *name)
{
	for (; patterns && *patterns; patterns++)
		if (fnmatch(*patterns, name, 0) == 0)
			return true;
	return false;
}

static bool is_one_of(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

/* Kinds that lead elsewhere than to a local network. No kind at all is hardware. */
static bool is_excluded_kind(const char *kind)
{
	static const char *const kinds[] = {
		"tun",  "wireguard", "sit",  "gre",    "gretap",    "erspan", "ipip", "ip6tnl",
		"vti",  "vti6",      "xfrm", "ip6gre", "vxlan",     "geneve", "ifb",  "nlmon",
		"vcan", "vxcan",     "vrf",  "dummy",  "netdevsim", "ppp",    NULL,
	};

	return is_one_of(kinds, kind);
}

/* What comes in at a port goes on to its bridge or bond, and is heard there. */
static bool is_port(const char *port_kind)
{
	static const char *const kinds[] = { "bridge", "bond", "team", "openvswitch", NULL };

	return is_one_of(kinds, port_kind);
}

/* What a link message says, NULL: nothing. */
struct link_facts {
	const char *name;
	const char *kind;
	const char *port_kind; /* of what it is a part of */
	struct mac_address mac;
	bool has_mac;
};

static bool is_allowed(const struct interfaces *interfaces, const struct link_facts *facts,
		       unsigned flags)
{
	if ((flags & (IFF_UP | IFF_RUNNING | IFF_MULTICAST)) !=
	    (IFF_UP | IFF_RUNNING | IFF_MULTICAST))
		return false;
	if (flags & (IFF_LOOPBACK | IFF_POINTOPOINT))
		return false;
	if ((facts->kind && is_excluded_kind(facts->kind)) ||
	    (facts->port_kind && is_port(facts->port_kind)))
		return false;
	if (interfaces->include && *interfaces->include &&
	    !matches_any(interfaces->include, facts->name))
		return false;
	return !matches_any(interfaces->exclude, facts->name);
}

static bool is_wireless(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%s/phy80211", name);
	return access(path, F_OK) == 0;
}

static void tell(struct interfaces *interfaces, struct link *link, enum interface_event event)
{
	if (interfaces->on_event)
		interfaces->on_event(&link->interface, event, interfaces->owner);
}

static void update_use(struct interfaces *interfaces, struct link *link, bool new_address)
{
	bool in_use = link->allowed && link->interface.address_count > 0;

	if (in_use == link->in_use) {
		if (in_use && new_address)
			tell(interfaces, link, INTERFACE_ADDRESS);
		return;
	}
	link->in_use = in_use;
	tell(interfaces, link, in_use ? INTERFACE_APPEARED : INTERFACE_VANISHED);
}

/* --- the mirror --- */

static struct link *find_link(const struct interfaces *interfaces, unsigned index)
{
	for (size_t i = 0; i < interfaces->link_count; i++)
		if (interfaces->links[i]->interface.index == index)
			return interfaces->links[i];
	return NULL;
}

static void remove_link(struct interfaces *interfaces, struct link *link)
{
	size_t i;

	link->allowed = false;
	update_use(interfaces, link, false);
	for (i = 0; interfaces->links[i] != link; i++)
		;
	interfaces->links[i] = interfaces->links[--interfaces->link_count];
	free(link);
}

static struct link *add_link(struct interfaces *interfaces, unsigned index)
{
	struct link *link;

	if (interfaces->link_count == MOST_LINKS)
		return NULL;
	link = xnew(struct link);
	link->interface.index = index;
	interfaces->links = xrealloc_array(interfaces->links, interfaces->link_count + 1,
					   sizeof(*interfaces->links));
	interfaces->links[interfaces->link_count++] = link;
	return link;
}

static const char *text_of(const struct nlattr *attribute)
{
	return mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0 ? mnl_attr_get_str(attribute)
								      : NULL;
}

static void read_link_info(struct link_facts *facts, const struct nlattr *info)
{
	const struct nlattr *attribute;

	mnl_attr_for_each_nested(attribute, info)
	{
		if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND)
			facts->kind = text_of(attribute);
		else if (mnl_attr_get_type(attribute) == IFLA_INFO_SLAVE_KIND)
			facts->port_kind = text_of(attribute);
	}
}

static void read_link(struct link_facts *ret_facts, const struct nlmsghdr *message)
{
	struct link_facts facts = { 0 };
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, message, sizeof(struct ifinfomsg))
	{
		unsigned type = mnl_attr_get_type(attribute);

		if (type == IFLA_IFNAME) {
			facts.name = text_of(attribute);
		} else if (type == IFLA_LINKINFO) {
			read_link_info(&facts, attribute);
		} else if (type == IFLA_ADDRESS &&
			   mnl_attr_get_payload_len(attribute) == sizeof(facts.mac.octets)) {
			memcpy(facts.mac.octets, mnl_attr_get_payload(attribute),
			       sizeof(facts.mac.octets));
			facts.has_mac = true;
		}
	}
	*ret_facts = facts;
}

static void on_link(struct interfaces *interfaces, const struct nlmsghdr *message)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct interface *interface;
	struct link_facts facts;
	struct link *link;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*info) || info->ifi_family != AF_UNSPEC)
		return; /* AF_BRIDGE messages tell of ports, not of links */
	link = find_link(interfaces, (unsigned)info->ifi_index);
	if (message->nlmsg_type == RTM_DELLINK) {
		if (link)
			remove_link(interfaces, link);
		return;
	}
	read_link(&facts, message);
	if (!facts.name)
		return;
	if (!link)
		link = add_link(interfaces, (unsigned)info->ifi_index);
	if (!link)
		return;
	link->link_confirmed = true;
	interface = &link->interface;
	snprintf(interface->name, sizeof(interface->name), "%s", facts.name);
	interface->ethernet = info->ifi_type == ARPHRD_ETHER && facts.has_mac &&
			      !(info->ifi_flags & IFF_NOARP);
	interface->mac = facts.mac;
	interface->wireless = is_wireless(facts.name);
	link->allowed = is_allowed(interfaces, &facts, info->ifi_flags);
	update_use(interfaces, link, false);
}

static bool read_address(const struct nlmsghdr *message, struct netprefix *ret_prefix,
			 unsigned *ret_flags)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	struct netprefix prefix = { .length = info->ifa_prefixlen };
	size_t size = info->ifa_family == AF_INET ? 4 : 16;
	const struct nlattr *attribute;
	bool local = false;

	if (info->ifa_family != AF_INET && info->ifa_family != AF_INET6)
		return false;
	*ret_flags = info->ifa_flags;
	mnl_attr_for_each(attribute, message, sizeof(*info))
	{
		unsigned type = mnl_attr_get_type(attribute);

		if (type == IFA_FLAGS && mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
			*ret_flags = mnl_attr_get_u32(attribute);
		if ((type != IFA_LOCAL && (type != IFA_ADDRESS || local)) ||
		    mnl_attr_get_payload_len(attribute) != size)
			continue;
		/* On a point-to-point link IFA_ADDRESS is the other end's; IFA_LOCAL is ours. */
		local = type == IFA_LOCAL;
		prefix.address.family = info->ifa_family;
		memcpy(&prefix.address.v6, mnl_attr_get_payload(attribute), size);
	}
	*ret_prefix = prefix;
	return prefix.address.family != AF_UNSPEC;
}

static size_t find_address(const struct interface *interface, const struct netprefix *prefix)
{
	size_t i;

	for (i = 0; i < interface->address_count; i++)
		if (interface->addresses[i].length == prefix->length &&
		    netaddr_equal(&interface->addresses[i].address, &prefix->address))
			break;
	return i;
}

static void remove_address(struct interfaces *interfaces, struct link *link, size_t index)
{
	size_t last = --link->interface.address_count;

	link->interface.addresses[index] = link->interface.addresses[last];
	link->confirmed[index] = link->confirmed[last];
	update_use(interfaces, link, false);
}

static void on_address(struct interfaces *interfaces, const struct nlmsghdr *message)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	struct netprefix prefix;
	struct link *link;
	unsigned flags;
	size_t index;
	bool usable;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*info) ||
	    !read_address(message, &prefix, &flags))
		return;
	link = find_link(interfaces, info->ifa_index);
	if (!link)
		return;
	/* An IPv6 address under duplicate address detection cannot be sent from yet. */
	usable = message->nlmsg_type == RTM_NEWADDR &&
		 (!(flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) || (flags & IFA_F_OPTIMISTIC));
	index = find_address(&link->interface, &prefix);
	if (index < link->interface.address_count) {
		if (usable)
			link->confirmed[index] = true;
		else
			remove_address(interfaces, link, index);
		return;
	}
	if (!usable || index == INTERFACE_MAX_ADDRESSES)
		return;
	link->interface.addresses[index] = prefix;
	link->confirmed[index] = true;
	link->interface.address_count++;
	update_use(interfaces, link, true);
}

/* --- netlink --- */

static void on_entry(const struct nlmsghdr *message, void *owner)
{
	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		on_link(owner, message);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		on_address(owner, message);
		break;
	}
}

static struct nlmsghdr *dump_request(char *buffer, uint16_t type)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct rtgenmsg *general;

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	general = mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	general->rtgen_family = AF_UNSPEC;
	return message;
}

static void forget_unconfirmed(struct interfaces *interfaces)
{
	for (size_t i = interfaces->link_count; i-- > 0;) {
		struct link *link = interfaces->links[i];

		for (size_t j = link->interface.address_count; j-- > 0;)
			if (!link->confirmed[j])
				remove_address(interfaces, link, j);
		if (!link->link_confirmed)
			remove_link(interfaces, link);
	}
}

static void dump_again(struct interfaces *interfaces);

static void on_addresses_dumped(int result, const char *text, void *owner)
{
	if (result == -EINTR)
		dump_again(owner); /* it changed meanwhile */
	else if (result < 0)
		log_warning_errno(result, "cannot list network addresses: %m");
	else
		forget_unconfirmed(owner);
}

static void on_links_dumped(int result, const char *text, void *owner)
{
	struct interfaces *interfaces = owner;
	char buffer[256];

	if (result == -EINTR) {
		dump_again(interfaces);
		return;
	}
	if (result >= 0)
		result = netlink_send(interfaces->netlink, dump_request(buffer, RTM_GETADDR),
				      on_entry, on_addresses_dumped, interfaces);
	if (result < 0)
		log_warning_errno(result, "cannot list network interfaces: %m");
}

static void dump_again(struct interfaces *interfaces)
{
	char buffer[256];
	int r;

	for (size_t i = 0; i < interfaces->link_count; i++) {
		interfaces->links[i]->link_confirmed = false;
		memset(interfaces->links[i]->confirmed, 0, sizeof(interfaces->links[i]->confirmed));
	}
	r = netlink_send(interfaces->netlink, dump_request(buffer, RTM_GETLINK), on_entry,
			 on_links_dumped, interfaces);
	if (r < 0)
		log_warning_errno(r, "cannot list network interfaces: %m");
}

static void on_notification(const struct nlmsghdr *message, void *owner)
{
	if (message)
		on_entry(message, owner);
	else
		dump_again(owner);
}

static int dump_and_wait(struct interfaces *interfaces, uint16_t type)
{
	char buffer[256];
	int r;

	do
		r = netlink_send_and_wait(interfaces->netlink, dump_request(buffer, type), on_entry,
					  interfaces);
	while (r == -EINTR); /* it changed meanwhile */
	return r;
}

int interfaces_new(struct interfaces **ret_interfaces, struct loop *loop, char *const *include,
		   char *const *exclude, interface_fn *on_event, void *owner)
{
	static const unsigned groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR };
	_cleanup_(interfaces_freep) struct interfaces *interfaces = xnew(struct interfaces);
	int r;

	interfaces->include = include;
	interfaces->exclude = exclude;
	interfaces->owner = owner;
	r = netlink_new(&interfaces->netlink, loop, NETLINK_ROUTE, on_notification, interfaces);
	for (size_t i = 0; i < ARRAY_SIZE(groups) && r >= 0; i++)
		r = netlink_join(interfaces->netlink, groups[i]);
	if (r >= 0)
		r = dump_and_wait(interfaces, RTM_GETLINK);
	if (r >= 0)
		r = dump_and_wait(interfaces, RTM_GETADDR);
	if (r < 0)
		return r;
	interfaces->on_event = on_event;
	*ret_interfaces = steal_ptr(interfaces);
	return 0;
}

struct interfaces *interfaces_free(struct interfaces *interfaces)
{
	if (!interfaces)
		return NULL;
	netlink_free(interfaces->netlink);
	for (size_t i = 0; i < interfaces->link_count; i++)
		free(interfaces->links[i]);
	free(interfaces->links);
	free(interfaces);
	return NULL;
}

const struct interface *interfaces_next(const struct interfaces *interfaces,
					const struct interface *after)
{
	size_t i = 0;

	if (after) {
		while (i < interfaces->link_count && &interfaces->links[i]->interface != after)
			i++;
		i++;
	}
	for (; i < interfaces->link_count; i++)
		if (interfaces->links[i]->in_use)
			return &interfaces->links[i]->interface;
	return NULL;
}

const struct interface *interfaces_find(const struct interfaces *interfaces, unsigned index)
{
	const struct link *link = find_link(interfaces, index);

	return link && link->in_use ? &link->interface : NULL;
}

bool interfaces_is_own(const struct interfaces *interfaces, const struct netaddr *address)
{
	for (size_t i = 0; i < interfaces->link_count; i++) {
		const struct interface *interface = &interfaces->links[i]->interface;

		for (size_t j = 0; j < interface->address_count; j++)
			if (netaddr_equal(&interface->addresses[j].address, address))
				return true;
	}
	return false;
}

/* RFC 3021: a network of two addresses has neither. */
static bool is_of_network(const struct netprefix *network, const struct netaddr *address)
{
	uint32_t hosts;

	if (address->family != AF_INET || network->length > 30 ||
	    !netprefix_contains(network, address))
		return false;
	hosts = UINT32_MAX >> network->length;
	return (ntohl(address->v4.s_addr) & hosts) == 0 ||
	       (ntohl(address->v4.s_addr) & hosts) == hosts;
}

bool interfaces_is_of_network(const struct interfaces *interfaces, const struct netaddr *address)
{
	const struct interface *interface = NULL;

	while ((interface = interfaces_next(interfaces, interface)))
		for (size_t i = 0; i < interface->address_count; i++)
			if (is_of_network(&interface->addresses[i], address))
				return true;
	return false;
}

bool interfaces_is_own_mac(const struct interfaces *interfaces, const struct mac_address *mac)
{
	for (size_t i = 0; i < interfaces->link_count; i++)
		if (mac_equal(&interfaces->links[i]->interface.mac, mac))
			return true;
	return false;
}

bool interface_has_network(const struct interface *interface, const struct netaddr *address)
{
	for (size_t i = 0; i < interface->address_count; i++)
		if (netprefix_contains(&interface->addresses[i], address))
			return true;
	return false;
}

bool interface_is_on_link(const struct interface *interface, const struct netaddr *address)
{
	return netaddr_is_link_local(address) || interface_has_network(interface, address);
}
