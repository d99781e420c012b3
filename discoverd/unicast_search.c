/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owned by struct discovery. The pace is struct host_asker's. */
#include "discoverd/unicast_search.h"

#include <errno.h>

#include "common/log.h"
#include "common/memory.h"
#include "discoverd/address_store.h"
#include "discoverd/host_asker.h"

#define FORMS       3 /* with types and without, and in the other dialect */
#define FULL_PASSES 4
#define MANY_HOSTS  4096 /* that take 20 s in one pass: the usual dialect has to do */
#define MANY_PASSES 2
/* For the answers to WS-Discovery, which tell who it is, before anything is called. */
#define PATIENCE (1500 * USEC_PER_MSEC)

struct unicast_search {
	struct loop *loop;
	const struct interfaces *interfaces;
	struct device_table *table;
	const char *directory;
	usec_t memory;
	struct remote_hosts hosts;
	struct host_asker *asker;
	struct loop_timer look; /* at what was added */
	const struct unicast_search_handlers *handlers;
	void *owner;
};

/* The way to a host: an interface that has it on its link, or the routing table. */
static const struct interface *way_to(const struct unicast_search *search,
				      const struct netaddr *address)
{
	const struct interface *interface = NULL;

	while ((interface = interfaces_next(search->interfaces, interface)))
		if (interface_is_on_link(interface, address))
			return interface;
	return &interface_routed;
}

/* By an answer that was not long ago: who hears no multicast is to say it again, too. */
static bool is_explained(const struct unicast_search *search, const struct interface *interface,
			 const struct netaddr *address)
{
	const struct device *device = device_table_find_address(search->table, interface->index,
								address);
	usec_t now = loop_now(search->loop),
	       since = now > search->memory ? now - search->memory : 0;

	return device && device->online && evidence_is_told(&device->evidence, SOURCE_WSD, since);
}

/* Then to have asked it once is enough. */
static bool is_other(const struct unicast_search *search, const struct interface *interface,
		     const struct netaddr *address)
{
	const struct device *device = device_table_find_address(search->table, interface->index,
								address);

	return device && evidence_is_other(&device->evidence);
}

static bool on_ask(unsigned ifindex, const struct netaddr *address, unsigned attempt, bool again,
		   void *owner)
{
	struct unicast_search *search = owner;
	const struct interface *interface = ifindex ? interfaces_find(search->interfaces, ifindex)
						    : way_to(search, address);

	if (!interface || interfaces_is_own(search->interfaces, address) ||
	    is_explained(search, interface, address) ||
	    (again && is_other(search, interface, address)))
		return false;
	search->handlers->on_ask(interface, address, attempt, search->owner);
	return true;
}

void unicast_search_note(struct unicast_search *search, unsigned ifindex,
			 const struct netaddr *address)
{
	host_asker_add(search->asker, ifindex, address);
}

static bool covers(const struct unicast_search *search, const struct netaddr *address)
{
	return remote_hosts_cover(&search->hosts, address) &&
	       way_to(search, address) == &interface_routed;
}

const struct interface *unicast_search_place(const struct unicast_search *search, unsigned ifindex,
					     const struct netaddr *address)
{
	if (ifindex != interface_routed.index)
		return interfaces_find(search->interfaces, ifindex);
	return covers(search, address) ? &interface_routed : NULL;
}

struct progress unicast_search_progress(const struct unicast_search *search)
{
	return host_asker_progress(search->asker);
}

/* --- what an operator has added --- */

static void look_at(struct unicast_search *search, const struct netaddr *address)
{
	struct sighting sighting = { .ifindex = way_to(search, address)->index,
				     .address = *address,
				     .time = loop_now(search->loop) };
	struct device *device = device_table_find_address(search->table, sighting.ifindex, address);

	if (device) {
		if (evidence_add(&device->evidence, SOURCE_OPERATOR, FIELD_TRAIT, "added",
				 sighting.time))
			search->handlers->on_changed(device, search->owner);
		return;
	}
	evidence_add(&sighting.evidence, SOURCE_OPERATOR, FIELD_TRAIT, "added", sighting.time);
	search->handlers->on_sighting(&sighting, search->owner);
	sighting_deinit(&sighting);
}

static void on_look(struct loop_timer *timer)
{
	struct unicast_search *search = container_of(timer, struct unicast_search, look);

	for (size_t i = 0; i < search->hosts.added_count; i++)
		look_at(search, &search->hosts.added[i]);
}

static void plan_look(struct unicast_search *search)
{
	if (search->hosts.added_count)
		loop_timer_arm(&search->look, PATIENCE);
}

int unicast_search_add(struct unicast_search *search, const struct netaddr *address)
{
	int r;

	if (interfaces_is_own(search->interfaces, address) ||
	    interfaces_is_of_network(search->interfaces, address))
		return -EINVAL;
	r = remote_hosts_add(&search->hosts, address);
	if (r < 0)
		return r;
	if (r > 0) {
		r = address_store_save(search->directory, &search->hosts);
		if (r < 0) {
			remote_hosts_remove(&search->hosts, address);
			return r;
		}
		search->handlers->on_addresses(search->owner);
	}
	plan_look(search);
	for (unsigned attempt = 0; attempt < FORMS; attempt++)
		on_ask(interface_routed.index, address, attempt, false, search);
	host_asker_add(search->asker, interface_routed.index, address); /* both may be lost */
	return 0;
}

int unicast_search_remove(struct unicast_search *search, const struct netaddr *address)
{
	struct device *device;
	int r;

	if (!remote_hosts_remove(&search->hosts, address))
		return -ENOENT;
	r = address_store_save(search->directory, &search->hosts);
	if (r < 0) {
		remote_hosts_add(&search->hosts, address);
		return r;
	}
	search->handlers->on_addresses(search->owner);
	device = device_table_find_address(search->table, interface_routed.index, address);
	if (device && !covers(search, address))
		device_table_remove(search->table, device);
	return 0;
}

const struct remote_hosts *unicast_search_hosts(const struct unicast_search *search)
{
	return &search->hosts;
}

void unicast_search_scan(struct unicast_search *search, bool light)
{
	plan_look(search);
	if (light) {
		host_asker_resweep(search->asker);
	} else {
		host_asker_forget(search->asker);
		host_asker_sweep(search->asker, remote_hosts_count(&search->hosts) > MANY_HOSTS
							? MANY_PASSES
							: FULL_PASSES);
	}
}

/* --- life --- */

void unicast_search_new(struct unicast_search **ret_search, struct loop *loop,
			const struct interfaces *interfaces, struct device_table *table,
			char *const *networks, const char *directory, usec_t memory,
			const struct unicast_search_handlers *handlers, void *owner)
{
	struct unicast_search *search = xnew(struct unicast_search);
	int r;

	search->loop = loop;
	search->interfaces = interfaces;
	search->table = table;
	search->directory = directory;
	search->memory = memory;
	search->handlers = handlers;
	search->owner = owner;
	for (; networks && *networks; networks++)
		remote_hosts_add_network(&search->hosts, *networks);
	r = address_store_load(directory, &search->hosts);
	if (r < 0)
		log_warning_errno(r, "cannot read the added addresses in %s: %m", directory);
	loop_timer_init(&search->look, loop, on_look);
	host_asker_new(&search->asker, loop, &search->hosts, on_ask, search);
	*ret_search = search;
}

struct unicast_search *unicast_search_free(struct unicast_search *search)
{
	if (!search)
		return NULL;
	loop_timer_deinit(&search->look);
	host_asker_free(search->asker);
	free(search);
	return NULL;
}
