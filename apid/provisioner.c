/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection, one request at a time. Two kinds of failure are kept apart: when the service
 * cannot be reached everything waits (backoff of the link); when it refuses one order, that order
 * is put off in the store and the others go on.
 *
 * An answer counts only for the order it was asked for: if a newer one came meanwhile (the key was
 * rotated, the gateway revoked), the answer is dropped and the newer order follows at once.
 */
#include "apid/provisioner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "apid/vpn_link.h"
#include "apid/vpn_protocol.h"
#include "common/backoff.h"
#include "common/crypto.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/netaddr.h"
#include "common/state_file.h"

#define LINK_TIMEOUT      (15 * USEC_PER_SEC) /* vpn-service talks to its VPN server meanwhile */
#define RETRY_FIRST       USEC_PER_SEC
#define RETRY_LONGEST     (60 * USEC_PER_SEC)
#define UNAVAILABLE_DELAY 5 /* seconds */
#define REFUSED_DELAY     60
#define MAX_TOKEN_FILE    4096

enum provisioner_state {
	PROVISIONER_IDLE,       /* nothing is due */
	PROVISIONER_CONNECTING, /* something is; the link is being opened */
	PROVISIONER_ASKING,     /* the request is out */
	PROVISIONER_RETRYING,   /* no link; waits before the next try */
	PROVISIONER_STATE_COUNT,
};

static const struct {
	const char *name;
	unsigned next;
} states[PROVISIONER_STATE_COUNT] = {
	[PROVISIONER_IDLE] = { "idle", BIT(PROVISIONER_CONNECTING) | BIT(PROVISIONER_RETRYING) },
	[PROVISIONER_CONNECTING] = { "connecting", BIT(PROVISIONER_ASKING) | BIT(PROVISIONER_IDLE) |
							   BIT(PROVISIONER_RETRYING) },
	[PROVISIONER_ASKING] = { "asking", BIT(PROVISIONER_ASKING) | BIT(PROVISIONER_IDLE) |
						   BIT(PROVISIONER_RETRYING) },
	[PROVISIONER_RETRYING] = { "retrying", BIT(PROVISIONER_CONNECTING) | BIT(PROVISIONER_IDLE) |
						       BIT(PROVISIONER_RETRYING) },
};

struct provisioner {
	struct loop *loop;
	struct store *store;
	const struct provisioner_options *options;
	char *host;
	uint16_t port;
	enum provisioner_state state;
	struct vpn_link *link;
	bool link_is_open;
	struct loop_timer timer; /* the next order's time, or the next try */
	struct loop_defer work;
	struct backoff backoff;
	struct provisioner_failure {
		char reason[256];
	} last_failure; /* said once, not at every try */
	struct provision_job job;
	provisioner_done_fn *on_done;
	void *owner;
};

static void provisioner_enter(struct provisioner *provisioner, enum provisioner_state state)
{
	if (!(states[provisioner->state].next & BIT(state)))
		abort();
	if (provisioner->state != state)
		log_debug("vpn-service: %s -> %s", states[provisioner->state].name,
			  states[state].name);
	provisioner->state = state;
	loop_timer_cancel(&provisioner->timer);
	if (state == PROVISIONER_IDLE || state == PROVISIONER_RETRYING) {
		provisioner->link = vpn_link_free(provisioner->link);
		provisioner->link_is_open = false;
	}
	if (state != PROVISIONER_ASKING)
		provision_job_clear(&provisioner->job);
	if (state == PROVISIONER_RETRYING)
		loop_timer_arm(&provisioner->timer,
			       backoff_next(&provisioner->backoff, random_u64()));
}

static void provisioner_lose(struct provisioner *provisioner, const char *reason)
{
	if (strcmp(provisioner->last_failure.reason, reason) != 0)
		log_warning(
			"vpn-service at %s: %s; gateways wait for their accounts until it answers",
			provisioner->options->service, reason);
	snprintf(provisioner->last_failure.reason, sizeof(provisioner->last_failure.reason), "%s",
		 reason);
	provisioner_enter(provisioner, PROVISIONER_RETRYING);
}

static int read_token(struct provisioner *provisioner, char **ret_token)
{
	_cleanup_secret_ char *token = NULL;
	int r = file_read(provisioner->options->token_file, MAX_TOKEN_FILE, &token, NULL);

	if (r < 0)
		return r;
	token[strcspn(token, "\r\n")] = '\0';
	if (!*token)
		return -ENODATA;
	*ret_token = steal_ptr(token);
	return 0;
}

