/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the answers of an HTTP or RTSP server as they come, in pieces of any size: head, and body
 * with its chunks put together (RFC 9112 section 7.1). As much of a body is kept as is looked at;
 * the rest is passed over, so that the next answer can follow. Interim answers (1xx) are passed
 * over, too. Pure; fuzzed as http, rtsp and onvif.
 */
#pragma once

#include "discoverd/response.h"

#define RESPONSE_MAX_BODY 16384  /* bytes that are kept */
#define RESPONSE_MAX_REST 131072 /* bytes that are passed over; what is longer ends there */

enum response_part {
	RESPONSE_HEAD, /* nothing that counts as an answer yet */
	RESPONSE_BODY, /* the head is there */
	RESPONSE_WHOLE,
	RESPONSE_BAD, /* neither protocol */
};

struct response_reader { /* zeroed: nothing has come */
	enum response_part part;
	struct response response; /* from RESPONSE_BODY on */
	char *bytes;              /* of the head; then of the body */
	size_t length, capacity;
	size_t line;   /* characters in the line of the head, or of what is around chunks */
	size_t left;   /* of the body or chunk */
	size_t passed; /* bytes passed over */
	enum {
		CHUNK_SIZE,
		CHUNK_BYTES,
		CHUNK_END,
		CHUNK_TRAILER,
	} chunk;
	bool sized; /* a digit of the chunk's size has been read; an extension has not begun */
	bool cut;   /* the answer did not end where its head said */
};

/* Reads on, up to the end of the answer. at_end: the connection has ended after these. Returns how
 * many bytes were read. */
size_t response_reader_read(struct response_reader *reader, const char *bytes, size_t size,
			    bool at_end);
/* Whether another request can follow over the same connection, once the answer is whole. */
bool response_reader_is_kept(const struct response_reader *reader);
/* For the next answer. */
void response_reader_reset(struct response_reader *reader);
void response_reader_deinit(struct response_reader *reader);
