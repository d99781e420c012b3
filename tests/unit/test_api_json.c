/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The API's documents: good ones in full, and every way a member can be wrong. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/json.h"
#include "common/memory.h"
#include "gatewayd/api_report.h"
#include "gatewayd/configuration.h"
#include "gatewayd/rule_list.h"

#define PEM "-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n"
#define GOOD_CONFIGURATION                                                                  \
	"{\"revision\":7,\"gateway_id\":12,\"vpn_hub\":\"EVERCAM\",\"vpn_username\":"       \
	"\"gateway12\",\"vpn_servers\":[{\"vpn_hostname\":\"vpn.example\",\"vpn_port\":80," \
	"\"priority\":1},{\"vpn_hostname\":\"2001:db8::1\",\"vpn_port\":443}],"             \
	"\"vpn_server_certificates\":[\"" PEM "\"],\"vpn_certificate\":\"" PEM "\","        \
	"\"vpn_mac_address\":\"5E:00:00:00:00:0c\",\"vpn_ip_address\":\"10.44.0.12\","      \
	"\"vpn_prefix_length\":20,\"vpn_local_hostname\":\"gateway12.vpn.example\","        \
	"\"api_endpoints\":[\"https://api.example\"],\"expose\":{\"auto\":true},\"new\":[]}"
#define GOOD_RULES                                                                     \
	"[{\"rule_id\":1,\"protocol\":\"tcp\",\"local_port_id\":10000,\"port_id\":80," \
	"\"ip_address\":\"192.168.1.10\",\"mac_address\":\"aa:bb:cc:00:00:01\","       \
	"\"name\":\"Gate\",\"expires_at\":\"2030-01-01T00:00:00Z\"},"                  \
	"{\"rule_id\":2,\"protocol\":\"udp\",\"local_port_id\":10001,\"port_id\":554," \
	"\"ip_address\":\"192.168.1.11\",\"allow_from\":[\"10.0.0.0/8\"]}]"

