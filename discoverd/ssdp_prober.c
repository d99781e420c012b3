/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Searches go out from a socket per interface and address family on a port of its own, where the
 * answers come in; announcements come to all listeners of the shared port. An answer without any
 * evidence (most cameras are "Basic:1") counts through its description, which is fetched from the
 * sender of the packet and from nobody else.
 */
#include "discoverd/ssdp_prober.h"

#include <errno.h>

#include "common/log.h"
#include "common/memory.h"
#include "discoverd/ssdp_message.h"
#include "discoverd/udp_socket.h"
#include "discoverd/upnp_fetcher.h"

#define REPEAT_GAP     (700 * USEC_PER_MSEC)
#define FULL_REPEATS   3
#define LIGHT_REPEATS  1
#define PACKETS_A_TURN 32

enum family {
	FAMILY_V4,
	FAMILY_V6,
	FAMILY_COUNT,
};
static const sa_family_t families[FAMILY_COUNT] = { AF_INET, AF_INET6 };

struct ssdp_prober;

/* A descriptor on the loop; fd -1: not open. */
struct ssdp_socket {
	struct ssdp_prober *prober;
	struct loop_io io;
	int fd;
};

struct ssdp_link {
	struct ssdp_link *next;
	struct ssdp_prober *prober;
	unsigned ifindex;
	struct ssdp_socket sockets[FAMILY_COUNT];
	struct loop_timer repeat;
	unsigned repeats_left;
};

struct ssdp_prober {
	struct protocol_environment environment;
	struct netaddr groups[FAMILY_COUNT];
	struct ssdp_socket listeners[FAMILY_COUNT];
	struct ssdp_link *links;
	struct upnp_fetcher *fetcher;
	char packet[UDP_MAX_PACKET];
};

/* --- sending --- */

/* From each IPv4 address of ours, as a camera of another subnet answers only into its own. */
static void send_multicast(struct ssdp_link *link, enum family family, const char *text,
			   size_t size)
{
	struct ssdp_prober *prober = link->prober;
	const struct interface *interface = interfaces_find(prober->environment.interfaces,
							    link->ifindex);
	int fd = link->sockets[family].fd;

	if (!interface || fd < 0)
		return;
	if (family == FAMILY_V6) {
		udp_socket_send(fd, &prober->groups[family], SSDP_PORT, link->ifindex, NULL, text,
				size);
		return;
	}
	for (size_t i = 0; i < interface->address_count; i++)
		if (interface->addresses[i].address.family == AF_INET)
			udp_socket_send(fd, &prober->groups[family], SSDP_PORT, link->ifindex,
					&interface->addresses[i].address, text, size);
}

static void on_repeat(struct loop_timer *timer)
{
	struct ssdp_link *link = container_of(timer, struct ssdp_link, repeat);
	char text[SSDP_REQUEST_SIZE];
	size_t size;

	for (enum family family = 0; family < FAMILY_COUNT; family++)
		for (enum ssdp_target target = 0; target < SSDP_TARGET_COUNT; target++) {
			size = ssdp_message_search(text, target, &link->prober->groups[family]);
			send_multicast(link, family, text, size);
		}
	if (--link->repeats_left)
		loop_timer_arm(&link->repeat, REPEAT_GAP);
}

static struct ssdp_link *find_link(struct ssdp_prober *prober, unsigned ifindex)
{
	struct ssdp_link *link = prober->links;

	while (link && link->ifindex != ifindex)
		link = link->next;
	return link;
}

static void ssdp_burst(void *object, const struct interface *interface, bool light)
{
	struct ssdp_prober *prober = object;
	struct ssdp_link *link = find_link(prober, interface->index);

	if (!link)
		return;
	if (!light)
		upnp_fetcher_forget(prober->fetcher, interface->index);
	link->repeats_left = light ? LIGHT_REPEATS : FULL_REPEATS;
	on_repeat(&link->repeat);
}

/* --- receiving --- */

static void tell(struct ssdp_prober *prober, struct sighting *sighting)
{
	if (sighting->leaving || sighting->evidence.count)
		prober->environment.on_sighting(sighting, prober->environment.owner);
	sighting_deinit(sighting);
}

static void on_fetched(const struct upnp_place *place, struct evidence *evidence, void *owner)
{
	struct ssdp_prober *prober = owner;
	struct sighting sighting = { .ifindex = place->ifindex,
				     .address = place->address,
				     .time = loop_now(prober->environment.loop),
				     .evidence = *evidence };

	*evidence = (struct evidence){ 0 };
	tell(prober, &sighting);
}

static void on_message(struct ssdp_prober *prober, const struct interface *interface,
		       const struct netaddr *from, const struct ssdp_message *message)
{
	struct upnp_place place = { .ifindex = interface->index, .address = *from };
	struct sighting sighting = { .ifindex = interface->index,
				     .address = *from,
				     .time = loop_now(prober->environment.loop),
				     .leaving = message->kind == SSDP_LEAVING };

	ssdp_message_evidence(&sighting.evidence, message, sighting.time);
	tell(prober, &sighting);
	/* Only hosts on the link are called: the sender's address may be forged. */
	if (message->kind == SSDP_PRESENT && interface_is_on_link(interface, from) &&
	    !interfaces_is_own(prober->environment.interfaces, from) &&
	    ssdp_message_location(message, from, &place.port, place.path))
		upnp_fetcher_add(prober->fetcher, &place);
}

