/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every quirk of real cameras' WS-Discovery as a case; the packets are the fuzzer's corpus. */
#include "discoverd/wsd_message.h"

#include <stdio.h>
#include <string.h>

#include "common/memory.h"
#include "common/state_file.h"
#include "tests/support/test.h"

static char *read_corpus(const char *name, size_t *ret_size)
{
	_cleanup_free_ char *path = xasprintf("%s/../fuzz/corpus/wsd/%s", getenv("TEST_DATA"),
					      name);
	char *content = NULL;

	if (file_read(path, 1 << 20, &content, ret_size) < 0)
		fail_msg("cannot read %s", path);
	return content;
}

/* What the first match says, as "field=value" lines in a fixed order, for comparison. */
static char *describe(const struct wsd_match *match)
{
	static const enum field order[] = { FIELD_VENDOR,   FIELD_MODEL, FIELD_SERIAL,
					    FIELD_FIRMWARE, FIELD_NAME,  FIELD_KIND,
					    FIELD_TRAIT,    FIELD_MAC,   FIELD_ENDPOINT,
					    FIELD_HINT,     FIELD_ONVIF };
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
	char *text = xstrdup("");

	wsd_message_evidence(&evidence, match, 1);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		const struct fact *fact = NULL;

		while ((fact = evidence_next(&evidence, order[i], fact))) {
			char *longer;

			if (fact->port)
				longer = xasprintf("%s%s=%u %s\n", text, field_name(order[i]),
						   fact->port, fact->text);
			else
				longer = xasprintf("%s%s=%s\n", text, field_name(order[i]),
						   fact->text);
			free(text);
			text = longer;
		}
	}
	return text;
}

#define HIK_SCOPES                \
	"vendor=Hikvision\n"      \
	"model=DS-2CD2142FWD-I\n" \
	"name=HIKVISION DS-2CD2142FWD-I\n"
#define TRAITS "trait=onvif-transmitter\ntrait=onvif-device\ntrait=onvif-scope\n"
#define EPR    "endpoint=urn:uuid:a7fc57d6-2f4a-4c41-9f64-4419b6100001\n"
#define XADDR  "hint=80 http\nonvif=80 /onvif/device_service\n"
#define HIK    HIK_SCOPES TRAITS EPR XADDR

