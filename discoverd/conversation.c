/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Not by libcurl: what counts is the bare head of whatever answers, on connections that cost as
 * little as possible, and libcurl would double the daemon's memory.
 *
 * A connection is used again when the server keeps it; one that turns out to have been closed in
 * the meantime counts as not kept. What has come of an answer when the connection or the patience
 * ends is read as far as it goes.
 */
#include "discoverd/conversation.h"

#include <errno.h>

#include "common/memory.h"
#include "discoverd/certificate_message.h"

static const struct tcp_exchange_handlers exchange_handlers;

static enum probe_result result_of(int error)
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

static void finish(struct conversation *conversation, enum probe_result result)
{
	conversation->handlers->on_done(conversation,
					conversation->confirmed ? PROBE_CONFIRMED : result,
					&conversation->evidence, conversation->owner);
}

static int open_connection(struct conversation *conversation, usec_t patience)
{
	conversation->port = conversation->target.place.port;
	conversation->reused = conversation->skipping = false;
	response_reader_reset(&conversation->reader);
	return tcp_exchange_new(&conversation->exchange, conversation->loop,
				&conversation->target.place, patience, PROBE_TIMEOUT,
				&exchange_handlers, conversation);
}

static void reconnect(struct conversation *conversation)
{
	conversation->exchange = tcp_exchange_free(conversation->exchange);
	if (conversation->probe->lone ||
	    !conversation->handlers->may_reconnect(conversation->owner) ||
	    open_connection(conversation, PROBE_TIMEOUT) < 0)
		finish(conversation, PROBE_OTHER);
}

static void ask(struct conversation *conversation)
{
	char request[CONVERSATION_REQUEST_SIZE];
	size_t size = conversation->probe->ask(conversation, request);

	response_reader_reset(&conversation->reader);
	conversation->skipping = false;
	tcp_exchange_extend(conversation->exchange, PROBE_TIMEOUT);
	tcp_exchange_send(conversation->exchange, request, size);
}

static bool is_kept(const struct conversation *conversation)
{
	const struct response_reader *reader = &conversation->reader;

	return conversation->exchange && reader->part != RESPONSE_HEAD &&
	       response_reader_is_kept(reader);
}

/* Over this connection, as soon as all of the answer before has come; or over another. */
static void go_on(struct conversation *conversation)
{
	if (!is_kept(conversation) || conversation->port != conversation->target.place.port) {
		reconnect(conversation);
		return;
	}
	conversation->reused = true;
	if (conversation->reader.part == RESPONSE_WHOLE)
		ask(conversation);
	else
		conversation->skipping = true;
}

static void on_answer(struct conversation *conversation)
{
	const struct response_reader *reader = &conversation->reader;

	conversation->taken = false;
	if (conversation->probe->read(conversation, &reader->response,
				      reader->length ? reader->bytes : "", reader->length))
		go_on(conversation);
	else
		finish(conversation, PROBE_OTHER);
}

/* The request was not answered. */
static void on_lost(struct conversation *conversation, int error)
{
	enum probe_result result = result_of(error);
	bool closed = conversation->reused && (result == PROBE_OTHER || conversation->skipping);

	if (conversation->taken)
		finish(conversation, PROBE_UNASKED);
	else if (closed || (conversation->probe->move && conversation->probe->move(conversation)))
		reconnect(conversation);
	else
		finish(conversation, result);
}

/* Whether it is known that the body has ended, or that it does not matter. */
static bool is_enough(const struct conversation *conversation)
{
	const struct response_reader *reader = &conversation->reader;
	const struct service_probe *probe = conversation->probe;

	if (reader->part != RESPONSE_BODY)
		return reader->part == RESPONSE_WHOLE;
	return probe->heads || (!reader->response.has_length && probe->is_whole &&
				probe->is_whole(reader->bytes, reader->length));
}

static void on_skipped(struct conversation *conversation)
{
	if (is_kept(conversation))
		ask(conversation);
	else if (conversation->taken)
		finish(conversation, PROBE_UNASKED);
	else
		reconnect(conversation);
}

