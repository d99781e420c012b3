/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/device.h"

#include <stdio.h>
#include <string.h>

#include "common/memory.h"
#include "discoverd/vendor.h"

/* A camera on a battery wakes up for what moves, and for a look at it. */
#define LONGEST_WAKE (180 * USEC_PER_SEC)
#define NAPS         3
#define NAPS_WITHIN  (24 * 3600 * USEC_PER_SEC)

struct device *device_free(struct device *device)
{
	evidence_deinit(&device->evidence);
	free(device->addresses);
	free(device);
	return NULL;
}

/* --- addresses --- */

const struct device_address *device_address(const struct device *device)
{
	return device->primary < device->address_count ? &device->addresses[device->primary] : NULL;
}

const struct device_address *device_find_address(const struct device *device, unsigned ifindex,
						 const struct netaddr *address)
{
	for (size_t i = 0; i < device->address_count; i++)
		if (device->addresses[i].ifindex == ifindex &&
		    netaddr_equal(&device->addresses[i].address, address))
			return &device->addresses[i];
	return NULL;
}

bool device_address_is_reachable(const struct device_address *address)
{
	return address->on_link || address->ifindex == interface_routed.index;
}

/* What is better to forward to: IPv4, then what was not made up by the device itself, then what we
 * can reach, then what we reach without a router. */
static unsigned worth(const struct device_address *address)
{
	unsigned worth = 0;

	if (address->address.family == AF_INET)
		worth += 8;
	if (!netaddr_is_link_local(&address->address))
		worth += 4;
	if (device_address_is_reachable(address))
		worth += 2;
	if (address->on_link)
		worth += 1;
	return worth;
}

static size_t best_address(const struct device *device)
{
	size_t best = device->address_count;

	for (size_t i = 0; i < device->address_count; i++) {
		const struct device_address *address = &device->addresses[i];
		const struct device_address *known = &device->addresses[best];

		if (best == device->address_count || worth(address) > worth(known) ||
		    (worth(address) == worth(known) && address->last_seen > known->last_seen))
			best = i;
	}
	return best;
}

static void remove_address(struct device *device, size_t index)
{
	device->address_count--;
	memmove(&device->addresses[index], &device->addresses[index + 1],
		(device->address_count - index) * sizeof(*device->addresses));
	if (device->primary == index)
		device->primary = best_address(device);
	else if (device->primary > index)
		device->primary--;
}

static void remove_oldest_address(struct device *device)
{
	size_t oldest = device->primary == 0 ? 1 : 0;

	for (size_t i = 0; i < device->address_count; i++)
		if (i != device->primary &&
		    device->addresses[i].last_seen < device->addresses[oldest].last_seen)
			oldest = i;
	remove_address(device, oldest);
}

/* Returns its index. */
static size_t append_address(struct device *device, const struct device_address *address)
{
	size_t index = device->address_count++;

	if (device->primary == index)
		device->primary = device->address_count; /* there was none */
	device->addresses = xrealloc_array(device->addresses, device->address_count,
					   sizeof(*device->addresses));
	device->addresses[index] = *address;
	return index;
}

void device_note_address(struct device *device, const struct interface *interface,
			 const struct netaddr *address, usec_t now)
{
	const struct device_address *found = device_find_address(device, interface->index, address);
	struct device_address new = { 0 }, *known;
	size_t index;

	if (found) {
		known = &device->addresses[found - device->addresses];
		known->last_seen = now;
		known->on_link = interface_is_on_link(interface, address);
		return;
	}
	if (device->address_count == DEVICE_MAX_ADDRESSES)
		remove_oldest_address(device);
	new.ifindex = interface->index;
	new.address = *address;
	new.on_link = interface_is_on_link(interface, address);
	new.last_seen = now;
	snprintf(new.interface, sizeof(new.interface), "%s", interface->name);
	index = append_address(device, &new);
	/*
	 * A new address that is as good as the present one is where the device has moved to. Should
	 * it have both, nothing moves back when the old one is seen again.
	 */
	if (device->primary >= index || worth(&new) >= worth(&device->addresses[device->primary]))
		device->primary = index;
}

void device_adopt_address(struct device *device, const struct device_address *address)
{
	size_t index;

	if (device_find_address(device, address->ifindex, &address->address) ||
	    device->address_count == DEVICE_MAX_ADDRESSES)
		return;
	index = append_address(device, address);
	if (device->primary >= index || worth(address) > worth(&device->addresses[device->primary]))
		device->primary = index;
}

bool device_drop_address(struct device *device, unsigned ifindex, const struct netaddr *address)
{
	const struct device_address *found = device_find_address(device, ifindex, address);

	if (!found)
		return false;
	remove_address(device, (size_t)(found - device->addresses));
	return true;
}

/* --- what is published --- */

