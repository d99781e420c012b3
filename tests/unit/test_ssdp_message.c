/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SSDP as cameras, and devices that are none, speak it; the packets are the fuzzer's corpus. */
#include "discoverd/ssdp_message.h"

#include <stdio.h>
#include <string.h>

#include "common/memory.h"
#include "common/state_file.h"
#include "tests/support/test.h"

static char *read_corpus(const char *name, size_t *ret_size)
{
	_cleanup_free_ char *path = xasprintf("%s/../fuzz/corpus/ssdp/%s", getenv("TEST_DATA"),
					      name);
	char *content = NULL;

	if (file_read(path, 1 << 20, &content, ret_size) < 0)
		fail_msg("cannot read %s", path);
	return content;
}

/* trait, vendor, mac: "" when there is none. path: NULL when the description is not to be fetched.
 */
static const struct {
	const char *file;
	enum ssdp_kind kind;
	const char *trait, *vendor, *mac;
	uint16_t port;
	const char *path;
} readable[] = {
	{ "axis", SSDP_PRESENT, "upnp-camera", "Axis", "00:40:8c:30:00:03", 49152,
	  "/rootdesc1.xml" },
	{ "root-device", SSDP_PRESENT, "", "", "", 80, "/upnp/desc.xml" },
	{ "security-camera", SSDP_PRESENT, "upnp-camera", "", "", 80, "/" },
	{ "recorder", SSDP_PRESENT, "camera-service", "", "", 49152, "/upnpdevicedesc.xml" },
	{ "byebye", SSDP_LEAVING, "", "", "00:40:8c:30:00:03", 0, NULL },
	{ "update", SSDP_PRESENT, "", "", "", 0, NULL },
	{ "router", SSDP_PRESENT, "router", "", "", 5000, "/rootDesc.xml" },
	{ "minidlna", SSDP_PRESENT, "media-player", "", "", 8200, "/rootDesc.xml" },
	{ "sonos", SSDP_PRESENT, "speaker", "", "", 1400, "/xml/device_description.xml" },
	{ "hue", SSDP_PRESENT, "lighting", "", "", 80, "/description.xml" },
	{ "search", SSDP_OTHER, "", "", "", 0, NULL },
	{ "line-feeds", SSDP_PRESENT, "", "", "", 80, "/upnp/desc.xml" },
	{ "location-other-host", SSDP_PRESENT, "", "", "", 0, NULL },
	{ "location-name", SSDP_PRESENT, "", "", "", 0, NULL },
	{ "location-user", SSDP_PRESENT, "", "", "", 0, NULL },
	{ "location-port", SSDP_PRESENT, "", "", "", 0, NULL },
	{ "location-https", SSDP_PRESENT, "", "", "", 0, NULL },
	{ "location-space", SSDP_PRESENT, "", "", "", 0, NULL },
	{ "location-long", SSDP_PRESENT, "", "", "", 0, NULL },
	{ "location-bare", SSDP_PRESENT, "", "", "", 80, "/" },
	{ "cut", SSDP_PRESENT, "", "", "", 0, NULL },
	{ "no-colon", SSDP_PRESENT, "", "", "", 0, NULL },
};

static const char *text_of(const struct evidence *evidence, enum field field)
{
	const struct fact *fact = evidence_next(evidence, field, NULL);

	return fact ? fact->text : "";
}

static void reads_what_devices_send(void **state)
{
	struct netaddr sender;

	netaddr_parse(&sender, "192.168.7.101");
	for (size_t i = 0; i < ARRAY_SIZE(readable); i++) {
		_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
		_cleanup_free_ char *packet = NULL;
		struct ssdp_message message;
		char path[TEXT_SIZE];
		uint16_t port = 0;
		size_t size;
		bool told;

		print_message("# %s\n", readable[i].file);
		packet = read_corpus(readable[i].file, &size);
		assert_int_equal(ssdp_message_read(&message, packet, size), 0);
		assert_int_equal(message.kind, readable[i].kind);
		ssdp_message_evidence(&evidence, &message, 1);
		assert_string_equal(text_of(&evidence, FIELD_TRAIT), readable[i].trait);
		assert_string_equal(text_of(&evidence, FIELD_VENDOR), readable[i].vendor);
		assert_string_equal(text_of(&evidence, FIELD_MAC), readable[i].mac);
		told = ssdp_message_location(&message, &sender, &port, path);
		assert_int_equal(told, readable[i].path != NULL);
		assert_int_equal(port, readable[i].port);
		if (told)
			assert_string_equal(path, readable[i].path);
	}
}

static void a_zone_and_a_fragment_are_left_out(void **state)
{
	struct ssdp_message message;
	struct netaddr sender;
	char path[TEXT_SIZE];
	uint16_t port;
	size_t size;
	_cleanup_free_ char *packet = read_corpus("update", &size);

	assert_int_equal(ssdp_message_read(&message, packet, size), 0);
	netaddr_parse(&sender, "fe80::1");
	assert_true(ssdp_message_location(&message, &sender, &port, path));
	assert_int_equal(port, 8080);
	assert_string_equal(path, "/d.xml?x=1");
}

static void refuses_the_rest(void **state)
{
	static const char *const files[] = { "bad-status", "bad-no-headers", "bad-text",
					     "bad-empty", "bad-binary" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct ssdp_message message;
		size_t size;
		_cleanup_free_ char *packet = read_corpus(files[i], &size);

		print_message("# %s\n", files[i]);
		assert_true(ssdp_message_read(&message, packet, size) < 0);
	}
}

static void every_truncation_is_survived(void **state)
{
	struct ssdp_message message;
	size_t size;
	_cleanup_free_ char *packet = read_corpus("axis", &size);

	for (size_t cut = 0; cut < size; cut++) {
		_cleanup_free_ char *exact = xmemdup(packet, cut ? cut : 1);

		(void)ssdp_message_read(&message, exact, cut);
	}
}

static void searches_name_the_group_and_the_target(void **state)
{
	char text[SSDP_REQUEST_SIZE];
	struct netaddr host;
	size_t size;

	netaddr_parse(&host, "239.255.255.250");
	size = ssdp_message_search(text, SSDP_TARGET_ROOT_DEVICE, &host);
	assert_int_equal(size, strlen(text));
	assert_string_equal(text, "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n"
				  "MAN: \"ssdp:discover\"\r\nMX: 1\r\nST: upnp:rootdevice\r\n\r\n");
	netaddr_parse(&host, "ff02::c");
	for (enum ssdp_target target = 0; target < SSDP_TARGET_COUNT; target++) {
		size = ssdp_message_search(text, target, &host);
		assert_int_equal(size, strlen(text));
		assert_non_null(strstr(text, "HOST: [ff02::c]:1900\r\n"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_devices_send),
		cmocka_unit_test(a_zone_and_a_fragment_are_left_out),
		cmocka_unit_test(refuses_the_rest),
		cmocka_unit_test(every_truncation_is_survived),
		cmocka_unit_test(searches_name_the_group_and_the_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
