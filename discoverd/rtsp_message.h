/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The questions put to an RTSP server, and what its answers mean. Pure, fuzzed. RFC 2326. */
#pragma once

#include "common/netaddr.h"
#include "discoverd/evidence.h"
#include "discoverd/response.h"

#define RTSP_REQUEST_SIZE 256

/* "OPTIONS *": needs no session and no credential. */
size_t rtsp_message_options(char buffer[static RTSP_REQUEST_SIZE]);
/*
 * DESCRIBE of a path that cannot exist: what comes back (401 with a realm, 404) tells who is there
 * and, by contrast, which servers say 200 to everything.
 */
size_t rtsp_message_describe(char buffer[static RTSP_REQUEST_SIZE], const struct netaddr *address,
			     uint16_t port, bool secure, uint32_t random);

/* Adds what one answer tells. The service is confirmed when the answer is RTSP. */
void rtsp_message_read(struct evidence *evidence, const struct response *response, uint16_t port,
		       bool secure, usec_t time);