static const struct {
	const char *file;
	enum wsd_action action;
	size_t matches;
	const char *first;
} readable[] = {
	{ "hikvision.xml", WSD_ACTION_PROBE_MATCHES, 1, HIK },
	{ "two-matches.xml", WSD_ACTION_PROBE_MATCHES, 2, HIK },
	{ "hello.xml", WSD_ACTION_HELLO, 1, HIK },
	{ "bye.xml", WSD_ACTION_BYE, 1, EPR },
	{ "resolve-match.xml", WSD_ACTION_RESOLVE_MATCHES, 1, HIK },
	{ "empty-relates-to.xml", WSD_ACTION_PROBE_MATCHES, 1, HIK },
	{ "no-metadata-version.xml", WSD_ACTION_PROBE_MATCHES, 1, HIK },
	{ "endpoint-empty.xml", WSD_ACTION_PROBE_MATCHES, 1, HIK_SCOPES TRAITS XADDR },
	{ "endpoint-uuid-only.xml", WSD_ACTION_PROBE_MATCHES, 1, HIK_SCOPES TRAITS XADDR },
	{ "endpoint-mac.xml", WSD_ACTION_PROBE_MATCHES, 1,
	  HIK_SCOPES TRAITS "endpoint=urn:uuid:74:73:36:01:99:73\n" XADDR },
	{ "endpoint-version-1.xml", WSD_ACTION_PROBE_MATCHES, 1,
	  "vendor=Axis\nmodel=M1065-L\nname=AXIS M1065-L\n" TRAITS
	  "endpoint=urn:uuid:5581ad80-95b0-11e0-b883-accc8e251272\n"
	  "hint=80 http\nonvif=80 /onvif/services\n" },
	{ "xaddr-zero.xml", WSD_ACTION_PROBE_MATCHES, 1,
	  HIK_SCOPES TRAITS EPR "hint=8080 http\nonvif=8080 /onvif/devices\n" },
	{ "xaddr-loopback.xml", WSD_ACTION_PROBE_MATCHES, 1, HIK },
	{ "xaddr-link-local-first.xml", WSD_ACTION_PROBE_MATCHES, 1,
	  HIK_SCOPES TRAITS EPR
	  "hint=80 http\nhint=8000 http\n"
	  "onvif=80 /onvif/device_service\nonvif=8000 /onvif/device_service\n" },
	{ "xaddr-ipv6.xml", WSD_ACTION_PROBE_MATCHES, 1,
	  HIK_SCOPES TRAITS EPR "hint=8899 http\nonvif=8899 /onvif/device_service\n" },
	{ "xaddr-https.xml", WSD_ACTION_PROBE_MATCHES, 1,
	  HIK_SCOPES TRAITS EPR "hint=443 https\nonvif=443 /onvif/device_service\n" },
	{ "xaddr-missing.xml", WSD_ACTION_PROBE_MATCHES, 1,
	  "trait=onvif-transmitter\nendpoint=urn:uuid:x1\n" },
	{ "xaddr-bad.xml", WSD_ACTION_PROBE_MATCHES, 1,
	  HIK_SCOPES TRAITS EPR "hint=8000 http\nonvif=8000 /onvif/device_service\n" },
	{ "scopes-mac.xml", WSD_ACTION_PROBE_MATCHES, 1,
	  "vendor=Hanwha\nmodel=XNV-8080R\nserial=ZNAK70GM500005\nfirmware=1.41.01\n"
	  "name=Wisenet\n" TRAITS "mac=e4:30:22:50:00:05\n"
	  "endpoint=urn:uuid:9c3d0b3a-0a0c-4d1c-9d0e-000000000005\n" XADDR },
	{ "scopes-mac-plain.xml", WSD_ACTION_PROBE_MATCHES, 1,
	  "serial=77\n" TRAITS "mac=e4:30:22:50:00:05\n" EPR XADDR },
	{ "scopes-none.xml", WSD_ACTION_PROBE_MATCHES, 1,
	  "trait=onvif-transmitter\ntrait=onvif-device\n" EPR XADDR },
	{ "scopes-lines.xml", WSD_ACTION_PROBE_MATCHES, 1,
	  "vendor=Reolink\nmodel=RLC-810A\nname=Reolink\n" TRAITS EPR XADDR },
	{ "scope-only.xml", WSD_ACTION_PROBE_MATCHES, 1, "trait=onvif-scope\n" EPR XADDR },
	{ "name-is-model.xml", WSD_ACTION_PROBE_MATCHES, 1,
	  "model=IPC322SB-DLC\nname=IPC322SB-DLC\n" TRAITS EPR XADDR },
	{ "types-device.xml", WSD_ACTION_PROBE_MATCHES, 1,
	  HIK_SCOPES "trait=onvif-device\ntrait=onvif-scope\n" EPR XADDR },
	{ "types-other-prefix.xml", WSD_ACTION_PROBE_MATCHES, 1, "trait=onvif-device\n" EPR XADDR },
	{ "types-prefix-inside.xml", WSD_ACTION_PROBE_MATCHES, 1,
	  "trait=onvif-device\n" EPR XADDR },
	{ "other-prefixes.xml", WSD_ACTION_PROBE_MATCHES, 1, HIK },
	{ "default-namespace.xml", WSD_ACTION_PROBE_MATCHES, 1, HIK },
	{ "undeclared-prefix.xml", WSD_ACTION_PROBE_MATCHES, 1, HIK },
	{ "oasis-2009.xml", WSD_ACTION_PROBE_MATCHES, 1, HIK },
	{ "soap-1.1.xml", WSD_ACTION_PROBE_MATCHES, 1, HIK },
	{ "no-declaration.xml", WSD_ACTION_PROBE_MATCHES, 1, HIK },
	{ "byte-order-mark.xml", WSD_ACTION_PROBE_MATCHES, 1, HIK },
	{ "leading-space.xml", WSD_ACTION_PROBE_MATCHES, 1, HIK },
	{ "trailing-nul.xml", WSD_ACTION_PROBE_MATCHES, 1, HIK },
	{ "trailing-junk.xml", WSD_ACTION_PROBE_MATCHES, 1, HIK },
	{ "name-latin1.xml", WSD_ACTION_PROBE_MATCHES, 1, "name=Caf?\n" TRAITS EPR XADDR },
	{ "name-latin1-declared.xml", WSD_ACTION_PROBE_MATCHES, 1, "name=Café\n" TRAITS EPR XADDR },
	{ "utf-16.xml", WSD_ACTION_PROBE_MATCHES, 1, HIK },
	{ "utf-16-big-endian.xml", WSD_ACTION_PROBE_MATCHES, 1, HIK },
	{ "name-gbk-declared.xml", WSD_ACTION_PROBE_MATCHES, 1,
	  "model=HW\nname=????\n" TRAITS EPR XADDR },
	{ "name-percent.xml", WSD_ACTION_PROBE_MATCHES, 1,
	  "model=100%\nname=Überwachung \xef\xbf\xbd 1\n" TRAITS EPR XADDR },
	{ "big.xml", WSD_ACTION_PROBE_MATCHES, 1, "model=BIG-1\nname=Big\n" TRAITS EPR XADDR },
	{ "nvr.xml", WSD_ACTION_PROBE_MATCHES, 1,
	  "vendor=Hikvision\nmodel=DS-7608NI-I2\nname=NVR hall\nkind=nvr\n" TRAITS EPR XADDR },
	{ "doorbell.xml", WSD_ACTION_PROBE_MATCHES, 1,
	  "vendor=DoorBird\nmodel=D2101V\nname=DoorBird Doorbell\n" TRAITS EPR XADDR },
	{ "windows.xml", WSD_ACTION_PROBE_MATCHES, 1, "trait=computer\n" EPR "hint=5357 http\n" },
	{ "printer.xml", WSD_ACTION_PROBE_MATCHES, 1, "trait=printer\n" EPR "hint=80 http\n" },
	/* A fault after a whole match costs what follows, not the match. */
	{ "bad-cut-after-match.xml", WSD_ACTION_PROBE_MATCHES, 1, HIK },
	{ "bad-nested-match.xml", WSD_ACTION_PROBE_MATCHES, 1, "trait=onvif-device\n" },
};

