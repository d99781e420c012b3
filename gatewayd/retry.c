/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gatewayd/retry.h"

#define SLOW (60 * USEC_PER_SEC)

static bool soon_cannot_help(enum api_outcome outcome)
{
	return outcome != API_UNREACHABLE && outcome != API_LATER;
}

usec_t retry_delay(struct backoff *backoff, enum api_outcome outcome, usec_t retry_after,
		   uint64_t random)
{
	usec_t slow = SLOW < backoff->longest ? SLOW : backoff->longest;
	usec_t delay = backoff_next(backoff, random);

	if (soon_cannot_help(outcome) && delay < slow / 2)
		delay = slow / 2 + random % (slow / 2 + 1);
	/* A fleet that was told the same number shall not come back in the same second. */
	if (delay < retry_after)
		delay = retry_after + random % (retry_after / 4 + 1);
	return delay;
}
