/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Held requests, found by their gateway. A gateway has one or two; more means that connections
 * died unseen or that a disk image was cloned, and then the oldest is answered empty-handed: each
 * client comes back at its own pace, none is locked out.
 */
#include "apid/changes.h"

#include <sys/queue.h>

#include "common/memory.h"

#define BUCKETS         4096
#define MAX_PER_GATEWAY 4
#define bucket_of(id)   ((id) % BUCKETS)

struct held {
	struct changes *changes;
	struct changes_request request;
	changes_look_fn *look;
	struct loop_timer timer;
	bool moved;
	TAILQ_ENTRY(held) in_bucket;
	TAILQ_ENTRY(held) in_moved;
};
TAILQ_HEAD(held_list, held);

struct changes {
	struct loop *loop;
	void *owner;
	struct held_list buckets[BUCKETS]; /* oldest first */
	struct held_list moved;
	struct loop_defer look_again;
};

static void held_free(struct held *held)
{
	struct changes *changes = held->changes;

	TAILQ_REMOVE(&changes->buckets[bucket_of(held->request.gateway_id)], held, in_bucket);
	if (held->moved)
		TAILQ_REMOVE(&changes->moved, held, in_moved);
	loop_timer_deinit(&held->timer);
	free(held);
}

static void held_look(struct held *held, bool last)
{
	if (held->look(&held->request, last, held->changes->owner))
		held_free(held);
}

static void on_gone(struct exchange *exchange, void *owner)
{
	held_free(owner);
}

static void on_waited(struct loop_timer *timer)
{
	held_look(container_of(timer, struct held, timer), true);
}

static void on_look_again(struct loop_defer *defer)
{
	struct changes *changes = container_of(defer, struct changes, look_again);
	struct held *held;

	while ((held = TAILQ_FIRST(&changes->moved))) {
		TAILQ_REMOVE(&changes->moved, held, in_moved);
		held->moved = false;
		held_look(held, false);
	}
}

int changes_new(struct changes **ret_changes, struct loop *loop, void *owner)
{
	struct changes *changes = xnew(struct changes);

	changes->loop = loop;
	changes->owner = owner;
	for (size_t i = 0; i < BUCKETS; i++)
		TAILQ_INIT(&changes->buckets[i]);
	TAILQ_INIT(&changes->moved);
	loop_defer_init(&changes->look_again, loop, on_look_again);
	*ret_changes = changes;
	return 0;
}

struct changes *changes_free(struct changes *changes)
{
	if (!changes)
		return NULL;
	loop_defer_deinit(&changes->look_again);
	free(changes);
	return NULL;
}

static void make_room(struct changes *changes, uint64_t gateway_id)
{
	struct held *held, *oldest = NULL;
	unsigned count = 0;

	TAILQ_FOREACH(held, &changes->buckets[bucket_of(gateway_id)], in_bucket)
	{
		if (held->request.gateway_id != gateway_id)
			continue;
		if (!oldest)
			oldest = held;
		count++;
	}
	if (count >= MAX_PER_GATEWAY)
		held_look(oldest, true);
}

void changes_hold(struct changes *changes, const struct changes_request *request, usec_t wait,
		  changes_look_fn *look)
{
	struct held *held;

	make_room(changes, request->gateway_id);
	held = xnew(struct held);
	held->changes = changes;
	held->request = *request;
	held->look = look;
	loop_timer_init(&held->timer, changes->loop, on_waited);
	loop_timer_arm(&held->timer, wait);
	TAILQ_INSERT_TAIL(&changes->buckets[bucket_of(request->gateway_id)], held, in_bucket);
	exchange_hold(request->exchange, on_gone, held);
}

void changes_moved(struct changes *changes, uint64_t gateway_id)
{
	struct held *held;

	TAILQ_FOREACH(held, &changes->buckets[bucket_of(gateway_id)], in_bucket)
	{
		if (held->request.gateway_id != gateway_id || held->moved)
			continue;
		held->moved = true;
		TAILQ_INSERT_TAIL(&changes->moved, held, in_moved);
	}
	loop_defer_schedule(&changes->look_again);
}