static void reads_what_cameras_send(void **state)
{
	struct wsd_message *message = xnew(struct wsd_message);
	size_t size;

	for (size_t i = 0; i < ARRAY_SIZE(readable); i++) {
		_cleanup_free_ char *packet = read_corpus(readable[i].file, &size);
		_cleanup_free_ char *first = NULL;

		print_message("# %s\n", readable[i].file);
		assert_int_equal(wsd_message_read(message, packet, size, 1), 0);
		assert_int_equal(message->action, readable[i].action);
		assert_int_equal(message->match_count, readable[i].matches);
		assert_int_equal(message->oasis, strcmp(readable[i].file, "oasis-2009.xml") == 0);
		first = describe(&message->matches[0]);
		assert_string_equal(first, readable[i].first);
		wsd_message_deinit(message);
	}
	free(message);
}

static void refuses_the_rest(void **state)
{
	static const char *const files[] = {
		"bad-empty.xml",         "bad-text.xml",     "bad-binary.xml",
		"bad-cut-in-header.xml", "bad-unclosed.xml", "bad-cut-in-match.xml",
		"bad-attribute.xml",     "bad-doctype.xml",  "bad-external-entity.xml",
		"bad-entity.xml",        "bad-deep.xml",     "bad-huge-text.xml",
		"bad-utf-16.xml",
	};
	struct wsd_message *message = xnew(struct wsd_message);
	size_t size;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *packet = read_corpus(files[i], &size);

		print_message("# %s\n", files[i]);
		assert_true(wsd_message_read(message, packet, size, 1) < 0);
		assert_int_equal(message->match_count, 0);
	}
	free(message);
}

