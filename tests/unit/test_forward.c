/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "routed/forward_list.h"

static struct forward_input good(void)
{
	return (struct forward_input){
		.protocol = "tcp",
		.target = "192.168.1.10",
		.interface = "vpn_ether",
		.listen_port = 10000,
		.target_port = 80,
	};
}

static void test_good(void **state)
{
	struct forward_input input = good();
	char key[FORWARD_ADDRESS_SIZE], *error = NULL;
	struct forward forward;

	input.name = "Hof";
	assert_int_equal(forward_parse(&forward, &input, &error), 0);
	assert_null(error);
	assert_string_equal(forward.interface, "vpn_ether");
	assert_string_equal(forward.name, "Hof");
	assert_string_equal(forward.set, "");
	assert_int_equal(forward.protocol, IPPROTO_TCP);
	assert_string_equal(forward_format_key(&forward, key), "tcp vpn_ether/10000");
	forward_deinit(&forward);

	input.listen_port = input.target_port = 65535;
	input.interface = "123456789012345";
	input.protocol = "udp";
	input.target = "fd00::1";
	assert_int_equal(forward_parse(&forward, &input, &error), 0);
	assert_string_equal(forward_format_key(&forward, key), "udp 123456789012345/65535");
	forward_deinit(&forward);
}

static void refuse(struct forward_input input, const char *part)
{
	struct forward forward = { .listen_port = 1 };
	char *error = NULL;

	assert_int_equal(forward_parse(&forward, &input, &error), -EINVAL);
	assert_non_null(error);
	if (!strstr(error, part))
		fail_msg("\"%s\" does not say \"%s\"", error, part);
	assert_int_equal(forward.listen_port, 1); /* untouched */
	free(error);
}

static void test_bad(void **state)
{
	static const char *const targets[] = {
		"",          "camera",     "192.168.1",       "192.168.1.10 ",
		"0.0.0.0",   "127.0.0.1",  "224.0.0.251",     "255.255.255.255",
		"::",        "::1",        "ff02::1",         "fe80::1",
		"fe80::1%1", "010.1.1.1",  "::ffff:10.0.0.1", "10.0.0.1/8",
		"[fd00::1]", "10.0.0.1:80"
	};
	static const char *const interfaces[] = {
		"",   ".",    "..",   "lo",   "a b",  "a/b",      "a:b",
		"a*", "a\"b", "a\\b", "a\nb", "\x7f", "\xc3\xa4", "1234567890123456"
	};
	struct forward_input input;

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		input = good();
		input.target = targets[i];
		refuse(input, targets[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(interfaces); i++) {
		input = good();
		input.interface = interfaces[i];
		refuse(input, "interface");
	}
	input = good();
	input.protocol = "TCP";
	refuse(input, "\"TCP\" is neither tcp nor udp");
	input = good();
	input.listen_port = 0;
	refuse(input, "listen port 0");
	input = good();
	input.target_port = 0;
	refuse(input, "target port 0");
}

static void test_sources(void **state)
{
	static char a[] = "10.1.2.3/16", b[] = "10.1.7.0/24", c[] = "192.0.2.1/32",
		    d[] = "0.0.0.0/0", e[] = "fd00::/8", f[] = "10.0.0.0", g[] = "10.0.0.0/33",
		    *list[] = { c, b, a, c, NULL };
	char *const bad[] = { e, f, g };
	struct forward_input input = good();
	char text[NETPREFIX_TEXT_SIZE], *error;
	struct forward forward, other;

	input.sources = list;
	assert_int_equal(forward_parse(&forward, &input, &error), 0);
	assert_int_equal(forward.source_count, 2);
	assert_string_equal(netprefix_format(&forward.sources[0], text), "10.1.0.0/16");
	assert_string_equal(netprefix_format(&forward.sources[1], text), "192.0.2.1/32");
	assert_true(
		forward_admits(&forward, &(struct netaddr){ AF_INET, { { htonl(0x0a01ffff) } } }));
	assert_false(
		forward_admits(&forward, &(struct netaddr){ AF_INET, { { htonl(0x0a020000) } } }));
	other = forward_copy(&forward);
	assert_true(forward_equal(&forward, &other));
	other.sources[1].length = 31;
	assert_false(forward_equal(&forward, &other));
	forward_deinit(&forward);
	forward_deinit(&other);

	list[1] = d; /* everywhere */
	assert_int_equal(forward_parse(&forward, &input, &error), 0);
	assert_int_equal(forward.source_count, 0);
	forward_deinit(&forward);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		list[2] = bad[i];
		refuse(input, bad[i]);
	}
	list[0] = NULL;
	refuse(input, "0 prefixes");
}

