/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers of RTSP and HTTP servers, from the fuzzers' corpus, down to the evidence they give. */
#include "discoverd/response.h"

#include <string.h>

#include "common/memory.h"
#include "common/state_file.h"
#include "discoverd/http_message.h"
#include "discoverd/rtsp_message.h"
#include "tests/support/test.h"

static char *read_corpus(const char *name, size_t *ret_size)
{
	_cleanup_free_ char *path = xasprintf("%s/../fuzz/corpus/%s", getenv("TEST_DATA"), name);
	char *content = NULL;

	if (file_read(path, 1 << 20, &content, ret_size) < 0)
		fail_msg("cannot read %s", path);
	return content;
}

static const struct {
	const char *file;
	enum response_state state;
	unsigned status;
	const char *vendor, *serial, *mac, *trait; /* NULL: none */
} cases[] = {
	{ "rtsp/options.txt", RESPONSE_COMPLETE, 200, NULL, NULL, NULL, "rtsp-answers" },
	{ "rtsp/hikvision-401.txt", RESPONSE_COMPLETE, 401, "Hikvision", NULL, NULL,
	  "rtsp-vendor" },
	{ "rtsp/dahua-401.txt", RESPONSE_COMPLETE, 401, "Dahua", "3K00F34PAA00123", NULL,
	  "rtsp-vendor" },
	{ "rtsp/axis-401.txt", RESPONSE_COMPLETE, 401, "Axis", NULL, "ac:cc:8e:25:12:72",
	  "rtsp-vendor" },
	{ "rtsp/axis-ws-401.txt", RESPONSE_COMPLETE, 401, "Axis", NULL, "00:40:8c:30:00:03",
	  "rtsp-vendor" },
	{ "rtsp/hitron-401.txt", RESPONSE_COMPLETE, 401, NULL, NULL, "00:11:aa:bb:cc:dd",
	  "rtsp-vendor" },
	{ "rtsp/xiongmai.txt", RESPONSE_COMPLETE, 200, "Xiongmai", NULL, NULL, "rtsp-vendor" },
	{ "rtsp/hipcam.txt", RESPONSE_COMPLETE, 200, "Hipcam", NULL, NULL, "rtsp-vendor" },
	{ "rtsp/live555-400.txt", RESPONSE_COMPLETE, 400, NULL, NULL, NULL, "rtsp-answers" },
	{ "rtsp/gstreamer-404.txt", RESPONSE_COMPLETE, 404, NULL, NULL, NULL, "rtsp-answers" },
	{ "rtsp/busy-453.txt", RESPONSE_COMPLETE, 453, NULL, NULL, NULL, "rtsp-answers" },
	{ "rtsp/airtunes.txt", RESPONSE_COMPLETE, 200, NULL, NULL, NULL, "speaker" },
	{ "rtsp/raop-401.txt", RESPONSE_COMPLETE, 401, NULL, NULL, NULL, "speaker" },
	{ "rtsp/airplay-401.txt", RESPONSE_COMPLETE, 401, NULL, NULL, NULL, "speaker" },
	{ "rtsp/hdhomerun.txt", RESPONSE_COMPLETE, 200, NULL, NULL, NULL, "television" },
	{ "rtsp/freebox.txt", RESPONSE_COMPLETE, 200, NULL, NULL, NULL, "television" },
	{ "rtsp/lf-only.txt", RESPONSE_COMPLETE, 401, "Hikvision", NULL, NULL, "rtsp-vendor" },
	{ "rtsp/no-reason.txt", RESPONSE_COMPLETE, 200, NULL, NULL, NULL, "rtsp-answers" },
	{ "rtsp/http-answer.txt", RESPONSE_COMPLETE, 400, "Hikvision", NULL, NULL, "http-vendor" },
	{ "rtsp/bad-long-header.txt", RESPONSE_COMPLETE, 200, NULL, NULL, NULL, "rtsp-answers" },
	{ "rtsp/bad-length.txt", RESPONSE_COMPLETE, 200, NULL, NULL, NULL, "rtsp-answers" },
	{ "rtsp/bad-realm.bin", RESPONSE_COMPLETE, 401, NULL, NULL, NULL, "rtsp-answers" },
	{ "rtsp/bad-cut.txt", RESPONSE_INCOMPLETE, 0, NULL, NULL, NULL, NULL },
	{ "rtsp/bad-empty.txt", RESPONSE_INCOMPLETE, 0, NULL, NULL, NULL, NULL },
	{ "rtsp/bad-status.txt", RESPONSE_INVALID, 0, NULL, NULL, NULL, NULL },
	{ "rtsp/bad-version.txt", RESPONSE_INVALID, 0, NULL, NULL, NULL, NULL },
	{ "rtsp/bad-letters.txt", RESPONSE_INVALID, 0, NULL, NULL, NULL, NULL },
	{ "rtsp/bad-telnet.bin", RESPONSE_INVALID, 0, NULL, NULL, NULL, NULL },
	{ "rtsp/bad-hik-sdk.bin", RESPONSE_INVALID, 0, NULL, NULL, NULL, NULL },

	{ "http/app-webs.txt", RESPONSE_COMPLETE, 200, "Hikvision", NULL, NULL, "http-vendor" },
	{ "http/dnvrs-webs.txt", RESPONSE_COMPLETE, 302, "Hikvision", NULL, NULL, "http-vendor" },
	{ "http/hik-location.txt", RESPONSE_COMPLETE, 302, "Hikvision", NULL, NULL, "http-vendor" },
	{ "http/dahua-realm.txt", RESPONSE_COMPLETE, 401, "Dahua", "4L02AC6PAJ12345", NULL,
	  "http-vendor" },
	{ "http/xiongmai.txt", RESPONSE_COMPLETE, 200, "Xiongmai", NULL, NULL, "http-vendor" },
	{ "http/netwave.txt", RESPONSE_COMPLETE, 200, "Foscam", NULL, NULL, "http-vendor" },
	{ "http/axis-realm.txt", RESPONSE_COMPLETE, 401, "Axis", NULL, "ac:cc:8e:25:12:72",
	  "http-vendor" },
	{ "http/dlink-realm.txt", RESPONSE_COMPLETE, 401, "D-Link", NULL, NULL, "http-vendor" },
	{ "http/trendnet-realm.txt", RESPONSE_COMPLETE, 401, "TRENDnet", NULL, NULL,
	  "http-vendor" },
	{ "http/sony-realm.txt", RESPONSE_COMPLETE, 401, "Sony", NULL, NULL, "http-vendor" },
	{ "http/bosch-realm.txt", RESPONSE_COMPLETE, 401, "Bosch", NULL, NULL, "http-vendor" },
	{ "http/mobotix-location.txt", RESPONSE_COMPLETE, 302, "Mobotix", NULL, NULL,
	  "http-vendor" },
	{ "http/realm-plain.txt", RESPONSE_COMPLETE, 401, NULL, NULL, NULL, "http-vendor" },
	{ "http/motion.txt", RESPONSE_COMPLETE, 200, NULL, NULL, NULL, "http-vendor" },
	{ "http/nginx.txt", RESPONSE_COMPLETE, 200, NULL, NULL, NULL, NULL },
	{ "http/goahead.txt", RESPONSE_COMPLETE, 302, NULL, NULL, NULL, NULL },
	{ "http/onvif-404.txt", RESPONSE_COMPLETE, 404, NULL, NULL, NULL, NULL },
	{ "http/no-headers.txt", RESPONSE_COMPLETE, 200, NULL, NULL, NULL, NULL },
	{ "http/bad-nul.bin", RESPONSE_COMPLETE, 200, NULL, NULL, NULL, NULL },
	{ "http/bad-long-line.txt", RESPONSE_COMPLETE, 200, NULL, NULL, NULL, NULL },
	{ "http/bad-http-0.9.txt", RESPONSE_INVALID, 0, NULL, NULL, NULL, NULL },
	{ "http/bad-tls.bin", RESPONSE_INVALID, 0, NULL, NULL, NULL, NULL },
	{ "http/no-end.txt", RESPONSE_INCOMPLETE, 0, NULL, NULL, NULL, NULL },
};

