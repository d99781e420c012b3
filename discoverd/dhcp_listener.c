/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DHCP as others speak it: hears who comes, and what it calls itself. Sends nothing.
 *
 * Clients without an address broadcast, and so say to everybody who they are before they can be
 * asked. What a client says belongs to its MAC; the address that it asks for, or that a server
 * grants it, is a reason to look there.
 */
#include <linux/if_ether.h>
#include <netinet/in.h>

#include "common/memory.h"
#include "discoverd/dhcp_message.h"
#include "discoverd/packet_listener.h"
#include "discoverd/protocol.h"

enum {
	IP_FRAGMENT = 6,
	IP_PROTOCOL = 9,
	UDP_DESTINATION = 2,
	PORT_SERVER = 67,
	PORT_CLIENT = 68,
};

/* udp and (dst port 67 or 68), and not a later fragment, which has no ports. */
static const struct sock_filter filter[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, IP_PROTOCOL),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 7),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, IP_FRAGMENT),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 5, 0),
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), /* size of the IP header */
	BPF_STMT(BPF_LD | BPF_H | BPF_IND, UDP_DESTINATION),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PORT_SERVER, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PORT_CLIENT, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, 0x40000),
	BPF_STMT(BPF_RET | BPF_K, 0),
};
static const struct packet_kind dhcp_packets = { "DHCP", ETH_P_IP, filter, ARRAY_SIZE(filter) };

struct dhcp_listener {
	struct protocol_environment environment;
	struct packet_listener *listener;
};

static void tell(struct dhcp_listener *listener, struct sighting *sighting)
{
	listener->environment.on_sighting(sighting, listener->environment.owner);
	sighting_deinit(sighting);
}

static void on_packet(const struct interface *interface, const uint8_t *bytes, size_t size,
		      void *owner)
{
	struct dhcp_listener *listener = owner;
	usec_t now = loop_now(listener->environment.loop);
	struct sighting client = { .ifindex = interface->index, .time = now };
	struct sighting place = { .ifindex = interface->index, .time = now, .expected = true };
	struct dhcp_message message;

	if (dhcp_message_read(&message, bytes, size) < 0 || message.releases)
		return;
	client.mac = message.mac;
	dhcp_message_evidence(&client.evidence, &message, now);
	tell(listener, &client);
	place.address = message.address;
	if (place.address.family != AF_UNSPEC)
		tell(listener, &place);
}

static void dhcp_on_interface(void *object, const struct interface *interface,
			      enum interface_event event)
{
	struct dhcp_listener *listener = object;

	packet_listener_on_interface(listener->listener, interface, event);
}

static void *dhcp_stop(void *object)
{
	struct dhcp_listener *listener = object;

	packet_listener_free(listener->listener);
	free(listener);
	return NULL;
}

static int dhcp_start(void **ret_prober, const struct protocol_environment *environment)
{
	struct dhcp_listener *listener = xnew(struct dhcp_listener);

	listener->environment = *environment;
	packet_listener_new(&listener->listener, &listener->environment, &dhcp_packets, on_packet,
			    listener);
	*ret_prober = listener;
	return 0;
}

const struct protocol dhcp_protocol = {
	.name = "dhcp",
	.start = dhcp_start,
	.stop = dhcp_stop,
	.on_interface = dhcp_on_interface,
};
