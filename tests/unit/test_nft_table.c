/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What goes to the kernel, read back by libnftnl and compared with tests/data/routed/table.golden;
 * UPDATE_GOLDEN=1 writes that file, for a look at the difference.
 */
#include "tests/support/test.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "routed/nft_element.h"
#include "routed/nft_table.h"
#include "routed/nft_userdata.h"

#define TEXT_SIZE (64 * 1024)

static struct forward make(const char *set, uint8_t protocol, uint16_t port, const char *target,
			   const char *name)
{
	struct forward forward = { .interface = "vpn_ether",
				   .protocol = protocol,
				   .listen_port = port,
				   .target_port = 80,
				   .name = xstrdup(name) };

	assert_int_equal(netaddr_parse(&forward.target, target), 0);
	memcpy(forward.set, set, strlen(set));
	return forward;
}

static void plan(struct ruleset_change *change, const struct forward_list *held,
		 const struct forward_list *given)
{
	const struct forward *conflict;

	assert_int_equal(ruleset_plan(change, held, given, "gateway", RULESET_REPLACE, &conflict),
			 0);
}

static size_t show_rule(char *text, size_t size, const struct nlmsghdr *message)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();

	assert_int_equal(nftnl_rule_nlmsg_parse(message, rule), 0);
	nftnl_rule_snprintf(text, size, rule, NFTNL_OUTPUT_DEFAULT, 0);
	nftnl_rule_free(rule);
	return strlen(text);
}

static size_t show_chain(char *text, size_t size, const struct nlmsghdr *message)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();

	assert_int_equal(nftnl_chain_nlmsg_parse(message, chain), 0);
	nftnl_chain_snprintf(text, size, chain, NFTNL_OUTPUT_DEFAULT, 0);
	nftnl_chain_free(chain);
	return strlen(text);
}

static size_t show_table(char *text, size_t size, const struct nlmsghdr *message)
{
	struct nftnl_table *table = nftnl_table_alloc();

	assert_int_equal(nftnl_table_nlmsg_parse(message, table), 0);
	nftnl_table_snprintf(text, size, table, NFTNL_OUTPUT_DEFAULT, 0);
	nftnl_table_free(table);
	return strlen(text);
}

static size_t show_set(char *text, size_t size, const struct nlmsghdr *message, bool elements)
{
	struct nftnl_set *set = nftnl_set_alloc();

	if (elements)
		assert_int_equal(nftnl_set_elems_nlmsg_parse(message, set), 0);
	else
		assert_int_equal(nftnl_set_nlmsg_parse(message, set), 0);
	nftnl_set_snprintf(text, size, set, NFTNL_OUTPUT_DEFAULT, 0);
	nftnl_set_free(set);
	return strlen(text);
}

static size_t show_message(char *text, size_t size, const struct nlmsghdr *message)
{
	static const struct {
		unsigned type;
		const char *verb;
	} verbs[] = {
		{ NFT_MSG_NEWTABLE, "add table" },      { NFT_MSG_DELTABLE, "delete table" },
		{ NFT_MSG_NEWSET, "add set" },          { NFT_MSG_NEWCHAIN, "add chain" },
		{ NFT_MSG_NEWRULE, "add rule" },        { NFT_MSG_DELRULE, "flush chain" },
		{ NFT_MSG_NEWSETELEM, "add elements" }, { NFT_MSG_DELSETELEM, "delete elements" },
	};
	unsigned type = NFNL_MSG_TYPE(message->nlmsg_type);
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (verbs[i].type == type)
			used = (size_t)snprintf(text, size, "# %s%s\n", verbs[i].verb,
						message->nlmsg_flags & NLM_F_ACK ? " (ack)" : "");
	assert_int_not_equal(used, 0);
	if (type == NFT_MSG_NEWTABLE || type == NFT_MSG_DELTABLE)
		used += show_table(text + used, size - used, message);
	else if (type == NFT_MSG_NEWCHAIN)
		used += show_chain(text + used, size - used, message);
	else if (type == NFT_MSG_NEWRULE || type == NFT_MSG_DELRULE)
		used += show_rule(text + used, size - used, message);
	else
		used += show_set(text + used, size - used, message, type != NFT_MSG_NEWSET);
	return used + (size_t)snprintf(text + used, size - used, "\n");
}

