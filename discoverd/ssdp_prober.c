/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SSDP on the wire: searches per interface, an ear for NOTIFY, and the descriptions that both point
 * to.
 *
 * An answer without any evidence (most cameras are "Basic:1") counts through its description, which
 * is fetched from the sender of the packet and from nobody else.
 */
#include "common/log.h"
#include "common/memory.h"
#include "discoverd/multicast_prober.h"
#include "discoverd/protocol.h"
#include "discoverd/ssdp_message.h"
#include "discoverd/upnp_fetcher.h"

struct ssdp_prober {
	struct protocol_environment environment;
	struct multicast_prober *multicast;
	struct upnp_fetcher *fetcher;
};

/* --- sending --- */

static void on_round(const struct multicast_round *round, void *owner)
{
	struct ssdp_prober *prober = owner;
	char text[SSDP_REQUEST_SIZE];

	for (enum ssdp_target target = 0; target < SSDP_TARGET_ALL; target++)
		multicast_prober_send_all(prober->multicast, round->interface, round->group->family,
					  text, ssdp_message_search(text, target, round->group));
}

static void ssdp_burst(void *object, const struct interface *interface, bool light)
{
	struct ssdp_prober *prober = object;

	if (!light)
		upnp_fetcher_forget(prober->fetcher, interface->index);
	multicast_prober_burst(prober->multicast, interface, light);
}

/* First for all that it has: it says that in several packets, of which one gets through, and some
 * devices know only a type of theirs. Others do not know that search. */
static void ssdp_ask(void *object, const struct interface *interface, const struct netaddr *address,
		     unsigned attempt)
{
	struct ssdp_prober *prober = object;
	enum ssdp_target target = attempt % 2 ? SSDP_TARGET_ROOT_DEVICE : SSDP_TARGET_ALL;
	char text[SSDP_REQUEST_SIZE];

	/* Who is beyond a router would not be called for his description. */
	if (interface != &interface_routed)
		multicast_prober_send(prober->multicast, interface, address, text,
				      ssdp_message_search(text, target, address));
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

/*
 * A device says what it is in several messages, one per type, and the one that came first may not
 * be the one that tells a printer. An announcement has them in a row, a search within its MX.
 */
static usec_t patience(const struct evidence *evidence, bool announced)
{
	if (evidence_confidence(evidence) >= CAMERA_FROM)
		return 0;
	return announced ? 300 * USEC_PER_MSEC : SSDP_LONGEST_WAIT;
}

static bool is_other(const struct upnp_place *place, void *owner)
{
	struct ssdp_prober *prober = owner;

	return prober->environment.is_other(place->ifindex, &place->address,
					    prober->environment.owner);
}

static void on_message(struct ssdp_prober *prober, const struct multicast_packet *packet,
		       const struct ssdp_message *message)
{
	struct upnp_place place = { .ifindex = packet->interface->index, .address = packet->from };
	struct sighting sighting = { .ifindex = packet->interface->index,
				     .address = packet->from,
				     .time = loop_now(prober->environment.loop),
				     .leaving = message->kind == SSDP_LEAVING };
	usec_t wait;

	ssdp_message_evidence(&sighting.evidence, message, sighting.time);
	wait = patience(&sighting.evidence, message->is_announcement);
	tell(prober, &sighting);
	/* Only hosts on the link are called: the sender's address may be forged. */
	if (message->kind == SSDP_PRESENT &&
	    interface_is_on_link(packet->interface, &packet->from) &&
	    !interfaces_is_own(prober->environment.interfaces, &packet->from) &&
	    ssdp_message_location(message, &packet->from, &place.port, place.path))
		upnp_fetcher_add(prober->fetcher, &place, wait);
}

static void on_packet(const struct multicast_packet *packet, void *owner)
{
	struct ssdp_prober *prober = owner;
	struct ssdp_message message;
	char text[NETADDR_TEXT_SIZE];

	if (ssdp_message_read(&message, packet->bytes, packet->size) < 0)
		log_debug("%s sent an SSDP message that cannot be read",
			  netaddr_format(&packet->from, text));
	else if (message.kind != SSDP_OTHER)
		on_message(prober, packet, &message);
}

/* --- life --- */

static struct progress ssdp_progress(const void *object)
{
	const struct ssdp_prober *prober = object;

	return upnp_fetcher_progress(prober->fetcher);
}

static void ssdp_on_interface(void *object, const struct interface *interface,
			      enum interface_event event)
{
	struct ssdp_prober *prober = object;

	multicast_prober_on_interface(prober->multicast, interface, event);
	if (event == INTERFACE_VANISHED)
		upnp_fetcher_forget(prober->fetcher, interface->index);
}

static void *ssdp_stop(void *object)
{
	struct ssdp_prober *prober = object;

	if (!prober)
		return NULL;
	multicast_prober_free(prober->multicast);
	upnp_fetcher_free(prober->fetcher);
	free(prober);
	return NULL;
}

static int ssdp_start(void **ret_prober, const struct protocol_environment *environment)
{
	static const struct multicast_protocol protocol = {
		.name = "SSDP",
		.groups = { "239.255.255.250", "ff02::c" },
		.port = SSDP_PORT,
		.full_repeats = 3,
		.light_repeats = 1,
		.first_gap = 700 * USEC_PER_MSEC,
		.longest_gap = 700 * USEC_PER_MSEC,
	};
	static const struct multicast_handlers handlers = { on_round, on_packet };
	struct ssdp_prober *prober = xnew(struct ssdp_prober);

	prober->environment = *environment;
	upnp_fetcher_new(&prober->fetcher, environment->loop, environment->budget, on_fetched,
			 is_other, prober);
	multicast_prober_new(&prober->multicast, &protocol, environment, &handlers, prober);
	*ret_prober = prober;
	return 0;
}

const struct protocol ssdp_protocol = {
	.name = "ssdp",
	.start = ssdp_start,
	.stop = ssdp_stop,
	.on_interface = ssdp_on_interface,
	.burst = ssdp_burst,
	.ask = ssdp_ask,
	.asks = { [QUESTION_WHO] = true },
	.progress = ssdp_progress,
};
