/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One request with everything a handler needs: who asks, about what, and how to answer. */
#pragma once

#include "apid/api.h"
#include "apid/http_server.h"
#include "apid/routes.h"
#include "apid/store.h"

struct call {
	struct api *api;
	struct exchange *exchange;
	const struct route *route;
	struct route_parameters path;
	cJSON *body;             /* when the route has one */
	bool by_gateway;         /* authenticated as gateway path.id */
	struct user user;        /* authenticated person; id 0: none */
	char token[SECRET_SIZE]; /* the person's session */
	int64_t time;
};

/* Each answers and returns 0, to end a handler with. */
int call_reply(struct call *call, unsigned status, cJSON *json); /* takes json */
int call_reply_empty(struct call *call, unsigned status);
/* application/problem+json (RFC 9457); the sentence says what to do. */
int call_problem(struct call *call, unsigned status, const char *format, ...) PRINTF_FORMAT(3, 4);
int call_retry(struct call *call, unsigned status, unsigned seconds, const char *sentence);

/* The same for exchanges that were held. */
void exchange_reply(struct exchange *exchange, unsigned status, cJSON *json); /* takes json */
void exchange_problem(struct exchange *exchange, unsigned status, const char *sentence);
void exchange_retry_after(struct exchange *exchange, unsigned seconds);

/* The decimal query parameter; fallback when absent. -EINVAL: not a number in range. */
int call_query_number(const struct call *call, const char *name, uint64_t maximum,
		      uint64_t fallback, uint64_t *ret_value);

/* ETag of a revision, and whether the client has it already (If-None-Match). */
void call_add_etag(struct call *call, uint64_t revision);
bool call_has_etag(const struct call *call, uint64_t revision);

/* Who asks: fills by_gateway or user. Returns 1, 0 when it has answered, or -errno. */
int call_authenticate(struct call *call);
/* The gateway of the path, when it is of the person's organisation. 1, 0 answered, or -errno. */
int call_get_gateway(struct call *call, struct gateway_record *ret_record);
