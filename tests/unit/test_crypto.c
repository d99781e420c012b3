/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/crypto.h"

#include <errno.h>
#include <string.h>

#include "tests/support/test.h"

static void test_sha256(void **state)
{
	char text[SHA256_HEX_SIZE];

	sha256_hex(text, "abc", 3); /* FIPS 180-2, appendix B.1 */
	assert_string_equal(text,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_hex(text, "", 0);
	assert_string_equal(text,
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_hex(void **state)
{
	static const uint8_t bytes[] = { 0x00, 0x0f, 0xf0, 0xff };
	char text[9] = "xxxxxxxx";

	hex_format(text, bytes, 0);
	assert_string_equal(text, "");
	hex_format(text, bytes, sizeof(bytes));
	assert_string_equal(text, "000ff0ff");
}

static void test_random(void **state)
{
	uint8_t buffer[4096] = { 0 };
	unsigned seen[256] = { 0 };

	random_fill(buffer, sizeof(buffer));
	for (size_t i = 0; i < sizeof(buffer); i++)
		seen[buffer[i]]++;
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
		assert_true(seen[i] < 80); /* 16 expected */
	assert_true(random_u64() != random_u64());
	random_fill(buffer, 0);
}

static void test_secret(void **state)
{
	char first[SECRET_SIZE], second[SECRET_SIZE];

	secret_generate(first);
	secret_generate(second);
	assert_true(secret_is_valid(first));
	assert_true(secret_is_valid(second));
	assert_string_not_equal(first, second);
	/* 256 bits: the last character carries four. */
	assert_non_null(strchr("AEIMQUYcgkosw048", first[SECRET_SIZE - 2]));
	assert_false(secret_is_valid(""));
	assert_false(secret_is_valid("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
	assert_true(secret_is_valid("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
	assert_false(secret_is_valid("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
	assert_false(secret_is_valid("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
	assert_false(secret_is_valid("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+/"));
}

/* printf 'claim:…' | sha256sum, first 40 bits, by hand. */
static void test_claim_code(void **state)
{
	char code[CLAIM_CODE_SIZE];

	claim_code_derive(code, "secret"); /* 227ca72f56… */
	assert_string_equal(code, "49YA-EBTP");
	claim_code_derive(code, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	assert_string_equal(code, "YRYC-C3DH");
}

static void test_claim_code_as_typed(void **state)
{
	static const char *const good[] = { "49YA-EBTP", "49yaebtp", " 49 ya - eb tp ",
					    "4-9-y-a-e-b-t-p" };
	static const char *const bad[] = {
		"",          "49YA-EBT",     "49YA-EBTPX", "49YA_EBTP",
		"49YA-EBTU", "49YA-EBT\xc3", "--------",   "49YA-EBT\t"
	};
	char code[CLAIM_CODE_SIZE] = "untouched";

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(claim_code_parse(code, bad[i]), -EINVAL);
	assert_string_equal(code, "untouched");
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(claim_code_parse(code, good[i]), 0);
		assert_string_equal(code, "49YA-EBTP");
	}
	assert_int_equal(claim_code_parse(code, "oOiIlL01"), 0);
	assert_string_equal(code, "0011-1101");
}

static void test_constant_time_equal(void **state)
{
	assert_true(constant_time_equal("token", "token"));
	assert_true(constant_time_equal("", ""));
	assert_false(constant_time_equal("token", "tokem"));
	assert_false(constant_time_equal("token", "toke"));
	assert_false(constant_time_equal("token", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_claim_code),
		cmocka_unit_test(test_claim_code_as_typed),
		cmocka_unit_test(test_constant_time_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
