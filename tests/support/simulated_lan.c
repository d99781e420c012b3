/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The protocols are those of the table in protocol.h, by the same names; conversations with
 * services are those of conversation.h. WS-Discovery answers after a while, as the standard wants;
 * a service within a round-trip.
 */
#include "tests/support/simulated_lan.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "common/memory.h"
#include "discoverd/conversation.h"
#include "discoverd/probe_plan.h"
#include "tests/support/simulated_kernel.h"
#include "tests/support/test.h"

#define ROUND_TRIP (2 * USEC_PER_MSEC)
#define LATE       (400 * USEC_PER_MSEC)

struct lan_news lan_news;

static struct {
	struct loop *loop;
	struct loop_timer end;
	struct discovery *discovery;
	struct discovery_settings settings;
	const struct protocol_environment *environment; /* the same for all protocols */
	struct protocol_environment copy;
	struct lan_host *hosts;
} lan;

struct netaddr lan_address(const struct lan_host *host)
{
	struct netaddr address = { .family = AF_INET };

	address.v4.s_addr = htonl(0x0a000000 + host->number);
	return address;
}

static struct lan_host *find_host(const struct netaddr *address)
{
	struct lan_host *host = lan.hosts;
	struct netaddr its;

	for (; host; host = host->next) {
		its = lan_address(host);
		if (!host->away && netaddr_equal(&its, address))
			break;
	}
	return host;
}

static const struct mac_address *on_question(unsigned ifindex, const struct netaddr *address)
{
	const struct lan_host *host = find_host(address);

	return host ? &host->parsed : NULL;
}

/* --- what hosts say --- */

void lan_tell(const struct protocol *protocol, struct sighting *sighting)
{
	assert_non_null(lan.environment);
	sighting->ifindex = LAN_INDEX;
	sighting->time = loop_now(lan.loop);
	lan.environment->on_sighting(sighting, lan.environment->owner);
	sighting_deinit(sighting);
}

static void say(const struct lan_host *host, bool leaving)
{
	struct sighting sighting = { .address = lan_address(host), .leaving = leaving };
	usec_t now = loop_now(lan.loop);

	evidence_add(&sighting.evidence, SOURCE_WSD, FIELD_TRAIT, "onvif-transmitter", now);
	evidence_add(&sighting.evidence, SOURCE_WSD, FIELD_ENDPOINT, host->endpoint, now);
	evidence_add_port(&sighting.evidence, SOURCE_WSD, FIELD_HINT, 80, "http", now);
	lan_tell(&wsd_protocol, &sighting);
}

void lan_hello(const struct lan_host *host)
{
	say(host, false);
}

void lan_bye(const struct lan_host *host)
{
	say(host, true);
}

void lan_announce(const struct lan_host *host)
{
	struct sighting sighting = { .address = lan_address(host), .mac = host->parsed };

	lan_tell(&arp_protocol, &sighting);
}

/* As dhcp_listener.c does it: who it is, and where it will be. */
void lan_request_lease(const struct lan_host *host)
{
	struct sighting client = { .mac = host->parsed };
	struct sighting place = { .address = lan_address(host), .expected = true };

	lan_tell(&dhcp_protocol, &client);
	lan_tell(&dhcp_protocol, &place);
}

static void on_answer(struct loop_timer *timer)
{
	struct lan_host *host = container_of(timer, struct lan_host, answer);

	if (!host->away)
		lan_hello(host);
}

static void answer_after(struct lan_host *host, usec_t time)
{
	if (!host->away && host->endpoint[0])
		loop_timer_arm(&host->answer, time);
}

/* --- protocols --- */

static int start(void **ret_prober, const struct protocol_environment *environment)
{
	lan.copy = *environment; /* the caller's is on its stack */
	lan.environment = &lan.copy;
	*ret_prober = &lan;
	return 0;
}

static void *stop(void *prober)
{
	lan.environment = NULL;
	return NULL;
}

static void on_interface(void *prober, const struct interface *interface,
			 enum interface_event event)
{
}

