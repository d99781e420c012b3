/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/json.h"

#include <errno.h>
#include <string.h>

#include "common/memory.h"
#include "tests/support/test.h"

static cJSON *parse(const char *text)
{
	cJSON *json = NULL;

	assert_int_equal(json_parse(&json, text, strlen(text)), 0);
	return json;
}

static void assert_refused(const char *text, size_t size)
{
	cJSON *json = NULL;
	int r = json_parse(&json, text, size);

	if (r != -EINVAL)
		fail_msg("%d for %.*s", r, (int)size, text);
	assert_null(json);
}

static void test_parse_good(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"null",
		" \t\r\n true \t\r\n ",
		"-0.5e3",
		"\"\"",
		"{\"a\":{\"b\":[1,2,{\"c\":null}]},\"}\":\"]\"}",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"",
		"\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"",
		"\"\\\\u0000\"", /* a backslash and five characters */
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_json_ cJSON *json = parse(texts[i]);

		assert_non_null(json);
	}
}

static void test_parse_bad(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"{",
		"}",
		"[1,",
		"[1}",
		"{\"a\"}",
		"{\"a\":1,}",
		"[1] x",
		"[1][2]",
		"nul",
		"'a'",
		"\"open",
		"\"\\\"",
		"\"\\x\"",
		"\"\\u12\"",
		"\"\\ud800\"",
		"\"\\udc00\"",
		"\"\\u0000\"",
		"\"a\\\\\\u0000b\"",
		"\"new\nline\"",
		"\"tab\t\"",
		"\"\x80\"",
		"\"\xc0\xaf\"",
		"\"\xed\xa0\x80\"",
		"\"\xf4\x90\x80\x80\"",
		"{a:1}",
		"/* */ {}",
		"NaN",
		"+1",
		".5",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_refused(texts[i], strlen(texts[i]));
	assert_refused("{}\0", 3);
	assert_refused("\"a\0b\"", 5);
}

static void test_depth(void **state)
{
	_cleanup_json_ cJSON *json = parse("[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]");

	assert_non_null(json);
	assert_refused("[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", 35);
	assert_refused("{\"a\":[{\"a\":[{\"a\":[{\"a\":[{\"a\":[{\"a\":[{\"a\":[{\"a\":[{", 50);
}

/* What would cost far more memory than its text. */
static void test_size_limits(void **state)
{
	size_t size = JSON_MAX_SIZE;
	_cleanup_free_ char *text = xcalloc(1, size + 1);
	_cleanup_json_ cJSON *json = NULL;

	memset(text, ' ', size);
	text[0] = '1';
	assert_int_equal(json_parse(&json, text, size), 0);
	cJSON_Delete(steal_ptr(json));
	text[size] = ' ';
	assert_int_equal(json_parse(&json, text, size + 1), -EMSGSIZE);
	for (size_t i = 0; i < size; i++)
		text[i] = i % 2 ? ',' : '0';
	text[0] = '[';
	text[size - 2] = '0';
	text[size - 1] = ']';
	assert_refused(text, size);
}

static void test_get_string(void **state)
{
	_cleanup_json_ cJSON *json = parse("{\"s\":\"text\",\"n\":1,\"z\":null,\"S\":\"other\"}");
	const char *value = "untouched";

	assert_int_equal(json_get_string(json, "s", 4, &value), 0);
	assert_string_equal(value, "text");
	value = "untouched";
	assert_int_equal(json_get_string(json, "s", 3, &value), -EINVAL);
	assert_int_equal(json_get_string(json, "n", 10, &value), -EINVAL);
	assert_int_equal(json_get_string(json, "z", 10, &value), -ENOENT);
	assert_int_equal(json_get_string(json, "x", 10, &value), -ENOENT);
	assert_int_equal(json_get_string(NULL, "s", 10, &value), -ENOENT);
	assert_int_equal(json_get_string(json->child, "s", 10, &value), -EINVAL);
	assert_string_equal(value, "untouched");
}

