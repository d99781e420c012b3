/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Authentication and answers. Who may know of a gateway's existence: itself and its organisation;
 * for everybody else it is 403 (another gateway) or 404 (another organisation).
 */
#include "apid/call.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "apid/problem.h"
#include "common/memory.h"

#define ETAG_SIZE 24

/* --- answers --- */

void exchange_reply(struct exchange *exchange, unsigned status, cJSON *json)
{
	_cleanup_json_ cJSON *owned = json;
	_cleanup_free_ char *text = json_print(owned);

	exchange_send(exchange, status, "application/json", text, strlen(text));
}

void exchange_problem(struct exchange *exchange, unsigned status, const char *sentence)
{
	_cleanup_free_ char *text = problem_text(status, sentence);

	exchange_send(exchange, status, PROBLEM_TYPE, text, strlen(text));
}

void exchange_retry_after(struct exchange *exchange, unsigned seconds)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", seconds);
	exchange_add_header(exchange, "Retry-After", text);
}

int call_reply(struct call *call, unsigned status, cJSON *json)
{
	exchange_reply(call->exchange, status, json);
	return 0;
}

int call_reply_empty(struct call *call, unsigned status)
{
	exchange_send(call->exchange, status, NULL, NULL, 0);
	return 0;
}

int call_problem(struct call *call, unsigned status, const char *format, ...)
{
	char sentence[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	exchange_problem(call->exchange, status, sentence);
	return 0;
}

int call_retry(struct call *call, unsigned status, unsigned seconds, const char *sentence)
{
	exchange_retry_after(call->exchange, seconds);
	exchange_problem(call->exchange, status, sentence);
	return 0;
}

int call_query_number(const struct call *call, const char *name, uint64_t maximum,
		      uint64_t fallback, uint64_t *ret_value)
{
	const char *text = exchange_query(call->exchange, name);
	uint64_t value;

	if (!text) {
		*ret_value = fallback;
		return 0;
	}
	if (strcmp(text, "0") == 0)
		value = 0;
	else if (route_parse_id(&value, text, strlen(text)) < 0 || value > maximum)
		return -EINVAL;
	*ret_value = value;
	return 0;
}

void call_add_etag(struct call *call, uint64_t revision)
{
	char etag[ETAG_SIZE];

	snprintf(etag, sizeof(etag), "\"%" PRIu64 "\"", revision);
	exchange_add_header(call->exchange, "ETag", etag);
}

bool call_has_etag(const struct call *call, uint64_t revision)
{
	const char *given = exchange_header(call->exchange, "If-None-Match");
	char etag[ETAG_SIZE];

	/* Our tags are digits in quotes, so that one cannot be part of another. */
	snprintf(etag, sizeof(etag), "\"%" PRIu64 "\"", revision);
	return given && (strcmp(given, "*") == 0 || strstr(given, etag));
}

/* --- who asks --- */

static int refuse_token(struct call *call)
{
	exchange_add_header(call->exchange, "WWW-Authenticate", "Token");
	return call_problem(call, 401,
			    "the token is missing, expired or replaced: get a new one with the "
			    "machine secret");
}

static int authenticate_gateway(struct call *call, const char *authorization)
{
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };
	char hash[SHA256_HEX_SIZE];
	const char *token;
	uint64_t id;
	int r;

	if (!authorization || strncasecmp(authorization, "Token ", 6) != 0)
		return refuse_token(call);
	token = authorization + 6 + strspn(authorization + 6, " ");
	if (!secret_is_valid(token))
		return refuse_token(call);
	sha256_hex(hash, token, strlen(token));
	r = store_token_use(call->api->store, hash, call->time, &id);
	if (r == -ENOENT)
		return refuse_token(call);
	if (r < 0)
		return r;
	if (id != call->path.id)
		return call_problem(call, 403, "the token is another gateway's");
	r = store_gateway_get(call->api->store, id, &record);
	if (r < 0)
		return r;
	if (record.state == GATEWAY_REVOKED)
		return call_problem(call, 410, "this gateway has been revoked by its owner");
	call->by_gateway = true;
	return 1;
}

/* A browser says where a request comes from; SameSite already keeps the cookie from others. */
static bool origin_is_ours(const struct call *call)
{
	const char *origin = exchange_header(call->exchange, "Origin");
	const char *host = exchange_header(call->exchange, "Host");

	return !origin || (host && strncasecmp(origin, "https://", 8) == 0 &&
			   strcasecmp(origin + 8, host) == 0);
}

static int authenticate_user(struct call *call)
{
	const char *cookie = exchange_header(call->exchange, "Cookie");
	int r = -ENOENT;

	if (!origin_is_ours(call))
		return call_problem(call, 403, "requests from other sites are refused");
	if (cookie && session_cookie_parse(call->token, cookie) == 0)
		r = session_find(call->api->sessions, call->token, call->time, &call->user);
	if (r == -ENOENT)
		return call_problem(call, 401, "log in first: POST /v1/session");
	if (r < 0)
		return r;
	if (call->user.role < call->route->role)
		return call_problem(call, 403, "your role does not allow this");
	return 1;
}

int call_authenticate(struct call *call)
{
	const char *authorization = exchange_header(call->exchange, "Authorization");

	switch (call->route->access) {
	case ACCESS_PUBLIC:
		return 1;
	case ACCESS_GATEWAY:
		return authenticate_gateway(call, authorization);
	case ACCESS_USER:
		return authenticate_user(call);
	case ACCESS_EITHER:
		return authorization ? authenticate_gateway(call, authorization)
				     : authenticate_user(call);
	}
	return -EINVAL;
}

int call_get_gateway(struct call *call, struct gateway_record *ret_record)
{
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };
	int r = store_gateway_get(call->api->store, call->path.id, &record);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT ||
	    (!call->by_gateway && (record.organisation_id != call->user.organisation_id ||
				   record.state == GATEWAY_REVOKED)))
		return call_problem(call, 404, "you have no gateway of this number");
	*ret_record = record;
	record = (struct gateway_record){ .id = 0 };
	return 1;
}
