/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/loop.h"

#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "tests/support/test.h"

struct fixture {
	struct loop *loop;
	struct loop_io io, second_io;
	struct loop_timer timer, other_timer;
	struct loop_defer defer, other_defer;
	struct loop_signal signal;
	int pipe[2];
	char order[64];
	unsigned ready;
	int result;
};

static void note(struct fixture *fixture, char what)
{
	size_t length = strlen(fixture->order);

	assert_true(length + 1 < sizeof(fixture->order));
	fixture->order[length] = what;
}

static int setup(void **state)
{
	struct fixture *fixture = xnew(struct fixture);

	assert_int_equal(loop_new(&fixture->loop), 0);
	assert_int_equal(pipe2(fixture->pipe, O_CLOEXEC | O_NONBLOCK), 0);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	loop_io_deinit(&fixture->io);
	loop_io_deinit(&fixture->second_io);
	loop_timer_deinit(&fixture->timer);
	loop_timer_deinit(&fixture->other_timer);
	loop_defer_deinit(&fixture->defer);
	loop_defer_deinit(&fixture->other_defer);
	loop_signal_deinit(&fixture->signal);
	close(fixture->pipe[0]);
	if (fixture->pipe[1] >= 0)
		close(fixture->pipe[1]);
	loop_free(fixture->loop);
	free(fixture);
	return 0;
}

static void on_stop_timer(struct loop_timer *timer)
{
	struct fixture *fixture = container_of(timer, struct fixture, timer);

	note(fixture, 't');
	loop_stop(fixture->loop, fixture->result);
}

static void on_other_timer(struct loop_timer *timer)
{
	note(container_of(timer, struct fixture, other_timer), 'o');
}

static void test_stop_result(void **state)
{
	struct fixture *fixture = *state;

	loop_timer_init(&fixture->timer, fixture->loop, on_stop_timer);
	loop_timer_arm(&fixture->timer, 0);
	assert_int_equal(loop_run(fixture->loop), 0);
	fixture->result = -5;
	loop_timer_arm(&fixture->timer, 0);
	assert_int_equal(loop_run(fixture->loop), -5);
	assert_string_equal(fixture->order, "tt");
}

static void test_timers(void **state)
{
	struct fixture *fixture = *state;
	usec_t before = loop_now(fixture->loop);

	loop_timer_init(&fixture->timer, fixture->loop, on_stop_timer);
	loop_timer_init(&fixture->other_timer, fixture->loop, on_other_timer);
	assert_false(loop_timer_is_armed(&fixture->timer));
	loop_timer_arm(&fixture->timer, 50 * USEC_PER_MSEC);
	loop_timer_arm(&fixture->other_timer, 100 * USEC_PER_SEC);
	assert_true(loop_timer_is_armed(&fixture->timer));
	loop_timer_arm(&fixture->other_timer, 10 * USEC_PER_MSEC); /* moves it */
	test_run_loop(fixture->loop, 20);
	assert_string_equal(fixture->order, "ot");
	assert_false(loop_timer_is_armed(&fixture->timer));
	assert_true(loop_now(fixture->loop) > before);
	loop_timer_arm(&fixture->other_timer, 0);
	loop_timer_cancel(&fixture->other_timer);
	assert_false(loop_timer_is_armed(&fixture->other_timer));
	loop_timer_arm(&fixture->timer, USEC_PER_MSEC);
	test_run_loop(fixture->loop, 20);
	assert_string_equal(fixture->order, "ott");
	loop_timer_deinit(&fixture->timer);
	loop_timer_deinit(&fixture->timer);
	loop_timer_cancel(&fixture->timer);
	assert_false(loop_timer_is_armed(&fixture->timer));
}

static void on_readable(struct loop_io *io, unsigned ready)
{
	struct fixture *fixture = container_of(io, struct fixture, io);
	char buffer[8];

	fixture->ready = ready;
	note(fixture, read(io->fd, buffer, sizeof(buffer)) > 0 ? 'r' : 'e');
	loop_stop(fixture->loop, 0);
}

