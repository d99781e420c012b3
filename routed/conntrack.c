/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One walk through the kernel's table for each family, then a deletion for each connection found.
 * The walk happens only when a forward went, after its element has left the table: what is found
 * then can have no successor.
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
	const struct ended_list *ended;
	const struct host_address *addresses;
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

static int on_connection(const struct nlmsghdr *message, void *owner)
{
	char buffer[CONNTRACK_MESSAGE_SIZE] __attribute__((aligned(8)));
	struct ended_connection connection;
	struct walk *walk = owner;
	struct nlmsghdr *deletion;

	if (walk->found_count == MAX_DELETIONS ||
	    conntrack_message_parse(&connection, message) < 0 ||
	    !ended_list_has(walk->ended, &connection, walk->addresses, walk->address_count))
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
	const struct forward *only = walk->ended->count == 1 ? walk->ended->items[0].forward : NULL;
	char buffer[CONNTRACK_MESSAGE_SIZE] __attribute__((aligned(8)));
	size_t found;
	int r, deleted, total = 0;

	if (only && only->target.family != family)
		return 0;
	do {
		conntrack_message_dump(buffer, conntrack->sequence++, family, only);
		r = ask(conntrack, (const struct nlmsghdr *)(const void *)buffer, on_connection,
			walk);
		found = walk->found_count;
		deleted = delete_found(conntrack, walk);
		total += deleted;
		if (r < 0)
			return r;
	} while (found == MAX_DELETIONS && deleted > 0);
	return total;
}

int conntrack_end(struct conntrack *conntrack, const struct ended_list *ended)
{
	_cleanup_free_ struct host_address *addresses = NULL;
	_cleanup_free_ struct walk *walk = NULL;
	int v4, v6;

	if (ended->count == 0)
		return 0;
	walk = xnew(struct walk);
	walk->conntrack = conntrack;
	walk->ended = ended;
	if (host_addresses(&addresses, &walk->address_count) >= 0)
		walk->addresses = addresses;
	v4 = walk_family(conntrack, walk, AF_INET);
	if (v4 < 0)
		return v4;
	v6 = walk_family(conntrack, walk, AF_INET6);
	return v6 < 0 ? v6 : v4 + v6;
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
	char buffer[CONNTRACK_MESSAGE_SIZE] __attribute__((aligned(8)));
	struct count count = { .forwards = forwards, .traffic = traffic };
	int r = 0;

	(void)host_addresses(&count.addresses, &count.address_count);
	ended_list_init_all(&count.index, forwards);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(families); i++)
		r = ask(conntrack,
			conntrack_message_dump(buffer, conntrack->sequence++, families[i], NULL),
			on_counted, &count);
	ended_list_deinit(&count.index);
	free(count.addresses);
	return r;
}
