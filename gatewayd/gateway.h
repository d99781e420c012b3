/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The root object: what this gateway is, what its API wants of it, and what the other daemons are
 * told. Everything else of gatewayd hangs below it. gateway.c builds it and does what the bus asks,
 * gateway_state.c keeps what is in force (memory and disk) and plans, gateway_sync.c answers to
 * sync.
 */
#pragma once

#include "common/bus_object.h"
#include "common/config.h"
#include "common/daemon.h"
#include "gatewayd/api_client.h"
#include "gatewayd/desired_state.h"
#include "gatewayd/device_list.h"
#include "gatewayd/identity.h"
#include "gatewayd/problems.h"
#include "gatewayd/registration.h"
#include "gatewayd/routing_peer.h"
#include "gatewayd/state_dir.h"
#include "gatewayd/sync.h"
#include "gatewayd/vpn_peer.h"

#define GATEWAY_BUS_NAME "io.evercam.Gateway1"
#define GATEWAY_PATH     "/io/evercam/Gateway1"

struct gateway_settings {
	char *api;
	char *ca;
	char *proxy;
	char *state_directory;
	char *vpn_interface;
	usec_t retry_longest;
};
extern const struct config_option gateway_options[];
config_check_fn gateway_settings_check;
config_check_fn gateway_files_check;

struct gateway {
	const struct gateway_settings *settings;
	struct loop *loop;
	struct bus *bus;
	struct bus_object *object; /* NULL before export */

	struct state_dir *directory;
	struct identity *identity;
	struct api_client *client;
	struct registration *registration;
	struct sync *sync;
	struct routing_peer *routing;
	struct vpn_peer *vpn;
	struct device_list *devices;

	/* What is in force; each also on disk. */
	struct api_token token;              /* token NULL: none */
	struct configuration *configuration; /* or NULL */
	struct rule_list *rules;             /* or NULL */
	uint64_t rules_revision;
	struct address_table addresses;
	char *addresses_saved;

	bool wants_certificate; /* for the key we have */
	bool api_answers;       /* as last logged */

	struct plan plan;         /* made from the above; borrows from rules */
	struct loop_defer replan; /* makes it, at most once per turn of the loop */
	struct loop_timer expiry; /* of the next rule that expires */

	struct loop_timer devices_settle;
	char *reported[SYNC_JOB_COUNT]; /* what the API was told last */
	char *reporting[SYNC_JOB_COUNT];
	struct problems problems;
};

int gateway_new(struct gateway **ret_gateway, struct daemon *daemon);
struct gateway *gateway_free(struct gateway *gateway);
DEFINE_CLEANUP(struct gateway *, gateway_free);
/* After the export: begins to act. */
void gateway_start(struct gateway *gateway);

/* --- the bus methods --- */

int gateway_sync_now(struct gateway *gateway);   /* -EAGAIN: not approved yet */
int gateway_reset(struct gateway *gateway);      /* blocks while the key is made */
int gateway_rotate_key(struct gateway *gateway); /* -EAGAIN; blocks likewise */

/* --- gateway_bus.c --- */

int gateway_bus_export(struct gateway *gateway);
/* Something that properties show has changed: marks them. */
void gateway_bus_state_changed(struct gateway *gateway);
void gateway_bus_contact_changed(struct gateway *gateway);
void gateway_bus_rules_changed(struct gateway *gateway);
void gateway_bus_problems_changed(struct gateway *gateway);

/* --- gateway_state.c --- */

/* Loads what is on disk; what cannot be understood is left out, with a warning. */
void gateway_state_load(struct gateway *gateway);
/* Removes token, configuration, rules and addresses, here and at the other daemons. */
void gateway_state_forget(struct gateway *gateway);
/* Tells vpnd and routed what is in force now. */
void gateway_state_apply(struct gateway *gateway);

int gateway_take_configuration(struct gateway *gateway, const struct api_answer *answer,
			       struct api_problem *problem);
int gateway_take_rules(struct gateway *gateway, const struct api_answer *answer,
		       struct api_problem *problem);
void gateway_take_token(struct gateway *gateway, struct api_token *token); /* takes its content */

void gateway_replan_soon(struct gateway *gateway);
void gateway_replan(struct gateway *gateway);
/* What a rule's forward is in, and why it is not active (or NULL). */
enum rule_state gateway_rule_state(const struct gateway *gateway, size_t index,
				   const char **ret_error);
void gateway_set_problem(struct gateway *gateway, enum problem_source source, const char *text);

/* --- gateway_sync.c --- */

extern const struct sync_handlers gateway_sync_handlers;
void gateway_sync_forget(struct gateway *gateway); /* what the API was told */
/* Asks for a certificate of the newest key: once, however often it is wanted. */
void gateway_want_certificate(struct gateway *gateway);
void gateway_sync_on_devices(struct gateway *gateway);
void gateway_sync_on_vpn(struct gateway *gateway);
