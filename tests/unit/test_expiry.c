/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/test.h"

#include "routed/expiry.h"

#define SECOND  ((int64_t)USEC_PER_SEC)
#define EXPIRES 2000000000 /* a day in 2033 */

static bool see(struct expiry_clock *clock, int64_t up, int64_t wall, bool synchronised)
{
	return expiry_clock_see(clock, (usec_t)(up * SECOND), wall * SECOND, synchronised);
}

static int64_t deadline(const struct expiry_clock *clock, int64_t expires)
{
	return (int64_t)expiry_clock_deadline(clock, expires) / SECOND;
}

static void test_plain(void **state)
{
	struct expiry_clock clock = { 0 };

	see(&clock, 100, EXPIRES - 60, false);
	assert_int_equal(deadline(&clock, EXPIRES), 160);
	assert_int_equal(deadline(&clock, EXPIRES - 200), 0); /* before the boot */
	assert_true(deadline(&clock, INT64_MAX) > EXPIRES);
	assert_int_equal(deadline(&clock, INT64_MIN / SECOND), 0);
}

static void test_set_by_hand(void **state)
{
	struct expiry_clock clock = { 0 };

	see(&clock, 100, EXPIRES - 60, false);
	see(&clock, 110, EXPIRES - 86400, false); /* back: does not prolong */
	assert_int_equal(deadline(&clock, EXPIRES), 160);
	see(&clock, 120, EXPIRES + 86400, false); /* ahead: does not end */
	assert_int_equal(deadline(&clock, EXPIRES), 160);
}

static void test_put_right(void **state)
{
	struct expiry_clock clock = { 0 };

	assert_false(see(&clock, 10, 0, false)); /* booted in 1970 */
	assert_int_equal(deadline(&clock, EXPIRES), EXPIRES + 10);
	assert_true(see(&clock, 20, EXPIRES - 60, true)); /* NTP has the time */
	assert_int_equal(deadline(&clock, EXPIRES), 80);
	assert_false(see(&clock, 21, EXPIRES - 58, true)); /* it drifts */
	assert_int_equal(deadline(&clock, EXPIRES), 79);
	assert_false(see(&clock, 21, EXPIRES - 59, true));
	assert_false(see(&clock, 30, 0, false)); /* and somebody spoils it */
	assert_int_equal(deadline(&clock, EXPIRES), 80);
}

static void test_restart(void **state)
{
	struct expiry_clock clock = { 0 }, bad = { 0 };

	expiry_clock_recall(&clock, EXPIRES, 160 * USEC_PER_SEC);
	see(&clock, 100, EXPIRES - 86400, false); /* set back meanwhile */
	assert_int_equal(deadline(&clock, EXPIRES), 160);
	assert_int_equal(deadline(&clock, EXPIRES + 5), 165);
	/* Nothing that somebody wrote into the table makes it overflow. */
	expiry_clock_recall(&bad, INT64_MAX, 1);
	expiry_clock_recall(&bad, 1, UINT64_MAX);
	expiry_clock_recall(&bad, -1, 1);
	assert_false(bad.known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_set_by_hand),
		cmocka_unit_test(test_put_right),
		cmocka_unit_test(test_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
