/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An attempt is a port that was asked since the last reset. A usual port is asked only when all
 * that points to a port of its service has failed, and then one after the other, unless the last
 * one is silent for so long that the next may start beside it.
 *
 * Invariant: every running attempt holds a probe and counts in confirmer->running.
 */
#include "discoverd/confirmation.h"

#include <errno.h>

#include "common/memory.h"

#define MAX_RUNNING   64
#define MAX_HERE      4
#define MAX_TRIES     2
#define STALLED_AFTER (300 * USEC_PER_MSEC)

static const struct service_probe *const probes[PROBE_SERVICE_COUNT] = {
	[PROBE_RTSP] = &rtsp_probe,
	[PROBE_HTTP] = &http_probe,
};

struct confirmer {
	struct loop *loop;
	struct confirmation *first;
	struct loop_defer wake; /* a place became free */
	unsigned running;
	confirmation_result_fn *on_result;
	confirmation_idle_fn *on_idle;
	void *owner;
};

struct attempt {
	struct confirmation *confirmation;
	struct probe_step step;
	void *probe; /* NULL: not running */
	usec_t started;
	unsigned tries;
	enum probe_result result; /* of the last try, when not running */
};

struct confirmation {
	struct confirmation *next;
	struct confirmer *confirmer;
	struct probe_target target;
	struct probe_plan plan;
	struct attempt attempts[PROBE_PLAN_MAX];
	size_t attempt_count;
	unsigned connections_left;
	unsigned running;
	struct loop_timer stalled;
	struct device *device;
};

static void advance(struct confirmation *confirmation);

static struct attempt *find_attempt(struct confirmation *confirmation, uint16_t port)
{
	for (size_t i = 0; i < confirmation->attempt_count; i++)
		if (confirmation->attempts[i].step.port == port)
			return &confirmation->attempts[i];
	return NULL;
}

static void stop(struct attempt *attempt)
{
	if (!attempt->probe)
		return;
	attempt->probe = probes[attempt->step.service]->stop(attempt->probe);
	attempt->confirmation->running--;
	attempt->confirmation->confirmer->running--;
	loop_defer_schedule(&attempt->confirmation->confirmer->wake);
}

static void on_done(void *probe, enum probe_result result, const struct evidence *evidence,
		    void *owner)
{
	struct attempt *attempt = owner;
	struct confirmation *confirmation = attempt->confirmation;

	attempt->result = result;
	confirmation->confirmer->on_result(confirmation->device, attempt->step.port,
					   probes[attempt->step.service]->service, result, evidence,
					   confirmation->confirmer->owner);
	stop(attempt); /* the evidence was the probe's; the wake-up goes on with the plan */
}

static void start(struct confirmation *confirmation, struct attempt *attempt)
{
	struct probe_target target = confirmation->target;
	int r;

	target.port = attempt->step.port;
	attempt->tries++;
	attempt->started = loop_now(confirmation->confirmer->loop);
	attempt->result = PROBE_SILENT;
	confirmation->connections_left--;
	r = probes[attempt->step.service]->start(&attempt->probe, confirmation->confirmer->loop,
						 &target, on_done, attempt);
	if (r < 0)
		return; /* out of descriptors: as good as lost */
	confirmation->running++;
	confirmation->confirmer->running++;
	loop_timer_arm(&confirmation->stalled, STALLED_AFTER);
}

/* --- what to ask next --- */

static bool is_service_settled(struct confirmation *confirmation, enum probe_service service)
{
	for (size_t i = 0; i < confirmation->attempt_count; i++) {
		const struct attempt *attempt = &confirmation->attempts[i];

		if (attempt->step.service == service && !attempt->probe &&
		    attempt->result == PROBE_CONFIRMED)
			return true;
	}
	return false;
}

/* A port of the service is being asked, and may yet answer. */
static bool is_service_pending(struct confirmation *confirmation, enum probe_service service)
{
	usec_t now = loop_now(confirmation->confirmer->loop);

	for (size_t i = 0; i < confirmation->attempt_count; i++) {
		const struct attempt *attempt = &confirmation->attempts[i];

		if (attempt->step.service == service && attempt->probe &&
		    now - attempt->started < STALLED_AFTER)
			return true;
	}
	return false;
}

