/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The JSON-RPC dialect of vpnserver 5.01: id must be a string, params an object, and a header with
 * an empty value makes the server drop the connection, so X-VPNADMIN-HUBNAME (empty would mean the
 * whole server) is never sent.
 */
#include "vpn-service/softether_rpc.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "common/http_client.h"
#include "common/memory.h"
#include "common/netaddr.h"

#define CALL_TIMEOUT    (20 * USEC_PER_SEC)
#define CONNECT_TIMEOUT (3 * USEC_PER_SEC)
#define MAX_RESPONSE \
	((size_t)64 * 1024 * 1024) /* 10,000 users at 1.5 kB, sessions, configuration */
#define MAX_CONNECTIONS 4

struct softether {
	struct http_client *http;
	struct softether_call *calls;
	char *url;
	char *password_header;
};

struct softether_call {
	struct softether *softether;
	struct softether_call *previous, *next;
	struct http_transfer *transfer;
	softether_done_fn *on_done;
	void *owner;
};

bool softether_url_is_valid(const char *url)
{
	static const char *const prefixes[] = { "https://127.0.0.1:", "https://localhost:",
						"https://[::1]:" };
	uint16_t port;

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t length = strlen(prefixes[i]);
		_cleanup_free_ char *digits = NULL;

		if (strncmp(url, prefixes[i], length) != 0)
			continue;
		url += length;
		length = strspn(url, "0123456789");
		digits = xstrndup(url, length);
		return port_parse(&port, digits) == 0 && strcmp(url + length, "/api/") == 0;
	}
	return false;
}

int softether_new(struct softether **ret_softether, struct loop *loop, const char *url,
		  const char *password)
{
	const struct http_client_options options = {
		.user_agent = "vpn-service/" EVERCAM_VERSION,
		.insecure = true,
		.max_connections = MAX_CONNECTIONS,
	};
	_cleanup_(softether_freep) struct softether *softether = NULL;
	int r;

	if (!softether_url_is_valid(url) || !*password || password[strcspn(password, "\r\n")])
		return -EINVAL;
	softether = xnew(struct softether);
	softether->url = xstrdup(url);
	softether->password_header = xasprintf("X-VPNADMIN-PASSWORD: %s", password);
	r = http_client_new(&softether->http, loop, &options);
	if (r < 0)
		return r;
	*ret_softether = steal_ptr(softether);
	return 0;
}

struct softether *softether_free(struct softether *softether)
{
	if (!softether)
		return NULL;
	while (softether->calls)
		softether_cancel(softether->calls);
	http_client_free(softether->http);
	free(softether->url);
	secret_free(softether->password_header);
	free(softether);
	return NULL;
}

static void call_free(struct softether_call *call)
{
	if (call->previous)
		call->previous->next = call->next;
	else
		call->softether->calls = call->next;
	if (call->next)
		call->next->previous = call->previous;
	free(call);
}

struct softether_call *softether_cancel(struct softether_call *call)
{
	if (!call)
		return NULL;
	http_cancel(call->transfer);
	call_free(call);
	return NULL;
}

static void answer_from_transport(struct softether_answer *answer,
				  const struct http_response *response)
{
	answer->text = response->error ? response->error : "no answer";
	switch (response->outcome) {
	case HTTP_UNREACHABLE:
		answer->error = -ENETUNREACH;
		break;
	case HTTP_TIMED_OUT:
		answer->error = -ETIMEDOUT;
		break;
	case HTTP_COMPLETED:
	case HTTP_UNTRUSTED:
	case HTTP_TOO_LARGE:
	case HTTP_INVALID:
		answer->error = -EPROTO;
		break;
	}
}

static void answer_from_json(struct softether_answer *answer, const cJSON *json)
{
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(json, "error");
	uint64_t code = 0;

	if (cJSON_IsObject(error)) {
		answer->error = -EREMOTEIO;
		answer->text = "SoftEther gave no reason";
		(void)json_get_number(error, "code", 0, INT32_MAX, &code);
		(void)json_get_string(error, "message", 1024, &answer->text);
		answer->code = (int)code;
		return;
	}
	if (json_get_object(json, "result", &answer->result) < 0) {
		answer->error = -EPROTO;
		answer->text = "the answer has no result";
	}
}

static void on_response(const struct http_response *response, void *owner)
{
	struct softether_call *call = owner;
	softether_done_fn *on_done = call->on_done;
	void *on_done_owner = call->owner;
	struct softether_answer answer = { 0 };
	_cleanup_json_ cJSON *json = NULL;

	if (response->outcome != HTTP_COMPLETED) {
		answer_from_transport(&answer, response);
	} else if (response->status == 401 || response->status == 403) {
		answer.error = -EACCES;
		answer.text = "SoftEther refuses the administrator password";
	} else if (response->status != 200) {
		answer.error = -EPROTO;
		answer.text = "not an answer of SoftEther's JSON-RPC";
	} else {
		/* From our own host: bounded by MAX_RESPONSE, not by what strangers may send. */
		json = cJSON_ParseWithLength(response->body, response->body_size);
		if (json) {
			answer_from_json(&answer, json);
		} else {
			answer.error = -EPROTO;
			answer.text = "the answer is not JSON";
		}
	}
	call_free(call);
	on_done(&answer, on_done_owner);
}

struct softether_call *softether_start(struct softether *softether, const char *method,
				       cJSON *params, softether_done_fn *on_done, void *owner)
{
	struct softether_call *call = xnew(struct softether_call);
	const char *const headers[] = { "Content-Type: application/json",
					softether->password_header, NULL };
	cJSON *request = json_new_object();
	_cleanup_free_ char *body = NULL;

	json_add_string(request, "jsonrpc", "2.0");
	json_add_string(request, "id", "1");
	json_add_string(request, "method", method);
	json_add(request, "params", params ? params : json_new_object());
	body = json_print(request);
	cJSON_Delete(request);

	*call = (struct softether_call){
		.softether = softether, .next = softether->calls, .on_done = on_done, .owner = owner
	};
	if (call->next)
		call->next->previous = call;
	softether->calls = call;
	if (http_start(&call->transfer, softether->http,
		       &(struct http_request){ .method = "POST",
					       .url = softether->url,
					       .headers = headers,
					       .body = body,
					       .body_size = strlen(body),
					       .timeout = CALL_TIMEOUT,
					       .connect_timeout = CONNECT_TIMEOUT,
					       .max_response = MAX_RESPONSE },
		       on_response, call) < 0)
		abort();                    /* the URL was checked: only out of memory is left */
	explicit_bzero(body, strlen(body)); /* may hold a password or a key */
	return call;
}

void softether_add_binary(cJSON *object, const char *name, const void *content, size_t size)
{
	char *text = xcalloc(1, 4 * ((size + 2) / 3) + 1);

	EVP_EncodeBlock((unsigned char *)text, content, (int)size);
	json_add_string(object, name, text);
	secret_free(text);
}
