/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps this gateway in step with its API while there is a token: follows changes by one long-poll,
 * fetches what moved, reports what happens here. Each kind of call is a job of its own, at most one
 * call of a kind is under way, and every job knows when it runs next; so nothing is asked twice at
 * once, and nothing is forgotten when the API is away.
 */
#pragma once

#include "common/loop.h"
#include "gatewayd/api_client.h"
#include "gatewayd/api_json.h"

enum sync_job {
	SYNC_CONFIGURATION, /* fetch it */
	SYNC_RULES,         /* fetch them */
	SYNC_CHANGES,       /* the long-poll */
	SYNC_DEVICES,       /* report the cameras */
	SYNC_STATUS,        /* report our state */
	SYNC_RULE_STATUS,   /* report what became of the rules */
	SYNC_CSR,           /* have a new key certified */
	SYNC_TOKEN,         /* have the token replaced */
	SYNC_JOB_COUNT,
};

struct sync;

struct sync_handlers {
	/*
	 * A document that differs from the last one taken. 0: taken; -errno: refused, and problem
	 * says why; it is asked for again, slowly.
	 */
	int (*on_document)(enum sync_job job, const struct api_answer *answer,
			   struct api_problem *problem, void *owner);
	int (*on_token)(const struct api_answer *answer, struct api_problem *problem, void *owner);
	/* The body of a report, owned; NULL: there is nothing to report now. */
	char *(*make_report)(enum sync_job job, void *owner);
	void (*on_reported)(enum sync_job job, void *owner);
	void (*on_authorized)(void *owner); /* a call with the token has worked */
	/* The token or the gateway is refused; sync has been stopped. */
	void (*on_unauthorized)(void *owner);
	void (*on_revoked)(void *owner);
	void (*on_identify)(void *owner);
	/* What is wrong with one job now; NULL: nothing any more. */
	void (*on_problem)(enum sync_job job, const char *problem, void *owner);
};

struct sync_options {
	struct loop *loop;
	struct api_client *client;
	usec_t retry_longest;
	const struct sync_handlers *handlers; /* borrowed for ever */
	void *owner;
};
struct sync *sync_new(const struct sync_options *options); /* copied */
struct sync *sync_free(struct sync *sync);
DEFINE_CLEANUP(struct sync *, sync_free);

/* Starts every job. The token is borrowed, and may change its content while sync runs. */
void sync_start(struct sync *sync, const struct api_token *token);
void sync_stop(struct sync *sync);
bool sync_is_running(const struct sync *sync);

/* Runs a job soon: now, or when its call under way or its delay after a failure has ended. */
void sync_want(struct sync *sync, enum sync_job job);
/* The same at a time to come, unless it is wanted earlier. */
void sync_want_after(struct sync *sync, enum sync_job job, usec_t delay);
/* Everything, also what is waiting after a failure. */
void sync_now(struct sync *sync);

/* Entity tags of what is in force, for "has it changed?"; NULL forgets it. */
void sync_set_etag(struct sync *sync, enum sync_job job, const char *etag);
