/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Password records, cookies, and the limit on guessing. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "apid/password.h"
#include "apid/rate_limit.h"
#include "apid/session.h"

#define TOKEN         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define COOKIE(value) SESSION_COOKIE "=" value
#define OTHER_COOKIE  "x" COOKIE(TOKEN)
#define NO_TOKEN      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA!"

static void passwords(void **state)
{
	char one[PASSWORD_RECORD_SIZE], other[PASSWORD_RECORD_SIZE];

	password_hash(one, "correct horse");
	password_hash(other, "correct horse");
	assert_string_not_equal(one, other); /* salted */
	assert_null(strstr(one, "horse"));
	assert_true(password_matches(one, "correct horse"));
	assert_false(password_matches(one, "correct horsf"));
	assert_false(password_matches(one, ""));
}

static void known_password_record(void **state)
{
	/* hashlib.scrypt(b"password", salt=bytes(range(16)), n=1024, r=8, p=1, dklen=32) */
	static const char record[] =
		"scrypt$1024$8$1$000102030405060708090a0b0c0d0e0f$"
		"3a7c0782a4dbdf543acd7c522fe853d9b34abb8af27a5c6597488cdf228140b5";

	assert_true(password_matches(record, "password"));
	assert_false(password_matches(record, "Password"));
}

static void malformed_password_records(void **state)
{
#define SALT "000102030405060708090a0b0c0d0e0f"
#define HASH "0000000000000000000000000000000000000000000000000000000000000000"
	static const char *const records[] = {
		"",
		"scrypt",
		"plain$password",
		"scrypt$16384$8$1$" SALT "$",
		"scrypt$16384$8$1$00$" HASH,
		"scrypt$16384$8$1$" SALT "$00",
		"scrypt$0$8$1$" SALT "$" HASH,
		"scrypt$1000$8$1$" SALT "$" HASH,
		"scrypt$999999$8$1$" SALT "$" HASH,
		"scrypt$16384$99$1$" SALT "$" HASH,
		"scrypt$16384$8$0$" SALT "$" HASH,
	};

	for (size_t i = 0; i < ARRAY_SIZE(records); i++)
		assert_false(password_matches(records[i], "password"));
}

static void cookies(void **state)
{
	static const char *const good[] = {
		COOKIE(TOKEN),
		"a=b; " COOKIE(TOKEN) "; c=d",
		"a=b;" COOKIE(TOKEN) ";",
	};
	static const char *const bad[] = {
		"",           ";;; ;",           SESSION_COOKIE,
		COOKIE(""),   COOKIE(TOKEN "A"), COOKIE(NO_TOKEN),
		OTHER_COOKIE,
	};
	char token[SECRET_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(session_cookie_parse(token, good[i]), 0);
		assert_string_equal(token, TOKEN);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(session_cookie_parse(token, bad[i]) < 0);
}

static struct rate_limit limit;

static void tries_run_out_and_come_back(void **state)
{
	usec_t now = 1000 * USEC_PER_SEC;

	rate_limit_init(&limit, 3, 10 * USEC_PER_SEC, 42);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rate_limit_wait(&limit, "a", now), 0);
		rate_limit_count(&limit, "a", now);
	}
	assert_int_equal(rate_limit_wait(&limit, "a", now), 10 * USEC_PER_SEC);
	assert_int_equal(rate_limit_wait(&limit, "b", now), 0);
	now += 10 * USEC_PER_SEC;
	assert_int_equal(rate_limit_wait(&limit, "a", now), 0);
	rate_limit_count(&limit, "a", now);
	assert_int_not_equal(rate_limit_wait(&limit, "a", now), 0);
	rate_limit_forgive(&limit, "a");
	assert_int_equal(rate_limit_wait(&limit, "a", now), 0);
}

static void a_flood_of_keys_forgets_no_offender_at_once(void **state)
{
	usec_t now = 1000 * USEC_PER_SEC;
	char key[16];

	rate_limit_init(&limit, 3, 10 * USEC_PER_SEC, 42);
	for (int i = 0; i < 4; i++)
		rate_limit_count(&limit, "offender", now);
	for (int i = 0; i < RATE_LIMIT_SETS; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		rate_limit_count(&limit, key, now);
	}
	assert_int_not_equal(rate_limit_wait(&limit, "offender", now), 0);
}

static void address_keys(void **state)
{
	char one[RATE_LIMIT_KEY_SIZE], other[RATE_LIMIT_KEY_SIZE];

	assert_string_equal(rate_limit_address_key(one, "192.0.2.1"), "192.0.2.1");
	assert_string_equal(rate_limit_address_key(one, "2001:db8::1"),
			    rate_limit_address_key(other, "2001:db8::ffff:2"));
	assert_string_not_equal(rate_limit_address_key(one, "2001:db8:0:1::1"),
				rate_limit_address_key(other, "2001:db8:0:2::1"));
	assert_string_equal(rate_limit_address_key(one, ""), "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords),
		cmocka_unit_test(known_password_record),
		cmocka_unit_test(malformed_password_records),
		cmocka_unit_test(cookies),
		cmocka_unit_test(tries_run_out_and_come_back),
		cmocka_unit_test(a_flood_of_keys_forgets_no_offender_at_once),
		cmocka_unit_test(address_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
