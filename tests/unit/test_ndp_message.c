/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Neighbour discovery as hosts speak it; the packets are the fuzzer's corpus. */
#include "discoverd/ndp_message.h"

#include <errno.h>
#include <string.h>

#include "common/memory.h"
#include "common/state_file.h"
#include "tests/support/test.h"

#define MAC     "44:19:b6:10:00:06"
#define ADDRESS "fe80::4619:b6ff:fe10:6"

static const struct {
	const char *file;
	int result;
	const char *address;
	const char *mac; /* NULL: not told, the address is expected */
} cases[] = {
	/* Duplicate address detection (RFC 4862), also with a nonce (RFC 7527). */
	{ "probe", 0, ADDRESS, NULL },
	{ "probe-nonce", 0, ADDRESS, NULL },
	{ "probe-global", 0, "fd00::101", NULL },
	{ "router-solicitation", 0, ADDRESS, MAC },
	{ "router-solicitation-padded", 0, ADDRESS, MAC },
	{ "router-solicitation-nobody", -ENODATA, NULL, NULL },
	{ "router-solicitation-bare", -ENODATA, NULL, NULL },
	{ "question", 0, ADDRESS, MAC },
	{ "question-bare", -ENODATA, NULL, NULL },
	{ "announcement", 0, ADDRESS, MAC },
	{ "announcement-second-option", 0, ADDRESS, MAC },
	{ "answer-bare", -ENODATA, NULL, NULL },
	{ "echo", -ENODATA, NULL, NULL },
	{ "udp", -ENODATA, NULL, NULL },
	{ "bad-empty", -EBADMSG, NULL, NULL },
	{ "bad-cut", -EBADMSG, NULL, NULL },
	{ "bad-header-cut", -EBADMSG, NULL, NULL },
	{ "bad-version", -EBADMSG, NULL, NULL },
	{ "bad-routed", -EBADMSG, NULL, NULL },
	{ "bad-length", -EBADMSG, NULL, NULL },
	{ "bad-short", -EBADMSG, NULL, NULL },
	{ "bad-option-empty", -EBADMSG, NULL, NULL },
	{ "bad-option-long", -EBADMSG, NULL, NULL },
	{ "bad-option-size", -EBADMSG, NULL, NULL },
	{ "bad-group-mac", -EBADMSG, NULL, NULL },
	{ "bad-target-group", -EBADMSG, NULL, NULL },
	{ "bad-target-nobody", -EBADMSG, NULL, NULL },
	{ "bad-source-group", -EBADMSG, NULL, NULL },
};

static char *read_corpus(const char *name, size_t *ret_size)
{
	_cleanup_free_ char *path = xasprintf("%s/../fuzz/corpus/ndp/%s", getenv("TEST_DATA"),
					      name);
	char *content = NULL;

	if (file_read(path, 1 << 20, &content, ret_size) < 0)
		fail_msg("cannot read %s", path);
	return content;
}

static void packets_tell_their_senders(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ndp_message message = { .address.family = AF_UNIX };
		char text[NETADDR_TEXT_SIZE], mac[MAC_TEXT_SIZE];
		_cleanup_free_ char *packet = NULL;
		size_t size;

		print_message("# %s\n", cases[i].file);
		packet = read_corpus(cases[i].file, &size);
		assert_int_equal(ndp_message_read(&message, packet, size), cases[i].result);
		if (cases[i].result < 0) {
			assert_int_equal(message.address.family, AF_UNIX);
			continue;
		}
		assert_string_equal(netaddr_format(&message.address, text), cases[i].address);
		assert_int_equal(message.expected, cases[i].mac == NULL);
		if (cases[i].mac)
			assert_string_equal(mac_format(&message.mac, mac), cases[i].mac);
	}
}

static void every_truncation_is_survived(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *packet = NULL;
		struct ndp_message message;
		size_t size;

		packet = read_corpus(cases[i].file, &size);
		for (size_t length = 0; length < size; length++) {
			_cleanup_free_ char *cut = xcalloc(length + 1, 1);

			memcpy(cut, packet, length);
			ndp_message_read(&message, cut, length);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_tell_their_senders),
		cmocka_unit_test(every_truncation_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
