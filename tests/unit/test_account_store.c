/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vpn-service/account_store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "tests/support/test.h"

#define NOW 1000000

struct fixture {
	char directory[32];
	char *path;
	struct pool pool;
	struct account_store *store;
};

static int setup(void **state)
{
	struct fixture *fixture = xnew(struct fixture);
	struct netprefix prefix;

	test_make_directory(fixture->directory, sizeof(fixture->directory));
	fixture->path = xasprintf("%s/accounts.db", fixture->directory);
	assert_int_equal(netprefix_parse(&prefix, "10.44.0.0/27"), 0);
	assert_int_equal(pool_init(&fixture->pool, &prefix), 0);
	assert_int_equal(account_store_open(&fixture->store, fixture->path), 0);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	struct fixture *fixture = *state;

	account_store_close(fixture->store);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		_cleanup_free_ char *path = xasprintf("%s%s", fixture->path, suffixes[i]);

		unlink(path);
	}
	rmdir(fixture->directory);
	free(fixture->path);
	free(fixture);
	return 0;
}

static struct account *account_of(uint32_t gateway_id)
{
	struct account *account = xnew(struct account);

	account->gateway_id = gateway_id;
	account->mac = pool_mac(gateway_id);
	account->certificate = xasprintf("certificate of %u", gateway_id);
	snprintf(account->serial, sizeof(account->serial), "%032x", gateway_id);
	snprintf(account->key_fingerprint, sizeof(account->key_fingerprint), "%064x", gateway_id);
	return account;
}

static int insert(struct fixture *fixture, uint32_t gateway_id, int64_t now, uint32_t *ret_address)
{
	_cleanup_(account_freep) struct account *account = account_of(gateway_id);
	int r = account_store_insert(fixture->store, account, &fixture->pool, now);

	if (r == 0 && ret_address)
		*ret_address = account->address;
	return r;
}

static uint32_t count_free(struct fixture *fixture, int64_t now)
{
	uint32_t count = 0;

	assert_int_equal(account_store_count_free(fixture->store, &fixture->pool, now, &count), 0);
	return count;
}

