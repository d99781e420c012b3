/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/backoff.h"

#include "common/crypto.h"
#include "tests/support/test.h"

static void test_bounds(void **state)
{
	struct backoff backoff = BACKOFF_INIT(1000, 10000);
	static const usec_t bounds[] = { 1000, 2000, 4000, 8000, 10000, 10000, 10000 };

	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
		struct backoff copy = backoff;

		assert_int_equal(backoff_next(&copy, 0), bounds[i] / 2);
		copy = backoff;
		assert_int_equal(backoff_next(&copy, bounds[i] / 2), bounds[i]);
		assert_int_equal(backoff_next(&backoff, bounds[i] / 2 + 1), bounds[i] / 2);
	}
	backoff_reset(&backoff);
	assert_int_equal(backoff_next(&backoff, 500), 1000);
}

static void test_never_zero_nor_beyond(void **state)
{
	static const struct backoff limits[] = {
		BACKOFF_INIT(0, 0),
		BACKOFF_INIT(1, 1),
		BACKOFF_INIT(1, 3),
		BACKOFF_INIT(5, 2),
		BACKOFF_INIT(USEC_PER_SEC, 300 * USEC_PER_SEC),
		BACKOFF_INIT(1, USEC_INFINITY),
		BACKOFF_INIT(USEC_INFINITY, USEC_INFINITY),
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct backoff backoff = limits[i];
		usec_t longest = backoff.longest ? backoff.longest : 1;

		for (unsigned tries = 0; tries < 200; tries++) {
			usec_t delay = backoff_next(&backoff, random_u64());

			assert_true(delay > 0 && delay <= longest);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_never_zero_nor_beyond),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
