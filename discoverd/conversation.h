/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One conversation with one TCP service of a device: connects, asks, reads the answer, asks the
 * next, and ends with what is known of the service then. What differs from one service to another
 * is a struct service_probe: what to send, what an answer means, and whether there is more to ask.
 * A new service is one file with that, and its lines in probe_plan.h and probe_plan.c.
 *
 * No credential is ever sent.
 */
#pragma once

#include "common/loop.h"
#include "discoverd/evidence.h"
#include "discoverd/response_reader.h"
#include "discoverd/tcp_exchange.h"

#define CONVERSATION_REQUEST_SIZE 2048
#define PROBE_TIMEOUT             (3500 * USEC_PER_MSEC) /* for an answer */

struct probe_target {
	struct tcp_place place;
	bool told;        /* the device says itself that the service is there */
	usec_t patience;  /* until there is a connection */
	const char *path; /* of a service that has one: until start returns; NULL: not known */
};

enum probe_result {
	PROBE_CONFIRMED, /* it speaks the protocol */
	PROBE_OTHER,     /* it speaks something else, or nothing that makes sense */
	PROBE_REFUSED,   /* nothing listens there */
	PROBE_SILENT,    /* no answer: filtered, lost, or gone */
	PROBE_UNASKED,   /* the connection that was taken over ended before an answer */
};

struct conversation;

struct conversation_handlers {
	/* The last call: the conversation is to be freed then. evidence: may be taken. */
	void (*on_done)(struct conversation *conversation, enum probe_result result,
			struct evidence *evidence, void *owner);
	/* May it connect once more, in place of a connection that has ended? */
	bool (*may_reconnect)(void *owner);
};

struct service_probe {
	size_t size; /* of the service's own struct, whose first member is the conversation */
	bool heads;  /* the head of an answer is enough */
	bool lone;   /* what could not be asked over the first connection is not worth another */
	/* Own state; path: see above. May be NULL. */
	void (*begin)(struct conversation *conversation, const struct probe_target *target);
	/* Writes the next request; returns its length. */
	size_t (*ask)(struct conversation *conversation,
		      char request[static CONVERSATION_REQUEST_SIZE]);
	/* What the answer means, added to the evidence. Returns whether there is more to ask. */
	bool (*read)(struct conversation *conversation, const struct response *response,
		     const char *body, size_t size);
	/* Whether a body is complete, of which the head does not say where it ends. May be NULL. */
	bool (*is_whole)(const char *body, size_t size);
	/* The request could not be made: whether it is to be made to another port, which is set
	 * then. May be NULL. */
	bool (*move)(struct conversation *conversation);
};

/* For the service: */
struct conversation {
	const struct service_probe *probe;
	struct loop *loop;
	struct probe_target target; /* where the next request goes */
	struct evidence evidence;
	bool confirmed; /* it speaks the protocol */

	/* For conversation.c only: */
	const struct conversation_handlers *handlers;
	void *owner;
	struct tcp_exchange *exchange;
	struct response_reader reader;
	uint16_t port; /* that the exchange is with */
	bool reused;   /* the exchange has had an answer before: it may have been closed since */
	bool taken;    /* from another conversation, and no answer to this one so far */
	bool skipping; /* the rest of an answer, before the next request */
	usec_t trip;   /* what the last connection took; 0: there was none */
};

/* No callback runs inside. handlers: borrowed. */
int conversation_start(struct conversation **ret_conversation, struct loop *loop,
		       const struct service_probe *probe, const struct probe_target *target,
		       const struct conversation_handlers *handlers, void *owner);
/* Goes on over the connection of another conversation that has ended, but is not freed yet.
 * -ENOTCONN: that will not be kept. */
int conversation_continue(struct conversation **ret_conversation, struct conversation *before,
			  const struct service_probe *probe, const struct probe_target *target,
			  const struct conversation_handlers *handlers, void *owner);
struct conversation *conversation_free(struct conversation *conversation);
