/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fusion as tables: traits in, confidence and kind out; and the bounds of the list of facts. */
#include "discoverd/evidence.h"

#include <stdio.h>
#include <string.h>

#include "common/memory.h"
#include "tests/support/test.h"

/* Below 0.4 nothing is shown, from 0.8 it is a camera. */
enum verdict { HIDDEN, CANDIDATE, CAMERA };

static const struct {
	const char *traits[4];
	enum verdict verdict;
	const char *kind;
} verdicts[] = {
	{ { "onvif-transmitter" }, CAMERA, "camera" },
	{ { "onvif-device" }, CAMERA, "camera" },
	{ { "onvif-scope" }, CAMERA, "camera" },
	{ { "axis-video" }, CAMERA, "camera" },
	{ { "hap-camera" }, CAMERA, "camera" },
	{ { "rtsp-vendor" }, CAMERA, "camera" },
	{ { "camera-service" }, CANDIDATE, "video-source" },
	{ { "camera-service", "rtsp-answers" }, CAMERA, "camera" },
	{ { "rtsp-service" }, HIDDEN, "video-source" },
	{ { "rtsp-service", "rtsp-answers" }, CANDIDATE, "video-source" },
	{ { "rtsp-answers" }, HIDDEN, "video-source" },
	{ { "camera-name" }, HIDDEN, "video-source" },
	{ { "camera-name", "http-vendor" }, CAMERA, "camera" },
	{ { "upnp-camera" }, CAMERA, "camera" },
	{ { "upnp-maker" }, CANDIDATE, "video-source" },
	{ { "upnp-maker", "upnp-name" }, CAMERA, "camera" },
	{ { "upnp-name", "rtsp-answers" }, CANDIDATE, "video-source" },
	{ { "ndi-source" }, CANDIDATE, "video-source" },
	/* Not cameras, whatever they serve. */
	{ { "computer" }, HIDDEN, "video-source" },
	{ { "printer", "camera-name" }, HIDDEN, "video-source" },
	{ { "speaker", "rtsp-service", "rtsp-answers" }, HIDDEN, "video-source" },
	{ { "computer", "camera-service" }, HIDDEN, "video-source" },
	{ { "media-player", "upnp-name", "rtsp-answers" }, HIDDEN, "video-source" },
	{ { "router", "upnp-maker" }, HIDDEN, "video-source" },
	{ { "lighting", "upnp-name" }, HIDDEN, "video-source" },
	{ { "television", "rtsp-answers" }, HIDDEN, "video-source" },
	/* A program on a computer that calls itself a transmitter is a source of video. */
	{ { "computer", "onvif-transmitter" }, CAMERA, "video-source" },
	{ { "speaker", "hap-camera" }, CAMERA, "camera" },
	{ { "no-such-trait" }, HIDDEN, "video-source" },
	{ { NULL }, HIDDEN, "video-source" },
};

static void traits_add_up(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
		_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
		enum verdict verdict;
		double confidence;

		for (size_t j = 0; j < 4 && verdicts[i].traits[j]; j++)
			evidence_add(&evidence, SOURCE_WSD, FIELD_TRAIT, verdicts[i].traits[j], 1);
		print_message("# %s %s\n", verdicts[i].traits[0], verdicts[i].traits[1]);
		confidence = evidence_confidence(&evidence);
		assert_true(confidence >= 0 && confidence <= 1);
		verdict = confidence >= 0.8 ? CAMERA : confidence >= 0.4 ? CANDIDATE : HIDDEN;
		assert_int_equal(verdict, verdicts[i].verdict);
		assert_string_equal(evidence_kind(&evidence), verdicts[i].kind);
	}
}

static void told_kind_comes_first(void **state)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };

	evidence_add(&evidence, SOURCE_WSD, FIELD_TRAIT, "onvif-transmitter", 1);
	evidence_add(&evidence, SOURCE_WSD, FIELD_KIND, "nvr", 1);
	assert_string_equal(evidence_kind(&evidence), "nvr");
	evidence_add(&evidence, SOURCE_MDNS, FIELD_KIND, "doorbell", 1);
	assert_string_equal(evidence_kind(&evidence), "doorbell");
}

