/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A code is 40 bits of a hash: guessing one is hopeless at the allowed rate, but who has seen a
 * code could search for a secret with the same one and announce it. Then neither is approved by it.
 */
#include "apid/claims.h"

#include <errno.h>

static int claim_approve(struct store *store, const struct claim *claim, uint64_t gateway_id)
{
	int r = store_begin(store);

	if (r == 0)
		r = store_gateway_approve(store, gateway_id, claim->organisation_id, claim->name,
					  claim->time);
	if (r == 0)
		r = store_provision_order(store, gateway_id, PROVISION_CREATE);
	if (r == 0)
		r = store_gateway_changed(store, gateway_id, BIT(CHANGE_RULES));
	if (r == 0)
		r = store_commit(store);
	if (r < 0)
		store_abandon(store);
	return r;
}

int claim_gateway(struct store *store, const struct claim *claim, uint64_t *ret_gateway_id)
{
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };
	uint64_t ids[2];
	int r = store_gateway_claimable(store, claim->code, ids, ARRAY_SIZE(ids));

	if (r < 0)
		return r;
	if (r == 0)
		return CLAIM_UNKNOWN;
	if (r > 1)
		return CLAIM_AMBIGUOUS;
	r = store_gateway_get(store, ids[0], &record);
	if (r < 0)
		return r;
	*ret_gateway_id = ids[0];
	if (record.state == GATEWAY_APPROVED)
		return record.organisation_id == claim->organisation_id ? CLAIM_ALREADY
									: CLAIM_UNKNOWN;
	r = claim_approve(store, claim, ids[0]);
	return r < 0 ? r : CLAIM_APPROVED;
}
