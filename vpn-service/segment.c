/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The TAP by rtnetlink. Every time it appears it gets a fixed MAC (the kernel would roll a new one,
 * and gateways would talk to the old one until their neighbour entries expire), is brought up, put
 * into the bridge if there is one, and the address goes on whichever carries it. All of it is
 * idempotent and done again on every appearance, and when the MAC is found changed: SoftEther sets
 * one of its own a moment after the interface has come.
 *
 * The MAC is the one pool_mac() would give to gateway 0, which does not exist.
 */
#include "vpn-service/segment.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/netlink.h"
#include "vpn-service/pool.h"

struct segment {
	struct netlink *netlink;
	char *interface;
	char *bridge;
	struct netaddr address;
	uint8_t prefix_length;
	segment_changed_fn *on_changed;
	void *owner;
	int interface_index; /* 0: not there */
	int bridge_index;
};

static void report(struct segment *segment, const char *problem)
{
	segment->on_changed(segment->interface_index != 0, problem, segment->owner);
}

static void on_configured(int result, const char *text, void *owner)
{
	struct segment *segment = owner;

	if (result == 0 || result == -ENODEV) /* it has gone again: its return starts anew */
		return;
	log_error_errno(result, "cannot set up %s: %m%s%s", segment->interface, text ? ": " : "",
			text ? text : "");
	report(segment, result == -EPERM
				? "vpn-service needs CAP_NET_ADMIN to set up the VPN segment"
				: "the VPN segment's interface cannot be set up");
}

static void send_link(struct segment *segment, int index, int master, bool set_mac)
{
	_Alignas(struct nlmsghdr) char buffer[256] = { 0 };
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct mac_address mac = pool_mac(0);
	struct ifinfomsg *link;

	message->nlmsg_type = RTM_NEWLINK;
	link = mnl_nlmsg_put_extra_header(message, sizeof(*link));
	link->ifi_family = AF_UNSPEC;
	link->ifi_index = index;
	link->ifi_flags = IFF_UP;
	link->ifi_change = IFF_UP;
	if (set_mac)
		mnl_attr_put(message, IFLA_ADDRESS, sizeof(mac.octets), mac.octets);
	if (master)
		mnl_attr_put_u32(message, IFLA_MASTER, (uint32_t)master);
	if (netlink_send(segment->netlink, message, NULL, on_configured, segment) < 0)
		report(segment, "the kernel's network interface does not take messages");
}

static void send_address(struct segment *segment, int index)
{
	_Alignas(struct nlmsghdr) char buffer[256] = { 0 };
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	uint32_t address = ntohl(segment->address.v4.s_addr);
	struct ifaddrmsg *body;

	message->nlmsg_type = RTM_NEWADDR;
	message->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
	body = mnl_nlmsg_put_extra_header(message, sizeof(*body));
	body->ifa_family = AF_INET;
	body->ifa_prefixlen = segment->prefix_length;
	body->ifa_index = (unsigned)index;
	mnl_attr_put_u32(message, IFA_LOCAL, htonl(address));
	mnl_attr_put_u32(message, IFA_ADDRESS, htonl(address));
	mnl_attr_put_u32(message, IFA_BROADCAST,
			 htonl(address | (UINT32_MAX >> segment->prefix_length)));
	if (netlink_send(segment->netlink, message, NULL, on_configured, segment) < 0)
		report(segment, "the kernel's network interface does not take messages");
}

static void configure(struct segment *segment)
{
	if (!segment->bridge) {
		send_link(segment, segment->interface_index, 0, true);
		send_address(segment, segment->interface_index);
		return;
	}
	if (!segment->bridge_index)
		return;
	send_link(segment, segment->bridge_index, 0, false);
	send_address(segment, segment->bridge_index);
	if (segment->interface_index)
		send_link(segment, segment->interface_index, segment->bridge_index, true);
}

static void on_interface(struct segment *segment, int index, bool is_there, bool is_configured)
{
	if (is_there == (segment->interface_index == index)) {
		if (is_there && !is_configured)
			configure(segment);
		return;
	}
	segment->interface_index = is_there ? index : 0;
	log_event(LOG_INFO, LOG_FIELDS("EVENT=segment"), "%s is %s", segment->interface,
		  is_there ? "there" : "gone");
	if (is_there)
		configure(segment);
	report(segment, NULL);
}

