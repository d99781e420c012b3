/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sightings in, devices out: who is one, who moves, who makes room. */
#include "discoverd/device_table.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"

static const struct interface lan = {
	.index = 2,
	.name = "eth0",
	.addresses = { { .address = { .family = AF_INET }, .length = 8 } },
};

struct fixture {
	struct device_table *table;
	struct interface lan;
	bool routed; /* what is seen is beyond a router */
	unsigned changes, removals;
	usec_t now;
};

static void on_changed(struct device *device, void *owner)
{
	((struct fixture *)owner)->changes++;
	device->published = evidence_confidence(&device->evidence) >= 0.4;
}

static void on_removed(struct device *device, void *owner)
{
	((struct fixture *)owner)->removals++;
}

static void init(struct fixture *fixture, size_t limit)
{
	*fixture = (struct fixture){ .lan = lan, .now = 1 };
	assert_int_equal(netprefix_parse(&fixture->lan.addresses[0], "10.0.0.1/24"), 0);
	fixture->lan.address_count = 1;
	device_table_new(&fixture->table, limit, on_changed, on_removed, fixture);
}

/* A camera's answer; mac NULL: not known. */
static struct device *see(struct fixture *fixture, const char *address, const char *mac,
			  const char *endpoint)
{
	const struct interface *interface = fixture->routed ? &interface_routed : &fixture->lan;
	struct sighting sighting = { .ifindex = interface->index, .time = ++fixture->now };
	struct mac_address link;
	struct device *device;

	assert_int_equal(netaddr_parse(&sighting.address, address), 0);
	evidence_add(&sighting.evidence, SOURCE_WSD, FIELD_TRAIT, "onvif-transmitter",
		     fixture->now);
	if (endpoint)
		evidence_add(&sighting.evidence, SOURCE_WSD, FIELD_ENDPOINT, endpoint,
			     fixture->now);
	if (mac)
		assert_int_equal(mac_parse(&link, mac), 0);
	device = device_table_fuse(fixture->table, interface, &sighting, mac ? &link : NULL);
	sighting_deinit(&sighting);
	return device;
}

static void assert_at(const struct device *device, const char *address)
{
	char text[NETADDR_TEXT_SIZE];

	if (!address) {
		assert_null(device_address(device));
		return;
	}
	assert_non_null(device_address(device));
	assert_string_equal(netaddr_format(&device_address(device)->address, text), address);
}

#define M1 "44:19:b6:10:00:01"
#define M2 "44:19:b6:10:00:02"

static void a_moving_camera_is_one(void **state)
{
	struct fixture fixture;
	struct device *device, *other;

	init(&fixture, 16);
	device = see(&fixture, "10.0.0.5", M1, "urn:uuid:a");
	assert_ptr_equal(see(&fixture, "10.0.0.6", M1, "urn:uuid:a"), device);
	assert_at(device, "10.0.0.6");
	/* The old address, seen again, does not bring it back: perhaps it has both. */
	assert_ptr_equal(see(&fixture, "10.0.0.5", M1, "urn:uuid:a"), device);
	assert_at(device, "10.0.0.6");
	/* Another device at its address: it has lost that. */
	other = see(&fixture, "10.0.0.6", M2, "urn:uuid:b");
	assert_ptr_not_equal(other, device);
	assert_at(device, "10.0.0.5");
	assert_true(device->online);
	see(&fixture, "10.0.0.5", M2, "urn:uuid:b");
	assert_at(device, NULL);
	assert_false(device->online);
	assert_ptr_equal(see(&fixture, "10.0.0.9", M1, NULL), device);
	assert_at(device, "10.0.0.9");
	assert_true(device->online);
	assert_int_equal(fixture.removals, 0);
	device_table_free(fixture.table);
	assert_int_equal(fixture.removals, 2);
}

