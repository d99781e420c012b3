/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way of a sighting: a prober makes it of a packet; the MAC behind its address is looked up, or
 * waited for in the queue; the table brings it to its device; the device, changed, is published
 * from a confidence on, and its services are confirmed, whose answers are further evidence.
 *
 * All parts are owned here and know each other only through the callbacks below.
 */
#include "discoverd/discovery.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "common/log.h"
#include "common/memory.h"
#include "discoverd/arp_sweep.h"
#include "discoverd/keeper.h"
#include "discoverd/protocol.h"
#include "discoverd/schedule.h"
#include "discoverd/service_watch.h"
#include "discoverd/sighting_queue.h"

/* The protocols: one line each. */
static const struct protocol *const protocols[] = {
	&wsd_protocol, &mdns_protocol, &ssdp_protocol, &arp_protocol, &dhcp_protocol, &ndp_protocol,
};

#define PROGRESS_INTERVAL (500 * USEC_PER_MSEC)
#define AGE_BURSTS        6
#define LEAST_AGE         (3600 * USEC_PER_SEC) /* descriptions are fetched less often */
#define STRANGER_TIME     (600 * USEC_PER_MSEC) /* more than WS-Discovery and SSDP take to answer */
#define HEARD_INTERVAL    USEC_PER_SEC /* to hear of the same host again sooner is no news */
/* Hosts that nobody has heard of before; a sweep finds no more than it asks for. Who floods the
 * link with forged ones does not keep the loop busy. */
#define NEWCOMER_GAP       USEC_PER_MSEC
#define MOST_NEWCOMERS     USEC_PER_SEC /* at once, as time */
#define MOST_OWN_ADDRESSES 4 /* of one family, that one MAC is believed to have on an interface */

struct discovery {
	struct loop *loop;
	const struct discovery_settings *settings;
	struct interfaces *interfaces;
	struct neighbours *neighbours;
	struct sighting_queue *queue;
	struct device_table *table;
	struct keeper *keeper;
	struct connection_budget budget;
	struct service_watch *services;
	struct schedule *schedule;
	struct unicast_search *search;
	void *probers[ARRAY_SIZE(protocols)]; /* NULL: could not be started */
	const struct discovery_listener *listener;
	void *owner;
	unsigned published;
	usec_t newcomers;                 /* time up to which those let in have used the rate */
	struct loop_timer stranger_timer; /* armed while hosts are to be explained */
	bool strangers;                   /* it is */
	struct loop_timer progress_timer; /* armed during a scan */
	unsigned progress;                /* as last told to the listener */
	bool scanning;                    /* as last told to the listener */
	bool scanning_full;               /* on all interfaces, by request or at the start */
};

const struct config_option discovery_options[] = {
	{ "include_interfaces", CONFIG_STRINGS,
	  offsetof(struct discovery_settings, include_interfaces), NULL,
	  "Look for devices on network interfaces of these names only (shell patterns)." },
	{ "exclude_interfaces", CONFIG_STRINGS,
	  offsetof(struct discovery_settings, exclude_interfaces),
	  "vpn_* docker* br-???????????? virbr* lxcbr* lxdbr* podman* cni* flannel* cali* "
	  "tailscale* zt* wg*",
	  "Never look on network interfaces of these names (shell patterns)." },
	{ "burst_interval", CONFIG_SECONDS, offsetof(struct discovery_settings, burst_interval),
	  "10min", "Ask all devices again at this interval.", 60, 24 * 3600 },
	{ "max_devices", CONFIG_NUMBER, offsetof(struct discovery_settings, max_devices), "1024",
	  "Keep at most this many devices.", 16, 16384 },
	{ "networks", CONFIG_STRINGS, offsetof(struct discovery_settings, networks), NULL,
	  "Networks beyond a router in which each host is asked, 65536 addresses together." },
	{ "state_directory", CONFIG_PATH, offsetof(struct discovery_settings, state_directory),
	  "/var/lib/evercam-gateway/discoverd", "Where added addresses are kept." },
	CONFIG_END
};

