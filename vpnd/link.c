/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rtnetlink for one interface. What is known is exactly what the kernel last said: at the start and
 * after an overrun everything is dumped, in between the LINK and IPv4 address groups are followed.
 * A dump marks what it saw; what it did not see is gone.
 */
#include "vpnd/link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdalign.h>
#include <string.h>
#include <sys/time.h>

#include "common/memory.h"
#include "common/netlink.h"

#define MAX_ADDRESSES 8 /* SoftEther sets none and vpnd one: more are somebody's mistake */
#define REQUEST_SIZE  256
#define ANSWER_SIZE   16384

struct link_change {
	link_done_fn *on_done;
	void *owner;
};

struct link {
	struct netlink *netlink;
	char name[IFNAMSIZ];
	unsigned index;
	bool up;
	struct mac_address mac;
	struct netprefix addresses[MAX_ADDRESSES];
	size_t address_count;
	bool seen; /* by the dump that is running */
	link_changed_fn *on_changed;
	void *owner;
	struct link_change mac_change; /* whom to tell of the last one's end */
	struct link_change address_change;
};

static void forget_link(struct link *link)
{
	link->index = 0;
	link->up = false;
	link->mac = (struct mac_address){ 0 };
	link->address_count = 0;
}

/* True when the message is about our interface and changed what is known. */
static bool take_link(struct link *link, const struct nlmsghdr *message)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct mac_address mac = { 0 };
	const struct nlattr *attribute;
	const char *name = NULL;
	bool up;

	mnl_attr_for_each(attribute, message, sizeof(*info))
	{
		if (mnl_attr_get_type(attribute) == IFLA_IFNAME &&
		    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
			name = mnl_attr_get_str(attribute);
		else if (mnl_attr_get_type(attribute) == IFLA_ADDRESS &&
			 mnl_attr_get_payload_len(attribute) == sizeof(mac.octets))
			memcpy(mac.octets, mnl_attr_get_payload(attribute), sizeof(mac.octets));
	}
	if (!name || strcmp(name, link->name) != 0) {
		if (link->index == 0 || info->ifi_index != (int)link->index)
			return false;
		forget_link(link); /* ours was renamed */
		return true;
	}
	if (message->nlmsg_type == RTM_DELLINK) {
		if (info->ifi_index != (int)link->index)
			return false;
		forget_link(link);
		return true;
	}
	link->seen = true;
	up = (info->ifi_flags & IFF_UP) && (info->ifi_flags & IFF_RUNNING);
	if (link->index == (unsigned)info->ifi_index && link->up == up &&
	    mac_equal(&link->mac, &mac))
		return false;
	if (link->index != (unsigned)info->ifi_index)
		link->address_count = 0;
	link->index = (unsigned)info->ifi_index;
	link->up = up;
	link->mac = mac;
	return true;
}

static bool read_address(const struct nlmsghdr *message, struct netprefix *ret_address)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	struct netprefix address = { .length = info->ifa_prefixlen };
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, message, sizeof(*info))
	{
		if (mnl_attr_get_type(attribute) != IFA_LOCAL ||
		    mnl_attr_get_payload_len(attribute) != sizeof(address.address.v4))
			continue;
		address.address.family = AF_INET;
		memcpy(&address.address.v4, mnl_attr_get_payload(attribute),
		       sizeof(address.address.v4));
		*ret_address = address;
		return true;
	}
	return false;
}

static bool same_prefix(const struct netprefix *a, const struct netprefix *b)
{
	return a->length == b->length && netaddr_equal(&a->address, &b->address);
}

static bool take_address(struct link *link, const struct nlmsghdr *message)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	struct netprefix address;
	size_t place;

	if (link->index == 0 || info->ifa_index != link->index || info->ifa_family != AF_INET ||
	    !read_address(message, &address))
		return false;
	for (place = 0; place < link->address_count; place++)
		if (same_prefix(&link->addresses[place], &address))
			break;
	if (message->nlmsg_type == RTM_DELADDR) {
		if (place == link->address_count)
			return false;
		link->address_count--;
		memmove(&link->addresses[place], &link->addresses[place + 1],
			(link->address_count - place) * sizeof(link->addresses[0]));
		return true;
	}
	if (place < link->address_count || place == MAX_ADDRESSES)
		return false;
	link->addresses[link->address_count++] = address;
	return true;
}

static bool take_message(struct link *link, const struct nlmsghdr *message)
{
	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return mnl_nlmsg_get_payload_len(message) >= sizeof(struct ifinfomsg) &&
		       take_link(link, message);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return mnl_nlmsg_get_payload_len(message) >= sizeof(struct ifaddrmsg) &&
		       take_address(link, message);
	default:
		return false;
	}
}

