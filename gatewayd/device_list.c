/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * discoverd rebuilds its table from the network after every restart. Devices that vanish from the
 * bus together with it are therefore kept for a while as they were: a restart of discoverd is no
 * change of the site. A device that discoverd itself takes back is gone at once.
 */
#include "gatewayd/device_list.h"

#include <string.h>

#include "common/bus_client.h"
#include "common/log.h"
#include "common/memory.h"
#include "dbus/discovery1.h"
#include "dbus/discovery1_device.h"

#define SERVICE     "io.evercam.Discovery1"
#define ROOT        "/io/evercam/Discovery1"
#define MAX_DEVICES 4096
#define MAX_CAMERAS 1024 /* in one report */
#define MAX_PORTS   64
#define MAX_SERVICE 23 /* bytes of a service's name */
#define MAX_TEXT    1024
#define GRACE       (300 * USEC_PER_SEC) /* for discoverd to find again what it knew */

struct device {
	char *path;
	bool has_mac;
	bool removed; /* taken back; ends with this turn of the loop unless discoverd left */
	bool orphan;  /* of a discoverd that is gone */
	struct device_report report;
};

struct device_list {
	struct bus_mirror *mirror;
	struct bus_peer *presence; /* the mirror does not tell that discoverd was never there */
	struct loop_defer settle;
	struct loop_timer grace;
	struct device **devices; /* in the order of their appearance */
	size_t count;
	bool known;
	bool absent;
	const struct device_list_handlers *handlers;
	void *owner;
};

/* --- one device --- */

static void ports_free(struct device_report *report)
{
	for (size_t i = 0; i < report->port_count; i++)
		free(report->ports[i].service);
	free(report->ports);
	report->ports = NULL;
	report->port_count = 0;
}

static void device_free(struct device *device)
{
	struct device_report *report = &device->report;

	ports_free(report);
	strv_free(report->ipv6_addresses);
	strv_free(report->evidence);
	free(report->vendor);
	free(report->model);
	free(report->serial);
	free(report->firmware);
	free(report->name);
	free(report->kind);
	free(report->onvif_url);
	free(report->snapshot_path);
	free(report->stream_path);
	free(device->path);
	free(device);
}

static void read_text(char **text, struct bus_reader *value)
{
	const char *read;

	if (bus_read_string(value, &read) == 0 && strlen(read) <= MAX_TEXT)
		replace_string(text, read);
}

static void read_texts(char ***texts, struct bus_reader *value)
{
	char **read;

	if (bus_read_strings(value, &read) < 0)
		return;
	strv_free(*texts);
	*texts = read;
}

/* a(qs) */
static void read_ports(struct device_report *report, struct bus_reader *value)
{
	struct bus_reader array, item;
	const char *service;
	uint16_t port;

	if (bus_enter(value, &array) < 0)
		return;
	ports_free(report);
	report->ports = xcalloc(MAX_PORTS, sizeof(*report->ports));
	while (report->port_count < MAX_PORTS && bus_enter(&array, &item) == 0)
		if (bus_read_u16(&item, &port) == 0 && bus_read_string(&item, &service) == 0 &&
		    strlen(service) <= MAX_SERVICE)
			report->ports[report->port_count++] =
				(struct device_port){ .port = port, .service = xstrdup(service) };
}

static void read_mac(struct device *device, struct bus_reader *value)
{
	const char *text;

	if (bus_read_string(value, &text) == 0)
		device->has_mac = mac_parse(&device->report.mac, text) == 0;
}

static void read_address(struct device *device, struct bus_reader *value)
{
	const char *text;

	if (bus_read_string(value, &text) == 0)
		(void)netaddr_parse(&device->report.address, text);
}

/* The member of a property that is a plain text; NULL for any other. */
static char **text_member(struct device_report *report, enum discovery1_device_property property)
{
	char **members[DISCOVERY1_DEVICE_PROPERTY_COUNT] = {
		[DISCOVERY1_DEVICE_PROPERTY_VENDOR] = &report->vendor,
		[DISCOVERY1_DEVICE_PROPERTY_MODEL] = &report->model,
		[DISCOVERY1_DEVICE_PROPERTY_SERIAL] = &report->serial,
		[DISCOVERY1_DEVICE_PROPERTY_FIRMWARE] = &report->firmware,
		[DISCOVERY1_DEVICE_PROPERTY_NAME] = &report->name,
		[DISCOVERY1_DEVICE_PROPERTY_KIND] = &report->kind,
		[DISCOVERY1_DEVICE_PROPERTY_ONVIF_URL] = &report->onvif_url,
		[DISCOVERY1_DEVICE_PROPERTY_SNAPSHOT_PATH] = &report->snapshot_path,
		[DISCOVERY1_DEVICE_PROPERTY_STREAM_PATH] = &report->stream_path,
	};

	return property < DISCOVERY1_DEVICE_PROPERTY_COUNT ? members[property] : NULL;
}

