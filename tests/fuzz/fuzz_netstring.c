/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stream of netstrings. Every beginning of a good one is incomplete, never invalid. */
#include <stdlib.h>

#include "common/netstring.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	const char *buffer = (const char *)input, *payload;
	size_t payload_size, consumed, ignored;

	while (netstring_parse(buffer, size, &payload, &payload_size, &consumed) ==
	       NETSTRING_COMPLETE) {
		if (consumed > size || payload <= buffer || payload_size >= consumed ||
		    payload_size > NETSTRING_MAX_PAYLOAD)
			abort();
		for (size_t i = 0; i < consumed && i < 16; i++)
			if (netstring_parse(buffer, i, &payload, &payload_size, &ignored) !=
			    NETSTRING_INCOMPLETE)
				abort();
		buffer += consumed;
		size -= consumed;
	}
	return 0;
}