static void a_probe_of_others_is_nothing(void **state)
{
	struct wsd_message *message = xnew(struct wsd_message);
	size_t size;
	_cleanup_free_ char *packet = read_corpus("probe.xml", &size);

	assert_int_equal(wsd_message_read(message, packet, size, 1), 0);
	assert_int_equal(message->match_count, 0);
	assert_int_equal(message->action, WSD_ACTION_OTHER);
	free(message);
}

static void matches_and_addresses_are_bounded(void **state)
{
	struct wsd_message *message = xnew(struct wsd_message);
	size_t size;
	_cleanup_free_ char *many = read_corpus("many-matches.xml", &size), *addresses = NULL,
			    *name = NULL;

	assert_int_equal(wsd_message_read(message, many, size, 1), 0);
	assert_int_equal(message->match_count, WSD_MAX_MATCHES);
	wsd_message_deinit(message);
	addresses = read_corpus("xaddr-many.xml", &size);
	assert_int_equal(wsd_message_read(message, addresses, size, 1), 0);
	assert_int_equal(message->matches[0].xaddr_count, WSD_MAX_XADDRS);
	wsd_message_deinit(message);
	name = read_corpus("name-long.xml", &size);
	assert_int_equal(wsd_message_read(message, name, size, 1), 0);
	assert_int_equal(strlen(evidence_best(&message->matches[0].evidence, FIELD_NAME)),
			 TEXT_MAX);
	wsd_message_deinit(message);
	free(message);
}

static void every_truncation_is_survived(void **state)
{
	struct wsd_message *message = xnew(struct wsd_message);
	size_t size;
	_cleanup_free_ char *packet = read_corpus("two-matches.xml", &size);

	for (size_t cut = 0; cut < size; cut++) {
		_cleanup_free_ char *exact = xmemdup(packet, cut ? cut : 1);

		wsd_message_read(message, exact, cut, 1);
		wsd_message_deinit(message);
	}
	free(message);
}

static void probes_are_one_line_of_known_form(void **state)
{
	static const char *const bodies[WSD_PROBE_FORM_COUNT] = {
		[WSD_PROBE_TRANSMITTER] = ">dn:NetworkVideoTransmitter</",
		[WSD_PROBE_DEVICE] = ">tds:Device</",
		[WSD_PROBE_ANY] = "<d:Probe/>",
		[WSD_PROBE_OASIS] = "<d:Probe/>",
	};
	struct wsd_message *message = xnew(struct wsd_message);
	char text[WSD_REQUEST_SIZE], uuid[WSD_UUID_SIZE];
	const uint8_t random[16] = {
		0xff, 1, 2, 3, 4, 5, 0xff, 7, 0xff, 9, 10, 11, 12, 13, 14, 15
	};
	size_t size;

	wsd_message_uuid(uuid, random);
	assert_string_equal(uuid, "ff010203-0405-4f07-bf09-0a0b0c0d0e0f");
	for (enum wsd_probe_form form = 0; form < WSD_PROBE_FORM_COUNT; form++) {
		size = wsd_message_probe(text, form, uuid);
		assert_int_equal(size, strlen(text));
		assert_null(strpbrk(text, "\r\n"));
		assert_null(strstr(text, "<!--"));
		assert_non_null(strstr(text, bodies[form]));
		assert_int_equal(form == WSD_PROBE_OASIS, strstr(text, "/2009/01") != NULL);
		assert_int_equal(form != WSD_PROBE_OASIS, strstr(text, "/2005/04") != NULL);
		assert_true(strstr(text, "Action") < strstr(text, "MessageID"));
		assert_true(strstr(text, "MessageID") < strstr(text, "ReplyTo"));
		assert_true(strstr(text, "ReplyTo") < strstr(text, ":To "));
		/* Well-formed, and not taken for an answer. */
		assert_int_equal(wsd_message_read(message, text, size, 1), 0);
		assert_int_equal(message->match_count, 0);
		assert_int_equal(message->oasis, form == WSD_PROBE_OASIS);
	}
	free(message);
}