static void assert_text(const char *actual, const char *expected)
{
	if (!expected)
		assert_null(actual);
	else
		assert_string_equal(actual ? actual : "(none)", expected);
}

static void answers_become_evidence(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
		struct response response;
		size_t size;
		_cleanup_free_ char *bytes = read_corpus(cases[i].file, &size);

		print_message("# %s\n", cases[i].file);
		assert_int_equal(response_parse(&response, bytes, size, false), cases[i].state);
		if (cases[i].state != RESPONSE_COMPLETE)
			continue;
		assert_int_equal(response.status, cases[i].status);
		rtsp_message_read(&evidence, &response, 8554, false, 1);
		http_message_read(&evidence, &response, 8081, false, 1);
		assert_text(evidence_best(&evidence, FIELD_VENDOR), cases[i].vendor);
		assert_text(evidence_best(&evidence, FIELD_SERIAL), cases[i].serial);
		assert_text(evidence_best(&evidence, FIELD_MAC), cases[i].mac);
		if (cases[i].trait)
			assert_true(evidence_has_trait(&evidence, cases[i].trait));
		assert_text(evidence_best(&evidence, FIELD_SERVICE),
			    response.protocol == RESPONSE_RTSP ? "rtsp" : "http");
		/* One RTSP or HTTP server of nobody in particular is never a camera. */
		if (!cases[i].vendor && !cases[i].mac)
			assert_true(evidence_confidence(&evidence) < 0.8 ||
				    evidence_has_trait(&evidence, "rtsp-vendor"));
	}
}

