/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * EnumSession names the sessions, GetSessionStatus counts the bytes of one. (EnumUser has counters
 * as well, but vpnserver brings them up to date only when a session ends.) A session that ends in
 * between is simply not there.
 */
#include "vpn-service/vpn_sessions.h"

#include <errno.h>
#include <string.h>

#include "common/memory.h"
#include "vpn-service/host_files.h"

#define MAX_SESSIONS 100000

/* A session while it is asked about. */
struct entry {
	struct vpn_sessions *query;
	struct softether_call *call;
	const char *name; /* in the answer of EnumSession, gone after the count was asked for */
	bool ended;
	struct vpn_session session;
};

struct vpn_sessions {
	struct softether *softether;
	char *hub;
	uint32_t first, last;
	vpn_sessions_fn *on_done;
	void *owner;
	struct loop_timer patience;
	struct softether_call *call;
	struct entry *entries;
	size_t entry_count;
	size_t pending;
	unsigned connected;
};

static void query_free(struct vpn_sessions *query)
{
	softether_cancel(query->call);
	for (size_t i = 0; i < query->entry_count; i++)
		softether_cancel(query->entries[i].call);
	loop_timer_deinit(&query->patience);
	free(query->entries);
	free(query->hub);
	free(query);
}

struct vpn_sessions *vpn_sessions_cancel(struct vpn_sessions *query)
{
	if (query)
		query_free(query);
	return NULL;
}

static void fail(struct vpn_sessions *query, int error, const char *text)
{
	const struct vpn_sessions_result result = { .error = error, .text = text };

	query->on_done(&result, query->owner);
	query_free(query);
}

static void finish(struct vpn_sessions *query)
{
	struct vpn_sessions_result result = { .connected = query->connected };
	_cleanup_free_ struct vpn_session *sessions = xcalloc(query->entry_count + 1,
							      sizeof(*sessions));

	for (size_t i = 0; i < query->entry_count; i++)
		if (!query->entries[i].ended)
			sessions[result.session_count++] = query->entries[i].session;
	result.sessions = sessions;
	query->on_done(&result, query->owner);
	query_free(query);
}

static void on_patience(struct loop_timer *timer)
{
	struct vpn_sessions *query = container_of(timer, struct vpn_sessions, patience);

	if (query->call)
		fail(query, -ETIMEDOUT, "SoftEther does not answer in time");
	else
		finish(query);
}

static void on_counted(const struct softether_answer *answer, void *owner)
{
	struct entry *entry = owner;
	struct vpn_session *session = &entry->session;

	entry->call = NULL;
	if (!answer->error)
		session->counted = json_get_number(answer->result, "TotalRecvSize_u64", 0,
						   INT64_MAX / 1024, &session->bytes_in) == 0 &&
				   json_get_number(answer->result, "TotalSendSize_u64", 0,
						   INT64_MAX / 1024, &session->bytes_out) == 0;
	else if (answer->error == -EREMOTEIO)
		entry->ended = true;
	if (--entry->query->pending == 0)
		finish(entry->query);
}

static void count_bytes(struct vpn_sessions *query, struct entry *entry)
{
	cJSON *params = json_new_object();

	json_add_string(params, "HubName_str", query->hub);
	json_add_string(params, "Name_str", entry->name);
	entry->query = query;
	entry->call = softether_start(query->softether, "GetSessionStatus", params, on_counted,
				      entry);
	query->pending++;
}

/* Whether this is the session of a gateway that is connected. */
static bool read_session(struct entry *entry, const cJSON *json)
{
	struct vpn_session *session = &entry->session;
	const char *user, *created, *client;
	struct netaddr address;
	uint64_t connections = 0;

	*entry = (struct entry){ 0 };
	if (json_get_string(json, "Username_str", 255, &user) < 0 ||
	    json_get_string(json, "Name_str", 255, &entry->name) < 0 ||
	    json_get_string(json, "CreatedTime_dt", 64, &created) < 0 ||
	    gateway_name_parse(user, &session->gateway_id) < 0 ||
	    time_parse(&session->connected_since, created) < 0)
		return false;
	if (json_get_string(json, "ClientIP_ip", 64, &client) == 0 &&
	    netaddr_parse(&address, client) == 0)
		netaddr_format(&address, session->client_address);
	/* A session whose client went away without a word lives on for a while, without
	 * connections. */
	return json_get_number(json, "CurrentNumTcp_u32", 1, UINT32_MAX, &connections) == 0;
}

/* By gateway; of one gateway's sessions the newest is the first. */
static int compare_entries(const void *a, const void *b)
{
	const struct vpn_session *left = &((const struct entry *)a)->session;
	const struct vpn_session *right = &((const struct entry *)b)->session;

	if (left->gateway_id != right->gateway_id)
		return left->gateway_id > right->gateway_id ? 1 : -1;
	return (left->connected_since < right->connected_since) -
	       (left->connected_since > right->connected_since);
}

/* One entry per gateway that is asked about. */
static void collect(struct vpn_sessions *query, const cJSON *list)
{
	size_t count = 0, read = 0;
	const cJSON *json;
	uint32_t before = 0;

	query->entries = xcalloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*query->entries));
	json_for_each (json, list)
		read += read_session(&query->entries[read], json);
	qsort(query->entries, read, sizeof(*query->entries), compare_entries);
	for (size_t i = 0; i < read; i++) {
		uint32_t gateway_id = query->entries[i].session.gateway_id;

		if (gateway_id == before)
			continue;
		before = gateway_id;
		query->connected++;
		if (gateway_id >= query->first && gateway_id <= query->last)
			query->entries[count++] = query->entries[i];
	}
	query->entry_count = count;
}

static void on_sessions(const struct softether_answer *answer, void *owner)
{
	struct vpn_sessions *query = owner;
	const cJSON *list;

	query->call = NULL;
	if (answer->error) {
		fail(query, answer->error, answer->text);
		return;
	}
	if (json_get_array(answer->result, "SessionList", MAX_SESSIONS, &list) == 0)
		collect(query, list);
	for (size_t i = 0; i < query->entry_count; i++)
		count_bytes(query, &query->entries[i]);
	if (!query->pending)
		finish(query);
}

struct vpn_sessions *vpn_sessions_start(struct loop *loop, struct softether *softether,
					const struct vpn_sessions_question *question,
					vpn_sessions_fn *on_done, void *owner)
{
	struct vpn_sessions *query = xnew(struct vpn_sessions);
	cJSON *params = json_new_object();

	query->softether = softether;
	query->hub = xstrdup(question->hub);
	query->first = question->first;
	query->last = question->last;
	query->on_done = on_done;
	query->owner = owner;
	loop_timer_init(&query->patience, loop, on_patience);
	if (question->patience)
		loop_timer_arm(&query->patience, question->patience);
	json_add_string(params, "HubName_str", question->hub);
	query->call = softether_start(softether, "EnumSession", params, on_sessions, query);
	return query;
}
