/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A WS-Discovery packet of a stranger, down to the evidence it gives. */
#include "common/memory.h"
#include "discoverd/wsd_message.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct wsd_message *message = xnew(struct wsd_message);
	struct evidence evidence = { 0 };

	wsd_message_read(message, input, size, 1);
	for (size_t i = 0; i < message->match_count; i++)
		wsd_message_evidence(&evidence, &message->matches[i], 1);
	evidence_confidence(&evidence);
	evidence_deinit(&evidence);
	wsd_message_deinit(message);
	free(message);
	return 0;
}
