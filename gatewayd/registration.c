/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state machine in front of the token. Every state that waits for the API has either one call
 * under way or the timer armed, never both and never neither; entering a state ends whatever the
 * one before had. So there is no way to stand still, and none to ask twice at once.
 *
 * The wait for approval is a long-poll: the owner's approval is seen at once.
 */
#include "gatewayd/registration.h"

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "common/crypto.h"
#include "common/log.h"
#include "common/memory.h"
#include "gatewayd/api_report.h"
#include "gatewayd/local_interfaces.h"
#include "gatewayd/retry.h"

#define TOKEN_WAIT 50 /* seconds */

struct registration {
	struct registration_options options;
	enum registration_state state;
	struct api_call *call;
	struct loop_timer timer;
	struct backoff backoff;    /* of the calls of this state */
	struct backoff rejections; /* tokens that did not work: survives until one does */
	bool configured;           /* a configuration is in force */
	bool failing;              /* a problem has been told */
};

#define AFTER_TOKEN (BIT(REGISTRATION_CONFIGURING) | BIT(REGISTRATION_RUNNING))
#define ALWAYS \
	(BIT(REGISTRATION_STARTING) | BIT(REGISTRATION_ANNOUNCING) | BIT(REGISTRATION_REVOKED))

static const struct {
	const char *name;
	unsigned next;
} states[REGISTRATION_STATE_COUNT] = {
	[REGISTRATION_STARTING] = { "starting",
				    ALWAYS | AFTER_TOKEN | BIT(REGISTRATION_AUTHORIZING) },
	[REGISTRATION_ANNOUNCING] = { "announcing", ALWAYS | BIT(REGISTRATION_PENDING) |
							    BIT(REGISTRATION_AUTHORIZING) },
	[REGISTRATION_PENDING] = { "pending", ALWAYS | AFTER_TOKEN },
	[REGISTRATION_AUTHORIZING] = { "authorizing",
				       ALWAYS | AFTER_TOKEN | BIT(REGISTRATION_PENDING) },
	[REGISTRATION_CONFIGURING] = { "configuring", ALWAYS | BIT(REGISTRATION_RUNNING) |
							      BIT(REGISTRATION_AUTHORIZING) },
	[REGISTRATION_RUNNING] = { "running", ALWAYS | BIT(REGISTRATION_AUTHORIZING) },
	[REGISTRATION_REVOKED] = { "revoked",
				   BIT(REGISTRATION_STARTING) | BIT(REGISTRATION_ANNOUNCING) },
};

static void announce(struct registration *registration);
static void ask_for_token(struct registration *registration);

const char *registration_state_name(enum registration_state state)
{
	return states[state].name;
}

enum registration_state registration_state(const struct registration *registration)
{
	return registration->state;
}

bool registration_has_token(const struct registration *registration)
{
	return registration->state == REGISTRATION_CONFIGURING ||
	       registration->state == REGISTRATION_RUNNING;
}

bool registration_is_busy(const struct registration *registration)
{
	return (registration->call != NULL) != loop_timer_is_armed(&registration->timer);
}

static void stop(struct registration *registration)
{
	registration->call = api_call_cancel(registration->call);
	loop_timer_cancel(&registration->timer);
}

static void tell_problem(struct registration *registration, const char *problem)
{
	registration->failing = problem != NULL;
	registration->options.handlers->on_problem(problem, registration->options.owner);
}

static void log_state(const struct registration *registration, enum registration_state from)
{
	const char *name = states[registration->state].name;
	char field[64];

	snprintf(field, sizeof(field), "STATE=%s", name);
	log_event(LOG_INFO, LOG_FIELDS("EVENT=state", field), "%s -> %s", states[from].name, name);
	if (registration->state == REGISTRATION_PENDING)
		log_info("waiting for approval: 'gatewayctl status' shows the claim code for it");
}

/* What a state does when it is entered, and again whenever its timer elapses. */
static void act(struct registration *registration)
{
	switch (registration->state) {
	case REGISTRATION_ANNOUNCING:
		announce(registration);
		break;
	case REGISTRATION_PENDING:
	case REGISTRATION_AUTHORIZING:
		ask_for_token(registration);
		break;
	case REGISTRATION_STARTING:
	case REGISTRATION_CONFIGURING:
	case REGISTRATION_RUNNING:
	case REGISTRATION_REVOKED:
	case REGISTRATION_STATE_COUNT:
		break;
	}
}

static void registration_enter(struct registration *registration, enum registration_state state,
			       usec_t delay)
{
	enum registration_state from = registration->state;

	assert(states[from].next & BIT(state));
	stop(registration);
	registration->state = state;
	if (from != state) {
		backoff_reset(&registration->backoff);
		log_state(registration, from);
	}
	if (delay > 0)
		loop_timer_arm(&registration->timer, delay);
	else
		act(registration);
	registration->options.handlers->on_state(registration, registration->options.owner);
}

