/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An attempt is a port that was asked since the last reset; a call is an attempt that is being
 * made. Only calls cost more than a few bytes, and they end. A port that nothing points to is asked
 * only when all that points to a port of its service has failed, and then one after the other,
 * unless the last one is silent for so long that the next may start beside it.
 *
 * Each confirmation knows what it would ask next, and how urgent that is; a place of the budget
 * goes to the most urgent of all. So every device has its web and video servers confirmed before
 * any is asked for particulars, and those that nothing answers to hold up nobody.
 *
 * Invariant: every call has a conversation, and a place of the budget, and counts in
 * confirmer->running.
 */
#include "discoverd/confirmation.h"

#include <errno.h>

#include "common/memory.h"

#define MAX_HERE     3
#define MAX_SECURE   4
#define MAX_TRIES    2
#define MAX_AGAIN    (CONNECTION_BUDGET_RUNNING / 2)
#define MAX_ATTEMPTS 16 /* each but for the first takes a connection */
#define MUTE_FROM    4  /* ports that were silent, and none that was not */
#define RESERVE      2  /* connections that are left to the web and video servers */

static const unsigned connections_of[] = {
	[LOOK_NONE] = 0,  [LOOK_VERIFY] = 1, [LOOK_LIGHT] = 4,
	[LOOK_FIRST] = 4, [LOOK_FULL] = 10, /* two of the 12 are left to UPnP */
};

/* How long a connection may take: long enough for all but a few, so that what is dropped does not
 * keep its place from others; the second time for another SYN of the kernel's after a second. But
 * not less than eight times what the last one took. */
#define PATIENCE       (300 * USEC_PER_MSEC)
#define PATIENCE_AGAIN (1300 * USEC_PER_MSEC)
#define PATIENCE_TRIPS 8
#define STALLED_AFTER  PATIENCE
#define SLOW_FOR       (1200 * USEC_PER_MSEC)
#define CLAIMED_WAIT   (2 * USEC_PER_MSEC) /* the place is for a description */
#define UNMADE_WAIT    USEC_PER_SEC
#define ONVIF_LASTS    (3600 * USEC_PER_SEC)

/* What is asked first, of all that is to be asked. */
enum urgency {
	URGENCY_SERVICE,  /* where RTSP or HTTP is said to be, or is nearly always */
	URGENCY_KNOWN,    /* whether what has answered before is still there */
	URGENCY_ONVIF,    /* what it is */
	URGENCY_AGAIN,    /* once more, of who was silent */
	URGENCY_STRANGER, /* the first, of a host of which nothing is known */
	URGENCY_HUNT,     /* where something might be */
	URGENCY_STRANGER_AGAIN,
	URGENCY_LEAST,
	URGENCY_NONE,
};

struct confirmer {
	struct loop *loop;
	struct confirmation *first;
	uint64_t turns; /* given so far */
	struct connection_budget *budget;
	struct loop_defer wake;      /* a place became free */
	struct loop_timer allowance; /* the budget may have a place again */
	bool waiting;                /* for that */
	unsigned running;
	unsigned again;  /* of those, not for the first time */
	unsigned secure; /* of those, in TLS: each is a process */
	confirmation_result_fn *on_result;
	confirmation_idle_fn *on_idle;
	void *owner;
};

struct attempt {
	uint16_t port;
	enum probe_service service : 8;
	enum probe_result result : 8; /* of the last try, when not running */
	unsigned tries : 8;
	bool running;
};

struct call {
	struct call *next;
	struct confirmation *confirmation;
	struct attempt *attempt;
	struct probe_step step;
	struct conversation *conversation;
	struct loop_timer stall;
	bool slow;
	bool stalled; /* takes so long that others need not wait for it */
	bool again;
};

struct confirmation {
	struct confirmation *next;
	struct confirmer *confirmer;
	struct device *device;
	uint64_t turn; /* of its look: who began first is served first */
	struct tcp_place place;
	const struct evidence *evidence; /* of the device; NULL: nothing to go by yet */
	bool usual;
	enum look look;
	unsigned connections_left;
	usec_t trip; /* what the last connection took */
	struct attempt attempts[MAX_ATTEMPTS];
	size_t attempt_count;
	struct call *calls;
	unsigned running;
	enum urgency urgency; /* of what is to be asked next, */
	struct probe_step step;
	bool again;
	bool held; /* there would be more, were there not so many in TLS */
};

