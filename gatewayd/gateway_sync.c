/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What sync brings, and what it is given to report. */
#include "gatewayd/gateway.h"

#include <string.h>

#include "common/log.h"
#include "common/memory.h"

static int on_document(enum sync_job job, const struct api_answer *answer,
		       struct api_problem *problem, void *owner)
{
	return job == SYNC_RULES ? gateway_take_rules(owner, answer, problem)
				 : gateway_take_configuration(owner, answer, problem);
}

static int on_token(const struct api_answer *answer, struct api_problem *problem, void *owner)
{
	struct gateway *gateway = owner;
	struct api_token token = { 0 };
	int r;

	r = api_token_parse(&token, answer->body, answer->body_size, problem);
	if (r == 0 && token.gateway_id != gateway->token.gateway_id)
		r = api_refuse(problem, "gateway_id is that of another gateway");
	if (r == 0)
		gateway_take_token(gateway, &token);
	api_token_clear(&token);
	return r;
}

/* --- reports --- */

static char *make_status(const struct gateway *gateway)
{
	struct status_report report = {
		.uptime_seconds = loop_now(gateway->loop) / USEC_PER_SEC,
		.vpn_state = vpn_peer_state(gateway->vpn),
		.vpn_server = vpn_peer_server(gateway->vpn),
		.vpn_address = vpn_peer_address(gateway->vpn),
		.vpn_since = vpn_peer_since(gateway->vpn),
		.active_forwards = routing_peer_held_count(gateway->routing),
		.device_count = device_list_camera_count(gateway->devices),
	};

	return status_report_print(&report);
}

static char *make_rule_status(const struct gateway *gateway)
{
	size_t count = gateway->plan.count;
	_cleanup_free_ struct planned_rule *rules = NULL;

	if (!gateway->rules)
		return NULL;
	rules = xcalloc(count, sizeof(*rules));
	for (size_t i = 0; i < count; i++) {
		rules[i] = gateway->plan.rules[i];
		rules[i].state = gateway_rule_state(gateway, i, &rules[i].error);
	}
	return rule_status_print(rules, count, gateway->rules_revision);
}

/* Keeps what is about to be reported; reports that say nothing new are not sent. */
static char *news(struct gateway *gateway, enum sync_job job, char *text)
{
	const char *reported = gateway->reported[job];

	if (!text || (reported && strcmp(reported, text) == 0)) {
		free(text);
		return NULL;
	}
	replace_string(&gateway->reporting[job], text);
	return text;
}

static char *make_devices(struct gateway *gateway)
{
	if (!device_list_is_known(gateway->devices))
		return NULL;
	free(gateway->reporting[SYNC_DEVICES]);
	gateway->reporting[SYNC_DEVICES] = device_list_print(gateway->devices, false);
	return device_list_print(gateway->devices, true);
}

static char *make_report(enum sync_job job, void *owner)
{
	struct gateway *gateway = owner;

	switch (job) {
	case SYNC_DEVICES:
		return make_devices(gateway);
	case SYNC_STATUS:
		replace_string(&gateway->reporting[job], vpn_peer_state(gateway->vpn));
		return make_status(gateway);
	case SYNC_RULE_STATUS:
		return news(gateway, job, make_rule_status(gateway));
	case SYNC_CSR:
		if (!identity_csr(gateway->identity))
			break; /* is wanted again when there is a key */
		return news(gateway, job, csr_report_print(identity_csr(gateway->identity)));
	case SYNC_CONFIGURATION:
	case SYNC_RULES:
	case SYNC_CHANGES:
	case SYNC_TOKEN:
	case SYNC_JOB_COUNT:
		break;
	}
	return NULL;
}

static void on_reported(enum sync_job job, void *owner)
{
	struct gateway *gateway = owner;

	free(gateway->reported[job]);
	gateway->reported[job] = steal_ptr(gateway->reporting[job]);
}

void gateway_want_certificate(struct gateway *gateway)
{
	gateway->wants_certificate = true;
	sync_want(gateway->sync, SYNC_CSR);
}

void gateway_sync_forget(struct gateway *gateway)
{
	for (int i = 0; i < SYNC_JOB_COUNT; i++) {
		replace_string(&gateway->reported[i], NULL);
		replace_string(&gateway->reporting[i], NULL);
	}
}

void gateway_sync_on_devices(struct gateway *gateway)
{
	_cleanup_free_ char *devices = NULL;
	const char *reported = gateway->reported[SYNC_DEVICES];

	if (!device_list_is_known(gateway->devices))
		return;
	devices = device_list_print(gateway->devices, false);
	if (!reported || strcmp(reported, devices) != 0)
		sync_want(gateway->sync, SYNC_DEVICES);
}

/* Half a second: a tunnel that flaps shall not flood the API. */
void gateway_sync_on_vpn(struct gateway *gateway)
{
	const char *state = vpn_peer_state(gateway->vpn);
	const char *reported = gateway->reported[SYNC_STATUS];

	if (strcmp(state ? state : "", reported ? reported : "") != 0)
		sync_want_after(gateway->sync, SYNC_STATUS, 500 * USEC_PER_MSEC);
}

/* --- the rest --- */

static void on_authorized(void *owner)
{
	struct gateway *gateway = owner;

	registration_on_authorized(gateway->registration);
}

static void on_unauthorized(void *owner)
{
	struct gateway *gateway = owner;

	registration_on_unauthorized(gateway->registration);
}

static void on_revoked(void *owner)
{
	struct gateway *gateway = owner;

	registration_on_revoked(gateway->registration);
}

static void on_identify(void *owner)
{
	log_info("the API asks this gateway to identify itself");
}

static void on_problem(enum sync_job job, const char *problem, void *owner)
{
	gateway_set_problem(owner, (enum problem_source)(PROBLEM_SYNC + job), problem);
}

const struct sync_handlers gateway_sync_handlers = {
	.on_document = on_document,
	.on_token = on_token,
	.make_report = make_report,
	.on_reported = on_reported,
	.on_authorized = on_authorized,
	.on_unauthorized = on_unauthorized,
	.on_revoked = on_revoked,
	.on_identify = on_identify,
	.on_problem = on_problem,
};
