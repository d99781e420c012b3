/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which of the kernel's links devices are looked for on, and that it is told of what changes. */
#include "discoverd/interfaces.h"

#include <linux/if_addr.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "tests/support/simulated_kernel.h"
#include "tests/support/test.h"
#include "tests/support/virtual_clock.h"

#define UP  (IFF_UP | IFF_RUNNING | IFF_MULTICAST | IFF_BROADCAST)
#define MAC "52:54:00:00:00:01"

#define SHOWN __attribute__((visibility("default")))

/* The kernel's file system says so of links of cfg80211, in the place of the C library's. */
SHOWN int access(const char *path, int mode)
{
	return strcmp(path, "/sys/class/net/wlan0/phy80211") == 0 ? 0 : -1;
}

struct fixture {
	struct loop *loop;
	struct loop_timer end;
	struct interfaces *interfaces;
	char events[256]; /* since last looked at: "eth0 appeared, " */
};

static void on_event(const struct interface *interface, enum interface_event event, void *owner)
{
	static const char *const names[] = {
		[INTERFACE_APPEARED] = "appeared",
		[INTERFACE_ADDRESS] = "address",
		[INTERFACE_VANISHED] = "vanished",
	};
	struct fixture *fixture = owner;
	size_t used = strlen(fixture->events);

	snprintf(fixture->events + used, sizeof(fixture->events) - used, "%s%s %s",
		 used ? ", " : "", interface->name, names[event]);
}

static void on_end(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct fixture, end)->loop, 0);
}

static int set_up(void **state)
{
	struct fixture *fixture = xnew(struct fixture);

	assert_int_equal(loop_new(&fixture->loop), 0);
	loop_timer_init(&fixture->end, fixture->loop, on_end);
	simulated_kernel_init(fixture->loop, NULL);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	interfaces_free(fixture->interfaces);
	simulated_kernel_deinit();
	loop_timer_deinit(&fixture->end);
	loop_free(fixture->loop);
	free(fixture);
	return 0;
}

static void start(struct fixture *fixture, char *const *include, char *const *exclude)
{
	assert_int_equal(interfaces_new(&fixture->interfaces, fixture->loop, include, exclude,
					on_event, fixture),
			 0);
}

static void assert_events(struct fixture *fixture, const char *expected)
{
	assert_string_equal(fixture->events, expected);
	fixture->events[0] = '\0';
}

static void add(unsigned index, const char *name, const char *kind, const char *port_kind,
		unsigned flags)
{
	const struct simulated_link link = { index, name, kind, port_kind, flags, MAC };
	char address[32];

	simulated_kernel_set_link(&link);
	snprintf(address, sizeof(address), "10.%u.0.1/24", index);
	simulated_kernel_set_address(index, address, 0);
}

static void assert_used(struct fixture *fixture, const char *expected)
{
	const struct interface *interface = NULL;
	char names[256] = "";
	size_t used;

	while ((interface = interfaces_next(fixture->interfaces, interface))) {
		used = strlen(names);
		snprintf(names + used, sizeof(names) - used, "%s%s", used ? " " : "",
			 interface->name);
	}
	assert_string_equal(names, expected);
}

/* --- which --- */

