/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All calls go over one connection, if the device keeps it; else over as many as may still be made,
 * the most valuable calls first. If the first is not answered in ONVIF's way, or refused, there are
 * no others.
 *
 * The host in the addresses that a device tells is never called: port and path are all that is
 * taken from them.
 */
#include "discoverd/onvif_prober.h"

#include <errno.h>
#include <string.h>

#include "common/memory.h"
#include "discoverd/forbidden_port.h"
#include "discoverd/http_message.h"
#include "discoverd/onvif_message.h"
#include "discoverd/probe_plan.h"
#include "discoverd/tcp_exchange.h"

struct onvif_prober {
	struct loop *loop;
	unsigned ifindex;
	struct onvif_session session;
	enum onvif_call call;
	struct tcp_exchange *exchange;
	uint16_t port; /* that the exchange is with */
	bool reused;   /* the exchange has had an answer before: it may have been closed since */
	struct evidence evidence;
	const struct probe_handlers *handlers;
	void *owner;
};

static const struct tcp_exchange_handlers exchange_handlers;

static bool is_proven(const struct onvif_prober *prober)
{
	return evidence_has_trait(&prober->evidence, "onvif-answers");
}

static void finish(struct onvif_prober *prober, enum probe_result result)
{
	prober->handlers->on_done(prober, is_proven(prober) ? PROBE_CONFIRMED : result,
				  &prober->evidence, prober->owner);
}

static uint16_t port_of(const struct onvif_prober *prober)
{
	return onvif_message_is_media(prober->call) ? prober->session.media.port
						    : prober->session.port;
}

static int open_connection(struct onvif_prober *prober)
{
	prober->port = port_of(prober);
	prober->reused = false;
	return tcp_exchange_new(&prober->exchange, prober->loop, prober->ifindex,
				&prober->session.address, prober->port, prober->session.secure,
				PROBE_TIMEOUT, &exchange_handlers, prober);
}

static void reopen_connection(struct onvif_prober *prober)
{
	prober->exchange = tcp_exchange_free(prober->exchange);
	if (!prober->handlers->may_reconnect(prober->owner) || open_connection(prober) < 0)
		finish(prober, PROBE_OTHER);
}

static void send_request(struct onvif_prober *prober)
{
	char request[ONVIF_REQUEST_SIZE];
	size_t size = onvif_message_request(request, &prober->session, prober->call);

	tcp_exchange_extend(prober->exchange, PROBE_TIMEOUT);
	tcp_exchange_send(prober->exchange, request, size);
}

/* To the next call that is due; false if there is none. */
static bool advance(struct onvif_prober *prober)
{
	while (++prober->call < ONVIF_CALL_COUNT)
		if (onvif_message_is_due(&prober->session, prober->call) &&
		    !port_is_forbidden(port_of(prober)))
			return true;
	return false;
}

static void on_answer(struct onvif_prober *prober, enum onvif_answer answer, bool kept)
{
	/* Who refuses even the time, which is for all, refuses everything. */
	if (!is_proven(prober) ||
	    (answer == ONVIF_DENIED && prober->call == ONVIF_GET_SYSTEM_DATE_AND_TIME) ||
	    !advance(prober)) {
		finish(prober, PROBE_OTHER);
	} else if (kept && port_of(prober) == prober->port) {
		prober->reused = true;
		send_request(prober);
	} else {
		reopen_connection(prober);
	}
}

static void on_connected(struct tcp_exchange *exchange, void *owner)
{
	send_request(owner);
}

static void on_bytes(struct tcp_exchange *exchange, const char *bytes, size_t size, bool at_end,
		     void *owner)
{
	struct onvif_prober *prober = owner;
	struct response response;
	char body[TCP_EXCHANGE_MAX];
	enum onvif_answer answer;
	size_t length, whole;

	if (!size && prober->reused) {
		reopen_connection(prober);
		return;
	}
	switch (response_parse(&response, bytes, size, at_end)) {
	case RESPONSE_INCOMPLETE:
		return;
	case RESPONSE_INVALID:
		finish(prober, PROBE_OTHER);
		return;
	case RESPONSE_COMPLETE:
		break;
	}
	if (!response_read_body(&response, bytes, size, at_end, body, &length, &whole))
		return;
	http_message_read(&prober->evidence, &response, prober->port, prober->session.secure,
			  loop_now(prober->loop));
	if (response.protocol != RESPONSE_HTTP) {
		finish(prober, PROBE_OTHER);
		return;
	}
	answer = onvif_message_read(&prober->session, &prober->evidence, prober->call,
				    response.status, body, length, loop_now(prober->loop));
	tcp_exchange_consume(exchange, whole);
	on_answer(prober, answer, !at_end && !response.closes);
}

static void on_failed(struct tcp_exchange *exchange, int error, void *owner)
{
	struct onvif_prober *prober = owner;

	if (prober->reused && probe_result_of(error) == PROBE_OTHER) {
		reopen_connection(prober);
	} else if (prober->port != prober->session.port) {
		/* Told with the port of somebody's router, or without the one it has. */
		prober->session.media.port = prober->session.port;
		reopen_connection(prober);
	} else {
		finish(prober, probe_result_of(error));
	}
}

static const struct tcp_exchange_handlers exchange_handlers = { on_connected, on_bytes, on_failed };

static void *onvif_stop(void *object)
{
	struct onvif_prober *prober = object;

	if (!prober)
		return NULL;
	tcp_exchange_free(prober->exchange);
	evidence_deinit(&prober->evidence);
	free(prober);
	return NULL;
}

static int onvif_start(void **ret_probe, struct loop *loop, const struct probe_target *target,
		       const struct probe_handlers *handlers, void *owner)
{
	struct onvif_prober *prober = xnew(struct onvif_prober);
	const char *path = target->path ? target->path : ONVIF_DEFAULT_PATH;
	int r;

	prober->loop = loop;
	prober->ifindex = target->ifindex;
	prober->session.address = target->address;
	prober->session.port = target->port;
	prober->session.secure = target->secure;
	memcpy(prober->session.path, path, strlen(path) + 1); /* a fact's text: below TEXT_SIZE */
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

const struct service_probe onvif_probe = {
	.start = onvif_start,
	.stop = onvif_stop,
};
