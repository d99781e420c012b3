/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/netaddr.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "tests/support/test.h"

static struct netaddr address(const char *text)
{
	struct netaddr parsed;

	assert_int_equal(netaddr_parse(&parsed, text), 0);
	return parsed;
}

static struct netprefix prefix(const char *text)
{
	struct netprefix parsed;

	assert_int_equal(netprefix_parse(&parsed, text), 0);
	return parsed;
}

static void test_mac(void **state)
{
	static const char *const bad[] = {
		"",
		"00:11:22:33:44",
		"00:11:22:33:44:55:66",
		"00:11:22:33:44:5",
		"0:11:22:33:44:55:",
		"00:11:22:33:44:5g",
		"00:11-22:33:44:55",
		"001122334455",
		"00.11.22.33.44.55",
		" 0:11:22:33:44:55",
		"00:11:22:33:44:55 ",
		"00:11:22:33:44:+5",
	};
	struct mac_address mac, other;
	char text[MAC_TEXT_SIZE];

	assert_int_equal(mac_parse(&mac, "00:1A:2b:Ff:00:09"), 0);
	assert_string_equal(mac_format(&mac, text), "00:1a:2b:ff:00:09");
	assert_int_equal(mac_parse(&other, "00-1a-2b-ff-00-09"), 0);
	assert_true(mac_equal(&mac, &other));
	assert_true(mac_is_unicast(&mac));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(mac_parse(&other, bad[i]), -EINVAL);
	assert_true(mac_equal(&mac, &other));
	assert_int_equal(mac_parse(&mac, "00:00:00:00:00:00"), 0);
	assert_false(mac_is_unicast(&mac));
	assert_false(mac_equal(&mac, &other));
	assert_int_equal(mac_parse(&mac, "ff:ff:ff:ff:ff:ff"), 0);
	assert_false(mac_is_unicast(&mac));
	assert_int_equal(mac_parse(&mac, "01:00:5e:00:00:01"), 0);
	assert_false(mac_is_unicast(&mac));
}

static void test_address(void **state)
{
	static const char *const bad[] = {
		"",           "1.2.3",       "1.2.3.4.5",
		"1.2.3.256",  "1.2.3.04",    " 1.2.3.4",
		"1.2.3.4 ",   "1.2.3.4/24",  "0x1.2.3.4",
		"16909060",   "1.2.3.-4",    "localhost",
		"fe80::1%lo", "[::1]",       "::1::",
		"12345::",    ":",           "1:2:3:4:5:6:7:8:9",
		"1.2.3.4:80", "::1.2.3.256", "::ffff:1.2.3",
	};
	struct netaddr parsed = address("192.0.2.1"), none = { 0 };
	char text[NETADDR_TEXT_SIZE];

	assert_int_equal(parsed.family, AF_INET);
	assert_string_equal(netaddr_format(&parsed, text), "192.0.2.1");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(netaddr_parse(&parsed, bad[i]), -EINVAL);
	assert_string_equal(netaddr_format(&parsed, text), "192.0.2.1");
	parsed = address("2001:DB8:0:0:0:0:0:1");
	assert_int_equal(parsed.family, AF_INET6);
	assert_string_equal(netaddr_format(&parsed, text), "2001:db8::1");
	assert_string_equal(netaddr_format(&none, text), "");
}

static void test_address_equal(void **state)
{
	struct netaddr a = address("10.0.0.1"), b = address("10.0.0.2"), none = { 0 };
	struct netaddr v6 = address("::a00:1"), same = address("0::a00:1");

	assert_true(netaddr_equal(&a, &a));
	assert_false(netaddr_equal(&a, &b));
	assert_false(netaddr_equal(&a, &v6));
	assert_true(netaddr_equal(&v6, &same));
	assert_false(netaddr_equal(&a, &none));
	assert_true(netaddr_equal(&none, &none));
}

static void test_unicast_host(void **state)
{
	static const char *const hosts[] = { "10.0.0.1",        "192.168.1.255", "169.254.1.1",
					     "223.255.255.254", "1.0.0.0",       "fe80::1",
					     "2001:db8::1",     "fd00::1" };
	static const char *const others[] = { "0.0.0.0",
					      "0.1.2.3",
					      "127.0.0.1",
					      "127.255.255.255",
					      "224.0.0.1",
					      "239.255.255.250",
					      "255.255.255.255",
					      "240.0.0.1",
					      "::",
					      "::1",
					      "ff02::1",
					      "::ffff:10.0.0.1",
					      "::10.0.0.1" };
	struct netaddr none = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct netaddr host = address(hosts[i]);

		assert_true(netaddr_is_unicast_host(&host));
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct netaddr other = address(others[i]);

		assert_false(netaddr_is_unicast_host(&other));
	}
	assert_false(netaddr_is_unicast_host(&none));
}

static void test_link_local(void **state)
{
	struct netaddr v4 = address("169.254.3.4"), v6 = address("fe80::1"), none = { 0 };
	struct netaddr other4 = address("169.253.3.4"), other6 = address("fec0::1");

	assert_true(netaddr_is_link_local(&v4));
	assert_true(netaddr_is_link_local(&v6));
	assert_false(netaddr_is_link_local(&other4));
	assert_false(netaddr_is_link_local(&other6));
	assert_false(netaddr_is_link_local(&none));
}

