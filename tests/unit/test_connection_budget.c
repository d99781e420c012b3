/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/connection_budget.h"

#include "tests/support/test.h"

#define START (1000 * USEC_PER_SEC)

/* Takes and gives back all that may be had in a time; returns how many. */
static unsigned count(struct connection_budget *budget, usec_t from, usec_t to,
		      enum connection_end end)
{
	unsigned taken = 0;

	for (usec_t now = from; now < to; now += USEC_PER_MSEC)
		while (connection_budget_take(budget, now)) {
			connection_budget_give_back(budget, end);
			taken++;
		}
	return taken;
}

static void not_too_many_at_a_time(void **state)
{
	struct connection_budget budget = { 0 };
	unsigned taken = 0;

	for (usec_t now = START; now < START + USEC_PER_SEC; now += USEC_PER_MSEC)
		taken += connection_budget_take(&budget, now);
	assert_int_equal(taken, CONNECTION_BUDGET_RUNNING);
	assert_true(connection_budget_wait(&budget, START + USEC_PER_SEC) > 0);
	connection_budget_give_back(&budget, CONNECTION_ANSWERED);
	assert_true(connection_budget_take(&budget, START + USEC_PER_SEC));
	assert_false(connection_budget_take(&budget, START + USEC_PER_SEC));
}

static void not_too_many_in_a_second(void **state)
{
	struct connection_budget budget = { 0 };
	unsigned first = count(&budget, START, START + USEC_PER_SEC, CONNECTION_ANSWERED), second;

	assert_true(first <= CONNECTION_BUDGET_SECOND);
	assert_true(first > CONNECTION_BUDGET_SECOND * 9 / 10);
	second = count(&budget, START + USEC_PER_SEC, START + 2 * USEC_PER_SEC,
		       CONNECTION_ANSWERED);
	assert_true(second <= CONNECTION_BUDGET_SECOND);
	assert_true(second > CONNECTION_BUDGET_SECOND * 8 / 10);
}

static void waiting_as_long_as_it_says_is_enough(void **state)
{
	struct connection_budget budget = { 0 };
	usec_t now = START, wait;

	for (unsigned i = 0; i < 1000; i++) {
		wait = connection_budget_wait(&budget, now);
		if (wait)
			assert_false(connection_budget_take(&budget, now));
		now += wait;
		assert_true(connection_budget_take(&budget, now));
		connection_budget_give_back(&budget, CONNECTION_ANSWERED);
	}
}

static void a_replaced_connection_counts(void **state)
{
	struct connection_budget budget = { 0 };
	unsigned taken = 0;

	assert_true(connection_budget_take(&budget, START));
	for (unsigned i = 0; i < CONNECTION_BUDGET_SECOND; i++)
		connection_budget_replace(&budget, START);
	assert_int_equal(budget.running, 1);
	taken = count(&budget, START, START + USEC_PER_SEC, CONNECTION_ANSWERED);
	assert_int_equal(taken, 0);
	assert_true(count(&budget, START + USEC_PER_SEC, START + 2 * USEC_PER_SEC,
			  CONNECTION_ANSWERED) > 0);
}

static void trouble_slows_down_and_its_end_speeds_up(void **state)
{
	struct connection_budget budget = { 0 };
	usec_t now = START;
	unsigned slow, fast;

	for (unsigned i = 0; i < 20; i++, now += USEC_PER_SEC)
		count(&budget, now, now + USEC_PER_SEC, CONNECTION_LOST);
	slow = count(&budget, now, now + USEC_PER_SEC, CONNECTION_LOST);
	assert_true(slow < CONNECTION_BUDGET_SECOND / 4);
	assert_true(slow > 0); /* never none at all */
	for (unsigned i = 0; i < 20; i++, now += USEC_PER_SEC)
		fast = count(&budget, now, now + USEC_PER_SEC, CONNECTION_ANSWERED);
	assert_true(fast > CONNECTION_BUDGET_SECOND * 8 / 10);
}

static void a_few_lost_ones_are_no_trouble(void **state)
{
	struct connection_budget budget = { 0 };

	for (unsigned i = 0; i < 1000; i++) {
		assert_true(connection_budget_take(&budget, START + i * USEC_PER_SEC));
		connection_budget_give_back(&budget, i % 4 ? CONNECTION_ANSWERED : CONNECTION_LOST);
	}
	assert_int_equal(budget.halvings, 0);
	assert_int_equal(budget.running, 0);
}

/* Ports that nobody said to be open, of hosts that drop what is not for them. */
static void silence_that_was_to_be_expected_is_no_trouble(void **state)
{
	struct connection_budget budget = { 0 };
	usec_t now = START;

	for (unsigned i = 0; i < 10; i++, now += USEC_PER_SEC)
		count(&budget, now, now + USEC_PER_SEC, CONNECTION_UNKNOWN);
	assert_int_equal(budget.halvings, 0);
	assert_true(count(&budget, now, now + USEC_PER_SEC, CONNECTION_UNKNOWN) >
		    CONNECTION_BUDGET_SECOND * 9 / 10);
}

static void who_is_out_of_descriptors_slows_down_at_once(void **state)
{
	struct connection_budget budget = { 0 };

	assert_true(connection_budget_take(&budget, START));
	connection_budget_give_back(&budget, CONNECTION_UNMADE);
	assert_int_equal(budget.halvings, 1);
	assert_int_equal(budget.running, 0);
}

/* Not all at once, and none in vain: the second hundred and fiftieth comes within the second. */
static void evenly_and_all_of_them(void **state)
{
	struct connection_budget budget = { 0 };
	unsigned taken = 0, most = 0, tenth;

	for (usec_t now = START; now < START + 4 * USEC_PER_SEC; now += USEC_PER_SEC / 10) {
		tenth = count(&budget, now, now + USEC_PER_SEC / 10, CONNECTION_ANSWERED);
		most = tenth > most ? tenth : most;
		taken += tenth;
	}
	assert_int_equal(most, CONNECTION_BUDGET_TENTH);
	assert_int_equal(taken, 4 * CONNECTION_BUDGET_SECOND);
}

/* However many others wait for the same place. */
static void who_claims_comes_first(void **state)
{
	struct connection_budget budget = { 0 };
	usec_t now = START, wait;

	count(&budget, now, now + 1, CONNECTION_ANSWERED);
	assert_false(connection_budget_claim(&budget, now));
	wait = connection_budget_wait(&budget, now);
	assert_true(wait > 0);
	now += wait;
	assert_false(connection_budget_take(&budget, now));
	assert_true(connection_budget_claim(&budget, now));
	assert_true(connection_budget_take(&budget, now));

	/* Who claims and does not come back does not keep it. */
	count(&budget, now, now + 1, CONNECTION_ANSWERED);
	assert_false(connection_budget_claim(&budget, now));
	now += USEC_PER_SEC / 2;
	assert_true(connection_budget_take(&budget, now));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_too_many_at_a_time),
		cmocka_unit_test(not_too_many_in_a_second),
		cmocka_unit_test(waiting_as_long_as_it_says_is_enough),
		cmocka_unit_test(a_replaced_connection_counts),
		cmocka_unit_test(trouble_slows_down_and_its_end_speeds_up),
		cmocka_unit_test(a_few_lost_ones_are_no_trouble),
		cmocka_unit_test(silence_that_was_to_be_expected_is_no_trouble),
		cmocka_unit_test(who_is_out_of_descriptors_slows_down_at_once),
		cmocka_unit_test(evenly_and_all_of_them),
		cmocka_unit_test(who_claims_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