/* What has no kind by its protocols has one by its model; by its name only if there is no model. */
static void kinds_by_model_and_name(void **state)
{
	static const struct {
		const char *vendor, *model, *name, *kind;
	} cases[] = {
		{ "Hikvision", "DS-7608NI-I2", "hall", "nvr" },
		{ "Hikvision", "DS-2CD2142FWD-I", "NVR room", "camera" },
		{ NULL, NULL, "NVR of the hall", "nvr" },
		{ NULL, NULL, "Front doorbell", "doorbell" },
		{ "Axis", "P7304", NULL, "encoder" },
		{ "Vivotek", "P7304", NULL, "camera" },
		{ NULL, NULL, NULL, "camera" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(evidence_deinit) struct evidence evidence = { 0 };

		evidence_add(&evidence, SOURCE_WSD, FIELD_TRAIT, "onvif-transmitter", 1);
		evidence_add(&evidence, SOURCE_WSD, FIELD_VENDOR, cases[i].vendor, 1);
		evidence_add(&evidence, SOURCE_ONVIF, FIELD_MODEL, cases[i].model, 1);
		evidence_add(&evidence, SOURCE_WSD, FIELD_NAME, cases[i].name, 1);
		assert_string_equal(evidence_kind(&evidence), cases[i].kind);
	}
}

/* From who knows best to who only guesses; whoever speaks last, and whatever came between. */
static void sources_are_believed_in_order(void **state)
{
	static const struct {
		enum field field;
		enum source order[8];
		size_t count;
	} fields[] = {
		/* What it says of itself, then realms and servers, then UPnP, then the MAC's block.
		 */
		{ FIELD_VENDOR,
		  { SOURCE_ONVIF, SOURCE_MDNS, SOURCE_WSD, SOURCE_RTSP, SOURCE_HTTP, SOURCE_SSDP,
		    SOURCE_DHCP, SOURCE_OUI },
		  8 },
		{ FIELD_MODEL, { SOURCE_ONVIF, SOURCE_WSD, SOURCE_MDNS, SOURCE_SSDP }, 4 },
		{ FIELD_SERIAL, { SOURCE_ONVIF, SOURCE_WSD, SOURCE_MDNS, SOURCE_SSDP }, 4 },
		{ FIELD_FIRMWARE, { SOURCE_ONVIF, SOURCE_WSD, SOURCE_MDNS, SOURCE_DHCP }, 4 },
		{ FIELD_KIND, { SOURCE_MDNS, SOURCE_WSD }, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		_cleanup_(evidence_deinit) struct evidence upwards = { 0 }, downwards = { 0 };
		const enum source *order = fields[i].order;

		for (size_t j = 0; j < fields[i].count; j++) {
			size_t worse = fields[i].count - 1 - j;

			evidence_add(&upwards, order[worse], fields[i].field,
				     source_name(order[worse]), j + 1);
			assert_string_equal(evidence_best(&upwards, fields[i].field),
					    source_name(order[worse]));
			evidence_add(&downwards, order[j], fields[i].field, source_name(order[j]),
				     j + 1);
			assert_string_equal(evidence_best(&downwards, fields[i].field),
					    source_name(order[0]));
		}
	}
}

static void the_newest_word_of_a_source_counts(void **state)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };

	assert_true(evidence_add(&evidence, SOURCE_WSD, FIELD_NAME, "Hall", 1));
	assert_false(evidence_add(&evidence, SOURCE_WSD, FIELD_NAME, "Hall", 2));
	assert_int_equal(evidence.facts[0]->time, 2);
	assert_true(evidence_add(&evidence, SOURCE_WSD, FIELD_NAME, "Door", 3));
	assert_int_equal(evidence.count, 1);
	assert_string_equal(evidence_best(&evidence, FIELD_NAME), "Door");
	assert_false(evidence_add(&evidence, SOURCE_WSD, FIELD_NAME, "", 4));
	assert_false(evidence_add(&evidence, SOURCE_WSD, FIELD_NAME, " \r\n\t", 4));
	assert_false(evidence_add(&evidence, SOURCE_WSD, FIELD_NAME, NULL, 4));
	assert_string_equal(evidence_best(&evidence, FIELD_NAME), "Door");
}