static void a_device_is_found_by_any_of_its_names(void **state)
{
	static const char *const names[] = { "4419b6100001",      "44:19:b6:10:00:01",
					     "44-19-B6-10-00-01", "10.0.0.5",
					     "fe80::1",           "4419b6100002" };
	static const char *const others[] = { "", "10.0.0.6", "44:19:b6:10:00:03", "4419b610000",
					      "a name that is longer than any of theirs" };
	struct fixture fixture;
	struct device *device, *routed;
	char name[IDENTITY_NAME_SIZE];

	init(&fixture, 16);
	device = see(&fixture, "10.0.0.5", M1, NULL);
	assert_ptr_equal(see(&fixture, "fe80::1", M1, NULL), device);
	assert_int_equal(mac_parse(&device->identity.links[1], M2), 0);
	device->identity.link_count = 2;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_ptr_equal(device_table_find(fixture.table, names[i]), device);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_null(device_table_find(fixture.table, others[i]));
	routed = see(&fixture, "172.16.0.9", NULL, "urn:uuid:r");
	assert_ptr_equal(device_table_find(fixture.table, "172.16.0.9"), routed);
	identity_name(&routed->identity, name);
	assert_ptr_equal(device_table_find(fixture.table, name), routed);
	device_table_free(fixture.table);
}

static void the_better_address_is_shown(void **state)
{
	struct fixture fixture;
	struct device *device;

	init(&fixture, 16);
	device = see(&fixture, "fe80::1", M1, NULL);
	assert_at(device, "fe80::1");
	see(&fixture, "2001:db8::1", M1, NULL);
	assert_at(device, "2001:db8::1");
	see(&fixture, "169.254.7.7", M1, NULL);
	assert_at(device, "169.254.7.7");
	see(&fixture, "192.168.1.64", M1, NULL); /* of another subnet */
	assert_at(device, "192.168.1.64");
	see(&fixture, "10.0.0.5", M1, NULL);
	assert_at(device, "10.0.0.5");
	see(&fixture, "169.254.9.9", M1, NULL);
	see(&fixture, "fe80::2", M1, NULL);
	assert_at(device, "10.0.0.5");
	assert_int_equal(device_table_count(fixture.table), 1);
	/* More addresses than are kept: the one that is shown stays. */
	for (unsigned i = 0; i < 40; i++) {
		char text[32];

		snprintf(text, sizeof(text), "fe80::%x", 0x100 + i);
		see(&fixture, text, M1, NULL);
		assert_at(device, "10.0.0.5");
		assert_true(device->address_count <= DEVICE_MAX_ADDRESSES);
	}
	device_table_free(fixture.table);
}

static void two_turn_out_to_be_one(void **state)
{
	struct fixture fixture;
	struct device *routed, *device;

	init(&fixture, 16);
	routed = see(&fixture, "172.16.0.9", NULL, "urn:uuid:a");
	device = see(&fixture, "10.0.0.5", M1, "urn:uuid:b");
	assert_ptr_not_equal(device, routed);
	assert_int_equal(device_table_count(fixture.table), 2);
	/* The same endpoint, now with a MAC: it was the camera all along. */
	device = see(&fixture, "10.0.0.5", M1, "urn:uuid:a");
	assert_int_equal(device_table_count(fixture.table), 1);
	assert_int_equal(device->address_count, 2);
	assert_at(device, "10.0.0.5");
	device_table_free(fixture.table);
}

static void nobody_without_identity(void **state)
{
	struct fixture fixture;
	struct device *device;

	init(&fixture, 16);
	assert_null(see(&fixture, "10.0.0.5", NULL, NULL));
	device = see(&fixture, "10.0.0.5", M1, NULL);
	assert_ptr_equal(see(&fixture, "10.0.0.5", NULL, NULL), device); /* by its address */
	device_table_free(fixture.table);
}

static enum device_doubt doubt(struct fixture *fixture, const struct mac_address *mac,
			       const char *endpoint)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };

	evidence_add(&evidence, SOURCE_WSD, FIELD_ENDPOINT, endpoint, 1);
	return device_table_doubt(fixture->table, mac, &evidence);
}

