/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers to the ONVIF calls, from the fuzzer's corpus, down to the evidence they give. */
#include "discoverd/onvif_message.h"

#include <stdio.h>
#include <string.h>

#include "common/memory.h"
#include "common/state_file.h"
#include "discoverd/response_reader.h"
#include "tests/support/test.h"

#define PROVEN "trait=onvif-answers onvif=8081 /onvif/device_service "

static const struct {
	const char *file; /* its beginning says which call it answers */
	enum onvif_answer answer;
	const char *evidence;
	const char *learnt; /* "MEDIA-VERSION PORT PATH" or the profile; NULL: nothing */
} cases[] = {
	{ "date-gsoap.txt", ONVIF_ANSWERED, PROVEN },
	{ "date-env.txt", ONVIF_ANSWERED, PROVEN },
	{ "date-s.txt", ONVIF_ANSWERED, PROVEN },
	{ "date-bare.txt", ONVIF_ANSWERED, PROVEN },
	{ "date-undeclared.txt", ONVIF_ANSWERED, PROVEN },
	{ "date-chunked.txt", ONVIF_ANSWERED, PROVEN },
	{ "date-no-length.txt", ONVIF_ANSWERED, PROVEN },
	{ "date-cut.txt", ONVIF_ANSWERED, PROVEN },
	{ "date-denied-gsoap.txt", ONVIF_DENIED, PROVEN },
	{ "date-denied-200.txt", ONVIF_DENIED, PROVEN },
	{ "date-denied-500.txt", ONVIF_DENIED, PROVEN },
	{ "date-denied-401-soap.txt", ONVIF_DENIED, PROVEN },
	{ "date-denied-soap11.txt", ONVIF_DENIED, PROVEN },
	/* A password asked for in HTTP says nothing about who asks. */
	{ "date-denied-401.txt", ONVIF_DENIED, "" },
	{ "date-unsupported.txt", ONVIF_FAILED, PROVEN },
	{ "date-foreign-fault.txt", ONVIF_FAILED, "" },
	{ "date-html.txt", ONVIF_FOREIGN, "" },
	{ "date-page.txt", ONVIF_FOREIGN, "" },
	{ "date-onvif-404.txt", ONVIF_FOREIGN, "" },
	{ "date-doctype.txt", ONVIF_FOREIGN, "" },
	{ "date-binary.bin", ONVIF_FOREIGN, "" },

	{ "information-hikvision.txt", ONVIF_ANSWERED,
	  "vendor=Hikvision model=DS-2CD2142FWD-I firmware=V5.4.5 build 170124 "
	  "serial=DS-2CD2142FWD-I20160311AAWR584762317 " PROVEN },
	{ "information-dahua.txt", ONVIF_ANSWERED,
	  "vendor=Dahua model=IPC-HFW2831S-S-S2 "
	  "firmware=2.820.0000000.18.R, Build Date 2020-10-26 serial=7H04F8EPAG1D2B3 " PROVEN },
	{ "information-axis.txt", ONVIF_ANSWERED,
	  "vendor=Axis model=AXIS P3245-V firmware=10.12.166 serial=ACCC8E251272 " PROVEN },
	{ "information-general.txt", ONVIF_ANSWERED,
	  "model=HI3516CV300_50H20L_S38 firmware=V4.02.R12.00035520 " PROVEN },
	{ "information-nvr.txt", ONVIF_ANSWERED,
	  "vendor=Dahua model=DHI-NVR5216-16P firmware=4.001 "
	  "serial=5C01AB2PAZ00001 " PROVEN },
	{ "information-gb2312.txt", ONVIF_ANSWERED,
	  "vendor=???? model=YY firmware=1 serial=2 " PROVEN },
	{ "information-denied.txt", ONVIF_DENIED, PROVEN },
	{ "information-empty.txt", ONVIF_ANSWERED, PROVEN },

	{ "services.txt", ONVIF_ANSWERED, PROVEN, "1 80 /onvif/Media" },
	{ "services-nat.txt", ONVIF_ANSWERED, PROVEN, "1 8899 /onvif/Media" },
	{ "services-media2-only.txt", ONVIF_ANSWERED, PROVEN, "2 8000 /onvif/media2_service" },
	{ "services-no-media.txt", ONVIF_ANSWERED, PROVEN },
	{ "services-bad-xaddr.txt", ONVIF_ANSWERED, PROVEN },
	{ "services-unsupported.txt", ONVIF_FAILED, PROVEN },
	{ "capabilities.txt", ONVIF_ANSWERED, PROVEN, "1 8081 /onvif/media_service" },
	{ "hostname.txt", ONVIF_ANSWERED, "name=axis-accc8e251272 " PROVEN },
	{ "hostname-localhost.txt", ONVIF_ANSWERED, PROVEN },
	{ "endpoint.txt", ONVIF_ANSWERED,
	  "endpoint=urn:uuid:5581ad80-95b0-11e0-b883-accc8e251272 " PROVEN },
	{ "profiles.txt", ONVIF_ANSWERED, PROVEN, "Profile_1" },
	{ "profiles-cut.txt", ONVIF_ANSWERED, PROVEN, "Profile_1" },
	{ "profiles-hostile.txt", ONVIF_ANSWERED, PROVEN, "ok" },
	{ "profiles-none.txt", ONVIF_ANSWERED, PROVEN },
	{ "stream.txt", ONVIF_ANSWERED,
	  "hint=554 rtsp "
	  "stream-path=/Streaming/Channels/101?transportmode=unicast&profile=Profile_1 " PROVEN },
	{ "stream-user.txt", ONVIF_ANSWERED, "hint=8554 rtsp stream-path=/live/main " PROVEN },
	{ "stream-secret.txt", ONVIF_ANSWERED, "hint=554 rtsp " PROVEN },
	{ "stream-secure.txt", ONVIF_ANSWERED, "hint=322 rtsps stream-path=/live " PROVEN },
	{ "stream-http.txt", ONVIF_ANSWERED, PROVEN },
	{ "stream-bad.txt", ONVIF_ANSWERED, PROVEN },
	{ "stream-media2.txt", ONVIF_ANSWERED,
	  "hint=554 rtsp stream-path=/rtsp_tunnel?p=0 " PROVEN },
	{ "snapshot.txt", ONVIF_ANSWERED,
	  "hint=8080 http snapshot-path=/onvif-http/snapshot?Profile_1 " PROVEN },
	{ "snapshot-secret.txt", ONVIF_ANSWERED, "hint=80 http " PROVEN },
	{ "snapshot-denied.txt", ONVIF_DENIED, "" },
};

