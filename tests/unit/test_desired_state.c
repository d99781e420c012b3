/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of each rule, given what is known about the devices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/memory.h"
#include "gatewayd/desired_state.h"

#define NOW 1000000

static const struct mac_address camera = { { 0xaa, 0, 0, 0, 0, 1 } };
static const struct mac_address other = { { 0xaa, 0, 0, 0, 0, 2 } };

static struct netaddr address(const char *text)
{
	struct netaddr value;

	assert_int_equal(netaddr_parse(&value, text), 0);
	return value;
}

static struct rule rule(uint64_t id, uint16_t port, const char *target)
{
	return (struct rule){
		.rule_id = id, .local_port_id = port, .port_id = 80, .address = address(target)
	};
}

static struct rule device_rule(uint64_t id, uint16_t port, const char *target)
{
	struct rule value = rule(id, port, target);

	value.follows_device = true;
	value.mac = camera;
	return value;
}

static void know(struct address_table *table, const struct mac_address *mac, const char *text,
		 bool live)
{
	struct netaddr value = address(text);

	address_table_set(table, mac, &value, live);
}

/* Plans one rule and gives its state and target. */
static enum rule_state plan_one(struct rule value, const struct address_table *table,
				char target[static NETADDR_TEXT_SIZE], const char **ret_error)
{
	struct rule_list list = { .rules = &value, .count = 1 };
	enum rule_state state;
	struct plan plan;

	plan_make(&plan, &list, NULL, table, NOW);
	state = plan.rules[0].state;
	netaddr_format(&plan.rules[0].target, target);
	if (ret_error)
		*ret_error = plan.rules[0].error;
	assert_int_equal(plan.active, state == RULE_ACTIVE);
	plan_clear(&plan);
	return state;
}

static void plain_rule(void **state)
{
	struct address_table table = { 0 };
	char target[NETADDR_TEXT_SIZE];

	assert_int_equal(plan_one(rule(1, 10000, "192.168.1.10"), &table, target, NULL),
			 RULE_ACTIVE);
	assert_string_equal(target, "192.168.1.10");
}

static void follows_device(void **state)
{
	struct address_table table = { 0 };
	char target[NETADDR_TEXT_SIZE];

	/* Not seen yet: the rule's own address. */
	assert_int_equal(plan_one(device_rule(1, 10000, "192.168.1.10"), &table, target, NULL),
			 RULE_ACTIVE);
	assert_string_equal(target, "192.168.1.10");
	/* Seen elsewhere, and remembered when it is gone. */
	know(&table, &camera, "192.168.1.77", true);
	assert_int_equal(plan_one(device_rule(1, 10000, "192.168.1.10"), &table, target, NULL),
			 RULE_ACTIVE);
	assert_string_equal(target, "192.168.1.77");
	address_table_set_dormant(&table, &camera);
	assert_int_equal(plan_one(device_rule(1, 10000, "192.168.1.10"), &table, target, NULL),
			 RULE_ACTIVE);
	assert_string_equal(target, "192.168.1.77");
	address_table_clear(&table);
}

static void never_leads_to_stranger(void **state)
{
	struct address_table table = { 0 };
	char target[NETADDR_TEXT_SIZE];
	const char *error;

	know(&table, &other, "192.168.1.10", true);
	assert_int_equal(plan_one(device_rule(1, 10000, "192.168.1.10"), &table, target, &error),
			 RULE_WAITING);
	assert_non_null(strstr(error, "another one"));
	/* The other one is gone as well: the rule's address is as good as before. */
	address_table_set_dormant(&table, &other);
	assert_int_equal(plan_one(device_rule(1, 10000, "192.168.1.10"), &table, target, NULL),
			 RULE_ACTIVE);
	/* Remembered at an address that another one has taken meanwhile. */
	know(&table, &camera, "192.168.1.20", false);
	know(&table, &other, "192.168.1.20", true);
	assert_int_equal(plan_one(device_rule(1, 10000, "192.168.1.10"), &table, target, NULL),
			 RULE_WAITING);
	/* A rule without a MAC means the address, whoever has it. */
	assert_int_equal(plan_one(rule(1, 10000, "192.168.1.20"), &table, target, NULL),
			 RULE_ACTIVE);
	address_table_clear(&table);
}

static void newest_sighting_counts(void **state)
{
	struct address_table table = { 0 };
	char target[NETADDR_TEXT_SIZE];

	know(&table, &camera, "192.168.1.20", true);
	/* Nobody has said that the camera left, but another device is there now. */
	know(&table, &other, "192.168.1.20", true);
	assert_int_equal(plan_one(device_rule(1, 10000, "192.168.1.10"), &table, target, NULL),
			 RULE_WAITING);
	/* It comes back. */
	know(&table, &camera, "192.168.1.20", true);
	assert_int_equal(plan_one(device_rule(1, 10000, "192.168.1.10"), &table, target, NULL),
			 RULE_ACTIVE);
	address_table_clear(&table);
}

