/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How often somebody may try: a token bucket per key (address, account) in a table of fixed size.
 * Pure. When the table is full the key that has recovered most is forgotten, so that a flood of new
 * keys cannot grow memory, and can free a recent offender only by outnumbering the table.
 */
#pragma once

#include <stdint.h>

#include "common/macros.h"

#define RATE_LIMIT_SETS 256
#define RATE_LIMIT_WAYS 8

struct rate_limit {
	unsigned burst; /* tries at once */
	usec_t period;  /* one more try each */
	uint64_t seed;  /* random: nobody can aim at a slot */
	struct rate_limit_entry {
		uint64_t key;
		usec_t free_at; /* when all tries will have come back; in the past: unused */
	} entries[RATE_LIMIT_SETS][RATE_LIMIT_WAYS];
};

void rate_limit_init(struct rate_limit *limit, unsigned burst, usec_t period, uint64_t seed);
/* 0: a try is left; otherwise the time until there is one. */
usec_t rate_limit_wait(const struct rate_limit *limit, const char *key, usec_t now);
void rate_limit_count(struct rate_limit *limit, const char *key, usec_t now);
/* The key of a client's address: IPv6 by its /64, which any host can fill with addresses. */
#define RATE_LIMIT_KEY_SIZE 64
const char *rate_limit_address_key(char buffer[static RATE_LIMIT_KEY_SIZE], const char *address);
void rate_limit_forgive(struct rate_limit *limit, const char *key);
