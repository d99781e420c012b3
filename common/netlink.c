/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What comes in is told apart by the sender's address: datagrams sent to a group are notifications,
 * the others answer a request, by sequence number. The sequence number alone would not do, because
 * the kernel puts ours into the notifications that our own request causes. Datagrams from anybody
 * but the kernel are dropped.
 */
#include "common/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "common/memory.h"
#include "common/random.h"

#define RECEIVE_SIZE       (64 * 1024)   /* the kernel fills at most 32 KiB per datagram */
#define SOCKET_BUFFER_SIZE (1024 * 1024) /* notifications that wait while we are busy */
#define MAX_PER_TURN       32            /* datagrams before others get their turn */
#define REPLY_TIMEOUT      (5 * USEC_PER_SEC)

struct netlink_request {
	struct netlink *netlink;
	struct netlink_request *next;
	struct loop_timer timer;
	netlink_reply_fn *on_reply;
	netlink_done_fn *on_done;
	void *owner;
	uint32_t sequence;
	bool interrupted; /* the tables changed during the dump */
};

struct netlink {
	struct loop *loop;
	struct mnl_socket *socket;
	struct loop_io io;
	netlink_message_fn *on_message;
	void *owner;
	struct netlink_request *requests;
	uint32_t sequence;
	bool *freed; /* set while messages are handled, where a callback may free us */
};

static struct netlink_request *find_request(const struct netlink *netlink, uint32_t sequence)
{
	struct netlink_request *request = netlink->requests;

	while (request && request->sequence != sequence)
		request = request->next;
	return request;
}

static void unlink_request(struct netlink_request *request)
{
	struct netlink_request **link = &request->netlink->requests;

	while (*link != request)
		link = &(*link)->next;
	*link = request->next;
}

static void free_request(struct netlink_request *request)
{
	unlink_request(request);
	loop_timer_deinit(&request->timer);
	free(request);
}

static void finish_request(struct netlink_request *request, int result, const char *text)
{
	netlink_done_fn *on_done = request->on_done;
	void *owner = request->owner;

	if (result == 0 && request->interrupted)
		result = -EINTR;
	free_request(request);
	if (on_done)
		on_done(result, text, owner);
}

static void on_timeout(struct loop_timer *timer)
{
	finish_request(container_of(timer, struct netlink_request, timer), -ETIMEDOUT, NULL);
}

/* The kernel's sentence among the attributes that start at offset, or NULL. */
static const char *find_text(const struct nlmsghdr *message, size_t offset)
{
	const struct nlattr *attribute;

	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS) || mnl_nlmsg_get_payload_len(message) < offset)
		return NULL;
	mnl_attr_for_each(attribute, message, (unsigned)offset)
	{
		if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG &&
		    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
			return mnl_attr_get_str(attribute);
	}
	return NULL;
}

/* NLMSG_ERROR: 0 is the acknowledgement. */
static void on_error_message(struct netlink_request *request, const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);
	size_t offset = sizeof(*error);

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*error)) {
		finish_request(request, -EBADMSG, NULL);
		return;
	}
	/* Our message comes back whole, unless the kernel could cap it to the header. */
	if (!(message->nlmsg_flags & NLM_F_CAPPED) && error->msg.nlmsg_len > sizeof(error->msg))
		offset += MNL_ALIGN(error->msg.nlmsg_len - sizeof(error->msg));
	finish_request(request, error->error, find_text(message, offset));
}

/* NLMSG_DONE: a dump may fail after its first messages; then the error is here. */
static void on_done_message(struct netlink_request *request, const struct nlmsghdr *message)
{
	int result = 0;

	if (mnl_nlmsg_get_payload_len(message) >= sizeof(result))
		memcpy(&result, mnl_nlmsg_get_payload(message), sizeof(result));
	finish_request(request, result < 0 ? result : 0, find_text(message, sizeof(result)));
}

static void on_reply_message(struct netlink *netlink, const struct nlmsghdr *message)
{
	struct netlink_request *request = find_request(netlink, message->nlmsg_seq);

	if (!request)
		return; /* it timed out */
	if (message->nlmsg_flags & NLM_F_DUMP_INTR)
		request->interrupted = true;
	if (message->nlmsg_type == NLMSG_ERROR)
		on_error_message(request, message);
	else if (message->nlmsg_type == NLMSG_DONE)
		on_done_message(request, message);
	else if (message->nlmsg_type >= NLMSG_MIN_TYPE && request->on_reply)
		request->on_reply(message, request->owner);
}

/* A callback may wait for a request of its own, and so handle datagrams inside another one. */
static bool tell_outer(bool *outer)
{
	if (outer)
		*outer = true;
	return false;
}

/* False when the socket was freed by a callback. */
static bool handle_datagram(struct netlink *netlink, const char *datagram, size_t size,
			    bool is_notification)
{
	const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)datagram;
	int rest = (int)size;
	bool freed = false, *outer = netlink->freed;

	netlink->freed = &freed;
	for (; mnl_nlmsg_ok(message, rest); message = mnl_nlmsg_next(message, &rest)) {
		if (!is_notification)
			on_reply_message(netlink, message);
		else if (netlink->on_message)
			netlink->on_message(message, netlink->owner);
		if (freed)
			return tell_outer(outer);
	}
	netlink->freed = outer;
	return true;
}

static bool report_overrun(struct netlink *netlink)
{
	bool freed = false, *outer = netlink->freed;

	if (!netlink->on_message)
		return true;
	netlink->freed = &freed;
	netlink->on_message(NULL, netlink->owner);
	if (freed)
		return tell_outer(outer);
	netlink->freed = outer;
	return true;
}

