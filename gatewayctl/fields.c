/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gatewayctl/fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/memory.h"

#define CAMERA_CONFIDENCE 0.8

const cJSON *field(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

const char *field_text(const cJSON *json, const char *name)
{
	const cJSON *item = field(json, name);

	return cJSON_IsString(item) && *item->valuestring ? item->valuestring : NULL;
}

int64_t field_number(const cJSON *json, const char *name)
{
	const cJSON *item = field(json, name);

	return cJSON_IsNumber(item) ? (int64_t)item->valuedouble : 0;
}

bool field_is(const cJSON *json, const char *name, const char *value)
{
	const char *found = field_text(json, name);

	return found && strcmp(found, value) == 0;
}

const char *device_title(const cJSON *device)
{
	static const char *const names[] = { "name", "model", "vendor", "address", "mac_address" };
	const char *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(names) && !found; i++)
		found = field_text(device, names[i]);
	return found ? found : "a device";
}

static cJSON *name_fact(cJSON *list)
{
	static const char *const names[] = { "source", "field",  "port", "value",
					     "time",   "weight", "alone" };
	cJSON *fact = json_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(names) && list->child; i++)
		json_add(fact, names[i], cJSON_DetachItemFromArray(list, 0));
	return fact;
}

void device_name_facts(cJSON *device)
{
	cJSON *old = cJSON_DetachItemFromObjectCaseSensitive(device, "facts");
	cJSON *facts = json_new_array(), *item;

	if (!old) {
		cJSON_Delete(facts);
		return;
	}
	json_for_each (item, old)
		json_append(facts, name_fact(item));
	cJSON_Delete(old);
	json_add(device, "facts", facts);
}

char *device_ports(const cJSON *device)
{
	char ports[64] = "";
	const cJSON *port, *number;
	int used = 0;

	json_for_each (port, field(device, "ports")) {
		number = cJSON_GetArrayItem(port, 0);
		if (cJSON_IsNumber(number) && used < (int)sizeof(ports) - 8)
			used += snprintf(ports + used, sizeof(ports) - (size_t)used, "%s%u",
					 used ? " " : "", (unsigned)number->valueint & 0xffff);
	}
	return xstrdup(ports);
}

bool device_is_camera(const cJSON *device)
{
	const cJSON *confidence = field(device, "confidence");

	return cJSON_IsNumber(confidence) && confidence->valuedouble >= CAMERA_CONFIDENCE;
}

char *rule_port(const cJSON *rule)
{
	const char *protocol = field_text(rule, "protocol");

	return xasprintf("%s %" PRIi64, protocol ? protocol : "?", field_number(rule, "port"));
}

char *rule_target(const cJSON *rule)
{
	const char *address = field_text(rule, "target_address");

	if (!address)
		return xstrdup("-");
	/* An IPv6 address has colons of its own. */
	if (strchr(address, ':'))
		return xasprintf("[%s]:%" PRIi64, address, field_number(rule, "target_port"));
	return xasprintf("%s:%" PRIi64, address, field_number(rule, "target_port"));
}
