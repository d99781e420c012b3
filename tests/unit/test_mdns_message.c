/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Services as cameras and others announce them, and what they are taken for. */
#include "discoverd/mdns_message.h"

#include <string.h>

#include "discoverd/oui.h"
#include "discoverd/vendor.h"
#include "tests/support/test.h"

static const struct {
	struct mdns_service service;
	const char *trait, *vendor, *model, *mac, *serial, *kind, *hint, *path;
	bool camera;
} cases[] = {
	{ { "_axis-video._tcp",
	    "AXIS M1065-L - ACCC8E251272",
	    "axis-accc8e251272.local",
	    80,
	    { "macaddress=ACCC8E251272" },
	    1 },
	  "axis-video",
	  "Axis",
	  "M1065-L",
	  "ac:cc:8e:25:12:72",
	  NULL,
	  NULL,
	  "http",
	  NULL,
	  true },
	{ { "_axis-video._tcp",
	    "Video Door Station - 1CCAE3700001",
	    "bha-1ccae3700001.local",
	    80,
	    { "macaddress=1CCAE3700001" },
	    1 },
	  "axis-video",
	  "DoorBird",
	  NULL,
	  "1c:ca:e3:70:00:01",
	  NULL,
	  "doorbell",
	  "http",
	  NULL,
	  true },
	{ { "_axis-nvr._tcp", "AXIS S3008 - B8A44F000001", "axis.local", 443, { NULL }, 0 },
	  "axis-video",
	  "Axis",
	  "S3008",
	  "b8:a4:4f:00:00:01",
	  NULL,
	  "nvr",
	  "http",
	  NULL,
	  true },
	{ { "_rtsp._tcp",
	    "AXIS M5014 - 00408C300003 H.264",
	    "axis.local",
	    554,
	    { "path=axis-media/media.amp", "version=1" },
	    2 },
	  "rtsp-service",
	  "Axis",
	  "M5014",
	  "00:40:8c:30:00:03",
	  NULL,
	  NULL,
	  "rtsp",
	  "/axis-media/media.amp",
	  false },
	{ { "_rtsp._tcp", "some stream", "pc.local", 8554, { "PATH=/live" }, 1 },
	  "rtsp-service",
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  "rtsp",
	  "/live",
	  false },
	{ { "_psia._tcp", "HIKVISION DS-2CD2722FWD-IZS - 733050127", "ds.local", 80, { NULL }, 0 },
	  "camera-service",
	  "Hikvision",
	  "DS-2CD2722FWD-IZS",
	  NULL,
	  "733050127",
	  NULL,
	  "http",
	  NULL,
	  false },
	{ { "_CGI._tcp", "HIKVISION DS-2CD2722FWD-IZS - 733050127", "ds.local", 80, { NULL }, 0 },
	  "camera-service",
	  "Hikvision",
	  "DS-2CD2722FWD-IZS",
	  NULL,
	  "733050127",
	  NULL,
	  "http",
	  NULL,
	  false },
	{ { "_onvif._tcp", "cam", "cam.local", 8000, { NULL }, 0 },
	  "onvif-service",
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  "http",
	  NULL,
	  true },
	{ { "_hap._tcp",
	    "Eve Cam",
	    "eve.local",
	    80,
	    { "md=Eve Cam 20EBV9901", "ci=17", "sf=1" },
	    3 },
	  "hap-camera",
	  NULL,
	  "Eve Cam 20EBV9901",
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  true },
	{ { "_hap._udp", "Bell", "bell.local", 80, { "CI=18" }, 1 },
	  "hap-camera",
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  "doorbell",
	  NULL,
	  NULL,
	  true },
	{ { "_hap._tcp", "Lamp", "lamp.local", 80, { "ci=5", "md=Lamp" }, 2 },
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  false },
	{ { "_hap._tcp", "Odd", "odd.local", 80, { "ci=170", "ci", "=17" }, 3 },
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  false },
	{ { "_http._tcp", "Printer", "printer.local", 80, { NULL }, 0 },
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  false },
	{ { "_http._tcp", "Ubuntu 22.04 LTS", "ubuntu.local", 80, { NULL }, 0 },
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  false },
	{ { "_http._tcp", "IPCam hall", "hall.local", 81, { NULL }, 0 },
	  "camera-name",
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  "http",
	  NULL,
	  false },
	{ { "_ndi._tcp", "OBS (PC)", "pc.local", 5961, { NULL }, 0 },
	  "ndi-source",
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  false },
	{ { "_raop._tcp", "0011@Speaker", "speaker.local", 5000, { NULL }, 0 },
	  "speaker",
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  false },
	{ { "_airplay._tcp", "AXIS of music", "speaker.local", 7000, { NULL }, 0 },
	  "speaker",
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  false },
	{ { "_unheard-of._tcp", "x", "x.local", 80, { NULL }, 0 },
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  false },
};

static void assert_field(const struct evidence *evidence, enum field field, const char *expected)
{
	const char *actual = evidence_best(evidence, field);

	if (!expected)
		assert_null(actual);
	else
		assert_string_equal(actual ? actual : "(none)", expected);
}