static void refused(void **state)
{
	struct address_table table = { 0 };
	char target[NETADDR_TEXT_SIZE];

	assert_int_equal(plan_one(rule(1, 10000, "2001:db8::1"), &table, target, NULL),
			 RULE_FAILED);
	assert_int_equal(plan_one(rule(1, 10000, "127.0.0.1"), &table, target, NULL), RULE_FAILED);
	assert_int_equal(plan_one(rule(1, 10000, "224.0.0.1"), &table, target, NULL), RULE_FAILED);
	assert_int_equal(plan_one(rule(1, 10000, "0.0.0.0"), &table, target, NULL), RULE_FAILED);
}

static void limits_pass(void **state)
{
	struct netprefix allowed[] = { { .address = address("10.0.0.0"), .length = 8 },
				       { .address = address("2001:db8::"), .length = 32 } };
	struct rule rules[] = { rule(1, 10000, "192.168.1.10"), rule(2, 10001, "192.168.1.10"),
				rule(3, 10002, "192.168.1.10") };
	struct rule_list list = { .rules = rules, .count = ARRAY_SIZE(rules) };
	struct forward_list forwards = { 0 }, others = { 0 };
	struct address_table table = { 0 };
	struct plan plan;

	rules[0].allow_from = allowed;
	rules[0].allow_from_count = 2;
	rules[0].expires_at = NOW + 10;
	rules[1].allow_from = &allowed[1]; /* IPv6 only: nobody, which is not everybody */
	rules[1].allow_from_count = 1;
	plan_make(&plan, &list, NULL, &table, NOW);
	assert_int_equal(plan.rules[1].state, RULE_FAILED);
	forward_list_make(&forwards, &plan);
	assert_int_equal(forwards.count, 2);
	assert_int_equal(forwards.forwards[0].allow_from_count, 1);
	assert_int_equal(forwards.forwards[0].allow_from[0].length, 8);
	assert_int_equal(forwards.forwards[0].expires_at, NOW + 10);
	assert_int_equal(forwards.forwards[1].allow_from_count, 0);
	forward_list_make(&others, &plan);
	assert_true(forward_list_equal(&forwards, &others));
	others.forwards[0].allow_from[0].length = 9;
	assert_false(forward_list_equal(&forwards, &others));
	others.forwards[0].allow_from[0].length = 8;
	others.forwards[0].expires_at++;
	assert_false(forward_list_equal(&forwards, &others));
	forward_list_clear(&forwards);
	forward_list_clear(&others);
	plan_clear(&plan);
}

static void refuses_vpn_target(void **state)
{
	struct configuration configuration = { 0 };
	struct rule value = rule(1, 10000, "10.44.3.4");
	struct rule_list list = { .rules = &value, .count = 1 };
	struct address_table table = { 0 };
	struct plan plan;

	configuration.vpn_address.address = address("10.44.0.7");
	configuration.vpn_address.length = 20;
	plan_make(&plan, &list, &configuration, &table, NOW);
	assert_int_equal(plan.rules[0].state, RULE_FAILED);
	plan_clear(&plan);
}

static void expiry(void **state)
{
	struct rule rules[] = { rule(1, 10000, "192.168.1.10"), rule(2, 10001, "192.168.1.10"),
				rule(3, 10002, "192.168.1.10"), rule(4, 10003, "192.168.1.10") };
	struct rule_list list = { .rules = rules, .count = ARRAY_SIZE(rules) };
	struct address_table table = { 0 };
	struct plan plan;

	rules[0].expires_at = NOW;
	rules[1].expires_at = NOW + 20;
	rules[2].expires_at = NOW + 10;
	plan_make(&plan, &list, NULL, &table, NOW);
	assert_int_equal(plan.rules[0].state, RULE_FAILED);
	assert_int_equal(plan.active, 3);
	assert_int_equal(plan.next_expiry, NOW + 10);
	plan_clear(&plan);
	plan_make(&plan, &list, NULL, &table, NOW + 20);
	assert_int_equal(plan.active, 1);
	assert_int_equal(plan.next_expiry, 0);
	plan_clear(&plan);
}