static void provisioner_ask(struct provisioner *provisioner)
{
	_cleanup_secret_ char *token = NULL, *request = NULL;
	struct provision_job *job = &provisioner->job;
	char reason[256];
	int r = read_token(provisioner, &token);

	if (r < 0) {
		snprintf(reason, sizeof(reason), "its token cannot be read from %s: %s",
			 provisioner->options->token_file, strerror(-r));
		provisioner_lose(provisioner, reason);
		return;
	}
	provisioner_enter(provisioner, PROVISIONER_ASKING);
	request = job->action == PROVISION_CREATE
			  ? vpn_create_request(token, job->gateway_id, job->csr)
			  : vpn_delete_request(token, job->gateway_id);
	vpn_link_send(provisioner->link, request, strlen(request));
}

static void on_open(void *owner)
{
	struct provisioner *provisioner = owner;

	if (*provisioner->last_failure.reason)
		log_info("vpn-service at %s answers again", provisioner->options->service);
	provisioner->last_failure.reason[0] = '\0';
	provisioner->link_is_open = true;
	loop_defer_schedule(&provisioner->work);
}

static int job_finish(struct provisioner *provisioner, const struct vpn_answer *answer)
{
	const struct provision_job *job = &provisioner->job;
	int r = store_begin(provisioner->store);

	if (r == 0)
		r = store_provision_done(provisioner->store, job);
	if (r == 0 && answer->kind == VPN_ANSWER_ACCOUNT)
		r = store_gateway_set_configuration(provisioner->store, job->gateway_id,
						    answer->document);
	if (r == 0 && answer->kind == VPN_ANSWER_ACCOUNT)
		r = store_gateway_changed(provisioner->store, job->gateway_id,
					  BIT(CHANGE_CONFIGURATION));
	if (r == 0)
		r = store_commit(provisioner->store);
	if (r < 0)
		store_abandon(provisioner->store);
	return r;
}

static int job_postpone(struct provisioner *provisioner, const char *reason, int64_t delay)
{
	const struct provision_job *job = &provisioner->job;
	int r;

	log_warning("vpn-service does not %s the account of gateway %llu: %s",
		    job->action == PROVISION_CREATE ? "make" : "delete",
		    (unsigned long long)job->gateway_id, reason);
	r = store_provision_postpone(provisioner->store, job, time(NULL) + delay);
	if (r == 0 && job->action == PROVISION_CREATE)
		r = store_gateway_set_provision_error(provisioner->store, job->gateway_id, reason);
	return r;
}

static int job_conclude(struct provisioner *provisioner, const struct vpn_answer *answer)
{
	const struct provision_job *job = &provisioner->job;
	bool expected = job->action == PROVISION_CREATE ? answer->kind == VPN_ANSWER_ACCOUNT
							: answer->kind == VPN_ANSWER_DELETED;

	switch (answer->kind) {
	case VPN_ANSWER_ACCOUNT:
	case VPN_ANSWER_DELETED:
		if (expected)
			return job_finish(provisioner, answer);
		return job_postpone(provisioner, "it answers another question", REFUSED_DELAY);
	case VPN_ANSWER_UNAVAILABLE:
		return job_postpone(provisioner, answer->detail, UNAVAILABLE_DELAY);
	case VPN_ANSWER_REFUSED:
	case VPN_ANSWER_INVALID:
		return job_postpone(provisioner, answer->detail, REFUSED_DELAY);
	}
	return -EINVAL;
}

static void on_answer(const char *payload, size_t size, void *owner)
{
	struct provisioner *provisioner = owner;
	_cleanup_(vpn_answer_clear) struct vpn_answer answer = { .document = NULL };
	uint64_t gateway_id = provisioner->job.gateway_id;
	int r;

	if (provisioner->state != PROVISIONER_ASKING)
		return;
	vpn_answer_parse(&answer, payload, size);
	r = job_conclude(provisioner, &answer);
	if (r < 0 && r != -ENOENT) {
		log_error_errno(r, "cannot store what vpn-service answered: %m");
		provisioner_lose(provisioner, "its answer could not be stored");
		return;
	}
	if (r == 0 && answer.kind == VPN_ANSWER_ACCOUNT)
		log_event(LOG_INFO, LOG_FIELDS("EVENT=provisioned"),
			  "gateway %llu has its VPN account", (unsigned long long)gateway_id);
	backoff_reset(&provisioner->backoff);
	provision_job_clear(&provisioner->job);
	loop_defer_schedule(&provisioner->work);
	if (r == 0)
		provisioner->on_done(gateway_id, provisioner->owner);
}

static void on_lost(const char *reason, void *owner)
{
	provisioner_lose(owner, reason);
}

