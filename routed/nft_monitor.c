/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel tells everybody of each transaction, also of ours, which may be of many thousand
 * elements: a socket filter drops what our own socket caused, so that it costs nothing. In all
 * messages but the last of a transaction (its generation, with the name of the program) the first
 * attribute is the table's name.
 */
#include "routed/nft_monitor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/memory.h"

#define RECEIVE_SIZE (64 * 1024)
#define BUFFER_SIZE  (1024 * 1024)
#define MAX_PER_TURN 64
#define TABLE_NAME_AT                                                                \
	1 /* NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE, … \
	   */

struct nft_monitor {
	struct mnl_socket *netlink;
	struct loop_io io;
	const char *table;
	nft_monitor_fn *on_changed;
	void *owner;
	bool seen; /* a change of our table in the transaction being told of */
	char *buffer;
};

static int on_attribute(const struct nlattr *attribute, void *owner)
{
	const struct nlattr **table = owner;

	if (mnl_attr_get_type(attribute) <= NFTA_GEN_MAX)
		table[mnl_attr_get_type(attribute)] = attribute;
	return MNL_CB_OK;
}

static void on_generation(struct nft_monitor *monitor, const struct nlattr *const *attributes)
{
	const struct nlattr *name = attributes[NFTA_GEN_PROC_NAME],
			    *pid = attributes[NFTA_GEN_PROC_PID];
	char who[64] = "somebody";

	if (!monitor->seen)
		return;
	monitor->seen = false;
	if (name && pid && mnl_attr_validate(name, MNL_TYPE_NUL_STRING) >= 0 &&
	    mnl_attr_validate(pid, MNL_TYPE_U32) >= 0)
		snprintf(who, sizeof(who), "%.32s (pid %u)", mnl_attr_get_str(name),
			 ntohl(mnl_attr_get_u32(pid)));
	monitor->on_changed(who, monitor->owner);
}

static int on_message(const struct nlmsghdr *message, void *owner)
{
	const struct nlattr *attributes[NFTA_GEN_MAX + 1] = { NULL }, *table;
	const struct nfgenmsg *generic = mnl_nlmsg_get_payload(message);
	struct nft_monitor *monitor = owner;

	if (message->nlmsg_len < mnl_nlmsg_size(sizeof(*generic)) ||
	    message->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES)
		return MNL_CB_OK;
	mnl_attr_parse(message, sizeof(*generic), on_attribute, attributes);
	if ((message->nlmsg_type & 0xff) == NFT_MSG_NEWGEN) {
		on_generation(monitor, attributes);
		return MNL_CB_OK;
	}
	table = attributes[TABLE_NAME_AT];
	if (generic->nfgen_family == NFPROTO_INET && table &&
	    mnl_attr_validate(table, MNL_TYPE_NUL_STRING) >= 0 &&
	    strcmp(mnl_attr_get_str(table), monitor->table) == 0)
		monitor->seen = true;
	return MNL_CB_OK;
}

static void on_readable(struct loop_io *io, unsigned ready)
{
	struct nft_monitor *monitor = container_of(io, struct nft_monitor, io);
	ssize_t size;

	for (unsigned i = 0; i < MAX_PER_TURN; i++) {
		size = recv(io->fd, monitor->buffer, RECEIVE_SIZE, MSG_DONTWAIT);
		if (size < 0 && errno == ENOBUFS)
			monitor->on_changed(NULL, monitor->owner);
		else if (size <= 0)
			return;
		else
			mnl_cb_run(monitor->buffer, (size_t)size, 0, 0, on_message, monitor);
	}
}

/* Drops datagrams whose first message has our own port id. */
static int drop_own(int fd, uint32_t own_port_id)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		/* The load gives network order, the field is of the machine's. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(own_port_id), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog program = { .len = ARRAY_SIZE(code), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
											   : 0;
}

int nft_monitor_new(struct nft_monitor **ret_monitor, struct loop *loop, const char *table,
		    uint32_t own_port_id, nft_monitor_fn *on_changed, void *owner)
{
	_cleanup_(nft_monitor_freep) struct nft_monitor *monitor = xnew(struct nft_monitor);
	int fd, r, group = NFNLGRP_NFTABLES;
	const int space = BUFFER_SIZE;

	monitor->table = table;
	monitor->on_changed = on_changed;
	monitor->owner = owner;
	monitor->buffer = xcalloc(1, RECEIVE_SIZE);
	monitor->netlink = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!monitor->netlink || mnl_socket_bind(monitor->netlink, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	fd = mnl_socket_get_fd(monitor->netlink);
	r = drop_own(fd, own_port_id);
	if (r < 0)
		return r;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &space, sizeof(space));
	if (mnl_socket_setsockopt(monitor->netlink, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) <
	    0)
		return -errno;
	loop_io_init(&monitor->io, loop, fd, on_readable);
	loop_io_watch(&monitor->io, LOOP_READ);
	*ret_monitor = steal_ptr(monitor);
	return 0;
}

struct nft_monitor *nft_monitor_free(struct nft_monitor *monitor)
{
	if (!monitor)
		return NULL;
	loop_io_deinit(&monitor->io);
	if (monitor->netlink)
		mnl_socket_close(monitor->netlink);
	free(monitor->buffer);
	free(monitor);
	return NULL;
}