typedef void message_fn(const struct nlmsghdr *message, void *owner);

/* Every message between the batch's begin and end. */
static void for_each_message(struct nft_batch *batch, message_fn *on_message, void *owner)
{
	_cleanup_free_ struct iovec *pages = NULL;
	const struct nlmsghdr *message;
	size_t count;
	int left;

	pages = nft_batch_pages(batch, &count);
	for (size_t i = 0; i < count; i++) {
		left = (int)pages[i].iov_len;
		for (message = pages[i].iov_base; mnl_nlmsg_ok(message, left);
		     message = mnl_nlmsg_next(message, &left))
			if (message->nlmsg_type >= NLMSG_MIN_TYPE &&
			    message->nlmsg_type != NFNL_MSG_BATCH_BEGIN &&
			    message->nlmsg_type != NFNL_MSG_BATCH_END)
				on_message(message, owner);
		assert_int_equal(left, 0);
	}
}

struct text {
	char *bytes;
	size_t used;
};

static void on_print(const struct nlmsghdr *message, void *owner)
{
	struct text *text = owner;

	text->used += show_message(text->bytes + text->used, TEXT_SIZE - text->used, message);
}

static void compare_with_golden(const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/routed/table.golden", getenv("TEST_DATA"));
	_cleanup_free_ char *golden = xcalloc(1, TEXT_SIZE);
	FILE *file;

	if (__BYTE_ORDER != __LITTLE_ENDIAN)
		skip(); /* libnftnl shows bytes as numbers of the machine */
	if (getenv("UPDATE_GOLDEN")) {
		file = fopen(path, "w");
		assert_non_null(file);
		fputs(text, file);
		assert_int_equal(fclose(file), 0);
		return;
	}
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(golden, 1, TEXT_SIZE - 1, file) > 0);
	fclose(file);
	assert_string_equal(text, golden);
}

/* Restricted, with an end, and without masquerading. */
static struct forward make_limited(void)
{
	static char network[] = "10.0.0.0/8", host[] = "192.0.2.7/32",
		    *sources[] = { network, host, NULL };
	const struct forward_input input = { .protocol = "tcp",
					     .target = "192.168.1.12",
					     .interface = "vpn_ether",
					     .name = "Tor",
					     .sources = sources,
					     .expires = 2000000000,
					     .listen_port = 10002,
					     .target_port = 554,
					     .keeps_client = true };
	struct forward forward;
	char *error = NULL;

	assert_int_equal(forward_parse(&forward, &input, &error), 0);
	memcpy(forward.set, "gateway", sizeof("gateway"));
	forward.deadline = 1000000;
	return forward;
}

static void test_golden(void **state)
{
	static char wildcard[] = "vpn_*", name[] = "tun0", *closed[] = { wildcard, name, NULL };
	static const struct nft_table_service services[] = { { IPPROTO_TCP, 22 } };
	_cleanup_forward_list_ struct forward_list held = { 0 }, desired = { 0 };
	_cleanup_(nft_batch_freep) struct nft_batch *batch = nft_batch_new(NFT_TABLE, 7);
	_cleanup_free_ char *bytes = xcalloc(1, TEXT_SIZE);
	struct nft_table_options options = { closed, services, ARRAY_SIZE(services), { { 0 } } };
	_cleanup_(revision_list_deinit) struct revision_list before = { 0 }, after = { 0 };
	struct text text = { bytes, 0 };
	struct ruleset_change change;

	forward_list_append(&held, make("gateway", IPPROTO_TCP, 10000, "192.168.1.10", "Hof"));
	forward_list_append(&desired, make("gateway", IPPROTO_TCP, 10000, "192.168.1.11", "Hof"));
	forward_list_append(&desired, make("public", IPPROTO_UDP, 53, "fd00::1", NULL));
	forward_list_append(&desired, make_limited());
	plan(&change, &held, &desired);
	assert_true(nft_element_has_sources(&change));
	nft_element_add_lengths(&options.lengths, &change);
	nft_table_create(batch, &options);
	nft_element_put_change(batch, &change);
	revision_set(&before, "gateway", 1);
	revision_set(&before, "public", 7);
	revision_set(&after, "gateway", 2);
	revision_set(&after, "public", 7); /* stays as it is */
	nft_element_put_revisions(batch, &before, &after);
	nft_batch_finish(batch);
	for_each_message(batch, on_print, &text);
	compare_with_golden(bytes);
	ruleset_change_deinit(&change);
}

