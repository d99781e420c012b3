/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In which order a network is asked through: every address once, the silent ones once more. */
#include "discoverd/sweep_plan.h"

#include <string.h>

#include "common/macros.h"
#include "common/memory.h"
#include "tests/support/test.h"

DEFINE_CLEANUP(struct sweep_plan *, sweep_plan_free);

static struct sweep_plan *plan_of(const char *text)
{
	struct netprefix network;

	assert_int_equal(netprefix_parse(&network, text), 0);
	return sweep_plan_new(&network);
}

static struct netaddr address_of(const char *text)
{
	struct netaddr address;

	assert_int_equal(netaddr_parse(&address, text), 0);
	return address;
}

static void test_every_address_once(void **state)
{
	static const struct {
		const char *network;
		uint32_t first, hosts;
	} cases[] = {
		{ "192.168.7.10/24", 0xc0a80701, 254 }, { "10.1.2.3/16", 0x0a010001, 65534 },
		{ "10.0.4.9/22", 0x0a000401, 1022 },    { "10.0.0.200/28", 0x0a0000c1, 14 },
		{ "10.0.0.9/30", 0x0a000009, 2 },       { "10.0.0.9/31", 0x0a000008, 2 },
		{ "10.0.0.9/32", 0x0a000009, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(sweep_plan_freep) struct sweep_plan *plan = plan_of(cases[i].network);
		_cleanup_free_ uint8_t *seen = xcalloc(65536, 1);
		struct netaddr address;
		uint32_t left = cases[i].hosts * 2;

		assert_true(sweep_plan_total(plan) >= left);
		for (; left; left--) {
			assert_int_equal(sweep_plan_left(plan), left);
			assert_true(sweep_plan_next(plan, &address));
			assert_int_equal(address.family, AF_INET);
			assert_in_range(ntohl(address.v4.s_addr) - cases[i].first, 0,
					cases[i].hosts - 1);
			/* The whole network before any of it a second time. */
			assert_int_equal(seen[ntohl(address.v4.s_addr) - cases[i].first]++,
					 left > cases[i].hosts ? 0 : 1);
		}
		assert_int_equal(sweep_plan_left(plan), 0);
		assert_false(sweep_plan_next(plan, &address));
		assert_false(sweep_plan_next(plan, &address));
	}
}

static void test_order(void **state)
{
	static const char *const expected[] = {
		"192.168.7.33", "192.168.7.34", "192.168.7.32",  "192.168.7.35",
		"192.168.7.31", "192.168.7.36", "192.168.7.30",  "192.168.7.37",
		"192.168.7.29", "192.168.7.64", "192.168.7.108", "192.168.7.90",
	};
	_cleanup_(sweep_plan_freep) struct sweep_plan *plan = plan_of("192.168.7.10/24");
	struct netaddr address, known = address_of("192.168.7.33");
	char text[NETADDR_TEXT_SIZE];

	sweep_plan_point_to(plan, &known);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_true(sweep_plan_next(plan, &address));
		assert_string_equal(netaddr_format(&address, text), expected[i]);
	}
	/* Found while the sweep goes on: its neighbours jump the queue, but nobody is asked twice.
	 */
	known = address_of("192.168.7.1");
	sweep_plan_point_to(plan, &known);
	for (unsigned i = 1; i <= 5; i++) {
		assert_true(sweep_plan_next(plan, &address));
		assert_int_equal(ntohl(address.v4.s_addr), 0xc0a80700 + i);
	}
	known = address_of("192.168.7.34");
	sweep_plan_point_to(plan, &known);
	assert_true(sweep_plan_next(plan, &address));
	assert_string_equal(netaddr_format(&address, text), "192.168.7.38");
	assert_true(sweep_plan_next(plan, &address));
	assert_string_equal(netaddr_format(&address, text), "192.168.7.100");
}