static void contradictions_are_seen(void **state)
{
	struct evidence told = { 0 };
	struct mac_address first, second, third;
	struct fixture fixture;

	init(&fixture, 16);
	see(&fixture, "10.0.0.5", M1, "urn:uuid:a");
	see(&fixture, "10.0.0.6", M2, "urn:uuid:b");
	mac_parse(&first, M1);
	mac_parse(&second, M2);
	mac_parse(&third, "44:19:b6:10:00:03");
	assert_int_equal(doubt(&fixture, &second, "urn:uuid:a"), DEVICE_SWAPPED);
	assert_int_equal(doubt(&fixture, &first, "urn:uuid:b"), DEVICE_SWAPPED);
	assert_int_equal(doubt(&fixture, &first, "urn:uuid:a"), DEVICE_CREDIBLE);
	assert_int_equal(doubt(&fixture, &first, "URN:UUID:A"), DEVICE_CREDIBLE);
	assert_int_equal(doubt(&fixture, &first, "urn:uuid:new"), DEVICE_STRANGER);
	assert_int_equal(doubt(&fixture, &first, NULL), DEVICE_CREDIBLE);
	assert_int_equal(doubt(&fixture, &third, "urn:uuid:a"), DEVICE_CREDIBLE); /* a clone */
	/* A camera that tells the MAC of its other card is no stranger. */
	evidence_add_mac(&told, SOURCE_SSDP, M2, 1);
	assert_int_equal(device_table_doubt(fixture.table, &first, &told), DEVICE_CREDIBLE);
	device_table_fuse(fixture.table, &fixture.lan,
			  &(struct sighting){ .ifindex = 2, .evidence = told }, &third);
	evidence_deinit(&told);
	evidence_add_mac(&told, SOURCE_SSDP, "44:19:b6:10:00:09", 1);
	assert_int_equal(device_table_doubt(fixture.table, &third, &told), DEVICE_STRANGER);
	evidence_deinit(&told);
	device_table_free(fixture.table);
}

static void a_full_table_makes_room_for_the_better(void **state)
{
	struct device *published[3], *device;
	struct fixture fixture;
	char mac[MAC_TEXT_SIZE], address[32];

	init(&fixture, 4);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(mac, sizeof(mac), "44:19:b6:20:00:%02x", i);
		snprintf(address, sizeof(address), "10.0.0.%u", 100 + i);
		published[i] = see(&fixture, address, mac, NULL);
	}
	device = see(&fixture, "10.0.0.200", M1, NULL);
	device->published = false;
	/* The one that is not shown goes first, then who is offline, and then nobody. */
	assert_non_null(see(&fixture, "10.0.0.201", M2, NULL));
	assert_int_equal(fixture.removals, 1);
	published[1]->online = false;
	assert_non_null(see(&fixture, "10.0.0.202", "44:19:b6:10:00:03", NULL));
	assert_int_equal(fixture.removals, 2);
	/* Confirmed ones stay, whatever comes; the last newcomer is none. */
	evidence_add_port(&published[0]->evidence, SOURCE_RTSP, FIELD_SERVICE, 554, "rtsp", 1);
	evidence_add_port(&published[2]->evidence, SOURCE_RTSP, FIELD_SERVICE, 554, "rtsp", 1);
	published[2]->online = false;
	fixture.now += USEC_PER_SEC;
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(mac, sizeof(mac), "44:19:b6:30:%02x:%02x", i / 256, i % 256);
		see(&fixture, "10.0.0.203", mac, NULL);
		assert_int_equal(device_table_count(fixture.table), 4);
	}
	assert_int_equal(fixture.removals, 3); /* they come too fast to follow each other */
	fixture.now += USEC_PER_SEC;
	assert_non_null(see(&fixture, "10.0.0.204", "44:19:b6:10:00:04", NULL));
	assert_int_equal(fixture.removals, 4);
	assert_ptr_equal(see(&fixture, "10.0.0.100", "44:19:b6:20:00:00", NULL), published[0]);
	assert_ptr_equal(see(&fixture, "10.0.0.102", "44:19:b6:20:00:02", NULL), published[2]);
	device_table_free(fixture.table);
}

static void forged_devices_do_not_fill_it(void **state)
{
	char address[32], endpoint[32], mac[MAC_TEXT_SIZE];
	struct fixture fixture;

	init(&fixture, 64);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(address, sizeof(address), "172.16.%u.%u", i / 250, 1 + i % 250);
		snprintf(endpoint, sizeof(endpoint), "urn:uuid:%u", i);
		see(&fixture, address, NULL, endpoint);
	}
	assert_int_equal(device_table_count(fixture.table), 5);
	assert_int_equal(fixture.removals, 0); /* nor do they push each other out all the time */
	for (unsigned i = 0; i < 59; i++) {
		snprintf(address, sizeof(address), "10.0.0.%u", 100 + i);
		snprintf(mac, sizeof(mac), "44:19:b6:20:00:%02x", i);
		assert_non_null(see(&fixture, address, mac, NULL));
	}
	assert_int_equal(fixture.removals, 0);
	device_table_free(fixture.table);
}

