/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which connections end with a change, and the messages by which they are found and deleted. */
#include "tests/support/test.h"

#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "routed/conntrack_message.h"
#include "routed/host.h"
#include "routed/ruleset.h"

static struct netaddr address(const char *text)
{
	struct netaddr result;

	assert_int_equal(netaddr_parse(&result, text), 0);
	return result;
}

static struct forward make(const char *interface, uint16_t port, const char *target)
{
	struct forward forward = { .protocol = IPPROTO_TCP,
				   .listen_port = port,
				   .target_port = 80,
				   .target = address(target),
				   .set = "gateway" };

	memcpy(forward.interface, interface, strlen(interface));
	return forward;
}

/* What goes when held becomes desired, which it then is. */
static struct forward_list replace(struct forward_list *held, struct forward_list *desired)
{
	struct forward_list gone = { 0 };
	const struct forward *conflict;
	struct ruleset_change change;

	forward_list_sort(held);
	forward_list_sort(desired);
	assert_int_equal(
		ruleset_plan(&change, held, desired, "gateway", RULESET_REPLACE, &conflict), 0);
	ruleset_apply(held, desired, &change, &gone);
	ruleset_change_deinit(&change);
	return gone;
}

static bool ends(const struct ended_list *list, uint16_t port, const char *target,
		 const char *asked)
{
	static const struct host_address addresses[] = {
		{ "vpn0", { .family = AF_INET, .v4 = { 0 } } },
		{ "eth0", { .family = AF_INET, .v4 = { 0 } } },
	};
	struct host_address own[ARRAY_SIZE(addresses)];
	struct ended_connection connection = { .asked = address(asked),
					       .target = address(target),
					       .listen_port = port,
					       .target_port = 80,
					       .protocol = IPPROTO_TCP,
					       .redirected = true };

	memcpy(own, addresses, sizeof(own));
	own[0].address = address("10.0.0.1");
	own[1].address = address("203.0.113.1");
	return ended_list_has(list, &connection, own, ARRAY_SIZE(own));
}

static void test_ended(void **state)
{
	_cleanup_forward_list_ struct forward_list held = { 0 }, desired = { 0 }, gone = { 0 };
	struct ended_list ended;

	forward_list_append(&held, make("vpn0", 1, "192.168.1.1")); /* goes */
	forward_list_append(&held, make("vpn0", 2, "192.168.1.1")); /* changes its target */
	forward_list_append(&held, make("vpn0", 3, "192.168.1.1")); /* changes its name */
	forward_list_append(&held, make("vpn0", 4, "192.168.1.1")); /* goes, stays on eth0 */
	forward_list_append(&held, make("vpn0", 5, "fd00::1"));     /* goes */
	forward_list_append(&desired, make("eth0", 4, "192.168.1.1"));
	forward_list_append(&desired, make("vpn0", 2, "192.168.1.2"));
	forward_list_append(&desired, make("vpn0", 3, "192.168.1.1"));
	desired.items[2].name = xstrdup("new");
	gone = replace(&held, &desired);
	ended_list_init(&ended, &gone, &held);
	assert_int_equal(ended.count, 4);
	assert_true(ends(&ended, 1, "192.168.1.1", "10.0.0.1"));
	assert_true(ends(&ended, 1, "192.168.1.1", "198.51.100.7")); /* whatever it asked for */
	assert_false(ends(&ended, 1, "192.168.1.2", "10.0.0.1"));
	assert_true(ends(&ended, 2, "192.168.1.1", "10.0.0.1"));
	assert_false(ends(&ended, 2, "192.168.1.2", "10.0.0.1"));
	assert_false(ends(&ended, 3, "192.168.1.1", "10.0.0.1"));
	assert_true(ends(&ended, 4, "192.168.1.1", "10.0.0.1"));
	assert_false(ends(&ended, 4, "192.168.1.1", "203.0.113.1"));
	assert_true(ends(&ended, 5, "fd00::1", "fd00::9"));
	assert_false(ends(&ended, 6, "192.168.1.1", "10.0.0.1"));
	ended_list_deinit(&ended);
}

