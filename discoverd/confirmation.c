/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An attempt is a port that was asked since the last reset. A usual port is asked only when all
 * that points to a port of its service has failed, and then one after the other, unless the last
 * one is silent for so long that the next may start beside it.
 *
 * Invariant: every running attempt holds a probe, and a place of the budget, and counts in
 * confirmer->running.
 */
#include "discoverd/confirmation.h"

#include <errno.h>

#include "common/memory.h"

#define MAX_HERE      3
#define MAX_SECURE    4
#define MAX_TRIES     2
#define STALLED_AFTER (300 * USEC_PER_MSEC)
#define MUTE_FROM     4 /* ports that were silent, and none that was not */
#define RESERVE       2 /* connections that a probe leaves to the others */
#define ONVIF_LASTS   (3600 * USEC_PER_SEC)

static const struct service_probe *const probes[PROBE_SERVICE_COUNT] = {
	[PROBE_RTSP] = &rtsp_probe,  [PROBE_HTTP] = &http_probe,   [PROBE_HTTPS] = &http_probe,
	[PROBE_RTSPS] = &rtsp_probe, [PROBE_ONVIF] = &onvif_probe,
};

struct confirmer {
	struct loop *loop;
	struct confirmation *first;
	struct connection_budget *budget;
	struct loop_defer wake;      /* a place became free */
	struct loop_timer allowance; /* the budget may have a place again */
	bool waiting;                /* for that */
	unsigned running;
	unsigned secure; /* of those, in TLS: each is a process */
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
	const struct evidence *evidence; /* of the device; NULL: no plan yet */
	struct probe_plan plan;
	struct attempt attempts[CONFIRMATION_FULL]; /* each takes a connection at least */
	size_t attempt_count;
	unsigned connections_left;
	bool thorough; /* a full scan */
	unsigned running;
	struct loop_timer stalled;
	struct device *device;
};

static void advance(struct confirmation *confirmation);

static struct attempt *find_attempt(struct confirmation *confirmation,
				    const struct probe_step *step)
{
	for (size_t i = 0; i < confirmation->attempt_count; i++)
		if (probe_step_is_same(&confirmation->attempts[i].step, step))
			return &confirmation->attempts[i];
	return NULL;
}

static void stop(struct attempt *attempt, bool lost)
{
	struct confirmer *confirmer = attempt->confirmation->confirmer;

	if (!attempt->probe)
		return;
	attempt->probe = probes[attempt->step.service]->stop(attempt->probe);
	attempt->confirmation->running--;
	confirmer->running--;
	confirmer->secure -= attempt->step.secure;
	connection_budget_give_back(confirmer->budget, lost);
	loop_defer_schedule(&confirmer->wake);
}

static void on_done(void *probe, enum probe_result result, const struct evidence *evidence,
		    void *owner)
{
	struct attempt *attempt = owner;
	struct confirmation *confirmation = attempt->confirmation;

	attempt->result = result;
	confirmation->confirmer->on_result(confirmation->device, attempt->step.port,
					   attempt->step.service, result, evidence,
					   confirmation->confirmer->owner);
	/* The evidence was the probe's; the wake-up goes on with the plan. */
	stop(attempt, result == PROBE_SILENT);
}

static bool may_reconnect(void *owner)
{
	struct confirmation *confirmation = ((struct attempt *)owner)->confirmation;
	struct confirmer *confirmer = confirmation->confirmer;

	if (confirmation->connections_left <= RESERVE)
		return false;
	confirmation->connections_left--;
	connection_budget_replace(confirmer->budget, loop_now(confirmer->loop));
	return true;
}

static const struct probe_handlers probe_handlers = { on_done, may_reconnect };

