/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One timer ticks over the whole table. On the link, the kernel's neighbour table is the judge: a
 * packet to the device makes the kernel ask for its MAC, which every device answers, whatever
 * protocols it speaks. Owned by struct discovery.
 */
#include "discoverd/keeper.h"

#include <time.h>

#include "common/memory.h"

#define TICK             (2 * USEC_PER_SEC)
#define SILENCE          (60 * USEC_PER_SEC)
#define SHORT_SILENCE    (5 * USEC_PER_SEC)
#define SUSPICION        (60 * USEC_PER_SEC)
#define CHECK_LENGTH     (10 * USEC_PER_SEC) /* the kernel delays 5 s, then asks for 3 s */
#define MISSES           3
#define MAX_UNPROVEN     8 /* an entry made by hand never fails */
#define FORGET_OFFLINE   (7 * 24 * 3600 * USEC_PER_SEC)
#define FORGET_ASLEEP    (30 * 24 * 3600 * USEC_PER_SEC)
#define FORGET_NONDEVICE (3600 * USEC_PER_SEC)

struct keeper {
	struct loop *loop;
	struct loop_timer timer;
	struct device_table *table;
	const struct neighbours *neighbours;
	const struct keeper_handlers *handlers;
	void *owner;
};

static void ask(struct keeper *keeper, struct device *device)
{
	device->checked = loop_now(keeper->loop);
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

/* How long a device that is not heard of is remembered. */
static usec_t memory_of(const struct device *device)
{
	if (!device->published)
		return FORGET_NONDEVICE;
	return device_sleeps(device) ? FORGET_ASLEEP : FORGET_OFFLINE;
}

static void look_at(struct keeper *keeper, struct device *device, usec_t now)
{
	usec_t silence = now - device->heard;
	bool suspicious;

	if (!device->online || !device->published) {
		if (silence >= memory_of(device))
			device_table_remove(keeper->table, device);
		return;
	}
	if (device->recheck && device->recheck <= now) {
		device->recheck = 0;
		keeper->handlers->on_recheck(device, keeper->owner);
	}
	suspicious = device->suspected && now - device->suspected < SUSPICION;
	if (!device->checked) {
		if (silence >= (suspicious ? SHORT_SILENCE : SILENCE))
			check(keeper, device);
	} else if (now - device->checked >= CHECK_LENGTH) {
		end_check(keeper, device);
	}
}

static void on_tick(struct loop_timer *timer)
{
	struct keeper *keeper = container_of(timer, struct keeper, timer);
	usec_t now = loop_now(keeper->loop);

	/* From the end: removal moves the last one to the place of the removed. */
	for (size_t i = device_table_count(keeper->table); i-- > 0;)
		look_at(keeper, device_table_at(keeper->table, i), now);
	loop_timer_arm(&keeper->timer, TICK);
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
	loop_timer_init(&keeper->timer, loop, on_tick);
	loop_timer_arm(&keeper->timer, TICK);
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
