/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One list, the oldest first, one timer for the earliest step. Owned by struct discovery.
 *
 * Who is there answers the kernel within milliseconds. In a flood of forged addresses the queue is
 * always full of such that nobody answers for: the oldest of them makes room.
 */
#include "discoverd/sighting_queue.h"

#include "common/memory.h"

#define MAX_WAITING 512
/* The kernel's notification is often behind the packet that caused it: a moment before poking. */
#define FIRST_POKE   (10 * USEC_PER_MSEC)
#define NEXT_POKE    (400 * USEC_PER_MSEC)
#define GIVE_UP      (3 * USEC_PER_SEC)
#define LEAST_STAY   (100 * USEC_PER_MSEC)
#define LONGEST_LOSS (30 * USEC_PER_SEC)
/* Where the link cannot be asked but by the kernel: that delays for 5 s, then asks the old MAC for
 * 3 s, and only then everybody. */
#define GIVE_UP_DOUBTFUL (12 * USEC_PER_SEC)

struct waiting {
	struct waiting *next;
	struct sighting sighting;
	usec_t added;
	usec_t next_poke;
	usec_t give_up;
	bool insist; /* the kernel alone is not relied on (any more) */
};

struct sighting_queue {
	struct loop *loop;
	struct loop_timer timer;
	struct waiting *first;
	size_t count;
	sighting_poke_fn *on_poke;
	sighting_ready_fn *on_ready;
	sighting_recovered_fn *on_recovered;
	usec_t lost; /* when the first was since on_recovered; 0: none was */
	void *owner;
};

static void arm(struct sighting_queue *queue)
{
	usec_t now = loop_now(queue->loop), due = USEC_INFINITY;

	for (struct waiting *waiting = queue->first; waiting; waiting = waiting->next) {
		if (waiting->next_poke < due)
			due = waiting->next_poke;
		if (waiting->give_up < due)
			due = waiting->give_up;
	}
	if (due == USEC_INFINITY)
		loop_timer_cancel(&queue->timer);
	else
		loop_timer_arm(&queue->timer, due > now ? due - now : 0);
}

/* Takes out of the list all that match, so that callbacks find a consistent queue. */
static struct waiting *take(struct sighting_queue *queue, unsigned ifindex,
			    const struct netaddr *address, usec_t expired)
{
	struct waiting *taken = NULL, **end = &taken, **at = &queue->first, *waiting;

	while ((waiting = *at)) {
		if (address ? waiting->sighting.ifindex != ifindex ||
				      !netaddr_equal(&waiting->sighting.address, address)
			    : waiting->give_up > expired) {
			at = &waiting->next;
			continue;
		}
		*at = waiting->next;
		waiting->next = NULL;
		*end = waiting;
		end = &waiting->next;
		queue->count--;
	}
	return taken;
}

static void finish(struct sighting_queue *queue, struct waiting *taken,
		   const struct mac_address *mac)
{
	struct waiting *waiting;

	while ((waiting = taken)) {
		taken = waiting->next;
		queue->on_ready(&waiting->sighting, mac, queue->owner);
		sighting_deinit(&waiting->sighting);
		free(waiting);
	}
	arm(queue);
	if (!queue->lost || (queue->first && loop_now(queue->loop) - queue->lost < LONGEST_LOSS))
		return;
	queue->lost = 0;
	queue->on_recovered(queue->owner);
}

/* One packet serves all that wait for the same address. */
static bool is_first_of_its_address(const struct sighting_queue *queue,
				    const struct waiting *waiting)
{
	const struct waiting *other = queue->first;

	while (other->sighting.ifindex != waiting->sighting.ifindex ||
	       !netaddr_equal(&other->sighting.address, &waiting->sighting.address))
		other = other->next;
	return other == waiting;
}

static void on_due(struct loop_timer *timer)
{
	struct sighting_queue *queue = container_of(timer, struct sighting_queue, timer);
	usec_t now = loop_now(queue->loop);

	for (struct waiting *waiting = queue->first; waiting; waiting = waiting->next) {
		if (waiting->next_poke > now)
			continue;
		waiting->next_poke = now + NEXT_POKE;
		if (is_first_of_its_address(queue, waiting))
			queue->on_poke(waiting->sighting.ifindex, &waiting->sighting.address,
				       waiting->insist, queue->owner);
		waiting->insist = true;
	}
	finish(queue, take(queue, 0, NULL, now), NULL);
}

void sighting_queue_new(struct sighting_queue **ret_queue, struct loop *loop,
			sighting_poke_fn *on_poke, sighting_ready_fn *on_ready,
			sighting_recovered_fn *on_recovered, void *owner)
{
	struct sighting_queue *queue = xnew(struct sighting_queue);

	queue->loop = loop;
	queue->on_poke = on_poke;
	queue->on_ready = on_ready;
	queue->on_recovered = on_recovered;
	queue->owner = owner;
	loop_timer_init(&queue->timer, loop, on_due);
	*ret_queue = queue;
}

struct sighting_queue *sighting_queue_free(struct sighting_queue *queue)
{
	struct waiting *waiting;

	if (!queue)
		return NULL;
	while ((waiting = queue->first)) {
		queue->first = waiting->next;
		sighting_deinit(&waiting->sighting);
		free(waiting);
	}
	loop_timer_deinit(&queue->timer);
	free(queue);
	return NULL;
}

/* Whether there is room; something is lost in any case if it had to be made. */
static bool make_room(struct sighting_queue *queue, usec_t now)
{
	struct waiting *oldest = queue->first;

	if (queue->count < MAX_WAITING)
		return true;
	if (!queue->lost)
		queue->lost = now;
	if (now - oldest->added < LEAST_STAY)
		return false;
	queue->first = oldest->next;
	queue->count--;
	sighting_deinit(&oldest->sighting);
	free(oldest);
	return true;
}

static bool is_waited_for(const struct sighting_queue *queue, const struct sighting *sighting)
{
	for (const struct waiting *waiting = queue->first; waiting; waiting = waiting->next)
		if (waiting->sighting.ifindex == sighting->ifindex &&
		    netaddr_equal(&waiting->sighting.address, &sighting->address))
			return true;
	return false;
}

void sighting_queue_add(struct sighting_queue *queue, struct sighting *sighting, bool doubtful)
{
	usec_t now = loop_now(queue->loop);
	struct waiting *waiting, **end;

	if ((doubtful && is_waited_for(queue, sighting)) || !make_room(queue, now)) {
		sighting_deinit(sighting);
		return;
	}
	waiting = xnew(struct waiting);
	waiting->sighting = *sighting;
	sighting->evidence = (struct evidence){ 0 };
	waiting->next_poke = now + FIRST_POKE;
	waiting->added = now;
	waiting->give_up = now + (doubtful ? GIVE_UP_DOUBTFUL : GIVE_UP);
	waiting->insist = doubtful;
	for (end = &queue->first; *end; end = &(*end)->next)
		;
	*end = waiting;
	queue->count++;
	arm(queue);
}

void sighting_queue_resolve(struct sighting_queue *queue, unsigned ifindex,
			    const struct netaddr *address, const struct mac_address *mac)
{
	struct waiting *taken = take(queue, ifindex, address, 0);

	if (taken)
		finish(queue, taken, mac);
}
