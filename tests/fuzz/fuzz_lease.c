/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of the DHCP client's output, whose values a DHCP server chose. */
#include "vpnd/lease.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	_cleanup_free_ char *line = xstrndup((const char *)input, size);
	char formatted[LEASE_LINE_MAX];
	struct lease lease, again;

	if (lease_parse(&lease, line) == 0 && lease.event == LEASE_BOUND &&
	    (lease.address.length < LEASE_MIN_PREFIX || lease.address.length > LEASE_MAX_PREFIX ||
	     lease.seconds < LEASE_MIN_SECONDS))
		abort();
	/* Whatever the environment holds comes out as one line that is understood, or refused. */
	if (lease_format(formatted, "bound", line, line, line, line) != 0 ||
	    strchr(formatted, '\n'))
		abort();
	(void)lease_parse(&again, formatted);
	return 0;
}
