/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The certificate of a TLS server: its names, and the evidence they give. */
#include "discoverd/certificate_message.h"
#include "discoverd/certificate_names.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct evidence evidence = { 0 };
	char names[CERTIFICATE_NAMES_SIZE];

	certificate_names_read(names, input, size);
	certificate_message_read(&evidence, names, 1);
	evidence_confidence(&evidence);
	evidence_deinit(&evidence);
	return 0;
}
