/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/scan.h"

#define PROGRESS_INTERVAL (500 * USEC_PER_MSEC)
#define DONE              100

static void tell_progress(struct scan *scan, unsigned progress)
{
	if (progress == scan->progress)
		return;
	scan->progress = progress;
	scan->handlers->on_progress(scan->owner);
}

/* Never back, though new work may turn up. */
static void on_timer(struct loop_timer *timer)
{
	struct scan *scan = container_of(timer, struct scan, timer);
	unsigned progress = scan->handlers->measure(scan->owner);

	loop_timer_arm(timer, PROGRESS_INTERVAL);
	if (progress > scan->progress && progress < DONE)
		tell_progress(scan, progress);
	scan_update(scan);
}

void scan_init(struct scan *scan, struct loop *loop, const struct scan_handlers *handlers,
	       void *owner)
{
	*scan = (struct scan){ .progress = DONE, .handlers = handlers, .owner = owner };
	loop_timer_init(&scan->timer, loop, on_timer);
}

void scan_deinit(struct scan *scan)
{
	loop_timer_deinit(&scan->timer);
}

bool scan_begin_full(struct scan *scan)
{
	if (scan->full)
		return false;
	scan->full = true;
	tell_progress(scan, 0);
	return true;
}

void scan_update(struct scan *scan)
{
	bool running = scan->handlers->measure(scan->owner) < DONE;

	if (running == scan->running)
		return;
	scan->running = running;
	tell_progress(scan, running ? 0 : DONE);
	if (running) {
		loop_timer_arm(&scan->timer, PROGRESS_INTERVAL);
	} else {
		loop_timer_cancel(&scan->timer);
		scan->full = false;
	}
	scan->handlers->on_state(scan->owner);
}
