/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store and what is decided on it: claims, tokens, revisions, orders, expiry. */
#include "tests/support/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "apid/claims.h"
#include "apid/store.h"
#include "common/memory.h"

#define NOW 1800000000

static int open_store(void **state)
{
	struct store *store = NULL;
	char *error = NULL;

	assert_int_equal(store_open(&store, ":memory:", &error), 0);
	*state = store;
	return 0;
}

static int close_store(void **state)
{
	store_close(*state);
	return 0;
}

/* A gateway announces itself; its secret is filled with one letter. */
static uint64_t announce_from(struct store *store, const char *from, int64_t time, const char *mac,
			      char letter)
{
	char secret[SECRET_SIZE], interfaces[] = "[]";
	struct announcement announcement = {
		.secret = secret,
		.csr = "csr",
		.interfaces = interfaces,
	};
	bool created;
	uint64_t id;

	memset(secret, letter, sizeof(secret));
	secret[SECRET_SIZE - 1] = '\0';
	snprintf(announcement.mac_address, sizeof(announcement.mac_address), "%s", mac);
	assert_int_equal(store_gateway_announce(store, &announcement, from, time, &id, &created),
			 0);
	return id;
}

static uint64_t announce(struct store *store, const char *mac, char letter)
{
	return announce_from(store, "192.0.2.1", NOW, mac, letter);
}

static uint64_t make_organisation(struct store *store, const char *name)
{
	struct user user = { .role = ROLE_ADMIN };

	snprintf(user.name, sizeof(user.name), "user-of-%s", name);
	snprintf(user.password, sizeof(user.password), "none");
	assert_int_equal(store_user_put(store, &user, name), 0);
	assert_int_equal(store_user_find(store, user.name, &user), 0);
	return user.organisation_id;
}

static int claim(struct store *store, uint64_t id, uint64_t organisation, uint64_t *ret_id)
{
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };
	struct claim wanted = { .organisation_id = organisation, .time = NOW };

	assert_int_equal(store_gateway_get(store, id, &record), 0);
	wanted.code = record.claim_code;
	return claim_gateway(store, &wanted, ret_id);
}

static void claims(void **state)
{
	struct store *store = *state;
	uint64_t ours = make_organisation(store, "ours"),
		 theirs = make_organisation(store, "theirs");
	uint64_t id = announce(store, "aa:bb:cc:00:00:01", 'a'), claimed = 0;
	struct provision_job job;

	assert_int_equal(claim_gateway(store, &(struct claim){ .code = "0000-0000" }, &claimed),
			 CLAIM_UNKNOWN);
	assert_int_equal(store_provision_next(store, &job), -ENOENT);
	assert_int_equal(claim(store, id, ours, &claimed), CLAIM_APPROVED);
	assert_int_equal(claimed, id);
	assert_int_equal(store_provision_next(store, &job), 0);
	assert_int_equal(job.gateway_id, id);
	assert_int_equal(job.action, PROVISION_CREATE);
	provision_job_clear(&job);
	assert_int_equal(claim(store, id, ours, &claimed), CLAIM_ALREADY);
	assert_int_equal(claim(store, id, theirs, &claimed), CLAIM_UNKNOWN);
	assert_int_equal(store_gateway_revoke(store, id, NOW), 0);
	assert_int_equal(claim(store, id, ours, &claimed), CLAIM_UNKNOWN);
}

static void an_imitated_code_approves_nobody(void **state)
{
	struct store *store = *state;
	uint64_t ours = make_organisation(store, "ours"), claimed = 0;
	/* The same secret under two MAC addresses has the same code, as a searched one would. */
	uint64_t id = announce(store, "aa:bb:cc:00:00:01", 'a');

	assert_int_not_equal(announce(store, "aa:bb:cc:00:00:02", 'a'), id);
	assert_int_equal(claim(store, id, ours, &claimed), CLAIM_AMBIGUOUS);
}

static void same_pair_is_same_gateway(void **state)
{
	struct store *store = *state;
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };
	uint64_t id = announce(store, "aa:bb:cc:00:00:01", 'a');

	assert_int_equal(announce(store, "aa:bb:cc:00:00:01", 'a'), id);
	assert_int_equal(store_gateway_get(store, id, &record), 0);
	assert_false(record.mac_is_shared);
	gateway_record_clear(&record);
	assert_int_not_equal(announce(store, "aa:bb:cc:00:00:01", 'b'), id);
	assert_int_equal(store_gateway_get(store, id, &record), 0);
	assert_true(record.mac_is_shared);
}

