/* SPDX-License-Identifier: GPL-3.0-or-later */
/* People: their session, approving and revoking gateways, looking at them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "apid/call.h"
#include "apid/calls.h"
#include "apid/claims.h"
#include "apid/password.h"
#include "common/log.h"
#include "common/memory.h"

#define MAX_NAME 128

static const char *const role_names[ROLE_COUNT] = {
	[ROLE_VIEWER] = "viewer",
	[ROLE_OPERATOR] = "operator",
	[ROLE_ADMIN] = "admin",
};

static unsigned in_seconds(usec_t wait)
{
	return (unsigned)(wait / USEC_PER_SEC) + 1;
}

/* --- session --- */

static cJSON *user_to_json(const struct user *user)
{
	cJSON *json = json_new_object();

	json_add_string(json, "user", user->name);
	json_add_string(json, "role", role_names[user->role]);
	return json;
}

static void add_cookie(struct call *call, const char *token, int seconds)
{
	char cookie[256];

	snprintf(cookie, sizeof(cookie),
		 SESSION_COOKIE "=%s; Path=/; Max-Age=%d; Secure; HttpOnly; SameSite=Strict", token,
		 seconds);
	exchange_add_header(call->exchange, "Set-Cookie", cookie);
	explicit_bzero(cookie, sizeof(cookie));
}

int on_login(struct call *call)
{
	struct login login = {
		.peer = exchange_peer(call->exchange),
		.now = loop_now(call->api->loop),
		.time = call->time,
	};
	char token[SECRET_SIZE];
	struct user user;
	usec_t wait;
	int r;

	if (json_get_string(call->body, "user", MAX_USER_NAME, &login.name) < 0 ||
	    json_get_string(call->body, "password", PASSWORD_MAX, &login.password) < 0)
		return call_problem(call, 400, "expected {user, password}");
	r = session_login(call->api->sessions, &login, token, &user, &wait);
	if (r < 0)
		return r;
	switch ((enum login_result)r) {
	case LOGIN_WRONG:
		log_event(LOG_WARNING, LOG_FIELDS("EVENT=login-refused"),
			  "wrong user or password from %s", login.peer);
		return call_problem(call, 401, "wrong user or password");
	case LOGIN_LIMITED:
		return call_retry(call, 429, in_seconds(wait), "too many wrong passwords");
	case LOGIN_ACCEPTED:
		break;
	}
	log_event(LOG_INFO, LOG_FIELDS("EVENT=login"), "%s logs in from %s", user.name, login.peer);
	add_cookie(call, token, SESSION_SECONDS);
	explicit_bzero(token, sizeof(token));
	return call_reply(call, 200, user_to_json(&user));
}

int on_get_session(struct call *call)
{
	return call_reply(call, 200, user_to_json(&call->user));
}

int on_logout(struct call *call)
{
	int r = session_end(call->api->sessions, call->token);

	if (r < 0)
		return r;
	add_cookie(call, "", 0);
	return call_reply_empty(call, 204);
}

/* --- gateways --- */

static void add_time(cJSON *json, const char *name, int64_t seconds)
{
	char text[TIME_TEXT_SIZE];

	if (seconds)
		json_add_string(json, name, time_format(seconds, text));
}

static void add_document(cJSON *json, const char *name, const char *document)
{
	cJSON *item = document ? cJSON_Parse(document) : NULL;

	if (item)
		json_add(json, name, item);
}

/* What people need of the account, without certificates. */
static void add_vpn_account(cJSON *json, const struct gateway_record *record)
{
	static const char *const names[] = { "vpn_username", "vpn_local_hostname",
					     "vpn_ip_address" };
	_cleanup_json_ cJSON *account = record->configuration ? cJSON_Parse(record->configuration)
							      : NULL;
	const char *text;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (account && json_get_string(account, names[i], 253, &text) == 0)
			json_add_string(json, names[i], text);
}

static cJSON *gateway_to_json(const struct gateway_record *record)
{
	cJSON *json = json_new_object();

	json_add_number(json, "gateway_id", (double)record->id);
	json_add_string(json, "state", gateway_state_names[record->state]);
	json_add_string(json, "name", record->name);
	json_add_string(json, "mac_address", record->mac_address);
	json_add_bool(json, "mac_is_shared", record->mac_is_shared);
	json_add_string(json, "hostname", record->hostname);
	json_add_string(json, "sw_version", record->sw_version);
	json_add_bool(json, "provisioned", record->configuration);
	json_add_string(json, "provision_error", record->provision_error);
	add_vpn_account(json, record);
	add_document(json, "interfaces", record->interfaces);
	add_document(json, "status", record->status);
	add_time(json, "announced_at", record->announced_at);
	add_time(json, "approved_at", record->approved_at);
	add_time(json, "seen_at", record->seen_at);
	return json;
}

