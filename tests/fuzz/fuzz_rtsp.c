/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An RTSP server's answer, complete and in pieces, down to the evidence it gives. */
#include "discoverd/rtsp_message.h"
#include "tests/fuzz/answer.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct response_reader reader = answer_read((const char *)input, size);
	struct evidence evidence = { 0 };

	if (reader.part == RESPONSE_WHOLE)
		rtsp_message_read(&evidence, &reader.response, 554, false, 1);
	evidence_confidence(&evidence);
	evidence_deinit(&evidence);
	response_reader_deinit(&reader);
	return 0;
}