static enum onvif_call call_of(const char *file)
{
	static const char *const names[ONVIF_CALL_COUNT] = {
		[ONVIF_GET_SYSTEM_DATE_AND_TIME] = "date",
		[ONVIF_GET_DEVICE_INFORMATION] = "information",
		[ONVIF_GET_SERVICES] = "services",
		[ONVIF_GET_CAPABILITIES] = "capabilities",
		[ONVIF_GET_PROFILES] = "profiles",
		[ONVIF_GET_STREAM_URI] = "stream",
		[ONVIF_GET_SNAPSHOT_URI] = "snapshot",
		[ONVIF_GET_HOSTNAME] = "hostname",
		[ONVIF_GET_ENDPOINT_REFERENCE] = "endpoint",
	};
	enum onvif_call call = 0;

	while (strncmp(file, names[call], strlen(names[call])) != 0)
		call++;
	return call;
}

static void start_session(struct onvif_session *session)
{
	*session = (struct onvif_session){ .port = 8081, .path = ONVIF_DEFAULT_PATH };
	netaddr_parse(&session->address, "192.168.7.101");
}

static void describe_evidence(char *text, size_t size, const struct evidence *evidence)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < evidence->count && used < size; i++) {
		const struct fact *fact = evidence->facts[i];
		char port[8] = "";

		assert_int_equal(fact->source, SOURCE_ONVIF);
		if (fact->port)
			snprintf(port, sizeof(port), "%u ", fact->port);
		used += (size_t)snprintf(text + used, size - used, "%s=%s%s ",
					 field_name(fact->field), port, fact->text);
	}
}

static void describe_session(char *text, size_t size, const struct onvif_session *session)
{
	text[0] = '\0';
	if (session->media.version)
		snprintf(text, size, "%u %u %s", session->media.version, session->media.port,
			 session->media.path);
	else
		snprintf(text, size, "%s", session->profile);
}

static void answers_become_evidence(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
		_cleanup_free_ char *path = xasprintf("%s/../fuzz/corpus/onvif/%s",
						      getenv("TEST_DATA"), cases[i].file);
		_cleanup_(response_reader_deinit) struct response_reader reader = { 0 };
		_cleanup_free_ char *bytes = NULL;
		struct onvif_session session;
		size_t size;
		char text[2048];

		print_message("# %s\n", cases[i].file);
		assert_int_equal(file_read(path, 1 << 16, &bytes, &size), 0);
		response_reader_read(&reader, bytes, size, true);
		assert_int_equal(reader.part, RESPONSE_WHOLE);
		start_session(&session);
		assert_int_equal(onvif_message_read(&session, &evidence, call_of(cases[i].file),
						    reader.response.status,
						    reader.length ? reader.bytes : "",
						    reader.length, 1),
				 cases[i].answer);
		describe_evidence(text, sizeof(text), &evidence);
		assert_string_equal(text, cases[i].evidence);
		describe_session(text, sizeof(text), &session);
		assert_string_equal(text, cases[i].learnt ? cases[i].learnt : "");
	}
}

