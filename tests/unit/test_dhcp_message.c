/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCP as cameras, and others, speak it; the packets are the fuzzer's corpus. */
#include "discoverd/dhcp_message.h"

#include <errno.h>
#include <string.h>

#include "common/memory.h"
#include "common/state_file.h"
#include "tests/support/test.h"

static char *read_corpus(const char *name, size_t *ret_size)
{
	_cleanup_free_ char *path = xasprintf("%s/../fuzz/corpus/dhcp/%s", getenv("TEST_DATA"),
					      name);
	char *content = NULL;

	if (file_read(path, 1 << 20, &content, ret_size) < 0)
		fail_msg("cannot read %s", path);
	return content;
}

static const char *text_of(const struct evidence *evidence, enum field field)
{
	const struct fact *fact = evidence_next(evidence, field, NULL);

	return fact ? fact->text : "";
}

/* address, and what it says of itself: "" when there is none. */
static const struct {
	const char *file, *mac, *address, *name, *trait, *vendor, *model, *firmware;
} readable[] = {
	{ "axis-discover", "00:40:8c:30:00:03", "", "axis-00408c300003", "camera-class", "Axis",
	  "M1065-LW", "8.20.1" },
	{ "axis-request", "00:40:8c:30:00:03", "192.168.7.104", "axis-00408c300003", "camera-class",
	  "Axis", "M1065-LW", "8.20.1" },
	{ "axis-short-class", "00:40:8c:30:00:03", "", "", "camera-class", "Axis", "", "" },
	{ "thermal", "00:40:8c:30:00:03", "", "", "camera-class", "Axis", "Q1931-E", "5.55.4.1" },
	{ "ip-options", "00:40:8c:30:00:03", "", "", "camera-class", "Axis", "M1065-LW", "8.20.1" },
	{ "udhcp-request", "3c:ef:8c:10:00:02", "192.168.7.102", "", "", "", "", "" },
	{ "renewal", "3c:ef:8c:10:00:02", "192.168.7.102", "", "", "", "", "" },
	/* What a server writes into its answer is not the client's word. */
	{ "ack", "3c:ef:8c:10:00:02", "192.168.7.102", "", "", "", "", "" },
	{ "release", "3c:ef:8c:10:00:02", "", "", "", "", "", "" },
	{ "decline", "3c:ef:8c:10:00:02", "", "", "", "", "", "" },
	{ "windows", "52:54:00:00:aa:01", "", "DESKTOP-4F2K", "computer", "", "", "" },
	{ "printer", "52:54:00:00:aa:02", "", "", "printer", "", "", "" },
	{ "telephone", "52:54:00:00:aa:03", "", "", "telephone", "", "", "" },
	{ "pads", "00:40:8c:30:00:03", "", "dirty\xef\xbf\xbd \xc3\xa4 name", "", "", "", "" },
	{ "bad-address", "00:40:8c:30:00:03", "", "", "", "", "", "" },
	{ "short-address", "00:40:8c:30:00:03", "", "", "", "", "", "" },
};

static void test_readable(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(readable); i++) {
		char mac[MAC_TEXT_SIZE], address[NETADDR_TEXT_SIZE];
		struct evidence evidence = { 0 };
		_cleanup_free_ char *packet = NULL;
		struct dhcp_message message;
		size_t size;

		print_message("# %s\n", readable[i].file);
		packet = read_corpus(readable[i].file, &size);
		assert_int_equal(dhcp_message_read(&message, packet, size), 0);
		assert_string_equal(mac_format(&message.mac, mac), readable[i].mac);
		assert_string_equal(netaddr_format(&message.address, address), readable[i].address);
		assert_int_equal(message.releases,
				 strcmp(readable[i].file, "release") == 0 ||
					 strcmp(readable[i].file, "decline") == 0);
		dhcp_message_evidence(&evidence, &message, 1);
		assert_string_equal(text_of(&evidence, FIELD_NAME), readable[i].name);
		assert_string_equal(text_of(&evidence, FIELD_TRAIT), readable[i].trait);
		assert_string_equal(text_of(&evidence, FIELD_VENDOR), readable[i].vendor);
		assert_string_equal(text_of(&evidence, FIELD_MODEL), readable[i].model);
		assert_string_equal(text_of(&evidence, FIELD_FIRMWARE), readable[i].firmware);
		assert_string_equal(text_of(&evidence, FIELD_CLASS), message.vendor_class);
		evidence_deinit(&evidence);
	}
}

static void test_unreadable(void **state)
{
	static const struct {
		const char *file;
		int result;
	} cases[] = {
		{ "offer", -ENODATA },
		{ "nak", -ENODATA },
		{ "other-port", -ENODATA },
		{ "infiniband", -ENODATA },
		{ "fragment", -ENODATA },
		{ "bad-empty", -EBADMSG },
		{ "bad-cut-ip", -EBADMSG },
		{ "bad-cut-udp", -EBADMSG },
		{ "bad-cut", -EBADMSG },
		{ "bad-ipv6", -EBADMSG },
		{ "bad-head", -EBADMSG },
		{ "bad-tcp", -EBADMSG },
		{ "bad-udp-length", -EBADMSG },
		{ "bad-udp-short", -EBADMSG },
		{ "bad-cookie", -EBADMSG },
		{ "bad-bootp", -EBADMSG },
		{ "bad-option-length", -EBADMSG },
		{ "bad-option-cut", -EBADMSG },
		{ "bad-type-length", -EBADMSG },
		{ "bad-mac", -EBADMSG },
		{ "bad-op", -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dhcp_message message = { .releases = true };
		_cleanup_free_ char *packet = NULL;
		size_t size;

		print_message("# %s\n", cases[i].file);
		packet = read_corpus(cases[i].file, &size);
		assert_int_equal(dhcp_message_read(&message, packet, size), cases[i].result);
		assert_true(message.releases); /* untouched */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readable),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
