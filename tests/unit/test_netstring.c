/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/netstring.h"

#include <string.h>

#include "common/memory.h"
#include "tests/support/test.h"

static const char *payload;
static size_t payload_size, consumed;

static enum netstring_state parse(const char *text)
{
	return netstring_parse(text, strlen(text), &payload, &payload_size, &consumed);
}

static void test_complete(void **state)
{
	static const char two[] = "5:hello,3:abc,";

	assert_int_equal(parse(two), NETSTRING_COMPLETE);
	assert_ptr_equal(payload, two + 2);
	assert_int_equal(payload_size, 5);
	assert_int_equal(consumed, 8);
	assert_int_equal(parse(two + consumed), NETSTRING_COMPLETE);
	assert_memory_equal(payload, "abc", 3);
	assert_int_equal(parse("0:,"), NETSTRING_COMPLETE);
	assert_int_equal(payload_size, 0);
	assert_int_equal(consumed, 3);
	assert_int_equal(parse("3:,:1,"), NETSTRING_COMPLETE);
}

static void test_every_beginning_is_incomplete(void **state)
{
	static const char text[] = "12:hello, world,";

	for (size_t size = 0; size < strlen(text); size++)
		assert_int_equal(netstring_parse(text, size, &payload, &payload_size, &consumed),
				 NETSTRING_INCOMPLETE);
	assert_int_equal(parse(text), NETSTRING_COMPLETE);
}

static void test_invalid(void **state)
{
	static const char *const texts[] = { ":",         ":,",
					     "x",         "-1:,",
					     "+1:a,",     " 1:a,",
					     "01:a,",     "00:,",
					     "1 :a,",     "1;a,",
					     "1:ab,",     "5:hello;",
					     "65537",     "99999999999999999999",
					     "{\"a\":1}", "GET / HTTP/1.1" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(parse(texts[i]), NETSTRING_INVALID);
}

static void test_largest(void **state)
{
	_cleanup_free_ char *text = xcalloc(1, NETSTRING_MAX_PAYLOAD + 8);
	char prefix[NETSTRING_MAX_PREFIX + 1];
	size_t length;

	length = netstring_prefix(prefix, NETSTRING_MAX_PAYLOAD);
	assert_int_equal(length, NETSTRING_MAX_PREFIX);
	assert_string_equal(prefix, "65536:");
	memcpy(text, prefix, length);
	text[length + NETSTRING_MAX_PAYLOAD] = ',';
	assert_int_equal(netstring_parse(text, length + NETSTRING_MAX_PAYLOAD + 1, &payload,
					 &payload_size, &consumed),
			 NETSTRING_COMPLETE);
	assert_int_equal(payload_size, NETSTRING_MAX_PAYLOAD);
	assert_int_equal(netstring_prefix(prefix, NETSTRING_MAX_PAYLOAD + 1), 0);
	assert_int_equal(netstring_prefix(prefix, 0), 2);
	assert_string_equal(prefix, "0:");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_every_beginning_is_incomplete),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_largest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