static void on_packet(struct ssdp_prober *prober, const struct netaddr *from, unsigned ifindex,
		      size_t size)
{
	const struct interface *interface = interfaces_find(prober->environment.interfaces,
							    ifindex);
	struct ssdp_message message;

	if (!interface || !netaddr_is_unicast_host(from))
		return;
	if (ssdp_message_read(&message, prober->packet, size) < 0) {
		char text[NETADDR_TEXT_SIZE];

		log_debug("%s sent an SSDP message that cannot be read",
			  netaddr_format(from, text));
		return;
	}
	if (message.kind != SSDP_OTHER)
		on_message(prober, interface, from, &message);
}

static void on_readable(struct loop_io *io, unsigned ready)
{
	struct ssdp_socket *ssdp_socket = container_of(io, struct ssdp_socket, io);
	struct ssdp_prober *prober = ssdp_socket->prober;
	struct netaddr from;
	unsigned ifindex;
	int size;

	for (unsigned i = 0; i < PACKETS_A_TURN; i++) {
		size = udp_socket_receive(ssdp_socket->fd, prober->packet, sizeof(prober->packet),
					  &from, &ifindex);
		if (size == -EAGAIN)
			return;
		if (size > 0)
			on_packet(prober, &from, ifindex, (size_t)size);
	}
}

/* --- sockets and interfaces --- */

static void socket_init(struct ssdp_socket *ssdp_socket, struct ssdp_prober *prober, int fd)
{
	ssdp_socket->prober = prober;
	ssdp_socket->fd = fd;
	if (fd < 0)
		return;
	loop_io_init(&ssdp_socket->io, prober->environment.loop, fd, on_readable);
	loop_io_watch(&ssdp_socket->io, LOOP_READ);
}

static void socket_deinit(struct ssdp_socket *ssdp_socket)
{
	loop_io_deinit(&ssdp_socket->io);
	if (ssdp_socket->fd >= 0)
		close(ssdp_socket->fd);
	ssdp_socket->fd = -1;
}

static void add_link(struct ssdp_prober *prober, const struct interface *interface)
{
	struct ssdp_link *link = xnew(struct ssdp_link);
	int fd;

	link->prober = prober;
	link->ifindex = interface->index;
	loop_timer_init(&link->repeat, prober->environment.loop, on_repeat);
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		fd = udp_socket_open(families[family], interface->index);
		if (fd < 0 && fd != -EAFNOSUPPORT)
			log_warning_errno(fd, "%s: cannot send SSDP searches: %m", interface->name);
		socket_init(&link->sockets[family], prober, fd);
		if (prober->listeners[family].fd >= 0)
			udp_socket_join(prober->listeners[family].fd, &prober->groups[family],
					interface->index);
	}
	link->next = prober->links;
	prober->links = link;
}

static void remove_link(struct ssdp_prober *prober, struct ssdp_link *link)
{
	struct ssdp_link **at = &prober->links;

	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		socket_deinit(&link->sockets[family]);
		if (prober->listeners[family].fd >= 0)
			udp_socket_leave(prober->listeners[family].fd, &prober->groups[family],
					 link->ifindex);
	}
	upnp_fetcher_forget(prober->fetcher, link->ifindex);
	loop_timer_deinit(&link->repeat);
	free(link);
}

static void ssdp_on_interface(void *object, const struct interface *interface,
			      enum interface_event event)
{
	struct ssdp_prober *prober = object;
	struct ssdp_link *link = find_link(prober, interface->index);

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

static void *ssdp_stop(void *object)
{
	struct ssdp_prober *prober = object;

	if (!prober)
		return NULL;
	while (prober->links)
		remove_link(prober, prober->links);
	for (enum family family = 0; family < FAMILY_COUNT; family++)
		socket_deinit(&prober->listeners[family]);
	upnp_fetcher_free(prober->fetcher);
	free(prober);
	return NULL;
}

static int ssdp_start(void **ret_prober, const struct protocol_environment *environment)
{
	static const char *const groups[FAMILY_COUNT] = { "239.255.255.250", "ff02::c" };
	struct ssdp_prober *prober = xnew(struct ssdp_prober);
	int fd;

	prober->environment = *environment;
	upnp_fetcher_new(&prober->fetcher, environment->loop, on_fetched, prober);
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		netaddr_parse(&prober->groups[family], groups[family]);
		fd = udp_socket_listen(families[family], SSDP_PORT);
		if (fd < 0 && fd != -EAFNOSUPPORT)
			log_warning_errno(fd, "cannot listen for SSDP announcements: %m");
		socket_init(&prober->listeners[family], prober, fd);
	}
	*ret_prober = prober;
	return 0;
}

const struct protocol ssdp_protocol = {
	.name = "ssdp",
	.start = ssdp_start,
	.stop = ssdp_stop,
	.on_interface = ssdp_on_interface,
	.burst = ssdp_burst,
};
