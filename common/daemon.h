/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * main()'s body, the same for every daemon: command line, log, configuration, loop, signals, bus,
 * readiness, watchdog. A daemon describes itself and supplies run(), which builds its objects,
 * exports them and calls daemon_run().
 *
 * Command line of every daemon: --config FILE, --check-config, --debug, --version, --help.
 * --check-config by root, without --config, is done as the user evercam-NAME, where there is one.
 * Exit codes: 0 stopped as asked, 1 failure, 2 wrong usage or configuration.
 *
 * Before anything else the process is protected: umask 077, no core dumps, SIGPIPE ignored,
 * descriptors 0 to 2 open. Losing the bus ends the daemon with a failure.
 */
#pragma once

#include "common/config.h"
#include "common/loop.h"

struct bus;
struct daemon_description;

struct daemon {
	const struct daemon_description *description;
	struct loop *loop;
	struct bus *bus; /* NULL when bus_name is NULL */
	void *settings;  /* the daemon's own struct, filled from its configuration */
};

struct daemon_description {
	const char *name;     /* "gatewayd": log identifier, configuration file name */
	const char *summary;  /* one line for --help */
	const char *bus_name; /* owned by daemon_run(); NULL: no bus */
	const struct config_option *options; /* ends with CONFIG_END */
	size_t settings_size;
	/* Checks of values and between options, before anything is done. May be NULL. */
	config_check_fn *check;
	/* What only the daemon itself needs, not its commands: files that it reads, values that a
	 * command writes. May be NULL. */
	config_check_fn *check_start;
	/* By --check-config alone: what does not keep the daemon from starting, since it may come
	 * later, but from doing all of its work. May be NULL. */
	config_check_fn *check_work;
	/* Builds, exports, daemon_run(), frees. Returns 0 or -errno, already logged. */
	int (*run)(struct daemon *daemon);
	/* Sub-commands ("setup", "user add …") of a program that is more than a daemon: argv[0] is
	 * the verb; there is a loop but no bus, and the log goes where a daemon's does. Returns 0,
	 * -EINVAL for wrong usage, or another -errno; already said. May be NULL. */
	int (*command)(struct daemon *daemon, int argc, char *argv[]);
};

/* Part of daemon_main(); for a child that works with secrets. */
void daemon_protect_process(void);

int daemon_main(int argc, char *argv[], const struct daemon_description *description);

/*
 * Owns the bus name (objects must be exported by then: activated callers look at once), tells
 * systemd READY=1, runs the loop until SIGTERM or SIGINT or daemon_stop(), tells STOPPING=1.
 */
int daemon_run(struct daemon *daemon);
/* result: 0, or -errno that run() returns. The first call counts; also before daemon_run(). */
void daemon_stop(struct daemon *daemon, int result);