static void test_fewer_may(void **state)
{
	_cleanup_forward_list_ struct forward_list held = { 0 }, desired = { 0 }, gone = { 0 };
	struct ended_connection connection = { .asked = address("10.0.0.1"),
					       .target = address("192.168.1.1"),
					       .listen_port = 1,
					       .target_port = 80,
					       .protocol = IPPROTO_TCP,
					       .redirected = true };
	struct netprefix *network = xcalloc(1, sizeof(*network));
	struct ended_list ended;

	network->address = address("10.0.0.0");
	network->length = 8;
	forward_list_append(&held, make("vpn0", 1, "192.168.1.1"));
	forward_list_append(&desired, make("vpn0", 1, "192.168.1.1"));
	forward_set_sources(&desired.items[0], network, 1);
	gone = replace(&held, &desired);
	ended_list_init(&ended, &gone, &held);
	connection.client = address("10.9.9.9");
	assert_false(ended_list_has(&ended, &connection, NULL, 0));
	connection.client = address("11.9.9.9");
	assert_true(ended_list_has(&ended, &connection, NULL, 0));
	ended_list_deinit(&ended);
}

static void test_find(void **state)
{
	const struct host_address own[] = { { "vpn0", address("10.0.0.1") },
					    { "eth0", address("203.0.113.1") } };
	_cleanup_forward_list_ struct forward_list held = { 0 };
	struct ended_connection connection = { .asked = address("203.0.113.1"),
					       .target = address("192.168.1.1"),
					       .listen_port = 1,
					       .target_port = 80,
					       .protocol = IPPROTO_TCP,
					       .redirected = true };
	struct ended_list index;

	forward_list_append(&held, make("eth0", 1, "192.168.1.1"));
	forward_list_append(&held, make("vpn0", 1, "192.168.1.1"));
	forward_list_append(&held, make("vpn0", 2, "192.168.1.1"));
	ended_list_init_all(&index, &held);
	assert_ptr_equal(ended_list_find(&index, &connection, own, 2), &held.items[0]);
	connection.asked = address("10.0.0.1");
	assert_ptr_equal(ended_list_find(&index, &connection, own, 2), &held.items[1]);
	connection.listen_port = 2;
	assert_ptr_equal(ended_list_find(&index, &connection, NULL, 0), &held.items[2]);
	connection.listen_port = 3;
	assert_null(ended_list_find(&index, &connection, own, 2));
	connection.listen_port = 2;
	connection.redirected = false;
	assert_null(ended_list_find(&index, &connection, own, 2));
	ended_list_deinit(&index);
}

/* Only what a forward would have caught: udp, to this host, by its interface, from its networks. */
static void test_bypasses(void **state)
{
	const struct host_address own[] = { { "vpn0", address("10.0.0.1") },
					    { "eth0", address("203.0.113.1") } };
	_cleanup_forward_list_ struct forward_list held = { 0 };
	struct ended_connection connection = { .client = address("198.51.100.7"),
					       .asked = address("203.0.113.1"),
					       .target = address("203.0.113.1"),
					       .listen_port = 1,
					       .target_port = 1,
					       .protocol = IPPROTO_UDP };
	struct netprefix *network = xcalloc(1, sizeof(*network));

	network->address = address("192.0.2.0");
	network->length = 24;
	forward_list_append(&held, make("eth0", 1, "192.168.1.1"));
	held.items[0].protocol = IPPROTO_UDP;
	assert_true(ended_bypasses(&connection, &held, own, 2));
	assert_false(ended_bypasses(&connection, &held, own, 1)); /* not this host's address */
	connection.redirected = true;
	assert_false(ended_bypasses(&connection, &held, own, 2));
	connection.redirected = false;
	connection.protocol = IPPROTO_TCP;
	assert_false(ended_bypasses(&connection, &held, own, 2));
	connection.protocol = IPPROTO_UDP;
	connection.listen_port = 2;
	assert_false(ended_bypasses(&connection, &held, own, 2));
	connection.listen_port = 1;
	connection.asked = address("10.0.0.1"); /* by the other interface */
	assert_false(ended_bypasses(&connection, &held, own, 2));
	connection.asked = address("203.0.113.1");
	forward_set_sources(&held.items[0], network, 1);
	assert_false(ended_bypasses(&connection, &held, own, 2));
	connection.client = address("192.0.2.9");
	assert_true(ended_bypasses(&connection, &held, own, 2));
}

