/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hash table of fixed size, as large as the kernel's own limit allows its tables to grow; a
 * newcomer takes the place of the oldest of its bucket. Owned by struct discovery.
 *
 * The kernel tells when an entry gets or changes its MAC, when an answer confirms it, and when it
 * gives up; it does not tell when a confirmed entry grows stale, so that time decides here.
 */
#include "discoverd/neighbours.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/netlink.h"
#include "discoverd/udp_socket.h"

#define BUCKETS      512
#define BUCKET_DEPTH 4
#define FRESH_FOR    (30 * USEC_PER_SEC)
#define DISCARD_PORT 9

struct neighbour {
	struct netaddr address; /* AF_UNSPEC: free */
	unsigned ifindex;
	struct mac_address mac;
	bool has_mac;
	usec_t changed;   /* last message about it */
	usec_t confirmed; /* 0: not by an answer that we know of */
};

struct neighbours {
	struct loop *loop;
	struct netlink *netlink;
	neighbour_fn *on_change; /* NULL during the first dump */
	void *owner;
	/*
	 * Of their own, per address family: what waits for a neighbour that does not answer counts
	 * against the socket that sent it, and would stop any other use of that.
	 */
	int sockets[2];
	struct neighbour entries[BUCKETS][BUCKET_DEPTH];
};

static size_t address_size(const struct netaddr *address)
{
	return address->family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
}

static struct neighbour *bucket_of(struct neighbours *neighbours, unsigned ifindex,
				   const struct netaddr *address)
{
	const uint8_t *bytes = (const uint8_t *)&address->v6;
	uint32_t hash = 0x811c9dc5 ^ ifindex;

	for (size_t i = 0; i < address_size(address); i++)
		hash = (hash ^ bytes[i]) * 0x01000193;
	return neighbours->entries[(hash ^ hash >> 16) % BUCKETS];
}

static struct neighbour *find(struct neighbours *neighbours, unsigned ifindex,
			      const struct netaddr *address)
{
	struct neighbour *bucket = bucket_of(neighbours, ifindex, address);

	for (size_t i = 0; i < BUCKET_DEPTH; i++)
		if (bucket[i].ifindex == ifindex && netaddr_equal(&bucket[i].address, address))
			return &bucket[i];
	return NULL;
}

static struct neighbour *find_or_add(struct neighbours *neighbours, unsigned ifindex,
				     const struct netaddr *address)
{
	struct neighbour *bucket = bucket_of(neighbours, ifindex, address);
	struct neighbour *entry = find(neighbours, ifindex, address);

	if (entry)
		return entry;
	entry = &bucket[0];
	for (size_t i = 0; i < BUCKET_DEPTH; i++) {
		if (bucket[i].address.family == AF_UNSPEC) {
			entry = &bucket[i];
			break;
		}
		if (bucket[i].changed < entry->changed)
			entry = &bucket[i];
	}
	*entry = (struct neighbour){ .address = *address, .ifindex = ifindex };
	return entry;
}

/* The address and MAC of a message; false if it is of no concern. */
static bool read_message(const struct nlmsghdr *message, struct netaddr *ret_address,
			 struct mac_address *ret_mac, bool *ret_has_mac)
{
	const struct ndmsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute;
	struct netaddr address = { 0 };
	size_t size;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*info) ||
	    (info->ndm_family != AF_INET && info->ndm_family != AF_INET6) ||
	    (info->ndm_flags & NTF_PROXY))
		return false;
	size = info->ndm_family == AF_INET ? 4 : 16;
	*ret_has_mac = false;
	mnl_attr_for_each(attribute, message, sizeof(*info))
	{
		const void *payload = mnl_attr_get_payload(attribute);
		size_t length = mnl_attr_get_payload_len(attribute);

		if (mnl_attr_get_type(attribute) == NDA_DST && length == size) {
			address.family = info->ndm_family;
			memcpy(&address.v6, payload, size);
		} else if (mnl_attr_get_type(attribute) == NDA_LLADDR &&
			   length == sizeof(ret_mac->octets)) {
			memcpy(ret_mac->octets, payload, length);
			*ret_has_mac = mac_is_unicast(ret_mac);
		}
	}
	*ret_address = address;
	return address.family != AF_UNSPEC && netaddr_is_unicast_host(&address);
}

static void confirm(struct neighbours *neighbours, struct neighbour *entry,
		    const struct mac_address *mac)
{
	entry->mac = *mac;
	entry->has_mac = true;
	entry->changed = entry->confirmed = loop_now(neighbours->loop);
	neighbours->on_change(entry->ifindex, &entry->address, mac, neighbours->owner);
}

void neighbours_hear(struct neighbours *neighbours, unsigned ifindex, const struct netaddr *address,
		     const struct mac_address *mac)
{
	confirm(neighbours, find_or_add(neighbours, ifindex, address), mac);
}

static void on_present(struct neighbours *neighbours, unsigned ifindex,
		       const struct netaddr *address, const struct mac_address *mac, unsigned state)
{
	struct neighbour *entry = find_or_add(neighbours, ifindex, address);
	bool news = !entry->has_mac || !mac_equal(&entry->mac, mac);

	entry->mac = *mac;
	entry->has_mac = true;
	entry->changed = loop_now(neighbours->loop);
	/*
	 * An entry made or changed by somebody's ARP request begins stale, and yet was just heard
	 * from. An old one that the kernel is about to ask for again proves nothing.
	 */
	if (!(state & NUD_REACHABLE) && !news)
		return;
	/* Of the first dump, which tells nobody: who is taken for heard just now would not be heard
	 * when he answers us. */
	if (!neighbours->on_change)
		return;
	confirm(neighbours, entry, mac);
}

