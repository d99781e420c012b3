/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One table says what each job calls and how often it runs by itself; the code below is the same
 * for all of them. A job is idle, running (call), or waiting (timer); after a failure it waits at
 * least as long as retry_delay() says, whoever wants it.
 */
#include "gatewayd/sync.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/crypto.h"
#include "common/log.h"
#include "common/memory.h"
#include "gatewayd/nudge_budget.h"
#include "gatewayd/retry.h"

#define CHANGES_WAIT       50 /* seconds; the protocol allows 55 */
#define MINUTE             (60 * USEC_PER_SEC)
#define POLL_WHEN_FOLLOWED (30 * MINUTE) /* a net below the long-poll */
#define POLL_WHEN_BLIND    MINUTE        /* instead of the long-poll */
#define TOKEN_CHECK        (360 * MINUTE)

static const struct {
	const char *name;
	const char *method;
	const char *path; /* after /gateways/ID */
	usec_t period;    /* 0: only when wanted */
	bool from_start;  /* wanted as soon as there is a token */
	bool has_body;
} jobs[SYNC_JOB_COUNT] = {
	[SYNC_CONFIGURATION] = { "configuration", "GET", "/configuration", POLL_WHEN_FOLLOWED,
				 true },
	[SYNC_RULES] = { "rules", "GET", "/rules", POLL_WHEN_FOLLOWED, true },
	[SYNC_CHANGES] = { "changes", "GET", "/changes", 0, true },
	[SYNC_DEVICES] = { "devices", "POST", "/devices", 10 * MINUTE, true, true },
	[SYNC_STATUS] = { "status", "POST", "/status", MINUTE, true, true },
	[SYNC_RULE_STATUS] = { "rule states", "PUT", "/rules/status", 0, true, true },
	[SYNC_CSR] = { "certificate request", "PUT", "/csr", 0, false, true },
	[SYNC_TOKEN] = { "token", "POST", "/token", TOKEN_CHECK, true, false },
};

struct job {
	struct sync *sync;
	struct api_call *call;
	struct loop_timer timer;
	usec_t due; /* when the timer elapses */
	struct backoff backoff;
	char *etag;
	uint8_t digest[SHA256_SIZE]; /* of the document that was taken last */
	bool has_digest;
	bool again;   /* wanted while its call was under way */
	bool failing; /* the timer is a delay after a failure: no want shortens it */
	enum api_outcome failure;
};

struct sync {
	struct sync_options options;
	const struct api_token *token; /* NULL: stopped */
	struct job jobs[SYNC_JOB_COUNT];
	uint64_t since; /* revision of the last nudge */
	struct nudge_budget budget;
	bool followed; /* the long-poll works */
};

static void run(struct job *job);

static enum sync_job kind_of(const struct job *job)
{
	return (enum sync_job)(job - job->sync->jobs);
}

static void arm(struct job *job, usec_t delay)
{
	job->due = loop_now(job->sync->options.loop) + delay;
	loop_timer_arm(&job->timer, delay);
}

static bool is_due_by(const struct job *job, usec_t delay)
{
	return loop_timer_is_armed(&job->timer) &&
	       job->due <= loop_now(job->sync->options.loop) + delay;
}

/* A period with a fifth of jitter, so that gateways that started together drift apart. */
static usec_t jittered(usec_t period)
{
	return period - period / 10 + random_u64() % (period / 5 + 1);
}

static usec_t period_of(const struct job *job)
{
	enum sync_job kind = kind_of(job);

	if ((kind == SYNC_CONFIGURATION || kind == SYNC_RULES) && !job->sync->followed)
		return POLL_WHEN_BLIND;
	return jobs[kind].period;
}

void sync_want(struct sync *sync, enum sync_job kind)
{
	struct job *job = &sync->jobs[kind];

	if (!sync->token)
		return;
	if (job->call)
		job->again = true;
	else if (!job->failing)
		run(job);
}

