/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/rtsp_message.h"

#include <stdio.h>

#include "discoverd/fingerprint.h"

size_t rtsp_message_options(char buffer[static RTSP_REQUEST_SIZE])
{
	return (size_t)snprintf(buffer, RTSP_REQUEST_SIZE,
				"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n"
				"User-Agent: evercam-gateway\r\n\r\n");
}

size_t rtsp_message_describe(char buffer[static RTSP_REQUEST_SIZE], const struct netaddr *address,
			     uint16_t port, bool secure, uint32_t random)
{
	const char *open = address->family == AF_INET6 ? "[" : "";
	const char *close = address->family == AF_INET6 ? "]" : "";
	char text[NETADDR_TEXT_SIZE];

	return (size_t)snprintf(buffer, RTSP_REQUEST_SIZE,
				"DESCRIBE rtsp%s://%s%s%s:%u/none-%08x RTSP/1.0\r\nCSeq: 2\r\n"
				"Accept: application/sdp\r\nUser-Agent: evercam-gateway\r\n\r\n",
				secure ? "s" : "", open, netaddr_format(address, text), close, port,
				random);
}

void rtsp_message_read(struct evidence *evidence, const struct response *response, uint16_t port,
		       bool secure, usec_t time)
{
	if (response->protocol != RESPONSE_RTSP)
		return;
	evidence_add_port(evidence, SOURCE_RTSP, FIELD_SERVICE, port, secure ? "rtsps" : "rtsp",
			  time);
	evidence_add(evidence, SOURCE_RTSP, FIELD_TRAIT, "rtsp-answers", time);
	fingerprint_read(evidence, response, time);
}
