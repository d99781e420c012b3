/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What vpncmd says: in part it repeats what a server says of itself. */
#include "vpnd/vpncmd.h"

#include <string.h>

#include "common/memory.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	const char *text = (const char *)input;
	struct vpncmd_state state;
	struct vpncmd_error error;

	if (vpncmd_parse_state(&state, text, size, "ether", "evercam") == 0) {
		(void)vpncmd_parse_time(state.session_since);
		if (!vpncmd_account_equal(&state.account, &state.account))
			abort();
	}
	if (vpncmd_find_error(&error, text, size) &&
	    strnlen(error.text, sizeof(error.text)) == sizeof(error.text))
		abort();
	return 0;
}