/* The place of the budget is taken. */
static void start(struct confirmation *confirmation, struct attempt *attempt)
{
	struct confirmer *confirmer = confirmation->confirmer;
	struct probe_target target = confirmation->target;
	int r;

	target.port = attempt->step.port;
	target.secure = attempt->step.secure;
	if (attempt->step.service == PROBE_ONVIF)
		target.path = probe_plan_onvif_path(confirmation->evidence, target.port);
	attempt->tries++;
	attempt->started = loop_now(confirmer->loop);
	attempt->result = PROBE_SILENT;
	confirmation->connections_left--;
	r = probes[attempt->step.service]->start(&attempt->probe, confirmer->loop, &target,
						 &probe_handlers, attempt);
	if (r < 0) { /* out of descriptors: as good as lost */
		connection_budget_give_back(confirmer->budget, true);
		return;
	}
	confirmation->running++;
	confirmer->running++;
	confirmer->secure += attempt->step.secure;
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

/* A port of the service is being asked, and may yet answer. ONVIF is a long conversation. */
static bool is_service_pending(struct confirmation *confirmation, enum probe_service service)
{
	usec_t now = loop_now(confirmation->confirmer->loop);

	for (size_t i = 0; i < confirmation->attempt_count; i++) {
		const struct attempt *attempt = &confirmation->attempts[i];

		if (attempt->step.service == service && attempt->probe &&
		    (service == PROBE_ONVIF || now - attempt->started < STALLED_AFTER))
			return true;
	}
	return false;
}

/* It drops what is not for it, or is gone: who hunts for ports there only waits. */
static bool is_mute(const struct confirmation *confirmation)
{
	unsigned silent = 0;

	for (size_t i = 0; i < confirmation->attempt_count; i++) {
		const struct attempt *attempt = &confirmation->attempts[i];

		if (!attempt->tries)
			continue;
		if (!attempt->probe && attempt->result != PROBE_SILENT)
			return false;
		silent += !attempt->probe;
	}
	return silent >= MUTE_FROM;
}

/* Whether a port that nothing points to is asked for the service, now. */
static bool is_sought(struct confirmation *confirmation, enum probe_service service)
{
	if (is_service_settled(confirmation, service) ||
	    is_service_pending(confirmation, service) || is_mute(confirmation))
		return false;
	switch (service) {
	case PROBE_RTSP:
	case PROBE_HTTP:
		return true;
	case PROBE_ONVIF: /* it is found where HTTP is, if at all */
		return confirmation->thorough && !is_service_pending(confirmation, PROBE_HTTP);
	case PROBE_HTTPS: /* the others may need the connections more */
		return confirmation->thorough && !is_service_pending(confirmation, PROBE_ONVIF) &&
		       !is_service_pending(confirmation, PROBE_RTSP);
	case PROBE_RTSPS:
	case PROBE_SERVICE_COUNT:
		break;
	}
	return confirmation->thorough;
}

/* What can be asked of ONVIF was answered: it does not change from one look to the next. */
static bool is_needless(struct confirmation *confirmation, const struct probe_step *step)
{
	usec_t now = loop_now(confirmation->confirmer->loop);

	return step->service == PROBE_ONVIF && !confirmation->thorough &&
	       evidence_is_told(confirmation->evidence, SOURCE_ONVIF,
				now > ONVIF_LASTS ? now - ONVIF_LASTS : 0);
}

/* 0: never asked; 1: silent the first time, to be asked again after the others. */
static bool is_eligible(struct confirmation *confirmation, const struct probe_step *step,
			unsigned tries)
{
	const struct attempt *attempt = find_attempt(confirmation, step);

	if ((attempt ? attempt->tries : 0) != tries)
		return false;
	if (attempt && (attempt->probe || attempt->result != PROBE_SILENT))
		return false;
	if (is_needless(confirmation, step) ||
	    (step->secure && confirmation->confirmer->secure == MAX_SECURE))
		return false;
	return step->hinted || is_sought(confirmation, step->service);
}

static const struct probe_step *next_step(struct confirmation *confirmation)
{
	if (confirmation->running == MAX_HERE || !confirmation->connections_left)
		return NULL;
	for (unsigned tries = 0; tries < MAX_TRIES; tries++)
		for (size_t i = 0; i < confirmation->plan.count; i++)
			if (is_eligible(confirmation, &confirmation->plan.steps[i], tries))
				return &confirmation->plan.steps[i];
	return NULL;
}

/* A place for one more connection; if there is none, the confirmer goes on when there may be. */
static bool take_place(struct confirmer *confirmer)
{
	usec_t now = loop_now(confirmer->loop);

	if (connection_budget_take(confirmer->budget, now))
		return true;
	if (!confirmer->waiting)
		loop_timer_arm(&confirmer->allowance,
			       connection_budget_wait(confirmer->budget, now));
	confirmer->waiting = true;
	return false;
}

static void advance(struct confirmation *confirmation)
{
	const struct probe_step *step;
	struct attempt *attempt;

	while ((step = next_step(confirmation)) && take_place(confirmation->confirmer)) {
		attempt = find_attempt(confirmation, step);
		if (!attempt) {
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
	if (!confirmer_is_busy(confirmer))
		confirmer->on_idle(confirmer->owner);
}

static void on_allowance(struct loop_timer *timer)
{
	struct confirmer *confirmer = container_of(timer, struct confirmer, allowance);

	confirmer->waiting = false;
	loop_defer_schedule(&confirmer->wake);
}

/* --- life --- */

void confirmer_new(struct confirmer **ret_confirmer, struct loop *loop,
		   struct connection_budget *budget, confirmation_result_fn *on_result,
		   confirmation_idle_fn *on_idle, void *owner)
{
	struct confirmer *confirmer = xnew(struct confirmer);

	confirmer->loop = loop;
	confirmer->budget = budget;
	confirmer->on_result = on_result;
	confirmer->on_idle = on_idle;
	confirmer->owner = owner;
	loop_defer_init(&confirmer->wake, loop, on_wake);
	loop_timer_init(&confirmer->allowance, loop, on_allowance);
	*ret_confirmer = confirmer;
}

struct confirmer *confirmer_free(struct confirmer *confirmer)
{
	if (!confirmer)
		return NULL;
	loop_defer_deinit(&confirmer->wake);
	loop_timer_deinit(&confirmer->allowance);
	free(confirmer);
	return NULL;
}

bool confirmer_is_busy(const struct confirmer *confirmer)
{
	return confirmer->running > 0 || confirmer->waiting;
}

bool confirmation_is_busy(const struct confirmation *confirmation)
{
	return confirmation->running > 0;
}

void confirmation_new(struct confirmation **ret_confirmation, struct confirmer *confirmer,
		      struct device *device)
{
	struct confirmation *confirmation = xnew(struct confirmation);

	confirmation->confirmer = confirmer;
	confirmation->device = device;
	confirmation->connections_left = CONFIRMATION_FULL;
	confirmation->thorough = true;
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
	confirmation->evidence = evidence;
	probe_plan_make(&confirmation->plan, evidence, usual);
	advance(confirmation);
}

void confirmation_reset(struct confirmation *confirmation, unsigned connections)
{
	for (size_t i = 0; i < confirmation->attempt_count; i++)
		stop(&confirmation->attempts[i], false);
	confirmation->attempt_count = 0;
	confirmation->connections_left = connections;
	confirmation->thorough = connections == CONFIRMATION_FULL;
	confirmation->plan.count = 0;
	loop_timer_cancel(&confirmation->stalled);
}

void confirmation_extend(struct confirmation *confirmation)
{
	/* What is only just starting was refused at first, by a camera that is heard as it boots.
	 */
	for (size_t i = 0; i < confirmation->attempt_count; i++) {
		struct attempt *attempt = &confirmation->attempts[i];

		if (!attempt->probe &&
		    (attempt->result == PROBE_REFUSED || attempt->result == PROBE_SILENT)) {
			attempt->tries = 0;
			attempt->result = PROBE_SILENT;
		}
	}
	confirmation->connections_left += CONFIRMATION_FULL - CONFIRMATION_FIRST;
	confirmation->thorough = true;
}