/* Handles one datagram. False when there is none, or the socket was freed by a callback. */
static bool receive(struct netlink *netlink, char *buffer)
{
	struct sockaddr_nl sender = { 0 };
	socklen_t sender_size = sizeof(sender);
	ssize_t size;

	size = recvfrom(mnl_socket_get_fd(netlink->socket), buffer, RECEIVE_SIZE,
			MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&sender, &sender_size);
	if (size < 0 && errno == EINTR)
		return true;
	if (size < 0 && errno == ENOBUFS)
		return report_overrun(netlink);
	if (size < 0)
		return false;
	if (sender_size != sizeof(sender) || sender.nl_pid != 0)
		return true;
	if (size > RECEIVE_SIZE)
		return report_overrun(netlink);
	return handle_datagram(netlink, buffer, (size_t)size, sender.nl_groups != 0);
}

static void on_readable(struct loop_io *io, unsigned ready)
{
	struct netlink *netlink = container_of(io, struct netlink, io);
	_cleanup_free_ char *buffer = xcalloc(1, RECEIVE_SIZE);

	for (unsigned i = 0; i < MAX_PER_TURN; i++)
		if (!receive(netlink, buffer))
			return;
}

static void set_options(struct mnl_socket *socket)
{
	int fd = mnl_socket_get_fd(socket), size = SOCKET_BUFFER_SIZE, on = 1;

	/* Beyond the system's limit when we have CAP_NET_ADMIN, else up to it. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* Without these there are only numbers, which is no reason to fail. */
	(void)mnl_socket_setsockopt(socket, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)mnl_socket_setsockopt(socket, NETLINK_CAP_ACK, &on, sizeof(on));
}

int netlink_new(struct netlink **ret_netlink, struct loop *loop, int protocol,
		netlink_message_fn *on_message, void *owner)
{
	_cleanup_(netlink_freep) struct netlink *netlink = xnew(struct netlink);

	netlink->loop = loop;
	netlink->on_message = on_message;
	netlink->owner = owner;
	netlink->sequence = (uint32_t)random_u64();
	netlink->socket = mnl_socket_open2(protocol, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!netlink->socket)
		return -errno;
	set_options(netlink->socket);
	if (mnl_socket_bind(netlink->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	loop_io_init(&netlink->io, loop, mnl_socket_get_fd(netlink->socket), on_readable);
	loop_io_watch(&netlink->io, LOOP_READ);
	*ret_netlink = steal_ptr(netlink);
	return 0;
}

struct netlink *netlink_free(struct netlink *netlink)
{
	if (!netlink)
		return NULL;
	if (netlink->freed)
		*netlink->freed = true;
	while (netlink->requests)
		free_request(netlink->requests);
	loop_io_deinit(&netlink->io);
	if (netlink->socket)
		mnl_socket_close(netlink->socket);
	free(netlink);
	return NULL;
}

int netlink_join(struct netlink *netlink, unsigned group)
{
	int number = (int)group;

	if (mnl_socket_setsockopt(netlink->socket, NETLINK_ADD_MEMBERSHIP, &number,
				  sizeof(number)) < 0)
		return -errno;
	return 0;
}

unsigned netlink_port_id(const struct netlink *netlink)
{
	return mnl_socket_get_portid(netlink->socket);
}

int netlink_send(struct netlink *netlink, struct nlmsghdr *message, netlink_reply_fn *on_reply,
		 netlink_done_fn *on_done, void *owner)
{
	bool is_dump = (message->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	struct netlink_request *request;

	if (++netlink->sequence == 0) /* the kernel's own */
		netlink->sequence = 1;
	message->nlmsg_seq = netlink->sequence;
	message->nlmsg_flags |= NLM_F_REQUEST;
	if (!is_dump)
		message->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(netlink->socket, message, message->nlmsg_len) < 0)
		return -errno;
	request = xnew(struct netlink_request);
	request->netlink = netlink;
	request->on_reply = on_reply;
	request->on_done = on_done;
	request->owner = owner;
	request->sequence = message->nlmsg_seq;
	loop_timer_init(&request->timer, netlink->loop, on_timeout);
	loop_timer_arm(&request->timer, REPLY_TIMEOUT);
	request->next = netlink->requests;
	netlink->requests = request;
	return 0;
}

struct wait {
	netlink_reply_fn *on_reply;
	void *owner;
	bool done;
	int result;
};

static void on_wait_reply(const struct nlmsghdr *message, void *owner)
{
	const struct wait *wait = owner;

	if (wait->on_reply)
		wait->on_reply(message, wait->owner);
}

static void on_wait_done(int result, const char *text, void *owner)
{
	struct wait *wait = owner;

	wait->done = true;
	wait->result = result;
}

int netlink_send_and_wait(struct netlink *netlink, struct nlmsghdr *message,
			  netlink_reply_fn *on_reply, void *owner)
{
	struct pollfd readable = { .fd = mnl_socket_get_fd(netlink->socket), .events = POLLIN };
	usec_t deadline = loop_now(netlink->loop) + REPLY_TIMEOUT, now;
	struct wait wait = { .on_reply = on_reply, .owner = owner };
	_cleanup_free_ char *buffer = xcalloc(1, RECEIVE_SIZE);
	int r;

	r = netlink_send(netlink, message, on_wait_reply, on_wait_done, &wait);
	if (r < 0)
		return r;
	while (!wait.done) {
		now = loop_now(netlink->loop);
		if (now >= deadline ||
		    poll(&readable, 1, (int)((deadline - now) / 1000) + 1) == 0) {
			free_request(find_request(netlink, message->nlmsg_seq));
			return -ETIMEDOUT;
		}
		while (!wait.done && receive(netlink, buffer))
			;
	}
	return wait.result;
}
