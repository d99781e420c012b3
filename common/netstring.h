/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Netstrings, the framing between API and vpn-service (protocol.md §3): "LEN:BYTES,". Pure. */
#pragma once

#include "common/macros.h"

#define NETSTRING_MAX_PAYLOAD 65536
#define NETSTRING_MAX_PREFIX  6 /* five digits and ':' */

enum netstring_state {
	NETSTRING_INCOMPLETE, /* read more */
	NETSTRING_COMPLETE,   /* payload is set; consumed bytes belong to it */
	NETSTRING_INVALID,    /* not a netstring, leading zero, or too long: close the connection */
};

/* payload points into buffer. */
enum netstring_state netstring_parse(const char *buffer, size_t size, const char **ret_payload,
				     size_t *ret_payload_size, size_t *ret_consumed);
/* Writes "LEN:" into prefix and returns its length, or 0 when no peer would take a payload of that
 * size; the caller adds payload and ",". */
size_t netstring_prefix(char prefix[static NETSTRING_MAX_PREFIX + 1], size_t payload_size);
