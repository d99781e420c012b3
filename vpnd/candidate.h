/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One server with one of the pinned certificates: SoftEther's account has room for exactly that,
 * the settings may hold several of each. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "vpnd/settings.h"
#include "vpnd/vpncmd.h"

struct candidate {
	bool found; /* false: none, the rest is void */
	size_t server;
	size_t pin;
};

/* The account as it shall be for this candidate. */
void candidate_describe(struct candidate candidate, const struct settings *settings,
			const char *nic, unsigned tcp_connections,
			struct vpncmd_account *ret_account);

/* Which candidate an account that was read back is; not found: none of them. */
struct candidate candidate_match(const struct vpncmd_account *account,
				 const struct settings *settings, const char *nic,
				 unsigned tcp_connections);

bool candidate_equal(struct candidate a, struct candidate b);