/* --- many elements --- */

#define MANY 10000

struct walk {
	unsigned messages, elements, acknowledged;
	uint32_t sequence;
};

static int on_count(struct nftnl_set_elem *element, void *owner)
{
	((struct walk *)owner)->elements++;
	return 0;
}

static void on_walk(const struct nlmsghdr *message, void *owner)
{
	struct nftnl_set *set = nftnl_set_alloc();
	struct walk *walk = owner;

	walk->messages++;
	walk->acknowledged += !!(message->nlmsg_flags & NLM_F_ACK);
	if (walk->sequence)
		assert_int_equal(message->nlmsg_seq, walk->sequence + 1);
	walk->sequence = message->nlmsg_seq;
	assert_int_equal(nftnl_set_elems_nlmsg_parse(message, set), 0);
	nftnl_set_elem_foreach(set, on_count, walk);
	nftnl_set_free(set);
}

static void test_many(void **state)
{
	_cleanup_(nft_batch_freep) struct nft_batch *batch = nft_batch_new(NFT_TABLE, 100);
	_cleanup_forward_list_ struct forward_list desired = { 0 };
	const struct forward_list nothing = { 0 };
	struct ruleset_change change;
	struct walk walk = { 0 };
	char name[FORWARD_NAME_MAX + 1];

	memset(name, 'n', FORWARD_NAME_MAX);
	name[FORWARD_NAME_MAX] = '\0';
	for (uint16_t port = 1; port <= MANY; port++)
		forward_list_append(&desired, make("gateway", IPPROTO_TCP, port, "10.0.0.1", name));
	plan(&change, &nothing, &desired);
	nft_element_put_change(batch, &change);
	nft_batch_finish(batch);
	for_each_message(batch, on_walk, &walk);
	assert_int_equal(walk.elements, 2 * MANY);
	assert_int_equal(walk.acknowledged, 1);
	assert_int_equal(walk.sequence, nft_batch_next_sequence(batch) - 2);
	assert_true(walk.messages > 10 && walk.messages < 200);
	ruleset_change_deinit(&change);
}

static void test_describe(void **state)
{
	_cleanup_(nft_batch_freep) struct nft_batch *batch = nft_batch_new(NFT_TABLE, UINT32_MAX);
	_cleanup_forward_list_ struct forward_list desired = { 0 };
	const struct forward_list nothing = { 0 };
	struct ruleset_change change;
	const void *subject;

	forward_list_append(&desired, make("gateway", IPPROTO_TCP, 1, "10.0.0.1", NULL));
	forward_list_append(&desired, make("gateway", IPPROTO_TCP, 2, "10.0.0.1", NULL));
	plan(&change, &nothing, &desired);
	assert_true(nft_batch_is_empty(batch));
	nft_element_put_change(batch, &change);
	assert_false(nft_batch_is_empty(batch));
	nft_batch_finish(batch);
	assert_string_equal(nft_batch_describe(batch, UINT32_MAX, 0, &subject), "transaction");
	assert_null(subject);
	/* Sequence numbers wrap around. The elements start behind the names of table and set. */
	assert_string_equal(nft_batch_describe(batch, 0, 60, &subject), "element of forwards_ip");
	assert_ptr_equal(subject, &desired.items[0]);
	nft_batch_describe(batch, 0, 200, &subject);
	assert_ptr_equal(subject, &desired.items[1]);
	assert_string_equal(nft_batch_describe(batch, 1, 0, &subject), "element of allowed_ip");
	assert_null(subject);
	assert_string_equal(nft_batch_describe(batch, 2, 0, &subject), "transaction");
	ruleset_change_deinit(&change);
}

