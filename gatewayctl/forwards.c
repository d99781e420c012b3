/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gatewayctl/forwards.h"

#include <string.h>

#include "common/memory.h"
#include "gatewayctl/command.h"
#include "gatewayctl/fields.h"
#include "gatewayctl/query.h"
#include "gatewayctl/snapshot.h"
#include "gatewayctl/table.h"

#define OWN_SET "gateway" /* gatewayd's: its rules tell more than the kernel does */

static cJSON *duplicate(const cJSON *json)
{
	cJSON *copy = cJSON_Duplicate(json, true);

	if (!copy)
		abort();
	return copy;
}

static const cJSON *device_at(const cJSON *devices, const char *address)
{
	const cJSON *device;

	json_for_each (device, devices)
		if (address && field_is(device, "address", address))
			return device;
	return NULL;
}

static const struct {
	const char *option, *name;
} options_shown[] = {
	{ "set", "set" },
	{ "name", "name" },
	{ "allow-from", "allow_from" },
	{ "expires", "expires" },
	{ "keep-client-address", "keep_client_address" },
	{ "state", "state" },
};

static void add_options(cJSON *named, const cJSON *options)
{
	for (size_t i = 0; i < ARRAY_SIZE(options_shown); i++)
		if (field(options, options_shown[i].option))
			json_add(named, options_shown[i].name,
				 duplicate(field(options, options_shown[i].option)));
}

/* (protocol, listen port, target address, target port, interface, options) */
cJSON *name_forward_members(const cJSON *forward)
{
	static const char *const names[] = { "protocol", "port", "target_address", "target_port",
					     "interface" };
	const cJSON *member = forward->child, *options = cJSON_GetArrayItem(forward, 5);
	cJSON *named = json_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(names) && member; i++, member = member->next)
		json_add(named, names[i], duplicate(member));
	add_options(named, options);
	return named;
}

static const cJSON *kernels(const cJSON *list, const cJSON *rule)
{
	const cJSON *forward;

	json_for_each (forward, list)
		if (field_is(forward, "set", OWN_SET) &&
		    field_number(forward, "port") == field_number(rule, "port") &&
		    field_is(forward, "protocol", field_text(rule, "protocol")))
			return forward;
	return NULL;
}

/* A rule, with what the kernel and discoverd know about it. */
static cJSON *from_rule(const cJSON *rule, const cJSON *list, const cJSON *devices)
{
	static const char *const from_kernel[] = { "interface", "allow_from", "expires",
						   "keep_client_address" };
	cJSON *forward = duplicate(rule);
	const cJSON *kernel = kernels(list, rule);
	const cJSON *device = device_at(devices, field_text(rule, "target_address"));

	json_add_string(forward, "set", OWN_SET);
	json_add_string(forward, "name",
			device ? device_title(device) : field_text(kernel, "name"));
	for (size_t i = 0; i < ARRAY_SIZE(from_kernel); i++)
		if (field(kernel, from_kernel[i]))
			json_add(forward, from_kernel[i], duplicate(field(kernel, from_kernel[i])));
	return forward;
}

cJSON *forwards_join(const cJSON *rules, const cJSON *kernel, const cJSON *devices)
{
	_cleanup_json_ cJSON *list = json_new_array();
	cJSON *document = json_new_object(), *forwards = json_new_array();
	const cJSON *item;

	json_for_each (item, kernel)
		json_append(list, name_forward_members(item));
	json_for_each (item, rules)
		json_append(forwards, from_rule(item, list, devices));
	json_for_each (item, list) {
		if (!rules || !field_is(item, "set", OWN_SET))
			json_append(forwards, duplicate(item));
	}
	json_add(document, "forwards", forwards);
	return document;
}

/* The error, or what is special about it; owned. */
static char *remark(const cJSON *forward, const struct screen *screen)
{
	const cJSON *from = cJSON_GetArrayItem(field(forward, "allow_from"), 0);
	const char *first = cJSON_IsString(from) ? from->valuestring : NULL;
	_cleanup_free_ char *left = NULL;

	if (field_text(forward, "error"))
		return xstrdup(field_text(forward, "error"));
	if (field(forward, "expires"))
		left = duration_text(field_number(forward, "expires") - screen->now);
	/* One blank: there is nothing in this column. */
	if (!first && !left)
		return xstrdup(" ");
	return xasprintf("%s%s%s%s%s%s", first ? "from " : "", first ? first : "",
			 first && from->next ? ", …" : "", first && left ? ", " : "",
			 left ? "ends in " : "", left ? left : "");
}

void forwards_print(const cJSON *document, const struct screen *screen)
{
	static const char *const titles[] = { "FORWARD", "LEADS TO", "NAME", "SET",
					      "STATE",   " ",        NULL };
	static const char *const spare[] = { "SET", NULL };
	const cJSON *forwards = field(document, "forwards"), *forward;
	struct table *table;

	if (cJSON_GetArraySize(forwards) == 0) {
		fputs("There are no forwards.\n", screen->file);
		return;
	}
	table = table_new(titles);
	table_spare(table, spare);
	json_for_each (forward, forwards) {
		_cleanup_free_ char *port = rule_port(forward), *target = rule_target(forward);
		_cleanup_free_ char *more = remark(forward, screen);

		table_add(table, (const char *const[]){ port, target, field_text(forward, "name"),
							field_text(forward, "set"),
							field_text(forward, "state"), more });
	}
	table_print(table, screen);
	table_free(table);
}

int forwards_command(struct command *command)
{
	_cleanup_json_ cJSON *gateway = query_properties(command->bus, SERVICE_GATEWAY);
	_cleanup_json_ cJSON *devices = query_devices(command->bus), *kernel = NULL, *joined = NULL;
	_cleanup_free_ char *document = NULL;
	int code;

	if (gateway)
		name_rule_members(gateway);
	/* Its rules are worth showing without routed, too; the exit code tells. */
	code = query_call(command->bus, SERVICE_ROUTING, "List", "", "list the forwards", &kernel);
	if (code != EXIT_DONE && !gateway)
		return code;
	joined = forwards_join(field(gateway, "rules"), kernel, devices);
	if (command->json) {
		document = json_print(joined);
		puts(document);
	} else {
		forwards_print(joined, &command->screen);
	}
	return code;
}
