/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The event loop: one per process, no threads. Handles are embedded in the object that owns them; a
 * callback gets its handle and finds the object with container_of. A handle must be initialised
 * before use and deinitialised before its owner is freed; both are allowed inside callbacks, also
 * its own. Deinitialising a zeroed or already deinitialised handle does nothing.
 *
 * This is the only file, besides the two TLS servers, that knows libevent.
 */
#pragma once

#include <stdbool.h>

#include "common/macros.h"

struct loop;
struct event;
struct event_base;

int loop_new(struct loop **ret_loop);
struct loop *loop_free(struct loop *loop);
DEFINE_CLEANUP(struct loop *, loop_free);

/* Runs until loop_stop(); returns the result given to it. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop, int result);

/* Time since boot, suspension included (CLOCK_BOOTTIME): no wall clock step moves it. */
usec_t loop_now(const struct loop *loop);

/* For evhttp and bufferevents in the TLS servers only. */
struct event_base *loop_event_base(struct loop *loop);

/* Readiness of a descriptor. The handle borrows the descriptor; it starts with no event watched. */
#define LOOP_READ  BIT(0)
#define LOOP_WRITE BIT(1)

struct loop_io;
typedef void loop_io_fn(struct loop_io *io, unsigned ready);
struct loop_io {
	struct loop *loop;
	struct event *event;
	loop_io_fn *on_ready;
	int fd;
	unsigned watched;
};
void loop_io_init(struct loop_io *io, struct loop *loop, int fd, loop_io_fn *on_ready);
void loop_io_watch(struct loop_io *io, unsigned events); /* LOOP_READ | LOOP_WRITE, or 0 */
void loop_io_deinit(struct loop_io *io);

/* One-shot timer. Arming an armed timer moves it. It may elapse a few milliseconds early, because
 * libevent reads the coarse clock: whoever waits for a point in time looks at the time again. */
struct loop_timer;
typedef void loop_timer_fn(struct loop_timer *timer);
struct loop_timer {
	struct loop *loop;
	struct event *event;
	loop_timer_fn *on_elapsed;
};
void loop_timer_init(struct loop_timer *timer, struct loop *loop, loop_timer_fn *on_elapsed);
void loop_timer_arm(struct loop_timer *timer, usec_t delay);
void loop_timer_cancel(struct loop_timer *timer);
bool loop_timer_is_armed(const struct loop_timer *timer);
void loop_timer_deinit(struct loop_timer *timer);

/* A signal, delivered in the loop. */
struct loop_signal;
typedef void loop_signal_fn(struct loop_signal *handle);
struct loop_signal {
	struct event *event;
	loop_signal_fn *on_signal;
};
void loop_signal_init(struct loop_signal *handle, struct loop *loop, int number,
		      loop_signal_fn *on_signal);
void loop_signal_deinit(struct loop_signal *handle);

/* Work for the end of this loop turn, after the events that are ready now. Scheduling twice runs it
 * once. */
struct loop_defer;
typedef void loop_defer_fn(struct loop_defer *defer);
struct loop_defer {
	struct event *event;
	loop_defer_fn *on_run;
};
void loop_defer_init(struct loop_defer *defer, struct loop *loop, loop_defer_fn *on_run);
void loop_defer_schedule(struct loop_defer *defer);
void loop_defer_deinit(struct loop_defer *defer);