static void a_port_has_one_service(void **state)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };

	evidence_add_port(&evidence, SOURCE_RTSP, FIELD_SERVICE, 8554, "rtsp", 1);
	evidence_add_port(&evidence, SOURCE_HTTP, FIELD_SERVICE, 80, "http", 1);
	assert_int_equal(evidence.count, 2);
	evidence_add_port(&evidence, SOURCE_HTTP, FIELD_SERVICE, 8554, "http", 2);
	assert_int_equal(evidence.count, 2);
	/* Hints may contradict each other. */
	evidence_add_port(&evidence, SOURCE_WSD, FIELD_HINT, 80, "http", 1);
	evidence_add_port(&evidence, SOURCE_MDNS, FIELD_HINT, 80, "rtsp", 1);
	assert_int_equal(evidence.count, 4);
}

static void a_full_list_loses_its_oldest(void **state)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
	char text[32];

	for (unsigned i = 0; i < 10 * EVIDENCE_MAX_FACTS; i++) {
		snprintf(text, sizeof(text), "urn:uuid:%u", i);
		evidence_add(&evidence, SOURCE_WSD, FIELD_ENDPOINT, text, 1000 - i % 7 + i);
		assert_true(evidence.count <= EVIDENCE_MAX_FACTS);
	}
	/* Much of one field leaves room for the others, */
	assert_int_equal(evidence.count, EVIDENCE_MAX_FACTS / 4);
	for (unsigned i = 0; i < EVIDENCE_MAX_FACTS / 4; i++) {
		snprintf(text, sizeof(text), "%u", i);
		for (enum field field = FIELD_TRAIT; field < FIELD_SERVICE; field++)
			evidence_add(&evidence, SOURCE_SSDP, field, text, 2000 + i);
	}
	assert_int_equal(evidence.count, EVIDENCE_MAX_FACTS);
	/* and when all is full, for the newest of all. */
	evidence_add(&evidence, SOURCE_SSDP, FIELD_NAME, "Yard", 3000);
	assert_int_equal(evidence.count, EVIDENCE_MAX_FACTS);
	assert_string_equal(evidence_best(&evidence, FIELD_NAME), "Yard");
}

static void each_trait_weighs_once(void **state)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
	struct evidence_weight weight;
	double sum = 0;

	evidence_add(&evidence, SOURCE_SSDP, FIELD_TRAIT, "rtsp-answers", 1);
	evidence_add(&evidence, SOURCE_WSD, FIELD_TRAIT, "computer", 1);
	evidence_add(&evidence, SOURCE_RTSP, FIELD_TRAIT, "rtsp-answers", 2);
	evidence_add(&evidence, SOURCE_WSD, FIELD_TRAIT, "onvif-device", 1);
	evidence_add(&evidence, SOURCE_WSD, FIELD_NAME, "onvif-device", 1);
	for (size_t i = 0; i < evidence.count; i++)
		sum += evidence_weigh(&evidence, evidence.facts[i]).value;
	assert_true(sum > 0.39 && sum < 0.41); /* 0.3 - 0.8 + 0.9 */
	assert_true(evidence_sum(&evidence) > 0.39 && evidence_sum(&evidence) < 0.41);
	assert_true(evidence_confidence(&evidence) > 0.89);
	weight = evidence_weigh(&evidence, evidence.facts[3]);
	assert_true(weight.value > 0.89 && weight.alone > 0.89);
	weight = evidence_weigh(&evidence, evidence.facts[0]);
	assert_true(weight.value > 0.29 && weight.alone < 0.01);
	weight = evidence_weigh(&evidence, evidence.facts[2]);
	assert_true(weight.value < 0.01);
}

static void the_newer_word_of_two_devices_counts(void **state)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 }, other = { 0 };

	evidence_add(&evidence, SOURCE_WSD, FIELD_FIRMWARE, "2.0", 10);
	evidence_add(&other, SOURCE_WSD, FIELD_FIRMWARE, "1.0", 5);
	evidence_add_port(&evidence, SOURCE_RTSP, FIELD_SERVICE, 554, "rtsp", 10);
	evidence_add_port(&other, SOURCE_HTTP, FIELD_SERVICE, 554, "http", 5);
	assert_false(evidence_merge(&evidence, &other));
	assert_string_equal(evidence_best(&evidence, FIELD_FIRMWARE), "2.0");
	assert_true(evidence_merge(&other, &evidence));
	assert_string_equal(evidence_best(&other, FIELD_FIRMWARE), "2.0");
	assert_string_equal(evidence_next(&other, FIELD_SERVICE, NULL)->text, "rtsp");
}

