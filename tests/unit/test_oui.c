/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The maker by the MAC address. The table is the IEEE's, of the machine that builds; without it
 * there are no makers, and nothing else may change.
 */
#include "discoverd/oui.h"

#include <string.h>

#include "tests/support/test.h"

static const struct {
	const char *mac;
	const char *maker; /* NULL: none */
} cases[] = {
	{ "44:19:b6:10:00:01", "Hikvision" },
	{ "00:40:8c:00:00:00", "Axis" },
	{ "00:40:8c:ff:ff:ff", "Axis" },
	{ "00:40:8d:00:00:00", NULL },
	{ "3c:ef:8c:20:00:02", "Dahua" },
	/* A 28-bit block: its neighbours are of others. */
	{ "1c:ca:e3:70:00:01", "DoorBird" },
	{ "1c:ca:e3:7f:ff:ff", "DoorBird" },
	{ "1c:ca:e3:80:00:01", NULL },
	{ "1c:ca:e3:6f:ff:ff", NULL },
	{ "a4:da:22:20:00:01", "Wyze" },
	{ "a4:da:22:10:00:01", NULL },
	{ "2c:aa:8e:00:00:01", "Wyze" }, /* and one of 24 */
	/* 36 bits. */
	{ "00:50:c2:3b:60:01", "Arecont Vision" },
	{ "00:50:c2:3b:70:01", NULL },
	/* Set by somebody, not given by the IEEE; and not of a host at all. */
	{ "46:19:b6:10:00:01", NULL },
	{ "45:19:b6:10:00:01", NULL },
	{ "00:00:00:00:00:00", NULL },
	{ "ff:ff:ff:ff:ff:ff", NULL },
};

static void finds_the_maker(void **state)
{
	struct mac_address mac;
	bool has_table;

	mac_parse(&mac, "44:19:b6:10:00:01");
	has_table = oui_find(&mac);
	if (!has_table)
		print_message("# built without the registers of the IEEE\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *maker;

		print_message("# %s\n", cases[i].mac);
		mac_parse(&mac, cases[i].mac);
		maker = oui_find(&mac);
		if (!cases[i].maker || !has_table)
			assert_null(maker);
		else
			assert_string_equal(maker, cases[i].maker);
	}
}

/* Neither shown nor asked for its ports for its address alone, and no gate for others. */
static void is_a_prior_only(void **state)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
	struct mac_address mac;

	mac_parse(&mac, "44:19:b6:10:00:01");
	oui_read(&evidence, &mac, 1);
	assert_true(evidence_confidence(&evidence) < 0.3);
	evidence_add(&evidence, SOURCE_WSD, FIELD_VENDOR, "Annke", 1);
	assert_string_equal(evidence_best(&evidence, FIELD_VENDOR), "Annke");
	evidence_add(&evidence, SOURCE_HTTP, FIELD_TRAIT, "printer", 1);
	assert_true(evidence_confidence(&evidence) <= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_maker),
		cmocka_unit_test(is_a_prior_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
