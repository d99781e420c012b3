/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every interface has a socket of its own per address family, on a port of its own: answers come to
 * the port that asked, and a port shared with another program would lose some of them to it. Hosts
 * beyond a router are asked from further sockets, of no interface; what comes in there is an answer
 * of such a host, as nobody else learns of that port. Announcements are multicast, which all
 * listeners of the shared port get.
 */
#include "discoverd/multicast_prober.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/log.h"
#include "common/memory.h"
#include "discoverd/udp_socket.h"

#define PACKETS_A_TURN 32

enum family {
	FAMILY_V4,
	FAMILY_V6,
	FAMILY_COUNT,
};
static const sa_family_t families[FAMILY_COUNT] = { AF_INET, AF_INET6 };

/* A descriptor on the loop; fd -1: not open. */
struct multicast_socket {
	struct multicast_prober *prober;
	struct loop_io io;
	int fd;
};

/* An interface in use. */
struct multicast_link {
	struct multicast_link *next;
	struct multicast_prober *prober;
	unsigned ifindex;
	struct multicast_socket sockets[FAMILY_COUNT];
	struct loop_timer repeat;
	unsigned repeats_left;
	usec_t gap;
	uint8_t burst[16];
};

struct multicast_prober {
	const struct multicast_protocol *protocol;
	struct protocol_environment environment;
	const struct multicast_handlers *handlers;
	void *owner;
	struct netaddr groups[FAMILY_COUNT];
	struct multicast_socket listeners[FAMILY_COUNT];
	struct multicast_socket routed[FAMILY_COUNT]; /* opened by the first use */
	struct multicast_link *links;
};

static char packet_bytes[UDP_MAX_PACKET]; /* large, and read by one socket at a time */

static enum family family_of(sa_family_t family)
{
	return family == AF_INET ? FAMILY_V4 : FAMILY_V6;
}

static struct multicast_link *find_link(struct multicast_prober *prober, unsigned ifindex)
{
	struct multicast_link *link = prober->links;

	while (link && link->ifindex != ifindex)
		link = link->next;
	return link;
}

/* --- receiving --- */

static bool is_routed(const struct multicast_socket *receiver)
{
	return receiver == &receiver->prober->routed[FAMILY_V4] ||
	       receiver == &receiver->prober->routed[FAMILY_V6];
}

static void on_readable(struct loop_io *io, unsigned ready)
{
	struct multicast_socket *receiver = container_of(io, struct multicast_socket, io);
	struct multicast_prober *prober = receiver->prober;
	struct multicast_packet packet = { .bytes = packet_bytes };
	unsigned ifindex;
	int size;

	for (unsigned i = 0; i < PACKETS_A_TURN; i++) {
		size = udp_socket_receive(receiver->fd, packet_bytes, sizeof(packet_bytes),
					  &packet.from, &ifindex);
		if (size == -EAGAIN)
			return;
		packet.interface = is_routed(receiver)
					   ? &interface_routed
					   : interfaces_find(prober->environment.interfaces,
							     ifindex);
		if (size <= 0 || !packet.interface || !netaddr_is_unicast_host(&packet.from))
			continue;
		packet.size = (size_t)size;
		prober->handlers->on_packet(&packet, prober->owner);
	}
}

static void socket_init(struct multicast_socket *multicast_socket, struct multicast_prober *prober,
			int fd)
{
	multicast_socket->prober = prober;
	multicast_socket->fd = fd;
	if (fd < 0)
		return;
	loop_io_init(&multicast_socket->io, prober->environment.loop, fd, on_readable);
	loop_io_watch(&multicast_socket->io, LOOP_READ);
}

static void socket_deinit(struct multicast_socket *multicast_socket)
{
	loop_io_deinit(&multicast_socket->io);
	if (multicast_socket->fd >= 0)
		close(multicast_socket->fd);
	multicast_socket->fd = -1;
}

/* --- sending --- */

void multicast_prober_send_all(struct multicast_prober *prober, const struct interface *interface,
			       sa_family_t family, const char *bytes, size_t size)
{
	struct multicast_link *link = find_link(prober, interface->index);
	const struct netaddr *group = &prober->groups[family_of(family)];
	int fd = link ? link->sockets[family_of(family)].fd : -1;

	if (fd < 0)
		return;
	if (family == AF_INET6) {
		udp_socket_send(fd, group, prober->protocol->port, link->ifindex, NULL, bytes,
				size);
		return;
	}
	/* From each IPv4 address, as a camera of another subnet answers only into its own. */
	for (size_t i = 0; i < interface->address_count; i++)
		if (interface->addresses[i].address.family == AF_INET)
			udp_socket_send(fd, group, prober->protocol->port, link->ifindex,
					&interface->addresses[i].address, bytes, size);
}

static int routed_socket(struct multicast_prober *prober, sa_family_t family)
{
	struct multicast_socket *routed = &prober->routed[family_of(family)];

	if (routed->fd < 0)
		socket_init(routed, prober, udp_socket_open(family, 0));
	return routed->fd;
}

