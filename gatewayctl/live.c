/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When a daemon goes, its mirror takes back every object before it says that the daemon is absent.
 * Removals are therefore kept until the end of the loop's turn: those of a daemon that went are
 * not told.
 */
#include "gatewayctl/live.h"

#include <string.h>

#include "common/bus_client.h"
#include "common/memory.h"
#include "dbus/discovery1_device.h"
#include "dbus/routing1.h"
#include "gatewayctl/bus_json.h"
#include "gatewayctl/fields.h"
#include "gatewayctl/forwards.h"
#include "gatewayctl/snapshot.h"

struct live {
	enum service service;
	struct bus_mirror *mirror;
	live_fn *on_change;
	void *owner;
	cJSON *root;    /* properties */
	cJSON *objects; /* path -> properties */
	cJSON *removed; /* path -> properties, to be told */
	struct loop_defer tell_removed;
};

static bool is_root(const struct live *live, const char *interface)
{
	return strcmp(interface, service_info(live->service)->name) == 0;
}

static bool is_of_interest(const struct live *live, const char *interface)
{
	return is_root(live, interface) || strcmp(interface, DISCOVERY1_DEVICE_INTERFACE) == 0;
}

static void tell_change(struct live *live, struct live_change change)
{
	change.service = live->service;
	live->on_change(&change, live->owner);
}

/* Moves changed into object; returns what was there before, owned. */
static cJSON *merge(cJSON *object, const cJSON *changed)
{
	cJSON *before = json_new_object(), *copy;
	const cJSON *item;

	json_for_each (item, changed) {
		copy = cJSON_DetachItemFromObjectCaseSensitive(object, item->string);
		if (copy)
			json_add(before, item->string, copy);
		if (cJSON_IsNull(item))
			continue;
		copy = cJSON_Duplicate(item, true);
		if (!copy)
			abort();
		json_add(object, item->string, copy);
	}
	return before;
}

static cJSON *find_or_add(struct live *live, const char *path, const char *interface, bool *ret_new)
{
	cJSON *object = is_root(live, interface)
				? live->root
				: cJSON_GetObjectItemCaseSensitive(live->objects, path);

	*ret_new = !object;
	if (!object) {
		object = json_new_object();
		json_add(live->objects, path, object);
	}
	return object;
}

static void apply(struct live *live, const char *path, const char *interface, const cJSON *changed)
{
	_cleanup_json_ cJSON *before = NULL;
	cJSON *object;
	bool is_new;

	object = find_or_add(live, path, interface, &is_new);
	before = merge(object, changed);
	if (!bus_mirror_is_present(live->mirror))
		return;
	tell_change(live, (struct live_change){ .event = is_new ? LIVE_ADDED : LIVE_CHANGED,
						.path = is_root(live, interface) ? NULL : path,
						.object = object,
						.changed = changed,
						.before = before });
}

static void on_properties(const char *path, const char *interface, struct bus_reader *dict,
			  void *owner)
{
	_cleanup_json_ cJSON *changed = json_new_object();
	struct bus_reader value;
	struct live *live = owner;
	const char *key;

	if (!is_of_interest(live, interface))
		return;
	while (bus_next_entry(dict, &key, &value)) {
		_cleanup_free_ char *name = snake_case(key);

		json_add(changed, name, bus_value_to_json(&value));
	}
	if (live->service == SERVICE_GATEWAY && field(changed, "rules"))
		name_rule_members(changed);
	device_name_facts(changed);
	apply(live, path, interface, changed);
}

static void on_invalidated(const char *path, const char *interface, const char *property,
			   void *owner)
{
	_cleanup_json_ cJSON *changed = json_new_object();
	_cleanup_free_ char *name = snake_case(property);
	cJSON *null = cJSON_CreateNull();

	if (!null)
		abort();
	json_add(changed, name, null);
	if (is_of_interest(owner, interface))
		apply(owner, path, interface, changed);
}

static void on_removed(const char *path, const char *interface, void *owner)
{
	struct live *live = owner;
	cJSON *object = cJSON_DetachItemFromObjectCaseSensitive(live->objects, path);

	if (!object)
		return;
	json_add(live->removed, path, object);
	loop_defer_schedule(&live->tell_removed);
}

static void empty(cJSON **json)
{
	cJSON_Delete(*json);
	*json = json_new_object();
}

static void on_tell_removed(struct loop_defer *defer)
{
	struct live *live = container_of(defer, struct live, tell_removed);
	const cJSON *item;

	json_for_each (item, live->removed)
		tell_change(live, (struct live_change){ .event = LIVE_REMOVED,
							.path = item->string,
							.object = item });
	empty(&live->removed);
}

static void on_signal(const char *path, const char *interface, const char *member,
		      struct bus_reader *arguments, void *owner)
{
	const struct bus_signal_info *expired =
		&routing1_interface.signals[ROUTING1_SIGNAL_FORWARD_EXPIRED];
	_cleanup_json_ cJSON *list = NULL, *forward = NULL;
	struct live *live = owner;

	if (!is_root(live, interface) || live->service != SERVICE_ROUTING ||
	    strcmp(member, expired->name) != 0)
		return;
	bus_skip(arguments); /* its set, which is among the options as well */
	list = bus_value_to_json(arguments);
	forward = name_forward_members(list);
	tell_change(live, (struct live_change){ .event = LIVE_EXPIRED, .object = forward });
}

static void on_presence(bool present, void *owner)
{
	struct live *live = owner;

	if (!present) {
		empty(&live->root);
		empty(&live->objects);
		empty(&live->removed);
	}
	tell_change(live, (struct live_change){ .event = present ? LIVE_PRESENT : LIVE_ABSENT,
						.object = live->root,
						.objects = live->objects });
}

int live_new(struct live **ret_live, struct loop *loop, struct bus *bus, enum service service,
	     live_fn *on_change, void *owner)
{
	static const struct bus_mirror_handlers handlers = {
		.on_properties = on_properties,
		.on_invalidated = on_invalidated,
		.on_removed = on_removed,
		.on_presence = on_presence,
		.on_signal = on_signal,
	};
	_cleanup_(live_freep) struct live *live = xnew(struct live);
	const struct service_info *info = service_info(service);
	int r;

	live->service = service;
	live->on_change = on_change;
	live->owner = owner;
	live->root = json_new_object();
	live->objects = json_new_object();
	live->removed = json_new_object();
	loop_defer_init(&live->tell_removed, loop, on_tell_removed);
	r = bus_mirror_new(&live->mirror, bus, info->name, info->path, info->name, &handlers, live);
	if (r < 0)
		return r;
	*ret_live = steal_ptr(live);
	return 0;
}

struct live *live_free(struct live *live)
{
	if (!live)
		return NULL;
	bus_mirror_free(live->mirror);
	loop_defer_deinit(&live->tell_removed);
	cJSON_Delete(live->root);
	cJSON_Delete(live->objects);
	cJSON_Delete(live->removed);
	free(live);
	return NULL;
}

const cJSON *live_root(const struct live *live)
{
	return live->root;
}

const cJSON *live_objects(const struct live *live)
{
	return live->objects;
}
