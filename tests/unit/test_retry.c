/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Delays: they grow, they keep their bounds, and they never fall below what the API asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gatewayd/retry.h"

#define LONGEST (300 * USEC_PER_SEC)

static const uint64_t randoms[] = { 0, 1, 12345678901234567u, UINT64_MAX / 2, UINT64_MAX };

static void grows_within_bounds(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(randoms); i++) {
		struct backoff backoff = BACKOFF_INIT(RETRY_FIRST, LONGEST);
		usec_t bound = RETRY_FIRST, delay;

		for (int try = 0; try < 20; try++) {
			delay = retry_delay(&backoff, API_UNREACHABLE, 0, randoms[i]);
			assert_true(delay >= bound / 2 && delay <= bound);
			bound = bound * 2 > LONGEST ? LONGEST : bound * 2;
		}
	}
}

static void slow_from_the_first_time(void **state)
{
	static const enum api_outcome hopeless[] = { API_WRONG, API_REFUSED, API_NOT_FOUND };

	for (size_t i = 0; i < ARRAY_SIZE(randoms); i++)
		for (size_t j = 0; j < ARRAY_SIZE(hopeless); j++) {
			struct backoff backoff = BACKOFF_INIT(RETRY_FIRST, LONGEST);
			usec_t delay = retry_delay(&backoff, hopeless[j], 0, randoms[i]);

			assert_true(delay >= 30 * USEC_PER_SEC && delay <= 60 * USEC_PER_SEC);
		}
}

static void retry_after_is_honoured(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(randoms); i++) {
		struct backoff backoff = BACKOFF_INIT(RETRY_FIRST, LONGEST);
		usec_t delay = retry_delay(&backoff, API_LATER, 100 * USEC_PER_SEC, randoms[i]);

		assert_true(delay >= 100 * USEC_PER_SEC && delay <= 125 * USEC_PER_SEC);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_within_bounds),
		cmocka_unit_test(slow_from_the_first_time),
		cmocka_unit_test(retry_after_is_honoured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
