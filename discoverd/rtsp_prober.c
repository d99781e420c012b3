/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Both requests go over one connection. A server that hangs up after the first, or is silent to the
 * second, has been confirmed all the same. No session is opened and no credential sent.
 */
#include "discoverd/rtsp_prober.h"

#include <sys/random.h>

#include "common/memory.h"
#include "discoverd/http_message.h"
#include "discoverd/rtsp_message.h"
#include "discoverd/tcp_exchange.h"

struct rtsp_prober {
	struct loop *loop;
	struct probe_target target;
	struct tcp_exchange *exchange;
	struct evidence evidence;
	bool confirmed;
	const struct probe_handlers *handlers;
	void *owner;
};

static void finish(struct rtsp_prober *prober, enum probe_result result)
{
	if (prober->confirmed)
		result = PROBE_CONFIRMED;
	prober->handlers->on_done(prober, result, &prober->evidence, prober->owner);
}

static void on_connected(struct tcp_exchange *exchange, void *owner)
{
	char request[RTSP_REQUEST_SIZE];

	tcp_exchange_extend(exchange, PROBE_TIMEOUT); /* each step may lose packets */
	tcp_exchange_send(exchange, request, rtsp_message_options(request));
}

static void ask_describe(struct rtsp_prober *prober)
{
	char request[RTSP_REQUEST_SIZE];
	uint32_t random = 0;

	tcp_exchange_extend(prober->exchange, PROBE_TIMEOUT);
	(void)!getrandom(&random, sizeof(random), 0);
	tcp_exchange_send(prober->exchange, request,
			  rtsp_message_describe(request, &prober->target.address,
						prober->target.port, prober->target.secure,
						random));
}

static void on_bytes(struct tcp_exchange *exchange, const char *bytes, size_t size, bool at_end,
		     void *owner)
{
	struct rtsp_prober *prober = owner;
	struct response response;

	switch (response_parse(&response, bytes, size, at_end)) {
	case RESPONSE_INCOMPLETE:
		return;
	case RESPONSE_INVALID:
		finish(prober, PROBE_OTHER);
		return;
	case RESPONSE_COMPLETE:
		break;
	}
	if (!at_end && size < response.head_size + response.content_length)
		return;
	rtsp_message_read(&prober->evidence, &response, prober->target.port, prober->target.secure,
			  loop_now(prober->loop));
	/* An HTTP server says so even to a request it does not understand. */
	http_message_read(&prober->evidence, &response, prober->target.port, prober->target.secure,
			  loop_now(prober->loop));
	if (response.protocol != RESPONSE_RTSP || prober->confirmed || at_end) {
		prober->confirmed |= response.protocol == RESPONSE_RTSP;
		finish(prober, PROBE_OTHER);
		return;
	}
	prober->confirmed = true;
	tcp_exchange_consume(exchange, response.head_size + response.content_length);
	ask_describe(prober);
}

static void on_failed(struct tcp_exchange *exchange, int error, void *owner)
{
	finish(owner, probe_result_of(error));
}

static void *rtsp_stop(void *object)
{
	struct rtsp_prober *prober = object;

	if (!prober)
		return NULL;
	tcp_exchange_free(prober->exchange);
	evidence_deinit(&prober->evidence);
	free(prober);
	return NULL;
}

static int rtsp_start(void **ret_probe, struct loop *loop, const struct probe_target *target,
		      const struct probe_handlers *handlers, void *owner)
{
	static const struct tcp_exchange_handlers exchange_handlers = { on_connected, on_bytes,
									on_failed };
	struct rtsp_prober *prober = xnew(struct rtsp_prober);
	int r;

	prober->loop = loop;
	prober->target = *target;
	prober->handlers = handlers;
	prober->owner = owner;
	r = tcp_exchange_new(&prober->exchange, loop, target->ifindex, &target->address,
			     target->port, target->secure, PROBE_TIMEOUT, &exchange_handlers,
			     prober);
	if (r < 0) {
		free(prober);
		return r;
	}
	*ret_probe = prober;
	return 0;
}

const struct service_probe rtsp_probe = {
	.start = rtsp_start,
	.stop = rtsp_stop,
};
