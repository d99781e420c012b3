/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every interface has a socket of its own per address family, on a port of its own: answers come to
 * the port that asked, and a port shared with another program would lose some of them to it. Hello
 * and Bye are multicast, which all listeners of the shared port 3702 get.
 *
 * Repetition is SOAP-over-UDP's: each probe goes out up to four times with the same MessageID, the
 * first gap 50 to 250 ms, doubling to at most 500 ms. Errors in sending are silent, as the standard
 * wants: an interface without a route for a family is no fault.
 */
#include "discoverd/wsd_prober.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "common/log.h"
#include "common/memory.h"
#include "discoverd/udp_socket.h"
#include "discoverd/wsd_message.h"

#define FIRST_GAP_MIN  (50 * USEC_PER_MSEC)
#define FIRST_GAP_SPAN (200 * USEC_PER_MSEC)
#define LONGEST_GAP    (500 * USEC_PER_MSEC)
#define PACKETS_A_TURN 32
#define MAX_RESOLVES   64 /* of one burst */
#define FULL_REPEATS   4
#define LIGHT_REPEATS  2

enum family {
	FAMILY_V4,
	FAMILY_V6,
	FAMILY_COUNT,
};
static const sa_family_t families[FAMILY_COUNT] = { AF_INET, AF_INET6 };

struct wsd_prober;

/* A descriptor on the loop; fd -1: not open. */
struct wsd_socket {
	struct wsd_prober *prober;
	struct loop_io io;
	int fd;
};

struct wsd_link {
	struct wsd_link *next;
	struct wsd_prober *prober;
	unsigned ifindex;
	struct wsd_socket sockets[FAMILY_COUNT];
	struct loop_timer repeat;
	unsigned repeats_left;
	unsigned resolves_left;
	usec_t gap;
	char uuids[WSD_PROBE_FORM_COUNT][WSD_UUID_SIZE];
};

struct wsd_prober {
	struct protocol_environment environment;
	struct netaddr groups[FAMILY_COUNT];
	struct wsd_socket listeners[FAMILY_COUNT];
	struct wsd_link *links;
	struct wsd_message *message; /* too big for the stack */
	char packet[UDP_MAX_PACKET];
};

/* --- sending --- */

static void make_uuid(char buffer[static WSD_UUID_SIZE])
{
	uint8_t random[16];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		abort(); /* cannot happen for 16 bytes after boot */
	wsd_message_uuid(buffer, random);
}

/* From each address of ours, as a camera of another subnet answers only into its own. */
static void send_multicast(struct wsd_link *link, const char *text, size_t size)
{
	struct wsd_prober *prober = link->prober;
	const struct interface *interface = interfaces_find(prober->environment.interfaces,
							    link->ifindex);

	for (size_t i = 0; interface && i < interface->address_count; i++)
		if (interface->addresses[i].address.family == AF_INET &&
		    link->sockets[FAMILY_V4].fd >= 0)
			udp_socket_send(link->sockets[FAMILY_V4].fd, &prober->groups[FAMILY_V4],
					WSD_PORT, link->ifindex, &interface->addresses[i].address,
					text, size);
	if (link->sockets[FAMILY_V6].fd >= 0)
		udp_socket_send(link->sockets[FAMILY_V6].fd, &prober->groups[FAMILY_V6], WSD_PORT,
				link->ifindex, NULL, text, size);
}

static void send_probes(struct wsd_link *link)
{
	char text[WSD_REQUEST_SIZE];
	size_t size;

	for (enum wsd_probe_form form = 0; form < WSD_PROBE_FORM_COUNT; form++) {
		size = wsd_message_probe(text, form, link->uuids[form]);
		send_multicast(link, text, size);
	}
}

static void on_repeat(struct loop_timer *timer)
{
	struct wsd_link *link = container_of(timer, struct wsd_link, repeat);

	send_probes(link);
	if (!--link->repeats_left)
		return;
	loop_timer_arm(&link->repeat, link->gap);
	link->gap = link->gap * 2 > LONGEST_GAP ? LONGEST_GAP : link->gap * 2;
}

static struct wsd_link *find_link(struct wsd_prober *prober, unsigned ifindex)
{
	struct wsd_link *link = prober->links;

	while (link && link->ifindex != ifindex)
		link = link->next;
	return link;
}

static void wsd_burst(void *object, const struct interface *interface, bool light)
{
	struct wsd_link *link = find_link(object, interface->index);
	uint16_t random = 0;

	if (!link)
		return;
	for (enum wsd_probe_form form = 0; form < WSD_PROBE_FORM_COUNT; form++)
		make_uuid(link->uuids[form]);
	(void)!getrandom(&random, sizeof(random), 0);
	link->gap = FIRST_GAP_MIN + FIRST_GAP_SPAN * random / UINT16_MAX;
	link->repeats_left = light ? LIGHT_REPEATS : FULL_REPEATS;
	link->resolves_left = MAX_RESOLVES;
	on_repeat(&link->repeat);
}

static void wsd_ask(void *object, const struct interface *interface, const struct netaddr *address)
{
	struct wsd_link *link = find_link(object, interface->index);
	char text[WSD_REQUEST_SIZE], uuid[WSD_UUID_SIZE];
	int fd;

	if (!link)
		return;
	fd = link->sockets[address->family == AF_INET ? FAMILY_V4 : FAMILY_V6].fd;
	if (fd < 0)
		return;
	make_uuid(uuid);
	udp_socket_send(fd, address, WSD_PORT, link->ifindex, NULL, text,
			wsd_message_probe(text, WSD_PROBE_TRANSMITTER, uuid));
}

/* --- receiving --- */

