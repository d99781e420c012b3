/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "routed/ruleset.h"

static struct forward make(const char *set, uint16_t port, uint8_t host, const char *name)
{
	struct forward forward = { .interface = "vpn0",
				   .protocol = IPPROTO_TCP,
				   .listen_port = port,
				   .target = { .family = AF_INET },
				   .target_port = 80,
				   .name = xstrdup(name) };

	forward.target.v4.s_addr = htonl(0xc0a80100U | host);
	memcpy(forward.set, set, strlen(set));
	return forward;
}

static void assert_same(const struct forward_list *a, const struct forward_list *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++)
		assert_true(forward_equal(&a->items[i], &b->items[i]));
}

static int plan(struct ruleset_change *change, const struct forward_list *held,
		const struct forward_list *given, const char *set, enum ruleset_operation operation)
{
	const struct forward *conflict = NULL;
	int r = ruleset_plan(change, held, given, set, operation, &conflict);

	assert_int_equal(r == -EEXIST, conflict != NULL);
	return r;
}

static void test_replace(void **state)
{
	_cleanup_forward_list_ struct forward_list held = { 0 }, given = { 0 };
	struct ruleset_change change;

	forward_list_append(&held, make("a", 1, 1, NULL)); /* stays */
	forward_list_append(&held, make("a", 2, 1, NULL)); /* goes */
	forward_list_append(&held, make("a", 3, 1, NULL)); /* another target */
	forward_list_append(&held, make("a", 4, 1, "x"));  /* another name */
	forward_list_append(&held, make("b", 5, 1, NULL)); /* another set's */
	forward_list_append(&given, make("a", 1, 1, NULL));
	forward_list_append(&given, make("a", 3, 2, NULL));
	forward_list_append(&given, make("a", 4, 1, "y"));
	forward_list_append(&given, make("a", 6, 1, NULL)); /* comes */
	assert_int_equal(plan(&change, &held, &given, "a", RULESET_REPLACE), 0);
	assert_int_equal(change.removed_count, 3);
	assert_ptr_equal(change.removed[0], &held.items[1]);
	assert_ptr_equal(change.removed[2], &held.items[3]);
	assert_int_equal(change.added_count, 3);
	assert_ptr_equal(change.added[0], &given.items[1]);
	assert_ptr_equal(change.added[2], &given.items[3]);
	assert_false(ruleset_change_is_empty(&change));
	ruleset_change_deinit(&change);

	held.items[4].set[0] = 'a';
	assert_int_equal(plan(&change, &held, &held, "a", RULESET_REPLACE), 0);
	assert_true(ruleset_change_is_empty(&change));
	ruleset_change_deinit(&change);
}

static void test_add(void **state)
{
	_cleanup_forward_list_ struct forward_list held = { 0 }, given = { 0 };
	struct ruleset_change change;

	forward_list_append(&held, make("a", 1, 1, NULL));
	forward_list_append(&held, make("a", 2, 1, NULL));
	forward_list_append(&held, make("b", 3, 1, NULL));
	forward_list_append(&given, make("a", 1, 1, NULL)); /* there already */
	forward_list_append(&given, make("a", 2, 2, NULL)); /* takes the place */
	forward_list_append(&given, make("a", 4, 1, NULL)); /* comes */
	assert_int_equal(plan(&change, &held, &given, "a", RULESET_ADD), 0);
	assert_int_equal(change.removed_count, 1);
	assert_ptr_equal(change.removed[0], &held.items[1]);
	assert_int_equal(change.added_count, 2);
	assert_ptr_equal(change.added[0], &given.items[1]);
	ruleset_change_deinit(&change);
}

static void test_remove(void **state)
{
	_cleanup_forward_list_ struct forward_list held = { 0 }, given = { 0 };
	struct ruleset_change change;

	forward_list_append(&held, make("a", 1, 1, NULL));
	forward_list_append(&held, make("b", 2, 1, NULL));
	forward_list_append(&held, make("a", 3, 1, NULL));
	forward_list_append(&given, make("a", 1, 9, NULL)); /* whatever it leads to */
	forward_list_append(&given, make("a", 2, 1, NULL)); /* another set's */
	forward_list_append(&given, make("a", 4, 1, NULL)); /* not there */
	assert_int_equal(plan(&change, &held, &given, "a", RULESET_REMOVE), 0);
	assert_int_equal(change.added_count, 0);
	assert_int_equal(change.removed_count, 1);
	assert_ptr_equal(change.removed[0], &held.items[0]);
	ruleset_change_deinit(&change);
}

