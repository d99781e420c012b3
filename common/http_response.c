/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/http_response.h"

#include <errno.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/memory.h"

#define FIRST_BODY        4096
#define MAX_HEADERS       (64 * 1024) /* all lines together */
#define MAX_VALUE         2048        /* of the headers that are kept */
#define MAX_RETRY_SECONDS 3600
#define MAX_RETRY_DIGITS  9

int http_incoming_add_body(struct http_incoming *incoming, const char *bytes, size_t size)
{
	if (size > incoming->max_body - incoming->body_size) {
		incoming->too_large = true;
		return -EMSGSIZE;
	}
	if (incoming->body_size + size + 1 > incoming->body_capacity) {
		incoming->body_capacity = 2 * incoming->body_capacity + FIRST_BODY;
		if (incoming->body_capacity < incoming->body_size + size + 1)
			incoming->body_capacity = incoming->body_size + size + 1;
		incoming->body = xrealloc_array(incoming->body, incoming->body_capacity, 1);
	}
	memcpy(incoming->body + incoming->body_size, bytes, size);
	incoming->body_size += size;
	incoming->body[incoming->body_size] = '\0';
	return 0;
}

static void forget_headers(struct http_incoming *incoming)
{
	free(steal_ptr(incoming->etag));
	free(steal_ptr(incoming->content_type));
	free(steal_ptr(incoming->location));
	free(steal_ptr(incoming->server));
	free(steal_ptr(incoming->www_authenticate));
	free(steal_ptr(incoming->retry_after));
}

/* A value without the blanks around it; NULL when it is longer than we keep. */
static char *copy_value(const char *value, size_t size)
{
	char *copy;

	for (; size && strchr(" \t", *value); value++)
		size--;
	for (; size && strchr(" \t\r\n", value[size - 1]);)
		size--;
	if (size > MAX_VALUE)
		return NULL;
	copy = xstrndup(value, size);
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return copy;
}

int http_incoming_add_header(struct http_incoming *incoming, const char *line, size_t size)
{
	const struct {
		const char *name;
		char **value;
	} kept[] = {
		{ "ETag", &incoming->etag },
		{ "Content-Type", &incoming->content_type },
		{ "Location", &incoming->location },
		{ "Server", &incoming->server },
		{ "WWW-Authenticate", &incoming->www_authenticate },
		{ "Retry-After", &incoming->retry_after },
	};
	const char *colon;

	incoming->header_size += size;
	if (incoming->header_size > MAX_HEADERS) {
		incoming->too_large = true;
		return -EMSGSIZE;
	}
	if (size >= 5 && memcmp(line, "HTTP/", 5) == 0)
		forget_headers(incoming); /* what came before was "100 Continue" or the like */
	colon = memchr(line, ':', size);
	if (!colon)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		size_t length = strlen(kept[i].name);

		if ((size_t)(colon - line) == length && !*kept[i].value &&
		    strncasecmp(line, kept[i].name, length) == 0)
			*kept[i].value = copy_value(colon + 1, size - length - 1);
	}
	return 0;
}

static usec_t parse_retry_after(const char *text)
{
	unsigned long seconds = 0;
	size_t digits = text ? strspn(text, "0123456789") : 0;

	if (!digits || text[digits])
		return 0;
	for (size_t i = 0; i < digits && i < MAX_RETRY_DIGITS; i++)
		seconds = seconds * 10 + (unsigned long)(text[i] - '0');
	return (seconds > MAX_RETRY_SECONDS ? MAX_RETRY_SECONDS : seconds) * USEC_PER_SEC;
}

void http_incoming_finish(struct http_incoming *incoming, struct http_response *response)
{
	response->body = incoming->body ? incoming->body : "";
	response->body_size = incoming->body_size;
	response->etag = incoming->etag;
	response->content_type = incoming->content_type;
	response->location = incoming->location;
	response->server = incoming->server;
	response->www_authenticate = incoming->www_authenticate;
	response->retry_after = parse_retry_after(incoming->retry_after);
}

void http_incoming_deinit(struct http_incoming *incoming)
{
	forget_headers(incoming);
	/* An answer may hold a token. */
	secret_free_sized(incoming->body, incoming->body_capacity);
	incoming->body = NULL;
}

enum http_outcome http_outcome_of(CURLcode code, bool too_large)
{
	if (too_large)
		return HTTP_TOO_LARGE;
	/* curl has a hundred codes, most of protocols that are not ours. */
	switch ((int)code) {
	case CURLE_OK:
		return HTTP_COMPLETED;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return HTTP_UNTRUSTED;
	case CURLE_OPERATION_TIMEDOUT:
		return HTTP_TIMED_OUT;
	case CURLE_FILESIZE_EXCEEDED:
		return HTTP_TOO_LARGE;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_LOGIN_DENIED: /* a user name in the URL */
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		return HTTP_INVALID;
	default:
		return HTTP_UNREACHABLE;
	}
}

static const char *describe_certificate(long verify_result)
{
	switch (verify_result) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "has expired (or this machine's clock is wrong)";
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "is not valid yet (or this machine's clock is wrong)";
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return "is from an authority that is not trusted here";
	case X509_V_ERR_CERT_REVOKED:
		return "was revoked";
	default:
		return NULL;
	}
}

const char *http_describe(CURLcode code, long verify_result, const char *error,
			  enum http_outcome outcome, char sentence[static HTTP_SENTENCE_SIZE])
{
	const char *reason = describe_certificate(verify_result);

	if (outcome == HTTP_TOO_LARGE)
		return "the answer is larger than accepted";
	if (code == CURLE_SSL_CACERT_BADFILE)
		return "the file of trusted authorities cannot be read";
	if (code == CURLE_LOGIN_DENIED)
		return "a URL with a user name or password is not accepted";
	if (outcome == HTTP_UNTRUSTED && reason) {
		snprintf(sentence, HTTP_SENTENCE_SIZE, "the server's certificate %s", reason);
		return sentence;
	}
	if (outcome == HTTP_UNTRUSTED && strstr(error, "does not match"))
		return "the server's certificate is for another host name";
	if (outcome == HTTP_UNTRUSTED && strstr(error, "no alternative certificate subject name"))
		return "the server's certificate is for another host name";
	/* curl's text names hosts, ports and times; it is not shown when part of a URL is in it. */
	if (!*error || strpbrk(error, "?@") || strstr(error, "://"))
		error = curl_easy_strerror(code);
	snprintf(sentence, HTTP_SENTENCE_SIZE, "%s", error);
	return sentence;
}
