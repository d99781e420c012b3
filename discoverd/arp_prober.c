/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ARP on the wire: hears who is there, and asks every address of a network.
 *
 * Every ARP packet tells the address and the MAC of its sender, whatever it asks. Those of the
 * sweep's answers come in the same way as all others. Only a full burst sweeps.
 */
#include <linux/if_ether.h>

#include "common/memory.h"
#include "discoverd/arp_message.h"
#include "discoverd/arp_sweep.h"
#include "discoverd/packet_listener.h"
#include "discoverd/protocol.h"

/* Who floods us with addresses in doubt does not have us flood the link. */
#define DOUBT_GAP    (10 * USEC_PER_MSEC)
#define MOST_AT_ONCE (40 * DOUBT_GAP)

static const struct sock_filter filter[] = {
	BPF_STMT(BPF_RET | BPF_K, 64),
};
static const struct packet_kind arp_packets = { "ARP", ETH_P_ARP, filter, ARRAY_SIZE(filter) };

struct arp_prober;

struct arp_link {
	struct arp_link *next;
	struct arp_prober *prober;
	unsigned ifindex;
	struct arp_sweep *sweep;
	usec_t doubts; /* time up to which those asked about have used the rate */
};

struct arp_prober {
	struct protocol_environment environment;
	struct packet_listener *listener;
	struct arp_link *links;
};

static struct arp_link *find_link(const struct arp_prober *prober, unsigned ifindex)
{
	struct arp_link *link = prober->links;

	while (link && link->ifindex != ifindex)
		link = link->next;
	return link;
}

/* --- hearing --- */

static void on_packet(const struct interface *interface, const uint8_t *bytes, size_t size,
		      void *owner)
{
	struct arp_prober *prober = owner;
	struct arp_link *link = find_link(prober, interface->index);
	struct sighting sighting = { .ifindex = interface->index,
				     .time = loop_now(prober->environment.loop) };
	struct arp_message message;

	if (arp_message_read(&message, bytes, size) < 0)
		return;
	if (link)
		arp_sweep_answered(link->sweep, &message.address);
	sighting.address = message.address;
	sighting.mac = message.mac;
	prober->environment.on_sighting(&sighting, prober->environment.owner);
	sighting_deinit(&sighting);
}

/* --- asking --- */

static bool is_ours(const struct interface *interface, const struct netaddr *address)
{
	for (size_t i = 0; i < interface->address_count; i++)
		if (netaddr_equal(&interface->addresses[i].address, address))
			return true;
	return false;
}

static int on_ask(const struct netaddr *source, const struct netaddr *target, void *owner)
{
	struct arp_link *link = owner;
	struct arp_prober *prober = link->prober;
	const struct interface *interface = interfaces_find(prober->environment.interfaces,
							    link->ifindex);
	uint8_t packet[ARP_MESSAGE_SIZE];

	/* An address that was taken from us meanwhile may be another's by now. */
	if (!interface || (source && !is_ours(interface, source)))
		return 0;
	arp_message_request(packet, &interface->mac, source, target);
	return packet_listener_broadcast(prober->listener, link->ifindex, packet, sizeof(packet));
}

static void arp_burst(void *object, const struct interface *interface, bool light)
{
	struct arp_prober *prober = object;
	struct arp_link *link = find_link(prober, interface->index);

	if (link && !light)
		arp_sweep_start(link->sweep, interface);
}

static void arp_point_to(void *object, const struct interface *interface,
			 const struct netaddr *address)
{
	struct arp_prober *prober = object;
	struct arp_link *link = find_link(prober, interface->index);

	if (link)
		arp_sweep_point_to(link->sweep, address);
}

/* Our own address in the network of the other; NULL: there is none. */
static const struct netaddr *own_address(const struct interface *interface,
					 const struct netaddr *address)
{
	for (size_t i = 0; i < interface->address_count; i++)
		if (netprefix_contains(&interface->addresses[i], address))
			return &interface->addresses[i].address;
	return NULL;
}

static bool may_doubt(struct arp_link *link)
{
	usec_t now = loop_now(link->prober->environment.loop);

	if (link->doubts + MOST_AT_ONCE < now)
		link->doubts = now - MOST_AT_ONCE;
	if (link->doubts >= now)
		return false;
	link->doubts += DOUBT_GAP;
	return true;
}

/* Everybody is asked, as who answered last is in doubt; the kernel learns from the answer, too. */
static void arp_ask(void *object, const struct interface *interface, const struct netaddr *address,
		    unsigned attempt)
{
	struct arp_prober *prober = object;
	struct arp_link *link = find_link(prober, interface->index);

	if (link && address->family == AF_INET && may_doubt(link))
		on_ask(own_address(interface, address), address, link);
}

static struct progress arp_progress(const void *object)
{
	const struct arp_prober *prober = object;
	struct progress all = { 0 }, one;

	for (const struct arp_link *link = prober->links; link; link = link->next) {
		one = arp_sweep_progress(link->sweep);
		all.planned += one.planned;
		all.done += one.done;
	}
	return all;
}

/* --- interfaces --- */

static void remove_link(struct arp_prober *prober, struct arp_link *link)
{
	struct arp_link **at = &prober->links;

	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	arp_sweep_free(link->sweep);
	free(link);
}

static void arp_on_interface(void *object, const struct interface *interface,
			     enum interface_event event)
{
	struct arp_prober *prober = object;
	struct arp_link *link = find_link(prober, interface->index);

	packet_listener_on_interface(prober->listener, interface, event);
	if (event == INTERFACE_VANISHED) {
		if (link)
			remove_link(prober, link);
		return;
	}
	if (link || !packet_listener_has(prober->listener, interface->index))
		return;
	link = xnew(struct arp_link);
	link->prober = prober;
	link->ifindex = interface->index;
	arp_sweep_new(&link->sweep, prober->environment.loop, on_ask, link);
	link->next = prober->links;
	prober->links = link;
}

static void *arp_stop(void *object)
{
	struct arp_prober *prober = object;

	while (prober->links)
		remove_link(prober, prober->links);
	packet_listener_free(prober->listener);
	free(prober);
	return NULL;
}

static int arp_start(void **ret_prober, const struct protocol_environment *environment)
{
	struct arp_prober *prober = xnew(struct arp_prober);

	prober->environment = *environment;
	packet_listener_new(&prober->listener, &prober->environment, &arp_packets, on_packet,
			    prober);
	*ret_prober = prober;
	return 0;
}

const struct protocol arp_protocol = {
	.name = "arp",
	.start = arp_start,
	.stop = arp_stop,
	.on_interface = arp_on_interface,
	.burst = arp_burst,
	.point_to = arp_point_to,
	.ask = arp_ask,
	.asks = { [QUESTION_MAC] = true },
	.asks_below_ip = true,
	.progress = arp_progress,
};