static void wsd_burst(void *prober, const struct interface *interface, bool light)
{
	if (light)
		lan_news.light_bursts++;
	else
		lan_news.full_bursts++;
	for (struct lan_host *host = lan.hosts; host; host = host->next)
		answer_after(host, LATE);
}

static void wsd_ask(void *prober, const struct interface *interface, const struct netaddr *address,
		    unsigned attempt)
{
	struct lan_host *host = lan.hosts;
	struct netaddr its;

	simulated_kernel_send(interface->index, address);
	for (; host; host = host->next) {
		its = lan_address(host);
		if (!netaddr_equal(&its, address))
			continue;
		host->asked++;
		answer_after(host, ROUND_TRIP);
	}
}

/* The sweep: who has an address answers. */
static void arp_burst(void *prober, const struct interface *interface, bool light)
{
	for (const struct lan_host *host = lan.hosts; host && !light; host = host->next)
		if (!host->away)
			lan_announce(host);
}

#define LISTENER .start = start, .stop = stop, .on_interface = on_interface
const struct protocol wsd_protocol = { "wsd", LISTENER, .burst = wsd_burst, .ask = wsd_ask,
				       .asks = { [QUESTION_THERE] = true, [QUESTION_WHO] = true } };
const struct protocol arp_protocol = { "arp", LISTENER, .burst = arp_burst };
const struct protocol mdns_protocol = { "mdns", LISTENER };
const struct protocol ssdp_protocol = { "ssdp", LISTENER };
const struct protocol dhcp_protocol = { "dhcp", LISTENER };
const struct protocol ndp_protocol = { "ndp", LISTENER };

/* --- services --- */

struct talk {
	struct conversation conversation;
	struct loop_timer timer;
	enum probe_result result;
};

static void on_talked(struct loop_timer *timer)
{
	struct talk *talk = container_of(timer, struct talk, timer);
	struct conversation *conversation = &talk->conversation;

	conversation->handlers->on_done(conversation, talk->result, &conversation->evidence,
					conversation->owner);
}

static enum source source_of(const struct service_probe *probe)
{
	return probe == &rtsp_probe   ? SOURCE_RTSP
	       : probe == &http_probe ? SOURCE_HTTP
				      : SOURCE_ONVIF;
}

static bool has_service(const struct lan_host *host, enum source source, uint16_t port)
{
	if (source == SOURCE_RTSP)
		return host->rtsp && port == 554;
	/* It has no ONVIF, as far as anybody without a password sees. */
	return source == SOURCE_HTTP && host->http && port == 80;
}

static void answer(struct talk *talk, enum source source, const struct lan_host *host)
{
	struct evidence *evidence = &talk->conversation.evidence;
	usec_t now = loop_now(talk->conversation.loop);

	talk->result = PROBE_CONFIRMED;
	evidence_add_port(evidence, source, FIELD_SERVICE, talk->conversation.target.place.port,
			  source == SOURCE_RTSP ? "rtsp" : "http", now);
	if (source == SOURCE_RTSP)
		evidence_add(evidence, source, FIELD_TRAIT, "rtsp-answers", now);
	else if (host->server)
		evidence_add(evidence, source, FIELD_TRAIT, "http-vendor", now);
}

int conversation_start(struct conversation **ret_conversation, struct loop *loop,
		       const struct service_probe *probe, const struct probe_target *target,
		       const struct conversation_handlers *handlers, void *owner)
{
	const struct tcp_place *place = &target->place;
	struct lan_host *host = find_host(&place->address);
	enum source source = source_of(probe);
	struct talk *talk = xnew(struct talk);

	for (struct lan_host *each = lan.hosts; each; each = each->next) {
		struct netaddr address = lan_address(each);

		each->connections += netaddr_equal(&address, &place->address);
	}
	simulated_kernel_send(place->ifindex, &place->address);
	talk->conversation.loop = loop;
	talk->conversation.target = *target;
	talk->conversation.handlers = handlers;
	talk->conversation.owner = owner;
	talk->result = host ? PROBE_REFUSED : PROBE_SILENT;
	if (host && has_service(host, source, place->port))
		answer(talk, source, host);
	loop_timer_init(&talk->timer, loop, on_talked);
	loop_timer_arm(&talk->timer, host ? ROUND_TRIP : target->patience);
	*ret_conversation = &talk->conversation;
	return 0;
}

