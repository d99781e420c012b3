/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where this gateway stands with its API: from the announcement over the owner's approval to a
 * token, and what happens when the token or the gateway itself is no longer accepted. Makes the
 * calls of the states before there is a token; with a token, struct sync does the talking.
 */
#pragma once

#include "common/loop.h"
#include "gatewayd/api_client.h"
#include "gatewayd/api_json.h"
#include "gatewayd/identity.h"

enum registration_state {
	REGISTRATION_STARTING,    /* the key is being made */
	REGISTRATION_ANNOUNCING,  /* telling the API who we are */
	REGISTRATION_PENDING,     /* waiting for the owner's approval */
	REGISTRATION_AUTHORIZING, /* approved; getting a token */
	REGISTRATION_CONFIGURING, /* token, but no configuration yet */
	REGISTRATION_RUNNING,
	REGISTRATION_REVOKED, /* until reset */
	REGISTRATION_STATE_COUNT,
};
const char *registration_state_name(enum registration_state state);

struct registration;

struct registration_handlers {
	/* After every change. May call registration_on_…(). */
	void (*on_state)(struct registration *registration, void *owner);
	/* A new token: takes over its content. Called before the state changes. */
	void (*on_token)(struct api_token *token, void *owner);
	/* What is wrong with the API in these states; NULL: nothing any more. */
	void (*on_problem)(const char *problem, void *owner);
};

struct registration_options {
	struct loop *loop;
	struct api_client *client;
	const struct identity *identity;
	usec_t retry_longest;
	const struct registration_handlers *handlers; /* borrowed for ever */
	void *owner;
};
struct registration *registration_new(const struct registration_options *options); /* copied */
struct registration *registration_free(struct registration *registration);
DEFINE_CLEANUP(struct registration *, registration_free);

enum registration_state registration_state(const struct registration *registration);
bool registration_has_token(const struct registration *registration); /* configuring, running */

/* Either a call is under way or the timer runs: true of every state that waits for the API. */
bool registration_is_busy(const struct registration *registration);

/* --- events from outside --- */

/* What was found on disk at start. */
void registration_on_start(struct registration *registration, bool revoked, bool token,
			   bool configured);
/* Asks again at once what waits after a failure. Returns whether there was something. */
bool registration_ask_now(struct registration *registration);
void registration_on_configured(struct registration *registration);
void registration_on_unauthorized(struct registration *registration); /* the token is refused */
void registration_on_authorized(struct registration *registration);   /* the token has worked */
void registration_on_revoked(struct registration *registration);
/* Back to the start, until the new identity is complete … */
void registration_on_renewing(struct registration *registration);
void registration_on_reset(struct registration *registration); /* … and that it is */

/* --- answers of the API; public for the test of every state and event --- */

void registration_on_announce_answer(struct registration *registration,
				     const struct api_answer *answer);
void registration_on_token_answer(struct registration *registration,
				  const struct api_answer *answer);
