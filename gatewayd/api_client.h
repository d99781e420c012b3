/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls to the Gateway API: URL, authentication, and the classes of answers that the rest acts on.
 * It knows nothing of what is asked. Secret and token go into headers only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/loop.h"

struct api_client;
struct api_call;

enum api_outcome {
	API_OK,           /* 200, 201 */
	API_ACCEPTED,     /* 202 */
	API_NO_CONTENT,   /* 204 */
	API_NOT_MODIFIED, /* 304 */
	API_UNAUTHORIZED, /* 401 */
	API_NOT_FOUND,    /* 404 */
	API_CONFLICT,     /* 409 */
	API_REVOKED,      /* 410 */
	API_LATER,        /* 429, 503 */
	API_REFUSED,      /* any other status */
	API_UNREACHABLE,  /* no answer, or a certificate that is not accepted */
	API_WRONG,        /* an answer that cannot be: its size, not HTTP */
};

struct api_answer {
	enum api_outcome outcome;
	unsigned status;   /* 0: no answer */
	const char *error; /* a sentence that names the call, from API_UNAUTHORIZED on; else NULL */
	const char *body;
	size_t body_size;
	const char *etag;   /* or NULL */
	usec_t retry_after; /* 0: none given */
	usec_t elapsed;
};
/* The last callback of a call, which is gone afterwards. May start others. */
typedef void api_answer_fn(const struct api_answer *answer, void *owner);
/* Called after every answer or failure, before its own callback. */
typedef void api_contact_fn(struct api_client *client, void *owner);

struct api_client_options {
	const char *url;   /* https://host[:port], without /v1 */
	const char *ca;    /* file, or NULL: the system's */
	const char *proxy; /* or NULL */
	api_contact_fn *on_contact;
	void *owner;
};
int api_client_new(struct api_client **ret_client, struct loop *loop,
		   const struct api_client_options *options); /* copied */
struct api_client *api_client_free(struct api_client *client);
DEFINE_CLEANUP(struct api_client *, api_client_free);

bool api_client_is_reachable(const struct api_client *client);
int64_t api_client_last_contact(const struct api_client *client); /* seconds since 1970; 0: never */

enum api_authentication { API_ANONYMOUS, API_BY_SECRET, API_BY_TOKEN };

struct api_request {
	const char *method;
	const char *path; /* after /v1 */
	enum api_authentication authentication;
	const char *credential; /* the secret or the token */
	const char *body;       /* JSON, or NULL */
	const char *etag;       /* for If-None-Match, or NULL */
	unsigned wait_seconds;  /* how long the API may hold the answer back */
};

/* The request is copied. on_answer never runs inside. -errno: the request cannot be made. */
int api_call_start(struct api_call **ret_call, struct api_client *client,
		   const struct api_request *request, api_answer_fn *on_answer, void *owner);
struct api_call *api_call_cancel(struct api_call *call); /* NULL-safe; on_answer is not called */