/* --- and back --- */

struct back {
	struct forward_list forwards, allowed;
	unsigned sources;
	char set[FORWARD_SET_SIZE];
	uint64_t revision;
};

static int on_back(struct nftnl_set_elem *element, void *owner)
{
	struct back *back = owner;
	struct forward forward;
	bool read = false;

	struct netprefix source;

	for (unsigned which = NFT_SET_FORWARDS_IP; which <= NFT_SET_KEPT_IP6; which++) {
		if (which == NFT_SET_RESTRICTED_IP || which == NFT_SET_RESTRICTED_IP6 ||
		    which >= NFT_SET_KEPT_IP)
			continue; /* of the same form as those before */
		if (nft_element_parse(&forward, which, element) >= 0) {
			assert_false(read); /* no element can be taken for one of another kind */
			read = true;
			forward_list_append(which >= NFT_SET_ALLOWED_IP ? &back->allowed
									: &back->forwards,
					    forward);
		}
	}
	if (!read && nft_element_parse_source(&forward, &source, false, 8, element) >= 0) {
		read = true;
		assert_int_equal(forward.listen_port, 10002);
		back->sources++;
	}
	if (!read)
		assert_int_equal(nft_element_parse_revision(back->set, &back->revision, element),
				 0);
	return 0;
}

static void on_back_message(const struct nlmsghdr *message, void *owner)
{
	struct nftnl_set *set = nftnl_set_alloc();

	assert_int_equal(nftnl_set_elems_nlmsg_parse(message, set), 0);
	nftnl_set_elem_foreach(set, on_back, owner);
	nftnl_set_free(set);
}

static void test_back(void **state)
{
	_cleanup_(nft_batch_freep) struct nft_batch *batch = nft_batch_new(NFT_TABLE, 1);
	_cleanup_forward_list_ struct forward_list desired = { 0 };
	const struct forward_list nothing = { 0 };
	struct ruleset_change change;
	_cleanup_(revision_list_deinit) struct revision_list revisions = { 0 };
	const struct revision_list none = { 0 };
	struct back back = { 0 };

	forward_list_append(&desired, make("gateway", IPPROTO_TCP, 1, "10.0.0.1", NULL));
	forward_list_append(&desired, make("gateway", IPPROTO_TCP, 65535, "10.0.0.255", "a"));
	forward_list_append(&desired, make_limited());
	forward_list_append(&desired, make("public", IPPROTO_UDP, 1, "fd00::1:2:3", "Hof"));
	forward_list_sort(&desired);
	plan(&change, &nothing, &desired);
	nft_element_put_change(batch, &change);
	revision_set(&revisions, "gateway", UINT64_MAX);
	nft_element_put_revisions(batch, &none, &revisions);
	nft_batch_finish(batch);
	for_each_message(batch, on_back_message, &back);
	forward_list_sort(&back.forwards);
	forward_list_sort(&back.allowed);
	assert_int_equal(back.forwards.count, 4);
	assert_int_equal(back.allowed.count, 4);
	assert_int_equal(back.sources, 2);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(back.forwards.items[i].expires, desired.items[i].expires);
		assert_int_equal(back.forwards.items[i].deadline, desired.items[i].deadline);
		if (desired.items[i].source_count)
			continue; /* its networks come apart, and what it keeps from the set */
		assert_true(forward_equal(&back.forwards.items[i], &desired.items[i]));
		assert_int_equal(forward_compare(&back.allowed.items[i], &desired.items[i]), 0);
		assert_true(forward_same_target(&back.allowed.items[i], &desired.items[i]));
	}
	assert_string_equal(back.set, "gateway");
	assert_true(back.revision == UINT64_MAX);
	forward_list_deinit(&back.forwards);
	forward_list_deinit(&back.allowed);
	ruleset_change_deinit(&change);
}

