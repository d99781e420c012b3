/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Automatic rules: which follow from devices, how they follow them, and ports for life. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "apid/rules.h"
#include "common/memory.h"

static struct device make_device(unsigned number, const char *address)
{
	struct device device = { .port_count = 2, .confidence = 1, .is_camera = true };

	snprintf(device.mac_address, sizeof(device.mac_address), "00:11:22:33:%02x:%02x",
		 number >> 8 & 0xff, number & 0xff);
	snprintf(device.ip_address, sizeof(device.ip_address), "%s", address);
	device.ports[0] = (struct device_port){ 80, "http" };
	device.ports[1] = (struct device_port){ 554, "rtsp" };
	return device;
}

static void cameras_get_two_rules(void **state)
{
	_cleanup_rules_ struct rule_list list = { .count = 0 };
	struct device devices[] = { make_device(1, "192.168.1.5"), make_device(2, "192.168.1.6") };

	assert_int_equal(rules_derive(&list, devices, 2), 0);
	assert_int_equal(list.count, 4);
	assert_string_equal(list.rules[0].service, "http");
	assert_string_equal(list.rules[1].service, "rtsp");
	assert_int_equal(list.rules[1].port_id, 554);
	assert_string_equal(list.rules[3].ip_address, "192.168.1.6");
	for (size_t i = 0; i < list.count; i++) {
		assert_true(list.rules[i].changed);
		assert_in_range(list.rules[i].local_port_id, LOCAL_PORT_FIRST, LOCAL_PORT_LAST);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(list.rules[i].local_port_id,
					     list.rules[j].local_port_id);
	}
}

static void rules_follow_the_device(void **state)
{
	_cleanup_rules_ struct rule_list list = { .count = 0 };
	struct device device = make_device(1, "192.168.1.5");
	uint16_t port;

	rules_derive(&list, &device, 1);
	port = list.rules[0].local_port_id;
	list.rules[0].changed = list.rules[1].changed = false;
	rules_derive(&list, &device, 1);
	assert_false(list.rules[0].changed);
	assert_int_equal(list.count, 2);

	device = make_device(1, "192.168.1.99");
	device.ports[0].port = 8080;
	rules_derive(&list, &device, 1);
	assert_true(list.rules[0].changed);
	assert_int_equal(list.rules[0].port_id, 8080);
	assert_string_equal(list.rules[0].ip_address, "192.168.1.99");
	assert_int_equal(list.rules[0].local_port_id, port);

	rules_derive(&list, NULL, 0);
	assert_int_equal(list.count, 2);
}

static void the_port_in_use_is_kept(void **state)
{
	_cleanup_rules_ struct rule_list list = { .count = 0 };
	struct device device = make_device(1, "192.168.1.5");

	rules_derive(&list, &device, 1);
	/* The camera now shows another HTTP port first; the one in use is still there. */
	device.ports[device.port_count++] = device.ports[0];
	device.ports[0] = (struct device_port){ 8080, "http" };
	list.rules[0].changed = false;
	rules_derive(&list, &device, 1);
	assert_int_equal(list.rules[0].port_id, 80);
	assert_false(list.rules[0].changed);
}

static void what_is_not_exposed(void **state)
{
	_cleanup_rules_ struct rule_list list = { .count = 0 };
	struct device devices[] = {
		make_device(1, "192.168.1.5"),
		make_device(2, "fe80::1"),
		make_device(3, ""),
		make_device(4, "192.168.1.6"),
		make_device(5, "192.168.1.7"),
		make_device(6, "192.168.1.8"),
	};

	devices[0].confidence = 0.79;
	devices[3].mac_address[0] = '\0';
	devices[4].port_count = 0;
	devices[5].is_camera = false;
	assert_int_equal(rules_derive(&list, devices, ARRAY_SIZE(devices)), 0);
	assert_int_equal(list.count, 0);
}

static void ports_are_the_same_after_a_loss(void **state)
{
	_cleanup_rules_ struct rule_list one = { .count = 0 }, other = { .count = 0 };
	struct device device = make_device(1, "192.168.1.5");

	rules_derive(&one, &device, 1);
	rules_derive(&other, &device, 1);
	assert_int_equal(one.rules[0].local_port_id, other.rules[0].local_port_id);
	assert_int_equal(one.rules[1].local_port_id, other.rules[1].local_port_id);
}

static void a_gateway_can_be_full(void **state)
{
	_cleanup_rules_ struct rule_list list = { .count = 0 };
	size_t missed = 0;

	for (unsigned i = 0; i < MAX_RULES_PER_GATEWAY / 2 + 1; i++) {
		struct device device = make_device(i, "192.168.1.5");

		missed += rules_derive(&list, &device, 1);
	}
	assert_int_equal(list.count, MAX_RULES_PER_GATEWAY);
	assert_int_equal(missed, 2);
}

static void every_port_can_be_chosen(void **state)
{
	static struct port_set set;
	unsigned count = 0;
	uint16_t port;

	memset(&set, 0, sizeof(set));
	while ((port = port_set_choose(&set, "00:11:22:33:44:55", "http"))) {
		assert_in_range(port, LOCAL_PORT_FIRST, LOCAL_PORT_LAST);
		assert_false(port_set_has(&set, port));
		port_set_add(&set, port);
		count++;
	}
	assert_int_equal(count, LOCAL_PORT_LAST - LOCAL_PORT_FIRST + 1);
	/* Ports outside the range are nobody's. */
	port_set_add(&set, 80);
	port_set_add(&set, 65535);
}

static void rules_print(void **state)
{
	struct rule rule = { .id = 7, .protocol = "tcp", .local_port_id = 10001, .port_id = 554 };
	_cleanup_free_ char *text = NULL, *full = NULL;
	_cleanup_json_ cJSON *json = NULL, *for_people = NULL;

	snprintf(rule.ip_address, sizeof(rule.ip_address), "192.168.1.5");
	json = rule_to_json(&rule, false);
	text = json_print(json);
	assert_string_equal(text, "{\"rule_id\":7,\"protocol\":\"tcp\",\"local_port_id\":10001,"
				  "\"port_id\":554,\"ip_address\":\"192.168.1.5\"}");
	rule.allow_from = xstrdup("[\"10.0.0.0/8\"]");
	rule.expires_at = 1;
	for_people = rule_to_json(&rule, true);
	full = json_print(for_people);
	assert_non_null(strstr(full, "\"allow_from\":[\"10.0.0.0/8\"]"));
	assert_non_null(strstr(full, "\"expires_at\":\"1970-01-01T00:00:01Z\""));
	assert_non_null(strstr(full, "\"automatic\":false"));
	assert_non_null(strstr(full, "\"state\":\"new\""));
	rule_clear(&rule);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(cameras_get_two_rules),
		cmocka_unit_test(rules_follow_the_device),
		cmocka_unit_test(the_port_in_use_is_kept),
		cmocka_unit_test(what_is_not_exposed),
		cmocka_unit_test(ports_are_the_same_after_a_loss),
		cmocka_unit_test(a_gateway_can_be_full),
		cmocka_unit_test(every_port_can_be_chosen),
		cmocka_unit_test(rules_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