/* text with the first occurrence of from replaced; owned. */
static char *replaced(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	assert_non_null(at);
	return xasprintf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

static void configuration_good(void **state)
{
	_cleanup_(configuration_freep) struct configuration *configuration = NULL;
	struct api_problem problem;

	assert_int_equal(configuration_parse(&configuration, GOOD_CONFIGURATION,
					     strlen(GOOD_CONFIGURATION), &problem),
			 0);
	assert_int_equal(configuration->revision, 7);
	assert_int_equal(configuration->gateway_id, 12);
	assert_string_equal(configuration->vpn_hub, "EVERCAM");
	assert_string_equal(configuration->vpn_username, "gateway12");
	assert_int_equal(configuration->vpn_server_count, 2);
	assert_string_equal(configuration->vpn_servers[1].hostname, "2001:db8::1");
	assert_int_equal(configuration->vpn_servers[0].priority, 1);
	assert_int_equal(configuration->vpn_servers[1].port, 443);
	assert_int_equal(strv_length(configuration->vpn_server_certificates), 1);
	assert_int_equal(configuration->vpn_address.length, 20);
	assert_int_equal(configuration->vpn_mac_address.octets[0], 0x5e);
	assert_string_equal(configuration->vpn_local_hostname, "gateway12.vpn.example");
}

static void configuration_single_server(void **state)
{
	_cleanup_(configuration_freep) struct configuration *configuration = NULL;
	_cleanup_free_ char *text = replaced(
		GOOD_CONFIGURATION, "\"vpn_servers\"",
		"\"vpn_hostname\":\"one.example\",\"vpn_port\":443,\"ignored\"");
	struct api_problem problem;

	assert_int_equal(configuration_parse(&configuration, text, strlen(text), &problem), 0);
	assert_int_equal(configuration->vpn_server_count, 1);
	assert_string_equal(configuration->vpn_servers[0].hostname, "one.example");
}

static const struct {
	const char *from, *to, *problem;
} bad_configurations[] = {
	{ "\"revision\":7,", "", "revision is missing" },
	{ "\"revision\":7", "\"revision\":\"7\"", "revision is not valid" },
	{ "\"revision\":7", "\"revision\":-1", "revision is not valid" },
	{ "\"revision\":7", "\"revision\":1.5", "revision is not valid" },
	{ "\"revision\":7", "\"revision\":1e300", "revision is not valid" },
	{ "\"gateway_id\":12", "\"gateway_id\":0", "gateway_id is not valid" },
	{ "\"EVERCAM\"", "\"EVER CAM\"", "vpn_hub is not valid" },
	{ "\"EVERCAM\"", "\"-x\"", "vpn_hub is not valid" },
	{ "\"EVERCAM\"", "\"\"", "vpn_hub is not valid" },
	{ "\"EVERCAM\"", "[]", "vpn_hub is not valid" },
	{ "\"gateway12\"", "\"a;reboot\"", "vpn_username is not valid" },
	{ "\"vpn.example\"", "\"vpn$(x)\"", "vpn_hostname is not valid" },
	{ "\"vpn_port\":80", "\"vpn_port\":0", "vpn_port is not valid" },
	{ "\"vpn_port\":80", "\"vpn_port\":65536", "vpn_port is not valid" },
	{ "{\"vpn_hostname\":\"vpn.example\"", "7,{\"vpn_hostname\":\"vpn.example\"",
	  "vpn_servers holds something that is not an object" },
	{ "\"vpn_servers\":[", "\"vpn_servers\":[],\"x\":[", "vpn_servers is empty" },
	{ "\"vpn_server_certificates\":[", "\"vpn_server_certificates\":[],\"x\":[",
	  "vpn_server_certificates is empty" },
	{ "\"vpn_server_certificates\":[\"-----B", "\"vpn_server_certificates\":[\"-----X",
	  "vpn_server_certificates holds something that is no PEM certificate" },
	{ "\"vpn_certificate\":\"-", "\"vpn_certificate\":\"=", "vpn_certificate is not valid" },
	{ "5E:00", "01:00", "vpn_mac_address is not valid" },
	{ "10.44.0.12", "10.44.0.1200", "vpn_ip_address is not valid" },
	{ "10.44.0.12", "127.0.0.1", "vpn_ip_address is not valid" },
	{ "\"vpn_prefix_length\":20", "\"vpn_prefix_length\":33",
	  "vpn_prefix_length is not valid" },
	{ "{\"revision\"", "[{\"revision\"", "the answer is not JSON" },
};

static void configuration_bad(void **state)
{
	struct configuration *configuration = NULL;
	struct api_problem problem;

	for (size_t i = 0; i < ARRAY_SIZE(bad_configurations); i++) {
		_cleanup_free_ char *text = replaced(GOOD_CONFIGURATION, bad_configurations[i].from,
						     bad_configurations[i].to);

		assert_int_equal(configuration_parse(&configuration, text, strlen(text), &problem),
				 -EINVAL);
		assert_null(configuration);
		assert_string_equal(problem.text, bad_configurations[i].problem);
	}
}

static void configuration_compares(void **state)
{
	_cleanup_(configuration_freep) struct configuration *a = NULL, *b = NULL, *c = NULL;
	_cleanup_free_ char *later = replaced(GOOD_CONFIGURATION, ":7", ":8");
	_cleanup_free_ char *other = replaced(GOOD_CONFIGURATION, ":443", ":992");
	struct api_problem problem;

	assert_int_equal(
		configuration_parse(&a, GOOD_CONFIGURATION, strlen(GOOD_CONFIGURATION), &problem),
		0);
	assert_int_equal(configuration_parse(&b, later, strlen(later), &problem), 0);
	assert_int_equal(configuration_parse(&c, other, strlen(other), &problem), 0);
	assert_true(configuration_same_vpn(a, b));
	assert_false(configuration_same_vpn(a, c));
}

static void rules_good(void **state)
{
	_cleanup_(rule_list_freep) struct rule_list *list = NULL;
	struct api_problem problem;

	assert_int_equal(rule_list_parse(&list, GOOD_RULES, strlen(GOOD_RULES), &problem), 0);
	assert_int_equal(list->count, 2);
	assert_int_equal(list->rules[0].local_port_id, 10000);
	assert_true(list->rules[0].follows_device);
	assert_int_equal(list->rules[0].allow_from_count, 0);
	assert_int_equal(list->rules[0].expires_at, 1893456000);
	assert_string_equal(list->rules[0].name, "Gate");
	assert_int_equal(list->rules[1].protocol, RULE_UDP);
	assert_true(list->rules[1].allow_from_count > 0);
}

static void rules_empty(void **state)
{
	_cleanup_(rule_list_freep) struct rule_list *list = NULL;
	struct api_problem problem;

	assert_int_equal(rule_list_parse(&list, "[]", 2, &problem), 0);
	assert_int_equal(list->count, 0);
}

static const struct {
	const char *from, *to, *problem;
} bad_rules[] = {
	{ "[{\"rule_id\"", "{\"rule_id\"", "the answer is not a JSON list of rules" },
	{ "[{", "[null,{", "rules[0]: not an object" },
	{ "\"rule_id\":2,", "", "rules[1]: rule_id is missing" },
	{ "\"udp\"", "\"sctp\"", "rules[1]: protocol is not valid" },
	{ "\"port_id\":80", "\"port_id\":80000", "rules[0]: port_id is not valid" },
	{ "10001", "\"10001\"", "rules[1]: local_port_id is not valid" },
	{ "192.168.1.11", "camera.local", "rules[1]: ip_address is not valid" },
	{ "aa:bb:cc:00:00:01", "aa:bb", "rules[0]: mac_address is not valid" },
	{ "10.0.0.0/8", "10.0.0.0/99", "rules[1]: allow_from is not valid" },
	{ "[\"10.0.0.0/8\"]", "[7]", "rules[1]: allow_from is not valid" },
	{ "2030-01-01T00:00:00Z", "tomorrow", "rules[0]: expires_at is not valid" },
	{ "\"Gate\"", "{}", "rules[0]: name is not valid" },
};

static void rules_bad(void **state)
{
	struct rule_list *list = NULL;
	struct api_problem problem;

	for (size_t i = 0; i < ARRAY_SIZE(bad_rules); i++) {
		_cleanup_free_ char *text = replaced(GOOD_RULES, bad_rules[i].from,
						     bad_rules[i].to);

		if (i == 0)
			text[strlen(text) - 1] = '\0';
		assert_int_equal(rule_list_parse(&list, text, strlen(text), &problem), -EINVAL);
		assert_null(list);
		assert_string_equal(problem.text, bad_rules[i].problem);
	}
}

static int token_result(const char *text, struct api_token *token)
{
	struct api_problem problem;

	return api_token_parse(token, text, strlen(text), &problem);
}

static void token(void **state)
{
	struct api_token token = { 0 }, again = { 0 };
	_cleanup_free_ char *copy = NULL;

	assert_int_equal(token_result("{\"token\":\"abc\",\"gateway_id\":3,"
				      "\"expires_at\":\"2026-12-20T00:00:00Z\"}",
				      &token),
			 0);
	token.obtained_at = 1700000000;
	copy = api_token_print(&token);
	assert_int_equal(token_result(copy, &again), 0);
	assert_string_equal(again.token, "abc");
	assert_int_equal(again.gateway_id, 3);
	assert_int_equal(again.expires_at, token.expires_at);
	assert_int_equal(again.obtained_at, 1700000000);
	api_token_clear(&token);
	api_token_clear(&again);
	/* A line break would let the API write our headers. */
	assert_int_equal(token_result("{\"token\":\"a\\r\\nX: y\",\"gateway_id\":3}", &token),
			 -EINVAL);
	assert_int_equal(token_result("{\"token\":\"\",\"gateway_id\":3}", &token), -EINVAL);
	assert_int_equal(token_result("{\"token\":7,\"gateway_id\":3}", &token), -EINVAL);
	assert_int_equal(token_result("{\"token\":\"a\"}", &token), -EINVAL);
	assert_null(token.token);
}

static void announcement(void **state)
{
	struct announcement answer = { 0 };
	struct api_problem problem;

	assert_int_equal(announcement_parse(&answer, "{\"status\":\"pending\",\"retry_after\":5}",
					    36, &problem),
			 0);
	assert_false(answer.approved);
	assert_int_equal(answer.retry_after_seconds, 5);
	assert_int_equal(announcement_parse(&answer, "{\"status\":\"approved\"}", 21, &problem), 0);
	assert_true(answer.approved);
	assert_int_equal(announcement_parse(&answer, "{\"status\":\"x\"}", 14, &problem), -EINVAL);
	assert_int_equal(announcement_parse(&answer, "[]", 2, &problem), -EINVAL);
	assert_int_equal(announcement_parse(&answer, "", 0, &problem), -EINVAL);
}

static void changes(void **state)
{
	static const char text[] =
		"{\"revision\":9,\"changed\":[\"rules\",\"later\",\"identify\"]}";
	struct changes changes = { 0 };
	struct api_problem problem;

	assert_int_equal(changes_parse(&changes, text, strlen(text), &problem), 0);
	assert_int_equal(changes.revision, 9);
	assert_int_equal(changes.changed, CHANGED_RULES | CHANGED_IDENTIFY);
	assert_int_equal(changes_parse(&changes, "{\"revision\":9,\"changed\":[3]}", 28, &problem),
			 -EINVAL);
	assert_int_equal(changes_parse(&changes, "{\"revision\":9}", 14, &problem), -EINVAL);
}

static void problem_documents(void **state)
{
	static const char text[] = "{\"title\":\"Gone\",\"detail\":\"revoked\\nby its owner\"}";
	_cleanup_free_ char *sentence = problem_document_parse(text, strlen(text));

	assert_string_equal(sentence, "Gone: revoked by its owner");
	assert_null(problem_document_parse("<html>", 6));
	assert_null(problem_document_parse("{\"title\":3}", 11));
}

static void etags(void **state)
{
	assert_int_equal(etag_revision("\"17\""), 17);
	assert_int_equal(etag_revision("W/\"8\""), 8);
	assert_int_equal(etag_revision("5"), 5);
	assert_int_equal(etag_revision("\"abc\""), 0);
	assert_int_equal(etag_revision("\"99999999999999999999999\""), 0);
	assert_int_equal(etag_revision(NULL), 0);
}

static void reports(void **state)
{
	char *evidence[] = { (char *)"wsd", (char *)"\xff", NULL };
	struct device_port port = { .port = 554, .service = (char *)"rtsp" };
	struct device_report device = {
		.mac = { { 0xaa, 0xbb, 0xcc, 0, 0, 1 } },
		.ports = &port,
		.port_count = 1,
		.vendor = (char *)"Axis",
		.model = (char *)"P1448",
		.serial = (char *)"\xc3", /* not UTF-8: left out */
		.evidence = evidence,
		.confidence = 0.9,
		.last_seen = 1700000000,
		.online = true,
	};
	const struct device_report *devices[] = { &device };
	_cleanup_free_ char *with = NULL, *without = NULL;

	assert_int_equal(netaddr_parse(&device.address, "192.168.1.10"), 0);
	with = device_reports_print(devices, 1, true);
	without = device_reports_print(devices, 1, false);
	assert_string_equal(
		without,
		"[{\"mac_address\":\"aa:bb:cc:00:00:01\",\"ip_address\":\"192.168.1.10\","
		"\"ports\":[{\"port_id\":554,\"service\":\"rtsp\"}],\"vendor_id\":\"Axis\","
		"\"model_id\":\"P1448\",\"friendly_name\":\"Axis P1448\",\"kind\":\"camera\","
		"\"confidence\":0.9,\"evidence\":[\"wsd\"],\"online\":true}]");
	assert_non_null(strstr(with, "\"last_seen\":\"2023-11-14T22:13:20Z\""));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(configuration_good),
		cmocka_unit_test(configuration_single_server),
		cmocka_unit_test(configuration_bad),
		cmocka_unit_test(configuration_compares),
		cmocka_unit_test(rules_good),
		cmocka_unit_test(rules_empty),
		cmocka_unit_test(rules_bad),
		cmocka_unit_test(token),
		cmocka_unit_test(announcement),
		cmocka_unit_test(changes),
		cmocka_unit_test(problem_documents),
		cmocka_unit_test(etags),
		cmocka_unit_test(reports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
