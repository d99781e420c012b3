/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ARP as hosts speak it; the packets are the fuzzer's corpus. */
#include "discoverd/arp_message.h"

#include <errno.h>
#include <string.h>

#include "common/memory.h"
#include "common/state_file.h"
#include "tests/support/test.h"

static char *read_corpus(const char *name, size_t *ret_size)
{
	_cleanup_free_ char *path = xasprintf("%s/../fuzz/corpus/arp/%s", getenv("TEST_DATA"),
					      name);
	char *content = NULL;

	if (file_read(path, 1 << 20, &content, ret_size) < 0)
		fail_msg("cannot read %s", path);
	return content;
}

static void test_read(void **state)
{
	static const struct {
		const char *file;
		int result;
		const char *mac, *address;
	} cases[] = {
		{ "request", 0, "44:19:b6:10:00:01", "192.168.7.101" },
		{ "reply-padded", 0, "3c:ef:8c:10:00:02", "192.168.1.108" },
		{ "announcement", 0, "00:40:8c:30:00:03", "192.168.7.104" },
		{ "announcement-reply", 0, "00:40:8c:30:00:03", "192.168.7.104" },
		{ "link-local", 0, "00:40:8c:30:00:03", "169.254.93.22" },
		{ "probe", -ENODATA, NULL, NULL }, /* RFC 5227: not its address yet */
		{ "bad-empty", -EBADMSG, NULL, NULL },
		{ "bad-cut", -EBADMSG, NULL, NULL },
		{ "bad-hardware", -EBADMSG, NULL, NULL },
		{ "bad-protocol", -EBADMSG, NULL, NULL },
		{ "bad-lengths", -EBADMSG, NULL, NULL },
		{ "bad-operation", -EBADMSG, NULL, NULL },
		{ "bad-operation-high", -EBADMSG, NULL, NULL },
		{ "bad-group-mac", -EBADMSG, NULL, NULL },
		{ "bad-no-mac", -EBADMSG, NULL, NULL },
		{ "bad-multicast", -EBADMSG, NULL, NULL },
		{ "bad-broadcast", -EBADMSG, NULL, NULL },
		{ "bad-loopback", -EBADMSG, NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arp_message message = { .address.family = AF_UNIX };
		char text[NETADDR_TEXT_SIZE], mac[MAC_TEXT_SIZE];
		_cleanup_free_ char *packet = NULL;
		size_t size;

		print_message("# %s\n", cases[i].file);
		packet = read_corpus(cases[i].file, &size);
		assert_int_equal(arp_message_read(&message, packet, size), cases[i].result);
		if (cases[i].result < 0) {
			assert_int_equal(message.address.family, AF_UNIX);
			continue;
		}
		assert_string_equal(mac_format(&message.mac, mac), cases[i].mac);
		assert_string_equal(netaddr_format(&message.address, text), cases[i].address);
	}
}

static void test_request(void **state)
{
	static const uint8_t asked[] = {
		0,   1,   8, 0,  6, 4, 0, 1, 0x52, 0x54, 0,   0,   0, 1,
		192, 168, 7, 10, 0, 0, 0, 0, 0,    0,    192, 168, 7, 101
	};
	struct netaddr source, target;
	uint8_t packet[ARP_MESSAGE_SIZE], probe[ARP_MESSAGE_SIZE];
	struct arp_message message;
	struct mac_address mac;

	netaddr_parse(&source, "192.168.7.10");
	netaddr_parse(&target, "192.168.7.101");
	mac_parse(&mac, "52:54:00:00:00:01");
	arp_message_request(packet, &mac, &source, &target);
	assert_memory_equal(packet, asked, sizeof(asked));
	assert_int_equal(arp_message_read(&message, packet, sizeof(packet)), 0);
	assert_true(netaddr_equal(&message.address, &source));
	arp_message_request(probe, &mac, NULL, &target);
	assert_int_equal(arp_message_read(&message, probe, sizeof(probe)), -ENODATA);
	assert_memory_equal(probe + 24, asked + 24, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