void sync_want_after(struct sync *sync, enum sync_job kind, usec_t delay)
{
	struct job *job = &sync->jobs[kind];

	if (!sync->token)
		return;
	/* A call under way may have been given the old state. */
	if (job->call)
		job->again = true;
	else if (!job->failing && !is_due_by(job, delay))
		arm(job, delay);
}

static void tell_problem(struct job *job, const char *problem)
{
	job->sync->options.handlers->on_problem(kind_of(job), problem, job->sync->options.owner);
}

static void schedule_next(struct job *job)
{
	usec_t period = period_of(job);

	job->failing = false;
	if (job->again) {
		job->again = false;
		arm(job, 0);
	} else if (period > 0) {
		arm(job, jittered(period));
	}
}

/* --- the long-poll --- */

static void act_on_changes(struct sync *sync, unsigned changed)
{
	if (changed & (CHANGED_CONFIGURATION | CHANGED_VPN))
		sync_want(sync, SYNC_CONFIGURATION);
	if (changed & CHANGED_RULES)
		sync_want(sync, SYNC_RULES);
	if (changed & CHANGED_IDENTIFY)
		sync->options.handlers->on_identify(sync->options.owner);
}

/* Whether the long-poll works decides how often the documents are asked for without it. */
static void set_followed(struct sync *sync, bool followed)
{
	static const enum sync_job documents[] = { SYNC_CONFIGURATION, SYNC_RULES };
	struct job *job;

	if (sync->followed == followed)
		return;
	sync->followed = followed;
	for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
		job = &sync->jobs[documents[i]];
		if (!job->call && !job->failing)
			arm(job, jittered(period_of(job)));
	}
}

static int on_changes(struct job *job, const struct api_answer *answer, struct api_problem *problem)
{
	struct sync *sync = job->sync;
	struct changes changes;
	int r;

	if (answer->outcome != API_NO_CONTENT) {
		r = changes_parse(&changes, answer->body, answer->body_size, problem);
		if (r < 0)
			return r;
		if (changes.revision == sync->since && sync->since > 0)
			return api_refuse(problem, "the API reports a change without a revision");
		/* Also a smaller one: the API's store may have been restored. */
		sync->since = changes.revision;
		act_on_changes(sync, changes.changed);
	}
	set_followed(sync, true);
	job->failing = false;
	job->again = false;
	arm(job, nudge_budget_pay(&sync->budget, loop_now(sync->options.loop)));
	return 0;
}

/* --- answers --- */

static int take_document(struct job *job, const struct api_answer *answer,
			 struct api_problem *problem)
{
	struct sync *sync = job->sync;
	uint8_t digest[SHA256_SIZE];
	int r;

	/* An API without entity tags shall not wear out our storage. */
	sha256(digest, answer->body, answer->body_size);
	if (job->has_digest && memcmp(digest, job->digest, sizeof(digest)) == 0)
		return 0;
	r = sync->options.handlers->on_document(kind_of(job), answer, problem, sync->options.owner);
	if (r < 0)
		return r;
	sync_set_etag(sync, kind_of(job), answer->etag);
	memcpy(job->digest, digest, sizeof(digest));
	job->has_digest = true;
	nudge_budget_refund(&sync->budget);
	return 0;
}

static int take(struct job *job, const struct api_answer *answer, struct api_problem *problem)
{
	const struct sync_options *options = &job->sync->options;

	switch (kind_of(job)) {
	case SYNC_CONFIGURATION:
	case SYNC_RULES:
		return answer->outcome == API_OK ? take_document(job, answer, problem) : 0;
	case SYNC_TOKEN:
		return options->handlers->on_token(answer, problem, options->owner);
	case SYNC_CHANGES:
		return on_changes(job, answer, problem);
	case SYNC_DEVICES:
	case SYNC_STATUS:
	case SYNC_RULE_STATUS:
	case SYNC_CSR:
		options->handlers->on_reported(kind_of(job), options->owner);
		return 0;
	case SYNC_JOB_COUNT:
		break;
	}
	return 0;
}