static struct attempt *find_attempt(struct confirmation *confirmation,
				    const struct probe_step *step)
{
	for (size_t i = 0; i < confirmation->attempt_count; i++) {
		const struct probe_step asked = { .port = confirmation->attempts[i].port,
						  .service = confirmation->attempts[i].service };

		if (probe_step_is_same(&asked, step))
			return &confirmation->attempts[i];
	}
	return NULL;
}

/* --- what to ask next --- */

static bool is_service_settled(const struct confirmation *confirmation, enum probe_service service)
{
	for (size_t i = 0; i < confirmation->attempt_count; i++) {
		const struct attempt *attempt = &confirmation->attempts[i];

		if (attempt->service == service && !attempt->running &&
		    attempt->result == PROBE_CONFIRMED)
			return true;
	}
	return false;
}

/* A port of the service is being asked, and may yet answer. ONVIF is a long conversation. */
static bool is_service_pending(const struct confirmation *confirmation, enum probe_service service)
{
	for (const struct call *call = confirmation->calls; call; call = call->next)
		if (call->step.service == service && (service == PROBE_ONVIF || !call->stalled))
			return true;
	return false;
}

/* The port is being asked for another service: its connection may do for this one as well. */
static bool is_port_pending(const struct confirmation *confirmation, uint16_t port)
{
	for (const struct call *call = confirmation->calls; call; call = call->next)
		if (call->step.port == port && !call->stalled)
			return true;
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
		if (!attempt->running && attempt->result != PROBE_SILENT)
			return false;
		silent += !attempt->running;
	}
	return silent >= MUTE_FROM;
}

/* Whether a port that nothing points to is asked for the service, now. */
static bool is_sought(const struct confirmation *confirmation, enum probe_service service,
		      bool again)
{
	if (is_service_settled(confirmation, service) ||
	    is_service_pending(confirmation, service) || is_mute(confirmation))
		return false;
	switch (service) {
	case PROBE_RTSP:
	case PROBE_HTTP:
		return true;
	case PROBE_ONVIF: /* it is found where HTTP is, if at all */
		return confirmation->look == LOOK_FULL && !again &&
		       !is_service_pending(confirmation, PROBE_HTTP);
	case PROBE_HTTPS: /* the others may need the connections more */
		return confirmation->look == LOOK_FULL && !again &&
		       !is_service_pending(confirmation, PROBE_RTSP) &&
		       !is_service_pending(confirmation, PROBE_HTTP) &&
		       !is_service_pending(confirmation, PROBE_ONVIF);
	case PROBE_RTSPS:
	case PROBE_SERVICE_COUNT:
		break;
	}
	return confirmation->look == LOOK_FULL && !again;
}

/* What can be asked of ONVIF was answered: it does not change from one look to the next. */
static bool is_needless(const struct confirmation *confirmation, const struct probe_step *step)
{
	usec_t now = loop_now(confirmation->confirmer->loop);

	return step->service == PROBE_ONVIF && confirmation->look != LOOK_FULL &&
	       evidence_is_told(confirmation->evidence, SOURCE_ONVIF,
				now > ONVIF_LASTS ? now - ONVIF_LASTS : 0);
}

/* The port has answered for a service before. */
static bool is_known(const struct confirmation *confirmation, uint16_t port)
{
	const struct fact *fact = NULL;

	while ((fact = evidence_next(confirmation->evidence, FIELD_SERVICE, fact)))
		if (fact->port == port)
			return true;
	return false;
}

static enum urgency urgency_of(struct confirmation *confirmation, const struct probe_step *step,
			       bool *ret_again)
{
	const struct attempt *attempt = find_attempt(confirmation, step);
	bool again = attempt && attempt->tries;

	if (attempt ? attempt->tries == MAX_TRIES || attempt->running ||
			      attempt->result != PROBE_SILENT
		    : confirmation->attempt_count == MAX_ATTEMPTS)
		return URGENCY_NONE;
	if (is_needless(confirmation, step) || is_port_pending(confirmation, step->port) ||
	    (!step->hinted && !is_sought(confirmation, step->service, again)))
		return URGENCY_NONE;
	if (step->secure && confirmation->confirmer->secure == MAX_SECURE) {
		confirmation->held = true;
		return URGENCY_NONE;
	}
	*ret_again = again;
	if (!step->likely)
		return again || confirmation->look == LOOK_FIRST ? URGENCY_LEAST : URGENCY_HUNT;
	if (confirmation->look == LOOK_FIRST)
		return again ? URGENCY_STRANGER_AGAIN : URGENCY_STRANGER;
	if (again)
		return URGENCY_AGAIN;
	if (step->service == PROBE_ONVIF)
		return URGENCY_ONVIF;
	return confirmation->look == LOOK_FULL && is_known(confirmation, step->port)
		       ? URGENCY_KNOWN
		       : URGENCY_SERVICE;
}

