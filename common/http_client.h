/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTP requests on the loop (libcurl multi). Every transfer is bounded in time and size; redirects
 * are not followed; server certificates are checked (CA file or the system's), TLS >= 1.2. Only
 * http and https. The response body is given whole, at the end.
 */
#pragma once

#include <stdbool.h>

#include "common/loop.h"

struct http_client;
struct http_transfer;

struct http_client_options {
	const char *ca_file; /* NULL: the system's trust store */
	const char *proxy;   /* HTTP proxy URL (CONNECT for https), or NULL: none, whatever the
				environment says */
	const char *user_agent;
	/*
	 * Accept any certificate, for loopback and camera addresses only, where no authority could
	 * vouch for one and nothing secret is sent or the peer is this host.
	 */
	bool insecure;
	unsigned max_connections; /* 0: 8 */
};
int http_client_new(struct http_client **ret_client, struct loop *loop,
		    const struct http_client_options *options);   /* options are copied */
struct http_client *http_client_free(struct http_client *client); /* cancels its transfers */
DEFINE_CLEANUP(struct http_client *, http_client_free);

struct http_request {
	const char *method; /* "GET", "POST", "PUT", "DELETE" */
	const char *url;
	const char *const *headers; /* NULL-terminated "Name: value", or NULL */
	const char *body;           /* NULL: none */
	size_t body_size;
	usec_t timeout;         /* whole transfer; 0: 30 s */
	usec_t connect_timeout; /* 0: 10 s */
	size_t max_response;    /* bytes of body; more is the error HTTP_TOO_LARGE; 0: 1 MiB */
};

enum http_outcome {
	HTTP_COMPLETED,   /* a response came; look at status */
	HTTP_UNREACHABLE, /* name, route, connection, or lost in the middle */
	HTTP_UNTRUSTED,   /* the server's certificate was refused */
	HTTP_TIMED_OUT,
	HTTP_TOO_LARGE,
	HTTP_INVALID, /* not HTTP, or a URL we do not take */
};

struct http_response {
	enum http_outcome outcome;
	const char *error; /* a sentence, when outcome is not HTTP_COMPLETED; holds no secret */
	unsigned status;   /* 100..599 */
	const char *body;  /* NUL-terminated, never NULL */
	size_t body_size;
	const char *etag;             /* or NULL */
	const char *content_type;     /* or NULL */
	const char *location;         /* or NULL */
	const char *server;           /* or NULL */
	const char *www_authenticate; /* first one, or NULL */
	/* The header values above are as the server sent them, without control characters; they
	 * need not be UTF-8. Those longer than 2 KiB are left out. */
	usec_t retry_after;           /* 0: none given; delay-seconds form only, cut at one hour */
};

/* The last callback of a transfer, which is gone afterwards (cancelling it inside does nothing). The
 * response is borrowed for the call. May start and cancel transfers and free the client. */
typedef void http_done_fn(const struct http_response *response, void *owner);

/* Everything in the request is copied. on_done never runs inside http_start(). -EINVAL: a method or
 * header that would not go through as it stands; what is wrong with the URL comes as HTTP_INVALID. A
 * body without a Content-Type header is sent without one. */
int http_start(struct http_transfer **ret_transfer, struct http_client *client,
	       const struct http_request *request, http_done_fn *on_done, void *owner);
struct http_transfer *http_cancel(
	struct http_transfer *transfer); /* NULL-safe; on_done is not called */
DEFINE_CLEANUP(struct http_transfer *, http_cancel);
