/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The interfaces that every object has: Introspectable, Properties, ObjectManager (D-Bus
 * specification, "Standard Interfaces"), bound by vtables like any other. Peer is libdbus's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus_internal.h"
#include "common/bus_object_internal.h"
#include "common/memory.h"
#include "dbus/introspectable.h"
#include "dbus/objectmanager.h"
#include "dbus/properties.h"

/* --- writing values --- */

bool bus_property_exists(const struct binding *binding, unsigned property)
{
	const struct bus_property *access = &binding->vtable->properties[property];

	return !access->exists || access->exists(binding->object);
}

static void write_property(struct bus_writer *writer, const struct binding *binding,
			   unsigned property)
{
	unsigned depth = writer->depth;

	bus_open_variant(writer, binding->vtable->interface->properties[property].signature);
	binding->vtable->properties[property].get(writer, binding->object);
	bus_close(writer);
	if (writer->depth != depth)
		abort(); /* the getter left a container open */
}

void bus_write_property_entry(struct bus_writer *writer, const struct binding *binding,
			      unsigned property)
{
	bus_open_entry(writer);
	bus_write_string(writer, binding->vtable->interface->properties[property].name);
	write_property(writer, binding, property);
	bus_close(writer);
}

static void write_all_properties(struct bus_writer *writer, const struct binding *binding)
{
	bus_open_dict(writer);
	for (unsigned i = 0; i < binding->vtable->interface->property_count; i++)
		if (bus_property_exists(binding, i))
			bus_write_property_entry(writer, binding, i);
	bus_close(writer);
}

void bus_write_interfaces(struct bus_writer *writer, const struct bus_object *object)
{
	bus_open_array(writer, "{sa{sv}}");
	for (size_t i = BUS_STANDARD_COUNT; i < object->binding_count; i++) {
		bus_open_entry(writer);
		bus_write_string(writer, object->bindings[i].vtable->interface->name);
		write_all_properties(writer, &object->bindings[i]);
		bus_close(writer);
	}
	bus_close(writer);
}

static int find_property(const struct bus_interface *interface, const char *name)
{
	for (size_t i = 0; i < interface->property_count; i++)
		if (strcmp(interface->properties[i].name, name) == 0)
			return (int)i;
	return -ENOENT;
}

/* --- org.freedesktop.DBus.Introspectable --- */

struct text {
	char *content;
	size_t size;
};

static void text_add_part(struct text *text, const char *more, size_t length)
{
	text->content = xrealloc_array(text->content, text->size + length + 1, 1);
	memcpy(text->content + text->size, more, length);
	text->size += length;
	text->content[text->size] = '\0';
}

static void text_add(struct text *text, const char *more)
{
	text_add_part(text, more, strlen(more));
}

/* Direct children of path, exported or not, each once: the list is sorted. */
static void add_child_nodes(struct text *text, const struct bus *bus, const char *path)
{
	size_t skip = strlen(path) == 1 ? 1 : strlen(path) + 1, length, last_length = 0;
	const char *last = NULL, *child;

	for (size_t i = 0; i < bus->object_count; i++) {
		if (!bus_path_is_below(bus->objects[i]->path, path))
			continue;
		child = bus->objects[i]->path + skip;
		length = strcspn(child, "/");
		if (last && length == last_length && strncmp(child, last, length) == 0)
			continue;
		last = child;
		last_length = length;
		text_add(text, " <node name=\"");
		text_add_part(text, child, length);
		text_add(text, "\"/>\n");
	}
}

static char *introspect(const struct bus *bus, const char *path, const struct bus_object *object)
{
	struct text text = { NULL, 0 };

	text_add(&text, DBUS_INTROSPECT_1_0_XML_DOCTYPE_DECL_NODE "<node>\n");
	for (size_t i = 0; object && i < object->binding_count; i++)
		text_add(&text, object->bindings[i].vtable->interface->xml);
	add_child_nodes(&text, bus, path);
	text_add(&text, "</node>\n");
	return text.content;
}

bool bus_introspect_unexported(struct bus *bus, DBusMessage *message)
{
	static const struct bus_method_info method = { "Introspect", "", "s" };
	const char *path = dbus_message_get_path(message);
	_cleanup_free_ char *xml = NULL;
	struct bus_call *call;
	bool has_descendants = false;

	for (size_t i = 0; i < bus->object_count && !has_descendants; i++)
		has_descendants = bus_path_is_below(bus->objects[i]->path, path);
	if (!has_descendants ||
	    !dbus_message_is_method_call(message, introspectable_interface.name, method.name) ||
	    dbus_message_get_signature(message)[0] != '\0')
		return false;
	xml = introspect(bus, path, NULL);
	call = bus_call_new(bus, message, &method);
	bus_write_string(bus_call_reply(call), xml);
	bus_call_finish(call, bus_call_send(call));
	return true;
}

static int on_introspect(struct bus_call *call, void *owner)
{
	struct bus_object *object = owner;
	_cleanup_free_ char *xml = introspect(object->bus, object->path, object);

	bus_write_string(bus_call_reply(call), xml);
	return bus_call_send(call);
}

