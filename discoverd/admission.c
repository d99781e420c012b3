/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/admission.h"

#include "common/memory.h"
#include "discoverd/arp_sweep.h"
#include "discoverd/sighting_queue.h"

#define STRANGER_TIME  (600 * USEC_PER_MSEC) /* more than WS-Discovery and SSDP take to answer */
#define HEARD_INTERVAL USEC_PER_SEC          /* to hear of the same host again sooner is no news */
/* Hosts that nobody has heard of before; a sweep finds no more than it asks for. */
#define NEWCOMER_GAP       USEC_PER_MSEC
#define MOST_NEWCOMERS     USEC_PER_SEC /* at once, as time */
#define MOST_OWN_ADDRESSES 4 /* of one family, that one MAC is believed to have on an interface */
#define PRESENT_ADDRESS    (600 * USEC_PER_SEC) /* heard of since; others it has had */

struct admission {
	struct admission_parts parts;
	struct sighting_queue *queue;
	usec_t newcomers;                 /* time up to which those let in have used the rate */
	struct loop_timer stranger_timer; /* armed while there are strangers with time left */
	bool strangers;                   /* it is */
	const struct admission_handlers *handlers;
	void *owner;
};

/* --- sightings --- */

static void on_poke(unsigned ifindex, const struct netaddr *address, bool insist, void *owner)
{
	struct admission *admission = owner;
	const struct interface *interface = interfaces_find(admission->parts.interfaces, ifindex);

	neighbours_look_for(admission->parts.neighbours, ifindex, address);
	if (insist && interface)
		admission->handlers->on_doubt(interface, address, admission->owner);
}

static void on_ready_sighting(const struct sighting *sighting, const struct mac_address *mac,
			      void *owner)
{
	struct admission *admission = owner;
	const struct interface *interface = interfaces_find(admission->parts.interfaces,
							    sighting->ifindex);

	/* Nobody is at that address: hearsay that is not true any more, or a forged answer. */
	if (interface && mac)
		device_table_fuse(admission->parts.table, interface, sighting, mac);
}

static void on_recovered(void *owner)
{
	struct admission *admission = owner;

	admission->handlers->on_recovered(admission->owner);
}

/*
 * Who has just got the address that another device had announces himself before the neighbour table
 * knows. Devices that changed places are told apart by their endpoints, and everybody is asked; the
 * answer of the link sets the kernel right. A stranger waits until it is.
 */
static void fuse(struct admission *admission, const struct interface *interface,
		 struct sighting *sighting, const struct mac_address *mac)
{
	switch (device_table_doubt(admission->parts.table, mac, &sighting->evidence)) {
	case DEVICE_CREDIBLE:
		device_table_fuse(admission->parts.table, interface, sighting, mac);
		break;
	case DEVICE_SWAPPED:
		schedule_add(admission->parts.schedule, interface->index, true);
		admission->handlers->on_doubt(interface, &sighting->address, admission->owner);
		device_table_fuse(admission->parts.table, interface, sighting, NULL);
		break;
	case DEVICE_STRANGER:
		sighting_queue_add(admission->queue, sighting, true);
		break;
	}
}

static bool let_in(struct admission *admission)
{
	usec_t now = loop_now(admission->parts.loop);

	if (admission->newcomers + MOST_NEWCOMERS < now)
		admission->newcomers = now - MOST_NEWCOMERS;
	if (admission->newcomers >= now)
		return false;
	admission->newcomers += NEWCOMER_GAP;
	return true;
}

/* Read on the link itself, with the MAC of who sent it. */
static void admit_from_link(struct admission *admission, const struct interface *interface,
			    const struct sighting *sighting)
{
	struct neighbours *neighbours = admission->parts.neighbours;
	bool has_address = sighting->address.family != AF_UNSPEC;
	enum neighbour_state state = NEIGHBOUR_UNKNOWN;
	struct mac_address mac;

	if (interfaces_is_own_mac(admission->parts.interfaces, &sighting->mac))
		return;
	if (has_address)
		state = neighbours_find(neighbours, sighting->ifindex, &sighting->address, &mac);
	if (state < NEIGHBOUR_STALE || !mac_equal(&mac, &sighting->mac)) {
		if (!let_in(admission))
			return;
	} else if (neighbours_confirmed(neighbours, sighting->ifindex, &sighting->address) +
			   HEARD_INTERVAL >
		   sighting->time) {
		return;
	}
	if (has_address)
		neighbours_hear(neighbours, sighting->ifindex, &sighting->address, &sighting->mac);
	else
		device_table_fuse(admission->parts.table, interface, sighting, &sighting->mac);
}

