/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A forward as a caller may give it, one field a line, and a set's name; then user data of an
 * element. */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "routed/forward.h"
#include "routed/nft_userdata.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct forward_input *input)
{
	struct forward forward;
	char *error;

	if (forward_parse(&forward, input, &error) < 0) {
		free(error);
		return;
	}
	if (forward.name && strlen(forward.name) > FORWARD_NAME_MAX)
		abort();
	if (!forward_interface_is_valid(forward.interface) || strpbrk(forward.interface, "\"*/"))
		abort();
	forward_deinit(&forward);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	char *text = xstrndup((const char *)input, size), *rest = text, *fields[6] = { NULL },
	     *error;
	size_t found_size;

	for (size_t i = 0; i < 6; i++) {
		fields[i] = rest;
		if (rest)
			strsep(&rest, "\n");
	}
	check(&(struct forward_input){
		.protocol = fields[0],
		.target = fields[1] ? fields[1] : "",
		.interface = fields[2] ? fields[2] : "",
		.name = fields[3],
		.listen_port = (uint16_t)(fields[4] ? atoi(fields[4]) : 1),
		.target_port = 80,
	});
	if (fields[5] && forward_set_check(fields[5], &error) < 0)
		free(error);
	free(text);
	nft_userdata_find(input, size, NFT_USERDATA_REVISION, &found_size);
	nft_userdata_find_text(input, size, NFT_USERDATA_NAME);
	return 0;
}
