/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AvahiPoll: watches and timeouts that the library makes, changes and frees, also inside their own
 * callbacks. Timeouts are points of the wall clock, as the library takes them from gettimeofday().
 */
#include "discoverd/avahi_poll.h"

#include <sys/time.h>

#include "common/memory.h"

struct AvahiWatch {
	struct loop_io io;
	AvahiWatchCallback callback;
	AvahiWatchEvent happened; /* while the callback runs */
	void *userdata;
};

struct AvahiTimeout {
	struct loop_timer timer;
	AvahiTimeoutCallback callback;
	void *userdata;
};

static void on_ready(struct loop_io *io, unsigned ready)
{
	AvahiWatch *watch = container_of(io, AvahiWatch, io);
	unsigned happened = 0;

	if (ready & LOOP_READ)
		happened |= AVAHI_WATCH_IN;
	if (ready & LOOP_WRITE)
		happened |= AVAHI_WATCH_OUT;
	watch->happened = (AvahiWatchEvent)happened;
	watch->callback(watch, io->fd, watch->happened, watch->userdata);
	/* The watch may be gone. */
}

static void watch_update(AvahiWatch *watch, AvahiWatchEvent event)
{
	unsigned events = 0;

	if (event & AVAHI_WATCH_IN)
		events |= LOOP_READ;
	if (event & AVAHI_WATCH_OUT)
		events |= LOOP_WRITE;
	loop_io_watch(&watch->io, events);
}

static AvahiWatch *watch_new(const AvahiPoll *poll, int fd, AvahiWatchEvent event,
			     AvahiWatchCallback callback, void *userdata)
{
	AvahiWatch *watch = xnew(AvahiWatch);

	watch->callback = callback;
	watch->userdata = userdata;
	loop_io_init(&watch->io, poll->userdata, fd, on_ready);
	watch_update(watch, event);
	return watch;
}

static AvahiWatchEvent watch_get_events(AvahiWatch *watch)
{
	return watch->happened;
}

static void watch_free(AvahiWatch *watch)
{
	loop_io_deinit(&watch->io);
	free(watch);
}

static void on_elapsed(struct loop_timer *timer)
{
	AvahiTimeout *timeout = container_of(timer, AvahiTimeout, timer);

	timeout->callback(timeout, timeout->userdata);
}

static void timeout_update(AvahiTimeout *timeout, const struct timeval *when)
{
	struct timeval now, delay;

	if (!when) {
		loop_timer_cancel(&timeout->timer);
		return;
	}
	gettimeofday(&now, NULL);
	if (timercmp(when, &now, >))
		timersub(when, &now, &delay);
	else
		delay = (struct timeval){ 0 };
	loop_timer_arm(&timeout->timer,
		       (usec_t)delay.tv_sec * USEC_PER_SEC + (usec_t)delay.tv_usec);
}

static AvahiTimeout *timeout_new(const AvahiPoll *poll, const struct timeval *when,
				 AvahiTimeoutCallback callback, void *userdata)
{
	AvahiTimeout *timeout = xnew(AvahiTimeout);

	timeout->callback = callback;
	timeout->userdata = userdata;
	loop_timer_init(&timeout->timer, poll->userdata, on_elapsed);
	timeout_update(timeout, when);
	return timeout;
}

static void timeout_free(AvahiTimeout *timeout)
{
	loop_timer_deinit(&timeout->timer);
	free(timeout);
}

void avahi_poll_init(AvahiPoll *poll, struct loop *loop)
{
	*poll = (AvahiPoll){
		.userdata = loop,
		.watch_new = watch_new,
		.watch_update = watch_update,
		.watch_get_events = watch_get_events,
		.watch_free = watch_free,
		.timeout_new = timeout_new,
		.timeout_update = timeout_update,
		.timeout_free = timeout_free,
	};
}
