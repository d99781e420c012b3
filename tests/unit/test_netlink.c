/* SPDX-License-Identifier: GPL-3.0-or-later */
/* On the real thing, in a network namespace of its own where that is allowed. */
#include "common/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "tests/support/test.h"

static bool own_namespace;

struct fixture {
	struct loop *loop;
	struct netlink *netlink;
	union {
		struct nlmsghdr header;
		char bytes[1024];
	} message;
	unsigned replies, notifications, overruns, done;
	bool saw_loopback, free_in_callback;
	int result;
	char *text;
};

static void on_message(const struct nlmsghdr *message, void *owner)
{
	struct fixture *fixture = owner;

	if (!message) {
		fixture->overruns++;
		loop_stop(fixture->loop, 0);
		return;
	}
	fixture->notifications++;
	if (fixture->free_in_callback) {
		fixture->netlink = netlink_free(fixture->netlink);
		loop_stop(fixture->loop, 0);
	} else if (fixture->done) {
		loop_stop(fixture->loop, 0);
	}
}

static int setup(void **state)
{
	struct fixture *fixture = xnew(struct fixture);

	assert_int_equal(loop_new(&fixture->loop), 0);
	assert_int_equal(
		netlink_new(&fixture->netlink, fixture->loop, NETLINK_ROUTE, on_message, fixture),
		0);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	netlink_free(fixture->netlink);
	loop_free(fixture->loop);
	free(fixture->text);
	free(fixture);
	return 0;
}

static void on_reply(const struct nlmsghdr *message, void *owner)
{
	struct fixture *fixture = owner;
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);

	assert_int_equal(message->nlmsg_type, RTM_NEWLINK);
	fixture->replies++;
	if (link->ifi_flags & IFF_LOOPBACK)
		fixture->saw_loopback = true;
}

static void on_done(int result, const char *text, void *owner)
{
	struct fixture *fixture = owner;

	fixture->done++;
	fixture->result = result;
	replace_string(&fixture->text, text);
	if (fixture->free_in_callback)
		fixture->netlink = netlink_free(fixture->netlink);
	loop_stop(fixture->loop, 0);
}

static struct nlmsghdr *link_message(struct fixture *fixture, uint16_t type, uint16_t flags,
				     unsigned index)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(fixture->message.bytes);
	struct ifinfomsg *link;

	message->nlmsg_type = type;
	message->nlmsg_flags = flags;
	link = mnl_nlmsg_put_extra_header(message, sizeof(*link));
	link->ifi_family = AF_UNSPEC;
	link->ifi_index = (int)index;
	return message;
}

static struct nlmsghdr *loopback_message(struct fixture *fixture, bool up)
{
	struct nlmsghdr *message = link_message(fixture, RTM_NEWLINK, 0, 1);
	struct ifinfomsg *link = mnl_nlmsg_get_payload(message);

	link->ifi_flags = up ? IFF_UP : 0;
	link->ifi_change = IFF_UP;
	return message;
}

static void test_dump(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(netlink_send(fixture->netlink,
				      link_message(fixture, RTM_GETLINK, NLM_F_DUMP, 0), on_reply,
				      on_done, fixture),
			 0);
	assert_int_equal(fixture->done, 0);
	test_run_loop(fixture->loop, 10);
	assert_int_equal(fixture->result, 0);
	assert_true(fixture->replies >= 1);
	assert_true(fixture->saw_loopback);
	assert_null(fixture->text);
}

static void test_single_get(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(netlink_send(fixture->netlink, link_message(fixture, RTM_GETLINK, 0, 1),
				      on_reply, on_done, fixture),
			 0);
	test_run_loop(fixture->loop, 10);
	assert_int_equal(fixture->result, 0);
	assert_int_equal(fixture->replies, 1);
}

static void test_error(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(netlink_send(fixture->netlink,
				      link_message(fixture, RTM_GETLINK, 0, 987654), on_reply,
				      on_done, fixture),
			 0);
	test_run_loop(fixture->loop, 10);
	assert_int_equal(fixture->result, -ENODEV);
	assert_int_equal(fixture->replies, 0);
}

