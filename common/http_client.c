/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libcurl's multi interface driven by the loop: curl says which descriptors and which one timer it
 * wants, the loop reports back through curl_multi_socket_action(), and finished transfers are taken
 * from curl's message queue afterwards. Callbacks of our users run only there, never inside a
 * callback of curl, so they may start, cancel and free whatever they like.
 *
 * Names are resolved in the background: libcurl is built with c-ares or with a resolver thread, the
 * one exception to "no threads". CURLOPT_QUICK_EXIT keeps us from waiting for that thread when a
 * transfer ends before it does.
 */
#include "common/http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "common/http_response.h"
#include "common/memory.h"

#define DEFAULT_TIMEOUT         (30 * USEC_PER_SEC)
#define DEFAULT_CONNECT_TIMEOUT (10 * USEC_PER_SEC)
#define DEFAULT_MAX_RESPONSE    (1024 * 1024)
#define DEFAULT_MAX_CONNECTIONS 8
#define KEEPALIVE_SECONDS       30L

struct http_client {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer timer;
	struct http_transfer *transfers;
	char *ca_file;
	char *proxy;
	char *user_agent;
	bool insecure;
	bool *freed; /* set while a callback of a user runs, which may free us */
};

struct http_transfer {
	struct http_client *client;
	struct http_transfer *next;
	CURL *easy;
	struct curl_slist *headers;
	char *request_body;
	size_t request_body_size;
	struct http_incoming incoming;
	char error[CURL_ERROR_SIZE];
	bool finished; /* on_done is running; freed right after it */
	http_done_fn *on_done;
	void *owner;
};

/* A descriptor that curl wants watched. */
struct watch {
	struct loop_io io;
	struct http_client *client;
};

static void finish_transfers(struct http_client *client);

static void on_ready(struct loop_io *io, unsigned ready)
{
	struct http_client *client = container_of(io, struct watch, io)->client;
	int events = 0, running;

	if (ready & LOOP_READ)
		events |= CURL_CSELECT_IN;
	if (ready & LOOP_WRITE)
		events |= CURL_CSELECT_OUT;
	curl_multi_socket_action(client->multi, io->fd, events, &running);
	finish_transfers(client);
}

static void on_elapsed(struct loop_timer *timer)
{
	struct http_client *client = container_of(timer, struct http_client, timer);
	int running;

	curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	finish_transfers(client);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *owner, void *socket_owner)
{
	struct http_client *client = owner;
	struct watch *watch = socket_owner;

	if (what == CURL_POLL_REMOVE) {
		if (watch)
			loop_io_deinit(&watch->io);
		free(watch);
		return 0;
	}
	if (!watch) {
		watch = xnew(struct watch);
		watch->client = client;
		loop_io_init(&watch->io, client->loop, fd, on_ready);
		curl_multi_assign(client->multi, fd, watch);
	}
	loop_io_watch(&watch->io, (what & CURL_POLL_IN ? LOOP_READ : 0) |
					  (what & CURL_POLL_OUT ? LOOP_WRITE : 0));
	return 0;
}

/* 0 ms means "soon": from here curl must not be called back. */
static int on_curl_timer(CURLM *multi, long delay_ms, void *owner)
{
	struct http_client *client = owner;

	if (delay_ms < 0)
		loop_timer_cancel(&client->timer);
	else
		loop_timer_arm(&client->timer, (usec_t)delay_ms * USEC_PER_MSEC);
	return 0;
}