/* 0: never asked; 1: silent the first time, to be asked again after the others. */
static bool is_eligible(struct confirmation *confirmation, const struct probe_step *step,
			unsigned tries)
{
	const struct attempt *attempt = find_attempt(confirmation, step->port);

	if ((attempt ? attempt->tries : 0) != tries)
		return false;
	if (attempt && (attempt->probe || attempt->result != PROBE_SILENT))
		return false;
	return step->hinted || (!is_service_settled(confirmation, step->service) &&
				!is_service_pending(confirmation, step->service));
}

static const struct probe_step *next_step(struct confirmation *confirmation)
{
	for (unsigned tries = 0; tries < MAX_TRIES; tries++)
		for (size_t i = 0; i < confirmation->plan.count; i++)
			if (is_eligible(confirmation, &confirmation->plan.steps[i], tries))
				return &confirmation->plan.steps[i];
	return NULL;
}

static void advance(struct confirmation *confirmation)
{
	const struct probe_step *step;
	struct attempt *attempt;

	while (confirmation->running < MAX_HERE && confirmation->confirmer->running < MAX_RUNNING &&
	       confirmation->connections_left > 0 && (step = next_step(confirmation))) {
		attempt = find_attempt(confirmation, step->port);
		if (!attempt) {
			if (confirmation->attempt_count == PROBE_PLAN_MAX)
				return;
			attempt = &confirmation->attempts[confirmation->attempt_count++];
			*attempt = (struct attempt){ .confirmation = confirmation, .step = *step };
		}
		start(confirmation, attempt);
	}
}

static void on_stalled(struct loop_timer *timer)
{
	advance(container_of(timer, struct confirmation, stalled));
}

static void on_wake(struct loop_defer *defer)
{
	struct confirmer *confirmer = container_of(defer, struct confirmer, wake);

	for (struct confirmation *confirmation = confirmer->first; confirmation;
	     confirmation = confirmation->next)
		advance(confirmation);
	if (!confirmer->running)
		confirmer->on_idle(confirmer->owner);
}

/* --- life --- */

void confirmer_new(struct confirmer **ret_confirmer, struct loop *loop,
		   confirmation_result_fn *on_result, confirmation_idle_fn *on_idle, void *owner)
{
	struct confirmer *confirmer = xnew(struct confirmer);

	confirmer->loop = loop;
	confirmer->on_result = on_result;
	confirmer->on_idle = on_idle;
	confirmer->owner = owner;
	loop_defer_init(&confirmer->wake, loop, on_wake);
	*ret_confirmer = confirmer;
}

struct confirmer *confirmer_free(struct confirmer *confirmer)
{
	if (!confirmer)
		return NULL;
	loop_defer_deinit(&confirmer->wake);
	free(confirmer);
	return NULL;
}

bool confirmer_is_busy(const struct confirmer *confirmer)
{
	return confirmer->running > 0;
}

void confirmation_new(struct confirmation **ret_confirmation, struct confirmer *confirmer,
		      struct device *device)
{
	struct confirmation *confirmation = xnew(struct confirmation);

	confirmation->confirmer = confirmer;
	confirmation->device = device;
	confirmation->connections_left = CONFIRMATION_FULL;
	loop_timer_init(&confirmation->stalled, confirmer->loop, on_stalled);
	confirmation->next = confirmer->first;
	confirmer->first = confirmation;
	*ret_confirmation = confirmation;
}

struct confirmation *confirmation_free(struct confirmation *confirmation)
{
	struct confirmation **at;

	if (!confirmation)
		return NULL;
	for (at = &confirmation->confirmer->first; *at != confirmation; at = &(*at)->next)
		;
	*at = confirmation->next;
	confirmation_reset(confirmation, 0);
	loop_timer_deinit(&confirmation->stalled);
	free(confirmation);
	return NULL;
}

void confirmation_update(struct confirmation *confirmation, const struct probe_target *target,
			 const struct evidence *evidence, bool usual)
{
	confirmation->target = *target;
	probe_plan_make(&confirmation->plan, evidence, usual);
	advance(confirmation);
}

void confirmation_reset(struct confirmation *confirmation, unsigned connections)
{
	for (size_t i = 0; i < confirmation->attempt_count; i++)
		stop(&confirmation->attempts[i]);
	confirmation->attempt_count = 0;
	confirmation->connections_left = connections;
	confirmation->plan.count = 0;
	loop_timer_cancel(&confirmation->stalled);
}
