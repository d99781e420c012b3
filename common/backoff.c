/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/backoff.h"

usec_t backoff_next(struct backoff *backoff, uint64_t random)
{
	usec_t bound = backoff->first, half;

	for (unsigned i = 0; i < backoff->failures && bound < backoff->longest; i++)
		bound = bound > backoff->longest / 2 ? backoff->longest : 2 * bound;
	if (bound > backoff->longest)
		bound = backoff->longest;
	if (bound == 0)
		bound = 1;
	if (backoff->failures < 64) /* by then every bound has reached the longest */
		backoff->failures++;
	half = bound / 2;
	/* [half, bound], but never 0. */
	return half ? half + random % (bound - half + 1) : bound;
}

void backoff_reset(struct backoff *backoff)
{
	backoff->failures = 0;
}
