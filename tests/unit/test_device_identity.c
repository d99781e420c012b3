/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is who: pairs of sightings, and whether they are one device. */
#include "discoverd/identity.h"

#include <string.h>

#include "tests/support/test.h"

struct seen {
	const char *link, *told, *endpoint, *address; /* beyond a router */
	const char *serial;
};

static struct identity identity_of(const struct seen *seen)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
	struct identity identity;
	struct mac_address mac;

	if (seen->told)
		evidence_add(&evidence, SOURCE_WSD, FIELD_MAC, seen->told, 1);
	if (seen->endpoint)
		evidence_add(&evidence, SOURCE_WSD, FIELD_ENDPOINT, seen->endpoint, 1);
	if (seen->serial)
		evidence_add(&evidence, SOURCE_SSDP, FIELD_SERIAL, seen->serial, 1);
	if (seen->link)
		assert_int_equal(mac_parse(&mac, seen->link), 0);
	identity_read(&identity, &evidence, seen->link ? &mac : NULL);
	if (seen->address)
		assert_int_equal(netaddr_parse(&identity.address, seen->address), 0);
	return identity;
}

#define M1 "44:19:b6:10:00:01"
#define M2 "44:19:b6:10:00:02"
#define M3 "44:19:b6:10:00:03"
/* Version 4: its end is random, unless it happens to be a MAC that is on the wire. */
#define EPR_M1 "urn:uuid:a7fc57d6-2f4a-4c41-9f64-4419b6100001"
#define EPR_X  "urn:uuid:11111111-2222-4333-8444-555555555555"

static const struct {
	const char *what;
	struct seen known, seen;
	bool same;
} pairs[] = {
	{ "same MAC", { M1, NULL, NULL }, { M1, NULL, NULL }, true },
	{ "other MAC", { M1, NULL, NULL }, { M2, NULL, NULL }, false },
	{ "same MAC, new endpoint", { M1, NULL, EPR_X }, { M1, NULL, EPR_M1 }, true },
	{ "cloned endpoint", { M1, NULL, EPR_X }, { M2, NULL, EPR_X }, false },
	{ "cloned endpoint with a MAC that is nobody's",
	  { M2, NULL, EPR_M1 },
	  { M3, NULL, EPR_M1 },
	  false },
	{ "cloned told MAC", { M2, M1, NULL }, { M3, M1, NULL }, false },
	{ "second network card, endpoint names the first",
	  { M1, NULL, EPR_M1 },
	  { M2, NULL, EPR_M1 },
	  true },
	{ "first network card seen later", { M2, NULL, EPR_M1 }, { M1, NULL, EPR_M1 }, true },
	{ "second network card, told", { M1, NULL, NULL }, { M2, M1, NULL }, true },
	{ "routed, told MAC", { M1, NULL, NULL }, { NULL, M1, NULL }, true },
	{ "routed, other told MAC", { M1, NULL, NULL }, { NULL, M2, NULL }, false },
	{ "both routed, told", { NULL, M1, NULL }, { NULL, M1, EPR_X }, true },
	{ "both routed, told differ, endpoint cloned",
	  { NULL, M1, EPR_X },
	  { NULL, M2, EPR_X },
	  false },
	{ "endpoint only", { NULL, NULL, EPR_X }, { NULL, NULL, EPR_X }, true },
	{ "endpoint's case",
	  { NULL, NULL, EPR_M1 },
	  { NULL, NULL, "URN:UUID:A7FC57D6-2F4A-4C41-9F64-4419B6100001" },
	  true },
	{ "MAC known later", { NULL, NULL, EPR_X }, { M1, NULL, EPR_X }, true },
	{ "beyond a router, by the address alone",
	  { NULL, NULL, NULL, "10.1.0.1" },
	  { NULL, NULL, NULL, "10.1.0.1" },
	  true },
	{ "beyond a router, endpoint known later",
	  { NULL, NULL, NULL, "10.1.0.1" },
	  { NULL, NULL, EPR_X, "10.1.0.1" },
	  true },
	{ "beyond a router, another at the same address",
	  { NULL, NULL, EPR_M1, "10.1.0.1" },
	  { NULL, NULL, EPR_X, "10.1.0.1" },
	  false },
	{ "beyond a router, it moved",
	  { NULL, NULL, EPR_X, "10.1.0.1" },
	  { NULL, NULL, EPR_X, "10.1.0.2" },
	  true },
	{ "beyond a router, another address",
	  { NULL, NULL, NULL, "10.1.0.1" },
	  { NULL, NULL, NULL, "10.1.0.2" },
	  false },
	{ "serial, one of them routed",
	  { .link = M1, .serial = "DS-2CD2142-33221100" },
	  { .serial = "ds-2cd2142-33221100" },
	  true },
	{ "serial before endpoint",
	  { .endpoint = EPR_X, .serial = "33221100" },
	  { .endpoint = EPR_M1, .serial = "33221100" },
	  true },
	{ "same serial, other MACs",
	  { .link = M1, .serial = "33221100" },
	  { .link = M2, .serial = "33221100" },
	  false },
	{ "same serial, other told MACs",
	  { .told = M1, .serial = "33221100" },
	  { .told = M2, .serial = "33221100" },
	  false },
	{ "serial of the scope and of the description",
	  { .endpoint = EPR_X, .serial = "DS-2CD2142-33221100" },
	  { .endpoint = EPR_X, .serial = "33221100" },
	  true },
	{ "no numbers",
	  { .endpoint = EPR_X, .serial = "000000000" },
	  { .endpoint = EPR_M1, .serial = "000000000" },
	  false },
	{ "a number of all",
	  { .endpoint = EPR_X, .serial = "123456789" },
	  { .endpoint = EPR_M1, .serial = "123456789" },
	  false },
	{ "too short",
	  { .endpoint = EPR_X, .serial = "A1B2" },
	  { .endpoint = EPR_M1, .serial = "A1B2" },
	  false },
	{ "nothing known", { NULL, NULL, NULL }, { NULL, NULL, NULL }, false },
	{ "endpoints missing", { M1, NULL, NULL }, { NULL, NULL, EPR_X }, false },
};

