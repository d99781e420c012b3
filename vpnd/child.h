/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Child processes that end with vpnd, however vpnd ends (vpnd-child.c). */
#pragma once

#include "common/process.h"

#define CHILD_MAX_ARGUMENTS 24

/*
 * process_start() with vpnd-child of the directory libexec in front of options->argv. A program
 * that cannot be executed ends with status 126 or 127 and says why. -E2BIG: too many arguments.
 */
int child_start(struct process **ret_process, struct loop *loop, const char *libexec,
		const struct process_options *options, process_exit_fn *on_exit, void *owner);
