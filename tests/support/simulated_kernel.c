/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/simulated_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "common/memory.h"
#include "common/netlink.h"
#include "discoverd/udp_socket.h"
#include "tests/support/test.h"

#define MOST_LINKS      16
#define MOST_ADDRESSES  32
#define MOST_NEIGHBOURS 256
#define ANSWER_TIME     USEC_PER_MSEC
#define REACHABLE_TIME  (30 * USEC_PER_SEC)
#define DELAY_TIME      (5 * USEC_PER_SEC)
#define PROBE_TIME      (3 * USEC_PER_SEC)
#define MESSAGE_SIZE    1024

struct address {
	unsigned index;
	struct netprefix prefix;
	unsigned flags;
};

struct neighbour {
	unsigned index;
	struct netaddr address;
	struct mac_address mac;
	unsigned state; /* NUD_… */
	usec_t reachable_until;
	struct loop_timer timer;
};

struct netlink {
	struct netlink *next;
	unsigned groups; /* bits */
	netlink_message_fn *on_message;
	void *owner;
	/* At most one request is open. */
	struct loop_defer answer;
	uint16_t asked;
	netlink_reply_fn *on_reply;
	netlink_done_fn *on_done;
	void *reply_owner;
};

static struct {
	struct loop *loop;
	simulated_answer_fn *on_question;
	struct netlink *sockets;
	bool loses; /* the notifications */
	struct simulated_link links[MOST_LINKS];
	size_t link_count;
	struct address addresses[MOST_ADDRESSES];
	size_t address_count;
	struct neighbour *neighbours[MOST_NEIGHBOURS];
	size_t neighbour_count;
} kernel;

/* --- messages --- */

static struct nlmsghdr *put_header(char *buffer, uint16_t type, const void *header, size_t size)
{
	struct nlmsghdr *message;

	memset(buffer, 0, MESSAGE_SIZE);
	message = mnl_nlmsg_put_header(buffer);
	message->nlmsg_type = type;
	memcpy(mnl_nlmsg_put_extra_header(message, size), header, size);
	return message;
}

static struct nlmsghdr *link_message(char *buffer, uint16_t type, const struct simulated_link *link)
{
	const struct ifinfomsg header = { .ifi_index = (int)link->index,
					  .ifi_type = ARPHRD_ETHER,
					  .ifi_flags = link->flags };
	struct nlmsghdr *message = put_header(buffer, type, &header, sizeof(header));
	struct mac_address mac;
	struct nlattr *info;

	mnl_attr_put_strz(message, IFLA_IFNAME, link->name);
	if (link->mac) {
		assert_int_equal(mac_parse(&mac, link->mac), 0);
		mnl_attr_put(message, IFLA_ADDRESS, sizeof(mac.octets), mac.octets);
	}
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	if (link->kind)
		mnl_attr_put_strz(message, IFLA_INFO_KIND, link->kind);
	if (link->port_kind)
		mnl_attr_put_strz(message, IFLA_INFO_SLAVE_KIND, link->port_kind);
	mnl_attr_nest_end(message, info);
	return message;
}

static size_t size_of(const struct netaddr *address)
{
	return address->family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
}

static struct nlmsghdr *address_message(char *buffer, uint16_t type, const struct address *address)
{
	const struct netaddr *value = &address->prefix.address;
	const struct ifaddrmsg header = { .ifa_family = (uint8_t)value->family,
					  .ifa_prefixlen = (uint8_t)address->prefix.length,
					  .ifa_index = address->index };
	struct nlmsghdr *message = put_header(buffer, type, &header, sizeof(header));

	mnl_attr_put(message, IFA_ADDRESS, size_of(value), &value->v6);
	mnl_attr_put_u32(message, IFA_FLAGS, address->flags);
	return message;
}

static struct nlmsghdr *neighbour_message(char *buffer, uint16_t type,
					  const struct neighbour *neighbour)
{
	const struct ndmsg header = { .ndm_family = (uint8_t)neighbour->address.family,
				      .ndm_ifindex = (int)neighbour->index,
				      .ndm_state = (uint16_t)neighbour->state };
	struct nlmsghdr *message = put_header(buffer, type, &header, sizeof(header));

	mnl_attr_put(message, NDA_DST, size_of(&neighbour->address), &neighbour->address.v6);
	if (!(neighbour->state & (NUD_INCOMPLETE | NUD_FAILED)))
		mnl_attr_put(message, NDA_LLADDR, sizeof(neighbour->mac.octets),
			     neighbour->mac.octets);
	return message;
}

static void notify(unsigned group, const struct nlmsghdr *message)
{
	for (struct netlink *netlink = kernel.sockets; netlink; netlink = netlink->next)
		if (!kernel.loses && netlink->groups & 1U << group)
			netlink->on_message(message, netlink->owner);
}

/* --- common/netlink.h --- */

