/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is in force: token, configuration, rules, the devices' addresses. A document is checked,
 * written to disk, then put in force, in this order; so a crash at any point finds the old one or
 * the new one, whole. From them, and whenever one of them changes, the plan is made again and given
 * to routed.
 */
#include "gatewayd/gateway.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/memory.h"

#define LONGEST_EXPIRY (3600 * USEC_PER_SEC) /* the wall clock may step meanwhile */

void gateway_set_problem(struct gateway *gateway, enum problem_source source, const char *text)
{
	if (problems_set(&gateway->problems, source, text))
		gateway_bus_problems_changed(gateway);
}

static bool check_storage(struct gateway *gateway, int result)
{
	_cleanup_free_ char *problem = NULL;

	if (result < 0) {
		log_error_errno(result, "cannot write to %s: %m",
				gateway->settings->state_directory);
		problem = xasprintf("cannot write to %s (%s): a restart would lose what is new",
				    gateway->settings->state_directory, strerror(-result));
	}
	gateway_set_problem(gateway, PROBLEM_STORAGE, problem);
	return result >= 0;
}

/* --- at start --- */

static void load_token(struct gateway *gateway)
{
	_cleanup_secret_ char *text = NULL;
	struct api_problem problem;
	size_t size;
	int r;

	r = state_dir_read(gateway->directory, STATE_TOKEN, &text, &size);
	if (r == 0 && api_token_parse(&gateway->token, text, size, &problem) < 0)
		log_warning("stored token: %s", problem.text);
	else if (r < 0 && r != -ENOENT)
		log_warning_errno(r, "cannot read the stored token: %m");
}

static char *load_document(struct gateway *gateway, enum state_entry entry, enum sync_job job,
			   char **ret_etag)
{
	char *text = NULL;
	int r;

	r = state_dir_read_document(gateway->directory, entry, ret_etag, &text);
	if (r < 0 && r != -ENOENT)
		log_warning_errno(r, "cannot read the stored document: %m");
	if (r == 0)
		sync_set_etag(gateway->sync, job, *ret_etag);
	return text;
}

static void load_configuration(struct gateway *gateway)
{
	_cleanup_free_ char *etag = NULL, *text = NULL;
	struct api_problem problem;

	text = load_document(gateway, STATE_CONFIGURATION, SYNC_CONFIGURATION, &etag);
	if (text &&
	    configuration_parse(&gateway->configuration, text, strlen(text), &problem) < 0) {
		log_warning("stored configuration: %s", problem.text);
		sync_set_etag(gateway->sync, SYNC_CONFIGURATION, NULL);
	}
}

static void load_rules(struct gateway *gateway)
{
	_cleanup_free_ char *etag = NULL, *text = NULL;
	struct api_problem problem;

	text = load_document(gateway, STATE_RULES, SYNC_RULES, &etag);
	if (text && rule_list_parse(&gateway->rules, text, strlen(text), &problem) < 0) {
		log_warning("stored rules: %s", problem.text);
		sync_set_etag(gateway->sync, SYNC_RULES, NULL);
	}
	gateway->rules_revision = etag_revision(etag);
}

/* Only now: a power cut before this leaves the old configuration with the old key, or the new one
 * with the new key beside. */
static void settle_key(struct gateway *gateway)
{
	int r = identity_settle(gateway->identity, gateway->configuration->vpn_certificate);

	/* Without the key, vpnd's question for it leads to a new certificate. */
	if (r < 0 && r != -EKEYREJECTED)
		log_warning_errno(r, "cannot make the certificate's key the current one: %m");
}

static void load_addresses(struct gateway *gateway)
{
	size_t size;
	int r;

	r = state_dir_read(gateway->directory, STATE_ADDRESSES, &gateway->addresses_saved, &size);
	if (r == 0)
		r = address_table_parse(&gateway->addresses, gateway->addresses_saved, size);
	if (r < 0 && r != -ENOENT)
		log_warning_errno(r, "cannot read the stored addresses: %m");
}

