/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first step of provisioning: from a certificate request to a row in the database, with
 * address, MAC and certificate. Everything later works from that row.
 */
#pragma once

#include "vpn-service/account_store.h"

struct enrolment_settings { /* all borrowed */
	struct account_store *store;
	const struct pool *pool;
	const struct certificate_issuer *issuer;
	unsigned certificate_days;
};

/*
 * *account is the gateway's account, or NULL when it has none and then made. Afterwards it is
 * ACCOUNT_PROVISIONED when nothing had to change, else recorded as ACCOUNT_CREATING. On failure
 * points *ret_problem at a constant sentence: -EINVAL: the request is no good; -ENOSPC: no address
 * left; else the database or the authority.
 */
int enrolment_record(const struct enrolment_settings *settings, struct account **account,
		     uint32_t gateway_id, const char *csr, const char **ret_problem);