int discovery_check(const void *object, struct config_refusal *refusal)
{
	const struct discovery_settings *settings = object;
	struct remote_hosts *hosts = xnew(struct remote_hosts);
	int r = 0;

	for (size_t i = 0; settings->networks && settings->networks[i] && r == 0; i++) {
		r = remote_hosts_add_network(hosts, settings->networks[i]);
		if (r == -E2BIG)
			r = config_refuse_word(refusal, "networks", i,
					       "only 65536 addresses in 64 networks can be asked; "
					       "give smaller networks, as 10.1.0.0/22");
		else if (r < 0)
			r = config_refuse_word(refusal, "networks", i,
					       "not a network of other hosts; write it as "
					       "10.1.0.0/22");
	}
	free(hosts);
	return r;
}

/* --- what others see --- */

static void tell_state(struct discovery *discovery)
{
	if (discovery->listener)
		discovery->listener->on_state(discovery->owner);
}

static struct progress progress_of(const struct discovery *discovery, size_t protocol)
{
	if (!discovery->probers[protocol] || !protocols[protocol]->progress)
		return (struct progress){ 0 };
	return protocols[protocol]->progress(discovery->probers[protocol]);
}

static bool is_busy(const struct discovery *discovery)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (progress_is_busy(progress_of(discovery, i)))
			return true;
	return discovery->strangers || schedule_is_active(discovery->schedule) ||
	       progress_is_busy(unicast_search_progress(discovery->search)) ||
	       service_watch_is_busy(discovery->services);
}

/* As far as the part that is furthest behind; never back, though new work may turn up. */
static unsigned measure_progress(const struct discovery *discovery)
{
	unsigned least = progress_percent(schedule_progress(discovery->schedule)), percent;

	percent = progress_percent(unicast_search_progress(discovery->search));
	if (percent < least)
		least = percent;

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		percent = progress_percent(progress_of(discovery, i));
		if (percent < least)
			least = percent;
	}
	if (least > 99)
		least = 99; /* services are being confirmed */
	return least > discovery->progress ? least : discovery->progress;
}

static void tell_progress(struct discovery *discovery, unsigned progress)
{
	if (progress == discovery->progress)
		return;
	discovery->progress = progress;
	if (discovery->listener)
		discovery->listener->on_progress(discovery->owner);
}

static void update_scanning(struct discovery *discovery)
{
	bool scanning = is_busy(discovery);

	if (scanning == discovery->scanning)
		return;
	discovery->scanning = scanning;
	tell_progress(discovery, scanning ? 0 : 100);
	if (scanning) {
		loop_timer_arm(&discovery->progress_timer, PROGRESS_INTERVAL);
	} else {
		loop_timer_cancel(&discovery->progress_timer);
		discovery->scanning_full = false;
	}
	tell_state(discovery);
}

static void on_progress(struct loop_timer *timer)
{
	struct discovery *discovery = container_of(timer, struct discovery, progress_timer);

	loop_timer_arm(timer, PROGRESS_INTERVAL);
	tell_progress(discovery, measure_progress(discovery));
	update_scanning(discovery);
}

/* Cameras are numbered in a row: where one is, there are others. */
static void point_to(struct discovery *discovery, const struct device *device)
{
	const struct device_address *address = device_address(device);
	const struct interface *interface = device->published && address
						    ? interfaces_find(discovery->interfaces,
								      address->ifindex)
						    : NULL;

	for (size_t i = 0; interface && i < ARRAY_SIZE(protocols); i++)
		if (discovery->probers[i] && protocols[i]->point_to)
			protocols[i]->point_to(discovery->probers[i], interface, &address->address);
}

