/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The device does not tell what has changed about it; so a digest of every value that was last
 * shown is kept here, and PropertiesChanged names only what differs.
 */
#include "discoverd/device_bus.h"

#include <stdio.h>
#include <string.h>

#include "common/bus_object.h"
#include "common/memory.h"
#include "dbus/discovery1_device.h"

struct device_bus {
	struct bus_object *object;
	struct device *device;
	uint64_t digests[DISCOVERY1_DEVICE_PROPERTY_COUNT];
};

/* --- values as text: what most properties are, and what all digests are made of --- */

typedef const char *text_fn(const struct device *device, char *buffer);
#define BUFFER_SIZE DEVICE_URL_SIZE

static const char *mac_address(const struct device *device, char *buffer)
{
	struct mac_address mac;

	return device_mac(device, &mac) ? mac_format(&mac, buffer) : NULL;
}

static const char *address(const struct device *device, char *buffer)
{
	const struct device_address *primary = device_address(device);

	return primary ? netaddr_format(&primary->address, buffer) : NULL;
}

static const char *interface(const struct device *device, char *buffer)
{
	const struct device_address *primary = device_address(device);

	return primary && primary->interface[0] ? primary->interface : NULL;
}

#define DEFINE_FIELD(name, field)                                          \
	static const char *name(const struct device *device, char *buffer) \
	{                                                                  \
		return evidence_best(&device->evidence, field);            \
	}                                                                  \
	struct this_line_takes_a_semicolon
DEFINE_FIELD(vendor, FIELD_VENDOR);
DEFINE_FIELD(model, FIELD_MODEL);
DEFINE_FIELD(serial, FIELD_SERIAL);
DEFINE_FIELD(firmware, FIELD_FIRMWARE);
DEFINE_FIELD(name, FIELD_NAME);

static const char *kind(const struct device *device, char *buffer)
{
	return evidence_kind(&device->evidence);
}

static const char *onvif_url(const struct device *device, char *buffer)
{
	return device_onvif_url(device, buffer);
}

static const char *unreachable(const struct device *device, char *buffer)
{
	return device_obstacle(device, buffer);
}

static const char *snapshot_path(const struct device *device, char *buffer)
{
	return device_snapshot_path(device);
}

static const char *stream_path(const struct device *device, char *buffer)
{
	return device_stream_path(device);
}

/* NULL: not a text. */
static text_fn *const texts[DISCOVERY1_DEVICE_PROPERTY_COUNT] = {
	[DISCOVERY1_DEVICE_PROPERTY_MAC_ADDRESS] = mac_address,
	[DISCOVERY1_DEVICE_PROPERTY_ADDRESS] = address,
	[DISCOVERY1_DEVICE_PROPERTY_INTERFACE] = interface,
	[DISCOVERY1_DEVICE_PROPERTY_UNREACHABLE] = unreachable,
	[DISCOVERY1_DEVICE_PROPERTY_VENDOR] = vendor,
	[DISCOVERY1_DEVICE_PROPERTY_MODEL] = model,
	[DISCOVERY1_DEVICE_PROPERTY_SERIAL] = serial,
	[DISCOVERY1_DEVICE_PROPERTY_FIRMWARE] = firmware,
	[DISCOVERY1_DEVICE_PROPERTY_NAME] = name,
	[DISCOVERY1_DEVICE_PROPERTY_KIND] = kind,
	[DISCOVERY1_DEVICE_PROPERTY_ONVIF_URL] = onvif_url,
	[DISCOVERY1_DEVICE_PROPERTY_SNAPSHOT_PATH] = snapshot_path,
	[DISCOVERY1_DEVICE_PROPERTY_STREAM_PATH] = stream_path,
};

/* --- properties --- */

#define DEFINE_TEXT_PROPERTY(name)                                           \
	static void get_##name(struct bus_writer *value, const void *object) \
	{                                                                    \
		char buffer[BUFFER_SIZE];                                    \
                                                                             \
		bus_write_string(value, name(object, buffer));               \
	}                                                                    \
	static bool has_##name(const void *object)                           \
	{                                                                    \
		char buffer[BUFFER_SIZE];                                    \
                                                                             \
		return name(object, buffer) != NULL;                         \
	}                                                                    \
	struct this_line_takes_a_semicolon
