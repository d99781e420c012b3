/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is asked, how often, in which order; the pace is nobody's who may be delayed. */
#include "discoverd/host_asker.h"

#include <stdio.h>
#include <string.h>

#include "common/memory.h"
#include "tests/support/test.h"

#define DEADLINE (60 * USEC_PER_SEC)

struct fixture {
	struct loop *loop;
	struct loop_timer deadline;
	struct remote_hosts hosts;
	struct host_asker *asker;
	char asked[16384]; /* "INTERFACE/ADDRESS#ATTEMPT " each */
	unsigned count, awaited;
};

static void on_deadline(struct loop_timer *timer)
{
	struct fixture *fixture = container_of(timer, struct fixture, deadline);

	fail_msg("waited for %u questions: %s", fixture->awaited, fixture->asked);
}

static void on_ask(unsigned ifindex, const struct netaddr *address, unsigned attempt, void *owner)
{
	struct fixture *fixture = owner;
	size_t used = strlen(fixture->asked);
	char text[NETADDR_TEXT_SIZE];

	snprintf(fixture->asked + used, sizeof(fixture->asked) - used, "%u/%s#%u ", ifindex,
		 netaddr_format(address, text), attempt);
	if (++fixture->count == fixture->awaited)
		loop_stop(fixture->loop, 0);
}

static void init(struct fixture *fixture)
{
	*fixture = (struct fixture){ 0 };
	assert_int_equal(loop_new(&fixture->loop), 0);
	loop_timer_init(&fixture->deadline, fixture->loop, on_deadline);
	loop_timer_arm(&fixture->deadline, DEADLINE);
	host_asker_new(&fixture->asker, fixture->loop, &fixture->hosts, on_ask, fixture);
}

static void deinit(struct fixture *fixture)
{
	host_asker_free(fixture->asker);
	loop_timer_deinit(&fixture->deadline);
	loop_free(fixture->loop);
}

static void run(struct fixture *fixture, unsigned questions)
{
	fixture->awaited = fixture->count + questions;
	assert_int_equal(loop_run(fixture->loop), 0);
}

static struct netaddr address_of(const char *text)
{
	struct netaddr address;

	assert_int_equal(netaddr_parse(&address, text), 0);
	return address;
}

static void remote_hosts_are_asked_in_passes(void **state)
{
	struct fixture fixture;

	init(&fixture);
	host_asker_sweep(fixture.asker, 2); /* nobody is there */
	assert_false(progress_is_busy(host_asker_progress(fixture.asker)));
	assert_int_equal(remote_hosts_add_network(&fixture.hosts, "10.1.0.0/30"), 0);
	host_asker_sweep(fixture.asker, 2);
	assert_int_equal(host_asker_progress(fixture.asker).planned, 8);
	run(&fixture, 4);
	assert_string_equal(fixture.asked, "0/10.1.0.1#0 0/10.1.0.2#0 0/10.1.0.1#1 0/10.1.0.2#1 ");
	/* What remains is the broadcast address, which nobody has and nobody waits for. */
	assert_false(progress_is_busy(host_asker_progress(fixture.asker)));
	deinit(&fixture);
}

static void a_sweep_goes_on_with_what_is_left(void **state)
{
	struct netaddr first = address_of("10.1.0.1"), second = address_of("10.1.0.2");
	struct fixture fixture;

	init(&fixture);
	assert_int_equal(remote_hosts_add(&fixture.hosts, &first), 1);
	assert_int_equal(remote_hosts_add(&fixture.hosts, &second), 1);
	host_asker_sweep(fixture.asker, 1);
	assert_int_equal(remote_hosts_remove(&fixture.hosts, &second), 1);
	run(&fixture, 1);
	host_asker_sweep(fixture.asker, 1);
	run(&fixture, 1);
	assert_string_equal(fixture.asked, "0/10.1.0.1#0 0/10.1.0.1#1 ");
	deinit(&fixture);
}

static void live_hosts_are_asked_once_in_a_while(void **state)
{
	struct netaddr first = address_of("192.168.1.1"), second = address_of("fd00::1");
	struct fixture fixture;

	init(&fixture);
	host_asker_add(fixture.asker, 2, &first);
	host_asker_add(fixture.asker, 2, &first);
	run(&fixture, 1);
	host_asker_add(fixture.asker, 2, &first); /* it has been asked */
	host_asker_add(fixture.asker, 2, &second);
	run(&fixture, 1);
	assert_string_equal(fixture.asked, "2/192.168.1.1#0 2/fd00::1#0 ");
	host_asker_forget(fixture.asker);
	host_asker_add(fixture.asker, 2, &first);
	run(&fixture, 1);
	assert_string_equal(fixture.asked, "2/192.168.1.1#0 2/fd00::1#0 2/192.168.1.1#0 ");
	deinit(&fixture);
}

static void nobody_of_a_site_is_left_out(void **state)
{
	struct fixture fixture;
	char text[NETADDR_TEXT_SIZE];
	struct netaddr address;

	init(&fixture);
	for (unsigned i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "192.168.%u.%u", i / 100, i % 100);
		address = address_of(text);
		host_asker_add(fixture.asker, 2, &address);
	}
	run(&fixture, 300); /* more than that would never come: each is asked once */
	deinit(&fixture);
}

static void a_flood_does_not_keep_it_from_asking(void **state)
{
	struct fixture fixture;
	char text[NETADDR_TEXT_SIZE];
	struct netaddr address;

	init(&fixture);
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		address = address_of(text);
		host_asker_add(fixture.asker, 2, &address);
	}
	run(&fixture, 3);
	deinit(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(remote_hosts_are_asked_in_passes),
		cmocka_unit_test(a_sweep_goes_on_with_what_is_left),
		cmocka_unit_test(live_hosts_are_asked_once_in_a_while),
		cmocka_unit_test(nobody_of_a_site_is_left_out),
		cmocka_unit_test(a_flood_does_not_keep_it_from_asking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
