/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the API may send to vpn-service: netstrings with JSON, requests, certificate requests in
 * them. */
#include "common/netstring.h"
#include "tests/fuzz/fuzz.h"
#include "common/certificate.h"
#include "vpn-service/protocol.h"

static void feed(const char *payload, size_t size)
{
	struct protocol_request request;
	struct protocol_problem problem;
	char fingerprint[SHA256_HEX_SIZE];
	const char *sentence;

	if (protocol_parse(&request, &problem, payload, size) == 0 && request.csr)
		(void)certificate_check_request(fingerprint, request.csr, &sentence);
	protocol_request_deinit(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	const char *text = (const char *)input, *payload;
	size_t payload_size, consumed;

	feed(text, size);
	while (netstring_parse(text, size, &payload, &payload_size, &consumed) ==
	       NETSTRING_COMPLETE) {
		feed(payload, payload_size);
		text += consumed;
		size -= consumed;
	}
	return 0;
}
