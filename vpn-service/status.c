/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * EnumSession names the sessions, GetSessionStatus counts the bytes of one. (EnumUser has counters
 * as well, but vpnserver brings them up to date only when a session ends.) Sessions that end in
 * between are simply not connected.
 */
#include "vpn-service/status.h"

#include <errno.h>
#include <string.h>

#include "common/memory.h"
#include "vpn-service/host_files.h"

struct byte_count {
	struct status_query *query;
	struct protocol_gateway *gateway;
	struct softether_call *call;
};

struct status_query {
	struct softether *softether;
	struct account_store *store;
	char *hub;
	uint32_t after;
	status_done_fn *on_done;
	void *owner;
	struct softether_call *call;
	struct byte_count counts[PROTOCOL_STATUS_MAX];
	size_t count_count;
	size_t pending;
	struct protocol_status status;
};

static void query_free(struct status_query *query)
{
	free(query->hub);
	free(query);
}

struct status_query *status_query_cancel(struct status_query *query)
{
	if (!query)
		return NULL;
	softether_cancel(query->call);
	for (size_t i = 0; i < query->count_count; i++)
		softether_cancel(query->counts[i].call);
	query_free(query);
	return NULL;
}

static void finish(struct status_query *query, int error, const char *text)
{
	const struct status_result result = { .error = error,
					      .text = text,
					      .status = &query->status };

	query->on_done(&result, query->owner);
	query_free(query);
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

static int compare_gateways(const void *a, const void *b)
{
	const struct protocol_gateway *left = a, *right = b;

	return (left->gateway_id > right->gateway_id) - (left->gateway_id < right->gateway_id);
}

static void on_counted(const struct softether_answer *answer, void *owner)
{
	struct byte_count *count = owner;
	struct status_query *query = count->query;
	struct protocol_gateway *gateway = count->gateway;

	count->call = NULL;
	if (!answer->error) {
		(void)json_get_number(answer->result, "TotalRecvSize_u64", 0, INT64_MAX / 1024,
				      &gateway->bytes_in);
		(void)json_get_number(answer->result, "TotalSendSize_u64", 0, INT64_MAX / 1024,
				      &gateway->bytes_out);
	} else if (answer->error == -EREMOTEIO) {
		gateway->connected_since = 0; /* has just ended */
	}
	if (--query->pending == 0)
		finish(query, 0, NULL);
}

static void count_bytes(struct status_query *query, struct protocol_gateway *gateway,
			const char *session)
{
	struct byte_count *count = &query->counts[query->count_count++];
	cJSON *params = json_new_object();

	json_add_string(params, "HubName_str", query->hub);
	json_add_string(params, "Name_str", session);
	count->query = query;
	count->gateway = gateway;
	count->call = softether_start(query->softether, "GetSessionStatus", params, on_counted,
				      count);
	query->pending++;
}

static void add_session(struct status_query *query, const cJSON *session)
{
	struct protocol_status *status = &query->status;
	struct protocol_gateway *gateway, key = { 0 };
	const char *user, *name, *created, *client;
	struct netaddr address;
	uint64_t connections = 0;

	if (json_get_string(session, "Username_str", 255, &user) < 0 ||
	    json_get_string(session, "Name_str", 255, &name) < 0 ||
	    gateway_name_parse(user, &key.gateway_id) < 0)
		return;
	/* A session whose client went away without a word lives on for a while, without
	 * connections. */
	(void)json_get_number(session, "CurrentNumTcp_u32", 0, UINT32_MAX, &connections);
	if (!connections)
		return;
	status->sessions++;
	gateway = bsearch(&key, status->gateways, status->gateway_count, sizeof(key),
			  compare_gateways);
	if (!gateway || gateway->connected_since)
		return;
	if (json_get_string(session, "CreatedTime_dt", 64, &created) < 0 ||
	    time_parse(&gateway->connected_since, created) < 0)
		return;
	if (json_get_string(session, "ClientIP_ip", 64, &client) == 0 &&
	    netaddr_parse(&address, client) == 0)
		netaddr_format(&address, gateway->client_address);
	count_bytes(query, gateway, name);
}

static void on_sessions(const struct softether_answer *answer, void *owner)
{
	struct status_query *query = owner;
	const cJSON *list, *session;

	query->call = NULL;
	if (answer->error) {
		finish(query, -ENETUNREACH, answer->text);
		return;
	}
	if (account_store_for_each(query->store, on_account, query) < 0) {
		finish(query, -EIO, "the database cannot be read");
		return;
	}
	if (json_get_array(answer->result, "SessionList", 100000, &list) == 0) {
		json_for_each (session, list)
			add_session(query, session);
	}
	if (!query->pending)
		finish(query, 0, NULL);
}

struct status_query *status_query_start(struct softether *softether, struct account_store *store,
					const char *hub, uint32_t after, status_done_fn *on_done,
					void *owner)
{
	struct status_query *query = xnew(struct status_query);
	cJSON *params = json_new_object();

	query->softether = softether;
	query->store = store;
	query->hub = xstrdup(hub);
	query->after = after;
	query->on_done = on_done;
	query->owner = owner;
	json_add_string(params, "HubName_str", hub);
	query->call = softether_start(softether, "EnumSession", params, on_sessions, query);
	return query;
}
