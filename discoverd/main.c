/* SPDX-License-Identifier: GPL-3.0-or-later */
/* discoverd - finds the cameras of the site and keeps the table of them true. */
#include "common/daemon.h"
#include "common/log.h"
#include "discoverd/discovery.h"
#include "discoverd/discovery_bus.h"

static int run(struct daemon *daemon)
{
	_cleanup_(discovery_bus_freep) struct discovery_bus *discovery_bus = NULL;
	struct discovery *discovery;
	int r;

	r = discovery_new(&discovery, daemon->loop, daemon->settings);
	if (r < 0)
		return r;
	r = discovery_bus_new(&discovery_bus, daemon->bus, discovery);
	if (r < 0)
		log_error_errno(r, "cannot export the discovery on the bus: %m");
	if (r >= 0) {
		discovery_start(discovery);
		r = daemon_run(daemon);
	}
	discovery_free(discovery); /* withdraws the devices first, the root object goes last */
	return r;
}

int main(int argc, char *argv[])
{
	static const struct daemon_description description = {
		.name = "discoverd",
		.summary = "Finds the cameras of the site and shows them on the message bus.",
		.bus_name = DISCOVERY_BUS_NAME,
		.options = discovery_options,
		.settings_size = sizeof(struct discovery_settings),
		.check = discovery_check,
		.run = run,
	};

	return daemon_main(argc, argv, &description);
}
