/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * WS-Discovery on the wire: probes per interface, and an ear for Hello and Bye.
 *
 * Repetition is SOAP-over-UDP's: each probe goes out up to four times with the same MessageID, the
 * first gap 50 to 250 ms, doubling to at most 500 ms. Errors in sending are silent, as the standard
 * wants.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/log.h"
#include "common/memory.h"
#include "discoverd/multicast_prober.h"
#include "discoverd/protocol.h"
#include "discoverd/wsd_message.h"

/* From one burst to the next. */
#define MAX_RESOLVES 256 /* a device without an address says so to each probe */
#define MAX_PLACES   64
#define PLACES_EACH  2 /* that one device may name besides the one it answers from */

struct wsd_prober {
	struct protocol_environment environment;
	struct multicast_prober *multicast;
	unsigned resolves_left;
	unsigned places_left;
	struct wsd_message *message; /* too big for the stack */
};

/* --- sending --- */

static void make_uuid(char buffer[static WSD_UUID_SIZE])
{
	uint8_t random[16];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		abort(); /* cannot happen for 16 bytes after boot */
	wsd_message_uuid(buffer, random);
}

static void on_round(const struct multicast_round *round, void *owner)
{
	struct wsd_prober *prober = owner;
	char text[WSD_REQUEST_SIZE], uuid[WSD_UUID_SIZE];
	uint8_t id[sizeof(round->burst)];

	memcpy(id, round->burst, sizeof(id));
	for (enum wsd_probe_form form = 0; form < WSD_PROBE_FORM_COUNT; form++) {
		id[0] = (uint8_t)(round->burst[0] + form);
		wsd_message_uuid(uuid, id);
		multicast_prober_send_all(prober->multicast, round->interface, round->group->family,
					  text, wsd_message_probe(text, form, uuid));
	}
}

static void wsd_burst(void *object, const struct interface *interface, bool light)
{
	struct wsd_prober *prober = object;

	prober->resolves_left = MAX_RESOLVES;
	prober->places_left = MAX_PLACES;
	multicast_prober_burst(prober->multicast, interface, light);
}

/* In turn with the type that nearly all cameras have, without types for those that lack it, and in
 * the other dialect. */
static void wsd_ask(void *object, const struct interface *interface, const struct netaddr *address,
		    unsigned attempt)
{
	static const enum wsd_probe_form forms[] = { WSD_PROBE_TRANSMITTER, WSD_PROBE_ANY,
						     WSD_PROBE_OASIS };
	struct wsd_prober *prober = object;
	char text[WSD_REQUEST_SIZE], uuid[WSD_UUID_SIZE];

	make_uuid(uuid);
	multicast_prober_send(prober->multicast, interface, address, text,
			      wsd_message_probe(text, forms[attempt % ARRAY_SIZE(forms)], uuid));
}

/* It did not say where its device service is, as it should have. The standard wants to ask
 * everybody; who is asked directly as well answers even where multicast does not reach. */
static void resolve(struct wsd_prober *prober, const struct multicast_packet *packet,
		    const struct wsd_match *match, bool oasis)
{
	char text[WSD_REQUEST_SIZE], uuid[WSD_UUID_SIZE];
	size_t size;

	if (!prober->resolves_left)
		return;
	make_uuid(uuid);
	size = wsd_message_resolve(text, match->endpoint, oasis, uuid);
	if (!size)
		return;
	prober->resolves_left--;
	multicast_prober_send_all(prober->multicast, packet->interface, packet->from.family, text,
				  size);
	multicast_prober_send(prober->multicast, packet->interface, &packet->from, text, size);
}

/* --- receiving --- */

/*
 * The address that a device answers from is where it is; the one it names may be another's, or
 * nobody's. But where we cannot call it at the former, the latter may be its second one. So that is
 * looked for, if it is of a network of ours: whose MAC address answers there tells whether it is
 * the same device, and nothing that was said goes to anybody else.
 */
static void look_for_others(struct wsd_prober *prober, const struct multicast_packet *packet,
			    const struct wsd_match *match)
{
	struct sighting place = { .ifindex = packet->interface->index,
				  .time = loop_now(prober->environment.loop),
				  .expected = true };
	unsigned left = PLACES_EACH;

	if (!netaddr_is_link_local(&packet->from) &&
	    interface_has_network(packet->interface, &packet->from))
		return;
	for (size_t i = 0; i < match->xaddr_count && left && prober->places_left; i++) {
		place.address = match->xaddrs[i].host;
		if (!netaddr_is_unicast_host(&place.address) ||
		    netaddr_equal(&place.address, &packet->from) ||
		    !interface_has_network(packet->interface, &place.address))
			continue;
		left--;
		prober->places_left--;
		prober->environment.on_sighting(&place, prober->environment.owner);
	}
}

static void on_match(struct wsd_prober *prober, const struct multicast_packet *packet,
		     const struct wsd_message *message, const struct wsd_match *match)
{
	enum wsd_action action = message->action;
	struct sighting sighting = {
		.ifindex = packet->interface->index,
		.address = packet->from,
		.time = loop_now(prober->environment.loop),
		.leaving = action == WSD_ACTION_BYE,
	};

	wsd_message_evidence(&sighting.evidence, match, sighting.time);
	prober->environment.on_sighting(&sighting, prober->environment.owner);
	sighting_deinit(&sighting);
	if (match->is_onvif && !match->xaddr_count && !sighting.leaving &&
	    action != WSD_ACTION_RESOLVE_MATCHES)
		resolve(prober, packet, match, message->oasis);
	if (match->is_onvif && !sighting.leaving)
		look_for_others(prober, packet, match);
}

static void on_packet(const struct multicast_packet *packet, void *owner)
{
	struct wsd_prober *prober = owner;
	struct wsd_message *message = prober->message;
	char text[NETADDR_TEXT_SIZE];

	if (wsd_message_read(message, packet->bytes, packet->size,
			     loop_now(prober->environment.loop)) < 0) {
		log_debug("%s sent a WS-Discovery message that cannot be read",
			  netaddr_format(&packet->from, text));
		return;
	}
	for (size_t i = 0; i < message->match_count; i++)
		on_match(prober, packet, message, &message->matches[i]);
	wsd_message_deinit(message);
}

/* --- life --- */

static void wsd_on_interface(void *object, const struct interface *interface,
			     enum interface_event event)
{
	struct wsd_prober *prober = object;

	multicast_prober_on_interface(prober->multicast, interface, event);
}

static void *wsd_stop(void *object)
{
	struct wsd_prober *prober = object;

	if (!prober)
		return NULL;
	multicast_prober_free(prober->multicast);
	free(prober->message);
	free(prober);
	return NULL;
}

static int wsd_start(void **ret_prober, const struct protocol_environment *environment)
{
	static const struct multicast_protocol protocol = {
		.name = "WS-Discovery",
		.groups = { "239.255.255.250", "ff02::c" },
		.port = WSD_PORT,
		.full_repeats = 4,
		.light_repeats = 2,
		.first_gap = 50 * USEC_PER_MSEC,
		.jitter = 200 * USEC_PER_MSEC,
		.longest_gap = 500 * USEC_PER_MSEC,
	};
	static const struct multicast_handlers handlers = { on_round, on_packet };
	struct wsd_prober *prober = xnew(struct wsd_prober);

	prober->environment = *environment;
	prober->message = xnew(struct wsd_message);
	multicast_prober_new(&prober->multicast, &protocol, environment, &handlers, prober);
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
	.asks = { [QUESTION_THERE] = true, [QUESTION_WHO] = true },
};
