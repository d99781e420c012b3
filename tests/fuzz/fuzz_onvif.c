/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An HTTP answer to each of the ONVIF calls, complete and in pieces, and the request it leads to.
 */
#include "discoverd/onvif_message.h"
#include "tests/fuzz/answer.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct response_reader reader = answer_read((const char *)input, size);
	struct onvif_session session = { .port = 80, .path = ONVIF_DEFAULT_PATH };
	const char *body = reader.length ? reader.bytes : "";
	struct evidence evidence = { 0 };
	char request[ONVIF_REQUEST_SIZE];

	netaddr_parse(&session.address, "10.0.0.9");
	onvif_message_is_whole(body, reader.length);
	for (enum onvif_call call = 0; call < ONVIF_CALL_COUNT; call++) {
		if (reader.part == RESPONSE_WHOLE)
			onvif_message_read(&session, &evidence, call, reader.response.status, body,
					   reader.length, 1);
		if (onvif_message_is_due(&session, call) &&
		    onvif_message_request(request, &session, call) >= sizeof(request))
			abort();
	}
	evidence_confidence(&evidence);
	evidence_deinit(&evidence);
	response_reader_deinit(&reader);
	return 0;
}