static void pairs_are_told_apart(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct identity known = identity_of(&pairs[i].known);
		struct identity seen = identity_of(&pairs[i].seen);

		print_message("# %s\n", pairs[i].what);
		assert_int_equal(identity_is_same(&known, &seen), pairs[i].same);
		assert_int_equal(identity_is_same(&seen, &known), pairs[i].same);
	}
}

static void names_are_macs_or_hashes(void **state)
{
	static const struct {
		struct seen seen;
		const char *name;
	} names[] = {
		{ { M1, M2, EPR_X }, "4419b6100001" },
		{ { NULL, M2, EPR_X }, "4419b6100002" },
		{ { NULL, NULL, "urn:uuid:74:73:36:01:99:73" }, "747336019973" },
		{ { NULL, NULL, "urn:uuid:5581ad80-95b0-11e0-b883-accc8e251272" }, "accc8e251272" },
	};
	struct identity identity, other;
	char name[IDENTITY_NAME_SIZE], other_name[IDENTITY_NAME_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		identity = identity_of(&names[i].seen);
		assert_string_equal(identity_name(&identity, name), names[i].name);
	}
	identity = identity_of(&(struct seen){ NULL, NULL, EPR_M1 });
	other = identity_of(&(struct seen){ NULL, NULL, EPR_X });
	assert_int_equal(strlen(identity_name(&identity, name)), 17);
	assert_string_not_equal(name, identity_name(&other, other_name));
}

static void the_card_it_calls_itself_by_gives_the_mac(void **state)
{
	struct identity known = identity_of(&(struct seen){ M2, NULL, EPR_M1 });
	struct identity seen = identity_of(&(struct seen){ M1, NULL, EPR_M1 });
	struct mac_address mac, expected;

	identity_merge(&known, &seen);
	assert_int_equal(known.link_count, 2);
	assert_true(identity_mac(&known, &mac));
	assert_int_equal(mac_parse(&expected, M1), 0);
	assert_true(mac_equal(&mac, &expected));
}

static void macs_in_endpoints(void **state)
{
	static const struct {
		const char *endpoint;
		bool found, certain;
	} endpoints[] = {
		{ EPR_M1, true, false },
		{ "urn:uuid:74:73:36:01:99:73", true, true },
		{ "urn:uuid:5581ad80-95b0-11e0-b883-accc8e251272", true, true },
		{ "urn:uuid:5581ad80-95b0-11e0-b883-aecc8e251272", true, false }, /* made up */
		{ "urn:uuid:00000000-0000-0000-0000-000000000000", false, false },
		{ "urn:uuid:11111111-2222-1333-8444-ffffffffffff", false, false },
		{ "urn:uuid:x", false, false },
		{ "", false, false },
		{ "urn:uuid:a7fc57d6-2f4a-4c41-9f64+4419b6100001", false, false },
	};
	struct mac_address mac;
	bool certain;

	for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++) {
		certain = false;
		assert_int_equal(identity_mac_in_endpoint(endpoints[i].endpoint, &mac, &certain),
				 endpoints[i].found);
		if (endpoints[i].found)
			assert_int_equal(certain, endpoints[i].certain);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_are_told_apart),
		cmocka_unit_test(names_are_macs_or_hashes),
		cmocka_unit_test(the_card_it_calls_itself_by_gives_the_mac),
		cmocka_unit_test(macs_in_endpoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
