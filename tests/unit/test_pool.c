/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vpn-service/pool.h"

#include <errno.h>
#include <string.h>

#include "common/memory.h"
#include "tests/support/test.h"

static struct pool pool_of(const char *text)
{
	struct netprefix prefix;
	struct pool pool;

	assert_int_equal(netprefix_parse(&prefix, text), 0);
	assert_int_equal(pool_init(&pool, &prefix), 0);
	return pool;
}

static void test_first_addresses_are_reserved(void **state)
{
	struct pool pool = pool_of("10.44.0.0/20");

	assert_int_equal(pool.first, 0x0a2c0010);
	assert_int_equal(pool.size, 4096 - 16 - 1);
	assert_false(pool_contains(&pool, 0x0a2c0000));
	assert_false(pool_contains(&pool, 0x0a2c000f));
	assert_true(pool_contains(&pool, 0x0a2c0010));
	assert_true(pool_contains(&pool, 0x0a2c0ffe));
	assert_false(pool_contains(&pool, 0x0a2c0fff)); /* broadcast */
	assert_false(pool_contains(&pool, 0x0a2c1010));
}

static void test_host_bits_do_not_matter(void **state)
{
	struct pool pool = pool_of("10.44.3.7/20");

	assert_int_equal(pool.first, 0x0a2c0010);
}

static void test_unusable_prefixes(void **state)
{
	static const char *const bad[] = { "10.0.0.0/7", "10.0.0.0/28", "10.0.0.1/32",
					   "fd00::/64" };
	struct pool pool;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct netprefix prefix;

		assert_int_equal(netprefix_parse(&prefix, bad[i]), 0);
		assert_int_equal(pool_init(&pool, &prefix), -EINVAL);
	}
}

static void test_candidates_visit_every_address_once(void **state)
{
	struct pool pool = pool_of("192.168.7.0/27");
	static const uint32_t gateways[] = { 1, 2, 15, 16, 1000, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(gateways); i++) {
		_cleanup_free_ bool *seen = xcalloc(pool.size, sizeof(bool));

		for (uint32_t attempt = 0; attempt < pool.size; attempt++) {
			uint32_t address = pool_candidate(&pool, gateways[i], attempt);

			assert_true(pool_contains(&pool, address));
			assert_false(seen[address - pool.first]);
			seen[address - pool.first] = true;
		}
	}
	assert_int_equal(pool_candidate(&pool, 1, 0), pool.first);
	assert_int_equal(pool_candidate(&pool, 2, 0), pool.first + 1);
}

static void test_macs_are_local_unicast_and_distinct(void **state)
{
	static const uint32_t gateways[] = { 1, 2, 255, 256, 65536, UINT32_MAX };
	char text[MAC_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(gateways); i++) {
		struct mac_address mac = pool_mac(gateways[i]);

		assert_true(mac_is_unicast(&mac));
		assert_int_equal(mac.octets[0] & 0x03, 0x02);
		for (size_t j = 0; j < i; j++) {
			struct mac_address other = pool_mac(gateways[j]);

			assert_false(mac_equal(&mac, &other));
		}
	}
	{
		struct mac_address mac = pool_mac(256);

		assert_string_equal(mac_format(&mac, text), "02:ac:00:00:01:00");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_addresses_are_reserved),
		cmocka_unit_test(test_host_bits_do_not_matter),
		cmocka_unit_test(test_unusable_prefixes),
		cmocka_unit_test(test_candidates_visit_every_address_once),
		cmocka_unit_test(test_macs_are_local_unicast_and_distinct),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
