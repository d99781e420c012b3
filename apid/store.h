/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the API keeps: gateways, tokens, devices, rules, people, and the work owed to vpn-service.
 * Calls are synchronous and short. Every call is durable when it returns, or part of the
 * transaction opened around it.
 *
 * Failures: -ENOENT no such record, -EEXIST it is there already, -EBUSY, -ENOSPC, -EIO the storage.
 * Times are seconds since 1970. Secrets and tokens come and stay as SHA-256 in hexadecimal.
 */
#pragma once

#include <stdbool.h>

#include "apid/gateway_json.h"
#include "apid/routes.h"
#include "apid/rules.h"
#include "common/crypto.h"

struct store;
int store_open(struct store **ret_store, const char *path, char **ret_error);
struct store *store_close(struct store *store);
DEFINE_CLEANUP(struct store *, store_close);

/* A transaction; rolled back by store_abandon() unless committed. Not nested. */
int store_begin(struct store *store);
int store_commit(struct store *store);
void store_abandon(struct store *store); /* nothing when none is open */

/* --- gateways --- */

enum gateway_state { GATEWAY_PENDING, GATEWAY_APPROVED, GATEWAY_REVOKED, GATEWAY_STATE_COUNT };
extern const char *const gateway_state_names[GATEWAY_STATE_COUNT];

/* What can change for a gateway; named in the answer to its long-poll. */
enum change { CHANGE_RULES, CHANGE_CONFIGURATION, CHANGE_VPN, CHANGE_IDENTIFY, CHANGE_COUNT };
extern const char *const change_names[CHANGE_COUNT];

struct gateway_record {
	uint64_t id;
	enum gateway_state state;
	char mac_address[MAC_TEXT_SIZE];
	char claim_code[CLAIM_CODE_SIZE];
	uint64_t organisation_id; /* 0 while pending */
	bool mac_is_shared;       /* another gateway announces the same MAC */
	char *name, *hostname, *sw_version;
	char *interfaces;      /* JSON */
	char *csr;             /* PEM */
	char *configuration;   /* vpn-service's answer as JSON; NULL: not provisioned yet */
	char *status;          /* the gateway's last report, JSON or NULL */
	char *provision_error; /* why it is not provisioned yet, or NULL */
	int64_t announced_at, approved_at, seen_at; /* 0: never */
	uint64_t revision;                          /* the newest of these: */
	uint64_t change_revision[CHANGE_COUNT];
};
void gateway_record_clear(struct gateway_record *record);
#define _cleanup_gateway_ _cleanup_(gateway_record_clear)

/* Makes the pair's record, or brings it up to date. A revoked one is left as it is. from: the key
 * of the address it comes from. */
int store_gateway_announce(struct store *store, const struct announcement *announcement,
			   const char *from, int64_t now, uint64_t *ret_id, bool *ret_created);
int store_gateway_get(struct store *store, uint64_t id, struct gateway_record *ret_record);
int store_gateway_find(struct store *store, const char *mac, const char *secret_hash,
		       struct gateway_record *ret_record);
/* Not revoked, by claim code; at most max ids. Returns their number. */
int store_gateway_claimable(struct store *store, const char *claim_code, uint64_t *ret_ids,
			    size_t max);
int store_gateway_approve(struct store *store, uint64_t id, uint64_t organisation_id,
			  const char *name, int64_t now);
/* Also forgets its configuration, devices and rules. */
int store_gateway_revoke(struct store *store, uint64_t id, int64_t now);
typedef void store_gateway_fn(const struct gateway_record *record, void *owner);
int store_gateway_list(struct store *store, uint64_t organisation_id, store_gateway_fn *on_gateway,
		       void *owner);
int store_gateway_pending_count(struct store *store, uint64_t *ret_count);
/*
 * Makes room for one more pending gateway from an address: where there are max_from of it, its
 * oldest goes; where there are max in all, the oldest of the address that has most.
 */
int store_gateway_make_room(struct store *store, const char *from, uint64_t max_from, uint64_t max);
/* Forgets pending ones that have not announced since. */
int store_gateway_forget_pending(struct store *store, int64_t since);
/* A new revision for what changed: bits of enum change. */
int store_gateway_changed(struct store *store, uint64_t id, unsigned changes);
int store_gateway_set_csr(struct store *store, uint64_t id, const char *csr);
int store_gateway_set_configuration(struct store *store, uint64_t id, const char *json);
int store_gateway_set_provision_error(struct store *store, uint64_t id, const char *error);
int store_gateway_set_status(struct store *store, uint64_t id, const char *json, int64_t now);

/* --- tokens of gateways --- */

int store_token_add(struct store *store, uint64_t gateway_id, const char *hash, int64_t now,
		    int64_t expires_at);
/* The token's gateway; its first use ends the older ones. -ENOENT: unknown, replaced, expired. */
int store_token_use(struct store *store, const char *hash, int64_t now, uint64_t *ret_gateway_id);

/* --- devices and rules --- */

int store_devices_replace(struct store *store, uint64_t gateway_id, const struct device_list *list);
int store_devices_list(struct store *store, uint64_t gateway_id, cJSON *array);
int store_rules_load(struct store *store, uint64_t gateway_id, struct rule_list *ret_list);
int store_rule_save(struct store *store, uint64_t gateway_id, struct rule *rule); /* sets its id */
/* Forgets rules of people that expired before. Gateways have dropped them by themselves. */
int store_rules_expire(struct store *store, uint64_t gateway_id, int64_t before);
int store_rule_delete(struct store *store, uint64_t gateway_id, uint64_t rule_id);
int store_rule_set_state(struct store *store, uint64_t gateway_id, uint64_t rule_id,
			 enum rule_state state, const char *error);

/* --- work owed to vpn-service --- */

enum provision_action { PROVISION_CREATE, PROVISION_DELETE };
struct provision_job {
	uint64_t gateway_id;
	uint64_t generation; /* tells a newer order for the same gateway */
	enum provision_action action;
	char *csr; /* for PROVISION_CREATE */
	int64_t not_before;
};
void provision_job_clear(struct provision_job *job);
/* Replaces an older order for the same gateway. */
int store_provision_order(struct store *store, uint64_t gateway_id, enum provision_action action);
/* The one that is due first. -ENOENT: none. */
int store_provision_next(struct store *store, struct provision_job *ret_job);
/* -ENOENT: a newer order has replaced this one. */
int store_provision_done(struct store *store, const struct provision_job *job);
int store_provision_postpone(struct store *store, const struct provision_job *job,
			     int64_t not_before);

/* --- people --- */

#define PASSWORD_RECORD_SIZE 160
#define MAX_USER_NAME        64

struct user {
	uint64_t id, organisation_id;
	enum user_role role;
	char name[MAX_USER_NAME + 1];
	char password[PASSWORD_RECORD_SIZE];
};
/* Makes the organisation when there is none of the name. Replaces password and role. */
int store_user_put(struct store *store, const struct user *user, const char *organisation);
int store_user_find(struct store *store, const char *name, struct user *ret_user);
int store_session_add(struct store *store, const char *hash, uint64_t user_id, int64_t now,
		      int64_t expires_at);
int store_session_use(struct store *store, const char *hash, int64_t now, struct user *ret_user);
int store_session_delete(struct store *store, const char *hash);
