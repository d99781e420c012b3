/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The head of an HTTP or RTSP answer: status line and the few headers that tell who is there. Both
 * protocols write it alike (RFC 2326 section 7, RFC 9112 section 4). Pure; fuzzed as rtsp and http.
 */
#pragma once

#include <stdint.h>

#include "discoverd/text.h"

#define RESPONSE_MAX_HEAD   8192
#define RESPONSE_MAX_LENGTH 1000000000
#define RESPONSE_MAX_REALMS 2

enum response_protocol {
	RESPONSE_HTTP,
	RESPONSE_RTSP,
};

struct response {
	enum response_protocol protocol;
	unsigned status; /* 100..599 */
	char server[TEXT_SIZE];
	char location[TEXT_SIZE];
	char content_type[TEXT_SIZE];
	char realms[RESPONSE_MAX_REALMS][TEXT_SIZE]; /* of WWW-Authenticate, in order */
	unsigned realm_count;
	uint32_t content_length; /* 0 when not told; at most RESPONSE_MAX_LENGTH */
	bool has_length;         /* the head tells where the body ends: a length, or chunks */
	bool chunked;
	bool closes;      /* an HTTP connection ends with this answer */
	size_t head_size; /* bytes up to and with the empty line */
};

enum response_state {
	RESPONSE_INCOMPLETE, /* read more, up to RESPONSE_MAX_HEAD */
	RESPONSE_COMPLETE,
	RESPONSE_INVALID, /* neither protocol */
};

/* at_end: no more bytes will come; a head that lacks its empty line then counts as complete. */
enum response_state response_parse(struct response *ret_response, const char *bytes, size_t size,
				   bool at_end);
