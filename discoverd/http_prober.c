/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks a port in HTTP, in TLS or not: GET /, and what that redirects to on the same port, heads
 * only. The connection may be used for something else after that.
 */
#include <string.h>

#include "discoverd/conversation.h"
#include "discoverd/http_message.h"
#include "discoverd/probe_plan.h"

_Static_assert(HTTP_REQUEST_SIZE <= CONVERSATION_REQUEST_SIZE, "a request fits");

struct http_prober {
	struct conversation conversation;
	char path[TEXT_SIZE];
	bool redirected;
};

static void http_begin(struct conversation *conversation, const struct probe_target *target)
{
	struct http_prober *prober = container_of(conversation, struct http_prober, conversation);

	prober->path[0] = '/';
}

static size_t http_ask(struct conversation *conversation,
		       char request[static CONVERSATION_REQUEST_SIZE])
{
	struct http_prober *prober = container_of(conversation, struct http_prober, conversation);
	const struct tcp_place *place = &conversation->target.place;

	return http_message_get(request, &place->address, place->port, prober->path);
}

static bool http_read(struct conversation *conversation, const struct response *response,
		      const char *body, size_t size)
{
	struct http_prober *prober = container_of(conversation, struct http_prober, conversation);
	const struct tcp_place *place = &conversation->target.place;
	usec_t now = loop_now(conversation->loop);

	http_message_read(&conversation->evidence, response, place->port, place->secure, now);
	if (response->protocol != RESPONSE_HTTP)
		return false;
	conversation->confirmed = true;
	if (prober->redirected ||
	    !http_message_redirect(&conversation->evidence, response, &place->address, place->port,
				   place->secure, prober->path, now))
		return false;
	prober->redirected = true;
	return true;
}

const struct service_probe http_probe = {
	.size = sizeof(struct http_prober),
	.heads = true,
	.begin = http_begin,
	.ask = http_ask,
	.read = http_read,
};
