/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes and unmakes gateways' accounts, step by step: database row first, then SoftEther's user,
 * dnsmasq's files, SoftEther's configuration on disk (a new account does not wait for that one), and
 * last the row's state. Every step can be repeated, so that a crash, or a vpnserver that is away, at
 * any point only means that the rest is done later (reconcile.h).
 *
 * Jobs for one gateway run one after the other, jobs for different gateways side by side.
 */
#pragma once

#include "vpn-service/account_store.h"
#include "vpn-service/host_files.h"
#include "vpn-service/softether_rpc.h"

#define PROVISION_GROUP "gateways" /* SoftEther group whose policy isolates gateways */

struct provision;
struct provision_job;

struct provision_settings { /* all borrowed */
	struct account_store *store;
	struct host_files *host_files;
	struct softether *softether;
	struct pool pool;
	const char *hub;
	struct certificate_issuer issuer; /* the hub's authority */
	unsigned certificate_days;
	int64_t address_rest_seconds; /* between removal and the next owner */
};

/* The result of a job. account is borrowed for the call, NULL after a removal or failure. */
struct provision_result {
	/*
	 * 0; -EINVAL: the request is no good; -ENOSPC: no address left; -ENETUNREACH: SoftEther
	 * does not answer, the job is finished as soon as it does; anything else: -errno.
	 */
	int error;
	const char *text; /* a sentence, when error is not 0 */
	const struct account *account;
};

/* The last callback of a job. Never runs inside the call that started it. */
typedef void provision_done_fn(const struct provision_result *result, void *owner);

/* What the owner of provision must know: may be called from inside any function here. */
struct provision_listener {
	void (*on_accounts_changed)(void *owner);
	void (*on_lease_removed)(void *owner); /* dnsmasq must read its DHCP records again */
	void (*on_softether_lost)(void *owner, int error, const char *text);
};

int provision_new(struct provision **ret_provision, struct loop *loop,
		  const struct provision_settings *settings,
		  const struct provision_listener *listener, void *owner);
/* Drops all jobs without a call. */
struct provision *provision_free(struct provision *provision);
DEFINE_CLEANUP(struct provision *, provision_free);

/* Makes the account, finds it again (same key), or gives it a new certificate (other key). */
struct provision_job *provision_create(struct provision *provision, uint32_t gateway_id,
				       const char *csr, provision_done_fn *on_done, void *owner);
/*
 * Finishes an account as its row says, after a crash or when SoftEther has lost it: makes it, goes
 * on removing it, and removes it when there is no row.
 */
struct provision_job *provision_repair(struct provision *provision, uint32_t gateway_id,
				       provision_done_fn *on_done, void *owner);
/* Cuts the gateway off and removes everything, also when it is not in the database. */
struct provision_job *provision_remove(struct provision *provision, uint32_t gateway_id,
				       provision_done_fn *on_done, void *owner);

/* The owner loses interest: on_done is not called, the work goes on. NULL-safe. */
struct provision_job *provision_abandon(struct provision_job *job);