static struct nlmsghdr *put_link_header(char *buffer, uint16_t type, unsigned index)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *info;

	message->nlmsg_type = type;
	info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	info->ifi_index = (int)index;
	return message;
}

static struct nlmsghdr *put_address_header(char *buffer, uint16_t type, unsigned index,
					   uint8_t length)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifaddrmsg *info;

	message->nlmsg_type = type;
	info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	info->ifa_family = AF_INET;
	info->ifa_prefixlen = length;
	info->ifa_index = index;
	return message;
}

static void on_dump_message(const struct nlmsghdr *message, void *owner)
{
	take_message(owner, message);
}

static void on_address_dump_done(int result, const char *text, void *owner)
{
	struct link *link = owner;

	link->on_changed(link, link->owner);
}

static void on_link_dump_done(int result, const char *text, void *owner)
{
	alignas(struct nlmsghdr) char buffer[REQUEST_SIZE];
	struct link *link = owner;
	struct nlmsghdr *message;

	if (result == 0 && !link->seen)
		forget_link(link);
	link->address_count = 0;
	message = put_address_header(buffer, RTM_GETADDR, 0, 0);
	message->nlmsg_flags = NLM_F_DUMP;
	if (netlink_send(link->netlink, message, on_dump_message, on_address_dump_done, link) < 0)
		link->on_changed(link, link->owner);
}

/* Notifications were lost. */
static void look_again(struct link *link)
{
	alignas(struct nlmsghdr) char buffer[REQUEST_SIZE];
	struct nlmsghdr *message = put_link_header(buffer, RTM_GETLINK, 0);

	message->nlmsg_flags = NLM_F_DUMP;
	link->seen = false;
	netlink_send(link->netlink, message, on_dump_message, on_link_dump_done, link);
}

static void on_message(const struct nlmsghdr *message, void *owner)
{
	struct link *link = owner;

	if (!message)
		look_again(link);
	else if (take_message(link, message))
		link->on_changed(link, link->owner);
}

static int look_at_start(struct link *link)
{
	alignas(struct nlmsghdr) char buffer[REQUEST_SIZE];
	struct nlmsghdr *message;
	int r;

	message = put_link_header(buffer, RTM_GETLINK, 0);
	message->nlmsg_flags = NLM_F_DUMP;
	r = netlink_send_and_wait(link->netlink, message, on_dump_message, link);
	if (r < 0)
		return r;
	message = put_address_header(buffer, RTM_GETADDR, 0, 0);
	message->nlmsg_flags = NLM_F_DUMP;
	return netlink_send_and_wait(link->netlink, message, on_dump_message, link);
}

int link_new(struct link **ret_link, struct loop *loop, const char *name,
	     link_changed_fn *on_changed, void *owner)
{
	_cleanup_(link_freep) struct link *link = NULL;
	int r;

	if (strlen(name) >= IFNAMSIZ)
		return -EINVAL;
	link = xnew(struct link);
	memcpy(link->name, name, strlen(name) + 1);
	link->on_changed = on_changed;
	link->owner = owner;
	r = netlink_new(&link->netlink, loop, NETLINK_ROUTE, on_message, link);
	if (r == 0)
		r = netlink_join(link->netlink, RTNLGRP_LINK);
	if (r == 0)
		r = netlink_join(link->netlink, RTNLGRP_IPV4_IFADDR);
	if (r == 0)
		r = look_at_start(link);
	if (r < 0)
		return r;
	*ret_link = steal_ptr(link);
	return 0;
}

struct link *link_free(struct link *link)
{
	if (!link)
		return NULL;
	netlink_free(link->netlink);
	free(link);
	return NULL;
}

const char *link_name(const struct link *link)
{
	return link->name;
}

unsigned link_index(const struct link *link)
{
	return link->index;
}

bool link_is_up(const struct link *link)
{
	return link->up;
}

struct mac_address link_mac(const struct link *link)
{
	return link->mac;
}

bool link_address(const struct link *link, struct netprefix *ret_address)
{
	if (link->address_count == 0)
		return false;
	*ret_address = link->addresses[0];
	return true;
}

static void on_change_done(int result, const char *text, void *owner)
{
	struct link_change change = *(struct link_change *)owner;

	if (change.on_done)
		change.on_done(result, change.owner);
}

static void on_removed(int result, const char *text, void *owner)
{
	/* Gone already is as good; the notification tells what is left. */
}

static void send_change(struct link *link, struct nlmsghdr *message, struct link_change *change)
{
	int r = netlink_send(link->netlink, message, NULL, on_change_done, change);

	if (r < 0)
		on_change_done(r, NULL, change);
}

