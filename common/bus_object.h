/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Objects on the bus. An object has a path, one or more bound interfaces, and, by itself,
 * Introspectable, Properties, ObjectManager (its descendants) and Peer. Calls are checked against
 * the XML before a handler sees them: wrong signature -> InvalidArgs; unknown interface, method,
 * property -> the standard errors, on Get and Set alike.
 *
 * Changes are marked, not sent: the value is read by its getter at the end of the loop turn, once,
 * however often it changed, and always before any later reply or signal leaves: a caller never sees
 * a reply that is newer than the properties.
 */
#pragma once

#include <stdbool.h>

#include "common/bus.h"
#include "common/bus_call.h"
#include "common/bus_interface.h"
#include "common/bus_message.h"

struct bus_object;

/* 0: answered, or kept (bus_call_keep()); -errno: answered with the error of that name. */
typedef int bus_method_fn(struct bus_call *call, void *object);
/* Writes one value of the property's type. */
typedef void bus_get_fn(struct bus_writer *value, const void *object);
/* 0, or -errno: -EINVAL is out of range. The type has been checked. */
typedef int bus_set_fn(struct bus_reader *value, void *object);
/* false: the property has no value now; it is left out of GetAll, and Get says so. */
typedef bool bus_exists_fn(const void *object);

struct bus_property {
	bus_get_fn *get;
	bus_set_fn *set;       /* for writable ones */
	bus_exists_fn *exists; /* NULL: always */
};

/* The hand-written binding of one interface: arrays indexed by the generated enums, no holes. */
struct bus_vtable {
	const struct bus_interface *interface;
	bus_method_fn *const *methods;
	const struct bus_property *properties;
};

/* vtables: NULL-terminated, borrowed for ever. -EEXIST: the path is taken. -EINVAL: not an object
 * path. */
int bus_object_new(struct bus_object **ret_object, struct bus *bus, const char *path,
		   const struct bus_vtable *const *vtables, void *object);
struct bus_object *bus_object_free(struct bus_object *object);
DEFINE_CLEANUP(struct bus_object *, bus_object_free);
const char *bus_object_path(const struct bus_object *object);

void bus_property_changed(struct bus_object *object, const struct bus_vtable *vtable,
			  unsigned property);

/* bus_signal_begin(), write the arguments, bus_signal_send(). One at a time. */
struct bus_writer *bus_signal_begin(struct bus_object *object, const struct bus_vtable *vtable,
				    unsigned signal);
void bus_signal_send(struct bus_object *object);
