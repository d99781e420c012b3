/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When to ask the API again after a call that did not succeed. Pure. */
#pragma once

#include "common/backoff.h"
#include "gatewayd/api_client.h"

/*
 * Full jitter, 1 s doubling to the longest; at least Retry-After when it was given; and where
 * asking again soon cannot help (an answer we do not understand), slowly from the first time.
 * Never below half a second.
 */
usec_t retry_delay(struct backoff *backoff, enum api_outcome outcome, usec_t retry_after,
		   uint64_t random);

#define RETRY_FIRST USEC_PER_SEC
