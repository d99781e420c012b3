/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The question put to an HTTP server, and what its answer means. Pure, fuzzed. RFC 9110, 9112. */
#pragma once

#include "common/netaddr.h"
#include "discoverd/evidence.h"
#include "discoverd/response.h"

#define HTTP_REQUEST_SIZE 256

size_t http_message_get(char buffer[static HTTP_REQUEST_SIZE], const struct netaddr *address,
			uint16_t port);

/* As HTTP/1.0, to get the document as it is: not in chunks. path: fit to be sent. */
#define HTTP_DOCUMENT_REQUEST_SIZE (HTTP_REQUEST_SIZE + TEXT_SIZE)
size_t http_message_get_document(char buffer[static HTTP_DOCUMENT_REQUEST_SIZE],
				 const struct netaddr *address, uint16_t port, const char *path);

/* Adds what the answer tells. The service is confirmed when the answer is HTTP. */
void http_message_read(struct evidence *evidence, const struct response *response, uint16_t port,
		       usec_t time);
