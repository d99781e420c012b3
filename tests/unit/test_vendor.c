/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What models and names show: the maker, the kind, and whether it runs on a battery. */
#include "discoverd/vendor.h"

#include "tests/support/test.h"

static const struct {
	const char *vendor; /* NULL: none is known */
	const char *text;
	const char *kind; /* NULL: nothing in particular, which is a camera */
} kinds[] = {
	{ "Hikvision", "DS-2CD2142FWD-I", NULL },
	{ "Hikvision", "DS-2DE4425IW-DE", NULL },
	{ "Hikvision", "DS-7608NI-I2/8P", "nvr" },
	{ "Hikvision", "iDS-7208HQHI-M1/S", "nvr" },
	{ "Hikvision", "DS-9632NI-I8", "nvr" },
	{ "Hikvision", "DS-6704HUHI", "encoder" },
	{ "Hikvision", "DS-KV6113-WPE1", "doorbell" },
	{ "Hikvision", "DS-HD1", "doorbell" },
	{ "Dahua", "IPC-HDW2831T", NULL },
	{ "Dahua", "DHI-NVR5216-16P-4KS2E", "nvr" },
	{ "Dahua", "DH-XVR5108HS", "nvr" },
	{ "Dahua", "DHI-VTO2202F-P", "doorbell" },
	{ "Axis", "M1065-L", NULL },
	{ "Axis", "P3245-LVE", NULL },
	{ "Axis", "Q7411", "encoder" },
	{ "Axis", "M7104", "encoder" },
	{ "Axis", "P7304", "encoder" },
	{ "Axis", "S3008", "nvr" },
	{ "Axis", "A8207-VE MkII", "doorbell" },
	{ "Axis", "M3106-L", NULL },
	{ "Hanwha", "XNV-8080R", NULL },
	{ "Hanwha", "XRN-1620SB1", "nvr" },
	{ "Hanwha", "SPE-420", "encoder" },
	{ "Reolink", "RLC-810A", NULL },
	{ "Reolink", "RLN8-410", "nvr" },
	{ "Reolink", "Reolink Video Doorbell PoE", "doorbell" },
	{ "TP-Link", "VIGI NVR1008H", "nvr" },
	{ "DoorBird", "D2101V", "doorbell" },
	{ "Bosch", "VIDEOJET X40 XF", "encoder" },
	{ "Bosch", "DIVAR IP 3000", "nvr" },
	{ NULL, "NVR", "nvr" },
	{ NULL, "4-Channel Video Server", "encoder" },
	{ NULL, "H.264 Network Video Recorder", "nvr" },
	{ NULL, "DS-7608NI", NULL }, /* whose model is it? */
	{ NULL, "ENVR-7", NULL },    /* within a word it means nothing */
	{ NULL, "", NULL },
};

static void kinds_by_model(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct vendor *vendor = vendor_find(kinds[i].vendor);
		const char *kind = vendor_kind_of(vendor, kinds[i].text);

		print_message("# %s\n", kinds[i].text);
		assert_int_equal(vendor != NULL, kinds[i].vendor != NULL);
		if (kinds[i].kind)
			assert_string_equal(kind, kinds[i].kind);
		else
			assert_null(kind);
	}
}

static void sleepers_by_model(void **state)
{
	static const struct {
		const char *vendor, *model;
		bool sleeps;
	} cases[] = {
		{ "Reolink", "Argus 3 Pro", true }, { "Reolink", "Reolink Go PT Plus", true },
		{ "Reolink", "RLC-810A", false },   { "EZVIZ", "CS-BC1C-A0-2C2WPBDL", true },
		{ "EZVIZ", "CS-C6N", false },       { "TP-Link", "C420S2", true },
		{ "TP-Link", "C200", false },       { "Imou", "Cell 2", true },
		{ NULL, "Battery Camera", true },   { NULL, "Go", false },
		{ NULL, "eufyCam 2", true },        { "Hikvision", "DS-2CD2142FWD-I", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(vendor_model_sleeps(vendor_find(cases[i].vendor), cases[i].model),
				 cases[i].sleeps);
}

/* A brand that relabels is the brand; a word within another is no word. */
static void makers_by_name(void **state)
{
	static const struct {
		const char *text, *vendor;
	} cases[] = {
		{ "AXIS M1065-L - ACCC8E012345", "Axis" },
		{ "HIKVISION DS-2CD2142FWD-I", "Hikvision" },
		{ "DS-2CD2142FWD-I", "Hikvision" },
		{ "ANNKE I91BN", "Annke" },
		{ "Hangzhou Hikvision Digital Technology Co., Ltd", "Hikvision" },
		{ "Opelcomm", NULL },
		{ "Praxis 7", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct vendor *vendor = vendor_recognise(cases[i].text);

		if (cases[i].vendor)
			assert_string_equal(vendor->name, cases[i].vendor);
		else
			assert_null(vendor);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_by_model),
		cmocka_unit_test(sleepers_by_model),
		cmocka_unit_test(makers_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
