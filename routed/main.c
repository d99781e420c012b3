/* SPDX-License-Identifier: GPL-3.0-or-later */
/* routed - keeps port forwards in one nftables table, on the gateway and on the VPN host. */
#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/daemon.h"
#include "common/log.h"
#include "routed/remove_table.h"
#include "routed/routing.h"
#include "routed/routing_bus.h"

static const struct config_option options[] = {
	{
		.key = "closed_interfaces",
		.type = CONFIG_STRINGS,
		.offset = offsetof(struct routing_settings, closed_interfaces),
		.fallback = "vpn_*",
		.description = "Interfaces from which only forwards, ping and open_services are "
			       "reachable; a "
			       "trailing * stands for any rest of the name.",
	},
	{
		.key = "open_services",
		.type = CONFIG_STRINGS,
		.offset = offsetof(struct routing_settings, open_services),
		.description =
			"Ports of this host that closed interfaces may reach, such as tcp/22.",
	},
	CONFIG_END,
};

static int run(struct daemon *daemon)
{
	_cleanup_(routing_freep) struct routing *routing = NULL;
	_cleanup_(routing_bus_freep) struct routing_bus *binding = NULL;
	int r;

	r = routing_new(&routing, daemon->loop, daemon->settings);
	if (r < 0)
		return r;
	r = routing_bus_new(&binding, daemon->bus, routing);
	if (r < 0)
		return log_error_errno(r, "cannot export " ROUTING_BUS_PATH ": %m");
	return daemon_run(daemon);
}

static int command(struct daemon *daemon, int argc, char *argv[])
{
	if (argc == 1 && strcmp(argv[0], "remove-table") == 0)
		return remove_table_command();
	log_error("unknown command; there is only remove-table");
	return -EINVAL;
}

/*
 * A call with ten thousand forwards needs megabytes for a moment. Large blocks are to be mapped, so
 * that they go back at once; by itself glibc stops doing so after the first one that it has freed.
 */
static void keep_small(void)
{
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, 64 * 1024);
	mallopt(M_TRIM_THRESHOLD, 64 * 1024);
#endif
}

int main(int argc, char *argv[])
{
	static const struct daemon_description description = {
		.name = "routed",
		.summary = "Keeps port forwards in the nftables table inet evercam. Command: "
			   "remove-table.",
		.bus_name = ROUTING_BUS_NAME,
		.options = options,
		.settings_size = sizeof(struct routing_settings),
		.check = routing_settings_check,
		.run = run,
		.command = command,
	};

	keep_small();
	return daemon_main(argc, argv, &description);
}
