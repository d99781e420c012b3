/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tree of exported objects, the telling of their changes, and call dispatch. The standard
 * interfaces that every object has are in bus_standard.c.
 *
 * Invariants: bus->objects is sorted by path, so that the descendants of an object directly follow
 * it ('/' sorts before every other character of a path). An object in the bus->changed list has marks
 * to send; nothing else leaves the bus before they are sent (bus_send()). An object that was made
 * in this turn is announced in the same flush, with the properties it has by then.
 */
#include "common/bus_object.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/bus_internal.h"
#include "common/bus_object_internal.h"
#include "common/memory.h"
#include "dbus/objectmanager.h"
#include "dbus/properties.h"

#define MAX_PROPERTIES 64 /* bits of the mark */

/* --- the tree --- */

/* Index of path, or where it would be inserted. */
static size_t find_position(const struct bus *bus, const char *path, bool *ret_found)
{
	size_t low = 0, high = bus->object_count, middle;
	int order;

	while (low < high) {
		middle = low + (high - low) / 2;
		order = strcmp(bus->objects[middle]->path, path);
		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_found = false;
	return low;
}

static struct bus_object *find_object(const struct bus *bus, const char *path)
{
	bool found;
	size_t position = find_position(bus, path, &found);

	return found ? bus->objects[position] : NULL;
}

bool bus_path_is_below(const char *path, const char *ancestor)
{
	size_t length = strlen(ancestor);

	if (length == 1)
		return path[1] != '\0';
	return strncmp(path, ancestor, length) == 0 && path[length] == '/';
}

/* The shallowest exported ancestor speaks for its descendants. */
static struct bus_object *find_manager(const struct bus_object *object)
{
	for (size_t i = 0; i < object->bus->object_count; i++)
		if (bus_path_is_below(object->path, object->bus->objects[i]->path))
			return object->bus->objects[i];
	return NULL;
}

/* --- telling changes --- */

static DBusMessage *new_signal(const char *path, const struct bus_interface *interface,
			       unsigned signal, struct bus_writer *ret_writer)
{
	DBusMessage *message = dbus_message_new_signal(path, interface->name,
						       interface->signals[signal].name);

	if (!message)
		abort();
	bus_writer_init(ret_writer, message);
	return message;
}

/* Sends without flushing: this is the flush. */
static void send_now(struct bus *bus, DBusMessage *message)
{
	if (!dbus_connection_send(bus->connection, message, NULL))
		abort();
	dbus_message_unref(message);
}

static void announce_object(struct bus_object *object)
{
	struct bus_object *manager = find_manager(object);
	struct bus_writer writer;
	DBusMessage *message;

	object->announced = true;
	if (!manager)
		return;
	message = new_signal(manager->path, &objectmanager_interface,
			     OBJECTMANAGER_SIGNAL_INTERFACES_ADDED, &writer);
	bus_write_path(&writer, object->path);
	bus_write_interfaces(&writer, object);
	send_now(object->bus, message);
}

static void withdraw_object(struct bus_object *object)
{
	struct bus_object *manager = find_manager(object);
	struct bus_writer writer;
	DBusMessage *message;

	if (!manager || !object->announced)
		return;
	message = new_signal(manager->path, &objectmanager_interface,
			     OBJECTMANAGER_SIGNAL_INTERFACES_REMOVED, &writer);
	bus_write_path(&writer, object->path);
	bus_open_array(&writer, "s");
	for (size_t i = BUS_STANDARD_COUNT; i < object->binding_count; i++)
		bus_write_string(&writer, object->bindings[i].vtable->interface->name);
	bus_close(&writer);
	bus_send(object->bus, message);
}

static bool is_told(const struct binding *binding, unsigned property, bool with_value)
{
	enum bus_emits emits = binding->vtable->interface->properties[property].emits;

	if (!(binding->changed & (UINT64_C(1) << property)) || emits == BUS_EMITS_NEVER)
		return false;
	return with_value == (emits == BUS_EMITS_CHANGE && bus_property_exists(binding, property));
}

static void tell_changes(struct bus_object *object, struct binding *binding)
{
	const struct bus_interface *interface = binding->vtable->interface;
	struct bus_writer writer;
	DBusMessage *message;

	message = new_signal(object->path, &properties_interface,
			     PROPERTIES_SIGNAL_PROPERTIES_CHANGED, &writer);
	bus_write_string(&writer, interface->name);
	bus_open_dict(&writer);
	for (unsigned i = 0; i < interface->property_count; i++)
		if (is_told(binding, i, true))
			bus_write_property_entry(&writer, binding, i);
	bus_close(&writer);
	bus_open_array(&writer, "s");
	for (unsigned i = 0; i < interface->property_count; i++)
		if (is_told(binding, i, false))
			bus_write_string(&writer, interface->properties[i].name);
	bus_close(&writer);
	binding->changed = 0;
	send_now(object->bus, message);
}

void bus_flush_changes(struct bus *bus)
{
	struct bus_object *object;

	while ((object = bus->changed)) {
		bus->changed = object->next_changed;
		object->queued = false;
		if (!object->announced) {
			announce_object(object);
			for (size_t i = 0; i < object->binding_count; i++)
				object->bindings[i].changed = 0;
			continue;
		}
		for (size_t i = 0; i < object->binding_count; i++)
			if (object->bindings[i].changed)
				tell_changes(object, &object->bindings[i]);
	}
}

/* At the end of the list, so that objects are announced in the order they were made. */
static void queue_changes(struct bus_object *object)
{
	struct bus_object **last = &object->bus->changed;

	if (object->queued)
		return;
	while (*last)
		last = &(*last)->next_changed;
	object->next_changed = NULL;
	*last = object;
	object->queued = true;
	loop_defer_schedule(&object->bus->flush);
}

static struct binding *find_binding(struct bus_object *object, const struct bus_vtable *vtable)
{
	for (size_t i = 0; i < object->binding_count; i++)
		if (object->bindings[i].vtable == vtable)
			return &object->bindings[i];
	abort();
}

void bus_property_changed(struct bus_object *object, const struct bus_vtable *vtable,
			  unsigned property)
{
	struct binding *binding;

	if (!object) /* not exported yet, or not any more */
		return;
	binding = find_binding(object, vtable);
	assert(property < vtable->interface->property_count);
	if (vtable->interface->properties[property].emits == BUS_EMITS_NEVER)
		return;
	binding->changed |= UINT64_C(1) << property;
	queue_changes(object);
}

struct bus_writer *bus_signal_begin(struct bus_object *object, const struct bus_vtable *vtable,
				    unsigned signal)
{
	struct bus *bus = object->bus;

	assert(!bus->signal);
	bus->signal = new_signal(object->path, vtable->interface, signal, &bus->signal_arguments);
	return &bus->signal_arguments;
}

void bus_signal_send(struct bus_object *object)
{
	bus_send(object->bus, steal_ptr(object->bus->signal));
}

/* --- objects --- */

/* A binding with a hole would be found by the first client: find it at the start instead. */
static void check_vtable(const struct bus_vtable *vtable)
{
	assert(vtable->interface->property_count <= MAX_PROPERTIES);
	for (size_t i = 0; i < vtable->interface->method_count; i++)
		if (!vtable->methods[i])
			abort();
	for (size_t i = 0; i < vtable->interface->property_count; i++)
		if (!vtable->properties[i].get ||
		    (vtable->interface->properties[i].writable && !vtable->properties[i].set))
			abort();
}

static void insert_object(struct bus_object *object, size_t position)
{
	struct bus *bus = object->bus;

	bus->objects = xrealloc_array(bus->objects, bus->object_count + 1, sizeof(*bus->objects));
	memmove(&bus->objects[position + 1], &bus->objects[position],
		(bus->object_count - position) * sizeof(*bus->objects));
	bus->objects[position] = object;
	bus->object_count++;
}

int bus_object_new(struct bus_object **ret_object, struct bus *bus, const char *path,
		   const struct bus_vtable *const *vtables, void *owner)
{
	struct bus_object *object;
	size_t count = 0, position;
	bool found;

	if (!dbus_validate_path(path, NULL))
		return -EINVAL;
	position = find_position(bus, path, &found);
	if (found)
		return -EEXIST;
	while (vtables[count])
		check_vtable(vtables[count++]);

	object = xnew(struct bus_object);
	object->bus = bus;
	object->path = xstrdup(path);
	object->binding_count = BUS_STANDARD_COUNT + count;
	object->bindings = xcalloc(object->binding_count, sizeof(*object->bindings));
	for (size_t i = 0; i < BUS_STANDARD_COUNT; i++)
		object->bindings[i] = (struct binding){ .vtable = bus_standard_vtables[i],
							.object = object };
	for (size_t i = 0; i < count; i++)
		object->bindings[BUS_STANDARD_COUNT + i] = (struct binding){ .vtable = vtables[i],
									     .object = owner };
	insert_object(object, position);
	queue_changes(object);
	*ret_object = object;
	return 0;
}

struct bus_object *bus_object_free(struct bus_object *object)
{
	struct bus *bus;
	struct bus_object **link;
	size_t position;
	bool found;

	if (!object)
		return NULL;
	bus = object->bus;
	withdraw_object(object); /* also flushes: the object may be in the list only if it was not
				    announced */
	for (link = &bus->changed; *link; link = &(*link)->next_changed)
		if (*link == object) {
			*link = object->next_changed;
			break;
		}
	position = find_position(bus, object->path, &found);
	assert(found);
	bus->object_count--;
	memmove(&bus->objects[position], &bus->objects[position + 1],
		(bus->object_count - position) * sizeof(*bus->objects));
	free(object->bindings);
	free(object->path);
	free(object);
	return NULL;
}

const char *bus_object_path(const struct bus_object *object)
{
	return object->path;
}

/* --- dispatch --- */

struct binding *bus_object_find_interface(struct bus_object *object, const char *name)
{
	for (size_t i = 0; i < object->binding_count; i++)
		if (strcmp(object->bindings[i].vtable->interface->name, name) == 0)
			return &object->bindings[i];
	return NULL;
}

static int find_method(const struct bus_interface *interface, const char *name)
{
	for (size_t i = 0; i < interface->method_count; i++)
		if (strcmp(interface->methods[i].name, name) == 0)
			return (int)i;
	return -ENOENT;
}

/* A call may leave its interface out: the first that has the method is meant (D-Bus specification).
 */
static struct binding *find_target(struct bus_object *object, DBusMessage *message, int *ret_method,
				   const char **ret_error)
{
	const char *interface = dbus_message_get_interface(message);
	const char *member = dbus_message_get_member(message);
	struct binding *binding;

	*ret_error = DBUS_ERROR_UNKNOWN_METHOD;
	if (interface) {
		binding = bus_object_find_interface(object, interface);
		if (!binding) {
			*ret_error = DBUS_ERROR_UNKNOWN_INTERFACE;
			return NULL;
		}
		*ret_method = find_method(binding->vtable->interface, member);
		return *ret_method >= 0 ? binding : NULL;
	}
	for (size_t i = 0; i < object->binding_count; i++) {
		*ret_method = find_method(object->bindings[i].vtable->interface, member);
		if (*ret_method >= 0)
			return &object->bindings[i];
	}
	return NULL;
}

void bus_object_dispatch(struct bus *bus, DBusMessage *message)
{
	struct bus_object *object = find_object(bus, dbus_message_get_path(message));
	const struct bus_method_info *info;
	struct binding *binding;
	struct bus_call *call;
	const char *error;
	int method;

	if (!object) {
		if (!bus_introspect_unexported(bus, message))
			bus_reply_error(bus, message, DBUS_ERROR_UNKNOWN_OBJECT,
					"There is no object %s", dbus_message_get_path(message));
		return;
	}
	binding = find_target(object, message, &method, &error);
	if (!binding) {
		bus_reply_error(bus, message, error, "There is no method %s here",
				dbus_message_get_member(message));
		return;
	}
	info = &binding->vtable->interface->methods[method];
	if (strcmp(dbus_message_get_signature(message), info->in_signature) != 0) {
		bus_reply_error(bus, message, DBUS_ERROR_INVALID_ARGS,
				"The arguments of %s must have the signature '%s'", info->name,
				info->in_signature);
		return;
	}
	call = bus_call_new(bus, message, info);
	bus_call_finish(call, binding->vtable->methods[method](call, binding->object));
}
