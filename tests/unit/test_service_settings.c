/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vpn-service/settings.h"

#include <errno.h>
#include <string.h>

#include "common/memory.h"
#include "tests/support/test.h"

/* Loads settings from a text, and checks them. */
static int load(struct service_settings *settings, const char *text)
{
	static config_check_fn *const checks[] = { settings_check, NULL };
	_cleanup_free_ char *error = NULL;
	int r;

	memset(settings, 0, sizeof(*settings));
	r = config_parse(settings, settings_options, "test", text, strlen(text), checks, &error);
	assert_int_equal(error != NULL, r < 0);
	return r;
}

static void test_defaults(void **state)
{
	struct service_settings settings;
	_cleanup_free_ char *url = NULL, *interface = NULL, *token = NULL;
	char address[NETADDR_TEXT_SIZE];
	struct netaddr own;

	assert_int_equal(load(&settings, ""), 0);
	url = settings_softether_url(&settings, (uint16_t)settings.vpn_port);
	interface = settings_interface(&settings);
	token = settings_file(&settings, settings.token_file, FILE_TOKEN);
	own = settings_address(&settings);
	assert_string_equal(url, "https://127.0.0.1:80/api/");
	assert_string_equal(interface, "tap_evercam");
	assert_string_equal(token, "/var/lib/evercam-gateway/vpn-service/token");
	assert_string_equal(netaddr_format(&own, address), "10.44.0.1");
	assert_int_equal(settings.lease_time, 3600 * USEC_PER_SEC);
	config_free(&settings, settings_options);
}

static void test_own_values(void **state)
{
	struct service_settings settings;
	_cleanup_free_ char *interface = NULL, *token = NULL;
	char address[NETADDR_TEXT_SIZE];
	struct netaddr own;

	assert_int_equal(load(&settings, "vpn_hostname = vpn-1.example.com\nvpn_domain = vpn\n"
					 "pool = 10.9.128.0/18\naddress = 10.9.128.15\n"
					 "tap = VPN0\nbridge = br-vpn\ntoken_file = /etc/token\n"),
			 0);
	interface = settings_interface(&settings);
	token = settings_file(&settings, settings.token_file, FILE_TOKEN);
	own = settings_address(&settings);
	assert_string_equal(interface, "tap_vpn0");
	assert_string_equal(token, "/etc/token");
	assert_string_equal(netaddr_format(&own, address), "10.9.128.15");
	config_free(&settings, settings_options);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"vpn_hostname = bad name\n",
		"vpn_hostname = -x\n",
		"vpn_domain = a..b\n",
		"vpn_domain = example.\n",
		"pool = 10.0.0.0/30\n",
		"pool = fd00::/64\n",
		"address = 10.45.0.1\n",
		"address = 10.44.0.16\n",
		"address = 10.44.15.255\n",
		"address = 10.44.0.0\n",
		"address = fd00::1\n",
		"hub = two words\n",
		"hub = a/b\n",
		"tap = averylongname\n",
		"tap = ../x\n",
		"bridge = averyverylongname\n",
		"lease_time = 1s\n",
		"vpn_port = 0\n",
		"vpn_port = 65536\n",
		"softether_url = https://192.0.2.1:80/api/\n",
		"softether_url = https://127.0.0.1.example:80/api/\n",
		"softether_url = https://127.0.0.1/api/\n",
		"softether_url = https://127.0.0.1:0/api/\n",
		"softether_url = https://127.0.0.1:65536/api/\n",
		"softether_url = https://127.0.0.1:80/\n",
		"softether_url = https://127.0.0.1:80/api/x\n",
		"softether_url = http://127.0.0.1:80/api/\n",
	};
	struct service_settings settings;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (load(&settings, bad[i]) >= 0)
			fail_msg("accepted: %s", bad[i]);
}

static void test_softether_urls(void **state)
{
	static const char *const good[] = {
		"softether_url = https://127.0.0.1:5555/api/\n",
		"softether_url = https://localhost:80/api/\n",
		"softether_url = https://[::1]:65535/api/\n",
	};
	struct service_settings settings;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(load(&settings, good[i]), 0);
		config_free(&settings, settings_options);
	}
}

static void test_names(void **state)
{
	static const char *const good[] = { "a", "a.b", "A-1.example", "192.0.2.1",
					    "vpn1.evercam.test" };
	static const char *const bad[] = {
		"",   ".",  "a.",     ".a",   "a..b", "a b", "a_b",
		"-a", "a-", "a.-b.c", "a-.b", "a/b",  "a\n", "\xc3\xa9"
	};
	char longest[66];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(settings_check_name(good[i]), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(settings_check_name(bad[i]), -EINVAL);
	memset(longest, 'a', 65);
	longest[65] = '\0';
	assert_int_equal(settings_check_name(longest), -EINVAL);
	longest[64] = '\0';
	assert_int_equal(settings_check_name(longest), -EINVAL);
	longest[63] = '\0';
	assert_int_equal(settings_check_name(longest), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_own_values),
		cmocka_unit_test(test_refused),  cmocka_unit_test(test_softether_urls),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("vpn-service settings", tests, NULL, NULL);
}
