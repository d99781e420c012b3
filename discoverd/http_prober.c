/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Not by libcurl: what counts is the bare head of whatever answers, on connections that cost as
 * little as possible, and libcurl would double the daemon's memory.
 */
#include "discoverd/http_prober.h"

#include <errno.h>

#include "common/memory.h"
#include "discoverd/http_message.h"
#include "discoverd/tcp_exchange.h"

struct http_prober {
	struct loop *loop;
	struct probe_target target;
	struct tcp_exchange *exchange;
	probe_done_fn *on_done;
	void *owner;
};

enum probe_result probe_result_of(int error)
{
	switch (error) {
	case -ECONNREFUSED:
		return PROBE_REFUSED;
	case -ECONNRESET:
	case -EPIPE:
		return PROBE_OTHER;
	default:
		return PROBE_SILENT;
	}
}

static void on_connected(struct tcp_exchange *exchange, void *owner)
{
	struct http_prober *prober = owner;
	char request[HTTP_REQUEST_SIZE];

	tcp_exchange_send(exchange, request,
			  http_message_get(request, &prober->target.address, prober->target.port));
}

static void on_bytes(struct tcp_exchange *exchange, const char *bytes, size_t size, bool at_end,
		     void *owner)
{
	_cleanup_(evidence_deinit) struct evidence evidence = { 0 };
	struct http_prober *prober = owner;
	struct response response;

	switch (response_parse(&response, bytes, size, at_end)) {
	case RESPONSE_INCOMPLETE:
		return;
	case RESPONSE_INVALID:
		prober->on_done(prober, PROBE_OTHER, &evidence, prober->owner);
		return;
	case RESPONSE_COMPLETE:
		break;
	}
	http_message_read(&evidence, &response, prober->target.port, loop_now(prober->loop));
	prober->on_done(prober, response.protocol == RESPONSE_HTTP ? PROBE_CONFIRMED : PROBE_OTHER,
			&evidence, prober->owner);
}

static void on_failed(struct tcp_exchange *exchange, int error, void *owner)
{
	const struct evidence none = { 0 };
	struct http_prober *prober = owner;

	prober->on_done(prober, probe_result_of(error), &none, prober->owner);
}

static void *http_stop(void *object)
{
	struct http_prober *prober = object;

	if (!prober)
		return NULL;
	tcp_exchange_free(prober->exchange);
	free(prober);
	return NULL;
}

static int http_start(void **ret_probe, struct loop *loop, const struct probe_target *target,
		      probe_done_fn *on_done, void *owner)
{
	static const struct tcp_exchange_handlers handlers = { on_connected, on_bytes, on_failed };
	struct http_prober *prober = xnew(struct http_prober);
	int r;

	prober->loop = loop;
	prober->target = *target;
	prober->on_done = on_done;
	prober->owner = owner;
	r = tcp_exchange_new(&prober->exchange, loop, target->ifindex, &target->address,
			     target->port, PROBE_TIMEOUT, &handlers, prober);
	if (r < 0) {
		free(prober);
		return r;
	}
	*ret_probe = prober;
	return 0;
}

const struct service_probe http_probe = {
	.service = "http",
	.start = http_start,
	.stop = http_stop,
};
