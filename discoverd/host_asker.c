/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A host of the link has a place in a table of fixed size, near the hash of its address: when it
 * was asked last, or that it waits. A newcomer takes the place of who was asked longest ago, who
 * may be asked once more for that, but not of one that waits. Owned by struct discovery.
 *
 * Where three packets of ten are lost each way, half of all questions stay without an answer. A
 * burst and its follow-up then miss 7 of 100 devices that speak SSDP alone (0.51^4), whatever is
 * repeated; the three questions here, two of which are answered by several packets (0.32 * 0.51 *
 * 0.32), leave 4 of 1000, and what of those answers at its ports is found all the same.
 */
#include "discoverd/host_asker.h"

#include <string.h>

#include "common/memory.h"

#define PLACES     2048
#define NEAR       8
#define RATE       200 /* packets per second, the limit of all together */
#define AT_ONCE    8
#define PACKETS    2 /* that a question to a host of the link is */
#define SERIES     3 /* questions to a new one */
#define TICK       (20 * USEC_PER_MSEC)
#define PATIENCE   (1500 * USEC_PER_MSEC) /* for the answers to multicast, or to a pass */
#define ASK_AGAIN  (600 * USEC_PER_SEC)
#define REST_RATIO 9 /* times as long as a pass took */

struct place {
	struct netaddr address; /* AF_UNSPEC: free */
	unsigned ifindex;
	unsigned attempts;
	unsigned left; /* questions, while it waits; after the last one, it does for its answer */
	usec_t time;   /* when it is due, or was asked */
	bool waits;
	bool is_new;
};

struct host_asker {
	struct loop *loop;
	struct loop_timer timer;
	const struct remote_hosts *hosts;
	host_ask_fn *on_ask;
	void *owner;
	usec_t last; /* tick */
	usec_t allowance;
	struct place places[PLACES];
	size_t waiting;
	struct progress link; /* of the new ones */
	size_t position;      /* in places, of the next one to look at */

	/* The pass over the remote hosts; none: next == end. */
	uint32_t next, end;
	unsigned passes_left; /* after this one */
	unsigned attempt;
	usec_t pass_began; /* or will begin */
	usec_t rest_until;
	struct progress progress;
};

static bool is_sweeping(const struct host_asker *asker)
{
	return asker->next < asker->end;
}

static void begin_pass(struct host_asker *asker, usec_t time)
{
	asker->next = 0;
	asker->end = remote_hosts_count(asker->hosts);
	asker->pass_began = time;
}

static void end_pass(struct host_asker *asker)
{
	usec_t now = loop_now(asker->loop), answered = asker->pass_began + PATIENCE;

	asker->attempt++;
	asker->rest_until = now + REST_RATIO * (now - asker->pass_began);
	if (asker->passes_left) {
		asker->passes_left--;
		begin_pass(asker, answered > now ? answered : now);
	}
}

/* Returns whether a packet may have been sent. */
static bool ask_remote(struct host_asker *asker)
{
	uint32_t index = asker->next++;
	struct netaddr address;
	/* Addresses may have been removed since the pass began. */
	bool asked = index < remote_hosts_count(asker->hosts) &&
		     remote_hosts_at(asker->hosts, index, &address);

	asker->progress.done++;
	if (asked)
		asker->on_ask(0, &address, asker->attempt, false, asker->owner);
	if (!is_sweeping(asker))
		end_pass(asker);
	return asked;
}

/* The next place that is due; NULL: none. */
static struct place *next_due(struct host_asker *asker, usec_t now)
{
	for (size_t i = 0; i < PLACES && asker->waiting; i++) {
		struct place *place = &asker->places[asker->position];

		asker->position = (asker->position + 1) % PLACES;
		if (place->waits && place->time <= now)
			return place;
	}
	return NULL;
}

static void end_series(struct host_asker *asker, struct place *place)
{
	place->waits = false;
	asker->waiting--;
	if (!place->is_new)
		return;
	asker->link.done += place->left + 1;
	place->is_new = false;
	if (!progress_is_busy(asker->link))
		asker->link = (struct progress){ 0 };
}

/* Returns whether it was asked. */
static bool ask_place(struct host_asker *asker, struct place *place, usec_t now)
{
	bool again = place->is_new && place->left < SERIES;

	place->time = now;
	if (!place->left ||
	    !asker->on_ask(place->ifindex, &place->address, place->attempts, again, asker->owner)) {
		end_series(asker, place);
		return false;
	}
	place->attempts++;
	place->left--;
	place->time += PATIENCE;
	if (place->is_new)
		asker->link.done++;
	else
		end_series(asker, place);
	return true;
}