DEFINE_TEXT_PROPERTY(mac_address);
DEFINE_TEXT_PROPERTY(address);
DEFINE_TEXT_PROPERTY(interface);
DEFINE_TEXT_PROPERTY(unreachable);
DEFINE_TEXT_PROPERTY(vendor);
DEFINE_TEXT_PROPERTY(model);
DEFINE_TEXT_PROPERTY(serial);
DEFINE_TEXT_PROPERTY(firmware);
DEFINE_TEXT_PROPERTY(name);
DEFINE_TEXT_PROPERTY(onvif_url);
DEFINE_TEXT_PROPERTY(snapshot_path);
DEFINE_TEXT_PROPERTY(stream_path);

/* Seen on another interface, too. */
static bool is_repeated(const struct device *device, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (netaddr_equal(&device->addresses[i].address, &device->addresses[index].address))
			return true;
	return false;
}

static void get_ipv6_addresses(struct bus_writer *value, const void *object)
{
	const struct device *device = object;
	char text[NETADDR_TEXT_SIZE];

	bus_open_array(value, "s");
	for (size_t i = 0; i < device->address_count; i++)
		if (device->addresses[i].address.family == AF_INET6 && !is_repeated(device, i))
			bus_write_string(value,
					 netaddr_format(&device->addresses[i].address, text));
	bus_close(value);
}

static void get_ports(struct bus_writer *value, const void *object)
{
	struct device_service services[DEVICE_MAX_SERVICES];
	size_t count = device_services(object, services);

	bus_open_array(value, "(qs)");
	for (size_t i = 0; i < count; i++) {
		bus_open_struct(value);
		bus_write_u16(value, services[i].port);
		bus_write_string(value, services[i].name);
		bus_close(value);
	}
	bus_close(value);
}

static void get_kind(struct bus_writer *value, const void *object)
{
	bus_write_string(value, kind(object, NULL));
}

static void get_confidence(struct bus_writer *value, const void *object)
{
	const struct device *device = object;

	bus_write_double(value, evidence_confidence(&device->evidence));
}

static void get_evidence(struct bus_writer *value, const void *object)
{
	const struct device *device = object;

	bus_open_array(value, "s");
	for (enum source source = 0; source < SOURCE_COUNT; source++)
		if (evidence_has_source(&device->evidence, source))
			bus_write_string(value, source_name(source));
	bus_close(value);
}

static void get_facts(struct bus_writer *value, const void *object)
{
	const struct device *device = object;
	struct evidence_weight weight;

	bus_open_array(value, "(ssqsxdd)");
	for (size_t i = 0; i < device->evidence.count; i++) {
		const struct fact *fact = device->evidence.facts[i];

		weight = evidence_weigh(&device->evidence, fact);
		bus_open_struct(value);
		bus_write_string(value, source_name(fact->source));
		bus_write_string(value, field_name(fact->field));
		bus_write_u16(value, fact->port);
		bus_write_string(value, fact->text);
		bus_write_i64(value, device_unix_time(device, fact->time));
		bus_write_double(value, weight.value);
		bus_write_double(value, weight.alone);
		bus_close(value);
	}
	bus_close(value);
}

static void get_first_seen(struct bus_writer *value, const void *object)
{
	bus_write_i64(value, ((const struct device *)object)->first_seen);
}

static void get_last_seen(struct bus_writer *value, const void *object)
{
	bus_write_i64(value, ((const struct device *)object)->last_seen);
}

static void get_online(struct bus_writer *value, const void *object)
{
	bus_write_bool(value, ((const struct device *)object)->online);
}

static bool is_asleep(const struct device *device)
{
	return !device->online && device_sleeps(device);
}

static void get_asleep(struct bus_writer *value, const void *object)
{
	bus_write_bool(value, is_asleep(object));
}

