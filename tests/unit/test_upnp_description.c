/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UPnP descriptions in, evidence and verdict out; the documents are the fuzzer's corpus. */
#include "discoverd/upnp_description.h"

#include <stdio.h>
#include <string.h>

#include "common/memory.h"
#include "common/state_file.h"
#include "tests/support/test.h"

static char *read_corpus(const char *name, size_t *ret_size)
{
	_cleanup_free_ char *path = xasprintf("%s/../fuzz/corpus/upnp/%s.xml", getenv("TEST_DATA"),
					      name);
	char *content = NULL;

	if (file_read(path, 1 << 20, &content, ret_size) < 0)
		fail_msg("cannot read %s", path);
	return content;
}

/* "field=value" lines in the order in which they were found. */
static char *describe(const struct evidence *evidence)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < evidence->count; i++) {
		const struct fact *fact = evidence->facts[i];
		char *longer = fact->port ? xasprintf("%s%s=%u %s\n", text, field_name(fact->field),
						      fact->port, fact->text)
					  : xasprintf("%s%s=%s\n", text, field_name(fact->field),
						      fact->text);

		free(text);
		text = longer;
	}
	return text;
}

static const struct {
	const char *file;
	bool is_camera;
	const char *evidence;
} readable[] = {
	{ "axis", true,
	  "trait=upnp-maker\ntrait=upnp-name\nvendor=Axis\nmodel=P3245-V\n"
	  "name=AXIS P3245-V - 00408C300003\nserial=00408C300003\nmac=00:40:8c:30:00:03\n"
	  "hint=8080 http\n" },
	{ "hikvision", true,
	  "trait=upnp-maker\ntrait=upnp-name\nvendor=Hikvision\nmodel=DS-2CD2032-I\n"
	  "name=HIKVISION DS-2CD2032-I - 403215\nserial=DS-2CD2032-I20140204\nhint=80 http\n" },
	{ "encoder", true,
	  "trait=upnp-maker\ntrait=upnp-name\nvendor=Axis\nmodel=M7014 Video "
	  "Encoder\nkind=encoder\n"
	  "name=AXIS M7014 Video Encoder - 00408C300014\nserial=00408C300014\n"
	  "mac=00:40:8c:30:00:14\nhint=80 http\n" },
	{ "security-camera", true, "trait=upnp-camera\nvendor=Nobody\nmodel=X1\nname=IPC\n" },
	{ "recorder", true,
	  "trait=camera-service\ntrait=upnp-maker\ntrait=upnp-name\nvendor=Swann\n"
	  "model=DVR4-4500\nkind=nvr\nname=DVR\nhint=85 http\n" },
	{ "dlink-camera", true,
	  "trait=upnp-maker\ntrait=upnp-name\nvendor=D-Link\nmodel=DCS-932L\nname=DCS-932L\n" },
	/* A description that was cut off has told enough by then. */
	{ "cut", true,
	  "trait=upnp-maker\ntrait=upnp-name\nvendor=Axis\nmodel=P3245-V\n"
	  "name=AXIS P3245-V - 00408C300003\n" },
	{ "dlink-router", false, "trait=router\nvendor=D-Link\nmodel=DIR-615\nname=DIR-615\n" },
	{ "dlink-switch", false, "vendor=D-Link\nname=DGS-1100\nmodel=DGS-1100\n" },
	{ "minidlna", false, NULL },
	{ "satip", false,
	  "trait=media-player\nvendor=Digital Devices GmbH\nmodel=OctopusNet\nname=OctopusNet\n" },
	{ "dial", false,
	  "trait=television\nvendor=Google Inc.\nmodel=Eureka Dongle\nname=Living Room TV\n" },
	{ "sonos", false, NULL },
	{ "hue", false, NULL },
	{ "plain", false, "vendor=Somebody\nmodel=Model 1\nname=Thing\nserial=001122334455\n" },
	{ "type-odd", false, NULL },
};

/* The order of facts does not matter where it is only the order of addition. */
static bool has_all(const char *text, const char *lines)
{
	_cleanup_free_ char *copy = xstrdup(lines);
	char *rest = copy, *line;

	if (strlen(text) != strlen(lines))
		return false;
	while ((line = strsep(&rest, "\n")))
		if (*line && !strstr(text, line))
			return false;
	return true;
}

static void tells_cameras_from_the_rest(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(readable); i++) {
		_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
		_cleanup_free_ char *document = NULL, *text = NULL;
		size_t size;

		document = read_corpus(readable[i].file, &size);
		assert_int_equal(upnp_description_read(&evidence, document, size, 1), 0);
		text = describe(&evidence);
		print_message("# %s: confidence %.2f\n", readable[i].file,
			      evidence_confidence(&evidence));
		if (readable[i].is_camera)
			assert_true(evidence_confidence(&evidence) >= 0.8);
		else
			assert_true(evidence_confidence(&evidence) < 0.4);
		if (readable[i].evidence && !has_all(text, readable[i].evidence))
			assert_string_equal(text, readable[i].evidence);
	}
}

static void refuses_the_rest(void **state)
{
	static const char *const files[] = { "bad-entity", "bad-html", "bad-empty", "bad-deep",
					     "no-type" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
		size_t size;
		_cleanup_free_ char *document = read_corpus(files[i], &size);

		print_message("# %s\n", files[i]);
		assert_true(upnp_description_read(&evidence, document, size, 1) < 0);
		assert_int_equal(evidence.count, 0);
	}
}

static void every_truncation_is_survived(void **state)
{
	size_t size;
	_cleanup_free_ char *document = read_corpus("axis", &size);

	for (size_t cut = 0; cut < size; cut++) {
		_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
		_cleanup_free_ char *exact = xmemdup(document, cut ? cut : 1);

		(void)upnp_description_read(&evidence, exact, cut, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_cameras_from_the_rest),
		cmocka_unit_test(refuses_the_rest),
		cmocka_unit_test(every_truncation_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