static void remote_hosts_fill_it_all(void **state)
{
	struct fixture fixture;
	char address[NETADDR_TEXT_SIZE];

	init(&fixture, 64);
	fixture.routed = true;
	for (unsigned i = 0; i < 64; i++) {
		snprintf(address, sizeof(address), "10.1.0.%u", i);
		assert_non_null(see(&fixture, address, NULL, NULL));
	}
	assert_int_equal(device_table_count(fixture.table), 64);
	assert_null(see(&fixture, "10.1.0.200", NULL, NULL)); /* all are shown and online */
	device_table_free(fixture.table);
}

static void a_remote_host_is_replaced(void **state)
{
	struct device *old, *new;
	struct fixture fixture;

	init(&fixture, 16);
	fixture.routed = true;
	old = see(&fixture, "10.1.0.1", NULL, "urn:uuid:old");
	new = see(&fixture, "10.1.0.1", NULL, "urn:uuid:new");
	assert_ptr_not_equal(old, new);
	assert_null(device_address(old));
	assert_false(old->online);
	/* What now answers there without a name is the new one, and does not join the two. */
	assert_ptr_equal(see(&fixture, "10.1.0.1", NULL, NULL), new);
	assert_int_equal(device_table_count(fixture.table), 2);
	assert_true(device_address_is_reachable(device_address(new)));
	assert_false(device_address(new)->on_link);
	device_table_free(fixture.table);
}

static void what_is_told_follows_the_services(void **state)
{
	struct device_service services[DEVICE_MAX_SERVICES];
	const struct evidence silence = { 0 };
	struct fixture fixture;
	struct device *device;
	char url[DEVICE_URL_SIZE];

	init(&fixture, 4);
	device = see(&fixture, "10.0.0.5", M1, NULL);
	evidence_add(&device->evidence, SOURCE_RTSP, FIELD_VENDOR, "Axis", 1);
	evidence_add_port(&device->evidence, SOURCE_WSD, FIELD_ONVIF, 8081, "/onvif", 1);
	assert_null(device_onvif_url(device, url));
	assert_null(device_stream_path(device));
	evidence_add_port(&device->evidence, SOURCE_HTTP, FIELD_SERVICE, 8081, "http", 1);
	evidence_add_port(&device->evidence, SOURCE_RTSP, FIELD_SERVICE, 554, "rtsp", 1);
	assert_string_equal(device_onvif_url(device, url), "http://10.0.0.5:8081/onvif");
	assert_string_equal(device_stream_path(device), "/axis-media/media.amp");
	assert_int_equal(device_services(device, services), 2);
	assert_int_equal(services[0].port, 554);
	assert_int_equal(services[1].port, 8081);

	for (unsigned i = 0; i < 3; i++)
		evidence_take_answer(&device->evidence, &silence, 554, BIT(SOURCE_RTSP));
	assert_int_equal(device_services(device, services), 1);
	assert_null(device_stream_path(device));

	/* In TLS alone it is told as well. */
	evidence_add(&device->evidence, SOURCE_RTSP, FIELD_VENDOR, "Axis", 2);
	evidence_add_port(&device->evidence, SOURCE_RTSP, FIELD_SERVICE, 322, "rtsps", 2);
	assert_string_equal(device_stream_path(device), "/axis-media/media.amp");
	device_table_free(fixture.table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_moving_camera_is_one),
		cmocka_unit_test(a_device_is_found_by_any_of_its_names),
		cmocka_unit_test(the_better_address_is_shown),
		cmocka_unit_test(two_turn_out_to_be_one),
		cmocka_unit_test(nobody_without_identity),
		cmocka_unit_test(contradictions_are_seen),
		cmocka_unit_test(a_full_table_makes_room_for_the_better),
		cmocka_unit_test(forged_devices_do_not_fill_it),
		cmocka_unit_test(remote_hosts_fill_it_all),
		cmocka_unit_test(a_remote_host_is_replaced),
		cmocka_unit_test(what_is_told_follows_the_services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