static void test_sockaddr(void **state)
{
	static const char *const texts[] = { "192.0.2.7", "2001:db8::7" };
	struct sockaddr_un unix_address = { .sun_family = AF_UNIX };
	struct netaddr parsed, back, none = { 0 };
	struct sockaddr_storage storage;
	uint16_t port = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		parsed = address(texts[i]);
		assert_int_equal(netaddr_to_sockaddr(&parsed, 554, &storage),
				 i ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
		assert_int_equal(
			netaddr_from_sockaddr(&back, &port, (const struct sockaddr *)&storage), 0);
		assert_true(netaddr_equal(&parsed, &back));
		assert_int_equal(port, 554);
		assert_int_equal(
			netaddr_from_sockaddr(&back, NULL, (const struct sockaddr *)&storage), 0);
	}
	assert_int_equal(netaddr_to_sockaddr(&none, 1, &storage), 0);
	assert_int_equal(
		netaddr_from_sockaddr(&back, &port, (const struct sockaddr *)&unix_address),
		-EAFNOSUPPORT);
}

/* What a socket for both families says of an IPv4 peer. */
static void test_mapped_sockaddr(void **state)
{
	struct netaddr mapped = address("::ffff:192.0.2.9"), plain = address("192.0.2.9"), back;
	struct sockaddr_storage storage;
	uint16_t port;

	netaddr_to_sockaddr(&mapped, 80, &storage);
	assert_int_equal(netaddr_from_sockaddr(&back, &port, (const struct sockaddr *)&storage), 0);
	assert_true(netaddr_equal(&back, &plain));
	assert_int_equal(port, 80);
}

static void test_prefix(void **state)
{
	static const char *const bad[] = {
		"",
		"10.0.0.0",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0.0/8 ",
		"10.0.0.0/08",
		"/8",
		"10/8",
		"10.0.0.0/255.0.0.0",
		"fd00::/129",
		"fd00::/1234",
		"10.0.0.0//8",
		"10.0.0.0/+8",
	};
	struct netprefix parsed = prefix("10.1.255.9/18"), network;
	char text[NETPREFIX_TEXT_SIZE];
	struct netprefix none = { 0 };

	assert_string_equal(netprefix_format(&parsed, text), "10.1.255.9/18");
	network = netprefix_network(&parsed);
	assert_string_equal(netprefix_format(&network, text), "10.1.192.0/18");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(netprefix_parse(&parsed, bad[i]), -EINVAL);
	parsed = prefix("2001:db8:ffff:ffff::1/35");
	network = netprefix_network(&parsed);
	assert_string_equal(netprefix_format(&network, text), "2001:db8:e000::/35");
	parsed = prefix("192.0.2.1/32");
	network = netprefix_network(&parsed);
	assert_string_equal(netprefix_format(&network, text), "192.0.2.1/32");
	parsed = prefix("192.0.2.1/0");
	network = netprefix_network(&parsed);
	assert_string_equal(netprefix_format(&network, text), "0.0.0.0/0");
	assert_string_equal(netprefix_format(&none, text), "");
	parsed = prefix("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128");
	assert_true(strlen(netprefix_format(&parsed, text)) < NETPREFIX_TEXT_SIZE);
}

static void test_contains(void **state)
{
	static const struct {
		const char *prefix, *address;
		bool contains;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.1.2", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.9.9.9/8", "10.1.1.1", true },
		{ "0.0.0.0/0", "1.2.3.4", true },
		{ "192.0.2.1/32", "192.0.2.1", true },
		{ "192.0.2.1/32", "192.0.2.0", false },
		{ "192.0.2.0/25", "192.0.2.128", false },
		{ "::/0", "1.2.3.4", false },
		{ "fd00::/8", "fdff::1", true },
		{ "fd00::/8", "fe00::1", false },
		{ "2001:db8::/127", "2001:db8::2", false },
	};
	struct netprefix none = { 0 };
	struct netaddr nothing = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct netprefix in = prefix(cases[i].prefix);
		struct netaddr host = address(cases[i].address);

		assert_int_equal(netprefix_contains(&in, &host), cases[i].contains);
	}
	assert_false(netprefix_contains(&none, &nothing));
}

static void test_port(void **state)
{
	static const char *const bad[] = { "",     "0",   "65536", "-1",
					   "+1",   "080", " 80",   "80 ",
					   "0x50", "8o",  "1e3",   "99999999999999999999" };
	uint16_t port = 7;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(port_parse(&port, bad[i]), -EINVAL);
	assert_int_equal(port, 7);
	assert_int_equal(port_parse(&port, "1"), 0);
	assert_int_equal(port, 1);
	assert_int_equal(port_parse(&port, "65535"), 0);
	assert_int_equal(port, 65535);
}

static void test_origin(void **state)
{
	static const char *const good[] = { "https://api.example",       "https://api.example:8443",
					    "https://192.0.2.1",         "https://[2001:db8::1]",
					    "https://[2001:db8::1]:443", "https://a_b-c" };
	static const char *const bad[] = {
		"",
		"https:/",
		"https://",
		"http://api.example",
		"HTTPS://api.example",
		"https://api.example/",
		"https://api.example/v1",
		"https://api.example?x",
		"https://api.example#x",
		"https://user:secret@api.example",
		"https://api example",
		"https://api.example:",
		"https://api.example:0",
		"https://api.example:99999",
		"https://api.example:443/",
		"https://:443",
		"https://[]",
		"https://[2001:db8::1",
		"https://[2001:db8::1]x",
		"https://[api.example]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(url_is_origin(good[i], "https://"));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(url_is_origin(bad[i], "https://"));
	assert_true(url_is_origin("http://proxy.example:3128", "http://"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mac),
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_address_equal),
		cmocka_unit_test(test_unicast_host),
		cmocka_unit_test(test_link_local),
		cmocka_unit_test(test_sockaddr),
		cmocka_unit_test(test_mapped_sockaddr),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_contains),
		cmocka_unit_test(test_port),
		cmocka_unit_test(test_origin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
