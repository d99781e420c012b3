/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * That the table stays true, and how little is sent for it: hours and weeks on a LAN of simulated
 * hosts, in virtual time. What is counted is counted where it arrives.
 */
#include <stdio.h>
#include <string.h>

#include "tests/support/simulated_kernel.h"
#include "tests/support/simulated_lan.h"
#include "tests/support/test.h"

#define SECOND USEC_PER_SEC
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define SETTLE (15 * MINUTE)

static int set_up(void **state)
{
	lan_init();
	return 0;
}

static int tear_down(void **state)
{
	lan_deinit();
	return 0;
}

static void forget_counts(struct lan_host *host)
{
	host->asked = host->connections = 0;
}

/* A camera that is known, and at which everything has been looked at. */
static struct lan_host *add_known(void)
{
	struct lan_host *host = lan_add_camera(11);

	lan_run(SETTLE);
	assert_int_equal(lan_news.published, 1);
	assert_true(lan_device(host)->online);
	lan_news = (struct lan_news){ 0 };
	forget_counts(host);
	return host;
}

/* How long it takes until the device is (or is not) online; at most the limit. */
static usec_t wait_for_online(const struct lan_host *host, bool online, usec_t limit)
{
	usec_t start = virtual_clock_now();

	while (lan_device(host)->online != online) {
		assert_true(virtual_clock_now() - start < limit);
		lan_run(SECOND / 10);
	}
	return virtual_clock_now() - start;
}

/* discoverd has it where it is. */
static void assert_at(const struct lan_host *host)
{
	struct netaddr address = lan_address(host);

	assert_true(netaddr_equal(&device_address(lan_device(host))->address, &address));
}

/* --- how little is sent --- */

/* Once in a minute of silence; and what is known, or looked for, after six bursts. */
static void assert_kept(const struct lan_host *host, unsigned connections_a_burst)
{
	assert_in_range(host->asked, 30, 60);
	assert_in_range(host->connections, 6, 6 * connections_a_burst);
	assert_true(lan_device(host)->online);
}

/* Not a camera, as far as is known: nobody asks whether it is still there; only after a burst, who
 * it is. */
static void assert_left_alone(const struct lan_host *host, unsigned connections_a_burst)
{
	assert_true(host->asked <= 6);
	assert_true(host->connections <= 6 * connections_a_burst);
}

/* The computer is heard all the time. */
static void spend_an_hour(const struct lan_host *computer)
{
	for (struct lan_host *host = lan_hosts(); host; host = host->next)
		forget_counts(host);
	lan_news = (struct lan_news){ 0 };
	for (unsigned minute = 0; minute < 60; minute++) {
		lan_announce(computer);
		lan_run(MINUTE);
	}
	assert_int_equal(lan_news.full_bursts, 0);
	assert_int_equal(lan_news.published + lan_news.withdrawn, 0);
}

static void a_quiet_day(void **state)
{
	struct lan_host *whole = lan_add_camera(11), *part = lan_add_camera(12),
			*mute = lan_add_camera(13), *computer = lan_add_computer(14),
			*player = lan_add_computer(15);
	unsigned light = 0;

	part->rtsp = false; /* which is looked for again and again */
	mute->endpoint[0] = '\0';
	mute->server = "App-webs/";
	player->rtsp = true; /* which makes no camera of it */
	lan_run(SETTLE);
	assert_int_equal(lan_news.published, 3);
	assert_int_equal(lan_news.full_bursts, 1);
	assert_true(computer->connections <= 4);
	for (unsigned hour = 0; hour < 24; hour++) {
		spend_an_hour(computer);
		light += lan_news.light_bursts;
		assert_kept(whole, 4);
		assert_kept(part, 10);
		assert_kept(mute, 4);
		assert_left_alone(player, 4);
		assert_left_alone(computer, 0);
	}
	assert_in_range(light, 24 * 6 - 1, 24 * 6 + 1);
}

