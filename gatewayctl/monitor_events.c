/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "common/memory.h"
#include "gatewayctl/fields.h"
#include "gatewayctl/monitor.h"

#define MANY 3

struct telling {
	const struct live_change *change;
	cJSON *events;
};

/* takes text; returns the event, for more members. */
static cJSON *add(struct telling *telling, const char *event, char *text)
{
	cJSON *json = json_new_object();

	json_add_string(json, "daemon", service_info(telling->change->service)->daemon);
	json_add_string(json, "event", event);
	json_add_string(json, "text", text);
	json_append(telling->events, json);
	free(text);
	return json;
}

static void add_copy(cJSON *event, const char *name, const cJSON *value)
{
	cJSON *copy = value ? cJSON_Duplicate(value, true) : NULL;

	if (copy)
		json_add(event, name, copy);
}

static bool same(const cJSON *one, const cJSON *other)
{
	return (!one && !other) || (one && other && cJSON_Compare(one, other, true));
}

static bool has_changed(const struct telling *telling, const char *name)
{
	const cJSON *now = field(telling->change->changed, name);

	return now && !same(field(telling->change->before, name), cJSON_IsNull(now) ? NULL : now);
}

static const char *or_unknown(const char *text)
{
	return text ? text : "unknown";
}

/* --- what all daemons have --- */

static void tell_state(struct telling *telling)
{
	const cJSON *object = telling->change->object, *before = telling->change->before;
	const char *state = or_unknown(field_text(object, "state"));
	const char *old = field_text(before, "state"), *address = field_text(object, "address");
	cJSON *event;

	if (!has_changed(telling, "state"))
		return;
	event = add(telling, "state",
		    xasprintf("%s%s%s%s%s%s", state, address ? ", " : "", address ? address : "",
			      old ? " (was " : "", old ? old : "", old ? ")" : ""));
	json_add_string(event, "old", old);
	json_add_string(event, "new", state);
}

static void tell_problem(struct telling *telling)
{
	const char *problem = field_text(telling->change->object, "last_error");

	if (!has_changed(telling, "last_error"))
		return;
	if (problem)
		add(telling, "problem", xstrdup(problem));
	else if (field_text(telling->change->before, "last_error"))
		add(telling, "solved",
		    xasprintf("no longer: %s", field_text(telling->change->before, "last_error")));
}

static void tell_revision(struct telling *telling, const char *name, const char *event)
{
	int64_t revision = field_number(telling->change->object, name);

	if (has_changed(telling, name) && revision > 0)
		json_add_number(
			add(telling, event, xasprintf("%s %" PRIi64 " in force", event, revision)),
			"revision", (double)revision);
}

static void tell_switch(struct telling *telling, const char *name, const char *event,
			const char *on, const char *off)
{
	bool value = cJSON_IsTrue(field(telling->change->object, name));

	if (has_changed(telling, name))
		json_add_bool(add(telling, event, xstrdup(value ? on : off)), name, value);
}

/* --- rules --- */

static const cJSON *find_rule(const cJSON *rules, const cJSON *wanted)
{
	const cJSON *rule;

	json_for_each (rule, rules)
		if (field_number(rule, "rule_id") == field_number(wanted, "rule_id"))
			return rule;
	return NULL;
}

static void tell_rule(struct telling *telling, const cJSON *rule, bool removed)
{
	_cleanup_free_ char *port = rule_port(rule), *target = rule_target(rule);
	const char *error = field_text(rule, "error");
	cJSON *event;

	if (removed)
		event = add(telling, "forward-removed", xasprintf("%s is removed", port));
	else
		event = add(telling, "forward",
			    xasprintf("%s -> %s is %s%s%s", port, target,
				      or_unknown(field_text(rule, "state")), error ? ": " : "",
				      error ? error : ""));
	add_copy(event, "rule", rule);
}

static void tell_expired(struct telling *telling)
{
	_cleanup_free_ char *port = rule_port(telling->change->object);

	add_copy(add(telling, "forward-removed", xasprintf("%s has expired", port)), "forward",
		 telling->change->object);
}

/* It leads to where it led before, but its state is another one. */
static bool has_only_changed_state(const cJSON *old, const cJSON *now)
{
	return old && !same(old, now) &&
	       same(field(old, "target_address"), field(now, "target_address")) &&
	       same(field(old, "target_port"), field(now, "target_port"));
}

/* When many change in the same way (routed went, or came), that is one thing. */
static bool tell_common_state(struct telling *telling, const cJSON *old, const cJSON *now)
{
	const cJSON *rule, *first = NULL;
	const char *error;
	unsigned count = 0;

	json_for_each (rule, now) {
		if (!has_only_changed_state(find_rule(old, rule), rule))
			continue;
		if (first && !(same(field(first, "state"), field(rule, "state")) &&
			       same(field(first, "error"), field(rule, "error"))))
			return false;
		first = rule;
		count++;
	}
	if (count <= MANY)
		return false;
	error = field_text(first, "error");
	json_add_number(add(telling, "forwards",
			    xasprintf("%u forwards are %s%s%s", count,
				      or_unknown(field_text(first, "state")), error ? ": " : "",
				      error ? error : "")),
			"count", count);
	return true;
}

static void tell_rules(struct telling *telling)
{
	const cJSON *now = field(telling->change->changed, "rules");
	const cJSON *old = field(telling->change->before, "rules"), *rule;
	bool in_common;

	if (!has_changed(telling, "rules"))
		return;
	json_for_each (rule, old)
		if (!find_rule(now, rule))
			tell_rule(telling, rule, true);
	in_common = tell_common_state(telling, old, now);
	json_for_each (rule, now)
		if (!same(find_rule(old, rule), rule) &&
		    !(in_common && has_only_changed_state(find_rule(old, rule), rule)))
			tell_rule(telling, rule, false);
}