static void dump(uint16_t type, netlink_reply_fn *on_reply, void *owner)
{
	char buffer[MESSAGE_SIZE];

	for (size_t i = 0; type == RTM_GETLINK && i < kernel.link_count; i++)
		on_reply(link_message(buffer, RTM_NEWLINK, &kernel.links[i]), owner);
	for (size_t i = 0; type == RTM_GETADDR && i < kernel.address_count; i++)
		on_reply(address_message(buffer, RTM_NEWADDR, &kernel.addresses[i]), owner);
	for (size_t i = 0; type == RTM_GETNEIGH && i < kernel.neighbour_count; i++)
		on_reply(neighbour_message(buffer, RTM_NEWNEIGH, kernel.neighbours[i]), owner);
}

static void on_answer(struct loop_defer *defer)
{
	struct netlink *netlink = container_of(defer, struct netlink, answer);
	uint16_t asked = netlink->asked;

	netlink->asked = 0; /* the end of one may begin the next */
	dump(asked, netlink->on_reply, netlink->reply_owner);
	netlink->on_done(0, NULL, netlink->reply_owner);
}

int netlink_new(struct netlink **ret_netlink, struct loop *loop, int protocol,
		netlink_message_fn *on_message, void *owner)
{
	struct netlink *netlink = xnew(struct netlink);

	netlink->on_message = on_message;
	netlink->owner = owner;
	loop_defer_init(&netlink->answer, loop, on_answer);
	netlink->next = kernel.sockets;
	kernel.sockets = netlink;
	*ret_netlink = netlink;
	return 0;
}

struct netlink *netlink_free(struct netlink *netlink)
{
	struct netlink **at = &kernel.sockets;

	if (!netlink)
		return NULL;
	while (*at != netlink)
		at = &(*at)->next;
	*at = netlink->next;
	loop_defer_deinit(&netlink->answer);
	free(netlink);
	return NULL;
}

int netlink_join(struct netlink *netlink, unsigned group)
{
	netlink->groups |= 1U << group;
	return 0;
}

int netlink_send(struct netlink *netlink, struct nlmsghdr *message, netlink_reply_fn *on_reply,
		 netlink_done_fn *on_done, void *owner)
{
	assert_int_equal(netlink->asked, 0);
	netlink->asked = message->nlmsg_type;
	netlink->on_reply = on_reply;
	netlink->on_done = on_done;
	netlink->reply_owner = owner;
	loop_defer_schedule(&netlink->answer);
	return 0;
}

int netlink_send_and_wait(struct netlink *netlink, struct nlmsghdr *message,
			  netlink_reply_fn *on_reply, void *owner)
{
	dump(message->nlmsg_type, on_reply, owner);
	return 0;
}

/* --- discoverd/udp_socket.h --- */

int udp_socket_send_only(sa_family_t family)
{
	return open("/dev/null", O_WRONLY | O_CLOEXEC);
}

void udp_socket_send(int fd, const struct netaddr *to, uint16_t port, unsigned ifindex,
		     const struct netaddr *source, const void *bytes, size_t size)
{
	simulated_kernel_send(ifindex, to);
}

/* --- neighbours --- */

static struct neighbour *find_neighbour(unsigned index, const struct netaddr *address)
{
	for (size_t i = 0; i < kernel.neighbour_count; i++)
		if (kernel.neighbours[i]->index == index &&
		    netaddr_equal(&kernel.neighbours[i]->address, address))
			return kernel.neighbours[i];
	return NULL;
}

static void enter(struct neighbour *neighbour, unsigned state, usec_t time)
{
	char buffer[MESSAGE_SIZE];

	neighbour->state = state;
	if (time)
		loop_timer_arm(&neighbour->timer, time);
	else
		loop_timer_cancel(&neighbour->timer);
	if (state & (NUD_REACHABLE | NUD_STALE | NUD_PROBE | NUD_FAILED))
		notify(RTNLGRP_NEIGH, neighbour_message(buffer, RTM_NEWNEIGH, neighbour));
}

static const struct mac_address *question(const struct neighbour *neighbour)
{
	return kernel.on_question ? kernel.on_question(neighbour->index, &neighbour->address)
				  : NULL;
}

static void answered(struct neighbour *neighbour, const struct mac_address *mac)
{
	neighbour->mac = *mac;
	neighbour->reachable_until = loop_now(kernel.loop) + REACHABLE_TIME;
	enter(neighbour, NUD_REACHABLE, 0);
}

static void on_time(struct loop_timer *timer)
{
	struct neighbour *neighbour = container_of(timer, struct neighbour, timer);
	bool delayed = neighbour->state == NUD_DELAY;
	const struct mac_address *mac = question(neighbour);

	if (mac && (!delayed || mac_equal(mac, &neighbour->mac)))
		answered(neighbour, mac);
	else if (delayed)
		enter(neighbour, NUD_PROBE, PROBE_TIME);
	else
		enter(neighbour, NUD_FAILED, 0);
}

static struct neighbour *find_or_add(unsigned index, const struct netaddr *address)
{
	struct neighbour *neighbour = find_neighbour(index, address);

	if (neighbour)
		return neighbour;
	assert_true(kernel.neighbour_count < MOST_NEIGHBOURS);
	neighbour = xnew(struct neighbour);
	neighbour->index = index;
	neighbour->address = *address;
	neighbour->state = NUD_FAILED;
	loop_timer_init(&neighbour->timer, kernel.loop, on_time);
	kernel.neighbours[kernel.neighbour_count++] = neighbour;
	return neighbour;
}