static void publish(struct discovery *discovery, struct device *device)
{
	const struct device_address *address = device_address(device);
	const char *vendor = evidence_best(&device->evidence, FIELD_VENDOR);
	const char *model = evidence_best(&device->evidence, FIELD_MODEL);
	char text[NETADDR_TEXT_SIZE], field[IDENTITY_NAME_SIZE + 8];

	identity_name(&device->identity, device->name);
	device->told = address ? address->address : (struct netaddr){ 0 };
	device->told_online = device->online;
	device->published = true;
	discovery->published++;
	snprintf(field, sizeof(field), "DEVICE=%s", device->name);
	log_event(LOG_INFO, LOG_FIELDS("EVENT=device-found", field), "found %s%s%s at %s (%s)",
		  vendor ? vendor : "a device of unknown make", model ? " " : "",
		  model ? model : "",
		  address ? netaddr_format(&address->address, text) : "an unknown address",
		  device->name);
	if (discovery->listener)
		discovery->listener->on_published(device, discovery->owner);
	tell_state(discovery);
	point_to(discovery, device);
}

static void withdraw(struct discovery *discovery, struct device *device)
{
	char field[IDENTITY_NAME_SIZE + 8];

	snprintf(field, sizeof(field), "DEVICE=%s", device->name);
	log_event(LOG_INFO, LOG_FIELDS("EVENT=device-lost", field), "lost %s", device->name);
	device->published = false;
	discovery->published--;
	if (discovery->listener)
		discovery->listener->on_withdrawn(device, discovery->owner);
	tell_state(discovery);
}

static void log_move(struct device *device)
{
	const struct device_address *address = device_address(device);
	char field[IDENTITY_NAME_SIZE + 8], old[NETADDR_TEXT_SIZE], new[NETADDR_TEXT_SIZE];

	if (!address || netaddr_equal(&address->address, &device->told))
		return;
	snprintf(field, sizeof(field), "DEVICE=%s", device->name);
	log_event(LOG_INFO, LOG_FIELDS("EVENT=device-moved", field), "%s moved from %s to %s",
		  device->name, *netaddr_format(&device->told, old) ? old : "nowhere",
		  netaddr_format(&address->address, new));
	device->told = address->address;
}

static void log_presence(struct device *device)
{
	char field[IDENTITY_NAME_SIZE + 8];

	if (device->online == device->told_online)
		return;
	snprintf(field, sizeof(field), "DEVICE=%s", device->name);
	if (device->online)
		log_event(LOG_INFO, LOG_FIELDS("EVENT=device-online", field), "%s is back",
			  device->name);
	else if (device_sleeps(device))
		log_event(LOG_INFO, LOG_FIELDS("EVENT=device-asleep", field), "%s sleeps",
			  device->name);
	else
		log_event(LOG_WARNING, LOG_FIELDS("EVENT=device-offline", field),
			  "%s is not at its address any more", device->name);
	device->told_online = device->online;
}

/* A device that was known by its endpoint only and now has a MAC gets the name of that. */
static bool has_outgrown_name(const struct device *device)
{
	char name[IDENTITY_NAME_SIZE];
	struct mac_address mac;

	return device->name[0] == 'e' && device->name[12] != '\0' && device_mac(device, &mac) &&
	       strcasecmp(identity_name(&device->identity, name), device->name) != 0;
}

static void update_publication(struct discovery *discovery, struct device *device)
{
	bool worth = evidence_confidence(&device->evidence) >= CANDIDATE_FROM;

	if (device->published && (!worth || has_outgrown_name(device)))
		withdraw(discovery, device);
	if (worth && !device->published) {
		publish(discovery, device);
	} else if (device->published) {
		log_move(device);
		log_presence(device);
		if (discovery->listener)
			discovery->listener->on_changed(device, discovery->owner);
	}
}

/* --- devices --- */

static void on_device_changed(struct device *device, void *owner)
{
	struct discovery *discovery = owner;

	update_publication(discovery, device);
	service_watch_update(discovery->services, device);
}

static void on_device_removed(struct device *device, void *owner)
{
	struct discovery *discovery = owner;

	if (device->published)
		withdraw(discovery, device);
	service_watch_forget(device);
}

static void on_device_heard(struct device *device, void *owner)
{
	struct discovery *discovery = owner;

	keeper_heard(discovery->keeper, device);
}

static void on_recheck(struct device *device, void *owner)
{
	struct discovery *discovery = owner;

	service_watch_recheck(discovery->services, device);
}

