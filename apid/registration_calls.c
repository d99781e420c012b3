/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A gateway on its way in: announcement, the wait for its owner's approval, tokens. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apid/call.h"
#include "apid/calls.h"
#include "common/certificate.h"
#include "common/log.h"

#define MAX_WAIT          55 /* seconds; proxies and NAT give up at 60 */
#define PENDING_RETRY     10 /* seconds */
#define TOKEN_SECONDS     (60LL * 24 * 3600)
#define MAX_PENDING       10000
#define MAX_PENDING_FROM  250 /* of one address: as many as one may install in a morning */
#define PENDING_FORGOTTEN (7LL * 24 * 3600) /* a pending gateway announces again far more often */

/* --- announcement --- */

static int too_often(struct call *call, usec_t wait, const char *sentence)
{
	return call_retry(call, 429, (unsigned)(wait / USEC_PER_SEC) + 1, sentence);
}

/*
 * Anybody may announce, so what anybody can fill is bounded. A full table makes room, rather than
 * keep new ones out: a gateway that had to go announces itself again. 1, 0 answered, or -errno.
 */
static int announcement_admit(struct call *call, const char *peer)
{
	usec_t now = loop_now(call->api->loop), wait;
	int r;

	wait = rate_limit_wait(&call->api->announcements, peer, now);
	if (wait)
		return too_often(call, wait, "too many new gateways from this address");
	rate_limit_count(&call->api->announcements, peer, now);
	r = store_gateway_forget_pending(call->api->store, call->time - PENDING_FORGOTTEN);
	if (r >= 0)
		r = store_gateway_make_room(call->api->store, peer, MAX_PENDING_FROM, MAX_PENDING);
	return r < 0 ? r : 1;
}

/* Each is written to disk, and a gateway has no reason for many. 1 or 0 answered. */
static int announcement_admit_again(struct call *call, const char *secret_hash)
{
	usec_t now = loop_now(call->api->loop);
	usec_t wait = rate_limit_wait(&call->api->repetitions, secret_hash, now);

	if (wait)
		return too_often(call, wait, "this gateway announces itself too often");
	rate_limit_count(&call->api->repetitions, secret_hash, now);
	return 1;
}

/* Knowing the secret is what allows PUT csr, too: a new key in the announcement is a rotation. */
static int announced_key_follow(struct call *call, const struct gateway_record *known,
				const char *csr)
{
	int r;

	if (known->state != GATEWAY_APPROVED || strcmp(known->csr, csr) == 0)
		return 0;
	r = store_gateway_set_csr(call->api->store, known->id, csr);
	if (r == 0)
		r = store_provision_order(call->api->store, known->id, PROVISION_CREATE);
	if (r == 0)
		provisioner_kick(call->api->provisioner);
	return r;
}

static int announcement_store(struct call *call, const struct announcement *announcement,
			      const struct gateway_record *known, const char *peer,
			      uint64_t *ret_id, bool *ret_created)
{
	int r = store_begin(call->api->store);

	if (r == 0)
		r = store_gateway_announce(call->api->store, announcement, peer, call->time, ret_id,
					   ret_created);
	if (r == 0 && known->id)
		r = announced_key_follow(call, known, announcement->csr);
	if (r == 0)
		r = store_commit(call->api->store);
	return r;
}

static int announcement_answer(struct call *call, uint64_t id, bool created)
{
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };
	cJSON *json;
	int r = store_gateway_get(call->api->store, id, &record);

	if (r < 0)
		return r;
	if (created)
		log_event(LOG_INFO, LOG_FIELDS("EVENT=announced"),
			  "gateway %" PRIu64 " (%s) announces itself from %s%s", id,
			  record.mac_address, exchange_peer(call->exchange),
			  record.mac_is_shared ? ", with the MAC address of another one" : "");
	json = json_new_object();
	json_add_string(json, "status", gateway_state_names[record.state]);
	if (record.state == GATEWAY_APPROVED)
		json_add_number(json, "gateway_id", (double)id);
	json_add_number(json, "retry_after", PENDING_RETRY);
	return call_reply(call, created ? 201 : 200, json);
}

static int announcement_handle(struct call *call, const struct announcement *announcement)
{
	_cleanup_gateway_ struct gateway_record known = { .id = 0 };
	char hash[SHA256_HEX_SIZE], fingerprint[SHA256_HEX_SIZE], buffer[RATE_LIMIT_KEY_SIZE];
	const char *peer = rate_limit_address_key(buffer, exchange_peer(call->exchange)), *problem;
	bool created = false;
	uint64_t id = 0;
	int r;

	if (certificate_check_request(fingerprint, announcement->csr, &problem) < 0)
		return call_problem(call, 400, "csr: %s", problem);
	sha256_hex(hash, announcement->secret, strlen(announcement->secret));
	r = store_gateway_find(call->api->store, announcement->mac_address, hash, &known);
	if (r == 0 && known.state == GATEWAY_REVOKED)
		return call_problem(call, 409,
				    "this gateway has been revoked; reset it to announce it anew");
	if (r == -ENOENT)
		r = announcement_admit(call, peer);
	else if (r == 0)
		r = announcement_admit_again(call, hash);
	if (r <= 0)
		return r;
	r = announcement_store(call, announcement, &known, peer, &id, &created);
	return r < 0 ? r : announcement_answer(call, id, created);
}

