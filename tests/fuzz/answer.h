/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads an answer at once and in pieces: that must make no difference. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "discoverd/response_reader.h"

static inline bool answer_is_same(const struct response_reader *a, const struct response_reader *b)
{
	return a->part == b->part &&
	       (a->part != RESPONSE_WHOLE ||
		(a->response.status == b->response.status && a->length == b->length &&
		 (!a->length || memcmp(a->bytes, b->bytes, a->length) == 0)));
}

/* To be deinitialised by the caller. */
static inline struct response_reader answer_read(const char *bytes, size_t size)
{
	struct response_reader reader = { 0 }, pieces = { 0 };
	size_t piece = 1 + size % 61;

	response_reader_read(&reader, bytes, size, true);
	for (size_t used = 0; used < size && pieces.part < RESPONSE_WHOLE; used += piece)
		response_reader_read(&pieces, bytes + used,
				     size - used < piece ? size - used : piece, false);
	if (pieces.part < RESPONSE_WHOLE)
		response_reader_read(&pieces, "", 0, true);
	if (!answer_is_same(&reader, &pieces))
		abort();
	response_reader_deinit(&pieces);
	return reader;
}
