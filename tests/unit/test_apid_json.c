/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What gateways, people and vpn-service send: good documents, and each member wrong in turn. */
#include "tests/support/test.h"

#include <string.h>

#include "apid/gateway_json.h"
#include "apid/vpn_protocol.h"
#include "common/memory.h"

#define SECRET "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define PEM    "-----BEGIN CERTIFICATE-----\\nAA\\n-----END CERTIFICATE-----\\n"

static cJSON *parse(const char *text)
{
	cJSON *json = NULL;

	assert_int_equal(json_parse(&json, text, strlen(text)), 0);
	return json;
}

/* text with the first occurrence of from replaced; owned. */
static char *replaced(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	assert_non_null(at);
	return xasprintf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

struct variation {
	const char *from, *to;
};

/* --- announcement --- */

#define ANNOUNCEMENT                                                                 \
	"{\"mac_address\":\"AA:BB:CC:00:00:01\",\"m2m_secret\":\"" SECRET            \
	"\",\"csr\":\"x\",\"hostname\":\"box\",\"sw_version\":\"1\",\"interfaces\":" \
	"[{\"name\":\"eth0\",\"mac_address\":\"00:00:00:00:00:00\",\"ip_address\":"  \
	"\"192.168.1.2\",\"prefix_length\":24,\"unknown\":1}],\"unknown\":{}}"

static int announce(const char *text)
{
	_cleanup_(announcement_clear) struct announcement announcement = { .secret = NULL };
	_cleanup_json_ cJSON *json = parse(text);
	struct json_problem problem;

	return announcement_parse(&announcement, json, &problem);
}

static void announcement_good(void **state)
{
	_cleanup_(announcement_clear) struct announcement announcement = { .secret = NULL };
	_cleanup_json_ cJSON *json = parse(ANNOUNCEMENT);
	struct json_problem problem;

	assert_int_equal(announcement_parse(&announcement, json, &problem), 0);
	assert_string_equal(announcement.mac_address, "aa:bb:cc:00:00:01");
	assert_string_equal(announcement.secret, SECRET);
	assert_string_equal(announcement.hostname, "box");
	assert_string_equal(announcement.interfaces, "[{\"name\":\"eth0\",\"prefix_length\":24,"
						     "\"ip_address\":\"192.168.1.2\"}]");
}

static void announcement_bad(void **state)
{
	static const struct variation variations[] = {
		{ "\"AA:BB:CC:00:00:01\"", "\"AA:BB:CC:00:00\"" },
		{ "\"AA:BB:CC:00:00:01\"", "\"00:00:00:00:00:00\"" },
		{ "\"AA:BB:CC:00:00:01\"", "\"01:00:5e:00:00:01\"" },
		{ "\"AA:BB:CC:00:00:01\"", "null" },
		{ SECRET, "short" },
		{ "\"x\"", "7" },
		{ "\"box\"", "[]" },
		{ "\"1\"", "1" },
		{ "[{", "[7,{" },
		{ "eth0", "a-name-that-is-far-too-long" },
		{ "192.168.1.2", "127.0.0.1" },
		{ "24", "129" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(variations); i++) {
		_cleanup_free_ char *text = replaced(ANNOUNCEMENT, variations[i].from,
						     variations[i].to);

		assert_true(announce(text) < 0);
	}
	assert_true(announce("[]") < 0);
	assert_true(announce("{}") < 0);
}

/* --- devices --- */

#define DEVICE                                                                       \
	"{\"mac_address\":\"AA:BB:CC:00:00:01\",\"ip_address\":\"192.168.1.5\","     \
	"\"ports\":[{\"port_id\":554,\"service\":\"rtsp\"}],\"vendor_id\":\"acme\"," \
	"\"kind\":\"camera\",\"confidence\":0.9,\"evidence\":[\"onvif\"],"           \
	"\"first_seen\":\"2026-11-20T10:00:00.5Z\",\"default_password\":\"x\"}"

static int devices(struct device_list *ret_list, const char *text)
{
	_cleanup_json_ cJSON *json = parse(text);
	struct json_problem problem;

	return device_list_parse(ret_list, json, &problem);
}

static void devices_good(void **state)
{
	_cleanup_(device_list_clear) struct device_list list = { .count = 0 };

	assert_int_equal(devices(&list, "[" DEVICE "," DEVICE ",{\"ip_address\":\"10.0.0.9\"}]"),
			 0);
	assert_int_equal(list.count, 2); /* the same MAC address is one device */
	assert_string_equal(list.devices[0].mac_address, "aa:bb:cc:00:00:01");
	assert_int_equal(list.devices[0].port_count, 1);
	assert_int_equal(list.devices[0].ports[0].port, 554);
	assert_true(list.devices[0].is_camera);
	assert_string_equal(list.devices[0].json,
			    "{\"mac_address\":\"aa:bb:cc:00:00:01\",\"ip_address\":"
			    "\"192.168.1.5\",\"ports\":[{\"port_id\":554,\"service\":\"rtsp\"}],"
			    "\"vendor_id\":\"acme\",\"kind\":\"camera\",\"evidence\":[\"onvif\"],"
			    "\"confidence\":0.9,\"first_seen\":\"2026-11-20T10:00:00Z\","
			    "\"online\":true}");
	assert_string_equal(list.devices[1].mac_address, "");
}

static void devices_bad(void **state)
{
	static const struct variation variations[] = {
		{ "\"AA:BB:CC:00:00:01\"", "\"ff:ff:ff:ff:ff:ff\"" },
		{ "\"192.168.1.5\"", "\"192.168.1.500\"" },
		{ "554", "0" },
		{ "554", "1.5" },
		{ "\"rtsp\"", "\"a-service-with-a-very-long-name\"" },
		{ "[{\"port_id\"", "[7,{\"port_id\"" },
		{ "\"acme\"", "{}" },
		{ "\"camera\"", "\"toaster\"" },
		{ "0.9", "1.1" },
		{ "[\"onvif\"]", "[1]" },
		{ "[\"onvif\"]", "\"onvif\"" },
		{ "2026-11-20T10:00:00.5Z", "yesterday" },
	};
	struct device_list list = { .count = 0 };

	for (size_t i = 0; i < ARRAY_SIZE(variations); i++) {
		_cleanup_free_ char *text = replaced("[" DEVICE "]", variations[i].from,
						     variations[i].to);

		assert_true(devices(&list, text) < 0);
		assert_int_equal(list.count, 0);
	}
	assert_true(devices(&list, "{}") < 0);
	assert_true(devices(&list, "[{}]") < 0);
}

/* --- rules --- */

#define RULE                                                                       \
	"{\"protocol\":\"udp\",\"port_id\":8080,\"ip_address\":\"192.168.1.5\","   \
	"\"mac_address\":\"aa:bb:cc:00:00:01\",\"local_port_id\":10000,"           \
	"\"allow_from\":[\"10.1.2.3/8\"],\"expires_at\":\"2030-01-01T00:00:00Z\"," \
	"\"name\":\"gate\"}"

static void rule_requests(void **state)
{
	static const struct variation variations[] = {
		{ "\"udp\"", "\"sctp\"" },
		{ "8080", "65536" },
		{ "192.168.1.5", "127.0.0.1" },
		{ "192.168.1.5", "fd00::1" },
		{ "10000", "9999" },
		{ "10000", "60000" },
		{ "10.1.2.3/8", "10.1.2.3/33" },
		{ "[\"10.1.2.3/8\"]", "{}" },
		{ "2030-01-01T00:00:00Z", "1960-01-01T00:00:00Z" },
		{ "\"gate\"", "7" },
		{ "aa:bb:cc:00:00:01", "00:00:00:00:00:00" },
	};
	_cleanup_(rule_request_clear) struct rule_request request = { .port = 0 };
	_cleanup_json_ cJSON *json = parse(RULE);
	struct json_problem problem;

	assert_int_equal(rule_request_parse(&request, json, &problem), 0);
	assert_string_equal(request.protocol, "udp");
	assert_int_equal(request.local_port, 10000);
	assert_string_equal(request.allow_from, "[\"10.0.0.0/8\"]");
	assert_int_equal(request.expires_at, 1893456000);
	for (size_t i = 0; i < ARRAY_SIZE(variations); i++) {
		_cleanup_free_ char *text = replaced(RULE, variations[i].from, variations[i].to);
		_cleanup_json_ cJSON *wrong = parse(text);
		struct rule_request refused = { .port = 0 };

		assert_true(rule_request_parse(&refused, wrong, &problem) < 0);
		assert_null(refused.allow_from);
	}
}

static void rule_reports(void **state)
{
	static const char *const wrong[] = {
		"[]",
		"{\"rules\":[]}",
		"{\"revision\":-1,\"rules\":[]}",
		"{\"revision\":1,\"rules\":{}}",
		"{\"revision\":1,\"rules\":[7]}",
		"{\"revision\":1,\"rules\":[{\"rule_id\":0,\"state\":\"active\"}]}",
		"{\"revision\":1,\"rules\":[{\"rule_id\":1,\"state\":\"new\"}]}",
		"{\"revision\":1,\"rules\":[{\"rule_id\":1,\"state\":\"active\",\"error\":1}]}",
	};
	_cleanup_(rule_report_list_clear) struct rule_report_list list = { .count = 0 };
	_cleanup_json_ cJSON *json = parse(
		"{\"revision\":5,\"rules\":[{\"rule_id\":1,\"state\":\"active\"},"
		"{\"rule_id\":2,\"state\":\"failed\",\"error\":\"why\"}]}");
	struct json_problem problem;

	assert_int_equal(rule_report_list_parse(&list, json, &problem), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.revision, 5);
	assert_null(list.reports[0].error);
	assert_string_equal(list.reports[1].error, "why");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_json_ cJSON *document = parse(wrong[i]);
		struct rule_report_list refused = { .count = 0 };

		assert_true(rule_report_list_parse(&refused, document, &problem) < 0);
	}
}

/* --- status --- */

static void statuses(void **state)
{
	static const char *const wrong[] = {
		"[]",
		"{\"uptime_seconds\":-1}",
		"{\"sw_version\":1}",
		"{\"vpn\":[]}",
		"{\"vpn\":{\"rtt_ms\":\"fast\"}}",
		"{\"vpn\":{\"address\":\"nowhere\"}}",
		"{\"vpn\":{\"since\":1}}",
		"{\"forwards\":{\"active\":70000}}",
		"{\"devices\":1.5}",
	};
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ cJSON *json = parse("{\"uptime_seconds\":5,\"x\":1,\"vpn\":{\"state\":"
					   "\"up\",\"address\":\"10.0.0.7/20\","
					   "\"x\":1},\"forwards\":{\"active\":2},\"devices\":3}");
	struct json_problem problem;

	assert_int_equal(status_parse(&text, json, &problem), 0);
	assert_string_equal(text, "{\"uptime_seconds\":5,\"vpn\":{\"state\":\"up\",\"address\":"
				  "\"10.0.0.7\"},\"forwards\":{\"active\":2},\"devices\":3}");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_json_ cJSON *document = parse(wrong[i]);
		char *refused = NULL;

		assert_true(status_parse(&refused, document, &problem) < 0);
		assert_null(refused);
	}
}