static void the_end_of_a_connection_ends_the_head(void **state)
{
	struct response response;
	static const char cut[] = "HTTP/1.0 200 OK\r\nServer: uc-httpd 1.0.0";

	assert_int_equal(response_parse(&response, cut, sizeof(cut) - 1, true), RESPONSE_COMPLETE);
	assert_string_equal(response.server, "uc-httpd 1.0.0");
	assert_int_equal(response_parse(&response, "HTT", 3, false), RESPONSE_INCOMPLETE);
	assert_int_equal(response_parse(&response, "HTT", 3, true), RESPONSE_INVALID);
	assert_int_equal(response_parse(&response, "", 0, true), RESPONSE_INVALID);
}

static void realms_in_every_notation(void **state)
{
	static const struct {
		const char *header, *realm;
	} notations[] = {
		{ "Digest realm=\"a b\", nonce=\"c\"", "a b" },
		{ "Digest nonce=\"c\",realm=\"a\\\"b\"", "a\"b" },
		{ "Basic realm=plain", "plain" },
		{ "Basic REALM=\"x\"", "x" },
		{ "Basic realm=\"open", "open" },
		{ "Basic realm=\"\"", "" },
		{ "Basic realm=\"x\\", "x\\" },
	};
	struct response response;

	for (size_t i = 0; i < ARRAY_SIZE(notations); i++) {
		_cleanup_free_ char *text = xasprintf(
			"RTSP/1.0 401 U\r\nWWW-Authenticate: %s\r\n\r\n", notations[i].header);

		assert_int_equal(response_parse(&response, text, strlen(text), false),
				 RESPONSE_COMPLETE);
		assert_int_equal(response.realm_count, 1);
		assert_string_equal(response.realms[0], notations[i].realm);
	}
	assert_int_equal(response_parse(&response,
					"RTSP/1.0 401 U\r\nWWW-Authenticate: Digest\r\n\r\n", 45,
					true),
			 RESPONSE_COMPLETE);
	assert_int_equal(response.realm_count, 0);
}

static void requests_carry_no_credential(void **state)
{
	char rtsp[RTSP_REQUEST_SIZE], http[HTTP_REQUEST_SIZE];
	struct netaddr v4, v6;
	size_t size;

	assert_int_equal(netaddr_parse(&v4, "255.255.255.254"), 0);
	assert_int_equal(netaddr_parse(&v6, "fe80:1111:2222:3333:4444:5555:6666:7777"), 0);
	size = rtsp_message_options(rtsp);
	assert_int_equal(size, strlen(rtsp));
	assert_memory_equal(rtsp, "OPTIONS * RTSP/1.0\r\n", 20);
	size = rtsp_message_describe(rtsp, &v6, 65535, false, UINT32_MAX);
	assert_int_equal(size, strlen(rtsp));
	assert_non_null(strstr(rtsp, "DESCRIBE rtsp://[fe80:1111:2222:3333:4444:5555:6666:7777]:"
				     "65535/none-ffffffff RTSP/1.0\r\n"));
	assert_null(strstr(rtsp, "Authorization"));
	assert_string_equal(rtsp + strlen(rtsp) - 4, "\r\n\r\n");
	size = http_message_get(http, &v4, 80, "/");
	assert_int_equal(size, strlen(http));
	assert_non_null(strstr(http, "\r\nHost: 255.255.255.254\r\n"));
	size = http_message_get(http, &v6, 8081, "/");
	assert_int_equal(size, strlen(http));
	assert_non_null(strstr(http, "]:8081\r\n"));
	assert_null(strstr(http, "Authorization"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_become_evidence),
		cmocka_unit_test(the_end_of_a_connection_ends_the_head),
		cmocka_unit_test(realms_in_every_notation),
		cmocka_unit_test(requests_carry_no_credential),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