/* curl's own sockets would be inherited by programs that we run. */
static curl_socket_t on_curl_open(void *owner, curlsocktype purpose, struct curl_sockaddr *address)
{
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t on_curl_body(char *bytes, size_t size, size_t count, void *owner)
{
	struct http_transfer *transfer = owner;

	return http_incoming_add_body(&transfer->incoming, bytes, size * count) < 0 ? 0
										    : size * count;
}

static size_t on_curl_header(char *bytes, size_t size, size_t count, void *owner)
{
	struct http_transfer *transfer = owner;

	return http_incoming_add_header(&transfer->incoming, bytes, size * count) < 0
		       ? 0
		       : size * count;
}

static void free_headers(struct curl_slist *headers)
{
	/* One of them is likely to be an authorisation. */
	for (struct curl_slist *header = headers; header; header = header->next)
		explicit_bzero(header->data, strlen(header->data));
	curl_slist_free_all(headers);
}

static void unlink_transfer(struct http_transfer *transfer)
{
	struct http_transfer **link = &transfer->client->transfers;

	while (*link && *link != transfer)
		link = &(*link)->next;
	if (*link)
		*link = transfer->next;
}

static void free_transfer(struct http_transfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
	free_headers(transfer->headers);
	secret_free_sized(transfer->request_body, transfer->request_body_size);
	http_incoming_deinit(&transfer->incoming);
	free(transfer);
}

struct http_transfer *http_cancel(struct http_transfer *transfer)
{
	if (!transfer || transfer->finished)
		return NULL;
	unlink_transfer(transfer);
	curl_multi_remove_handle(transfer->client->multi, transfer->easy);
	free_transfer(transfer);
	return NULL;
}

/* False when the callback freed the client. */
static bool finish(struct http_transfer *transfer, CURLcode code)
{
	struct http_client *client = transfer->client;
	struct http_response response = { 0 };
	char sentence[HTTP_SENTENCE_SIZE];
	bool freed = false;
	long status = 0, verify_result = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(transfer->easy, CURLINFO_SSL_VERIFYRESULT, &verify_result);
	curl_multi_remove_handle(client->multi, transfer->easy);
	unlink_transfer(transfer);
	http_incoming_finish(&transfer->incoming, &response);
	response.status = (unsigned)status;
	response.outcome = http_outcome_of(code, transfer->incoming.too_large);
	if (response.outcome != HTTP_COMPLETED)
		response.error = http_describe(code, verify_result, transfer->error,
					       response.outcome, sentence);
	transfer->finished = true;
	client->freed = &freed;
	transfer->on_done(&response, transfer->owner);
	if (!freed)
		client->freed = NULL;
	free_transfer(transfer);
	return !freed;
}

static void finish_transfers(struct http_client *client)
{
	struct http_transfer *transfer;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(client->multi, &left))) {
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		transfer = NULL;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		if (!finish(transfer, code))
			return;
	}
}

int http_client_new(struct http_client **ret_client, struct loop *loop,
		    const struct http_client_options *options)
{
	_cleanup_(http_client_freep) struct http_client *client = NULL;
	unsigned max_connections = options->max_connections;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	client = xnew(struct http_client);
	client->loop = loop;
	client->ca_file = xstrdup(options->ca_file);
	client->proxy = xstrdup(options->proxy);
	client->user_agent = xstrdup(options->user_agent);
	client->insecure = options->insecure;
	loop_timer_init(&client->timer, loop, on_elapsed);
	client->multi = curl_multi_init();
	if (!client->multi)
		return -ENOMEM;
	if (!max_connections)
		max_connections = DEFAULT_MAX_CONNECTIONS;
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)max_connections);
	curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)max_connections);
	*ret_client = steal_ptr(client);
	return 0;
}

struct http_client *http_client_free(struct http_client *client)
{
	if (!client)
		return NULL;
	if (client->freed)
		*client->freed = true;
	while (client->transfers)
		http_cancel(client->transfers);
	if (client->multi)
		curl_multi_cleanup(client->multi);
	loop_timer_deinit(&client->timer);
	free(client->ca_file);
	secret_free(client->proxy); /* may hold a password */
	free(client->user_agent);
	free(client);
	curl_global_cleanup();
	return NULL;
}

