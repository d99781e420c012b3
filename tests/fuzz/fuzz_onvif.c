/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An HTTP answer to each of the ONVIF calls, complete and in pieces, and the request it leads to.
 */
#include "common/memory.h"
#include "discoverd/onvif_message.h"
#include "discoverd/response.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	const char *bytes = (const char *)input;
	_cleanup_free_ char *body = xcalloc(1, size + 1);
	struct evidence evidence = { 0 };
	struct onvif_session session = { .port = 80, .path = ONVIF_DEFAULT_PATH };
	char request[ONVIF_REQUEST_SIZE];
	struct response response;
	size_t length, whole;

	netaddr_parse(&session.address, "10.0.0.9");
	if (response_parse(&response, bytes, size, false) == RESPONSE_COMPLETE)
		response_read_body(&response, bytes, size, false, body, &length, &whole);
	if (response_parse(&response, bytes, size, true) != RESPONSE_COMPLETE)
		return 0;
	if (!response_read_body(&response, bytes, size, true, body, &length, &whole) ||
	    length > size || whole > size)
		abort();
	for (enum onvif_call call = 0; call < ONVIF_CALL_COUNT; call++) {
		onvif_message_read(&session, &evidence, call, response.status, body, length, 1);
		if (onvif_message_is_due(&session, call) &&
		    onvif_message_request(request, &session, call) >= sizeof(request))
			abort();
	}
	evidence_confidence(&evidence);
	evidence_deinit(&evidence);
	return 0;
}
