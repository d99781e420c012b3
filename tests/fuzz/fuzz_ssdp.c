/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An SSDP packet of a stranger, down to the evidence it gives and the place it points to. */
#include "discoverd/ssdp_message.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct evidence evidence = { 0 };
	struct ssdp_message message;
	struct netaddr sender;
	char path[TEXT_SIZE];
	uint16_t port;

	if (ssdp_message_read(&message, (const char *)input, size) < 0)
		return 0;
	ssdp_message_evidence(&evidence, &message, 1);
	evidence_confidence(&evidence);
	evidence_deinit(&evidence);
	netaddr_parse(&sender, "192.168.7.101");
	ssdp_message_location(&message, &sender, &port, path);
	netaddr_parse(&sender, "fe80::1");
	ssdp_message_location(&message, &sender, &port, path);
	return 0;
}
