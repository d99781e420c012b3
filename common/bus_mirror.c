/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A mirror follows the objects of another service. It subscribes before it asks, so that nothing
 * falls between: what a signal tells early, the answer repeats. It remembers which interfaces it
 * has given to its owner, to take them back when the service vanishes.
 */
#include <string.h>

#include "common/bus_client.h"
#include "common/bus_internal.h"
#include "common/memory.h"
#include "dbus/objectmanager.h"
#include "dbus/properties.h"

#define MAX_ENTRIES 4096 /* no service of ours has more; a bound for one that went wild */

struct entry {
	char *path;
	char *interface;
};

struct bus_mirror {
	struct bus *bus;
	struct bus_peer *peer;
	char *service, *root, *root_interface, *match;
	const struct bus_mirror_handlers *handlers;
	void *owner;
	struct entry *entries;
	size_t entry_count;
	struct bus_request *asking_root, *asking_objects;
	bool present; /* told to the owner */
	struct bus_mirror *next;
};

/* --- what has been given --- */

static struct entry *find_entry(struct bus_mirror *mirror, const char *path, const char *interface)
{
	for (size_t i = 0; i < mirror->entry_count; i++)
		if (strcmp(mirror->entries[i].path, path) == 0 &&
		    strcmp(mirror->entries[i].interface, interface) == 0)
			return &mirror->entries[i];
	return NULL;
}

static bool remember(struct bus_mirror *mirror, const char *path, const char *interface)
{
	if (find_entry(mirror, path, interface))
		return true;
	if (mirror->entry_count == MAX_ENTRIES)
		return false;
	mirror->entries = xrealloc_array(mirror->entries, mirror->entry_count + 1,
					 sizeof(*mirror->entries));
	mirror->entries[mirror->entry_count++] = (struct entry){ .path = xstrdup(path),
								 .interface = xstrdup(interface) };
	return true;
}

static void forget(struct bus_mirror *mirror, struct entry *entry, bool tell)
{
	struct entry gone = *entry;

	*entry = mirror->entries[--mirror->entry_count];
	if (tell)
		mirror->handlers->on_removed(gone.path, gone.interface, mirror->owner);
	free(gone.path);
	free(gone.interface);
}

static void give(struct bus_mirror *mirror, const char *path, const char *interface,
		 struct bus_reader *dict)
{
	if (remember(mirror, path, interface))
		mirror->handlers->on_properties(path, interface, dict, mirror->owner);
}

/* a{sa{sv}} */
static void give_interfaces(struct bus_mirror *mirror, const char *path,
			    struct bus_reader *interfaces)
{
	struct bus_reader properties, dict;
	const char *interface;

	while (bus_next_entry(interfaces, &interface, &properties))
		if (bus_enter(&properties, &dict) == 0)
			give(mirror, path, interface, &dict);
}

/* --- asking --- */

static void tell_presence(struct bus_mirror *mirror, bool present)
{
	if (mirror->present == present)
		return;
	mirror->present = present;
	if (mirror->handlers->on_presence)
		mirror->handlers->on_presence(present, mirror->owner);
}

static void answered(struct bus_mirror *mirror)
{
	if (!mirror->asking_root && !mirror->asking_objects)
		tell_presence(mirror, true);
}

static void on_root_properties(const struct bus_reply *reply, void *owner)
{
	struct bus_mirror *mirror = owner;
	struct bus_reader dict;

	mirror->asking_root = NULL;
	if (reply->error == 0 && bus_enter(reply->body, &dict) == 0)
		give(mirror, mirror->root, mirror->root_interface, &dict);
	answered(mirror);
}

static void on_managed_objects(const struct bus_reply *reply, void *owner)
{
	struct bus_mirror *mirror = owner;
	struct bus_reader objects, value, interfaces;
	const char *path;

	mirror->asking_objects = NULL;
	if (reply->error == 0 && bus_enter(reply->body, &objects) == 0)
		while (bus_next_entry(&objects, &path, &value))
			if (bus_enter(&value, &interfaces) == 0)
				give_interfaces(mirror, path, &interfaces);
	answered(mirror);
}

static void ask(struct bus_mirror *mirror)
{
	mirror->asking_root = bus_request_new(mirror->bus, mirror->service, mirror->root,
					      properties_interface.name, "GetAll");
	bus_write_string(bus_request_arguments(mirror->asking_root), mirror->root_interface);
	bus_request_send(mirror->asking_root, "a{sv}", 0, on_root_properties, mirror);
	mirror->asking_objects = bus_request_new(mirror->bus, mirror->service, mirror->root,
						 objectmanager_interface.name, "GetManagedObjects");
	bus_request_send(mirror->asking_objects, "a{oa{sa{sv}}}", 0, on_managed_objects, mirror);
}

static void on_peer_change(struct bus_peer *peer, bool present, void *owner)
{
	struct bus_mirror *mirror = owner;

	mirror->asking_root = bus_request_cancel(mirror->asking_root);
	mirror->asking_objects = bus_request_cancel(mirror->asking_objects);
	if (present) {
		ask(mirror);
		return;
	}
	while (mirror->entry_count > 0)
		forget(mirror, &mirror->entries[mirror->entry_count - 1], true);
	tell_presence(mirror, false);
}