static int claim_answer(struct call *call, uint64_t gateway_id, unsigned status)
{
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };
	int r = store_gateway_get(call->api->store, gateway_id, &record);

	return r < 0 ? r : call_reply(call, status, gateway_to_json(&record));
}

static int claim_run(struct call *call, const struct claim *claim)
{
	uint64_t id = 0;
	int r = claim_gateway(call->api->store, claim, &id);

	if (r < 0)
		return r;
	switch ((enum claim_result)r) {
	case CLAIM_APPROVED:
		log_event(LOG_INFO, LOG_FIELDS("EVENT=approved"),
			  "gateway %" PRIu64 " is approved by %s", id, call->user.name);
		changes_moved(call->api->changes, id);
		provisioner_kick(call->api->provisioner);
		return claim_answer(call, id, 201);
	case CLAIM_ALREADY:
		return claim_answer(call, id, 200);
	case CLAIM_UNKNOWN:
		rate_limit_count(&call->api->claims, call->user.name, loop_now(call->api->loop));
		return call_problem(call, 404, "no gateway waits with this claim code");
	case CLAIM_AMBIGUOUS:
		log_warning("two gateways answer to one claim code: one imitates the other");
		return call_problem(call, 409,
				    "two gateways show this code; reset yours to get a new one");
	}
	return -EINVAL;
}

int on_claim(struct call *call)
{
	struct claim claim = { .organisation_id = call->user.organisation_id, .time = call->time };
	usec_t wait = rate_limit_wait(&call->api->claims, call->user.name,
				      loop_now(call->api->loop));
	char code[CLAIM_CODE_SIZE];
	const char *typed;
	int r;

	if (wait)
		return call_retry(call, 429, in_seconds(wait), "too many wrong claim codes");
	if (json_get_string(call->body, "claim_code", 64, &typed) < 0 ||
	    claim_code_parse(code, typed) < 0)
		return call_problem(call, 400, "claim_code: expected XXXX-XXXX");
	r = json_get_string(call->body, "name", MAX_NAME, &claim.name);
	if (r < 0 && r != -ENOENT)
		return call_problem(call, 400, "name: expected a text of at most 128 bytes");
	claim.code = code;
	return claim_run(call, &claim);
}

static void on_gateway_listed(const struct gateway_record *record, void *owner)
{
	json_append(owner, gateway_to_json(record));
}

int on_list_gateways(struct call *call)
{
	_cleanup_json_ cJSON *list = json_new_array();
	int r = store_gateway_list(call->api->store, call->user.organisation_id, on_gateway_listed,
				   list);

	return r < 0 ? r : call_reply(call, 200, steal_ptr(list));
}

int on_get_gateway(struct call *call)
{
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };
	int r = call_get_gateway(call, &record);

	return r <= 0 ? r : call_reply(call, 200, gateway_to_json(&record));
}

int on_revoke_gateway(struct call *call)
{
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };
	struct store *store = call->api->store;
	int r = call_get_gateway(call, &record);

	if (r <= 0)
		return r;
	r = store_begin(store);
	if (r == 0)
		r = store_gateway_revoke(store, record.id, call->time);
	if (r == 0)
		r = store_provision_order(store, record.id, PROVISION_DELETE);
	if (r == 0)
		r = store_gateway_changed(store, record.id,
					  BIT(CHANGE_RULES) | BIT(CHANGE_CONFIGURATION));
	if (r == 0)
		r = store_commit(store);
	if (r < 0)
		return r;
	log_event(LOG_INFO, LOG_FIELDS("EVENT=revoked"), "gateway %" PRIu64 " is revoked by %s",
		  record.id, call->user.name);
	changes_moved(call->api->changes, record.id);
	provisioner_kick(call->api->provisioner);
	return call_reply_empty(call, 204);
}

int on_get_devices(struct call *call)
{
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };
	_cleanup_json_ cJSON *list = json_new_array();
	int r = call_get_gateway(call, &record);

	if (r <= 0)
		return r;
	r = store_devices_list(call->api->store, record.id, list);
	return r < 0 ? r : call_reply(call, 200, steal_ptr(list));
}

/* --- operators --- */

int on_get_health(struct call *call)
{
	uint64_t pending;
	int r = store_gateway_pending_count(call->api->store, &pending);
	cJSON *json;

	if (r < 0)
		return r;
	json = json_new_object();
	json_add_string(json, "status", "ok");
	json_add_string(json, "version", EVERCAM_VERSION);
	return call_reply(call, 200, json);
}
