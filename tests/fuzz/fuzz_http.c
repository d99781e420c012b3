/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An HTTP server's answer, complete and in pieces, down to the evidence it gives. */
#include "discoverd/http_message.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct evidence evidence = { 0 };
	struct response response;

	response_parse(&response, (const char *)input, size / 2, false);
	if (response_parse(&response, (const char *)input, size, true) == RESPONSE_COMPLETE)
		http_message_read(&evidence, &response, 80, false, 1);
	evidence_confidence(&evidence);
	evidence_deinit(&evidence);
	return 0;
}
