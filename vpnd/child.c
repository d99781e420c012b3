/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Puts vpnd-child and our pid in front of a command line. */
#include "vpnd/child.h"

#include <errno.h>
#include <unistd.h>

#include "common/memory.h"

int child_start(struct process **ret_process, struct loop *loop, const char *libexec,
		const struct process_options *options, process_exit_fn *on_exit, void *owner)
{
	_cleanup_free_ char *helper = xasprintf("%s/vpnd-child", libexec);
	_cleanup_free_ char *parent = xasprintf("%d", getpid());
	const char *argv[CHILD_MAX_ARGUMENTS + 3] = { helper, parent };
	struct process_options with_helper = *options;

	for (size_t i = 0; options->argv[i]; i++) {
		if (i == CHILD_MAX_ARGUMENTS)
			return -E2BIG;
		argv[i + 2] = options->argv[i];
	}
	with_helper.argv = argv;
	return process_start(ret_process, loop, &with_helper, on_exit, owner);
}
