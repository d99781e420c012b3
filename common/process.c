/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The end of a program is its exit, seen through a pidfd, not the end of its output: a program that
 * leaves a daemon behind may leave it holding the pipe. What is in the pipe at that moment is still
 * read.
 *
 * The child leads a process group of its own. The group is signalled only while its leader has not
 * been reaped, because until then nobody else can get that number. Descriptors of this process all
 * have close-on-exec; closefrom, where the C library offers it, covers those of libraries that
 * forgot it.
 */
#include "common/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/memory.h"

#define GRACE            (2 * USEC_PER_SEC) /* between SIGTERM and SIGKILL */
#define DEFAULT_OUTPUT   (64 * 1024)
#define READ_SIZE        8192
#define MAX_LAST_OUTPUT  (1024 * 1024) /* after the exit, should others still write */
#define REAP_PATIENCE_MS 1000

enum process_state {
	PROCESS_NOT_STARTED, /* on_exit is scheduled */
	PROCESS_RUNNING,
	PROCESS_TERMINATING, /* SIGTERM sent */
	PROCESS_KILLING,     /* SIGKILL sent */
	PROCESS_ENDED,
};

struct process {
	struct loop *loop;
	process_exit_fn *on_exit;
	process_line_fn *on_line;
	void *owner;
	enum process_state state;
	bool timed_out;
	int start_error;
	pid_t pid;
	int pidfd;
	int stdin_fd;
	int output_fd;
	struct loop_io exit_io;
	struct loop_io stdin_io;
	struct loop_io output_io;
	struct loop_timer timer; /* the timeout, then the grace */
	struct loop_defer start_failed;
	char *stdin_data;
	size_t stdin_size;
	size_t stdin_written;
	char *output; /* all of it, or the current line */
	size_t output_size;
	size_t output_capacity;
	size_t max_output;
	bool truncated;
	bool *freed; /* set while on_line runs, which may free the process */
};

static void kill_group(const struct process *process, int number)
{
	kill(-process->pid, number);
}

static void close_output(struct process *process)
{
	loop_io_deinit(&process->output_io);
	closep(&process->output_fd);
	process->output_fd = -1;
}

static void close_stdin(struct process *process)
{
	loop_io_deinit(&process->stdin_io);
	closep(&process->stdin_fd);
	process->stdin_fd = -1;
	secret_free_sized(process->stdin_data, process->stdin_size);
	process->stdin_data = NULL;
}

/* Keeps what fits. */
static void keep_output(struct process *process, const char *text, size_t size)
{
	size_t room = process->max_output - process->output_size;

	if (size > room) {
		process->truncated = true;
		size = room;
	}
	while (process->output_size + size + 1 > process->output_capacity) {
		process->output_capacity = process->output_capacity ? 2 * process->output_capacity
								    : READ_SIZE;
		process->output = xrealloc_array(process->output, process->output_capacity, 1);
	}
	memcpy(process->output + process->output_size, text, size);
	process->output_size += size;
	process->output[process->output_size] = '\0';
}

/* False when the process was freed by the callback. */
static bool deliver_line(struct process *process)
{
	bool freed = false;

	for (size_t i = 0; i < process->output_size; i++)
		if (!process->output[i])
			process->output[i] = '?';
	if (process->output_size && process->output[process->output_size - 1] == '\r')
		process->output[process->output_size - 1] = '\0';
	process->freed = &freed;
	process->on_line(process, process->output, process->owner);
	if (freed)
		return false;
	process->freed = NULL;
	process->output_size = 0;
	return true;
}

static bool take_lines(struct process *process, const char *text, size_t size)
{
	const char *newline;
	size_t length;

	while (size) {
		newline = memchr(text, '\n', size);
		length = newline ? (size_t)(newline - text) : size;
		keep_output(process, text, length);
		if (!newline)
			return true;
		if (!deliver_line(process))
			return false;
		text += length + 1;
		size -= length + 1;
	}
	return true;
}

/* One read. Returns what read(2) returned, or -ECANCELED when the process was freed meanwhile. */
static ssize_t read_output(struct process *process)
{
	char buffer[READ_SIZE];
	ssize_t count;

	do
		count = read(process->output_fd, buffer, sizeof(buffer));
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return -errno;
	if (!process->on_line)
		keep_output(process, buffer, (size_t)count);
	else if (!take_lines(process, buffer, (size_t)count))
		return -ECANCELED;
	return count;
}

static void on_output(struct loop_io *io, unsigned ready)
{
	struct process *process = container_of(io, struct process, output_io);
	ssize_t count = read_output(process);

	if (count == 0 || (count < 0 && count != -EAGAIN && count != -ECANCELED))
		close_output(process);
}