static void test_conflict(void **state)
{
	_cleanup_forward_list_ struct forward_list held = { 0 }, given = { 0 };
	struct ruleset_change change;

	forward_list_append(&held, make("b", 2, 1, NULL));
	forward_list_append(&given, make("a", 1, 1, NULL));
	forward_list_append(&given, make("a", 2, 1, NULL));
	assert_int_equal(plan(&change, &held, &given, "a", RULESET_REPLACE), -EEXIST);
	assert_int_equal(plan(&change, &held, &given, "a", RULESET_ADD), -EEXIST);
}

static void test_limit(void **state)
{
	_cleanup_forward_list_ struct forward_list held = { 0 }, given = { 0 };
	struct ruleset_change change;
	struct forward forward;

	for (unsigned i = 0; i < FORWARD_LIST_MAX; i++) {
		forward = make("a", (uint16_t)(i / 2 + 1), 1, NULL);
		forward.protocol = i % 2 ? IPPROTO_UDP : IPPROTO_TCP;
		forward_list_append(&given, forward);
	}
	assert_null(forward_list_sort(&given));
	assert_int_equal(plan(&change, &held, &given, "a", RULESET_REPLACE), 0);
	assert_int_equal(change.added_count, FORWARD_LIST_MAX);
	ruleset_change_deinit(&change);
	forward = make("b", 65535, 1, NULL);
	memcpy(forward.interface, "vpn1", 5);
	forward_list_append(&held, forward);
	assert_int_equal(plan(&change, &held, &given, "a", RULESET_REPLACE), -ENOSPC);
	assert_int_equal(plan(&change, &held, &given, "a", RULESET_ADD), -ENOSPC);
}

static void fill(struct forward_list *list, unsigned *seed, const char *set, uint16_t first)
{
	char name[2] = "x";

	for (uint16_t port = first; port < first + 40; port++) {
		if (rand_r(seed) % 2)
			continue;
		name[0] = (char)('a' + rand_r(seed) % 3);
		forward_list_append(list, make(set, port, (uint8_t)(1 + rand_r(seed) % 3), name));
	}
	assert_null(forward_list_sort(list));
}

/* The same, without cleverness. */
static struct forward_list expect(const struct forward_list *held, const struct forward_list *given,
				  const char *set, enum ruleset_operation operation)
{
	struct forward_list result = { 0 };
	const struct forward *match;

	for (size_t i = 0; i < held->count; i++) {
		match = forward_list_find(given, &held->items[i]);
		if (strcmp(held->items[i].set, set) != 0 ||
		    (operation != RULESET_REPLACE && !match))
			forward_list_append(&result, forward_copy(&held->items[i]));
	}
	for (size_t i = 0; operation != RULESET_REMOVE && i < given->count; i++)
		forward_list_append(&result, forward_copy(&given->items[i]));
	assert_null(forward_list_sort(&result));
	return result;
}

static void test_random(void **state)
{
	unsigned seed = 4711;

	for (unsigned round = 0; round < 900; round++) {
		_cleanup_forward_list_ struct forward_list held = { 0 }, given = { 0 },
							   expected = { 0 }, gone = { 0 },
							   all = { 0 };
		enum ruleset_operation operation = round % 3;
		struct ruleset_change change, whole;

		fill(&held, &seed, "a", 100);
		fill(&held, &seed, "b", 150);
		fill(&given, &seed, "a", (uint16_t)(70 + rand_r(&seed) % 40));
		expected = expect(&held, &given, "a", operation);
		assert_int_equal(plan(&change, &held, &given, "a", operation), 0);
		ruleset_whole(&whole, &held, &change);
		for (size_t i = 0; i < whole.added_count; i++)
			forward_list_append(&all, forward_copy(whole.added[i]));
		forward_list_sort(&all);
		assert_same(&all, &expected);
		ruleset_apply(&held, &given, &change, &gone);
		assert_same(&held, &expected);
		assert_int_equal(gone.count, change.removed_count);
		ruleset_change_deinit(&whole);
		ruleset_change_deinit(&change);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replace), cmocka_unit_test(test_add),
		cmocka_unit_test(test_remove),  cmocka_unit_test(test_conflict),
		cmocka_unit_test(test_limit),   cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