static void test_foreign_elements(void **state)
{
	struct nftnl_set_elem *element = nftnl_set_elem_alloc();
	const uint8_t zeros[64] = { 0 };
	char set[FORWARD_SET_SIZE];
	struct forward forward;
	uint64_t revision;

	for (uint32_t size = 0; size <= sizeof(zeros); size += 4) {
		if (size)
			nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, zeros, size);
		for (unsigned which = NFT_SET_FORWARDS_IP; which <= NFT_SET_KEPT_IP6; which++)
			assert_int_equal(nft_element_parse(&forward, which, element), -EBADMSG);
		assert_int_equal(nft_element_parse_revision(set, &revision, element), -EBADMSG);
	}
	nftnl_set_elem_free(element);
}

static void test_userdata(void **state)
{
	static const uint8_t truncated[] = { NFT_USERDATA_SET, 5, 'a', 0 };
	static const uint8_t unterminated[] = { NFT_USERDATA_SET, 2, 'a', 'b' };
	static const uint8_t second[] = { 1, 0, NFT_USERDATA_SET, 2, 'a', 0, 9 };
	size_t size;

	assert_null(nft_userdata_find(NULL, 0, NFT_USERDATA_SET, &size));
	assert_null(nft_userdata_find(truncated, sizeof(truncated), NFT_USERDATA_SET, &size));
	assert_null(nft_userdata_find_text(unterminated, sizeof(unterminated), NFT_USERDATA_SET));
	assert_string_equal(nft_userdata_find_text(second, sizeof(second), NFT_USERDATA_SET), "a");
	assert_null(nft_userdata_find_text(second, sizeof(second), NFT_USERDATA_NAME));
}

/* A table as the kernel may give it: with a stranger's parts, laid dormant, of another kind. */
static void test_found_table(void **state)
{
	static const uint8_t unknown[] = { 1, 0, NFT_USERDATA_LAYOUT, 2, 'a', 0 };
	static const uint8_t known[] = { NFT_USERDATA_LAYOUT, 4, NFT_TABLE_LAYOUT, 0, 0, 0 };
	const uint8_t swapped[] = { NFT_USERDATA_LAYOUT, 4, 0, 0, 0, NFT_TABLE_LAYOUT };
	const bool little = *(const uint8_t *)&(const uint16_t){ 1 };
	struct nft_table_options options = { .closed_interfaces = NULL };
	struct nftnl_table *table = nftnl_table_alloc();

	assert_int_equal(nft_table_layout(table), 0);
	nftnl_table_set_data(table, NFTNL_TABLE_USERDATA, unknown, sizeof(unknown));
	assert_int_equal(nft_table_layout(table), 0);
	nftnl_table_set_data(table, NFTNL_TABLE_USERDATA, little ? known : swapped, sizeof(known));
	assert_int_equal(nft_table_layout(table), NFT_TABLE_LAYOUT);

	nftnl_table_set_u32(table, NFTNL_TABLE_USE, NFT_TABLE_SET_COUNT + 8);
	nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, 0);
	assert_true(nft_table_is_ours_alone(table, &options));
	options.lengths.ip6[64] = true;
	assert_false(nft_table_is_ours_alone(table, &options));
	options.lengths.ip6[64] = false;
	nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, NFT_TABLE_F_DORMANT);
	assert_false(nft_table_is_ours_alone(table, &options));
	nftnl_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),           cmocka_unit_test(test_many),
		cmocka_unit_test(test_describe),         cmocka_unit_test(test_back),
		cmocka_unit_test(test_foreign_elements), cmocka_unit_test(test_userdata),
		cmocka_unit_test(test_found_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
