/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/publication.h"

#include <stdio.h>
#include <strings.h>

#include "common/log.h"

/* The field by which the journal finds what happened to one device. */
#define LOG_FIELD_SIZE (IDENTITY_NAME_SIZE + 8)

static const char *log_field(const struct device *device, char buffer[static LOG_FIELD_SIZE])
{
	snprintf(buffer, LOG_FIELD_SIZE, "DEVICE=%s", device->name);
	return buffer;
}

static void log_found(const struct device *device)
{
	const struct device_address *address = device_address(device);
	const char *vendor = evidence_best(&device->evidence, FIELD_VENDOR);
	const char *model = evidence_best(&device->evidence, FIELD_MODEL);
	char text[NETADDR_TEXT_SIZE], field[LOG_FIELD_SIZE];

	log_event(LOG_INFO, LOG_FIELDS("EVENT=device-found", log_field(device, field)),
		  "found %s%s%s at %s (%s)", vendor ? vendor : "a device of unknown make",
		  model ? " " : "", model ? model : "",
		  address ? netaddr_format(&address->address, text) : "an unknown address",
		  device->name);
}

static void log_move(struct device *device)
{
	const struct device_address *address = device_address(device);
	char field[LOG_FIELD_SIZE], old[NETADDR_TEXT_SIZE], new[NETADDR_TEXT_SIZE];

	if (!address || netaddr_equal(&address->address, &device->told))
		return;
	log_event(LOG_INFO, LOG_FIELDS("EVENT=device-moved", log_field(device, field)),
		  "%s moved from %s to %s", device->name,
		  *netaddr_format(&device->told, old) ? old : "nowhere",
		  netaddr_format(&address->address, new));
	device->told = address->address;
}

static void log_presence(struct device *device)
{
	char field[LOG_FIELD_SIZE];

	if (device->online == device->told_online)
		return;
	log_field(device, field);
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

static void publish(struct publication *publication, struct device *device)
{
	const struct device_address *address = device_address(device);

	identity_name(&device->identity, device->name);
	device->told = address ? address->address : (struct netaddr){ 0 };
	device->told_online = device->online;
	device->published = true;
	publication->count++;
	log_found(device);
	publication->handlers->on_published(device, publication->owner);
}

static void withdraw(struct publication *publication, struct device *device)
{
	char field[LOG_FIELD_SIZE];

	log_event(LOG_INFO, LOG_FIELDS("EVENT=device-lost", log_field(device, field)), "lost %s",
		  device->name);
	device->published = false;
	publication->count--;
	publication->handlers->on_withdrawn(device, publication->owner);
}

/* A device that was known by its endpoint only and now has a MAC gets the name of that. */
static bool has_outgrown_name(const struct device *device)
{
	char name[IDENTITY_NAME_SIZE];
	struct mac_address mac;

	return identity_name_is_of_endpoint(device->name) && device_mac(device, &mac) &&
	       strcasecmp(identity_name(&device->identity, name), device->name) != 0;
}

void publication_update(struct publication *publication, struct device *device)
{
	bool worth = evidence_confidence(&device->evidence) >= CANDIDATE_FROM;

	if (device->published && (!worth || has_outgrown_name(device)))
		withdraw(publication, device);
	if (worth && !device->published) {
		publish(publication, device);
	} else if (device->published) {
		log_move(device);
		log_presence(device);
		publication->handlers->on_changed(device, publication->owner);
	}
}

void publication_forget(struct publication *publication, struct device *device)
{
	if (device->published)
		withdraw(publication, device);
}
