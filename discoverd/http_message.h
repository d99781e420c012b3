/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The question put to an HTTP server, and what its answer means. Pure, fuzzed. RFC 9110, 9112. */
#pragma once

#include "common/netaddr.h"
#include "discoverd/evidence.h"
#include "discoverd/response.h"

#define HTTP_REQUEST_SIZE (256 + TEXT_SIZE)

/* For the head of the answer; more may be asked over the connection. path: fit to be sent. */
size_t http_message_get(char buffer[static HTTP_REQUEST_SIZE], const struct netaddr *address,
			uint16_t port, const char *path);
/* As HTTP/1.0, to get the document as it is: not in chunks. */
size_t http_message_get_document(char buffer[static HTTP_REQUEST_SIZE],
				 const struct netaddr *address, uint16_t port, const char *path);

/* Adds what the answer tells. The service is confirmed when the answer is HTTP. secure: in TLS. */
void http_message_read(struct evidence *evidence, const struct response *response, uint16_t port,
		       bool secure, usec_t time);
/*
 * Where a redirection leads on the same host. true: to this very port, to the path that is filled
 * in. To another port: that is a hint, and goes into the evidence.
 */
bool http_message_redirect(struct evidence *evidence, const struct response *response,
			   const struct netaddr *address, uint16_t port, bool secure,
			   char path[static TEXT_SIZE], usec_t time);