/* Something points to it, and it is still to be asked. */
static bool is_owed(struct confirmation *confirmation, const struct probe_step *step)
{
	const struct attempt *attempt = find_attempt(confirmation, step);

	return step->hinted && !(attempt && attempt->tries) && !is_needless(confirmation, step);
}

/* A guess must leave a connection to each of those; TLS is sought when all has been said. */
static bool is_premature(const struct confirmation *confirmation, const struct probe_step *step,
			 unsigned owed)
{
	return confirmation->connections_left <= owed || (owed && step->secure);
}

/* Whenever the answer may be another. */
static void choose(struct confirmation *confirmation)
{
	struct probe_plan plan;
	enum urgency urgency;
	unsigned owed = 0;
	bool again;

	confirmation->urgency = URGENCY_NONE;
	confirmation->held = false;
	if (!confirmation->evidence || confirmation->running == MAX_HERE ||
	    !confirmation->connections_left)
		return;
	probe_plan_make(&plan, confirmation->evidence, confirmation->usual);
	for (size_t i = 0; i < plan.count; i++)
		owed += is_owed(confirmation, &plan.steps[i]);
	for (size_t i = 0; i < plan.count; i++) {
		urgency = urgency_of(confirmation, &plan.steps[i], &again);
		if (urgency >= confirmation->urgency ||
		    (urgency >= URGENCY_HUNT && is_premature(confirmation, &plan.steps[i], owed)))
			continue;
		confirmation->urgency = urgency;
		confirmation->step = plan.steps[i];
		confirmation->again = again;
	}
}

static struct confirmation *most_urgent(const struct confirmer *confirmer)
{
	struct confirmation *most = NULL;

	for (struct confirmation *confirmation = confirmer->first; confirmation;
	     confirmation = confirmation->next) {
		if (confirmation->urgency == URGENCY_NONE ||
		    (confirmation->again && confirmer->again == MAX_AGAIN))
			continue;
		if (!most || confirmation->urgency < most->urgency ||
		    (confirmation->urgency == most->urgency && confirmation->turn < most->turn))
			most = confirmation;
	}
	return most;
}

/* --- asking --- */

/* It is over, but for its place in the budget. */
static void detach(struct call *call)
{
	struct confirmation *confirmation = call->confirmation;
	struct confirmer *confirmer = confirmation->confirmer;
	struct call **at = &confirmation->calls;

	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	call->attempt->running = false;
	confirmation->running--;
	confirmer->running--;
	confirmer->again -= call->again;
	confirmer->secure -= call->step.secure;
	loop_defer_schedule(&confirmer->wake);
}

static void discard(struct call *call)
{
	conversation_free(call->conversation);
	loop_timer_deinit(&call->stall);
	free(call);
}

static void end(struct call *call, enum connection_end how)
{
	detach(call);
	connection_budget_give_back(call->confirmation->confirmer->budget, how);
	discard(call);
}

/* What it says about the network between us. Most ports are only guesses. */
static enum connection_end meaning(const struct call *call, enum probe_result result)
{
	switch (result) {
	case PROBE_CONFIRMED:
	case PROBE_OTHER:
	case PROBE_UNASKED:
		break;
	case PROBE_REFUSED: /* an answer, too, but for who had a server there */
		if (is_known(call->confirmation, call->step.port))
			return CONNECTION_LOST;
		break;
	case PROBE_SILENT:
		return call->step.hinted ? CONNECTION_LOST : CONNECTION_UNKNOWN;
	}
	return CONNECTION_ANSWERED;
}

/* Then the first failure says nothing. */
static bool is_to_be_tried_again(const struct call *call, enum probe_result result)
{
	return result == PROBE_UNASKED ||
	       (result == PROBE_SILENT && call->step.hinted && call->attempt->tries < MAX_TRIES &&
		call->confirmation->connections_left);
}

static bool pass_on(struct call *call);

static void on_done(struct conversation *conversation, enum probe_result result,
		    struct evidence *evidence, void *owner)
{
	struct call *call = owner;
	struct confirmation *confirmation = call->confirmation;
	uint64_t turn = confirmation->turn;

