/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules document: parsed as a whole or refused as a whole. */
#include "gatewayd/rule_list.h"

#include <errno.h>
#include <string.h>

#include "common/json.h"
#include "common/memory.h"

#define MAX_ALLOW 64
#define MAX_NAME  256

const char *rule_protocol_name(enum rule_protocol protocol)
{
	static const char *const names[RULE_PROTOCOL_COUNT] = { "tcp", "udp" };

	return names[protocol];
}

static int parse_allow_from(struct rule *rule, const cJSON *json)
{
	struct netprefix prefix;
	const cJSON *array, *item;
	int r;

	r = json_get_array(json, "allow_from", MAX_ALLOW, &array);
	if (r < 0)
		return r;
	if (cJSON_GetArraySize(array) > 0)
		rule->allow_from = xcalloc((size_t)cJSON_GetArraySize(array),
					   sizeof(*rule->allow_from));
	json_for_each (item, array) {
		if (!cJSON_IsString(item))
			return -EINVAL;
		r = netprefix_parse(&prefix, item->valuestring);
		if (r < 0)
			return r;
		rule->allow_from[rule->allow_from_count++] = prefix;
	}
	return 0;
}

static int parse_protocol(enum rule_protocol *ret_protocol, const cJSON *json)
{
	const char *text;
	int r;

	r = json_get_string(json, "protocol", 8, &text);
	if (r < 0)
		return r;
	for (int i = 0; i < RULE_PROTOCOL_COUNT; i++)
		if (strcmp(text, rule_protocol_name((enum rule_protocol)i)) == 0) {
			*ret_protocol = (enum rule_protocol)i;
			return 0;
		}
	return -EINVAL;
}

static int parse_rule_target(struct rule *rule, const cJSON *json, struct api_problem *problem)
{
	const char *text;
	int r;

	r = json_get_string(json, "ip_address", NETADDR_TEXT_SIZE - 1, &text);
	if (r == 0)
		r = netaddr_parse(&rule->address, text);
	if (r < 0)
		return api_member(problem, "ip_address", r);
	r = json_get_string(json, "mac_address", MAC_TEXT_SIZE - 1, &text);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = mac_parse(&rule->mac, text);
	if (r < 0)
		return api_member(problem, "mac_address", r);
	rule->follows_device = true;
	return 0;
}

static int parse_rule(struct rule *rule, const cJSON *json, struct api_problem *problem)
{
	const char *name = NULL;
	int r;

	if (!cJSON_IsObject(json))
		return api_refuse(problem, "not an object");
	r = api_member(problem, "rule_id",
		       json_get_number(json, "rule_id", 0, API_MAX_ID, &rule->rule_id));
	if (r < 0)
		return r;
	r = api_member(problem, "protocol", parse_protocol(&rule->protocol, json));
	if (r < 0)
		return r;
	r = api_member(problem, "local_port_id",
		       api_get_port(json, "local_port_id", &rule->local_port_id));
	if (r < 0)
		return r;
	r = api_member(problem, "port_id", api_get_port(json, "port_id", &rule->port_id));
	if (r < 0)
		return r;
	r = parse_rule_target(rule, json, problem);
	if (r < 0)
		return r;
	r = api_optional(problem, "allow_from", parse_allow_from(rule, json));
	if (r < 0)
		return r;
	r = api_optional(problem, "expires_at",
			 api_get_time(json, "expires_at", &rule->expires_at));
	if (r < 0)
		return r;
	r = api_optional(problem, "name", json_get_string(json, "name", MAX_NAME, &name));
	if (r < 0)
		return r;
	rule->name = xstrdup(name);
	return 0;
}

int rule_list_parse(struct rule_list **ret_list, const char *text, size_t size,
		    struct api_problem *problem)
{
	_cleanup_(rule_list_freep) struct rule_list *list = NULL;
	_cleanup_json_ cJSON *json = NULL;
	struct api_problem inner;
	const cJSON *item;
	int r;

	r = json_parse(&json, text, size);
	if (r < 0 || !cJSON_IsArray(json))
		return api_refuse(problem, "the answer is not a JSON list of rules");
	if (cJSON_GetArraySize(json) > API_MAX_RULES)
		return api_refuse(problem, "more than %d rules", API_MAX_RULES);
	list = xnew(struct rule_list);
	list->rules = xcalloc((size_t)cJSON_GetArraySize(json), sizeof(struct rule));
	json_for_each (item, json) {
		r = parse_rule(&list->rules[list->count++], item, &inner);
		if (r < 0)
			return api_refuse(problem, "rules[%zu]: %.64s", list->count - 1,
					  inner.text);
	}
	*ret_list = steal_ptr(list);
	return 0;
}

struct rule_list *rule_list_free(struct rule_list *list)
{
	if (!list)
		return NULL;
	for (size_t i = 0; i < list->count; i++) {
		free(list->rules[i].name);
		free(list->rules[i].allow_from);
	}
	free(list->rules);
	free(list);
	return NULL;
}
