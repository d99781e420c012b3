/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Approval: the owner of a pending gateway proves it by its claim code. */
#pragma once

#include "apid/store.h"

enum claim_result {
	CLAIM_APPROVED,
	CLAIM_ALREADY,   /* it is this organisation's already; nothing changed */
	CLAIM_UNKNOWN,   /* no such code, or somebody else's */
	CLAIM_AMBIGUOUS, /* two gateways answer to the code: somebody imitates one of them */
};
struct claim {
	const char *code; /* canonical */
	const char *name; /* or NULL */
	uint64_t organisation_id;
	int64_t time;
};
/* Approves and orders the VPN account. Returns an enum claim_result, or -errno of the store. */
int claim_gateway(struct store *store, const struct claim *claim, uint64_t *ret_gateway_id);
