/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs that tell discoverd where to look besides what it finds by itself. */
#include <stdio.h>

#include "dbus/discovery1.h"
#include "gatewayctl/command.h"
#include "gatewayctl/query.h"

static int call_discovery(struct command *command, enum discovery1_method method,
			  const char *wanted, const char *done, const char *rest)
{
	int code = query_call(command->bus, SERVICE_DISCOVERY,
			      discovery1_interface.methods[method].name, command->argument, wanted,
			      NULL);

	if (code != EXIT_DONE)
		return code;
	if (command->json)
		puts("{\"ok\":true}");
	else
		printf("%s%s%s\n", done, command->argument, rest);
	return EXIT_DONE;
}

int add_command(struct command *command)
{
	return call_discovery(command, DISCOVERY1_METHOD_ADD_ADDRESS, "add the address",
			      "Looking for a camera at ",
			      "; 'gatewayctl devices' shows it once it answers.");
}

int forget_command(struct command *command)
{
	return call_discovery(command, DISCOVERY1_METHOD_REMOVE_ADDRESS, "forget the address", "",
			      " is not an added address any more.");
}