static void clean(const char *name, const char *expected)
{
	char *result = forward_name_clean(name);

	if (expected)
		assert_string_equal(result, expected);
	else
		assert_null(result);
	free(result);
}

static void test_names(void **state)
{
	char longest[FORWARD_NAME_MAX + 2] = { 0 };

	clean(NULL, NULL);
	clean("", NULL);
	clean("Hof \xc3\xb6stlich", "Hof \xc3\xb6stlich");
	clean("a\"b\x1b[0m\n\x7f\xc2\x85z", "a'b?[0m????z");
	clean("\xc2\xa0", "\xc2\xa0"); /* no control character: U+00A0 */
	memset(longest, 'x', FORWARD_NAME_MAX + 1);
	char *cut = forward_name_clean(longest);
	assert_int_equal(strlen(cut), FORWARD_NAME_MAX);
	free(cut);
	memcpy(longest + FORWARD_NAME_MAX - 1, "\xc3\xa4", 2); /* would be cut in two */
	cut = forward_name_clean(longest);
	assert_int_equal(strlen(cut), FORWARD_NAME_MAX - 1);
	free(cut);
}

static void test_sets(void **state)
{
	char *error;

	assert_int_equal(forward_set_check("gateway", &error), 0);
	assert_int_equal(forward_set_check("A-1_b", &error), 0);
	assert_int_equal(forward_set_check("123456789012345", &error), 0);
	assert_int_equal(forward_set_check("1234567890123456", &error), -EINVAL);
	free(error);
	assert_int_equal(forward_set_check("", &error), -EINVAL);
	free(error);
	assert_int_equal(forward_set_check("a b", &error), -EINVAL);
	free(error);
}

static void test_list(void **state)
{
	_cleanup_forward_list_ struct forward_list list = { 0 };
	struct forward_input input = good();
	struct forward forward;
	char *error;

	for (uint16_t port = 30; port > 10; port--) {
		input.listen_port = port;
		input.protocol = port % 2 ? "tcp" : "udp";
		assert_int_equal(forward_parse(&forward, &input, &error), 0);
		forward_list_append(&list, forward);
	}
	assert_null(forward_list_sort(&list));
	for (size_t i = 1; i < list.count; i++)
		assert_true(forward_compare(&list.items[i - 1], &list.items[i]) < 0);
	assert_ptr_equal(forward_list_find(&list, &list.items[7]), &list.items[7]);
	input.listen_port = 31;
	assert_int_equal(forward_parse(&forward, &input, &error), 0);
	assert_null(forward_list_find(&list, &forward));

	/* One key may lead to IPv4 and to IPv6, but to each only once. */
	input.listen_port = 11;
	input.protocol = "tcp";
	input.target = "fd00::1";
	assert_int_equal(forward_parse(&forward, &input, &error), 0);
	forward_list_append(&list, forward);
	assert_null(forward_list_sort(&list));
	input.target = "fd00::2";
	assert_int_equal(forward_parse(&forward, &input, &error), 0);
	forward_list_append(&list, forward);
	assert_int_equal(forward_list_sort(&list)->listen_port, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),  cmocka_unit_test(test_bad),
		cmocka_unit_test(test_names), cmocka_unit_test(test_sets),
		cmocka_unit_test(test_list),  cmocka_unit_test(test_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
