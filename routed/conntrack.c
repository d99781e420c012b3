/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One walk through the kernel's table for each family, then a deletion for each connection found.
 * The walk happens after the change is in nftables: what begins meanwhile has gone the new way.
 */
#include "routed/conntrack.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "common/memory.h"
#include "routed/conntrack_message.h"
#include "routed/host.h"

#define RECEIVE_SIZE  (64 * 1024)
#define MAX_DELETIONS 4096 /* collected in one walk; then there is another */

struct conntrack {
	struct mnl_socket *netlink;
	uint32_t sequence;
	char *buffer; /* RECEIVE_SIZE bytes */
};

/* One walk. */
struct walk {
	struct conntrack *conntrack;
	struct conntrack_filter filter;
	sa_family_t family;              /* AF_UNSPEC: both */
	const struct ended_list *ended;  /* those of removed forwards, or NULL: … */
	const struct forward_list *held; /* … flows that bypass these */
	struct host_address *addresses;  /* owned */
	size_t address_count;
	struct nlmsghdr *found[MAX_DELETIONS]; /* owned: messages that delete */
	size_t found_count;
};

int conntrack_new(struct conntrack **ret_conntrack)
{
	_cleanup_(conntrack_freep) struct conntrack *conntrack = xnew(struct conntrack);
	const int on = 1;

	conntrack->sequence = 1;
	conntrack->netlink = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!conntrack->netlink || mnl_socket_bind(conntrack->netlink, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	mnl_socket_setsockopt(conntrack->netlink, NETLINK_CAP_ACK, (void *)&on, sizeof(on));
	conntrack->buffer = xcalloc(1, RECEIVE_SIZE);
	*ret_conntrack = steal_ptr(conntrack);
	return 0;
}

struct conntrack *conntrack_free(struct conntrack *conntrack)
{
	if (!conntrack)
		return NULL;
	if (conntrack->netlink)
		mnl_socket_close(conntrack->netlink);
	free(conntrack->buffer);
	free(conntrack);
	return NULL;
}

/* Sends one request and reads its answer to the end. */
static int ask(struct conntrack *conntrack, const struct nlmsghdr *request, mnl_cb_t on_message,
	       void *owner)
{
	unsigned port_id = mnl_socket_get_portid(conntrack->netlink);
	ssize_t size;
	int r;

	/* What an answer that failed in its middle has left would not be for this request. */
	while (recv(mnl_socket_get_fd(conntrack->netlink), conntrack->buffer, RECEIVE_SIZE,
		    MSG_DONTWAIT) > 0)
		;
	if (mnl_socket_sendto(conntrack->netlink, request, request->nlmsg_len) < 0)
		return -errno;
	do {
		size = mnl_socket_recvfrom(conntrack->netlink, conntrack->buffer, RECEIVE_SIZE);
		if (size < 0)
			return -errno;
		r = mnl_cb_run(conntrack->buffer, (size_t)size, request->nlmsg_seq, port_id,
			       on_message, owner);
	} while (r > MNL_CB_STOP);
	return r < 0 ? -errno : 0;
}

static bool is_due(const struct walk *walk, const struct ended_connection *connection)
{
	if (walk->ended)
		return ended_list_has(walk->ended, connection, walk->addresses,
				      walk->address_count);
	return ended_bypasses(connection, walk->held, walk->addresses, walk->address_count);
}

static int on_connection(const struct nlmsghdr *message, void *owner)
{
	char buffer[CONNTRACK_MESSAGE_SIZE] __attribute__((aligned(8)));
	struct ended_connection connection;
	struct walk *walk = owner;
	struct nlmsghdr *deletion;

	if (walk->found_count == MAX_DELETIONS ||
	    conntrack_message_parse(&connection, message) < 0 || !is_due(walk, &connection))
		return MNL_CB_OK;
	deletion = conntrack_message_delete(buffer, walk->conntrack->sequence++, message);
	walk->found[walk->found_count++] = xmemdup(deletion, deletion->nlmsg_len);
	return MNL_CB_OK;
}

static int delete_found(struct conntrack *conntrack, struct walk *walk)
{
	int r, deleted = 0;

	for (size_t i = 0; i < walk->found_count; i++) {
		r = ask(conntrack, walk->found[i], NULL, NULL);
		deleted += r >= 0; /* -ENOENT: it ended by itself meanwhile */
		free(walk->found[i]);
	}
	walk->found_count = 0;
	return deleted;
}

static int walk_family(struct conntrack *conntrack, struct walk *walk, sa_family_t family)
{
	char buffer[CONNTRACK_MESSAGE_SIZE] __attribute__((aligned(8)));
	const struct nlmsghdr *request;
	int r, deleted, total = 0;
	size_t found;

	if (walk->family && walk->family != family)
		return 0;
	do {
		request = conntrack_message_dump(buffer, conntrack->sequence++, family,
						 &walk->filter);
		r = ask(conntrack, request, on_connection, walk);
		found = walk->found_count;
		deleted = delete_found(conntrack, walk);
		total += deleted;
		if (r < 0)
			return r;
	} while (found == MAX_DELETIONS && deleted > 0);
	return total;
}

/* Takes the walk. */
static int walk_all(struct conntrack *conntrack, struct walk *walk)
{
	int v4, v6 = 0;

	walk->conntrack = conntrack;
	(void)host_addresses(&walk->addresses, &walk->address_count);
	v4 = walk_family(conntrack, walk, AF_INET);
	if (v4 >= 0)
		v6 = walk_family(conntrack, walk, AF_INET6);
	free(walk->addresses);
	free(walk);
	return v4 < 0 ? v4 : v6 < 0 ? v6 : v4 + v6;
}

int conntrack_end(struct conntrack *conntrack, const struct ended_list *ended)
{
	struct walk *walk;

	if (ended->count == 0)
		return 0;
	walk = xnew(struct walk);
	walk->ended = ended;
	if (ended->count == 1) {
		walk->filter = conntrack_filter_of(ended->items[0].forward);
		walk->family = ended->items[0].forward->target.family;
	}
	return walk_all(conntrack, walk);
}

/* A walk costs the more the larger the kernel's hash table is, also where there is nothing in it.
 */
static sa_family_t common_family(const struct forward_list *list)
{
	for (size_t i = 1; i < list->count; i++)
		if (list->items[i].target.family != list->items[0].target.family)
			return AF_UNSPEC;
	return list->count > 0 ? list->items[0].target.family : AF_UNSPEC;
}

int conntrack_end_bypassing(struct conntrack *conntrack, const struct forward_list *held)
{
	struct walk *walk = xnew(struct walk);

	walk->held = held;
	walk->filter.protocol = IPPROTO_UDP;
	walk->family = common_family(held);
	return walk_all(conntrack, walk);
}

/* --- counting --- */

struct count {
	const struct forward_list *forwards;
	struct ended_list index;
	struct host_address *addresses;
	size_t address_count;
	struct conntrack_traffic *traffic;
};

static int on_counted(const struct nlmsghdr *message, void *owner)
{
	struct ended_connection connection;
	struct conntrack_traffic *traffic;
	const struct forward *forward;
	struct count *count = owner;

	if (conntrack_message_parse(&connection, message) < 0)
		return MNL_CB_OK;
	forward = ended_list_find(&count->index, &connection, count->addresses,
				  count->address_count);
	if (!forward)
		return MNL_CB_OK;
	traffic = &count->traffic[forward - count->forwards->items];
	traffic->connections++;
	traffic->counted |= connection.counted;
	traffic->bytes += connection.bytes;
	return MNL_CB_OK;
}

int conntrack_count(struct conntrack *conntrack, const struct forward_list *forwards,
		    struct conntrack_traffic *traffic)
{
	static const sa_family_t families[] = { AF_INET, AF_INET6 };
	const struct conntrack_filter all = { .protocol = 0 };
	char buffer[CONNTRACK_MESSAGE_SIZE] __attribute__((aligned(8)));
	struct count count = { .forwards = forwards, .traffic = traffic };
	int r = 0;

	(void)host_addresses(&count.addresses, &count.address_count);
	ended_list_init_all(&count.index, forwards);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(families); i++)
		r = ask(conntrack,
			conntrack_message_dump(buffer, conntrack->sequence++, families[i], &all),
			on_counted, &count);
	ended_list_deinit(&count.index);
	free(count.addresses);
	return r;
}
