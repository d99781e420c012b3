/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "routed/routing_bus.h"

#include <errno.h>
#include <string.h>

#include "common/bus_call.h"
#include "common/bus_object.h"
#include "common/memory.h"
#include "dbus/routing1.h"
#include "routed/routing.h"

struct routing_bus {
	struct routing *routing;
	struct bus_object *object;
};

/* Something that is not understood may be a restriction, and must not be passed over. */
static int read_option(struct forward_input *input, char ***ret_sources, const char *key,
		       struct bus_reader *value)
{
	if (strcmp(key, "name") == 0)
		return bus_read_string(value, &input->name);
	if (strcmp(key, "keep-client-address") == 0)
		return bus_read_bool(value, &input->keeps_client);
	if (strcmp(key, "expires") == 0 && bus_read_i64(value, &input->expires) >= 0)
		return input->expires > 0 ? 0 : -EINVAL;
	if (strcmp(key, "allow-from") == 0 && !*ret_sources)
		return bus_read_strings(value, ret_sources);
	return -EINVAL;
}

/* sources: owned, and borrowed by the input. */
static int read_options(struct forward_input *input, char ***ret_sources, struct bus_reader *dict,
			char **ret_error)
{
	struct bus_reader value;
	const char *key;

	while (bus_next_entry(dict, &key, &value))
		if (read_option(input, ret_sources, key, &value) < 0) {
			*ret_error = xasprintf(
				"option \"%.32s\" is unknown or has a value that it cannot have",
				key);
			return -EINVAL;
		}
	input->sources = *ret_sources;
	return 0;
}

/* One (sqsqsa{sv}); the signature has been checked. */
static int read_forward(struct forward *ret_forward, struct bus_reader *array, char **ret_error)
{
	_cleanup_free_ char *error = NULL;
	_cleanup_(strv_freep) char **sources = NULL;
	struct forward_input input = { 0 };
	struct bus_reader fields, options;
	int r;

	if (bus_enter(array, &fields) < 0 || bus_read_string(&fields, &input.protocol) < 0 ||
	    bus_read_u16(&fields, &input.listen_port) < 0 ||
	    bus_read_string(&fields, &input.target) < 0 ||
	    bus_read_u16(&fields, &input.target_port) < 0 ||
	    bus_read_string(&fields, &input.interface) < 0 || bus_enter(&fields, &options) < 0) {
		*ret_error = xstrdup("a forward is not (sqsqsa{sv})");
		return -EINVAL;
	}
	r = read_options(&input, &sources, &options, &error);
	if (r < 0) {
		*ret_error = xasprintf("%.16s %.32s/%u: %s", input.protocol, input.interface,
				       (unsigned)input.listen_port, error);
		return r;
	}
	return forward_parse(ret_forward, &input, ret_error);
}

static int read_forwards(struct forward_list *forwards, struct bus_reader *arguments,
			 char **ret_error)
{
	struct bus_reader array;
	struct forward forward;
	int r;

	r = bus_enter(arguments, &array);
	while (r >= 0 && !bus_reader_at_end(&array)) {
		if (forwards->count == FORWARD_LIST_MAX) {
			*ret_error = xasprintf("more than %d forwards", FORWARD_LIST_MAX);
			return -ENOSPC;
		}
		r = read_forward(&forward, &array, ret_error);
		if (r >= 0)
			forward_list_append(forwards, forward);
	}
	return r;
}

static int change(struct routing_bus *binding, struct bus_call *call,
		  enum ruleset_operation operation, const char *set, struct forward_list *forwards)
{
	_cleanup_free_ char *error = NULL;
	uint64_t revision;
	int r;

	r = routing_change(binding->routing, operation, set, forwards, &revision, &error);
	if (r < 0)
		return bus_call_fail(call, r, "%s", error);
	bus_write_u64(bus_call_reply(call), revision);
	return bus_call_send(call);
}