static void links_are_chosen_by_kind_and_flags(void **state)
{
	static const struct {
		const char *name, *kind, *port_kind;
		unsigned flags;
		bool used;
	} cases[] = {
		{ "eth0", NULL, NULL, UP, true },
		{ "eth0.20", "vlan", NULL, UP, true },
		{ "wlan0", NULL, NULL, UP, true },
		{ "br-lan", "bridge", NULL, UP, true },
		{ "br-lan.20", "vlan", NULL, UP, true },
		{ "bond0", "bond", NULL, UP, true },
		{ "bond0.7", "vlan", NULL, UP, true },
		{ "team0", "team", NULL, UP, true },
		{ "macvlan0", "macvlan", NULL, UP, true },
		{ "eth9", "veth", NULL, UP, true }, /* the LAN of a container */
		/* Ports: what they hear, the whole hears. */
		{ "lan1", NULL, "bridge", UP, false },
		{ "lan2.20", "vlan", "bridge", UP, false },
		{ "eth1", NULL, "bond", UP, false },
		{ "eth2", NULL, "team", UP, false },
		{ "eth3", NULL, "openvswitch", UP, false },
		/* Nowhere near. */
		{ "lo", NULL, NULL, UP | IFF_LOOPBACK, false },
		{ "ppp0", "ppp", NULL, UP | IFF_POINTOPOINT, false },
		{ "tap0", "tun", NULL, UP, false },
		{ "wg0", "wireguard", NULL, UP, false },
		{ "gre1", "gretap", NULL, UP, false },
		{ "vxlan0", "vxlan", NULL, UP, false },
		{ "dummy0", "dummy", NULL, UP, false },
		{ "eth4", NULL, NULL, UP & ~(unsigned)IFF_RUNNING, false }, /* no carrier */
		{ "eth5", NULL, NULL, UP & ~(unsigned)IFF_UP, false },
		{ "eth6", NULL, NULL, UP & ~(unsigned)IFF_MULTICAST, false },
	};
	struct fixture *fixture = *state;
	char expected[64];

	start(fixture, NULL, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("# %s\n", cases[i].name);
		add(5, cases[i].name, cases[i].kind, cases[i].port_kind, cases[i].flags);
		assert_used(fixture, cases[i].used ? cases[i].name : "");
		snprintf(expected, sizeof(expected), "%s appeared", cases[i].name);
		assert_events(fixture, cases[i].used ? expected : "");
		simulated_kernel_remove_link(5);
		assert_used(fixture, "");
		snprintf(expected, sizeof(expected), "%s vanished", cases[i].name);
		assert_events(fixture, cases[i].used ? expected : "");
		simulated_kernel_remove_address(5, "10.5.0.1/24");
	}
}

static void the_air_is_known(void **state)
{
	struct fixture *fixture = *state;

	add(2, "eth0", NULL, NULL, UP);
	add(3, "wlan0", NULL, NULL, UP);
	start(fixture, NULL, NULL);
	assert_false(interfaces_find(fixture->interfaces, 2)->wireless);
	assert_true(interfaces_find(fixture->interfaces, 3)->wireless);
}

static void lists_of_names(void **state)
{
	char all_eth[] = "eth*", bridge[] = "br-lan", one_eth[] = "eth9", vpn[] = "vpn_*";
	char *const include[] = { all_eth, bridge, NULL };
	char *const exclude[] = { one_eth, vpn, NULL };
	struct fixture *fixture = *state;

	add(2, "eth0", NULL, NULL, UP);
	add(3, "eth9", NULL, NULL, UP);
	add(4, "wlan0", NULL, NULL, UP);
	start(fixture, include, exclude);
	assert_events(fixture, ""); /* those of the start are not told of */
	assert_used(fixture, "eth0");
	add(5, "br-lan", "bridge", NULL, UP);
	add(6, "vpn_ether", NULL, NULL, UP);
	assert_used(fixture, "eth0 br-lan");
	/* A link may be renamed while it is down, as udev does. */
	add(4, "eth4", NULL, NULL, UP);
	assert_used(fixture, "eth0 eth4 br-lan");
	add(4, "eth9", NULL, NULL, UP);
	assert_events(fixture, "br-lan appeared, eth4 appeared, eth9 vanished");
}

/* --- live --- */

