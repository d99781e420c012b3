/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Header lines as any device may send them, then the rest as the body. */
#include <stdlib.h>
#include <string.h>

#include "common/http_response.h"
#include "common/memory.h"
#include "tests/fuzz/fuzz.h"

static void check_value(const char *value)
{
	for (; value && *value; value++)
		if ((unsigned char)*value < ' ')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct http_incoming incoming = { .max_body = 1000 };
	const char *line = (const char *)input, *end = line + size, *newline;
	struct http_response response = { 0 };

	for (; (newline = memchr(line, '\n', (size_t)(end - line))); line = newline + 1)
		if (http_incoming_add_header(&incoming, line, (size_t)(newline + 1 - line)) < 0)
			break;
	http_incoming_add_body(&incoming, line, (size_t)(end - line));
	http_incoming_finish(&incoming, &response);
	if (response.body_size > 1000 || response.retry_after > 3600 * USEC_PER_SEC)
		abort();
	check_value(response.etag);
	check_value(response.content_type);
	check_value(response.location);
	check_value(response.server);
	check_value(response.www_authenticate);
	http_incoming_deinit(&incoming);
	return 0;
}
