/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LastError: every cause once, gone when it is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/memory.h"
#include "gatewayd/problems.h"

static void assert_print(const struct problems *problems, const char *expected)
{
	_cleanup_free_ char *text = problems_print(problems);

	assert_string_equal(text, expected);
}

static void joined_once(void **state)
{
	struct problems problems = { 0 };

	assert_print(&problems, "");
	assert_true(problems_set(&problems, PROBLEM_SYNC, "the API is away"));
	assert_false(problems_set(&problems, PROBLEM_SYNC, "the API is away"));
	assert_true(problems_set(&problems, PROBLEM_SOURCE_COUNT - 1, "the API is away"));
	assert_print(&problems, "the API is away");
	assert_true(problems_set(&problems, PROBLEM_VPN, "vpnd is not running"));
	assert_print(&problems, "vpnd is not running; the API is away");
	assert_true(problems_set(&problems, PROBLEM_SYNC, NULL));
	assert_false(problems_set(&problems, PROBLEM_SYNC, NULL));
	assert_print(&problems, "vpnd is not running; the API is away");
	problems_clear(&problems);
	assert_print(&problems, "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(joined_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