void multicast_prober_send(struct multicast_prober *prober, const struct interface *interface,
			   const struct netaddr *address, const char *bytes, size_t size)
{
	struct multicast_link *link = find_link(prober, interface->index);
	int fd = -1;

	if (link)
		fd = link->sockets[family_of(address->family)].fd;
	else if (interface == &interface_routed)
		fd = routed_socket(prober, address->family);
	if (fd >= 0)
		udp_socket_send(fd, address, prober->protocol->port, interface->index, NULL, bytes,
				size);
}

static void on_repeat(struct loop_timer *timer)
{
	struct multicast_link *link = container_of(timer, struct multicast_link, repeat);
	struct multicast_prober *prober = link->prober;
	struct multicast_round round = {
		.interface = interfaces_find(prober->environment.interfaces, link->ifindex),
	};

	memcpy(round.burst, link->burst, sizeof(round.burst));
	for (enum family family = 0; round.interface && family < FAMILY_COUNT; family++) {
		round.group = &prober->groups[family];
		prober->handlers->on_round(&round, prober->owner);
	}
	if (!--link->repeats_left)
		return;
	loop_timer_arm(&link->repeat, link->gap);
	link->gap *= 2;
	if (link->gap > prober->protocol->longest_gap)
		link->gap = prober->protocol->longest_gap;
}

void multicast_prober_burst(struct multicast_prober *prober, const struct interface *interface,
			    bool light)
{
	const struct multicast_protocol *protocol = prober->protocol;
	struct multicast_link *link = find_link(prober, interface->index);

	if (!link)
		return;
	if (getrandom(link->burst, sizeof(link->burst), 0) != sizeof(link->burst))
		abort(); /* cannot happen for 16 bytes after boot */
	link->gap = protocol->first_gap + protocol->jitter * link->burst[0] / UINT8_MAX;
	link->repeats_left = light ? protocol->light_repeats : protocol->full_repeats;
	on_repeat(&link->repeat);
}

/* --- interfaces --- */

static void add_link(struct multicast_prober *prober, const struct interface *interface)
{
	struct multicast_link *link = xnew(struct multicast_link);
	int fd;

	link->prober = prober;
	link->ifindex = interface->index;
	loop_timer_init(&link->repeat, prober->environment.loop, on_repeat);
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		fd = udp_socket_open(families[family], interface->index);
		if (fd < 0 && fd != -EAFNOSUPPORT)
			log_warning_errno(fd, "%s: cannot ask for devices by %s: %m",
					  interface->name, prober->protocol->name);
		socket_init(&link->sockets[family], prober, fd);
		if (prober->listeners[family].fd >= 0)
			udp_socket_join(prober->listeners[family].fd, &prober->groups[family],
					interface->index);
	}
	link->next = prober->links;
	prober->links = link;
}

static void remove_link(struct multicast_prober *prober, struct multicast_link *link)
{
	struct multicast_link **at = &prober->links;

	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		socket_deinit(&link->sockets[family]);
		if (prober->listeners[family].fd >= 0)
			udp_socket_leave(prober->listeners[family].fd, &prober->groups[family],
					 link->ifindex);
	}
	loop_timer_deinit(&link->repeat);
	free(link);
}

void multicast_prober_on_interface(struct multicast_prober *prober,
				   const struct interface *interface, enum interface_event event)
{
	struct multicast_link *link = find_link(prober, interface->index);

	switch (event) {
	case INTERFACE_APPEARED:
	case INTERFACE_ADDRESS:
		if (!link)
			add_link(prober, interface);
		break;
	case INTERFACE_VANISHED:
		if (link)
			remove_link(prober, link);
		break;
	}
}

struct multicast_prober *multicast_prober_free(struct multicast_prober *prober)
{
	if (!prober)
		return NULL;
	while (prober->links)
		remove_link(prober, prober->links);
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		socket_deinit(&prober->listeners[family]);
		socket_deinit(&prober->routed[family]);
	}
	free(prober);
	return NULL;
}

void multicast_prober_new(struct multicast_prober **ret_prober,
			  const struct multicast_protocol *protocol,
			  const struct protocol_environment *environment,
			  const struct multicast_handlers *handlers, void *owner)
{
	struct multicast_prober *prober = xnew(struct multicast_prober);
	int fd;

	prober->protocol = protocol;
	prober->environment = *environment;
	prober->handlers = handlers;
	prober->owner = owner;
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		netaddr_parse(&prober->groups[family], protocol->groups[family]);
		fd = udp_socket_listen(families[family], protocol->port);
		if (fd < 0 && fd != -EAFNOSUPPORT)
			log_warning_errno(fd, "cannot listen for announcements by %s: %m",
					  protocol->name);
		socket_init(&prober->listeners[family], prober, fd);
		socket_init(&prober->routed[family], prober, -1);
	}
	*ret_prober = prober;
}