/* --- sightings --- */

/* Where a host is; NULL: where nobody looks. Only what answers where we asked is beyond a router.
 */
static const struct interface *find_place(const struct discovery *discovery, unsigned ifindex,
					  const struct netaddr *address)
{
	if (ifindex != interface_routed.index)
		return interfaces_find(discovery->interfaces, ifindex);
	return unicast_search_covers(discovery->search, address) ? &interface_routed : NULL;
}

static void on_ready_sighting(const struct sighting *sighting, const struct mac_address *mac,
			      void *owner)
{
	struct discovery *discovery = owner;
	const struct interface *interface = interfaces_find(discovery->interfaces,
							    sighting->ifindex);

	/* Nobody is at that address: hearsay that is not true any more, or a forged answer. */
	if (interface && mac)
		device_table_fuse(discovery->table, interface, sighting, mac);
}

/*
 * Who has just got the address that another device had announces himself before the neighbour table
 * knows. Devices that changed places are told apart by their endpoints, and everybody is asked: the
 * answers set the kernel right. A stranger waits until it is.
 */
static void fuse(struct discovery *discovery, const struct interface *interface,
		 struct sighting *sighting, const struct mac_address *mac)
{
	switch (device_table_doubt(discovery->table, mac, &sighting->evidence)) {
	case DEVICE_CREDIBLE:
		device_table_fuse(discovery->table, interface, sighting, mac);
		break;
	case DEVICE_SWAPPED:
		schedule_add(discovery->schedule, interface->index, true);
		device_table_fuse(discovery->table, interface, sighting, NULL);
		break;
	case DEVICE_STRANGER:
		sighting_queue_add(discovery->queue, sighting, true);
		break;
	}
}

static bool let_in(struct discovery *discovery)
{
	usec_t now = loop_now(discovery->loop);

	if (discovery->newcomers + MOST_NEWCOMERS < now)
		discovery->newcomers = now - MOST_NEWCOMERS;
	if (discovery->newcomers >= now)
		return false;
	discovery->newcomers += NEWCOMER_GAP;
	return true;
}

/* Read on the link itself, with the MAC of who sent it. */
static void on_link_sighting(struct discovery *discovery, const struct interface *interface,
			     const struct sighting *sighting)
{
	bool has_address = sighting->address.family != AF_UNSPEC;
	enum neighbour_state state = NEIGHBOUR_UNKNOWN;
	struct mac_address mac;

	if (interfaces_is_own_mac(discovery->interfaces, &sighting->mac))
		return;
	if (has_address)
		state = neighbours_find(discovery->neighbours, sighting->ifindex,
					&sighting->address, &mac);
	if (state < NEIGHBOUR_STALE || !mac_equal(&mac, &sighting->mac)) {
		if (!let_in(discovery))
			return;
	} else if (neighbours_confirmed(discovery->neighbours, sighting->ifindex,
					&sighting->address) +
			   HEARD_INTERVAL >
		   sighting->time) {
		return;
	}
	if (has_address)
		neighbours_hear(discovery->neighbours, sighting->ifindex, &sighting->address,
				&sighting->mac);
	else
		device_table_fuse(discovery->table, interface, sighting, &sighting->mac);
}

/* Answers of a camera that is of another network, but on this link: ARP has told its MAC, unless
 * several have that address. */
static const struct mac_address *foreign_mac(struct discovery *discovery,
					     const struct sighting *sighting,
					     struct mac_address *buffer)
{
	if (neighbours_find(discovery->neighbours, sighting->ifindex, &sighting->address, buffer) <
		    NEIGHBOUR_STALE ||
	    device_table_count_address(discovery->table, sighting->ifindex, &sighting->address) > 1)
		return NULL;
	return buffer;
}

static void on_leaving(struct discovery *discovery, const struct sighting *sighting)
{
	struct device *device = device_table_find_address(discovery->table, sighting->ifindex,
							  &sighting->address);

	if (device)
		keeper_suspect(discovery->keeper, device);
}