static void services_become_evidence(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(evidence_deinit) struct evidence evidence = { 0 };

		print_message("# %s %s\n", cases[i].service.type, cases[i].service.instance);
		mdns_message_read(&evidence, &cases[i].service, 1);
		if (!cases[i].trait)
			assert_int_equal(evidence.count, 0);
		assert_field(&evidence, FIELD_TRAIT, cases[i].trait);
		assert_field(&evidence, FIELD_VENDOR, cases[i].vendor);
		assert_field(&evidence, FIELD_MAC, cases[i].mac);
		assert_field(&evidence, FIELD_SERIAL, cases[i].serial);
		assert_field(&evidence, FIELD_KIND, cases[i].kind);
		assert_field(&evidence, FIELD_HINT, cases[i].hint);
		assert_field(&evidence, FIELD_STREAM_PATH, cases[i].path);
		if (cases[i].model)
			assert_field(&evidence, FIELD_MODEL, cases[i].model);
		assert_int_equal(evidence_confidence(&evidence) >= 0.8, cases[i].camera);
	}
}

/* Others use Axis' type of service, too. */
static void the_block_of_the_address_tells_the_maker(void **state)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
	const struct mdns_service service = { "_axis-video._tcp",
					      "mx10-5-6-7",
					      "mx10-5-6-7.local",
					      80,
					      { "macaddress=0003C5050607" },
					      1 };
	struct mac_address mac;
	const char *maker;

	assert_int_equal(mac_parse(&mac, "00:03:c5:05:06:07"), 0);
	maker = oui_find(&mac); /* none in a build without the registers of the IEEE */
	mdns_message_read(&evidence, &service, 1);
	assert_field(&evidence, FIELD_MAC, "00:03:c5:05:06:07");
	assert_field(&evidence, FIELD_VENDOR, maker ? "Mobotix" : "Axis");
}

static void every_browsed_type_is_understood(void **state)
{
	for (size_t i = 0; mdns_types[i]; i++) {
		_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
		const struct mdns_service service = { mdns_types[i], "Camera", "h.local", 80,
						      { "ci=17" },   1 };

		mdns_message_read(&evidence, &service, 1);
		assert_true(evidence.count > 0);
	}
}

static void strange_bytes_stay_inside(void **state)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
	const struct mdns_service service = {
		"_rtsp._tcp", "AXIS \xff\xfe\x1b[0m - ", "", 0, { "", "=", "path=\xff\r\nX: y" }, 3
	};

	mdns_message_read(&evidence, &service, 1);
	assert_field(&evidence, FIELD_HINT, NULL); /* port 0 */
	assert_field(&evidence, FIELD_STREAM_PATH, "/\xef\xbf\xbd  X: y");
	assert_field(&evidence, FIELD_NAME, NULL);
}

static void makers_are_recognised(void **state)
{
	static const struct {
		const char *text, *vendor;
	} texts[] = {
		{ "AXIS M1065-L", "Axis" },
		{ "HIKVISION DS-2CD2142FWD-I", "Hikvision" },
		{ "DS-2CD2032-I", "Hikvision" },
		{ "ANNKE DS-2CD2032-I", "Annke" },
		{ "IPC-HDW4631C", "Dahua" },
		{ "Amcrest IPC-HDW4631C", "Amcrest" },
		{ "IP8M-T2499EW", "Amcrest" },
		{ "RLC-810A", "Reolink" },
		{ "TP-Link Tapo C200", "TP-Link" },
		{ "XNV-8080R", "Hanwha" },
		{ "LTS", "LTS" },
		{ "LTS CMIP7422W", "LTS" },
		{ "Ubuntu 22.04 LTS", NULL },
		{ "Praxis surgery", NULL },
		{ "Front door", NULL },
		{ "IPC", NULL },
		{ "", NULL },
	};
	const struct vendor *vendor;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		vendor = vendor_recognise(texts[i].text);
		assert_string_equal(vendor ? vendor->name : "(none)",
				    texts[i].vendor ? texts[i].vendor : "(none)");
		if (vendor)
			assert_ptr_equal(vendor_find(vendor->name), vendor);
	}
	assert_null(vendor_find(NULL));
	assert_null(vendor_find("Nobody"));
}

static void battery_models_sleep(void **state)
{
	static const struct {
		const char *vendor, *model;
		bool sleeps;
	} models[] = {
		{ NULL, "Argus 3 Pro", true },        { "Reolink", "Reolink Argus 2E", true },
		{ "Reolink", "Go PT Plus", true },    { "TP-Link", "C420S2", true },
		{ "EZVIZ", "CS-BC1C-A0", true },      { "Hikvision", "Battery Camera", true },
		{ "Reolink", "RLC-810A", false },     { "Dahua", "C420", false },
		{ "TP-Link", "C200", false },         { NULL, "Golf Camera", false },
		{ "Hikvision", "DS-2CD2142", false }, { "Axis", "", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(models); i++)
		assert_int_equal(
			vendor_model_sleeps(vendor_find(models[i].vendor), models[i].model),
			models[i].sleeps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(battery_models_sleep),
		cmocka_unit_test(services_become_evidence),
		cmocka_unit_test(the_block_of_the_address_tells_the_maker),
		cmocka_unit_test(every_browsed_type_is_understood),
		cmocka_unit_test(strange_bytes_stay_inside),
		cmocka_unit_test(makers_are_recognised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