static void fail(struct job *job, enum api_outcome outcome, usec_t retry_after, const char *problem)
{
	usec_t delay = retry_delay(&job->backoff, outcome, retry_after, random_u64());

	log_warning("%s: %s; again in %.0f s", jobs[kind_of(job)].name, problem,
		    (double)delay / (double)USEC_PER_SEC);
	job->failing = true;
	job->failure = outcome;
	job->again = false;
	arm(job, delay);
	if (kind_of(job) == SYNC_CHANGES)
		set_followed(job->sync, false);
	tell_problem(job, problem);
}

static void succeed(struct job *job, const struct api_answer *answer)
{
	struct sync *sync = job->sync;
	struct api_problem problem;

	sync->options.handlers->on_authorized(sync->options.owner);
	if (take(job, answer, &problem) < 0) {
		fail(job, API_WRONG, 0, problem.text);
		return;
	}
	if (!sync->token) /* a handler stopped us */
		return;
	tell_problem(job, NULL);
	/* The configuration is being made: neither good nor bad. */
	if (answer->outcome == API_ACCEPTED && kind_of(job) == SYNC_CONFIGURATION) {
		job->again = false;
		job->failing = false;
		arm(job, answer->retry_after > 0
				 ? answer->retry_after
				 : retry_delay(&job->backoff, API_LATER, 0, random_u64()));
		return;
	}
	backoff_reset(&job->backoff);
	if (kind_of(job) != SYNC_CHANGES)
		schedule_next(job);
}

/* After an outage: what waits for the API to come back need not wait any longer. */
static void wake_others(struct sync *sync)
{
	struct job *job;

	for (size_t i = 0; i < SYNC_JOB_COUNT; i++) {
		job = &sync->jobs[i];
		if (!job->call && job->failing && job->failure == API_UNREACHABLE) {
			backoff_reset(&job->backoff);
			arm(job, random_u64() % USEC_PER_SEC);
		}
	}
}

static void on_answer(const struct api_answer *answer, void *owner)
{
	struct job *job = owner;
	struct sync *sync = job->sync;
	bool was_away = job->failing && job->failure == API_UNREACHABLE;

	job->call = NULL;
	switch (answer->outcome) {
	case API_OK:
	case API_ACCEPTED:
	case API_NO_CONTENT:
	case API_NOT_MODIFIED:
		succeed(job, answer);
		if (sync->token && was_away && !job->failing)
			wake_others(sync);
		break;
	case API_UNAUTHORIZED:
		sync_stop(sync);
		sync->options.handlers->on_unauthorized(sync->options.owner);
		break;
	case API_REVOKED:
		sync_stop(sync);
		sync->options.handlers->on_revoked(sync->options.owner);
		break;
	case API_NOT_FOUND:
	case API_CONFLICT:
	case API_LATER:
	case API_REFUSED:
	case API_UNREACHABLE:
	case API_WRONG:
		fail(job, answer->outcome, answer->retry_after, answer->error);
		break;
	}
}

/* --- calls --- */

/* After a failure the first answer comes at once: it tells that the API is well again. */
static unsigned wait_of(const struct job *job)
{
	return kind_of(job) == SYNC_CHANGES && !job->failing ? CHANGES_WAIT : 0;
}

static char *make_path(const struct job *job)
{
	const struct sync *sync = job->sync;
	enum sync_job kind = kind_of(job);

	if (kind == SYNC_CHANGES)
		return xasprintf("/gateways/%" PRIu64 "/changes?since=%" PRIu64 "&wait=%u",
				 sync->token->gateway_id, sync->since, wait_of(job));
	return xasprintf("/gateways/%" PRIu64 "%s", sync->token->gateway_id, jobs[kind].path);
}

