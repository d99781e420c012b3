/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who answers needs our MAC and asks for it, by which the kernel learns its own; who knows ours
 * already is known by its answer. Between bursts the kernel's neighbour table tells of who is
 * there.
 */
#include "discoverd/ndp_prober.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/random.h"
#include "discoverd/udp_socket.h"

#define PACKETS_A_TURN 32

struct ndp_prober {
	struct protocol_environment environment;
	struct loop_io io;
	int fd;
	struct netaddr all_nodes;
	uint16_t identifier;
};

static void on_packet(struct ndp_prober *prober, const struct netaddr *from, unsigned ifindex,
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
			on_packet(prober, &from, ifindex, &header);
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

static void ndp_on_interface(void *object, const struct interface *interface,
			     enum interface_event event)
{
}

static void *ndp_stop(void *object)
{
	struct ndp_prober *prober = object;

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