void gateway_state_load(struct gateway *gateway)
{
	load_token(gateway);
	load_configuration(gateway);
	if (gateway->configuration)
		settle_key(gateway);
	load_rules(gateway);
	load_addresses(gateway);
}

/* --- new ones --- */

void gateway_take_token(struct gateway *gateway, struct api_token *token)
{
	_cleanup_secret_ char *text = NULL;

	token->obtained_at = (int64_t)time(NULL);
	text = api_token_print(token);
	check_storage(gateway,
		      state_dir_write(gateway->directory, STATE_TOKEN, text, strlen(text)));
	api_token_clear(&gateway->token);
	gateway->token = *token;
	*token = (struct api_token){ 0 };
	gateway_bus_state_changed(gateway);
}

/* The account must be ours in both respects: its number and its key. */
static int check_configuration(struct gateway *gateway, const struct configuration *configuration,
			       struct api_problem *problem)
{
	_cleanup_close_ int key = -1;

	if (configuration->gateway_id != gateway->token.gateway_id)
		return api_refuse(problem, "gateway_id is that of another gateway");
	key = identity_key_for(gateway->identity, configuration->vpn_certificate);
	if (key >= 0)
		return 0;
	if (key != -EKEYREJECTED)
		return api_refuse(problem, "vpn_certificate cannot be read");
	/* Ours is the one to go by: the other may have been lost with a damaged disk. */
	gateway_want_certificate(gateway);
	return api_refuse(problem, "vpn_certificate is for another key; a new one is asked for");
}

int gateway_take_configuration(struct gateway *gateway, const struct api_answer *answer,
			       struct api_problem *problem)
{
	_cleanup_(configuration_freep) struct configuration *configuration = NULL;
	struct configuration *old = gateway->configuration;
	char revision[32];
	bool stored;
	int r;

	r = configuration_parse(&configuration, answer->body, answer->body_size, problem);
	if (r < 0)
		return r;
	r = check_configuration(gateway, configuration, problem);
	if (r < 0)
		return r;
	stored = check_storage(gateway, state_dir_write_document(gateway->directory,
								 STATE_CONFIGURATION, answer->etag,
								 answer->body, answer->body_size));
	gateway->wants_certificate = false;
	snprintf(revision, sizeof(revision), "REVISION=%llu",
		 (unsigned long long)configuration->revision);
	log_event(LOG_INFO, LOG_FIELDS("EVENT=configuration", revision),
		  "configuration, revision %llu", (unsigned long long)configuration->revision);
	gateway->configuration = steal_ptr(configuration);
	if (stored)
		settle_key(gateway);
	vpn_peer_configure(gateway->vpn, gateway->configuration);
	configuration_free(old);
	gateway_replan_soon(gateway);
	gateway_bus_state_changed(gateway);
	registration_on_configured(gateway->registration);
	return 0;
}

int gateway_take_rules(struct gateway *gateway, const struct api_answer *answer,
		       struct api_problem *problem)
{
	struct rule_list *rules;
	char revision[32];
	int r;

	r = rule_list_parse(&rules, answer->body, answer->body_size, problem);
	if (r < 0)
		return r;
	check_storage(gateway,
		      state_dir_write_document(gateway->directory, STATE_RULES, answer->etag,
					       answer->body, answer->body_size));
	snprintf(revision, sizeof(revision), "REVISION=%llu",
		 (unsigned long long)etag_revision(answer->etag));
	log_event(LOG_INFO, LOG_FIELDS("EVENT=rules", revision), "%zu rules, revision %llu",
		  rules->count, (unsigned long long)etag_revision(answer->etag));
	plan_clear(&gateway->plan);
	rule_list_free(gateway->rules);
	gateway->rules = rules;
	gateway->rules_revision = etag_revision(answer->etag);
	gateway_replan(gateway);
	return 0;
}

