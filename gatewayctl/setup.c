/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs that change what this gateway is, or make it look at what it should be. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gatewayctl/command.h"
#include "gatewayctl/query.h"

static bool confirm(void)
{
	char line[16];

	if (!isatty(STDIN_FILENO)) {
		tell("reset makes this gateway forget everything; say --yes to do it");
		return false;
	}
	fputs("This gateway leaves the VPN and forgets its approval, its configuration and all\n"
	      "forwards. Its owner must approve it again, by a new claim code.\n"
	      "Type 'yes' to go on: ",
	      stderr);
	return fgets(line, sizeof(line), stdin) && strcmp(line, "yes\n") == 0;
}

static int call_gateway(struct command *command, const char *method, const char *wanted,
			const char *done)
{
	int code = query_call(command->bus, SERVICE_GATEWAY, method, NULL, wanted, NULL);

	if (code == EXIT_DONE)
		puts(command->json ? "{\"ok\":true}" : done);
	return code;
}

int reset_command(struct command *command)
{
	if (!command->confirmed && !confirm())
		return EXIT_USAGE;
	return call_gateway(command, "Reset", "reset",
			    "This gateway announces itself anew; 'gatewayctl status' shows its "
			    "claim code.");
}

int sync_command(struct command *command)
{
	return call_gateway(command, "Sync", "sync",
			    "The gateway asks its API now; 'gatewayctl status' shows what came of "
			    "it.");
}