static void test_round_trip(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_(account_freep) struct account *read = NULL;
	uint32_t address, count;

	assert_int_equal(account_store_get(fixture->store, 7, &read), -ENOENT);
	assert_int_equal(insert(fixture, 7, NOW, &address), 0);
	assert_int_equal(address, fixture->pool.first + 6);
	account_store_close(fixture->store); /* and after a restart */
	assert_int_equal(account_store_open(&fixture->store, fixture->path), 0);
	assert_int_equal(account_store_get(fixture->store, 7, &read), 0);
	assert_int_equal(read->gateway_id, 7);
	assert_int_equal(read->state, ACCOUNT_CREATING);
	assert_int_equal(read->address, address);
	assert_string_equal(read->certificate, "certificate of 7");
	assert_string_equal(read->serial, "00000000000000000000000000000007");
	assert_int_equal(strlen(read->key_fingerprint), 64);
	assert_int_equal(account_store_count(fixture->store, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(insert(fixture, 7, NOW, NULL), -EEXIST);
	assert_int_equal(count_free(fixture, NOW), fixture->pool.size - 1);
}

static void test_update(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_(account_freep) struct account *account = account_of(3), *read = NULL;

	assert_int_equal(account_store_update(fixture->store, account), -ENOENT);
	assert_int_equal(insert(fixture, 3, NOW, NULL), 0);
	account->state = ACCOUNT_PROVISIONED;
	replace_string(&account->certificate, "renewed");
	snprintf(account->serial, sizeof(account->serial), "abc");
	assert_int_equal(account_store_update(fixture->store, account), 0);
	assert_int_equal(account_store_get(fixture->store, 3, &read), 0);
	assert_int_equal(read->state, ACCOUNT_PROVISIONED);
	assert_string_equal(read->certificate, "renewed");
	assert_string_equal(read->serial, "abc");
	assert_int_equal(read->address, fixture->pool.first + 2); /* never moves */
}

static void test_collisions_and_the_end_of_the_pool(void **state)
{
	struct fixture *fixture = *state;
	uint32_t size = fixture->pool.size, seen = 0;

	/* All of them want the same first place. */
	for (uint32_t i = 0; i < size; i++) {
		uint32_t address;

		assert_int_equal(insert(fixture, 1 + i * size, NOW, &address), 0);
		assert_false(seen & BIT(address - fixture->pool.first));
		seen |= BIT(address - fixture->pool.first);
	}
	assert_int_equal(count_free(fixture, NOW), 0);
	assert_int_equal(insert(fixture, 2, NOW, NULL), -ENOSPC);
	/* A failed insert leaves nothing open. */
	assert_int_equal(account_store_remove(fixture->store, 1, NOW), 0);
	assert_int_equal(insert(fixture, 2, NOW, NULL), 0);
}

static void test_addresses_rest(void **state)
{
	struct fixture *fixture = *state;
	uint32_t address, again, other;

	assert_int_equal(insert(fixture, 5, NOW, &address), 0);
	assert_int_equal(account_store_remove(fixture->store, 5, NOW + 100), 0);
	assert_int_equal(count_free(fixture, NOW), fixture->pool.size - 1);
	/* Somebody else who would like the same place. */
	assert_int_equal(insert(fixture, 5 + fixture->pool.size, NOW, &other), 0);
	assert_int_not_equal(other, address);
	/* For its old owner it is free at once. */
	assert_int_equal(insert(fixture, 5, NOW, &again), 0);
	assert_int_equal(again, address);
	assert_int_equal(account_store_remove(fixture->store, 5, NOW + 100), 0);
	assert_int_equal(account_store_remove(fixture->store, 5 + fixture->pool.size, NOW), 0);
	assert_int_equal(count_free(fixture, NOW + 100), fixture->pool.size);
	assert_int_equal(insert(fixture, 5 + fixture->pool.size, NOW + 100, &other), 0);
	assert_int_equal(other, address);
}

static void test_remove_of_nothing(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(account_store_remove(fixture->store, 99, NOW), 0);
	assert_int_equal(count_free(fixture, 0), fixture->pool.size);
}

static void on_account(const struct account *account, void *owner)
{
	uint32_t *last = owner;

	assert_true(account->gateway_id > *last);
	*last = account->gateway_id;
}

static void test_for_each_is_sorted(void **state)
{
	struct fixture *fixture = *state;
	uint32_t last = 0;

	assert_int_equal(insert(fixture, 9, NOW, NULL), 0);
	assert_int_equal(insert(fixture, UINT32_MAX, NOW, NULL), 0);
	assert_int_equal(insert(fixture, 2, NOW, NULL), 0);
	assert_int_equal(account_store_for_each(fixture->store, on_account, &last), 0);
	assert_int_equal(last, UINT32_MAX);
}

static void run_sql(const char *path, const char *text)
{
	sqlite3 *database;

	assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
	assert_int_equal(sqlite3_exec(database, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(database);
}

static void test_edited_by_hand(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_(account_freep) struct account *read = NULL;
	uint32_t last = 0;

	assert_int_equal(insert(fixture, 4, NOW, NULL), 0);
	run_sql(fixture->path, "UPDATE accounts SET mac_address = 'nonsense'");
	assert_int_equal(account_store_get(fixture->store, 4, &read), -EUCLEAN);
	assert_null(read);
	assert_int_equal(account_store_for_each(fixture->store, on_account, &last), -EUCLEAN);
}

static void test_other_files(void **state)
{
	struct fixture *fixture = *state;
	struct account_store *other = NULL;
	FILE *file;

	account_store_close(fixture->store);
	fixture->store = NULL;
	run_sql(fixture->path, "PRAGMA user_version = 99");
	assert_int_equal(account_store_open(&other, fixture->path), -EPROTO);
	file = fopen(fixture->path, "w");
	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		fputs("this is not a database\n", file);
	fclose(file);
	assert_int_equal(account_store_open(&other, fixture->path), -EUCLEAN);
	assert_int_equal(account_store_open(&other, "/nonexistent/accounts.db"), -ENOENT);
	assert_null(other);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip),
		TEST(test_update),
		TEST(test_collisions_and_the_end_of_the_pool),
		TEST(test_addresses_rest),
		TEST(test_remove_of_nothing),
		TEST(test_for_each_is_sorted),
		TEST(test_edited_by_hand),
		TEST(test_other_files),
	};

	return cmocka_run_group_tests_name("account_store", tests, NULL, NULL);
}