static void test_extended_text(void **state)
{
	struct fixture *fixture = *state;
	struct nlmsghdr *message;
	struct nlattr *nest;

	if (!own_namespace)
		skip();
	message = link_message(fixture, RTM_NEWLINK, NLM_F_CREATE, 0);
	mnl_attr_put_strz(message, IFLA_IFNAME, "test0");
	nest = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "nosuchkind");
	mnl_attr_nest_end(message, nest);
	assert_int_equal(netlink_send(fixture->netlink, message, NULL, on_done, fixture), 0);
	test_run_loop(fixture->loop, 10);
	assert_int_equal(fixture->result, -EOPNOTSUPP);
	assert_string_equal(fixture->text, "Unknown device type");
}

/* Our own change comes back twice, as acknowledgement and as notification, and both arrive. */
static void test_notification_of_own_change(void **state)
{
	struct fixture *fixture = *state;

	if (!own_namespace)
		skip();
	assert_int_equal(netlink_join(fixture->netlink, RTNLGRP_LINK), 0);
	assert_int_equal(netlink_send(fixture->netlink, loopback_message(fixture, true), NULL,
				      on_done, fixture),
			 0);
	test_run_loop(fixture->loop, 10);
	if (!fixture->done || !fixture->notifications)
		test_run_loop(fixture->loop, 10);
	assert_int_equal(fixture->done, 1);
	assert_int_equal(fixture->result, 0);
	assert_true(fixture->notifications >= 1);
}

static void test_overrun(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_(netlink_freep) struct netlink *other = NULL;

	if (!own_namespace)
		skip();
	assert_int_equal(netlink_new(&other, fixture->loop, NETLINK_ROUTE, NULL, NULL), 0);
	assert_int_equal(netlink_join(fixture->netlink, RTNLGRP_LINK), 0);
	for (unsigned i = 0; i < 3000; i++)
		assert_int_equal(
			netlink_send_and_wait(other, loopback_message(fixture, i % 2), NULL, NULL),
			0);
	test_run_loop(fixture->loop, 10);
	assert_int_equal(fixture->overruns, 1);
	fixture->done = 1; /* from now on, stop at a notification */
	test_run_loop(fixture->loop, 10);
	assert_true(fixture->notifications > 0);
}

static void test_send_and_wait(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(netlink_send_and_wait(fixture->netlink,
					       link_message(fixture, RTM_GETLINK, NLM_F_DUMP, 0),
					       on_reply, fixture),
			 0);
	assert_true(fixture->saw_loopback);
	assert_int_equal(netlink_send_and_wait(fixture->netlink,
					       link_message(fixture, RTM_GETLINK, 0, 987654),
					       on_reply, fixture),
			 -ENODEV);
}

static void test_many_at_once(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(netlink_send(fixture->netlink,
					      link_message(fixture, RTM_GETLINK, 0, 1), on_reply,
					      on_done, fixture),
				 0);
	while (fixture->done < 50)
		test_run_loop(fixture->loop, 10);
	assert_int_equal(fixture->replies, 50);
}

static void test_free_in_done(void **state)
{
	struct fixture *fixture = *state;

	fixture->free_in_callback = true;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(netlink_send(fixture->netlink,
					      link_message(fixture, RTM_GETLINK, 0, 1), NULL,
					      on_done, fixture),
				 0);
	test_run_loop(fixture->loop, 10);
	assert_int_equal(fixture->done, 1);
	assert_null(fixture->netlink);
}

static void test_unknown_protocol(void **state)
{
	struct fixture *fixture = *state;
	struct netlink *netlink = NULL;

	assert_int_equal(netlink_new(&netlink, fixture->loop, 31, NULL, NULL), -EPROTONOSUPPORT);
	assert_null(netlink);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_dump, setup, teardown),
		cmocka_unit_test_setup_teardown(test_single_get, setup, teardown),
		cmocka_unit_test_setup_teardown(test_error, setup, teardown),
		cmocka_unit_test_setup_teardown(test_extended_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_notification_of_own_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overrun, setup, teardown),
		cmocka_unit_test_setup_teardown(test_send_and_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_in_done, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_protocol, setup, teardown),
	};

	own_namespace = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