static void provisioner_connect(struct provisioner *provisioner)
{
	static const struct vpn_link_handlers handlers = {
		.on_open = on_open,
		.on_answer = on_answer,
		.on_lost = on_lost,
	};
	const struct vpn_link_options options = {
		.host = provisioner->host,
		.port = provisioner->port,
		.files = provisioner->options->files,
		.timeout = LINK_TIMEOUT,
	};
	_cleanup_free_ char *error = NULL;

	if (vpn_link_new(&provisioner->link, provisioner->loop, &options, &handlers, provisioner,
			 &error) < 0)
		provisioner_lose(provisioner, error);
	else
		provisioner_enter(provisioner, PROVISIONER_CONNECTING);
}

static void provisioner_rest(struct provisioner *provisioner, int64_t wait)
{
	if (provisioner->state != PROVISIONER_IDLE)
		provisioner_enter(provisioner, PROVISIONER_IDLE);
	if (wait > 0)
		loop_timer_arm(&provisioner->timer, (usec_t)wait * USEC_PER_SEC);
}

/* Takes the next order that is due, if we are free to. */
static void on_work(struct loop_defer *defer)
{
	struct provisioner *provisioner = container_of(defer, struct provisioner, work);
	int64_t now = time(NULL);
	int r;

	if (!provisioner->host || provisioner->state == PROVISIONER_RETRYING ||
	    provisioner->job.gateway_id ||
	    (provisioner->state == PROVISIONER_CONNECTING && !provisioner->link_is_open))
		return;
	r = store_provision_next(provisioner->store, &provisioner->job);
	if (r < 0 && r != -ENOENT)
		log_error_errno(r, "cannot read the orders for vpn-service: %m");
	if (r < 0 || provisioner->job.not_before > now) {
		int64_t wait = r == 0 ? provisioner->job.not_before - now : r == -ENOENT ? 0 : 60;

		provision_job_clear(&provisioner->job);
		provisioner_rest(provisioner, wait);
		return;
	}
	if (provisioner->state == PROVISIONER_IDLE) {
		provision_job_clear(&provisioner->job); /* read again when the link is open */
		provisioner_connect(provisioner);
	} else {
		provisioner_ask(provisioner);
	}
}

static void on_timer(struct loop_timer *timer)
{
	struct provisioner *provisioner = container_of(timer, struct provisioner, timer);

	if (provisioner->state == PROVISIONER_RETRYING)
		provisioner_connect(provisioner);
	else
		loop_defer_schedule(&provisioner->work);
}

void provisioner_kick(struct provisioner *provisioner)
{
	loop_defer_schedule(&provisioner->work);
}

static int service_parse(struct provisioner *provisioner, const char *service, char **ret_error)
{
	const char *colon = strrchr(service, ':');
	size_t size = colon ? (size_t)(colon - service) : 0;

	if (!size || port_parse(&provisioner->port, colon + 1) < 0) {
		*ret_error = xasprintf("vpn_service: \"%s\" is not HOST:PORT", service);
		return -EINVAL;
	}
	if (service[0] == '[' && service[size - 1] == ']')
		provisioner->host = xstrndup(service + 1, size - 2);
	else
		provisioner->host = xstrndup(service, size);
	return 0;
}

int provisioner_new(struct provisioner **ret_provisioner, struct loop *loop, struct store *store,
		    const struct provisioner_options *options, provisioner_done_fn *on_done,
		    void *owner, char **ret_error)
{
	_cleanup_(provisioner_freep) struct provisioner *provisioner = xnew(struct provisioner);
	int r;

	provisioner->loop = loop;
	provisioner->store = store;
	provisioner->options = options;
	provisioner->on_done = on_done;
	provisioner->owner = owner;
	provisioner->backoff = (struct backoff)BACKOFF_INIT(RETRY_FIRST, RETRY_LONGEST);
	loop_timer_init(&provisioner->timer, loop, on_timer);
	loop_defer_init(&provisioner->work, loop, on_work);
	if (options->service) {
		r = service_parse(provisioner, options->service, ret_error);
		if (r < 0)
			return r;
		loop_defer_schedule(&provisioner->work);
	}
	*ret_provisioner = steal_ptr(provisioner);
	return 0;
}

struct provisioner *provisioner_free(struct provisioner *provisioner)
{
	if (!provisioner)
		return NULL;
	vpn_link_free(provisioner->link);
	loop_timer_deinit(&provisioner->timer);
	loop_defer_deinit(&provisioner->work);
	provision_job_clear(&provisioner->job);
	free(provisioner->host);
	free(provisioner);
	return NULL;
}