/* Nor does it cost more when it moves all the time, is there and not there, or says good-bye. */
static void a_restless_day(void **state)
{
	struct lan_host *host = add_known();

	for (unsigned minute = 0; minute < 24 * 60; minute++) {
		switch (minute % 4) {
		case 0:
			host->number = 20 + minute % 100;
			lan_hello(host);
			break;
		case 1:
			host->away = true;
			break;
		case 2:
			host->away = false;
			lan_announce(host);
			break;
		default:
			lan_bye(host);
			break;
		}
		lan_run(MINUTE);
		if (minute % 60 != 59)
			continue;
		/* All of it once in ten minutes, and six looks at what is known. */
		assert_true(host->connections <= 7 * (10 + 6 * 4));
		assert_true(host->asked <= 4 * 60);
		assert_int_equal(lan_news.full_bursts, 0);
		assert_true(lan_news.light_bursts <= 6 + 15); /* missed once in four minutes */
		assert_int_equal(lan_news.published + lan_news.withdrawn, 0);
		forget_counts(host);
		lan_news = (struct lan_news){ 0 };
	}
}

/* Who says all the time that one camera is where another one is does not make us ask all the time.
 */
static void a_forger_is_not_obeyed(void **state)
{
	struct lan_host *host = add_known(), *other = lan_add_camera(12), forged;

	lan_hello(other);
	lan_run(SETTLE);
	lan_news = (struct lan_news){ 0 };
	forged = *host;
	memcpy(forged.endpoint, other->endpoint, sizeof(forged.endpoint));
	for (unsigned i = 0; i < 600; i++) {
		lan_hello(&forged);
		lan_run(SECOND);
	}
	assert_true(lan_news.light_bursts <= 600 / 10 + 1);
	assert_true(host->connections <= 2 * (10 + 6 * 4));
	assert_true(other->connections <= 2 * (10 + 6 * 4));
	/* When it stops, what is true comes out. */
	lan_run(MINUTE);
	assert_true(lan_device(host)->online && lan_device(other)->online);
	assert_at(host);
	assert_at(other);
	assert_int_equal(lan_news.published + lan_news.withdrawn, 0);
}

/* The power fails: all are looked for by few questions to everybody, not by one for each. */
static void an_outage(void **state)
{
	struct lan_host *hosts[100];

	for (unsigned i = 0; i < ARRAY_SIZE(hosts); i++)
		hosts[i] = lan_add_camera(10 + i);
	lan_run(SETTLE);
	assert_int_equal(lan_news.published, ARRAY_SIZE(hosts));
	lan_news = (struct lan_news){ 0 };
	for (unsigned i = 0; i < ARRAY_SIZE(hosts); i++) {
		forget_counts(hosts[i]);
		hosts[i]->away = true;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(hosts); i++) {
		wait_for_online(hosts[i], false, 2 * MINUTE);
		assert_in_range(hosts[i]->asked, 3, 4);
		assert_true(hosts[i]->connections <= 4);
	}
	assert_in_range(lan_news.light_bursts, 1, 10);
	lan_run(HOUR);
	for (unsigned i = 0; i < ARRAY_SIZE(hosts); i++) {
		assert_in_range(hosts[i]->asked, 3, 4); /* who is gone is not asked any more */
		assert_true(hosts[i]->connections <= 4);
	}
	assert_int_equal(lan_news.withdrawn, 0);
}

/* What is on the wire may be another one by now. */
static void a_carrier_or_an_address_starts_a_burst(void **state)
{
	struct lan_host *host = add_known();

	lan_set_carrier(false);
	lan_run(MINUTE);
	assert_int_equal(lan_news.full_bursts, 0);
	lan_set_carrier(true);
	lan_run(SECOND);
	assert_int_equal(lan_news.full_bursts, 1);
	lan_run(MINUTE);
	simulated_kernel_set_address(LAN_INDEX, "192.168.1.10/24", 0);
	lan_run(SECOND);
	assert_int_equal(lan_news.full_bursts, 2);
	lan_run(MINUTE);
	/* A flapping link is asked no faster than the answers come. */
	lan_news = (struct lan_news){ 0 };
	for (unsigned i = 0; i < 600; i++) {
		lan_set_carrier(i % 2);
		lan_run(SECOND / 10);
	}
	assert_true(lan_news.full_bursts + lan_news.light_bursts <= 30);
	assert_true(host->connections <= 10 + 6 * 4);
	assert_int_equal(lan_news.published + lan_news.withdrawn, 0);
}

