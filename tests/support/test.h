/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every cmocka test includes: the headers cmocka needs before its own, and small helpers. */
#pragma once

/* cmocka.h wants these before it. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <stdlib.h>

#include "common/loop.h"
#include "common/macros.h"

struct test_deadline {
	struct loop_timer timer;
	struct loop *loop;
};

static inline void test_on_deadline(struct loop_timer *timer)
{
	loop_stop(container_of(timer, struct test_deadline, timer)->loop, -1);
}

/* Runs the loop until what is waited for calls loop_stop(loop, 0); fails when that takes too long.
 */
static inline void test_run_loop(struct loop *loop, unsigned deadline_seconds)
{
	struct test_deadline deadline = { .loop = loop };
	int r;

	loop_timer_init(&deadline.timer, loop, test_on_deadline);
	loop_timer_arm(&deadline.timer, deadline_seconds * USEC_PER_SEC);
	r = loop_run(loop);
	loop_timer_deinit(&deadline.timer);
	if (r != 0)
		fail_msg("nothing happened within %u s", deadline_seconds);
}

/* A new directory of the test's own; the path is written to the buffer. */
static inline void test_make_directory(char *path, size_t size)
{
	assert_true((size_t)snprintf(path, size, "/tmp/evercam-test-XXXXXX") < size);
	assert_non_null(mkdtemp(path));
}