/* --- what follows from them --- */

void gateway_replan_soon(struct gateway *gateway)
{
	loop_defer_schedule(&gateway->replan);
}

static void save_addresses(struct gateway *gateway)
{
	_cleanup_free_ char *text = address_table_print(&gateway->addresses, gateway->rules);

	if (gateway->addresses_saved && strcmp(text, gateway->addresses_saved) == 0)
		return;
	check_storage(gateway,
		      state_dir_write(gateway->directory, STATE_ADDRESSES, text, strlen(text)));
	free(gateway->addresses_saved);
	gateway->addresses_saved = steal_ptr(text);
}

static void arm_expiry(struct gateway *gateway, int64_t now)
{
	usec_t delay = LONGEST_EXPIRY;

	loop_timer_cancel(&gateway->expiry);
	if (gateway->plan.next_expiry == 0)
		return;
	if ((usec_t)(gateway->plan.next_expiry - now) < LONGEST_EXPIRY / USEC_PER_SEC)
		delay = (usec_t)(gateway->plan.next_expiry - now) * USEC_PER_SEC;
	loop_timer_arm(&gateway->expiry, delay);
}

void gateway_replan(struct gateway *gateway)
{
	const char *interface = vpn_peer_interface(gateway->vpn);
	int64_t now = (int64_t)time(NULL);
	struct forward_list forwards;

	plan_clear(&gateway->plan);
	plan_make(&gateway->plan, gateway->rules, gateway->configuration, &gateway->addresses, now);
	forward_list_make(&forwards, &gateway->plan);
	routing_peer_set(gateway->routing, &forwards,
			 interface ? interface : gateway->settings->vpn_interface);
	arm_expiry(gateway, now);
	gateway_bus_rules_changed(gateway);
	sync_want_after(gateway->sync, SYNC_RULE_STATUS, 200 * USEC_PER_MSEC);
	if (gateway->rules)
		save_addresses(gateway);
}

void gateway_state_apply(struct gateway *gateway)
{
	if (gateway->configuration)
		vpn_peer_configure(gateway->vpn, gateway->configuration);
	else if (!gateway->token.token)
		vpn_peer_forget(gateway->vpn);
	/* No rules with a token: they were damaged; what routed has stays until the API tells. */
	if (gateway->rules || !gateway->token.token)
		gateway_replan(gateway);
}

enum rule_state gateway_rule_state(const struct gateway *gateway, size_t index,
				   const char **ret_error)
{
	const struct planned_rule *rule = &gateway->plan.rules[index];
	const char *problem;

	*ret_error = rule->error;
	if (rule->state != RULE_ACTIVE || routing_peer_holds(gateway->routing, rule->rule->rule_id))
		return rule->state;
	problem = routing_peer_problem(gateway->routing);
	*ret_error = problem ? problem : "routed has not taken it yet";
	return RULE_WAITING;
}

void gateway_state_forget(struct gateway *gateway)
{
	static const enum state_entry entries[] = { STATE_TOKEN, STATE_CONFIGURATION, STATE_RULES,
						    STATE_ADDRESSES };
	int r = 0, error;

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		error = state_dir_remove(gateway->directory, entries[i]);
		if (error < 0)
			r = error;
	}
	check_storage(gateway, r);
	api_token_clear(&gateway->token);
	sync_set_etag(gateway->sync, SYNC_CONFIGURATION, NULL);
	sync_set_etag(gateway->sync, SYNC_RULES, NULL);
	gateway_sync_forget(gateway);
	vpn_peer_forget(gateway->vpn);
	gateway->configuration = configuration_free(gateway->configuration);
	plan_clear(&gateway->plan);
	gateway->rules = rule_list_free(gateway->rules);
	gateway->rules_revision = 0;
	replace_string(&gateway->addresses_saved, NULL);
	gateway_replan(gateway);
	gateway_bus_state_changed(gateway);
}
