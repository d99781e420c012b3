/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vpn-service/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/memory.h"
#include "common/netstring.h"
#include "tests/support/test.h"

static struct protocol_request request;
static struct protocol_problem problem;

static int parse(const char *text)
{
	protocol_request_deinit(&request);
	return protocol_parse(&request, &problem, text, strlen(text));
}

static void assert_problem(const char *text, enum protocol_error error)
{
	assert_int_equal(parse(text), -EINVAL);
	assert_int_equal(problem.error, error);
	assert_non_null(problem.detail);
}

static void test_create_is_the_default(void **state)
{
	assert_int_equal(parse("{\"token\":\"t\",\"gateway_id\":17,\"csr\":\"PEM\"}"), 0);
	assert_int_equal(request.action, PROTOCOL_CREATE);
	assert_int_equal(request.gateway_id, 17);
	assert_string_equal(request.token, "t");
	assert_string_equal(request.csr, "PEM");
	assert_int_equal(
		parse("{\"action\":\"create\",\"gateway_id\":4294967295,\"csr\":\"x\",\"new\":[]}"),
		0);
	assert_int_equal(request.gateway_id, UINT32_MAX);
	assert_string_equal(request.token, "");
}

static void test_other_actions(void **state)
{
	assert_int_equal(parse("{\"action\":\"delete\",\"token\":\"t\",\"gateway_id\":1}"), 0);
	assert_int_equal(request.action, PROTOCOL_DELETE);
	assert_int_equal(parse("{\"action\":\"status\",\"token\":\"t\"}"), 0);
	assert_int_equal(request.action, PROTOCOL_STATUS);
	assert_int_equal(request.after, 0);
	assert_int_equal(parse("{\"action\":\"status\",\"token\":\"t\",\"after\":256}"), 0);
	assert_int_equal(request.after, 256);
	assert_int_equal(parse("{\"action\":\"forwards\",\"token\":\"t\",\"revision\":1}"), 0);
	assert_int_equal(request.action, PROTOCOL_FORWARDS);
}

