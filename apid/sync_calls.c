/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An approved gateway: the documents it fetches (configuration, rules), the nudge that tells it
 * when (changes), and what it reports (devices, states of rules, its own status).
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "apid/call.h"
#include "apid/calls.h"
#include "common/certificate.h"
#include "common/log.h"
#include "common/memory.h"

#define MAX_WAIT        55
#define MAX_REVISION    9007199254740992ULL /* 2^53: JSON numbers are doubles elsewhere */
#define PROVISION_RETRY 2                   /* seconds */

/* --- configuration --- */

static cJSON *configuration_servers(const cJSON *account)
{
	cJSON *servers = json_new_array(), *server = json_new_object();
	const char *hostname;
	uint64_t port;

	if (json_get_string(account, "vpn_hostname", 253, &hostname) == 0 &&
	    json_get_number(account, "vpn_port", 1, UINT16_MAX, &port) == 0) {
		json_add_string(server, "vpn_hostname", hostname);
		json_add_number(server, "vpn_port", (double)port);
	}
	json_add_number(server, "priority", 0);
	json_append(servers, server);
	return servers;
}

static cJSON *configuration_exposure(const struct api *api)
{
	cJSON *expose = json_new_object(), *services = json_new_array();

	json_add_bool(expose, "auto", api->settings->expose_automatically);
	json_append(services, cJSON_CreateString("http"));
	json_append(services, cJSON_CreateString("rtsp"));
	json_add(expose, "services", services);
	return expose;
}

static cJSON *configuration_build(const struct api *api, const struct gateway_record *record)
{
	cJSON *json = cJSON_Parse(record->configuration), *endpoints = json_new_array();

	if (!json)
		json = json_new_object();
	json_add_number(json, "revision", (double)record->change_revision[CHANGE_CONFIGURATION]);
	json_add_number(json, "gateway_id", (double)record->id);
	json_add(json, "vpn_servers", configuration_servers(json));
	if (api->settings->public_url)
		json_append(endpoints, cJSON_CreateString(api->settings->public_url));
	json_add(json, "api_endpoints", endpoints);
	json_add(json, "expose", configuration_exposure(api));
	return json;
}

int on_get_configuration(struct call *call)
{
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };
	uint64_t revision;
	int r = call_get_gateway(call, &record);

	if (r <= 0)
		return r;
	if (!record.configuration) {
		exchange_retry_after(call->exchange, PROVISION_RETRY);
		return call_reply_empty(call, 202);
	}
	revision = record.change_revision[CHANGE_CONFIGURATION];
	call_add_etag(call, revision);
	if (call_has_etag(call, revision))
		return call_reply_empty(call, 304);
	return call_reply(call, 200, configuration_build(call->api, &record));
}

int on_put_csr(struct call *call)
{
	struct store *store = call->api->store;
	const char *csr, *problem = "expected a text";
	char fingerprint[SHA256_HEX_SIZE];
	int r;

	if (json_get_string(call->body, "csr", MAX_CSR, &csr) < 0 ||
	    certificate_check_request(fingerprint, csr, &problem) < 0)
		return call_problem(call, 400, "csr: %s", problem);
	r = store_begin(store);
	if (r == 0)
		r = store_gateway_set_csr(store, call->path.id, csr);
	if (r == 0)
		r = store_provision_order(store, call->path.id, PROVISION_CREATE);
	if (r == 0)
		r = store_commit(store);
	if (r < 0)
		return r;
	provisioner_kick(call->api->provisioner);
	exchange_retry_after(call->exchange, PROVISION_RETRY);
	return call_reply_empty(call, 202);
}

/* --- rules --- */

int on_get_rules(struct call *call)
{
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };
	_cleanup_rules_ struct rule_list list = { .count = 0 };
	uint64_t revision;
	cJSON *json;
	int r = call_get_gateway(call, &record);

	if (r <= 0)
		return r;
	revision = record.change_revision[CHANGE_RULES];
	/* People see states, which move without a revision. */
	if (call->by_gateway) {
		call_add_etag(call, revision);
		if (call_has_etag(call, revision))
			return call_reply_empty(call, 304);
	}
	r = store_rules_load(call->api->store, record.id, &list);
	if (r < 0)
		return r;
	json = json_new_array();
	for (size_t i = 0; i < list.count; i++)
		if (!list.rules[i].suppressed &&
		    (!list.rules[i].expires_at || list.rules[i].expires_at > call->time))
			json_append(json, rule_to_json(&list.rules[i], !call->by_gateway));
	return call_reply(call, 200, json);
}

static int rules_status_store(struct call *call, const struct rule_report_list *list)
{
	int r = store_begin(call->api->store);

	for (size_t i = 0; r == 0 && i < list->count; i++) {
		enum rule_state state = RULE_NEW;

		(void)rule_state_parse(&state, list->reports[i].state); /* has been checked */
		r = store_rule_set_state(call->api->store, call->path.id, list->reports[i].rule_id,
					 state, list->reports[i].error);
	}
	return r < 0 ? r : store_commit(call->api->store);
}

