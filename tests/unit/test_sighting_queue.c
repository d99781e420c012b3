/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sightings that wait for a MAC: who is resolved, who is lost in a flood, and that one hears of it.
 */
#include "discoverd/sighting_queue.h"

#include <stdio.h>

#include "common/memory.h"
#include "tests/support/test.h"

#define PLACES 512

struct fixture {
	struct loop *loop;
	struct sighting_queue *queue;
	struct loop_timer deadline;
	unsigned pokes, resolved, given_up, recoveries;
	bool insisted;       /* by the last poke */
	unsigned stop_after; /* pokes */
};

static void on_poke(unsigned ifindex, const struct netaddr *address, bool insist, void *owner)
{
	struct fixture *fixture = owner;

	fixture->pokes++;
	fixture->insisted = insist;
	if (fixture->stop_after == fixture->pokes)
		loop_stop(fixture->loop, 0);
}

static void on_ready(const struct sighting *sighting, const struct mac_address *mac, void *owner)
{
	struct fixture *fixture = owner;

	assert_int_equal(sighting->evidence.count, 1);
	if (mac)
		fixture->resolved++;
	else
		fixture->given_up++;
}

static void on_recovered(void *owner)
{
	struct fixture *fixture = owner;

	fixture->recoveries++;
	loop_stop(fixture->loop, 0);
}

static void on_deadline(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct fixture, deadline)->loop, 1);
}

static int set_up(void **state)
{
	struct fixture *fixture = xnew(struct fixture);

	assert_int_equal(loop_new(&fixture->loop), 0);
	sighting_queue_new(&fixture->queue, fixture->loop, on_poke, on_ready, on_recovered,
			   fixture);
	loop_timer_init(&fixture->deadline, fixture->loop, on_deadline);
	loop_timer_arm(&fixture->deadline, 60 * USEC_PER_SEC);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	sighting_queue_free(fixture->queue);
	loop_timer_deinit(&fixture->deadline);
	loop_free(fixture->loop);
	free(fixture);
	return 0;
}

static struct netaddr address_of(unsigned number)
{
	struct netaddr address;
	char text[32];

	snprintf(text, sizeof(text), "10.0.%u.%u", number / 250, 1 + number % 250);
	assert_int_equal(netaddr_parse(&address, text), 0);
	return address;
}

static void add(struct fixture *fixture, unsigned number, bool doubtful)
{
	struct sighting sighting = { .ifindex = 2, .address = address_of(number) };

	evidence_add(&sighting.evidence, SOURCE_WSD, FIELD_TRAIT, "onvif-device", 1);
	sighting_queue_add(fixture->queue, &sighting, doubtful);
	assert_int_equal(sighting.evidence.count, 0); /* taken, whatever became of it */
}

static void resolve(struct fixture *fixture, unsigned number)
{
	const struct mac_address mac = { .octets = { 0x44, 0x19, 0xb6, 0, 0, 1 } };
	struct netaddr address = address_of(number);

	sighting_queue_resolve(fixture->queue, 2, &address, &mac);
}

static void an_answer_resolves_all_of_its_address(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, 1, false);
	add(fixture, 2, false);
	add(fixture, 1, false);
	resolve(fixture, 3);
	assert_int_equal(fixture->resolved, 0);
	resolve(fixture, 1);
	assert_int_equal(fixture->resolved, 2);
	resolve(fixture, 2);
	assert_int_equal(fixture->resolved, 3);
	assert_int_equal(fixture->recoveries, 0); /* nothing was lost */
}

static void one_doubtful_waits_for_each_address(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned i = 0; i < 10; i++)
		add(fixture, 1, true);
	add(fixture, 2, true);
	resolve(fixture, 1);
	assert_int_equal(fixture->resolved, 1);
	resolve(fixture, 2);
	assert_int_equal(fixture->resolved, 2);
}

static void the_link_is_asked_when_the_kernel_does_not_tell(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, 1, false);
	fixture->stop_after = 1;
	assert_int_equal(loop_run(fixture->loop), 0);
	assert_false(fixture->insisted);
	fixture->stop_after = 2;
	assert_int_equal(loop_run(fixture->loop), 0);
	assert_true(fixture->insisted);
	resolve(fixture, 1);
}

static void the_link_is_asked_about_what_is_doubtful(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, 1, true);
	fixture->stop_after = 1;
	assert_int_equal(loop_run(fixture->loop), 0);
	assert_true(fixture->insisted);
	resolve(fixture, 1);
}

static void a_flood_is_bounded_and_recovered_from(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned i = 0; i < 4 * PLACES; i++)
		add(fixture, i, false);
	/* Whose places those are depends on how fast they came; that they are all taken does not.
	 */
	for (unsigned i = 0; i < 4 * PLACES; i += 2)
		resolve(fixture, i);
	assert_true(fixture->resolved > 0);
	assert_int_equal(fixture->recoveries, 0);
	assert_int_equal(loop_run(fixture->loop), 0);
	assert_int_equal(fixture->recoveries, 1);
	assert_int_equal(fixture->resolved + fixture->given_up, PLACES);
	assert_true(fixture->pokes > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_answer_resolves_all_of_its_address, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(one_doubtful_waits_for_each_address, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_link_is_asked_when_the_kernel_does_not_tell,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_link_is_asked_about_what_is_doubtful, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_flood_is_bounded_and_recovered_from, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