static void on_stdin_writable(struct loop_io *io, unsigned ready)
{
	struct process *process = container_of(io, struct process, stdin_io);
	ssize_t count;

	count = write(process->stdin_fd, process->stdin_data + process->stdin_written,
		      process->stdin_size - process->stdin_written);
	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (count > 0)
		process->stdin_written += (size_t)count;
	if (count < 0 || process->stdin_written == process->stdin_size)
		close_stdin(process); /* written, or the program does not read it */
}

/* Reaps the child, which has exited. */
static void collect(struct process *process, struct process_result *ret_result)
{
	siginfo_t status = { 0 };
	int r;

	do
		r = waitid(P_PID, (id_t)process->pid, &status, WEXITED);
	while (r < 0 && errno == EINTR);
	if (r < 0) {
		ret_result->end = PROCESS_START_FAILED; /* somebody else reaps our children */
		ret_result->code = errno;
		return;
	}
	ret_result->end = status.si_code == CLD_EXITED ? PROCESS_EXITED : PROCESS_SIGNALLED;
	ret_result->code = status.si_status;
	if (process->timed_out)
		ret_result->end = PROCESS_TIMED_OUT;
}

/* Reads what the program wrote before it ended. False when the process was freed meanwhile. */
static bool read_last_output(struct process *process)
{
	size_t total = 0;
	ssize_t count = 1;

	while (process->output_fd >= 0 && count > 0 && total < MAX_LAST_OUTPUT) {
		count = read_output(process);
		if (count == -ECANCELED)
			return false;
		if (count > 0)
			total += (size_t)count;
	}
	if (process->on_line && process->output_size && !deliver_line(process))
		return false;
	return true;
}

static void on_exited(struct loop_io *io, unsigned ready)
{
	struct process *process = container_of(io, struct process, exit_io);
	struct process_result result = { 0 };

	/* What a program that we ended has started must end with it. */
	if (process->state != PROCESS_RUNNING)
		kill_group(process, SIGKILL);
	loop_io_deinit(&process->exit_io);
	collect(process, &result);
	process->state = PROCESS_ENDED;
	loop_timer_cancel(&process->timer);
	close_stdin(process);
	if (!read_last_output(process))
		return;
	close_output(process);
	result.output = process->on_line || !process->output ? "" : process->output;
	result.output_size = process->on_line ? 0 : process->output_size;
	result.truncated = process->truncated;
	process->on_exit(process, &result, process->owner);
}

static void on_start_failed(struct loop_defer *defer)
{
	struct process *process = container_of(defer, struct process, start_failed);
	const struct process_result result = {
		.end = PROCESS_START_FAILED,
		.code = process->start_error,
		.output = "",
	};

	process->state = PROCESS_ENDED;
	process->on_exit(process, &result, process->owner);
}

static void on_elapsed(struct loop_timer *timer)
{
	struct process *process = container_of(timer, struct process, timer);

	if (process->state == PROCESS_RUNNING) {
		process->timed_out = true;
		process_stop(process);
	} else if (process->state == PROCESS_TERMINATING) {
		process->state = PROCESS_KILLING;
		kill_group(process, SIGKILL);
	}
}

void process_stop(struct process *process)
{
	if (process->state != PROCESS_RUNNING)
		return;
	process->state = PROCESS_TERMINATING;
	kill_group(process, SIGTERM);
	loop_timer_arm(&process->timer, GRACE);
}

static char **build_environment(const char *const *extra)
{
	char **environment = NULL;

	environment = strv_append(environment, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
					       "/usr/bin:/sbin:/bin");
	environment = strv_append(environment, "LANG=C");
	for (; extra && *extra; extra++)
		environment = strv_append(environment, *extra);
	return environment;
}

/* Returns 0 or a positive errno, as posix_spawn() does. */
static int spawn(pid_t *ret_pid, const struct process_options *options, int input, int output)
{
	_cleanup_(strv_freep) char **environment = build_environment(options->environment);
	_cleanup_(strv_freep) char **argv = strv_copy(options->argv);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, ignored_here;
	int r;

	sigemptyset(&none);
	sigemptyset(&ignored_here);
	sigaddset(&ignored_here, SIGPIPE);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &ignored_here);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						      POSIX_SPAWN_SETPGROUP);
	if (input >= 0)
		r = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	else
		r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY,
						     0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