/* Forged ones without end: whom they drown is asked for every now and then. */
static void a_flood(void **state)
{
	struct lan_host *host = add_known();

	for (unsigned turn = 0; turn < 120 * 20; turn++) {
		for (unsigned i = 0; i < 60; i++) {
			struct lan_host forged = { .number = 100 + (turn * 60 + i) * 37 % 101 };
			struct sighting sighting = { .address = lan_address(&forged) };

			evidence_add(&sighting.evidence, SOURCE_WSD, FIELD_TRAIT, "onvif-device",
				     turn + 1);
			lan_tell(&wsd_protocol, &sighting);
		}
		lan_run(SECOND / 20);
	}
	assert_in_range(lan_news.light_bursts, 3, 5);
	assert_true(lan_device(host)->online);
	assert_int_equal(lan_news.published + lan_news.withdrawn, 0);
	lan_run(MINUTE);
	assert_in_range(lan_news.light_bursts, 4, 6); /* when it is over */
}

/* --- what is true --- */

static void who_is_gone_is_remembered_for_a_week(void **state)
{
	struct lan_host *host = add_known();

	host->away = true;
	/* A minute of silence, and three times as long as the kernel looks. */
	assert_true(wait_for_online(host, false, HOUR) <= 90 * SECOND);
	assert_int_equal(lan_device(host)->misses, 3);
	lan_run(6 * DAY);
	assert_int_equal(lan_news.withdrawn, 0);
	host->away = false;
	lan_hello(host);
	lan_run(SECOND);
	assert_true(lan_device(host)->online);
	assert_int_equal(lan_news.published, 0); /* it is the same */
	host->away = true;
	lan_run(8 * DAY);
	assert_int_equal(lan_news.withdrawn, 1);
	assert_null(lan_device(host));
}

/* Whoever claims to be a camera, and has nothing that answers. */
static void who_is_gone_and_never_answered_is_remembered_for_a_day(void **state)
{
	struct lan_host *host = lan_add_camera(11);

	host->http = host->rtsp = false;
	lan_run(SETTLE);
	assert_int_equal(lan_news.published, 1);
	host->away = true;
	wait_for_online(host, false, HOUR);
	lan_run(23 * HOUR);
	assert_int_equal(lan_news.withdrawn, 0);
	lan_run(2 * HOUR);
	assert_int_equal(lan_news.withdrawn, 1);
	assert_null(lan_device(host));
}

static void a_goodbye_is_not_believed(void **state)
{
	struct lan_host *host = add_known();

	lan_bye(host);
	lan_run(10 * MINUTE);
	assert_true(lan_device(host)->online);
	assert_int_equal(lan_device(host)->misses, 0);
	/* But it is a reason to look sooner. */
	lan_bye(host);
	host->away = true;
	assert_true(wait_for_online(host, false, HOUR) <= 40 * SECOND);
}

/* Not each by itself: nobody is there where nothing can be heard. */
static void who_is_behind_a_pulled_cable_is_offline(void **state)
{
	struct lan_host *host = add_known();

	lan_set_carrier(false);
	wait_for_online(host, false, 3 * MINUTE);
	lan_run(HOUR);
	assert_int_equal(host->asked + host->connections, 0);
	assert_int_equal(lan_news.full_bursts + lan_news.light_bursts, 0);
	lan_set_carrier(true);
	assert_true(wait_for_online(host, true, HOUR) <= SECOND);
	assert_int_equal(lan_news.published + lan_news.withdrawn, 0);
}

enum way_to_move { BY_HELLO, BY_ARP, BY_DHCP, BY_KERNEL, WAYS_TO_MOVE };

static void move(struct lan_host *host, enum way_to_move way)
{
	struct netaddr address;

	host->number++;
	address = lan_address(host);
	switch (way) {
	case BY_HELLO:
		lan_hello(host);
		break;
	case BY_ARP:
		lan_announce(host);
		break;
	case BY_DHCP:
		lan_request_lease(host);
		break;
	case BY_KERNEL:
		simulated_kernel_learn(LAN_INDEX, &address, &host->parsed);
		break;
	case WAYS_TO_MOVE:
		break;
	}
}

static void a_new_address_is_told_within_a_second(void **state)
{
	struct lan_host *host = add_known();
	const struct device *device = lan_device(host);

	for (enum way_to_move way = 0; way < WAYS_TO_MOVE; way++) {
		lan_news.changed = 0;
		move(host, way);
		lan_run(SECOND);
		assert_ptr_equal(lan_device(host), device);
		assert_at(host);
		assert_true(device->online);
		assert_true(lan_news.changed > 0);
		lan_run(10 * MINUTE);
		assert_at(host);
	}
	/* Nobody announces it: it is missed, and looked for. */
	host->number++;
	lan_run(3 * MINUTE);
	assert_at(host);
	assert_int_equal(lan_news.published + lan_news.withdrawn, 0);
}