	if (conversation->trip)
		confirmation->trip = conversation->trip;
	call->attempt->result = result == PROBE_UNASKED ? PROBE_SILENT : result;
	call->attempt->tries -= result == PROBE_UNASKED;
	if (!is_to_be_tried_again(call, result))
		confirmation->confirmer->on_result(confirmation->device, call->step.port,
						   call->step.service, result, evidence,
						   confirmation->confirmer->owner);
	if (confirmation->turn != turn)
		return; /* everything was ended */
	detach(call);
	if (result != PROBE_CONFIRMED || !pass_on(call))
		connection_budget_give_back(confirmation->confirmer->budget, meaning(call, result));
	discard(call);
	choose(confirmation);
}

static bool may_reconnect(void *owner)
{
	struct confirmation *confirmation = ((struct call *)owner)->confirmation;
	struct confirmer *confirmer = confirmation->confirmer;
	bool settled = is_service_settled(confirmation, PROBE_RTSP) &&
		       is_service_settled(confirmation, PROBE_HTTP);

	if (confirmation->connections_left <= (settled ? 0 : RESERVE))
		return false;
	confirmation->connections_left--;
	connection_budget_replace(confirmer->budget, loop_now(confirmer->loop));
	return true;
}

static void on_stall(struct loop_timer *timer)
{
	struct call *call = container_of(timer, struct call, stall);

	/* Who has taken the connection is only slow. */
	if (call->conversation->trip && !call->slow) {
		call->slow = true;
		loop_timer_arm(timer, SLOW_FOR);
		return;
	}
	call->stalled = true;
	choose(call->confirmation);
	loop_defer_schedule(&call->confirmation->confirmer->wake);
}

/* The last connection that there is gets all the time. */
static usec_t patience(const struct confirmation *confirmation, const struct attempt *attempt)
{
	usec_t least = attempt->tries == 1 && confirmation->connections_left ? PATIENCE
									     : PATIENCE_AGAIN;
	usec_t trips = PATIENCE_TRIPS * confirmation->trip;

	return trips < least ? least : trips < PROBE_TIMEOUT ? trips : PROBE_TIMEOUT;
}

static struct attempt *note_attempt(struct confirmation *confirmation,
				    const struct probe_step *step)
{
	struct attempt *attempt = find_attempt(confirmation, step);

	if (!attempt) {
		attempt = &confirmation->attempts[confirmation->attempt_count++];
		*attempt = (struct attempt){ .port = step->port, .service = step->service };
	}
	return attempt;
}

/* before: whose connection and place it takes over; NULL: a place of the budget is taken. */
static int make_call(struct confirmation *confirmation, const struct probe_step *step, bool again,
		     struct conversation *before)
{
	static const struct conversation_handlers handlers = { on_done, may_reconnect };
	const struct service_probe *probe = probe_service_probe(step->service);
	struct confirmer *confirmer = confirmation->confirmer;
	struct attempt *attempt = note_attempt(confirmation, step);
	struct probe_target target = { .place = confirmation->place, .told = step->hinted };
	struct call *call = xnew(struct call);
	int r;

	attempt->tries++;
	attempt->result = PROBE_SILENT;
	if (!before)
		confirmation->connections_left--;
	target.place.port = step->port;
	target.place.secure = step->secure;
	target.patience = patience(confirmation, attempt);
	if (step->service == PROBE_ONVIF)
		target.path = probe_plan_onvif_path(confirmation->evidence, step->port);
	if (before)
		r = conversation_continue(&call->conversation, before, probe, &target, &handlers,
					  call);
	else
		r = conversation_start(&call->conversation, confirmer->loop, probe, &target,
				       &handlers, call);
	if (r < 0) {
		free(call);
		return r;
	}
	call->confirmation = confirmation;
	call->attempt = attempt;
	call->step = *step;
	call->again = again;
	call->next = confirmation->calls;
	confirmation->calls = call;
	attempt->running = true;
	confirmation->running++;
	confirmer->running++;
	confirmer->again += again;
	confirmer->secure += step->secure;
	loop_timer_init(&call->stall, confirmer->loop, on_stall);
	loop_timer_arm(&call->stall, STALLED_AFTER);
	return 0;
}

