/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An IPv6 packet of a stranger. */
#include "discoverd/ndp_message.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct ndp_message message;

	ndp_message_read(&message, input, size);
	return 0;
}
