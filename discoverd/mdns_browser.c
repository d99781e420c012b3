/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DNS-SD over mDNS, through avahi-daemon, which may come, go and restart.
 *
 * One client, one browser per type of service, one resolver per service that is announced. The
 * resolvers stay: avahi tells through them when a service gets another address. A lost daemon takes
 * all of them with it, and the client is made anew; waiting for a daemon costs nothing.
 *
 * The client must not be freed in its own callback: that is left to the timer.
 */
#include <avahi-client/client.h>
#include <avahi-client/lookup.h>
#include <avahi-common/error.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "discoverd/avahi_poll.h"
#include "discoverd/mdns_message.h"
#include "discoverd/protocol.h"

#define MAX_SERVICES   1024 /* announced at a time; more are not looked at */
#define MAX_TYPES      32
#define RECONNECT_SOON (200 * USEC_PER_MSEC)
#define RECONNECT_LATE (30 * USEC_PER_SEC)

struct mdns_browser;

struct service {
	struct service *next;
	struct mdns_browser *browser;
	AvahiServiceResolver *resolver;
	AvahiIfIndex interface;
	AvahiProtocol protocol;
	char *name;
	char *type;
	char *domain;
	struct netaddr address; /* AF_UNSPEC: not resolved yet */
};

struct mdns_browser {
	struct protocol_environment environment;
	AvahiPoll poll;
	AvahiClient *client;
	AvahiServiceBrowser *browsers[MAX_TYPES];
	struct service *services;
	size_t service_count;
	struct loop_timer reconnect;
	bool complained;
};

/* --- services --- */

static void service_free(struct service *service)
{
	struct service **at = &service->browser->services;

	while (*at != service)
		at = &(*at)->next;
	*at = service->next;
	service->browser->service_count--;
	if (service->resolver)
		avahi_service_resolver_free(service->resolver);
	free(service->name);
	free(service->type);
	free(service->domain);
	free(service);
}

static void tell(struct service *service, const struct mdns_service *told, bool leaving)
{
	const struct protocol_environment *environment = &service->browser->environment;
	struct sighting sighting = {
		.ifindex = (unsigned)service->interface,
		.address = service->address,
		.time = loop_now(environment->loop),
		.leaving = leaving,
		.relayed = true,
	};

	if (told)
		mdns_message_read(&sighting.evidence, told, sighting.time);
	if (leaving || sighting.evidence.count)
		environment->on_sighting(&sighting, environment->owner);
	sighting_deinit(&sighting);
}

static void read_address(struct netaddr *ret_address, const AvahiAddress *address)
{
	*ret_address = (struct netaddr){ 0 };
	if (address->proto == AVAHI_PROTO_INET) {
		ret_address->family = AF_INET;
		ret_address->v4.s_addr = address->data.ipv4.address;
	} else if (address->proto == AVAHI_PROTO_INET6) {
		ret_address->family = AF_INET6;
		memcpy(&ret_address->v6, address->data.ipv6.address, sizeof(ret_address->v6));
	}
}

static void on_resolved(AvahiServiceResolver *resolver, AvahiIfIndex interface,
			AvahiProtocol protocol, AvahiResolverEvent event, const char *name,
			const char *type, const char *domain, const char *host_name,
			const AvahiAddress *address, uint16_t port, AvahiStringList *txt,
			AvahiLookupResultFlags flags, void *userdata)
{
	struct service *service = userdata;
	struct mdns_service told = {
		.type = type, .instance = name, .host = host_name, .port = port
	};

	/* A failure means that nobody answered in time: another announcement resolves it later. */
	if (event != AVAHI_RESOLVER_FOUND || (flags & AVAHI_LOOKUP_RESULT_OUR_OWN))
		return;
	read_address(&service->address, address);
	if (!netaddr_is_unicast_host(&service->address))
		return;
	/* A string may hold any byte; what follows a NUL in it is not looked at. */
	for (; txt && told.txt_count < MDNS_MAX_TXT; txt = avahi_string_list_get_next(txt))
		told.txt[told.txt_count++] = (const char *)avahi_string_list_get_text(txt);
	tell(service, &told, false);
}

static struct service *find_service(struct mdns_browser *browser, AvahiIfIndex interface,
				    AvahiProtocol protocol, const char *name, const char *type,
				    const char *domain)
{
	struct service *service = browser->services;

	for (; service; service = service->next)
		if (service->interface == interface && service->protocol == protocol &&
		    strcmp(service->name, name) == 0 && strcmp(service->type, type) == 0 &&
		    strcmp(service->domain, domain) == 0)
			break;
	return service;
}

static void add_service(struct mdns_browser *browser, AvahiIfIndex interface,
			AvahiProtocol protocol, const char *name, const char *type,
			const char *domain)
{
	struct service *service;

	if (find_service(browser, interface, protocol, name, type, domain) ||
	    browser->service_count == MAX_SERVICES)
		return;
	service = xnew(struct service);
	service->browser = browser;
	service->interface = interface;
	service->protocol = protocol;
	service->name = xstrdup(name);
	service->type = xstrdup(type);
	service->domain = xstrdup(domain);
	service->next = browser->services;
	browser->services = service;
	browser->service_count++;
	service->resolver = avahi_service_resolver_new(browser->client, interface, protocol, name,
						       type, domain, protocol, 0, on_resolved,
						       service);
	if (!service->resolver)
		service_free(service);
}

