/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gatewayd - keeps this gateway in step with its API and tells the other daemons what to do. */
#include <string.h>

#include "common/log.h"
#include "gatewayd/gateway.h"
#include "gatewayd/key_maker.h"

static int run(struct daemon *daemon)
{
	_cleanup_(gateway_freep) struct gateway *gateway = NULL;
	int r;

	r = gateway_new(&gateway, daemon);
	if (r < 0)
		return r; /* already logged */
	r = gateway_bus_export(gateway);
	if (r < 0)
		return log_error_errno(r, "cannot export gateway: %m");
	gateway_start(gateway);
	return daemon_run(daemon);
}

int main(int argc, char *argv[])
{
	static const struct daemon_description description = {
		.name = "gatewayd",
		.summary = "Keeps this gateway in step with its API and tells the other daemons "
			   "what to do",
		.bus_name = GATEWAY_BUS_NAME,
		.options = gateway_options,
		.settings_size = sizeof(struct gateway_settings),
		.check = gateway_settings_check,
		.check_start = gateway_files_check,
		.run = run,
	};

	if (argc == 3 && strcmp(argv[1], KEY_MAKER_VERB) == 0)
		return key_maker_main(argv[2]);
	return daemon_main(argc, argv, &description);
}
