/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An exported object as bus_object.c keeps it and bus_standard.c shows it. For these two only. */
#pragma once

#include "common/bus_object.h"

struct binding {
	const struct bus_vtable *vtable;
	void *object;
	uint64_t changed; /* bit per property */
};

struct bus_object {
	struct bus *bus;
	char *path;
	struct binding *bindings; /* the standard ones first */
	size_t binding_count;
	bool announced;
	bool queued;
	struct bus_object *next_changed;
};

/* bus_object.c */
bool bus_path_is_below(const char *path, const char *ancestor);
struct binding *bus_object_find_interface(struct bus_object *object,
					  const char *name); /* or NULL */

/* bus_standard.c: the first bindings of every object, whose owner is the bus_object itself. */
#define BUS_STANDARD_COUNT 3
extern const struct bus_vtable *const bus_standard_vtables[BUS_STANDARD_COUNT];

bool bus_property_exists(const struct binding *binding, unsigned property);
/* One entry of an a{sv}: name and value. */
void bus_write_property_entry(struct bus_writer *writer, const struct binding *binding,
			      unsigned property);
/* a{sa{sv}}: what ObjectManager tells of an object; the standard interfaces go without saying. */
void bus_write_interfaces(struct bus_writer *writer, const struct bus_object *object);
/*
 * Paths above our objects exist only to be walked: busctl tree starts at "/". False when there is
 * nothing below the path, or the call is not Introspect; it has not been answered then.
 */
bool bus_introspect_unexported(struct bus *bus, DBusMessage *message);
