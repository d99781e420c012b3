/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Retry delays: exponential with full jitter, so that a fleet does not come back in one wave. Pure.
 */
#pragma once

#include "common/macros.h"

struct backoff {
	usec_t first;   /* upper bound of the first delay */
	usec_t longest; /* upper bound of any delay */
	unsigned failures;
};

#define BACKOFF_INIT(first_delay, longest_delay)                   \
	{                                                          \
		.first = (first_delay), .longest = (longest_delay) \
	}

/*
 * Counts a failure and returns the delay before the next try: uniform in [bound/2, bound] where
 * bound doubles from first to longest; random is any 64-bit random number. Never 0.
 */
usec_t backoff_next(struct backoff *backoff, uint64_t random);
void backoff_reset(struct backoff *backoff);