static void test_spread(void **state)
{
	_cleanup_(sweep_plan_freep) struct sweep_plan *plan = plan_of("10.7.0.0/16");
	_cleanup_free_ uint8_t *subnets = xcalloc(256, 1);
	struct netaddr address;

	for (unsigned i = 0; i < 256 * 5; i++) /* the factory numbers of all subnets */
		assert_true(sweep_plan_next(plan, &address));
	for (unsigned i = 0; i < 1024; i++) {
		assert_true(sweep_plan_next(plan, &address));
		subnets[(ntohl(address.v4.s_addr) >> 8) & 255]++;
	}
	for (unsigned i = 0; i < 256; i++)
		assert_in_range(subnets[i], 1, 8);
}

/* The subnet of a device, all of it, in both rounds. */
static void test_part(void **state)
{
	_cleanup_(sweep_plan_freep) struct sweep_plan *plan = plan_of("10.7.0.0/16");
	struct netaddr address, known = address_of("10.7.9.50");
	unsigned of_part = 0;

	for (unsigned i = 0; i < 256 * 5; i++)
		assert_true(sweep_plan_next(plan, &address));
	for (unsigned i = 0; i < 100; i++) /* of the rest */
		assert_true(sweep_plan_next(plan, &address));
	sweep_plan_point_to(plan, &known);
	do {
		assert_true(sweep_plan_next(plan, &address));
		of_part++;
	} while (ntohl(address.v4.s_addr) >> 8 == 0x0a0709);
	/* But for its factory numbers, and one or two that were among the hundred. */
	assert_in_range(of_part - 1, 249, 251);
	while (sweep_plan_left(plan) > 65534)
		assert_true(sweep_plan_next(plan, &address));
	for (unsigned i = 0; i < 256 * 5 + 251; i++) {
		assert_true(sweep_plan_next(plan, &address));
		if (i >= 256 * 5)
			assert_int_equal(ntohl(address.v4.s_addr) >> 8, 0x0a0709);
	}
	assert_true(sweep_plan_next(plan, &address));
	assert_int_not_equal(ntohl(address.v4.s_addr) >> 8, 0x0a0709);
}

static void test_answers(void **state)
{
	_cleanup_(sweep_plan_freep) struct sweep_plan *plan = plan_of("192.168.7.0/24");
	struct netaddr address, early = address_of("192.168.7.9"),
				late = address_of("192.168.7.64"),
				elsewhere = address_of("192.168.8.64"), v6 = address_of("fe80::1");
	unsigned count = 0;

	sweep_plan_answered(plan, &early);
	sweep_plan_answered(plan, &early);
	sweep_plan_answered(plan, &elsewhere);
	sweep_plan_answered(plan, &v6);
	assert_int_equal(sweep_plan_left(plan), 253 * 2);
	while (sweep_plan_next(plan, &address)) {
		assert_false(netaddr_equal(&address, &early));
		assert_true(count < 253 || !netaddr_equal(&address, &late));
		if (netaddr_equal(&address, &late))
			sweep_plan_answered(plan, &late);
		count++;
	}
	assert_int_equal(count, 253 + 252);
}

static void test_refused(void **state)
{
	assert_null(plan_of("10.0.0.0/15"));
	assert_null(plan_of("10.0.0.0/8"));
	assert_null(plan_of("fd00::/120"));
}

static void test_many_pointers(void **state)
{
	_cleanup_(sweep_plan_freep) struct sweep_plan *plan = plan_of("10.7.0.0/16");
	struct netaddr address = address_of("10.7.0.0"), next;
	unsigned count = 0;

	for (unsigned i = 0; i < 65536; i += 3) {
		address.v4.s_addr = htonl(0x0a070000 + i);
		sweep_plan_point_to(plan, &address);
	}
	while (sweep_plan_next(plan, &next))
		count++;
	assert_int_equal(count, 65534 * 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_address_once),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_part),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_many_pointers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
