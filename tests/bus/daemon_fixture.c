/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The smallest daemon there can be, for what all of them get from common/daemon.h. */
#include "common/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "common/log.h"

struct settings {
	char *mode;
	uint64_t low, high;
};

static const struct config_option options[] = {
	{ .key = "mode",
	  .type = CONFIG_STRING,
	  .offset = offsetof(struct settings, mode),
	  .fallback = "run",
	  .description = "What to do: run, fail, or stop at once." },
	{ .key = "low", .type = CONFIG_NUMBER, .offset = offsetof(struct settings, low) },
	{ .key = "high",
	  .type = CONFIG_NUMBER,
	  .offset = offsetof(struct settings, high),
	  .fallback = "10" },
	CONFIG_END,
};

static int check(const void *settings, struct config_refusal *refusal)
{
	const struct settings *checked = settings;

	if (checked->low <= checked->high)
		return 0;
	return config_refuse(refusal, "low", "must not be larger than high");
}

static int check_start(const void *settings, struct config_refusal *refusal)
{
	const struct settings *checked = settings;

	if (strcmp(checked->mode, "unprepared") == 0)
		return config_refuse(refusal, "mode", "run \"fixtured show\" first");
	return 0;
}

static int run(struct daemon *daemon)
{
	const struct settings *settings = daemon->settings;
	mode_t mask = umask(0);

	umask(mask);
	log_info("umask %03o dumpable %d", mask, prctl(PR_GET_DUMPABLE));
	log_debug("a detail");
	if (strcmp(settings->mode, "fail") == 0)
		return log_error_errno(-ENODEV, "no luck: %m");
	if (strcmp(settings->mode, "stop") == 0)
		daemon_stop(daemon, 0);
	if (strcmp(settings->mode, "stop-badly") == 0)
		daemon_stop(daemon, -EIO);
	return daemon_run(daemon);
}

static int command(struct daemon *daemon, int argc, char *argv[])
{
	const struct settings *settings = daemon->settings;

	if (strcmp(argv[0], "show") != 0) {
		log_error("no such command");
		return -EINVAL;
	}
	printf("%s %d %s\n", settings->mode, argc, argc > 1 ? argv[1] : "");
	return argc > 1 && strcmp(argv[1], "--fail") == 0 ? -EIO : 0;
}

int main(int argc, char *argv[])
{
	static const struct daemon_description description = {
		.name = "fixtured",
		.summary = "Shows what every daemon can do.",
		.bus_name = "io.evercam.Test1",
		.options = options,
		.settings_size = sizeof(struct settings),
		.check = check,
		.check_start = check_start,
		.run = run,
		.command = command,
	};

	return daemon_main(argc, argv, &description);
}
