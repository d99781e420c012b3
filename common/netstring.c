/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/netstring.h"

#include <stdio.h>

enum netstring_state netstring_parse(const char *buffer, size_t size, const char **ret_payload,
				     size_t *ret_payload_size, size_t *ret_consumed)
{
	size_t payload_size = 0, i;

	for (i = 0; i < size && buffer[i] >= '0' && buffer[i] <= '9'; i++) {
		if (i > 0 && buffer[0] == '0')
			return NETSTRING_INVALID;
		payload_size = payload_size * 10 + (size_t)(buffer[i] - '0');
		if (payload_size > NETSTRING_MAX_PAYLOAD)
			return NETSTRING_INVALID;
	}
	if (i == size)
		return NETSTRING_INCOMPLETE;
	if (i == 0 || buffer[i] != ':')
		return NETSTRING_INVALID;
	i++;
	if (size - i <= payload_size)
		return NETSTRING_INCOMPLETE;
	if (buffer[i + payload_size] != ',')
		return NETSTRING_INVALID;
	*ret_payload = buffer + i;
	*ret_payload_size = payload_size;
	*ret_consumed = i + payload_size + 1;
	return NETSTRING_COMPLETE;
}

size_t netstring_prefix(char prefix[static NETSTRING_MAX_PREFIX + 1], size_t payload_size)
{
	if (payload_size > NETSTRING_MAX_PAYLOAD)
		return 0;
	return (size_t)snprintf(prefix, NETSTRING_MAX_PREFIX + 1, "%zu:", payload_size);
}
