/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Not by libcurl: what counts is the bare head of whatever answers, on connections that cost as
 * little as possible, and libcurl would double the daemon's memory.
 */
#include "discoverd/http_prober.h"

#include <errno.h>

#include "common/memory.h"
#include "discoverd/certificate_message.h"
#include "discoverd/http_message.h"
#include "discoverd/tcp_exchange.h"

struct http_prober {
	struct loop *loop;
	struct probe_target target;
	struct tcp_exchange *exchange;
	struct evidence evidence;
	char path[TEXT_SIZE];
	bool redirected;
	const struct probe_handlers *handlers;
	void *owner;
};

static const struct tcp_exchange_handlers exchange_handlers;

enum probe_result probe_result_of(int error)
{
	switch (error) {
	case -ECONNREFUSED:
		return PROBE_REFUSED;
	case -ECONNRESET:
	case -EPIPE:
	case -EPROTO:
		return PROBE_OTHER;
	default:
		return PROBE_SILENT;
	}
}

static void finish(struct http_prober *prober, enum probe_result result)
{
	prober->handlers->on_done(prober, result, &prober->evidence, prober->owner);
}

static int open_connection(struct http_prober *prober)
{
	const struct probe_target *target = &prober->target;

	return tcp_exchange_new(&prober->exchange, prober->loop, target->ifindex, &target->address,
				target->port, target->secure, PROBE_TIMEOUT, &exchange_handlers,
				prober);
}

static void on_connected(struct tcp_exchange *exchange, void *owner)
{
	struct http_prober *prober = owner;
	const char *certificate = tcp_exchange_certificate(exchange);
	char request[HTTP_REQUEST_SIZE];

	if (certificate)
		certificate_message_read(&prober->evidence, certificate, loop_now(prober->loop));
	tcp_exchange_extend(exchange, PROBE_TIMEOUT);
	tcp_exchange_send(exchange, request,
			  http_message_get(request, &prober->target.address, prober->target.port,
					   prober->path));
}

/* Whether the answer sends us on, and we went. */
static bool follow(struct http_prober *prober, const struct response *response)
{
	const struct probe_target *target = &prober->target;

	if (prober->redirected ||
	    !http_message_redirect(&prober->evidence, response, &target->address, target->port,
				   target->secure, prober->path, loop_now(prober->loop)) ||
	    !prober->handlers->may_reconnect(prober->owner))
		return false;
	prober->redirected = true;
	prober->exchange = tcp_exchange_free(prober->exchange);
	return open_connection(prober) == 0;
}

static void on_bytes(struct tcp_exchange *exchange, const char *bytes, size_t size, bool at_end,
		     void *owner)
{
	struct http_prober *prober = owner;
	struct response response;

	switch (response_parse(&response, bytes, size, at_end)) {
	case RESPONSE_INCOMPLETE:
		return;
	case RESPONSE_INVALID:
		finish(prober, prober->redirected ? PROBE_CONFIRMED : PROBE_OTHER);
		return;
	case RESPONSE_COMPLETE:
		break;
	}
	http_message_read(&prober->evidence, &response, prober->target.port, prober->target.secure,
			  loop_now(prober->loop));
	if (response.protocol != RESPONSE_HTTP)
		finish(prober, PROBE_OTHER);
	else if (!follow(prober, &response))
		finish(prober, PROBE_CONFIRMED);
}

static void on_failed(struct tcp_exchange *exchange, int error, void *owner)
{
	struct http_prober *prober = owner;

	finish(prober, prober->redirected ? PROBE_CONFIRMED : probe_result_of(error));
}

static const struct tcp_exchange_handlers exchange_handlers = { on_connected, on_bytes, on_failed };

static void *http_stop(void *object)
{
	struct http_prober *prober = object;

	if (!prober)
		return NULL;
	tcp_exchange_free(prober->exchange);
	evidence_deinit(&prober->evidence);
	free(prober);
	return NULL;
}

static int http_start(void **ret_probe, struct loop *loop, const struct probe_target *target,
		      const struct probe_handlers *handlers, void *owner)
{
	struct http_prober *prober = xnew(struct http_prober);
	int r;

	prober->loop = loop;
	prober->target = *target;
	prober->path[0] = '/';
	prober->handlers = handlers;
	prober->owner = owner;
	r = open_connection(prober);
	if (r < 0) {
		free(prober);
		return r;
	}
	*ret_probe = prober;
	return 0;
}

const struct service_probe http_probe = {
	.start = http_start,
	.stop = http_stop,
};