static const struct bus_vtable introspectable_vtable = {
	.interface = &introspectable_interface,
	.methods =
		(bus_method_fn *const[INTROSPECTABLE_METHOD_COUNT]){
			[INTROSPECTABLE_METHOD_INTROSPECT] = on_introspect,
		},
};

/* --- org.freedesktop.DBus.Properties --- */

static void bus_signature_freep(char **signature)
{
	dbus_free(*signature);
}

struct property_target {
	struct binding *binding;
	unsigned property;
	const char *error; /* D-Bus error name when there is none */
	const char *name;
};

static struct property_target find_property_target(struct bus_object *object,
						   struct bus_reader *arguments)
{
	struct property_target target = { .error = DBUS_ERROR_UNKNOWN_INTERFACE };
	const char *interface = NULL;
	int property;

	if (bus_read_string(arguments, &interface) < 0 ||
	    bus_read_string(arguments, &target.name) < 0)
		abort(); /* the signature was checked */
	/* An empty interface name means any (D-Bus specification, Properties). */
	for (size_t i = 0; i < object->binding_count; i++) {
		struct binding *binding = &object->bindings[i];

		if (interface[0] && strcmp(binding->vtable->interface->name, interface) != 0)
			continue;
		target.error = DBUS_ERROR_UNKNOWN_PROPERTY;
		property = find_property(binding->vtable->interface, target.name);
		if (property < 0)
			continue;
		target.binding = binding;
		target.property = (unsigned)property;
		target.error = NULL;
		break;
	}
	return target;
}

static int on_get(struct bus_call *call, void *owner)
{
	struct property_target target = find_property_target(owner, bus_call_arguments(call));

	if (target.error)
		return bus_call_fail_named(call, target.error, "There is no property %s here",
					   target.name);
	if (!bus_property_exists(target.binding, target.property))
		return bus_call_fail_named(call, DBUS_ERROR_UNKNOWN_PROPERTY,
					   "%s has no value at present", target.name);
	write_property(bus_call_reply(call), target.binding, target.property);
	return bus_call_send(call);
}

static int on_set(struct bus_call *call, void *owner)
{
	struct bus_reader *arguments = bus_call_arguments(call), value;
	struct property_target target = find_property_target(owner, arguments);
	const struct bus_property_info *info;
	_cleanup_(bus_signature_freep) char *signature = NULL;
	int r;

	if (target.error)
		return bus_call_fail_named(call, target.error, "There is no property %s here",
					   target.name);
	info = &target.binding->vtable->interface->properties[target.property];
	if (!info->writable)
		return bus_call_fail_named(call, DBUS_ERROR_PROPERTY_READ_ONLY, "%s cannot be set",
					   info->name);
	bus_enter(arguments, &value);
	signature = dbus_message_iter_get_signature(&value.iterator);
	if (!signature || strcmp(signature, info->signature) != 0)
		return bus_call_fail(call, -EINVAL, "%s has the type '%s'", info->name,
				     info->signature);
	r = target.binding->vtable->properties[target.property].set(&value, target.binding->object);
	if (r < 0)
		return bus_call_fail(call, r, "That value cannot be set for %s", info->name);
	return bus_call_send(call);
}

static int on_get_all(struct bus_call *call, void *owner)
{
	struct bus_object *object = owner;
	const struct binding *binding;
	const char *interface = NULL;

	bus_read_string(bus_call_arguments(call), &interface);
	binding = bus_object_find_interface(object, interface);
	if (!binding)
		return bus_call_fail_named(call, DBUS_ERROR_UNKNOWN_INTERFACE,
					   "There is no interface %s here", interface);
	write_all_properties(bus_call_reply(call), binding);
	return bus_call_send(call);
}

static const struct bus_vtable properties_vtable = {
	.interface = &properties_interface,
	.methods =
		(bus_method_fn *const[PROPERTIES_METHOD_COUNT]){
			[PROPERTIES_METHOD_GET] = on_get,
			[PROPERTIES_METHOD_SET] = on_set,
			[PROPERTIES_METHOD_GET_ALL] = on_get_all,
		},
};

/* --- org.freedesktop.DBus.ObjectManager --- */

static int on_get_managed_objects(struct bus_call *call, void *owner)
{
	const struct bus_object *object = owner, *other;
	const struct bus *bus = object->bus;
	struct bus_writer *writer = bus_call_reply(call);

	bus_open_array(writer, "{oa{sa{sv}}}");
	for (size_t i = 0; i < bus->object_count; i++) {
		other = bus->objects[i];
		if (!bus_path_is_below(other->path, object->path))
			continue;
		bus_open_entry(writer);
		bus_write_path(writer, other->path);
		bus_write_interfaces(writer, other);
		bus_close(writer);
	}
	bus_close(writer);
	return bus_call_send(call);
}

static const struct bus_vtable objectmanager_vtable = {
	.interface = &objectmanager_interface,
	.methods =
		(bus_method_fn *const[OBJECTMANAGER_METHOD_COUNT]){
			[OBJECTMANAGER_METHOD_GET_MANAGED_OBJECTS] = on_get_managed_objects,
		},
};

const struct bus_vtable *const bus_standard_vtables[BUS_STANDARD_COUNT] = {
	&introspectable_vtable,
	&properties_vtable,
	&objectmanager_vtable,
};
