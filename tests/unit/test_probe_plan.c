/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which ports are asked in which order, as text: "554r" is RTSP, "80h!" HTTP that something points
 * to. */
#include "discoverd/probe_plan.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"

struct told {
	enum field field;
	uint16_t port;
	const char *service;
};

static const struct {
	struct told told[4];
	bool usual;
	const char *begin; /* how the plan begins */
} cases[] = {
	{ { { 0 } }, true, "554r 80h 8554r 8080h 10554r 81h 5554r 8000h " },
	{ { { 0 } }, false, "" },
	{ { { FIELD_HINT, 80, "http" } }, true, "80h! 554r 8554r 8080h 10554r 81h " },
	{ { { FIELD_HINT, 8081, "http" }, { FIELD_HINT, 1554, "rtsp" } },
	  true,
	  "8081h! 1554r! 554r 80h " },
	{ { { FIELD_HINT, 8081, "http" } }, false, "8081h! " },
	/* What is known to be there is asked first. */
	{ { { FIELD_HINT, 80, "http" }, { FIELD_SERVICE, 10554, "rtsp" } },
	  true,
	  "10554r! 80h! 554r 8554r " },
	/* A port is asked once, as the first says. */
	{ { { FIELD_HINT, 554, "http" } }, true, "554h! 80h 8554r " },
	{ { { FIELD_SERVICE, 554, "rtsp" }, { FIELD_HINT, 554, "http" } }, false, "554r! " },
	/* TLS is not asked in the clear. */
	{ { { FIELD_HINT, 443, "https" } }, false, "" },
	{ { { FIELD_HINT, 80, "https" } }, true, "554r 8554r 8080h " },
	{ { { FIELD_HINT, 0, NULL }, { FIELD_HINT, 9, "gopher" } }, false, "" },
};

static void describe(char *text, size_t size, const struct probe_plan *plan)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < plan->count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%u%c%s ", plan->steps[i].port,
					 plan->steps[i].service == PROBE_RTSP ? 'r' : 'h',
					 plan->steps[i].hinted ? "!" : "");
}

static void ports_in_their_order(void **state)
{
	struct probe_plan plan;
	char text[512];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(evidence_deinit) struct evidence evidence = { 0 };

		for (size_t j = 0; j < 4; j++)
			if (cases[i].told[j].service)
				evidence_add_port(&evidence, SOURCE_WSD, cases[i].told[j].field,
						  cases[i].told[j].port, cases[i].told[j].service,
						  1);
		probe_plan_make(&plan, &evidence, cases[i].usual);
		describe(text, sizeof(text), &plan);
		if (cases[i].usual)
			text[strlen(cases[i].begin)] = '\0';
		assert_string_equal(text, cases[i].begin);
	}
}

static void many_hints_leave_room(void **state)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
	struct probe_plan plan;

	for (uint16_t port = 1000; port < 1060; port++)
		evidence_add_port(&evidence, SOURCE_WSD, FIELD_HINT, port, "http", 1);
	probe_plan_make(&plan, &evidence, true);
	assert_int_equal(plan.count, PROBE_PLAN_MAX);
	assert_true(plan.steps[0].hinted);
	assert_false(plan.steps[PROBE_PLAN_MAX - 1].hinted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_in_their_order),
		cmocka_unit_test(many_hints_leave_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
