/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answers are real ones of vpncmd 5.01.9674, shared with the fuzzer. */
#include "vpnd/vpncmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/state_file.h"
#include "tests/support/test.h"

static char *read_sample(const char *name, size_t *ret_size)
{
	_cleanup_free_ char *path = xasprintf("%s/../fuzz/corpus/vpncmd/%s", getenv("TEST_DATA"),
					      name);
	char *text = NULL;

	assert_int_equal(file_read(path, 65536, &text, ret_size), 0);
	return text;
}

static int parse_sample(const char *name, struct vpncmd_state *state)
{
	size_t size;
	_cleanup_free_ char *text = read_sample(name, &size);

	return vpncmd_parse_state(state, text, size, "ether", "evercam");
}

static bool find_in_sample(const char *name, struct vpncmd_error *error)
{
	size_t size;
	_cleanup_free_ char *text = read_sample(name, &size);

	return vpncmd_find_error(error, text, size);
}

static const struct vpncmd_account golden_account = {
	.host = "192.0.2.1/tcp",
	.port = 80,
	.hub = "GW",
	.username = "gateway7",
	.nic = "ether",
	.certificate_sha1 = "7671633D49F4D44C4E4E276BDE094BB883080D84",
	.server_certificate_sha1 = "159C65DDDD44C52FCE0C95FD1E060D5CCC933F73",
	.tcp_connections = 1,
	.verify_server = true,
	.retry_untrusted = true,
	.keep_routes = true,
	.without_udp = true,
};

static void a_connected_account_is_read_whole(void **fixture)
{
	const struct mac_address mac = { { 0x02, 0xac, 0, 0, 0, 7 } };
	struct vpncmd_state state;

	assert_int_equal(parse_sample("connected", &state), 0);
	assert_true(state.nic_exists);
	assert_true(mac_equal(&state.nic_mac, &mac));
	assert_true(state.account_exists);
	assert_int_equal(state.session, VPNCMD_CONNECTED);
	assert_true(vpncmd_account_equal(&state.account, &golden_account));
	assert_string_equal(state.session_since, "2026-11-20 (Fri) 11:52:28");
}

static void nothing_there_is_an_answer_too(void **fixture)
{
	struct vpncmd_state state;

	assert_int_equal(parse_sample("empty", &state), 0);
	assert_false(state.nic_exists);
	assert_false(state.account_exists);
	assert_int_equal(state.session, VPNCMD_OFFLINE);
}

static void retrying_is_not_connected(void **fixture)
{
	struct vpncmd_state state;

	assert_int_equal(parse_sample("connecting", &state), 0);
	assert_int_equal(state.session, VPNCMD_CONNECTING);
	assert_string_equal(state.session_since, "");
	assert_int_equal(parse_sample("offline", &state), 0);
	assert_int_equal(state.session, VPNCMD_OFFLINE);
	assert_true(state.account_exists);
}

static void a_missing_service_is_told_from_an_unknown_answer(void **fixture)
{
	struct vpncmd_state state;

	assert_int_equal(parse_sample("no-client", &state), -ECONNREFUSED);
	assert_int_equal(parse_sample("cut", &state), -EBADMSG);
	assert_int_equal(parse_sample("bare-prompt", &state), -EBADMSG);
	assert_int_equal(vpncmd_parse_state(&state, "", 0, "ether", "evercam"), -EBADMSG);
}

static void another_account_or_adapter_is_not_ours(void **fixture)
{
	struct vpncmd_state state;
	size_t size;
	_cleanup_free_ char *text = read_sample("connected", &size);

	assert_int_equal(vpncmd_parse_state(&state, text, size, "eth", "everca"), 0);
	assert_false(state.nic_exists);
	assert_false(state.account_exists);
}

static void what_the_server_says_cannot_pose_as_the_client(void **fixture)
{
	struct vpncmd_state state;

	assert_int_equal(parse_sample("quotes", &state), 0);
	assert_false(state.nic_exists && state.nic_mac.octets[0]);
	assert_string_equal(state.account.server_certificate_sha1, "");
	assert_int_equal(vpncmd_parse_time(state.session_since), 0);
}

static void the_first_real_error_is_found(void **fixture)
{
	struct vpncmd_error error;

	assert_true(find_in_sample("no-client", &error));
	assert_int_equal(error.code, 1);
	assert_string_equal(error.command, "");
	assert_true(find_in_sample("refused", &error));
	assert_int_equal(error.code, 36);
	assert_string_equal(error.command, "AccountSet");
	assert_string_equal(error.text, "The specified VPN Connection Setting does not exist.");
	assert_true(find_in_sample("missing-file", &error));
	assert_int_equal(error.code, 0);
	assert_string_equal(error.command, "AccountCertSet");
	assert_string_equal(error.text, "Cannot find specified file \"/nonexistent\".");
	assert_false(find_in_sample("connected", &error));
}

static void what_is_so_already_is_no_error(void **fixture)
{
	struct vpncmd_error error;

	assert_false(find_in_sample("empty", &error));
	assert_false(find_in_sample("offline", &error));
}

static void accounts_differ_in_each_setting(void **fixture)
{
	struct vpncmd_account other = golden_account;

	other.verify_server = false;
	assert_false(vpncmd_account_equal(&other, &golden_account));
	other = golden_account;
	other.retry_untrusted = false;
	assert_false(vpncmd_account_equal(&other, &golden_account));
	other = golden_account;
	other.server_certificate_sha1[0] = '0';
	assert_false(vpncmd_account_equal(&other, &golden_account));
	other = golden_account;
	other.port = 443;
	assert_false(vpncmd_account_equal(&other, &golden_account));
}

