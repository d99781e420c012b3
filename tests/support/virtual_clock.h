/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hours in a moment: in a program that is linked with virtual_clock.c no time passes while there is
 * anything to do, and as much as the loop would have slept when there is not. What is counted per
 * hour, and what takes less than a second, is so the same on every machine, however busy.
 *
 * Only for programs whose descriptors are silent: what comes from elsewhere takes no time at all,
 * and time does not wait for it.
 */
#pragma once

#include "common/macros.h"

usec_t virtual_clock_now(void); /* of all clocks that count from the start of the machine */
