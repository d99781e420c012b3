/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every verb is given, and what it may end with. */
#pragma once

#include "common/bus.h"
#include "gatewayctl/screen.h"

/* Documented in gatewayctl(1); never renumbered. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,     /* also: not confirmed */
	EXIT_ATTENTION = 3, /* not approved, VPN not up, a problem; of status also 4 */
	EXIT_NOT_RUNNING = 4,
	EXIT_DENIED = 5,
};

struct command {
	struct loop *loop;
	struct bus *bus;
	struct screen screen;
	bool json;
	bool confirmed;       /* --yes */
	const char *why;      /* of devices: the one to explain; NULL: none */
	const char *argument; /* of a verb that takes one */
};

/* One file per group of verbs. They return an exit code. */
int status_command(struct command *command);   /* status.c */
int devices_command(struct command *command);  /* devices.c */
int scan_command(struct command *command);     /* scan.c */
int add_command(struct command *command);      /* addresses.c */
int forget_command(struct command *command);   /* addresses.c */
int forwards_command(struct command *command); /* forwards.c */
int vpn_command(struct command *command);      /* vpn.c */
int sync_command(struct command *command);     /* setup.c */
int reset_command(struct command *command);    /* setup.c */
int monitor_command(struct command *command);  /* monitor.c */
int gateways_command(struct command *command); /* gateways.c */
