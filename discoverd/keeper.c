/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One timer for whoever is due first; it elapses every two seconds at most, so that many devices do
 * not mean many wake-ups, and not at all when there are none. On the link, the kernel's neighbour
 * table is the judge: a packet to the device makes the kernel ask for its MAC, which every device
 * answers, whatever protocols it speaks. Owned by struct discovery.
 */
#include "discoverd/keeper.h"

#include <time.h>

#include "common/memory.h"

#define ROUND            (2 * USEC_PER_SEC) /* what is due in the same one is done together */
#define SILENCE          (60 * USEC_PER_SEC)
#define SHORT_SILENCE    (5 * USEC_PER_SEC)
#define SUSPICION        (60 * USEC_PER_SEC)
#define CHECK_LENGTH     (10 * USEC_PER_SEC) /* the kernel delays 5 s, then asks for 3 s */
#define MISSES           3
#define MAX_UNPROVEN     8 /* an entry made by hand never fails */
#define FORGET_OFFLINE   (7 * 24 * 3600 * USEC_PER_SEC)
#define FORGET_ASLEEP    (30 * 24 * 3600 * USEC_PER_SEC)
#define FORGET_CLAIM     (24 * 3600 * USEC_PER_SEC) /* it may have been invented */
#define FORGET_NONDEVICE (3600 * USEC_PER_SEC)

struct keeper {
	struct loop *loop;
	struct loop_timer timer;
	usec_t due; /* of the timer; USEC_INFINITY: it is not armed */
	struct device_table *table;
	const struct neighbours *neighbours;
	const struct keeper_handlers *handlers;
	void *owner;
};

/* How long a device that is not heard of is remembered. */
static usec_t memory_of(const struct device *device)
{
	if (!device->published)
		return FORGET_NONDEVICE;
	if (device_sleeps(device))
		return FORGET_ASLEEP;
	return device_is_confirmed(device) ? FORGET_OFFLINE : FORGET_CLAIM;
}

static usec_t silence_of(const struct device *device)
{
	bool suspicious = device->suspected &&
			  device->heard + SHORT_SILENCE < device->suspected + SUSPICION;

	return suspicious ? SHORT_SILENCE : SILENCE;
}

/* It is asked whether it is there; others are only remembered. */
static bool is_kept(const struct device *device)
{
	return device->online && device->published;
}

/* When its presence is to be looked at. */
static usec_t due_of(const struct device *device)
{
	if (!is_kept(device))
		return device->heard + memory_of(device);
	if (device->checked)
		return device->checked + CHECK_LENGTH;
	return device_address(device) ? device->heard + silence_of(device) : USEC_INFINITY;
}

static void arm(struct keeper *keeper, usec_t due)
{
	usec_t now = loop_now(keeper->loop);

	if (due >= keeper->due)
		return;
	keeper->due = due + (ROUND - due % ROUND) % ROUND;
	loop_timer_arm(&keeper->timer, keeper->due > now ? keeper->due - now : 0);
}

void keeper_plan(struct keeper *keeper, const struct device *device)
{
	usec_t due = due_of(device);

	if (is_kept(device) && device->recheck && device->recheck < due)
		due = device->recheck;
	arm(keeper, due);
}

static void ask(struct keeper *keeper, struct device *device)
{
	device->checked = loop_now(keeper->loop);
	keeper_plan(keeper, device);
	keeper->handlers->on_ask(device, keeper->owner);
}

static void check(struct keeper *keeper, struct device *device)
{
	if (device->online && !device->checked && device_address(device))
		ask(keeper, device);
}

void keeper_suspect(struct keeper *keeper, struct device *device)
{
	device->suspected = loop_now(keeper->loop);
	check(keeper, device);
	keeper_plan(keeper, device);
}

void keeper_heard(struct keeper *keeper, struct device *device)
{
	device->heard = loop_now(keeper->loop);
	device->last_seen = (int64_t)time(NULL);
	device->checked = 0;
	device->misses = 0;
	device->unproven = 0;
	if (device->online)
		return;
	device->online = true;
	device->online_since = device->heard;
	keeper->handlers->on_changed(device, keeper->owner);
}

void keeper_missed(struct keeper *keeper, struct device *device)
{
	if (!device->online)
		return;
	device->misses++;
	if (device->misses == 1)
		keeper->handlers->on_missing(device, keeper->owner);
	if (device->misses < MISSES) {
		ask(keeper, device);
		return;
	}
	device->checked = 0;
	device->online = false;
	device_note_absence(device, loop_now(keeper->loop));
	keeper->handlers->on_changed(device, keeper->owner);
}

/*
 * The time of a check is over, and nothing has been heard. On the link the kernel decides; but an
 * entry that it holds for certain, it does not ask for again within 45 s: then asking goes on.
 */
static void end_check(struct keeper *keeper, struct device *device)
{
	const struct device_address *address = device_address(device);
	struct mac_address mac;

	if (!address || !address->on_link ||
	    neighbours_find(keeper->neighbours, address->ifindex, &address->address, &mac) <
		    NEIGHBOUR_STALE) {
		keeper_missed(keeper, device);
		return;
	}
	if (neighbours_confirmed(keeper->neighbours, address->ifindex, &address->address) >=
		    device->checked ||
	    device->unproven == MAX_UNPROVEN) {
		keeper_heard(keeper, device);
		return;
	}
	device->unproven++;
	ask(keeper, device);
}

static void look_at(struct keeper *keeper, struct device *device, usec_t now)
{
	if (is_kept(device) && device->recheck && device->recheck <= now) {
		device->recheck = 0;
		keeper->handlers->on_recheck(device, keeper->owner);
	}
	if (due_of(device) > now)
		return;
	if (!is_kept(device))
		device_table_remove(keeper->table, device);
	else if (device->checked)
		end_check(keeper, device);
	else
		check(keeper, device);
}

static void on_due(struct loop_timer *timer)
{
	struct keeper *keeper = container_of(timer, struct keeper, timer);
	usec_t now = loop_now(keeper->loop);

	keeper->due = USEC_INFINITY;
	/* From the end: removal moves the last one to the place of the removed. */
	for (size_t i = device_table_count(keeper->table); i-- > 0;)
		look_at(keeper, device_table_at(keeper->table, i), now);
	for (size_t i = device_table_count(keeper->table); i-- > 0;)
		keeper_plan(keeper, device_table_at(keeper->table, i));
}

void keeper_new(struct keeper **ret_keeper, struct loop *loop, struct device_table *table,
		const struct neighbours *neighbours, const struct keeper_handlers *handlers,
		void *owner)
{
	struct keeper *keeper = xnew(struct keeper);

	keeper->loop = loop;
	keeper->table = table;
	keeper->neighbours = neighbours;
	keeper->handlers = handlers;
	keeper->owner = owner;
	keeper->due = USEC_INFINITY;
	loop_timer_init(&keeper->timer, loop, on_due);
	*ret_keeper = keeper;
}

struct keeper *keeper_free(struct keeper *keeper)
{
	if (!keeper)
		return NULL;
	loop_timer_deinit(&keeper->timer);
	free(keeper);
	return NULL;
}