static void what_is_not_repeated_goes(void **state)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };

	/* A device whose new firmware is that of a computer. */
	evidence_add(&evidence, SOURCE_WSD, FIELD_TRAIT, "onvif-transmitter", 10);
	evidence_add(&evidence, SOURCE_WSD, FIELD_MODEL, "C1", 10);
	evidence_add(&evidence, SOURCE_MDNS, FIELD_TRAIT, "camera-name", 10);
	evidence_add(&evidence, SOURCE_OUI, FIELD_TRAIT, "camera-oui", 1);
	assert_false(evidence_age(&evidence, 10));
	evidence_add(&evidence, SOURCE_WSD, FIELD_TRAIT, "computer", 20);
	assert_false(evidence_age(&evidence, 10));
	assert_true(evidence_age(&evidence, 11));
	assert_false(evidence_has_trait(&evidence, "onvif-transmitter"));
	assert_null(evidence_best(&evidence, FIELD_MODEL));
	/* What bursts do not ask for again stays. */
	assert_int_equal(evidence.count, 3);
	assert_true(evidence_confidence(&evidence) < 0.4);
}

static void what_is_silent_gets_stale(void **state)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };

	evidence_add(&evidence, SOURCE_WSD, FIELD_TRAIT, "onvif-device", 10);
	assert_true(evidence_age(&evidence, 11));
	assert_false(evidence_age(&evidence, 11)); /* it is already */
	/* Nothing speaks against it: its owner has only switched ONVIF off. */
	assert_true(evidence_confidence(&evidence) >= 0.8);
	evidence_add(&evidence, SOURCE_SSDP, FIELD_TRAIT, "printer", 20);
	assert_true(evidence_confidence(&evidence) < 0.4);
	/* Said again, it is certain again. */
	assert_false(evidence_add(&evidence, SOURCE_WSD, FIELD_TRAIT, "onvif-device", 21));
	assert_true(evidence_confidence(&evidence) >= 0.8);
}

/* A camera, once all of it has been asked: what was told, by whom and by which port. */
static const struct told {
	enum source source;
	enum field field;
	uint16_t port;
	const char *text;
} camera[] = {
	{ SOURCE_WSD, FIELD_ONVIF, 80, "/onvif/device_service" },
	{ SOURCE_RTSP, FIELD_SERVICE, 554, "rtsp" },
	{ SOURCE_RTSP, FIELD_TRAIT, 554, "rtsp-vendor" },
	{ SOURCE_HTTP, FIELD_SERVICE, 80, "http" },
	{ SOURCE_HTTP, FIELD_TRAIT, 80, "http-vendor" },
	{ SOURCE_HTTP, FIELD_SERVICE, 443, "https" },
	{ SOURCE_CERTIFICATE, FIELD_TRAIT, 443, "certificate-vendor" },
	{ SOURCE_ONVIF, FIELD_ONVIF, 80, "/onvif/device_service" },
	{ SOURCE_ONVIF, FIELD_TRAIT, 80, "onvif-answers" },
	{ SOURCE_ONVIF, FIELD_MODEL, 80, "C1" },
};

#define OF_ONVIF BIT(SOURCE_ONVIF)
#define OF_PORT  (BIT(SOURCE_RTSP) | BIT(SOURCE_HTTP) | BIT(SOURCE_CERTIFICATE))
#define ALL      ARRAY_SIZE(camera)

