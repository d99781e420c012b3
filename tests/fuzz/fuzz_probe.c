/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The line that vpnd-probe prints about whoever answers at the server's address. */
#include "vpnd/probe.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	_cleanup_free_ char *line = xstrndup((const char *)input, size);
	struct probe_report report, again;
	char formatted[PROBE_LINE_MAX];

	if (probe_parse(&report, line) < 0)
		return 0;
	probe_format(formatted, &report);
	if (probe_parse(&again, formatted) < 0 || again.result != report.result ||
	    strcmp(again.sha256, report.sha256) != 0)
		abort();
	return 0;
}