static void on_sighting(struct sighting *sighting, void *owner)
{
	struct discovery *discovery = owner;
	const struct interface *interface = find_place(discovery, sighting->ifindex,
						       &sighting->address);
	enum neighbour_state state;
	struct mac_address mac;

	if (!interface || interfaces_is_own(discovery->interfaces, &sighting->address))
		return;
	if (mac_is_unicast(&sighting->mac)) {
		on_link_sighting(discovery, interface, sighting);
		return;
	}
	if (sighting->leaving) {
		on_leaving(discovery, sighting);
		return;
	}
	if (!interface_is_on_link(interface, &sighting->address)) {
		if (!sighting->relayed && !sighting->expected)
			device_table_fuse(discovery->table, interface, sighting,
					  foreign_mac(discovery, sighting, &mac));
		return;
	}
	if (sighting->expected) {
		sighting_queue_add(discovery->queue, sighting, false);
		return;
	}
	state = neighbours_find(discovery->neighbours, sighting->ifindex, &sighting->address, &mac);
	if (state != NEIGHBOUR_FRESH && state != NEIGHBOUR_STALE) {
		sighting_queue_add(discovery->queue, sighting, false);
		return;
	}
	unicast_search_note(discovery->search, sighting->ifindex, &sighting->address);
	fuse(discovery, interface, sighting, &mac);
}

static bool is_other(unsigned ifindex, const struct netaddr *address, void *owner)
{
	struct discovery *discovery = owner;
	struct device *device = device_table_find_address(discovery->table, ifindex, address);

	return device && evidence_is_other(&device->evidence);
}

/* --- neighbours --- */

static void ask(const struct interface *interface, const struct netaddr *address, unsigned attempt,
		void *owner)
{
	struct discovery *discovery = owner;

	bool elsewhere = interface != &interface_routed &&
			 !interface_is_on_link(interface, address);

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (discovery->probers[i] && protocols[i]->ask &&
		    (protocols[i]->asks_below_ip || !elsewhere))
			protocols[i]->ask(discovery->probers[i], interface, address, attempt);
}

static void on_poke(unsigned ifindex, const struct netaddr *address, void *owner)
{
	struct discovery *discovery = owner;

	neighbours_look_for(discovery->neighbours, ifindex, address);
}

/* Once per host: until then, what it speaks may tell what it is. */
static void on_stranger_time(struct loop_timer *timer)
{
	struct discovery *discovery = container_of(timer, struct discovery, stranger_timer);
	usec_t now = loop_now(discovery->loop), next = USEC_INFINITY;

	for (size_t i = 0; i < device_table_count(discovery->table); i++) {
		struct device *device = device_table_at(discovery->table, i);

		if (device->stranger_until > now && device->stranger_until < next)
			next = device->stranger_until;
		else if (device->stranger_until && !device->confirmation)
			service_watch_update(discovery->services, device);
	}
	discovery->strangers = next != USEC_INFINITY;
	if (discovery->strangers)
		loop_timer_arm(timer, next - now);
	update_scanning(discovery);
}

/* As long as it takes to answer us: what has been asked already must not be called a stranger. */
static void expect_explanation(struct discovery *discovery, struct device *device, unsigned ifindex)
{
	usec_t now = loop_now(discovery->loop);
	usec_t answered = schedule_answered(discovery->schedule, ifindex);

	device->stranger_until = now + STRANGER_TIME;
	if (device->stranger_until < answered)
		device->stranger_until = answered;
	if (discovery->strangers)
		return; /* the timer looks at all */
	discovery->strangers = true;
	loop_timer_arm(&discovery->stranger_timer, STRANGER_TIME);
	update_scanning(discovery);
}

/* What it means that a host was heard on the link with this address; returns whether it is news. */
static bool note_presence(struct evidence *evidence, const struct interface *interface,
			  const struct netaddr *address, usec_t now)
{
	enum source source = address->family == AF_INET ? SOURCE_ARP : SOURCE_NDP;
	char text[NETADDR_TEXT_SIZE];
	bool news = evidence_add(evidence, source, FIELD_ADDRESS, netaddr_format(address, text),
				 now);

	if (!interface_is_on_link(interface, address) && arp_sweep_is_factory_address(address))
		news |= evidence_add(evidence, source, FIELD_TRAIT, "factory-address", now);
	return news;
}