/* It did not say where its device service is, as it should have. */
static void resolve(struct wsd_link *link, const struct wsd_match *match)
{
	char text[WSD_REQUEST_SIZE], uuid[WSD_UUID_SIZE];
	size_t size;

	if (!link || !link->resolves_left)
		return;
	make_uuid(uuid);
	size = wsd_message_resolve(text, match->endpoint, uuid);
	if (!size)
		return;
	link->resolves_left--;
	send_multicast(link, text, size);
}

static void on_match(struct wsd_prober *prober, const struct netaddr *from, unsigned ifindex,
		     enum wsd_action action, const struct wsd_match *match)
{
	struct sighting sighting = {
		.ifindex = ifindex,
		.address = *from,
		.time = loop_now(prober->environment.loop),
		.leaving = action == WSD_ACTION_BYE,
	};

	wsd_message_evidence(&sighting.evidence, match, sighting.time);
	prober->environment.on_sighting(&sighting, prober->environment.owner);
	sighting_deinit(&sighting);
	if (match->is_onvif && !match->xaddr_count && !sighting.leaving &&
	    action != WSD_ACTION_RESOLVE_MATCHES)
		resolve(find_link(prober, ifindex), match);
}

static void on_packet(struct wsd_prober *prober, const struct netaddr *from, unsigned ifindex,
		      size_t size)
{
	struct wsd_message *message = prober->message;

	if (!interfaces_find(prober->environment.interfaces, ifindex) ||
	    !netaddr_is_unicast_host(from))
		return;
	if (wsd_message_read(message, prober->packet, size, loop_now(prober->environment.loop)) <
	    0) {
		char text[NETADDR_TEXT_SIZE];

		log_debug("%s sent a WS-Discovery message that cannot be read",
			  netaddr_format(from, text));
		return;
	}
	for (size_t i = 0; i < message->match_count; i++)
		on_match(prober, from, ifindex, message->action, &message->matches[i]);
	wsd_message_deinit(message);
}

static void on_readable(struct loop_io *io, unsigned ready)
{
	struct wsd_socket *wsd_socket = container_of(io, struct wsd_socket, io);
	struct wsd_prober *prober = wsd_socket->prober;
	struct netaddr from;
	unsigned ifindex;
	int size;

	for (unsigned i = 0; i < PACKETS_A_TURN; i++) {
		size = udp_socket_receive(wsd_socket->fd, prober->packet, sizeof(prober->packet),
					  &from, &ifindex);
		if (size == -EAGAIN)
			return;
		if (size > 0)
			on_packet(prober, &from, ifindex, (size_t)size);
	}
}

/* --- sockets and interfaces --- */

static void socket_init(struct wsd_socket *wsd_socket, struct wsd_prober *prober, int fd)
{
	wsd_socket->prober = prober;
	wsd_socket->fd = fd;
	if (fd < 0)
		return;
	loop_io_init(&wsd_socket->io, prober->environment.loop, fd, on_readable);
	loop_io_watch(&wsd_socket->io, LOOP_READ);
}

static void socket_deinit(struct wsd_socket *wsd_socket)
{
	loop_io_deinit(&wsd_socket->io);
	if (wsd_socket->fd >= 0)
		close(wsd_socket->fd);
	wsd_socket->fd = -1;
}

static void add_link(struct wsd_prober *prober, const struct interface *interface)
{
	struct wsd_link *link = xnew(struct wsd_link);
	int fd;

	link->prober = prober;
	link->ifindex = interface->index;
	loop_timer_init(&link->repeat, prober->environment.loop, on_repeat);
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		fd = udp_socket_open(families[family], interface->index);
		if (fd < 0 && fd != -EAFNOSUPPORT)
			log_warning_errno(fd, "%s: cannot send WS-Discovery probes: %m",
					  interface->name);
		socket_init(&link->sockets[family], prober, fd);
		if (prober->listeners[family].fd >= 0)
			udp_socket_join(prober->listeners[family].fd, &prober->groups[family],
					interface->index);
	}
	link->next = prober->links;
	prober->links = link;
}

static void remove_link(struct wsd_prober *prober, struct wsd_link *link)
{
	struct wsd_link **at = &prober->links;

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

static void wsd_on_interface(void *object, const struct interface *interface,
			     enum interface_event event)
{
	struct wsd_prober *prober = object;
	struct wsd_link *link = find_link(prober, interface->index);

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

static void *wsd_stop(void *object)
{
	struct wsd_prober *prober = object;

	if (!prober)
		return NULL;
	while (prober->links)
		remove_link(prober, prober->links);
	for (enum family family = 0; family < FAMILY_COUNT; family++)
		socket_deinit(&prober->listeners[family]);
	free(prober->message);
	free(prober);
	return NULL;
}

static int wsd_start(void **ret_prober, const struct protocol_environment *environment)
{
	static const char *const groups[FAMILY_COUNT] = { "239.255.255.250", "ff02::c" };
	struct wsd_prober *prober = xnew(struct wsd_prober);
	int fd;

	prober->environment = *environment;
	prober->message = xnew(struct wsd_message);
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		netaddr_parse(&prober->groups[family], groups[family]);
		fd = udp_socket_listen(families[family], WSD_PORT);
		if (fd < 0 && fd != -EAFNOSUPPORT)
			log_warning_errno(fd, "cannot listen for WS-Discovery announcements: %m");
		socket_init(&prober->listeners[family], prober, fd);
	}
	*ret_prober = prober;
	return 0;
}

const struct protocol wsd_protocol = {
	.name = "wsd",
	.start = wsd_start,
	.stop = wsd_stop,
	.on_interface = wsd_on_interface,
	.burst = wsd_burst,
	.ask = wsd_ask,
};