/* No server keeps a connection. */
int conversation_continue(struct conversation **ret_conversation, struct conversation *before,
			  const struct service_probe *probe, const struct probe_target *target,
			  const struct conversation_handlers *handlers, void *owner)
{
	return -ENOTCONN;
}

struct conversation *conversation_free(struct conversation *conversation)
{
	struct talk *talk = container_of(conversation, struct talk, conversation);

	loop_timer_deinit(&talk->timer);
	evidence_deinit(&conversation->evidence);
	free(talk);
	return NULL;
}

/* --- the listener --- */

static void on_published(struct device *device, void *owner)
{
	lan_news.published++;
	lan_news.published_at = loop_now(lan.loop);
}

static void on_changed(struct device *device, void *owner)
{
	lan_news.changed++;
}

static void on_withdrawn(struct device *device, void *owner)
{
	lan_news.withdrawn++;
}

static void on_nothing(void *owner)
{
}

static const struct discovery_listener listener = { on_published, on_changed, on_withdrawn,
						    on_nothing, on_nothing };

/* --- the site --- */

struct lan_host *lan_add_computer(unsigned number)
{
	struct lan_host *host = xnew(struct lan_host);

	host->number = number;
	snprintf(host->mac, sizeof(host->mac), "52:54:00:00:aa:%02x", number & 255);
	assert_int_equal(mac_parse(&host->parsed, host->mac), 0);
	loop_timer_init(&host->answer, lan.loop, on_answer);
	host->next = lan.hosts;
	lan.hosts = host;
	return host;
}

struct lan_host *lan_add_camera(unsigned number)
{
	struct lan_host *host = lan_add_computer(number);

	snprintf(host->endpoint, sizeof(host->endpoint), "urn:uuid:%u", number);
	host->http = host->rtsp = true;
	return host;
}

struct lan_host *lan_hosts(void)
{
	return lan.hosts;
}

static void on_end(struct loop_timer *timer)
{
	loop_stop(lan.loop, 0);
}

void lan_run(usec_t time)
{
	loop_timer_arm(&lan.end, time);
	assert_int_equal(loop_run(lan.loop), 0);
}

const struct device *lan_device(const struct lan_host *host)
{
	return discovery_find(lan.discovery, host->mac);
}

void lan_set_carrier(bool has_carrier)
{
	const struct simulated_link eth0 = {
		.index = LAN_INDEX,
		.name = "eth0",
		.flags = IFF_UP | IFF_MULTICAST | IFF_BROADCAST | (has_carrier ? IFF_RUNNING : 0U),
		.mac = "52:54:00:00:00:01",
	};

	simulated_kernel_set_link(&eth0);
}

void lan_init(void)
{
	static char no_directory[] = "/nonexistent"; /* nobody adds an address */

	memset(&lan, 0, sizeof(lan));
	lan_news = (struct lan_news){ 0 };
	assert_int_equal(loop_new(&lan.loop), 0);
	loop_timer_init(&lan.end, lan.loop, on_end);
	simulated_kernel_init(lan.loop, on_question);
	lan_set_carrier(true);
	simulated_kernel_set_address(LAN_INDEX, "10.0.0.1/24", 0);
	lan.settings = (struct discovery_settings){ .burst_interval = 600 * USEC_PER_SEC,
						    .max_devices = 1024,
						    .state_directory = no_directory };
	assert_int_equal(discovery_new(&lan.discovery, lan.loop, &lan.settings), 0);
	discovery_listen(lan.discovery, &listener, NULL);
	discovery_start(lan.discovery);
}

void lan_deinit(void)
{
	lan.discovery = discovery_free(lan.discovery);
	for (struct lan_host *host; (host = lan.hosts);) {
		lan.hosts = host->next;
		loop_timer_deinit(&host->answer);
		free(host);
	}
	simulated_kernel_deinit();
	loop_timer_deinit(&lan.end);
	loop_free(lan.loop);
}