/* Answers of a camera that is of another network, but on this link: ARP has told its MAC, unless
 * several have that address. */
static const struct mac_address *foreign_mac(const struct admission *admission,
					     const struct sighting *sighting,
					     struct mac_address *buffer)
{
	if (neighbours_find(admission->parts.neighbours, sighting->ifindex, &sighting->address,
			    buffer) < NEIGHBOUR_STALE ||
	    device_table_count_address(admission->parts.table, sighting->ifindex,
				       &sighting->address) > 1)
		return NULL;
	return buffer;
}

static void admit_from_elsewhere(struct admission *admission, const struct interface *interface,
				 const struct sighting *sighting)
{
	const struct mac_address *mac;
	struct mac_address buffer;

	if (sighting->relayed || sighting->expected)
		return;
	mac = foreign_mac(admission, sighting, &buffer);
	/* The next camera fresh from the factory has the address of the one before. */
	if (mac && device_table_doubt(admission->parts.table, mac, &sighting->evidence) !=
			   DEVICE_CREDIBLE) {
		admission->handlers->on_doubt(interface, &sighting->address, admission->owner);
		mac = NULL;
	}
	device_table_fuse(admission->parts.table, interface, sighting, mac);
}

static void suspect(struct admission *admission, const struct sighting *sighting)
{
	struct device *device = device_table_find_address(admission->parts.table, sighting->ifindex,
							  &sighting->address);

	if (device)
		keeper_suspect(admission->parts.keeper, device);
}

static void admit_from_network(struct admission *admission, const struct interface *interface,
			       struct sighting *sighting)
{
	enum neighbour_state state;
	struct mac_address mac;

	state = neighbours_find(admission->parts.neighbours, sighting->ifindex, &sighting->address,
				&mac);
	if (sighting->expected || (state != NEIGHBOUR_FRESH && state != NEIGHBOUR_STALE)) {
		sighting_queue_add(admission->queue, sighting, false);
		return;
	}
	unicast_search_note(admission->parts.search, sighting->ifindex, &sighting->address);
	fuse(admission, interface, sighting, &mac);
}

void admission_sighting(struct admission *admission, struct sighting *sighting)
{
	const struct interface *interface = unicast_search_place(
		admission->parts.search, sighting->ifindex, &sighting->address);

	if (!interface || interfaces_is_own(admission->parts.interfaces, &sighting->address))
		return;
	if (mac_is_unicast(&sighting->mac))
		admit_from_link(admission, interface, sighting);
	else if (sighting->leaving)
		suspect(admission, sighting);
	else if (!interface_is_on_link(interface, &sighting->address))
		admit_from_elsewhere(admission, interface, sighting);
	else
		admit_from_network(admission, interface, sighting);
}

/* --- strangers --- */

/* Once per host: until then, what it speaks may tell what it is. */
static void on_stranger_time(struct loop_timer *timer)
{
	struct admission *admission = container_of(timer, struct admission, stranger_timer);
	usec_t now = loop_now(admission->parts.loop), next = USEC_INFINITY;

	for (size_t i = 0; i < device_table_count(admission->parts.table); i++) {
		struct device *device = device_table_at(admission->parts.table, i);

		if (device->stranger_until > now)
			next = device->stranger_until < next ? device->stranger_until : next;
		else if (device->stranger_until && !device->confirmation)
			admission->handlers->on_explained(device, admission->owner);
	}
	admission->strangers = next != USEC_INFINITY;
	if (admission->strangers)
		loop_timer_arm(timer, next - now);
	admission->handlers->on_activity(admission->owner);
}

/* As long as it takes to answer us: what has been asked already must not be called a stranger. */
static void expect_explanation(struct admission *admission, struct device *device, unsigned ifindex)
{
	usec_t now = loop_now(admission->parts.loop);
	usec_t answered = schedule_answered(admission->parts.schedule, ifindex);

	device->stranger_until = now + STRANGER_TIME;
	if (device->stranger_until < answered)
		device->stranger_until = answered;
	if (admission->strangers)
		return; /* the timer looks at all */
	admission->strangers = true;
	loop_timer_arm(&admission->stranger_timer, STRANGER_TIME);
	admission->handlers->on_activity(admission->owner);
}