static void on_timer(struct loop_timer *timer)
{
	act(container_of(timer, struct registration, timer));
}

static void try_again(struct registration *registration, enum api_outcome outcome,
		      usec_t retry_after)
{
	usec_t delay = retry_delay(&registration->backoff, outcome, retry_after, random_u64());

	log_debug("asking again in %.1f s", (double)delay / (double)USEC_PER_SEC);
	loop_timer_arm(&registration->timer, delay);
}

static void fail(struct registration *registration, const struct api_answer *answer,
		 const char *problem)
{
	log_warning("%s: %s", states[registration->state].name, problem);
	tell_problem(registration, problem);
	try_again(registration, answer->outcome, answer->retry_after);
}

/* --- announcing --- */

static void on_announce_answer(const struct api_answer *answer, void *owner)
{
	struct registration *registration = owner;

	registration->call = NULL;
	registration_on_announce_answer(registration, answer);
}

static int start_announcement(struct registration *registration)
{
	struct registration_options *options = &registration->options;
	struct announce_report report = {
		.mac = *identity_mac(options->identity),
		.secret = identity_secret(options->identity),
		.csr = identity_csr(options->identity),
	};
	_cleanup_secret_ char *body = NULL;
	struct network_interface *interfaces = NULL;
	char hostname[256] = "";

	if (gethostname(hostname, sizeof(hostname) - 1) == 0)
		report.hostname = hostname;
	if (local_interfaces_list(&interfaces, &report.interface_count) == 0)
		report.interfaces = interfaces;
	body = announce_report_print(&report);
	local_interfaces_free(interfaces, report.interface_count);
	return api_call_start(
		&registration->call, options->client,
		&(struct api_request){ .method = "POST", .path = "/gateways", .body = body },
		on_announce_answer, registration);
}

static void announce(struct registration *registration)
{
	int r;

	r = start_announcement(registration);
	if (r < 0) {
		log_error_errno(r, "cannot ask the API: %m");
		try_again(registration, API_WRONG, 0);
	}
}

void registration_on_announce_answer(struct registration *registration,
				     const struct api_answer *answer)
{
	struct announcement announcement;
	struct api_problem problem;

	if (registration->state != REGISTRATION_ANNOUNCING)
		return;
	stop(registration);
	if (answer->outcome == API_CONFLICT || answer->outcome == API_REVOKED) {
		registration_on_revoked(registration);
		return;
	}
	if (answer->outcome != API_OK) {
		fail(registration, answer,
		     answer->error ? answer->error : "the announcement got an unexpected answer");
		return;
	}
	if (announcement_parse(&announcement, answer->body, answer->body_size, &problem) < 0) {
		fail(registration, &(struct api_answer){ .outcome = API_WRONG }, problem.text);
		return;
	}
	tell_problem(registration, NULL);
	registration_enter(registration,
			   announcement.approved ? REGISTRATION_AUTHORIZING : REGISTRATION_PENDING,
			   0);
}

/* --- token --- */

static void on_token_answer(const struct api_answer *answer, void *owner)
{
	struct registration *registration = owner;

	registration->call = NULL;
	registration_on_token_answer(registration, answer);
}

/* After a failure the first answer comes at once: it tells that the API is well again. */
static void ask_for_token(struct registration *registration)
{
	unsigned wait = registration->failing ? 0 : TOKEN_WAIT;
	struct registration_options *options = &registration->options;
	_cleanup_free_ char *path = NULL;
	char mac[MAC_TEXT_SIZE];
	int r;

	path = xasprintf("/gateways/%s/token?wait=%u",
			 mac_format(identity_mac(options->identity), mac), wait);
	r = api_call_start(&registration->call, options->client,
			   &(struct api_request){
				   .method = "GET",
				   .path = path,
				   .authentication = API_BY_SECRET,
				   .credential = identity_secret(options->identity),
				   .wait_seconds = wait,
			   },
			   on_token_answer, registration);
	if (r < 0) {
		log_error_errno(r, "cannot ask the API: %m");
		try_again(registration, API_WRONG, 0);
	}
}

static void take_token(struct registration *registration, const struct api_answer *answer)
{
	struct api_token token = { 0 };
	struct api_problem problem;

	if (api_token_parse(&token, answer->body, answer->body_size, &problem) < 0) {
		fail(registration, &(struct api_answer){ .outcome = API_WRONG }, problem.text);
		return;
	}
	tell_problem(registration, NULL);
	registration->options.handlers->on_token(&token, registration->options.owner);
	api_token_clear(&token);
	registration_enter(
		registration,
		registration->configured ? REGISTRATION_RUNNING : REGISTRATION_CONFIGURING, 0);
}

