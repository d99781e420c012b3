/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/memory.h"
#include "tests/support/test.h"

#define SHELL(script) ((const char *const[]){ "/bin/sh", "-c", script, NULL })

struct fixture {
	struct loop *loop;
	struct process *process;
	struct process_result result;
	char *output;
	char **lines;
	unsigned exits;
	unsigned free_after_lines;
	const char *stop_on_line;
};

static int setup(void **state)
{
	struct fixture *fixture = xnew(struct fixture);

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(loop_new(&fixture->loop), 0);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	process_free(fixture->process);
	loop_free(fixture->loop);
	strv_free(fixture->lines);
	free(fixture->output);
	free(fixture);
	return 0;
}

static void on_exit_result(struct process *process, const struct process_result *result,
			   void *owner)
{
	struct fixture *fixture = owner;

	fixture->exits++;
	fixture->result = *result;
	free(fixture->output);
	fixture->output = xmemdup(result->output, result->output_size + 1);
	fixture->process = process_free(process);
	loop_stop(fixture->loop, 0);
}

static void on_line(struct process *process, const char *line, void *owner)
{
	struct fixture *fixture = owner;

	fixture->lines = strv_append(fixture->lines, line);
	if (fixture->stop_on_line && strcmp(line, fixture->stop_on_line) == 0)
		process_stop(process);
	if (fixture->free_after_lines == strv_length(fixture->lines)) {
		fixture->process = process_free(process);
		loop_stop(fixture->loop, 0);
	}
}

static void run(struct fixture *fixture, const struct process_options *options)
{
	assert_int_equal(
		process_start(&fixture->process, fixture->loop, options, on_exit_result, fixture),
		0);
	assert_int_equal(fixture->exits, 0);
	test_run_loop(fixture->loop, 20);
}

static void test_output_and_status(void **state)
{
	struct fixture *fixture = *state;
	char text[64];

	run(fixture, &(struct process_options){ .argv = SHELL("echo out; echo err >&2; exit 3") });
	assert_int_equal(fixture->result.end, PROCESS_EXITED);
	assert_int_equal(fixture->result.code, 3);
	assert_string_equal(fixture->output, "out\nerr\n");
	assert_string_equal(process_describe(&fixture->result, text, sizeof(text)),
			    "exited with status 3");
}

static void test_signal(void **state)
{
	struct fixture *fixture = *state;
	char text[64];

	run(fixture, &(struct process_options){ .argv = SHELL("kill -USR1 $$") });
	assert_int_equal(fixture->result.end, PROCESS_SIGNALLED);
	assert_int_equal(fixture->result.code, SIGUSR1);
	assert_string_equal(process_describe(&fixture->result, text, sizeof(text)),
			    "killed by signal 10");
}

static void test_start_failure(void **state)
{
	struct fixture *fixture = *state;
	char text[64];

	run(fixture, &(struct process_options){
			     .argv = (const char *const[]){ "/nonexistent/program", NULL } });
	assert_int_equal(fixture->result.end, PROCESS_START_FAILED);
	assert_int_equal(fixture->result.code, ENOENT);
	assert_string_equal(process_describe(&fixture->result, text, sizeof(text)),
			    "cannot be started: No such file or directory");
}

static void test_path_must_be_absolute(void **state)
{
	struct fixture *fixture = *state;
	struct process_options options = { .argv = (const char *const[]){ "sh", NULL } };

	assert_int_equal(
		process_start(&fixture->process, fixture->loop, &options, on_exit_result, fixture),
		-EINVAL);
	options.argv = (const char *const[]){ NULL };
	assert_int_equal(
		process_start(&fixture->process, fixture->loop, &options, on_exit_result, fixture),
		-EINVAL);
}

static void test_clean_environment(void **state)
{
	struct fixture *fixture = *state;

	setenv("SECRET_OF_PARENT", "1", 1);
	run(fixture,
	    &(struct process_options){ .argv = (const char *const[]){ "/usr/bin/env", NULL },
				       .environment = (const char *const[]){ "EXTRA=yes", NULL } });
	assert_string_equal(fixture->output,
			    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
			    "LANG=C\nEXTRA=yes\n");
}

/* Sanitizers and libraries may hold descriptors without close-on-exec; the child sees none. */
static void test_descriptors_are_closed(void **state)
{
	struct fixture *fixture = *state;
	int leaked = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */

	assert_true(leaked >= 0);
#ifndef __GLIBC__ /* elsewhere close-on-exec alone does it */
	fcntl(leaked, F_SETFD, FD_CLOEXEC);
#endif
	run(fixture, &(struct process_options){ .argv = SHELL("echo /proc/self/fd/*") });
	close(leaked);
	/* The fourth is the shell's own, from reading the directory. */
	assert_string_equal(fixture->output, "/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 "
					     "/proc/self/fd/3\n");
}

static void test_stdin_is_empty_by_default(void **state)
{
	struct fixture *fixture = *state;

	run(fixture, &(struct process_options){ .argv = SHELL("cat; readlink /proc/self/fd/0") });
	assert_string_equal(fixture->output, "/dev/null\n");
}