static enum discovery1_device_property property_of(const char *name)
{
	unsigned i;

	for (i = 0; i < DISCOVERY1_DEVICE_PROPERTY_COUNT; i++)
		if (strcmp(name, discovery1_device_interface.properties[i].name) == 0)
			break;
	return (enum discovery1_device_property)i;
}

static void read_property(struct device *device, const char *name, struct bus_reader *value)
{
	enum discovery1_device_property property = property_of(name);
	struct device_report *report = &device->report;
	char **text = text_member(report, property);

	if (text)
		read_text(text, value);
	else if (property == DISCOVERY1_DEVICE_PROPERTY_MAC_ADDRESS)
		read_mac(device, value);
	else if (property == DISCOVERY1_DEVICE_PROPERTY_ADDRESS)
		read_address(device, value);
	else if (property == DISCOVERY1_DEVICE_PROPERTY_IPV6_ADDRESSES)
		read_texts(&report->ipv6_addresses, value);
	else if (property == DISCOVERY1_DEVICE_PROPERTY_EVIDENCE)
		read_texts(&report->evidence, value);
	else if (property == DISCOVERY1_DEVICE_PROPERTY_PORTS)
		read_ports(report, value);
	else if (property == DISCOVERY1_DEVICE_PROPERTY_CONFIDENCE)
		(void)bus_read_double(value, &report->confidence);
	else if (property == DISCOVERY1_DEVICE_PROPERTY_FIRST_SEEN)
		(void)bus_read_i64(value, &report->first_seen);
	else if (property == DISCOVERY1_DEVICE_PROPERTY_LAST_SEEN)
		(void)bus_read_i64(value, &report->last_seen);
	else if (property == DISCOVERY1_DEVICE_PROPERTY_ONLINE)
		(void)bus_read_bool(value, &report->online);
}

static bool is_camera(const struct device *device)
{
	return device->has_mac && mac_is_unicast(&device->report.mac) &&
	       netaddr_is_unicast_host(&device->report.address) &&
	       device->report.confidence >= CAMERA_CONFIDENCE;
}

static void tell_address(struct device_list *list, const struct device *device, bool live)
{
	if (device->has_mac && mac_is_unicast(&device->report.mac) &&
	    netaddr_is_unicast_host(&device->report.address))
		list->handlers->on_address(&device->report.mac, &device->report.address, live,
					   list->owner);
}

/* --- the list --- */

static struct device *find(struct device_list *list, const char *path)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->devices[i]->path, path) == 0)
			return list->devices[i];
	return NULL;
}

static struct device *add(struct device_list *list, const char *path)
{
	struct device *device;

	if (list->count == MAX_DEVICES)
		return NULL;
	device = xnew(struct device);
	device->path = xstrdup(path);
	list->devices = xrealloc_array(list->devices, list->count + 1, sizeof(struct device *));
	list->devices[list->count++] = device;
	return device;
}

/* Frees the devices for which the flag is set; returns whether there were any. */
static bool sweep(struct device_list *list, bool orphans)
{
	size_t kept = 0, before = list->count;
	struct device *device;

	for (size_t i = 0; i < before; i++) {
		device = list->devices[i];
		if (device->removed || (orphans && device->orphan))
			device_free(device);
		else
			list->devices[kept++] = device;
	}
	list->count = kept;
	return kept != before;
}

static void on_properties(const char *path, const char *interface, struct bus_reader *dict,
			  void *owner)
{
	struct device_list *list = owner;
	struct bus_reader value;
	struct device *device;
	const char *name;

	if (strcmp(interface, DISCOVERY1_DEVICE_INTERFACE) != 0)
		return;
	device = find(list, path);
	if (!device)
		device = add(list, path);
	if (!device)
		return;
	device->removed = false;
	device->orphan = false;
	while (bus_next_entry(dict, &name, &value))
		read_property(device, name, &value);
	tell_address(list, device, device->report.online);
	list->handlers->on_change(list, list->owner);
}

