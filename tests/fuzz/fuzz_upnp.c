/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A UPnP description of a stranger. */
#include "discoverd/upnp_description.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct evidence evidence = { 0 };

	upnp_description_read(&evidence, input, size, 1);
	evidence_confidence(&evidence);
	evidence_deinit(&evidence);
	return 0;
}
