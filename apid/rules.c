/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Automatic rules and port choice, see rules.h. */
#include "apid/rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

#define PORT_COUNT        (LOCAL_PORT_LAST - LOCAL_PORT_FIRST + 1)
#define EXPOSE_CONFIDENCE 0.799 /* discoverd calls it a camera from 0.8; sums are not exact */

static const char *const exposed_services[] = { "http", "rtsp" };

const char *const rule_state_names[RULE_STATE_COUNT] = {
	[RULE_NEW] = "new",
	[RULE_ACTIVE] = "active",
	[RULE_WAITING] = "waiting",
	[RULE_FAILED] = "failed",
};

int rule_state_parse(enum rule_state *ret_state, const char *name)
{
	for (enum rule_state state = RULE_ACTIVE; state < RULE_STATE_COUNT; state++) {
		if (strcmp(rule_state_names[state], name) == 0) {
			*ret_state = state;
			return 0;
		}
	}
	return -EINVAL;
}

void rule_clear(struct rule *rule)
{
	free(rule->allow_from);
	free(rule->name);
	free(rule->error);
	*rule = (struct rule){ .id = 0 };
}

void rule_list_clear(struct rule_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		rule_clear(&list->rules[i]);
	free(list->rules);
	*list = (struct rule_list){ .count = 0 };
}

struct rule *rule_list_add(struct rule_list *list)
{
	/* Grown by powers of two: a full gateway has 4096. */
	if ((list->count & (list->count - 1)) == 0)
		list->rules = xrealloc_array(list->rules, list->count ? list->count * 2 : 1,
					     sizeof(*list->rules));
	list->rules[list->count] = (struct rule){ .id = 0 };
	return &list->rules[list->count++];
}

bool port_set_has(const struct port_set *set, uint16_t port)
{
	unsigned index = (unsigned)(port - LOCAL_PORT_FIRST);

	return set->used[index / 8] & BIT(index % 8);
}

void port_set_add(struct port_set *set, uint16_t port)
{
	unsigned index = (unsigned)(port - LOCAL_PORT_FIRST);

	if (port >= LOCAL_PORT_FIRST && port <= LOCAL_PORT_LAST)
		set->used[index / 8] |= (uint8_t)BIT(index % 8);
}

void port_set_fill(struct port_set *set, const struct rule_list *list)
{
	memset(set, 0, sizeof(*set));
	for (size_t i = 0; i < list->count; i++)
		port_set_add(set, list->rules[i].local_port_id);
}

/* FNV-1a: spreads well over so few bits and is the same on every machine. */
static uint32_t hash_text(uint32_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 16777619U;
	return hash;
}

uint16_t port_set_choose(const struct port_set *set, const char *mac, const char *service)
{
	unsigned start = hash_text(hash_text(2166136261U, mac), service) % PORT_COUNT;

	for (unsigned i = 0; i < PORT_COUNT; i++) {
		uint16_t port = (uint16_t)(LOCAL_PORT_FIRST + (start + i) % PORT_COUNT);

		if (!port_set_has(set, port))
			return port;
	}
	return 0;
}

static struct rule *find_automatic(const struct rule_list *list, const char *mac,
				   const char *service)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->rules[i].mac_address, mac) == 0 &&
		    strcmp(list->rules[i].service, service) == 0)
			return &list->rules[i];
	return NULL;
}

/* The port of the service: the one in use while the device still has it, else its first. */
static uint16_t device_port_of(const struct device *device, const char *service, uint16_t current)
{
	uint16_t first = 0;

	for (size_t i = 0; i < device->port_count; i++) {
		if (strcmp(device->ports[i].service, service) != 0)
			continue;
		if (device->ports[i].port == current)
			return current;
		if (!first)
			first = device->ports[i].port;
	}
	return first;
}

static void rule_follow(struct rule *rule, const struct device *device, uint16_t port)
{
	if (rule->port_id == port && strcmp(rule->ip_address, device->ip_address) == 0)
		return;
	rule->port_id = port;
	snprintf(rule->ip_address, sizeof(rule->ip_address), "%s", device->ip_address);
	rule->changed = true;
}

static bool rule_make(struct rule_list *list, struct port_set *set, const struct device *device,
		      const char *service, uint16_t port)
{
	struct rule *rule;
	uint16_t local_port;

	if (list->count >= MAX_RULES_PER_GATEWAY)
		return false;
	local_port = port_set_choose(set, device->mac_address, service);
	if (!local_port)
		return false;
	port_set_add(set, local_port);
	rule = rule_list_add(list);
	snprintf(rule->protocol, sizeof(rule->protocol), "tcp");
	snprintf(rule->mac_address, sizeof(rule->mac_address), "%s", device->mac_address);
	snprintf(rule->service, sizeof(rule->service), "%s", service);
	rule->local_port_id = local_port;
	rule_follow(rule, device, port);
	return true;
}

/* A port is opened only to what is surely a camera, and can be followed by its MAC address. */
static bool device_is_exposed(const struct device *device)
{
	struct netaddr address;

	return *device->mac_address && device->is_camera &&
	       device->confidence >= EXPOSE_CONFIDENCE &&
	       netaddr_parse(&address, device->ip_address) == 0 && address.family == AF_INET;
}

size_t rules_derive(struct rule_list *list, const struct device *devices, size_t device_count)
{
	struct port_set set;
	size_t missed = 0;

	port_set_fill(&set, list);
	for (size_t i = 0; i < device_count; i++) {
		const struct device *device = &devices[i];

		if (!device_is_exposed(device))
			continue;
		for (size_t s = 0; s < ARRAY_SIZE(exposed_services); s++) {
			const char *service = exposed_services[s];
			struct rule *rule = find_automatic(list, device->mac_address, service);
			uint16_t port = device_port_of(device, service, rule ? rule->port_id : 0);

			if (!port)
				continue;
			if (rule)
				rule_follow(rule, device, port);
			else if (!rule_make(list, &set, device, service, port))
				missed++;
		}
	}
	return missed;
}

static void add_people_members(cJSON *json, const struct rule *rule)
{
	json_add_bool(json, "automatic", *rule->service);
	if (*rule->service)
		json_add_string(json, "service", rule->service);
	json_add_string(json, "state", rule_state_names[rule->state]);
	json_add_string(json, "error", rule->error);
}

cJSON *rule_to_json(const struct rule *rule, bool for_people)
{
	cJSON *json = json_new_object();
	char time[TIME_TEXT_SIZE];

	json_add_number(json, "rule_id", (double)rule->id);
	json_add_string(json, "protocol", rule->protocol);
	json_add_number(json, "local_port_id", rule->local_port_id);
	json_add_number(json, "port_id", rule->port_id);
	json_add_string(json, "ip_address", rule->ip_address);
	if (*rule->mac_address)
		json_add_string(json, "mac_address", rule->mac_address);
	if (rule->allow_from)
		json_add(json, "allow_from", cJSON_Parse(rule->allow_from));
	if (rule->expires_at)
		json_add_string(json, "expires_at", time_format(rule->expires_at, time));
	json_add_string(json, "name", rule->name);
	if (for_people)
		add_people_members(json, rule);
	return json;
}