static struct device *meet(struct discovery *discovery, const struct interface *interface,
			   const struct netaddr *address, const struct mac_address *mac)
{
	struct sighting sighting = { .ifindex = interface->index,
				     .address = *address,
				     .time = loop_now(discovery->loop) };
	struct device *device;

	note_presence(&sighting.evidence, interface, address, sighting.time);
	device = device_table_fuse(discovery->table, interface, &sighting, mac);
	sighting_deinit(&sighting);
	return device;
}

/* A router that answers for others (proxy ARP), and is not where they are. */
static bool stands_in(const struct device *device, unsigned ifindex, const struct netaddr *address)
{
	size_t count = 0;

	if (device_find_address(device, ifindex, address))
		return false;
	for (size_t i = 0; i < device->address_count; i++)
		if (device->addresses[i].ifindex == ifindex &&
		    device->addresses[i].address.family == address->family)
			count++;
	return count >= MOST_OWN_ADDRESSES;
}

static void on_neighbour_present(struct discovery *discovery, const struct interface *interface,
				 const struct netaddr *address, const struct mac_address *mac)
{
	struct device *device = device_table_find_mac(discovery->table, mac);
	usec_t now = loop_now(discovery->loop);
	bool news;

	if (device && stands_in(device, interface->index, address))
		return;
	/* Several cameras come from the factory with the same address of another network. */
	if (interface_is_on_link(interface, address))
		device_table_take_address(discovery->table, interface->index, address, device);
	if (!device)
		device = meet(discovery, interface, address, mac);
	if (!device)
		return;
	if (!device->stranger_until)
		expect_explanation(discovery, device, interface->index);
	news = !device_find_address(device, interface->index, address);
	device_note_address(device, interface, address, now);
	news |= note_presence(&device->evidence, interface, address, now);
	keeper_heard(discovery->keeper, device);
	if (news)
		on_device_changed(device, discovery);
}

static void on_neighbour(unsigned ifindex, const struct netaddr *address,
			 const struct mac_address *mac, void *owner)
{
	struct discovery *discovery = owner;
	const struct interface *interface = interfaces_find(discovery->interfaces, ifindex);
	const struct device_address *primary;
	struct device *device;

	if (!interface || interfaces_is_own(discovery->interfaces, address))
		return;
	if (mac) {
		if (interface_is_on_link(interface, address))
			unicast_search_note(discovery->search, ifindex, address);
		on_neighbour_present(discovery, interface, address, mac);
	} else if (interface_is_on_link(interface, address)) {
		device = device_table_find_address(discovery->table, ifindex, address);
		primary = device ? device_address(device) : NULL;
		if (primary && primary->ifindex == ifindex &&
		    netaddr_equal(&primary->address, address))
			keeper_missed(discovery->keeper, device);
	}
	sighting_queue_resolve(discovery->queue, ifindex, address, mac);
}

static void on_ask(struct device *device, void *owner)
{
	struct discovery *discovery = owner;
	const struct device_address *address = device_address(device);
	const struct interface *interface = address ? find_place(discovery, address->ifindex,
								 &address->address)
						    : NULL;

	if (interface)
		ask(interface, &address->address, device->misses, discovery);
	/* There the kernel knows no neighbours: who does not speak WS-Discovery, or not now, is
	 * called. */
	if (interface == &interface_routed &&
	    (device->misses || !evidence_has_source(&device->evidence, SOURCE_WSD)))
		service_watch_verify(discovery->services, device);
}

static void on_missing(struct device *device, void *owner)
{
	struct discovery *discovery = owner;
	const struct device_address *address = device_address(device);
	char text[NETADDR_TEXT_SIZE];

	if (!address || device_sleeps(device))
		return;
	log_info("%s does not answer at %s; looking for it", device->name,
		 netaddr_format(&address->address, text));
	if (address->ifindex != interface_routed.index)
		schedule_add(discovery->schedule, address->ifindex, true);
}