static void pending_gateways_are_forgotten(void **state)
{
	struct store *store = *state;
	uint64_t ours = make_organisation(store, "ours"), claimed, count;
	uint64_t approved = announce(store, "aa:bb:cc:00:00:01", 'a');

	announce(store, "aa:bb:cc:00:00:02", 'b');
	assert_int_equal(claim(store, approved, ours, &claimed), CLAIM_APPROVED);
	assert_int_equal(store_gateway_pending_count(store, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(store_gateway_forget_pending(store, NOW), 0);
	assert_int_equal(store_gateway_forget_pending(store, NOW + 1), 1);
	/* A number is never given again. */
	assert_int_equal(announce(store, "aa:bb:cc:00:00:02", 'b'), approved + 2);
}

static bool is_there(struct store *store, uint64_t id)
{
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };

	return store_gateway_get(store, id, &record) == 0;
}

/* Who fills the table loses its own oldest, and nobody else's; approved ones are not touched. */
static void a_full_table_makes_room(void **state)
{
	struct store *store = *state;
	uint64_t ours = make_organisation(store, "ours"), claimed, crowd[3];
	uint64_t approved = announce_from(store, "A", NOW - 9, "aa:bb:cc:00:00:01", 'a');
	uint64_t other = announce_from(store, "B", NOW - 8, "aa:bb:cc:00:00:02", 'b');

	assert_int_equal(claim(store, approved, ours, &claimed), CLAIM_APPROVED);
	for (size_t i = 0; i < ARRAY_SIZE(crowd); i++)
		crowd[i] = announce_from(store, "A", NOW + (int64_t)i, "aa:bb:cc:00:00:03",
					 (char)('p' + i));
	/* Nothing is full. */
	assert_int_equal(store_gateway_make_room(store, "A", 4, 5), 0);
	assert_true(is_there(store, crowd[0]));
	/* One address has as many as it may. */
	assert_int_equal(store_gateway_make_room(store, "A", 3, 5), 0);
	assert_false(is_there(store, crowd[0]));
	assert_true(is_there(store, crowd[1]));
	/* All together are too many: whoever has most gives way, not the oldest of all. */
	assert_int_equal(store_gateway_make_room(store, "C", 3, 3), 0);
	assert_false(is_there(store, crowd[1]));
	assert_true(is_there(store, crowd[2]) && is_there(store, other) &&
		    is_there(store, approved));
}

static void tokens(void **state)
{
	struct store *store = *state;
	uint64_t id = announce(store, "aa:bb:cc:00:00:01", 'a'), found = 0;

	assert_int_equal(store_token_add(store, id, "one", NOW, NOW + 100), 0);
	assert_int_equal(store_token_use(store, "one", NOW, &found), 0);
	assert_int_equal(found, id);
	assert_int_equal(store_token_use(store, "other", NOW, &found), -ENOENT);
	assert_int_equal(store_token_use(store, "one", NOW + 100, &found), -ENOENT);

	/* The old one is good until the new one is first used. */
	assert_int_equal(store_token_add(store, id, "two", NOW, NOW + 200), 0);
	assert_int_equal(store_token_use(store, "one", NOW, &found), 0);
	assert_int_equal(store_token_use(store, "two", NOW, &found), 0);
	assert_int_equal(store_token_use(store, "one", NOW, &found), -ENOENT);
}

static void lost_tokens_do_not_pile_up(void **state)
{
	struct store *store = *state;
	uint64_t id = announce(store, "aa:bb:cc:00:00:01", 'a'), found;
	char hash[16];

	assert_int_equal(store_token_add(store, id, "used", NOW, NOW + 100), 0);
	assert_int_equal(store_token_use(store, "used", NOW, &found), 0);
	for (int i = 0; i < 20; i++) {
		snprintf(hash, sizeof(hash), "lost%d", i);
		assert_int_equal(store_token_add(store, id, hash, NOW, NOW + 100), 0);
	}
	assert_int_equal(store_token_use(store, "used", NOW, &found), 0);
	assert_int_equal(store_token_use(store, "lost15", NOW, &found), -ENOENT);
	assert_int_equal(store_token_use(store, "lost19", NOW, &found), 0);
}

static void revisions(void **state)
{
	struct store *store = *state;
	uint64_t id = announce(store, "aa:bb:cc:00:00:01", 'a');
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };

	assert_int_equal(store_gateway_changed(store, id, BIT(CHANGE_RULES)), 0);
	assert_int_equal(
		store_gateway_changed(store, id, BIT(CHANGE_CONFIGURATION) | BIT(CHANGE_IDENTIFY)),
		0);
	assert_int_equal(store_gateway_get(store, id, &record), 0);
	assert_int_equal(record.revision, 2);
	assert_int_equal(record.change_revision[CHANGE_RULES], 1);
	assert_int_equal(record.change_revision[CHANGE_CONFIGURATION], 2);
	assert_int_equal(record.change_revision[CHANGE_VPN], 0);
	assert_int_equal(record.change_revision[CHANGE_IDENTIFY], 2);
}

