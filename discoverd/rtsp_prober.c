/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks a port in RTSP: OPTIONS, then a DESCRIBE that nobody can satisfy. Both requests go over one
 * connection. A server that hangs up after the first, or is silent to the second, has been
 * confirmed all the same. No session is opened.
 */
#include <sys/random.h>

#include "discoverd/conversation.h"
#include "discoverd/http_message.h"
#include "discoverd/probe_plan.h"
#include "discoverd/rtsp_message.h"

_Static_assert(RTSP_REQUEST_SIZE <= CONVERSATION_REQUEST_SIZE, "a request fits");

static size_t rtsp_ask(struct conversation *conversation,
		       char request[static CONVERSATION_REQUEST_SIZE])
{
	const struct tcp_place *place = &conversation->target.place;
	uint32_t random = 0;

	if (!conversation->confirmed)
		return rtsp_message_options(request);
	(void)!getrandom(&random, sizeof(random), 0);
	return rtsp_message_describe(request, &place->address, place->port, place->secure, random);
}

static bool rtsp_read(struct conversation *conversation, const struct response *response,
		      const char *body, size_t size)
{
	const struct tcp_place *place = &conversation->target.place;
	usec_t now = loop_now(conversation->loop);
	bool first = !conversation->confirmed;

	rtsp_message_read(&conversation->evidence, response, place->port, place->secure, now);
	/* An HTTP server says so even to a request it does not understand. */
	http_message_read(&conversation->evidence, response, place->port, place->secure, now);
	if (response->protocol != RESPONSE_RTSP)
		return false;
	conversation->confirmed = true;
	return first;
}

const struct service_probe rtsp_probe = {
	.size = sizeof(struct conversation),
	.lone = true,
	.ask = rtsp_ask,
	.read = rtsp_read,
};
