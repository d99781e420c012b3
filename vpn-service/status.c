/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A page of the database's accounts, with SoftEther's sessions for them. */
#include "vpn-service/status.h"

#include <errno.h>
#include <string.h>

#include "common/memory.h"
#include "vpn-service/vpn_sessions.h"

struct status_query {
	uint32_t after;
	status_done_fn *on_done;
	void *owner;
	struct vpn_sessions *sessions;
	int error; /* of the database */
	struct protocol_status status;
};

struct status_query *status_query_cancel(struct status_query *query)
{
	if (!query)
		return NULL;
	vpn_sessions_cancel(query->sessions);
	free(query);
	return NULL;
}

static void finish(struct status_query *query, int error, const char *text)
{
	const struct status_result result = { .error = error,
					      .text = text,
					      .status = &query->status };

	query->on_done(&result, query->owner);
	free(query);
}

static void on_account(const struct account *account, void *owner)
{
	struct status_query *query = owner;
	struct protocol_status *status = &query->status;
	struct protocol_gateway *gateway;
	struct netaddr address = pool_netaddr(account->address);

	if (account->gateway_id <= query->after || account->state == ACCOUNT_REMOVING)
		return;
	if (status->gateway_count == PROTOCOL_STATUS_MAX) {
		status->more = true;
		return;
	}
	gateway = &status->gateways[status->gateway_count++];
	gateway->gateway_id = account->gateway_id;
	netaddr_format(&address, gateway->vpn_ip_address);
}

/* Both are in the order of numbers. */
static void join(struct protocol_status *status, const struct vpn_sessions_result *result)
{
	const struct vpn_session *session = result->sessions;
	const struct vpn_session *end = session + result->session_count;

	for (size_t i = 0; i < status->gateway_count; i++) {
		struct protocol_gateway *gateway = &status->gateways[i];

		while (session < end && session->gateway_id < gateway->gateway_id)
			session++;
		if (session == end || session->gateway_id != gateway->gateway_id)
			continue;
		gateway->connected_since = session->connected_since;
		gateway->bytes_in = session->bytes_in;
		gateway->bytes_out = session->bytes_out;
		memcpy(gateway->client_address, session->client_address,
		       sizeof(gateway->client_address));
	}
}

static void on_sessions(const struct vpn_sessions_result *result, void *owner)
{
	struct status_query *query = owner;

	query->sessions = NULL;
	if (query->error) {
		finish(query, -EIO, "the database cannot be read");
		return;
	}
	if (result->error) {
		finish(query, -ENETUNREACH, result->text);
		return;
	}
	query->status.sessions = result->connected;
	join(&query->status, result);
	finish(query, 0, NULL);
}

struct status_query *status_query_start(struct loop *loop, struct softether *softether,
					struct account_store *store, const char *hub,
					uint32_t after, status_done_fn *on_done, void *owner)
{
	struct status_query *query = xnew(struct status_query);
	struct protocol_status *status = &query->status;
	struct vpn_sessions_question question = { .hub = hub, .first = 1 };

	query->after = after;
	query->on_done = on_done;
	query->owner = owner;
	query->error = account_store_for_each(store, on_account, query);
	if (status->gateway_count) {
		question.first = status->gateways[0].gateway_id;
		question.last = status->gateways[status->gateway_count - 1].gateway_id;
	}
	query->sessions = vpn_sessions_start(loop, softether, &question, on_sessions, query);
	return query;
}