static void carrier_and_addresses_come_and_go(void **state)
{
	struct fixture *fixture = *state;
	const struct interface *interface;

	add(2, "eth0", NULL, NULL, UP);
	start(fixture, NULL, NULL);
	add(2, "eth0", NULL, NULL, UP & ~(unsigned)IFF_RUNNING);
	assert_events(fixture, "eth0 vanished");
	add(2, "eth0", NULL, NULL, UP);
	assert_events(fixture, "eth0 appeared");
	simulated_kernel_set_address(2, "192.168.1.10/24", IFA_F_SECONDARY);
	assert_events(fixture, "eth0 address");
	simulated_kernel_set_address(2, "192.168.1.10/24",
				     IFA_F_SECONDARY); /* its lease is renewed */
	assert_events(fixture, "");
	/* Not before it can be sent from. */
	simulated_kernel_set_address(2, "fe80::1/64", IFA_F_TENTATIVE);
	assert_events(fixture, "");
	simulated_kernel_set_address(2, "fe80::1/64", 0);
	assert_events(fixture, "eth0 address");
	simulated_kernel_set_address(2, "fd00::1/64", IFA_F_TENTATIVE | IFA_F_DADFAILED);
	assert_events(fixture, "");
	interface = interfaces_find(fixture->interfaces, 2);
	assert_int_equal(interface->address_count, 3);
	simulated_kernel_remove_address(2, "fe80::1/64");
	simulated_kernel_remove_address(2, "10.2.0.1/24");
	assert_int_equal(interface->address_count, 1);
	assert_events(fixture, "");
	simulated_kernel_remove_address(2, "192.168.1.10/24");
	assert_events(fixture, "eth0 vanished");
	simulated_kernel_set_address(2, "192.168.1.11/24", 0);
	assert_events(fixture, "eth0 appeared");
}

static void a_port_joins_a_bridge(void **state)
{
	struct fixture *fixture = *state;

	add(2, "eth0", NULL, NULL, UP);
	start(fixture, NULL, NULL);
	add(3, "br0", "bridge", NULL, UP);
	add(2, "eth0", NULL, "bridge", UP);
	assert_events(fixture, "br0 appeared, eth0 vanished");
	assert_used(fixture, "br0");
	assert_true(interfaces_find(fixture->interfaces, 2) == NULL);
}

/* What was missed is found by looking at all of it once more. */
static void lost_notifications(void **state)
{
	struct fixture *fixture = *state;
	struct simulated_link gone = { 3, "eth1", NULL, NULL, UP, MAC };

	add(2, "eth0", NULL, NULL, UP);
	add(3, "eth1", NULL, NULL, UP);
	start(fixture, NULL, NULL);
	simulated_kernel_lose(true);
	add(4, "eth2", NULL, NULL, UP);
	simulated_kernel_remove_link(gone.index);
	simulated_kernel_remove_address(gone.index, "10.3.0.1/24");
	simulated_kernel_set_address(2, "192.168.1.10/24", 0);
	assert_events(fixture, "");
	simulated_kernel_lose(false);
	loop_timer_arm(&fixture->end, USEC_PER_SEC);
	assert_int_equal(loop_run(fixture->loop), 0);
	assert_used(fixture, "eth0 eth2");
	assert_non_null(strstr(fixture->events, "eth2 appeared"));
	assert_non_null(strstr(fixture->events, "eth0 address"));
	assert_non_null(strstr(fixture->events, "eth1 vanished"));
}

static void addresses_that_no_host_has(void **state)
{
	static const struct {
		const char *address;
		bool of_network;
	} cases[] = {
		{ "192.168.1.0", true },    { "192.168.1.255", true }, { "192.168.1.1", false },
		{ "192.168.2.255", false }, { "10.0.0.4", false },     { "10.0.0.5", false },
		{ "10.0.3.255", false },    { "10.1.3.255", true },    { "fd00::", false },
	};
	struct fixture *fixture = *state;
	struct netaddr address;

	add(2, "eth0", NULL, NULL, UP);
	simulated_kernel_set_address(2, "192.168.1.10/24", 0);
	simulated_kernel_set_address(2, "10.0.0.4/31", 0);
	simulated_kernel_set_address(2, "10.1.0.4/22", 0);
	start(fixture, NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(netaddr_parse(&address, cases[i].address), 0);
		assert_int_equal(interfaces_is_of_network(fixture->interfaces, &address),
				 cases[i].of_network);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(links_are_chosen_by_kind_and_flags, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_air_is_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lists_of_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(carrier_and_addresses_come_and_go, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_port_joins_a_bridge, set_up, tear_down),
		cmocka_unit_test_setup_teardown(addresses_that_no_host_has, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lost_notifications, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
