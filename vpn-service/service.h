/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The root object of vpn-service: owns the database, the connection to SoftEther, the VPN segment's
 * interface and the API's TLS server, and offers what TLS sessions and the bus both need.
 */
#pragma once

#include "common/bus.h"
#include "vpn-service/protocol.h"
#include "vpn-service/provision.h"
#include "vpn-service/settings.h"
#include "vpn-service/status.h"
#include "vpn-service/vpn_sessions.h"

struct service;

/* Settings are borrowed. Failures are logged. */
int service_new(struct service **ret_service, struct loop *loop, struct bus *bus,
		const struct service_settings *settings);
struct service *service_free(struct service *service);
DEFINE_CLEANUP(struct service *, service_free);

bool service_token_is_right(const struct service *service, const char *token);

/* See provision.h, status.h, vpn_sessions.h. */
struct provision_job *service_create(struct service *service, uint32_t gateway_id, const char *csr,
				     provision_done_fn *on_done, void *owner);
struct provision_job *service_remove(struct service *service, uint32_t gateway_id,
				     provision_done_fn *on_done, void *owner);
struct status_query *service_status(struct service *service, uint32_t after,
				    status_done_fn *on_done, void *owner);
/* Of all gateways; answers within SERVICE_SESSIONS_PATIENCE, whatever SoftEther does. */
#define SERVICE_SESSIONS_PATIENCE (2 * USEC_PER_SEC)
struct vpn_sessions *service_sessions(struct service *service, vpn_sessions_fn *on_done,
				      void *owner);

/* An account with everything around it that a gateway must know, as text. */
struct service_account {
	char name[GATEWAY_NAME_SIZE];
	char mac[MAC_TEXT_SIZE];
	char address[NETADDR_TEXT_SIZE];
	char *local_hostname;
	struct protocol_account account; /* points into this struct, the account and the service */
};
void service_account_init(struct service_account *described, const struct service *service,
			  const struct account *account);
void service_account_deinit(struct service_account *described);
int service_for_each_account(struct service *service, account_fn *on_account, void *owner);

/* Reconciles now; when that is being done, once more afterwards. on_done may be NULL. */
typedef void service_reconciled_fn(int error, const char *text, void *owner);
void service_reconcile(struct service *service, service_reconciled_fn *on_done, void *owner);
/* on_done will not be called for this owner. */
void service_reconcile_forget(struct service *service, const void *owner);

uint32_t service_gateway_count(const struct service *service);
uint32_t service_pool_free(const struct service *service);
/* Gateways on the VPN, a few seconds ago; false: not known, SoftEther does not answer. */
bool service_connected(const struct service *service, unsigned *ret_connected);
int64_t service_last_reconcile(const struct service *service); /* seconds since 1970; 0: never */
const char *service_last_error(const struct service *service); /* "" when all is well */

enum service_change {
	SERVICE_CHANGE_ACCOUNTS, /* count, pool */
	SERVICE_CHANGE_CONNECTED,
	SERVICE_CHANGE_RECONCILED,
	SERVICE_CHANGE_ERROR,
};
typedef void service_changed_fn(enum service_change change, void *owner);
void service_on_changed(struct service *service, service_changed_fn *on_changed, void *owner);