/* --- who has just been plugged in --- */

static void tell_upnp(const struct lan_host *host)
{
	struct sighting sighting = { .address = lan_address(host) };

	evidence_add(&sighting.evidence, SOURCE_SSDP, FIELD_TRAIT, "upnp-camera", 1);
	lan_tell(&ssdp_protocol, &sighting);
}

static void tell_mdns(const struct lan_host *host)
{
	struct sighting sighting = { .address = lan_address(host), .relayed = true };

	evidence_add(&sighting.evidence, SOURCE_MDNS, FIELD_TRAIT, "axis-video", 1);
	lan_tell(&mdns_protocol, &sighting);
}

static void tell_kernel(const struct lan_host *host)
{
	struct netaddr address = lan_address(host);

	simulated_kernel_learn(LAN_INDEX, &address, &host->parsed);
}

static void a_newcomer_is_shown_within_a_second(void **state)
{
	static const struct {
		const char *what;
		void (*tell)(const struct lan_host *host);
	} ways[] = {
		{ "Hello", lan_hello },        { "NOTIFY", tell_upnp },
		{ "mDNS", tell_mdns },         { "ARP", lan_announce },
		{ "DHCP", lan_request_lease }, { "RTM_NEWNEIGH", tell_kernel },
	};
	struct lan_host *host;
	usec_t told;

	lan_run(SETTLE);
	for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
		print_message("# %s\n", ways[i].what);
		host = lan_add_camera(20 + i);
		host->server = "App-webs/"; /* what tells of those that speak no protocol */
		lan_run(10 * SECOND);
		assert_null(lan_device(host)); /* nobody looks meanwhile */
		told = virtual_clock_now();
		ways[i].tell(host);
		lan_run(2 * SECOND);
		assert_int_equal(lan_news.published, i + 1);
		assert_true(lan_news.published_at - told < SECOND);
		assert_true(host->connections <= 12);
	}
}

/* --- batteries --- */

/* Wakes up, stays for so long, and goes; says whether it is thought to sleep then. */
static bool wake_up(struct lan_host *host, usec_t stay, bool says_goodbye)
{
	host->away = false;
	lan_hello(host);
	lan_run(stay);
	assert_true(lan_device(host)->online);
	if (says_goodbye)
		lan_bye(host);
	host->away = true;
	wait_for_online(host, false, 5 * MINUTE);
	lan_run(2 * HOUR);
	return device_sleeps(lan_device(host));
}

static void sleepers_are_learned(void **state)
{
	struct lan_host *host = lan_add_camera(11);

	host->away = true;
	lan_run(SETTLE);
	assert_false(wake_up(host, 20 * SECOND, false));
	assert_false(wake_up(host, MINUTE, false));
	assert_true(wake_up(host, 30 * SECOND, false));
	assert_true(wake_up(host, 10 * SECOND, false));
	/* It is not gone for weeks, and nobody goes looking for it. */
	lan_news = (struct lan_news){ 0 };
	lan_run(20 * DAY);
	assert_int_equal(lan_news.withdrawn, 0);
	/* A long absence is no proof; three short ones of another day are. */
	assert_false(wake_up(host, 30 * SECOND, false));
	assert_false(wake_up(host, 30 * SECOND, false));
	assert_true(wake_up(host, 30 * SECOND, false));
	/* It has got a power supply, and fails. */
	assert_false(wake_up(host, HOUR, false));
	/* Who says good-bye was switched off. */
	for (unsigned i = 0; i < 5; i++)
		assert_false(wake_up(host, MINUTE, true));
	/* Who is there most of the time, and fails now and then, does not sleep. */
	for (unsigned i = 0; i < 5; i++)
		assert_false(wake_up(host, 30 * MINUTE, false));
	assert_int_equal(lan_news.withdrawn, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_quiet_day, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_restless_day, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_forger_is_not_obeyed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_flood, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_outage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_carrier_or_an_address_starts_a_burst, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(who_is_gone_is_remembered_for_a_week, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			who_is_gone_and_never_answered_is_remembered_for_a_day, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_goodbye_is_not_believed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_is_behind_a_pulled_cable_is_offline, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_new_address_is_told_within_a_second, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_newcomer_is_shown_within_a_second, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(sleepers_are_learned, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