static void one_rule_per_port(void **state)
{
	struct rule rules[] = { rule(1, 10000, "192.168.1.10"), rule(2, 10000, "192.168.1.11"),
				rule(3, 10000, "192.168.1.12"), rule(4, 65535, "192.168.1.12"),
				rule(5, 1, "192.168.1.12") };
	struct rule_list list = { .rules = rules, .count = ARRAY_SIZE(rules) };
	struct address_table table = { 0 };
	struct forward_list forwards = { 0 };
	struct plan plan;

	rules[2].protocol = RULE_UDP;
	rules[3].protocol = RULE_UDP;
	plan_make(&plan, &list, NULL, &table, NOW);
	assert_int_equal(plan.rules[0].state, RULE_ACTIVE);
	assert_int_equal(plan.rules[1].state, RULE_FAILED);
	assert_int_equal(plan.active, 4);
	forward_list_make(&forwards, &plan);
	assert_int_equal(forwards.count, 4);
	assert_int_equal(forwards.forwards[1].protocol, RULE_UDP);
	assert_int_equal(forwards.forwards[1].rule_id, 3);
	forward_list_clear(&forwards);
	plan_clear(&plan);
}

static void differences(void **state)
{
	struct rule rules[] = { rule(1, 10000, "192.168.1.10"), device_rule(2, 10001, "10.0.0.1") };
	struct rule_list list = { .rules = rules, .count = ARRAY_SIZE(rules) };
	struct address_table table = { 0 };
	struct forward_list before = { 0 }, after = { 0 }, none = { 0 };
	struct plan plan;

	plan_make(&plan, &list, NULL, &table, NOW);
	forward_list_make(&before, &plan);
	forward_list_make(&after, &plan);
	plan_clear(&plan);
	assert_true(forward_list_equal(&before, &after));
	assert_false(forward_list_equal(&before, &none));
	forward_list_clear(&after);
	know(&table, &camera, "10.0.0.2", true);
	plan_make(&plan, &list, NULL, &table, NOW);
	forward_list_make(&after, &plan);
	plan_clear(&plan);
	assert_false(forward_list_equal(&before, &after));
	forward_list_clear(&before);
	forward_list_clear(&after);
	address_table_clear(&table);
}

static void no_rules(void **state)
{
	struct address_table table = { 0 };
	struct plan plan;

	plan_make(&plan, NULL, NULL, &table, NOW);
	assert_int_equal(plan.count, 0);
	plan_clear(&plan);
}

static void table_order_and_limit(void **state)
{
	struct address_table table = { 0 };
	struct netaddr value = address("10.0.0.1");
	struct mac_address mac = { { 2 } };

	for (unsigned i = 0; i < ADDRESS_TABLE_MAX + 10; i++) {
		/* Neither ascending nor descending. */
		mac.octets[4] = (uint8_t)(i * 37);
		mac.octets[5] = (uint8_t)(i >> 8);
		assert_int_equal(address_table_set(&table, &mac, &value, true),
				 i < ADDRESS_TABLE_MAX);
		assert_false(address_table_set(&table, &mac, &value, true));
	}
	assert_int_equal(table.count, ADDRESS_TABLE_MAX);
	for (size_t i = 1; i < table.count; i++)
		assert_true(memcmp(&table.entries[i - 1].mac, &table.entries[i].mac, 6) < 0);
	address_table_clear(&table);
}

static void table_is_kept(void **state)
{
	struct rule value = device_rule(1, 10000, "10.0.0.1");
	struct rule rules[] = { value, value, rule(3, 10001, "10.0.0.9") };
	struct rule_list list = { .rules = rules, .count = ARRAY_SIZE(rules) };
	struct address_table table = { 0 }, again = { 0 };
	_cleanup_free_ char *text = NULL;

	know(&table, &camera, "10.0.0.5", true);
	know(&table, &other, "10.0.0.6", true);
	text = address_table_print(&table, &list);
	assert_string_equal(text, "{\"aa:00:00:00:00:01\":\"10.0.0.5\"}");
	assert_int_equal(address_table_parse(&again, text, strlen(text)), 0);
	assert_int_equal(again.count, 1);
	assert_false(again.entries[0].live);
	assert_true(address_table_parse(&again, "{\"x\":1}", 7) < 0);
	address_table_clear(&table);
	address_table_clear(&again);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_rule),
		cmocka_unit_test(follows_device),
		cmocka_unit_test(never_leads_to_stranger),
		cmocka_unit_test(newest_sighting_counts),
		cmocka_unit_test(refused),
		cmocka_unit_test(limits_pass),
		cmocka_unit_test(refuses_vpn_target),
		cmocka_unit_test(expiry),
		cmocka_unit_test(one_rule_per_port),
		cmocka_unit_test(differences),
		cmocka_unit_test(no_rules),
		cmocka_unit_test(table_order_and_limit),
		cmocka_unit_test(table_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
