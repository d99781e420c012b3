/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A thin layer on common/http_client: what protocol.md says about every call, in one place. */
#include "gatewayd/api_client.h"

#include <string.h>
#include <time.h>

#include "common/http_client.h"
#include "common/memory.h"
#include "gatewayd/api_json.h"

#define PATIENCE   (30 * USEC_PER_SEC) /* for an answer, beyond the wait that was asked for */
#define USER_AGENT "evercam-gateway/" EVERCAM_VERSION

struct api_client {
	struct loop *loop;
	struct http_client *http;
	char *url;
	bool reachable;
	int64_t last_contact;
	api_contact_fn *on_contact;
	void *owner;
};

struct api_call {
	struct api_client *client;
	struct http_transfer *transfer;
	char *label; /* "GET /gateways/12/rules": for people */
	usec_t started;
	api_answer_fn *on_answer;
	void *owner;
};

int api_client_new(struct api_client **ret_client, struct loop *loop,
		   const struct api_client_options *options)
{
	_cleanup_(api_client_freep) struct api_client *client = xnew(struct api_client);
	size_t length = strlen(options->url);
	int r;

	while (length > 0 && options->url[length - 1] == '/')
		length--;
	client->loop = loop;
	client->url = xstrndup(options->url, length);
	client->on_contact = options->on_contact;
	client->owner = options->owner;
	r = http_client_new(&client->http, loop,
			    &(struct http_client_options){ .ca_file = options->ca,
							   .proxy = options->proxy,
							   .user_agent = USER_AGENT });
	if (r < 0)
		return r;
	*ret_client = steal_ptr(client);
	return 0;
}

struct api_client *api_client_free(struct api_client *client)
{
	if (!client)
		return NULL;
	http_client_free(client->http);
	free(client->url);
	free(client);
	return NULL;
}

bool api_client_is_reachable(const struct api_client *client)
{
	return client->reachable;
}

int64_t api_client_last_contact(const struct api_client *client)
{
	return client->last_contact;
}

static struct api_call *api_call_free(struct api_call *call)
{
	free(call->label);
	free(call);
	return NULL;
}

static enum api_outcome outcome_of_status(unsigned status)
{
	switch (status) {
	case 200:
	case 201:
		return API_OK;
	case 202:
		return API_ACCEPTED;
	case 204:
		return API_NO_CONTENT;
	case 304:
		return API_NOT_MODIFIED;
	case 401:
		return API_UNAUTHORIZED;
	case 404:
		return API_NOT_FOUND;
	case 409:
		return API_CONFLICT;
	case 410:
		return API_REVOKED;
	case 429:
	case 503:
		return API_LATER;
	default:
		return API_REFUSED;
	}
}

static enum api_outcome outcome_of(const struct http_response *response)
{
	switch (response->outcome) {
	case HTTP_COMPLETED:
		return outcome_of_status(response->status);
	case HTTP_UNREACHABLE:
	case HTTP_TIMED_OUT:
	case HTTP_UNTRUSTED: /* may pass as well: a clock is set, a certificate is replaced */
		return API_UNREACHABLE;
	case HTTP_TOO_LARGE:
	case HTTP_INVALID:
		break;
	}
	return API_WRONG;
}

/* What an operator reads in LastError. */
static char *describe(const struct api_call *call, const struct http_response *response)
{
	_cleanup_free_ char *problem = NULL;

	if (response->outcome == HTTP_UNTRUSTED)
		return xasprintf("the certificate of %s is not accepted (%s): check the option ca, "
				 "the server's certificate, and this machine's clock",
				 call->client->url, response->error);
	if (response->outcome != HTTP_COMPLETED)
		return xasprintf("%s: %s", call->client->url, response->error);
	problem = problem_document_parse(response->body, response->body_size);
	return xasprintf("%s was answered with %u%s%s", call->label, response->status,
			 problem ? ": " : "", problem ? problem : "");
}

static void on_response(const struct http_response *response, void *owner)
{
	struct api_call *call = owner;
	struct api_client *client = call->client;
	struct api_answer answer = {
		.outcome = outcome_of(response),
		.status = response->outcome == HTTP_COMPLETED ? response->status : 0,
		.body = response->body,
		.body_size = response->body_size,
		.etag = response->etag,
		.retry_after = response->retry_after,
		.elapsed = loop_now(client->loop) - call->started,
	};
	_cleanup_free_ char *error = NULL;
	api_answer_fn *on_answer = call->on_answer;
	void *answer_owner = call->owner;

	if (answer.outcome >= API_UNAUTHORIZED)
		answer.error = error = describe(call, response);
	else
		client->last_contact = (int64_t)time(NULL);
	client->reachable = response->outcome == HTTP_COMPLETED;
	api_call_free(call);
	client->on_contact(client, client->owner);
	on_answer(&answer, answer_owner);
}

static const char *authentication_header(enum api_authentication authentication)
{
	switch (authentication) {
	case API_BY_SECRET:
		return "X-M2M-Secret: ";
	case API_BY_TOKEN:
		return "Authorization: Token ";
	case API_ANONYMOUS:
		break;
	}
	return NULL;
}

int api_call_start(struct api_call **ret_call, struct api_client *client,
		   const struct api_request *request, api_answer_fn *on_answer, void *owner)
{
	const char *scheme = authentication_header(request->authentication), *headers[5];
	_cleanup_free_ char *url = NULL, *condition = NULL;
	_cleanup_secret_ char *authentication = NULL;
	struct api_call *call;
	size_t count = 0;
	int r;

	headers[count++] = "Accept: application/json";
	if (request->body)
		headers[count++] = "Content-Type: application/json";
	if (scheme)
		headers[count++] = authentication = xasprintf("%s%s", scheme, request->credential);
	if (request->etag)
		headers[count++] = condition = xasprintf("If-None-Match: %s", request->etag);
	headers[count] = NULL;
	url = xasprintf("%s/v1%s", client->url, request->path);

	call = xnew(struct api_call);
	call->client = client;
	call->label = xasprintf("%s %s", request->method, request->path);
	call->started = loop_now(client->loop);
	call->on_answer = on_answer;
	call->owner = owner;
	r = http_start(&call->transfer, client->http,
		       &(struct http_request){
			       .method = request->method,
			       .url = url,
			       .headers = headers,
			       .body = request->body,
			       .body_size = request->body ? strlen(request->body) : 0,
			       .timeout = request->wait_seconds * USEC_PER_SEC + PATIENCE,
		       },
		       on_response, call);
	if (r < 0) {
		api_call_free(call);
		return r;
	}
	*ret_call = call;
	return 0;
}

struct api_call *api_call_cancel(struct api_call *call)
{
	if (!call)
		return NULL;
	http_cancel(call->transfer);
	return api_call_free(call);
}