static void test_get_number(void **state)
{
	_cleanup_json_ cJSON *json = parse(
		"{\"a\":65535,\"b\":65536,\"c\":-1,\"d\":1.5,\"e\":1e999,"
		"\"f\":9007199254740992,\"g\":9007199254740994,"
		"\"h\":\"1\",\"i\":true,\"j\":1e3,\"k\":-1e999,\"l\":0}");
	uint64_t value = 7;

	assert_int_equal(json_get_number(json, "a", 1, 65535, &value), 0);
	assert_int_equal(value, 65535);
	assert_int_equal(json_get_number(json, "j", 1, 65535, &value), 0);
	assert_int_equal(value, 1000);
	assert_int_equal(json_get_number(json, "f", 0, UINT64_MAX, &value), 0);
	assert_true(value == UINT64_C(9007199254740992));
	value = 7;
	assert_int_equal(json_get_number(json, "b", 1, 65535, &value), -EINVAL);
	assert_int_equal(json_get_number(json, "l", 1, 65535, &value), -EINVAL);
	assert_int_equal(json_get_number(json, "c", 0, 65535, &value), -EINVAL);
	assert_int_equal(json_get_number(json, "d", 0, 65535, &value), -EINVAL);
	assert_int_equal(json_get_number(json, "e", 0, UINT64_MAX, &value), -EINVAL);
	assert_int_equal(json_get_number(json, "k", 0, UINT64_MAX, &value), -EINVAL);
	assert_int_equal(json_get_number(json, "g", 0, UINT64_MAX, &value), -EINVAL);
	assert_int_equal(json_get_number(json, "h", 0, 65535, &value), -EINVAL);
	assert_int_equal(json_get_number(json, "i", 0, 65535, &value), -EINVAL);
	assert_int_equal(json_get_number(json, "x", 0, 65535, &value), -ENOENT);
	assert_int_equal(value, 7);
}

static void test_get_others(void **state)
{
	_cleanup_json_ cJSON *json = parse(
		"{\"r\":0.75,\"t\":true,\"f\":false,\"l\":[1,2,3],\"o\":{\"x\":1},\"n\":null}");
	const cJSON *item = NULL, *element;
	bool flag = false;
	double real = 0;
	unsigned sum = 0;

	assert_int_equal(json_get_real(json, "r", 0, 1, &real), 0);
	assert_true(real > 0.74 && real < 0.76);
	assert_int_equal(json_get_real(json, "r", 0, 0.5, &real), -EINVAL);
	assert_int_equal(json_get_real(json, "t", 0, 1, &real), -EINVAL);
	assert_int_equal(json_get_real(json, "n", 0, 1, &real), -ENOENT);
	assert_int_equal(json_get_bool(json, "t", &flag), 0);
	assert_true(flag);
	assert_int_equal(json_get_bool(json, "f", &flag), 0);
	assert_false(flag);
	assert_int_equal(json_get_bool(json, "r", &flag), -EINVAL);
	assert_int_equal(json_get_bool(json, "n", &flag), -ENOENT);
	assert_int_equal(json_get_array(json, "l", 2, &item), -EINVAL);
	assert_int_equal(json_get_array(json, "o", 2, &item), -EINVAL);
	assert_int_equal(json_get_array(json, "n", 2, &item), -ENOENT);
	assert_int_equal(json_get_object(json, "l", &item), -EINVAL);
	assert_int_equal(json_get_object(json, "n", &item), -ENOENT);
	assert_null(item);
	assert_int_equal(json_get_object(json, "o", &item), 0);
	assert_int_equal(json_get_array(json, "l", 3, &item), 0);
	json_for_each (element, item)
		sum += (unsigned)element->valueint;
	assert_int_equal(sum, 6);
	sum = 0;
	item = NULL;
	json_for_each (element, item)
		sum++;
	assert_int_equal(sum, 0);
}