/* More told of themselves than could be looked at, which are forged ones; real ones among them tell
 * again when asked. */
static void on_recovered(void *owner)
{
	struct discovery *discovery = owner;
	const struct interface *interface = NULL;

	log_warning("had to drop sightings of devices, as too many came at once; asking again");
	while ((interface = interfaces_next(discovery->interfaces, interface)))
		schedule_add(discovery->schedule, interface->index, true);
	update_scanning(discovery);
}

/* --- interfaces and bursts --- */

static void on_interface(const struct interface *interface, enum interface_event event, void *owner)
{
	struct discovery *discovery = owner;

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (discovery->probers[i])
			protocols[i]->on_interface(discovery->probers[i], interface, event);
	switch (event) {
	case INTERFACE_APPEARED:
		log_info("looking for devices on %s", interface->name);
		schedule_add(discovery->schedule, interface->index, false);
		unicast_search_scan(discovery->search, true);
		break;
	case INTERFACE_ADDRESS:
		schedule_add(discovery->schedule, interface->index, false);
		unicast_search_scan(discovery->search, true);
		break;
	case INTERFACE_VANISHED:
		log_info("%s is not in use any more", interface->name);
		schedule_remove(discovery->schedule, interface->index);
		break;
	}
	update_scanning(discovery);
	tell_state(discovery);
}

static void on_burst(unsigned ifindex, bool light, void *owner)
{
	struct discovery *discovery = owner;
	const struct interface *interface = interfaces_find(discovery->interfaces, ifindex);

	for (size_t i = 0; interface && i < ARRAY_SIZE(protocols); i++)
		if (discovery->probers[i] && protocols[i]->burst)
			protocols[i]->burst(discovery->probers[i], interface, light);
	for (size_t i = 0; i < device_table_count(discovery->table); i++)
		point_to(discovery, device_table_at(discovery->table, i));
}

static void burst_everywhere(struct discovery *discovery, bool light)
{
	const struct interface *interface = NULL;
	struct device *device;

	while ((interface = interfaces_next(discovery->interfaces, interface)))
		schedule_add(discovery->schedule, interface->index, light);
	for (size_t i = 0; i < device_table_count(discovery->table); i++) {
		device = device_table_at(discovery->table, i);
		service_watch_scan(discovery->services, device, light);
	}
	unicast_search_scan(discovery->search, light);
	update_scanning(discovery);
}

/* What a device has not said again in all the bursts of an hour or longer, while it was there. */
static void age(struct discovery *discovery, struct device *device)
{
	usec_t now = loop_now(discovery->loop),
	       age = AGE_BURSTS * discovery->settings->burst_interval;

	if (age < LEAST_AGE)
		age = LEAST_AGE;
	if (device->online && now - device->online_since > age &&
	    evidence_age(&device->evidence, now - age))
		on_device_changed(device, discovery);
}

static void on_interval(void *owner)
{
	struct discovery *discovery = owner;

	for (size_t i = 0; i < device_table_count(discovery->table); i++)
		age(discovery, device_table_at(discovery->table, i));
	burst_everywhere(discovery, true);
}

static void on_activity(void *owner)
{
	update_scanning(owner);
}

static void on_addresses(void *owner)
{
	tell_state(owner);
}

/* --- life --- */

static void start_protocols(struct discovery *discovery)
{
	const struct protocol_environment environment = {
		.loop = discovery->loop,
		.interfaces = discovery->interfaces,
		.budget = &discovery->budget,
		.on_sighting = on_sighting,
		.is_other = is_other,
		.owner = discovery,
	};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		r = protocols[i]->start(&discovery->probers[i], &environment);
		if (r < 0)
			log_warning_errno(r, "cannot use the protocol %s: %m", protocols[i]->name);
	}
}

