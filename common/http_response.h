/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The incoming half of a transfer, for http_client.c: collects headers and body within their
 * limits, and puts curl's results into our outcomes and sentences. It does no input or output
 * itself.
 */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>

#include "common/http_client.h"

#define HTTP_SENTENCE_SIZE 256

struct http_incoming {
	char *body;
	size_t body_size;
	size_t body_capacity;
	size_t max_body;
	size_t header_size;
	bool too_large;
	/* Copies of header values; the first of a name counts. */
	char *etag;
	char *content_type;
	char *location;
	char *server;
	char *www_authenticate;
	char *retry_after;
};

int http_incoming_add_body(struct http_incoming *incoming, const char *bytes, size_t size);
/* One line as it came: the status line begins a new header. */
int http_incoming_add_header(struct http_incoming *incoming, const char *line, size_t size);
/* Fills all but outcome, error and status; the response borrows from incoming. */
void http_incoming_finish(struct http_incoming *incoming, struct http_response *response);
void http_incoming_deinit(struct http_incoming *incoming);

enum http_outcome http_outcome_of(CURLcode code, bool too_large);
/* error: curl's own text, which may be empty. verify_result: of the certificate, X509_V_…. */
const char *http_describe(CURLcode code, long verify_result, const char *error,
			  enum http_outcome outcome, char sentence[static HTTP_SENTENCE_SIZE]);