static void test_build(void **state)
{
	_cleanup_json_ cJSON *json = json_new_object();
	_cleanup_free_ char *text = NULL;
	cJSON *list = json_new_array();

	json_add_string(json, "s", "a\"b\n\xc3\xa9");
	json_add_string(json, "none", NULL);
	json_add_string(json, "latin1", "caf\xe9 \xc3");
	json_add_number(json, "n", 1099511627776.0);
	json_add_bool(json, "b", true);
	json_append(list, json_new_object());
	json_add(json, "l", list);
	text = json_print(json);
	assert_string_equal(text, "{\"s\":\"a\\\"b\\n\xc3\xa9\",\"latin1\":\"caf\xef\xbf\xbd "
				  "\xef\xbf\xbd\",\"n\":1099511627776,\"b\":true,\"l\":[{}]}");
}

static void test_utf8(void **state)
{
	static const char *const good[] = { "",
					    "plain",
					    "\xc2\x80",
					    "\xdf\xbf",
					    "\xe0\xa0\x80",
					    "\xef\xbf\xbf",
					    "\xed\x9f\xbf",
					    "\xf0\x90\x80\x80",
					    "\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "\x80",
					   "\xc1\xbf",
					   "\xc2",
					   "\xe0\x9f\xbf",
					   "\xe2\x82",
					   "\xed\xbf\xbf",
					   "\xf0\x8f\xbf\xbf",
					   "\xf4\x90\x80\x80",
					   "\xf8\x88\x80\x80\x80",
					   "\xff",
					   "a\xc3(" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(utf8_is_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(utf8_is_valid(bad[i], strlen(bad[i])));
	assert_false(utf8_is_valid("a\0b", 3));
}

static void assert_time(const char *text, int64_t seconds)
{
	char buffer[TIME_TEXT_SIZE];
	int64_t parsed = -1;

	assert_int_equal(time_parse(&parsed, text), 0);
	assert_true(parsed == seconds);
	assert_string_equal(time_format(parsed, buffer), text);
}

static void test_time(void **state)
{
	static const char *const bad[] = {
		"",
		"2026-11-20",
		"2026-11-20T10:00:00",
		"2026-11-20T10:00:00+01:00",
		"2026-11-20t10:00:00z",
		"2026-11-20 10:00:00Z",
		"2026-11-20T10:00:00.Z",
		"2026-11-20T10:00:00.5",
		"2026-11-20T10:00:00Zx",
		"2026-13-20T10:00:00Z",
		"2026-00-20T10:00:00Z",
		"2026-02-29T10:00:00Z",
		"2026-04-31T10:00:00Z",
		"2026-11-00T10:00:00Z",
		"2026-11-20T24:00:00Z",
		"2026-11-20T10:60:00Z",
		"2026-11-20T10:00:61Z",
		"1969-12-31T23:59:59Z",
		"+026-11-20T10:00:00Z",
		" 2026-11-20T10:00:00Z",
	};
	char buffer[TIME_TEXT_SIZE];
	int64_t seconds = 7;

	assert_time("1970-01-01T00:00:00Z", 0);
	assert_time("2026-11-20T10:00:00Z", 1795168800);
	assert_time("2024-02-29T23:59:59Z", 1709251199);
	assert_time("2000-02-29T00:00:00Z", 951782400);
	assert_time("2038-01-19T03:14:08Z", 2147483648);
	assert_time("9999-12-31T23:59:59Z", INT64_C(253402300799));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(time_parse(&seconds, bad[i]), -EINVAL);
	assert_int_equal(seconds, 7);
	assert_int_equal(time_parse(&seconds, "2026-11-20T10:00:00.123456789Z"), 0);
	assert_true(seconds == 1795168800);
	assert_int_equal(time_parse(&seconds, "2016-12-31T23:59:60Z"), 0);
	assert_string_equal(time_format(seconds, buffer), "2017-01-01T00:00:00Z");
	assert_string_equal(time_format(-1, buffer), "1970-01-01T00:00:00Z");
	assert_string_equal(time_format(INT64_MAX, buffer), "9999-12-31T23:59:59Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_good), cmocka_unit_test(test_parse_bad),
		cmocka_unit_test(test_depth),      cmocka_unit_test(test_size_limits),
		cmocka_unit_test(test_get_string), cmocka_unit_test(test_get_number),
		cmocka_unit_test(test_get_others), cmocka_unit_test(test_build),
		cmocka_unit_test(test_utf8),       cmocka_unit_test(test_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
