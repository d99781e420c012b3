/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Takes the place of the C library's functions of these names, for libevent as well. */
#include "tests/support/virtual_clock.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#define SHOWN      __attribute__((visibility("default")))
#define SINCE_1970 1700000000

static usec_t now = 1000 * USEC_PER_SEC; /* the machine has been up for a while */

usec_t virtual_clock_now(void)
{
	return now;
}

SHOWN int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
	ret_time->tv_sec = (time_t)(now / USEC_PER_SEC);
	ret_time->tv_nsec = (long)(now % USEC_PER_SEC * 1000);
	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		ret_time->tv_sec += SINCE_1970;
	return 0;
}

SHOWN time_t time(time_t *ret_time)
{
	time_t seconds = SINCE_1970 + (time_t)(now / USEC_PER_SEC);

	if (ret_time)
		*ret_time = seconds;
	return seconds;
}

SHOWN int epoll_wait(int fd, struct epoll_event *events, int size, int timeout_ms)
{
	int count = epoll_pwait(fd, events, size, 0, NULL);

	if (count != 0 || timeout_ms == 0)
		return count;
	if (timeout_ms < 0)
		abort(); /* nothing is planned: it would wait for ever */
	now += (usec_t)timeout_ms * USEC_PER_MSEC;
	return 0;
}
