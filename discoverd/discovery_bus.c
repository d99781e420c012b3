/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/discovery_bus.h"

#include <errno.h>
#include <string.h>

#include "common/bus_object.h"
#include "common/log.h"
#include "common/memory.h"
#include "dbus/discovery1.h"
#include "discoverd/device_bus.h"

struct discovery_bus {
	struct bus *bus;
	struct bus_object *object;
	struct discovery *discovery;
};

static void on_published(struct device *device, void *owner)
{
	struct discovery_bus *discovery_bus = owner;
	int r;

	r = device_bus_new(&device->bus, discovery_bus->bus, device);
	if (r < 0)
		log_warning_errno(r, "cannot show the device %s on the bus: %m", device->name);
}

static void on_changed(struct device *device, void *owner)
{
	if (device->bus)
		device_bus_update(device->bus);
}

static void on_withdrawn(struct device *device, void *owner)
{
	device->bus = device_bus_free(device->bus);
}

static const struct bus_vtable discovery_vtable;

static void on_state(void *owner)
{
	struct discovery_bus *discovery_bus = owner;

	for (unsigned i = 0; i < DISCOVERY1_PROPERTY_COUNT; i++)
		if (i != DISCOVERY1_PROPERTY_SCAN_PROGRESS)
			bus_property_changed(discovery_bus->object, &discovery_vtable, i);
}

static void on_progress(void *owner)
{
	struct discovery_bus *discovery_bus = owner;

	bus_property_changed(discovery_bus->object, &discovery_vtable,
			     DISCOVERY1_PROPERTY_SCAN_PROGRESS);
}

static int on_scan(struct bus_call *call, void *object)
{
	struct discovery_bus *discovery_bus = object;
	struct bus_reader dict, value;
	const char *key;
	int r;

	r = bus_enter(bus_call_arguments(call), &dict);
	if (r < 0)
		return r;
	if (bus_next_entry(&dict, &key, &value))
		return bus_call_fail(call, -EINVAL, "There is no option \"%s\".", key);
	discovery_scan(discovery_bus->discovery);
	return bus_call_send(call);
}

static int on_explain(struct bus_call *call, void *object)
{
	struct discovery_bus *discovery_bus = object;
	const struct device *device;
	const char *id;
	int r;

	r = bus_read_string(bus_call_arguments(call), &id);
	if (r < 0)
		return r;
	device = discovery_find(discovery_bus->discovery, id);
	if (!device)
		return bus_call_fail(call, -ENOENT, "Nothing was heard of \"%s\".", id);
	device_bus_explain(bus_call_reply(call), device);
	return bus_call_send(call);
}

static int change_address(struct bus_call *call, void *object,
			  int (*change)(struct unicast_search *search,
					const struct netaddr *address))
{
	struct discovery_bus *discovery_bus = object;
	struct netaddr address;
	const char *text;
	int r;

	r = bus_read_string(bus_call_arguments(call), &text);
	if (r < 0)
		return r;
	if (netaddr_parse(&address, text) < 0)
		return bus_call_fail(call, -EINVAL, "This is not an address.");
	r = change(discovery_unicast_search(discovery_bus->discovery), &address);
	if (r == -EINVAL)
		return bus_call_fail(call, r, "No other host can have this address.");
	if (r == -ENOSPC)
		return bus_call_fail(call, r, "There is no room for another address.");
	if (r == -ENOENT)
		return bus_call_fail(call, r, "This address was not added.");
	if (r < 0)
		return bus_call_fail(call, r, "This cannot be saved: %s.", strerror(-r));
	return bus_call_send(call);
}

static int on_add_address(struct bus_call *call, void *object)
{
	return change_address(call, object, unicast_search_add);
}

static int on_remove_address(struct bus_call *call, void *object)
{
	return change_address(call, object, unicast_search_remove);
}

static void get_added_addresses(struct bus_writer *value, const void *object)
{
	const struct discovery_bus *discovery_bus = object;
	const struct remote_hosts *hosts = unicast_search_hosts(
		discovery_unicast_search(discovery_bus->discovery));
	char text[NETADDR_TEXT_SIZE];

	bus_open_array(value, "s");
	for (size_t i = 0; i < hosts->added_count; i++)
		bus_write_string(value, netaddr_format(&hosts->added[i], text));
	bus_close(value);
}

static void get_scanning(struct bus_writer *value, const void *object)
{
	const struct discovery_bus *discovery_bus = object;

	bus_write_bool(value, discovery_is_scanning(discovery_bus->discovery));
}

static void get_scan_progress(struct bus_writer *value, const void *object)
{
	const struct discovery_bus *discovery_bus = object;

	bus_write_u32(value, discovery_progress(discovery_bus->discovery));
}

static void get_interfaces(struct bus_writer *value, const void *object)
{
	const struct discovery_bus *discovery_bus = object;
	const struct interfaces *interfaces = discovery_interfaces(discovery_bus->discovery);
	const struct interface *interface = NULL;

	bus_open_array(value, "s");
	while ((interface = interfaces_next(interfaces, interface)))
		bus_write_string(value, interface->name);
	bus_close(value);
}

static void get_device_count(struct bus_writer *value, const void *object)
{
	const struct discovery_bus *discovery_bus = object;

	bus_write_u32(value, discovery_device_count(discovery_bus->discovery));
}

static const struct bus_vtable discovery_vtable = {
	.interface = &discovery1_interface,
	.methods =
		(bus_method_fn *const[DISCOVERY1_METHOD_COUNT]){
			[DISCOVERY1_METHOD_SCAN] = on_scan,
			[DISCOVERY1_METHOD_EXPLAIN] = on_explain,
			[DISCOVERY1_METHOD_ADD_ADDRESS] = on_add_address,
			[DISCOVERY1_METHOD_REMOVE_ADDRESS] = on_remove_address,
		},
	.properties =
		(const struct bus_property[DISCOVERY1_PROPERTY_COUNT]){
			[DISCOVERY1_PROPERTY_SCANNING] = { .get = get_scanning },
			[DISCOVERY1_PROPERTY_SCAN_PROGRESS] = { .get = get_scan_progress },
			[DISCOVERY1_PROPERTY_INTERFACES] = { .get = get_interfaces },
			[DISCOVERY1_PROPERTY_ADDED_ADDRESSES] = { .get = get_added_addresses },
			[DISCOVERY1_PROPERTY_DEVICE_COUNT] = { .get = get_device_count },
		},
};

int discovery_bus_new(struct discovery_bus **ret_discovery_bus, struct bus *bus,
		      struct discovery *discovery)
{
	static const struct bus_vtable *const vtables[] = { &discovery_vtable, NULL };
	static const struct discovery_listener listener = { on_published, on_changed, on_withdrawn,
							    on_state, on_progress };
	_cleanup_(discovery_bus_freep) struct discovery_bus *discovery_bus = xnew(
		struct discovery_bus);
	int r;

	discovery_bus->bus = bus;
	discovery_bus->discovery = discovery;
	r = bus_object_new(&discovery_bus->object, bus, "/io/evercam/Discovery1", vtables,
			   discovery_bus);
	if (r < 0)
		return r;
	discovery_listen(discovery, &listener, discovery_bus);
	*ret_discovery_bus = steal_ptr(discovery_bus);
	return 0;
}

struct discovery_bus *discovery_bus_free(struct discovery_bus *discovery_bus)
{
	if (!discovery_bus)
		return NULL;
	bus_object_free(discovery_bus->object);
	free(discovery_bus);
	return NULL;
}
