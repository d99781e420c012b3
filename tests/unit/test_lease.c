/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vpnd/lease.h"

#include <errno.h>
#include <string.h>

#include "tests/support/test.h"

static void a_lease_survives_the_line(void **state)
{
	char line[LEASE_LINE_MAX], text[NETPREFIX_TEXT_SIZE], server[NETADDR_TEXT_SIZE];
	struct lease lease;

	assert_int_equal(
		lease_format(line, "bound", "10.44.0.7", "255.255.240.0", "120", "10.44.0.1"), 0);
	assert_string_equal(line, "lease bound 10.44.0.7 255.255.240.0 120 10.44.0.1");
	assert_int_equal(lease_parse(&lease, line), 0);
	assert_int_equal(lease.event, LEASE_BOUND);
	assert_string_equal(netprefix_format(&lease.address, text), "10.44.0.7/20");
	assert_int_equal(lease.seconds, 120);
	assert_string_equal(netaddr_format(&lease.server, server), "10.44.0.1");
}

static void the_ends_of_a_lease_are_told(void **state)
{
	struct lease lease;

	assert_int_equal(lease_parse(&lease, "lease deconfig - - - -"), 0);
	assert_int_equal(lease.event, LEASE_LOST);
	assert_int_equal(lease_parse(&lease, "lease nak - - - 10.44.0.1"), 0);
	assert_int_equal(lease.event, LEASE_LOST);
	assert_int_equal(lease_parse(&lease, "lease leasefail - - - -"), 0);
	assert_int_equal(lease.event, LEASE_FAILING);
}

static void nothing_but_plain_values_is_passed_on(void **state)
{
	char line[LEASE_LINE_MAX];

	assert_int_equal(lease_format(line, "renew", "10.44.0.7\nlease bound", "255.255.255.0 x",
				      "1e9", "fd00::1"),
			 0);
	assert_string_equal(line, "lease renew - - - -");
	assert_int_equal(lease_format(line, "bound", NULL, NULL, NULL, NULL), 0);
	assert_string_equal(line, "lease bound - - - -");
	assert_int_equal(lease_format(line, "reboot", NULL, NULL, NULL, NULL), -EINVAL);
}

static void a_route_over_the_internet_is_no_lease(void **state)
{
	static const char *const bad[] = {
		"lease bound 10.44.0.7 0.0.0.0 120 -",
		"lease bound 10.44.0.7 128.0.0.0 120 -",
		"lease bound 10.44.0.7 255.255.255.255 120 -",
		"lease bound 10.44.0.7 255.0.255.0 120 -",
		"lease bound 127.0.0.1 255.0.0.0 120 -",
		"lease bound 0.0.0.0 255.0.0.0 120 -",
		"lease bound 224.0.0.1 255.255.255.0 120 -",
		"lease bound - 255.255.255.0 120 -",
		"lease bound 10.44.0.7 - 120 -",
		"lease bound 10.44.0.7 255.255.255.0 120 - more",
		"lease bound 10.44.0.7",
		"lease reboot - - - -",
	};
	struct lease lease;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(lease_parse(&lease, bad[i]), -EINVAL);
}

static void other_lines_are_the_clients_own(void **state)
{
	struct lease lease;

	assert_int_equal(lease_parse(&lease, "udhcpc: started, v1.35.0"), -ENOENT);
	assert_int_equal(lease_parse(&lease, ""), -ENOENT);
}

static void lease_times_are_bounded(void **state)
{
	struct lease lease;

	assert_int_equal(lease_parse(&lease, "lease bound 10.44.0.7 255.255.240.0 0 -"), 0);
	assert_int_equal(lease.seconds, LEASE_MIN_SECONDS);
	assert_int_equal(lease_parse(&lease, "lease bound 10.44.0.7 255.255.240.0 - -"), 0);
	assert_int_equal(lease.seconds, LEASE_DEFAULT_SECONDS);
	assert_int_equal(lease_parse(&lease, "lease bound 10.44.0.7 255.255.240.0 9999999999 -"),
			 0);
	assert_int_equal(lease.seconds, UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lease_survives_the_line),
		cmocka_unit_test(the_ends_of_a_lease_are_told),
		cmocka_unit_test(nothing_but_plain_values_is_passed_on),
		cmocka_unit_test(a_route_over_the_internet_is_no_lease),
		cmocka_unit_test(other_lines_are_the_clients_own),
		cmocka_unit_test(lease_times_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