static void on_bridge(struct segment *segment, int index, bool is_there)
{
	if (is_there == (segment->bridge_index == index))
		return;
	segment->bridge_index = is_there ? index : 0;
	if (is_there)
		configure(segment);
}

struct link_attributes {
	const char *name;
	bool has_our_mac;
};

static int on_attribute(const struct nlattr *attribute, void *owner)
{
	struct link_attributes *link = owner;
	struct mac_address mac = pool_mac(0);

	if (mnl_attr_get_type(attribute) == IFLA_IFNAME &&
	    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
		link->name = mnl_attr_get_str(attribute);
	if (mnl_attr_get_type(attribute) == IFLA_ADDRESS)
		link->has_our_mac = mnl_attr_get_payload_len(attribute) == sizeof(mac.octets) &&
				    memcmp(mnl_attr_get_payload(attribute), mac.octets,
					   sizeof(mac.octets)) == 0;
	return MNL_CB_OK;
}

static void on_link(const struct nlmsghdr *message, void *owner)
{
	struct segment *segment = owner;
	const struct ifinfomsg *link;
	struct link_attributes attributes = { 0 };
	bool is_there;

	if ((message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK) ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*link))
		return;
	link = mnl_nlmsg_get_payload(message);
	/* A port that leaves a bridge is announced as deleted, too, in the family of bridges. */
	if (link->ifi_family != AF_UNSPEC)
		return;
	mnl_attr_parse(message, sizeof(*link), on_attribute, &attributes);
	if (!attributes.name)
		return;
	is_there = message->nlmsg_type == RTM_NEWLINK;
	if (!strcmp(attributes.name, segment->interface))
		on_interface(segment, link->ifi_index, is_there, attributes.has_our_mac);
	else if (segment->bridge && !strcmp(attributes.name, segment->bridge))
		on_bridge(segment, link->ifi_index, is_there);
}

static void dump_links(struct segment *segment);

static void on_message(const struct nlmsghdr *message, void *owner)
{
	if (message)
		on_link(message, owner);
	else
		dump_links(owner); /* some were lost */
}

static void on_dumped(int result, const char *text, void *owner)
{
	struct segment *segment = owner;

	if (result < 0)
		log_error_errno(result, "cannot list network interfaces: %m");
	else if (segment->bridge && !segment->bridge_index)
		log_warning("bridge %s does not exist yet; waiting for it", segment->bridge);
}

static void dump_links(struct segment *segment)
{
	_Alignas(struct nlmsghdr) char buffer[64] = { 0 };
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *link;

	message->nlmsg_type = RTM_GETLINK;
	message->nlmsg_flags = NLM_F_DUMP;
	link = mnl_nlmsg_put_extra_header(message, sizeof(*link));
	link->ifi_family = AF_UNSPEC;
	if (netlink_send(segment->netlink, message, on_link, on_dumped, segment) < 0)
		log_error("cannot list network interfaces");
}

int segment_new(struct segment **ret_segment, struct loop *loop,
		const struct segment_settings *settings, segment_changed_fn *on_changed,
		void *owner)
{
	_cleanup_(segment_freep) struct segment *segment = xnew(struct segment);
	int r;

	segment->interface = xstrdup(settings->interface);
	segment->bridge = xstrdup(settings->bridge);
	segment->address = settings->address;
	segment->prefix_length = settings->prefix_length;
	segment->on_changed = on_changed;
	segment->owner = owner;
	r = netlink_new(&segment->netlink, loop, NETLINK_ROUTE, on_message, segment);
	if (r < 0)
		return r;
	r = netlink_join(segment->netlink, RTNLGRP_LINK);
	if (r < 0)
		return r;
	dump_links(segment);
	*ret_segment = steal_ptr(segment);
	return 0;
}

struct segment *segment_free(struct segment *segment)
{
	if (!segment)
		return NULL;
	netlink_free(segment->netlink);
	free(segment->interface);
	free(segment->bridge);
	free(segment);
	return NULL;
}