void link_set_mac(struct link *link, const struct mac_address *mac, link_done_fn *on_done,
		  void *owner)
{
	alignas(struct nlmsghdr) char buffer[REQUEST_SIZE];
	struct nlmsghdr *message = put_link_header(buffer, RTM_SETLINK, link->index);

	mnl_attr_put(message, IFLA_ADDRESS, sizeof(mac->octets), mac->octets);
	link->mac_change = (struct link_change){ on_done, owner };
	send_change(link, message, &link->mac_change);
}

static void remove_address(struct link *link, const struct netprefix *address)
{
	alignas(struct nlmsghdr) char buffer[REQUEST_SIZE];
	struct nlmsghdr *message = put_address_header(buffer, RTM_DELADDR, link->index,
						      address->length);

	mnl_attr_put(message, IFA_LOCAL, sizeof(address->address.v4), &address->address.v4);
	netlink_send(link->netlink, message, NULL, on_removed, link);
}

void link_remove_addresses(struct link *link)
{
	for (size_t i = 0; i < link->address_count; i++)
		remove_address(link, &link->addresses[i]);
}

void link_set_address(struct link *link, const struct netprefix *address, uint32_t valid_seconds,
		      link_done_fn *on_done, void *owner)
{
	alignas(struct nlmsghdr) char buffer[REQUEST_SIZE];
	const struct ifa_cacheinfo lifetime = { .ifa_prefered = valid_seconds,
						.ifa_valid = valid_seconds };
	const uint32_t mask = htonl((uint32_t)(UINT64_C(0xffffffff) << (32 - address->length)));
	const struct in_addr broadcast = { address->address.v4.s_addr | ~mask };
	struct nlmsghdr *message;

	for (size_t i = 0; i < link->address_count; i++)
		if (!same_prefix(&link->addresses[i], address))
			remove_address(link, &link->addresses[i]);
	message = put_address_header(buffer, RTM_NEWADDR, link->index, address->length);
	message->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
	mnl_attr_put(message, IFA_LOCAL, sizeof(address->address.v4), &address->address.v4);
	mnl_attr_put(message, IFA_ADDRESS, sizeof(address->address.v4), &address->address.v4);
	mnl_attr_put(message, IFA_BROADCAST, sizeof(broadcast), &broadcast);
	mnl_attr_put(message, IFA_CACHEINFO, sizeof(lifetime), &lifetime);
	link->address_change = (struct link_change){ on_done, owner };
	send_change(link, message, &link->address_change);
}

int link_disable_ipv6(struct link *link)
{
	_cleanup_free_ char *path = xasprintf("/proc/sys/net/ipv6/conf/%s/disable_ipv6",
					      link->name);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, "1", 1) == 1 ? 0 : -errno;
}

static int take_statistics(const struct nlmsghdr *message, void *argument)
{
	struct link_statistics *statistics = argument;
	const struct nlattr *attribute;
	struct rtnl_link_stats64 counters;

	if (message->nlmsg_type != RTM_NEWLINK ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(struct ifinfomsg))
		return MNL_CB_OK;
	mnl_attr_for_each(attribute, message, sizeof(struct ifinfomsg))
	{
		/* Newer kernels append members, older ones have fewer: the first ones are enough.
		 */
		if (mnl_attr_get_type(attribute) != IFLA_STATS64 ||
		    mnl_attr_get_payload_len(attribute) <
			    offsetof(struct rtnl_link_stats64, rx_errors))
			continue;
		memcpy(&counters, mnl_attr_get_payload(attribute),
		       offsetof(struct rtnl_link_stats64, rx_errors));
		statistics->received_bytes = counters.rx_bytes;
		statistics->sent_bytes = counters.tx_bytes;
	}
	return MNL_CB_STOP;
}

/*
 * A property is read in one go, so this waits; rtnetlink has answered by the time the request has
 * been sent, and the time-out is for a kernel that is beyond help.
 */
int link_read_statistics(const struct link *link, struct link_statistics *ret_statistics)
{
	const struct timeval patience = { .tv_sec = 1 };
	struct link_statistics statistics = { 0 };
	alignas(struct nlmsghdr) char buffer[ANSWER_SIZE];
	struct mnl_socket *socket;
	struct nlmsghdr *message;
	ssize_t size = -1;
	int result = 0;

	if (link->index == 0)
		return -ENODEV;
	socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!socket)
		return -errno;
	message = put_link_header(buffer, RTM_GETLINK, link->index);
	message->nlmsg_flags = NLM_F_REQUEST;
	setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_sendto(socket, message, message->nlmsg_len) > 0)
		size = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
	if (size < 0 || mnl_cb_run(buffer, (size_t)size, 0, mnl_socket_get_portid(socket),
				   take_statistics, &statistics) < 0)
		result = errno ? -errno : -EIO;
	mnl_socket_close(socket);
	if (result == 0)
		*ret_statistics = statistics;
	return result;
}