static void on_tick(struct loop_timer *timer)
{
	struct host_asker *asker = container_of(timer, struct host_asker, timer);
	usec_t now = loop_now(asker->loop);
	struct place *place;

	asker->allowance += (now - asker->last) * RATE;
	if (asker->allowance > AT_ONCE * USEC_PER_SEC)
		asker->allowance = AT_ONCE * USEC_PER_SEC;
	asker->last = now;
	while (asker->allowance >= PACKETS * USEC_PER_SEC) {
		place = next_due(asker, now);
		if (place)
			asker->allowance -= ask_place(asker, place, now) * PACKETS * USEC_PER_SEC;
		else if (!is_sweeping(asker) || now < asker->pass_began)
			break;
		else
			asker->allowance -= ask_remote(asker) * USEC_PER_SEC;
	}
	if (asker->waiting || is_sweeping(asker))
		loop_timer_arm(&asker->timer, TICK);
}

static void wake(struct host_asker *asker)
{
	if (loop_timer_is_armed(&asker->timer))
		return;
	asker->last = loop_now(asker->loop);
	loop_timer_arm(&asker->timer, TICK);
}

/* --- hosts of the link --- */

static size_t hash(unsigned ifindex, const struct netaddr *address)
{
	const uint8_t *bytes = (const uint8_t *)&address->v6;
	size_t size = address->family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
	uint32_t value = 2166136261U ^ ifindex; /* FNV-1a */

	for (size_t i = 0; i < size; i++)
		value = (value ^ bytes[i]) * 16777619U;
	return value % PLACES;
}

static bool is_of(const struct place *place, unsigned ifindex, const struct netaddr *address)
{
	return place->ifindex == ifindex && netaddr_equal(&place->address, address);
}

/* Its own, or one that it may take; NULL: all wait. */
static struct place *find_place(struct host_asker *asker, unsigned ifindex,
				const struct netaddr *address)
{
	size_t start = hash(ifindex, address);
	struct place *found = NULL;

	for (size_t i = 0; i < NEAR; i++) {
		struct place *place = &asker->places[(start + i) % PLACES];

		if (is_of(place, ifindex, address))
			return place;
		if (!place->waits && (!found || place->time < found->time))
			found = place;
	}
	return found;
}

void host_asker_add(struct host_asker *asker, unsigned ifindex, const struct netaddr *address)
{
	struct place *place = find_place(asker, ifindex, address);
	usec_t now = loop_now(asker->loop);
	bool known = place && is_of(place, ifindex, address);

	if (!place || place->waits || (known && now - place->time < ASK_AGAIN))
		return;
	if (!known)
		*place = (struct place){ .address = *address, .ifindex = ifindex };
	place->is_new = ifindex && !place->attempts;
	place->left = place->is_new ? SERIES : 1;
	place->waits = true;
	if (place->is_new)
		asker->link.planned += SERIES + 1;
	place->time = now + PATIENCE;
	asker->waiting++;
	wake(asker);
}

void host_asker_forget(struct host_asker *asker)
{
	memset(asker->places, 0, sizeof(asker->places));
	asker->waiting = 0;
	asker->link = (struct progress){ 0 };
}

/* --- remote hosts --- */

void host_asker_sweep(struct host_asker *asker, unsigned passes)
{
	uint32_t count = remote_hosts_count(asker->hosts);

	if (!count || !passes)
		return;
	if (!is_sweeping(asker)) {
		asker->progress = (struct progress){ 0 };
		asker->passes_left = passes - 1;
		begin_pass(asker, loop_now(asker->loop));
	} else if (asker->passes_left < passes) {
		asker->passes_left = passes;
	}
	asker->progress.planned = asker->progress.done + (asker->end - asker->next) +
				  asker->passes_left * count;
	wake(asker);
}

void host_asker_resweep(struct host_asker *asker)
{
	if (!is_sweeping(asker) && loop_now(asker->loop) >= asker->rest_until)
		host_asker_sweep(asker, 1);
}

struct progress host_asker_progress(const struct host_asker *asker)
{
	return progress_least(is_sweeping(asker) ? asker->progress : (struct progress){ 0 },
			      asker->link);
}

/* --- life --- */

void host_asker_new(struct host_asker **ret_asker, struct loop *loop,
		    const struct remote_hosts *hosts, host_ask_fn *on_ask, void *owner)
{
	struct host_asker *asker = xnew(struct host_asker);

	asker->loop = loop;
	asker->hosts = hosts;
	asker->on_ask = on_ask;
	asker->owner = owner;
	loop_timer_init(&asker->timer, loop, on_tick);
	*ret_asker = asker;
}

struct host_asker *host_asker_free(struct host_asker *asker)
{
	if (!asker)
		return NULL;
	loop_timer_deinit(&asker->timer);
	free(asker);
	return NULL;
}
