/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A DHCP packet of a stranger, with its IP header, down to the evidence it gives. */
#include "discoverd/dhcp_message.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct evidence evidence = { 0 };
	struct dhcp_message message;

	if (dhcp_message_read(&message, input, size) < 0)
		return 0;
	dhcp_message_evidence(&evidence, &message, 1);
	evidence_confidence(&evidence);
	evidence_deinit(&evidence);
	return 0;
}