/* A held answer says that nothing happened: ask again. One that came at once is a short poll. */
static void keep_waiting(struct registration *registration, const struct api_answer *answer)
{
	bool held = answer->elapsed >= TOKEN_WAIT / 2 * USEC_PER_SEC;
	usec_t delay = answer->retry_after;

	tell_problem(registration, NULL);
	if (registration->state == REGISTRATION_AUTHORIZING)
		registration_enter(registration, REGISTRATION_PENDING, RETRY_FIRST);
	if (!held && delay == 0) {
		try_again(registration, API_LATER, 0);
		return;
	}
	backoff_reset(&registration->backoff);
	loop_timer_arm(&registration->timer, delay > RETRY_FIRST ? delay : RETRY_FIRST);
}

void registration_on_token_answer(struct registration *registration,
				  const struct api_answer *answer)
{
	if (registration->state != REGISTRATION_PENDING &&
	    registration->state != REGISTRATION_AUTHORIZING)
		return;
	stop(registration);
	switch (answer->outcome) {
	case API_OK:
		take_token(registration, answer);
		break;
	case API_ACCEPTED:
		keep_waiting(registration, answer);
		break;
	case API_NOT_FOUND:
		/* The API does not know this pair (any more). */
		registration_enter(
			registration, REGISTRATION_ANNOUNCING,
			retry_delay(&registration->rejections, API_UNREACHABLE, 0, random_u64()));
		break;
	case API_REVOKED:
	case API_CONFLICT:
		registration_on_revoked(registration);
		break;
	case API_NO_CONTENT:
	case API_NOT_MODIFIED:
	case API_UNAUTHORIZED:
	case API_LATER:
	case API_REFUSED:
	case API_UNREACHABLE:
	case API_WRONG:
		fail(registration, answer,
		     answer->error ? answer->error : "the API gave no token and no reason");
		break;
	}
}

/* --- events from outside --- */

void registration_on_start(struct registration *registration, bool revoked, bool token,
			   bool configured)
{
	registration->configured = configured;
	if (revoked)
		registration_enter(registration, REGISTRATION_REVOKED, 0);
	else if (token)
		registration_enter(registration,
				   configured ? REGISTRATION_RUNNING : REGISTRATION_CONFIGURING, 0);
	else
		registration_enter(registration, REGISTRATION_ANNOUNCING, 0);
}

bool registration_ask_now(struct registration *registration)
{
	if (!registration->failing || !loop_timer_is_armed(&registration->timer))
		return false;
	loop_timer_cancel(&registration->timer);
	backoff_reset(&registration->backoff);
	act(registration);
	return true;
}

void registration_on_configured(struct registration *registration)
{
	registration->configured = true;
	if (registration->state == REGISTRATION_CONFIGURING)
		registration_enter(registration, REGISTRATION_RUNNING, 0);
}

void registration_on_unauthorized(struct registration *registration)
{
	if (!registration_has_token(registration))
		return;
	log_info("the API does not take the token any more: getting a new one");
	registration_enter(
		registration, REGISTRATION_AUTHORIZING,
		retry_delay(&registration->rejections, API_UNREACHABLE, 0, random_u64()));
}

void registration_on_authorized(struct registration *registration)
{
	backoff_reset(&registration->rejections);
}

void registration_on_revoked(struct registration *registration)
{
	if (registration->state == REGISTRATION_REVOKED)
		return;
	log_event(LOG_ERR, LOG_FIELDS("EVENT=revoked"),
		  "this gateway has been revoked at the API: gatewayctl reset announces it anew");
	registration->configured = false;
	tell_problem(registration, NULL);
	registration_enter(registration, REGISTRATION_REVOKED, 0);
}

void registration_on_renewing(struct registration *registration)
{
	registration->configured = false;
	backoff_reset(&registration->rejections);
	tell_problem(registration, NULL);
	registration_enter(registration, REGISTRATION_STARTING, 0);
}

void registration_on_reset(struct registration *registration)
{
	registration_enter(registration, REGISTRATION_ANNOUNCING, 0);
}

struct registration *registration_new(const struct registration_options *options)
{
	struct registration *registration = xnew(struct registration);
	struct backoff backoff = BACKOFF_INIT(RETRY_FIRST, options->retry_longest);

	registration->options = *options;
	registration->backoff = backoff;
	registration->rejections = backoff;
	loop_timer_init(&registration->timer, options->loop, on_timer);
	return registration;
}

struct registration *registration_free(struct registration *registration)
{
	if (!registration)
		return NULL;
	stop(registration);
	loop_timer_deinit(&registration->timer);
	free(registration);
	return NULL;
}
