/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The documents about rules: a gateway's report on them and a person's request for one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apid/gateway_json.h"
#include "apid/rules.h"
#include "common/memory.h"

#define MAX_ERROR      512
#define MAX_NAME       128
#define MAX_ALLOW_FROM 64
#define MAX_REVISION   9007199254740992ULL

/* --- the gateway's report --- */

static int report_parse(struct rule_report *report, const cJSON *source,
			struct json_problem *problem)
{
	enum rule_state state;
	int r;

	if (!cJSON_IsObject(source) ||
	    json_get_number(source, "rule_id", 1, MAX_REVISION, &report->rule_id) < 0)
		return problem_in(problem, "rule_id", "expected the number of a rule");
	if (json_get_string(source, "state", 16, &report->state) < 0 ||
	    rule_state_parse(&state, report->state) < 0)
		return problem_in(problem, "state", "expected active, waiting or failed");
	r = json_get_string(source, "error", MAX_ERROR, &report->error);
	if (r < 0 && r != -ENOENT)
		return problem_in(problem, "error", "expected a text of at most 512 bytes");
	return 0;
}

int rule_report_list_parse(struct rule_report_list *ret_list, const cJSON *json,
			   struct json_problem *ret_problem)
{
	_cleanup_(rule_report_list_clear) struct rule_report_list list = { .count = 0 };
	const cJSON *array, *item;
	int r;

	if (!cJSON_IsObject(json))
		return problem_in(ret_problem, "body", "expected an object");
	if (json_get_number(json, "revision", 0, MAX_REVISION, &list.revision) < 0)
		return problem_in(ret_problem, "revision", "expected a number");
	if (json_get_array(json, "rules", MAX_RULES_PER_GATEWAY, &array) < 0)
		return problem_in(ret_problem, "rules", "expected a list of at most 4096");
	list.reports = xcalloc((size_t)cJSON_GetArraySize(array) + 1, sizeof(*list.reports));
	json_for_each (item, array) {
		r = report_parse(&list.reports[list.count], item, ret_problem);
		if (r < 0)
			return r;
		list.count++;
	}
	*ret_list = list;
	list.reports = NULL;
	return 0;
}

void rule_report_list_clear(struct rule_report_list *list)
{
	free(list->reports);
	*list = (struct rule_report_list){ .count = 0 };
}

/* --- a person's request --- */

static int request_target_parse(struct rule_request *request, const cJSON *json,
				struct json_problem *problem)
{
	struct netaddr address;
	struct mac_address mac;
	const char *text;
	uint64_t port;
	int r;

	if (json_get_number(json, "port_id", 1, UINT16_MAX, &port) < 0)
		return problem_in(problem, "port_id", "expected 1 to 65535");
	request->port = (uint16_t)port;
	if (json_get_string(json, "ip_address", NETADDR_TEXT_SIZE, &text) < 0 ||
	    netaddr_parse(&address, text) < 0 || address.family != AF_INET ||
	    !netaddr_is_unicast_host(&address))
		return problem_in(problem, "ip_address", "expected a device's IPv4 address");
	netaddr_format(&address, request->ip_address);
	r = json_get_string(json, "mac_address", MAC_TEXT_SIZE, &text);
	if (r == -ENOENT)
		return 0;
	if (r < 0 || mac_parse(&mac, text) < 0 || !mac_is_unicast(&mac))
		return problem_in(problem, "mac_address", "expected aa:bb:cc:dd:ee:ff");
	mac_format(&mac, request->mac_address);
	return 0;
}

static int request_port_parse(struct rule_request *request, const cJSON *json,
			      struct json_problem *problem)
{
	const char *protocol = "tcp";
	uint64_t port = 0;
	int r = json_get_string(json, "protocol", 3, &protocol);

	if ((r < 0 && r != -ENOENT) ||
	    (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0))
		return problem_in(problem, "protocol", "expected tcp or udp");
	snprintf(request->protocol, sizeof(request->protocol), "%s", protocol);
	r = json_get_number(json, "local_port_id", LOCAL_PORT_FIRST, LOCAL_PORT_LAST, &port);
	if (r < 0 && r != -ENOENT)
		return problem_in(problem, "local_port_id", "expected 10000 to 59999");
	request->local_port = (uint16_t)port;
	return 0;
}

static int request_allow_from_parse(struct rule_request *request, const cJSON *json,
				    struct json_problem *problem)
{
	_cleanup_json_ cJSON *copy = json_new_array();
	char text[NETPREFIX_TEXT_SIZE];
	const cJSON *list, *item;
	struct netprefix prefix;
	int r = json_get_array(json, "allow_from", MAX_ALLOW_FROM, &list);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return problem_in(problem, "allow_from", "expected a list of at most 64 prefixes");
	json_for_each (item, list) {
		if (!cJSON_IsString(item) || netprefix_parse(&prefix, item->valuestring) < 0)
			return problem_in(problem, "allow_from", "expected prefixes as 10.0.0.0/8");
		prefix = netprefix_network(&prefix);
		json_append(copy, cJSON_CreateString(netprefix_format(&prefix, text)));
	}
	request->allow_from = json_print(copy);
	return 0;
}

static int request_expiry_parse(struct rule_request *request, const cJSON *json,
				struct json_problem *problem)
{
	const char *text;
	int r = json_get_string(json, "expires_at", 40, &text);

	if (r == -ENOENT)
		return 0;
	if (r < 0 || time_parse(&request->expires_at, text) < 0 || request->expires_at <= 0)
		return problem_in(problem, "expires_at", "expected 2026-11-20T10:00:00Z");
	return 0;
}

int rule_request_parse(struct rule_request *ret_request, const cJSON *json,
		       struct json_problem *ret_problem)
{
	_cleanup_(rule_request_clear) struct rule_request request = { .port = 0 };
	int r;

	if (!cJSON_IsObject(json))
		return problem_in(ret_problem, "body", "expected an object");
	r = request_target_parse(&request, json, ret_problem);
	if (r >= 0)
		r = request_port_parse(&request, json, ret_problem);
	if (r >= 0)
		r = request_allow_from_parse(&request, json, ret_problem);
	if (r >= 0)
		r = request_expiry_parse(&request, json, ret_problem);
	if (r < 0)
		return r;
	r = json_get_string(json, "name", MAX_NAME, &request.name);
	if (r < 0 && r != -ENOENT)
		return problem_in(ret_problem, "name", "expected a text of at most 128 bytes");
	*ret_request = request;
	request.allow_from = NULL;
	return 0;
}

void rule_request_clear(struct rule_request *request)
{
	free(request->allow_from);
	request->allow_from = NULL;
}
