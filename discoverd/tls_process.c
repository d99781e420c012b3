/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "discoverd/tls_process.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/memory.h"

#define LONGEST (60 * USEC_PER_SEC) /* the owner of the connection ends it long before */

/* It is beside us, installed or not. */
static int find_program(char path[static PATH_MAX])
{
	static const char name[] = "/discoverd-tls";
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof(name));
	char *slash;

	if (length < 0)
		return -errno;
	path[length] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return -ENOENT;
	memcpy(slash, name, sizeof(name));
	return 0;
}

static int send_descriptor(int to, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 0;
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(to, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Whoever reads sees the end of the stream. */
static void on_ended(struct process *process, const struct process_result *result, void *owner)
{
}

int tls_process_start(struct process **ret_process, struct loop *loop, int fd, int *ret_fd)
{
	_cleanup_close_ int connection = fd, ours = -1, theirs = -1;
	char path[PATH_MAX];
	const char *const argv[] = { path, NULL };
	const struct process_options options = {
		.argv = argv, .stdin_fd = &theirs, .timeout = LONGEST, .max_output = 256
	};
	int ends[2], r;

	r = find_program(path);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return -errno;
	ours = ends[0];
	theirs = ends[1];
	r = send_descriptor(ours, connection);
	if (r == 0)
		r = process_start(ret_process, loop, &options, on_ended, NULL);
	if (r < 0)
		return r;
	*ret_fd = steal_fd(&ours);
	return 0;
}
