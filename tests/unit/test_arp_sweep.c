/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How fast a network is asked through, in virtual time: the rate, and that nothing is left out. */
#include "discoverd/arp_sweep.h"

#include <string.h>

#include "common/memory.h"
#include "tests/support/test.h"
#include "tests/support/virtual_clock.h"

struct fixture {
	struct loop *loop;
	struct loop_timer end;
	struct arp_sweep *sweep;
	struct interface interface;
	unsigned asked, factory; /* of the network; from nobody */
	unsigned most;           /* in any second of the clock */
	unsigned second, in_second;
};

static int on_ask(const struct netaddr *source, const struct netaddr *target, void *owner)
{
	struct fixture *fixture = owner;
	unsigned second = (unsigned)(virtual_clock_now() / USEC_PER_SEC);

	if (second != fixture->second)
		fixture->in_second = 0;
	fixture->second = second;
	fixture->in_second++;
	if (fixture->in_second > fixture->most)
		fixture->most = fixture->in_second;
	if (source)
		fixture->asked++;
	else
		fixture->factory++;
	return 0;
}

static void on_end(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct fixture, end)->loop, 0);
}

static void run(struct fixture *fixture, usec_t time)
{
	loop_timer_arm(&fixture->end, time);
	assert_int_equal(loop_run(fixture->loop), 0);
}

static void begin(struct fixture *fixture, const char *network, bool wireless)
{
	*fixture = (struct fixture){ .interface = { .index = 2, .name = "eth0" } };
	fixture->interface.wireless = wireless;
	assert_int_equal(netprefix_parse(&fixture->interface.addresses[0], network), 0);
	fixture->interface.address_count = 1;
	assert_int_equal(loop_new(&fixture->loop), 0);
	loop_timer_init(&fixture->end, fixture->loop, on_end);
	arp_sweep_new(&fixture->sweep, fixture->loop, on_ask, fixture);
	arp_sweep_start(fixture->sweep, &fixture->interface);
}

static void end(struct fixture *fixture)
{
	arp_sweep_free(fixture->sweep);
	loop_timer_deinit(&fixture->end);
	loop_free(fixture->loop);
}

static void the_rate_is_that_of_the_medium(void **state)
{
	static const struct {
		const char *network;
		bool wireless;
		unsigned rate; /* questions a second */
		unsigned hosts;
	} cases[] = {
		{ "10.3.0.1/24", false, 500, 253 },    { "10.3.0.1/24", true, 250, 253 },
		{ "10.3.0.1/22", false, 500, 1021 },   { "10.3.0.1/22", true, 250, 1021 },
		{ "10.3.0.1/16", false, 1000, 65533 }, { "10.3.0.1/16", true, 250, 65533 },
	};
	struct fixture fixture;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned packets = 2 * cases[i].hosts + 14;
		unsigned seconds = packets / cases[i].rate;

		print_message("# %s %s\n", cases[i].network, cases[i].wireless ? "air" : "wire");
		begin(&fixture, cases[i].network, cases[i].wireless);
		/* Not faster: with what is left over from one second, and one bucket. */
		run(&fixture, seconds * USEC_PER_SEC * 9 / 10);
		assert_true(progress_is_busy(arp_sweep_progress(fixture.sweep)));
		/* Nor much slower. */
		run(&fixture, seconds * USEC_PER_SEC * 2 / 10 + USEC_PER_SEC);
		assert_false(progress_is_busy(arp_sweep_progress(fixture.sweep)));
		assert_int_equal(fixture.asked, 2 * cases[i].hosts);
		assert_int_equal(fixture.factory, 14);
		assert_true(fixture.most <= cases[i].rate + cases[i].rate / 20);
		/* And then it is quiet. */
		run(&fixture, 3600 * USEC_PER_SEC);
		assert_int_equal(fixture.asked, 2 * cases[i].hosts);
		end(&fixture);
	}
}

/* Addresses of one network that appear in a row are one sweep; a scan later is another. */
static void a_network_is_not_swept_twice_at_once(void **state)
{
	struct fixture fixture;

	begin(&fixture, "10.3.0.1/24", false);
	run(&fixture, 2 * USEC_PER_SEC);
	assert_int_equal(fixture.asked, 2 * 253);
	arp_sweep_start(fixture.sweep, &fixture.interface);
	run(&fixture, 60 * USEC_PER_SEC);
	assert_int_equal(fixture.asked, 2 * 253);
	arp_sweep_start(fixture.sweep, &fixture.interface);
	run(&fixture, 60 * USEC_PER_SEC);
	assert_int_equal(fixture.asked, 4 * 253);
	end(&fixture);
}

/* Those who have answered are not asked once more. */
static void answers_spare_the_second_round(void **state)
{
	struct fixture fixture;
	struct netaddr address;

	begin(&fixture, "10.3.0.1/24", false);
	for (unsigned i = 100; i < 150; i++) {
		address = fixture.interface.addresses[0].address;
		address.v4.s_addr = htonl(0x0a030000 + i);
		arp_sweep_answered(fixture.sweep, &address);
	}
	run(&fixture, 60 * USEC_PER_SEC);
	assert_int_equal(fixture.asked, 2 * (253 - 50));
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rate_is_that_of_the_medium),
		cmocka_unit_test(a_network_is_not_swept_twice_at_once),
		cmocka_unit_test(answers_spare_the_second_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