int64_t device_unix_time(const struct device *device, usec_t time)
{
	int64_t ago = (int64_t)(device->heard - time);

	return device->last_seen - ago / (int64_t)USEC_PER_SEC;
}

bool device_is_confirmed(const struct device *device)
{
	return evidence_next(&device->evidence, FIELD_SERVICE, NULL) != NULL;
}

bool device_mac(const struct device *device, struct mac_address *ret_mac)
{
	return identity_mac(&device->identity, ret_mac);
}

size_t device_services(const struct device *device,
		       struct device_service ret_services[static DEVICE_MAX_SERVICES])
{
	const struct fact *fact = NULL;
	size_t count = 0, at;

	while ((fact = evidence_next(&device->evidence, FIELD_SERVICE, fact))) {
		if (count == DEVICE_MAX_SERVICES)
			break;
		for (at = count; at > 0 && ret_services[at - 1].port > fact->port; at--)
			ret_services[at] = ret_services[at - 1];
		ret_services[at] = (struct device_service){ .port = fact->port,
							    .name = fact->text };
		count++;
	}
	return count;
}

static bool has_service(const struct device *device, uint16_t port, const char *name)
{
	const struct fact *fact = NULL;

	while ((fact = evidence_next(&device->evidence, FIELD_SERVICE, fact)))
		if ((!port || fact->port == port) && (!name || strcmp(fact->text, name) == 0))
			return true;
	return false;
}

static const struct fact *onvif_fact(const struct device *device, bool proven, uint16_t port)
{
	const struct fact *fact = NULL;

	while ((fact = evidence_next(&device->evidence, FIELD_ONVIF, fact)))
		if ((fact->source == SOURCE_ONVIF) == proven && (!port || fact->port == port) &&
		    (has_service(device, fact->port, "http") ||
		     has_service(device, fact->port, "https")))
			return fact;
	return NULL;
}

/* Where it has answered, by the path that it tells itself, rather than one that was tried; else
 * where it says it is, once that port has answered in HTTP. */
static const struct fact *best_onvif_fact(const struct device *device)
{
	const struct fact *proven = onvif_fact(device, true, 0);
	const struct fact *told = onvif_fact(device, false, proven ? proven->port : 0);

	return told ? told : proven;
}

const char *device_onvif_url(const struct device *device, char buffer[static DEVICE_URL_SIZE])
{
	const struct device_address *address = device_address(device);
	const struct fact *fact = best_onvif_fact(device);
	char text[NETADDR_TEXT_SIZE];
	bool secure, v6;

	if (!fact || !address)
		return NULL;
	secure = has_service(device, fact->port, "https");
	v6 = address->address.family == AF_INET6;
	snprintf(buffer, DEVICE_URL_SIZE, "http%s://%s%s%s:%u%s", secure ? "s" : "", v6 ? "[" : "",
		 netaddr_format(&address->address, text), v6 ? "]" : "", fact->port, fact->text);
	return buffer;
}

const char *device_obstacle(const struct device *device, char buffer[static DEVICE_URL_SIZE])
{
	const struct device_address *address = device_address(device);

	if (!address || device_address_is_reachable(address))
		return NULL;
	snprintf(buffer, DEVICE_URL_SIZE,
		 "Its address is in no network of %s: give it one that is, or give %s an address "
		 "in its network.",
		 address->interface, address->interface);
	return buffer;
}

static const struct vendor *vendor_of(const struct device *device)
{
	return vendor_find(evidence_best(&device->evidence, FIELD_VENDOR));
}

void device_note_absence(struct device *device, usec_t now)
{
	if (device->heard - device->online_since > LONGEST_WAKE ||
	    device->suspected >= device->online_since) {
		device->naps = 0;
		return;
	}
	if (device->naps && now - device->napped > NAPS_WITHIN)
		device->naps = 0;
	device->naps++;
	device->napped = now;
}

bool device_sleeps(const struct device *device)
{
	const char *model = evidence_best(&device->evidence, FIELD_MODEL);

	if (device->naps >= NAPS)
		return true;
	return model && vendor_model_sleeps(vendor_of(device), model);
}

const char *device_snapshot_path(const struct device *device)
{
	const char *told = evidence_best(&device->evidence, FIELD_SNAPSHOT_PATH);
	const struct vendor *vendor = vendor_of(device);

	if (!has_service(device, 0, "http") && !has_service(device, 0, "https"))
		return NULL;
	return told ? told : vendor ? vendor->snapshot_path : NULL;
}

const char *device_stream_path(const struct device *device)
{
	const char *told = evidence_best(&device->evidence, FIELD_STREAM_PATH);
	const struct vendor *vendor = vendor_of(device);

	if (!has_service(device, 0, "rtsp") && !has_service(device, 0, "rtsps"))
		return NULL;
	return told ? told : vendor ? vendor->stream_path : NULL;
}
