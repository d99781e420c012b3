/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When a forward ends. Callers give a time of the calendar; what counts is the time since boot,
 * suspension included, so that setting the wall clock neither prolongs a forward nor ends it. The
 * relation of the two is taken from the wall clock once, and again only while the kernel says that
 * the clock is synchronised (NTP): setting it by hand makes the kernel say that it is not. So a
 * gateway that boots in 1970 is put right as soon as it knows the time. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"

struct expiry_clock {
	int64_t boot; /* microseconds since 1970 when loop_now() was 0 */
	bool known;
};

/* now: loop_now(); wall: microseconds since 1970. True: the relation was known, and has moved by
 * more than such a clock drifts. */
bool expiry_clock_see(struct expiry_clock *clock, usec_t now, int64_t wall, bool synchronised);
/* The relation as it was when a forward got its deadline, before a restart. */
void expiry_clock_recall(struct expiry_clock *clock, int64_t expires, usec_t deadline);
/* Of a time in seconds since 1970, on the clock of loop_now(); 0 when it was before the boot. */
usec_t expiry_clock_deadline(const struct expiry_clock *clock, int64_t expires);
