/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is asked, how often, in which order; the pace is nobody's who may be delayed. */
#include "discoverd/host_asker.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/memory.h"
#include "tests/support/test.h"

#define DEADLINE (3600 * USEC_PER_SEC) /* of a clock that does not wait */

struct fixture {
	struct loop *loop;
	struct loop_timer deadline, pause;
	struct remote_hosts hosts;
	struct host_asker *asker;
	char asked[16384];     /* "INTERFACE/ADDRESS#ATTEMPT " each, with a + if it is again */
	unsigned explained_by; /* the attempt before this one */
	unsigned count, awaited;
};

static void on_deadline(struct loop_timer *timer)
{
	struct fixture *fixture = container_of(timer, struct fixture, deadline);

	fail_msg("waited for %u questions: %s", fixture->awaited, fixture->asked);
}

static bool on_ask(unsigned ifindex, const struct netaddr *address, unsigned attempt, bool again,
		   void *owner)
{
	struct fixture *fixture = owner;
	size_t used = strlen(fixture->asked);
	char text[NETADDR_TEXT_SIZE];

	if (ifindex && attempt >= fixture->explained_by)
		return false;
	snprintf(fixture->asked + used, sizeof(fixture->asked) - used, "%u/%s#%u%s ", ifindex,
		 netaddr_format(address, text), attempt, again ? "+" : "");
	if (++fixture->count == fixture->awaited)
		loop_stop(fixture->loop, 0);
	return true;
}

static void on_pause_over(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct fixture, pause)->loop, 0);
}

static void init(struct fixture *fixture)
{
	*fixture = (struct fixture){ 0 };
	assert_int_equal(loop_new(&fixture->loop), 0);
	loop_timer_init(&fixture->deadline, fixture->loop, on_deadline);
	loop_timer_arm(&fixture->deadline, DEADLINE);
	loop_timer_init(&fixture->pause, fixture->loop, on_pause_over);
	fixture->explained_by = UINT_MAX;
	host_asker_new(&fixture->asker, fixture->loop, &fixture->hosts, on_ask, fixture);
}

static void deinit(struct fixture *fixture)
{
	host_asker_free(fixture->asker);
	loop_timer_deinit(&fixture->pause);
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

static void pause_for(struct fixture *fixture, usec_t time)
{
	loop_timer_arm(&fixture->pause, time);
	assert_int_equal(loop_run(fixture->loop), 0);
}

static void new_hosts_are_asked_in_a_series(void **state)
{
	struct netaddr first = address_of("192.168.1.1"), second = address_of("fd00::1");
	struct fixture fixture;

	init(&fixture);
	host_asker_add(fixture.asker, 2, &first);
	host_asker_add(fixture.asker, 2, &first);
	assert_true(progress_is_busy(host_asker_progress(fixture.asker)));
	run(&fixture, 3);
	host_asker_add(fixture.asker, 2, &first); /* it is being asked */
	host_asker_add(fixture.asker, 2, &second);
	run(&fixture, 3);
	assert_string_equal(fixture.asked, "2/192.168.1.1#0 2/192.168.1.1#1+ 2/192.168.1.1#2+ "
					   "2/fd00::1#0 2/fd00::1#1+ 2/fd00::1#2+ ");
	/* The last answer may be on its way. */
	assert_true(progress_is_busy(host_asker_progress(fixture.asker)));
	pause_for(&fixture, 5 * USEC_PER_SEC);
	assert_false(progress_is_busy(host_asker_progress(fixture.asker)));
	assert_int_equal(fixture.count, 6);
	deinit(&fixture);
}

static void live_hosts_are_asked_once_in_a_while(void **state)
{
	struct netaddr address = address_of("192.168.1.1");
	struct fixture fixture;

	init(&fixture);
	host_asker_add(fixture.asker, 2, &address);
	run(&fixture, 3);
	pause_for(&fixture, 300 * USEC_PER_SEC);
	host_asker_add(fixture.asker, 2, &address); /* it has been asked */
	pause_for(&fixture, 400 * USEC_PER_SEC);
	assert_int_equal(fixture.count, 3);
	fixture.asked[0] = '\0';
	host_asker_add(fixture.asker, 2, &address);
	/* That keeps nobody waiting for the end of a scan. */
	assert_false(progress_is_busy(host_asker_progress(fixture.asker)));
	run(&fixture, 1);
	pause_for(&fixture, 60 * USEC_PER_SEC);
	assert_string_equal(fixture.asked, "2/192.168.1.1#3 ");
	host_asker_forget(fixture.asker);
	fixture.asked[0] = '\0';
	host_asker_add(fixture.asker, 2, &address);
	run(&fixture, 3);
	assert_string_equal(fixture.asked, "2/192.168.1.1#0 2/192.168.1.1#1+ 2/192.168.1.1#2+ ");
	deinit(&fixture);
}

static void who_is_explained_is_not_asked(void **state)
{
	struct netaddr first = address_of("192.168.1.1"), second = address_of("192.168.1.2");
	struct fixture fixture;

	init(&fixture);
	fixture.explained_by = 0;
	host_asker_add(fixture.asker, 2, &first);
	pause_for(&fixture, 5 * USEC_PER_SEC);
	assert_int_equal(fixture.count, 0);
	assert_false(progress_is_busy(host_asker_progress(fixture.asker)));
	fixture.explained_by = 1;
	host_asker_add(fixture.asker, 2, &second);
	run(&fixture, 1);
	pause_for(&fixture, 5 * USEC_PER_SEC);
	assert_string_equal(fixture.asked, "2/192.168.1.2#0 ");
	assert_false(progress_is_busy(host_asker_progress(fixture.asker)));
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
	run(&fixture, 900); /* more than that would never come */
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
		cmocka_unit_test(new_hosts_are_asked_in_a_series),
		cmocka_unit_test(who_is_explained_is_not_asked),
		cmocka_unit_test(live_hosts_are_asked_once_in_a_while),
		cmocka_unit_test(nobody_of_a_site_is_left_out),
		cmocka_unit_test(a_flood_does_not_keep_it_from_asking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