static void on_invalidated(const char *path, const char *interface, const char *property,
			   void *owner)
{
	struct device_list *list = owner;
	struct device *device = find(list, path);
	char **text;

	if (strcmp(interface, DISCOVERY1_DEVICE_INTERFACE) != 0 || !device)
		return;
	text = text_member(&device->report, property_of(property));
	if (text)
		replace_string(text, NULL);
	list->handlers->on_change(list, list->owner);
}

static void on_removed(const char *path, const char *interface, void *owner)
{
	struct device_list *list = owner;
	struct device *device = find(list, path);

	if (strcmp(interface, DISCOVERY1_DEVICE_INTERFACE) != 0 || !device)
		return;
	tell_address(list, device, false);
	device->removed = true;
	loop_defer_schedule(&list->settle);
}

/* The devices were taken back one by one just before, in the same turn of the loop. */
static void on_presence(bool present, void *owner)
{
	struct device_list *list = owner;

	if (present) {
		list->known = true;
		list->absent = false;
		log_debug("discoverd is there");
	} else {
		log_warning("discoverd is not running; going on with what it knew");
		for (size_t i = 0; i < list->count; i++) {
			list->devices[i]->orphan = true;
			list->devices[i]->removed = false;
		}
	}
	loop_timer_arm(&list->grace, GRACE);
	list->handlers->on_change(list, list->owner);
}

static void on_peer_change(struct bus_peer *presence, bool present, void *owner)
{
	struct device_list *list = owner;

	if (present)
		return;
	list->absent = true;
	list->handlers->on_change(list, list->owner);
}

static const struct bus_mirror_handlers mirror_handlers = {
	.on_properties = on_properties,
	.on_invalidated = on_invalidated,
	.on_removed = on_removed,
	.on_presence = on_presence,
};

static void on_settle(struct loop_defer *defer)
{
	struct device_list *list = container_of(defer, struct device_list, settle);

	if (sweep(list, false))
		list->handlers->on_change(list, list->owner);
}

/* Orphans are given up only when a discoverd is there that could have found them again. */
static void on_grace_over(struct loop_timer *timer)
{
	struct device_list *list = container_of(timer, struct device_list, grace);

	if (bus_mirror_is_present(list->mirror) && sweep(list, true))
		list->handlers->on_change(list, list->owner);
}

bool device_list_is_absent(const struct device_list *list)
{
	return list->absent;
}

bool device_list_is_known(const struct device_list *list)
{
	return list->known;
}

size_t device_list_camera_count(const struct device_list *list)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++)
		count += is_camera(list->devices[i]);
	return count;
}

char *device_list_print(const struct device_list *list, bool with_last_seen)
{
	_cleanup_free_ const struct device_report **cameras = xcalloc(
		list->count, sizeof(struct device_report *));
	size_t count = 0;

	for (size_t i = 0; i < list->count && count < MAX_CAMERAS; i++)
		if (is_camera(list->devices[i]) && !list->devices[i]->removed)
			cameras[count++] = &list->devices[i]->report;
	return device_reports_print(cameras, count, with_last_seen);
}

int device_list_new(struct device_list **ret_list, struct loop *loop, struct bus *bus,
		    const struct device_list_handlers *handlers, void *owner)
{
	_cleanup_(device_list_freep) struct device_list *list = xnew(struct device_list);
	int r;

	list->handlers = handlers;
	list->owner = owner;
	loop_defer_init(&list->settle, loop, on_settle);
	loop_timer_init(&list->grace, loop, on_grace_over);
	r = bus_mirror_new(&list->mirror, bus, SERVICE, ROOT, DISCOVERY1_INTERFACE,
			   &mirror_handlers, list);
	if (r == 0)
		r = bus_peer_new(&list->presence, bus, SERVICE, on_peer_change, list);
	if (r < 0)
		return r;
	*ret_list = steal_ptr(list);
	return 0;
}

struct device_list *device_list_free(struct device_list *list)
{
	if (!list)
		return NULL;
	bus_peer_free(list->presence);
	bus_mirror_free(list->mirror);
	loop_defer_deinit(&list->settle);
	loop_timer_deinit(&list->grace);
	for (size_t i = 0; i < list->count; i++)
		device_free(list->devices[i]);
	free(list->devices);
	free(list);
	return NULL;
}