static void test_io(void **state)
{
	struct fixture *fixture = *state;

	loop_io_init(&fixture->io, fixture->loop, fixture->pipe[0], on_readable);
	loop_io_watch(&fixture->io, LOOP_READ);
	loop_io_watch(&fixture->io, LOOP_READ);
	assert_int_equal(write(fixture->pipe[1], "x", 1), 1);
	test_run_loop(fixture->loop, 20);
	assert_int_equal(fixture->ready, LOOP_READ);
	close(steal_fd(&fixture->pipe[1]));
	test_run_loop(fixture->loop, 20); /* the end is readable, too */
	assert_string_equal(fixture->order, "re");
	loop_io_watch(&fixture->io, 0);
	loop_timer_init(&fixture->timer, fixture->loop, on_stop_timer);
	loop_timer_arm(&fixture->timer, 5 * USEC_PER_MSEC);
	test_run_loop(fixture->loop, 20);
	assert_string_equal(fixture->order, "ret");
}

static void on_second(struct loop_io *io, unsigned ready)
{
	struct fixture *fixture = container_of(io, struct fixture, second_io);

	note(fixture, 's');
	loop_io_deinit(io); /* inside its own callback */
	loop_stop(fixture->loop, 0);
}

/* libdbus does this: two watches on one descriptor. */
static void test_two_watches_on_one_descriptor(void **state)
{
	struct fixture *fixture = *state;

	loop_io_init(&fixture->io, fixture->loop, fixture->pipe[1], on_readable);
	loop_io_init(&fixture->second_io, fixture->loop, fixture->pipe[1], on_second);
	loop_io_watch(&fixture->io, LOOP_READ);
	loop_io_watch(&fixture->second_io, LOOP_WRITE);
	test_run_loop(fixture->loop, 20);
	assert_string_equal(fixture->order, "s");
}

static void on_other_defer(struct loop_defer *defer)
{
	note(container_of(defer, struct fixture, other_defer), 'd');
}

static void on_defer(struct loop_defer *defer)
{
	struct fixture *fixture = container_of(defer, struct fixture, defer);

	note(fixture, 'D');
	loop_stop(fixture->loop, 0);
}

static void on_readable_schedules(struct loop_io *io, unsigned ready)
{
	struct fixture *fixture = container_of(io, struct fixture, io);

	note(fixture, 'r');
	loop_io_watch(io, 0);
	loop_defer_schedule(&fixture->other_defer);
	loop_defer_schedule(&fixture->other_defer);
	loop_defer_schedule(&fixture->defer);
	note(fixture, '.');
}

static void test_deferred_work(void **state)
{
	struct fixture *fixture = *state;

	loop_defer_init(&fixture->defer, fixture->loop, on_defer);
	loop_defer_init(&fixture->other_defer, fixture->loop, on_other_defer);
	loop_io_init(&fixture->io, fixture->loop, fixture->pipe[0], on_readable_schedules);
	loop_io_watch(&fixture->io, LOOP_READ);
	assert_int_equal(write(fixture->pipe[1], "x", 1), 1);
	test_run_loop(fixture->loop, 20);
	assert_string_equal(fixture->order, "r.dD");
}

static void on_signal(struct loop_signal *handle)
{
	struct fixture *fixture = container_of(handle, struct fixture, signal);

	note(fixture, 'u');
	loop_stop(fixture->loop, 0);
}

static void test_signal(void **state)
{
	struct fixture *fixture = *state;

	loop_signal_init(&fixture->signal, fixture->loop, SIGUSR1, on_signal);
	kill(getpid(), SIGUSR1);
	test_run_loop(fixture->loop, 20);
	kill(getpid(), SIGUSR1);
	test_run_loop(fixture->loop, 20);
	assert_string_equal(fixture->order, "uu");
}

static void on_put_off(evutil_socket_t fd, short what, void *argument)
{
	note(argument, 'p');
}

/* As evdns puts off the end of a cancelled question, and leaks it when there is no next turn. */
static void test_what_was_put_off_is_done_before_the_end(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(event_base_once(loop_event_base(fixture->loop), -1, EV_TIMEOUT, on_put_off,
					 fixture, NULL),
			 0);
	fixture->loop = loop_free(fixture->loop);
	assert_string_equal(fixture->order, "p");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stop_result, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_io, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_watches_on_one_descriptor, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_deferred_work, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_was_put_off_is_done_before_the_end, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
