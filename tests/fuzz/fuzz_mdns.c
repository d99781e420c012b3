/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A service that somebody announces by mDNS, down to the evidence it gives. avahi has taken the
 * packet apart; what it hands over are strings of any bytes. The input is the same in lines: port,
 * type, instance, host, and then the TXT records.
 */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "discoverd/mdns_message.h"
#include "tests/fuzz/fuzz.h"

/* The next line as a string of its own, so that a read past its end is seen; NULL: no more. */
static char *next_line(const uint8_t **input, size_t *size)
{
	const uint8_t *end = *size ? memchr(*input, '\n', *size) : NULL;
	size_t length = end ? (size_t)(end - *input) : *size;
	char *line = NULL;

	if (*size)
		line = xstrndup((const char *)*input, length);
	*input += length + (end ? 1 : 0);
	*size -= length + (end ? 1 : 0);
	return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct mdns_service service = { 0 };
	struct evidence evidence = { 0 };
	char *lines[4 + MDNS_MAX_TXT];
	size_t count = 0;

	while (count < ARRAY_SIZE(lines) && (lines[count] = next_line(&input, &size)))
		count++;
	if (count >= 4) {
		service.port = (uint16_t)strtoul(lines[0], NULL, 10);
		service.type = lines[1];
		service.instance = lines[2];
		service.host = lines[3];
		service.txt_count = count - 4;
		for (size_t i = 4; i < count; i++)
			service.txt[i - 4] = lines[i];
		mdns_message_read(&evidence, &service, 1);
		evidence_confidence(&evidence);
		evidence_kind(&evidence);
	}
	evidence_deinit(&evidence);
	while (count)
		free(lines[--count]);
	return 0;
}