static const struct bus_vtable device_vtable = {
	.interface = &discovery1_device_interface,
	.properties =
		(const struct bus_property[DISCOVERY1_DEVICE_PROPERTY_COUNT]){
			[DISCOVERY1_DEVICE_PROPERTY_MAC_ADDRESS] = { .get = get_mac_address,
								     .exists = has_mac_address },
			[DISCOVERY1_DEVICE_PROPERTY_ADDRESS] = { .get = get_address,
								 .exists = has_address },
			[DISCOVERY1_DEVICE_PROPERTY_IPV6_ADDRESSES] = { .get = get_ipv6_addresses },
			[DISCOVERY1_DEVICE_PROPERTY_INTERFACE] = { .get = get_interface,
								   .exists = has_interface },
			[DISCOVERY1_DEVICE_PROPERTY_UNREACHABLE] = { .get = get_unreachable,
								     .exists = has_unreachable },
			[DISCOVERY1_DEVICE_PROPERTY_PORTS] = { .get = get_ports },
			[DISCOVERY1_DEVICE_PROPERTY_VENDOR] = { .get = get_vendor,
								.exists = has_vendor },
			[DISCOVERY1_DEVICE_PROPERTY_MODEL] = { .get = get_model,
							       .exists = has_model },
			[DISCOVERY1_DEVICE_PROPERTY_SERIAL] = { .get = get_serial,
								.exists = has_serial },
			[DISCOVERY1_DEVICE_PROPERTY_FIRMWARE] = { .get = get_firmware,
								  .exists = has_firmware },
			[DISCOVERY1_DEVICE_PROPERTY_NAME] = { .get = get_name, .exists = has_name },
			[DISCOVERY1_DEVICE_PROPERTY_KIND] = { .get = get_kind },
			[DISCOVERY1_DEVICE_PROPERTY_CONFIDENCE] = { .get = get_confidence },
			[DISCOVERY1_DEVICE_PROPERTY_EVIDENCE] = { .get = get_evidence },
			[DISCOVERY1_DEVICE_PROPERTY_FACTS] = { .get = get_facts },
			[DISCOVERY1_DEVICE_PROPERTY_ONVIF_URL] = { .get = get_onvif_url,
								   .exists = has_onvif_url },
			[DISCOVERY1_DEVICE_PROPERTY_SNAPSHOT_PATH] = { .get = get_snapshot_path,
								       .exists =
									       has_snapshot_path },
			[DISCOVERY1_DEVICE_PROPERTY_STREAM_PATH] = { .get = get_stream_path,
								     .exists = has_stream_path },
			[DISCOVERY1_DEVICE_PROPERTY_FIRST_SEEN] = { .get = get_first_seen },
			[DISCOVERY1_DEVICE_PROPERTY_LAST_SEEN] = { .get = get_last_seen },
			[DISCOVERY1_DEVICE_PROPERTY_ONLINE] = { .get = get_online },
			[DISCOVERY1_DEVICE_PROPERTY_ASLEEP] = { .get = get_asleep },
		},
};

/* --- why --- */

static const char *verdict(const struct device *device)
{
	double confidence = evidence_confidence(&device->evidence);

	return confidence >= CAMERA_FROM      ? "camera"
	       : confidence >= CANDIDATE_FROM ? "candidate"
					      : "rejected";
}

void device_bus_explain(struct bus_writer *writer, const struct device *device)
{
	char name[IDENTITY_NAME_SIZE];

	bus_open_dict(writer);
	bus_dict_string(writer, "Id",
			device->published ? device->name : identity_name(&device->identity, name));
	bus_dict_string(writer, "Verdict", verdict(device));
	bus_dict_double(writer, "Sum", evidence_sum(&device->evidence));
	bus_dict_double(writer, "CandidateFrom", CANDIDATE_FROM);
	bus_dict_double(writer, "CameraFrom", CAMERA_FROM);
	for (unsigned i = 0; i < DISCOVERY1_DEVICE_PROPERTY_COUNT; i++) {
		const struct bus_property *property = &device_vtable.properties[i];

		if (property->exists && !property->exists(device))
			continue;
		bus_dict_open(writer, discovery1_device_interface.properties[i].name,
			      discovery1_device_interface.properties[i].signature);
		property->get(writer, device);
		bus_dict_close(writer);
	}
	bus_close(writer);
}

/* --- what has changed --- */

static uint64_t mix(uint64_t digest, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) /* FNV-1a */
		digest = (digest ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
	return digest;
}