static void test_not_json(void **state)
{
	static const char *const bad[] = {
		"", "{", "nonsense", "[]", "\"x\"", "17", "null", "{}x"
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_problem(bad[i], PROTOCOL_PARSING_FAILED);
}

static void test_wrong_values(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"action\":\"explode\"}",
		"{\"action\":7}",
		"{\"action\":\"create\",\"csr\":\"x\"}",
		"{\"gateway_id\":1}",
		"{\"gateway_id\":1,\"csr\":7}",
		"{\"gateway_id\":0,\"csr\":\"x\"}",
		"{\"gateway_id\":-1,\"csr\":\"x\"}",
		"{\"gateway_id\":1.5,\"csr\":\"x\"}",
		"{\"gateway_id\":4294967296,\"csr\":\"x\"}",
		"{\"gateway_id\":\"1\",\"csr\":\"x\"}",
		"{\"action\":\"delete\"}",
		"{\"action\":\"status\",\"after\":-1}",
		"{\"token\":[],\"gateway_id\":1,\"csr\":\"x\"}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_problem(bad[i], PROTOCOL_INVALID);
}

static void test_long_values(void **state)
{
	_cleanup_free_ char *text = xcalloc(1, PROTOCOL_CSR_MAX + 100);
	_cleanup_free_ char *padded = xcalloc(1, NETSTRING_MAX_PAYLOAD + 2);
	size_t length = (size_t)snprintf(text, 64, "{\"gateway_id\":1,\"csr\":\"");

	memset(text + length, 'x', PROTOCOL_CSR_MAX + 1);
	memcpy(text + length + PROTOCOL_CSR_MAX + 1, "\"}", sizeof("\"}"));
	assert_problem(text, PROTOCOL_INVALID);
	memset(padded, ' ', NETSTRING_MAX_PAYLOAD + 1);
	padded[0] = '{';
	padded[NETSTRING_MAX_PAYLOAD] = '}';
	assert_problem(padded, PROTOCOL_PARSING_FAILED);
}

static void test_token_is_there_on_failure_too(void **state)
{
	assert_problem("{\"token\":\"secret\",\"action\":\"explode\"}", PROTOCOL_INVALID);
	assert_string_equal(request.token, "secret");
}

static void test_answers(void **state)
{
	char *certificates[] = { (char *)"one", (char *)"two", NULL };
	const struct protocol_account account = {
		.vpn_username = "gateway1",
		.vpn_hub = "gateways",
		.vpn_port = 80,
		.vpn_hostname = "vpn.example.com",
		.vpn_local_hostname = "gateway1.vpn.example",
		.vpn_mac_address = "02:ac:00:00:00:01",
		.vpn_ip_address = "10.44.0.16",
		.vpn_prefix_length = 20,
		.vpn_certificate = "a\nb",
		.vpn_server_certificates = certificates,
	};
	_cleanup_free_ char *created = protocol_answer_account(&account);
	_cleanup_free_ char *deleted = protocol_answer_deleted();
	_cleanup_free_ char *failed = protocol_answer_error(PROTOCOL_EXHAUSTED, "no address");

	assert_string_equal(
		created,
		"{\"vpn_username\":\"gateway1\",\"vpn_hub\":\"gateways\",\"vpn_port\":80,"
		"\"vpn_hostname\":\"vpn.example.com\",\"vpn_local_hostname\":\"gateway1.vpn."
		"example\","
		"\"vpn_mac_address\":\"02:ac:00:00:00:01\",\"vpn_ip_address\":\"10.44.0.16\","
		"\"vpn_prefix_length\":20,\"vpn_certificate\":\"a\\nb\","
		"\"vpn_server_certificates\":[\"one\",\"two\"]}");
	assert_string_equal(deleted, "{\"deleted\":true}");
	assert_string_equal(failed, "{\"error\":\"exhausted\",\"detail\":\"no address\"}");
}

static void test_status(void **state)
{
	struct protocol_status *status = xnew(struct protocol_status);
	_cleanup_free_ char *text = NULL, *full = NULL;

	status->gateway_count = 2;
	status->sessions = 1;
	status->gateways[0] = (struct protocol_gateway){
		.gateway_id = 1,
		.connected_since = 1795174250,
		.client_address = "192.0.2.1",
		.vpn_ip_address = "10.44.0.16",
		.bytes_in = 1ULL << 50,
		.bytes_out = 7,
	};
	status->gateways[1] = (struct protocol_gateway){ .gateway_id = 2,
							 .vpn_ip_address = "10.44.0.17" };
	text = protocol_answer_status(status, "1.0");
	assert_string_equal(
		text,
		"{\"gateways\":[{\"gateway_id\":1,\"connected_since\":\"2026-11-20T11:30:50Z\","
		"\"client_address\":\"192.0.2.1\",\"vpn_ip_address\":\"10.44.0.16\","
		"\"bytes_in\":1125899906842624,\"bytes_out\":7},"
		"{\"gateway_id\":2,\"vpn_ip_address\":\"10.44.0.17\",\"bytes_in\":0,"
		"\"bytes_out\":0}],\"sessions\":1,\"version\":\"1.0\"}");
	/* The longest list there can be fits a netstring. */
	for (unsigned i = 0; i < PROTOCOL_STATUS_MAX; i++)
		status->gateways[i] = (struct protocol_gateway){
			.gateway_id = UINT32_MAX - i,
			.connected_since = 1795174250,
			.client_address = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
			.vpn_ip_address = "255.255.255.255",
			.bytes_in = INT64_MAX / 1024,
			.bytes_out = INT64_MAX / 1024,
		};
	status->gateway_count = PROTOCOL_STATUS_MAX;
	status->more = true;
	full = protocol_answer_status(status, "1.0");
	assert_true(strlen(full) < NETSTRING_MAX_PAYLOAD);
	assert_non_null(strstr(full, "\"more\":true"));
	free(status);
}

static int forget(void **state)
{
	protocol_request_deinit(&request);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_is_the_default),
		cmocka_unit_test(test_other_actions),
		cmocka_unit_test(test_not_json),
		cmocka_unit_test(test_wrong_values),
		cmocka_unit_test(test_long_values),
		cmocka_unit_test(test_token_is_there_on_failure_too),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_status),
	};

	return cmocka_run_group_tests_name("vpn protocol", tests, NULL, forget);
}