static void on_connected(struct tcp_exchange *exchange, void *owner)
{
	struct conversation *conversation = owner;
	const char *certificate = tcp_exchange_certificate(exchange);

	conversation->trip = tcp_exchange_trip(exchange);
	if (certificate)
		certificate_message_read(&conversation->evidence, certificate,
					 loop_now(conversation->loop));
	ask(conversation);
}

static void on_bytes(struct tcp_exchange *exchange, const char *bytes, size_t size, bool at_end,
		     void *owner)
{
	struct conversation *conversation = owner;
	struct response_reader *reader = &conversation->reader;

	if (at_end && reader->part == RESPONSE_HEAD && !reader->length) {
		on_lost(conversation, -ECONNRESET);
		return;
	}
	response_reader_read(reader, bytes, size, at_end);
	if (reader->part == RESPONSE_BAD)
		finish(conversation, conversation->taken ? PROBE_UNASKED : PROBE_OTHER);
	else if (conversation->skipping && reader->part == RESPONSE_WHOLE)
		on_skipped(conversation);
	else if (!conversation->skipping && is_enough(conversation))
		on_answer(conversation);
}

static void on_failed(struct tcp_exchange *exchange, int error, void *owner)
{
	struct conversation *conversation = owner;
	struct response_reader *reader = &conversation->reader;

	conversation->exchange = tcp_exchange_free(exchange);
	if (conversation->skipping || (reader->part == RESPONSE_HEAD && !reader->length)) {
		on_lost(conversation, error);
		return;
	}
	response_reader_read(reader, "", 0, true);
	if (reader->part == RESPONSE_WHOLE)
		on_answer(conversation);
	else
		on_lost(conversation, error);
}

static const struct tcp_exchange_handlers exchange_handlers = { on_connected, on_bytes, on_failed };

static struct conversation *create(struct loop *loop, const struct service_probe *probe,
				   const struct probe_target *target,
				   const struct conversation_handlers *handlers, void *owner)
{
	struct conversation *conversation = xcalloc(1, probe->size);

	conversation->probe = probe;
	conversation->loop = loop;
	conversation->target = *target;
	conversation->handlers = handlers;
	conversation->owner = owner;
	if (probe->begin)
		probe->begin(conversation, target);
	conversation->target.path = NULL;
	return conversation;
}

int conversation_start(struct conversation **ret_conversation, struct loop *loop,
		       const struct service_probe *probe, const struct probe_target *target,
		       const struct conversation_handlers *handlers, void *owner)
{
	struct conversation *conversation = create(loop, probe, target, handlers, owner);
	int r = open_connection(conversation, target->patience);

	if (r < 0) {
		conversation_free(conversation);
		return r;
	}
	*ret_conversation = conversation;
	return 0;
}

int conversation_continue(struct conversation **ret_conversation, struct conversation *before,
			  const struct service_probe *probe, const struct probe_target *target,
			  const struct conversation_handlers *handlers, void *owner)
{
	struct conversation *conversation;

	if (!is_kept(before) || before->port != target->place.port)
		return -ENOTCONN;
	conversation = create(before->loop, probe, target, handlers, owner);
	conversation->exchange = steal_ptr(before->exchange);
	tcp_exchange_set_owner(conversation->exchange, conversation);
	conversation->reader = before->reader;
	before->reader = (struct response_reader){ 0 };
	conversation->port = before->port;
	conversation->trip = before->trip;
	conversation->reused = conversation->taken = true;
	if (conversation->reader.part == RESPONSE_WHOLE)
		ask(conversation);
	else
		conversation->skipping = true;
	*ret_conversation = conversation;
	return 0;
}

struct conversation *conversation_free(struct conversation *conversation)
{
	if (!conversation)
		return NULL;
	tcp_exchange_free(conversation->exchange);
	response_reader_deinit(&conversation->reader);
	evidence_deinit(&conversation->evidence);
	free(conversation);
	return NULL;
}