static void test_nothing_ended(void **state)
{
	const struct forward_list nothing = { 0 };
	struct ended_list ended;

	ended_list_init(&ended, &nothing, &nothing);
	assert_int_equal(ended.count, 0);
	assert_false(ends(&ended, 1, "192.168.1.1", "10.0.0.1"));
	ended_list_deinit(&ended);
}

/* --- messages --- */

struct message {
	_Alignas(8) char bytes[CONNTRACK_MESSAGE_SIZE];
};

static void put_tuple(struct nlmsghdr *header, uint16_t type, const char *source,
		      const char *destination, uint8_t protocol, uint16_t source_port,
		      uint16_t destination_port)
{
	struct netaddr from = address(source), to = address(destination);
	bool ip6 = from.family == AF_INET6;
	struct nlattr *outer = mnl_attr_nest_start(header, type), *inner;

	inner = mnl_attr_nest_start(header, CTA_TUPLE_IP);
	mnl_attr_put(header, ip6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, ip6 ? 16 : 4, &from.v6);
	mnl_attr_put(header, ip6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, ip6 ? 16 : 4, &to.v6);
	mnl_attr_nest_end(header, inner);
	inner = mnl_attr_nest_start(header, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(header, CTA_PROTO_NUM, protocol);
	mnl_attr_put_u16(header, CTA_PROTO_SRC_PORT, htons(source_port));
	mnl_attr_put_u16(header, CTA_PROTO_DST_PORT, htons(destination_port));
	mnl_attr_nest_end(header, inner);
	mnl_attr_nest_end(header, outer);
}

static struct nlmsghdr *begin(struct message *message, uint32_t status)
{
	struct nlmsghdr *header;
	struct nfgenmsg *generic;

	memset(message, 0, sizeof(*message));
	header = mnl_nlmsg_put_header(message->bytes);
	generic = mnl_nlmsg_put_extra_header(header, sizeof(*generic));
	generic->nfgen_family = AF_INET;
	mnl_attr_put_u32(header, CTA_STATUS, htonl(status));
	return header;
}

static void test_parse(void **state)
{
	struct ended_connection connection;
	struct message message, deletion;
	struct nlmsghdr *header, *deleted;

	header = begin(&message, IPS_DST_NAT | IPS_ASSURED);
	put_tuple(header, CTA_TUPLE_ORIG, "10.44.0.1", "10.44.0.2", IPPROTO_TCP, 40000, 10000);
	put_tuple(header, CTA_TUPLE_REPLY, "192.168.1.10", "192.168.1.1", IPPROTO_TCP, 80, 40000);
	mnl_attr_put_u32(header, CTA_ID, htonl(0x12345678));
	assert_int_equal(conntrack_message_parse(&connection, header), 0);
	assert_true(connection.redirected);
	assert_int_equal(connection.protocol, IPPROTO_TCP);
	assert_int_equal(connection.listen_port, 10000);
	assert_int_equal(connection.target_port, 80);
	assert_true(netaddr_equal(&connection.asked,
				  &(struct netaddr){ AF_INET, { { htonl(0x0a2c0002) } } }));
	assert_true(netaddr_equal(&connection.target,
				  &(struct netaddr){ AF_INET, { { htonl(0xc0a8010a) } } }));

	/* The deletion is of this very connection: its tuple and its id. */
	deleted = conntrack_message_delete(deletion.bytes, 7, header);
	assert_int_equal(deleted->nlmsg_type, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE);
	assert_int_equal(deleted->nlmsg_seq, 7);
	assert_non_null(memmem(deletion.bytes, deleted->nlmsg_len, "\x12\x34\x56\x78", 4));
	assert_non_null(memmem(deletion.bytes, deleted->nlmsg_len, "\x0a\x2c\x00\x02", 4));
}

static void test_parse_others(void **state)
{
	struct ended_connection connection;
	struct message message;
	struct nlmsghdr *header;

	header = begin(&message, IPS_ASSURED);
	put_tuple(header, CTA_TUPLE_ORIG, "10.44.0.1", "10.44.0.2", IPPROTO_TCP, 40000, 22);
	put_tuple(header, CTA_TUPLE_REPLY, "10.44.0.2", "10.44.0.1", IPPROTO_TCP, 22, 40000);
	assert_int_equal(conntrack_message_parse(&connection, header), 0);
	assert_false(connection.redirected);
	header = begin(&message, IPS_DST_NAT); /* no ports */
	put_tuple(header, CTA_TUPLE_ORIG, "10.44.0.1", "10.44.0.2", IPPROTO_ICMP, 1, 2);
	put_tuple(header, CTA_TUPLE_REPLY, "10.44.0.2", "10.44.0.1", IPPROTO_ICMP, 2, 1);
	assert_int_equal(conntrack_message_parse(&connection, header), -ENOENT);
	header = begin(&message, IPS_DST_NAT); /* no reply tuple */
	put_tuple(header, CTA_TUPLE_ORIG, "10.44.0.1", "10.44.0.2", IPPROTO_TCP, 40000, 10000);
	assert_int_equal(conntrack_message_parse(&connection, header), -EBADMSG);
	header = begin(&message, IPS_DST_NAT);
	mnl_attr_put_u8(header, CTA_TUPLE_ORIG, 0); /* not a nest */
	assert_int_equal(conntrack_message_parse(&connection, header), -EBADMSG);
	header = mnl_nlmsg_put_header(message.bytes);
	mnl_nlmsg_put_extra_header(header, sizeof(struct nfgenmsg));
	assert_int_equal(conntrack_message_parse(&connection, header), -EBADMSG);
}

static void test_dump(void **state)
{
	struct forward forward = make("vpn0", 10000, "192.168.1.10");
	struct conntrack_filter everything = { .protocol = 0 }, udp = { .protocol = IPPROTO_UDP },
				of_forward = conntrack_filter_of(&forward);
	struct message message;
	struct nlmsghdr *header;
	uint32_t all;

	header = conntrack_message_dump(message.bytes, 1, AF_INET6, &everything);
	all = header->nlmsg_len;
	assert_int_equal(all, MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg));
	assert_int_equal(header->nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
	header = conntrack_message_dump(message.bytes, 1, AF_INET, &udp);
	assert_true(header->nlmsg_len > all);
	assert_null(memmem(message.bytes, header->nlmsg_len, "\x27\x10", 2));
	header = conntrack_message_dump(message.bytes, 1, AF_INET, &of_forward);
	assert_true(header->nlmsg_len > all);
	assert_non_null(memmem(message.bytes, header->nlmsg_len, "\xc0\xa8\x01\x0a", 4));
	assert_non_null(memmem(message.bytes, header->nlmsg_len, "\x27\x10", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ended),     cmocka_unit_test(test_nothing_ended),
		cmocka_unit_test(test_fewer_may), cmocka_unit_test(test_find),
		cmocka_unit_test(test_parse),     cmocka_unit_test(test_parse_others),
		cmocka_unit_test(test_dump),      cmocka_unit_test(test_bypasses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