static int on_change(struct routing_bus *binding, struct bus_call *call,
		     enum ruleset_operation operation)
{
	_cleanup_forward_list_ struct forward_list forwards = { 0 };
	struct bus_reader *arguments = bus_call_arguments(call);
	_cleanup_free_ char *error = NULL;
	const char *set;
	int r;

	r = bus_read_string(arguments, &set);
	if (r >= 0)
		r = read_forwards(&forwards, arguments, &error);
	if (r < 0)
		return bus_call_fail(call, r, "%s", error ? error : "malformed arguments");
	return change(binding, call, operation, set, &forwards);
}

static int on_replace(struct bus_call *call, void *object)
{
	return on_change(object, call, RULESET_REPLACE);
}

static int on_add(struct bus_call *call, void *object)
{
	return on_change(object, call, RULESET_ADD);
}

static int on_remove(struct bus_call *call, void *object)
{
	return on_change(object, call, RULESET_REMOVE);
}

static int on_clear(struct bus_call *call, void *object)
{
	_cleanup_forward_list_ struct forward_list nothing = { 0 };
	const char *set;
	int r;

	r = bus_read_string(bus_call_arguments(call), &set);
	if (r < 0)
		return r;
	return change(object, call, RULESET_REPLACE, set, &nothing);
}

static void write_sources(struct bus_writer *writer, const struct forward *forward)
{
	char text[NETPREFIX_TEXT_SIZE];

	bus_dict_open(writer, "allow-from", "as");
	bus_open_array(writer, "s");
	for (size_t i = 0; i < forward->source_count; i++)
		bus_write_string(writer, netprefix_format(&forward->sources[i], text));
	bus_close(writer);
	bus_dict_close(writer);
}

static void write_traffic(struct bus_writer *writer, uint64_t connections,
			  const struct conntrack_traffic *live)
{
	bus_dict_u64(writer, "connections", connections);
	bus_dict_u32(writer, "live", live->connections);
	if (live->counted)
		bus_dict_u64(writer, "bytes", live->bytes);
}

/* Fills all but the end of the options, which the caller closes. */
static void begin_forward(struct bus_writer *writer, const struct forward *forward)
{
	char address[NETADDR_TEXT_SIZE];

	bus_open_struct(writer);
	bus_write_string(writer, forward_protocol_name(forward->protocol));
	bus_write_u16(writer, forward->listen_port);
	bus_write_string(writer, netaddr_format(&forward->target, address));
	bus_write_u16(writer, forward->target_port);
	bus_write_string(writer, forward->interface);
	bus_open_dict(writer);
	bus_dict_string(writer, "set", forward->set);
	bus_dict_string(writer, "name", forward->name);
	if (forward->source_count)
		write_sources(writer, forward);
	if (forward->expires)
		bus_dict_i64(writer, "expires", forward->expires);
	if (forward->keeps_client)
		bus_dict_bool(writer, "keep-client-address", true);
}

static void end_forward(struct bus_writer *writer)
{
	bus_close(writer); /* the options */
	bus_close(writer);
}

static int on_list(struct bus_call *call, void *object)
{
	const struct routing_bus *binding = object;
	const struct forward_list *forwards = routing_forwards(binding->routing);
	const struct readiness *readiness = routing_readiness(binding->routing);
	struct bus_writer *reply;
	struct traffic traffic;
	const char *set;
	int r;

	r = bus_read_string(bus_call_arguments(call), &set);
	if (r < 0)
		return r;
	traffic = routing_traffic(binding->routing);
	reply = bus_call_reply(call);
	bus_open_array(reply, "(sqsqsa{sv})");
	for (size_t i = 0; i < forwards->count; i++)
		if (!*set || strcmp(forwards->items[i].set, set) == 0) {
			begin_forward(reply, &forwards->items[i]);
			bus_dict_string(reply, "state",
					readiness_is_absent(readiness, forwards->items[i].interface)
						? "waiting"
						: "active");
			write_traffic(reply, traffic.connections[i], &traffic.live[i]);
			end_forward(reply);
		}
	bus_close(reply);
	traffic_deinit(&traffic);
	return bus_call_send(call);
}