static void remove_service(struct mdns_browser *browser, AvahiIfIndex interface,
			   AvahiProtocol protocol, const char *name, const char *type,
			   const char *domain)
{
	struct service *service = find_service(browser, interface, protocol, name, type, domain);

	if (!service)
		return;
	if (service->address.family != AF_UNSPEC)
		tell(service, NULL, true);
	service_free(service);
}

static void on_browsed(AvahiServiceBrowser *service_browser, AvahiIfIndex interface,
		       AvahiProtocol protocol, AvahiBrowserEvent event, const char *name,
		       const char *type, const char *domain, AvahiLookupResultFlags flags,
		       void *userdata)
{
	struct mdns_browser *browser = userdata;

	switch (event) {
	case AVAHI_BROWSER_NEW:
		if (!(flags & AVAHI_LOOKUP_RESULT_OUR_OWN))
			add_service(browser, interface, protocol, name, type, domain);
		break;
	case AVAHI_BROWSER_REMOVE:
		remove_service(browser, interface, protocol, name, type, domain);
		break;
	case AVAHI_BROWSER_FAILURE:
	case AVAHI_BROWSER_CACHE_EXHAUSTED:
	case AVAHI_BROWSER_ALL_FOR_NOW:
		break;
	}
}

/* --- the client --- */

static void forget_all(struct mdns_browser *browser)
{
	while (browser->services)
		service_free(browser->services);
	for (size_t i = 0; i < MAX_TYPES; i++) {
		if (browser->browsers[i])
			avahi_service_browser_free(browser->browsers[i]);
		browser->browsers[i] = NULL;
	}
}

static void browse(struct mdns_browser *browser, AvahiClient *client)
{
	browser->client = client; /* the first call comes before the client is returned */
	for (size_t i = 0; mdns_types[i] && i < MAX_TYPES; i++)
		if (!browser->browsers[i])
			browser->browsers[i] = avahi_service_browser_new(
				client, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, mdns_types[i], NULL, 0,
				on_browsed, browser);
	log_debug("browsing for mDNS services");
	browser->complained = false;
}

static void on_client(AvahiClient *client, AvahiClientState state, void *userdata)
{
	struct mdns_browser *browser = userdata;

	switch (state) {
	case AVAHI_CLIENT_S_RUNNING:
	case AVAHI_CLIENT_S_REGISTERING:
	case AVAHI_CLIENT_S_COLLISION: /* these are about publishing only */
		browse(browser, client);
		break;
	case AVAHI_CLIENT_FAILURE:
		if (avahi_client_errno(client) != AVAHI_ERR_DISCONNECTED)
			log_warning("lost avahi-daemon: %s",
				    avahi_strerror(avahi_client_errno(client)));
		loop_timer_arm(&browser->reconnect, RECONNECT_SOON);
		break;
	case AVAHI_CLIENT_CONNECTING:
		if (!browser->complained)
			log_info("avahi-daemon is not there; cameras known by mDNS alone will be "
				 "found when it comes");
		browser->complained = true;
		break;
	}
}

static void on_reconnect(struct loop_timer *timer)
{
	struct mdns_browser *browser = container_of(timer, struct mdns_browser, reconnect);

	forget_all(browser);
	if (browser->client)
		avahi_client_free(browser->client);
	browser->client = NULL;
	/* With NO_FAIL only our own lack of memory or of a bus library is left to fail. */
	browser->client = avahi_client_new(&browser->poll, AVAHI_CLIENT_NO_FAIL, on_client, browser,
					   NULL);
	if (browser->client)
		return;
	if (!browser->complained)
		log_warning("cannot use mDNS: no client of avahi-daemon could be made");
	browser->complained = true;
	loop_timer_arm(&browser->reconnect, RECONNECT_LATE);
}

static int mdns_start(void **ret_prober, const struct protocol_environment *environment)
{
	struct mdns_browser *browser = xnew(struct mdns_browser);

	browser->environment = *environment;
	avahi_poll_init(&browser->poll, environment->loop);
	loop_timer_init(&browser->reconnect, environment->loop, on_reconnect);
	loop_timer_arm(&browser->reconnect, 0);
	*ret_prober = browser;
	return 0;
}

static void *mdns_stop(void *object)
{
	struct mdns_browser *browser = object;

	if (!browser)
		return NULL;
	loop_timer_deinit(&browser->reconnect);
	forget_all(browser);
	if (browser->client)
		avahi_client_free(browser->client);
	free(browser);
	return NULL;
}

/* avahi follows the interfaces by itself, and asks for what it browses at its own pace. */
static void mdns_on_interface(void *object, const struct interface *interface,
			      enum interface_event event)
{
}

const struct protocol mdns_protocol = {
	.name = "mdns",
	.start = mdns_start,
	.stop = mdns_stop,
	.on_interface = mdns_on_interface,
};