/* --- devices --- */

static cJSON *add_device(struct telling *telling, const char *event, char *text)
{
	cJSON *json = add(telling, event, text);

	json_add_string(json, "path", telling->change->path);
	add_copy(json, "device", telling->change->object);
	return json;
}

static void tell_found(struct telling *telling)
{
	const cJSON *device = telling->change->object;
	_cleanup_free_ char *ports = device_ports(device);
	const char *vendor = field_text(device, "vendor"), *model = field_text(device, "model");
	const char *address = field_text(device, "address");

	add_device(telling, "device-found",
		   xasprintf("found %s%s%s%s%s at %s%s%s%s", device_title(device),
			     vendor ? ", " : "", vendor ? vendor : "", model ? " " : "",
			     model ? model : "", or_unknown(address), *ports ? ", ports " : "",
			     ports,
			     device_is_camera(device) ? "" : ", not sure that it is a camera"));
}

static void tell_device_changed(struct telling *telling)
{
	const struct live_change *change = telling->change;
	_cleanup_free_ char *ports = device_ports(change->object);
	const char *title = device_title(change->object);

	if (has_changed(telling, "address"))
		add_device(telling, "device-changed",
			   xasprintf("%s moved from %s to %s", title,
				     or_unknown(field_text(change->before, "address")),
				     or_unknown(field_text(change->object, "address"))));
	else if (has_changed(telling, "online"))
		add_device(telling, "device-changed",
			   xasprintf("%s is %s", title,
				     cJSON_IsTrue(field(change->object, "online")) ? "online"
										   : "offline"));
	else if (has_changed(telling, "ports"))
		add_device(telling, "device-changed",
			   xasprintf("%s has the ports %s", title, ports));
	else if (has_changed(telling, "name") || has_changed(telling, "vendor") ||
		 has_changed(telling, "model"))
		add_device(telling, "device-changed", xasprintf("%s is known better now", title));
	else if (device_is_camera(change->object) && has_changed(telling, "confidence") &&
		 !device_is_camera(change->before))
		add_device(telling, "device-changed", xasprintf("%s is surely a camera", title));
}

/* --- all --- */

static void tell_present(struct telling *telling)
{
	const struct live_change *change = telling->change;
	const char *state = field_text(change->object, "state");
	const char *problem = field_text(change->object, "last_error");
	const char *address = field_text(change->object, "address");
	char *text;

	switch (change->service) {
	case SERVICE_DISCOVERY:
		text = xasprintf("%d devices", cJSON_GetArraySize(change->objects));
		break;
	case SERVICE_ROUTING:
		text = xasprintf("%" PRIi64 " forwards",
				 field_number(change->object, "forward_count"));
		break;
	case SERVICE_VPN_SERVICE:
		text = xasprintf("%" PRIi64 " gateways",
				 field_number(change->object, "gateway_count"));
		break;
	case SERVICE_GATEWAY:
	case SERVICE_VPN:
	default:
		text = xasprintf("%s%s%s", or_unknown(state), address ? ", " : "",
				 address ? address : "");
		break;
	}
	add_copy(add(telling, "present", text), "properties", change->object);
	if (problem)
		add(telling, "problem", xstrdup(problem));
}

static void tell_changed(struct telling *telling)
{
	if (telling->change->path) {
		tell_device_changed(telling);
		return;
	}
	tell_state(telling);
	tell_switch(telling, "api_reachable", "api", "the API is reachable",
		    "the API is not reachable");
	tell_switch(telling, "scanning", "scan", "looks for devices", "has looked for devices");
	tell_switch(telling, "forwarding_enabled", "forwarding", "the kernel forwards",
		    "the kernel does not forward (net.ipv4.ip_forward)");
	tell_revision(telling, "configuration_revision", "configuration");
	tell_revision(telling, "rules_revision", "rules");
	tell_rules(telling);
	if (has_changed(telling, "address") && !has_changed(telling, "state"))
		add(telling, "address",
		    xasprintf("address %s",
			      or_unknown(field_text(telling->change->object, "address"))));
	if (has_changed(telling, "forward_count"))
		add(telling, "forwards",
		    xasprintf("%" PRIi64 " forwards in the kernel",
			      field_number(telling->change->object, "forward_count")));
	if (has_changed(telling, "gateway_count"))
		add(telling, "gateways",
		    xasprintf("%" PRIi64 " gateways",
			      field_number(telling->change->object, "gateway_count")));
	tell_problem(telling);
}

cJSON *monitor_events(const struct live_change *change)
{
	struct telling telling = { .change = change, .events = json_new_array() };

	switch (change->event) {
	case LIVE_PRESENT:
		tell_present(&telling);
		break;
	case LIVE_ABSENT:
		add(&telling, "absent", xstrdup("not running"));
		break;
	case LIVE_ADDED:
		tell_found(&telling);
		break;
	case LIVE_CHANGED:
		tell_changed(&telling);
		break;
	case LIVE_EXPIRED:
		tell_expired(&telling);
		break;
	case LIVE_REMOVED:
		add_device(&telling, "device-lost",
			   xasprintf("lost %s at %s", device_title(change->object),
				     or_unknown(field_text(change->object, "address"))));
		break;
	}
	return telling.events;
}
