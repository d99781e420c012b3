/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vpnd/probe.h"

#include <errno.h>
#include <string.h>

#include "tests/support/test.h"

#define DIGEST "43bb1d23033f283d6a49d5b1179627bcaa16bbd562b4fe39b496e696ee92d8b3"

static void reports_survive_the_line(void **state)
{
	static const struct probe_report reports[] = {
		{ .result = PROBE_CERTIFICATE, .sha256 = DIGEST },
		{ .result = PROBE_EXPIRED, .sha256 = DIGEST, .text = "has expired" },
		{ .result = PROBE_UNREACHABLE, .text = "Connection refused" },
		{ .result = PROBE_UNRESOLVED, .text = "Name or service not known" },
		{ .result = PROBE_NOT_TLS },
	};
	char line[PROBE_LINE_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(reports); i++) {
		struct probe_report report;

		probe_format(line, &reports[i]);
		assert_int_equal(probe_parse(&report, line), 0);
		assert_int_equal(report.result, reports[i].result);
		assert_string_equal(report.sha256, reports[i].sha256);
		assert_string_equal(report.text, reports[i].text);
	}
}

static void a_line_is_one_line(void **state)
{
	const struct probe_report report = { .result = PROBE_NOT_TLS, .text = "a\nprobe \x01" };
	char line[PROBE_LINE_MAX];

	probe_format(line, &report);
	assert_string_equal(line, "probe not-tls - a?probe ?");
}

static void other_lines_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"probe",
		"probe certificate",
		"probe certificate -",
		"probe certificate 43BB",
		"probe something - x",
		"vpnd-child: /usr/libexec/x: No such file or directory",
	};
	struct probe_report report;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(probe_parse(&report, bad[i]), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_survive_the_line),
		cmocka_unit_test(a_line_is_one_line),
		cmocka_unit_test(other_lines_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