void simulated_kernel_send(unsigned index, const struct netaddr *address)
{
	struct neighbour *neighbour = find_or_add(index, address);

	if (loop_timer_is_armed(&neighbour->timer) ||
	    (neighbour->state == NUD_REACHABLE &&
	     loop_now(kernel.loop) < neighbour->reachable_until))
		return;
	if (neighbour->state == NUD_FAILED)
		enter(neighbour, NUD_INCOMPLETE, question(neighbour) ? ANSWER_TIME : PROBE_TIME);
	else
		enter(neighbour, NUD_DELAY, DELAY_TIME);
}

void simulated_kernel_learn(unsigned index, const struct netaddr *address,
			    const struct mac_address *mac)
{
	struct neighbour *neighbour = find_or_add(index, address);

	neighbour->mac = *mac;
	enter(neighbour, NUD_STALE, 0);
}

static void remove_neighbour(size_t i)
{
	loop_timer_deinit(&kernel.neighbours[i]->timer);
	free(kernel.neighbours[i]);
	kernel.neighbours[i] = kernel.neighbours[--kernel.neighbour_count];
}

/* Linux does so as soon as there is no carrier any more. */
static void flush_neighbours(unsigned index)
{
	char buffer[MESSAGE_SIZE];

	for (size_t i = kernel.neighbour_count; i-- > 0;) {
		if (kernel.neighbours[i]->index != index)
			continue;
		kernel.neighbours[i]->state = NUD_NONE;
		notify(RTNLGRP_NEIGH,
		       neighbour_message(buffer, RTM_DELNEIGH, kernel.neighbours[i]));
		remove_neighbour(i);
	}
}

/* --- links and addresses --- */

static size_t find_link(unsigned index)
{
	size_t i;

	for (i = 0; i < kernel.link_count && kernel.links[i].index != index; i++)
		;
	return i;
}

void simulated_kernel_set_link(const struct simulated_link *link)
{
	size_t i = find_link(link->index);
	char buffer[MESSAGE_SIZE];

	assert_true(i < MOST_LINKS);
	kernel.links[i] = *link;
	if (i == kernel.link_count)
		kernel.link_count++;
	if (!(link->flags & IFF_RUNNING))
		flush_neighbours(link->index);
	notify(RTNLGRP_LINK, link_message(buffer, RTM_NEWLINK, link));
}

void simulated_kernel_remove_link(unsigned index)
{
	size_t i = find_link(index);
	struct simulated_link link;
	char buffer[MESSAGE_SIZE];

	assert_true(i < kernel.link_count);
	link = kernel.links[i];
	kernel.links[i] = kernel.links[--kernel.link_count];
	flush_neighbours(index);
	notify(RTNLGRP_LINK, link_message(buffer, RTM_DELLINK, &link));
}

static unsigned group_of(const struct address *address)
{
	return address->prefix.address.family == AF_INET ? RTNLGRP_IPV4_IFADDR
							 : RTNLGRP_IPV6_IFADDR;
}

static size_t find_address(const struct address *address)
{
	size_t i;

	for (i = 0; i < kernel.address_count; i++)
		if (kernel.addresses[i].index == address->index &&
		    netaddr_equal(&kernel.addresses[i].prefix.address, &address->prefix.address))
			break;
	return i;
}

void simulated_kernel_set_address(unsigned index, const char *prefix, unsigned flags)
{
	struct address address = { .index = index, .flags = flags };
	char buffer[MESSAGE_SIZE];
	size_t i;

	assert_int_equal(netprefix_parse(&address.prefix, prefix), 0);
	i = find_address(&address);
	assert_true(i < MOST_ADDRESSES);
	kernel.addresses[i] = address;
	if (i == kernel.address_count)
		kernel.address_count++;
	notify(group_of(&address), address_message(buffer, RTM_NEWADDR, &address));
}

void simulated_kernel_remove_address(unsigned index, const char *prefix)
{
	struct address address = { .index = index };
	char buffer[MESSAGE_SIZE];
	size_t i;

	assert_int_equal(netprefix_parse(&address.prefix, prefix), 0);
	i = find_address(&address);
	assert_true(i < kernel.address_count);
	kernel.addresses[i] = kernel.addresses[--kernel.address_count];
	notify(group_of(&address), address_message(buffer, RTM_DELADDR, &address));
}

void simulated_kernel_lose(bool lose)
{
	kernel.loses = lose;
	for (struct netlink *netlink = kernel.sockets; netlink && !lose; netlink = netlink->next)
		netlink->on_message(NULL, netlink->owner);
}

/* --- life --- */

void simulated_kernel_init(struct loop *loop, simulated_answer_fn *on_question)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.loop = loop;
	kernel.on_question = on_question;
}

void simulated_kernel_deinit(void)
{
	assert_null(kernel.sockets);
	while (kernel.neighbour_count)
		remove_neighbour(0);
}