static int start_call(struct job *job, const char *body)
{
	const struct sync *sync = job->sync;
	_cleanup_free_ char *path = make_path(job);

	return api_call_start(&job->call, sync->options.client,
			      &(struct api_request){
				      .method = jobs[kind_of(job)].method,
				      .path = path,
				      .authentication = API_BY_TOKEN,
				      .credential = sync->token->token,
				      .body = body,
				      .etag = job->etag,
				      .wait_seconds = wait_of(job),
			      },
			      on_answer, job);
}

/* Half of the token's life is over, or we cannot tell when it began. */
static bool token_is_due(const struct api_token *token)
{
	int64_t now = (int64_t)time(NULL);

	return token->expires_at > 0 &&
	       now - token->obtained_at > (token->expires_at - token->obtained_at) / 2;
}

static void run(struct job *job)
{
	struct sync *sync = job->sync;
	enum sync_job kind = kind_of(job);
	_cleanup_free_ char *body = NULL;
	int r;

	loop_timer_cancel(&job->timer);
	if (jobs[kind].has_body)
		body = sync->options.handlers->make_report(kind, sync->options.owner);
	if ((jobs[kind].has_body && !body) || (kind == SYNC_TOKEN && !token_is_due(sync->token))) {
		schedule_next(job);
		return;
	}
	r = start_call(job, body);
	if (r < 0)
		fail(job, API_WRONG, 0, "the call cannot be made; see the option api");
}

static void on_timer(struct loop_timer *timer)
{
	struct job *job = container_of(timer, struct job, timer);

	if (job->sync->token && !job->call)
		run(job);
}

void sync_start(struct sync *sync, const struct api_token *token)
{
	sync_stop(sync);
	sync->token = token;
	sync->since = 0;
	nudge_budget_init(&sync->budget, loop_now(sync->options.loop));
	sync->followed = true;
	for (int i = 0; i < SYNC_JOB_COUNT && sync->token; i++)
		if (jobs[i].from_start)
			run(&sync->jobs[i]);
}

void sync_stop(struct sync *sync)
{
	struct job *job;

	sync->token = NULL;
	for (int i = 0; i < SYNC_JOB_COUNT; i++) {
		job = &sync->jobs[i];
		job->call = api_call_cancel(job->call);
		loop_timer_cancel(&job->timer);
		backoff_reset(&job->backoff);
		job->again = false;
		job->failing = false;
		tell_problem(job, NULL);
	}
}

bool sync_is_running(const struct sync *sync)
{
	return sync->token != NULL;
}

void sync_now(struct sync *sync)
{
	for (int i = 0; i < SYNC_JOB_COUNT && sync->token; i++) {
		if (i == SYNC_CHANGES && sync->jobs[i].call)
			continue; /* it listens already */
		if (!jobs[i].from_start)
			continue;
		sync->jobs[i].failing = false;
		sync_want(sync, (enum sync_job)i);
	}
}

void sync_set_etag(struct sync *sync, enum sync_job kind, const char *etag)
{
	replace_string(&sync->jobs[kind].etag, etag);
	sync->jobs[kind].has_digest = false;
}

struct sync *sync_new(const struct sync_options *options)
{
	struct backoff backoff = BACKOFF_INIT(RETRY_FIRST, options->retry_longest);
	struct sync *sync = xnew(struct sync);
	struct job *job;

	sync->options = *options;
	for (int i = 0; i < SYNC_JOB_COUNT; i++) {
		job = &sync->jobs[i];
		job->sync = sync;
		job->backoff = backoff;
		loop_timer_init(&job->timer, options->loop, on_timer);
	}
	return sync;
}

struct sync *sync_free(struct sync *sync)
{
	struct job *job;

	if (!sync)
		return NULL;
	for (int i = 0; i < SYNC_JOB_COUNT; i++) {
		job = &sync->jobs[i];
		api_call_cancel(job->call);
		loop_timer_deinit(&job->timer);
		free(job->etag);
	}
	free(sync);
	return NULL;
}
