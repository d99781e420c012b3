/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A burst's packets and the answers to them fit into BURST_LENGTH. What was lost in a full burst,
 * both ways, is asked for again by a light follow-up: cameras do not answer the same probe twice.
 */
#include "discoverd/schedule.h"

#include "common/memory.h"

#define BURST_LENGTH (2500 * USEC_PER_MSEC)
#define FOLLOW_UP    (3 * USEC_PER_SEC)
#define SHORTEST_GAP (2 * USEC_PER_SEC)  /* between bursts on one interface, */
#define LIGHT_GAP    (10 * USEC_PER_SEC) /* and before a light one: a stranger may cause it */
#define MAX_ENTRIES  1024

struct entry {
	unsigned ifindex;
	usec_t due; /* 0: nothing to do */
	bool light;
	bool followed; /* the one that is due is a follow-up, or needs none */
	usec_t last;   /* time of the last burst; 0: never */
	bool gone;     /* the interface is, or was a moment ago: a flapping one is the same */
};

struct schedule {
	struct loop *loop;
	struct loop_timer timer;
	struct loop_timer interval_timer;
	usec_t interval;
	struct entry *entries;
	size_t count;
	bool active;
	const struct schedule_handlers *handlers;
	void *owner;
};

/* End of the burst on an interface, with what is still to come. */
static usec_t end_of(const struct entry *entry)
{
	if (entry->due)
		return USEC_INFINITY;
	return entry->last && !entry->gone ? entry->last + BURST_LENGTH : 0;
}

static void arm(struct schedule *schedule)
{
	usec_t now = loop_now(schedule->loop), next = USEC_INFINITY, end;
	bool active = false;

	for (size_t i = 0; i < schedule->count; i++) {
		end = end_of(&schedule->entries[i]);
		if (end <= now)
			continue;
		active = true;
		if (schedule->entries[i].due && schedule->entries[i].due < end)
			end = schedule->entries[i].due;
		if (end < next)
			next = end;
	}
	if (next != USEC_INFINITY)
		loop_timer_arm(&schedule->timer, next > now ? next - now : 0);
	else
		loop_timer_cancel(&schedule->timer);
	if (active == schedule->active)
		return;
	schedule->active = active;
	if (!active)
		schedule->handlers->on_quiet(schedule->owner);
}

static void run(struct schedule *schedule, struct entry *entry, usec_t now)
{
	bool light = entry->light;

	entry->last = now;
	entry->due = entry->followed ? 0 : now + FOLLOW_UP;
	entry->light = true;
	entry->followed = true;
	schedule->handlers->on_burst(entry->ifindex, light, schedule->owner);
}

static void on_timer(struct loop_timer *timer)
{
	struct schedule *schedule = container_of(timer, struct schedule, timer);
	usec_t now = loop_now(schedule->loop);

	for (size_t i = 0; i < schedule->count; i++)
		if (schedule->entries[i].due && schedule->entries[i].due <= now)
			run(schedule, &schedule->entries[i], now);
	arm(schedule);
}

static void on_interval(struct loop_timer *timer)
{
	struct schedule *schedule = container_of(timer, struct schedule, interval_timer);

	loop_timer_arm(timer, schedule->interval);
	schedule->handlers->on_interval(schedule->owner);
}

void schedule_new(struct schedule **ret_schedule, struct loop *loop, usec_t interval,
		  const struct schedule_handlers *handlers, void *owner)
{
	struct schedule *schedule = xnew(struct schedule);

	schedule->loop = loop;
	schedule->interval = interval;
	schedule->handlers = handlers;
	schedule->owner = owner;
	loop_timer_init(&schedule->timer, loop, on_timer);
	loop_timer_init(&schedule->interval_timer, loop, on_interval);
	if (interval)
		loop_timer_arm(&schedule->interval_timer, interval);
	*ret_schedule = schedule;
}

struct schedule *schedule_free(struct schedule *schedule)
{
	if (!schedule)
		return NULL;
	loop_timer_deinit(&schedule->timer);
	loop_timer_deinit(&schedule->interval_timer);
	free(schedule->entries);
	free(schedule);
	return NULL;
}

static struct entry *find_or_add(struct schedule *schedule, unsigned ifindex)
{
	usec_t now = loop_now(schedule->loop);
	struct entry *entry, *unused = NULL;

	for (size_t i = 0; i < schedule->count; i++) {
		entry = &schedule->entries[i];
		if (entry->ifindex == ifindex) {
			entry->gone = false;
			return entry;
		}
		if (entry->gone && entry->last + SHORTEST_GAP <= now)
			unused = entry;
	}
	if (!unused && schedule->count == MAX_ENTRIES)
		return NULL;
	if (!unused) {
		schedule->entries = xrealloc_array(schedule->entries, schedule->count + 1,
						   sizeof(*schedule->entries));
		unused = &schedule->entries[schedule->count++];
	}
	*unused = (struct entry){ .ifindex = ifindex };
	return unused;
}

void schedule_add(struct schedule *schedule, unsigned ifindex, bool light)
{
	struct entry *entry = find_or_add(schedule, ifindex);
	usec_t now = loop_now(schedule->loop), due = now, gap = light ? LIGHT_GAP : SHORTEST_GAP;

	if (!entry)
		return;
	if (entry->last && entry->last + gap > now)
		due = entry->last + gap;
	/* A full burst that waits is not made lighter by a light one. */
	if (!entry->due || !light) {
		entry->light = light;
		entry->followed = light;
	}
	if (!entry->due || due < entry->due)
		entry->due = due;
	arm(schedule);
}

void schedule_remove(struct schedule *schedule, unsigned ifindex)
{
	for (size_t i = 0; i < schedule->count; i++) {
		if (schedule->entries[i].ifindex != ifindex)
			continue;
		schedule->entries[i].gone = true;
		schedule->entries[i].due = 0;
		break;
	}
	arm(schedule);
}

usec_t schedule_answered(const struct schedule *schedule, unsigned ifindex)
{
	for (size_t i = 0; i < schedule->count; i++)
		if (schedule->entries[i].ifindex == ifindex && schedule->entries[i].last)
			return schedule->entries[i].last + BURST_LENGTH;
	return 0;
}

bool schedule_is_active(const struct schedule *schedule)
{
	return schedule->active;
}

static usec_t remaining(const struct entry *entry, usec_t now)
{
	usec_t end = entry->last && !entry->gone ? entry->last + BURST_LENGTH : now;

	if (entry->due)
		end = entry->due + (entry->followed ? 0 : FOLLOW_UP) + BURST_LENGTH;
	return end > now ? end - now : 0;
}

struct progress schedule_progress(const struct schedule *schedule)
{
	const usec_t planned = FOLLOW_UP + BURST_LENGTH;
	usec_t now = loop_now(schedule->loop), longest = 0, left;

	for (size_t i = 0; i < schedule->count; i++) {
		left = remaining(&schedule->entries[i], now);
		if (left > longest)
			longest = left;
	}
	if (longest > planned)
		longest = planned; /* the first burst has to wait */
	return (struct progress){ .planned = planned / USEC_PER_MSEC,
				  .done = (planned - longest) / USEC_PER_MSEC };
}