/* More than a pipe holds, both ways at once. */
static void test_large_stdin(void **state)
{
	struct fixture *fixture = *state;
	size_t size = 1000000;
	_cleanup_free_ char *input = xcalloc(1, size);

	memset(input, 'x', size);
	run(fixture, &(struct process_options){ .argv = SHELL("exec cat"),
						.stdin_data = input,
						.stdin_size = size,
						.max_output = 2 * size });
	assert_int_equal(fixture->result.end, PROCESS_EXITED);
	assert_int_equal(fixture->result.output_size, size);
	assert_memory_equal(fixture->output, input, size);
	assert_false(fixture->result.truncated);
}

static void test_stdin_not_read(void **state)
{
	struct fixture *fixture = *state;
	size_t size = 1000000;
	_cleanup_free_ char *input = xcalloc(1, size);

	run(fixture, &(struct process_options){
			     .argv = SHELL("exit 0"), .stdin_data = input, .stdin_size = size });
	assert_int_equal(fixture->result.end, PROCESS_EXITED);
}

static void test_output_is_cut(void **state)
{
	struct fixture *fixture = *state;

	run(fixture, &(struct process_options){ .argv = SHELL("head -c 300000 /dev/zero; exit 1"),
						.max_output = 1000 });
	assert_int_equal(fixture->result.code, 1);
	assert_int_equal(fixture->result.output_size, 1000);
	assert_true(fixture->result.truncated);
}

static void test_timeout(void **state)
{
	struct fixture *fixture = *state;
	char text[64];

	run(fixture, &(struct process_options){ .argv = SHELL("echo begun; exec sleep 100"),
						.timeout = 300 * USEC_PER_MSEC });
	assert_int_equal(fixture->result.end, PROCESS_TIMED_OUT);
	assert_string_equal(fixture->output, "begun\n");
	assert_string_equal(process_describe(&fixture->result, text, sizeof(text)), "timed out");
}

/* Of a process that is not our child. */
static void wait_for_end(pid_t pid)
{
	struct pollfd end = { .events = POLLIN };

	end.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (end.fd < 0) {
		assert_int_equal(errno, ESRCH);
		return;
	}
	assert_int_equal(poll(&end, 1, 20000), 1);
	close(end.fd);
}

/* It ignores SIGTERM, and so does its child: both must be gone. */
static void test_timeout_kills_the_group(void **state)
{
	struct fixture *fixture = *state;
	int child = 0;

	run(fixture, &(struct process_options){ .argv = SHELL("trap '' TERM; sleep 100 & echo $!; "
							      "while :; do wait; sleep 1; done"),
						.timeout = 300 * USEC_PER_MSEC });
	assert_int_equal(fixture->result.end, PROCESS_TIMED_OUT);
	assert_int_equal(sscanf(fixture->output, "%d", &child), 1);
	wait_for_end(child);
}

static void test_lines(void **state)
{
	struct fixture *fixture = *state;

	run(fixture, &(struct process_options){
			     .argv = SHELL("printf 'one\\n\\nthree\\r\\nlong-line\\nrest'"),
			     .on_line = on_line,
			     .max_output = 6 });
	assert_int_equal(strv_length(fixture->lines), 5);
	assert_string_equal(fixture->lines[0], "one");
	assert_string_equal(fixture->lines[1], "");
	assert_string_equal(fixture->lines[2], "three");
	assert_string_equal(fixture->lines[3], "long-l");
	assert_string_equal(fixture->lines[4], "rest");
	assert_int_equal(fixture->result.output_size, 0);
}

static void test_stop_from_line(void **state)
{
	struct fixture *fixture = *state;

	fixture->stop_on_line = "ready";
	run(fixture, &(struct process_options){ .argv = SHELL("echo ready; exec sleep 100"),
						.on_line = on_line });
	assert_int_equal(fixture->result.end, PROCESS_SIGNALLED);
	assert_int_equal(fixture->result.code, SIGTERM);
}

static void test_free_from_line(void **state)
{
	struct fixture *fixture = *state;

	fixture->free_after_lines = 2;
	run(fixture,
	    &(struct process_options){ .argv = SHELL("printf 'a\\nb\\nc\\n'; exec sleep 100"),
				       .on_line = on_line });
	assert_int_equal(fixture->exits, 0);
	assert_int_equal(strv_length(fixture->lines), 2);
	assert_null(fixture->process);
}

static void test_free_kills(void **state)
{
	struct fixture *fixture = *state;
	struct process_options options = { .argv = SHELL("exec sleep 100") };

	assert_int_equal(
		process_start(&fixture->process, fixture->loop, &options, on_exit_result, fixture),
		0);
	fixture->process = process_free(fixture->process);
	/* No child is left, not even a zombie. */
	assert_int_equal(waitid(P_ALL, 0, NULL, WEXITED | WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(fixture->exits, 0);
}

/* A daemon that keeps our pipe open does not delay the end. */
static void test_background_child_does_not_delay(void **state)
{
	struct fixture *fixture = *state;

	run(fixture, &(struct process_options){ .argv = SHELL("sleep 30 & echo started $!") });
	assert_int_equal(fixture->result.end, PROCESS_EXITED);
	assert_memory_equal(fixture->output, "started ", 8);
	kill(atoi(fixture->output + 8), SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_output_and_status, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_start_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_path_must_be_absolute, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clean_environment, setup, teardown),
		cmocka_unit_test_setup_teardown(test_descriptors_are_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stdin_is_empty_by_default, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_stdin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stdin_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_output_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timeout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timeout_kills_the_group, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_from_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_from_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_kills, setup, teardown),
		cmocka_unit_test_setup_teardown(test_background_child_does_not_delay, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