int discovery_new(struct discovery **ret_discovery, struct loop *loop,
		  const struct discovery_settings *settings)
{
	static const struct keeper_handlers keeper_handlers = { on_ask, on_missing,
								on_device_changed, on_recheck };
	static const struct service_watch_handlers service_handlers = { on_device_changed,
									on_device_heard,
									on_activity };
	static const struct schedule_handlers schedule_handlers = { on_burst, on_interval,
								    on_activity };
	static const struct unicast_search_handlers search_handlers = { ask, on_sighting,
									on_device_changed,
									on_addresses };
	_cleanup_(discovery_freep) struct discovery *discovery = xnew(struct discovery);
	int r;

	discovery->loop = loop;
	discovery->settings = settings;
	r = interfaces_new(&discovery->interfaces, loop, settings->include_interfaces,
			   settings->exclude_interfaces, on_interface, discovery);
	if (r < 0)
		return log_error_errno(r, "cannot watch the network interfaces: %m");
	r = neighbours_new(&discovery->neighbours, loop, on_neighbour, discovery);
	if (r < 0)
		return log_error_errno(r, "cannot watch the network neighbours: %m");
	sighting_queue_new(&discovery->queue, loop, on_poke, on_ready_sighting, on_recovered,
			   discovery);
	device_table_new(&discovery->table, settings->max_devices, on_device_changed,
			 on_device_removed, discovery);
	keeper_new(&discovery->keeper, loop, discovery->table, discovery->neighbours,
		   &keeper_handlers, discovery);
	service_watch_new(&discovery->services, loop, &discovery->budget, &service_handlers,
			  discovery);
	schedule_new(&discovery->schedule, loop, settings->burst_interval, &schedule_handlers,
		     discovery);
	unicast_search_new(&discovery->search, loop, discovery->interfaces, discovery->table,
			   settings->networks, settings->state_directory,
			   settings->burst_interval * 3 / 2, &search_handlers, discovery);
	loop_timer_init(&discovery->stranger_timer, loop, on_stranger_time);
	discovery->progress = 100;
	loop_timer_init(&discovery->progress_timer, loop, on_progress);
	*ret_discovery = steal_ptr(discovery);
	return 0;
}

struct discovery *discovery_free(struct discovery *discovery)
{
	if (!discovery)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (discovery->probers[i])
			protocols[i]->stop(discovery->probers[i]);
	loop_timer_deinit(&discovery->stranger_timer);
	loop_timer_deinit(&discovery->progress_timer);
	keeper_free(discovery->keeper);
	device_table_free(discovery->table);
	service_watch_free(discovery->services);
	unicast_search_free(discovery->search);
	schedule_free(discovery->schedule);
	sighting_queue_free(discovery->queue);
	neighbours_free(discovery->neighbours);
	interfaces_free(discovery->interfaces);
	free(discovery);
	return NULL;
}

void discovery_listen(struct discovery *discovery, const struct discovery_listener *listener,
		      void *owner)
{
	discovery->listener = listener;
	discovery->owner = owner;
}

void discovery_start(struct discovery *discovery)
{
	const struct interface *interface = NULL;

	start_protocols(discovery);
	discovery->scanning_full = true;
	unicast_search_scan(discovery->search, false);
	while ((interface = interfaces_next(discovery->interfaces, interface)))
		on_interface(interface, INTERFACE_APPEARED, discovery);
}

void discovery_scan(struct discovery *discovery)
{
	if (discovery->scanning_full)
		return;
	discovery->scanning_full = true;
	tell_progress(discovery, 0); /* a burst under way becomes part of it */
	burst_everywhere(discovery, false);
}

bool discovery_is_scanning(const struct discovery *discovery)
{
	return discovery->scanning;
}

unsigned discovery_progress(const struct discovery *discovery)
{
	return discovery->progress;
}

unsigned discovery_device_count(const struct discovery *discovery)
{
	return discovery->published;
}

const struct device *discovery_find(const struct discovery *discovery, const char *id)
{
	return device_table_find(discovery->table, id);
}

struct unicast_search *discovery_unicast_search(struct discovery *discovery)
{
	return discovery->search;
}

const struct interfaces *discovery_interfaces(const struct discovery *discovery)
{
	return discovery->interfaces;
}