static void the_account_is_written_in_an_order_that_holds(void **fixture)
{
	const struct vpncmd_files files = { "/s/c.pem", "/s/k.pem", "/s/p.pem" };
	_cleanup_free_ char *script = vpncmd_account_script("evercam", &golden_account, &files, 5,
							    true);

	assert_string_equal(
		script, "AccountDisconnect evercam\n"
			"AccountDelete evercam\n"
			"AccountCreate evercam /SERVER:192.0.2.1/tcp:80 /HUB:GW /USERNAME:gateway7"
			" /NICNAME:ether\n"
			"AccountServerCertSet evercam /LOADCERT:/s/p.pem\n"
			"AccountServerCertEnable evercam\n"
			"AccountCertSet evercam /LOADCERT:/s/c.pem /LOADKEY:/s/k.pem\n"
			"AccountDetailSet evercam /MAXTCP:1 /INTERVAL:1 /TTL:0 /HALF:no /BRIDGE:no"
			" /MONITOR:no /NOTRACK:yes /NOQOS:no /DISABLEUDP:yes\n"
			"AccountRetrySet evercam /NUM:999 /INTERVAL:5\n"
			"AccountRetryOnServerCertEnable evercam\n"
			"AccountStartupSet evercam\n"
			"NicList\nAccountList\nAccountGet evercam\nAccountStatusGet evercam\n");
}

static void the_other_scripts_are_as_vpncmd_wants_them(void **fixture)
{
	const struct mac_address mac = { { 0x02, 0xac, 0, 0, 0, 7 } };
	_cleanup_free_ char *nic = vpncmd_nic_script("ether", &mac, true);
	_cleanup_free_ char *same_nic = vpncmd_nic_script("ether", &mac, false);
	_cleanup_free_ char *connect = vpncmd_connect_script("evercam");
	_cleanup_free_ char *disconnect = vpncmd_disconnect_script("evercam");
	_cleanup_free_ char *forget = vpncmd_forget_script("evercam", "ether");

	assert_string_equal(nic, "NicCreate ether\nNicSetSetting ether /MAC:02:ac:00:00:00:07\n");
	assert_string_equal(same_nic, "NicSetSetting ether /MAC:02:ac:00:00:00:07\n");
	assert_string_equal(connect, "AccountStartupSet evercam\nAccountConnect evercam\n");
	assert_string_equal(disconnect,
			    "AccountStartupRemove evercam\nAccountDisconnect evercam\n");
	assert_string_equal(forget, "AccountDisconnect evercam\nAccountDelete evercam\n"
				    "NicDelete ether\n"
				    "NicList\nAccountList\nAccountGet evercam\n"
				    "AccountStatusGet evercam\n");
}

static void argv_holds_no_setting(void **fixture)
{
	const char *argv[VPNCMD_ARGV_COUNT];
	_cleanup_free_ char *in_option = NULL;

	vpncmd_build_argv(argv, &in_option, "/usr/bin/vpncmd", "/s/vpncmd.in");
	assert_string_equal(argv[0], "/usr/bin/vpncmd");
	assert_string_equal(argv[1], "localhost");
	assert_string_equal(argv[2], "/CLIENT");
	assert_string_equal(argv[3], "/CSV");
	assert_string_equal(argv[4], "/IN:/s/vpncmd.in");
	assert_null(argv[5]);
}

static void only_plain_words_reach_a_command_file(void **fixture)
{
	assert_true(vpncmd_word_is_safe("/var/lib/evercam-gateway/vpnd"));
	assert_false(vpncmd_word_is_safe(""));
	assert_false(vpncmd_word_is_safe(NULL));
	assert_false(vpncmd_word_is_safe("-x"));
	assert_false(vpncmd_word_is_safe("a b"));
	assert_false(vpncmd_word_is_safe("a\nAccountDelete"));
	assert_false(vpncmd_word_is_safe("a\"b"));
	assert_false(vpncmd_word_is_safe("caf\xc3\xa9"));
}

static void times_are_local_time(void **fixture)
{
	setenv("TZ", "UTC", 1);
	assert_int_equal(vpncmd_parse_time("2026-11-20 (Fri) 11:52:28"), 1795175548);
	assert_int_equal(vpncmd_parse_time("-"), 0);
	assert_int_equal(vpncmd_parse_time("2026-13-20 (Fri) 11:52:28"), 0);
	assert_int_equal(vpncmd_parse_time("2026-11-20 (Fri) 11:52:280"), 0);
	assert_int_equal(vpncmd_parse_time(""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connected_account_is_read_whole),
		cmocka_unit_test(nothing_there_is_an_answer_too),
		cmocka_unit_test(retrying_is_not_connected),
		cmocka_unit_test(a_missing_service_is_told_from_an_unknown_answer),
		cmocka_unit_test(another_account_or_adapter_is_not_ours),
		cmocka_unit_test(what_the_server_says_cannot_pose_as_the_client),
		cmocka_unit_test(the_first_real_error_is_found),
		cmocka_unit_test(what_is_so_already_is_no_error),
		cmocka_unit_test(accounts_differ_in_each_setting),
		cmocka_unit_test(the_account_is_written_in_an_order_that_holds),
		cmocka_unit_test(the_other_scripts_are_as_vpncmd_wants_them),
		cmocka_unit_test(argv_holds_no_setting),
		cmocka_unit_test(only_plain_words_reach_a_command_file),
		cmocka_unit_test(times_are_local_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