int on_announce(struct call *call)
{
	_cleanup_(announcement_clear) struct announcement announcement = { .secret = NULL };
	struct json_problem problem;

	if (announcement_parse(&announcement, call->body, &problem) < 0)
		return call_problem(call, 400, "%s", problem.text);
	return announcement_handle(call, &announcement);
}

/* --- tokens --- */

static int token_issue(struct api *api, struct exchange *exchange, uint64_t gateway_id)
{
	char token[SECRET_SIZE], hash[SHA256_HEX_SIZE], expiry[TIME_TEXT_SIZE];
	int64_t now = time(NULL);
	cJSON *json;
	int r;

	secret_generate(token);
	sha256_hex(hash, token, strlen(token));
	r = store_begin(api->store);
	if (r == 0)
		r = store_token_add(api->store, gateway_id, hash, now, now + TOKEN_SECONDS);
	if (r == 0)
		r = store_commit(api->store);
	if (r < 0) {
		store_abandon(api->store);
		return r;
	}
	json = json_new_object();
	json_add_string(json, "token", token);
	json_add_number(json, "gateway_id", (double)gateway_id);
	json_add_string(json, "expires_at", time_format(now + TOKEN_SECONDS, expiry));
	exchange_reply(exchange, 201, json);
	explicit_bzero(token, sizeof(token));
	return 0;
}

/* Answers what the record allows now. Returns whether it has answered. */
static bool token_answer(struct api *api, struct exchange *exchange,
			 const struct gateway_record *record)
{
	switch (record->state) {
	case GATEWAY_PENDING:
		return false;
	case GATEWAY_REVOKED:
		exchange_problem(exchange, 410, "this gateway has been revoked by its owner");
		return true;
	case GATEWAY_APPROVED:
		if (token_issue(api, exchange, record->id) < 0) {
			exchange_retry_after(exchange, 10);
			exchange_problem(exchange, 503, "the API's storage does not work");
		}
		return true;
	case GATEWAY_STATE_COUNT:
		break;
	}
	abort();
}

/* Who has waited here may come back at once, so that the next approval is noticed at once. */
static void token_answer_pending(struct exchange *exchange, bool held)
{
	exchange_retry_after(exchange, held ? 1 : PENDING_RETRY);
	exchange_send(exchange, 202, NULL, NULL, 0);
}

static bool on_token_moved(const struct changes_request *request, bool last, void *owner)
{
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };
	struct api *api = owner;
	int r = store_gateway_get(api->store, request->gateway_id, &record);

	if (r < 0)
		exchange_problem(request->exchange, r == -ENOENT ? 404 : 503,
				 "announce the gateway again");
	if (r < 0 || token_answer(api, request->exchange, &record))
		return true;
	if (last)
		token_answer_pending(request->exchange, true);
	return last;
}

int on_get_token(struct call *call)
{
	_cleanup_gateway_ struct gateway_record record = { .id = 0 };
	const char *secret = exchange_header(call->exchange, "X-M2M-Secret");
	char hash[SHA256_HEX_SIZE], mac[MAC_TEXT_SIZE];
	uint64_t wait;
	int r;

	if (call_query_number(call, "wait", MAX_WAIT, 0, &wait) < 0)
		return call_problem(call, 400, "wait: expected seconds, 0 to 55");
	if (!secret || !secret_is_valid(secret))
		return call_problem(call, 404, "no gateway of this MAC address and secret");
	sha256_hex(hash, secret, strlen(secret));
	r = store_gateway_find(call->api->store, mac_format(&call->path.mac, mac), hash, &record);
	if (r == -ENOENT)
		return call_problem(call, 404, "no gateway of this MAC address and secret");
	if (r < 0)
		return r;
	if (token_answer(call->api, call->exchange, &record))
		return 0;
	if (!wait)
		token_answer_pending(call->exchange, false);
	else
		changes_hold(call->api->changes,
			     &(struct changes_request){ call->exchange, record.id, 0 },
			     wait * USEC_PER_SEC, on_token_moved);
	return 0;
}

int on_renew_token(struct call *call)
{
	return token_issue(call->api, call->exchange, call->path.id);
}