/* --- neighbours --- */

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

static struct device *meet(struct admission *admission, const struct interface *interface,
			   const struct netaddr *address, const struct mac_address *mac)
{
	struct sighting sighting = { .ifindex = interface->index,
				     .address = *address,
				     .time = loop_now(admission->parts.loop) };
	struct device *device;

	note_presence(&sighting.evidence, interface, address, sighting.time);
	device = device_table_fuse(admission->parts.table, interface, &sighting, mac);
	sighting_deinit(&sighting);
	return device;
}

/* A router that answers for others (proxy ARP), and is not where they are. */
static bool stands_in(const struct device *device, unsigned ifindex, const struct netaddr *address,
		      usec_t now)
{
	size_t count = 0;

	if (device_find_address(device, ifindex, address))
		return false;
	for (size_t i = 0; i < device->address_count; i++)
		if (device->addresses[i].ifindex == ifindex &&
		    device->addresses[i].address.family == address->family &&
		    now - device->addresses[i].last_seen < PRESENT_ADDRESS)
			count++;
	return count >= MOST_OWN_ADDRESSES;
}

static void on_neighbour_present(struct admission *admission, const struct interface *interface,
				 const struct netaddr *address, const struct mac_address *mac)
{
	struct device *device = device_table_find_mac(admission->parts.table, mac);
	usec_t now = loop_now(admission->parts.loop);
	bool news;

	if (device && stands_in(device, interface->index, address, now))
		return;
	/* Several cameras come from the factory with the same address of another network. */
	if (interface_is_on_link(interface, address))
		device_table_take_address(admission->parts.table, interface->index, address,
					  device);
	if (!device)
		device = meet(admission, interface, address, mac);
	if (!device)
		return;
	if (!device->stranger_until)
		expect_explanation(admission, device, interface->index);
	news = !device_find_address(device, interface->index, address);
	device_note_address(device, interface, address, now);
	news |= note_presence(&device->evidence, interface, address, now);
	keeper_heard(admission->parts.keeper, device);
	if (news)
		admission->handlers->on_changed(device, admission->owner);
}

static void on_neighbour_absent(struct admission *admission, unsigned ifindex,
				const struct netaddr *address)
{
	struct device *device = device_table_find_address(admission->parts.table, ifindex, address);
	const struct device_address *primary = device ? device_address(device) : NULL;

	if (primary && primary->ifindex == ifindex && netaddr_equal(&primary->address, address))
		keeper_missed(admission->parts.keeper, device);
}

void admission_neighbour(struct admission *admission, unsigned ifindex,
			 const struct netaddr *address, const struct mac_address *mac)
{
	const struct interface *interface = interfaces_find(admission->parts.interfaces, ifindex);
	bool on_link;

	if (!interface || interfaces_is_own(admission->parts.interfaces, address))
		return;
	on_link = interface_is_on_link(interface, address);
	if (mac && on_link)
		unicast_search_note(admission->parts.search, ifindex, address);
	if (mac)
		on_neighbour_present(admission, interface, address, mac);
	else if (on_link)
		on_neighbour_absent(admission, ifindex, address);
	sighting_queue_resolve(admission->queue, ifindex, address, mac);
}

/* --- life --- */

void admission_new(struct admission **ret_admission, const struct admission_parts *parts,
		   const struct admission_handlers *handlers, void *owner)
{
	struct admission *admission = xnew(struct admission);

	admission->parts = *parts;
	admission->handlers = handlers;
	admission->owner = owner;
	sighting_queue_new(&admission->queue, parts->loop, on_poke, on_ready_sighting, on_recovered,
			   admission);
	loop_timer_init(&admission->stranger_timer, parts->loop, on_stranger_time);
	*ret_admission = admission;
}

struct admission *admission_free(struct admission *admission)
{
	if (!admission)
		return NULL;
	loop_timer_deinit(&admission->stranger_timer);
	sighting_queue_free(admission->queue);
	free(admission);
	return NULL;
}

bool admission_is_busy(const struct admission *admission)
{
	return admission->strangers;
}
