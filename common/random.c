/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Apart from crypto.c, so that a daemon that needs no more than this does not load OpenSSL. */
#include "common/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void random_fill(void *buffer, size_t size)
{
	uint8_t *bytes = buffer;
	ssize_t count;

	while (size) {
		count = getrandom(bytes, size, 0);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			abort();
		bytes += count;
		size -= (size_t)count;
	}
}

uint64_t random_u64(void)
{
	uint64_t number;

	random_fill(&number, sizeof(number));
	return number;
}
