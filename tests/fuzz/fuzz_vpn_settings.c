/* SPDX-License-Identifier: GPL-3.0-or-later */
/* settings.json of vpnd: ours, but a disk may have other ideas. */
#include "vpnd/settings.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	_cleanup_(settings_freep) struct settings *settings = NULL, *again = NULL;
	_cleanup_secret_ char *text = NULL;
	_cleanup_free_ char *error = NULL;

	if (settings_from_json(&settings, (const char *)input, size, &error) < 0) {
		if (!error)
			abort();
		return 0;
	}
	text = settings_to_json(settings);
	if (settings_from_json(&again, text, strlen(text), &error) < 0 ||
	    !settings_equal(settings, again))
		abort();
	return 0;
}