static void a_newer_order_replaces(void **state)
{
	struct store *store = *state;
	uint64_t id = announce(store, "aa:bb:cc:00:00:01", 'a');
	struct provision_job old, new;

	assert_int_equal(store_provision_order(store, id, PROVISION_CREATE), 0);
	assert_int_equal(store_provision_next(store, &old), 0);
	assert_string_equal(old.csr, "csr");
	assert_int_equal(store_provision_order(store, id, PROVISION_DELETE), 0);
	assert_int_equal(store_provision_done(store, &old), -ENOENT);
	assert_int_equal(store_provision_next(store, &new), 0);
	assert_int_equal(new.action, PROVISION_DELETE);
	assert_int_equal(store_provision_postpone(store, &new, NOW), 0);
	assert_int_equal(store_provision_done(store, &new), 0);
	provision_job_clear(&old);
	provision_job_clear(&new);
	assert_int_equal(store_provision_next(store, &new), -ENOENT);
}

static void postponed_orders_let_others_pass(void **state)
{
	struct store *store = *state;
	uint64_t one = announce(store, "aa:bb:cc:00:00:01", 'a');
	uint64_t other = announce(store, "aa:bb:cc:00:00:02", 'b');
	struct provision_job job;

	assert_int_equal(store_provision_order(store, one, PROVISION_CREATE), 0);
	assert_int_equal(store_provision_order(store, other, PROVISION_CREATE), 0);
	assert_int_equal(store_provision_next(store, &job), 0);
	assert_int_equal(job.gateway_id, one);
	assert_int_equal(store_provision_postpone(store, &job, NOW), 0);
	provision_job_clear(&job);
	assert_int_equal(store_provision_next(store, &job), 0);
	assert_int_equal(job.gateway_id, other);
	provision_job_clear(&job);
}

static void removed_rules(void **state)
{
	struct store *store = *state;
	uint64_t id = announce(store, "aa:bb:cc:00:00:01", 'a');
	struct rule automatic = { .local_port_id = 10000, .service = "http", .protocol = "tcp" };
	struct rule by_hand = { .local_port_id = 10001, .protocol = "tcp" };
	_cleanup_rules_ struct rule_list list = { .count = 0 };

	assert_int_equal(store_rule_save(store, id, &automatic), 0);
	assert_int_equal(store_rule_save(store, id, &by_hand), 0);
	by_hand.id = 0;
	assert_int_equal(store_rule_save(store, id, &by_hand), -EEXIST); /* port in use */
	assert_int_equal(store_rule_delete(store, id, automatic.id), 0);
	assert_int_equal(store_rule_delete(store, id, automatic.id), -ENOENT);
	assert_int_equal(store_rule_delete(store, id, automatic.id + 1), 0);
	assert_int_equal(store_rule_delete(store, id + 1, automatic.id), -ENOENT);
	assert_int_equal(store_rules_load(store, id, &list), 0);
	assert_int_equal(list.count, 1);
	assert_true(list.rules[0].suppressed);
	assert_int_equal(list.rules[0].local_port_id, 10000);
}

static void a_rollback_leaves_nothing(void **state)
{
	struct store *store = *state;
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };
	uint64_t id;

	assert_int_equal(store_begin(store), 0);
	id = announce(store, "aa:bb:cc:00:00:01", 'a');
	store_abandon(store);
	store_abandon(store);
	assert_int_equal(store_gateway_get(store, id, &record), -ENOENT);
}

static void sessions_expire(void **state)
{
	struct store *store = *state;
	struct user user;

	make_organisation(store, "ours");
	assert_int_equal(store_user_find(store, "user-of-ours", &user), 0);
	assert_int_equal(store_session_add(store, "hash", user.id, NOW, NOW + 10), 0);
	assert_int_equal(store_session_use(store, "hash", NOW + 9, &user), 0);
	assert_int_equal(store_session_use(store, "hash", NOW + 10, &user), -ENOENT);
	make_organisation(store, "ours"); /* a new password */
	assert_int_equal(store_session_use(store, "hash", NOW, &user), -ENOENT);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, open_store, close_store)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_STORE(claims),
		WITH_STORE(an_imitated_code_approves_nobody),
		WITH_STORE(same_pair_is_same_gateway),
		WITH_STORE(pending_gateways_are_forgotten),
		WITH_STORE(a_full_table_makes_room),
		WITH_STORE(tokens),
		WITH_STORE(lost_tokens_do_not_pile_up),
		WITH_STORE(revisions),
		WITH_STORE(a_newer_order_replaces),
		WITH_STORE(postponed_orders_let_others_pass),
		WITH_STORE(removed_rules),
		WITH_STORE(a_rollback_leaves_nothing),
		WITH_STORE(sessions_expire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