/* --- vpn-service --- */

#define ACCOUNT                                                                         \
	"{\"vpn_username\":\"gateway7\",\"vpn_hub\":\"EVERCAM\",\"vpn_port\":80,"       \
	"\"vpn_hostname\":\"vpn.example\",\"vpn_local_hostname\":\"gateway7.example\"," \
	"\"vpn_mac_address\":\"5E:00:00:00:00:07\",\"vpn_ip_address\":\"10.44.208.7\"," \
	"\"vpn_prefix_length\":20,\"vpn_certificate\":\"" PEM                           \
	"\",\"vpn_server_certificates\":[\"" PEM "\"],\"secret\":1}"

static enum vpn_answer_kind answer_kind(const char *text)
{
	_cleanup_(vpn_answer_clear) struct vpn_answer answer = { .document = NULL };

	vpn_answer_parse(&answer, text, strlen(text));
	assert_true(!!answer.document == (answer.kind == VPN_ANSWER_ACCOUNT));
	return answer.kind;
}

static void vpn_answers(void **state)
{
	static const struct variation variations[] = {
		{ "gateway7", "gate way" },
		{ "EVERCAM", "" },
		{ "80", "0" },
		{ "vpn.example", "vpn example" },
		{ "5E:", "01:" },
		{ "10.44.208.7", "10.44.208" },
		{ ":20,", ":0," },
		{ "[\"" PEM "\"]", "[]" },
		{ "[\"" PEM "\"]", "[7]" },
		{ "\"vpn_certificate\"", "\"other\"" },
		{ "-----BEGIN", "-----begin" },
	};
	_cleanup_(vpn_answer_clear) struct vpn_answer answer = { .document = NULL };

	vpn_answer_parse(&answer, ACCOUNT, strlen(ACCOUNT));
	assert_int_equal(answer.kind, VPN_ANSWER_ACCOUNT);
	assert_non_null(strstr(answer.document, "\"vpn_mac_address\":\"5e:00:00:00:00:07\""));
	assert_null(strstr(answer.document, "secret"));
	for (size_t i = 0; i < ARRAY_SIZE(variations); i++) {
		_cleanup_free_ char *text = replaced(ACCOUNT, variations[i].from, variations[i].to);

		assert_int_equal(answer_kind(text), VPN_ANSWER_INVALID);
	}
	assert_int_equal(answer_kind("{\"deleted\":true}"), VPN_ANSWER_DELETED);
	assert_int_equal(answer_kind("{\"deleted\":false}"), VPN_ANSWER_INVALID);
	assert_int_equal(answer_kind("{\"error\":\"unavailable\"}"), VPN_ANSWER_UNAVAILABLE);
	assert_int_equal(answer_kind("{\"error\":\"exhausted\",\"detail\":\"x\"}"),
			 VPN_ANSWER_REFUSED);
	assert_int_equal(answer_kind("{\"error\":7}"), VPN_ANSWER_INVALID);
	assert_int_equal(answer_kind("[]"), VPN_ANSWER_INVALID);
	assert_int_equal(answer_kind(""), VPN_ANSWER_INVALID);
}

static void vpn_requests(void **state)
{
	_cleanup_free_ char *create = vpn_create_request("t\"oken", 7, "pem");
	_cleanup_free_ char *delete = vpn_delete_request("token", 8);

	assert_string_equal(create, "{\"action\":\"create\",\"token\":\"t\\\"oken\","
				    "\"gateway_id\":7,\"csr\":\"pem\"}");
	assert_string_equal(delete, "{\"action\":\"delete\",\"token\":\"token\",\"gateway_id\":8}");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(announcement_good), cmocka_unit_test(announcement_bad),
		cmocka_unit_test(devices_good),      cmocka_unit_test(devices_bad),
		cmocka_unit_test(rule_requests),     cmocka_unit_test(rule_reports),
		cmocka_unit_test(statuses),          cmocka_unit_test(vpn_answers),
		cmocka_unit_test(vpn_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
