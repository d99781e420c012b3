/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/http_message.h"

#include <stdio.h>
#include <string.h>

#include "discoverd/fingerprint.h"
#include "discoverd/url.h"

static size_t write_get(char *buffer, size_t size, const char *path, const char *version,
			const char *connection, const struct netaddr *address, uint16_t port)
{
	const char *open = address->family == AF_INET6 ? "[" : "";
	const char *close = address->family == AF_INET6 ? "]" : "";
	char text[NETADDR_TEXT_SIZE], suffix[8] = "";

	if (port != 80)
		snprintf(suffix, sizeof(suffix), ":%u", port);
	return (size_t)snprintf(buffer, size,
				"GET %s HTTP/%s\r\nHost: %s%s%s%s\r\n"
				"User-Agent: evercam-gateway\r\nAccept: */*\r\n"
				"Connection: %s\r\n\r\n",
				path, version, open, netaddr_format(address, text), close, suffix,
				connection);
}

size_t http_message_get(char buffer[static HTTP_REQUEST_SIZE], const struct netaddr *address,
			uint16_t port, const char *path)
{
	return write_get(buffer, HTTP_REQUEST_SIZE, path, "1.1", "keep-alive", address, port);
}

size_t http_message_get_document(char buffer[static HTTP_REQUEST_SIZE],
				 const struct netaddr *address, uint16_t port, const char *path)
{
	return write_get(buffer, HTTP_REQUEST_SIZE, path, "1.0", "close", address, port);
}

void http_message_read(struct evidence *evidence, const struct response *response, uint16_t port,
		       bool secure, usec_t time)
{
	if (response->protocol != RESPONSE_HTTP)
		return;
	evidence_add_port(evidence, SOURCE_HTTP, FIELD_SERVICE, port, secure ? "https" : "http",
			  time);
	fingerprint_read(evidence, response, time);
}

bool http_message_redirect(struct evidence *evidence, const struct response *response,
			   const struct netaddr *address, uint16_t port, bool secure,
			   char path[static TEXT_SIZE], usec_t time)
{
	const struct url base = { .host = *address, .port = port, .secure = secure };
	struct url url;

	if (response->status / 100 != 3 || !url_read_relative(&url, &base, response->location) ||
	    url.rtsp || url.has_user || !netaddr_equal(&url.host, address))
		return false;
	if (url.port == port && url.secure == secure) {
		memcpy(path, url.path, TEXT_SIZE);
		return true;
	}
	evidence_add_port(evidence, SOURCE_HTTP, FIELD_HINT, url.port,
			  url.secure ? "https" : "http", time);
	return false;
}
