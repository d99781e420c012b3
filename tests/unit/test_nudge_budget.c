/* SPDX-License-Identifier: GPL-3.0-or-later */
/* True changes pass, idle answers are slowed down, and the budget never overflows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gatewayd/nudge_budget.h"

/* Asks as often as it may for a time; returns how often that was. */
static unsigned ask(struct nudge_budget *budget, usec_t *now, usec_t duration, bool something_new)
{
	usec_t end = *now + duration, delay;
	unsigned count = 0;

	while (*now < end) {
		delay = nudge_budget_pay(budget, *now);
		if (delay > 0) {
			*now += delay;
			continue;
		}
		count++;
		if (something_new)
			nudge_budget_refund(budget);
		*now += USEC_PER_MSEC; /* the answer's way */
	}
	return count;
}

static void idle_answers(void **state)
{
	usec_t now = 1000 * USEC_PER_SEC;
	struct nudge_budget budget;
	unsigned count;

	nudge_budget_init(&budget, now);
	count = ask(&budget, &now, 100 * USEC_PER_SEC, false);
	assert_true(count >= 20 && count <= 41);
	/* Afterwards one in five seconds. */
	count = ask(&budget, &now, 100 * USEC_PER_SEC, false);
	assert_true(count >= 18 && count <= 21);
}

static void true_changes(void **state)
{
	usec_t now = 1000 * USEC_PER_SEC;
	struct nudge_budget budget;
	unsigned count;

	nudge_budget_init(&budget, now);
	count = ask(&budget, &now, USEC_PER_SEC / 2, true);
	assert_int_equal(count, 500);
	count = ask(&budget, &now, 100 * USEC_PER_SEC, true);
	count = ask(&budget, &now, 100 * USEC_PER_SEC, true);
	assert_true(count >= 900 && count <= 1100);
}

static void never_more_than_full(void **state)
{
	usec_t now = 1000 * USEC_PER_SEC;
	struct nudge_budget budget;

	nudge_budget_init(&budget, now);
	for (int i = 0; i < 100; i++)
		nudge_budget_refund(&budget);
	now += 1000000 * USEC_PER_SEC;
	for (int i = 0; i < 20; i++)
		assert_int_equal(nudge_budget_pay(&budget, now), 0);
	assert_true(nudge_budget_pay(&budget, now) > 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_answers),
		cmocka_unit_test(true_changes),
		cmocka_unit_test(never_more_than_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