#define DIGEST_START 0xcbf29ce484222325

static uint64_t digest_ipv6_addresses(const struct device *device)
{
	uint64_t digest = DIGEST_START;

	for (size_t i = 0; i < device->address_count; i++)
		if (device->addresses[i].address.family == AF_INET6)
			digest = mix(digest, &device->addresses[i].address.v6,
				     sizeof(struct in6_addr));
	return digest;
}

static uint64_t digest_ports(const struct device *device)
{
	struct device_service services[DEVICE_MAX_SERVICES];
	size_t count = device_services(device, services);
	uint64_t digest = DIGEST_START;

	for (size_t i = 0; i < count; i++) {
		digest = mix(digest, &services[i].port, sizeof(services[i].port));
		digest = mix(digest, services[i].name, strlen(services[i].name));
	}
	return digest;
}

static uint64_t digest_confidence(const struct device *device)
{
	double confidence = evidence_confidence(&device->evidence);

	return mix(DIGEST_START, &confidence, sizeof(confidence));
}

static uint64_t digest_evidence(const struct device *device)
{
	uint64_t digest = 0;

	for (enum source source = 0; source < SOURCE_COUNT; source++)
		digest = digest << 1 | evidence_has_source(&device->evidence, source);
	return digest;
}

static uint64_t digest_first_seen(const struct device *device)
{
	return (uint64_t)device->first_seen;
}

static uint64_t digest_online(const struct device *device)
{
	return device->online;
}

static uint64_t digest_asleep(const struct device *device)
{
	return is_asleep(device);
}

/* Of what is not a text; LastSeen and Facts are not signalled. */
static uint64_t (*const digests[DISCOVERY1_DEVICE_PROPERTY_COUNT])(const struct device *device) = {
	[DISCOVERY1_DEVICE_PROPERTY_IPV6_ADDRESSES] = digest_ipv6_addresses,
	[DISCOVERY1_DEVICE_PROPERTY_PORTS] = digest_ports,
	[DISCOVERY1_DEVICE_PROPERTY_CONFIDENCE] = digest_confidence,
	[DISCOVERY1_DEVICE_PROPERTY_EVIDENCE] = digest_evidence,
	[DISCOVERY1_DEVICE_PROPERTY_FIRST_SEEN] = digest_first_seen,
	[DISCOVERY1_DEVICE_PROPERTY_ONLINE] = digest_online,
	[DISCOVERY1_DEVICE_PROPERTY_ASLEEP] = digest_asleep,
};

static uint64_t digest_of(const struct device *device, unsigned property)
{
	char buffer[BUFFER_SIZE];
	const char *text;

	if (digests[property])
		return digests[property](device);
	text = texts[property] ? texts[property](device, buffer) : NULL;
	return text ? mix(DIGEST_START, text, strlen(text) + 1) : 0;
}

void device_bus_update(struct device_bus *device_bus)
{
	uint64_t digest;

	for (unsigned i = 0; i < DISCOVERY1_DEVICE_PROPERTY_COUNT; i++) {
		digest = digest_of(device_bus->device, i);
		if (digest == device_bus->digests[i])
			continue;
		device_bus->digests[i] = digest;
		bus_property_changed(device_bus->object, &device_vtable, i);
	}
}

int device_bus_new(struct device_bus **ret_device_bus, struct bus *bus, struct device *device)
{
	static const struct bus_vtable *const vtables[] = { &device_vtable, NULL };
	struct device_bus *device_bus = xnew(struct device_bus);
	char path[64];
	int r;

	device_bus->device = device;
	snprintf(path, sizeof(path), "/io/evercam/Discovery1/device/%s", device->name);
	r = bus_object_new(&device_bus->object, bus, path, vtables, device);
	if (r < 0) {
		free(device_bus);
		return r;
	}
	for (unsigned i = 0; i < DISCOVERY1_DEVICE_PROPERTY_COUNT; i++)
		device_bus->digests[i] = digest_of(device, i);
	*ret_device_bus = device_bus;
	return 0;
}

struct device_bus *device_bus_free(struct device_bus *device_bus)
{
	if (!device_bus)
		return NULL;
	bus_object_free(device_bus->object);
	free(device_bus);
	return NULL;
}