static void the_dialects_differ_in_their_names(void **state)
{
	char text[WSD_REQUEST_SIZE];

	/* WS-Discovery of April 2005, and OASIS WS-Discovery 1.1 with WS-Addressing 1.0. */
	wsd_message_probe(text, WSD_PROBE_ANY, "u");
	assert_string_equal(text, "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
				  "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "
				  "xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" "
				  "xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\">"
				  "<s:Header><a:Action s:mustUnderstand=\"1\">"
				  "http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>"
				  "<a:MessageID>uuid:u</a:MessageID><a:ReplyTo><a:Address>"
				  "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
				  "</a:Address></a:ReplyTo><a:To s:mustUnderstand=\"1\">"
				  "urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header>"
				  "<s:Body><d:Probe/></s:Body></s:Envelope>");
	wsd_message_probe(text, WSD_PROBE_OASIS, "u");
	assert_string_equal(text,
			    "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
			    "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "
			    "xmlns:a=\"http://www.w3.org/2005/08/addressing\" "
			    "xmlns:d=\"http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01\">"
			    "<s:Header><a:Action s:mustUnderstand=\"1\">"
			    "http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01/Probe</a:Action>"
			    "<a:MessageID>urn:uuid:u</a:MessageID><a:ReplyTo><a:Address>"
			    "http://www.w3.org/2005/08/addressing/anonymous"
			    "</a:Address></a:ReplyTo><a:To s:mustUnderstand=\"1\">"
			    "urn:docs-oasis-open-org:ws-dd:ns:discovery:2009:01</a:To></s:Header>"
			    "<s:Body><d:Probe/></s:Body></s:Envelope>");
}

static void resolve_sends_back_only_harmless_text(void **state)
{
	char text[WSD_REQUEST_SIZE], endpoint[TEXT_SIZE] = { 0 };
	size_t size;

	for (unsigned oasis = 0; oasis < 2; oasis++) {
		size = wsd_message_resolve(text, "urn:uuid:x", oasis, "u");
		assert_int_equal(size, strlen(text));
		assert_non_null(strstr(text, "<a:Address>urn:uuid:x</a:Address>"));
		assert_non_null(strstr(text, "/Resolve</a:Action>"));
		assert_int_equal(oasis, strstr(text, "/2009/01") != NULL);
		memset(endpoint, '&', sizeof(endpoint) - 1); /* the longest */
		assert_int_equal(wsd_message_resolve(text, endpoint, oasis, "u"), 0);
		memset(endpoint, 'e', sizeof(endpoint) - 1);
		assert_in_range(wsd_message_resolve(text, endpoint, oasis, "u"), TEXT_MAX,
				WSD_REQUEST_SIZE - WSD_UUID_SIZE);
		assert_int_equal(wsd_message_resolve(text, "a</a:Address><evil/>", oasis, "u"), 0);
		assert_int_equal(wsd_message_resolve(text, "", oasis, "u"), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_cameras_send),
		cmocka_unit_test(refuses_the_rest),
		cmocka_unit_test(a_probe_of_others_is_nothing),
		cmocka_unit_test(matches_and_addresses_are_bounded),
		cmocka_unit_test(every_truncation_is_survived),
		cmocka_unit_test(probes_are_one_line_of_known_form),
		cmocka_unit_test(the_dialects_differ_in_their_names),
		cmocka_unit_test(resolve_sends_back_only_harmless_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
