/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A netlink socket on the loop (libmnl). Requests are answered by sequence number; dumps give every
 * message, then the end; notifications of joined groups go to on_message.
 */
#pragma once

#include <libmnl/libmnl.h>

#include "common/loop.h"

struct netlink;
struct netlink_request;

/* One notification; NULL: some were lost, dump again. Callbacks may free the netlink, except inside
 * netlink_send_and_wait(). */
typedef void netlink_message_fn(const struct nlmsghdr *message, void *owner);
/* One message of an answer. */
typedef void netlink_reply_fn(const struct nlmsghdr *message, void *owner);
/* End of an answer: 0, or -errno from the kernel (or -ETIMEDOUT after 5 s; -EINTR: what was dumped
 * changed meanwhile, dump again); text is its extended ACK or NULL. */
typedef void netlink_done_fn(int result, const char *text, void *owner);

int netlink_new(struct netlink **ret_netlink, struct loop *loop, int protocol /* NETLINK_ROUTE… */,
		netlink_message_fn *on_message, void *owner);
struct netlink *netlink_free(
	struct netlink *netlink); /* open requests are dropped without a call */
DEFINE_CLEANUP(struct netlink *, netlink_free);
int netlink_join(struct netlink *netlink, unsigned group);
unsigned netlink_port_id(
	const struct netlink *netlink); /* to tell one's own changes from others' */

/*
 * Sends one request; nlmsg_seq, NLM_F_REQUEST and NLM_F_ACK (unless NLM_F_DUMP) are filled in.
 * on_reply may be NULL. Callbacks never run inside this call.
 */
int netlink_send(struct netlink *netlink, struct nlmsghdr *message, netlink_reply_fn *on_reply,
		 netlink_done_fn *on_done, void *owner);

/* The same, waiting for the end: for start-up only, before the loop runs. Notifications that come
 * meanwhile are given to on_message inside this call. */
int netlink_send_and_wait(struct netlink *netlink, struct nlmsghdr *message,
			  netlink_reply_fn *on_reply, void *owner);
