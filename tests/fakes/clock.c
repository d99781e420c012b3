/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Preloaded into a daemon: its wall clock, and whether the kernel calls that synchronised. The file
 * named by FAKE_CLOCK holds the seconds by which the clock is wrong and 1 or 0 for synchronised;
 * it is read each time. All other clocks stay what they are.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timex.h>
#include <time.h>

#define SHOWN __attribute__((visibility("default")))

static long long fake(int *ret_synchronised)
{
	FILE *file = fopen(getenv("FAKE_CLOCK"), "re");
	long long offset;

	if (!file || fscanf(file, "%lld %d", &offset, ret_synchronised) != 2)
		abort();
	fclose(file);
	return offset;
}

SHOWN int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
	int (*real)(clockid_t, struct timespec *), synchronised, r;

	*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	r = real(clock, ret_time);
	if (clock == CLOCK_REALTIME)
		ret_time->tv_sec += (time_t)fake(&synchronised);
	return r;
}

SHOWN int adjtimex(struct timex *state)
{
	int synchronised;

	fake(&synchronised);
	state->status = synchronised ? 0 : STA_UNSYNC;
	return synchronised ? TIME_OK : TIME_ERROR;
}
