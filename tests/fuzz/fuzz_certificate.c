/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The certificate of a TLS server. */
#include "discoverd/certificate_message.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct evidence evidence = { 0 };

	certificate_message_read(&evidence, input, size, 1);
	evidence_confidence(&evidence);
	evidence_deinit(&evidence);
	return 0;
}