int on_put_rules_status(struct call *call)
{
	_cleanup_(rule_report_list_clear) struct rule_report_list list = { .count = 0 };
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };
	struct json_problem problem;
	int r;

	if (rule_report_list_parse(&list, call->body, &problem) < 0)
		return call_problem(call, 400, "%s", problem.text);
	r = call_get_gateway(call, &record);
	if (r <= 0)
		return r;
	/* A report on older rules says nothing about those that have changed since. */
	if (list.revision == record.change_revision[CHANGE_RULES])
		r = rules_status_store(call, &list);
	return r < 0 ? r : call_reply_empty(call, 204);
}

/* --- changes --- */

static void changes_answer(struct exchange *exchange, const struct gateway_record *record,
			   uint64_t since)
{
	cJSON *json = json_new_object(), *changed = json_new_array();

	for (size_t i = 0; i < CHANGE_COUNT; i++)
		if (record->change_revision[i] > since)
			json_append(changed, cJSON_CreateString(change_names[i]));
	json_add_number(json, "revision", (double)record->revision);
	json_add(json, "changed", changed);
	exchange_reply(exchange, 200, json);
}

/* Returns whether it has answered. */
static bool changes_look(struct exchange *exchange, const struct gateway_record *record,
			 uint64_t since)
{
	if (record->state == GATEWAY_REVOKED)
		exchange_problem(exchange, 410, "this gateway has been revoked by its owner");
	else if (record->revision > since)
		changes_answer(exchange, record, since);
	else if (record->revision < since) /* our database is older: from a backup */
		changes_answer(exchange, record, 0);
	else
		return false;
	return true;
}

static bool on_changes_moved(const struct changes_request *request, bool last, void *owner)
{
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };
	struct api *api = owner;
	int r = store_gateway_get(api->store, request->gateway_id, &record);

	if (r == 0 && changes_look(request->exchange, &record, request->since))
		return true;
	if (last)
		exchange_send(request->exchange, 204, NULL, NULL, 0);
	return last;
}

int on_get_changes(struct call *call)
{
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };
	uint64_t since, wait;
	int r;

	if (call_query_number(call, "since", MAX_REVISION, 0, &since) < 0)
		return call_problem(call, 400, "since: expected a revision");
	if (call_query_number(call, "wait", MAX_WAIT, 0, &wait) < 0)
		return call_problem(call, 400, "wait: expected seconds, 0 to 55");
	r = call_get_gateway(call, &record);
	if (r <= 0)
		return r;
	if (changes_look(call->exchange, &record, since))
		return 0;
	if (!wait)
		return call_reply_empty(call, 204);
	changes_hold(call->api->changes,
		     &(struct changes_request){ call->exchange, call->path.id, since },
		     wait * USEC_PER_SEC, on_changes_moved);
	return 0;
}

/* --- reports --- */

static int rules_follow_devices(struct call *call, const struct device_list *devices,
				bool *ret_changed)
{
	_cleanup_rules_ struct rule_list list = { .count = 0 };
	struct store *store = call->api->store;
	size_t missed;
	int r = store_rules_load(store, call->path.id, &list);

	if (r < 0)
		return r;
	missed = rules_derive(&list, devices->devices, devices->count);
	if (missed)
		log_warning("gateway %" PRIu64 " is full: no rule for %zu services of its cameras",
			    call->path.id, missed);
	for (size_t i = 0; i < list.count; i++) {
		if (!list.rules[i].changed)
			continue;
		*ret_changed = true;
		r = store_rule_save(store, call->path.id, &list.rules[i]);
		if (r < 0)
			return r;
	}
	return *ret_changed ? store_gateway_changed(store, call->path.id, BIT(CHANGE_RULES)) : 0;
}

int on_post_devices(struct call *call)
{
	_cleanup_(device_list_clear) struct device_list list = { .count = 0 };
	struct store *store = call->api->store;
	struct json_problem problem;
	bool changed = false;
	int r;

	if (device_list_parse(&list, call->body, &problem) < 0)
		return call_problem(call, 400, "%s", problem.text);
	r = store_begin(store);
	if (r == 0)
		r = store_devices_replace(store, call->path.id, &list);
	if (r == 0 && call->api->settings->expose_automatically)
		r = rules_follow_devices(call, &list, &changed);
	if (r == 0)
		r = store_commit(store);
	if (r < 0)
		return r;
	if (changed)
		changes_moved(call->api->changes, call->path.id);
	return call_reply(call, 200, json_new_object());
}

int on_post_status(struct call *call)
{
	_cleanup_free_ char *status = NULL;
	struct json_problem problem;
	int r;

	if (status_parse(&status, call->body, &problem) < 0)
		return call_problem(call, 400, "%s", problem.text);
	r = store_gateway_set_status(call->api->store, call->path.id, status, call->time);
	return r < 0 ? r : call_reply_empty(call, 204);
}
