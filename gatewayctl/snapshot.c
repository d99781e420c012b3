/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gatewayctl/snapshot.h"

#include <string.h>

#include "common/memory.h"
#include "dbus/gateway1.h"
#include "gatewayctl/fields.h"
#include "gatewayctl/query.h"

void name_rule_members(cJSON *gateway)
{
	static const char *const names[] = { "rule_id",     "protocol", "port", "target_address",
					     "target_port", "state",    "error" };
	cJSON *old = cJSON_DetachItemFromObjectCaseSensitive(gateway, "rules");
	cJSON *rules = json_new_array(), *item, *rule;

	json_for_each (item, old) {
		rule = json_new_object();
		for (size_t i = 0; i < ARRAY_SIZE(names) && item->child; i++)
			json_add(rule, names[i], cJSON_DetachItemFromArray(item, 0));
		json_append(rules, rule);
	}
	cJSON_Delete(old);
	json_add(gateway, "rules", rules);
}

static void add_problem(cJSON *problems, const char *daemon, const char *text)
{
	cJSON *problem = json_new_object();

	json_add_string(problem, "daemon", daemon);
	json_add_string(problem, "text", text);
	json_append(problems, problem);
}

void snapshot_judge(cJSON *snapshot)
{
	cJSON *problems = json_new_array();
	const cJSON *part;
	bool ok;

	for (enum service service = 0; service < GATEWAY_SERVICES; service++) {
		const char *daemon = service_info(service)->daemon;

		part = field(snapshot, service_info(service)->key);
		if (!cJSON_IsObject(part)) {
			_cleanup_free_ char *text = not_running_text(service);

			add_problem(problems, daemon, text);
		} else if (field_text(part, "last_error")) {
			add_problem(problems, daemon, field_text(part, "last_error"));
		}
	}
	ok = cJSON_GetArraySize(problems) == 0 &&
	     field_is(field(snapshot, "gateway"), "state", "running") &&
	     field_is(field(snapshot, "vpn"), "state", "up");
	json_add_bool(snapshot, "ok", ok);
	json_add(snapshot, "problems", problems);
}

/* Not everybody may know it; then it is left out. */
static void add_claim_code(struct bus *bus, cJSON *gateway)
{
	cJSON *code = NULL;

	if (query_call(bus, SERVICE_GATEWAY,
		       gateway1_interface.methods[GATEWAY1_METHOD_GET_CLAIM_CODE].name, NULL, NULL,
		       &code) == EXIT_DONE)
		json_add(gateway, "claim_code", code);
}

cJSON *snapshot_take(struct bus *bus)
{
	cJSON *snapshot = json_new_object(), *part;

	for (enum service service = 0; service < GATEWAY_SERVICES; service++) {
		part = query_properties(bus, service);
		if (part && service == SERVICE_GATEWAY) {
			name_rule_members(part);
			if (!field_is(part, "state", "running"))
				add_claim_code(bus, part);
		}
		if (part && service == SERVICE_DISCOVERY)
			json_add(part, "devices", query_devices(bus));
		if (!part)
			part = cJSON_CreateNull();
		if (!part)
			abort();
		json_add(snapshot, service_info(service)->key, part);
	}
	snapshot_judge(snapshot);
	return snapshot;
}
