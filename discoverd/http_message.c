/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/http_message.h"

#include <stdio.h>

#include "discoverd/fingerprint.h"

static size_t write_get(char *buffer, size_t size, const char *path, const char *version,
			const struct netaddr *address, uint16_t port)
{
	const char *open = address->family == AF_INET6 ? "[" : "";
	const char *close = address->family == AF_INET6 ? "]" : "";
	char text[NETADDR_TEXT_SIZE], suffix[8] = "";

	if (port != 80)
		snprintf(suffix, sizeof(suffix), ":%u", port);
	return (size_t)snprintf(buffer, size,
				"GET %s HTTP/%s\r\nHost: %s%s%s%s\r\n"
				"User-Agent: evercam-gateway\r\nAccept: */*\r\n"
				"Connection: close\r\n\r\n",
				path, version, open, netaddr_format(address, text), close, suffix);
}

size_t http_message_get(char buffer[static HTTP_REQUEST_SIZE], const struct netaddr *address,
			uint16_t port)
{
	return write_get(buffer, HTTP_REQUEST_SIZE, "/", "1.1", address, port);
}

size_t http_message_get_document(char buffer[static HTTP_DOCUMENT_REQUEST_SIZE],
				 const struct netaddr *address, uint16_t port, const char *path)
{
	return write_get(buffer, HTTP_DOCUMENT_REQUEST_SIZE, path, "1.0", address, port);
}

void http_message_read(struct evidence *evidence, const struct response *response, uint16_t port,
		       usec_t time)
{
	if (response->protocol != RESPONSE_HTTP)
		return;
	evidence_add_port(evidence, SOURCE_HTTP, FIELD_SERVICE, port, "http", time);
	fingerprint_read(evidence, response, time);
}