/* --- signals --- */

static void on_properties_changed(struct bus_mirror *mirror, const char *path,
				  struct bus_reader *arguments)
{
	struct bus_reader dict, names;
	const char *interface, *name;

	if (bus_read_string(arguments, &interface) < 0 || bus_enter(arguments, &dict) < 0 ||
	    bus_enter(arguments, &names) < 0)
		return;
	/* Of an object that has not been given, the whole is still to come. */
	if (!find_entry(mirror, path, interface))
		return;
	if (!bus_reader_at_end(&dict))
		mirror->handlers->on_properties(path, interface, &dict, mirror->owner);
	while (mirror->handlers->on_invalidated && bus_read_string(&names, &name) == 0)
		mirror->handlers->on_invalidated(path, interface, name, mirror->owner);
}

static void on_interfaces_added(struct bus_mirror *mirror, struct bus_reader *arguments)
{
	struct bus_reader interfaces;
	const char *path;

	if (bus_read_string(arguments, &path) == 0 && bus_enter(arguments, &interfaces) == 0)
		give_interfaces(mirror, path, &interfaces);
}

static void on_interfaces_removed(struct bus_mirror *mirror, struct bus_reader *arguments)
{
	struct bus_reader names;
	struct entry *entry;
	const char *path, *interface;

	if (bus_read_string(arguments, &path) < 0 || bus_enter(arguments, &names) < 0)
		return;
	while (bus_read_string(&names, &interface) == 0) {
		entry = find_entry(mirror, path, interface);
		if (entry)
			forget(mirror, entry, true);
	}
}

static bool is_inside(const char *path, const char *root)
{
	size_t length = strlen(root);

	return strncmp(path, root, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static void mirror_signal(struct bus_mirror *mirror, DBusMessage *message)
{
	const struct bus_interface *standard;
	struct bus_reader arguments;
	const char *signature = dbus_message_get_signature(message);

	bus_reader_init(&arguments, message);
	standard = &properties_interface;
	if (dbus_message_is_signal(message, standard->name, "PropertiesChanged")) {
		if (strcmp(signature, standard->signals[0].signature) == 0)
			on_properties_changed(mirror, dbus_message_get_path(message), &arguments);
		return;
	}
	standard = &objectmanager_interface;
	if (dbus_message_is_signal(message, standard->name, "InterfacesAdded")) {
		if (strcmp(signature, "oa{sa{sv}}") == 0)
			on_interfaces_added(mirror, &arguments);
	} else if (dbus_message_is_signal(message, standard->name, "InterfacesRemoved")) {
		if (strcmp(signature, "oas") == 0)
			on_interfaces_removed(mirror, &arguments);
	} else if (mirror->handlers->on_signal) {
		mirror->handlers->on_signal(
			dbus_message_get_path(message), dbus_message_get_interface(message),
			dbus_message_get_member(message), &arguments, mirror->owner);
	}
}

void bus_mirror_dispatch(struct bus *bus, DBusMessage *message)
{
	const char *sender = dbus_message_get_sender(message), *owner_name;

	for (struct bus_mirror *mirror = bus->mirrors; mirror; mirror = mirror->next) {
		owner_name = bus_peer_owner_name(mirror->peer);
		if (sender && owner_name && strcmp(sender, owner_name) == 0 &&
		    is_inside(dbus_message_get_path(message), mirror->root))
			mirror_signal(mirror, message);
	}
}

int bus_mirror_new(struct bus_mirror **ret_mirror, struct bus *bus, const char *service,
		   const char *root, const char *root_interface,
		   const struct bus_mirror_handlers *handlers, void *owner)
{
	_cleanup_(bus_mirror_freep) struct bus_mirror *mirror = xnew(struct bus_mirror);
	int r;

	mirror->bus = bus;
	mirror->service = xstrdup(service);
	mirror->root = xstrdup(root);
	mirror->root_interface = xstrdup(root_interface);
	mirror->handlers = handlers;
	mirror->owner = owner;
	mirror->match = xasprintf("type='signal',sender='%s',path_namespace='%s'", service, root);
	mirror->next = bus->mirrors;
	bus->mirrors = mirror;
	bus_match_add(bus, mirror->match);
	r = bus_peer_new(&mirror->peer, bus, service, on_peer_change, mirror);
	if (r < 0)
		return r;
	*ret_mirror = steal_ptr(mirror);
	return 0;
}

struct bus_mirror *bus_mirror_free(struct bus_mirror *mirror)
{
	struct bus_mirror **link;

	if (!mirror)
		return NULL;
	for (link = &mirror->bus->mirrors; *link != mirror; link = &(*link)->next)
		;
	*link = mirror->next;
	bus_request_cancel(mirror->asking_root);
	bus_request_cancel(mirror->asking_objects);
	bus_peer_free(mirror->peer);
	bus_match_remove(mirror->bus, mirror->match);
	while (mirror->entry_count > 0)
		forget(mirror, &mirror->entries[mirror->entry_count - 1], false);
	free(mirror->entries);
	free(mirror->match);
	free(mirror->root_interface);
	free(mirror->root);
	free(mirror->service);
	free(mirror);
	return NULL;
}

bool bus_mirror_is_present(const struct bus_mirror *mirror)
{
	return mirror->present;
}
