/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Certificates of the fuzzer's corpus, down to the evidence they give. */
#include "discoverd/certificate_message.h"

#include "common/memory.h"
#include "common/state_file.h"
#include "discoverd/certificate_names.h"
#include "discoverd/oui.h"
#include "tests/support/test.h"

static const struct {
	const char *file;
	const char *vendor, *serial, *mac; /* NULL: none */
	bool trait;
} cases[] = {
	{ "axis.der", "Axis", "ACCC8E012345", "ac:cc:8e:01:23:45", true },
	{ "axis-san.der", "Axis", NULL, "ac:cc:8e:01:23:45", true },
	{ "axis-foreign-mac.der", "Axis", NULL, NULL, true },
	{ "hikvision.der", "Hikvision", NULL, NULL, true },
	{ "dahua.der", "Dahua", "7H04F8EPAG1D2B3", NULL, true },
	{ "tp-link.der", "TP-Link", NULL, NULL, false }, /* they make routers, too */
	{ "nobody.der", NULL, NULL, NULL, false },
	{ "desktop.der", NULL, NULL, NULL, false },
	{ "serial-of-nobody.der", NULL, NULL, NULL, false },
	{ "empty.der", NULL, NULL, NULL, false },
	{ "utf8.der", NULL, NULL, NULL, false },
	{ "nul-in-name.der", "Axis", "ACCC8E012345", "ac:cc:8e:01:23:45", true },
	{ "bad-cut.der", NULL, NULL, NULL, false },
	{ "bad-empty.der", NULL, NULL, NULL, false },
	{ "bad-text.der", NULL, NULL, NULL, false },
	{ "bad-lengths.der", NULL, NULL, NULL, false },
};

static void assert_text(const char *actual, const char *expected)
{
	if (!expected)
		assert_null(actual);
	else
		assert_string_equal(actual ? actual : "(none)", expected);
}

/* A build without the registers of the IEEE knows no maker's block. */
static bool knows_blocks(void)
{
	struct mac_address mac;

	return mac_parse(&mac, "ac:cc:8e:01:23:45") == 0 && oui_find(&mac);
}

static void certificates_become_evidence(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
		_cleanup_free_ char *path = xasprintf("%s/../fuzz/corpus/certificate/%s",
						      getenv("TEST_DATA"), cases[i].file);
		_cleanup_free_ char *bytes = NULL;
		char names[CERTIFICATE_NAMES_SIZE];
		size_t size;

		print_message("# %s\n", cases[i].file);
		assert_int_equal(file_read(path, 1 << 16, &bytes, &size), 0);
		certificate_names_read(names, bytes, size);
		certificate_message_read(&evidence, names, 1);
		assert_text(evidence_best(&evidence, FIELD_VENDOR), cases[i].vendor);
		assert_text(evidence_best(&evidence, FIELD_SERIAL), cases[i].serial);
		assert_text(evidence_best(&evidence, FIELD_MAC),
			    knows_blocks() ? cases[i].mac : NULL);
		assert_int_equal(evidence_has_trait(&evidence, "certificate-vendor"),
				 cases[i].trait);
		/* By itself it never makes a camera. */
		assert_true(evidence_confidence(&evidence) < CAMERA_FROM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_become_evidence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