/* What a port then answers, three times, and how many of those facts are left each time. */
static const struct {
	const char *name;
	uint16_t port;
	unsigned sources;
	struct told answer[3];
	size_t left[3];
	bool failing; /* after the second time */
	bool changed[3];
} answers[] = {
	{ "RTSP ends", 554, OF_PORT, { { 0 } }, { ALL, ALL, ALL - 2 }, true, { 0, 0, true } },
	{ "no ONVIF any more, as said by itself",
	  80,
	  OF_ONVIF,
	  { { 0 } },
	  { ALL, ALL, ALL - 3 },
	  true,
	  { 0, 0, true } },
	{ "HTTP of somebody else",
	  80,
	  OF_PORT,
	  { { SOURCE_HTTP, FIELD_SERVICE, 80, "http" } },
	  { ALL, ALL, ALL - 1 },
	  false,
	  { 0, 0, true } },
	{ "HTTP where RTSP was",
	  554,
	  OF_PORT,
	  { { SOURCE_HTTP, FIELD_SERVICE, 554, "http" } },
	  { ALL, ALL, ALL - 1 },
	  false,
	  { true, 0, true } },
	{ "ONVIF that tells no model",
	  80,
	  OF_ONVIF,
	  { { SOURCE_ONVIF, FIELD_ONVIF, 0, "/onvif/device_service" },
	    { SOURCE_ONVIF, FIELD_TRAIT, 0, "onvif-answers" } },
	  { ALL, ALL, ALL - 1 },
	  false,
	  { 0, 0, true } },
	{ "the same from another port",
	  81,
	  OF_PORT,
	  { { SOURCE_HTTP, FIELD_TRAIT, 0, "http-vendor" } },
	  { ALL + 1, ALL + 1, ALL + 1 },
	  false,
	  { true, 0, 0 } },
	{ "TLS that shows its certificate, and no more",
	  443,
	  OF_PORT,
	  { { SOURCE_CERTIFICATE, FIELD_TRAIT, 0, "certificate-vendor" } },
	  { ALL, ALL, ALL - 1 },
	  true,
	  { 0, 0, true } },
	{ "all is as it was",
	  554,
	  OF_PORT,
	  { { SOURCE_RTSP, FIELD_SERVICE, 554, "rtsp" },
	    { SOURCE_RTSP, FIELD_TRAIT, 0, "rtsp-vendor" } },
	  { ALL, ALL, ALL },
	  false,
	  { 0, 0, 0 } },
	{ "silence that means nothing", 80, 0, { { 0 } }, { ALL, ALL, ALL }, false, { 0, 0, 0 } },
	{ "a port of nothing", 9000, OF_PORT, { { 0 } }, { ALL, ALL, ALL }, false, { 0, 0, 0 } },
};

static void tell(struct evidence *evidence, const struct told *told, size_t count, usec_t time)
{
	for (size_t i = 0; i < count && told[i].text; i++)
		evidence_add_port(evidence, told[i].source, told[i].field, told[i].port,
				  told[i].text, time);
}

static void what_a_port_does_not_repeat_goes(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		_cleanup_(evidence_deinit) struct evidence evidence = { 0 };

		tell(&evidence, camera, ALL, 1);
		assert_int_equal(evidence.count, ALL);
		for (unsigned round = 0; round < 3; round++) {
			_cleanup_(evidence_deinit) struct evidence answer = { 0 };

			tell(&answer, answers[i].answer, 3, round + 2);
			if (evidence_take_answer(&evidence, &answer, answers[i].port,
						 answers[i].sources) != answers[i].changed[round] ||
			    evidence.count != answers[i].left[round])
				fail_msg("%s: %zu facts after round %u", answers[i].name,
					 evidence.count, round + 1);
			if (round == 1 && evidence_is_failing(&evidence) != answers[i].failing)
				fail_msg("%s: failing", answers[i].name);
		}
		assert_false(evidence_is_failing(&evidence));
	}
}

static void an_answer_in_between_starts_the_count_again(void **state)
{
	static const struct told again[] = { { SOURCE_ONVIF, FIELD_ONVIF, 0,
					       "/onvif/device_service" },
					     { SOURCE_ONVIF, FIELD_TRAIT, 0, "onvif-answers" },
					     { SOURCE_ONVIF, FIELD_MODEL, 0, "C1" } };
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 }, answer = { 0 };
	const struct evidence silence = { 0 };

	tell(&evidence, camera, ALL, 1);
	tell(&answer, again, ARRAY_SIZE(again), 2);
	for (unsigned round = 0; round < 6; round++)
		assert_false(evidence_take_answer(&evidence, round % 3 == 2 ? &answer : &silence,
						  80, OF_ONVIF));
	assert_true(evidence_has_trait(&evidence, "onvif-answers"));
}