/* Answers of 30 kB: the first profile is what counts, and the connection goes on. */
static void a_long_list_of_profiles(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	static const char start[] =
		"<s:Envelope><s:Body><trt:GetProfilesResponse><trt:Profiles token=\"first\">";
	static const char end[] = "</trt:Profiles></trt:GetProfilesResponse></s:Body></s:Envelope>";
	_cleanup_(response_reader_deinit) struct response_reader reader = { 0 };
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
	struct onvif_session session;
	char chunk[1100], filling[1000];

	memset(filling, 'x', sizeof(filling) - 1);
	filling[sizeof(filling) - 1] = '\0';
	response_reader_read(&reader, head, strlen(head), false);
	for (unsigned i = 0; i < 32; i++) {
		const char *text = !i ? start : i < 31 ? filling : end;

		snprintf(chunk, sizeof(chunk), "%zx\r\n%s\r\n%s", strlen(text), text,
			 i < 31 ? "" : "0\r\n\r\n");
		assert_int_equal(reader.part, RESPONSE_BODY);
		assert_int_equal(response_reader_read(&reader, chunk, strlen(chunk), false),
				 strlen(chunk));
	}
	assert_int_equal(reader.part, RESPONSE_WHOLE);
	assert_int_equal(reader.length, RESPONSE_MAX_BODY);
	assert_true(response_reader_is_kept(&reader));
	start_session(&session);
	assert_int_equal(onvif_message_read(&session, &evidence, ONVIF_GET_PROFILES,
					    reader.response.status, reader.bytes, reader.length, 1),
			 ONVIF_ANSWERED);
	assert_string_equal(session.profile, "first");
}

static void where_a_body_ends_that_nothing_says_the_end_of(void **state)
{
	static const struct {
		const char *body;
		bool whole;
	} bodies[] = {
		{ "<Envelope><Body/></Envelope>", true },
		{ "<s:Envelope></s:Envelope>\r\n\r\n ", true },
		{ "<s:Envelope><s:Body>", false },
		{ "<s:Envelope></s:Envelope", false },
		{ "Envelope>", false },
		{ "", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
		assert_int_equal(onvif_message_is_whole(bodies[i].body, strlen(bodies[i].body)),
				 bodies[i].whole);
}

static void calls_that_are_due(void **state)
{
	struct onvif_session session;
	unsigned due = 0;

	start_session(&session);
	for (enum onvif_call call = 0; call < ONVIF_CALL_COUNT; call++)
		due |= onvif_message_is_due(&session, call) ? BIT(call) : 0;
	assert_int_equal(due, BIT(ONVIF_GET_SYSTEM_DATE_AND_TIME) |
				      BIT(ONVIF_GET_DEVICE_INFORMATION) | BIT(ONVIF_GET_SERVICES) |
				      BIT(ONVIF_GET_CAPABILITIES) | BIT(ONVIF_GET_HOSTNAME) |
				      BIT(ONVIF_GET_ENDPOINT_REFERENCE));
	session.services_known = true;
	assert_false(onvif_message_is_due(&session, ONVIF_GET_CAPABILITIES));
	session.media.version = 1;
	assert_true(onvif_message_is_due(&session, ONVIF_GET_PROFILES));
	assert_false(onvif_message_is_due(&session, ONVIF_GET_STREAM_URI));
	snprintf(session.profile, sizeof(session.profile), "p");
	assert_true(onvif_message_is_due(&session, ONVIF_GET_STREAM_URI));
	assert_true(onvif_message_is_due(&session, ONVIF_GET_SNAPSHOT_URI));
}

/* Everything as long as it can be: it fits, it is one line, and there is no credential in it. */
static void requests_carry_no_credential(void **state)
{
	struct onvif_session session;
	char request[ONVIF_REQUEST_SIZE], *body;
	size_t size, told;

	start_session(&session);
	assert_int_equal(netaddr_parse(&session.address, "2001:1111:2222:3333:4444:5555:6666:7777"),
			 0);
	memset(session.path + 1, 'a', TEXT_MAX - 1);
	memset(session.media.path, '/', TEXT_MAX);
	memset(session.profile, 'p', ONVIF_TOKEN_SIZE - 1);
	session.port = session.media.port = 65535;
	for (enum onvif_call call = 0; call < ONVIF_CALL_COUNT; call++)
		for (session.media.version = 1; session.media.version <= 2;
		     session.media.version++) {
			size = onvif_message_request(request, &session, call);
			assert_true(size < sizeof(request));
			assert_int_equal(size, strlen(request));
			assert_memory_equal(request, "POST /", 6);
			body = strstr(request, "\r\n\r\n") + 4;
			assert_int_equal(sscanf(strstr(request, "Content-Length: "),
						"Content-Length: %zu", &told),
					 1);
			assert_int_equal(told, strlen(body));
			assert_null(strchr(body, '\n'));
			assert_null(strstr(request, "Authorization"));
			assert_null(strstr(request, "Security"));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_become_evidence),
		cmocka_unit_test(a_long_list_of_profiles),
		cmocka_unit_test(where_a_body_ends_that_nothing_says_the_end_of),
		cmocka_unit_test(calls_that_are_due),
		cmocka_unit_test(requests_carry_no_credential),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
