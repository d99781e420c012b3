/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way of a sighting: a prober (protocols.h) makes it of a packet; admission looks up the MAC
 * behind its address; the table brings it to its device; the device, changed, is published from a
 * confidence on, and its services are confirmed, whose answers are further evidence.
 *
 * All parts are owned here and know each other only through the callbacks below.
 */
#include "discoverd/discovery.h"

#include <errno.h>

#include "common/log.h"
#include "common/memory.h"
#include "discoverd/admission.h"
#include "discoverd/keeper.h"
#include "discoverd/protocols.h"
#include "discoverd/publication.h"
#include "discoverd/scan.h"
#include "discoverd/schedule.h"
#include "discoverd/service_watch.h"

#define AGE_BURSTS 6
#define LEAST_AGE  (3600 * USEC_PER_SEC) /* descriptions are fetched less often */

struct discovery {
	struct loop *loop;
	const struct discovery_settings *settings;
	struct interfaces *interfaces;
	struct neighbours *neighbours;
	struct device_table *table;
	struct keeper *keeper;
	struct connection_budget budget;
	struct service_watch *services;
	struct schedule *schedule;
	struct unicast_search *search;
	struct admission *admission;
	struct protocols *protocols;
	struct publication publication;
	struct scan scan;
	const struct discovery_listener *listener;
	void *owner;
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

static void on_state(void *owner)
{
	struct discovery *discovery = owner;

	if (discovery->listener)
		discovery->listener->on_state(discovery->owner);
}

static void on_progress(void *owner)
{
	struct discovery *discovery = owner;

	if (discovery->listener)
		discovery->listener->on_progress(discovery->owner);
}

static unsigned measure_progress(void *owner)
{
	const struct discovery *discovery = owner;
	struct progress least = schedule_progress(discovery->schedule);
	unsigned percent;

	least = progress_least(least, unicast_search_progress(discovery->search));
	least = progress_least(least, protocols_progress(discovery->protocols));
	percent = progress_percent(least);
	if (percent == 100 &&
	    (schedule_is_active(discovery->schedule) || admission_is_busy(discovery->admission) ||
	     service_watch_is_busy(discovery->services)))
		return 99;
	return percent;
}

/* A scan takes much for a short time. */
static void on_scan(void *owner)
{
	struct discovery *discovery = owner;

	if (!discovery->scan.running)
		memory_give_back();
	on_state(discovery);
}

static const struct scan_handlers scan_handlers = { measure_progress, on_scan, on_progress };

static void on_activity(void *owner)
{
	struct discovery *discovery = owner;

	scan_update(&discovery->scan);
}

/* Cameras are numbered in a row: where one is, there are others. */
static void point_to(struct discovery *discovery, const struct device *device)
{
	const struct device_address *address = device_address(device);
	const struct interface *interface = device->published && address
						    ? interfaces_find(discovery->interfaces,
								      address->ifindex)
						    : NULL;

	if (interface)
		protocols_point_to(discovery->protocols, interface, &address->address);
}

static void on_published(struct device *device, void *owner)
{
	struct discovery *discovery = owner;

	if (discovery->listener)
		discovery->listener->on_published(device, discovery->owner);
	on_state(discovery);
	point_to(discovery, device);
}

static void on_changed(struct device *device, void *owner)
{
	struct discovery *discovery = owner;

	if (discovery->listener)
		discovery->listener->on_changed(device, discovery->owner);
}

static void on_withdrawn(struct device *device, void *owner)
{
	struct discovery *discovery = owner;

	if (discovery->listener)
		discovery->listener->on_withdrawn(device, discovery->owner);
	on_state(discovery);
}

static const struct publication_handlers publication_handlers = { on_published, on_changed,
								  on_withdrawn };

/* --- devices --- */

static void on_device_changed(struct device *device, void *owner)
{
	struct discovery *discovery = owner;

	publication_update(&discovery->publication, device);
	service_watch_update(discovery->services, device);
	keeper_plan(discovery->keeper, device);
}

static void on_device_removed(struct device *device, void *owner)
{
	struct discovery *discovery = owner;

	publication_forget(&discovery->publication, device);
	service_watch_forget(device);
}

static void on_device_heard(struct device *device, void *owner)
{
	struct discovery *discovery = owner;

	keeper_heard(discovery->keeper, device);
}

static void on_planned(struct device *device, void *owner)
{
	struct discovery *discovery = owner;

	keeper_plan(discovery->keeper, device);
}

static void on_explained(struct device *device, void *owner)
{
	struct discovery *discovery = owner;

	service_watch_update(discovery->services, device);
}

static void on_recheck(struct device *device, void *owner)
{
	struct discovery *discovery = owner;

	if (discovery->scan.running && discovery->scan.full) /* it has its connections already */
		service_watch_postpone(discovery->services, device);
	else
		service_watch_recheck(discovery->services, device);
}

static void on_sighting(struct sighting *sighting, void *owner)
{
	struct discovery *discovery = owner;

	admission_sighting(discovery->admission, sighting);
}

static void on_neighbour(unsigned ifindex, const struct netaddr *address,
			 const struct mac_address *mac, void *owner)
{
	struct discovery *discovery = owner;

	admission_neighbour(discovery->admission, ifindex, address, mac);
}

static bool is_other(unsigned ifindex, const struct netaddr *address, void *owner)
{
	struct discovery *discovery = owner;
	struct device *device = device_table_find_address(discovery->table, ifindex, address);

	return device && evidence_is_other(&device->evidence);
}

static void on_search(const struct interface *interface, const struct netaddr *address,
		      unsigned attempt, void *owner)
{
	struct discovery *discovery = owner;

	protocols_ask(discovery->protocols, QUESTION_WHO, interface, address, attempt);
}

static void on_doubt(const struct interface *interface, const struct netaddr *address, void *owner)
{
	struct discovery *discovery = owner;

	protocols_ask(discovery->protocols, QUESTION_MAC, interface, address, 0);
}

static void on_ask(struct device *device, void *owner)
{
	struct discovery *discovery = owner;
	const struct device_address *address = device_address(device);
	const struct interface *interface = NULL;

	if (address)
		interface = unicast_search_place(discovery->search, address->ifindex,
						 &address->address);
	if (interface)
		protocols_ask(discovery->protocols, QUESTION_THERE, interface, &address->address,
			      device->misses);
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

/* --- interfaces and bursts --- */

static void on_interface(const struct interface *interface, enum interface_event event, void *owner)
{
	struct discovery *discovery = owner;

	protocols_on_interface(discovery->protocols, interface, event);
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
	scan_update(&discovery->scan);
	on_state(discovery);
}

static void on_burst(unsigned ifindex, bool light, void *owner)
{
	struct discovery *discovery = owner;
	const struct interface *interface = interfaces_find(discovery->interfaces, ifindex);

	if (interface)
		protocols_burst(discovery->protocols, interface, light);
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
	scan_update(&discovery->scan);
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

/* More told of themselves than could be looked at, which are forged ones; real ones among them tell
 * again when asked. */
static void on_recovered(void *owner)
{
	struct discovery *discovery = owner;
	const struct interface *interface = NULL;

	log_warning("had to drop sightings of devices, as too many came at once; asking again");
	while ((interface = interfaces_next(discovery->interfaces, interface)))
		schedule_add(discovery->schedule, interface->index, true);
	scan_update(&discovery->scan);
}

/* --- life --- */

int discovery_new(struct discovery **ret_discovery, struct loop *loop,
		  const struct discovery_settings *settings)
{
	static const struct keeper_handlers keeper_handlers = { on_ask, on_missing,
								on_device_changed, on_recheck };
	static const struct service_watch_handlers service_handlers = { on_device_changed,
									on_device_heard, on_planned,
									on_activity };
	static const struct schedule_handlers schedule_handlers = { on_burst, on_interval,
								    on_activity };
	static const struct unicast_search_handlers search_handlers = { on_search, on_sighting,
									on_device_changed,
									on_state };
	static const struct admission_handlers admission_handlers = { on_device_changed,
								      on_explained, on_doubt,
								      on_recovered, on_activity };
	_cleanup_(discovery_freep) struct discovery *discovery = xnew(struct discovery);
	int r;

	discovery->loop = loop;
	discovery->settings = settings;
	discovery->publication.handlers = &publication_handlers;
	discovery->publication.owner = discovery;
	scan_init(&discovery->scan, loop, &scan_handlers, discovery);
	r = interfaces_new(&discovery->interfaces, loop, settings->include_interfaces,
			   settings->exclude_interfaces, on_interface, discovery);
	if (r < 0)
		return log_error_errno(r, "cannot watch the network interfaces: %m");
	r = neighbours_new(&discovery->neighbours, loop, on_neighbour, discovery);
	if (r < 0)
		return log_error_errno(r, "cannot watch the network neighbours: %m");
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
	admission_new(&discovery->admission,
		      &(struct admission_parts){
			      .loop = loop,
			      .interfaces = discovery->interfaces,
			      .neighbours = discovery->neighbours,
			      .table = discovery->table,
			      .keeper = discovery->keeper,
			      .schedule = discovery->schedule,
			      .search = discovery->search,
		      },
		      &admission_handlers, discovery);
	protocols_new(&discovery->protocols, &(struct protocol_environment){
						     .loop = loop,
						     .interfaces = discovery->interfaces,
						     .budget = &discovery->budget,
						     .on_sighting = on_sighting,
						     .is_other = is_other,
						     .owner = discovery,
					     });
	*ret_discovery = steal_ptr(discovery);
	return 0;
}

struct discovery *discovery_free(struct discovery *discovery)
{
	if (!discovery)
		return NULL;
	protocols_free(discovery->protocols);
	admission_free(discovery->admission);
	scan_deinit(&discovery->scan);
	keeper_free(discovery->keeper);
	device_table_free(discovery->table);
	service_watch_free(discovery->services);
	unicast_search_free(discovery->search);
	schedule_free(discovery->schedule);
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

	protocols_start(discovery->protocols);
	discovery->scan.full = true;
	unicast_search_scan(discovery->search, false);
	while ((interface = interfaces_next(discovery->interfaces, interface)))
		on_interface(interface, INTERFACE_APPEARED, discovery);
}

void discovery_scan(struct discovery *discovery)
{
	if (scan_begin_full(&discovery->scan))
		burst_everywhere(discovery, false);
}

bool discovery_is_scanning(const struct discovery *discovery)
{
	return discovery->scan.running;
}

unsigned discovery_progress(const struct discovery *discovery)
{
	return discovery->scan.progress;
}

unsigned discovery_device_count(const struct discovery *discovery)
{
	return discovery->publication.count;
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
