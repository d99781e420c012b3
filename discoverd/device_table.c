/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An array, searched from end to end: at its limit that is still far below a millisecond. */
#include "discoverd/device_table.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/memory.h"
#include "discoverd/oui.h"

struct device_table {
	struct device **devices;
	size_t count;
	size_t limit;
	usec_t displaced; /* when one that is shown made room for another */
	device_fn *on_changed;
	device_fn *on_removed;
	void *owner;
};

void device_table_new(struct device_table **ret_table, size_t limit, device_fn *on_changed,
		      device_fn *on_removed, void *owner)
{
	struct device_table *table = xnew(struct device_table);

	table->limit = limit;
	table->on_changed = on_changed;
	table->on_removed = on_removed;
	table->owner = owner;
	table->devices = xcalloc(limit, sizeof(*table->devices));
	*ret_table = table;
}

struct device_table *device_table_free(struct device_table *table)
{
	if (!table)
		return NULL;
	while (table->count)
		device_table_remove(table, table->devices[table->count - 1]);
	free(table->devices);
	free(table);
	return NULL;
}

size_t device_table_count(const struct device_table *table)
{
	return table->count;
}

struct device *device_table_at(const struct device_table *table, size_t index)
{
	return table->devices[index];
}

void device_table_remove(struct device_table *table, struct device *device)
{
	size_t i;

	for (i = 0; table->devices[i] != device; i++)
		;
	table->devices[i] = table->devices[--table->count];
	table->on_removed(device, table->owner);
	device_free(device);
}

struct device *device_table_find_address(const struct device_table *table, unsigned ifindex,
					 const struct netaddr *address)
{
	for (size_t i = 0; i < table->count; i++)
		if (device_find_address(table->devices[i], ifindex, address))
			return table->devices[i];
	return NULL;
}

size_t device_table_count_address(const struct device_table *table, unsigned ifindex,
				  const struct netaddr *address)
{
	size_t count = 0;

	for (size_t i = 0; i < table->count; i++)
		if (device_find_address(table->devices[i], ifindex, address))
			count++;
	return count;
}

static bool has_link(const struct device *device, const struct mac_address *mac)
{
	for (size_t i = 0; i < device->identity.link_count; i++)
		if (mac_equal(&device->identity.links[i], mac))
			return true;
	return false;
}

struct device *device_table_find_mac(const struct device_table *table,
				     const struct mac_address *mac)
{
	for (size_t i = 0; i < table->count; i++)
		if (has_link(table->devices[i], mac))
			return table->devices[i];
	return NULL;
}

/* The digits of a MAC without what separates them; other texts as they are. */
static void strip(char stripped[static IDENTITY_NAME_SIZE], const char *id)
{
	size_t used = 0;

	for (; *id && used < IDENTITY_NAME_SIZE - 1; id++)
		if (*id != ':' && *id != '-')
			stripped[used++] = *id;
	stripped[used] = '\0';
}

static bool goes_by(const struct device *device, const char *stripped)
{
	struct identity link = { .link_count = 1 };
	char name[IDENTITY_NAME_SIZE];

	for (size_t i = 0; i < device->identity.link_count; i++) {
		link.links[0] = device->identity.links[i];
		if (strcasecmp(identity_name(&link, name), stripped) == 0)
			return true;
	}
	return strcasecmp(identity_name(&device->identity, name), stripped) == 0;
}

static bool has_address(const struct device *device, const struct netaddr *address)
{
	for (size_t i = 0; i < device->address_count; i++)
		if (netaddr_equal(&device->addresses[i].address, address))
			return true;
	return false;
}

const struct device *device_table_find(const struct device_table *table, const char *id)
{
	char stripped[IDENTITY_NAME_SIZE];
	struct netaddr address;
	bool is_address = netaddr_parse(&address, id) == 0;

	strip(stripped, id);
	for (size_t i = 0; i < table->count; i++)
		if (is_address ? has_address(table->devices[i], &address)
			       : goes_by(table->devices[i], stripped))
			return table->devices[i];
	return NULL;
}

/* It calls itself by another name than the one it is known by. */
static bool calls_itself_otherwise(const struct device *device, const struct identity *seen)
{
	const struct identity *known = &device->identity;

	if (known->endpoint && seen->endpoint)
		return known->endpoint != seen->endpoint;
	return known->has_told && seen->has_told && !mac_equal(&known->told, &seen->told) &&
	       !has_link(device, &seen->told);
}

enum device_doubt device_table_doubt(const struct device_table *table,
				     const struct mac_address *mac, const struct evidence *evidence)
{
	const struct device *holder = device_table_find_mac(table, mac);
	struct identity seen;

	identity_read(&seen, evidence, mac);
	if (!holder || !calls_itself_otherwise(holder, &seen))
		return DEVICE_CREDIBLE;
	for (size_t i = 0; seen.endpoint && i < table->count; i++)
		if (table->devices[i] != holder &&
		    table->devices[i]->identity.endpoint == seen.endpoint)
			return DEVICE_SWAPPED;
	return DEVICE_STRANGER;
}

/*
 * The higher, the rather it stays. What answered at a port in a protocol of its own is no
 * invention; what only says that it is a camera may be.
 */
#define ONLINE    1U
#define SHOWN     2U
#define CONFIRMED 4U
#define PLACE_FOR (100 * USEC_PER_MSEC) /* what is shown has its place at least so long */