/* What is to be asked of the same port as well need not connect again. */
static bool pass_on(struct call *call)
{
	struct confirmation *confirmation = call->confirmation;
	const struct probe_step *asked = &call->step, *step;
	struct probe_plan plan;
	bool again;

	if (connection_budget_is_full(confirmation->confirmer->budget))
		return false; /* others wait for the place */
	probe_plan_make(&plan, confirmation->evidence, confirmation->usual);
	for (size_t i = 0; i < plan.count; i++) {
		step = &plan.steps[i];
		if (step->port != asked->port || step->secure != asked->secure ||
		    urgency_of(confirmation, step, &again) == URGENCY_NONE || again)
			continue;
		if (make_call(confirmation, step, false, call->conversation) == 0)
			return true;
		find_attempt(confirmation, step)->tries--;
	}
	return false;
}

static void wait_for_place(struct confirmer *confirmer, usec_t time)
{
	if (!confirmer->waiting)
		loop_timer_arm(&confirmer->allowance, time ? time : CLAIMED_WAIT);
	confirmer->waiting = true;
}

static bool lacks_resources(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS;
}

/* False: this host cannot open connections for now. */
static bool ask(struct confirmation *confirmation)
{
	struct confirmer *confirmer = confirmation->confirmer;
	int r = make_call(confirmation, &confirmation->step, confirmation->again, NULL);

	if (lacks_resources(r)) {
		find_attempt(confirmation, &confirmation->step)->tries--;
		confirmation->connections_left++;
		connection_budget_give_back(confirmer->budget, CONNECTION_UNMADE);
		wait_for_place(confirmer, UNMADE_WAIT);
		return false;
	}
	if (r < 0)
		connection_budget_give_back(confirmer->budget, CONNECTION_UNKNOWN);
	choose(confirmation);
	return true;
}

/* As far as there are places; if there are none, it goes on when there may be. */
static void go_on(struct confirmer *confirmer)
{
	struct confirmation *confirmation;
	usec_t now;

	while ((confirmation = most_urgent(confirmer))) {
		now = loop_now(confirmer->loop);
		if (!connection_budget_take(confirmer->budget, now)) {
			wait_for_place(confirmer, connection_budget_wait(confirmer->budget, now));
			return;
		}
		if (!ask(confirmation))
			return;
	}
}

static void on_wake(struct loop_defer *defer)
{
	struct confirmer *confirmer = container_of(defer, struct confirmer, wake);

	if (confirmer->secure < MAX_SECURE)
		for (struct confirmation *confirmation = confirmer->first; confirmation;
		     confirmation = confirmation->next)
			if (confirmation->held)
				choose(confirmation);
	go_on(confirmer);
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
	return confirmation->running > 0 || confirmation->urgency != URGENCY_NONE;
}

void confirmation_new(struct confirmation **ret_confirmation, struct confirmer *confirmer,
		      struct device *device)
{
	struct confirmation *confirmation = xnew(struct confirmation);

	confirmation->confirmer = confirmer;
	confirmation->device = device;
	confirmation_reset(confirmation, LOOK_FULL);
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
	confirmation_reset(confirmation, LOOK_NONE);
	free(confirmation);
	return NULL;
}

void confirmation_update(struct confirmation *confirmation, const struct tcp_place *place,
			 const struct evidence *evidence, bool usual)
{
	confirmation->place = *place;
	confirmation->evidence = evidence;
	confirmation->usual = usual;
	choose(confirmation);
	if (confirmation->urgency != URGENCY_NONE && !confirmation->confirmer->waiting)
		go_on(confirmation->confirmer);
}

void confirmation_reset(struct confirmation *confirmation, enum look look)
{
	while (confirmation->calls)
		end(confirmation->calls, CONNECTION_UNKNOWN);
	confirmation->turn = ++confirmation->confirmer->turns;
	confirmation->attempt_count = 0;
	confirmation->look = look;
	confirmation->connections_left = connections_of[look];
	confirmation->evidence = NULL;
	confirmation->urgency = URGENCY_NONE;
	confirmation->held = false;
}

void confirmation_extend(struct confirmation *confirmation)
{
	/* What is only just starting was refused at first, by a camera that is heard as it boots.
	 */
	for (size_t i = 0; i < confirmation->attempt_count; i++) {
		struct attempt *attempt = &confirmation->attempts[i];

		if (!attempt->running &&
		    (attempt->result == PROBE_REFUSED || attempt->result == PROBE_SILENT)) {
			attempt->tries = 0;
			attempt->result = PROBE_SILENT;
		}
	}
	confirmation->connections_left += connections_of[LOOK_FULL] - connections_of[LOOK_FIRST];
	confirmation->look = LOOK_FULL;
}