static bool has_control_character(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

static int add_header(struct http_transfer *transfer, const char *header)
{
	struct curl_slist *headers;

	if (has_control_character(header) || !strchr(header, ':'))
		return -EINVAL;
	headers = curl_slist_append(transfer->headers, header);
	if (!headers)
		abort();
	transfer->headers = headers;
	return 0;
}

static int add_headers(struct http_transfer *transfer, const struct http_request *request)
{
	const char *const *header = request->headers;
	bool has_type = false;
	int r;

	for (; header && *header; header++) {
		r = add_header(transfer, *header);
		if (r < 0)
			return r;
		if (strncasecmp(*header, "Content-Type:", strlen("Content-Type:")) == 0)
			has_type = true;
	}
	/* Without a value, curl leaves its own header out: no wait for "100 Continue", and no type
	 * that the caller has not named. */
	if (!has_type)
		add_header(transfer, "Content-Type:");
	add_header(transfer, "Expect:");
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
	return 0;
}

static int set_method(struct http_transfer *transfer, const struct http_request *request)
{
	CURL *easy = transfer->easy;

	if (!request->method[0] ||
	    request->method[strspn(request->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")])
		return -EINVAL;
	if (strcmp(request->method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else if (request->body || strcmp(request->method, "POST") == 0 ||
		 strcmp(request->method, "PUT") == 0) {
		transfer->request_body_size = request->body ? request->body_size : 0;
		transfer->request_body = xmemdup(request->body, transfer->request_body_size);
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->request_body);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)transfer->request_body_size);
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	return 0;
}

static void set_security(CURL *easy, const struct http_client *client)
{
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, client->insecure ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, client->insecure ? 0L : 2L);
	if (client->ca_file) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_file);
		/* Distributions build a directory in, which would be trusted as well. */
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	/* Set, even to nothing, they replace what the environment says. */
	curl_easy_setopt(easy, CURLOPT_PROXY, client->proxy ? client->proxy : "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

static void set_limits(struct http_transfer *transfer, const struct http_request *request)
{
	usec_t timeout = request->timeout ? request->timeout : DEFAULT_TIMEOUT;
	usec_t connect_timeout = request->connect_timeout ? request->connect_timeout
							  : DEFAULT_CONNECT_TIMEOUT;
	CURL *easy = transfer->easy;

	transfer->incoming.max_body = request->max_response ? request->max_response
							    : DEFAULT_MAX_RESPONSE;
	curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)transfer->incoming.max_body);
	/* 0 would be "for ever". */
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(timeout / USEC_PER_MSEC) + 1);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)(connect_timeout / USEC_PER_MSEC) + 1);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	/* So that a firewall does not forget a connection that waits for a change. */
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_SECONDS);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_SECONDS);
}

static void set_callbacks(struct http_transfer *transfer)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_curl_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_curl_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_curl_open);
}

int http_start(struct http_transfer **ret_transfer, struct http_client *client,
	       const struct http_request *request, http_done_fn *on_done, void *owner)
{
	_cleanup_(http_cancelp) struct http_transfer *transfer = xnew(struct http_transfer);
	int r;

	transfer->client = client;
	transfer->on_done = on_done;
	transfer->owner = owner;
	transfer->easy = curl_easy_init();
	if (!transfer->easy)
		abort();
	curl_easy_setopt(transfer->easy, CURLOPT_URL, request->url);
	curl_easy_setopt(transfer->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	if (client->user_agent)
		curl_easy_setopt(transfer->easy, CURLOPT_USERAGENT, client->user_agent);
	r = set_method(transfer, request);
	if (r == 0)
		r = add_headers(transfer, request);
	if (r < 0)
		return r;
	set_security(transfer->easy, client);
	set_limits(transfer, request);
	set_callbacks(transfer);
	if (curl_multi_add_handle(client->multi, transfer->easy) != CURLM_OK)
		return -ENOMEM;
	transfer->next = client->transfers;
	client->transfers = transfer;
	*ret_transfer = steal_ptr(transfer);
	return 0;
}
