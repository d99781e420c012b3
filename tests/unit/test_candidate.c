/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vpnd/candidate.h"

#include <string.h>

#include "tests/support/test.h"

static char first_host[] = "vpn1.example", second_host[] = "vpn2.example", word[] = "gateway7";

static struct settings make_settings(void)
{
	struct settings settings = {
		.servers = { { first_host, 443, 1 }, { second_host, 80, 2 } },
		.server_count = 2,
		.hub = word,
		.username = word,
		.server_certificate_count = 2,
	};

	memset(settings.certificate_digests.sha1, 'A', 40);
	memset(settings.server_digests[0].sha1, 'B', 40);
	memset(settings.server_digests[1].sha1, 'C', 40);
	return settings;
}

static void the_account_is_as_safe_as_it_can_be(void **state)
{
	const struct settings settings = make_settings();
	struct vpncmd_account account;

	candidate_describe((struct candidate){ true, 1, 1 }, &settings, "ether", 3, &account);
	assert_string_equal(account.host, "vpn2.example/tcp");
	assert_int_equal(account.port, 80);
	assert_string_equal(account.nic, "ether");
	assert_string_equal(account.server_certificate_sha1, settings.server_digests[1].sha1);
	assert_string_equal(account.certificate_sha1, settings.certificate_digests.sha1);
	assert_int_equal(account.tcp_connections, 3);
	assert_true(account.verify_server);
	assert_true(account.retry_untrusted);
	assert_true(account.keep_routes);
	assert_true(account.without_udp);
}

static void each_server_and_pin_is_recognised(void **state)
{
	const struct settings settings = make_settings();
	struct vpncmd_account account;

	for (size_t server = 0; server < 2; server++)
		for (size_t pin = 0; pin < 2; pin++) {
			const struct candidate wanted = { true, server, pin };

			candidate_describe(wanted, &settings, "ether", 1, &account);
			assert_true(candidate_equal(
				candidate_match(&account, &settings, "ether", 1), wanted));
		}
}

static void an_account_that_was_weakened_is_not_ours(void **state)
{
	const struct settings settings = make_settings();
	const struct candidate first = { true, 0, 0 };
	struct vpncmd_account account;

	candidate_describe(first, &settings, "ether", 1, &account);
	account.verify_server = false;
	assert_false(candidate_match(&account, &settings, "ether", 1).found);
	candidate_describe(first, &settings, "ether", 1, &account);
	account.server_certificate_sha1[0] = '\0';
	assert_false(candidate_match(&account, &settings, "ether", 1).found);
	candidate_describe(first, &settings, "ether", 1, &account);
	assert_false(candidate_match(&account, &settings, "other", 1).found);
	assert_false(candidate_match(&account, &settings, "ether", 2).found);
}

static void none_equals_nothing(void **state)
{
	const struct candidate none = { .found = false }, some = { .found = true };

	assert_false(candidate_equal(none, none));
	assert_false(candidate_equal(none, some));
	assert_true(candidate_equal(some, some));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_account_is_as_safe_as_it_can_be),
		cmocka_unit_test(each_server_and_pin_is_recognised),
		cmocka_unit_test(an_account_that_was_weakened_is_not_ours),
		cmocka_unit_test(none_equals_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
