/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vpn-service - provisions gateways on the VPN host; "vpn-service setup" prepares that host. */
#include "common/daemon.h"
#include "common/log.h"
#include "vpn-service/credentials.h"
#include "vpn-service/service.h"
#include "vpn-service/service_bus.h"
#include "vpn-service/setup.h"

static int run(struct daemon *daemon)
{
	_cleanup_(service_freep) struct service *service = NULL;
	_cleanup_(service_bus_freep) struct service_bus *binding = NULL;
	int r;

	r = service_new(&service, daemon->loop, daemon->bus, daemon->settings);
	if (r < 0)
		return r;
	r = service_bus_new(&binding, daemon->bus, service);
	if (r < 0)
		return log_error_errno(r, "cannot export " SERVICE_BUS_PATH ": %m");
	return daemon_run(daemon);
}

static int command(struct daemon *daemon, int argc, char *argv[])
{
	return setup_command(daemon->loop, daemon->settings, argc, argv);
}

int main(int argc, char *argv[])
{
	static const struct daemon_description description = {
		.name = "vpn-service",
		.summary =
			"Provisions gateways on the VPN host. Command: setup (see setup --help).",
		.bus_name = SERVICE_BUS_NAME,
		.options = settings_options,
		.settings_size = sizeof(struct service_settings),
		.check = settings_check,
		.check_start = credentials_check,
		.run = run,
		.command = command,
	};

	return daemon_main(argc, argv, &description);
}