static void get_forward_count(struct bus_writer *value, const void *object)
{
	const struct routing_bus *binding = object;

	bus_write_u32(value, (uint32_t)routing_forwards(binding->routing)->count);
}

static void get_forwarding_enabled(struct bus_writer *value, const void *object)
{
	const struct routing_bus *binding = object;

	bus_write_bool(value, readiness_forwarding_enabled(routing_readiness(binding->routing)));
}

static void get_absent_interfaces(struct bus_writer *value, const void *object)
{
	const struct routing_bus *binding = object;

	bus_write_strings(value, readiness_absent_interfaces(routing_readiness(binding->routing)));
}

static void get_last_error(struct bus_writer *value, const void *object)
{
	const struct routing_bus *binding = object;

	bus_write_string(value, routing_last_error(binding->routing));
}

static const struct bus_vtable routing1_vtable = {
	.interface = &routing1_interface,
	.methods =
		(bus_method_fn *const[ROUTING1_METHOD_COUNT]){
			[ROUTING1_METHOD_REPLACE] = on_replace,
			[ROUTING1_METHOD_ADD] = on_add,
			[ROUTING1_METHOD_REMOVE] = on_remove,
			[ROUTING1_METHOD_CLEAR] = on_clear,
			[ROUTING1_METHOD_LIST] = on_list,
		},
	.properties =
		(const struct bus_property[ROUTING1_PROPERTY_COUNT]){
			[ROUTING1_PROPERTY_FORWARD_COUNT] = { .get = get_forward_count },
			[ROUTING1_PROPERTY_FORWARDING_ENABLED] = { .get = get_forwarding_enabled },
			[ROUTING1_PROPERTY_ABSENT_INTERFACES] = { .get = get_absent_interfaces },
			[ROUTING1_PROPERTY_LAST_ERROR] = { .get = get_last_error },
		},
};

static void on_routing_changed(void *owner)
{
	struct routing_bus *binding = owner;

	bus_property_changed(binding->object, &routing1_vtable, ROUTING1_PROPERTY_FORWARD_COUNT);
	bus_property_changed(binding->object, &routing1_vtable,
			     ROUTING1_PROPERTY_FORWARDING_ENABLED);
	bus_property_changed(binding->object, &routing1_vtable,
			     ROUTING1_PROPERTY_ABSENT_INTERFACES);
	bus_property_changed(binding->object, &routing1_vtable, ROUTING1_PROPERTY_LAST_ERROR);
}

static void on_forward_expired(const struct forward *forward, void *owner)
{
	struct routing_bus *binding = owner;
	struct bus_writer *arguments = bus_signal_begin(binding->object, &routing1_vtable,
							ROUTING1_SIGNAL_FORWARD_EXPIRED);

	bus_write_string(arguments, forward->set);
	begin_forward(arguments, forward);
	end_forward(arguments);
	bus_signal_send(binding->object);
}

int routing_bus_new(struct routing_bus **ret_binding, struct bus *bus, struct routing *routing)
{
	static const struct bus_vtable *const vtables[] = { &routing1_vtable, NULL };
	_cleanup_(routing_bus_freep) struct routing_bus *binding = xnew(struct routing_bus);
	int r;

	binding->routing = routing;
	r = bus_object_new(&binding->object, bus, ROUTING_BUS_PATH, vtables, binding);
	if (r < 0)
		return r;
	routing_on_changed(routing, on_routing_changed, on_forward_expired, binding);
	*ret_binding = steal_ptr(binding);
	return 0;
}

struct routing_bus *routing_bus_free(struct routing_bus *binding)
{
	if (!binding)
		return NULL;
	if (binding->object) {
		routing_on_changed(binding->routing, NULL, NULL, NULL);
		bus_object_free(binding->object);
	}
	free(binding);
	return NULL;
}
