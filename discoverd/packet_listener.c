/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A socket for one protocol gets packets after the kernel has sorted out VLANs and bridges: a
 * tagged one comes in on the VLAN's interface, without its tag; one of a VLAN that has no interface
 * here is marked as somebody else's. So tags need no look at (PACKET_AUXDATA is for ETH_P_ALL).
 */
#include "discoverd/packet_listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>

#include "common/log.h"
#include "common/memory.h"

#define PACKETS_A_TURN  64
#define LARGEST_PACKET  1500
#define MOST_STATEMENTS 32
#define BUFFER_SIZE     (256 * 1024) /* answers to a sweep come at the rate of its questions */

struct packet_link {
	struct packet_link *next;
	struct packet_listener *listener;
	unsigned ifindex;
	struct loop_io io;
	int fd;
};

struct packet_listener {
	const struct protocol_environment *environment;
	const struct packet_kind *kind;
	struct packet_link *links;
	bool forbidden; /* said once */
	packet_listener_fn *on_packet;
	void *owner;
};

/* --- the socket --- */

static int open_socket(const struct packet_kind *kind, unsigned ifindex)
{
	static const struct sock_filter common[] = {
		/* PACKET_HOST, PACKET_BROADCAST and PACKET_MULTICAST are the three lowest. */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, PACKET_MULTICAST, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sockaddr_ll address = { .sll_family = AF_PACKET,
					     .sll_protocol = htons(kind->protocol),
					     .sll_ifindex = (int)ifindex };
	struct packet_mreq group = { .mr_ifindex = (int)ifindex,
				     .mr_type = PACKET_MR_MULTICAST,
				     .mr_alen = ETH_ALEN };
	const int buffer_size = BUFFER_SIZE;
	struct sock_filter statements[MOST_STATEMENTS];
	const struct sock_fprog program = {
		.len = (unsigned short)(ARRAY_SIZE(common) + kind->filter_length),
		.filter = statements,
	};
	_cleanup_close_ int fd = -1;

	if (program.len > MOST_STATEMENTS)
		return -E2BIG;
	memcpy(statements, common, sizeof(common));
	memcpy(statements + ARRAY_SIZE(common), kind->filter,
	       kind->filter_length * sizeof(*kind->filter));
	/* No protocol until the filter is in place: nothing gets in before. */
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_size, sizeof(buffer_size)) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	memcpy(group.mr_address, kind->group.octets, ETH_ALEN);
	if (kind->group.octets[0] &&
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -errno;
	return steal_fd(&fd);
}

static void on_readable(struct loop_io *io, unsigned ready)
{
	struct packet_link *link = container_of(io, struct packet_link, io);
	struct packet_listener *listener = link->listener;
	const struct interface *interface = interfaces_find(listener->environment->interfaces,
							    link->ifindex);
	uint8_t packet[LARGEST_PACKET];
	ssize_t size;

	for (unsigned i = 0; i < PACKETS_A_TURN; i++) {
		size = recv(link->fd, packet, sizeof(packet), MSG_DONTWAIT);
		if (size < 0)
			return; /* none waits, or the interface is on its way out */
		if (interface)
			listener->on_packet(interface, packet, (size_t)size, listener->owner);
	}
}

/* --- interfaces --- */

static struct packet_link *find_link(const struct packet_listener *listener, unsigned ifindex)
{
	struct packet_link *link = listener->links;

	while (link && link->ifindex != ifindex)
		link = link->next;
	return link;
}

static void add_link(struct packet_listener *listener, const struct interface *interface)
{
	int fd = open_socket(listener->kind, interface->index);
	struct packet_link *link;

	if (fd == -EPERM && !listener->forbidden)
		log_warning("cannot listen to %s without CAP_NET_RAW: devices that speak no other "
			    "protocol are not found",
			    listener->kind->name);
	listener->forbidden |= fd == -EPERM;
	if (fd < 0 && fd != -EPERM)
		log_warning_errno(fd, "%s: cannot listen to %s: %m", interface->name,
				  listener->kind->name);
	if (fd < 0)
		return;
	link = xnew(struct packet_link);
	link->listener = listener;
	link->ifindex = interface->index;
	link->fd = fd;
	loop_io_init(&link->io, listener->environment->loop, fd, on_readable);
	loop_io_watch(&link->io, LOOP_READ);
	link->next = listener->links;
	listener->links = link;
}

static void remove_link(struct packet_listener *listener, struct packet_link *link)
{
	struct packet_link **at = &listener->links;

	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	loop_io_deinit(&link->io);
	close(link->fd);
	free(link);
}

void packet_listener_on_interface(struct packet_listener *listener,
				  const struct interface *interface, enum interface_event event)
{
	struct packet_link *link = find_link(listener, interface->index);

	switch (event) {
	case INTERFACE_APPEARED:
	case INTERFACE_ADDRESS:
		if (!link && interface->ethernet)
			add_link(listener, interface);
		break;
	case INTERFACE_VANISHED:
		if (link)
			remove_link(listener, link);
		break;
	}
}

bool packet_listener_has(const struct packet_listener *listener, unsigned ifindex)
{
	return find_link(listener, ifindex) != NULL;
}

int packet_listener_broadcast(struct packet_listener *listener, unsigned ifindex, const void *bytes,
			      size_t size)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(listener->kind->protocol),
				       .sll_ifindex = (int)ifindex,
				       .sll_halen = ETH_ALEN };
	const struct packet_link *link = find_link(listener, ifindex);

	if (!link)
		return -ENODEV;
	memset(address.sll_addr, 0xff, ETH_ALEN);
	if (sendto(link->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL,
		   (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return 0;
}

void packet_listener_new(struct packet_listener **ret_listener,
			 const struct protocol_environment *environment,
			 const struct packet_kind *kind, packet_listener_fn *on_packet, void *owner)
{
	struct packet_listener *listener = xnew(struct packet_listener);

	listener->environment = environment;
	listener->kind = kind;
	listener->on_packet = on_packet;
	listener->owner = owner;
	*ret_listener = listener;
}

struct packet_listener *packet_listener_free(struct packet_listener *listener)
{
	if (!listener)
		return NULL;
	while (listener->links)
		remove_link(listener, listener->links);
	free(listener);
	return NULL;
}
