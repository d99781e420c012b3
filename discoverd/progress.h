/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How far a part of a scan has come, in steps of its own: packets of a sweep, milliseconds of a
 * burst. Parts run side by side, so that the scan is as far as the part that is furthest behind.
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct progress {
	uint32_t planned; /* since the part was last idle; 0: nothing to do */
	uint32_t done;
};

static inline bool progress_is_busy(struct progress progress)
{
	return progress.done < progress.planned;
}

/* 0 to 100 */
static inline unsigned progress_percent(struct progress progress)
{
	return progress_is_busy(progress)
		       ? (unsigned)((uint64_t)progress.done * 100 / progress.planned)
		       : 100;
}

/* Of the part that is further behind. */
static inline struct progress progress_least(struct progress a, struct progress b)
{
	return progress_percent(b) < progress_percent(a) ? b : a;
}