#ifdef HAVE_SPAWN_CLOSEFROM
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
#endif
	if (r == 0)
		r = posix_spawn(ret_pid, argv[0], &actions, &attributes, argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

/* ours is not blocking, the program's end is. */
static int open_pipe(int *ret_read, int *ret_write, bool we_read)
{
	int ends[2], ours;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	ours = we_read ? ends[0] : ends[1];
	fcntl(ours, F_SETFL, O_NONBLOCK);
	*ret_read = ends[0];
	*ret_write = ends[1];
	return 0;
}

static void watch(struct process *process, const struct process_options *options)
{
	loop_io_init(&process->exit_io, process->loop, process->pidfd, on_exited);
	loop_io_watch(&process->exit_io, LOOP_READ);
	loop_io_init(&process->output_io, process->loop, process->output_fd, on_output);
	loop_io_watch(&process->output_io, LOOP_READ);
	if (process->stdin_fd >= 0) {
		process->stdin_data = xmemdup(options->stdin_data, options->stdin_size);
		process->stdin_size = options->stdin_size;
		loop_io_init(&process->stdin_io, process->loop, process->stdin_fd,
			     on_stdin_writable);
		loop_io_watch(&process->stdin_io, LOOP_WRITE);
	}
	if (options->timeout)
		loop_timer_arm(&process->timer, options->timeout);
}

/* Starts the program; a program that cannot be started is an end, not an error. */
static int launch(struct process *process, const struct process_options *options)
{
	_cleanup_close_ int input = -1, output = -1;
	int r;

	r = open_pipe(&process->output_fd, &output, true);
	if (r < 0)
		return r;
	if (options->stdin_data && options->stdin_size) {
		r = open_pipe(&input, &process->stdin_fd, false);
		if (r < 0)
			return r;
	}
	process->start_error = spawn(&process->pid, options,
				     options->stdin_fd ? *options->stdin_fd : input, output);
	if (process->start_error) {
		loop_defer_schedule(&process->start_failed);
		return 0;
	}
	process->state = PROCESS_RUNNING;
	process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	if (process->pidfd < 0)
		return -errno;
	watch(process, options);
	return 0;
}

int process_start(struct process **ret_process, struct loop *loop,
		  const struct process_options *options, process_exit_fn *on_exit, void *owner)
{
	_cleanup_(process_freep) struct process *process = NULL;
	int r;

	if (!options->argv || !options->argv[0] || options->argv[0][0] != '/')
		return -EINVAL;
	process = xnew(struct process);
	process->loop = loop;
	process->on_exit = on_exit;
	process->on_line = options->on_line;
	process->owner = owner;
	process->max_output = options->max_output ? options->max_output : DEFAULT_OUTPUT;
	process->pidfd = process->stdin_fd = process->output_fd = -1;
	loop_timer_init(&process->timer, loop, on_elapsed);
	loop_defer_init(&process->start_failed, loop, on_start_failed);
	r = launch(process, options);
	if (r < 0)
		return r;
	*ret_process = steal_ptr(process);
	return 0;
}

/* After SIGKILL this takes microseconds, unless the child hangs inside the kernel. */
static void reap(const struct process *process)
{
	struct pollfd exit = { .fd = process->pidfd, .events = POLLIN };

	if (process->pidfd >= 0)
		poll(&exit, 1, REAP_PATIENCE_MS);
	waitid(P_PID, (id_t)process->pid, NULL, WEXITED | (process->pidfd >= 0 ? WNOHANG : 0));
}

struct process *process_free(struct process *process)
{
	if (!process)
		return NULL;
	if (process->freed)
		*process->freed = true;
	loop_io_deinit(&process->exit_io);
	loop_timer_deinit(&process->timer);
	loop_defer_deinit(&process->start_failed);
	close_stdin(process);
	close_output(process);
	if (process->state != PROCESS_NOT_STARTED && process->state != PROCESS_ENDED) {
		kill_group(process, SIGKILL);
		reap(process);
	}
	closep(&process->pidfd);
	free(process->output);
	free(process);
	return NULL;
}

const char *process_describe(const struct process_result *result, char *buffer, size_t size)
{
	switch (result->end) {
	case PROCESS_EXITED:
		snprintf(buffer, size, "exited with status %d", result->code);
		break;
	case PROCESS_SIGNALLED:
		snprintf(buffer, size, "killed by signal %d", result->code);
		break;
	case PROCESS_TIMED_OUT:
		snprintf(buffer, size, "timed out");
		break;
	case PROCESS_START_FAILED:
		snprintf(buffer, size, "cannot be started: %s", strerror(result->code));
		break;
	}
	return buffer;
}
