/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes the ONVIF calls that need no password, to learn what a device is. All calls go over one
 * connection, if the device keeps it; else over as many as may still be made, the most valuable
 * calls first. If the first is not answered in ONVIF's way, or refused, there are no others.
 *
 * The host in the addresses that a device tells is never called: port and path are all that is
 * taken from them.
 */
#include <string.h>

#include "discoverd/conversation.h"
#include "discoverd/forbidden_port.h"
#include "discoverd/http_message.h"
#include "discoverd/onvif_message.h"
#include "discoverd/probe_plan.h"

_Static_assert(ONVIF_REQUEST_SIZE <= CONVERSATION_REQUEST_SIZE, "a request fits");

struct onvif_prober {
	struct conversation conversation;
	struct onvif_session session;
	enum onvif_call call;
};

static void onvif_begin(struct conversation *conversation, const struct probe_target *target)
{
	struct onvif_prober *prober = container_of(conversation, struct onvif_prober, conversation);
	const char *path = target->path ? target->path : ONVIF_DEFAULT_PATH;

	prober->session.address = target->place.address;
	prober->session.port = target->place.port;
	prober->session.secure = target->place.secure;
	memcpy(prober->session.path, path, strlen(path) + 1); /* a fact's text: below TEXT_SIZE */
}

static size_t onvif_ask(struct conversation *conversation,
			char request[static CONVERSATION_REQUEST_SIZE])
{
	struct onvif_prober *prober = container_of(conversation, struct onvif_prober, conversation);

	return onvif_message_request(request, &prober->session, prober->call);
}

static uint16_t port_of(const struct onvif_prober *prober)
{
	return onvif_message_is_media(prober->call) ? prober->session.media.port
						    : prober->session.port;
}

/* To the next call that is due; false if there is none. */
static bool advance(struct onvif_prober *prober)
{
	while (++prober->call < ONVIF_CALL_COUNT)
		if (onvif_message_is_due(&prober->session, prober->call) &&
		    !port_is_forbidden(port_of(prober))) {
			prober->conversation.target.place.port = port_of(prober);
			return true;
		}
	return false;
}

static bool onvif_read(struct conversation *conversation, const struct response *response,
		       const char *body, size_t size)
{
	struct onvif_prober *prober = container_of(conversation, struct onvif_prober, conversation);
	const struct tcp_place *place = &conversation->target.place;
	usec_t now = loop_now(conversation->loop);
	enum onvif_answer answer;
	bool proven;

	http_message_read(&conversation->evidence, response, place->port, place->secure, now);
	if (response->protocol != RESPONSE_HTTP)
		return false;
	answer = onvif_message_read(&prober->session, &conversation->evidence, prober->call,
				    response->status, body, size, now);
	proven = evidence_has_trait(&conversation->evidence, "onvif-answers");
	/* To be asked for a password where it says it is: it need not be looked for elsewhere. */
	conversation->confirmed = proven || (answer == ONVIF_DENIED && conversation->target.told);
	/* Who refuses even the time, which is for all, refuses everything. */
	return proven && !(answer == ONVIF_DENIED && !prober->call) && advance(prober);
}

/* Told with the port of somebody's router, or without the one it has. */
static bool onvif_move(struct conversation *conversation)
{
	struct onvif_prober *prober = container_of(conversation, struct onvif_prober, conversation);
	struct tcp_place *place = &conversation->target.place;

	if (place->port == prober->session.port)
		return false;
	place->port = prober->session.media.port = prober->session.port;
	return true;
}

const struct service_probe onvif_probe = {
	.size = sizeof(struct onvif_prober),
	.begin = onvif_begin,
	.ask = onvif_ask,
	.read = onvif_read,
	.is_whole = onvif_message_is_whole,
	.move = onvif_move,
};
