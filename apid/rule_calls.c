/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules made and removed by people. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "apid/call.h"
#include "apid/calls.h"
#include "common/memory.h"

/* Fills the new rule; 1, or 0 when it has answered that there is no port. */
static int rule_fill(struct call *call, struct rule *rule, const struct rule_request *request,
		     const struct port_set *ports)
{
	uint16_t port = request->local_port;
	char key[NETADDR_TEXT_SIZE + 16];

	snprintf(key, sizeof(key), "%s:%u", request->ip_address, request->port);
	if (!port)
		port = port_set_choose(ports, key, request->protocol);
	else if (port_set_has(ports, port))
		return call_problem(call, 409, "local_port_id: this port is in use");
	if (!port)
		return call_problem(call, 409, "every port of this gateway is in use");
	rule->local_port_id = port;
	rule->port_id = request->port;
	memcpy(rule->protocol, request->protocol, sizeof(rule->protocol));
	memcpy(rule->ip_address, request->ip_address, sizeof(rule->ip_address));
	memcpy(rule->mac_address, request->mac_address, sizeof(rule->mac_address));
	rule->expires_at = request->expires_at;
	rule->allow_from = xstrdup(request->allow_from);
	rule->name = xstrdup(request->name);
	return 1;
}

static int rule_store(struct call *call, struct rule *rule)
{
	struct store *store = call->api->store;
	int r = store_begin(store);

	if (r == 0)
		r = store_rule_save(store, call->path.id, rule);
	if (r == 0)
		r = store_gateway_changed(store, call->path.id, BIT(CHANGE_RULES));
	if (r == 0)
		r = store_commit(store);
	return r;
}

static int rule_create(struct call *call, const struct rule_request *request)
{
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };
	_cleanup_rules_ struct rule_list list = { .count = 0 };
	_cleanup_(rule_clear) struct rule rule = { .id = 0 };
	struct port_set ports;
	int r = call_get_gateway(call, &record);

	if (r <= 0)
		return r;
	r = store_rules_expire(call->api->store, record.id, call->time);
	if (r >= 0)
		r = store_rules_load(call->api->store, record.id, &list);
	if (r < 0)
		return r;
	if (list.count >= MAX_RULES_PER_GATEWAY)
		return call_problem(call, 409, "this gateway has as many rules as it can have");
	port_set_fill(&ports, &list);
	r = rule_fill(call, &rule, request, &ports);
	if (r <= 0)
		return r;
	r = rule_store(call, &rule);
	if (r < 0)
		return r;
	changes_moved(call->api->changes, record.id);
	return call_reply(call, 201, rule_to_json(&rule, true));
}

int on_post_rule(struct call *call)
{
	_cleanup_(rule_request_clear) struct rule_request request = { .port = 0 };
	struct json_problem problem;

	if (rule_request_parse(&request, call->body, &problem) < 0)
		return call_problem(call, 400, "%s", problem.text);
	return rule_create(call, &request);
}

int on_delete_rule(struct call *call)
{
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };
	struct store *store = call->api->store;
	int r = call_get_gateway(call, &record);

	if (r <= 0)
		return r;
	r = store_begin(store);
	if (r == 0)
		r = store_rule_delete(store, record.id, call->path.rule_id);
	if (r == -ENOENT) {
		store_abandon(store);
		return call_problem(call, 404, "this gateway has no rule of this number");
	}
	if (r == 0)
		r = store_gateway_changed(store, record.id, BIT(CHANGE_RULES));
	if (r == 0)
		r = store_commit(store);
	if (r < 0)
		return r;
	changes_moved(call->api->changes, record.id);
	return call_reply_empty(call, 204);
}
