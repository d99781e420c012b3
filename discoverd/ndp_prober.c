/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who else speaks IPv6 on the link.
 *
 * Asked: all nodes of the link, by an echo request. Who answers needs our MAC and asks for it, by
 * which the kernel learns its own; who knows ours already is known by its answer.
 *
 * Heard: who has just come asks for routers (RFC 4861, section 6.3.7), which is why their group is
 * listened to; and asks before that whether somebody has its address, which is heard wherever the
 * network card does not keep it back. Between bursts the kernel's neighbour table tells the rest.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/random.h"
#include "discoverd/ndp_message.h"
#include "discoverd/packet_listener.h"
#include "discoverd/protocol.h"
#include "discoverd/udp_socket.h"

#define PACKETS_A_TURN 32

enum {
	NEXT_HEADER = 6,
	HOP_LIMIT = 7,
	ICMP_TYPE = 40,
};

/* icmp6 and hop limit 255 and (router solicitation or neighbour solicitation or advertisement) */
static const struct sock_filter packet_filter[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NEXT_HEADER),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 7),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, HOP_LIMIT),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 255, 0, 5),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ICMP_TYPE),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_ROUTER_SOLICIT, 2, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_SOLICIT, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_ADVERT, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, 0x40000),
	BPF_STMT(BPF_RET | BPF_K, 0),
};
static const struct packet_kind ndp_packets = {
	.name = "neighbour discovery",
	.protocol = ETH_P_IPV6,
	.filter = packet_filter,
	.filter_length = ARRAY_SIZE(packet_filter),
	.group = { { 0x33, 0x33, 0, 0, 0, 2 } }, /* ff02::2, all routers (RFC 2464, section 7) */
};

struct ndp_prober {
	struct protocol_environment environment;
	struct loop_io io;
	int fd;
	struct netaddr all_nodes;
	uint16_t identifier;
	struct packet_listener *listener;
};

/* --- hearing --- */

static void on_packet(const struct interface *interface, const uint8_t *bytes, size_t size,
		      void *owner)
{
	struct ndp_prober *prober = owner;
	struct sighting sighting = { .ifindex = interface->index,
				     .time = loop_now(prober->environment.loop) };
	struct ndp_message message;

	if (ndp_message_read(&message, bytes, size) < 0)
		return;
	sighting.address = message.address;
	sighting.mac = message.mac;
	sighting.expected = message.expected;
	prober->environment.on_sighting(&sighting, prober->environment.owner);
	sighting_deinit(&sighting);
}

/* --- asking --- */

static void on_reply(struct ndp_prober *prober, const struct netaddr *from, unsigned ifindex,
		     const struct icmp6_hdr *header)
{
	struct sighting sighting = { .ifindex = ifindex,
				     .address = *from,
				     .time = loop_now(prober->environment.loop) };

	if (header->icmp6_type == ICMP6_ECHO_REPLY && header->icmp6_id == prober->identifier &&
	    netaddr_is_unicast_host(from))
		prober->environment.on_sighting(&sighting, prober->environment.owner);
	sighting_deinit(&sighting);
}

static void on_readable(struct loop_io *io, unsigned ready)
{
	struct ndp_prober *prober = container_of(io, struct ndp_prober, io);
	struct icmp6_hdr header;
	struct netaddr from;
	unsigned ifindex;
	int size;

	for (unsigned i = 0; i < PACKETS_A_TURN; i++) {
		size = udp_socket_receive(prober->fd, &header, sizeof(header), &from, &ifindex);
		if (size == -EAGAIN)
			return;
		if (size == (int)sizeof(header))
			on_reply(prober, &from, ifindex, &header);
	}
}

static bool has_ipv6(const struct interface *interface)
{
	for (size_t i = 0; i < interface->address_count; i++)
		if (interface->addresses[i].address.family == AF_INET6)
			return true;
	return false;
}

static void ndp_burst(void *object, const struct interface *interface, bool light)
{
	struct ndp_prober *prober = object;
	const struct icmp6_hdr request = { .icmp6_type = ICMP6_ECHO_REQUEST,
					   .icmp6_dataun.icmp6_un_data16 = { prober->identifier } };

	if (has_ipv6(interface)) /* the kernel adds the checksum (RFC 3542, section 3.1) */
		udp_socket_send(prober->fd, &prober->all_nodes, 0, interface->index, NULL, &request,
				sizeof(request));
}

/* --- life --- */

static void ndp_on_interface(void *object, const struct interface *interface,
			     enum interface_event event)
{
	struct ndp_prober *prober = object;

	packet_listener_on_interface(prober->listener, interface, event);
}

static void *ndp_stop(void *object)
{
	struct ndp_prober *prober = object;

	packet_listener_free(prober->listener);
	loop_io_deinit(&prober->io);
	close(prober->fd);
	free(prober);
	return NULL;
}

static int open_socket(void)
{
	const int one = 1, zero = 0;
	struct icmp6_filter filter;
	_cleanup_close_ int fd = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
					IPPROTO_ICMPV6);

	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
	if (fd < 0 || setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &zero, sizeof(zero)) < 0)
		return -errno;
	return steal_fd(&fd);
}

static int ndp_start(void **ret_prober, const struct protocol_environment *environment)
{
	struct ndp_prober *prober;
	int fd = open_socket();

	if (fd < 0)
		return fd;
	prober = xnew(struct ndp_prober);
	prober->environment = *environment;
	prober->fd = fd;
	packet_listener_new(&prober->listener, &prober->environment, &ndp_packets, on_packet,
			    prober);
	netaddr_parse(&prober->all_nodes, "ff02::1");
	random_fill(&prober->identifier, sizeof(prober->identifier));
	loop_io_init(&prober->io, environment->loop, fd, on_readable);
	loop_io_watch(&prober->io, LOOP_READ);
	*ret_prober = prober;
	return 0;
}

const struct protocol ndp_protocol = {
	.name = "ndp",
	.start = ndp_start,
	.stop = ndp_stop,
	.on_interface = ndp_on_interface,
	.burst = ndp_burst,
};
