/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs one external program to its end: absolute path, argument vector, no shell, clean environment
 * (PATH and LANG=C only, plus what the options add), every descriptor closed but 0, 1, 2. Secrets
 * go through stdin or a 0600 file, never through argv. Standard output and error are read together.
 *
 * A program that overruns its timeout gets SIGTERM, then SIGKILL two seconds later; signals go to
 * its whole process group. Exit is seen through a pidfd, so that no signal can reach a recycled
 * pid. A program that exits by itself may leave a background process behind; that is let live. The
 * caller ignores SIGPIPE and leaves SIGCHLD alone (daemon.h does).
 */
#pragma once

#include <stdbool.h>

#include "common/loop.h"

struct process;

enum process_end {
	PROCESS_EXITED,    /* code is the exit status */
	PROCESS_SIGNALLED, /* code is the signal */
	PROCESS_TIMED_OUT,
	PROCESS_START_FAILED, /* code is a positive errno: not installed, not executable */
};

struct process_result {
	enum process_end end;
	int code;
	const char *
		output; /* NUL-terminated; cut at max_output; borrowed until the process is freed */
	size_t output_size;
	bool truncated;
};

/* The last callback; may free the process. */
typedef void process_exit_fn(struct process *process, const struct process_result *result,
			     void *owner);
/* One line of output (without its newline) as it comes, for programs that run for long. May free
 * the process. Longer lines are cut at max_output. */
typedef void process_line_fn(struct process *process, const char *line, void *owner);

struct process_options {
	const char *const *argv;        /* argv[0] is the absolute path */
	const char *const *environment; /* extra "NAME=value", or NULL */
	const char *stdin_data;         /* written, then closed; NULL: empty */
	size_t stdin_size;
	const int *stdin_fd; /* becomes its standard input instead; borrowed */
	usec_t timeout;      /* 0: no limit (a program that runs for as long as we do) */
	size_t max_output;   /* bytes kept of the output; 0: 64 KiB. With on_line: longest line */
	process_line_fn *on_line; /* when set, output is given line by line and not kept */
};

/* Options are copied. on_exit is called from the loop, never from inside process_start(). */
int process_start(struct process **ret_process, struct loop *loop,
		  const struct process_options *options, process_exit_fn *on_exit, void *owner);

/* SIGTERM now, SIGKILL after two seconds; on_exit follows. */
void process_stop(struct process *process);

/* Kills and reaps a live child without waiting for long; on_exit is not called. */
struct process *process_free(struct process *process);
DEFINE_CLEANUP(struct process *, process_free);

/* "exited with status 3", "killed by signal 9", "timed out", "cannot be started: No such file…" */
const char *process_describe(const struct process_result *result, char *buffer, size_t size);
