/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The event loop on libevent. libevent was chosen because libdbus watches one descriptor twice
 * (once for reading, once for writing), which epoll itself and most other loops refuse.
 *
 * libevent keeps its own clock (CLOCK_MONOTONIC); loop_now() is CLOCK_BOOTTIME, so that ages and
 * deadlines that people see include the time a machine was suspended.
 */
#include "common/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <time.h>

#include "common/memory.h"

struct loop {
	struct event_base *base;
	int result;
};

static struct event *event_create(struct loop *loop, int fd, short what, event_callback_fn callback,
				  void *argument)
{
	struct event *event = event_new(loop->base, fd, what, callback, argument);

	if (!event)
		abort(); /* out of memory, or a descriptor that cannot be polled: both our own fault
			  */
	return event;
}

int loop_new(struct loop **ret_loop)
{
	_cleanup_(loop_freep) struct loop *loop = xnew(struct loop);

	loop->base = event_base_new();
	if (!loop->base)
		return -EMFILE;
	*ret_loop = steal_ptr(loop);
	return 0;
}

struct loop *loop_free(struct loop *loop)
{
	if (!loop)
		return NULL;
	if (loop->base) {
		/* evdns answers, and so frees, a cancelled question in the next turn only. */
		event_base_loop(loop->base, EVLOOP_NONBLOCK);
		event_base_free(loop->base);
	}
	free(loop);
	return NULL;
}

int loop_run(struct loop *loop)
{
	loop->result = 0;
	if (event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0)
		return -EIO;
	return loop->result;
}

void loop_stop(struct loop *loop, int result)
{
	loop->result = result;
	event_base_loopbreak(loop->base);
}

usec_t loop_now(const struct loop *loop)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (usec_t)now.tv_sec * USEC_PER_SEC + (usec_t)now.tv_nsec / 1000;
}

struct event_base *loop_event_base(struct loop *loop)
{
	return loop->base;
}

static void on_io(evutil_socket_t fd, short what, void *argument)
{
	struct loop_io *io = argument;
	unsigned ready = 0;

	if (what & EV_READ)
		ready |= LOOP_READ;
	if (what & EV_WRITE)
		ready |= LOOP_WRITE;
	io->on_ready(io, ready);
}

void loop_io_init(struct loop_io *io, struct loop *loop, int fd, loop_io_fn *on_ready)
{
	*io = (struct loop_io){ .loop = loop, .fd = fd, .on_ready = on_ready };
}

void loop_io_watch(struct loop_io *io, unsigned events)
{
	short what = EV_PERSIST;

	if (events == io->watched)
		return;
	if (io->event)
		event_free(io->event);
	io->event = NULL;
	io->watched = events;
	if (!events)
		return;
	if (events & LOOP_READ)
		what |= EV_READ;
	if (events & LOOP_WRITE)
		what |= EV_WRITE;
	io->event = event_create(io->loop, io->fd, what, on_io, io);
	if (event_add(io->event, NULL) < 0)
		abort();
}

void loop_io_deinit(struct loop_io *io)
{
	if (io->loop)
		loop_io_watch(io, 0);
	io->loop = NULL;
}

static void on_timeout(evutil_socket_t fd, short what, void *argument)
{
	struct loop_timer *timer = argument;

	timer->on_elapsed(timer);
}

void loop_timer_init(struct loop_timer *timer, struct loop *loop, loop_timer_fn *on_elapsed)
{
	*timer = (struct loop_timer){ .loop = loop, .on_elapsed = on_elapsed };
	timer->event = event_create(loop, -1, 0, on_timeout, timer);
}

void loop_timer_arm(struct loop_timer *timer, usec_t delay)
{
	struct timeval interval = {
		.tv_sec = (time_t)(delay / USEC_PER_SEC),
		.tv_usec = (suseconds_t)(delay % USEC_PER_SEC),
	};

	if (event_add(timer->event, &interval) < 0)
		abort();
}

void loop_timer_cancel(struct loop_timer *timer)
{
	if (timer->event)
		event_del(timer->event);
}

bool loop_timer_is_armed(const struct loop_timer *timer)
{
	return timer->event && event_pending(timer->event, EV_TIMEOUT, NULL);
}

void loop_timer_deinit(struct loop_timer *timer)
{
	if (timer->event)
		event_free(timer->event);
	timer->event = NULL;
}

static void on_signal(evutil_socket_t number, short what, void *argument)
{
	struct loop_signal *handle = argument;

	handle->on_signal(handle);
}

void loop_signal_init(struct loop_signal *handle, struct loop *loop, int number,
		      loop_signal_fn *on_signal_fn)
{
	*handle = (struct loop_signal){ .on_signal = on_signal_fn };
	handle->event = event_create(loop, number, EV_SIGNAL | EV_PERSIST, on_signal, handle);
	if (event_add(handle->event, NULL) < 0)
		abort();
}

void loop_signal_deinit(struct loop_signal *handle)
{
	if (handle->event)
		event_free(handle->event);
	handle->event = NULL;
}

static void on_deferred(evutil_socket_t fd, short what, void *argument)
{
	struct loop_defer *defer = argument;

	defer->on_run(defer);
}

void loop_defer_init(struct loop_defer *defer, struct loop *loop, loop_defer_fn *on_run)
{
	*defer = (struct loop_defer){ .on_run = on_run };
	defer->event = event_create(loop, -1, 0, on_deferred, defer);
}

void loop_defer_schedule(struct loop_defer *defer)
{
	/* A zero timeout is run after the active events of this turn; adding it twice is one run.
	 */
	static const struct timeval at_once;

	if (event_add(defer->event, &at_once) < 0)
		abort();
}

void loop_defer_deinit(struct loop_defer *defer)
{
	if (defer->event)
		event_free(defer->event);
	defer->event = NULL;
}