static unsigned importance(const struct device *device)
{
	return (device->online ? ONLINE : 0U) | (device->published ? SHOWN : 0U) |
	       (device_is_confirmed(device) ? CONFIRMED : 0U);
}

/* A newcomer may have its place; one that was not found where it was looked for has less rights. */
static bool is_displaceable(struct device_table *table, unsigned rank, bool placed, usec_t now)
{
	if (rank != (SHOWN | ONLINE))
		return rank != (CONFIRMED | SHOWN | ONLINE);
	if (!placed || now - table->displaced < PLACE_FOR)
		return false;
	table->displaced = now;
	return true;
}

/* Whether it was found where it was looked for. */
static bool is_placed(const struct identity *identity)
{
	return identity->link_count || identity->address.family != AF_UNSPEC;
}

/* Other devices may be forged from anywhere: they have a small table of their own within the table.
 */
static size_t limit_of(const struct device_table *table, bool placed)
{
	return placed ? table->limit : table->limit / 16 + 1;
}

static bool make_room(struct device_table *table, bool placed, usec_t now)
{
	unsigned rank, least_rank = 0;
	struct device *least = NULL;
	size_t count = 0;

	if (placed && table->count < table->limit)
		return true;
	for (size_t i = 0; i < table->count; i++) {
		struct device *device = table->devices[i];

		if (!placed && is_placed(&device->identity))
			continue;
		count++;
		rank = importance(device);
		if (!least || rank < least_rank ||
		    (rank == least_rank && device->heard < least->heard)) {
			least = device;
			least_rank = rank;
		}
	}
	if (count < limit_of(table, placed) && table->count < table->limit)
		return true;
	if (!least || !is_displaceable(table, least_rank, placed, now))
		return false;
	device_table_remove(table, least);
	return true;
}

static struct device *add_device(struct device_table *table, const struct identity *identity,
				 usec_t now)
{
	struct device *device;

	if (!make_room(table, is_placed(identity), now))
		return NULL;
	device = xnew(struct device);
	device->identity = *identity;
	device->first_seen = (int64_t)time(NULL);
	table->devices[table->count++] = device;
	return device;
}

/* Two were one: what the second knew goes to the first. */
static void join(struct device_table *table, struct device *device, struct device *other)
{
	evidence_merge(&device->evidence, &other->evidence);
	identity_merge(&device->identity, &other->identity);
	if (other->first_seen < device->first_seen)
		device->first_seen = other->first_seen;
	for (size_t i = 0; i < other->address_count; i++)
		if (device->address_count < DEVICE_MAX_ADDRESSES)
			device_adopt_address(device, &other->addresses[i]);
	device_table_remove(table, other);
}

/* Of two that are one, the one whose name is to stay: it has a MAC, or at least is shown. */
static bool is_rather(const struct device *device, const struct device *other)
{
	if (!device->identity.link_count != !other->identity.link_count)
		return device->identity.link_count > 0;
	return device->published && !other->published;
}

/* Whom the sighting belongs to; several are joined. */
static struct device *find_same(struct device_table *table, const struct identity *seen)
{
	struct device *found = NULL, *device;

	for (size_t i = 0; i < table->count; i++) {
		device = table->devices[i];
		if (device == found || !identity_is_same(&device->identity, seen))
			continue;
		if (!found) {
			found = device;
			continue;
		}
		if (is_rather(device, found)) {
			join(table, device, found);
			found = device;
		} else {
			join(table, found, device);
		}
		i = (size_t)-1; /* the array has changed */
	}
	return found;
}

struct device *device_table_fuse(struct device_table *table, const struct interface *interface,
				 const struct sighting *sighting, const struct mac_address *mac)
{
	struct identity seen;
	struct device *device;

	identity_read(&seen, &sighting->evidence, mac);
	if (interface == &interface_routed)
		seen.address = sighting->address;
	device = find_same(table, &seen);
	if (!device && !identity_is_known(&seen))
		device = device_table_find_address(table, interface->index, &sighting->address);
	if (!device && identity_is_known(&seen))
		device = add_device(table, &seen, sighting->time);
	if (!device)
		return NULL;
	identity_merge(&device->identity, &seen);
	evidence_merge(&device->evidence, &sighting->evidence);
	if (mac)
		oui_read(&device->evidence, mac, sighting->time);
	if (sighting->address.family != AF_UNSPEC)
		device_note_address(device, interface, &sighting->address, sighting->time);
	if (!device->online)
		device->online_since = sighting->time;
	device->heard = sighting->time;
	device->last_seen = (int64_t)time(NULL);
	device->misses = 0;
	device->unproven = 0;
	device->checked = 0;
	device->online = true;
	/* Several cameras come from the factory with the same address of another network. */
	if (interface == &interface_routed || interface_is_on_link(interface, &sighting->address))
		device_table_take_address(table, interface->index, &sighting->address, device);
	table->on_changed(device, table->owner);
	return device;
}

void device_table_take_address(struct device_table *table, unsigned ifindex,
			       const struct netaddr *address, const struct device *owner)
{
	for (size_t i = 0; i < table->count; i++) {
		struct device *device = table->devices[i];

		if (device == owner || !device_drop_address(device, ifindex, address))
			continue;
		if (netaddr_equal(&device->identity.address, address))
			device->identity.address = (struct netaddr){ 0 };
		if (!device_address(device))
			device->online = false; /* until it is seen somewhere else */
		table->on_changed(device, table->owner);
	}
}
