/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "routed/expiry.h"

#include <stdlib.h>

#define DRIFT       (5 * (int64_t)USEC_PER_SEC)
#define MAX_SECONDS (INT64_MAX / 4 / (int64_t)USEC_PER_SEC)

bool expiry_clock_see(struct expiry_clock *clock, usec_t now, int64_t wall, bool synchronised)
{
	int64_t boot = wall - (int64_t)now;
	bool moved = clock->known && llabs(boot - clock->boot) > DRIFT;

	if (clock->known && !synchronised)
		return false;
	clock->boot = boot;
	clock->known = true;
	return moved;
}

void expiry_clock_recall(struct expiry_clock *clock, int64_t expires, usec_t deadline)
{
	if (expires <= 0 || expires > MAX_SECONDS || deadline > INT64_MAX / 4)
		return;
	clock->boot = expires * (int64_t)USEC_PER_SEC - (int64_t)deadline;
	clock->known = true;
}

usec_t expiry_clock_deadline(const struct expiry_clock *clock, int64_t expires)
{
	int64_t deadline;

	if (expires <= 0)
		return 0;
	if (expires > MAX_SECONDS)
		expires = MAX_SECONDS;
	deadline = expires * (int64_t)USEC_PER_SEC - clock->boot;
	return deadline > 0 ? (usec_t)deadline : 0;
}
