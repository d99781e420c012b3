/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the API is told about the gateways: which accounts there are, and who is connected. */
#pragma once

#include "vpn-service/account_store.h"
#include "vpn-service/protocol.h"
#include "vpn-service/softether_rpc.h"

struct status_query;

struct status_result {
	int error;                            /* 0 or -errno: SoftEther or the database */
	const char *text;                     /* a sentence, when error is not 0 */
	const struct protocol_status *status; /* borrowed for the call */
};

/* The last callback of a query, which is gone afterwards. */
typedef void status_done_fn(const struct status_result *result, void *owner);

/* Up to PROTOCOL_STATUS_MAX gateways with numbers greater than after. Everything is borrowed. */
struct status_query *status_query_start(struct loop *loop, struct softether *softether,
					struct account_store *store, const char *hub,
					uint32_t after, status_done_fn *on_done, void *owner);
struct status_query *status_query_cancel(struct status_query *query); /* NULL-safe */
