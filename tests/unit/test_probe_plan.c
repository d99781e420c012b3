/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which ports are asked in which order, as text: "554r" is RTSP, "80h!" HTTP that something points
 * to, "443H" HTTPS, "322R" RTSPS, "80o" ONVIF ("s": in TLS). */
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
	{ { { 0 } }, true, "554r 80h 8554r 8080h 443H 10554r 81h 5554r 8000h " },
	{ { { 0 } }, false, "" },
	{ { { FIELD_HINT, 80, "http" } }, true, "80h! 554r 8554r 8080h 443H 10554r 81h " },
	{ { { FIELD_HINT, 8081, "http" }, { FIELD_HINT, 1554, "rtsp" } },
	  true,
	  "8081h! 1554r! 554r 80h 8554r " },
	{ { { FIELD_HINT, 8081, "http" } }, false, "8081h! " },
	/* What is known to be there is asked first. */
	{ { { FIELD_HINT, 80, "http" }, { FIELD_SERVICE, 10554, "rtsp" } },
	  true,
	  "10554r! 80h! 554r 8554r 8080h 443H " },
	/* A port is asked once, as the first says. */
	{ { { FIELD_HINT, 554, "http" } }, true, "554h! 80h 8554r 8080h 443H " },
	{ { { FIELD_SERVICE, 554, "rtsp" }, { FIELD_HINT, 554, "http" } }, false, "554r! " },
	/* TLS is not asked in the clear. */
	{ { { FIELD_HINT, 443, "https" } }, false, "443H! " },
	{ { { FIELD_HINT, 80, "https" } }, true, "80H! 554r 8554r 8080h 443H " },
	{ { { FIELD_HINT, 322, "rtsps" } }, false, "322R! " },
	/* ONVIF is asked where it is said to be, else where HTTP is, on the same port. */
	{ { { FIELD_HINT, 8899, "http" }, { FIELD_ONVIF, 8899, "/o" } }, false, "8899h! 8899o! " },
	{ { { FIELD_HINT, 8899, "http" }, { FIELD_ONVIF, 8899, "/o" } },
	  true,
	  "8899h! 80h! 8899o! 554r " },
	{ { { FIELD_HINT, 80, "http" }, { FIELD_ONVIF, 80, "/o" } }, true, "80h! 80o! 554r 8554r " },
	{ { { FIELD_HINT, 444, "https" }, { FIELD_ONVIF, 444, "/o" } }, false, "444H! 444o!s " },
	{ { { FIELD_SERVICE, 81, "http" }, { FIELD_SERVICE, 444, "https" } },
	  false,
	  "81h! 444H! 81o 444os " },
	/* Jobs and orders are not for us to give. */
	{ { { FIELD_HINT, 9100, "http" }, { FIELD_HINT, 502, "rtsp" }, { FIELD_ONVIF, 631, "/o" } },
	  false,
	  "" },
	{ { { FIELD_HINT, 0, NULL }, { FIELD_HINT, 9, "gopher" } }, false, "" },
};

static void describe(char *text, size_t size, const struct probe_plan *plan)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < plan->count && used < size; i++)
		used += (size_t)snprintf(
			text + used, size - used, "%u%c%s%s ", plan->steps[i].port,
			"rhHRo"[plan->steps[i].service], plan -> steps[i].hinted ? "!" : "",
			plan->steps[i].service == PROBE_ONVIF && plan->steps[i].secure ? "s" : "");
}

static void ports_in_their_order(void **state)
{
	struct probe_plan plan;
	char text[1024];

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

static void nothing_is_asked_of_a_printer(void **state)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
	struct probe_plan plan;

	evidence_add_port(&evidence, SOURCE_WSD, FIELD_HINT, 80, "http", 1);
	evidence_add(&evidence, SOURCE_WSD, FIELD_TRAIT, "printer", 1);
	probe_plan_make(&plan, &evidence, true);
	assert_int_equal(plan.count, 0);
}

static void the_path_of_onvif(void **state)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };

	assert_null(probe_plan_onvif_path(&evidence, 80));
	evidence_add_port(&evidence, SOURCE_WSD, FIELD_ONVIF, 2020, "/onvif/service", 1);
	evidence_add_port(&evidence, SOURCE_WSD, FIELD_ONVIF, 81, "/other", 1);
	assert_string_equal(probe_plan_onvif_path(&evidence, 81), "/other");
	/* The port may be wrong where the path is right. */
	assert_string_equal(probe_plan_onvif_path(&evidence, 80), "/onvif/service");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_in_their_order),
		cmocka_unit_test(many_hints_leave_room),
		cmocka_unit_test(nothing_is_asked_of_a_printer),
		cmocka_unit_test(the_path_of_onvif),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