static void texts_are_cleaned(void **state)
{
	static const struct {
		const char *in, *out;
	} texts[] = {
		{ "  plain  ", "plain" },
		{ "a\r\nb\tc", "a  b c" },
		{ "Caf\xc3\xa9", "Caf\xc3\xa9" },
		{ "Caf\xe9", "Caf\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* a surrogate */
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },                 /* overlong */
		{ "x\xf4\x90\x80\x80", "x\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xf0\x9f\x93\xb7", "\xf0\x9f\x93\xb7" },
		{ "\xc2\x9b[31m", "[31m" }, /* a terminal's control sequence */
		{ "\x1b[31m", "[31m" },
		{ "cam\xe2\x80\xae"
		  "era\xe2\x81\xa9 \xd8\x9c",
		  "cam era" },
		{ "\xe2\x80\xa6 \xe2\x81\xaa", "\xe2\x80\xa6 \xe2\x81\xaa" },
		{ "cut\xe2\x82", "cut\xef\xbf\xbd\xef\xbf\xbd" },
	};
	char buffer[TEXT_SIZE], small[6];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		text_clean(buffer, sizeof(buffer), texts[i].in, strlen(texts[i].in));
		assert_string_equal(buffer, texts[i].out);
	}
	/* Cut between characters, never within one. */
	text_clean(small, sizeof(small), "abcd\xc3\xa9", 6);
	assert_string_equal(small, "abcd");
	text_clean(small, sizeof(small), "abc\xc3\xa9z", 6);
	assert_string_equal(small, "abc\xc3\xa9");
}

static void words_are_found_as_words(void **state)
{
	assert_true(text_has_word("AXIS M1065-L", "axis", false));
	assert_true(text_has_word("my-axis", "axis", false));
	assert_false(text_has_word("Taxis", "axis", false));
	assert_false(text_has_word("axisting", "axis", false));
	assert_true(text_has_word("DS-2CD2032", "DS-2", true));
	assert_false(text_has_word("ADS-2CD2032", "DS-2", true));
	assert_false(text_has_word("\xc3\xa9"
				   "axis",
				   "axis", false));
}

static void macs_in_every_notation(void **state)
{
	static const char *const good[] = { "ACCC8E251272", "ac:cc:8e:25:12:72",
					    "AC-CC-8E-25-12-72" };
	static const char *const bad[] = { "",
					   "ACCC8E25127",
					   "ACCC8E2512722",
					   "ACCC8E25127g",
					   "000000000000",
					   "01005e000001",
					   "ac.cc.8e.25.12.72" };
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(evidence_add_mac(&evidence, SOURCE_MDNS, bad[i], 1));
	assert_int_equal(evidence.count, 0);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(evidence_add_mac(&evidence, SOURCE_MDNS, good[i], 1));
	assert_int_equal(evidence.count, 1);
	assert_string_equal(evidence_best(&evidence, FIELD_MAC), "ac:cc:8e:25:12:72");
}

static void everything_has_a_name(void **state)
{
	for (enum source source = 0; source < SOURCE_COUNT; source++)
		assert_true(source_name(source) && *source_name(source));
	for (enum field field = 0; field < FIELD_COUNT; field++)
		assert_true(field_name(field) && *field_name(field));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_has_a_name),
		cmocka_unit_test(traits_add_up),
		cmocka_unit_test(told_kind_comes_first),
		cmocka_unit_test(kinds_by_model_and_name),
		cmocka_unit_test(sources_are_believed_in_order),
		cmocka_unit_test(the_newest_word_of_a_source_counts),
		cmocka_unit_test(a_port_has_one_service),
		cmocka_unit_test(a_full_list_loses_its_oldest),
		cmocka_unit_test(each_trait_weighs_once),
		cmocka_unit_test(the_newer_word_of_two_devices_counts),
		cmocka_unit_test(what_is_not_repeated_goes),
		cmocka_unit_test(what_is_silent_gets_stale),
		cmocka_unit_test(what_a_port_does_not_repeat_goes),
		cmocka_unit_test(an_answer_in_between_starts_the_count_again),
		cmocka_unit_test(texts_are_cleaned),
		cmocka_unit_test(words_are_found_as_words),
		cmocka_unit_test(macs_in_every_notation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
