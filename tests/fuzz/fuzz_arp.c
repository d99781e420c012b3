/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An ARP packet of a stranger. */
#include "discoverd/arp_message.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct arp_message message;

	arp_message_read(&message, input, size);
	return 0;
}