static void on_absent(struct neighbours *neighbours, unsigned ifindex,
		      const struct netaddr *address, bool failed)
{
	struct neighbour *entry = find(neighbours, ifindex, address);

	if (!failed) {
		/* Dropped by the kernel to make room: it may still be there. */
		if (entry)
			*entry = (struct neighbour){ 0 };
		return;
	}
	entry = find_or_add(neighbours, ifindex, address);
	entry->has_mac = false;
	entry->changed = loop_now(neighbours->loop);
	entry->confirmed = 0;
	if (neighbours->on_change)
		neighbours->on_change(ifindex, address, NULL, neighbours->owner);
}

static void on_entry(const struct nlmsghdr *message, void *owner)
{
	const struct ndmsg *info = mnl_nlmsg_get_payload(message);
	struct neighbours *neighbours = owner;
	struct mac_address mac;
	struct netaddr address;
	bool has_mac;

	if ((message->nlmsg_type != RTM_NEWNEIGH && message->nlmsg_type != RTM_DELNEIGH) ||
	    !read_message(message, &address, &mac, &has_mac))
		return;
	if (message->nlmsg_type == RTM_DELNEIGH || (info->ndm_state & NUD_FAILED))
		on_absent(neighbours, (unsigned)info->ndm_ifindex, &address,
			  info->ndm_state & NUD_FAILED);
	else if (has_mac && !(info->ndm_state & (NUD_INCOMPLETE | NUD_NOARP)))
		on_present(neighbours, (unsigned)info->ndm_ifindex, &address, &mac,
			   info->ndm_state);
}

static struct nlmsghdr *dump_request(char *buffer)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	message->nlmsg_type = RTM_GETNEIGH;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(message, sizeof(struct ndmsg));
	return message;
}

static void on_dumped(int result, const char *text, void *owner)
{
	/* -EINTR: it changed meanwhile, and the notifications of that are on their way. */
	if (result < 0 && result != -EINTR)
		log_warning_errno(result, "cannot list network neighbours: %m");
}

static void on_notification(const struct nlmsghdr *message, void *owner)
{
	struct neighbours *neighbours = owner;
	char buffer[256];
	int r;

	if (message) {
		on_entry(message, neighbours);
		return;
	}
	r = netlink_send(neighbours->netlink, dump_request(buffer), on_entry, on_dumped,
			 neighbours);
	if (r < 0)
		log_warning_errno(r, "cannot list network neighbours: %m");
}

int neighbours_new(struct neighbours **ret_neighbours, struct loop *loop, neighbour_fn *on_change,
		   void *owner)
{
	_cleanup_(neighbours_freep) struct neighbours *neighbours = xnew(struct neighbours);
	char buffer[256];
	int r;

	neighbours->loop = loop;
	neighbours->owner = owner;
	neighbours->sockets[0] = udp_socket_send_only(AF_INET);
	neighbours->sockets[1] = udp_socket_send_only(AF_INET6);
	r = netlink_new(&neighbours->netlink, loop, NETLINK_ROUTE, on_notification, neighbours);
	if (r >= 0)
		r = netlink_join(neighbours->netlink, RTNLGRP_NEIGH);
	if (r >= 0)
		r = netlink_send_and_wait(neighbours->netlink, dump_request(buffer), on_entry,
					  neighbours);
	if (r < 0 && r != -EINTR)
		return r;
	neighbours->on_change = on_change;
	*ret_neighbours = steal_ptr(neighbours);
	return 0;
}

struct neighbours *neighbours_free(struct neighbours *neighbours)
{
	if (!neighbours)
		return NULL;
	netlink_free(neighbours->netlink);
	for (size_t i = 0; i < ARRAY_SIZE(neighbours->sockets); i++)
		if (neighbours->sockets[i] >= 0)
			close(neighbours->sockets[i]);
	free(neighbours);
	return NULL;
}

void neighbours_look_for(const struct neighbours *neighbours, unsigned ifindex,
			 const struct netaddr *address)
{
	int fd = neighbours->sockets[address->family == AF_INET ? 0 : 1];

	if (fd >= 0)
		udp_socket_send(fd, address, DISCARD_PORT, ifindex, NULL, "", 0);
}

enum neighbour_state neighbours_find(const struct neighbours *neighbours, unsigned ifindex,
				     const struct netaddr *address, struct mac_address *ret_mac)
{
	/* The search does not change the table. */
	const struct neighbour *entry = find((struct neighbours *)neighbours, ifindex, address);

	if (!entry)
		return NEIGHBOUR_UNKNOWN;
	if (!entry->has_mac)
		return NEIGHBOUR_FAILED;
	*ret_mac = entry->mac;
	return entry->confirmed && loop_now(neighbours->loop) - entry->confirmed < FRESH_FOR
		       ? NEIGHBOUR_FRESH
		       : NEIGHBOUR_STALE;
}

usec_t neighbours_confirmed(const struct neighbours *neighbours, unsigned ifindex,
			    const struct netaddr *address)
{
	const struct neighbour *entry = find((struct neighbours *)neighbours, ifindex, address);

	return entry && entry->has_mac ? entry->confirmed : 0;
}
