/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A session reads a request, checks its token, holds the connection while the request is worked on,
 * answers, and reads the next. When the connection goes away in the middle, the session goes too
 * and the work goes on: the API asks again and gets the same answer.
 */
#include "vpn-service/session.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/netstring.h"
#include "vpn-service/protocol.h"
#include "vpn-service/service.h"

struct session {
	struct service *service;
	struct tls_connection *connection;
	/* What it waits for; at most one of them. */
	struct provision_job *job;
	struct status_query *status;
};

static void *on_open(struct tls_connection *connection, void *server_owner)
{
	struct session *session = xnew(struct session);

	session->service = server_owner;
	session->connection = connection;
	return session;
}

static void on_close(struct tls_connection *connection, void *owner)
{
	struct session *session = owner;

	provision_abandon(session->job);
	status_query_cancel(session->status);
	free(session);
}

/* Takes answer. One write: one TLS record, one packet. */
static void answer_with(struct session *session, char *answer)
{
	char prefix[NETSTRING_MAX_PREFIX + 1];
	size_t size = strlen(answer);
	_cleanup_free_ char *text = NULL;

	netstring_prefix(prefix, size);
	text = xasprintf("%s%s,", prefix, answer);
	tls_connection_write(session->connection, text, strlen(text));
	free(answer);
}

static void answer_error(struct session *session, enum protocol_error error, const char *detail)
{
	answer_with(session, protocol_answer_error(error, detail));
}

static void answer_failure(struct session *session, int error, const char *text)
{
	if (error == -EINVAL)
		answer_error(session, PROTOCOL_INVALID, text);
	else if (error == -ENOSPC)
		answer_error(session, PROTOCOL_EXHAUSTED, text);
	else
		answer_error(session, PROTOCOL_UNAVAILABLE, text);
}

static void on_created(const struct provision_result *result, void *owner)
{
	struct session *session = owner;
	struct service_account described;

	session->job = NULL;
	if (result->account) {
		service_account_init(&described, session->service, result->account);
		answer_with(session, protocol_answer_account(&described.account));
		service_account_deinit(&described);
	} else {
		answer_failure(session, result->error, result->text);
	}
	tls_connection_release(session->connection);
}

static void on_removed(const struct provision_result *result, void *owner)
{
	struct session *session = owner;

	session->job = NULL;
	if (result->error)
		answer_failure(session, result->error, result->text);
	else
		answer_with(session, protocol_answer_deleted());
	tls_connection_release(session->connection);
}

static void on_status(const struct status_result *result, void *owner)
{
	struct session *session = owner;

	session->status = NULL;
	if (result->error)
		answer_failure(session, result->error, result->text);
	else
		answer_with(session, protocol_answer_status(result->status, EVERCAM_VERSION));
	tls_connection_release(session->connection);
}

static void start(struct session *session, const struct protocol_request *request)
{
	struct service *service = session->service;

	switch (request->action) {
	case PROTOCOL_CREATE:
		tls_connection_hold(session->connection);
		session->job = service_create(service, request->gateway_id, request->csr,
					      on_created, session);
		return;
	case PROTOCOL_DELETE:
		tls_connection_hold(session->connection);
		session->job = service_remove(service, request->gateway_id, on_removed, session);
		return;
	case PROTOCOL_STATUS:
		tls_connection_hold(session->connection);
		session->status = service_status(service, request->after, on_status, session);
		return;
	case PROTOCOL_FORWARDS:
		answer_error(session, PROTOCOL_UNAVAILABLE,
			     "this version of vpn-service makes no public forwards yet");
		return;
	case PROTOCOL_ACTION_COUNT:
		return;
	}
}

/* Returns false when the client gets no second try. */
static bool handle(struct session *session, const char *payload, size_t size)
{
	struct protocol_request request;
	struct protocol_problem problem;
	int r = protocol_parse(&request, &problem, payload, size);
	bool is_json = request.json != NULL;
	bool is_known = service_token_is_right(session->service, request.token);

	if (is_json && !is_known) {
		log_event(LOG_WARNING, LOG_FIELDS("EVENT=authentication"),
			  "API connection from %s: wrong token",
			  tls_connection_peer(session->connection));
		answer_error(session, PROTOCOL_AUTHENTICATION_FAILED,
			     "the token is missing or wrong");
	} else if (r < 0) {
		answer_error(session, problem.error, problem.detail);
	} else {
		start(session, &request);
	}
	protocol_request_deinit(&request);
	return is_json && is_known;
}

static size_t on_data(struct tls_connection *connection, const char *bytes, size_t size,
		      void *owner)
{
	struct session *session = owner;
	const char *payload;
	size_t payload_size, consumed;

	switch (netstring_parse(bytes, size, &payload, &payload_size, &consumed)) {
	case NETSTRING_INCOMPLETE:
		return 0;
	case NETSTRING_INVALID:
		answer_error(session, PROTOCOL_PARSING_FAILED,
			     "not a netstring, or longer than 65536 bytes");
		tls_connection_finish(connection);
		return size;
	case NETSTRING_COMPLETE:
		if (!handle(session, payload, payload_size))
			tls_connection_finish(connection);
		return consumed;
	}
	return size;
}

const struct tls_server_handlers session_handlers = {
	.on_open = on_open,
	.on_data = on_data,
	.on_close = on_close,
};
